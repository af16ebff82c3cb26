//! What a radar makes of those in its beam: echoes, their resolution, and its clutter.

use super::Look;
use super::mirror::{self, Mirror};
use super::sight::Sight;
use crate::rng::{SmallStream, chance, normal_pair, poisson, uniform};
use crate::traffic::RoadUserKind;
use crate::truth::TruthObject;
use jxz_geo::Vector;
use jxz_units::wrap_pi;
use jxz_world::{Detection, SensorSpec};

/// Logarithm of the false alarms' probability in a cell, for the detection of fluctuating targets (Swerling 1).
const LN_FALSE_ALARM: f64 = -9.21;
/// A car's signal over the noise at the far end of the range. A junction's radar sees cars at 300 m, with 20 dB; the
/// node uses it to 180 m, so that it sees the small there, too.
const CAR_SNR: f64 = 780.0;
/// An accuracy that a data sheet gives is that of a weak echo, a quarter of what can be told apart.
const CELL_SIGMAS: f64 = 4.0;
/// Weaker echoes are never detected.
const WEAKEST_SNR: f64 = 0.5;
/// A body longer than this gives several echoes, metres, one for each so many of its side.
const LONG_M: f64 = 6.0;
const SPACING_M: f64 = 3.0;
/// Points lie this far within the outline, metres.
const WITHIN_M: f64 = 0.2;
/// Share of false echoes that come from things that stand, and how many such things there are: poles, signs, fences. The
/// radar's own filter for what stands lets each through now and then.
const STANDING_SHARE: f64 = 0.4;
const STANDING: usize = 60;
/// What stands sways: 1-sigma, metres per second.
const SWAY_MPS: f64 = 0.1;
/// False echoes of rain come from no farther than this, metres, and move with the wind, metres per second.
const RAIN_REACH_M: f64 = 30.0;
const WIND_MPS: f64 = 3.0;
/// Fastest radial speed of a false echo, metres per second.
const FALSE_MPS: f64 = 12.0;

/// Mean radar cross-section at 77 GHz, m².
pub(super) const fn cross_section_m2(kind: RoadUserKind) -> f64 {
    match kind {
        RoadUserKind::Car => 10.0,
        RoadUserKind::Bus => 100.0,
        RoadUserKind::Truck => 63.0,
        RoadUserKind::EBike => 1.0,
        RoadUserKind::Cyclist => 0.63,
        RoadUserKind::Pedestrian => 0.16,
    }
}

/// One echo before noise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Echo {
    pub(super) range_m: f64,
    pub(super) azimuth_rad: f64,
    pub(super) doppler_mps: f64,
    /// Signal over noise; 0 once it is merged into another.
    pub(super) snr: f64,
    /// Whose it is; `None` of a ghost.
    pub(super) id: Option<u64>,
}

/// What is fixed about one radar.
#[derive(Debug, Clone)]
pub(super) struct Radar {
    /// Signal over noise of 1 m² at 1 m.
    gain: f64,
    /// What it tells apart: metres, radians, metres per second.
    cell: (f64, f64, Option<f64>),
    /// Things that stand: range and azimuth.
    standing: Vec<(f64, f64)>,
    mirrors: Vec<Mirror>,
}

impl Radar {
    pub(super) fn new(spec: &SensorSpec, mirrors: Vec<Mirror>, stream: &mut SmallStream) -> Self {
        let place = |_| {
            let range_m = uniform(stream, spec.range_m.0, spec.range_m.1);
            (range_m, wrap_pi(uniform(stream, -spec.half_fov_rad, spec.half_fov_rad)))
        };
        let standing = (0..STANDING).map(place).collect();
        let cell = (
            CELL_SIGMAS * spec.range_sigma_m,
            CELL_SIGMAS * spec.azimuth_sigma_rad,
            spec.doppler_sigma_mps.map(|sigma| CELL_SIGMAS * sigma),
        );
        let far_m2 = spec.range_m.1 * spec.range_m.1;
        let gain = CAR_SNR * far_m2 * far_m2 / cross_section_m2(RoadUserKind::Car);
        Self { gain, cell, standing, mirrors }
    }

    #[cfg(test)]
    pub(super) fn add_mirror(&mut self, mirror: Mirror) {
        self.mirrors.push(mirror);
    }

