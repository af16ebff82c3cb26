//! Two radars and two cameras that see the whole site.

use super::Grid;
use super::traffic::normal;
use jxz_fusion::metrics::Moving;
use jxz_geo::{Point, Vector};
use jxz_units::{Utc, Yaw, wrap_pi};
use jxz_world::{Detection, RoadUserClass, Scan, SensorId, SensorKind, SensorSpec};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// From one scan of the site to the next, seconds; each sensor makes every fourth.
pub const SCAN_STEP_S: f64 = 0.0125;
/// Share of a camera's labels that are drawn and not guessed.
const LABELLED: f64 = 0.92;

/// A road user as it really is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Body {
    /// Its number, never used again.
    pub id: u64,
    /// Its class.
    pub class: RoadUserClass,
    /// Where, local frame.
    pub position: Point,
    /// Velocity over ground, metres per second.
    pub velocity: Vector,
}

impl From<&Body> for Moving {
    fn from(body: &Body) -> Self {
        Self { position: body.position, velocity: body.velocity }
    }
}

/// Sensors, and the noise that they add to the truth.
#[derive(Debug, Clone)]
pub struct Sensors {
    specs: Vec<SensorSpec>,
    /// Where false detections are, to either side of the centre, metres.
    centre: Point,
    half_m: (f64, f64),
    sequence: Vec<u32>,
    rng: ChaCha8Rng,
}

impl Sensors {
    /// The four of `make_scene.py` (easy). On a bigger site they stand farther apart, their angles and the cameras'
    /// ranges are finer by as much as the site is longer, so that its far corner is seen as well as the crossing's, and
    /// clutter grows with the area.
    #[must_use]
    pub fn four(grid: Grid, seed: u64) -> Self {
        let (stretch, tiles) = (grid.stretch(), grid.tiles() as f64);
        let (width_m, height_m) = grid.size_m();
        let places = [(20.0, 20.0), (-18.0, 18.0), (-20.0, -20.0), (18.0, -18.0)];
        let spec = |(k, (x, y)): (usize, (f64, f64))| {
            let radar = k.is_multiple_of(2);
            SensorSpec {
                id: SensorId(["radar-ne", "camera-nw", "radar-sw", "camera-se"][k].to_owned()),
                kind: if radar { SensorKind::Radar } else { SensorKind::Camera },
                position: Point::new(x * grid.columns as f64, y * grid.rows as f64),
                height_m: 5.0,
                boresight: Yaw::from_rad(0.0),
                half_fov_rad: std::f64::consts::PI,
                range_m: (0.0, 300.0 * stretch),
                range_sigma_m: if radar { 0.35 } else { 0.3 },
                range_sigma_fraction: if radar { 0.0 } else { 0.03 / stretch },
                azimuth_sigma_rad: if radar { 0.7_f64 } else { 0.15 }.to_radians() / stretch,
                doppler_sigma_mps: radar.then_some(0.12),
                detection_probability: if radar { 0.90 } else { 0.92 },
                clutter_per_scan: if radar { 6.0 } else { 3.0 } * tiles,
                class_accuracy: (!radar).then_some(0.95),
                period_s: 4.0 * SCAN_STEP_S,
            }
        };
        Self::new(places.into_iter().enumerate().map(spec).collect(), (width_m / 2.0, height_m / 2.0), seed)
    }

