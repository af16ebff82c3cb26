//! Every measurement model: radar, camera, vehicle report; with and without what calibration says.

use super::{assert_covariance, assert_near, random_state, rng, rows, seen, sensor, utc};
use crate::FusionConfig;
use crate::calibration::Bias;
use crate::filter::{Gaussian, Imm, Rows};
use crate::motion::Noise;
use crate::report;
use crate::sensor::{LongBody, SensorModel};
use core::f64::consts::{PI, TAU};
use jxz_geo::{Point, Vector};
use jxz_units::Yaw;
use jxz_world::{Detection, SensorSpec, VehicleDetails, VehicleId, VehicleReport};
use nalgebra::Vector4;
use rand::RngExt;

/// Rows for a noise-free measurement of the first, linearised about the second.
type Measure = Box<dyn Fn(&Vector4<f64>, &Gaussian) -> Rows>;

pub(super) struct Model {
    pub(super) name: &'static str,
    pub(super) rows: usize,
    /// Where its range is measured from; `None` if it measures none.
    pub(super) origin: Option<Point>,
    pub(super) measure: Measure,
}

const BIAS: Bias = Bias { yaw_rad: 0.03, position_m: [0.4, -0.3], clock_s: 0.01 };
const DOUBT: Bias = Bias { yaw_rad: 0.01, position_m: [0.2, 0.2], clock_s: 0.015 };

pub(super) fn all() -> Vec<Model> {
    let none = Bias::default();
    let still = |spec: &SensorSpec| SensorSpec { doppler_sigma_mps: None, ..spec.clone() };
    // As wide as nothing, so that its side is its middle.
    let narrow = LongBody { forward: Vector::new(0.6, 0.8), half_length_m: 6.0, half_width_m: 0.0 };
    vec![
        polar("radar", &sensor(0), none, none, None),
        polar("radar, corrected and doubted", &sensor(0), BIAS, DOUBT, None),
        polar("radar without Doppler", &still(&sensor(2)), none, none, None),
        polar("radar, along a bus", &sensor(2), none, none, Some(narrow)),
        polar("camera", &sensor(1), none, none, None),
        polar("camera, corrected and doubted", &sensor(3), BIAS, DOUBT, None),
        reported("report", true, 1.0),
        reported("report, one of many", true, 50.0),
        reported("report of a place alone", false, 1.0),
    ]
}

fn polar(name: &'static str, spec: &SensorSpec, bias: Bias, doubt: Bias, long: Option<LongBody>) -> Model {
    let mut model = SensorModel::new(spec.clone(), 0, &FusionConfig::default()).expect("a sound description");
    model.correct(bias, doubt);
    // A bias is what is declared less what is true.
    let position = spec.position - Vector::new(bias.position_m[0], bias.position_m[1]);
    let boresight = Yaw::from_rad(spec.boresight.rad() - bias.yaw_rad);
    let spec = spec.clone();
    Model {
        name,
        rows: if spec.doppler_sigma_mps.is_some() { 3 } else { 2 },
        origin: Some(position),
        measure: Box::new(move |truth, about| {
            let detection = seen(&spec, position, boresight, truth);
            model.sight(about, long).of(&detection, model.direction(&detection))
        }),
    }
}

pub(super) fn report_of(state: &Vector4<f64>, moving: bool) -> VehicleReport {
    VehicleReport {
        vehicle: VehicleId([7; 8]),
        message_count: 0,
        valid_at: utc(0.0),
        position: Point::new(state[0], state[1]),
        position_sigma_m: Some(1.5),
        speed_mps: moving.then(|| libm::hypot(state[2], state[3])),
        heading: moving.then(|| Yaw::of_vector(state[2], state[3]).to_heading()),
        acceleration_mps2: None,
        extent_m: None,
        class: None,
        details: VehicleDetails::default(),
    }
}

fn reported(name: &'static str, moving: bool, repeats: f64) -> Model {
    let measure = move |truth: &Vector4<f64>, about: &Gaussian| {
        report::rows(&report_of(truth, moving), about, repeats, &FusionConfig::default())
    };
    Model { name, rows: if moving { 4 } else { 2 }, origin: None, measure: Box::new(measure) }
}

