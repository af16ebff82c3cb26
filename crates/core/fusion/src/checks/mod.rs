//! What every motion and measurement model, the filter and the association keep to, checked from inside the crate
//! against textbook forms written here anew.

mod closed_form;
mod consistency;
mod jacobian;
mod marginals;
mod measurement;
mod motion;
mod parts;

use crate::filter::{Gaussian, Rows};
use crate::motion::Noise;
use crate::sensor::SensorModel;
use jxz_geo::{Point, Vector};
use jxz_units::{Utc, Yaw, wrap_pi};
use jxz_world::{Detection, SensorId, SensorKind, SensorSpec};
use nalgebra::{Matrix4, Vector4};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A standard normal draw (Box-Muller).
pub(crate) fn gauss(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random_range(1e-12..1.0), rng.random_range(0.0..1.0));
    (-2.0 * libm::log(u)).sqrt() * libm::cos(core::f64::consts::TAU * v)
}

/// A draw from a normal distribution of mean zero.
pub(crate) fn draw(rng: &mut ChaCha8Rng, cov: &Matrix4<f64>) -> Vector4<f64> {
    let white = Vector4::from_fn(|_, _| gauss(rng));
    cov.cholesky().expect("positive definite").l() * white
}

/// A covariance with correlations of all signs: 0.1 to a few metres, and metres per second.
pub(crate) fn random_covariance(rng: &mut ChaCha8Rng) -> Matrix4<f64> {
    let root = Matrix4::from_fn(|_, _| gauss(rng));
    root * root.transpose() + Matrix4::identity() * 0.01
}

/// A state within 100 m of the origin.
pub(crate) fn random_state(rng: &mut ChaCha8Rng) -> Gaussian {
    let mean = Vector4::new(
        rng.random_range(-100.0..100.0),
        rng.random_range(-100.0..100.0),
        rng.random_range(-15.0..15.0),
        rng.random_range(-15.0..15.0),
    );
    Gaussian { mean, cov: random_covariance(rng) }
}

/// A radar (even `k`) or a camera, one in each corner of a crossing, each looking its own way.
pub(crate) fn sensor(k: usize) -> SensorSpec {
    let radar = k.is_multiple_of(2);
    let (x, y) = [(20.0, 20.0), (-18.0, 18.0), (-20.0, -20.0), (18.0, -18.0)][k % 4];
    SensorSpec {
        id: SensorId(format!("s{k}")),
        kind: if radar { SensorKind::Radar } else { SensorKind::Camera },
        position: Point::new(x, y),
        height_m: 5.0,
        boresight: Yaw::from_rad(0.7 * k as f64),
        half_fov_rad: core::f64::consts::PI,
        range_m: (0.0, 200.0),
        range_sigma_m: if radar { 0.35 } else { 0.3 },
        range_sigma_fraction: if radar { 0.0 } else { 0.03 },
        azimuth_sigma_rad: if radar { 0.7_f64 } else { 0.15 }.to_radians(),
        doppler_sigma_mps: radar.then_some(0.12),
        detection_probability: 0.9,
        clutter_per_scan: 5.0,
        class_accuracy: (!radar).then_some(0.9),
        period_s: 0.05,
    }
}

/// What a sensor that stands at `position` and looks along `boresight` sees of a state, without error.
pub(crate) fn seen(spec: &SensorSpec, position: Point, boresight: Yaw, state: &Vector4<f64>) -> Detection {
    let d = Vector::new(state[0] - position.x, state[1] - position.y);
    let range_m = d.norm();
    Detection {
        range_m,
        azimuth_rad: wrap_pi(libm::atan2(d.y, d.x) - boresight.rad()),
        doppler_mps: spec.doppler_sigma_mps.map(|_| (state[2] * d.x + state[3] * d.y) / range_m),
        class: None,
        score: 0.8,
        extent_m: None,
    }
}

