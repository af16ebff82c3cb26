//! Reported road conditions, laid onto the lanes that they reach.

use crate::roads::Roads;
use jxz_map::{LaneIx, LaneKind, Map};
use jxz_units::Utc;
use jxz_world::RoadReport;
use std::collections::BTreeMap;

/// Most conditions at one site; more are left out and counted.
const MAX_REPORTS: usize = 64;
/// Most lanes of one condition: the nearest.
const MAX_LANES: usize = 32;
/// A condition reaches the lanes within this even if it is smaller, metres.
const LEAST_RADIUS_M: f64 = 4.0;

/// A condition and the stretches of driving lanes in it, the nearest to its middle first.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    pub(crate) report: RoadReport,
    /// (lane, from, to), metres along it.
    pub(crate) lanes: Vec<(LaneIx, f64, f64)>,
}

impl Zone {
    fn new(map: &Map, roads: &Roads, report: RoadReport) -> Self {
        let radius_m = report.radius_m.clamp(LEAST_RADIUS_M, 1000.0);
        let mut near = Vec::new();
        roads.near(report.at, radius_m, &mut near);
        near.retain(|on| map.lane(on.lane).kind == LaneKind::Driving);
        near.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.lane.cmp(&b.lane)));
        near.truncate(MAX_LANES);
        let stretch = |on: &crate::roads::OnLane| {
            let half_m = (radius_m * radius_m - on.distance_m * on.distance_m).max(0.0).sqrt();
            (on.lane, (on.s_m - half_m).max(0.0), (on.s_m + half_m).min(map.lane(on.lane).centre.length_m()))
        };
        Self { report, lanes: near.iter().map(stretch).collect() }
    }
}

/// The conditions that hold now.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    known: BTreeMap<u64, Zone>,
    now: Vec<Zone>,
}

impl Conditions {
    /// Takes in what is reported; returns how many reports cannot be used.
    pub(crate) fn update(&mut self, at: Utc, map: &Map, roads: &Roads, reports: &[RoadReport]) -> u64 {
        let usable = |r: &&RoadReport| r.is_plausible() && at < r.valid_until;
        self.known.retain(|id, _| reports.iter().any(|r| r.id == *id));
        self.now.clear();
        for report in reports.iter().filter(usable).take(MAX_REPORTS) {
            let place = |r: &RoadReport| (r.at, r.radius_m);
            let zone = self.known.entry(report.id).or_insert_with(|| Zone::new(map, roads, *report));
            if place(&zone.report) != place(report) {
                *zone = Zone::new(map, roads, *report);
            }
            zone.report = *report;
            self.now.push(zone.clone());
        }
        reports.len().saturating_sub(self.now.len()) as u64
    }

    pub(crate) fn now(&self) -> &[Zone] {
        &self.now
    }
}
