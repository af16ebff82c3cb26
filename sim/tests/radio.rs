//! The channels as the simulator uses them, message by message, against published figures.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_map::Map;
use jxz_sim::{HighwayTrial, PC5_REFERENCE, Pc5Losses, Scenario, Simulation, VirtualIsland, VirtualReport};
use jxz_units::Utc;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds")
}

fn island() -> Arc<Map> {
    Arc::new(Map::load(&seeds().join("island")).unwrap())
}

fn start() -> Utc {
    Utc::from_unix_ms(1_786_233_600_000)
}

fn scenario(radio: &str) -> Scenario {
    let text = format!(
        "[traffic]\nvehicles = 120\nbuses_per_line = 0\ncyclists = 0\npedestrians = 0\n[on_board]\nshare = 1.0\n{radio}"
    );
    Scenario::from_toml(&text).unwrap()
}

fn run(scenario: &Scenario, seconds: f64) -> VirtualReport {
    let mut island = VirtualIsland::new(island(), scenario, 5, start()).unwrap();
    while island.seconds() < seconds {
        island.step().unwrap();
    }
    island.report()
}

#[test]
fn on_a_highway_delivery_is_within_three_points_of_every_entry_of_the_reference_table() {
    for row in PC5_REFERENCE {
        let distances_m: Vec<f64> = row.delivery_percent.iter().map(|(m, _)| *m).collect();
        let trial = HighwayTrial { per_km: row.per_km, power_dbm: row.power_dbm, distances_m, seed: 7, seconds: 30 };
        let result = trial.run().unwrap();
        for ((metres, published), losses) in row.delivery_percent.iter().zip(&result.losses) {
            let percent = 100.0 * losses.delivered();
            println!("{} a km, {} dBm, {metres} m: {percent:.1} %, published {published}", row.per_km, row.power_dbm);
            assert!((percent - published).abs() < 3.0, "{metres} m of {row:?}: {percent} %, {losses:?}");
        }
        // Each cause by itself has the share that the formula gives it, within four standard errors of as many draws as
        // there are reservations and new shadows: 120 senders, one a second.
        for (played, formula) in result.losses.iter().zip(&result.formula) {
            let shares = |of: &Pc5Losses| [of.half_duplex, of.sensing, of.propagation, of.collision];
            for (played, formula) in shares(played).into_iter().zip(shares(formula)) {
                let standard_error = f64::sqrt(formula * (1.0 - formula) / 3600.0);
                assert!((played - formula).abs() < 1e-3 + 4.0 * standard_error, "{row:?}: {played}, formula {formula}");
            }
        }
        let busy = result.channel_busy_ratio;
        assert!((busy - row.busy_ratio).abs() < 0.03, "{row:?}: {busy}");
    }
}

#[test]
fn a_trial_is_repeated_by_its_seed_and_says_what_it_cannot_play() {
    let trial = HighwayTrial { per_km: 50.0, power_dbm: 23.0, distances_m: vec![350.0], seed: 3, seconds: 2 };
    assert_eq!(trial.run(), trial.run());
    assert_ne!(trial.run().unwrap().losses, HighwayTrial { seed: 4, ..trial.clone() }.run().unwrap().losses);
    let error = HighwayTrial { per_km: 0.0, ..trial }.run().unwrap_err().to_string();
    assert!(error.contains("density") && error.contains("1..=500"), "{error}");
}

#[test]
fn every_connected_vehicle_of_the_island_is_on_a_cell_and_changes_it_as_it_drives() {
    let mut simulation = Simulation::new(island(), &scenario(""), 5, start()).unwrap();
    let mut visited: BTreeSet<String> = BTreeSet::new();
    for _ in 0..1200 {
        simulation.step();
    }
    let connected: Vec<_> = simulation.truth().iter().filter(|object| object.vehicle.is_some()).collect();
    let mut on_a_cell = 0;
    for object in &connected {
        let Some(cell) = simulation.radio().cell_of(object.id) else { continue };
        on_a_cell += 1;
        assert!((cell.position - object.position).norm() < 1500.0 && cell.up && cell.load > 0.0);
        visited.insert(cell.id.clone());
    }
    // One that has come this very step is measured in the next.
    assert!(connected.len() > 80 && on_a_cell + 2 >= connected.len(), "{on_a_cell} of {}", connected.len());
    let hand_overs = simulation.radio().report().cell_hand_overs;
    assert!(visited.len() > 15 && hand_overs > 60, "{} cells, {hand_overs} hand-overs", visited.len());
    let subscribers: u32 = simulation.radio().cells().iter().map(|cell| cell.subscribers).sum();
    assert_eq!(subscribers as usize, on_a_cell + simulation.map().sites.len());
}

#[test]
fn in_an_outage_of_all_cells_records_wait_and_none_is_lost() {
    let outage = "[[radio.outages]]\nfrom_s = 5\nlasts_s = 15\n[[incidents]]\nkind = 'speeder'\nevery_s = 2\n";
    let during = run(&scenario(outage), 18.0);
    let after = run(&scenario(outage), 30.0);
    assert_eq!((during.must_arrive.lost, after.must_arrive.lost), (0, 0));
    let open = |report: &VirtualReport| report.must_arrive.sent - report.must_arrive.acknowledged;
    assert!(open(&during) > 20 && open(&after) < 10, "{:?}, then {:?}", during.must_arrive, after.must_arrive);
    assert!(during.radio.uu.lost.values().sum::<u64>() > 100 && after.nodes_online == after.nodes_total);
}

#[test]
fn buildings_cost_deliveries_and_an_unknown_cell_is_named() {
    let share = |radio: &str| {
        let pc5 = run(&scenario(radio), 5.0).radio.pc5;
        pc5.delivered as f64 / (pc5.delivered + pc5.lost.values().sum::<u64>()) as f64
    };
    let (built, open) = (share(""), share("[radio.pc5]\nbuildings = false\n"));
    assert!(built < open - 0.1, "{built} with buildings, {open} without");
    let unknown = scenario("[[radio.outages]]\ncell = 'gnb-999'\nfrom_s = 1\nlasts_s = 1\n");
    let error = Simulation::new(island(), &unknown, 5, start()).unwrap_err().to_string();
    assert!(error.contains("gnb-999"), "{error}");
}
