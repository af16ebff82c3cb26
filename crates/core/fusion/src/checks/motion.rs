//! Every motion model, for every class, standing and moving.

use super::{assert_covariance, assert_near, process_noise, random_state, rng, transition};
use crate::FusionConfig;
use crate::filter::{Gaussian, Imm, Mixture, Row, Rows};
use crate::motion::{MODELS, Noise, noises, switching};
use jxz_geo::Vector;
use jxz_world::ClassBelief;
use nalgebra::{Matrix4, Rotation2, Vector4};
use rand::RngExt;

const BELIEFS: [[f64; 3]; 4] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.3, 0.2]];
/// Standing, strolling, on either side of where a course begins to count, and driving.
const SPEEDS_MPS: [f64; 6] = [0.0, 0.4, 1.49, 1.51, 6.0, 20.0];
const COURSES_RAD: [f64; 4] = [0.0, 0.9, 2.6, -1.7];

fn velocity(speed_mps: f64, course_rad: f64) -> Vector {
    Vector::new(libm::cos(course_rad), libm::sin(course_rad)) * speed_mps
}

/// Every noise of every model, with what it is for.
fn all() -> Vec<(String, [Noise; MODELS])> {
    let config = FusionConfig::default();
    let mut all = Vec::new();
    for belief in BELIEFS {
        for speed in SPEEDS_MPS {
            for course in COURSES_RAD {
                let noises = noises(&ClassBelief::from_weights(belief), velocity(speed, course), &config);
                all.push((format!("{belief:?} at {speed} m/s, course {course}"), noises));
            }
        }
    }
    all
}

#[test]
fn no_noise_is_negative_in_any_direction() {
    for (what, noises) in all() {
        for n in noises {
            let determinant = n.ee * n.nn - n.en * n.en;
            assert!(n.ee > 0.0 && n.nn > 0.0 && determinant > 0.0, "{what}: {n:?}");
        }
    }
}

#[test]
fn a_model_knows_no_north() {
    let config = FusionConfig::default();
    for belief in BELIEFS.map(ClassBelief::from_weights) {
        for speed in SPEEDS_MPS {
            let ahead = noises(&belief, velocity(speed, 0.0), &config);
            for course in COURSES_RAD {
                let turn = Rotation2::new(course).into_inner();
                for (n, a) in noises(&belief, velocity(speed, course), &config).iter().zip(ahead) {
                    let turned = turn * nalgebra::Matrix2::new(a.ee, a.en, a.en, a.nn) * turn.transpose();
                    let given = nalgebra::Matrix2::new(n.ee, n.en, n.en, n.nn);
                    assert!((turned - given).amax() < 1e-12 * turned.amax(), "{turned} at {speed}, {course}: {given}");
                }
            }
        }
    }
}

#[test]
fn prediction_is_the_textbooks_and_keeps_a_covariance() {
    let mut rng = rng(1);
    for (what, noises) in all() {
        for noise in noises {
            let start = random_state(&mut rng);
            let dt = rng.random_range(0.001..3.0);
            let mut state = start;
            state.predict(dt, noise);
            assert_covariance(&state.cov);
            let f = transition(dt);
            let expected =
                Gaussian { mean: f * start.mean, cov: f * start.cov * f.transpose() + process_noise(dt, noise) };
            assert!((state.cov - expected.cov).amax() < 1e-10 * expected.cov.amax(), "{what}");
            assert_near(&state, &expected, 1e-10);
        }
    }
}

#[test]
fn two_steps_are_one_step_of_their_sum() {
    let mut rng = rng(2);
    for (_, noises) in all() {
        for noise in noises {
            let start = random_state(&mut rng);
            let (a, b) = (rng.random_range(0.001..1.0), rng.random_range(0.001..1.0));
            let (mut twice, mut once) = (start, start);
            twice.predict(a, noise);
            twice.predict(b, noise);
            once.predict(a + b, noise);
            assert_near(&twice, &once, 1e-10);
        }
    }
}

#[test]
fn no_step_changes_nothing() {
    let mut rng = rng(3);
    for (_, noises) in all() {
        let start = random_state(&mut rng);
        for noise in noises {
            let mut state = start;
            state.predict(0.0, noise);
            assert_eq!(state, start);
        }
        let mut imm = Imm::new(start);
        for dt in [0.5, 0.01, 0.02] {
            imm.predict(dt, &noises, &FusionConfig::default());
            let before = imm;
            imm.predict(0.0, &noises, &FusionConfig::default());
            assert_eq!(imm, before);
        }
    }
}

#[test]
fn a_step_back_forgets_where_it_went_but_not_that_time_passed() {
    // Back and forth, the mean is where it was, and nobody is surer than before.
    let mut rng = rng(4);
    for (_, noises) in all() {
        for noise in noises {
            let start = random_state(&mut rng);
            let mut state = start;
            state.predict(0.15, noise);
            state.predict(-0.15, noise);
            assert_covariance(&state.cov);
            assert!((state.mean - start.mean).amax() < 1e-12 * (1.0 + start.mean.amax()));
            assert_covariance(&(state.cov - start.cov));
        }
    }
}

#[test]
fn switching_is_a_chain_whose_rows_sum_to_one() {
    let config = FusionConfig::default();
    for dt in [0.0, 1e-6, 0.0125, 0.05, 0.7, 3.0, 1e3, -0.2] {
        for (from, row) in switching(dt, &config).iter().enumerate() {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{dt} s: {row:?}");
            assert!(row.iter().all(|p| (0.0..=1.0).contains(p)), "{dt} s: {row:?}");
            assert!(dt != 0.0 || row[from] == 1.0);
        }
    }
}

