//! Names and numbers that must be unique.

use super::{Finding, FindingKind};
use crate::model::Map;
use jxz_geo::Point;
use std::collections::BTreeSet;

pub(super) fn check(map: &Map, findings: &mut Vec<Finding>) {
    unique("lane", map.lanes.iter().map(|l| (l.id.clone(), l.centre.start())), findings);
    unique("link", map.links.iter().map(|l| (l.id.clone(), l.line.start())), findings);
    unique("junction", map.junctions.iter().map(|j| (j.id.0.clone(), j.centre)), findings);
    unique("node_id", map.junctions.iter().map(|j| (j.node_id.to_string(), j.centre)), findings);
    unique("crossing", map.crossings.iter().map(|c| (c.id.clone(), c.line.start())), findings);
    let stop_at = |stop: &crate::BusStop| map.lane(stop.lane).centre.point_at(stop.s_m);
    unique("bus stop", map.bus_stops.iter().map(|s| (s.id.clone(), stop_at(s))), findings);
    unique("site", map.sites.iter().map(|s| (s.id.0.clone(), s.position)), findings);
    unique("base station", map.base_stations.iter().map(|s| (s.id.clone(), s.position)), findings);
    for site in &map.sites {
        let kind = format!("site {:?}: sensor", site.id.0);
        unique(&kind, site.sensors.iter().map(|s| (s.id.0.clone(), s.position)), findings);
    }
}

fn unique(kind: &str, ids: impl Iterator<Item = (String, Point)>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for (id, at) in ids {
        if !seen.insert(id.clone()) {
            let object = format!("{kind} {id:?}");
            let detail = "another one has the same id".to_owned();
            findings.push(Finding { kind: FindingKind::DuplicateId, object, at, detail });
        }
    }
}
