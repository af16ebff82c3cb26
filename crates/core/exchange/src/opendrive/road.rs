//! A road's cross-section: where its lanes lie beside its reference line.

use jxz_geo::Polyline;
use jxz_map::{LaneIx, LaneKind, LinkIx, Map};

/// A gap narrower than this between two lanes is rounding, metres.
const GAP_M: f64 = 0.002;

/// One lane of OpenDRIVE: a lane of ours, or what lies between two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Strip {
    pub(super) lane: Option<LaneIx>,
    pub(super) width_m: f64,
}

/// Two links on one reference line, or one.
pub(super) struct Section {
    pub(super) forward: LinkIx,
    pub(super) backward: Option<LinkIx>,
    /// From the reference line to lane 0, metres to the left.
    pub(super) offset_m: f64,
    /// Beside lane 0, from it outwards.
    pub(super) left: Vec<Strip>,
    pub(super) right: Vec<Strip>,
}

impl Section {
    /// The cross-section of a link and the one opposite.
    pub(super) fn of(map: &Map, forward: LinkIx) -> Self {
        let link = map.link(forward);
        let backward = link.opposite;
        let beside = |ix: LinkIx| -> Vec<(f64, LaneIx)> {
            let mut lanes: Vec<(f64, LaneIx)> =
                map.link(ix).lanes.iter().map(|lane| (lateral_m(&link.line, &map.lane(*lane).centre), *lane)).collect();
            lanes.sort_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
            lanes
        };
        let mut right = beside(forward);
        right.sort_by(|a, b| b.0.total_cmp(&a.0));
        let left = backward.map(beside).unwrap_or_default();
        let edge = right.first().map_or(0.0, |(at, lane)| at + map.lane(*lane).width_m / 2.0);
        // On a road of both directions lane 0 is the reference line itself, and the median lies beside it.
        let offset_m = if backward.is_some() { 0.0 } else { edge };
        Self {
            forward,
            backward,
            offset_m,
            left: strips(map, left.iter().map(|(at, lane)| (*at, *lane))),
            right: strips(map, right.iter().map(|(at, lane)| (offset_m - at, *lane))),
        }
    }

    /// OpenDRIVE's number of a lane: positive to the left of lane 0, negative to the right.
    pub(super) fn number(&self, lane: LaneIx) -> Option<i64> {
        let place = |strips: &[Strip]| strips.iter().position(|strip| strip.lane == Some(lane)).map(|k| k as i64 + 1);
        place(&self.left).or_else(|| place(&self.right).map(|number| -number))
    }
}

/// Lanes at distances from lane 0 with what lies between them, from lane 0 outwards.
fn strips(map: &Map, lanes: impl Iterator<Item = (f64, LaneIx)>) -> Vec<Strip> {
    let mut strips = Vec::new();
    let mut edge_m = 0.0;
    for (at_m, lane) in lanes {
        let width_m = map.lane(lane).width_m;
        let gap_m = at_m - width_m / 2.0 - edge_m;
        if gap_m > GAP_M {
            strips.push(Strip { lane: None, width_m: gap_m });
            edge_m += gap_m;
        }
        strips.push(Strip { lane: Some(lane), width_m });
        edge_m += width_m;
    }
    strips
}

/// How far to the left of a line another runs, metres: the median of eleven places.
fn lateral_m(line: &Polyline, centre: &Polyline) -> f64 {
    let at = |k: usize| line.project(centre.point_at(centre.length_m() * (k as f64 + 0.5) / 11.0)).offset_m;
    let mut offsets: Vec<f64> = (0..11).map(at).collect();
    offsets.sort_by(f64::total_cmp);
    // A lane's place was written in millimetres: anything finer is the bends'.
    (offsets[5] * 1000.0).round() / 1000.0
}

/// OpenDRIVE's name of a kind of lane.
pub(super) fn type_of(kind: LaneKind) -> &'static str {
    match kind {
        LaneKind::Driving => "driving",
        LaneKind::Cycle => "biking",
        LaneKind::Footway => "sidewalk",
    }
}
