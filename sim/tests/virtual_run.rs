//! The island with the real brains, in virtual time.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_map::Map;
use jxz_sim::{Executor, Scenario, Serial, VirtualIsland, VirtualReport};
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
    run_by(Arc::new(Serial), scenario, seed, seconds)
}

fn run_by(executor: Arc<dyn Executor>, scenario: &Scenario, seed: u64, seconds: f64) -> VirtualReport {
    let map = Arc::new(Map::load(&seeds().join("island")).unwrap());
    let start = Utc::from_unix_ms(1_786_233_600_000);
    let mut island = VirtualIsland::new(map, scenario, seed, start).unwrap().executed_by(executor);
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

/// Two at a time.
struct TwoThreads;

impl Executor for TwoThreads {
    fn run(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        std::thread::scope(|scope| {
            scope.spawn(|| (0..count).step_by(2).for_each(work));
            (1..count).step_by(2).for_each(work);
        });
    }
}

/// One after the other, the last first.
struct Backwards;

impl Executor for Backwards {
    fn run(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..count).rev().for_each(work);
    }
}

#[test]
fn the_digest_is_the_same_on_one_thread_on_two_and_in_any_order() {
    let serial = run(&demo(), 7, 8.0).digest;
    assert_eq!(run_by(Arc::new(TwoThreads), &demo(), 7, 8.0).digest, serial);
    assert_eq!(run_by(Arc::new(Backwards), &demo(), 7, 8.0).digest, serial);
}

#[test]
fn every_kind_of_warning_reaches_drivers_on_both_channels_and_nothing_that_must_arrive_is_lost() {
    let report = run(&demo(), 7, 60.0);
    // The demo has neither emergency vehicles nor anybody who is told of lights.
    let others = |kind: &WarningKind| matches!(kind, WarningKind::Signal | WarningKind::EmergencyVehicle);
    for kind in WarningKind::ALL.into_iter().filter(|kind| !others(kind)) {
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
