//! The calibration's derivatives against finite differences, and its stated errors against its real ones.

use super::bias::{BiasFilter, PER_SENSOR};
use super::reference::{Reference, Sighting};
use super::{Bias, Calibrator, SurePair, WANDER_PS};
use crate::FusionConfig;
use crate::bernoulli::BirthKey;
use crate::checks::{band_99, draw, gauss, measured, process_noise, rng, seen, sensor, transition, utc};
use crate::config::Survey;
use crate::motion::Noise;
use jxz_geo::{Point, Vector};
use jxz_units::Yaw;
use jxz_world::{Detection, SensorKind, SensorSpec};
use nalgebra::{DMatrix, DVector, SMatrix, Vector4};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

const SENSORS: usize = 4;
const BIASES: usize = SENSORS * PER_SENSOR;
const NOISE: Noise = Noise { ee: 0.4, en: 0.1, nn: 0.3 };
const BIRTH: u64 = 7;

fn specs() -> Vec<SensorSpec> {
    (0..SENSORS).map(sensor).collect()
}

/// A bias filter whose estimate is `mean`, taken there by measuring each bias alone.
fn filter_at(mean: &[f64]) -> BiasFilter {
    let prior = Bias { yaw_rad: 0.05, position_m: [1.0, 1.0], clock_s: 0.1 };
    let places: Vec<Point> = specs().iter().map(|s| s.position).collect();
    let mut filter = BiasFilter::new(&places, &[prior; SENSORS]);
    for (k, value) in mean.iter().enumerate() {
        let only: Vec<f64> = (0..BIASES).map(|i| f64::from(u8::from(i == k))).collect();
        assert!(filter.update(&only, *value, 1e-20, f64::INFINITY));
    }
    assert!(filter.mean().iter().zip(mean).all(|(a, b)| (a - b).abs() < 1e-14));
    filter
}

fn random_biases(rng: &mut ChaCha8Rng) -> Vec<f64> {
    let scale = [0.02, 0.3, 0.3, 0.02];
    (0..BIASES).map(|k| scale[k % PER_SENSOR] * gauss(rng)).collect()
}

fn birth(item: u64) -> BirthKey {
    BirthKey { at: utc(0.0), source: 0, item }
}

/// A reference made so that its state is the one given, if sensor 0 is where `biases` say.
fn reference(state: &Vector4<f64>, biases: &BiasFilter) -> Reference {
    let (spec, b) = (&specs()[0], biases.bias(0));
    let from = spec.position - Vector::new(b.position_m[0], b.position_m[1]);
    let towards = Yaw::from_rad(spec.boresight.rad() - b.yaw_rad);
    let first = seen(spec, from, towards, state);
    let mut made = Reference::room(biases);
    let sighting = Sighting { detection: &first, spec, sensor: 0, applied_s: b.clock_s };
    made.begin(birth(BIRTH), utc(0.0), Vector::new(state[2], state[3]), sighting, biases);
    assert!((made.state(biases.mean()) - state).amax() < 1e-9);
    made
}

fn random_user(rng: &mut ChaCha8Rng) -> Vector4<f64> {
    loop {
        let state = crate::checks::random_state(rng).mean;
        let far = |s: &SensorSpec| libm::hypot(state[0] - s.position.x, state[1] - s.position.y) > 10.0;
        if specs().iter().all(far) {
            return state;
        }
    }
}

/// The greatest entry of a row's gradient sets what is small.
fn close(gradient: f64, slope: f64, size: f64) -> bool {
    (gradient - slope).abs() <= 1e-5 * size
}

#[test]
fn a_rows_gradient_by_the_state_is_the_derivative() {
    const STEP: f64 = 1e-4;
    let mut rng = rng(50);
    for _ in 0..300 {
        let biases = filter_at(&random_biases(&mut rng));
        let (state, other) = (random_user(&mut rng), rng.random_range(0..SENSORS));
        let spec = &specs()[other];
        let detection = seen(spec, spec.position, spec.boresight, &state);
        // What is applied for the clock may be out of date by some milliseconds.
        let applied_s = biases.bias(other).clock_s + rng.random_range(-0.005..0.005);
        for which in 0..if detection.doppler_mps.is_some() { 3 } else { 2 } {
            let row = |s: &Vector4<f64>| {
                let sighting = Sighting { detection: &detection, spec, sensor: other, applied_s };
                reference(s, &biases).row(which, sighting, &biases)
            };
            let gradient = row(&state).gradient;
            for axis in 0..4 {
                let moved = |step: f64| {
                    let mut moved = state;
                    moved[axis] += step;
                    row(&moved).residual
                };
                let slope = (moved(-STEP) - moved(STEP)) / (2.0 * STEP);
                assert!(
                    close(gradient[axis], slope, gradient.amax()),
                    "row {which} by {axis}: {} is not {slope}",
                    gradient[axis]
                );
            }
        }
    }
}

