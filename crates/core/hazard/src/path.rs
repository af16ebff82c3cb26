//! The ways a road user may go from where it is.

use crate::actor::{Actor, MAX_STEPS, Placement};
use crate::roads::{Pose, Roads, turn_speed_mps};
use jxz_geo::{Point, Vector};
use jxz_map::{LaneIx, Map, Turn};
use jxz_world::RoadUserClass;

/// Distance between two points of a path, metres.
pub(crate) const PATH_STEP_M: f64 = 2.0;
/// Most ways thought of for one road user.
const MAX_PATHS: usize = 6;
/// Ways less probable than this are dropped.
const MIN_PROBABILITY: f64 = 0.02;
/// Room for so many lanes is taken at once: most ways have fewer.
const USUAL_LANES: usize = 4;
/// Longest way looked at, metres.
const MAX_LENGTH_M: f64 = 200.0;
/// Distance over which a vehicle off its lane's centre comes back to it, metres.
const RECENTRE_M: f64 = 25.0;
/// Below this an acceleration is not told from noise, m/s².
const ACCELERATES_MPS2: f64 = 0.5;
/// What braking, or going round a curve, takes beyond what is comfortable, at which few are about to do it, m/s².
const UNSUITABLE_MPS2: f64 = 3.0;
/// Time steps that one disc covers: one second.
pub(crate) const DISC_STEPS: usize = 4;
/// Discs of the longest horizon.
const DISCS: usize = MAX_STEPS.div_ceil(DISC_STEPS);

/// A lane on a way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PathLane {
    pub(crate) lane: LaneIx,
    /// Distance along the way at which this lane begins; negative for the lane it is on, metres.
    pub(crate) from_m: f64,
}

/// A stop line on a way with a light, and the probability that it will be driven over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct StopLine {
    pub(crate) at_m: f64,
    /// Red when it is reached, and not yellow.
    pub(crate) red: bool,
    pub(crate) pass_probability: f64,
}

/// Everywhere that a road user may touch somebody during some time steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disc {
    at: Point,
    radius_m: f64,
}

impl Disc {
    /// Whether two discs come within `margin_m` of each other.
    pub(crate) fn is_near(&self, other: &Self, margin_m: f64) -> bool {
        let reach_m = self.radius_m + other.radius_m + margin_m;
        reach_m > 0.0 && (self.at - other.at).norm_squared() <= reach_m * reach_m
    }

    /// A disc that holds all of `discs`.
    fn around(discs: impl Iterator<Item = Self> + Clone) -> Self {
        let (sum, n) = discs.clone().fold((Vector::zeros(), 0.0), |(sum, n), disc| (sum + disc.at.coords, n + 1.0));
        let at = Point::from(sum / n);
        Self { at, radius_m: discs.map(|disc| (disc.at - at).norm() + disc.radius_m).fold(f64::NEG_INFINITY, f64::max) }
    }
}

/// The discs of a horizon, one for each [`DISC_STEPS`].
pub(crate) type Discs = [Disc; DISCS];

/// The box around all discs of a horizon: opposite corners, the lower first. Inside out where there are none.
pub(crate) fn bounds(discs: &Discs) -> (Point, Point) {
    let none = (Point::new(f64::INFINITY, f64::INFINITY), Point::new(f64::NEG_INFINITY, f64::NEG_INFINITY));
    discs.iter().filter(|disc| disc.radius_m > f64::NEG_INFINITY).fold(none, |(low, high), disc| {
        let reach = Vector::new(disc.radius_m, disc.radius_m);
        (low.inf(&(disc.at - reach)), high.sup(&(disc.at + reach)))
    })
}

/// Discs that nothing is near.
pub(crate) const NOWHERE: Discs = [Disc { at: Point::new(0.0, 0.0), radius_m: f64::NEG_INFINITY }; DISCS];

/// One way; distance 0 is the road user's centre now.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) probability: f64,
    /// Lanes in order; empty off the lanes.
    pub(crate) lanes: Vec<PathLane>,
    /// Every [`PATH_STEP_M`].
    pub(crate) points: Vec<Pose>,
    pub(crate) stop: Option<StopLine>,
    /// Where its road user is at each time step, if it keeps on.
    pub(crate) timed: Vec<Pose>,
    /// Where it may touch somebody, second by second.
    pub(crate) discs: Discs,
}

impl Path {
    fn new(probability: f64, lanes: Vec<PathLane>, points: Vec<Pose>) -> Self {
        Self { probability, lanes, points, stop: None, timed: Vec::new(), discs: NOWHERE }
    }

