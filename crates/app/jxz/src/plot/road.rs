//! A road as one line to measure along: links of one name that follow each other, or one lane.

use anyhow::{Context, bail};
use jxz_geo::{Point, Polyline};
use jxz_map::{LaneIx, LaneKind, LinkIx, Map, Turn};
use jxz_world::{JunctionId, PhaseId};
use std::collections::BTreeSet;

/// A vehicle is on the road if it points along it within this angle, radians.
const ALONG_RAD: f64 = 0.8;
/// Beside the outermost lane's edge this still counts, metres.
const BESIDE_M: f64 = 0.5;

/// A signal on the road.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Signal {
    pub(super) junction: JunctionId,
    pub(super) phase: PhaseId,
}

/// A road in one direction of travel.
#[derive(Debug)]
pub(super) struct Road {
    pub(super) name: String,
    line: Polyline,
    /// Right and left edge of its lanes from the line, metres, left positive.
    edges_m: (f64, f64),
    /// Stop lines with a signal: station, and which signal.
    pub(super) stops: Vec<(f64, Signal)>,
    /// Junctions: station and name.
    pub(super) junctions: Vec<(f64, String)>,
}

impl Road {
    /// The longest stretch of links of a name that follow each other; of both directions the longer, or with `reverse`
    /// the other one.
    pub(super) fn of_name(map: &Map, name: &str, reverse: bool) -> anyhow::Result<Self> {
        let all = (0..map.links.len() as u32).map(LinkIx);
        let links: BTreeSet<LinkIx> =
            all.filter(|ix| map.link(*ix).name_zh == name || map.link(*ix).id == name).collect();
        if links.is_empty() {
            let names: BTreeSet<&str> =
                map.links.iter().map(|l| l.name_zh.as_str()).filter(|n| !n.is_empty()).collect();
            let names = names.into_iter().collect::<Vec<_>>().join(", ");
            bail!("the map has no road {name:?}; its roads are {names}");
        }
        let mut chains: Vec<Vec<LinkIx>> = Vec::new();
        for first in &links {
            chains.push(chain_from(map, &links, *first));
        }
        let length = |chain: &Vec<LinkIx>| chain.iter().map(|ix| map.link(*ix).line.length_m()).sum::<f64>();
        chains.sort_by(|a, b| length(b).total_cmp(&length(a)));
        let longest = chains.first().cloned().unwrap_or_default();
        let chosen = if reverse {
            let back = |chain: &&Vec<LinkIx>| chain.iter().all(|ix| !longest.contains(ix));
            chains.iter().find(back).cloned().with_context(|| format!("{name} has one direction only"))?
        } else {
            longest
        };
        Self::of_links(map, name, &chosen)
    }

    /// One lane.
    pub(super) fn of_lane(map: &Map, id: &str) -> anyhow::Result<Self> {
        let ix = map.lane_by_id(id).with_context(|| {
            let some: Vec<&str> = map.lanes.iter().take(3).map(|lane| lane.id.as_str()).collect();
            format!("the map has no lane {id:?}; lanes are named like {}", some.join(", "))
        })?;
        let lane = map.lane(ix);
        let mut road = Self {
            name: lane.id.clone(),
            line: lane.centre.clone(),
            edges_m: (-lane.width_m / 2.0, lane.width_m / 2.0),
            stops: Vec::new(),
            junctions: Vec::new(),
        };
        road.add_stop(map, ix);
        Ok(road)
    }

    fn of_links(map: &Map, name: &str, links: &[LinkIx]) -> anyhow::Result<Self> {
        let mut points: Vec<Point> = Vec::new();
        for ix in links {
            points.extend(map.link(*ix).line.points());
        }
        let line = Polyline::new(points).with_context(|| format!("{name} has no length"))?;
        let mut road =
            Self { name: name.to_owned(), line, edges_m: (0.0, 0.0), stops: Vec::new(), junctions: Vec::new() };
        for ix in links {
            let lanes = map.link(*ix).lanes.iter().filter(|lane| map.lane(**lane).kind == LaneKind::Driving);
            for lane in lanes {
                road.widen(map, *lane);
                road.add_stop(map, *lane);
            }
            if let Some(junction) = map.link(*ix).to.filter(|_| Some(ix) != links.last()) {
                let junction = map.junction(junction);
                let station_m = road.line.project(map.link(*ix).line.end()).s_m;
                road.junctions.push((station_m, junction.name_zh.clone()));
            }
        }
        Ok(road)
    }