#[test]
fn a_rows_gradient_by_each_bias_is_the_derivative() {
    // Through the reference's own state, made by sensor 0, and directly through the sensor that measures.
    const STEP: [f64; PER_SENSOR] = [1e-5, 1e-4, 1e-4, 1e-5];
    let mut rng = rng(51);
    for _ in 0..300 {
        let mean = random_biases(&mut rng);
        let biases = filter_at(&mean);
        let mut reference = reference(&random_user(&mut rng), &biases);
        reference.predict(utc(rng.random_range(0.0..0.5)), NOISE);
        let state = reference.state(biases.mean());
        for other in 0..SENSORS {
            let spec = &specs()[other];
            let detection = seen(spec, spec.position, spec.boresight, &state);
            let applied_s = biases.bias(other).clock_s + rng.random_range(-0.005..0.005);
            for which in 0..if detection.doppler_mps.is_some() { 3 } else { 2 } {
                let row = |b: &BiasFilter| {
                    let sighting = Sighting { detection: &detection, spec, sensor: other, applied_s };
                    reference.row(which, sighting, b)
                };
                let mut gradient = [0.0; BIASES];
                reference.spread_gradient(&row(&biases), other, &mut gradient);
                for (k, own) in gradient.iter().enumerate() {
                    let step = STEP[k % PER_SENSOR];
                    let moved = |step: f64| {
                        let mut moved = mean.clone();
                        moved[k] += step;
                        row(&filter_at(&moved)).residual
                    };
                    let slope = (moved(-step) - moved(step)) / (2.0 * step);
                    let kind = |g: &(usize, &f64)| g.0 % PER_SENSOR == k % PER_SENSOR;
                    let size = gradient.iter().enumerate().filter(kind).map(|g| g.1.abs()).fold(1e-3, f64::max);
                    assert!(close(*own, slope, size), "sensor {other} row {which} by bias {k}: {own} is not {slope}");
                }
            }
        }
    }
}

#[test]
fn a_new_references_dependence_on_each_bias_is_the_derivative() {
    let mut rng = rng(52);
    for _ in 0..200 {
        let mean = random_biases(&mut rng);
        let biases = filter_at(&mean);
        let user = random_user(&mut rng);
        let velocity = Vector::new(user[2], user[3]);
        let detection = seen(&specs()[2], specs()[2].position, specs()[2].boresight, &user);
        let applied_s = biases.bias(2).clock_s + rng.random_range(-0.02..0.02);
        let made = |b: &BiasFilter| {
            let mut made = Reference::room(b);
            let sighting = Sighting { detection: &detection, spec: &specs()[2], sensor: 2, applied_s };
            made.begin(birth(BIRTH), utc(0.0), velocity, sighting, b);
            made
        };
        let once = made(&biases);
        for k in 0..BIASES {
            let at = |step: f64| {
                let mut moved = mean.clone();
                moved[k] += step;
                filter_at(&moved)
            };
            let (ahead, behind) = (at(1e-5), at(-1e-5));
            // Made with other biases, and made once and then asked for other biases.
            let anew = made(&ahead).state(ahead.mean()) - made(&behind).state(behind.mean());
            let asked = once.state(ahead.mean()) - once.state(behind.mean());
            assert!((anew - asked).amax() <= 1e-5 * (anew.amax() + 1e-5), "bias {k}: {anew} {asked}");
        }
    }
}

