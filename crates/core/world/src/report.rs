//! What an edge node tells the cloud.

use crate::{Drops, JunctionSignals, Running, SensorId, SensorKind, Service, SiteId, Track, VehicleId, Warning};
use jxz_units::Utc;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A stage on the way from a measurement to a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LatencyStage {
    /// From the time of validity to the edge core having the scan.
    Ingest,
    /// Fusion of one scan.
    Fuse,
    /// Prediction of conflicts and upkeep of warnings.
    Predict,
    /// Building, encoding (and, once there are certificates for it, signing) one message.
    EncodeSign,
    /// From handing a message to the channel to its receipt in the vehicle.
    Radio,
    /// From the time of validity of the newest measurement to the warning being shown in a vehicle.
    SensingToVehicle,
}

impl LatencyStage {
    /// Every stage, in order.
    pub const ALL: [Self; 6] =
        [Self::Ingest, Self::Fuse, Self::Predict, Self::EncodeSign, Self::Radio, Self::SensingToVehicle];

    /// The stage's name in reports and metrics, `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Fuse => "fuse",
            Self::Predict => "predict",
            Self::EncodeSign => "encode_sign",
            Self::Radio => "radio",
            Self::SensingToVehicle => "sensing_to_vehicle",
        }
    }

    /// The stage of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// Percentiles of one stage since the node started.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StageLatency {
    /// Which stage.
    pub stage: LatencyStage,
    /// Median, milliseconds.
    pub p50_ms: f64,
    /// 99th percentile, milliseconds.
    pub p99_ms: f64,
    /// How many were measured.
    pub count: u64,
}

/// How one sensor does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SensorHealth {
    /// Which sensor.
    pub id: SensorId,
    /// What it is.
    pub kind: SensorKind,
    /// Time of validity of its newest scan; `None` if it never sent one.
    pub last_scan_at: Option<Utc>,
    /// Scans a second since the last health report; `None` in the first.
    pub scans_per_s: Option<f64>,
}

/// Fresh state: worth sending only while it is fresh, and replaced by the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeState {
    /// Which node.
    pub site: SiteId,
    /// Changes with each start of the node.
    pub boot: u64,
    /// Counts up within a boot; the parts of one state share it.
    pub sequence: u64,
    /// When this was so.
    pub valid_at: Utc,
    /// For how long it may be shown as fresh, seconds.
    pub valid_for_s: f64,
    /// Its tracks, or a part of them when it was split to fit datagrams.
    pub tracks: Vec<Track>,
    /// Its junction's signals.
    pub signals: Option<JunctionSignals>,
}

/// How a node does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeHealth {
    /// When this was so.
    pub at: Utc,
    /// For how long the node has been up, seconds.
    pub uptime_s: f64,
    /// Version of the software.
    pub software_version: String,
    /// Version of the map.
    pub map_version: String,
    /// Its sensors.
    pub sensors: Vec<SensorHealth>,
    /// Its stages.
    pub latencies: Vec<StageLatency>,
    /// What it dropped since it started.
    pub drops: Drops,
    /// Tracks now.
    pub tracks: u32,
    /// Warnings alive now.
    pub warnings: u32,
    /// Vehicles subscribed over 5G now.
    pub subscribers: u32,
    /// Its must-arrive records; `None` if it keeps none on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool: Option<SpoolHealth>,
    /// How well it serves, by its own judgement; `None`: it does not say.
    #[serde(default)]
    pub service: Option<Service>,
    /// What it runs.
    #[serde(default)]
    pub running: Running,
}

/// How a node's must-arrive records do that have not arrived.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SpoolHealth {
    /// Records that have not arrived.
    pub pending: u64,
    /// For how long the oldest of them has waited, seconds; `None` if none waits.
    pub oldest_age_s: Option<f64>,
    /// What they take on disk, bytes.
    pub bytes: u64,
    /// Records dropped for want of room or for age, by the name of their importance; over all starts of the node.
    pub dropped: BTreeMap<String, u64>,
    /// Records lost to damage on disk, over all starts of the node.
    pub damaged: u64,
    /// Whether the disk refuses records at present.
    pub failing: bool,
}

/// A record that must arrive: kept and sent again until the cloud acknowledges it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Which node.
    pub site: SiteId,
    /// Changes with each start of the node.
    pub boot: u64,
    /// Counts up within a boot: (site, boot, sequence) is the record's key.
    pub sequence: u64,
    /// What it says.
    pub body: RecordBody,
}

/// What a must-arrive record says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordBody {
    /// A warning was raised, changed or cancelled.
    Warning(Warning),
    /// The node's health.
    Health(NodeHealth),
    /// A vehicle says what cannot be.
    Misbehaviour(Misbehaviour),
}

/// That a vehicle failed a check of plausibility, with the evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Misbehaviour {
    /// The vehicle's temporary id.
    pub subject: VehicleId,
    /// Digest of the certificate that signed it, if it was signed.
    pub certificate: Option<[u8; 8]>,
    /// The check that failed, by its name in reports and metrics.
    pub check: String,
    /// What was said, in `unit`.
    pub said: f64,
    /// What is allowed, in `unit`.
    pub allowed: f64,
    /// The unit of both.
    pub unit: String,
    /// When the first failure was heard.
    pub first: Utc,
    /// When the last failure was heard.
    pub last: Utc,
    /// How many there were.
    pub count: u64,
}
