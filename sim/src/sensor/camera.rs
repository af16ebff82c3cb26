//! What a camera makes of those in its picture.

use super::Look;
use super::sight::Sight;
use crate::rng::{SmallStream, chance, normal_pair, poisson, uniform};
use crate::scenario::Light;
use crate::traffic::RoadUserKind;
use crate::truth::TruthObject;
use jxz_units::wrap_pi;
use jxz_world::{Detection, RoadUserClass, SensorSpec};

/// Columns of a picture of four megapixels.
const COLUMNS: f64 = 2688.0;
/// Widest half angle that is projected on a plane, radians; beyond, the lens is taken to have this scale.
const WIDEST_RAD: f64 = 1.2;
/// A road user of this many pixels (root of its area; somebody on foot is then 11 high) is detected half as often as a
/// large one.
const NEEDED_PX: f64 = 6.0;
/// Share of errors of class that do not grow with distance, and what is added at the far end: the mean over range is 1.
const NEAR_CONFUSION: f64 = 0.5;
const FAR_CONFUSION: f64 = 1.5;
/// By what night and dusk multiply errors of class and false detections.
const NIGHT_CONFUSION: f64 = 1.5;
const NIGHT_CLUTTER: f64 = 1.5;
/// False detections in rain at night (lamps mirrored by the road): by how much more for each mm/h, and at most.
const MIRRORED: f64 = 0.05;
const MOST_MIRRORED: f64 = 2.0;
/// For whom a class is taken if not for itself: the share of the first of the two others, in the order of the classes.
/// Motor vehicles are taken for non-motor ones, those for pedestrians, and these for non-motor ones.
const FIRST_SHARE: [f64; 3] = [0.8, 0.25, 0.15];
/// 1-sigma of length and width, as a share.
const EXTENT_SIGMA: f64 = 0.06;

/// What is fixed about one camera.
#[derive(Debug, Clone)]
pub(super) struct Camera {
    focal_px: f64,
    /// Range error at the far end of its range, over the square of that.
    error_per_m: f64,
}

impl Camera {
    pub(super) fn new(spec: &SensorSpec) -> Self {
        let half = spec.half_fov_rad.clamp(0.01, WIDEST_RAD);
        let far_m = spec.range_m.1.max(1.0);
        Self { focal_px: COLUMNS / 2.0 / libm::tan(half), error_per_m: spec.range_sigma_at(far_m) / (far_m * far_m) }
    }

    /// One picture's detections, and whose they are.
    pub(super) fn scan(
        &self,
        look: &Look<'_>,
        stream: &mut SmallStream,
        detections: &mut Vec<Detection>,
        seen: &mut Vec<u64>,
    ) {
        for sight in look.sights.iter().filter(|sight| !sight.hidden) {
            let object = &look.truth[sight.index];
            let probability = look.spec.detection_probability * self.share(look, sight, object);
            if chance(stream, probability) {
                detections.push(self.measure(look, sight, object, stream));
                seen.push(sight.id);
            }
        }
        for _ in 0..poisson(stream, clutter_mean(look)) {
            detections.push(false_alarm(look.spec, stream));
        }
    }

    /// What its size in the picture, light and air leave of its detections, 0 to 1.
    fn share(&self, look: &Look<'_>, sight: &Sight, object: &TruthObject) -> f64 {
        let conditions = look.conditions;
        let size_rad2 = 2.0 * sight.half_angle_rad * sight.height_m / sight.range_m;
        let needed_px = NEEDED_PX * dimness(conditions.light, object.kind);
        let small = needed_px * needed_px / (self.focal_px * self.focal_px * size_rad2);
        let lit = conditions.light == Light::Day || has_lamps(object.kind);
        let towards = (sight.centre.x / sight.range_m, sight.centre.y / sight.range_m);
        let drop = look.pose.height_m / sight.range_m;
        let contrast = conditions.contrast_share(sight.range_m, towards, drop, lit);
        contrast * (1.0 - conditions.drops_hide) / (1.0 + small * small)
    }

    /// On flat ground one row of pixels covers R²/(h f) metres of range: the error grows with the square, up to what the
    /// data sheet says of the far end.
    fn range_sigma_m(&self, spec: &SensorSpec, range_m: f64) -> f64 {
        spec.range_sigma_m.max(self.error_per_m * range_m * range_m)
    }

