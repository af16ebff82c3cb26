//! The roads around a unit, to say on which links and lanes a way lies.

use crate::asn::{Bits, ReferenceLanes, ReferenceLink, ReferenceLinkList};
use crate::spat::NodeRef;
use jxz_geo::{Point, Polyline};
use jxz_map::{Link, Map};
use jxz_units::wrap_pi;

/// The node at an edge of the map, where there is no junction. Numbers up to 255 are for tests, so no junction on a
/// road has it.
pub(crate) const EDGE_OF_MAP: u16 = 0;
/// Links with a lane within this distance of the unit are known, metres.
const REACH_M: f64 = 1000.0;
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
    links: Vec<Road>,
}

#[derive(Debug, Clone)]
struct Road {
    upstream: u16,
    downstream: u16,
    /// Corners of a box around all lanes.
    low: Point,
    high: Point,
    /// Centre line and half width of each lane, in the order of their numbers.
    lanes: Vec<(Polyline, f64)>,
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
        let known = map.links.iter().filter_map(|link| {
            let (upstream, downstream) = ends(map, link);
            // Between two edges of the map there is nothing to name.
            if (upstream, downstream) == (EDGE_OF_MAP, EDGE_OF_MAP) {
                return None;
            }
            let lanes: Vec<_> = link.lanes.iter().map(|&ix| map.lane(ix)).collect();
            let points = || lanes.iter().flat_map(|lane| lane.centre.points());
            let mut low = *points().next()?;
            let mut high = low;
            for point in points() {
                low = low.inf(point);
                high = high.sup(point);
            }
            let nearest = Point::new(place.x.clamp(low.x, high.x), place.y.clamp(low.y, high.y));
            ((nearest - place).norm() <= REACH_M).then(|| Road {
                upstream,
                downstream,
                low,
                high,
                lanes: lanes.iter().map(|lane| (lane.centre.clone(), lane.width_m / 2.0)).collect(),
            })
        });
        Self { links: known.collect() }
    }

    /// The links and lanes that a way lies on, in the order in which it meets them; `None` if on none that is known.
    pub(crate) fn along(&self, way: &Polyline) -> Option<ReferenceLinkList> {
        let steps = (way.length_m() / STEP_M).ceil().clamp(1.0, 1000.0) as usize;
        let mut met: Vec<Met> = Vec::new();
        for k in 0..steps {
            let s_m = way.length_m() * (k as f64 + 0.5) / steps as f64;
            let (point, yaw_rad) = (way.point_at(s_m), way.yaw_at(s_m).rad());
            for (link, road) in self.links.iter().enumerate() {
                for lane in road.lanes_at(point, yaw_rad) {
                    match met.iter_mut().find(|met| met.link == link) {
                        Some(met) => met.count(lane),
                        None => met.push(Met::first(link, lane)),
                    }
                }
            }
        }
        let enough = |on: usize| on >= STEPS_ON || 2 * on >= steps;
        let named = met.iter().filter_map(|met| {
            let lanes = met.lanes.iter().filter(|(_, on)| enough(*on)).map(|(lane, _)| *lane);
            let road = &self.links[met.link];
            lanes.clone().next().map(|_| reference((road.upstream, road.downstream), lanes))
        });
        let links: Vec<ReferenceLink> = named.take(MOST_LINKS).collect();
        (!links.is_empty()).then_some(ReferenceLinkList(links))
    }
}

/// A link that a way meets.
struct Met {
    link: usize,
    /// Lane numbers, and for how many steps the way lies on each.
    lanes: Vec<(usize, usize)>,
}

impl Met {
    fn first(link: usize, lane: usize) -> Self {
        Self { link, lanes: vec![(lane, 1)] }
    }

    fn count(&mut self, lane: usize) {
        match self.lanes.iter_mut().find(|(known, _)| *known == lane) {
            Some((_, on)) => *on += 1,
            None => self.lanes.push((lane, 1)),
        }
    }
}

impl Road {
    /// The numbers of the lanes that a point lies on, facing so.
    fn lanes_at(&self, point: Point, yaw_rad: f64) -> impl Iterator<Item = usize> + '_ {
        let margin_m = 4.0;
        let inside = point.x >= self.low.x - margin_m
            && point.x <= self.high.x + margin_m
            && point.y >= self.low.y - margin_m
            && point.y <= self.high.y + margin_m;
        let lanes = self.lanes.iter().zip(1..).filter(move |_| inside);
        lanes.filter_map(move |((centre, half_width_m), number)| {
            let foot = centre.project(point);
            let turn_rad = wrap_pi(centre.yaw_at(foot.s_m).rad() - yaw_rad).abs();
            // Beyond an end the nearest place is the end itself.
            (foot.distance_m <= *half_width_m && turn_rad < ALONG_RAD).then_some(number)
        })
    }
}
