//! Whether errors are as large as is stated: normalised errors of states and innovations over many seeds, held against the
//! 99 % band of their mean (Bar-Shalom, Li, Kirubarajan 2001, section 5.4).

use super::measurement::report_of;
use super::{band_99, draw, gauss, measured, process_noise, rng, rows, sensor, transition};
use crate::FusionConfig;
use crate::filter::{Gaussian, Imm};
use crate::motion::{MODELS, Noise, switching};
use crate::report;
use crate::sensor::SensorModel;
use jxz_world::SensorSpec;
use nalgebra::{Matrix4, Vector4};
use rand::RngExt;

const SEEDS: u64 = 1000;
const STEP_S: f64 = 0.0125;
const NOISE: Noise = Noise { ee: 0.8, en: 0.3, nn: 0.4 };

/// Where it may be at first. It passes no nearer than about 10 m by any sensor: nearer, the errors are a large part of the
/// range and no linearisation is honest.
fn prior() -> Gaussian {
    Gaussian {
        mean: Vector4::new(-45.0, -3.0, 10.0, 0.5),
        cov: Matrix4::from_diagonal(&Vector4::new(1.0, 1.0, 4.0, 1.0)),
    }
}

fn normalised(error: Vector4<f64>, cov: &Matrix4<f64>) -> f64 {
    error.dot(&(cov.try_inverse().expect("a covariance") * error))
}

#[track_caller]
fn assert_in_band(what: &str, mean: f64, dof: usize, count: usize) {
    let (low, high) = band_99(dof, count);
    assert!((low..=high).contains(&mean), "{what}: {mean} is not in {low} to {high}");
}

#[test]
fn the_states_error_is_as_large_as_is_stated() {
    let models: Vec<_> =
        (0..4).map(|k| SensorModel::new(sensor(k), k, &FusionConfig::default()).expect("sound")).collect();
    let mut sums = [0.0; 3];
    for seed in 0..SEEDS {
        let mut rng = rng(1000 + seed);
        let mut state = prior();
        let mut truth = state.mean + draw(&mut rng, &state.cov);
        for step in 0..320_usize {
            truth = transition(STEP_S) * truth + draw(&mut rng, &process_noise(STEP_S, NOISE));
            state.predict(STEP_S, NOISE);
            let k = step % 4;
            if rng.random_bool(models[k].spec.detection_probability) {
                let seen = rows(&models[k], &state, &measured(&models[k].spec, &truth, &mut rng));
                state.update(&seen);
            }
            if let Some(at) = [19, 79, 319].iter().position(|s| *s == step) {
                sums[at] += normalised(state.mean - truth, &state.cov) / SEEDS as f64;
            }
        }
    }
    for (after, nees) in ["0.25 s", "1 s", "4 s"].iter().zip(sums) {
        assert_in_band(&format!("state after {after}"), nees, 4, SEEDS as usize);
    }
}

#[test]
fn every_sensors_innovations_are_as_large_as_is_stated() {
    let kinds: [(&str, SensorSpec, usize); 3] = [
        ("radar", sensor(0), 3),
        ("camera", sensor(1), 2),
        ("radar without Doppler", SensorSpec { doppler_sigma_mps: None, ..sensor(2) }, 2),
    ];
    for (name, spec, dof) in kinds {
        let model = SensorModel::new(spec, 0, &FusionConfig::default()).expect("sound");
        let (mut sum, mut count) = (0.0, 0);
        for seed in 0..SEEDS {
            let mut rng = rng(2000 + seed);
            let mut state = prior();
            let mut truth = state.mean + draw(&mut rng, &state.cov);
            for _ in 0..60 {
                truth = transition(0.05) * truth + draw(&mut rng, &process_noise(0.05, NOISE));
                state.predict(0.05, NOISE);
                let seen = rows(&model, &state, &measured(&model.spec, &truth, &mut rng));
                sum += state.update(&seen).chi2;
                count += 1;
            }
        }
        assert_in_band(name, sum / f64::from(count), dof, count as usize);
    }
}

#[test]
fn a_reports_innovations_are_as_large_as_is_stated() {
    let config = FusionConfig { report_heading_sigma_rad: 0.02, ..FusionConfig::default() };
    let (mut sum, mut count) = (0.0, 0);
    for seed in 0..SEEDS {
        let mut rng = rng(3000 + seed);
        let mut state = prior();
        let mut truth = state.mean + draw(&mut rng, &state.cov);
        for _ in 0..20 {
            truth = transition(0.1) * truth + draw(&mut rng, &process_noise(0.1, NOISE));
            state.predict(0.1, NOISE);
            let speed = libm::hypot(truth[2], truth[3]);
            let slow = libm::hypot(config.report_speed_sigma_mps, speed * config.report_heading_sigma_rad);
            let sigma = [1.5, 1.5, slow, slow];
            let said = Vector4::from_fn(|i, _| truth[i] + sigma[i] * gauss(&mut rng));
            let rows = report::rows(&report_of(&said, true), &state, 1.0, &config);
            sum += state.update(&rows).chi2;
            count += 1;
        }
    }
    assert_in_band("report", sum / f64::from(count), 4, count as usize);
}

#[test]
fn the_mixtures_error_is_as_large_as_is_stated_when_truth_switches_as_it_says() {
    // Truth keeps one noise at a time and changes between them as the chain says. The interacting models approximate
    // what would be exact, so the band is widened by a tenth on either side.
    let config = FusionConfig::default();
    let noises = [Noise::round(0.1), Noise { ee: 0.3, en: 0.0, nn: 6.0 }, Noise { ee: 6.0, en: 0.0, nn: 0.3 }];
    let models: Vec<_> =
        (0..4).map(|k| SensorModel::new(sensor(k), k, &FusionConfig::default()).expect("sound")).collect();
    let chain = switching(STEP_S, &config);
    let mut mean = 0.0;
    for seed in 0..SEEDS {
        let mut rng = rng(4000 + seed);
        let mut imm = Imm::new(prior());
        let mut truth = prior().mean + draw(&mut rng, &prior().cov);
        let pick = |u: f64, p: &[f64; MODELS]| {
            if u < p[0] {
                0
            } else if u < p[0] + p[1] {
                1
            } else {
                2
            }
        };
        let mut mode = pick(rng.random_range(0.0..1.0), &imm.weights());
        for step in 0..240_usize {
            mode = pick(rng.random_range(0.0..1.0), &chain[mode]);
            truth = transition(STEP_S) * truth + draw(&mut rng, &process_noise(STEP_S, noises[mode]));
            imm.predict(STEP_S, &noises, &config);
            let model = &models[step % 4];
            let detection = measured(&model.spec, &truth, &mut rng);
            imm.update(|state| rows(model, state, &detection));
        }
        mean += normalised(imm.combined().mean - truth, &imm.combined().cov) / SEEDS as f64;
    }
    let (low, high) = band_99(4, SEEDS as usize);
    assert!((0.9 * low..=1.1 * high).contains(&mean), "{mean} is not in {low} to {high}");
}
