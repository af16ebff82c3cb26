//! A node's health within records.

use crate::WireError;
use crate::error::{in_range, length, name};
use crate::node::v1 as wire;
use jxz_units::Utc;
use jxz_world::{
    Application, ConfigVersion, DropCause, Drops, LatencyStage, NodeHealth, Running, SensorHealth, SensorId,
    SensorKind, Service, Shortfall, SpoolHealth, StageLatency,
};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as NameError, StrDeserializer};

/// The most sensors a site may report.
const MAX_SENSORS: usize = 64;
/// The most applications and the most shortfalls that a node may report.
const MAX_APPLICATIONS: usize = 64;
const MAX_SHORTFALLS: usize = 128;

pub(crate) fn to_wire(health: &NodeHealth) -> wire::NodeHealth {
    wire::NodeHealth {
        at_unix_ns: health.at.unix_ns(),
        uptime_s: health.uptime_s,
        software_version: health.software_version.clone(),
        map_version: health.map_version.clone(),
        sensors: health.sensors.iter().map(sensor_to_wire).collect(),
        latencies: health.latencies.iter().map(latency_to_wire).collect(),
        drops: health.drops.iter().map(|(cause, n)| (cause.name().to_owned(), n)).collect(),
        tracks: health.tracks,
        warnings: health.warnings,
        subscribers: health.subscribers,
        spool: health.spool.as_ref().map(spool_to_wire),
        service: health.service.as_ref().map(service_to_wire),
        config_revision: health.running.config.map(|config| config.revision),
        config_digest: health.running.config.map(|config| config.digest),
        applications: health.running.applications.iter().map(|on| on.name().to_owned()).collect(),
    }
}

pub(crate) fn from_wire(health: wire::NodeHealth) -> Result<NodeHealth, WireError> {
    length("NodeHealth.sensors", health.sensors.len(), 0, MAX_SENSORS)?;
    length("NodeHealth.latencies", health.latencies.len(), 0, LatencyStage::ALL.len())?;
    length("NodeHealth.software_version", health.software_version.len(), 0, 256)?;
    length("NodeHealth.map_version", health.map_version.len(), 0, 256)?;
    length("NodeHealth.applications", health.applications.len(), 0, MAX_APPLICATIONS)?;
    let running = Running {
        config: match (health.config_revision, health.config_digest) {
            (Some(revision), Some(digest)) => Some(ConfigVersion { revision, digest }),
            (None, None) => None,
            _ => return Err(WireError::Missing { field: "NodeHealth.config_digest" }),
        },
        // A newer node may have applications that this version has no name for.
        applications: health.applications.iter().filter_map(|name| Application::from_name(name)).collect(),
    };
    let mut drops = Drops::default();
    for (cause, n) in &health.drops {
        // A newer node may count causes that this version has no name for.
        if let Some(cause) = drop_cause(cause) {
            drops.add(cause, *n);
        }
    }
    Ok(NodeHealth {
        at: Utc::from_unix_ns(health.at_unix_ns),
        uptime_s: in_range("NodeHealth.uptime_s", health.uptime_s, 0.0, 1e12)?,
        software_version: health.software_version,
        map_version: health.map_version,
        sensors: health.sensors.into_iter().map(sensor_from_wire).collect::<Result<_, _>>()?,
        latencies: health.latencies.iter().map(latency_from_wire).collect::<Result<_, _>>()?,
        drops,
        tracks: health.tracks,
        warnings: health.warnings,
        subscribers: health.subscribers,
        spool: health.spool.map(spool_from_wire).transpose()?,
        service: health.service.map(service_from_wire).transpose()?,
        running,
    })
}

/// Importances that a report may tell apart.
const MAX_IMPORTANCES: usize = 16;

/// How a node's must-arrive records do.
#[must_use]
pub fn spool_to_wire(spool: &SpoolHealth) -> wire::SpoolHealth {
    wire::SpoolHealth {
        pending: spool.pending,
        oldest_age_s: spool.oldest_age_s,
        bytes: spool.bytes,
        dropped: spool.dropped.iter().map(|(name, n)| (name.clone(), *n)).collect(),
        damaged: spool.damaged,
        failing: spool.failing,
    }
}

