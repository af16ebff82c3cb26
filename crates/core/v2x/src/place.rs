//! Local metres to the set's geodetic positions and offsets, and lines thinned to what a list may hold.

use crate::asn::{
    Latitude, Longitude, OffsetLlB12, OffsetLlB14, OffsetLlB16, OffsetLlB18, OffsetLlB22, OffsetLlB24, Position3D,
    PositionLLmD64b, PositionLl24b, PositionLl28b, PositionLl32b, PositionLl36b, PositionLl44b, PositionLl48b,
    PositionOffsetLl, PositionOffsetLlv,
};
use crate::error::EncodeError;
use crate::scale::steps;
use jxz_geo::{LocalFrame, Point, Wgs84};

const STEP_DEG: f64 = 1e-7;
const LAT_UNAVAILABLE: i32 = 900_000_001;
const LON_UNAVAILABLE: i32 = 1_800_000_001;

/// A geodetic position in wire steps of 1e-7 degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    lat: i32,
    lon: i32,
}

impl Steps {
    /// Of a local point.
    pub(crate) fn of(field: &'static str, frame: &LocalFrame, point: Point) -> Result<Self, EncodeError> {
        let position = frame.to_wgs84(point);
        Ok(Self {
            lat: steps(field, position.lat_deg, STEP_DEG, -900_000_000, 900_000_000)? as i32,
            lon: steps(field, position.lon_deg, STEP_DEG, -1_799_999_999, 1_800_000_000)? as i32,
        })
    }

    /// As an absolute position on the wire.
    pub(crate) const fn to_position(self) -> Position3D {
        Position3D { lat: Latitude(self.lat), long: Longitude(self.lon), elevation: None }
    }

    /// Of an absolute position on the wire; `None` if unavailable.
    pub(crate) fn from_position(position: &Position3D) -> Option<Self> {
        Self::available(position.lat, position.long)
    }

    fn available(lat: Latitude, lon: Longitude) -> Option<Self> {
        (lat.0 != LAT_UNAVAILABLE && lon.0 != LON_UNAVAILABLE).then_some(Self { lat: lat.0, lon: lon.0 })
    }

    /// As a local point.
    pub(crate) fn to_point(self, frame: &LocalFrame) -> Point {
        let degrees = |steps: i32| f64::from(steps) * STEP_DEG;
        frame.to_local(Wgs84 { lat_deg: degrees(self.lat), lon_deg: degrees(self.lon) })
    }

    /// As an offset from `reference`, in the smallest form that holds it.
    pub(crate) fn offset_from(self, reference: Self) -> PositionOffsetLlv {
        let (lat, lon) =
            (i64::from(self.lat) - i64::from(reference.lat), i64::from(self.lon) - i64::from(reference.lon));
        // The least n with −2^(n−1) <= v < 2^(n−1) for both.
        let bits = [lat, lon].map(|v| 65 - (if v < 0 { !v } else { v }).leading_zeros()).into_iter().max().unwrap_or(0);
        let (lat16, lon16, lat32, lon32) = (lat as i16, lon as i16, lat as i32, lon as i32);
        let offset_ll = match bits {
            0..=12 => PositionOffsetLl::PositionLl1(PositionLl24b { lon: OffsetLlB12(lon16), lat: OffsetLlB12(lat16) }),
            13..=14 => {
                PositionOffsetLl::PositionLl2(PositionLl28b { lon: OffsetLlB14(lon16), lat: OffsetLlB14(lat16) })
            }
            15..=16 => {
                PositionOffsetLl::PositionLl3(PositionLl32b { lon: OffsetLlB16(lon16), lat: OffsetLlB16(lat16) })
            }
            17..=18 => {
                PositionOffsetLl::PositionLl4(PositionLl36b { lon: OffsetLlB18(lon32), lat: OffsetLlB18(lat32) })
            }
            19..=22 => {
                PositionOffsetLl::PositionLl5(PositionLl44b { lon: OffsetLlB22(lon32), lat: OffsetLlB22(lat32) })
            }
            23..=24 => {
                PositionOffsetLl::PositionLl6(PositionLl48b { lon: OffsetLlB24(lon32), lat: OffsetLlB24(lat32) })
            }
            _ => {
                PositionOffsetLl::PositionLatLon(PositionLLmD64b { lon: Longitude(self.lon), lat: Latitude(self.lat) })
            }
        };
        PositionOffsetLlv { offset_ll, offset_v: None }
    }

