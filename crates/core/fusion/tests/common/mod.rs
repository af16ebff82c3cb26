//! Small scenes with known truth: two radars and two cameras around a crossing, as in the scene maker.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a scene that cannot be built fails its test")]

pub(crate) mod rings;

use jxz_fusion::metrics::{Moving, TrackingScore};
use jxz_fusion::{Bounds, FusionConfig, Tracker};
use jxz_geo::{Point, Vector};
use jxz_units::{Utc, Yaw, wrap_pi};
use jxz_world::{Detection, RoadUserClass, Scan, SensorId, SensorKind, SensorSpec, Track};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Time between two scans of the site, seconds; each sensor has every fourth.
pub(crate) const STEP_S: f64 = 0.0125;

pub(crate) fn utc(s: f64) -> Utc {
    Utc::from_unix_s(1_700_000_000.0).plus_seconds(s)
}

pub(crate) fn sensors() -> Vec<SensorSpec> {
    let place = [(20.0, 20.0), (-18.0, 18.0), (-20.0, -20.0), (18.0, -18.0)];
    let spec = |k: usize, (x, y)| {
        let radar = k.is_multiple_of(2);
        SensorSpec {
            id: SensorId(format!("s{k}")),
            kind: if radar { SensorKind::Radar } else { SensorKind::Camera },
            position: Point::new(x, y),
            height_m: 5.0,
            // Each looks its own way, so that a boresight forgotten anywhere shows.
            boresight: Yaw::from_rad(0.7 * k as f64),
            half_fov_rad: std::f64::consts::PI,
            range_m: (0.0, 200.0),
            range_sigma_m: if radar { 0.35 } else { 0.3 },
            range_sigma_fraction: if radar { 0.0 } else { 0.03 },
            azimuth_sigma_rad: if radar { 0.7_f64 } else { 0.15 }.to_radians(),
            doppler_sigma_mps: radar.then_some(0.12),
            detection_probability: 0.9,
            clutter_per_scan: 5.0,
            class_accuracy: (!radar).then_some(0.9),
            period_s: 4.0 * STEP_S,
        }
    };
    place.into_iter().enumerate().map(|(k, p)| spec(k, p)).collect()
}

pub(crate) fn bounds() -> Bounds {
    Bounds::Rectangle { min: Point::new(-100.0, -100.0), max: Point::new(100.0, 100.0) }
}

pub(crate) fn config() -> FusionConfig {
    FusionConfig { bounds: Some(bounds()), ..FusionConfig::default() }
}

pub(crate) fn tracker() -> Tracker {
    Tracker::new(sensors(), config()).unwrap()
}

/// A road user whose path is a function of time; `None` while it is not there.
pub(crate) struct User {
    pub(crate) class: RoadUserClass,
    pub(crate) path: Box<dyn Fn(f64) -> Option<Moving>>,
}

impl User {
    pub(crate) fn straight(class: RoadUserClass, from: (f64, f64), velocity: (f64, f64)) -> Self {
        let velocity = Vector::new(velocity.0, velocity.1);
        let start = Point::new(from.0, from.1);
        Self { class, path: Box::new(move |t| Some(Moving { position: start + velocity * t, velocity })) }
    }
}

/// Truth and the noise that sensors add to it; everything follows from the seed.
pub(crate) struct Scene {
    pub(crate) users: Vec<User>,
    pub(crate) sensors: Vec<SensorSpec>,
    rng: ChaCha8Rng,
}

