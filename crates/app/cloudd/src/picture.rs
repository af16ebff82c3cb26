//! The road users of a moment as consoles show them: rounded once, for the history and for every console.

use crate::frame::freshness;
use crate::places::Places;
use jxz_cloud::{TrackView, View};
use jxz_wire::console::v1 as wire;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What `heading_decideg` says of a road user that has not moved yet.
pub(crate) const HEADING_UNKNOWN: u16 = 3600;

/// A road user, rounded as the wire has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: u64,
    /// Index into the frame's sites.
    pub(crate) site: u32,
    pub(crate) lon_e7: i32,
    pub(crate) lat_e7: i32,
    pub(crate) heading_decideg: u16,
    pub(crate) class: u8,
    pub(crate) freshness: u8,
    pub(crate) speed_cmps: u32,
    pub(crate) connected: bool,
    /// The other sites that see it, as indices into the frame's; `None` if none does.
    pub(crate) others: Option<Arc<[u32]>>,
}

/// Every road user that consoles show, in the order of the twin.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    pub(crate) rows: Vec<Row>,
    /// By class.
    pub(crate) counts: [u32; 3],
}

impl Picture {
    /// A node that the map does not have has no place to be drawn at: its road users are left out.
    pub(crate) fn of(view: &View, places: &Places) -> Self {
        let drawn = view.nodes.iter().filter(|node| node.position.is_some());
        let index: BTreeMap<_, u32> = drawn.zip(0..).map(|(node, i)| (&node.site, i)).collect();
        let of_node = |node: &jxz_cloud::NodeView| (index.get(&node.site).copied(), places.near(&node.site));
        let nodes: Vec<_> = view.nodes.iter().map(of_node).collect();
        let mut picture = Self { rows: Vec::with_capacity(view.track_count()), counts: [0; 3] };
        for track in view.tracks() {
            let (Some(site), near) = nodes[track.node] else { continue };
            let (lon_e7, lat_e7) = places.e7(near, track.track.position);
            let row = row(&track, site, (lon_e7, lat_e7), &index);
            picture.counts[usize::from(row.class).min(2)] += 1;
            picture.rows.push(row);
        }
        picture
    }
}

fn row(
    view: &TrackView<'_>,
    site: u32,
    (lon_e7, lat_e7): (i32, i32),
    index: &BTreeMap<&jxz_world::SiteId, u32>,
) -> Row {
    let track = view.track;
    let heading = track.heading.map(|heading| (heading.deg() * 10.0).round() as u16 % HEADING_UNKNOWN);
    let others: Vec<u32> = view.also_seen_by.iter().filter_map(|site| index.get(site).copied()).collect();
    Row {
        id: view.id.0,
        site,
        lon_e7,
        lat_e7,
        heading_decideg: heading.unwrap_or(HEADING_UNKNOWN),
        class: track.class.best().0.index() as u8,
        freshness: freshness(view.freshness) as u8,
        speed_cmps: (track.speed_mps() * 100.0).round() as u32,
        connected: view.vehicle.is_some(),
        others: (!others.is_empty()).then(|| others.into()),
    }
}

/// Rows in the wire's columns.
pub(crate) fn columns<'a>(rows: impl Iterator<Item = &'a Row>) -> wire::RoadUsers {
    let mut columns = wire::RoadUsers::default();
    let (least, _) = rows.size_hint();
    columns.id.reserve(least);
    columns.lon_e7.reserve(least);
    columns.lat_e7.reserve(least);
    for row in rows {
        columns.id.push(row.id);
        columns.site.push(row.site);
        columns.class.push(row.class.into());
        columns.lon_e7.push(row.lon_e7);
        columns.lat_e7.push(row.lat_e7);
        columns.heading_decideg.push(row.heading_decideg.into());
        columns.speed_cmps.push(row.speed_cmps);
        columns.freshness.push(row.freshness.into());
        columns.connected.push(row.connected);
        if let Some(others) = &row.others {
            columns.also_seen.push(wire::AlsoSeen { road_user: row.id, site: others.to_vec() });
        }
    }
    columns
}
