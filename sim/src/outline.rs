//! Outlines of road users on the road: rectangles that move.

use crate::truth::TruthObject;
use jxz_geo::{Point, Vector};

/// The rectangle that a road user takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outline {
    pub(crate) centre: Point,
    /// Unit vector that it points along.
    pub(crate) along: Vector,
    /// Half its length and width, metres.
    pub(crate) half_m: (f64, f64),
    pub(crate) velocity: Vector,
}

fn left_of(along: Vector) -> Vector {
    Vector::new(-along.y, along.x)
}

impl Outline {
    pub(crate) fn of(object: &TruthObject) -> Self {
        let yaw = object.yaw.rad();
        let along = Vector::new(libm::cos(yaw), libm::sin(yaw));
        let half_m = (object.extent_m.0 / 2.0, object.extent_m.1 / 2.0);
        Self { centre: object.position, along, half_m, velocity: object.velocity }
    }

    pub(crate) fn front(&self) -> Point {
        self.centre + self.along * self.half_m.0
    }

    fn radius_m(&self) -> f64 {
        (self.half_m.0 * self.half_m.0 + self.half_m.1 * self.half_m.1).sqrt()
    }

    /// Half of what it measures along an axis, metres.
    fn half_along(&self, axis: Vector) -> f64 {
        self.half_m.0 * self.along.dot(&axis).abs() + self.half_m.1 * left_of(self.along).dot(&axis).abs()
    }

    fn corners(&self) -> [Point; 4] {
        let (ahead, left) = (self.along * self.half_m.0, left_of(self.along) * self.half_m.1);
        [self.centre + ahead + left, self.centre + ahead - left, self.centre - ahead - left, self.centre - ahead + left]
    }

    /// From a point to the rectangle, metres; zero inside.
    pub(crate) fn distance_m(&self, point: Point) -> f64 {
        let way = point - self.centre;
        let beyond = |component_m: f64, half_m: f64| (component_m.abs() - half_m).max(0.0);
        let ahead_m = beyond(way.dot(&self.along), self.half_m.0);
        let aside_m = beyond(way.dot(&left_of(self.along)), self.half_m.1);
        (ahead_m * ahead_m + aside_m * aside_m).sqrt()
    }

    /// Part of the way from one pose to a later one, a straight line.
    pub(crate) fn towards(&self, later: &Self, share: f64) -> Self {
        let along = self.along + (later.along - self.along) * share;
        Self {
            centre: self.centre + (later.centre - self.centre) * share,
            along: along.try_normalize(1e-9).unwrap_or(later.along),
            ..*later
        }
    }
}

/// Whether two rectangles overlap (separating axes).
pub(crate) fn overlap(a: &Outline, b: &Outline) -> bool {
    let way = b.centre - a.centre;
    let reach_m = a.radius_m() + b.radius_m();
    way.norm_squared() < reach_m * reach_m
        && [a.along, left_of(a.along), b.along, left_of(b.along)]
            .into_iter()
            .all(|axis| way.dot(&axis).abs() < a.half_along(axis) + b.half_along(axis))
}

/// Distance between two rectangles, metres; zero when they overlap.
pub(crate) fn gap_m(a: &Outline, b: &Outline) -> f64 {
    if overlap(a, b) {
        return 0.0;
    }
    let to_b = a.corners().into_iter().map(|corner| b.distance_m(corner));
    let to_a = b.corners().into_iter().map(|corner| a.distance_m(corner));
    to_b.chain(to_a).fold(f64::INFINITY, f64::min)
}

/// Time until two rectangles touch if both keep velocity and direction (Hayward 1972), seconds; `None`: never within
/// `horizon_s`.
pub(crate) fn time_to_collision_s(a: &Outline, b: &Outline, horizon_s: f64) -> Option<f64> {
    let (way, closing) = (b.centre - a.centre, b.velocity - a.velocity);
    let (mut from_s, mut to_s) = (0.0_f64, horizon_s);
    for axis in [a.along, left_of(a.along), b.along, left_of(b.along)] {
        let (at_m, mps) = (way.dot(&axis), closing.dot(&axis));
        let reach_m = a.half_along(axis) + b.half_along(axis);
        if mps.abs() < 1e-9 {
            if at_m.abs() >= reach_m {
                return None;
            }
            continue;
        }
        let (enter_s, leave_s) = ((-reach_m - at_m) / mps, (reach_m - at_m) / mps);
        from_s = from_s.max(enter_s.min(leave_s));
        to_s = to_s.min(enter_s.max(leave_s));
    }
    (from_s < to_s).then_some(from_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn car(x: f64, y: f64, along: (f64, f64), mps: f64) -> Outline {
        let along = Vector::new(along.0, along.1);
        Outline { centre: Point::new(x, y), along, half_m: (2.0, 1.0), velocity: along * mps }
    }

    #[test]
    fn one_behind_the_other_meets_after_gap_over_closing_speed() {
        let (ahead, behind) = (car(0.0, 0.0, (1.0, 0.0), 5.0), car(-24.0, 0.0, (1.0, 0.0), 15.0));
        assert!((gap_m(&ahead, &behind) - 20.0).abs() < 1e-12);
        assert!((time_to_collision_s(&ahead, &behind, 10.0).unwrap() - 2.0).abs() < 1e-12);
        assert_eq!(time_to_collision_s(&ahead, &behind, 1.0), None);
        assert_eq!(time_to_collision_s(&behind, &car(0.0, 2.1, (1.0, 0.0), 5.0), 10.0), None, "beside it");
    }

    #[test]
    fn at_a_right_angle_the_sides_count_and_who_is_late_passes_behind() {
        // East at 10 m/s, front 18 m before the other's path (half width 1): there after 1.7 s, gone after 2.3 s.
        let east = car(-20.0, 0.0, (1.0, 0.0), 10.0);
        let north = |y| car(0.0, y, (0.0, 1.0), 10.0);
        assert!((time_to_collision_s(&east, &north(-20.0), 10.0).unwrap() - 1.7).abs() < 1e-12);
        assert_eq!(time_to_collision_s(&east, &north(-27.0), 10.0), None);
        assert!((gap_m(&car(0.0, 0.0, (1.0, 0.0), 0.0), &car(5.0, 7.0, (0.0, 1.0), 0.0)) - 20f64.sqrt()).abs() < 1e-12);
    }
}
