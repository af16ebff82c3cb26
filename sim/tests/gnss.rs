//! What vehicles say of their own place and accuracy, as it comes over the air.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_map::Map;
use jxz_sim::{Scenario, ScenarioError, Simulation};
use jxz_units::Utc;
use jxz_v2x::{Profile, Received};
use std::path::Path;
use std::sync::Arc;

/// Mean stated sigma and root mean square error on an axis, metres, and the mean of error² over stated², of every BSM
/// in the second half of two minutes.
fn said(gnss: &str) -> (f64, f64, f64) {
    let map = Arc::new(Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island")).unwrap());
    let text = format!("[traffic]\nvehicles = 150\n[on_board]\nshare = 1.0\n{gnss}");
    let scenario = Scenario::from_toml(&text).unwrap();
    let mut simulation = Simulation::new(map, &scenario, 4, Utc::from_unix_ms(1_786_233_600_000)).unwrap();
    let (mut sigmas_m, mut squares_m2, mut ratios, mut count) = (0.0, 0.0, 0.0, 0.0);
    for step in 0..2400 {
        let output = simulation.step();
        if step < 1200 {
            continue;
        }
        let now = output.at.unwrap().utc;
        for message in &output.messages {
            let decoded = jxz_v2x::decode(&message.bytes, Profile::default(), now, &simulation.map().frame).unwrap();
            let Received::Bsm(report) = decoded else { panic!("not a BSM") };
            let (error_m2, sigma_m) =
                ((report.position - message.position).norm_squared(), report.position_sigma_m.unwrap());
            (sigmas_m, squares_m2) = (sigmas_m + sigma_m, squares_m2 + 0.5 * error_m2);
            (ratios, count) = (ratios + error_m2 / (sigma_m * sigma_m), count + 1.0);
        }
    }
    (sigmas_m / count, f64::sqrt(squares_m2 / count), ratios / count)
}

#[test]
fn each_receiver_says_the_truth_about_its_error() {
    for (kind, sigma_m) in [("standalone", 1.5), ("differential", 0.6)] {
        let (stated_m, rms_m, ratio) = said(&format!("[on_board.gnss]\nreceivers = {{ {kind} = 1 }}\n"));
        println!("{kind}: stated {stated_m:.3} m, is {rms_m:.3} m, ratio {ratio:.2}");
        assert!((stated_m - sigma_m).abs() < 0.05, "{kind}: {stated_m} m");
        // Few independent errors: 150 vehicles, and a minute that some receivers remember.
        assert!((rms_m / sigma_m - 1.0).abs() < 0.15 && (ratio - 2.0).abs() < 0.6, "{kind}: {rms_m} m, {ratio}");
    }
}

#[test]
fn an_rtk_receiver_states_more_when_it_has_lost_its_fix() {
    let rtk = "[on_board.gnss]\nreceivers = { rtk = 1 }\n";
    let (open_m, open_rms_m, open_ratio) = said(rtk);
    // The whole island under trees.
    let trees = format!("{rtk}[[on_board.gnss.blockage]]\nat = [118.70, 32.03]\nradius_m = 40000\nhidden = 0.9\n");
    let (blocked_m, blocked_rms_m, ratio) = said(&trees);
    println!("rtk: stated {open_m:.3} m, is {open_rms_m:.3}; under trees {blocked_m:.3}, is {blocked_rms_m:.3}");
    assert!(open_m < 0.12 && open_rms_m < 0.15, "{open_m} m stated, {open_rms_m} m");
    assert!(blocked_m > 1.0 && (blocked_rms_m / blocked_m - 1.0).abs() < 0.2, "{blocked_m} m, {blocked_rms_m} m");
    assert!((ratio - 2.0).abs() < 0.6, "{ratio}");
    // Told in steps of 5 cm, a fix is better than it says.
    assert!(open_ratio < 2.0, "{open_ratio}");
}

#[test]
fn a_plan_that_makes_no_sense_is_refused_by_its_key() {
    let refused = |text: &str| Scenario::from_toml(text).map(|_| ()).map_err(|error: ScenarioError| error.to_string());
    let none = refused("[on_board.gnss]\nreceivers = {}\n").unwrap_err();
    assert!(none.contains("on_board.gnss.receivers"), "{none}");
    let unknown = refused("[on_board.gnss]\nreceivers = { galileo = 1 }\n").unwrap_err();
    assert!(unknown.contains("line 2") && unknown.contains("galileo"), "{unknown}");
    let zone = "[[on_board.gnss.blockage]]\nat = [118.7, 32.0]\nradius_m = 50\nhidden = 1.5\n";
    assert!(refused(zone).unwrap_err().contains("on_board.gnss.blockage.hidden"));
}