    fn measure(&self, look: &Look<'_>, sight: &Sight, object: &TruthObject, stream: &mut SmallStream) -> Detection {
        let spec = look.spec;
        let (of_range, of_azimuth) = normal_pair(stream);
        let (of_length, of_width) = normal_pair(stream);
        let (of_score, _) = normal_pair(stream);
        let range_m = sight.range_m + look.noise * self.range_sigma_m(spec, sight.range_m) * of_range;
        let azimuth_rad = wrap_pi(sight.azimuth_rad + look.noise * spec.azimuth_sigma_rad * of_azimuth);
        let far = sight.range_m / spec.range_m.1;
        let class = spec.class_accuracy.map(|right| {
            let dark = if look.conditions.light == Light::Day { 1.0 } else { NIGHT_CONFUSION };
            let wrong = (1.0 - right) * (NEAR_CONFUSION + FAR_CONFUSION * far * far) * dark;
            label(stream, object.class, wrong.min(0.66))
        });
        let grown = |size_m: f64, error: f64| (size_m * (1.0 + EXTENT_SIGMA * error)).max(0.2);
        let (length_m, width_m) = object.extent_m;
        Detection {
            range_m: range_m.clamp(spec.range_m.0, spec.range_m.1),
            azimuth_rad,
            doppler_mps: None,
            class,
            score: (0.93 - 0.2 * far + 0.04 * of_score).clamp(0.3, 0.99),
            extent_m: Some((grown(length_m, of_length), grown(width_m, of_width))),
        }
    }
}

/// Whether it carries lamps that show it at night.
const fn has_lamps(kind: RoadUserKind) -> bool {
    !matches!(kind, RoadUserKind::Pedestrian | RoadUserKind::Cyclist)
}

/// By how many times it must be larger to be detected than by day. Lamps are seen, what they stand on is not.
const fn dimness(light: Light, kind: RoadUserKind) -> f64 {
    match (light, kind) {
        (Light::Day | Light::Clock, _) => 1.0,
        (Light::Dusk, RoadUserKind::Pedestrian | RoadUserKind::Cyclist) => 1.3,
        (Light::Dusk, _) => 1.05,
        (Light::Night, RoadUserKind::Pedestrian | RoadUserKind::Cyclist) => 2.0,
        (Light::Night, RoadUserKind::EBike) => 1.5,
        (Light::Night, _) => 1.15,
    }
}

fn clutter_mean(look: &Look<'_>) -> f64 {
    let mean = look.spec.clutter_per_scan * look.clutter;
    match look.conditions.light {
        Light::Day | Light::Clock => mean,
        Light::Dusk => mean * 1.2,
        Light::Night => mean * NIGHT_CLUTTER * (1.0 + (MIRRORED * look.conditions.rain_mm_h).min(MOST_MIRRORED)),
    }
}

/// A false detection, uniform over range and azimuth.
fn false_alarm(spec: &SensorSpec, stream: &mut SmallStream) -> Detection {
    let range_m = uniform(stream, spec.range_m.0, spec.range_m.1);
    let azimuth_rad = wrap_pi(uniform(stream, -spec.half_fov_rad, spec.half_fov_rad));
    let class = spec.class_accuracy.map(|_| {
        let draw = (uniform(stream, 0.0, 3.0) as usize).min(2);
        RoadUserClass::ALL[draw]
    });
    let extent_m = Some((uniform(stream, 0.4, 5.0), uniform(stream, 0.4, 2.0)));
    Detection { range_m, azimuth_rad, doppler_mps: None, class, score: uniform(stream, 0.25, 0.7), extent_m }
}

/// The class or, with probability `wrong`, one of the two others.
fn label(stream: &mut SmallStream, class: RoadUserClass, wrong: f64) -> RoadUserClass {
    if !chance(stream, wrong) {
        return class;
    }
    let index = class.index();
    let others = match index {
        0 => [1, 2],
        1 => [0, 2],
        _ => [0, 1],
    };
    RoadUserClass::ALL[others[usize::from(!chance(stream, FIRST_SHARE[index]))]]
}
