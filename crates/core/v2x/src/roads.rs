//! The roads around a unit, to say on which links and lanes a way lies.

use crate::asn::{Bits, ReferenceLanes, ReferenceLink, ReferenceLinkList};
use crate::spat::NodeRef;
use jxz_geo::{Point, Polyline};
use jxz_map::{Lane, LaneIx, Link, Map};
use jxz_units::wrap_pi;

/// The node at an edge of the map, where there is no junction. Numbers up to 255 are for tests, so no junction on a
/// road has it.
pub(crate) const EDGE_OF_MAP: u16 = 0;
/// Links with a lane within this distance of the unit are known, metres.
const REACH_M: f64 = 1000.0;
/// Lanes are kept in pieces of at most this length, metres.
const STRETCH_M: f64 = 40.0;
/// A way is looked at in steps of this length, metres.
const STEP_M: f64 = 5.0;
/// It runs along a lane whose direction differs by less, radians.
const ALONG_RAD: f64 = 0.5;
/// A link is named when the way lies on it for so many steps, or for half of all.
const STEPS_ON: usize = 2;
/// Links that an event or a sign may name.
const MOST_LINKS: usize = 16;
const LANE_BITS: u32 = 16;

/// The links around a unit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roads {
    /// Upstream and downstream node of each.
    links: Vec<(u16, u16)>,
    stretches: Vec<Stretch>,
    /// Their boxes, side by side: most are left out by them.
    boxes: Vec<Bounds>,
}

/// A short piece of a lane, in a box that is soon left out.
#[derive(Debug, Clone)]
struct Stretch {
    link: usize,
    /// The lane's number on its link, from 1.
    lane: usize,
    centre: Polyline,
    half_width_m: f64,
    bounds: Bounds,
}

/// A box along the axes.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    low: Point,
    high: Point,
}

impl Bounds {
    /// Around a line, with a margin.
    fn of(line: &Polyline, margin_m: f64) -> Self {
        let (mut low, mut high) = (line.start(), line.start());
        for point in line.points() {
            low = low.inf(point);
            high = high.sup(point);
        }
        let margin = jxz_geo::Vector::new(margin_m, margin_m);
        Self { low: low - margin, high: high + margin }
    }

    fn has(&self, point: Point) -> bool {
        point.x >= self.low.x && point.x <= self.high.x && point.y >= self.low.y && point.y <= self.high.y
    }

    fn meets(&self, other: &Self) -> bool {
        self.low.x <= other.high.x
            && self.high.x >= other.low.x
            && self.low.y <= other.high.y
            && self.high.y >= other.low.y
    }
}

/// The upstream and the downstream node of a link.
pub(crate) fn ends(map: &Map, link: &Link) -> (u16, u16) {
    let node = |junction: Option<_>| junction.map_or(EDGE_OF_MAP, |ix| map.junction(ix).node_id);
    (node(link.from), node(link.to))
}

/// A link with some of its lanes, counted from 1. A lane beyond the fifteenth cannot be said: then none is, which
/// stands for all.
pub(crate) fn reference((upstream, downstream): (u16, u16), lanes: impl Iterator<Item = usize>) -> ReferenceLink {
    let mut bits = lanes.map(|lane| (1..LANE_BITS as usize).contains(&lane).then_some(lane as u32));
    let bits = bits.try_fold(Bits::zeros(LANE_BITS), |bits, lane| lane.map(|lane| bits.with(lane)));
    ReferenceLink {
        upstream_node_id: NodeRef::to_wire(upstream),
        downstream_node_id: NodeRef::to_wire(downstream),
        reference_lanes: bits.map(ReferenceLanes),
    }
}

