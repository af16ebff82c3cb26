//! What drivers, buses and cyclists do on the island by the rules of the road: each would be missed if it were gone.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper of a test may panic; figures are for the reader"
)]

mod common;

use common::island;
use jxz_geo::{Point, Vector};
use jxz_map::{LaneIx, LaneKind, Map, MapIndex, Turn};
use jxz_sim::{RoadUserKind, Scenario, Simulation, TruthObject};
use jxz_units::Utc;
use jxz_world::Light;
use std::collections::{BTreeMap, BTreeSet};

const STEPS_PER_S: u64 = 20;

fn simulation(change: impl FnOnce(&mut Scenario)) -> Simulation {
    let mut scenario = Scenario::default();
    change(&mut scenario);
    Simulation::new(island(), &scenario, 3, Utc::from_unix_ms(1_786_270_272_000)).unwrap()
}

#[test]
fn buses_of_every_line_stop_and_dwell() {
    let mut simulation = simulation(|scenario| scenario.traffic.vehicles = 40);
    let map = island();
    let mut stands: BTreeMap<(u64, usize), u64> = BTreeMap::new();
    for _ in 0..25 * 60 {
        (0..STEPS_PER_S).for_each(|_| drop(simulation.step()));
        for bus in simulation.truth().iter().filter(|o| o.kind == RoadUserKind::Bus && o.velocity.norm() < 0.3) {
            let (sin, cos) = libm::sincos(bus.yaw.rad());
            let front = bus.position + Vector::new(cos, sin) * (bus.extent_m.0 / 2.0);
            let at = |stop: &jxz_map::BusStop| (map.lane(stop.lane).centre.point_at(stop.s_m) - front).norm() < 4.0;
            for (stop, _) in map.bus_stops.iter().enumerate().filter(|(_, stop)| at(stop)) {
                *stands.entry((bus.id, stop)).or_default() += 1;
            }
        }
    }
    let served: BTreeMap<&String, usize> = ["486", "552", "553"]
        .map(|line| {
            let line = map.bus_stops.iter().flat_map(|stop| &stop.lines).find(|name| *name == line).unwrap();
            let dwells = |((_, stop), seconds): (&(u64, usize), &u64)| {
                map.bus_stops[*stop].lines.contains(line) && *seconds >= 7
            };
            (line, stands.iter().filter(|entry| dwells(*entry)).count())
        })
        .into();
    println!("dwells by line: {served:?}");
    assert!(served.values().all(|count| *count >= 4), "{served:?}");
}

/// Who is on a connector's middle, by the light that has been showing there for at least so many seconds.
fn turns_on(light: Light, for_s: f64, wanted: impl Fn(&Map, LaneIx) -> bool) -> usize {
    let map = island();
    let mut simulation = simulation(|scenario| scenario.traffic.vehicles = 400);
    let connectors: Vec<LaneIx> = (0..map.lanes.len() as u32)
        .map(LaneIx)
        .filter(|&ix| map.lane(ix).movement.as_ref().is_some_and(|m| m.phase.is_some()) && wanted(&map, ix))
        .collect();
    assert!(!connectors.is_empty(), "the map has no such turn");
    let place = |&ix: &LaneIx| {
        let (lane, movement) = (map.lane(ix), map.lane(ix).movement.as_ref().unwrap());
        let at = |s_m: f64| (lane.centre.point_at(s_m), lane.centre.direction_at(s_m));
        let key = (map.junction(movement.junction).id.clone(), movement.phase.unwrap());
        (key, at(1.0), at(lane.centre.length_m() * 0.6))
    };
    let places: Vec<_> = connectors.iter().map(place).collect();
    let mut since: BTreeMap<_, (Light, u64)> = BTreeMap::new();
    // Who was at a connector's start, and who came from there to its middle: others cross it on the same course.
    let mut begun: BTreeSet<(u64, u32)> = BTreeSet::new();
    let mut seen: BTreeSet<(u64, u32)> = BTreeSet::new();
    for step in 0..10 * 60 * STEPS_PER_S {
        let output = simulation.step();
        for junction in &output.signals {
            for signal in &junction.phases {
                let held = since.entry((junction.junction.clone(), signal.phase)).or_insert((signal.light, step));
                if held.0 != signal.light {
                    *held = (signal.light, step);
                }
            }
        }
        if !step.is_multiple_of(4) {
            continue;
        }
        let moves =
            |object: &&TruthObject| object.class == jxz_world::RoadUserClass::Motor && object.velocity.norm() > 1.0;
        let moving: Vec<&TruthObject> = simulation.truth().iter().filter(moves).collect();
        for (&ix, (key, start, middle)) in connectors.iter().zip(&places) {
            let is_at = |object: &TruthObject, (at, along): (Point, Vector)| {
                (object.position - at).norm_squared() < 2.25
                    && object.velocity.dot(&along) > 0.9 * object.velocity.norm()
            };
            let starters = moving.iter().filter(|object| is_at(object, *start));
            begun.extend(starters.map(|object| (object.id, ix.0)));
            let Some(&(shown, from)) = since.get(key) else { continue };
            if shown != light || ((step - from) as f64) < for_s * STEPS_PER_S as f64 {
                continue;
            }
            let turners = moving.iter().filter(|object| is_at(object, *middle));
            let turners = turners.map(|object| (object.id, ix.0)).filter(|key| begun.contains(key));
            seen.extend(turners);
        }
    }
    seen.len()
}

