//! Why a track is as it is: what each scan meant for it, told to whoever asks, at no cost when nobody does.

use crate::FusionConfig;
use crate::bernoulli::{Bernoulli, BirthKey};
use crate::gate::{Candidate, Expectation};
use crate::sensor::SensorModel;
use jxz_units::Utc;
use jxz_world::{Detection, SensorId, TrackId};

/// Detections this near to a track are accounted for, metres.
const NEAR_M: f64 = 6.0;

/// What a track grew out of: the same for the whole life of a track, and in every run on the same inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackOrigin(pub(crate) BirthKey);

/// Why a detection near a track fed it, or did not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reason {
    /// It fed the track, with this weight.
    Fed(f64),
    /// It is another track's, with this probability.
    Claimed(Option<TrackId>, f64),
    /// It lies too far from where the track was expected: squared Mahalanobis distance. The gate is
    /// [`FusionConfig::gate_chi2`].
    BeyondGate(f64),
    /// It is most likely false, or somebody new; as this track's it had this probability.
    Stray(f64),
    /// It is a point of this long vehicle, and was not needed to place it.
    Outline,
}

/// A detection near a track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Considered {
    /// Its place in the scan.
    pub index: usize,
    /// As the sensor sent it.
    pub detection: Detection,
    /// How far from where the track was expected, metres.
    pub distance_m: f64,
    /// What became of it.
    pub reason: Reason,
}

/// What one scan meant for one track.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// Which track.
    pub origin: TrackOrigin,
    /// Its number, once confirmed.
    pub track: Option<TrackId>,
    /// When the scan was taken, clock correction considered.
    pub at: Utc,
    /// By which sensor.
    pub sensor: SensorId,
    /// Whether the scan is handled again because an earlier one came late: this replaces what was told before.
    pub revised: bool,
    /// Probability with which it was to be detected, if it exists.
    pub detection_probability: f64,
    /// Probability that another road user stands between.
    pub hidden: f64,
    /// Probability that it exists, before the scan.
    pub existence: f64,
    /// Detections near it.
    pub considered: Vec<Considered>,
}

/// Somebody who wants to know why. `()` does not, and costs nothing.
pub trait Witness {
    /// Whether anything is told at all.
    const ASKS: bool;

    /// Whether this track is asked about.
    fn asks_about(&self, origin: TrackOrigin) -> bool;

    /// Takes what a scan meant for a track.
    fn looked(&mut self, looked: Looked);
}

impl Witness for () {
    const ASKS: bool = false;

    fn asks_about(&self, _: TrackOrigin) -> bool {
        false
    }

    fn looked(&mut self, _: Looked) {}
}

/// What a scan looked like once associated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) at: Utc,
    pub(crate) revised: bool,
    pub(crate) sensor: &'a SensorModel,
    pub(crate) detections: &'a [Detection],
    pub(crate) candidates: &'a [Candidate],
    pub(crate) pairs: &'a [crate::associate::Pair],
    pub(crate) expected: &'a [Expectation],
}

/// Tells a witness about each track asked about that the sensor could see.
pub(crate) fn testify(tracks: &[Bernoulli], scene: Scene<'_>, witness: &mut impl Witness, config: &FusionConfig) {
    for (k, track) in tracks.iter().enumerate() {
        let origin = TrackOrigin(track.birth);
        if scene.expected[k].plain_pd <= 0.0 || !witness.asks_about(origin) {
            continue;
        }
        let position = track.imm.combined().position();
        let near = scene.candidates.iter().enumerate().filter_map(|(c, candidate)| {
            let distance_m = (candidate.place - position).norm();
            let reason = reason(tracks, k, c, &scene, config);
            let matters = distance_m <= NEAR_M || matches!(reason, Reason::Fed(_));
            matters.then(|| Considered {
                index: candidate.index,
                detection: scene.detections[candidate.index],
                distance_m,
                reason,
            })
        });
        witness.looked(Looked {
            origin,
            track: track.id,
            at: scene.at,
            sensor: scene.sensor.spec.id.clone(),
            revised: scene.revised,
            detection_probability: scene.expected[k].pd,
            hidden: scene.expected[k].hidden,
            existence: track.existence,
            considered: near.collect(),
        });
    }
}

fn reason(tracks: &[Bernoulli], track: usize, candidate: usize, scene: &Scene<'_>, config: &FusionConfig) -> Reason {
    let of = |p: &&crate::associate::Pair| p.detection == candidate;
    let own = scene.pairs.iter().filter(of).find(|p| p.track == track).map(|p| p.probability);
    let others = scene.pairs.iter().filter(of).filter(|p| p.track != track);
    let other = others.max_by(|a, b| a.probability.total_cmp(&b.probability));
    if let Some(probability) = own.filter(|p| *p >= 0.02 && other.is_none_or(|o| o.probability < 0.98)) {
        return Reason::Fed(probability);
    }
    if let Some(other) = other.filter(|o| o.probability > 0.5) {
        return Reason::Claimed(tracks[other.track].id, other.probability);
    }
    let place = &scene.candidates[candidate];
    if place.owner == Some(track) {
        return Reason::Outline;
    }
    match own {
        Some(probability) => Reason::Stray(probability),
        None => {
            let state = tracks[track].imm.combined();
            let long = tracks[track].long_body();
            let detection = &scene.detections[place.index];
            let sight = scene.sensor.sight(state, long);
            let (residuals, count) = sight.residuals(detection, place.direction);
            let chi2 = state.whitening(&sight.rows).fit(&residuals[..count]).chi2;
            if chi2 > config.gate_chi2 { Reason::BeyondGate(chi2) } else { Reason::Stray(0.0) }
        }
    }
}