    /// Places the road user on the way at each time step.
    fn time(&mut self, actor: &Actor<'_>, steps: usize) {
        self.timed = actor.travel_m[..=steps].iter().map(|s_m| self.pose(*s_m)).collect();
        let off_lanes = self.lanes.is_empty();
        for (i, (poses, disc)) in self.timed.chunks(DISC_STEPS).zip(&mut self.discs).enumerate() {
            let last = i * DISC_STEPS + poses.len() - 1;
            let touch_m = actor.touch_m(off_lanes, last);
            let (from, to) = (poses[0].at, poses[poses.len() - 1].at);
            let at = from + (to - from) * 0.5;
            let farthest = poses.iter().map(|pose| (pose.at - at).norm_squared()).fold(0.0, f64::max);
            *disc = Disc { at, radius_m: farthest.sqrt() + touch_m };
        }
    }

    /// The pose `s_m` along; the ends are continued straight.
    pub(crate) fn pose(&self, s_m: f64) -> Pose {
        let u = s_m / PATH_STEP_M;
        let i = (u.max(0.0) as usize).min(self.points.len().saturating_sub(2));
        let (a, b) = (self.points[i], self.points[(i + 1).min(self.points.len() - 1)]);
        let u = u - i as f64;
        let w = u.clamp(0.0, 1.0);
        let dir = if w < 0.5 { a.dir } else { b.dir };
        Pose { at: a.at + (b.at - a.at) * w + dir * ((u - w) * PATH_STEP_M), dir }
    }

    /// Distance along and offset to the left of the foot of `point`, looked for downhill from point `hint`.
    pub(crate) fn foot(&self, point: Point, hint: &mut usize) -> (f64, f64) {
        let square = |i: usize| (self.points[i].at - point).norm_squared();
        let last = self.points.len() - 1;
        let mut best = (*hint).min(last);
        let mut least = square(best);
        while best < last && square(best + 1) < least {
            best += 1;
            least = square(best);
        }
        while best > 0 && square(best - 1) < least {
            best -= 1;
            least = square(best);
        }
        *hint = best;
        let pose = self.points[best];
        let to = point - pose.at;
        (best as f64 * PATH_STEP_M + to.dot(&pose.dir), pose.dir.perp(&to))
    }

    /// The index of the point nearest to `point`, coarsely: a start for [`Self::foot`].
    pub(crate) fn start_hint(&self, point: Point) -> usize {
        (0..self.points.len())
            .step_by(3)
            .min_by(|a, b| {
                let square = |i: usize| (self.points[i].at - point).norm_squared();
                square(*a).total_cmp(&square(*b))
            })
            .unwrap_or(0)
    }

    /// Where a lane begins on this way, metres.
    pub(crate) fn lane_from(&self, lane: LaneIx) -> Option<f64> {
        self.lanes.iter().find(|p| p.lane == lane).map(|p| p.from_m)
    }

    /// The probability that the way is still followed `s_m` along: less beyond a red light's stop line.
    pub(crate) fn reach_probability(&self, s_m: f64) -> f64 {
        self.stop.filter(|stop| stop.at_m < s_m).map_or(1.0, |stop| stop.pass_probability)
    }
}

/// Works out the ways of a road user, most probable first; their probabilities sum to 1 or a little less.
pub(crate) fn predict(map: &Map, roads: &Roads, actor: &mut Actor<'_>, steps: usize) {
    let reach = actor.travel_m[steps.min(MAX_STEPS - 1)] + 2.0 * actor.spread_m[steps.min(MAX_STEPS - 1)];
    let length_m = (reach + actor.length_m + 10.0).min(MAX_LENGTH_M);
    let mut paths = Vec::with_capacity(MAX_PATHS);
    if actor.placements.is_empty() {
        paths.push(straight(actor, length_m));
    } else {
        for placement in &actor.placements {
            follow(map, roads, actor, placement, length_m, &mut paths);
        }
    }
    paths.sort_by(|a: &Path, b: &Path| {
        b.probability.total_cmp(&a.probability).then_with(|| lanes_of(a).cmp(lanes_of(b)))
    });
    paths.truncate(MAX_PATHS);
    for path in &mut paths {
        path.time(actor, steps.min(MAX_STEPS - 1));
    }
    actor.discs = std::array::from_fn(|i| Disc::around(paths.iter().map(|path| path.discs[i])));
    actor.paths = paths;
}

fn lanes_of(path: &Path) -> impl Iterator<Item = LaneIx> + '_ {
    path.lanes.iter().map(|p| p.lane)
}

