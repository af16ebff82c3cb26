//! One road user under linear measurements against the closed-form answer.

use super::measurement::report_of;
use super::{draw, gauss, process_noise, rng, transition};
use crate::FusionConfig;
use crate::filter::{Gaussian, Imm};
use crate::motion::{MODELS, Noise};
use crate::report;
use jxz_world::VehicleReport;
use nalgebra::{DMatrix, DVector, Matrix4, Vector4};
use rand::RngExt;

const NOISE: Noise = Noise { ee: 0.5, en: 0.2, nn: 1.5 };
const POSITION_SIGMA_M: f64 = 1.5;

struct Story {
    prior: Gaussian,
    /// Steps before each measurement, seconds.
    steps_s: Vec<f64>,
    reports: Vec<VehicleReport>,
}

fn story(seed: u64, count: usize, moving: bool) -> Story {
    let mut rng = rng(seed);
    let prior = Gaussian {
        mean: Vector4::new(-40.0, 12.0, 9.0, -2.0),
        cov: super::random_covariance(&mut rng) + Matrix4::identity(),
    };
    let mut truth = prior.mean + draw(&mut rng, &prior.cov);
    let (mut steps_s, mut reports) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let dt = rng.random_range(0.05..0.8);
        truth = transition(dt) * truth + draw(&mut rng, &process_noise(dt, NOISE));
        let sigma = [POSITION_SIGMA_M, POSITION_SIGMA_M, 0.4, 0.4];
        let noisy = Vector4::from_fn(|i, _| truth[i] + sigma[i] * gauss(&mut rng));
        steps_s.push(dt);
        reports.push(report_of(&noisy, moving));
    }
    Story { prior, steps_s, reports }
}

/// The last state given all measurements at once: the conditional of the joint normal distribution of all states and
/// all measurements, by one solve of the measurements' whole covariance. No recursion.
fn at_once(story: &Story, moving: bool, config: &FusionConfig) -> Gaussian {
    let n = story.steps_s.len();
    // Means and covariances of every state before anything is measured.
    let (mut mean, mut cov) = (story.prior.mean, story.prior.cov);
    let (mut means, mut covs) = (Vec::new(), Vec::new());
    for &dt in &story.steps_s {
        let f = transition(dt);
        mean = f * mean;
        cov = f * cov * f.transpose() + process_noise(dt, NOISE);
        means.push(mean);
        covs.push(cov);
    }
    let time = |k: usize| story.steps_s[..=k].iter().sum::<f64>();
    // Of a later state with an earlier: the earlier's covariance, carried on.
    let cross = |i: usize, j: usize| -> Matrix4<f64> {
        if i >= j {
            transition(time(i) - time(j)) * covs[j]
        } else {
            covs[i] * transition(time(j) - time(i)).transpose()
        }
    };
    let width = if moving { 4 } else { 2 };
    let mut s = DMatrix::zeros(n * width, n * width);
    let mut c = DMatrix::zeros(4, n * width);
    let mut z = DVector::zeros(n * width);
    for i in 0..n {
        let report = &story.reports[i];
        let speed = report.speed_mps.unwrap_or(0.0);
        let slow = libm::hypot(config.report_speed_sigma_mps, speed * config.report_heading_sigma_rad);
        let sigma = [POSITION_SIGMA_M, POSITION_SIGMA_M, slow, slow];
        let yaw = report.heading.map_or(0.0, |h| h.to_yaw().rad());
        let said = [report.position.x, report.position.y, speed * libm::cos(yaw), speed * libm::sin(yaw)];
        for a in 0..width {
            z[i * width + a] = said[a] - means[i][a];
            s[(i * width + a, i * width + a)] += sigma[a].powi(2);
        }
        for j in 0..n {
            s.view_mut((i * width, j * width), (width, width))
                .zip_apply(&cross(i, j).view((0, 0), (width, width)).into_owned(), |e, v| *e += v);
        }
        c.view_mut((0, i * width), (4, width)).copy_from(&cross(n - 1, i).view((0, 0), (4, width)));
    }
    let gain = s.cholesky().expect("a covariance").solve(&c.transpose()).transpose();
    let (moved, known) = (&gain * z, &gain * c.transpose());
    Gaussian {
        mean: means[n - 1] + Vector4::from_fn(|i, _| moved[i]),
        cov: covs[n - 1] - Matrix4::from_fn(|i, j| known[(i, j)]),
    }
}

#[test]
fn the_filter_gives_the_closed_form_answer() {
    let config = FusionConfig::default();
    for seed in 0..20 {
        for (count, moving) in [(1, true), (2, false), (25, true), (25, false)] {
            let story = story(seed, count, moving);
            let mut state = story.prior;
            for (&dt, report) in story.steps_s.iter().zip(&story.reports) {
                state.predict(dt, NOISE);
                let rows = report::rows(report, &state, 1.0, &config);
                state.update(&rows);
            }
            let exact = at_once(&story, moving, &config);
            let (mean, cov) = ((state.mean - exact.mean).amax(), (state.cov - exact.cov).amax());
            assert!(mean < 1e-9 && cov < 1e-9, "seed {seed}, {count} reports: off by {mean}, {cov}");
        }
    }
}

#[test]
fn models_that_all_move_alike_give_the_closed_form_answer_too() {
    // Three models of the same noise are one, however they switch.
    let config = FusionConfig::default();
    for seed in 0..20 {
        let story = story(seed, 25, true);
        let mut imm = Imm::new(story.prior);
        for (&dt, report) in story.steps_s.iter().zip(&story.reports) {
            imm.predict(dt, &[NOISE; MODELS], &config);
            imm.update(|state| report::rows(report, state, 1.0, &config));
        }
        let exact = at_once(&story, true, &config);
        let (mean, cov) = ((imm.combined().mean - exact.mean).amax(), (imm.combined().cov - exact.cov).amax());
        assert!(mean < 1e-9 && cov < 1e-9, "seed {seed}: off by {mean}, {cov}");
    }
}
