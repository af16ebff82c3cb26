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

/// 1-sigma of a measured length's logarithm about the known one: boxes seen from ahead and half hidden ones among them.
const LENGTH_SIGMA: f64 = 0.35;
/// The logarithms of false detections' lengths are spread over this, as of 0.4 to 20 m.
const LENGTH_SPAN: f64 = 3.9;
/// However much it differs, it may be so: two in one box, a wrong length learned.
const LEAST_SIZE: f64 = 0.05;

/// Beyond so many times the known length the likelihood is the least: 3.02 sigma of the logarithm are 0.347 and 2.88.
const UNLIKELY_TIMES: (f64, f64) = (0.34, 2.9);

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
    /// Length, metres, if measured.
    pub(crate) length_m: Option<f64>,
    /// The long vehicle in whose outline it lies.
    pub(crate) owner: Option<usize>,
    /// Whether it lies so far within that it is nobody else's.
    pub(crate) is_within: bool,
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
        let long_m = long.map_or(0.0, |body| body.half_length_m + body.half_width_m);
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
            // A long vehicle's points make nobody new out of it, and keep nobody alive within it.
            let others = candidate.owner.is_some_and(|owner| owner != track);
            if others && (candidate.is_within || !bernoulli.confirmed) {
                continue;
            }
            let detection = &detections[candidate.index];
            let (residuals, count) = sight.residuals(detection, candidate.direction);
            let fit = whitening.fit(&residuals[..count]);
            if fit.chi2 > config.gate_chi2 {
                continue;
            }
            let class = candidate.class.map_or(1.0, |likelihood| 3.0 * bernoulli.class.mean(likelihood));
            let size = size_likelihood(bernoulli.extent_m, candidate.length_m);
            let ratio = fit.density() * class * size / candidate.clutter;
            let stray = 1.0 + candidate.birth / candidate.clutter;
            pairs.push(Pair::new(track, k, ratio, bernoulli.existence, expected.pd, stray));
        }
        pairs[from..].sort_unstable_by_key(|p| p.detection);
    }
}

/// By how much likelier a measured length is of a track of this extent than of a false detection, whose length may be
/// anything; 1 if either is not known.
fn size_likelihood(extent_m: Option<(f64, f64)>, length_m: Option<f64>) -> f64 {
    let (Some((known_m, _)), Some(length_m)) = (extent_m, length_m) else { return 1.0 };
    let times = length_m / known_m;
    if !(UNLIKELY_TIMES.0..=UNLIKELY_TIMES.1).contains(&times) {
        return LEAST_SIZE;
    }
    let off = libm::log(times) / LENGTH_SIGMA;
    let bell = libm::exp(-0.5 * off * off) / (LENGTH_SIGMA * core::f64::consts::TAU.sqrt());
    (bell * LENGTH_SPAN).max(LEAST_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_of_the_known_size_is_more_likely_its_own_and_one_of_another_less() {
        let lorry = Some((7.8, 2.4));
        let of = |length_m: f64| size_likelihood(lorry, Some(length_m));
        assert!(of(7.8) > of(6.5) && of(6.5) > 1.0, "{} {}", of(7.8), of(6.5));
        assert!(of(1.8) <= LEAST_SIZE && of(20.0) < 0.2, "{} {}", of(1.8), of(20.0));
        assert_eq!((size_likelihood(None, Some(4.5)), size_likelihood(lorry, None)), (1.0, 1.0));
    }

    #[test]
    fn over_all_lengths_of_false_detections_a_known_size_says_nothing_on_average() {
        // The mean over a density of 1 / span of logarithms from 0.4 to 20 m.
        let step = 0.01;
        let lengths = (0..391).map(|k| 0.4 * libm::exp(f64::from(k) * step));
        let mean: f64 = lengths.map(|m| size_likelihood(Some((4.5, 1.8)), Some(m)) * step / LENGTH_SPAN).sum();
        assert!((mean - 1.0).abs() < 0.06, "{mean}");
    }
}
