//! Traffic for hours: no gridlock, nobody who keeps the rules runs into anybody or leaves the road, memory stays.
//!
//! A quarter of an hour by default; a whole day takes some minutes in a release build:
//! `JXZ_SIM_HOURS=24 cargo test --release -p jxz-sim --test day -- --nocapture`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper of a test may panic, and a day is told hour by hour"
)]

mod common;

use common::{island, overlap_m};
use jxz_map::MapIndex;
use jxz_sim::{RoadUserKind, Scenario, Simulation, TruthObject};
use jxz_units::Utc;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Outlines may touch by so much, metres: they are rectangles, and road users are not.
const TOUCH_M: f64 = 0.1;
/// Nobody drives farther than this from every lane's middle: half a wide lane, and half a change of lanes.
const OFF_LANE_M: f64 = 2.6;
/// A mean speed below this, metres per second, over a quarter of an hour is a jam.
const JAM_MPS: f64 = 2.0;
const STEPS_PER_S: u64 = 20;
const QUARTER_S: u64 = 900;

fn hours() -> f64 {
    std::env::var("JXZ_SIM_HOURS").ok().and_then(|hours| hours.parse().ok()).unwrap_or(0.25)
}

/// Resident memory of this process, MiB, where the system tells.
fn resident_mib() -> Option<f64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<f64>().ok()? * 4096.0 / 1_048_576.0)
}

/// Pairs that overlap, from west to east.
fn collisions(truth: &[TruthObject], met: &mut BTreeSet<(u64, u64)>) {
    let mut order: Vec<&TruthObject> = truth.iter().filter(|object| !object.scripted).collect();
    order.sort_by(|a, b| a.position.x.total_cmp(&b.position.x));
    let on_foot = |object: &TruthObject| object.kind == RoadUserKind::Pedestrian;
    for (k, a) in order.iter().enumerate() {
        for b in order[k + 1..].iter().take_while(|b| b.position.x - a.position.x < 13.0) {
            let near = (b.position.y - a.position.y).abs() < 13.0 && !(on_foot(a) && on_foot(b));
            if near && overlap_m(a, b) > TOUCH_M {
                met.insert((a.id.min(b.id), a.id.max(b.id)));
            }
        }
    }
}

fn run(name: &str, scenario: &Scenario) {
    let mut map = island();
    Arc::make_mut(&mut map).sites.clear();
    let index = MapIndex::new(&map);
    let mut simulation = Simulation::new(Arc::clone(&map), scenario, 5, Utc::from_unix_ms(1_786_233_600_000)).unwrap();
    let (mut met, mut off_lane) = (BTreeSet::new(), BTreeSet::new());
    let (mut sum_mps, mut count, mut early_mib) = (0.0, 0, None);
    for second in 1..=(hours() * 3600.0) as u64 {
        for _ in 0..STEPS_PER_S {
            simulation.step();
        }
        collisions(simulation.truth(), &mut met);
        for object in simulation.truth().iter().filter(|o| o.kind != RoadUserKind::Pedestrian && !o.scripted) {
            (sum_mps, count) = (sum_mps + object.velocity.norm(), count + 1);
            if second % 5 == 0 && index.lanes_within(object.position, OFF_LANE_M).is_empty() {
                off_lane.insert(object.id);
            }
        }
        if second % QUARTER_S == 0 {
            let mean_mps = sum_mps / f64::from(count.max(1));
            (sum_mps, count) = (0.0, 0);
            let mib = resident_mib();
            println!(
                "{name}, {:.2} h: {} road users, {mean_mps:.2} m/s, {} met, {} off their lane, {} taken away, {:.0} MiB",
                second as f64 / 3600.0,
                simulation.truth().len(),
                met.len(),
                off_lane.len(),
                simulation.removed_stuck(),
                mib.unwrap_or(0.0),
            );
            assert!(mean_mps > JAM_MPS, "a jam: {mean_mps:.2} m/s");
            if second == 4 * QUARTER_S {
                early_mib = mib;
            }
        }
    }
    assert!(met.is_empty(), "{name}: who keeps the rules runs into somebody: {met:?}");
    assert!(off_lane.is_empty(), "{name}: off every lane: {off_lane:?}");
    assert_eq!(simulation.removed_stuck(), 0, "{name}: stood for five minutes");
    if let (Some(early), Some(late)) = (early_mib, resident_mib()) {
        assert!(late < 1.1 * early + 8.0, "{name}: memory grew from {early:.0} to {late:.0} MiB");
    }
}

#[test]
fn the_island_as_it_usually_is() {
    run("usual", &Scenario::default());
}

#[test]
fn the_island_when_it_is_busy() {
    let mut scenario = Scenario::default();
    (scenario.traffic.vehicles, scenario.traffic.cyclists, scenario.traffic.pedestrians) = (500, 100, 150);
    run("busy", &scenario);
}
