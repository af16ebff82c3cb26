//! What stands between a sensor and a road user: nearer bodies, and buildings.

use super::sight::{Pose, Sight};
use crate::radio::Streets;
use core::f64::consts::{PI, TAU};
use jxz_geo::Vector;
use jxz_world::SensorSpec;

/// Height above the road at which a body must be seen for its detection, as a fraction of its height.
const SEEN_AT: f64 = 0.6;
/// What hides must be nearer by this, metres.
const NEARER_M: f64 = 0.5;
/// Directions in which the free sight is looked up: half a degree each.
const DIRECTIONS: usize = 720;

/// How far a sensor sees between the buildings, by direction.
#[derive(Debug, Clone)]
pub(super) struct Skyline {
    free_m: Vec<f32>,
}

impl Skyline {
    pub(super) fn new(spec: &SensorSpec, streets: &Streets) -> Self {
        let free = |direction: usize| {
            let (sin, cos) = libm::sincos(TAU * (direction as f64 + 0.5) / DIRECTIONS as f64);
            streets.free_m(spec.position, Vector::new(cos, sin), spec.range_m.1) as f32
        };
        Self { free_m: (0..DIRECTIONS).map(free).collect() }
    }

    /// Whether nothing is built between the sensor and a place in that direction (anticlockwise from east).
    pub(super) fn sees(&self, direction_rad: f64, range_m: f64) -> bool {
        let turns = direction_rad / TAU;
        let direction = ((turns - turns.floor()) * DIRECTIONS as f64) as usize;
        range_m <= f64::from(self.free_m[direction.min(DIRECTIONS - 1)])
    }
}

/// Marks whom nearer bodies hide; `sights` are sorted by range.
pub(super) fn mark_hidden(pose: &Pose, sights: &mut [Sight]) {
    for index in 0..sights.len() {
        let (nearer, rest) = sights.split_at_mut(index);
        rest[0].hidden = is_hidden(pose, &rest[0], nearer);
    }
}

/// Whether nearer bodies hide more than half of it. A tall mast looks over low ones: the ray to the part that must be
/// seen passes over a nearer body if that is lower than the ray there.
fn is_hidden(pose: &Pose, sight: &Sight, nearer: &[Sight]) -> bool {
    let drop_m = sight.height_m * SEEN_AT - pose.height_m;
    let mut hidden_rad = 0.0;
    for other in nearer {
        let mut apart = (other.azimuth_rad - sight.azimuth_rad).abs();
        if apart > PI {
            apart = TAU - apart;
        }
        let overlap = other.half_angle_rad + sight.half_angle_rad - apart;
        if overlap <= 0.0 || other.range_m + NEARER_M >= sight.range_m {
            continue;
        }
        if other.height_m * sight.range_m < pose.height_m * sight.range_m + drop_m * other.range_m {
            continue;
        }
        hidden_rad += overlap.min(2.0 * sight.half_angle_rad);
        if hidden_rad > sight.half_angle_rad {
            return true;
        }
    }
    false
}
