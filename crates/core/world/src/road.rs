//! What is known of a road's state from elsewhere than the site's sensors.

use crate::RoadHazard;
use jxz_geo::Point;
use jxz_units::Utc;
use serde::{Deserialize, Serialize};

/// A reported road condition: by the operators, a road-weather station, or a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RoadReport {
    /// Its number, the same for as long as the condition lasts.
    pub id: u64,
    /// What is wrong.
    pub hazard: RoadHazard,
    /// The middle of it, local frame.
    pub at: Point,
    /// How far from there it reaches, metres.
    pub radius_m: f64,
    /// The speed that is safe in it, metres per second.
    pub safe_mps: f64,
    /// Until when it holds unless said again.
    pub valid_until: Utc,
}

impl RoadReport {
    /// Whether its numbers are ones that a road can have.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        let finite = self.at.coords.iter().all(|x| x.is_finite() && x.abs() < 1e7);
        finite && (0.0..=5000.0).contains(&self.radius_m) && (0.0..=60.0).contains(&self.safe_mps)
    }
}
