//! Fusion: from the polar scans of a site's radars and cameras, and vehicles' own reports, to tracks.
//!
//! [`Tracker`] takes each scan as it arrives (asynchronous, sequential) and answers with tracks at any time asked.
//! It is pure: no clock, no threads, no chance; the same inputs in the same order give the same tracks, bit for bit.
//!
//! - **Filter**: an extended Kalman filter in the sensor's own polar coordinates with Doppler, under two
//!   constant-velocity models of low and high process noise (IMM; Bar-Shalom, Li, Kirubarajan 2001, ch. 11).
//! - **Association**: gated through a spatial index, optimal (Jonker-Volgenant) per connected component.
//! - **Existence**: a Bernoulli probability per track (IPDA; Mušicki, Evans, Stanković 1994) with a detection
//!   probability that knows the field of view and learns, per sensor, whether the track is hidden from it.
//! - **Late scans**: a short ring of past populations; a late scan is put where it belongs and what came after is
//!   filtered again, so the result is that of scans in order.
//! - **Neighbours**: what another site tracks starts tracks here, or is fused by covariance intersection, so that a road
//!   user keeps one identity from site to site and nothing is counted twice.
//!
//! [`metrics`] judges tracks against truth (GOSPA).

mod arrivals;
mod assign;
mod associate;
mod bernoulli;
mod calibration;
#[cfg(test)]
mod checks;
mod config;
mod error;
mod extended;
mod filter;
mod gate;
mod intersection;
mod lanes;
pub mod metrics;
mod motion;
mod neighbour;
mod occlusion;
mod population;
mod report;
mod ring;
mod rival;
mod score;
mod sensor;
mod tracker;
mod witness;

pub use calibration::{SensorCalibration, Trust};
pub use config::{Bounds, FusionConfig, FusionMode, Motion, Survey};
pub use error::FusionError;
pub use lanes::LaneField;
pub use neighbour::NeighbourFate;
pub use tracker::{Lateness, ReportFate, ReportOutcome, ScanOutcome, StageCounts, Tracker};
pub use witness::{Considered, Looked, Reason, TrackOrigin, Witness};
