//! The map as drivers need it: where paths through a junction come too near each other, how fast a bend can be
//! driven, how far a lane is from the nearest site.

use super::guide::Guides;
use super::route::AWAY_M;
use jxz_geo::{Point, Polyline, Vector};
use jxz_map::{JunctionIx, Lane, LaneIx, LaneKind, Map, Turn};
use jxz_units::Yaw;
use std::sync::Arc;

/// Lateral acceleration that drivers accept in bends, m/s².
const LATERAL_MPS2: f64 = 2.0;
/// Step of the search for places where two paths come near each other, metres.
const ZONE_STEP_M: f64 = 0.5;
/// A crossing within this distance of a lane's end belongs to the junction there, metres.
const CROSSING_AT_END_M: f64 = 15.0;
/// Lengths of a lorry and of a bus, metres.
pub(super) const LORRY_M: f64 = 7.8;
const BUS_M: f64 = 11.5;
/// Free space wanted between the outlines on two paths, metres.
const ZONE_MARGIN_M: f64 = 0.35;

/// How two connectors share a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// They begin on the same lane and part.
    Diverge,
    /// They end on the same lane.
    Merge,
    /// They cross.
    Cross,
}

/// The stretch of a connector on which a body could touch one on another connector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Zone {
    pub(crate) other: LaneIx,
    pub(crate) shape: Shape,
    /// Along this connector, metres.
    pub(crate) enter_m: f64,
    pub(crate) leave_m: f64,
    /// Along the other, metres.
    pub(crate) other_enter_m: f64,
    pub(crate) other_leave_m: f64,
    /// Whether this connector gives way to the other.
    pub(crate) yields: bool,
}

/// What drivers know of a lane beside the map's own words.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(crate) struct LaneFacts {
    pub(crate) length_m: f64,
    /// The junction that it leads through, if it is a connector.
    pub(crate) junction: Option<JunctionIx>,
    pub(crate) speed_limit_mps: f64,
    /// Whether any crossing is on it.
    pub(crate) has_crossings: bool,
    /// Whether some part of it is farther from every site than road users stay.
    pub(crate) leads_away: bool,
    /// The speed at which it can be driven in comfort, at most the limit.
    pub(crate) comfortable_mps: f64,
    /// Where to wait before the junction at its end, metres along it: the stop line, or where there is none the end or
    /// the near edge of a crossing just before it.
    pub(crate) hold_m: f64,
    /// Distance from its end to the nearest site's coverage, metres; below zero: covered. Infinite without sites.
    pub(crate) reach_end_m: f64,
}

/// The road network.
#[derive(Debug, Clone)]
pub(crate) struct RoadNet {
    pub(crate) map: Arc<Map>,
    pub(crate) guides: Guides,
    facts: Vec<LaneFacts>,
    /// What is looked at most, apart.
    lengths_m: Vec<f64>,
    zones: ByLane<Zone>,
    /// By lane, the others of its zones.
    others: Vec<LaneIx>,
    /// By lane, the same for a bus and whomever it meets: longer, and more.
    bus_zones: ByLane<Zone>,
    /// By lane, its centre line.
    pieces: ByLane<Piece>,
}

/// A straight piece of a centre line.
#[derive(Debug, Clone, Copy)]
struct Piece {
    from: Point,
    along: Vector,
    /// Where it begins, metres along the line.
    at_m: f64,
    yaw: Yaw,
    /// What it stands for, metres along the line: all of it beyond the line's ends.
    from_m: f64,
    until_m: f64,
}

impl Piece {
    fn at(&self, s_m: f64) -> Point {
        self.from + self.along * (s_m - self.at_m)
    }
}

/// Where somebody is on a lane: the straight piece of it. Kept with them, so that who drives on need not look it up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    lane: LaneIx,
    piece: Piece,
}

impl Place {
    /// Not known yet.
    pub(crate) fn unknown() -> Self {
        let (from, along, yaw) = (Point::origin(), Vector::x(), Yaw::from_rad(0.0));
        Self { lane: LaneIx(u32::MAX), piece: Piece { from, along, at_m: 0.0, yaw, from_m: 0.0, until_m: 0.0 } }
    }

    fn holds(&self, lane: LaneIx, s_m: f64) -> bool {
        self.lane == lane && s_m >= self.piece.from_m && s_m < self.piece.until_m
    }
}

/// A list for every lane, one after the other in one array.
#[derive(Debug, Clone)]
struct ByLane<T> {
    all: Vec<T>,
    /// By lane where its list begins; one more than lanes.
    starts: Vec<u32>,
}

impl<T> ByLane<T> {
    fn new(lists: Vec<Vec<T>>) -> Self {
        let ends = lists.iter().scan(0, |end, list| {
            *end += list.len() as u32;
            Some(*end)
        });
        let starts = core::iter::once(0).chain(ends).collect();
        Self { all: lists.into_iter().flatten().collect(), starts }
    }