/// Straight on, for whoever is on no lane.
fn straight(actor: &Actor<'_>, length_m: f64) -> Path {
    let dir = actor.dir.unwrap_or_else(Vector::x);
    let length_m = if actor.moves() { length_m } else { PATH_STEP_M };
    let n = (length_m / PATH_STEP_M).ceil().max(1.0) as usize;
    let points = (0..=n).map(|i| Pose { at: actor.at + dir * (i as f64 * PATH_STEP_M), dir }).collect();
    Path::new(1.0, Vec::new(), points)
}

/// Along the successors of a lane, branching where they do.
fn follow(map: &Map, roads: &Roads, actor: &Actor<'_>, on: &Placement, length_m: f64, out: &mut Vec<Path>) {
    let first = PathLane { lane: on.lane, from_m: -on.s_m };
    let mut chain = Vec::with_capacity(USUAL_LANES);
    chain.push(first);
    let mut open = vec![(on.probability, chain)];
    let mut next = Vec::new();
    let own = out.len();
    while let Some((probability, lanes)) = open.pop() {
        let Some(last) = lanes.last().copied() else { continue };
        let Some(shape) = roads.shape(last.lane) else { continue };
        let end_m = last.from_m + shape.length_m;
        next.clear();
        if end_m < length_m && lanes.len() < 12 {
            successors(map, roads, actor, last.lane, end_m, &mut next);
        }
        if next.is_empty() {
            let points = along(roads, actor, on, &lanes, length_m.min(end_m + 10.0), out[own..].last());
            out.push(Path::new(probability, lanes, points));
            continue;
        }
        for (lane, share) in next.iter().copied() {
            let p = probability * share;
            if p >= MIN_PROBABILITY && open.len() + out.len() < 2 * MAX_PATHS {
                let mut branch = Vec::with_capacity(lanes.len().max(USUAL_LANES) + 1);
                branch.extend_from_slice(&lanes);
                branch.push(PathLane { lane, from_m: end_m });
                open.push((p, branch));
            }
        }
    }
}

/// The share of drivers that take a lane where they may choose.
fn usual_share(map: &Map, lane: LaneIx) -> f64 {
    match map.lane(lane).movement.as_ref().map(|m| m.turn) {
        None | Some(Turn::Straight) => 0.6,
        Some(Turn::Left | Turn::Right) => 0.2,
        Some(Turn::UTurn) => 0.02,
    }
}

/// How well a road user's speed suits a curve so far ahead, 0 to 1: who would have to brake hard for it, or who
/// accelerates towards it, is not about to take it; in the curve itself, who goes faster than is comfortable.
fn suits_curve(actor: &Actor<'_>, curvature: f64, distance_m: f64) -> f64 {
    let distance_m = distance_m.max(0.5);
    let square = actor.speed_mps.powi(2);
    let gains = if actor.acceleration_mps2 > ACCELERATES_MPS2 {
        // As in the prediction, for a second.
        2.0 * actor.acceleration_mps2 * distance_m.min(actor.speed_mps)
    } else {
        0.0
    };
    let needs = (square + gains - turn_speed_mps(curvature).powi(2)).max(0.0) / (2.0 * distance_m);
    let sideways = (square * curvature - turn_speed_mps(curvature).powi(2) * curvature).max(0.0);
    let unsuitable = needs.min(sideways);
    if unsuitable == 0.0 { 1.0 } else { libm::exp(-(unsuitable / UNSUITABLE_MPS2).powi(2)) }
}

/// How well the speed of one who is where a junction's ways still lie together suits one of them: 1 off junctions. Who
/// gains speed, or cycles, at one speed whatever the way, is, as far as the place tells, on the way that most take.
pub(crate) fn prior(map: &Map, roads: &Roads, actor: &Actor<'_>, lane: LaneIx, s_m: f64) -> f64 {
    let Some(shape) = roads.shape(lane).filter(|_| map.lane(lane).movement.is_some()) else { return 1.0 };
    let suits = suits_curve(actor, shape.curvature, 0.5 * shape.length_m - s_m);
    if actor.class == RoadUserClass::Motor && actor.acceleration_mps2 <= ACCELERATES_MPS2 {
        return suits;
    }
    let before = map.lane(lane).predecessors.first();
    let siblings = before.map_or(&[][..], |before| &map.lane(*before).successors);
    let most = siblings.iter().map(|other| usual_share(map, *other)).fold(usual_share(map, lane), f64::max);
    usual_share(map, lane) / most * suits
}