/// What a sensor measures of a state: with the errors that its description states.
pub(crate) fn measured(spec: &SensorSpec, state: &Vector4<f64>, rng: &mut ChaCha8Rng) -> Detection {
    let mut detection = seen(spec, spec.position, spec.boresight, state);
    detection.range_m += gauss(rng) * spec.range_sigma_at(detection.range_m);
    detection.azimuth_rad = wrap_pi(detection.azimuth_rad + gauss(rng) * spec.azimuth_sigma_rad);
    let error_mps = spec.doppler_sigma_mps.map(|sigma| gauss(rng) * sigma);
    detection.doppler_mps = detection.doppler_mps.zip(error_mps).map(|(d, e)| d + e);
    detection
}

/// A detection as rows about a state.
pub(crate) fn rows(model: &SensorModel, state: &Gaussian, detection: &Detection) -> Rows {
    model.sight(state, None).of(detection, model.direction(detection))
}

/// The matrix of constant velocity.
pub(crate) fn transition(dt_s: f64) -> Matrix4<f64> {
    let mut f = Matrix4::identity();
    f[(0, 2)] = dt_s;
    f[(1, 3)] = dt_s;
    f
}

/// Covariance of white-noise acceleration over `dt_s`, as in Bar-Shalom, Li, Kirubarajan (2001), eq. 6.2.2-12.
pub(crate) fn process_noise(dt_s: f64, noise: Noise) -> Matrix4<f64> {
    let density = [[noise.ee, noise.en], [noise.en, noise.nn]];
    let order = [[dt_s.powi(3) / 3.0, dt_s.powi(2) / 2.0], [dt_s.powi(2) / 2.0, dt_s]];
    Matrix4::from_fn(|i, j| order[i / 2][j / 2] * density[i % 2][j % 2])
}

pub(crate) fn least_eigenvalue(matrix: &Matrix4<f64>) -> f64 {
    ((matrix + matrix.transpose()) / 2.0).symmetric_eigenvalues().min()
}

/// Fails unless a matrix is symmetric and has no negative eigenvalue, but for rounding.
#[track_caller]
pub(crate) fn assert_covariance(cov: &Matrix4<f64>) {
    let size = cov.amax();
    assert!(size.is_finite() && (cov - cov.transpose()).amax() <= 1e-12 * size, "not symmetric: {cov}");
    assert!(least_eigenvalue(cov) >= -1e-12 * size, "negative eigenvalue {}: {cov}", least_eigenvalue(cov));
}

#[track_caller]
pub(crate) fn assert_near(a: &Gaussian, b: &Gaussian, tolerance: f64) {
    let (mean, cov) = ((a.mean - b.mean).amax(), (a.cov - b.cov).amax());
    assert!(mean <= tolerance * (1.0 + b.mean.amax()) && cov <= tolerance * b.cov.amax(), "{a:?} is not {b:?}");
}

/// Time of the checks, seconds after their beginning.
pub(crate) fn utc(s: f64) -> Utc {
    Utc::from_unix_s(1_700_000_000.0).plus_seconds(s)
}

/// Two-sided 99 % band of the mean of `count` chi-square numbers of `dof` degrees of freedom each (Wilson, Hilferty
/// 1931).
pub(crate) fn band_99(dof: usize, count: usize) -> (f64, f64) {
    (chi2_quantile(dof * count, -2.575_829) / count as f64, chi2_quantile(dof * count, 2.575_829) / count as f64)
}

fn chi2_quantile(dof: usize, normal_quantile: f64) -> f64 {
    let k = dof as f64;
    let c = 2.0 / (9.0 * k);
    k * (1.0 - c + normal_quantile * c.sqrt()).powi(3)
}

#[test]
fn the_chi_square_band_agrees_with_tables() {
    // Quantiles of 0.005 and 0.995 for 20, 50 and 100 degrees of freedom: Pearson, Hartley, Biometrika Tables, table 8.
    for (dof, low, high) in [(20, 7.434, 39.997), (50, 27.991, 79.490), (100, 67.328, 140.169)] {
        let (l, h) = band_99(dof, 1);
        assert!((l - low).abs() < 0.06 && (h - high).abs() < 0.06, "{dof}: {l} {h}");
    }
}