    fn bounds(&self, ix: LaneIx) -> (usize, usize) {
        let at = ix.0 as usize;
        (self.starts[at] as usize, self.starts[at + 1] as usize)
    }

    fn of(&self, ix: LaneIx) -> &[T] {
        let (first, end) = self.bounds(ix);
        &self.all[first..end]
    }
}

impl RoadNet {
    pub(crate) fn new(map: Arc<Map>) -> Self {
        let (mut zones, mut bus_zones) = (vec![Vec::new(); map.lanes.len()], vec![Vec::new(); map.lanes.len()]);
        let facts = map
            .lanes
            .iter()
            .map(|lane| LaneFacts {
                length_m: lane.centre.length_m(),
                junction: lane.movement.as_ref().map(|movement| movement.junction),
                speed_limit_mps: lane.speed_limit_mps,
                has_crossings: !lane.crossings.is_empty(),
                leads_away: leads_away(&map, &lane.centre),
                comfortable_mps: bend_speed_mps(&lane.centre).min(lane.speed_limit_mps),
                hold_m: hold_m(&map, lane),
                reach_end_m: reach_m(&map, lane.centre.end()),
            })
            .collect();
        for junction in &map.junctions {
            for (i, &a) in junction.connectors.iter().enumerate() {
                for &b in &junction.connectors[i + 1..] {
                    if let Some((ours, theirs)) = zone_pair(&map, a, b, LORRY_M) {
                        zones[a.0 as usize].push(ours);
                        zones[b.0 as usize].push(theirs);
                    }
                    if let Some((ours, theirs)) = zone_pair(&map, a, b, BUS_M) {
                        bus_zones[a.0 as usize].push(ours);
                        bus_zones[b.0 as usize].push(theirs);
                    }
                }
            }
        }
        let pieces = ByLane::new(map.lanes.iter().map(|lane| pieces(&lane.centre)).collect());
        let lengths_m = map.lanes.iter().map(|lane| lane.centre.length_m()).collect();
        let (zones, bus_zones) = (ByLane::new(zones), ByLane::new(bus_zones));
        let others = zones.all.iter().map(|zone: &Zone| zone.other).collect();
        Self { guides: Guides::new(&map), map, facts, lengths_m, zones, others, bus_zones, pieces }
    }

    pub(crate) fn lane(&self, ix: LaneIx) -> &Lane {
        self.map.lane(ix)
    }

    pub(crate) fn facts(&self, ix: LaneIx) -> &LaneFacts {
        &self.facts[ix.0 as usize]
    }

    pub(crate) fn length_m(&self, ix: LaneIx) -> f64 {
        self.lengths_m[ix.0 as usize]
    }

    /// Where a connector's path meets others'.
    pub(crate) fn zones(&self, ix: LaneIx) -> &[Zone] {
        self.zones.of(ix)
    }

    /// Where a connector's path meets another's, if they come too near; `long`: for one that is longer than a lorry.
    pub(crate) fn zone(&self, ix: LaneIx, other: LaneIx, long: bool) -> Option<&Zone> {
        if long {
            return self.bus_zones.of(ix).iter().find(|zone| zone.other == other);
        }
        let (first, end) = self.zones.bounds(ix);
        let at = self.others[first..end].iter().position(|lane| *lane == other)?;
        self.zones.all.get(first + at)
    }

    /// The straight piece of a lane's centre line at `s_m` metres along; the ends are continued straight.
    fn piece_at(&self, ix: LaneIx, s_m: f64) -> &Piece {
        let pieces = self.pieces.of(ix);
        &pieces[pieces.partition_point(|piece| piece.from_m <= s_m).saturating_sub(1)]
    }

    /// The point of a lane's centre line at `s_m` metres along.
    pub(crate) fn point_at(&self, ix: LaneIx, s_m: f64) -> Point {
        self.piece_at(ix, s_m).at(s_m)
    }

    /// Looks up the piece that somebody is on, unless it is the one that they were on.
    pub(crate) fn follow(&self, place: &mut Place, ix: LaneIx, s_m: f64) {
        if !place.holds(ix, s_m) {
            *place = Place { lane: ix, piece: *self.piece_at(ix, s_m) };
        }
    }

    /// The point at `s_m` metres along and the line's direction there, if the line is straight from there back to
    /// `rear_m`. `place` is where somebody was lately: most often still the same.
    pub(crate) fn straight_at(&self, place: &Place, ix: LaneIx, s_m: f64, rear_m: f64) -> Option<(Point, Vector, Yaw)> {
        let piece = if place.holds(ix, s_m) { &place.piece } else { self.piece_at(ix, s_m) };
        (rear_m >= piece.at_m).then(|| (piece.at(s_m), piece.along, piece.yaw))
    }