/// Adds to `out`, which is empty, the lanes that continue a lane, with the share of drivers in this road user's state that
/// take each.
fn successors(
    map: &Map,
    roads: &Roads,
    actor: &Actor<'_>,
    lane: LaneIx,
    distance_m: f64,
    out: &mut Vec<(LaneIx, f64)>,
) {
    out.extend(map.lane(lane).successors.iter().filter(|next| roads.shape(**next).is_some()).map(|next| (*next, 1.0)));
    if out.len() < 2 {
        return;
    }
    for (next, share) in out.iter_mut() {
        let curvature = roads.shape(*next).map_or(0.0, |shape| shape.curvature);
        *share = usual_share(map, *next) * suits_curve(actor, curvature, distance_m) + 1e-6;
    }
    let sum: f64 = out.iter().map(|(_, w)| w).sum();
    out.iter_mut().for_each(|(_, w)| *w /= sum);
}

/// Points along a chain of lanes, beginning at the road user and drifting back to the centre line. As far as a `sibling`
/// from the same place takes the same lanes, its points are these.
fn along(
    roads: &Roads,
    actor: &Actor<'_>,
    on: &Placement,
    lanes: &[PathLane],
    length_m: f64,
    sibling: Option<&Path>,
) -> Vec<Pose> {
    let length_m = if actor.moves() { length_m } else { PATH_STEP_M };
    let n = (length_m / PATH_STEP_M).ceil().max(1.0) as usize;
    let shared = sibling.map_or(&[][..], |sibling| {
        let parts = lanes.iter().zip(&sibling.lanes).find(|(own, other)| own.lane != other.lane);
        let until_m = parts.map_or(f64::INFINITY, |(own, _)| own.from_m);
        let count = (until_m / PATH_STEP_M).ceil().max(0.0) as usize;
        &sibling.points[..count.min(sibling.points.len()).min(n + 1)]
    });
    let mut at = 0;
    let mut points = Vec::with_capacity(n + 1);
    points.extend_from_slice(shared);
    let decay = libm::exp(-PATH_STEP_M / RECENTRE_M);
    let mut aside_m = (0..shared.len()).fold(on.offset_m, |aside_m, _| aside_m * decay);
    for i in shared.len()..=n {
        let s_m = i as f64 * PATH_STEP_M;
        while at + 1 < lanes.len() && lanes[at + 1].from_m <= s_m {
            at += 1;
        }
        let Some(shape) = roads.shape(lanes[at].lane) else { break };
        let pose = shape.pose(s_m - lanes[at].from_m);
        let aside = pose.left() * aside_m;
        aside_m *= decay;
        points.push(Pose { at: pose.at + aside, dir: pose.dir });
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_whose_boxes_are_farther_apart_than_a_margin_have_no_discs_that_are_near() {
        // Ways of six seconds in many directions, from many places.
        let way = |k: u32| {
            let mut discs = NOWHERE;
            let (sin, cos) = libm::sincos(f64::from(k) * 0.7);
            let from = Point::new(f64::from(k * 37 % 101) - 50.0, f64::from(k * 53 % 97) - 48.0);
            for (i, disc) in (0..6).zip(&mut discs) {
                let at = from + Vector::new(cos, sin) * (f64::from(i) * 5.0);
                *disc = Disc { at, radius_m: 1.0 + 0.5 * f64::from(i) };
            }
            discs
        };
        let ways: Vec<Discs> = (0..60).map(way).collect();
        let gap_m = |a: &Discs, b: &Discs| {
            let ((low_a, high_a), (low_b, high_b)) = (bounds(a), bounds(b));
            let gaps = [low_a.x - high_b.x, low_b.x - high_a.x, low_a.y - high_b.y, low_b.y - high_a.y];
            gaps.into_iter().fold(f64::NEG_INFINITY, f64::max)
        };
        let mut left_out = 0;
        for (a, b) in ways.iter().enumerate().flat_map(|(i, a)| ways[i + 1..].iter().map(move |b| (a, b))) {
            for margin_m in [0.0, 10.0] {
                let near = a.iter().zip(b).any(|(a, b)| a.is_near(b, margin_m));
                let apart = gap_m(a, b) > margin_m;
                assert!(!(near && apart), "{:?} {:?}", bounds(a), bounds(b));
                left_out += u32::from(apart);
            }
        }
        assert!(left_out > 500, "{left_out}");
        assert!(gap_m(&NOWHERE, &ways[0]) > 1e9, "who is nowhere is near nobody");
    }
}