    /// One scan's detections, and whose they are.
    pub(super) fn scan(
        &self,
        look: &Look<'_>,
        echoes: &mut Vec<Echo>,
        stream: &mut SmallStream,
        detections: &mut Vec<Detection>,
        seen: &mut Vec<u64>,
    ) {
        echoes.clear();
        for sight in look.sights.iter().filter(|sight| !sight.hidden) {
            let object = &look.truth[sight.index];
            if object.extent_m.0 > LONG_M {
                self.reflect_long(look, sight, object, echoes);
            } else {
                let m2 = cross_section_m2(object.kind);
                self.reflect(look, sight.centre, object.velocity, m2, Some(sight.id), echoes);
            }
        }
        for mirror in &self.mirrors {
            mirror.ghosts(look, |at, velocity, m2| self.reflect(look, at, velocity, m2, None, echoes));
        }
        mirror::double_bounces(look, |echo, m2| self.hear(look, echo, m2, echoes));
        echoes.sort_unstable_by(|a, b| a.range_m.total_cmp(&b.range_m).then(a.azimuth_rad.total_cmp(&b.azimuth_rad)));
        self.merge(echoes);
        for echo in echoes.iter().filter(|echo| echo.snr > WEAKEST_SNR) {
            let probability = look.spec.detection_probability * libm::exp(LN_FALSE_ALARM / (1.0 + echo.snr));
            if chance(stream, probability) {
                detections.push(measure(look, echo, stream));
                // A long vehicle is detected once.
                seen.extend(echo.id.filter(|id| !seen.contains(id)));
            }
        }
        self.clutter(look, stream, detections);
    }

    /// An echo of what lies at `at` from the radar, if it is in the beam.
    fn reflect(&self, look: &Look<'_>, at: Vector, velocity: Vector, m2: f64, id: Option<u64>, echoes: &mut Vec<Echo>) {
        let Some((range_m, azimuth_rad)) = look.pose.polar(at) else { return };
        let doppler_mps = velocity.dot(&at) / range_m;
        self.hear(look, Echo { range_m, azimuth_rad, doppler_mps, snr: 0.0, id }, m2, echoes);
    }

    /// The radar equation: power falls with the fourth power of range.
    fn hear(&self, look: &Look<'_>, echo: Echo, m2: f64, echoes: &mut Vec<Echo>) {
        let squared = echo.range_m * echo.range_m;
        let snr = self.gain * m2 / (squared * squared) * look.conditions.radar_share(echo.range_m);
        if snr > WEAKEST_SNR && echo.range_m <= look.spec.range_m.1 {
            echoes.push(Echo { snr, ..echo });
        }
    }

    /// Echoes of a bus or lorry: one of the end that the radar sees, and several along the side, or along the roof where
    /// it sees no side. What is seen at a grazing angle returns little.
    fn reflect_long(&self, look: &Look<'_>, sight: &Sight, object: &TruthObject, echoes: &mut Vec<Echo>) {
        let (half_m, half_width_m) = (object.extent_m.0 / 2.0, object.extent_m.1 / 2.0);
        let left = Vector::new(-sight.forward.y, sight.forward.x);
        // The radar as seen from the body: before it, to its left.
        let (ahead_m, aside_m) = (-sight.centre.dot(&sight.forward), -sight.centre.dot(&left));
        let m2 = cross_section_m2(object.kind);
        let mut point = |along_m: f64, across_m: f64, m2: f64| {
            let at = sight.centre + sight.forward * along_m + left * across_m;
            self.reflect(look, at, object.velocity, m2, Some(sight.id), echoes);
        };
        if ahead_m.abs() > half_m {
            let end_m = ahead_m.signum() * (half_m - WITHIN_M);
            point(end_m, 0.0, m2 * (0.05 + 0.4 * ahead_m.abs() / sight.range_m));
        }
        let sees_side = aside_m.abs() > half_width_m;
        let across_m = if sees_side { aside_m.signum() * (half_width_m - WITHIN_M) } else { 0.0 };
        let points = (object.extent_m.0 / SPACING_M).round().clamp(2.0, 6.0);
        let each_m2 = m2 * (0.1 + 0.5 * aside_m.abs() / sight.range_m) / points;
        for k in 0..points as usize {
            let along_m = (2.0 * (k as f64 + 0.5) / points - 1.0) * (half_m - WITHIN_M);
            point(along_m, across_m, each_m2);
        }
    }