/// States at least `least_m` from where the model measures.
pub(super) fn states(model: &Model, seed: u64, count: usize, least_m: f64) -> Vec<Gaussian> {
    let mut rng = rng(seed);
    let far = |s: &Gaussian| model.origin.is_none_or(|o| (s.position() - o).norm() >= least_m);
    core::iter::repeat_with(|| random_state(&mut rng)).filter(far).take(count).collect()
}

#[test]
fn the_state_itself_leaves_no_residual() {
    for model in all() {
        for state in states(&model, 10, 500, 1.0) {
            let rows = (model.measure)(&state.mean, &state);
            assert_eq!(rows.as_slice().len(), model.rows, "{}", model.name);
            for row in rows.as_slice() {
                assert!(row.residual.abs() < 1e-12 * (1.0 + state.mean.amax()), "{}: {row:?}", model.name);
                assert!(row.variance.is_finite() && row.variance > 0.0, "{}: {row:?}", model.name);
            }
        }
    }
}

#[test]
fn an_update_keeps_a_covariance_and_never_grows_it() {
    for model in all() {
        for (state, truth) in states(&model, 11, 300, 0.0).into_iter().zip(states(&model, 12, 300, 0.0)) {
            let mut after = state;
            after.update(&(model.measure)(&truth.mean, &state));
            assert!(after.mean.iter().all(|v| v.is_finite()), "{}", model.name);
            assert_covariance(&after.cov);
            // What was taken away is itself a covariance, but for the rounding of what it was taken from.
            let less = state.cov - after.cov;
            assert!(super::least_eigenvalue(&less) >= -1e-12 * state.cov.amax(), "{}: {less}", model.name);
        }
    }
}

#[test]
fn many_sharp_updates_leave_a_covariance() {
    // A thousand scans without motion: what is left is tiny, and still a covariance.
    for model in all() {
        for state in states(&model, 13, 20, 5.0) {
            let mut after = state;
            for _ in 0..1000 {
                let rows = (model.measure)(&state.mean, &after);
                after.update(&rows);
            }
            assert_covariance(&after.cov);
            assert!((after.mean - state.mean).amax() < 1e-6, "{}: {}", model.name, after.mean - state.mean);
        }
    }
}

#[test]
fn rows_one_by_one_are_the_joint_update() {
    // The Kalman update in one piece, with the inverse of the innovation covariance.
    for model in all() {
        for (state, truth) in states(&model, 14, 300, 2.0).into_iter().zip(states(&model, 15, 300, 2.0)) {
            let rows = (model.measure)(&truth.mean, &state);
            let n = model.rows;
            let h = nalgebra::DMatrix::from_fn(n, 4, |i, j| rows.as_slice()[i].gradient[j]);
            let z = nalgebra::DVector::from_fn(n, |i, _| rows.as_slice()[i].residual);
            let r =
                nalgebra::DMatrix::from_diagonal(&nalgebra::DVector::from_fn(n, |i, _| rows.as_slice()[i].variance));
            let p = nalgebra::DMatrix::from_fn(4, 4, |i, j| state.cov[(i, j)]);
            let s = &h * &p * h.transpose() + r;
            let inverse = s.clone().try_inverse().expect("an innovation covariance");
            let gain = &p * h.transpose() * &inverse;
            let (moved, left) = (&gain * &z, &p - &gain * &h * &p);
            let mut after = state;
            let fit = after.update(&rows);
            let expected = Gaussian {
                mean: state.mean + Vector4::from_fn(|i, _| moved[i]),
                cov: nalgebra::Matrix4::from_fn(|i, j| left[(i, j)]),
            };
            let cov_error = (after.cov - expected.cov).amax() / state.cov.amax();
            let mean_error = (after.mean - expected.mean).amax() / (1.0 + expected.mean.amax());
            assert!(mean_error < 1e-9 && cov_error < 1e-9, "{}: {mean_error} {cov_error}", model.name);
            let chi2 = (z.transpose() * &inverse * &z)[0];
            let log_density = -0.5 * (chi2 + libm::log(s.determinant()) + n as f64 * libm::log(TAU));
            let residuals: Vec<f64> = rows.as_slice().iter().map(|r| r.residual).collect();
            for fit in [fit, state.whitening(&rows).fit(&residuals)] {
                assert!((fit.chi2 - chi2).abs() < 1e-8 * (1.0 + chi2), "{}: {fit:?} {chi2}", model.name);
                assert!((fit.log_density() - log_density).abs() < 1e-8 * (1.0 + chi2), "{}: {fit:?}", model.name);
            }
        }
    }
}

