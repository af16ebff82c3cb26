//! Headings and yaws: two ways to say a direction, two types.

use core::f64::consts::{FRAC_PI_2, PI, TAU};
use serde::{Deserialize, Serialize};

/// Wraps an angle in radians to (-π, π].
///
/// # Examples
/// ```
/// # use jxz_units::wrap_pi;
/// assert!((wrap_pi(7.0) - (7.0 - core::f64::consts::TAU)).abs() < 1e-12);
/// ```
#[must_use]
pub fn wrap_pi(angle_rad: f64) -> f64 {
    // The two cheap cases cover every difference of two wrapped angles.
    if angle_rad > -PI && angle_rad <= PI {
        return angle_rad;
    }
    let wrapped = angle_rad.rem_euclid(TAU);
    if wrapped > PI { wrapped - TAU } else { wrapped }
}

/// Direction in the map plane, radians anticlockwise from east, in (-π, π].
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Yaw(f64);

impl Yaw {
    /// From radians anticlockwise from east; wrapped.
    #[must_use]
    pub fn from_rad(rad: f64) -> Self {
        Self(wrap_pi(rad))
    }

    /// The yaw of the vector (`east`, `north`), any length above zero.
    #[must_use]
    pub fn of_vector(east: f64, north: f64) -> Self {
        Self(libm::atan2(north, east))
    }

    /// Radians anticlockwise from east, in (-π, π].
    #[must_use]
    pub const fn rad(self) -> f64 {
        self.0
    }

    /// The same direction as a [`Heading`].
    #[must_use]
    pub fn to_heading(self) -> Heading {
        Heading::from_rad(FRAC_PI_2 - self.0)
    }
}

/// Direction over ground, radians clockwise from north, in [0, 2π).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Heading(f64);

impl Heading {
    /// From radians clockwise from north; wrapped.
    #[must_use]
    pub fn from_rad(rad: f64) -> Self {
        let wrapped = rad.rem_euclid(TAU);
        // `rem_euclid` may round up to 2π itself for tiny negative angles.
        Self(if wrapped >= TAU { 0.0 } else { wrapped })
    }

    /// From degrees clockwise from north; wrapped.
    #[must_use]
    pub fn from_deg(deg: f64) -> Self {
        Self::from_rad(deg.to_radians())
    }

    /// Radians clockwise from north, in [0, 2π).
    #[must_use]
    pub const fn rad(self) -> f64 {
        self.0
    }

    /// Degrees clockwise from north, in [0, 360).
    #[must_use]
    pub fn deg(self) -> f64 {
        self.0.to_degrees()
    }

    /// The same direction as a [`Yaw`].
    #[must_use]
    pub fn to_yaw(self) -> Yaw {
        Yaw::from_rad(FRAC_PI_2 - self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compass_points_agree_between_yaw_and_heading() {
        for (east, north, heading_deg) in [(0.0, 1.0, 0.0), (1.0, 0.0, 90.0), (0.0, -1.0, 180.0), (-1.0, 0.0, 270.0)] {
            let heading = Yaw::of_vector(east, north).to_heading();
            assert!((heading.deg() - heading_deg).abs() < 1e-9, "{east},{north} gave {}", heading.deg());
            let back = heading.to_yaw().rad();
            assert!((libm::cos(back) - east).abs() < 1e-9 && (libm::sin(back) - north).abs() < 1e-9);
        }
    }

    #[test]
    fn wrapping_keeps_the_direction_and_the_range() {
        for k in -50..50 {
            let angle = f64::from(k) * 0.37;
            let wrapped = wrap_pi(angle);
            assert!(wrapped > -PI && wrapped <= PI);
            assert!(
                (libm::sin(wrapped) - libm::sin(angle)).abs() < 1e-9
                    && (libm::cos(wrapped) - libm::cos(angle)).abs() < 1e-9
            );
        }
        assert_eq!(Heading::from_rad(-1e-20).rad(), 0.0);
    }
}
