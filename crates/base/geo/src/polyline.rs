//! Lines through points, addressed by distance along them.

use crate::{Point, Vector};
use jxz_units::Yaw;
use serde::{Deserialize, Serialize};

/// Why points do not make a line.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolylineError {
    /// Fewer than two distinct points.
    #[error("a line needs at least two distinct points, got {0}")]
    TooShort(usize),
    /// A coordinate is NaN or infinite.
    #[error("point {0} of the line is not finite")]
    NotFinite(usize),
}

/// A line of two or more points with the arc length at each; no two neighbours coincide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<[f64; 2]>", into = "Vec<[f64; 2]>")]
pub struct Polyline {
    points: Vec<Point>,
    at_m: Vec<f64>,
}

/// The foot of a perpendicular on a [`Polyline`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Projection {
    /// Distance along the line, metres.
    pub s_m: f64,
    /// Signed distance from the line, metres; positive to the left of its direction.
    pub offset_m: f64,
    /// Plain distance to the line, metres (differs from `offset_m` beyond the ends).
    pub distance_m: f64,
}

impl TryFrom<Vec<[f64; 2]>> for Polyline {
    type Error = PolylineError;
    fn try_from(points: Vec<[f64; 2]>) -> Result<Self, PolylineError> {
        Self::new(points.into_iter().map(Point::from).collect())
    }
}

impl From<Polyline> for Vec<[f64; 2]> {
    fn from(line: Polyline) -> Self {
        line.points.into_iter().map(|p| [p.x, p.y]).collect()
    }
}

impl Polyline {
    /// A line through `points`; coinciding neighbours (nearer than a micrometre) are merged.
    ///
    /// # Errors
    /// Fewer than two distinct points, or a coordinate that is not finite.
    pub fn new(mut points: Vec<Point>) -> Result<Self, PolylineError> {
        if let Some(bad) = points.iter().position(|p| !(p.x.is_finite() && p.y.is_finite())) {
            return Err(PolylineError::NotFinite(bad));
        }
        points.dedup_by(|b, a| (*b - *a).norm() < 1e-6);
        if points.len() < 2 {
            return Err(PolylineError::TooShort(points.len()));
        }
        let mut at_m = Vec::with_capacity(points.len());
        let mut total = 0.0;
        at_m.push(0.0);
        for pair in points.windows(2) {
            total += (pair[1] - pair[0]).norm();
            at_m.push(total);
        }
        Ok(Self { points, at_m })
    }

    /// The points, first to last.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The first point.
    #[must_use]
    pub fn start(&self) -> Point {
        self.points[0]
    }

    /// The last point.
    #[must_use]
    pub fn end(&self) -> Point {
        self.points[self.points.len() - 1]
    }

    /// Length, metres.
    #[must_use]
    pub fn length_m(&self) -> f64 {
        self.at_m[self.at_m.len() - 1]
    }

    /// The point at `s_m` metres along; the ends are continued straight.
    #[must_use]
    pub fn point_at(&self, s_m: f64) -> Point {
        let i = self.segment_at(s_m);
        self.points[i] + self.direction_of(i) * (s_m - self.at_m[i])
    }

    /// The unit direction at `s_m` metres along.
    #[must_use]
    pub fn direction_at(&self, s_m: f64) -> Vector {
        self.direction_of(self.segment_at(s_m))
    }

    /// The yaw of the line at `s_m` metres along.
    #[must_use]
    pub fn yaw_at(&self, s_m: f64) -> Yaw {
        let d = self.direction_at(s_m);
        Yaw::of_vector(d.x, d.y)
    }

    /// The foot of the perpendicular from `point`, the nearest if there are several.
    #[must_use]
    pub fn project(&self, point: Point) -> Projection {
        let mut best = Projection { s_m: 0.0, offset_m: 0.0, distance_m: f64::INFINITY };
        for i in 0..self.points.len() - 1 {
            let length = self.at_m[i + 1] - self.at_m[i];
            let to_point = point - self.points[i];
            // No point of the segment is nearer to it than its start by more than its length.
            let reach = best.distance_m + length;
            if to_point.norm_squared() > reach * reach {
                continue;
            }
            let direction = (self.points[i + 1] - self.points[i]) / length;
            let along = to_point.dot(&direction).clamp(0.0, length);
            let distance_m = (to_point - direction * along).norm();
            if distance_m < best.distance_m {
                let offset_m = direction.x * to_point.y - direction.y * to_point.x;
                best = Projection { s_m: self.at_m[i] + along, offset_m, distance_m };
            }
        }
        best
    }

