//! Which detections could be which tracks'.

use crate::FusionConfig;
use crate::assign::Edge;
use crate::bernoulli::Bernoulli;
use crate::sensor::SensorModel;
use jxz_world::Detection;
use rstar::RTree;
use rstar::primitives::GeomWithData;

/// A gated pair: the gain of assigning it, and the likelihood ratio that existence needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gated {
    pub(crate) edge: Edge,
    /// Likelihood as the track's over the density of false detections, detection probability aside.
    pub(crate) ratio: f64,
}

/// Pairs inside the gate whose assignment gains something, sorted by track, then detection.
///
/// The gain leaves existence out on purpose: weighed by it, a hard assignment feeds the established and starves the
/// young, and collapses in dense traffic.
pub(crate) fn gate(
    tracks: &[Bernoulli],
    detections: &[&Detection],
    sensor: &SensorModel,
    config: &FusionConfig,
) -> Vec<Gated> {
    let places = detections.iter().enumerate().map(|(k, d)| {
        let place = sensor.locate(d);
        GeomWithData::new([place.x, place.y], k)
    });
    let index = RTree::bulk_load(places.collect());
    let densities: Vec<(f64, f64)> =
        detections.iter().map(|d| (sensor.clutter_density(d, config), sensor.birth_density(d, config))).collect();
    let mut gated = Vec::new();
    for (track, bernoulli) in tracks.iter().enumerate() {
        let state = bernoulli.imm.combined();
        let position = state.position();
        let pd = sensor.detection_probability(position);
        if pd <= 0.0 {
            continue;
        }
        let spread = state.cov[(0, 0)] + state.cov[(1, 1)] + sensor.worst_sigma_m(position).powi(2);
        let first = gated.len();
        for near in index.locate_within_distance([position.x, position.y], 1.2 * config.gate_chi2 * spread) {
            let detection = detections[near.data];
            let fit = { *state }.update(&sensor.linearise(state, detection));
            if fit.chi2 > config.gate_chi2 {
                continue;
            }
            let class = sensor.class_likelihood(detection).map_or(1.0, |likelihood| {
                3.0 * bernoulli.class.probabilities().iter().zip(likelihood).map(|(p, l)| p * l).sum::<f64>()
            });
            let density = fit.log_density.exp() * class;
            let (clutter, birth) = densities[near.data];
            let gain = (pd * density / ((1.0 - pd) * (clutter + birth))).ln();
            if gain.is_finite() && gain > 0.0 {
                let edge = Edge { track, detection: near.data, gain };
                gated.push(Gated { edge, ratio: density / clutter });
            }
        }
        gated[first..].sort_unstable_by_key(|g| g.edge.detection);
    }
    gated
}
