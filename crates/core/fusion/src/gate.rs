//! Which detections could be which tracks'.

use crate::FusionConfig;
use crate::associate::Pair;
use crate::bernoulli::Bernoulli;
use crate::sensor::SensorModel;
use jxz_geo::{Point, Vector};
use jxz_world::Detection;

/// Gates for whole states, on four degrees of freedom: of a tie already made, and of a new one (99.9 %).
pub(crate) const TIED_GATE_CHI2: f64 = 40.0;
pub(crate) const NEW_GATE_CHI2: f64 = 18.5;

/// A detection with what is worked out of it once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    /// Its place in the scan.
    pub(crate) index: usize,
    pub(crate) place: Point,
    /// Unit vector towards it from its sensor.
    pub(crate) direction: Vector,
    /// Densities in the space of its own measurements: of false detections as likely as its score says, and of road
    /// users not yet tracked.
    pub(crate) clutter: f64,
    pub(crate) birth: f64,
    pub(crate) class: Option<[f64; 3]>,
    /// The long vehicle in whose outline it lies.
    pub(crate) owner: Option<usize>,
}

/// What is expected of one track in one scan.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expectation {
    /// Detection probability in plain view; zero outside the field of view.
    pub(crate) plain_pd: f64,
    /// Probability that another stands between.
    pub(crate) hidden: f64,
    /// The same, considering who stands in between.
    pub(crate) open_pd: f64,
    /// The same, considering also what its own record with the sensor says.
    pub(crate) pd: f64,
}

/// Finds pairs inside the gate, sorted by track, then detection. `candidates` are sorted by place from west to east.
pub(crate) fn gate(
    tracks: &[Bernoulli],
    expected: &[Expectation],
    candidates: &[Candidate],
    detections: &[Detection],
    sensor: &SensorModel,
    config: &FusionConfig,
    pairs: &mut Vec<Pair>,
) {
    pairs.clear();
    for (track, (bernoulli, expected)) in tracks.iter().zip(expected).enumerate() {
        if expected.plain_pd <= 0.0 {
            continue;
        }
        let state = bernoulli.imm.combined();
        let position = state.position();
        let long = bernoulli.long_body();
        let long_m = long.map_or(0.0, |body| body.sigma_m + body.half_width_m);
        let spread = state.cov[(0, 0)] + state.cov[(1, 1)] + sensor.worst_variance_m2(position) + long_m * long_m;
        let reach = (1.2 * config.gate_chi2 * spread).sqrt();
        let sight = sensor.sight(state, long);
        let whitening = state.whitening(&sight.rows);
        let first = candidates.partition_point(|c| c.place.x < position.x - reach);
        let from = pairs.len();
        for (k, candidate) in candidates.iter().enumerate().skip(first) {
            if candidate.place.x > position.x + reach {
                break;
            }
            if (candidate.place.y - position.y).abs() > reach {
                continue;
            }
            // A long vehicle's points make nobody new out of it.
            if !bernoulli.confirmed && candidate.owner.is_some_and(|owner| owner != track) {
                continue;
            }
            let detection = &detections[candidate.index];
            let (residuals, count) = sight.residuals(detection, candidate.direction);
            let fit = whitening.fit(&residuals[..count]);
            if fit.chi2 > config.gate_chi2 {
                continue;
            }
            let class = candidate.class.map_or(1.0, |likelihood| 3.0 * bernoulli.class.mean(likelihood));
            let ratio = fit.density() * class / candidate.clutter;
            let stray = 1.0 + candidate.birth / candidate.clutter;
            pairs.push(Pair::new(track, k, ratio, bernoulli.existence, expected.pd, stray));
        }
        pairs[from..].sort_unstable_by_key(|p| p.detection);
    }
}