#[test]
fn right_turns_go_on_red_and_nobody_else_does() {
    let turn = |map: &Map, ix: LaneIx| map.lane(ix).movement.as_ref().map(|m| (m.turn, m.on_red));
    // Longer than anyone who entered on yellow takes.
    let right = turns_on(Light::Red, 12.0, |map, ix| turn(map, ix) == Some((Turn::Right, true)));
    assert!(right >= 10, "{right} turned right on red");
    let others = turns_on(Light::Red, 25.0, |map, ix| turn(map, ix) == Some((Turn::Straight, false)));
    println!("{right} right on red, {others} straight on");
    assert!(others == 0, "{others} went straight on at red");
}

#[test]
fn left_turns_find_gaps_on_permissive_green() {
    let left = turns_on(Light::PermissiveGreen, 4.0, |map, ix| {
        map.lane(ix).movement.as_ref().is_some_and(|m| m.turn == Turn::Left)
    });
    println!("{left} left on permissive green");
    assert!(left >= 5, "{left} turned left on permissive green");
}

#[test]
fn cyclists_ride_on_their_own_lanes_and_a_share_among_the_cars() {
    let map = island();
    let index = MapIndex::new(&map);
    for (mixed_share, low, high) in [(0.0, 0.0, 0.01), (1.0, 0.95, 1.0)] {
        let mut simulation = simulation(|scenario| {
            (scenario.traffic.mixed_share, scenario.traffic.cyclists) = (mixed_share, 60);
        });
        let (mut among, mut all) = (0, 0);
        for _ in 0..120 {
            (0..STEPS_PER_S).for_each(|_| drop(simulation.step()));
            let rides = |o: &&TruthObject| matches!(o.kind, RoadUserKind::Cyclist | RoadUserKind::EBike);
            for rider in simulation.truth().iter().filter(rides) {
                // On links alone; in junctions paths cross.
                let near = index.lanes_within(rider.position, 0.6);
                let Some(lane) = near.first().map(|near| map.lane(near.lane)).filter(|lane| lane.link.is_some()) else {
                    continue;
                };
                all += 1;
                among += u32::from(lane.kind == LaneKind::Driving);
            }
        }
        let share = f64::from(among) / f64::from(all);
        println!("mixed_share {mixed_share}: {share:.3} of {all} looks");
        assert!(all > 1_000 && share >= low && share <= high, "{mixed_share}: {share:.3} of {all}");
    }
}

#[test]
fn who_has_no_room_behind_a_junction_waits_before_it() {
    let map = island();
    let mut simulation = simulation(|scenario| (scenario.traffic.vehicles, scenario.traffic.cyclists) = (600, 0));
    let connectors: Vec<LaneIx> = (0..map.lanes.len() as u32)
        .map(LaneIx)
        .filter(|&ix| map.lane(ix).movement.as_ref().is_some_and(|m| m.turn == Turn::Straight && m.phase.is_some()))
        .collect();
    let mut stands: BTreeMap<u64, u64> = BTreeMap::new();
    for _ in 0..15 * 60 {
        (0..STEPS_PER_S).for_each(|_| drop(simulation.step()));
        for &ix in &connectors {
            let centre = &map.lane(ix).centre;
            let middle = centre.point_at(centre.length_m() * 0.5);
            let stuck = |o: &&TruthObject| {
                o.class == jxz_world::RoadUserClass::Motor
                    && o.velocity.norm() < 0.2
                    && (o.position - middle).norm() < 2.0
            };
            simulation.truth().iter().filter(stuck).for_each(|o| *stands.entry(o.id).or_default() += 1);
        }
    }
    let longest = stands.values().max().copied().unwrap_or(0);
    println!("{} stood in the middle of a junction, the longest for {longest} s", stands.len());
    assert!(longest < 30, "stood in the middle of a junction for {longest} s");
}
