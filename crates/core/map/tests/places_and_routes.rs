//! Finding lanes by place, and ways by lane.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod common;

use common::{crossroads, island};
use jxz_geo::Point;
use jxz_map::{LaneIx, LaneKind, Map, MapIndex};
use jxz_units::Yaw;

fn id(map: &Map, lane: LaneIx) -> &str {
    &map.lane(lane).id
}

#[test]
fn a_road_user_is_on_the_lane_that_runs_its_way() {
    let map = crossroads();
    let index = MapIndex::new(&map);
    let driving = |kind| kind == LaneKind::Driving;
    // 100 m east of the junction, 3.2 m south of the reference line: the inner eastbound lane, 0.45 m right of its middle.
    let place = Point::new(100.0, -3.2);
    let found = index.locate(place, Some(Yaw::from_rad(0.1)), driving).unwrap();
    assert_eq!(id(&map, found.lane), "east:f:0");
    assert!((found.offset_m + 0.45).abs() < 0.01, "{found:?}");
    // Facing west there is no such lane there; the nearest westbound one is too far away.
    assert_eq!(index.locate(Point::new(100.0, -6.0), Some(Yaw::from_rad(3.1)), driving), None);
    assert_eq!(index.locate(Point::new(100.0, 60.0), None, driving), None);
    // A cyclist and a walker at the edge of the road, the walker going against the lane.
    let edge = Point::new(100.0, -12.9);
    let cyclist = index.locate(edge, None, |kind| kind == LaneKind::Cycle).unwrap();
    assert_eq!(id(&map, cyclist.lane), "east:f:3");
    let walker = index.locate(Point::new(100.0, -14.8), Some(Yaw::from_rad(3.1)), |k| k == LaneKind::Footway).unwrap();
    assert_eq!(id(&map, walker.lane), "east:f:4");
}

#[test]
fn every_point_of_the_island_finds_its_own_lane_again() {
    let map = island();
    let index = MapIndex::new(&map);
    let mut missed = Vec::new();
    for (k, lane) in map.lanes.iter().enumerate().filter(|(_, l)| l.link.is_some()) {
        let middle = lane.centre.length_m() / 2.0;
        let found =
            index.locate(lane.centre.point_at(middle), Some(lane.centre.yaw_at(middle)), |kind| kind == lane.kind);
        if found.map(|f| f.lane) != Some(LaneIx(k as u32)) {
            missed.push(lane.id.clone());
        }
    }
    // Only where the motorway's ramps run above another road may the lower lane be preferred.
    assert!(missed.len() <= 4, "{missed:?}");
}

#[test]
fn the_quickest_way_takes_its_time() {
    let map = crossroads();
    let index = MapIndex::new(&map);
    let lane = |id: &str| map.lane_by_id(id).unwrap();
    let way = index.route(lane("west:f:0"), lane("east:f:1")).unwrap();
    // Lane 0 only turns left: one lane change, then straight on.
    let names: Vec<&str> = way.iter().map(|l| id(&map, *l)).collect();
    assert_eq!(names, ["west:f:0", "west:f:1", "middle:west:f:1>east:f:1", "east:f:1"]);
    let length = map.lane(way[1]).centre.length_m() + map.lane(way[2]).centre.length_m();
    let cost = index.costs_from(lane("west:f:0"))[way[3].0 as usize].unwrap();
    assert!((cost - (1.5 + length / (60.0 / 3.6))).abs() < 1e-9);
    assert_eq!(index.route(lane("west:f:0"), lane("west:b:0")), None, "nobody turns back here");
    // Close the left turn: there is no other way to the north.
    assert!(index.route(lane("west:f:0"), lane("north:b:0")).is_some());
    let closed = |l: LaneIx| (id(&map, l) != "middle:west:f:0>north:b:0").then(|| index.free_flow_s(l));
    assert_eq!(index.route_by(lane("west:f:0"), lane("north:b:0"), closed), None);
}

#[test]
fn costs_agree_with_bellman_and_ford_on_the_island() {
    let map = island();
    let index = MapIndex::new(&map);
    let from = map.lanes.iter().position(|l| l.kind == LaneKind::Driving && l.link.is_some()).unwrap();
    let costs = index.costs_from(LaneIx(from as u32));
    let mut plain = vec![f64::INFINITY; map.lanes.len()];
    plain[from] = 0.0;
    loop {
        let mut changed = false;
        for (k, lane) in map.lanes.iter().enumerate().filter(|(_, l)| l.kind == LaneKind::Driving) {
            let over = lane.centre.length_m() / lane.speed_limit_mps;
            let ways = lane.successors.iter().map(|n| (n, over));
            for (next, step) in ways.chain(lane.left.iter().chain(&lane.right).map(|n| (n, 1.5))) {
                let total = plain[k] + step;
                if total < plain[next.0 as usize] - 1e-12 {
                    plain[next.0 as usize] = total;
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    for (k, lane) in map.lanes.iter().enumerate().filter(|(_, l)| l.kind == LaneKind::Driving) {
        match costs[k] {
            Some(cost) => assert!((cost - plain[k]).abs() < 1e-6, "{}: {cost} and {}", lane.id, plain[k]),
            None => assert!(plain[k].is_infinite(), "{}", lane.id),
        }
    }
}
