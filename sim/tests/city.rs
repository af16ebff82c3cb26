//! The cloud's view of traffic, link by link and minute by minute, against what really drove there.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_cloud::{LinkCoverage, LinkMinute};
use jxz_map::{LaneKind, LinkIx, Map, MapIndex};
use jxz_sim::{Observer, Scenario, TruthObject, VirtualIsland};
use jxz_units::{Now, Utc};
use jxz_world::{RoadUserClass, Site};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A whole minute.
const START_MS: i64 = 1_786_233_600_000;
const SECONDS: f64 = 122.0;
/// Truth is sampled as often as the simulation steps, less would do.
const EVERY_S: f64 = 0.2;

/// What really drove on a link in a minute where some site looks: metres travelled and seconds spent.
#[derive(Debug, Clone, Copy, Default)]
struct Driven {
    travelled_m: f64,
    spent_s: f64,
    vehicles: usize,
}

struct Counter {
    map: Arc<Map>,
    lanes: MapIndex,
    last: Option<Utc>,
    driven: Arc<Mutex<BTreeMap<(i64, LinkIx), Driven>>>,
    seen: BTreeSet<(i64, LinkIx, u64)>,
}

impl Observer for Counter {
    fn truth(&mut self, now: Now, truth: &[TruthObject]) {
        let dt_s = self.last.map_or(0.0, |last| now.utc.seconds_since(last));
        if self.last.is_some() && dt_s < EVERY_S - 1e-6 {
            return;
        }
        self.last = Some(now.utc);
        let minute = now.utc.unix_ms().div_euclid(60_000);
        let mut driven = self.driven.lock().unwrap();
        for object in truth.iter().filter(|object| object.class == RoadUserClass::Motor) {
            let accept = |kind| kind == LaneKind::Driving;
            let Some(place) = self.lanes.locate(object.position, Some(object.yaw), accept) else { continue };
            let lane = self.map.lane(place.lane);
            let Some(link) = lane.link else { continue };
            let foot = lane.centre.point_at(place.s_m);
            let looks = |site: &Site| {
                (foot - site.position).norm() <= site.coverage_m && site.sensors.iter().any(|sensor| sensor.sees(foot))
            };
            if !self.map.sites.iter().any(looks) {
                continue;
            }
            let along = object.velocity.dot(&lane.centre.direction_at(place.s_m)).max(0.0);
            let entry = driven.entry((minute, link)).or_default();
            entry.travelled_m += along * dt_s;
            entry.spent_s += dt_s;
            entry.vehicles += usize::from(self.seen.insert((minute, link, object.id)));
        }
    }
}

/// One link's minute, as the cloud saw it and as it was.
struct Pair {
    seen: LinkMinute,
    was: Driven,
    /// In view, metres.
    view_m: f64,
}

fn pairs() -> Vec<Pair> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds");
    let map = Arc::new(Map::load(&seeds.join("island")).unwrap());
    let mut scenario =
        Scenario::from_toml(&std::fs::read_to_string(seeds.join("scenarios/demo.toml")).unwrap()).unwrap();
    scenario.incidents.clear();
    let driven = Arc::new(Mutex::new(BTreeMap::new()));
    let counter = Counter {
        lanes: MapIndex::new(&map),
        map: Arc::clone(&map),
        last: None,
        driven: Arc::clone(&driven),
        seen: BTreeSet::new(),
    };
    let start = Utc::from_unix_ms(START_MS);
    let mut island = VirtualIsland::new(map, &scenario, 11, start).unwrap().observed_by(Box::new(counter));
    let links: BTreeMap<LinkIx, LinkCoverage> =
        island.cloud().links().into_iter().map(|link| (link.link, link)).collect();
    let mut minutes = BTreeMap::new();
    while island.seconds() < SECONDS {
        island.step().unwrap();
        // Only a step after a whole minute can bring another.
        if island.seconds() % 60.0 > 2.0 {
            continue;
        }
        if let Some(minute) = island.cloud().snapshot(start.plus_seconds(island.seconds())).minute {
            minutes.insert(minute.from, minute);
        }
    }
    let driven = driven.lock().unwrap();
    let mut pairs = Vec::new();
    // The first minute is that in which tracks begin and nodes come up.
    for (from, minute) in minutes.iter().skip(1) {
        for seen in &minute.links {
            let link = links[&seen.link];
            let was = driven.get(&(from.unix_ms() / 60_000, seen.link)).copied().unwrap_or_default();
            let view_m = seen.observed_share * link.length_m;
            if view_m > 50.0 && seen.observed_share > 0.9 * link.covered_share {
                pairs.push(Pair { seen: *seen, was, view_m });
            }
        }
    }
    pairs
}

#[test]
fn flow_and_speed_of_links_in_view_are_those_of_the_truth() {
    let pairs = pairs();
    let (mut flow_errors, mut speed_errors, mut flows) = (Vec::new(), Vec::new(), Vec::new());
    for pair in &pairs {
        let flow = pair.was.travelled_m / (pair.view_m * 60.0) * 3600.0;
        flow_errors.push(pair.seen.flow_veh_h - flow);
        flows.push(flow);
        // A speed of less than two vehicles' worth of time is no mean.
        if pair.was.vehicles >= 2 && pair.was.spent_s > 5.0 {
            let speed = pair.was.travelled_m / pair.was.spent_s;
            speed_errors.push(pair.seen.speed_mps.unwrap_or(0.0) - speed);
        }
    }
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let absolute = |v: &[f64]| v.iter().map(|x| x.abs()).sum::<f64>() / v.len() as f64;
    println!(
        "{} minutes of links in view: mean flow {:.0} veh/h, flow error mean {:.1}, mean absolute {:.1} veh/h; \
         {} speeds, error mean {:.2}, mean absolute {:.2} m/s",
        pairs.len(),
        mean(&flows),
        mean(&flow_errors),
        absolute(&flow_errors),
        speed_errors.len(),
        mean(&speed_errors),
        absolute(&speed_errors),
    );
    assert!(pairs.len() >= 20 && speed_errors.len() >= 10, "{} pairs, {} speeds", pairs.len(), speed_errors.len());
    assert!(mean(&flow_errors).abs() < 0.15 * mean(&flows), "flow is biased");
    assert!(absolute(&flow_errors) < 0.25 * mean(&flows), "flow is off");
    assert!(absolute(&speed_errors) < 1.0 && mean(&speed_errors).abs() < 0.5, "speed is off");
}
