//! Fusion: from the polar scans of a site's radars and cameras, and vehicles' own reports, to tracks.
//!
//! [`Tracker`] takes each scan as it arrives (asynchronous, sequential) and answers with tracks at any time asked.
//! It is pure: no clock, no threads, no chance; the same inputs in the same order give the same tracks, bit for bit.
//!
//! - **Filter**: an extended Kalman filter in the sensor's own polar coordinates with Doppler, under three models of
//!   motion - straight, turning, stop and go (IMM; Blom, Bar-Shalom 1988).
//! - **Association**: Poisson multi-Bernoulli: marginal probabilities by belief propagation, existence considered
//!   (Williams 2015; Williams, Lau 2014); or, on request, the one best assignment.
//! - **Existence**: a Bernoulli probability per track with a detection probability that knows the field of view, who
//!   stands in between, and per sensor whether the track seems hidden from it; births where road users were seen to
//!   come from; the worth of a sensor's scores, learned.
//! - **Self-calibration**: yaw, position and clock of each sensor from the traffic itself (Friedland 1969, with one bias
//!   for all), and a vote on sensors that contradict the others or repeat themselves.
//! - **Late scans**: a short ring of past populations; a late scan is put where it belongs and what came after is
//!   filtered again.
//! - **Neighbours**: what another site tracks starts tracks here, or is fused by covariance intersection, so that a road
//!   user keeps one identity from site to site and nothing is counted twice.
//!
//! [`metrics`] judges tracks against truth. `docs/fusion.md` derives it all in a reader's order.

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
mod succession;
mod tracker;
mod witness;

pub use calibration::{SensorCalibration, Trust};
pub use config::{Bounds, FusionConfig, FusionMode, Motion, Survey};
pub use error::FusionError;
pub use lanes::LaneField;
pub use neighbour::NeighbourFate;
pub use tracker::{Lateness, ReportFate, ReportOutcome, ScanOutcome, StageCounts, Tracker};
pub use witness::{Considered, Looked, Reason, TrackOrigin, Witness};
