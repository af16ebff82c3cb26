//! The gRPC interface: conversions from the twin (`proto/jxz/api/v1/api.proto`).

use crate::brain::Moment;
use crate::frame::{counts, light_name, sensor_kind, stage_name, unix_ms};
use jxz_cloud::{Area, Freshness, GlobalTrackId, NodeView, SensorView, SignalView, TrackView, WarningView};
use jxz_geo::{LocalFrame, Point, Wgs84};
use jxz_wire::api::v1 as wire;
use jxz_world::{PredictedPath, StageLatency};

/// A box that makes sense, in degrees and as the area of the local frame around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Within {
    degrees: (f64, f64, f64, f64),
    area: Area,
}

impl Within {
    /// Checks a box.
    pub(crate) fn parse(bounds: &wire::Box, geo: &LocalFrame) -> Result<Self, String> {
        let degrees @ (south, west, north, east) =
            (bounds.south_lat_deg, bounds.west_lon_deg, bounds.north_lat_deg, bounds.east_lon_deg);
        let inside = |limit: f64, values: [f64; 2]| values.into_iter().all(|v| v.abs() <= limit);
        if !(inside(84.0, [south, north]) && inside(180.0, [west, east]) && south <= north && west <= east) {
            return Err(format!(
                "the box {south}, {west} to {north}, {east} is none: south-west corner first, latitudes within 84 \
                 degrees, longitudes within 180"
            ));
        }
        // Parallels and meridians are curved in the frame: the box's edges bulge beyond its corners by less than
        // half their own length, so the area is widened by that and the degrees decide in the end.
        let corner = |lat_deg, lon_deg| geo.to_local(Wgs84 { lat_deg, lon_deg });
        let corners = [corner(south, west), corner(south, east), corner(north, west), corner(north, east)];
        let least = |of: fn(&Point) -> f64| corners.iter().map(of).fold(f64::INFINITY, f64::min);
        let most = |of: fn(&Point) -> f64| corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        let (min, max) = (Point::new(least(|p| p.x), least(|p| p.y)), Point::new(most(|p| p.x), most(|p| p.y)));
        let margin = (max - min) / 2.0;
        Ok(Self { degrees, area: Area { min: min - margin, max: max + margin } })
    }

    fn holds(&self, at: Wgs84) -> bool {
        let (south, west, north, east) = self.degrees;
        (south..=north).contains(&at.lat_deg) && (west..=east).contains(&at.lon_deg)
    }
}

/// Road users of a moment inside a box, or all.
pub(crate) fn tracks(moment: &Moment, geo: &LocalFrame, within: Option<&Within>) -> Vec<wire::Track> {
    let all = |track: TrackView<'_>| track_to_wire(&track, geo.to_wgs84(track.track.position));
    match within {
        None => moment.view.tracks().map(all).collect(),
        Some(within) => {
            let near = moment.view.tracks_in(within.area);
            let inside = near.into_iter().filter(|track| within.holds(geo.to_wgs84(track.track.position)));
            inside.map(all).collect()
        }
    }
}

/// The whole moment.
pub(crate) fn twin(moment: &Moment, geo: &LocalFrame, within: Option<&Within>, skipped: u64) -> wire::Twin {
    let view = &moment.view;
    wire::Twin {
        at_ms: unix_ms(view.at),
        nodes: view.nodes.iter().map(|n| node(n, geo)).collect(),
        tracks: tracks(moment, geo, within),
        warnings: view.warnings.iter().map(|w| warning(w, geo)).collect(),
        junctions: view.signals.iter().map(junction).collect(),
        skipped,
    }
}

/// A node.
pub(crate) fn node(view: &NodeView, geo: &LocalFrame) -> wire::Node {
    let to_ms = |s: f64| s * 1e3;
    let health = view.health.as_ref().map(|health| wire::Health {
        at_ms: unix_ms(health.at),
        freshness: freshness(view.health_freshness.unwrap_or(Freshness::Lost)) as i32,
        uptime_s: health.uptime_s,
        software_version: health.software_version.clone(),
        map_version: health.map_version.clone(),
        latencies: health.latencies.iter().map(latency).collect(),
        dropped: counts(&health.drops),
        subscribers: health.subscribers,
    });
    wire::Node {
        site: view.site.0.clone(),
        name_zh: view.name_zh.clone(),
        name_en: view.name_en.clone(),
        position: view.position.map(|at| position(geo.to_wgs84(at))),
        connected: view.connected,
        freshness: freshness(view.freshness) as i32,
        last_heard_ms: view.last_heard.map(unix_ms),
        delay_ms: view.delay_s.map(to_ms),
        clock_ahead_ms: view.clock_ahead_s.map(to_ms),
        boot: view.boot,
        tracks: view.tracks as u32,
        warnings: view.warnings as u32,
        sensors: view.sensors.iter().map(sensor).collect(),
        health,
        dropped_by_cloud: counts(&view.drops),
        records_missing: view.records_missing,
    }
}

