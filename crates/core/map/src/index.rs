//! Finding lanes by place, and ways by lane.

use crate::model::{LaneIx, LaneKind, Map};
use jxz_geo::{Point, Polyline};
use jxz_units::{Yaw, wrap_pi};
use rstar::primitives::{GeomWithData, Line};
use rstar::{AABB, RTree};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A lane is a candidate for a point up to this far beyond its edge, metres.
const BESIDE_M: f64 = 2.5;
/// A road user whose yaw differs from a lane's by more is not on it, radians.
const ASTRAY_RAD: f64 = 1.05;
/// What changing to a neighbouring lane costs a route, seconds.
const CHANGE_S: f64 = 1.5;

/// A place on a lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LanePosition {
    /// Which lane.
    pub lane: LaneIx,
    /// Distance along its centre line, metres.
    pub s_m: f64,
    /// Distance from its centre line, metres, positive to the left.
    pub offset_m: f64,
}

#[derive(Debug, Clone)]
struct Entry {
    line: Polyline,
    kind: LaneKind,
    width_m: f64,
    raised: bool,
    time_s: f64,
    next: Vec<LaneIx>,
    beside: Vec<LaneIx>,
}

/// An index over a map's lanes, built once; it answers for the map it was built from.
#[derive(Debug, Clone)]
pub struct MapIndex {
    lanes: Vec<Entry>,
    segments: RTree<GeomWithData<Line<[f64; 2]>, u32>>,
}

impl MapIndex {
    /// Indexes every lane of a map.
    #[must_use]
    pub fn new(map: &Map) -> Self {
        let mut segments = Vec::new();
        let mut lanes = Vec::with_capacity(map.lanes.len());
        for (k, lane) in map.lanes.iter().enumerate() {
            for pair in lane.centre.points().windows(2) {
                let line = Line::new([pair[0].x, pair[0].y], [pair[1].x, pair[1].y]);
                segments.push(GeomWithData::new(line, k as u32));
            }
            let link = lane.link.or_else(|| lane.predecessors.first().and_then(|p| map.lane(*p).link));
            lanes.push(Entry {
                line: lane.centre.clone(),
                kind: lane.kind,
                width_m: lane.width_m,
                raised: link.is_some_and(|link| map.link(link).level != 0),
                time_s: lane.centre.length_m() / lane.speed_limit_mps.max(0.1),
                next: lane.successors.clone(),
                beside: lane.left.iter().chain(&lane.right).copied().collect(),
            });
        }
        Self { lanes, segments: RTree::bulk_load(segments) }
    }

    /// Lanes whose centre line passes within `radius_m` of a point, with the nearest place on each, by index.
    #[must_use]
    pub fn lanes_within(&self, point: Point, radius_m: f64) -> Vec<LanePosition> {
        let (x, y) = (point.x, point.y);
        let window = AABB::from_corners([x - radius_m, y - radius_m], [x + radius_m, y + radius_m]);
        let mut found: Vec<u32> = self.segments.locate_in_envelope_intersecting(window).map(|s| s.data).collect();
        found.sort_unstable();
        found.dedup();
        let near = found.into_iter().filter_map(|k| {
            let foot = self.lanes[k as usize].line.project(point);
            (foot.distance_m <= radius_m).then_some(LanePosition {
                lane: LaneIx(k),
                s_m: foot.s_m,
                offset_m: foot.distance_m.copysign(foot.offset_m),
            })
        });
        near.collect()
    }

