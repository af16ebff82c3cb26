//! What is known of a road's state from elsewhere than the site's sensors.

use crate::{RoadHazard, Site};
use jxz_geo::Point;
use jxz_units::Utc;
use serde::{Deserialize, Serialize};

/// The cloud's word that a link is congested, or no longer is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CongestionReport {
    /// The link's id on the map.
    pub link: String,
    /// When the cloud said so: of two words about a link the later one holds.
    pub said_at: Utc,
    /// Space-mean speed over the link, metres per second.
    pub speed_mps: f64,
    /// Vehicles seen on it within a minute.
    pub vehicles: u32,
    /// Until when it holds unless said again; not after `said_at`: the congestion is over.
    pub valid_until: Utc,
}

impl CongestionReport {
    /// Traffic is nowhere faster than this, metres per second.
    pub const MOST_MPS: f64 = 60.0;

    /// Whether it says that the congestion is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.valid_until <= self.said_at
    }
}

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
    /// A site heeds what reaches to so far beyond its coverage, metres.
    const BEYOND_M: f64 = 30.0;

    /// Whether it lies near enough to a site to be the site's to warn of.
    #[must_use]
    pub fn concerns(&self, site: &Site) -> bool {
        (self.at - site.position).norm() <= site.coverage_m + self.radius_m + Self::BEYOND_M
    }

    /// Whether its numbers are ones that a road can have.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        let finite = self.at.coords.iter().all(|x| x.is_finite() && x.abs() < 1e7);
        finite && (0.0..=5000.0).contains(&self.radius_m) && (0.0..=60.0).contains(&self.safe_mps)
    }
}
