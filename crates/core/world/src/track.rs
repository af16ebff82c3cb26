//! Road users as fusion knows them.

use crate::{ClassBelief, SiteId, VehicleId};
use jxz_geo::{Point, Vector};
use jxz_units::{Heading, Utc, Yaw};
use nalgebra::Matrix4;
use serde::{Deserialize, Serialize};

/// A track's number, unique on its site for the life of the edge process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrackId(pub u64);

/// A road user's identity on the island, kept from site to site: 24 bits of the site where it began, and 40 of the
/// track's number there.
///
/// Unique for the life of that site's edge process; after a restart its numbers begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IslandId(pub u64);

impl IslandId {
    const NUMBER_BITS: u32 = 40;

    /// The identity of a track that began at `site`.
    #[must_use]
    pub fn new(site: &SiteId, number: TrackId) -> Self {
        let origin = site.hash64() >> Self::NUMBER_BITS << Self::NUMBER_BITS;
        Self(origin | (number.0 & ((1 << Self::NUMBER_BITS) - 1)))
    }

    /// Whether it began at `site`.
    #[must_use]
    pub fn is_of(self, site: &SiteId) -> bool {
        self.0 >> Self::NUMBER_BITS == site.hash64() >> Self::NUMBER_BITS
    }
}

impl core::fmt::Display for IslandId {
    /// Sixteen hexadecimal digits.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Which kinds of source fed a track lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sources {
    /// A radar detection within the last second.
    pub radar: bool,
    /// A camera detection within the last second.
    pub camera: bool,
    /// The vehicle's own report within the last second.
    pub v2x: bool,
}

/// A road user with everything known of it at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// Its number.
    pub id: TrackId,
    /// Its identity on the island: kept from site to site.
    pub island: IslandId,
    /// The time the state is for.
    pub valid_at: Utc,
    /// The newest measurement in it: how old the knowledge is.
    pub measured_at: Utc,
    /// When the track began, on whichever site its identity comes from.
    pub since: Utc,
    /// Centre on the ground, local frame, metres.
    pub position: Point,
    /// Velocity over ground, metres per second.
    pub velocity: Vector,
    /// Covariance of (east, north, east speed, north speed), m² and m²/s².
    pub covariance: Matrix4<f64>,
    /// Probability that there is a road user at all, 0 to 1.
    pub existence: f64,
    /// Class probabilities.
    pub class: ClassBelief,
    /// Length and width, metres, if measured.
    pub extent_m: Option<(f64, f64)>,
    /// Last direction of travel that could be told from noise; kept while standing.
    pub heading: Option<Heading>,
    /// The road user's own temporary id, if it sends one.
    pub vehicle: Option<VehicleId>,
    /// What fed it.
    pub sources: Sources,
}

impl Track {
    /// Speed over ground, metres per second.
    #[must_use]
    pub fn speed_mps(&self) -> f64 {
        self.velocity.norm()
    }

    /// Yaw of the velocity; `None` when standing (below 0.3 m/s).
    #[must_use]
    pub fn course(&self) -> Option<Yaw> {
        (self.speed_mps() >= 0.3).then(|| Yaw::of_vector(self.velocity.x, self.velocity.y))
    }

    /// 1-sigma position error, metres: the root of the mean position variance.
    #[must_use]
    pub fn position_sigma_m(&self) -> f64 {
        ((self.covariance[(0, 0)] + self.covariance[(1, 1)]) / 2.0).max(0.0).sqrt()
    }

    /// The state carried forward to `at` at constant velocity; covariance, class and id are kept.
    #[must_use]
    pub fn position_at(&self, at: Utc) -> Point {
        self.position + self.velocity * at.seconds_since(self.valid_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_island_id_is_the_top_of_the_sites_hash_and_the_tracks_number() {
        // FNV-1a of "foobar" as published: 85944171f73967e8.
        let site = SiteId("foobar".to_owned());
        let island = IslandId::new(&site, TrackId(0x2a));
        assert_eq!((island.to_string(), island.is_of(&site)), ("859441000000002a".to_owned(), true));
        // A number beyond 40 bits cannot pretend to be another site's.
        assert!(IslandId::new(&site, TrackId(u64::MAX)).is_of(&site));
        assert!(!island.is_of(&SiteId("a".to_owned())));
    }
}
