//! The island with the real brains, in virtual time.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_map::Map;
use jxz_sim::{Scenario, VirtualIsland, VirtualReport};
use jxz_units::Utc;
use jxz_world::WarningKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds")
}

fn demo() -> Scenario {
    Scenario::from_toml(&std::fs::read_to_string(seeds().join("scenarios/demo.toml")).unwrap()).unwrap()
}

fn run(scenario: &Scenario, seed: u64, seconds: f64) -> VirtualReport {
    let map = Arc::new(Map::load(&seeds().join("island")).unwrap());
    let start = Utc::from_unix_ms(1_786_233_600_000);
    let mut island = VirtualIsland::new(map, scenario, seed, start).unwrap();
    while island.seconds() < seconds {
        island.step().unwrap();
    }
    island.report()
}

#[test]
fn one_seed_gives_one_digest_and_another_seed_another() {
    let digest = |seed| run(&demo(), seed, 8.0).digest;
    let first = digest(7);
    assert_eq!(first.len(), 64);
    assert_eq!(first, digest(7));
    assert_ne!(first, digest(8));
}

#[test]
fn every_kind_of_warning_reaches_drivers_on_both_channels_and_nothing_that_must_arrive_is_lost() {
    let report = run(&demo(), 7, 60.0);
    for kind in WarningKind::ALL {
        let shown = report.warnings.get(&kind).copied().unwrap_or_default();
        assert!(shown.uu >= 1 && shown.pc5 >= 1, "{kind:?}: {shown:?}");
    }
    assert_eq!((report.nodes_online, report.must_arrive.lost), (report.nodes_total, 0));
    // The last records may still be on their way.
    let open = report.must_arrive.sent - report.must_arrive.acknowledged;
    assert!(report.must_arrive.sent > 500 && open < 100, "{:?}", report.must_arrive);
    // Against the truth that made the scans: sensors of 0.35 m and 0.12 m/s.
    assert!(
        report.tracks.gospa_m.unwrap() < 3.0 && report.tracks.position_rmse_m.unwrap() < 0.6,
        "{:?}",
        report.tracks
    );
}

#[test]
fn without_vehicles_nothing_moves_and_no_driver_is_warned() {
    let empty = "[traffic]\nvehicles = 0\nbuses_per_line = 0\ncyclists = 0\npedestrians = 0\n";
    let report = run(&Scenario::from_toml(empty).unwrap(), 3, 10.0);
    assert_eq!((report.road_users, report.warnings.len()), (0, 0));
}