    /// Every lane's index.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = LaneIx> + use<> {
        (0..self.map.lanes.len() as u32).map(LaneIx)
    }
}

fn pieces(line: &Polyline) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::with_capacity(line.points().len());
    let mut at_m = 0.0;
    for ends in line.points().windows(2) {
        let way = ends[1] - ends[0];
        let length_m = way.norm();
        let from_m = if pieces.is_empty() { f64::NEG_INFINITY } else { at_m };
        if let Some(before) = pieces.last_mut() {
            before.until_m = at_m;
        }
        let (along, yaw) = (way / length_m, Yaw::of_vector(way.x, way.y));
        pieces.push(Piece { from: ends[0], along, at_m, yaw, from_m, until_m: f64::INFINITY });
        at_m += length_m;
    }
    pieces
}

/// Where to wait on a lane before the junction at its end, metres along it. Where a road only turns back on itself, clear
/// of a bus that swings around.
fn hold_m(map: &Map, lane: &Lane) -> f64 {
    const TURNING_BUS_M: f64 = 9.0;
    let turns_back = |next: &LaneIx| map.lane(*next).movement.as_ref().is_some_and(|m| m.turn == Turn::UTurn);
    let only_back = !lane.successors.is_empty() && lane.successors.iter().all(turns_back);
    let length_m = lane.centre.length_m() - if only_back { TURNING_BUS_M } else { 0.0 };
    let edges = lane.crossings.iter().filter(|(_, s_m)| *s_m > length_m - CROSSING_AT_END_M);
    let edges = edges.map(|(crossing, s_m)| s_m - map.crossing(*crossing).width_m / 2.0 - 1.0);
    lane.stop_line_m.unwrap_or_else(|| edges.fold(length_m, f64::min)).max(0.0)
}

/// Distance from a point to the nearest site's coverage, metres; below zero: covered. Infinite without sites.
pub(crate) fn reach_m(map: &Map, point: Point) -> f64 {
    map.sites.iter().map(|site| (site.position - point).norm() - site.coverage_m).fold(f64::INFINITY, f64::min)
}

/// Whether any part of a line may be farther than [`AWAY_M`] from every site's coverage.
fn leads_away(map: &Map, line: &Polyline) -> bool {
    const LOOK_M: f64 = 20.0;
    let steps = (line.length_m() / LOOK_M).ceil() as usize;
    let reach = |step: usize| reach_m(map, line.point_at((step as f64 * LOOK_M).min(line.length_m())));
    (0..=steps).any(|step| reach(step).is_finite() && reach(step) > AWAY_M - LOOK_M)
}

/// Half the width that a body on a lane of this kind may take, metres.
const fn half_body_m(kind: LaneKind) -> f64 {
    match kind {
        LaneKind::Driving => 1.1,
        LaneKind::Cycle => 0.4,
        LaneKind::Footway => 0.3,
    }
}

/// How far the middle of a vehicle of a length cuts into the inside of a bend, metres: its chord's height over the arc.
fn cut_m(lane: &Lane, body_m: f64) -> f64 {
    /// Nothing on the map bends more tightly for all of a vehicle's length, metres.
    const TIGHTEST_M: f64 = 9.5;
    if lane.kind != LaneKind::Driving {
        return 0.0;
    }
    let speed_mps = bend_speed_mps(&lane.centre);
    let radius_m = speed_mps * speed_mps / LATERAL_MPS2;
    body_m * body_m / (8.0 * f64::max(radius_m, TIGHTEST_M))
}

/// The speed at which the tightest stretch of eight metres can be driven.
fn bend_speed_mps(centre: &Polyline) -> f64 {
    const STRETCH_M: f64 = 8.0;
    let length_m = centre.length_m();
    let (mut from_m, mut speed_mps) = (0.0, f64::INFINITY);
    while from_m < length_m {
        let to_m = (from_m + STRETCH_M).min(length_m);
        let turned_rad = jxz_units::wrap_pi(centre.yaw_at(to_m - 1e-3).rad() - centre.yaw_at(from_m).rad()).abs();
        if turned_rad > 1e-3 {
            let radius_m = (to_m - from_m).max(4.0) / turned_rad;
            speed_mps = f64::min(speed_mps, (LATERAL_MPS2 * radius_m).sqrt());
        }
        from_m += STRETCH_M / 2.0;
    }
    speed_mps.max(2.5)
}