fn sensor(view: &SensorView) -> wire::Sensor {
    wire::Sensor {
        id: view.id.0.clone(),
        kind: sensor_kind(view.kind).to_owned(),
        freshness: freshness(view.freshness) as i32,
        scans_per_s: view.scans_per_s,
    }
}

fn latency(row: &StageLatency) -> wire::StageLatency {
    let stage = row.stage.name().to_owned();
    wire::StageLatency { stage, p50_ms: row.p50_ms, p99_ms: row.p99_ms, count: row.count }
}

fn track_to_wire(view: &TrackView<'_>, at: Wgs84) -> wire::Track {
    let track = view.track;
    let (class, class_probability) = track.class.best();
    wire::Track {
        id: view.id.0,
        site: view.site.0.clone(),
        freshness: freshness(view.freshness) as i32,
        valid_at_ms: unix_ms(track.valid_at),
        measured_before_ms: track.valid_at.seconds_since(track.measured_at) * 1e3,
        position: Some(position(at)),
        position_sigma_m: track.position_sigma_m(),
        speed_mps: track.speed_mps(),
        heading_deg: track.heading.map(jxz_units::Heading::deg),
        class: class.name().to_owned(),
        class_probability,
        existence: track.existence,
        connected: view.vehicle.is_some(),
        also_seen_by: view.also_seen_by.iter().map(|site| site.0.clone()).collect(),
        length_m: track.extent_m.map(|(length, _)| length),
        width_m: track.extent_m.map(|(_, width)| width),
    }
}

/// A warning.
pub(crate) fn warning(view: &WarningView, geo: &LocalFrame) -> wire::Warning {
    let warning = &view.warning;
    let (reason_zh, reason_en) = jxz_hazard::describe(warning);
    let numbers = |ids: &[GlobalTrackId]| ids.iter().map(|id| id.0).collect();
    wire::Warning {
        id: warning.id.0,
        revision: warning.revision,
        kind: warning.kind().name().to_owned(),
        application: warning.application.name().to_owned(),
        level: warning.level.name().to_owned(),
        stage: stage_name(warning.stage).to_owned(),
        site: view.site.0.clone(),
        freshness: freshness(view.freshness) as i32,
        position: Some(position(geo.to_wgs84(warning.place.at))),
        path: warning.place.path.points().iter().map(|point| position(geo.to_wgs84(*point))).collect(),
        since_ms: unix_ms(warning.since),
        sensed_at_ms: unix_ms(warning.sensed_at),
        valid_until_ms: unix_ms(warning.valid_until),
        confidence: warning.confidence,
        reason_zh,
        reason_en,
        concerned: numbers(&view.concerned),
        about: numbers(&view.about),
        predicted_paths: warning.paths.iter().zip(&view.paths_of).map(|(path, of)| predicted(geo, path, *of)).collect(),
    }
}

fn predicted(geo: &LocalFrame, path: &PredictedPath, of: GlobalTrackId) -> wire::PredictedPath {
    let points = path.points.iter().map(|point| position(geo.to_wgs84(*point))).collect();
    wire::PredictedPath { track: of.0, points }
}

/// A junction's signals.
pub(crate) fn junction(view: &SignalView) -> wire::Junction {
    let phases = view.signals.phases.iter().map(|phase| wire::Phase {
        number: u32::from(phase.phase.0),
        light: light_name(phase.light).to_owned(),
        likely_end_ms: unix_ms(phase.likely_end),
    });
    wire::Junction {
        id: view.signals.junction.0.clone(),
        site: view.site.0.clone(),
        freshness: freshness(view.freshness) as i32,
        valid_at_ms: unix_ms(view.signals.valid_at),
        phases: phases.collect(),
    }
}

const fn freshness(freshness: Freshness) -> wire::Freshness {
    match freshness {
        Freshness::Fresh => wire::Freshness::Fresh,
        Freshness::Late => wire::Freshness::Late,
        Freshness::Stale => wire::Freshness::Stale,
        Freshness::Lost => wire::Freshness::Lost,
    }
}

const fn position(at: Wgs84) -> wire::Position {
    wire::Position { lat_deg: at.lat_deg, lon_deg: at.lon_deg }
}
