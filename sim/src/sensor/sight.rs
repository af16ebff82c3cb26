//! Who is in a sensor's field of view, where, and how wide it looks.

use crate::truth::TruthObject;
use jxz_geo::{Point, Vector};
use jxz_units::Yaw;
use jxz_world::SensorSpec;

/// Where a sensor really stands and looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pose {
    pub(super) position: Point,
    pub(super) height_m: f64,
    pub(super) boresight: Yaw,
    /// Unit vector along the boresight.
    ahead: Vector,
    /// Cosine of half the field of view.
    edge: f64,
    range_m: (f64, f64),
}

impl Pose {
    /// The surveyed pose, turned by `yaw_rad` and shifted by `shift`.
    pub(super) fn new(spec: &SensorSpec, yaw_rad: f64, shift: Vector) -> Self {
        let boresight = Yaw::from_rad(spec.boresight.rad() + yaw_rad);
        let (sin, cos) = libm::sincos(boresight.rad());
        Self {
            position: spec.position + shift,
            height_m: spec.height_m,
            boresight,
            ahead: Vector::new(cos, sin),
            edge: libm::cos(spec.half_fov_rad.min(core::f64::consts::PI)),
            range_m: spec.range_m,
        }
    }

    /// Range and azimuth from the boresight of what lies at `d` from the sensor, if it is within range limits and field
    /// of view. The cheap questions come first: most road users fail them.
    pub(super) fn polar(&self, d: Vector) -> Option<(f64, f64)> {
        let squared = d.norm_squared();
        if squared < self.range_m.0 * self.range_m.0 || squared > self.range_m.1 * self.range_m.1 {
            return None;
        }
        let range_m = squared.sqrt();
        let along = d.dot(&self.ahead);
        if along < self.edge * range_m {
            return None;
        }
        let across = d.y * self.ahead.x - d.x * self.ahead.y;
        Some((range_m, libm::atan2(across, along)))
    }
}

/// A body as a sensor sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// Its place in the truth, and its number.
    pub(super) index: usize,
    pub(super) id: u64,
    /// From the sensor to its centre.
    pub(super) centre: Vector,
    /// Unit vector to where it points.
    pub(super) forward: Vector,
    pub(super) range_m: f64,
    pub(super) azimuth_rad: f64,
    /// Half of the angle that its outline fills.
    pub(super) half_angle_rad: f64,
    pub(super) height_m: f64,
    /// Whether nearer bodies hide it.
    pub(super) hidden: bool,
}

impl Sight {
    /// The body `after_s` later than the truth, if it is in the field of view.
    pub(super) fn of(pose: &Pose, index: usize, object: &TruthObject, after_s: f64) -> Option<Self> {
        let centre = object.position + object.velocity * after_s - pose.position;
        let (range_m, azimuth_rad) = pose.polar(centre)?;
        let (sin, cos) = libm::sincos(object.yaw.rad());
        // The outline's half width across the line of sight.
        let across = (cos * centre.y - sin * centre.x).abs() / range_m;
        let along = (cos * centre.x + sin * centre.y).abs() / range_m;
        let half_m = (object.extent_m.0 * across + object.extent_m.1 * along) / 2.0;
        Some(Self {
            index,
            id: object.id,
            centre,
            forward: Vector::new(cos, sin),
            range_m,
            azimuth_rad,
            half_angle_rad: small_atan(half_m / range_m),
            height_m: object.height_m,
            hidden: false,
        })
    }
}

/// The arc tangent of what is not negative, right to 0.005 rad: enough for who hides whom.
fn small_atan(x: f64) -> f64 {
    if x > 1.0 { core::f64::consts::FRAC_PI_2 - small_atan(1.0 / x) } else { x / (1.0 + 0.28125 * x * x) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_arc_tangent_is_near_the_real_one() {
        for x in [0.0, 0.05, 0.3, 0.8, 1.0, 2.0, 30.0] {
            assert!((small_atan(x) - libm::atan(x)).abs() < 5e-3, "{x}");
        }
    }
}
