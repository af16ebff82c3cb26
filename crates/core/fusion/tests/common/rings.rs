//! A busy site: thirty road users on rings around the crossing, and sensors that may not be what they are said to be.

use super::{STEP_S, Scene, User, config, sensors, utc};
use jxz_fusion::metrics::{Moving, TrackingScore};
use jxz_fusion::{FusionConfig, Tracker, Trust};
use jxz_geo::{Point, Vector};
use jxz_units::Yaw;
use jxz_world::RoadUserClass::{Motor, NonMotor};
use jxz_world::{Scan, SensorSpec};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Rings are 2.6 m apart; on some it goes one way round and on some the other.
pub(crate) fn users(seed: u64) -> Vec<User> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
    let ring = |k: u32| {
        let radius = 12.0 + 2.6 * f64::from(k);
        let speed = rng.random_range(5.0..12.0_f64).min((2.0 * radius).sqrt());
        let speed = if rng.random_bool(0.5) { speed } else { -speed };
        let start: f64 = rng.random_range(0.0..std::f64::consts::TAU);
        let path = move |t: f64| {
            let (sin, cos) = libm::sincos(start + speed / radius * t);
            Some(Moving { position: Point::new(cos, sin) * radius, velocity: Vector::new(-sin, cos) * speed })
        };
        User { class: if k % 4 == 3 { NonMotor } else { Motor }, path: Box::new(path) }
    };
    (0..30).map(ring).collect()
}

/// What is declared of a sensor less what is true.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Error {
    pub(crate) yaw_rad: f64,
    pub(crate) position_m: [f64; 2],
    pub(crate) clock_s: f64,
}

/// The sensors as a wrong survey describes them.
fn declared(errors: &[Error; 4]) -> Vec<SensorSpec> {
    let wrong = |(spec, e): (SensorSpec, &Error)| SensorSpec {
        boresight: Yaw::from_rad(spec.boresight.rad() + e.yaw_rad),
        position: spec.position + Vector::new(e.position_m[0], e.position_m[1]),
        ..spec
    };
    sensors().into_iter().zip(errors).map(wrong).collect()
}

/// Leaves every scan as it is.
pub(crate) fn sound(_: usize, _: &mut Scan) -> bool {
    true
}

pub(crate) struct Site {
    pub(crate) scene: Scene,
    pub(crate) tracker: Tracker,
    pub(crate) errors: [Error; 4],
    pub(crate) step: usize,
}

impl Site {
    pub(crate) fn new(seed: u64, errors: [Error; 4]) -> Self {
        Self::with(seed, errors, config())
    }

    pub(crate) fn with(seed: u64, errors: [Error; 4], config: FusionConfig) -> Self {
        let tracker = Tracker::new(declared(&errors), config).unwrap();
        Self { scene: Scene::new(seed, users(seed)), tracker, errors, step: 0 }
    }

    pub(crate) fn now_s(&self) -> f64 {
        self.step as f64 * STEP_S
    }

    pub(crate) fn trust(&self) -> Vec<Trust> {
        self.tracker.calibration().iter().map(|c| c.trust).collect()
    }

    /// One scan of each sensor, each changed or held back by `fault`; then the tracks are scored.
    pub(crate) fn frame(&mut self, score: &mut TrackingScore, mut fault: impl FnMut(usize, &mut Scan) -> bool) {
        for k in 0..4 {
            let mut scan = self.scene.scan(self.step + k);
            scan.valid_at = scan.valid_at.plus_seconds(self.errors[k].clock_s);
            if fault(k, &mut scan) {
                self.tracker.handle_scan(&scan).unwrap();
            }
        }
        let t = (self.step + 3) as f64 * STEP_S;
        let estimates: Vec<Moving> = self.tracker.tracks_at(utc(t)).iter().map(Moving::from).collect();
        score.add(&self.scene.truth(t), &estimates);
        self.step += 4;
    }

    /// Frames until `until_s`; gives the score of those from `from_s` on.
    pub(crate) fn run(
        &mut self,
        until_s: f64,
        from_s: f64,
        mut fault: impl FnMut(usize, &mut Scan) -> bool,
    ) -> TrackingScore {
        let (mut score, mut before) = (TrackingScore::default(), TrackingScore::default());
        while self.now_s() < until_s {
            let into = if self.now_s() >= from_s { &mut score } else { &mut before };
            self.frame(into, &mut fault);
        }
        score
    }
}