    fn widen(&mut self, map: &Map, lane: LaneIx) {
        let lane = map.lane(lane);
        let offset_m = self.line.project(lane.centre.point_at(lane.centre.length_m() / 2.0)).offset_m;
        let half_m = lane.width_m / 2.0 + BESIDE_M;
        self.edges_m = (self.edges_m.0.min(offset_m - half_m), self.edges_m.1.max(offset_m + half_m));
    }

    /// The signal of a lane's way straight on, or of its only way.
    fn add_stop(&mut self, map: &Map, ix: LaneIx) {
        let lane = map.lane(ix);
        let Some(stop_m) = lane.stop_line_m else { return };
        let ways = || lane.successors.iter().filter_map(|next| map.lane(*next).movement.as_ref());
        let way = ways().find(|way| way.turn == Turn::Straight);
        let Some((way, phase)) = way.and_then(|way| Some((way, way.phase?))) else { return };
        let signal = Signal { junction: map.junction(way.junction).id.clone(), phase };
        if self.stops.iter().all(|(_, known)| *known != signal) {
            self.stops.push((self.line.project(lane.centre.point_at(stop_m)).s_m, signal));
        }
    }

    /// Its length, metres.
    pub(super) fn length_m(&self) -> f64 {
        self.line.length_m()
    }

    /// Where along the road a road user is that is on it and points along it, metres.
    pub(super) fn station_m(&self, point: Point, yaw_rad: f64) -> Option<f64> {
        let projection = self.line.project(point);
        let turned = jxz_units::wrap_pi(yaw_rad - self.line.yaw_at(projection.s_m).rad()).abs();
        let beside = projection.offset_m >= self.edges_m.0 && projection.offset_m <= self.edges_m.1;
        let before_or_after = (projection.distance_m - projection.offset_m.abs()).abs() > 0.5;
        (beside && turned < ALONG_RAD && !before_or_after).then_some(projection.s_m)
    }

    /// The corners of a box around it, metres: least and greatest.
    pub(super) fn bounds(&self) -> (Point, Point) {
        let start = self.line.start();
        let grow = |(low, high): (Point, Point), p: &Point| {
            (Point::new(low.x.min(p.x), low.y.min(p.y)), Point::new(high.x.max(p.x), high.y.max(p.y)))
        };
        self.line.points().iter().fold((start, start), grow)
    }
}

/// From a link on along links of the same set, straight on, each once.
fn chain_from(map: &Map, links: &BTreeSet<LinkIx>, first: LinkIx) -> Vec<LinkIx> {
    let mut chain = vec![first];
    while let Some(next) = chain.last().and_then(|last| straight_on(map, links, *last)) {
        if chain.contains(&next) {
            break;
        }
        chain.push(next);
    }
    chain
}

fn straight_on(map: &Map, links: &BTreeSet<LinkIx>, from: LinkIx) -> Option<LinkIx> {
    let link = map.link(from);
    let onward = |lane: &LaneIx| {
        let way = map.lane(*lane);
        let turns = way.movement.as_ref().is_some_and(|movement| movement.turn != Turn::Straight);
        if turns { Vec::new() } else { way.successors.clone() }
    };
    let lanes = link.lanes.iter().filter(|lane| map.lane(**lane).kind == LaneKind::Driving);
    for lane in lanes.flat_map(|lane| map.lane(*lane).successors.clone()) {
        let mut ahead = onward(&lane);
        ahead.push(lane);
        let next =
            ahead.iter().filter_map(|lane| map.lane(*lane).link).find(|next| *next != from && links.contains(next));
        if next.is_some() {
            return next;
        }
    }
    None
}
