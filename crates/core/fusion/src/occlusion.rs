//! Who stands in whose way, seen from a sensor's place and height.

use crate::bernoulli::Bernoulli;
use crate::sensor::SensorModel;
use core::f64::consts::{PI, TAU};
use jxz_geo::Vector;
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

/// Shapes that look wider than this to each side are few and near; they are kept apart so that the others are found by
/// direction, radians.
const WIDE_RAD: f64 = 0.03;

/// Where a road user stands as seen from a sensor: direction (anticlockwise from east) and distance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bearing {
    pub(crate) azimuth_rad: f64,
    pub(crate) range_m: f64,
}

/// A road user as a sensor sees it.
#[derive(Debug, Clone, Copy)]
struct Shape {
    bearing: Bearing,
    half_width_rad: f64,
    height_m: f64,
    nearer_m: f64,
    existence: f64,
}

/// Who is where as one sensor sees it; room kept between scans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Occlusion {
    /// Of each track.
    pub(crate) bearings: Vec<Bearing>,
    wide: Vec<Shape>,
    /// The others, by azimuth.
    narrow: Vec<Shape>,
}

impl Occlusion {
    /// Takes down where each track is as `sensor` sees it, and what it may hide.
    pub(crate) fn look(&mut self, tracks: &[Bernoulli], sensor: &SensorModel) {
        self.bearings.clear();
        self.wide.clear();
        self.narrow.clear();
        for track in tracks {
            let d = track.imm.combined().position() - sensor.position();
            let bearing = Bearing { azimuth_rad: d.y.atan2(d.x), range_m: d.norm().max(0.5) };
            self.bearings.push(bearing);
            if track.existence >= MIN_EXISTENCE {
                let shape = shape(track, bearing, d / bearing.range_m);
                if shape.half_width_rad > WIDE_RAD { self.wide.push(shape) } else { self.narrow.push(shape) }
            }
        }
        self.narrow.sort_unstable_by(|a, b| a.bearing.azimuth_rad.total_cmp(&b.bearing.azimuth_rad));
    }

    /// How likely another hides a track from the sensor that looked, which is `mast_m` high.
    pub(crate) fn hidden(&self, track: &Bernoulli, bearing: Bearing, mast_m: f64) -> f64 {
        let blur_rad = (track.spread().sqrt() / bearing.range_m).max(1e-3);
        let seen_at_m = SEEN_AT * mean_height_m(track);
        let mut clear = 1.0;
        let mut weigh = |other: &Shape| {
            let ray_m = mast_m + (seen_at_m - mast_m) * other.bearing.range_m / bearing.range_m;
            if other.bearing.range_m < bearing.range_m - other.nearer_m && ray_m < other.height_m {
                let apart_rad = wrap_pi(other.bearing.azimuth_rad - bearing.azimuth_rad).abs();
                let cover = (0.5 + 0.5 * (other.half_width_rad - apart_rad) / blur_rad).clamp(0.0, 1.0);
                clear *= 1.0 - cover * other.existence;
            }
        };
        self.wide.iter().for_each(&mut weigh);
        let reach_rad = WIDE_RAD + blur_rad;
        let (from, to) = (bearing.azimuth_rad - reach_rad, bearing.azimuth_rad + reach_rad);
        let mut within = |from: f64, to: f64| {
            let first = self.narrow.partition_point(|s| s.bearing.azimuth_rad < from);
            self.narrow[first..].iter().take_while(|s| s.bearing.azimuth_rad <= to).for_each(&mut weigh);
        };
        within(from, to);
        if from < -PI {
            within(from + TAU, PI);
        }
        if to > PI {
            within(-PI, to - TAU);
        }
        1.0 - clear
    }
}

fn mean_height_m(track: &Bernoulli) -> f64 {
    track.class.mean(HEIGHT_M)
}

fn shape(track: &Bernoulli, bearing: Bearing, towards: Vector) -> Shape {
    let (half_width_m, height_m) = match track.extent_m {
        Some((length, width)) => {
            let side = track.forward().map_or(0.5, |forward| forward.perp(&towards).abs());
            let height_m = if length > LONG_M { LONG_HEIGHT_M } else { mean_height_m(track) };
            (0.5 * (width + (length - width).max(0.0) * side), height_m)
        }
        None => (track.class.mean(HALF_WIDTH_M), mean_height_m(track)),
    };
    Shape {
        bearing,
        half_width_rad: (half_width_m / bearing.range_m).min(1.0),
        height_m,
        nearer_m: track.class.mean(NEARER_M),
        existence: track.existence,
    }
}
