//! The cloud's view of traffic, link by link and minute by minute, against what really drove there.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_cloud::{LinkCoverage, LinkMinute};
use jxz_map::{LaneKind, LinkIx, Map, MapIndex};
use jxz_sim::{Observer, Scenario, TruthObject, VirtualIsland};
use jxz_units::{Now, Utc};
use jxz_world::{Application, DropCause, Record, RecordBody, RoadUserClass, SensorSpec, Site, SiteId, Warning};
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

/// Takes down whom which site guides, and when.
struct Guided(Arc<Mutex<Vec<(f64, SiteId, Warning)>>>);

impl Observer for Guided {
    fn record(&mut self, now: Now, record: &Record) {
        if let RecordBody::Warning(warning) = &record.body
            && warning.application == Application::Guidance
        {
            let at_s = now.utc.seconds_since(Utc::from_unix_ms(START_MS));
            self.0.lock().unwrap().push((at_s, record.site.clone(), warning.clone()));
        }
    }
}

/// Xingying as it is, and a unit like it at the next junction along the avenue, whose queue Xingying cannot see.
fn two_sites() -> Map {
    let mut map = Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island")).unwrap();
    let here = map.sites.iter().find(|site| site.id.0 == "zhongxin-xingying").unwrap().clone();
    let next = map.junctions.iter().find(|junction| junction.id.0 == "zhongxin-lvshui").unwrap();
    let shift = next.centre - here.position;
    let sensors = here.sensors.iter().map(|sensor| SensorSpec { position: sensor.position + shift, ..sensor.clone() });
    let beyond = Site {
        id: SiteId("zhongxin-lvshui".to_owned()),
        position: next.centre,
        junction: Some(next.id.clone()),
        sensors: sensors.collect(),
        ..here.clone()
    };
    map.sites = vec![here, beyond];
    map
}

/// Eight cars crawl towards the next junction, 210 m and more beyond Xingying; one car comes through Xingying early, one after
/// the third minute.
fn jam_beyond() -> Scenario {
    let mut text = r#"
        name = "A jam that only the next site sees"
        [area]
        sites = ["zhongxin-xingying", "zhongxin-lvshui"]
        [traffic]
        vehicles = 0
        buses_per_line = 0
        cyclists = 0
        pedestrians = 0
    "#
    .to_owned();
    for k in 0..8 {
        text += &format!(
            "[[actors]]\nname = \"jam-{k}\"\nkind = \"car\"\nreacts = false\nspeed_mps = 0.1\n\
             start = {{ link = \"zhongxin-05:b\", nth = {}, at_m = {} }}\n",
            k % 2,
            190 + 12 * (k / 2)
        );
    }
    for (name, at_s) in [("early", 60), ("late", 185)] {
        text += &format!(
            "[[actors]]\nname = \"{name}\"\nkind = \"car\"\nspeed_mps = 12\nappears = {{ at_s = {at_s} }}\n\
             start = {{ junction = \"zhongxin-xingying\", from = \"north-east\", movement = \"straight\", nth = 1, before_m = 200 }}\n"
        );
    }
    Scenario::from_toml(&text).unwrap()
}

#[test]
fn a_site_leads_around_a_jam_that_only_the_next_one_sees() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let island = VirtualIsland::new(Arc::new(two_sites()), &jam_beyond(), 3, Utc::from_unix_ms(START_MS)).unwrap();
    let mut island = island.observed_by(Box::new(Guided(Arc::clone(&said))));
    while island.seconds() < 205.0 {
        island.step().unwrap();
    }
    let said = said.lock().unwrap();
    let here = |site: &SiteId| site.0 == "zhongxin-xingying";
    let first_s = said.iter().find(|(_, site, _)| here(site)).map(|(at_s, ..)| *at_s);
    assert!(first_s.is_some_and(|at_s| (180.0..182.0).contains(&at_s)), "not before the cloud says so: {first_s:?}");
    let somebody = said.iter().filter(|(_, site, warning)| here(site) && !warning.concerned.is_empty());
    assert!(somebody.count() > 0, "the late car is told");
    let brain = island.brain(&SiteId("zhongxin-xingying".to_owned())).unwrap();
    assert_eq!(brain.drops().of(DropCause::CongestionRejected), 0);
}