#[test]
fn changing_over_between_models_keeps_mean_and_covariance_of_the_whole() {
    // Once they differ, all are moved by the same noise: then the whole moves as one normal distribution would, whether
    // or not probability flows from one to another.
    let config = FusionConfig::default();
    let mut rng = rng(5);
    for (_, noises) in all() {
        let mut imm = Imm::new(random_state(&mut rng));
        imm.predict(0.7, &noises, &config);
        imm.predict(0.7, &noises, &config);
        for dt in [0.01, 0.02, 0.05, 0.3, 0.011] {
            let mut whole = *imm.combined();
            imm.predict(dt, &[noises[1]; MODELS], &config);
            whole.predict(dt, noises[1]);
            assert_near(imm.combined(), &whole, 1e-12);
            assert!((imm.weights().iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert_covariance(&imm.combined().cov);
        }
    }
}

#[test]
fn models_change_over_as_the_chain_says_however_time_is_cut() {
    // After 1.2 s in steps of a scan, or of anything else, the probabilities are those of the chain over 1.2 s; what is
    // not yet mixed is less than a step of mixing.
    let config = FusionConfig { switch_per_s: (1.0, 0.2), ..FusionConfig::default() };
    let noises = [Noise::round(0.1), Noise::round(2.0), Noise::round(4.0)];
    for dt in [0.0125, 0.04, 0.1] {
        let mut imm = Imm::new(random_state(&mut rng(8)));
        let start = imm.weights();
        (0..(1.2_f64 / dt).round() as usize).for_each(|_| imm.predict(dt, &noises, &config));
        // The chain in continuous time, by many small steps.
        let tiny = switching(1e-5, &config);
        let step = |w: [f64; MODELS]| core::array::from_fn(|to| (0..MODELS).map(|k| w[k] * tiny[k][to]).sum());
        let exact = (0..120_000).fold(start, |w, _| step(w));
        assert!(exact[0] < start[0] - 0.2, "far from where it began: {exact:?}");
        for (found, exact) in imm.weights().iter().zip(exact) {
            assert!((found - exact).abs() < 0.02, "steps of {dt} s: {:?}, not {exact}", imm.weights());
        }
    }
}

#[test]
fn a_lanes_word_keeps_a_covariance_and_the_models_probabilities() {
    let mut rng = rng(9);
    for (_, noises) in all() {
        let mut imm = Imm::new(random_state(&mut rng));
        for _ in 0..5 {
            imm.predict(0.05, &noises, &FusionConfig::default());
            let before = imm;
            imm.guide(|model| {
                let mut rows = Rows::default();
                let gradient = Vector4::new(0.0, 0.0, 0.6, 0.8);
                rows.push(Row { gradient, residual: -model.mean.dot(&gradient), variance: 0.2 });
                rows
            });
            assert_eq!(imm.weights(), before.weights());
            assert_covariance(&imm.combined().cov);
            let sideways = |imm: &Imm| (imm.combined().mean[2] * 0.6 + imm.combined().mean[3] * 0.8).abs();
            assert!(sideways(&imm) <= sideways(&before) + 1e-12);
        }
        let before = *imm.combined();
        imm.shift(Vector::new(3.0, -4.0));
        let moved = imm.combined().mean - before.mean - Vector4::new(3.0, -4.0, 0.0, 0.0);
        assert!(moved.amax() < 1e-12 && imm.combined().cov == before.cov);
    }
}

#[test]
fn a_mixture_of_hypotheses_keeps_mean_and_covariance() {
    // Law of total covariance over the parts, whatever the models inside them.
    let config = FusionConfig::default();
    let mut rng = rng(6);
    for (_, noises) in all() {
        let mut prior = Imm::new(random_state(&mut rng));
        prior.predict(rng.random_range(0.01..2.0), &noises, &config);
        prior.predict(rng.random_range(0.01..2.0), &noises, &config);
        let mut parts = vec![(rng.random_range(0.01..1.0), prior)];
        let mut mixture = Mixture::new(&prior, parts[0].0);
        for _ in 0..3 {
            let (weight, angle): (f64, f64) = (rng.random_range(0.01..1.0), rng.random_range(0.0..6.0));
            let gradient = Vector4::new(libm::cos(angle), libm::sin(angle), 0.3 * libm::sin(angle), -0.2);
            let (residual, variance) = (rng.random_range(-8.0..8.0), rng.random_range(0.01..4.0));
            let rows = |state: &Gaussian| {
                let mut rows = Rows::default();
                let moved = gradient.dot(&(state.mean - prior.combined().mean));
                rows.push(Row { gradient, residual: residual - moved, variance });
                rows
            };
            let mut imm = prior;
            imm.update(rows);
            parts.push((weight, imm));
            mixture.add(weight, rows);
        }
        let mixed = mixture.finish();
        let sum: f64 = parts.iter().map(|p| p.0).sum();
        parts.iter_mut().for_each(|p| p.0 /= sum);
        let mean: Vector4<f64> = parts.iter().map(|(w, p)| p.combined().mean * *w).sum();
        let spread = |p: &Imm| {
            let d = p.combined().mean - mean;
            p.combined().cov + d * d.transpose()
        };
        let cov: Matrix4<f64> = parts.iter().map(|(w, p)| spread(p) * *w).sum();
        assert_near(mixed.combined(), &Gaussian { mean, cov }, 1e-10);
        assert_covariance(&mixed.combined().cov);
        assert!((mixed.weights().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
