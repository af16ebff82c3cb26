//! Who stands in whose way, seen from a sensor's place and height.

use crate::FusionConfig;
use crate::bernoulli::Bernoulli;
use crate::sensor::SensorModel;
use core::f64::consts::{PI, TAU};
use jxz_geo::Vector;

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
/// Farther than a sensor's range by this much it sees nothing at all, metres (its soft edge is half as wide).
const BEYOND_M: f64 = 2.0;
/// Nothing surer to exist than this hides anything.
const MIN_EXISTENCE: f64 = 0.5;

/// Shapes are kept apart by how wide they look, to each side up to so many radians: the wide are few and near, and the
/// others are found by direction among their like.
const WIDTHS_RAD: [f64; 2] = [0.02, f64::INFINITY];

/// Looks that the configuration's word is worth, and how many are remembered.
const PRIOR_LOOKS: f64 = 100.0;
const MOST_LOOKS: f64 = 10_000.0;

/// Road users that another should have hidden from a sensor in a scan, and how many of them it saw all the same.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HiddenCounts {
    pub(crate) due: f64,
    pub(crate) seen: f64,
}

/// How often a sensor sees those whom another should hide: learned from those whom other sensors see, since it depends
/// on the sensor's real height and on what it needs to see of somebody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HiddenModel {
    counts: HiddenCounts,
}

impl HiddenModel {
    pub(crate) fn new(config: &FusionConfig) -> Self {
        let seen = PRIOR_LOOKS * config.hidden_detection_probability;
        Self { counts: HiddenCounts { due: PRIOR_LOOKS, seen } }
    }

    pub(crate) fn detection_probability(&self) -> f64 {
        (self.counts.seen / self.counts.due).clamp(0.01, 0.999)
    }

    pub(crate) fn learn(&mut self, counts: HiddenCounts) {
        self.counts.due += counts.due;
        self.counts.seen += counts.seen;
        if self.counts.due > MOST_LOOKS {
            self.counts.due *= 0.5;
            self.counts.seen *= 0.5;
        }
    }
}

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

/// Shapes of about one width, by azimuth.
#[derive(Debug, Clone, Default)]
struct Level {
    shapes: Vec<Shape>,
    widest_rad: f64,
}

impl Level {
    /// Calls for each shape that may reach to within `blur_rad` of a direction.
    fn near(&self, azimuth_rad: f64, blur_rad: f64, mut each: impl FnMut(&Shape)) {
        if self.shapes.is_empty() {
            return;
        }
        let reach_rad = self.widest_rad + blur_rad;
        let mut within = |from: f64, to: f64| {
            let first = self.shapes.partition_point(|s| s.bearing.azimuth_rad < from);
            self.shapes[first..].iter().take_while(|s| s.bearing.azimuth_rad <= to).for_each(&mut each);
        };
        let (from, to) = (azimuth_rad - reach_rad, azimuth_rad + reach_rad);
        if reach_rad >= PI {
            return within(-PI, PI);
        }
        within(from, to);
        if from < -PI {
            within(from + TAU, PI);
        }
        if to > PI {
            within(-PI, to - TAU);
        }
    }
}

/// Who is where as one sensor sees it; room kept between scans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Occlusion {
    /// Of each track; of one that is out of the sensor's range the distance alone is true.
    pub(crate) bearings: Vec<Bearing>,
    levels: [Level; WIDTHS_RAD.len()],
}

impl Occlusion {
    /// Takes down where each track is as `sensor` sees it, and what it may hide.
    pub(crate) fn look(&mut self, tracks: &[Bernoulli], sensor: &SensorModel) {
        self.bearings.clear();
        for level in &mut self.levels {
            level.shapes.clear();
            level.widest_rad = 0.0;
        }
        let far_m = sensor.spec.range_m.1 + BEYOND_M;
        for track in tracks {
            let d = track.imm.combined().position() - sensor.position();
            let range_m = d.norm().max(0.5);
            if range_m > far_m {
                // Not seen in any direction, and in nobody's way who is.
                self.bearings.push(Bearing { azimuth_rad: 0.0, range_m });
                continue;
            }
            let bearing = Bearing { azimuth_rad: libm::atan2(d.y, d.x), range_m };
            self.bearings.push(bearing);
            if track.existence >= MIN_EXISTENCE {
                let shape = shape(track, bearing, d / bearing.range_m);
                let level = &mut self.levels[WIDTHS_RAD.partition_point(|width| *width < shape.half_width_rad)];
                level.widest_rad = level.widest_rad.max(shape.half_width_rad);
                level.shapes.push(shape);
            }
        }
        for level in &mut self.levels {
            level.shapes.sort_unstable_by(|a, b| a.bearing.azimuth_rad.total_cmp(&b.bearing.azimuth_rad));
        }
    }

    /// How likely another hides a track from the sensor that looked, which is `mast_m` high.
    pub(crate) fn hidden(&self, track: &Bernoulli, bearing: Bearing, mast_m: f64) -> f64 {
        let blur_rad = (track.spread().sqrt() / bearing.range_m).max(1e-3);
        let seen_at_m = SEEN_AT * mean_height_m(track);
        let mut clear = 1.0;
        let mut weigh = |other: &Shape| {
            if other.bearing.range_m >= bearing.range_m - other.nearer_m {
                return;
            }
            let turn_rad = (other.bearing.azimuth_rad - bearing.azimuth_rad).abs();
            let margin_rad = other.half_width_rad - turn_rad.min(TAU - turn_rad);
            let ray_m = mast_m + (seen_at_m - mast_m) * other.bearing.range_m / bearing.range_m;
            if margin_rad > -blur_rad && ray_m < other.height_m {
                let cover = (0.5 + 0.5 * margin_rad / blur_rad).min(1.0);
                clear *= 1.0 - cover * other.existence;
            }
        };
        for level in &self.levels {
            level.near(bearing.azimuth_rad, blur_rad, &mut weigh);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensor_that_sees_past_everybody_is_soon_expected_to_and_one_that_does_not_is_not() {
        let mut model = HiddenModel::new(&FusionConfig::default());
        assert!((model.detection_probability() - 0.1).abs() < 1e-9);
        // Fifty behind another in each scan, nine tenths of them seen; then, for longer, a tenth.
        for _ in 0..40 {
            model.learn(HiddenCounts { due: 50.0, seen: 45.0 });
        }
        assert!((model.detection_probability() - 0.9).abs() < 0.05);
        for _ in 0..1000 {
            model.learn(HiddenCounts { due: 50.0, seen: 5.0 });
        }
        assert!((model.detection_probability() - 0.1).abs() < 0.05);
    }
}
