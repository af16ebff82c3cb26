//! Who stands in whose way, seen from a sensor's place and height.

use crate::bernoulli::Bernoulli;
use crate::sensor::SensorModel;
use jxz_units::wrap_pi;

/// Half the width that a class shows to a sensor, and its height, metres: motor vehicle, non-motor vehicle, pedestrian.
const HALF_WIDTH_M: [f64; 3] = [1.0, 0.4, 0.25];
const HEIGHT_M: [f64; 3] = [1.5, 1.6, 1.65];
/// A road user is seen when this share of its height is.
const SEEN_AT: f64 = 0.4;
/// Vehicles longer than this are as high as lorries and buses, metres.
const LONG_M: f64 = 7.0;
const LONG_HEIGHT_M: f64 = 3.0;
/// What hides must be nearer by this, metres, class by class: beside a car is not behind it.
const NEARER_M: [f64; 3] = [1.5, 0.6, 0.5];
/// Nothing surer to exist than this hides anything.
const MIN_EXISTENCE: f64 = 0.5;

/// A road user as a sensor sees it.
#[derive(Debug, Clone, Copy)]
struct Shape {
    azimuth_rad: f64,
    half_width_rad: f64,
    range_m: f64,
    height_m: f64,
    nearer_m: f64,
    existence: f64,
}

/// Working space, kept between scans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Occlusion {
    /// Direction and distance of each track.
    bearings: Vec<(f64, f64)>,
    shapes: Vec<Shape>,
    /// For each track the probability that another hides it.
    pub(crate) hidden: Vec<f64>,
}

impl Occlusion {
    /// Finds for each track how likely another hides it from `sensor`.
    pub(crate) fn look(&mut self, tracks: &[Bernoulli], sensor: &SensorModel) {
        self.bearings.clear();
        self.bearings.extend(tracks.iter().map(|t| {
            let d = t.imm.combined().position() - sensor.position();
            (d.y.atan2(d.x), d.norm().max(0.5))
        }));
        self.shapes.clear();
        let sure = tracks.iter().zip(&self.bearings).filter(|(t, _)| t.existence >= MIN_EXISTENCE);
        self.shapes.extend(sure.map(|(t, bearing)| shape(t, *bearing)));
        self.shapes.sort_unstable_by(|a, b| a.azimuth_rad.total_cmp(&b.azimuth_rad));
        let widest = self.shapes.iter().map(|s| s.half_width_rad).fold(0.0, f64::max);
        self.hidden.clear();
        let shapes = &self.shapes;
        let each = tracks.iter().zip(&self.bearings);
        self.hidden.extend(each.map(|(t, bearing)| {
            let seen_at_m = SEEN_AT * mean_height_m(t);
            hidden(t.spread().sqrt(), *bearing, (seen_at_m, sensor.spec.height_m), shapes, widest)
        }));
    }
}

fn mean_height_m(track: &Bernoulli) -> f64 {
    track.class.probabilities().iter().zip(HEIGHT_M).map(|(p, h)| p * h).sum()
}

fn shape(track: &Bernoulli, (azimuth_rad, range_m): (f64, f64)) -> Shape {
    let blend = |values: [f64; 3]| -> f64 { track.class.probabilities().iter().zip(values).map(|(p, v)| p * v).sum() };
    let (half_width_m, height_m) = match track.extent_m() {
        Some((length, width)) => {
            let side = track.heading().map_or(0.5, |h| (h.to_yaw().rad() - azimuth_rad).sin().abs());
            let height_m = if length > LONG_M { LONG_HEIGHT_M } else { mean_height_m(track) };
            (0.5 * (width + (length - width).max(0.0) * side), height_m)
        }
        None => (blend(HALF_WIDTH_M), mean_height_m(track)),
    };
    Shape {
        azimuth_rad,
        half_width_rad: (half_width_m / range_m).min(1.0),
        range_m,
        height_m,
        nearer_m: blend(NEARER_M),
        existence: track.existence,
    }
}

/// `heights_m`: of the part to be seen, and of the sensor.
fn hidden(
    sigma_m: f64,
    (azimuth_rad, range_m): (f64, f64),
    (seen_at_m, mast_m): (f64, f64),
    shapes: &[Shape],
    widest_rad: f64,
) -> f64 {
    let blur_rad = (sigma_m / range_m).max(1e-3);
    let reach_rad = widest_rad + 2.0 * blur_rad;
    let mut clear = 1.0;
    let mut weigh = |from_rad: f64, to_rad: f64| {
        let first = shapes.partition_point(|s| s.azimuth_rad < from_rad);
        for other in shapes[first..].iter().take_while(|s| s.azimuth_rad <= to_rad) {
            let ray_m = mast_m + (seen_at_m - mast_m) * other.range_m / range_m;
            if other.range_m < range_m - other.nearer_m && ray_m < other.height_m {
                let margin = other.half_width_rad - wrap_pi(other.azimuth_rad - azimuth_rad).abs();
                let cover = (0.5 + 0.5 * margin / blur_rad).clamp(0.0, 1.0);
                clear *= 1.0 - cover * other.existence;
            }
        }
    };
    let (from, to) = (azimuth_rad - reach_rad, azimuth_rad + reach_rad);
    weigh(from, to);
    let turn = core::f64::consts::TAU;
    if from < -core::f64::consts::PI {
        weigh(from + turn, core::f64::consts::PI);
    }
    if to > core::f64::consts::PI {
        weigh(-core::f64::consts::PI, to - turn);
    }
    1.0 - clear
}