/// What all sensors' biases have in common, taken out by generalised least squares in the metric of the prior: shifts east
/// and north, a turn about the origin, and a shift in time.
fn without_common(biases: &DVector<f64>, prior: &DVector<f64>) -> DVector<f64> {
    let mut common = DMatrix::<f64>::zeros(BIASES, 4);
    for (k, spec) in specs().iter().enumerate() {
        let at = k * PER_SENSOR;
        common.view_mut((at, 0), (PER_SENSOR, 4)).copy_from(&SMatrix::<f64, 4, 4>::new(
            0.0,
            0.0,
            1.0,
            0.0, //
            1.0,
            0.0,
            -spec.position.y,
            0.0, //
            0.0,
            1.0,
            spec.position.x,
            0.0, //
            0.0,
            0.0,
            0.0,
            1.0,
        ));
    }
    // Whitened, it is plain least squares.
    let white = |m: &DMatrix<f64>| DMatrix::from_fn(m.nrows(), m.ncols(), |i, j| m[(i, j)] / prior[i].sqrt());
    let (a, b) = (white(&common), white(&DMatrix::from_column_slice(BIASES, 1, biases.as_slice())));
    let shares = a.svd(true, true).solve(&b, 1e-12).expect("four directions");
    biases - (&common * shares).column(0)
}

/// A calibrator after `seconds` with twelve road users whose motion and measurements are exactly as it believes, and the
/// biases that the sensors had.
fn calibrated(seed: u64, seconds: f64) -> (Calibrator, DVector<f64>) {
    let survey = Survey { camera_clock_sigma_s: 0.003, ..FusionConfig::default().survey };
    let config = FusionConfig { survey, ..FusionConfig::default() };
    let mut rng = rng(seed);
    let clock = |k: usize| if sensor(k).kind == SensorKind::Radar { 0.001 } else { 0.003 };
    let prior = DVector::from_fn(BIASES, |i, _| {
        [survey.yaw_sigma_rad, survey.position_sigma_m, survey.position_sigma_m, clock(i / PER_SENSOR)][i % PER_SENSOR]
            .powi(2)
    });
    let truth = DVector::from_fn(BIASES, |i, _| prior[i].sqrt() * gauss(&mut rng));
    let real: Vec<SensorSpec> = specs()
        .into_iter()
        .enumerate()
        .map(|(k, spec)| {
            let b = Bias::from_slice(&truth.as_slice()[k * PER_SENSOR..]);
            let position = spec.position - Vector::new(b.position_m[0], b.position_m[1]);
            SensorSpec { position, boresight: Yaw::from_rad(spec.boresight.rad() - b.yaw_rad), ..spec }
        })
        .collect();
    let mut calibrator = Calibrator::new(specs(), &config);
    let step_s = 0.0125;
    let noise = process_noise(step_s, NOISE);
    let mut users: Vec<Vector4<f64>> = (0..12).map(|_| random_user(&mut rng)).collect();
    let mut newest = utc(-1.0);
    for step in 0..(seconds / step_s) as usize {
        for user in &mut users {
            *user = transition(step_s) * *user + draw(&mut rng, &noise);
        }
        let k = step % SENSORS;
        let stamp = utc(step as f64 * step_s).plus_seconds(truth[k * PER_SENSOR + 3]);
        let at = stamp.plus_seconds(-calibrator.correction(k).0.clock_s);
        if at < newest {
            continue;
        }
        newest = at;
        let detections: Vec<Detection> = users.iter().map(|u| measured(&real[k], u, &mut rng)).collect();
        let pair = |(detection, user): (usize, &Vector4<f64>)| SurePair {
            birth: birth(detection as u64),
            detection,
            velocity: Vector::new(user[2], user[3]),
            noise: NOISE,
        };
        let pairs: Vec<SurePair> = users.iter().enumerate().map(pair).collect();
        calibrator.observe(k, at, &detections, &pairs);
    }
    (calibrator, without_common(&truth, &prior))
}

#[test]
fn the_biases_errors_are_as_large_as_is_stated() {
    const SEEDS: u64 = 200;
    let mut sums = [0.0; SENSORS];
    for seed in 0..SEEDS {
        let (mut calibrator, truth) = calibrated(6000 + seed, 3.0);
        calibrator.biases.compare();
        for (k, sum) in sums.iter_mut().enumerate() {
            let truth = Vector4::from_column_slice(&truth.as_slice()[k * PER_SENSOR..(k + 1) * PER_SENSOR]);
            let error = Vector4::from(calibrator.biases.pinned(k).as_array()) - truth;
            let stated = calibrator.biases.disagreement(k);
            *sum += error.dot(&(stated.try_inverse().expect("a covariance") * error)) / SEEDS as f64;
        }
    }
    let (low, high) = band_99(PER_SENSOR, SEEDS as usize);
    assert!(sums.iter().all(|nees| (low..=high).contains(nees)), "{sums:?} not all in {low} to {high}");
    const { assert!(WANDER_PS * 3.0 < 1e-3, "the biases of this truth do not wander") };
}
