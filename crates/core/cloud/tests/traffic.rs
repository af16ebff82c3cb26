//! Traffic on a link, minute by minute, from what a node says.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{Island, map, node_state, track_at};
use jxz_cloud::{CloudConfig, Guidance, Input, LevelOfService, LinkMinute, Output};
use jxz_geo::{Point, Polyline, Vector};
use jxz_map::{Lane, LaneIx, LaneKind, Link, LinkIx, Map};
use jxz_world::{ClassBelief, Track};

/// A road of 200 m and one lane eastwards from the origin, 15 m/s, with a stop line at its end; `north` sees all of it
/// and another road of the kind 1 km north is seen by nobody.
fn road() -> Map {
    let mut map = map();
    for site in &mut map.sites {
        site.coverage_m = 400.0;
        for sensor in &mut site.sensors {
            (sensor.half_fov_rad, sensor.range_m) = (core::f64::consts::PI, (0.0, 400.0));
        }
    }
    for (k, north) in [(0_u32, 0.0), (1, 1000.0)] {
        let line = Polyline::try_from(vec![[0.0, north], [200.0, north]]).unwrap();
        map.lanes.push(Lane {
            id: format!("lane-{k}"),
            kind: LaneKind::Driving,
            centre: line.clone(),
            width_m: 3.5,
            speed_limit_mps: 15.0,
            link: Some(LinkIx(k)),
            position: 0,
            movement: None,
            successors: vec![],
            predecessors: vec![],
            left: None,
            right: None,
            stop_line_m: Some(200.0),
            crossings: vec![],
        });
        map.links.push(Link {
            id: format!("link-{k}"),
            name_zh: String::new(),
            line,
            lanes: vec![LaneIx(k)],
            from: None,
            to: None,
            speed_limit_mps: 15.0,
            opposite: None,
            level: 0,
        });
    }
    map
}

struct Road {
    island: Island,
    at_ms: u64,
    sequence: u64,
}

impl Road {
    fn new() -> Self {
        let mut road = Self { island: Island::on(road(), CloudConfig::default()), at_ms: 0, sequence: 0 };
        // Just into the next whole minute.
        let rest_ms = 60_000 - common::START.unix_ms().rem_euclid(60_000) as u64;
        road.run(rest_ms + 200, |_| vec![]);
        road.island.outputs.clear();
        road
    }

    /// Ten states a second with cars at `(number, s, speed)`, by the milliseconds since this run began.
    fn run(&mut self, ms: u64, cars: impl Fn(u64) -> Vec<(u64, f64, f64)>) {
        for t in (0..ms).step_by(100) {
            self.island.run_to_ms(self.at_ms);
            self.sequence += 1;
            let tracks = cars(t).into_iter().map(|(id, s, mps)| self.car(id, s, mps)).collect();
            let state = node_state("north", 1, self.sequence, self.island.utc(), tracks);
            self.island.say(Input::State(state));
            self.at_ms += 100;
        }
    }

    fn car(&self, id: u64, s: f64, mps: f64) -> Track {
        let mut track = track_at(id, self.island.utc(), 0.0, 0.0);
        (track.position, track.velocity) = (Point::new(s, 0.2), Vector::new(mps, 0.0));
        (track.since, track.existence) = (common::START, 1.0);
        track.heading = Some(jxz_units::Heading::from_deg(90.0));
        track.class = ClassBelief::from_weights([1.0, 0.0, 0.0]);
        track
    }

    fn minutes(&self) -> Vec<Vec<LinkMinute>> {
        let minutes = self.island.outputs.iter();
        minutes.filter_map(|o| if let Output::Minute(m) = o { Some(m.links.clone()) } else { None }).collect()
    }

    fn guidance(&self) -> Vec<Guidance> {
        let all = self.island.outputs.iter();
        all.filter_map(|o| if let Output::Guidance(g) = o { Some((**g).clone()) } else { None }).collect()
    }
}

/// A car every five seconds at 10 m/s: 720 an hour, 20 a kilometre.
fn stream(ms: u64) -> Vec<(u64, f64, f64)> {
    let s = |id: u64| (ms as f64 / 1000.0 - 5.0 * id as f64 + 30.0) * 10.0;
    (0..60).map(|id| (id, s(id), 10.0)).filter(|(_, s, _)| (0.0..200.0).contains(s)).collect()
}

#[test]
fn a_steady_stream_has_its_flow_density_and_speed() {
    let mut road = Road::new();
    road.run(60_200, stream);
    let minutes = road.minutes();
    let [minute] = &minutes[0][..] else { panic!("one link observed, not {minutes:?}") };
    assert_eq!(minute.link, LinkIx(0), "the other is seen by nobody");
    assert!((minute.flow_veh_h - 720.0).abs() < 30.0, "{minute:?}");
    assert!(
        (minute.density_veh_km - 20.0).abs() < 1.0 && (minute.speed_mps.unwrap() - 10.0).abs() < 0.01,
        "{minute:?}"
    );
    assert!((minute.travel_time_s.unwrap() - 20.0).abs() < 0.2 && minute.observed_share > 0.97, "{minute:?}");
    // 10 of 15 m/s, just not above 67 %.
    assert_eq!((minute.level, minute.congested), (Some(LevelOfService::C), false));
    assert_eq!(minute.queue_m, Some(0.0));
}

#[test]
fn an_empty_road_is_observed_and_a_silent_site_observes_nothing() {
    let mut road = Road::new();
    road.run(60_200, |_| vec![]);
    let minute = road.minutes()[0][0];
    assert_eq!((minute.vehicles, minute.flow_veh_h, minute.speed_mps, minute.level), (0, 0.0, None, None));
    road.island.outputs.clear();
    road.at_ms += 120_000;
    road.run(200, |_| vec![]);
    assert!(road.minutes().iter().skip(1).all(Vec::is_empty), "{:?}", road.minutes());
}

#[test]
fn who_waits_at_the_line_is_a_queue() {
    let mut road = Road::new();
    road.run(60_200, |_| vec![(1, 196.0, 0.0), (2, 189.0, 0.3), (3, 182.0, 0.0), (4, 100.0, 0.0)]);
    // From the line at 200 m to the rear of the third, 2.4 m behind its middle.
    assert!((road.minutes()[0][0].queue_m.unwrap() - 20.4).abs() < 0.01);
}

#[test]
fn congestion_begins_after_three_slow_minutes_and_ends_after_three_free_ones() {
    let mut road = Road::new();
    let jam = |_| (0..8).map(|id| (id, 20.0 + 20.0 * id as f64, 1.5)).collect();
    road.run(2 * 60_000 + 200, jam);
    assert!(road.guidance().is_empty(), "two minutes may be a red light");
    road.run(2 * 60_000, jam);
    let told = road.guidance();
    assert!(told.len() == 2 && told.iter().all(|g| g.congested && g.sites[0].0 == "north"), "{told:?}");
    assert!((told[0].travel_time_s - 200.0 / 1.5).abs() < 2.0 && told[0].vehicles == 8, "{told:?}");
    assert_eq!(told[0].since, told[1].since);
    road.island.outputs.clear();
    road.run(4 * 60_000, stream);
    let told = road.guidance();
    assert_eq!(told.iter().map(|g| g.congested).collect::<Vec<_>>(), [true, true, false], "{told:?}");
    assert!(!road.minutes().last().unwrap()[0].congested && road.island.view().guidance.is_empty());
}
