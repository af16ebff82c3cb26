//! Where a warning holds: the way towards the event, upstream along the lanes.

use crate::actor::TIME_STEP_S;
use crate::path::Path;
use crate::scene::Scene;
use jxz_geo::{Point, Polyline};
use jxz_map::{LaneIx, Map, Turn};
use jxz_world::{Place, PredictedPath};

/// Half of a lane, for an event off the lanes, metres.
const OFF_LANE_RADIUS_M: f64 = 3.0;
/// Shortest way that a place has, metres.
const SHORTEST_M: f64 = 5.0;
/// Predicted ways are told to this long after the meeting, seconds.
const BEYOND_S: f64 = 1.0;

/// An event's place before it is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spot {
    /// On a road user's way, so far along it.
    OnWay { actor: usize, way: usize, s_m: f64, at: Point },
    /// On a lane.
    OnLane { lane: LaneIx, s_m: f64 },
}

/// A road user's way on which a prediction rests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) actor: usize,
    pub(crate) way: usize,
    /// Seconds from now that are looked at.
    pub(crate) until_s: f64,
}

impl Way {
    /// The ways of two who meet, to a little beyond that.
    pub(crate) fn of_two(a: (usize, usize), b: (usize, usize), meet_s: f64) -> Option<[Self; 2]> {
        Some([a, b].map(|(actor, way)| Self { actor, way, until_s: meet_s + BEYOND_S }))
    }
}

/// The ways of those who move, point by point.
pub(crate) fn predicted(scene: &Scene<'_>, ways: Option<[Way; 2]>) -> Vec<PredictedPath> {
    let every = (PredictedPath::STEP_S / TIME_STEP_S) as usize;
    let cm = |m: f64| (m * 100.0).round() / 100.0;
    let moving = ways.into_iter().flatten().filter(|way| scene.actors[way.actor].moves());
    let path = |way: Way| {
        let actor = &scene.actors[way.actor];
        let steps = (way.until_s / PredictedPath::STEP_S).ceil().max(1.0) as usize;
        let timed = actor.paths.get(way.way)?.timed.iter().step_by(every).take(steps + 1);
        Some(PredictedPath {
            track: actor.track.id,
            points: timed.map(|p| Point::new(cm(p.at.x), cm(p.at.y))).collect(),
        })
    };
    moving.filter_map(path).collect()
}

/// Draws the place of an event; `None` if nothing of the way is left (a lane without length).
pub(crate) fn draw(scene: &Scene<'_>, spot: Spot, approach_m: f64) -> Option<Place> {
    match spot {
        Spot::OnLane { lane, s_m } => {
            let at = scene.map.lane(lane).centre.point_at(s_m);
            Some(Place { at, path: upstream(scene.map, &[lane], s_m, approach_m)?, radius_m: radius(scene.map, lane) })
        }
        Spot::OnWay { actor, way, s_m, at } => {
            let actor = &scene.actors[actor];
            let way = &actor.paths[way];
            match lanes_up_to(way, s_m).as_slice() {
                [] => {
                    let dir = way.points[0].dir;
                    let from = actor.at - dir * approach_m;
                    let to = actor.at + dir * s_m.max(SHORTEST_M - approach_m);
                    Some(Place { at, path: Polyline::new(vec![from, to]).ok()?, radius_m: OFF_LANE_RADIUS_M })
                }
                lanes => {
                    let last = *lanes.last()?;
                    let on_last_m = s_m - way.lane_from(last)?;
                    let path = upstream(scene.map, lanes, on_last_m, approach_m)?;
                    Some(Place { at, path, radius_m: radius(scene.map, last) })
                }
            }
        }
    }
}

fn radius(map: &Map, lane: LaneIx) -> f64 {
    map.lane(lane).width_m.clamp(2.0, 6.0)
}

/// The lanes of a way up to a distance along it.
fn lanes_up_to(way: &Path, s_m: f64) -> Vec<LaneIx> {
    let mut lanes: Vec<LaneIx> = way.lanes.iter().filter(|on| on.from_m < s_m).map(|on| on.lane).collect();
    if lanes.is_empty() {
        lanes.extend(way.lanes.first().map(|on| on.lane));
    }
    lanes
}

/// The line along `lanes` that ends `s_m` along the last of them, drawn back to `approach_m` before that.
fn upstream(map: &Map, lanes: &[LaneIx], s_m: f64, approach_m: f64) -> Option<Polyline> {
    let approach_m = approach_m.max(SHORTEST_M);
    let mut pieces: Vec<Polyline> = Vec::new();
    let mut left_m = approach_m;
    let mut known = lanes.iter().rev().copied();
    let mut lane = known.next()?;
    let mut to_m = s_m.clamp(0.0, map.lane(lane).centre.length_m());
    for _ in 0..64 {
        pieces.extend(map.lane(lane).centre.slice((to_m - left_m).max(0.0), to_m));
        left_m -= to_m;
        if left_m <= 0.0 {
            break;
        }
        let Some(before) = known.next().or_else(|| main_predecessor(map, lane)) else { break };
        lane = before;
        to_m = map.lane(lane).centre.length_m();
    }
    let points: Vec<Point> = pieces.iter().rev().flat_map(|piece| piece.points().iter().copied()).collect();
    let line = Polyline::new(points).ok();
    if line.as_ref().is_some_and(|line| line.length_m() >= 0.5) {
        return line;
    }
    // The event is at the very beginning of a lane that continues none: draw the lane's first metres.
    map.lane(*lanes.first()?).centre.slice(0.0, SHORTEST_M)
}

/// The lane that most traffic comes from: straight on before turns.
fn main_predecessor(map: &Map, lane: LaneIx) -> Option<LaneIx> {
    map.lane(lane).predecessors.iter().copied().min_by_key(|before| {
        let turn = map.lane(*before).movement.as_ref().map(|m| m.turn);
        let rank = match turn {
            None => 0,
            Some(Turn::Straight) => 1,
            Some(Turn::Right) => 2,
            Some(Turn::Left) => 3,
            Some(Turn::UTurn) => 4,
        };
        (rank, *before)
    })
}
