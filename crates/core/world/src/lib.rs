//! The vocabulary that every part of the system shares: sensors and their scans, tracks, signals, warnings,
//! vehicles' own reports, and what each of them means.
//!
//! All positions are in the map's local frame (`jxz_geo::LocalFrame`): metres east and north. All times of
//! validity are [`jxz_units::Utc`]. What is not known is `None`, never a sentinel.

mod class;
mod counts;
mod details;
mod latency;
mod neighbour;
mod report;
mod road;
mod sensor;
mod service;
mod signal;
mod site;
mod track;
mod vehicle;
mod warning;

pub use class::{ClassBelief, RoadUserClass};
pub use counts::{DropCause, Drops};
pub use details::{Brakes, Emergency, Gear, LightBar, Response, SystemState, VehicleDetails, VehicleEvents, Wheels};
pub use latency::LatencyBook;
pub use neighbour::NeighbourTracks;
pub use report::{
    LatencyStage, Misbehaviour, NodeHealth, NodeState, Record, RecordBody, SensorHealth, SpoolHealth, StageLatency,
};
pub use road::{CongestionReport, RoadReport};
pub use sensor::{Detection, Scan, SensorId, SensorKind, SensorSpec};
pub use service::{ConfigVersion, Running, Service, Shortfall};
pub use signal::{JunctionId, JunctionSignals, Light, PhaseId, PhaseSignal};
pub use site::{Site, SiteId};
pub use track::{IslandId, Sources, Track, TrackId};
pub use vehicle::{VehicleId, VehicleReport};
pub use warning::{
    Application, Cause, Concerned, Level, Place, PredictedPath, RoadHazard, Warning, WarningId, WarningKind,
    WarningStage,
};
