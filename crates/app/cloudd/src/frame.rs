//! The twin as a console's frame (`proto/jxz/console/v1/console.proto`).

use crate::brain::Moment;
use jxz_cloud::{Freshness, GlobalTrackId, NodeView, SensorView, SignalView, WarningView};
use jxz_geo::{LocalFrame, Point};
use jxz_units::Utc;
use jxz_wire::console::v1 as wire;
use jxz_world::{Cause, Drops, Light, PredictedPath, SensorKind, StageLatency, WarningStage};
use std::collections::BTreeMap;

/// What `heading_decideg` says of a road user that has not moved yet.
const HEADING_UNKNOWN: u32 = 3600;

/// The frame of a moment. A node that the cloud's map does not have has no place to be drawn at: it and its road
/// users are left out (the gRPC interface lists them).
pub(crate) fn frame(moment: &Moment, geo: &LocalFrame, truth: Option<wire::Truth>) -> wire::Frame {
    let view = &moment.view;
    let sites: Vec<(&NodeView, Point)> =
        view.nodes.iter().filter_map(|node| node.position.map(|position| (node, position))).collect();
    let update = wire::Update {
        road_users: Some(road_users(moment, geo, &sites)),
        sites: sites.iter().map(|(node, position)| site(moment, geo, node, *position)).collect(),
        warnings: view.warnings.iter().filter(|w| is_shown(w)).map(|warning| warning_state(geo, warning)).collect(),
        junctions: view.signals.iter().map(|signals| junction(view.at, signals)).collect(),
        latencies: latencies(&view.latencies()),
        dropped: counts(&moment.dropped),
        truth,
    };
    wire::Frame { sent_at_ms: unix_ms(view.at), body: Some(wire::frame::Body::Update(update)) }
}

/// Cancelled ones are gone from the console; stale ones stay, greyed.
fn is_shown(warning: &WarningView) -> bool {
    warning.warning.stage != WarningStage::Cancelled
}

fn road_users(moment: &Moment, geo: &LocalFrame, sites: &[(&NodeView, Point)]) -> wire::RoadUsers {
    let index: BTreeMap<_, u32> = sites.iter().zip(0..).map(|((node, _), i)| (&node.site, i)).collect();
    let mut columns = wire::RoadUsers::default();
    for track in &moment.view.tracks {
        let Some(site) = index.get(&track.site) else { continue };
        let (lon_e7, lat_e7) = e7(geo, track.track.position);
        let heading = track.track.heading.map(|heading| (heading.deg() * 10.0).round() as u32 % HEADING_UNKNOWN);
        columns.id.push(track.id.0);
        columns.site.push(*site);
        columns.class.push(track.track.class.best().0.index() as u32);
        columns.lon_e7.push(lon_e7);
        columns.lat_e7.push(lat_e7);
        columns.heading_decideg.push(heading.unwrap_or(HEADING_UNKNOWN));
        columns.speed_cmps.push((track.track.speed_mps() * 100.0).round() as u32);
        columns.freshness.push(freshness(track.freshness) as i32);
        columns.connected.push(track.track.vehicle.is_some());
        let others: Vec<u32> = track.also_seen_by.iter().filter_map(|site| index.get(site).copied()).collect();
        if !others.is_empty() {
            columns.also_seen.push(wire::AlsoSeen { road_user: track.id.0, site: others });
        }
    }
    columns
}

fn site(moment: &Moment, geo: &LocalFrame, node: &NodeView, position: Point) -> wire::SiteState {
    let (lon_e7, lat_e7) = e7(geo, position);
    let now = moment.view.at;
    let health = node.health.as_ref();
    let mut dropped = node.drops.clone();
    health.iter().for_each(|health| dropped.merge(&health.drops));
    wire::SiteState {
        id: node.site.0.clone(),
        name_zh: node.name_zh.clone().unwrap_or_default(),
        name_en: node.name_en.clone().unwrap_or_default(),
        lon_e7,
        lat_e7,
        freshness: freshness(node.freshness) as i32,
        last_heard_ms: node.last_heard.map(|at| (now.seconds_since(at).max(0.0) * 1e3) as u64),
        tracks: node.tracks as u32,
        warnings: node.warnings as u32,
        sensors: node.sensors.iter().map(sensor).collect(),
        latencies: health.map(|health| latencies(&health.latencies)).unwrap_or_default(),
        dropped: counts(&dropped),
        software_version: health.map(|health| health.software_version.clone()).unwrap_or_default(),
        map_version: health.map(|health| health.map_version.clone()).unwrap_or_default(),
    }
}

fn sensor(sensor: &SensorView) -> wire::SensorState {
    wire::SensorState {
        id: sensor.id.0.clone(),
        kind: sensor_kind(sensor.kind).to_owned(),
        freshness: freshness(sensor.freshness) as i32,
        scans_per_s: sensor.scans_per_s,
    }
}