impl Roads {
    /// Those of a map around a place.
    pub(crate) fn around(map: &Map, place: Point) -> Self {
        let mut roads = Self::default();
        for link in &map.links {
            let ends = ends(map, link);
            let reach = |ix: &LaneIx| Bounds::of(&map.lane(*ix).centre, REACH_M).has(place);
            // Between two edges of the map there is nothing to name.
            if ends == (EDGE_OF_MAP, EDGE_OF_MAP) || !link.lanes.iter().any(reach) {
                continue;
            }
            for (ix, lane) in link.lanes.iter().zip(1..) {
                roads.stretches.extend(stretches(map.lane(*ix), roads.links.len(), lane));
            }
            roads.links.push(ends);
        }
        roads.boxes = roads.stretches.iter().map(|stretch| stretch.bounds).collect();
        roads
    }

    /// The links and lanes that a way lies on, in the order in which it meets them; `None` if on none that is known.
    pub(crate) fn along(&self, way: &Polyline) -> Option<ReferenceLinkList> {
        let bounds = Bounds::of(way, 0.0);
        let boxed = self.boxes.iter().zip(&self.stretches).filter(|(around, _)| around.meets(&bounds));
        let near: Vec<&Stretch> = boxed.map(|(_, stretch)| stretch).collect();
        let steps = (way.length_m() / STEP_M).ceil().clamp(1.0, 1000.0) as usize;
        let mut met: Vec<Met> = Vec::new();
        for k in 0..steps {
            let s_m = way.length_m() * (k as f64 + 0.5) / steps as f64;
            let (point, yaw_rad) = (way.point_at(s_m), way.yaw_at(s_m).rad());
            for stretch in near.iter().filter(|stretch| stretch.carries(point, yaw_rad)) {
                match met.iter_mut().find(|met| met.link == stretch.link) {
                    Some(met) => met.count(stretch.lane, k),
                    None => met.push(Met { link: stretch.link, lanes: vec![(stretch.lane, 1, k)] }),
                }
            }
        }
        let enough = |on: usize| on >= STEPS_ON || 2 * on >= steps;
        let named = met.iter().filter_map(|met| {
            let lanes = met.lanes.iter().filter(|(_, on, _)| enough(*on)).map(|(lane, ..)| *lane);
            lanes.clone().next().map(|_| reference(self.links[met.link], lanes))
        });
        let links: Vec<ReferenceLink> = named.take(MOST_LINKS).collect();
        (!links.is_empty()).then_some(ReferenceLinkList(links))
    }
}

/// A lane in pieces.
fn stretches(lane: &Lane, link: usize, number: usize) -> impl Iterator<Item = Stretch> + '_ {
    let pieces = (lane.centre.length_m() / STRETCH_M).ceil().max(1.0);
    let length_m = lane.centre.length_m() / pieces;
    let half_width_m = lane.width_m / 2.0;
    (0..pieces as usize).filter_map(move |k| {
        let centre = lane.centre.slice(k as f64 * length_m, (k + 1) as f64 * length_m)?;
        let bounds = Bounds::of(&centre, half_width_m);
        Some(Stretch { link, lane: number, centre, half_width_m, bounds })
    })
}

impl Stretch {
    /// Whether something at a point that faces so is on it.
    fn carries(&self, point: Point, yaw_rad: f64) -> bool {
        if !self.bounds.has(point) {
            return false;
        }
        let foot = self.centre.project(point);
        let turn_rad = wrap_pi(self.centre.yaw_at(foot.s_m).rad() - yaw_rad).abs();
        foot.distance_m <= self.half_width_m && turn_rad < ALONG_RAD
    }
}

/// A link that a way meets.
struct Met {
    link: usize,
    /// Lane numbers, for how many steps the way lies on each, and the last of these.
    lanes: Vec<(usize, usize, usize)>,
}

impl Met {
    /// Counts a step on a lane, once.
    fn count(&mut self, lane: usize, step: usize) {
        match self.lanes.iter_mut().find(|(known, ..)| *known == lane) {
            // Where two stretches meet, both carry the point.
            Some((_, _, last)) if *last == step => {}
            Some((_, on, last)) => (*on, *last) = (*on + 1, step),
            None => self.lanes.push((lane, 1, step)),
        }
    }
}