    /// Of an offset from `reference`; `None` if unavailable or beyond the poles or the date line.
    pub(crate) fn from_offset(reference: Self, offset: &PositionOffsetLlv) -> Option<Self> {
        let (lat, lon) = match &offset.offset_ll {
            PositionOffsetLl::PositionLl1(o) => (i32::from(o.lat.0), i32::from(o.lon.0)),
            PositionOffsetLl::PositionLl2(o) => (i32::from(o.lat.0), i32::from(o.lon.0)),
            PositionOffsetLl::PositionLl3(o) => (i32::from(o.lat.0), i32::from(o.lon.0)),
            PositionOffsetLl::PositionLl4(o) => (o.lat.0, o.lon.0),
            PositionOffsetLl::PositionLl5(o) => (o.lat.0, o.lon.0),
            PositionOffsetLl::PositionLl6(o) => (o.lat.0, o.lon.0),
            PositionOffsetLl::PositionLatLon(o) => return Self::available(o.lat, o.lon),
        };
        let moved = Self { lat: reference.lat.checked_add(lat)?, lon: reference.lon.checked_add(lon)? };
        let on_earth = moved.lat.abs() <= 900_000_000 && (-1_799_999_999..=1_800_000_000).contains(&moved.lon);
        on_earth.then_some(moved)
    }
}

/// Fewer points of a line: those that keep it within 5 cm of the original if `most` suffice, else the `most` points
/// that matter most (Douglas and Peucker, the tolerance doubled until they fit). `most` is at least 2.
pub(crate) fn thinned(points: &[Point], most: usize) -> Vec<Point> {
    let mut tolerance_m = 0.05;
    loop {
        let kept = simplified(points, tolerance_m);
        if kept.len() <= most.max(2) {
            return kept;
        }
        tolerance_m *= 2.0;
    }
}

fn simplified(points: &[Point], tolerance_m: f64) -> Vec<Point> {
    let Some(last) = points.len().checked_sub(1) else { return Vec::new() };
    let mut keep = vec![false; points.len()];
    keep[0] = true;
    keep[last] = true;
    let mut spans = vec![(0, last)];
    while let Some((from, to)) = spans.pop() {
        let farthest = (from + 1..to)
            .map(|i| (i, distance_to_segment(points[i], points[from], points[to])))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((middle, distance_m)) = farthest
            && distance_m > tolerance_m
        {
            keep[middle] = true;
            spans.push((from, middle));
            spans.push((middle, to));
        }
    }
    points.iter().zip(keep).filter(|(_, keep)| *keep).map(|(point, _)| *point).collect()
}

fn distance_to_segment(point: Point, from: Point, to: Point) -> f64 {
    let along = to - from;
    let length2 = along.norm_squared();
    let t = if length2 > 0.0 { ((point - from).dot(&along) / length2).clamp(0.0, 1.0) } else { 0.0 };
    (point - (from + along * t)).norm()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_take_the_smallest_form_and_come_back_exactly() {
        let reference = Steps { lat: 320_300_000, lon: 1_187_000_000 };
        for (delta, form) in [
            (2047, 1),
            (-2048, 1),
            (2048, 2),
            (-8192, 2),
            (8192, 3),
            (32_767, 3),
            (32_768, 4),
            (-131_073, 5),
            (2_097_152, 6),
            (-8_388_608, 6),
            (8_388_608, 7),
        ] {
            for (lat, lon) in [(delta, 0), (0, delta)] {
                let moved = Steps { lat: reference.lat + lat, lon: reference.lon + lon };
                let offset = moved.offset_from(reference);
                let got = match offset.offset_ll {
                    PositionOffsetLl::PositionLl1(_) => 1,
                    PositionOffsetLl::PositionLl2(_) => 2,
                    PositionOffsetLl::PositionLl3(_) => 3,
                    PositionOffsetLl::PositionLl4(_) => 4,
                    PositionOffsetLl::PositionLl5(_) => 5,
                    PositionOffsetLl::PositionLl6(_) => 6,
                    PositionOffsetLl::PositionLatLon(_) => 7,
                };
                assert_eq!(got, form, "{delta}");
                assert_eq!(Steps::from_offset(reference, &offset), Some(moved));
            }
        }
    }

    #[test]
    fn a_thinned_line_stays_near_the_original_and_keeps_its_ends() {
        // A quarter circle of radius 100 m in 200 points.
        let arc: Vec<Point> = (0..200)
            .map(|i| f64::from(i) / 199.0 * core::f64::consts::FRAC_PI_2)
            .map(|a| Point::new(100.0 * a.cos(), 100.0 * a.sin()))
            .collect();
        let few = thinned(&arc, 31);
        assert!(few.len() <= 31 && few[0] == arc[0] && few.last() == arc.last());
        for point in &arc {
            let nearest = few.windows(2).map(|w| distance_to_segment(*point, w[0], w[1])).fold(f64::MAX, f64::min);
            assert!(nearest < 0.2, "{nearest} m away");
        }
        assert_eq!(thinned(&arc, 2), [arc[0], arc[199]]);
    }
}
