//! What a vehicle with an on-board unit, or a person with a radio, says of itself.

use crate::{RoadUserClass, VehicleDetails};
use jxz_geo::Point;
use jxz_units::{Heading, Utc};
use serde::{Deserialize, Serialize};

/// The temporary id that an on-board unit sends (8 octets).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VehicleId(pub [u8; 8]);

impl core::fmt::Display for VehicleId {
    /// Sixteen hexadecimal digits.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A basic safety message (or a personal one), in domain terms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VehicleReport {
    /// Who.
    pub vehicle: VehicleId,
    /// Message counter, 0..=127.
    pub message_count: u8,
    /// When the position was so (resolved from `secMark`).
    pub valid_at: Utc,
    /// Where, local frame.
    pub position: Point,
    /// 1-sigma position error, metres, as stated.
    pub position_sigma_m: Option<f64>,
    /// Speed, metres per second.
    pub speed_mps: Option<f64>,
    /// Direction of travel.
    pub heading: Option<Heading>,
    /// Longitudinal acceleration, metres per second squared.
    pub acceleration_mps2: Option<f64>,
    /// Length and width, metres.
    pub extent_m: Option<(f64, f64)>,
    /// What it says that it is; `None` from an on-board unit, whose vehicle may be a car or an electric bicycle.
    pub class: Option<RoadUserClass>,
    /// Gear, brakes, events and the like.
    pub details: VehicleDetails,
}