fn warning_state(geo: &LocalFrame, view: &WarningView) -> wire::WarningState {
    let warning = &view.warning;
    let (reason_zh, reason_en) = jxz_hazard::describe(warning);
    let (lon_e7, lat_e7) = e7(geo, warning.place.at);
    let (path_lon_e7, path_lat_e7) = warning.place.path.points().iter().map(|point| e7(geo, *point)).unzip();
    let numbers = |ids: &[GlobalTrackId]| ids.iter().map(|id| id.0).collect();
    wire::WarningState {
        id: format!("{:016x}", warning.id.0),
        kind: warning.kind().name().to_owned(),
        application: warning.application.name().to_owned(),
        level: warning.level.name().to_owned(),
        site: view.site.0.clone(),
        lon_e7,
        lat_e7,
        since_ms: unix_ms(warning.since),
        valid_until_ms: unix_ms(warning.valid_until),
        confidence: warning.confidence,
        stage: stage_name(warning.stage).to_owned(),
        reason_zh,
        reason_en,
        concerned: numbers(&view.concerned),
        about: numbers(&view.about),
        freshness: freshness(view.freshness) as i32,
        path_lon_e7,
        path_lat_e7,
        predicted: warning.paths.iter().zip(&view.paths_of).map(|(path, of)| predicted(geo, path, *of)).collect(),
        why: Some(why(view)),
    }
}

fn why(view: &WarningView) -> wire::Why {
    let (boot, sequence, received) = view.record;
    wire::Why {
        boot,
        sequence,
        revision: view.warning.revision,
        sensed_at_ms: unix_ms(view.warning.sensed_at),
        received_at_ms: unix_ms(received),
        measured: measured(&view.warning.cause),
    }
}

/// The numbers of a cause by the names that its records have.
fn measured(cause: &Cause) -> BTreeMap<String, f64> {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(cause) else { return BTreeMap::new() };
    fields.into_iter().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect()
}

fn predicted(geo: &LocalFrame, path: &PredictedPath, of: GlobalTrackId) -> wire::PredictedPath {
    let (lon_e7, lat_e7) = path.points.iter().map(|point| e7(geo, *point)).unzip();
    wire::PredictedPath { road_user: of.0, lon_e7, lat_e7 }
}

fn junction(now: Utc, view: &SignalView) -> wire::JunctionState {
    let phases = view.signals.phases.iter().map(|phase| wire::PhaseState {
        phase: u32::from(phase.phase.0),
        light: light_name(phase.light).to_owned(),
        ends_in_ms: (phase.likely_end.seconds_since(now).max(0.0) * 1e3) as u32,
    });
    wire::JunctionState {
        id: view.signals.junction.0.clone(),
        freshness: freshness(view.freshness) as i32,
        phases: phases.collect(),
    }
}

fn latencies(rows: &[StageLatency]) -> Vec<wire::StageLatency> {
    let row = |row: &StageLatency| wire::StageLatency {
        stage: row.stage.name().to_owned(),
        p50_ms: row.p50_ms,
        p99_ms: row.p99_ms,
        count: row.count,
    };
    rows.iter().map(row).collect()
}

const fn freshness(freshness: Freshness) -> wire::Freshness {
    match freshness {
        Freshness::Fresh => wire::Freshness::Fresh,
        Freshness::Late => wire::Freshness::Late,
        Freshness::Stale => wire::Freshness::Stale,
        Freshness::Lost => wire::Freshness::Lost,
    }
}

/// Longitude and latitude, 1e-7 degrees. Both fit: the wire admits no point farther than 100 km from the origin.
fn e7(geo: &LocalFrame, point: Point) -> (i32, i32) {
    let position = geo.to_wgs84(point);
    ((position.lon_deg * 1e7).round() as i32, (position.lat_deg * 1e7).round() as i32)
}

/// Counts by cause's name.
pub(crate) fn counts(drops: &Drops) -> BTreeMap<String, u64> {
    drops.iter().map(|(cause, n)| (cause.name().to_owned(), n)).collect()
}

/// Milliseconds since the Unix epoch; times before it count as it.
pub(crate) fn unix_ms(at: Utc) -> u64 {
    u64::try_from(at.unix_ms()).unwrap_or(0)
}

/// `radar` or `camera`.
pub(crate) const fn sensor_kind(kind: SensorKind) -> &'static str {
    match kind {
        SensorKind::Radar => "radar",
        SensorKind::Camera => "camera",
    }
}

/// `raised`, `held` or `cancelled`.
pub(crate) const fn stage_name(stage: WarningStage) -> &'static str {
    match stage {
        WarningStage::Raised => "raised",
        WarningStage::Held => "held",
        WarningStage::Cancelled => "cancelled",
    }
}

/// The light's name, as the interfaces write it.
pub(crate) const fn light_name(light: Light) -> &'static str {
    match light {
        Light::Red => "red",
        Light::Green => "green",
        Light::PermissiveGreen => "permissive-green",
        Light::Yellow => "yellow",
        Light::FlashingYellow => "flashing-yellow",
        Light::Dark => "dark",
    }
}
