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
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Outlines may touch by so much, metres: they are rectangles, and road users are not.
const TOUCH_M: f64 = 0.1;
/// Nobody drives farther than this from every lane's middle: half a wide lane, and half a change of lanes.
const OFF_LANE_M: f64 = 2.6;
/// A mean speed below this, metres per second, over a quarter of an hour is a jam.
const JAM_MPS: f64 = 2.0;
/// Who stands for so long is told of, seconds.
const LONG_S: u64 = 280;
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

/// Pairs that overlap, from west to east, and how they were when that was first seen.
fn collisions(truth: &[TruthObject], second: u64, met: &mut BTreeMap<(u64, u64), String>) {
    let mut order: Vec<&TruthObject> = truth.iter().filter(|object| !object.scripted).collect();
    order.sort_by(|a, b| a.position.x.total_cmp(&b.position.x));
    let on_foot = |object: &TruthObject| object.kind == RoadUserKind::Pedestrian;
    for (k, a) in order.iter().enumerate() {
        for b in order[k + 1..].iter().take_while(|b| b.position.x - a.position.x < 13.0) {
            let near = (b.position.y - a.position.y).abs() < 13.0 && !(on_foot(a) && on_foot(b));
            if near && overlap_m(a, b) > TOUCH_M {
                met.entry((a.id.min(b.id), a.id.max(b.id))).or_insert_with(|| {
                    let text = format!("{second} s: {} and {} overlap {:.2} m", tell(a), tell(b), overlap_m(a, b));
                    println!("{text}");
                    text
                });
            }
        }
    }
}

fn tell(object: &TruthObject) -> String {
    let (at, mps) = (object.position, object.velocity.norm());
    let yaw_deg = object.yaw.rad().to_degrees();
    format!("{:?} {} at {:.1}, {:.1} yaw {yaw_deg:.0} {mps:.1} m/s", object.kind, object.id, at.x, at.y)
}

/// For how long everybody has stood, and the story of those who stood for longer than [`LONG_S`].
#[derive(Default)]
struct Standing {
    since: BTreeMap<u64, u64>,
    told: Vec<String>,
}

impl Standing {
    fn look(&mut self, truth: &[TruthObject], second: u64) {
        let stands = |object: &&TruthObject| object.velocity.norm() < 0.3 && !object.scripted;
        let now: BTreeMap<u64, u64> = truth
            .iter()
            .filter(stands)
            .map(|object| (object.id, self.since.get(&object.id).copied().unwrap_or(second)))
            .collect();
        for object in truth.iter().filter(|object| now.get(&object.id).is_some_and(|since| second - since == LONG_S)) {
            let text = format!("{second} s: {} has stood for {LONG_S} s", tell(object));
            println!("{text}");
            self.told.push(text);
        }
        self.since = now;
    }
}

fn run(name: &str, scenario: &Scenario) {
    let mut map = island();
    Arc::make_mut(&mut map).sites.clear();
    let index = MapIndex::new(&map);
    let mut simulation = Simulation::new(Arc::clone(&map), scenario, 5, Utc::from_unix_ms(1_786_233_600_000)).unwrap();
    let (mut met, mut off_lane, mut standing) = (BTreeMap::new(), BTreeSet::new(), Standing::default());
    let (mut sum_mps, mut count, mut early_mib) = (0.0, 0, None);
    for second in 1..=(hours() * 3600.0) as u64 {
        for _ in 0..STEPS_PER_S {
            simulation.step();
        }
        collisions(simulation.truth(), second, &mut met);
        standing.look(simulation.truth(), second);
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
    assert_eq!(simulation.removed_stuck(), 0, "{name}: stood for five minutes: {:?}", standing.told);
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

/// From eight in the morning on: the rest of the peak, the day, the night and the next one's beginning.
#[test]
fn the_island_with_a_morning_peak() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/scenarios/morning-peak.toml");
    let scenario = Scenario::from_toml(&std::fs::read_to_string(file).unwrap()).unwrap();
    run("morning peak", &scenario);
}
