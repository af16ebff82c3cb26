//! The twin as a console's frame (`proto/jxz/console/v1/console.proto`).

use crate::brain::Moment;
use crate::picture;
use crate::places::Places;
use jxz_cloud::{Freshness, GlobalTrackId, NodeView, SensorView, SignalView, WarningView};
use jxz_geo::Point;
use jxz_units::Utc;
use jxz_wire::console::v1 as wire;
use jxz_world::{Cause, Drops, Light, PredictedPath, SensorKind, StageLatency, WarningStage};
use std::collections::BTreeMap;

/// The frame of a moment. A node that the cloud's map does not have has no place to be drawn at: it and its road
/// users are left out (the gRPC interface lists them).
pub(crate) fn frame(moment: &Moment, places: &Places, truth: Option<wire::Truth>) -> wire::Frame {
    let rest = beside_road_users(moment, places);
    let road_users = Some(picture::columns(moment.picture(places).rows.iter()));
    let update = wire::Update { road_users, truth, ..rest };
    wire::Frame { sent_at_ms: unix_ms(moment.view.at), body: Some(wire::frame::Body::Update(update)), number: 0 }
}

/// What a frame has beside road users and truth.
pub(crate) fn beside_road_users(moment: &Moment, places: &Places) -> wire::Update {
    wire::Update {
        sites: sites(moment, places),
        warnings: warnings(moment, places),
        junctions: junctions(moment),
        latencies: latencies(&moment.view.latencies()),
        dropped: counts(&moment.dropped),
        ..wire::Update::default()
    }
}

/// The sites that have a place.
pub(crate) fn sites(moment: &Moment, places: &Places) -> Vec<wire::SiteState> {
    let drawn = moment.view.nodes.iter().filter_map(|node| node.position.map(|position| (node, position)));
    drawn.map(|(node, position)| site(moment, places, node, position)).collect()
}

/// The warnings that are shown.
pub(crate) fn warnings(moment: &Moment, places: &Places) -> Vec<wire::WarningState> {
    let shown = moment.view.warnings.iter().filter(|warning| is_shown(warning));
    shown.map(|warning| warning_state(places, warning)).collect()
}

/// The signals of every junction heard of.
pub(crate) fn junctions(moment: &Moment) -> Vec<wire::JunctionState> {
    moment.view.signals.iter().map(|signals| junction(moment.view.at, signals)).collect()
}

/// Cancelled ones are gone from the console; stale ones stay, greyed.
fn is_shown(warning: &WarningView) -> bool {
    warning.warning.stage != WarningStage::Cancelled
}

fn site(moment: &Moment, places: &Places, node: &NodeView, position: Point) -> wire::SiteState {
    let (lon_e7, lat_e7) = places.e7(places.near(&node.site), position);
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

fn warning_state(places: &Places, view: &WarningView) -> wire::WarningState {
    let warning = &view.warning;
    let (reason_zh, reason_en) = jxz_hazard::describe(warning);
    let near = places.near(&view.site);
    let (lon_e7, lat_e7) = places.e7(near, warning.place.at);
    let (path_lon_e7, path_lat_e7) = warning.place.path.points().iter().map(|point| places.e7(near, *point)).unzip();
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
        predicted: warning.paths.iter().zip(&view.paths_of).map(|(path, of)| predicted(places, path, *of)).collect(),
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

fn predicted(places: &Places, path: &PredictedPath, of: GlobalTrackId) -> wire::PredictedPath {
    let (lon_e7, lat_e7) = path.points.iter().map(|point| places.e7(None, *point)).unzip();
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

pub(crate) fn latencies(rows: &[StageLatency]) -> Vec<wire::StageLatency> {
    let row = |row: &StageLatency| wire::StageLatency {
        stage: row.stage.name().to_owned(),
        p50_ms: row.p50_ms,
        p99_ms: row.p99_ms,
        count: row.count,
    };
    rows.iter().map(row).collect()
}

pub(crate) const fn freshness(freshness: Freshness) -> wire::Freshness {
    match freshness {
        Freshness::Fresh => wire::Freshness::Fresh,
        Freshness::Late => wire::Freshness::Late,
        Freshness::Stale => wire::Freshness::Stale,
        Freshness::Lost => wire::Freshness::Lost,
    }
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