#[test]
fn an_azimuth_wraps() {
    let spec = SensorSpec { boresight: Yaw::from_rad(2.5), ..sensor(0) };
    let model = SensorModel::new(spec.clone(), 0, &FusionConfig::default()).expect("a sound description");
    let mut rng = rng(16);
    for _ in 0..500 {
        let state = random_state(&mut rng);
        let straight = seen(&spec, spec.position, spec.boresight, &state.mean);
        let off = rng.random_range(-3.0..3.0);
        let residual = |turns: f64| {
            let turned = Detection { azimuth_rad: straight.azimuth_rad + off + turns * TAU, ..straight };
            rows(&model, &state, &turned).as_slice()[1].residual
        };
        for turns in [-2.0, -1.0, 0.0, 1.0, 2.0] {
            assert!((residual(turns) - off).abs() < 1e-6, "{} turned {turns} times, {off} off", residual(turns));
            assert!(residual(turns).abs() <= PI + 1e-12);
        }
    }
    // Behind the sensor, on either side of the cut of atan2: close to each other.
    let behind = |side: f64| Vector4::new(spec.position.x - 50.0, spec.position.y + side, 0.0, 0.0);
    let (left, right) = (behind(0.01), Gaussian { mean: behind(-0.01), cov: nalgebra::Matrix4::identity() });
    let rows = rows(&model, &right, &seen(&spec, spec.position, spec.boresight, &left));
    assert!((rows.as_slice()[1].residual + 0.02 / 50.0).abs() < 1e-9, "{:?}", rows.as_slice()[1]);
}

#[test]
fn doubt_only_widens() {
    let (sure, mut unsure) = (
        SensorModel::new(sensor(0), 0, &FusionConfig::default()).expect("a sound description"),
        SensorModel::new(sensor(0), 0, &FusionConfig::default()).expect("a sound description"),
    );
    unsure.correct(Bias::default(), DOUBT);
    let mut rng = rng(17);
    for _ in 0..200 {
        let state = random_state(&mut rng);
        let detection = seen(&sensor(0), sensor(0).position, sensor(0).boresight, &random_state(&mut rng).mean);
        let (a, b) = (rows(&sure, &state, &detection), rows(&unsure, &state, &detection));
        for (k, (a, b)) in a.as_slice().iter().zip(b.as_slice()).enumerate() {
            assert_eq!((a.gradient, a.residual), (b.gradient, b.residual));
            // Doppler knows neither yaw nor clock, and hardly the place.
            assert!(if k < 2 { b.variance > a.variance } else { b.variance >= a.variance });
        }
    }
}

#[test]
fn the_models_probabilities_sum_to_one_whatever_is_measured() {
    let config = FusionConfig::default();
    let noises = [Noise::round(0.1), Noise::round(4.0), Noise::round(8.0)];
    for model in all() {
        for (state, wild) in states(&model, 18, 100, 0.0).into_iter().zip(states(&model, 19, 100, 0.0)) {
            let mut imm = Imm::new(state);
            // Now what is expected, now a place a hundred metres away.
            for k in 0..10 {
                imm.predict(0.05, &noises, &config);
                let truth = if k % 3 == 2 { wild.mean } else { imm.combined().mean };
                imm.update(|about| (model.measure)(&truth, about));
                let weights = imm.weights();
                assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{}: {weights:?}", model.name);
                assert!(weights.iter().all(|w| *w > 0.0), "{}: {weights:?}", model.name);
                assert_covariance(&imm.combined().cov);
            }
        }
    }
}

#[test]
fn models_that_agree_update_as_one() {
    for model in all() {
        for (state, truth) in states(&model, 20, 50, 5.0).into_iter().zip(states(&model, 21, 50, 5.0)) {
            let (mut imm, mut one) = (Imm::new(state), state);
            let weights = imm.weights();
            imm.update(|about| (model.measure)(&truth.mean, about));
            one.update(&(model.measure)(&truth.mean, &state));
            assert_near(imm.combined(), &one, 1e-9);
            let moved = imm.weights().iter().zip(weights).any(|(a, b)| (a - b).abs() > 1e-12);
            assert!(!moved, "{}: nothing tells them apart", model.name);
        }
    }
}
