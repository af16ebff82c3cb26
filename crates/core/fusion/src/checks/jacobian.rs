//! The gradient of every row against central finite differences.

use super::measurement::{all, states};
use crate::filter::Gaussian;

/// Step of the differences, metres and metres per second.
const STEP: f64 = 1e-4;

#[test]
fn every_rows_gradient_is_the_derivative_of_what_it_measures() {
    for model in all() {
        let truths = states(&model, 31, 400, 3.0);
        for (state, truth) in states(&model, 30, 400, 3.0).into_iter().zip(truths) {
            // Measured close by: an azimuth's residual must not jump between the two ends of a difference.
            let truth = state.mean + (truth.mean - state.mean) * 0.001;
            let about = |axis: usize, step: f64| {
                let mut moved = Gaussian { ..state };
                moved.mean[axis] += step;
                (model.measure)(&truth, &moved)
            };
            let rows = (model.measure)(&truth, &state);
            for axis in 0..4 {
                let (ahead, behind) = (about(axis, STEP), about(axis, -STEP));
                for (k, row) in rows.as_slice().iter().enumerate() {
                    // The residual is z - h(x): it falls as h grows.
                    let slope = (behind.as_slice()[k].residual - ahead.as_slice()[k].residual) / (2.0 * STEP);
                    let error = (row.gradient[axis] - slope).abs();
                    let (name, size) = (model.name, row.gradient.amax());
                    assert!(error <= 1e-5 * size, "{name}, row {k}, axis {axis}: {row:?}, slope {slope}");
                }
            }
        }
    }
}