impl Scene {
    pub(crate) fn new(seed: u64, users: Vec<User>) -> Self {
        Self { users, sensors: sensors(), rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    pub(crate) fn truth(&self, t: f64) -> Vec<Moving> {
        self.users.iter().filter_map(|u| (u.path)(t)).collect()
    }

    /// The `step`-th scan of the site.
    pub(crate) fn scan(&mut self, step: usize) -> Scan {
        let spec = self.sensors[step % 4].clone();
        let t = step as f64 * STEP_S;
        let mut detections = Vec::new();
        for user in &self.users {
            let Some(moving) = (user.path)(t) else { continue };
            if !self.rng.random_bool(spec.detection_probability) {
                continue;
            }
            let d = moving.position - spec.position;
            let range = d.norm();
            let label = if self.rng.random_bool(0.9) {
                user.class
            } else {
                RoadUserClass::from_index(self.rng.random_range(0..3)).unwrap()
            };
            let doppler = moving.velocity.dot(&d) / range;
            let noise = [gauss(&mut self.rng), gauss(&mut self.rng), gauss(&mut self.rng)];
            detections.push(Detection {
                range_m: (range + noise[0] * spec.range_sigma_at(range)).max(0.0),
                azimuth_rad: wrap_pi(libm::atan2(d.y, d.x) - spec.boresight.rad() + noise[1] * spec.azimuth_sigma_rad),
                doppler_mps: spec.doppler_sigma_mps.map(|sigma| doppler + noise[2] * sigma),
                class: spec.class_accuracy.map(|_| label),
                score: 0.8,
                extent_m: None,
            });
        }
        let mut clutter = Vec::new();
        // As many as a Poisson draw: exponential waits until one scan's worth is used up.
        let mut waited = -libm::log(self.rng.random_range(1e-12..1.0_f64));
        while waited < spec.clutter_per_scan {
            let place = Point::new(self.rng.random_range(-100.0..100.0), self.rng.random_range(-100.0..100.0));
            let d = place - spec.position;
            let doppler = 5.0 * gauss(&mut self.rng);
            clutter.push(Detection {
                range_m: d.norm(),
                azimuth_rad: wrap_pi(libm::atan2(d.y, d.x) - spec.boresight.rad()),
                doppler_mps: spec.doppler_sigma_mps.map(|_| doppler),
                class: spec.class_accuracy.and_then(|_| RoadUserClass::from_index(self.rng.random_range(0..3))),
                score: 0.5,
                extent_m: None,
            });
            waited -= libm::log(self.rng.random_range(1e-12..1.0_f64));
        }
        detections.extend(clutter);
        Scan { sensor: spec.id, sequence: (step / 4) as u32, valid_at: utc(t), detections }
    }
}

/// A standard normal draw (Box-Muller).
pub(crate) fn gauss(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random_range(1e-12..1.0), rng.random_range(0.0..1.0));
    (-2.0 * libm::log(u)).sqrt() * libm::cos(std::f64::consts::TAU * v)
}

/// What a run gives: the score from `settle_s` on, and the tracks at the end of each frame.
pub(crate) struct Run {
    pub(crate) score: TrackingScore,
    pub(crate) frames: Vec<(f64, Vec<Track>)>,
}

/// Runs a scene in order, leaving out scans that `keep` refuses.
pub(crate) fn run(
    tracker: &mut Tracker,
    scene: &mut Scene,
    seconds: f64,
    settle_s: f64,
    keep: impl Fn(usize, f64) -> bool,
) -> Run {
    let mut run = Run { score: TrackingScore::default(), frames: Vec::new() };
    for step in 0..(seconds / STEP_S) as usize {
        let t = step as f64 * STEP_S;
        let scan = scene.scan(step);
        if keep(step % 4, t) {
            tracker.handle_scan(&scan).unwrap();
        }
        if step % 4 == 3 {
            let tracks = tracker.tracks_at(utc(t));
            if t >= settle_s {
                let estimates: Vec<Moving> = tracks.iter().map(Moving::from).collect();
                run.score.add(&scene.truth(t), &estimates);
            }
            run.frames.push((t, tracks));
        }
    }
    run
}

/// The track nearest to a point, nearer than 2 m.
pub(crate) fn nearest(tracks: &[Track], point: Point) -> Option<&Track> {
    let distance = |t: &Track| (t.position - point).norm();
    tracks.iter().filter(|t| distance(t) < 2.0).min_by(|a, b| distance(a).total_cmp(&distance(b)))
}