    /// These; false detections lie within `half_m` of the origin to either side, metres.
    #[must_use]
    pub fn new(specs: Vec<SensorSpec>, half_m: (f64, f64), seed: u64) -> Self {
        let sequence = vec![0; specs.len()];
        Self { specs, centre: Point::origin(), half_m, sequence, rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The same, with the false detections about `centre`.
    #[must_use]
    pub fn about(self, centre: Point) -> Self {
        Self { centre, ..self }
    }

    /// As surveyed.
    #[must_use]
    pub fn specs(&self) -> &[SensorSpec] {
        &self.specs
    }

    /// One sensor's scan of the truth; detections are in no order that tells anything.
    pub fn scan(&mut self, sensor: usize, bodies: &[Body], at: Utc) -> Scan {
        let spec = &self.specs[sensor];
        let rng = &mut self.rng;
        let mut detections = Vec::with_capacity(bodies.len() + 32);
        for body in bodies {
            if spec.sees(body.position) && rng.random_bool(spec.detection_probability) {
                detections.push(measured(spec, body, rng));
            }
        }
        for _ in 0..poisson(rng, spec.clutter_per_scan) {
            let at = [self.half_m.0, self.half_m.1].map(|half_m| rng.random_range(-half_m..half_m));
            let d = self.centre + Vector::from(at) - spec.position;
            detections.push(Detection {
                range_m: d.norm(),
                azimuth_rad: wrap_pi(d.y.atan2(d.x) - spec.boresight.rad()),
                doppler_mps: spec.doppler_sigma_mps.map(|_| 5.0 * normal(rng)),
                class: spec.class_accuracy.map(|_| guess(rng)),
                score: rng.random_range(0.3..0.75),
                extent_m: None,
            });
        }
        let sequence = self.sequence[sensor];
        self.sequence[sensor] = sequence.wrapping_add(1);
        Scan { sensor: spec.id.clone(), sequence, valid_at: at, detections }
    }
}

fn measured(spec: &SensorSpec, body: &Body, rng: &mut ChaCha8Rng) -> Detection {
    let d = body.position - spec.position;
    let range_m = d.norm();
    let radial_mps = body.velocity.dot(&d) / range_m.max(0.5);
    Detection {
        range_m: (range_m + spec.range_sigma_at(range_m) * normal(rng)).max(0.0),
        azimuth_rad: wrap_pi(d.y.atan2(d.x) - spec.boresight.rad() + spec.azimuth_sigma_rad * normal(rng)),
        doppler_mps: spec.doppler_sigma_mps.map(|sigma| radial_mps + sigma * normal(rng)),
        class: spec.class_accuracy.map(|_| if rng.random_bool(LABELLED) { body.class } else { guess(rng) }),
        score: rng.random_range(0.55..0.98),
        extent_m: None,
    }
}

fn guess(rng: &mut ChaCha8Rng) -> RoadUserClass {
    RoadUserClass::ALL[rng.random_range(0..3)]
}

/// A Poisson draw: exponential waits until one scan's worth is used up.
fn poisson(rng: &mut ChaCha8Rng, mean: f64) -> usize {
    let mut waited = -rng.random_range(1e-12..1.0_f64).ln();
    let mut count = 0;
    while waited < mean {
        count += 1;
        waited -= rng.random_range(1e-12..1.0_f64).ln();
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_has_the_stated_share_of_road_users_and_clutter() {
        let grid = Grid { columns: 2, rows: 1 };
        let mut sensors = Sensors::four(grid, 3);
        let body = |k: u32| Body {
            id: u64::from(k),
            class: RoadUserClass::Motor,
            position: Point::new(f64::from(k) - 100.0, 30.0),
            velocity: Vector::new(3.0, -4.0),
        };
        let bodies: Vec<Body> = (0..200).map(body).collect();
        for (sensor, (share, clutter)) in [(0.90, 12.0), (0.92, 6.0)].into_iter().enumerate() {
            let (mut count, mut false_alarms) = (0, 0);
            for k in 0..500 {
                let at = Utc::from_unix_s(f64::from(k));
                count += sensors.scan(sensor, &bodies, at).detections.len();
                false_alarms += sensors.scan(sensor, &[], at).detections.len();
            }
            assert!((f64::from(false_alarms as u32) / 500.0 - clutter).abs() < 0.05 * clutter, "{false_alarms}");
            let seen = (count as f64 / 500.0 - clutter) / 200.0;
            assert!((seen - share).abs() < 0.01, "{seen} of the road users");
        }
    }
}