    /// Echoes in one cell of range, azimuth and Doppler are one, where their power lies, and the strongest one's.
    fn merge(&self, echoes: &mut [Echo]) {
        let (range_m, azimuth_rad, doppler_mps) = self.cell;
        for k in 0..echoes.len() {
            let first = echoes[k];
            if first.snr <= 0.0 {
                continue;
            }
            let (mut sum, mut strongest) = ([0.0; 4], (0.0, first.id));
            for (index, echo) in echoes.iter_mut().enumerate().skip(k) {
                if echo.range_m - first.range_m > range_m {
                    break;
                }
                let apart = wrap_pi(echo.azimuth_rad - first.azimuth_rad);
                let same_speed = doppler_mps.is_none_or(|cell| (echo.doppler_mps - first.doppler_mps).abs() <= cell);
                if echo.snr <= 0.0 || apart.abs() > azimuth_rad || !same_speed {
                    continue;
                }
                if echo.snr > strongest.0 {
                    strongest = (echo.snr, echo.id);
                }
                let of = [1.0, echo.range_m, apart, echo.doppler_mps];
                sum.iter_mut().zip(of).for_each(|(sum, of)| *sum += echo.snr * of);
                if index > k {
                    echo.snr = 0.0;
                }
            }
            let [snr, range, apart, doppler] = sum;
            echoes[k] = Echo {
                range_m: range / snr,
                azimuth_rad: wrap_pi(first.azimuth_rad + apart / snr),
                doppler_mps: doppler / snr,
                snr,
                id: strongest.1,
            };
        }
    }

    /// False echoes: of things that stand, always at the same places; of nothing; and of rain.
    fn clutter(&self, look: &Look<'_>, stream: &mut SmallStream, detections: &mut Vec<Detection>) {
        let mean = look.spec.clutter_per_scan * look.clutter;
        for _ in 0..poisson(stream, STANDING_SHARE * mean) {
            let place = (uniform(stream, 0.0, STANDING as f64) as usize).min(STANDING - 1);
            if let Some(&(range_m, azimuth_rad)) = self.standing.get(place) {
                let doppler_mps = SWAY_MPS * normal_pair(stream).0;
                let echo = Echo { range_m, azimuth_rad, doppler_mps, snr: 5.0, id: None };
                detections.push(Detection { score: uniform(stream, 0.25, 0.7), ..measure(look, &echo, stream) });
            }
        }
        let (near, far) = look.spec.range_m;
        for _ in 0..poisson(stream, (1.0 - STANDING_SHARE) * mean) {
            detections.push(false_echo(look.spec, (near, far), FALSE_MPS, stream));
        }
        let rain = look.conditions.rain_echoes();
        if rain > 0.0 {
            for _ in 0..poisson(stream, rain) {
                detections.push(false_echo(look.spec, (near, RAIN_REACH_M.clamp(near, far)), WIND_MPS, stream));
            }
        }
    }
}

fn false_echo(spec: &SensorSpec, range_m: (f64, f64), most_mps: f64, stream: &mut SmallStream) -> Detection {
    Detection {
        range_m: uniform(stream, range_m.0, range_m.1),
        azimuth_rad: wrap_pi(uniform(stream, -spec.half_fov_rad, spec.half_fov_rad)),
        doppler_mps: spec.doppler_sigma_mps.map(|_| uniform(stream, -most_mps, most_mps)),
        class: None,
        score: uniform(stream, 0.25, 0.7),
        extent_m: None,
    }
}

fn measure(look: &Look<'_>, echo: &Echo, stream: &mut SmallStream) -> Detection {
    let spec = look.spec;
    let (of_range, of_azimuth) = normal_pair(stream);
    let (of_doppler, of_score) = normal_pair(stream);
    let range_m = echo.range_m + look.noise * spec.range_sigma_at(echo.range_m) * of_range;
    Detection {
        range_m: range_m.clamp(spec.range_m.0, spec.range_m.1),
        azimuth_rad: wrap_pi(echo.azimuth_rad + look.noise * spec.azimuth_sigma_rad * of_azimuth),
        doppler_mps: spec.doppler_sigma_mps.map(|sigma| echo.doppler_mps + look.noise * sigma * of_doppler),
        class: None,
        score: (0.93 - 0.4 / (1.0 + echo.snr / 30.0) + 0.04 * of_score).clamp(0.3, 0.99),
        extent_m: None,
    }
}