/// The zones of two connectors on each other, if vehicles of at most such a length come too near.
fn zone_pair(map: &Map, a: LaneIx, b: LaneIx, body_m: f64) -> Option<(Zone, Zone)> {
    let (lane_a, lane_b) = (map.lane(a), map.lane(b));
    if lane_a.kind == LaneKind::Footway || lane_b.kind == LaneKind::Footway {
        return None;
    }
    let shape = if lane_a.predecessors.iter().any(|p| lane_b.predecessors.contains(p)) {
        Shape::Diverge
    } else if lane_a.successors.iter().any(|p| lane_b.successors.contains(p)) {
        Shape::Merge
    } else {
        Shape::Cross
    };
    let clear_m = half_body_m(lane_a.kind) + half_body_m(lane_b.kind) + ZONE_MARGIN_M;
    let clear_m = clear_m + cut_m(lane_a, body_m).max(cut_m(lane_b, body_m));
    let (enter_a, leave_a) = near_stretch(&lane_a.centre, &lane_b.centre, clear_m)?;
    let (enter_b, leave_b) = near_stretch(&lane_b.centre, &lane_a.centre, clear_m)?;
    let yields = |lane: &Lane, to: LaneIx| lane.movement.as_ref().is_some_and(|m| m.yields_to.contains(&to));
    let zone = |other, own: (f64, f64), theirs: (f64, f64), yields| Zone {
        other,
        shape,
        enter_m: own.0,
        leave_m: own.1,
        other_enter_m: theirs.0,
        other_leave_m: theirs.1,
        yields,
    };
    Some((
        zone(b, (enter_a, leave_a), (enter_b, leave_b), yields(lane_a, b)),
        zone(a, (enter_b, leave_b), (enter_a, leave_a), yields(lane_b, a)),
    ))
}

/// From the first to the last place of `line` that is nearer than `clear_m` to `other`.
fn near_stretch(line: &Polyline, other: &Polyline, clear_m: f64) -> Option<(f64, f64)> {
    let steps = (line.length_m() / ZONE_STEP_M).ceil() as usize;
    let mut stretch: Option<(f64, f64)> = None;
    let mut step = 0;
    while step <= steps {
        let s_m = (step as f64 * ZONE_STEP_M).min(line.length_m());
        let away_m = other.project(line.point_at(s_m)).distance_m;
        if away_m < clear_m {
            stretch = Some((stretch.map_or(s_m, |(first, _)| first), s_m));
        }
        // Nowhere does the distance shrink faster than the way grows: places before that need no look.
        step += (((away_m - clear_m) / ZONE_STEP_M) as usize).max(1);
    }
    stretch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outline::{Outline, overlap};
    use std::path::Path;

    fn island() -> RoadNet {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island");
        RoadNet::new(Arc::new(Map::load(&folder).unwrap()))
    }

    /// The point of a way over a connector, metres from the connector's start.
    fn point(net: &RoadNet, connector: LaneIx, s_m: f64) -> Point {
        let (lane, length_m) = (net.lane(connector), net.length_m(connector));
        match (lane.predecessors.first(), lane.successors.first()) {
            (Some(before), _) if s_m < 0.0 => net.point_at(*before, net.length_m(*before) + s_m),
            (_, Some(next)) if s_m > length_m => net.point_at(*next, s_m - length_m),
            _ => net.point_at(connector, s_m),
        }
    }

    /// Outlines a metre apart of a body that drives over a connector, a hand's breadth narrower than it is.
    fn passage(net: &RoadNet, connector: LaneIx, (length_m, width_m): (f64, f64)) -> Vec<Outline> {
        let outline = |step: u32| {
            let s_m = f64::from(step);
            let (front, rear) = (point(net, connector, s_m), point(net, connector, s_m - length_m));
            let half_m = (length_m / 2.0 - 0.05, width_m / 2.0 - 0.05);
            let along = (front - rear).normalize();
            Outline { centre: rear + (front - rear) * 0.5, along, half_m, velocity: Vector::zeros() }
        };
        (1..=(net.length_m(connector) + 6.0) as u32).map(outline).collect()
    }

    #[test]
    fn where_a_bus_cuts_into_a_bend_and_onto_a_cyclists_way_they_share_a_stretch() {
        let net = &island();
        let mut only_buses = 0;
        for junction in &net.map.junctions {
            let of_kind = |kind| junction.connectors.iter().copied().filter(move |ix| net.lane(*ix).kind == kind);
            for bus in of_kind(LaneKind::Driving) {
                let passing = passage(net, bus, (BUS_M, 2.5));
                for cycle in of_kind(LaneKind::Cycle).filter(|cycle| net.zone(bus, *cycle, false).is_none()) {
                    let riding = passage(net, cycle, (1.8, 0.7));
                    let meet = passing.iter().any(|bus| riding.iter().any(|cycle| overlap(bus, cycle)));
                    only_buses += usize::from(meet);
                    let shared = net.zone(bus, cycle, true).is_some() && net.zone(cycle, bus, true).is_some();
                    assert!(shared || !meet, "{bus:?} and {cycle:?} of {:?}", junction.id);
                }
            }
        }
        assert!(only_buses >= 1, "no bend on the map that a bus makes too narrow");
    }
}
