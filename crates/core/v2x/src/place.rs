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
        Self::of_degrees(field, position.lat_deg, position.lon_deg)
    }

    fn of_degrees(field: &'static str, lat_deg: f64, lon_deg: f64) -> Result<Self, EncodeError> {
        Ok(Self {
            lat: steps(field, lat_deg, STEP_DEG, -900_000_000, 900_000_000)? as i32,
            lon: steps(field, lon_deg, STEP_DEG, -1_799_999_999, 1_800_000_000)? as i32,
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

/// The bits that an offset without a height takes.
pub(crate) const fn offset_bits(offset: &PositionOffsetLlv) -> usize {
    // Which form, and whether a height follows.
    4 + match offset.offset_ll {
        PositionOffsetLl::PositionLl1(_) => 24,
        PositionOffsetLl::PositionLl2(_) => 28,
        PositionOffsetLl::PositionLl3(_) => 32,
        PositionOffsetLl::PositionLl4(_) => 36,
        PositionOffsetLl::PositionLl5(_) => 44,
        PositionOffsetLl::PositionLl6(_) => 48,
        PositionOffsetLl::PositionLatLon(_) => 64,
    }
}

/// Farther than this from its middle an [`Anchor`] asks the frame itself, metres.
const ANCHOR_REACH_M: f64 = 2000.0;
/// Where the frame is asked for an anchor's series, metres from its middle.
const ANCHOR_STEP_M: f64 = 1000.0;

/// A place to which many positions around it refer.
///
/// Within 2 km the frame's projection is followed by its series to the second order, which errs by less than 0.1 mm
/// there and costs a hundredth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Anchor {
    frame: LocalFrame,
    at: Point,
    steps: Steps,
    lat_deg: Series,
    lon_deg: Series,
}

/// A function of two coordinates near a point: its value, slopes and curvatures.
#[derive(Debug, Clone, Copy)]
struct Series {
    value: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl Series {
    /// Of samples at the point, at ±`h` along each axis (x, then y), and at (h, h) and (−h, −h).
    fn of(middle: f64, [right, left, up, down]: [f64; 4], [far, near]: [f64; 2], h: f64) -> Self {
        let (xx, yy) = ((right - 2.0 * middle + left) / (h * h), (up - 2.0 * middle + down) / (h * h));
        let diagonal = (far - 2.0 * middle + near) / (h * h);
        let (x, y) = ((right - left) / (2.0 * h), (up - down) / (2.0 * h));
        Self { value: middle, x, y, xx, xy: (diagonal - xx - yy) / 2.0, yy }
    }

    fn at(&self, x: f64, y: f64) -> f64 {
        self.value + x * (self.x + 0.5 * self.xx * x + self.xy * y) + y * (self.y + 0.5 * self.yy * y)
    }
}

impl Anchor {
    /// Around a local point.
    pub(crate) fn new(field: &'static str, frame: LocalFrame, at: Point) -> Result<Self, EncodeError> {
        let steps = Steps::of(field, &frame, at)?;
        let h = ANCHOR_STEP_M;
        let asked = |x: f64, y: f64| frame.to_wgs84(Point::new(at.x + x, at.y + y));
        let middle = asked(0.0, 0.0);
        let axes = [asked(h, 0.0), asked(-h, 0.0), asked(0.0, h), asked(0.0, -h)];
        let diagonals = [asked(h, h), asked(-h, -h)];
        let series = |part: fn(Wgs84) -> f64| Series::of(part(middle), axes.map(part), diagonals.map(part), h);
        Ok(Self { frame, at, steps, lat_deg: series(|p| p.lat_deg), lon_deg: series(|p| p.lon_deg) })
    }

    /// The anchor itself.
    pub(crate) const fn steps(&self) -> Steps {
        self.steps
    }

    /// A local point.
    pub(crate) fn steps_of(&self, field: &'static str, point: Point) -> Result<Steps, EncodeError> {
        let away = point - self.at;
        // False for NaN too.
        if away.norm_squared() <= ANCHOR_REACH_M * ANCHOR_REACH_M {
            Steps::of_degrees(field, self.lat_deg.at(away.x, away.y), self.lon_deg.at(away.x, away.y))
        } else {
            Steps::of(field, &self.frame, point)
        }
    }

    /// A local point as an offset from the anchor.
    pub(crate) fn offset(&self, field: &'static str, point: Point) -> Result<PositionOffsetLlv, EncodeError> {
        Ok(self.steps_of(field, point)?.offset_from(self.steps))
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
    fn an_anchor_follows_the_projection_to_a_fraction_of_a_step() {
        // The frame's origin is some way off, as a deployment's is.
        let frame = LocalFrame::new(Wgs84 { lat_deg: 32.05, lon_deg: 118.72 }).unwrap();
        let anchor = Anchor::new("position_deg", frame, Point::new(-2100.0, 3300.0)).unwrap();
        for i in 0..4000 {
            let (angle, away_m) = (f64::from(i) * 0.37, f64::from(i) * 0.5);
            let point = anchor.at + jxz_geo::Vector::new(libm::cos(angle), libm::sin(angle)) * away_m;
            let (told, asked) = (anchor.steps_of("position_deg", point).unwrap(), frame.to_wgs84(point));
            // Half a step of rounding, and a hundredth for the series.
            assert!((f64::from(told.lat) - asked.lat_deg / STEP_DEG).abs() < 0.51, "{away_m} m away");
            assert!((f64::from(told.lon) - asked.lon_deg / STEP_DEG).abs() < 0.51, "{away_m} m away");
        }
        let far = Point::new(9000.0, 0.0);
        assert_eq!(anchor.steps_of("position_deg", far), Steps::of("position_deg", &frame, far));
        assert!(anchor.steps_of("position_deg", Point::new(f64::NAN, 0.0)).is_err());
    }

    #[test]
    fn a_thinned_line_stays_near_the_original_and_keeps_its_ends() {
        // A quarter circle of radius 100 m in 200 points.
        let arc: Vec<Point> = (0..200)
            .map(|i| f64::from(i) / 199.0 * core::f64::consts::FRAC_PI_2)
            .map(|a| Point::new(100.0 * libm::cos(a), 100.0 * libm::sin(a)))
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