/// How a node's must-arrive records do.
///
/// # Errors
/// The first field that is out of range.
pub fn spool_from_wire(spool: wire::SpoolHealth) -> Result<SpoolHealth, WireError> {
    length("SpoolHealth.dropped", spool.dropped.len(), 0, MAX_IMPORTANCES)?;
    let dropped = spool.dropped.into_iter().map(|(importance, n)| Ok((name("SpoolHealth.dropped", importance)?, n)));
    Ok(SpoolHealth {
        pending: spool.pending,
        oldest_age_s: spool.oldest_age_s.map(|s| in_range("SpoolHealth.oldest_age_s", s, 0.0, 1e12)).transpose()?,
        bytes: spool.bytes,
        dropped: dropped.collect::<Result<_, WireError>>()?,
        damaged: spool.damaged,
        failing: spool.failing,
    })
}

fn service_to_wire(service: &Service) -> wire::Service {
    let shortfall = |s: &Shortfall| wire::Shortfall { name: s.name().to_owned(), subject: s.subject().to_owned() };
    wire::Service { shortfalls: service.shortfalls().iter().map(shortfall).collect() }
}

fn service_from_wire(service: wire::Service) -> Result<Service, WireError> {
    length("Service.shortfalls", service.shortfalls.len(), 0, MAX_SHORTFALLS)?;
    let mut shortfalls = Vec::with_capacity(service.shortfalls.len());
    for shortfall in service.shortfalls {
        length("Shortfall.subject", shortfall.subject.len(), 0, crate::MAX_NAME_BYTES)?;
        shortfalls.push(Shortfall::from_parts(&name("Shortfall.name", shortfall.name)?, &shortfall.subject));
    }
    Ok(if shortfalls.is_empty() { Service::Full } else { Service::Degraded(shortfalls) })
}

/// The cause of a name, by the vocabulary's own spelling.
fn drop_cause(name: &str) -> Option<DropCause> {
    let name: StrDeserializer<'_, NameError> = name.into_deserializer();
    DropCause::deserialize(name).ok()
}

fn sensor_to_wire(sensor: &SensorHealth) -> wire::SensorHealth {
    let kind = match sensor.kind {
        SensorKind::Radar => wire::SensorKind::Radar,
        SensorKind::Camera => wire::SensorKind::Camera,
    };
    wire::SensorHealth {
        id: sensor.id.0.clone(),
        kind: kind.into(),
        last_scan_at_unix_ns: sensor.last_scan_at.map(Utc::unix_ns),
        scans_per_s: sensor.scans_per_s,
    }
}

fn sensor_from_wire(sensor: wire::SensorHealth) -> Result<SensorHealth, WireError> {
    let kind = match wire::SensorKind::try_from(sensor.kind) {
        Ok(wire::SensorKind::Radar) => SensorKind::Radar,
        Ok(wire::SensorKind::Camera) => SensorKind::Camera,
        Ok(wire::SensorKind::Unspecified) | Err(_) => {
            return Err(WireError::Meaningless { field: "SensorHealth.kind", value: sensor.kind.to_string() });
        }
    };
    let scans_per_s = match sensor.scans_per_s {
        Some(rate) => Some(in_range("SensorHealth.scans_per_s", rate, 0.0, 1e6)?),
        None => None,
    };
    let last_scan_at = sensor.last_scan_at_unix_ns.map(Utc::from_unix_ns);
    Ok(SensorHealth { id: SensorId(name("SensorHealth.id", sensor.id)?), kind, last_scan_at, scans_per_s })
}

fn latency_to_wire(latency: &StageLatency) -> wire::StageLatency {
    wire::StageLatency {
        stage: latency.stage.name().to_owned(),
        p50_ms: latency.p50_ms,
        p99_ms: latency.p99_ms,
        count: latency.count,
    }
}

fn latency_from_wire(latency: &wire::StageLatency) -> Result<StageLatency, WireError> {
    let stage = LatencyStage::from_name(&latency.stage)
        .ok_or_else(|| WireError::Meaningless { field: "StageLatency.stage", value: latency.stage.clone() })?;
    Ok(StageLatency {
        stage,
        p50_ms: in_range("StageLatency.p50_ms", latency.p50_ms, 0.0, 1e9)?,
        p99_ms: in_range("StageLatency.p99_ms", latency.p99_ms, 0.0, 1e9)?,
        count: latency.count,
    })
}
