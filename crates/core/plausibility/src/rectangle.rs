//! Vehicles as rectangles on the ground.

use jxz_geo::{Point, Vector};
use jxz_world::VehicleReport;

/// What a vehicle that states no size is taken for, metres: smaller than most.
const SMALL_CAR_M: (f64, f64) = (4.0, 1.6);
/// Said to be larger than an articulated bus, a vehicle is taken for one, metres: nobody covers a whole junction.
const BUS_M: (f64, f64) = (18.75, 2.6);

/// A vehicle's outline, local frame.
pub(crate) struct Rectangle {
    centre: Point,
    /// Half the length, forward.
    along: Vector,
    /// Half the width, to the left.
    across: Vector,
}

impl Rectangle {
    /// The vehicle's outline with its centre moved to `centre`; `None` without a heading.
    pub(crate) fn of(report: &VehicleReport, centre: Point) -> Option<Self> {
        let yaw = report.heading?.to_yaw().rad();
        let (length_m, width_m) = report.extent_m.unwrap_or(SMALL_CAR_M);
        let forward = Vector::new(libm::cos(yaw), libm::sin(yaw));
        let left = Vector::new(-forward.y, forward.x);
        let half = |said: f64, most: f64| said.clamp(0.5, most) / 2.0;
        Some(Self { centre, along: forward * half(length_m, BUS_M.0), across: left * half(width_m, BUS_M.1) })
    }

    fn area_m2(&self) -> f64 {
        4.0 * self.along.norm() * self.across.norm()
    }

    /// The part of the smaller one's area that both cover, 0 to 1.
    pub(crate) fn overlap(&self, other: &Self) -> f64 {
        // So far apart that no corner reaches the other: (a + b)² ≤ 2 (a² + b²) for half diagonals a and b.
        let half_diagonal_square = |of: &Self| of.along.norm_squared() + of.across.norm_squared();
        let reach_square = 2.0 * (half_diagonal_square(self) + half_diagonal_square(other));
        if (self.centre - other.centre).norm_squared() > 1.001 * reach_square {
            return 0.0;
        }
        let corner = |a: f64, b: f64| other.centre + other.along * a + other.across * b;
        let mut polygon = vec![corner(1.0, 1.0), corner(-1.0, 1.0), corner(-1.0, -1.0), corner(1.0, -1.0)];
        // Sutherland and Hodgman: cut the other's outline by each side of ours.
        for outward in [self.along, -self.along, self.across, -self.across] {
            polygon = cut(&polygon, self.centre + outward, outward);
        }
        (area_m2(&polygon) / self.area_m2().min(other.area_m2())).clamp(0.0, 1.0)
    }
}

/// What of the polygon is not beyond the line through `on` whose outward normal is `outward`.
fn cut(polygon: &[Point], on: Point, outward: Vector) -> Vec<Point> {
    let beyond = |point: Point| (point - on).dot(&outward);
    let mut kept = Vec::with_capacity(polygon.len() + 1);
    for (index, &end) in polygon.iter().enumerate() {
        let start = polygon[(index + polygon.len() - 1) % polygon.len()];
        let (from, to) = (beyond(start), beyond(end));
        if (from > 0.0) != (to > 0.0) {
            kept.push(start + (end - start) * (from / (from - to)));
        }
        if to <= 0.0 {
            kept.push(end);
        }
    }
    kept
}

/// The shoelace formula.
fn area_m2(polygon: &[Point]) -> f64 {
    let Some(&origin) = polygon.first() else { return 0.0 };
    let twice: f64 = polygon.windows(2).map(|pair| (pair[0] - origin).perp(&(pair[1] - origin))).sum();
    twice.abs() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rectangle(x: f64, y: f64, yaw_deg: f64, length_m: f64, width_m: f64) -> Rectangle {
        let (sin, cos) = libm::sincos(yaw_deg.to_radians());
        Rectangle {
            centre: Point::new(x, y),
            along: Vector::new(cos, sin) * (length_m / 2.0),
            across: Vector::new(-sin, cos) * (width_m / 2.0),
        }
    }

    #[test]
    fn shared_areas_are_those_reckoned_by_hand() {
        let car = || rectangle(0.0, 0.0, 0.0, 4.0, 2.0);
        let square = rectangle(0.0, 0.0, 0.0, 2.0, 2.0);
        for (one, other, shared) in [
            (car(), car(), 1.0),
            (car(), rectangle(2.0, 0.0, 0.0, 4.0, 2.0), 0.5),
            (car(), rectangle(1.0, 1.0, 180.0, 4.0, 2.0), 3.0 / 8.0),
            (car(), rectangle(0.0, 0.0, 90.0, 4.0, 2.0), 0.5),
            (car(), rectangle(0.0, 0.0, 0.0, 1.0, 1.0), 1.0),
            (car(), rectangle(4.5, 0.0, 0.0, 4.0, 2.0), 0.0),
            // A square and the same on its tip, sides 2 m: the octagon that both share has 8 (√2 - 1) m².
            (square, rectangle(0.0, 0.0, 45.0, 2.0, 2.0), 2.0 * (2_f64.sqrt() - 1.0)),
        ] {
            assert!((one.overlap(&other) - shared).abs() < 1e-12, "{shared}: {}", one.overlap(&other));
            assert!((other.overlap(&one) - shared).abs() < 1e-12, "{shared} the other way");
        }
    }
}
