//! Road users that something outside of the simulation moves: sensors see them, nodes track them, the own ones are gone.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_geo::Vector;
use jxz_map::{LaneIx, Map};
use jxz_sim::{OutsideUser, RoadUserKind, Scenario, VirtualIsland};
use jxz_units::Utc;
use std::path::Path;
use std::sync::Arc;

const STEP_S: f64 = 0.05;

fn map() -> Arc<Map> {
    Arc::new(Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island")).unwrap())
}

fn virtual_island(map: &Arc<Map>) -> VirtualIsland {
    VirtualIsland::new(Arc::clone(map), &Scenario::default(), 7, Utc::from_unix_ms(1_786_233_600_000)).unwrap()
}

/// The driving lane that passes nearest to a site, and where along it that is.
fn lane_at(map: &Map, site: usize) -> (LaneIx, f64) {
    let place = map.sites[site].position;
    let long = |k: &usize| map.lanes[*k].link.is_some() && map.lanes[*k].centre.length_m() > 100.0;
    let driving = (0..map.lanes.len()).filter(|k| map.lanes[*k].kind == jxz_map::LaneKind::Driving).filter(long);
    let nearest = driving.min_by(|a, b| {
        let away = |k: usize| map.lanes[k].centre.project(place).distance_m;
        away(*a).total_cmp(&away(*b))
    });
    let lane = nearest.unwrap();
    (LaneIx(lane as u32), map.lanes[lane].centre.project(place).s_m)
}

fn car(map: &Map, id: u64, lane: LaneIx, s_m: f64, speed_mps: f64) -> OutsideUser {
    let centre = &map.lane(lane).centre;
    let (position, yaw) = (centre.point_at(s_m), centre.yaw_at(s_m));
    let (kind, size_m) = (RoadUserKind::Car, RoadUserKind::Car.size_m());
    OutsideUser { id, kind, position, yaw, speed_mps, acceleration_mps2: 0.0, size_m }
}

#[test]
fn a_car_moved_from_outside_is_tracked_where_it_is() {
    let map = map();
    let mut island = virtual_island(&map);
    assert!(island.simulation().truth().len() > 100, "its own road users, to begin with");
    let (lane, near_m) = lane_at(&map, 0);
    let speed_mps = 8.0;
    let at = |step: u32| near_m.max(60.0) - 50.0 + speed_mps * STEP_S * f64::from(step);
    for step in 0..120 {
        island.place(&[car(&map, 42, lane, at(step), speed_mps)]);
        assert_eq!(island.simulation().truth().len(), 1, "its own road users are gone");
        island.step().unwrap();
    }
    let truth = map.lane(lane).centre.point_at(at(120));
    let tracks = island.tracks();
    let (_, tracks) = tracks.iter().find(|(site, _)| site.id == map.sites[0].id).unwrap();
    let nearest = tracks.iter().map(|track| (track.position - truth).norm()).fold(f64::INFINITY, f64::min);
    assert!(nearest < 1.5, "the nearest track is {nearest} m away");
    let velocity = map.lane(lane).centre.direction_at(at(120)) * speed_mps;
    let track = tracks.iter().min_by(|a, b| (a.position - truth).norm().total_cmp(&(b.position - truth).norm()));
    let off: Vector = track.unwrap().velocity - velocity;
    assert!(off.norm() < 1.5, "its velocity is {off} m/s off");
}

#[test]
fn what_cannot_be_is_left_out_and_counted() {
    let map = map();
    let mut island = virtual_island(&map);
    let (lane, near_m) = lane_at(&map, 0);
    let good = car(&map, 1, lane, near_m, 5.0);
    let nowhere = OutsideUser { id: 2, position: jxz_geo::Point::new(f64::NAN, 0.0), ..good };
    let flat = OutsideUser { id: 3, size_m: (4.0, 0.0, 1.5), ..good };
    island.place(&[good, nowhere, flat, good]);
    island.step().unwrap();
    assert_eq!(island.simulation().truth().len(), 1);
    assert_eq!(island.simulation().left_out(), 3);
}

#[test]
fn who_has_a_unit_stays_the_same_from_step_to_step() {
    let map = map();
    let mut island = virtual_island(&map);
    let (lane, near_m) = lane_at(&map, 0);
    let users: Vec<OutsideUser> = (0..40).map(|id| car(&map, id, lane, near_m + id as f64, 5.0)).collect();
    let mut connected = |users: &[OutsideUser]| -> Vec<u64> {
        island.place(users);
        island.step().unwrap();
        island.simulation().truth().iter().filter(|o| o.vehicle.is_some()).map(|o| o.id).collect()
    };
    let first = connected(&users);
    assert!(first.len() > 6 && first.len() < 30, "four in ten of forty: {first:?}");
    let mut backwards = users;
    backwards.reverse();
    assert_eq!(connected(&backwards), first);
}