    /// The part between two distances along; `None` if it would be shorter than a micrometre.
    #[must_use]
    pub fn slice(&self, from_m: f64, to_m: f64) -> Option<Self> {
        let (from_m, to_m) = (from_m.max(0.0), to_m.min(self.length_m()));
        let mut points = vec![self.point_at(from_m)];
        points.extend(self.points.iter().zip(&self.at_m).filter(|&(_, &s)| s > from_m && s < to_m).map(|(p, _)| *p));
        points.push(self.point_at(to_m));
        if to_m <= from_m { None } else { Self::new(points).ok() }
    }

    /// The line moved sideways by `offset_m` (positive to the left), mitred at bends.
    ///
    /// # Errors
    /// The moved line collapses (an inside curve tighter than the offset).
    pub fn offset(&self, offset_m: f64) -> Result<Self, PolylineError> {
        let last = self.points.len() - 1;
        let left_of = |i: usize| {
            let d = self.direction_of(i);
            Vector::new(-d.y, d.x)
        };
        let moved = (0..=last)
            .map(|i| {
                let (before, after) = (left_of(i.max(1) - 1), left_of(i.min(last - 1)));
                let sum = before + after;
                // A mitre longer than three times the offset would spike: cap it.
                let scale = (2.0 / sum.norm_squared().max(1e-9)).min(3.0);
                self.points[i] + sum * scale * offset_m
            })
            .collect();
        Self::new(moved)
    }

    /// The same points in the other direction.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let total = self.length_m();
        Self {
            points: self.points.iter().rev().copied().collect(),
            at_m: self.at_m.iter().rev().map(|s| total - s).collect(),
        }
    }

    fn segment_at(&self, s_m: f64) -> usize {
        self.at_m.partition_point(|&at| at <= s_m).saturating_sub(1).min(self.points.len() - 2)
    }

    fn direction_of(&self, segment: usize) -> Vector {
        (self.points[segment + 1] - self.points[segment]) / (self.at_m[segment + 1] - self.at_m[segment])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corner() -> Polyline {
        Polyline::try_from(vec![[0.0, 0.0], [10.0, 0.0], [10.0, 0.0], [10.0, 5.0]]).unwrap()
    }

    #[test]
    fn points_and_projections_agree_along_a_corner() {
        let line = corner();
        assert_eq!(line.length_m(), 15.0);
        assert_eq!(line.point_at(12.0), Point::new(10.0, 2.0));
        assert_eq!(line.point_at(17.0), Point::new(10.0, 7.0));
        let foot = line.project(Point::new(4.0, 1.5));
        assert_eq!((foot.s_m, foot.offset_m, foot.distance_m), (4.0, 1.5, 1.5));
        assert_eq!(line.project(Point::new(12.0, 3.0)).offset_m, -2.0);
    }

    #[test]
    fn offset_keeps_its_distance_and_slice_its_ends() {
        let left = corner().offset(1.0).unwrap();
        assert_eq!(left.points(), [Point::new(0.0, 1.0), Point::new(9.0, 1.0), Point::new(9.0, 5.0)]);
        let middle = corner().slice(8.0, 12.0).unwrap();
        assert_eq!(
            (middle.start(), middle.end(), middle.length_m()),
            (Point::new(8.0, 0.0), Point::new(10.0, 2.0), 4.0)
        );
        assert!(corner().slice(3.0, 3.0).is_none());
    }

    #[test]
    fn degenerate_lines_are_refused() {
        assert_eq!(Polyline::try_from(vec![[1.0, 1.0], [1.0, 1.0]]), Err(PolylineError::TooShort(1)));
        assert_eq!(Polyline::try_from(vec![[1.0, f64::NAN], [1.0, 1.0]]), Err(PolylineError::NotFinite(0)));
    }
}