    /// The lane that a road user at `point`, facing `yaw` if that is known, is most likely on, among the kinds that
    /// `accept` allows; `None` if none lies near enough or runs its way. People on foot use footways both ways.
    #[must_use]
    pub fn locate(&self, point: Point, yaw: Option<Yaw>, accept: impl Fn(LaneKind) -> bool) -> Option<LanePosition> {
        let mut best: Option<(f64, LanePosition)> = None;
        for position in self.lanes_within(point, 6.0) {
            let lane = &self.lanes[position.lane.0 as usize];
            if !accept(lane.kind) || position.offset_m.abs() > lane.width_m / 2.0 + BESIDE_M {
                continue;
            }
            let astray = yaw.map_or(0.0, |yaw| {
                let off = wrap_pi(yaw.rad() - lane.line.yaw_at(position.s_m).rad()).abs();
                if lane.kind == LaneKind::Footway { off.min(core::f64::consts::PI - off) } else { off }
            });
            if astray > ASTRAY_RAD {
                continue;
            }
            // Half a radian counts like two metres; a lane overhead only if the ground offers none as good.
            let cost = position.offset_m.abs() + 4.0 * astray + if lane.raised { 1.0 } else { 0.0 };
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, position));
            }
        }
        best.map(|(_, position)| position)
    }

    /// Free-flow time over a lane, seconds.
    #[must_use]
    pub fn free_flow_s(&self, lane: LaneIx) -> f64 {
        self.lanes[lane.0 as usize].time_s
    }

    /// The quickest way between two lanes at free flow, both included; a lane change shows as two neighbours in
    /// succession. `None` if there is no way.
    #[must_use]
    pub fn route(&self, from: LaneIx, to: LaneIx) -> Option<Vec<LaneIx>> {
        self.route_by(from, to, |lane| Some(self.free_flow_s(lane)))
    }

    /// As [`Self::route`], with the time over each lane (seconds, above zero) as the caller knows it; `None` closes a lane.
    #[must_use]
    pub fn route_by(&self, from: LaneIx, to: LaneIx, time_s: impl Fn(LaneIx) -> Option<f64>) -> Option<Vec<LaneIx>> {
        let (costs, before) = self.search(from, Some(to), time_s);
        costs[to.0 as usize]?;
        let mut way = vec![to];
        while let Some(previous) = before[way[way.len() - 1].0 as usize] {
            way.push(previous);
        }
        way.reverse();
        Some(way)
    }

    /// Free-flow time from the start of a lane to the start of every lane, seconds; `None` where no way leads.
    #[must_use]
    pub fn costs_from(&self, from: LaneIx) -> Vec<Option<f64>> {
        self.search(from, None, |lane| Some(self.free_flow_s(lane))).0
    }

    /// Dijkstra's algorithm over successors and neighbours.
    fn search(
        &self,
        from: LaneIx,
        to: Option<LaneIx>,
        time_s: impl Fn(LaneIx) -> Option<f64>,
    ) -> (Vec<Option<f64>>, Vec<Option<LaneIx>>) {
        let mut costs: Vec<Option<f64>> = vec![None; self.lanes.len()];
        let mut before: Vec<Option<LaneIx>> = vec![None; self.lanes.len()];
        let mut settled = vec![false; self.lanes.len()];
        let mut open = BinaryHeap::new();
        costs[from.0 as usize] = Some(0.0);
        open.push(Reverse((Cost(0.0), from)));
        while let Some(Reverse((Cost(cost), lane))) = open.pop() {
            if Some(lane) == to {
                break;
            }
            if std::mem::replace(&mut settled[lane.0 as usize], true) {
                continue;
            }
            let Some(over) = time_s(lane) else { continue };
            let entry = &self.lanes[lane.0 as usize];
            let ways = entry.next.iter().map(|n| (*n, over)).chain(entry.beside.iter().map(|n| (*n, CHANGE_S)));
            for (next, step) in ways {
                let total = cost + step.max(1e-6);
                let slot = &mut costs[next.0 as usize];
                if time_s(next).is_some() && slot.is_none_or(|known| total < known) {
                    *slot = Some(total);
                    before[next.0 as usize] = Some(lane);
                    open.push(Reverse((Cost(total), next)));
                }
            }
        }
        (costs, before)
    }
}

/// A finite cost, ordered.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cost(f64);

impl Eq for Cost {}

impl PartialOrd for Cost {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Cost {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
