//! What a neighbouring site's word does to the tracks.
//!
//! Which word is whose: by identity, then by the vehicle's own id, then by how well state and class fit, the best first,
//! nobody twice. Two names for one road user become one on every site alike: the older, and of two as old the lesser.
//! States are fused by covariance intersection, since both sites may have heard the same vehicle, or each other.

use crate::bernoulli::{Bernoulli, BirthKey, Heard, Identity, Word};
use crate::filter::{Gaussian, Imm, Row, Rows};
use crate::gate::{NEW_GATE_CHI2, TIED_GATE_CHI2};
use crate::intersection::{Estimate, weight};
use crate::lanes::LaneField;
use crate::population::Population;
use crate::ring::Event;
use crate::sensor::MAX_SENSORS;
use crate::tracker::Done;
use crate::{FusionConfig, Tracker};
use jxz_units::Utc;
use jxz_world::{ClassBelief, IslandId, SiteId, Track};
use nalgebra::{Matrix4, Vector4};

/// What a word alone makes sure: below what confirms a track, so that own sensors must agree first.
const WORD_EXISTENCE: f64 = 0.9;
/// A word less sure than this starts no track.
const LEAST_EXISTENCE: f64 = 0.5;
/// A word that fits no track but is within this of one may be of that one all the same: it starts none.
const DOUBT_CHI2: f64 = 80.0;
const DOUBT_M: f64 = 2.5;
/// Two sites' surveys differ by this much, and their clocks' error shows as this much speed, 1-sigma.
const SURVEY_SIGMA_M: f64 = 0.1;
const SURVEY_SIGMA_MPS: f64 = 0.05;
/// The least weight that the own state keeps.
const LEAST_WEIGHT: f64 = 0.02;
/// A measurement may seem this much newer than the state, by a sensor's clock as the other site estimates it, seconds.
const AHEAD_S: f64 = 0.1;
/// No road user is faster, metres per second.
const MAX_SPEED_MPS: f64 = 150.0;
/// A larger variance says nothing, m² and m²/s².
const MAX_VARIANCE: f64 = 1e6;

/// What a neighbour's word on one road user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeighbourFate {
    /// It is of a track that is here: fused with it, and the two agree on who it is.
    Merged,
    /// It started a track here, with the identity that it has there.
    Adopted,
    /// It fits no track well enough to be one's and none badly enough to start another, or is too unsure to start one.
    KeptSeparate,
    /// It held a value that is not finite or not possible.
    Unusable,
    /// The road user is outside the tracked area.
    OutsideBounds,
    /// It was too late.
    TooLate,
    /// No track was started because of [`FusionConfig::max_tracks`].
    OverLimit,
}

impl Tracker {
    /// Fuses a neighbouring site's word on one road user. Only what that site's own sources saw may be handed in: a
    /// word that is itself hearsay would come back as evidence.
    pub fn handle_neighbour(&mut self, track: &Track) -> NeighbourFate {
        self.handle_neighbours(std::slice::from_ref(track)).first().copied().unwrap_or(NeighbourFate::Unusable)
    }

    /// Fuses a neighbouring site's word on several road users, that it knows to be different ones. All must be valid
    /// at the time of the first: one that is not is unusable. Gives the fate of each, in order.
    pub fn handle_neighbours(&mut self, tracks: &[Track]) -> Vec<NeighbourFate> {
        let Some(at) = tracks.first().map(|track| track.valid_at) else { return Vec::new() };
        let (_, done) = self.handle(Event::Words { at, words: tracks.to_vec() }, None, &mut ());
        if let Some(Done::Words(fates)) = done { fates } else { vec![NeighbourFate::TooLate; tracks.len()] }
    }
}

/// What makes a word a track's, the strongest first. A track that lives on words alone comes last: what own sensors see
/// where the word says is rather whom it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    Identity,
    Vehicle,
    Likeness,
    Hearsay,
    LikenessToHearsay,
}

/// A word that may be a track's.
struct Pair {
    word: usize,
    track: usize,
    tie: Tie,
    score: f64,
}

impl Population {
    /// Fuses words, valid at or after `now`.
    pub(crate) fn fuse_words(
        &mut self,
        at: Utc,
        words: &[Track],
        site: &SiteId,
        lanes: &LaneField,
        config: &FusionConfig,
    ) -> Vec<NeighbourFate> {
        self.advance(at, lanes, config);
        let mut fates: Vec<Option<NeighbourFate>> = words.iter().map(|word| first_look(word, at, config)).collect();
        self.untie(words, &mut fates, site);
        let pairs = self.choose(at, words, &fates);
        for Pair { word, track, .. } in &pairs {
            self.take_name(*track, &words[*word], site);
            merge(&mut self.tracks[*track], &words[*word], config);
            fates[*word] = Some(NeighbourFate::Merged);
        }
        self.forget_hearsay(words, &pairs);
        for (word, fate) in words.iter().zip(&mut fates) {
            fate.get_or_insert_with(|| self.start(at, word, config));
        }
        fates.into_iter().flatten().collect()
    }

    /// Undoes ties that cannot be: a track that bears a word's identity and is elsewhere. An identity of this very site
    /// stays with the track that has it here.
    fn untie(&mut self, words: &[Track], fates: &mut [Option<NeighbourFate>], site: &SiteId) {
        for (word, fate) in words.iter().zip(fates).filter(|(_, fate)| fate.is_none()) {
            let bearer = self.tracks.iter_mut().find(|t| t.identity.is_some_and(|i| i.island == word.island));
            let Some(bearer) = bearer.filter(|t| misfit(&state_of(t), &estimate_of(word)).0 > TIED_GATE_CHI2) else {
                continue;
            };
            if word.island.is_of(site) {
                *fate = Some(NeighbourFate::KeptSeparate);
            } else {
                bearer.identity = own_identity(bearer, site);
            }
        }
    }

    /// Pairs words with tracks, none twice: ties first, then the best fit.
    fn choose(&self, at: Utc, words: &[Track], fates: &[Option<NeighbourFate>]) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (word, said) in words.iter().enumerate().filter(|(k, _)| fates[*k].is_none()) {
            let estimate = estimate_of(said);
            for (track, held) in self.tracks.iter().enumerate() {
                let tie = tie(held, said);
                if !is_free(held, said, at) || !is_near(held, &estimate) {
                    continue;
                }
                let (chi2, log_density) = misfit(&state_of(held), &estimate);
                let new = matches!(tie, Tie::Likeness | Tie::LikenessToHearsay);
                if chi2 <= if new { NEW_GATE_CHI2 } else { TIED_GATE_CHI2 } {
                    let score = log_density + libm::log(held.class.mean(said.class.probabilities()).max(1e-9));
                    pairs.push(Pair { word, track, tie, score });
                }
            }
        }
        pairs.sort_by(|a, b| {
            let best_first = a.tie.cmp(&b.tie).then(b.score.total_cmp(&a.score));
            best_first.then((a.word, a.track).cmp(&(b.word, b.track)))
        });
        let (mut heard, mut taken) = (vec![false; words.len()], vec![false; self.tracks.len()]);
        pairs.retain(|pair| {
            let free = !heard[pair.word] && !taken[pair.track];
            if free {
                heard[pair.word] = true;
                taken[pair.track] = true;
            }
            free
        });
        pairs
    }

    /// Takes a name from any other track that bears it, so that the one that the word is of can.
    fn take_name(&mut self, track: usize, word: &Track, site: &SiteId) {
        for (k, other) in self.tracks.iter_mut().enumerate() {
            if k != track && other.identity.is_some_and(|i| i.island == word.island) && !is_hearsay(other) {
                other.identity = own_identity(other, site);
            }
        }
    }

    /// Gives up tracks that lived on words which, it turns out, were of others that own sensors see.
    fn forget_hearsay(&mut self, words: &[Track], pairs: &[Pair]) {
        let mut index = 0;
        self.tracks.retain(|track| {
            let own = index;
            index += 1;
            let moved = |p: &&Pair| p.track != own && tie(track, &words[p.word]) == Tie::Hearsay;
            !pairs.iter().any(|pair| moved(&pair))
        });
    }

    /// Starts a track on a word that is no track's.
    fn start(&mut self, at: Utc, word: &Track, config: &FusionConfig) -> NeighbourFate {
        let estimate = estimate_of(word);
        // A track that this very word says is somebody else is no reason to doubt.
        let doubtful = self.tracks.iter().filter(|t| is_free(t, word, at)).any(|t| {
            let state = state_of(t);
            let apart_m = (state.mean - estimate.mean).fixed_rows::<2>(0).norm();
            apart_m <= DOUBT_M || (is_near(t, &estimate) && misfit(&state, &estimate).0 <= DOUBT_CHI2)
        });
        if doubtful || word.existence < LEAST_EXISTENCE {
            return NeighbourFate::KeptSeparate;
        }
        if self.tracks.len() >= config.max_tracks {
            return NeighbourFate::OverLimit;
        }
        self.tracks.push(started(word, config));
        NeighbourFate::Adopted
    }
}

/// The fate of a word that is not looked at any further.
fn first_look(word: &Track, at: Utc, config: &FusionConfig) -> Option<NeighbourFate> {
    if word.valid_at != at || !is_usable(word) {
        return Some(NeighbourFate::Unusable);
    }
    let outside = config.bounds.is_some_and(|b| !b.contains(word.position));
    outside.then_some(NeighbourFate::OutsideBounds)
}

fn is_usable(word: &Track) -> bool {
    let diagonal = word.covariance.diagonal();
    word.position.coords.iter().chain(word.velocity.iter()).all(|v| v.is_finite())
        && word.velocity.norm() <= MAX_SPEED_MPS
        && (0.0..=1.0).contains(&word.existence)
        && word.since <= word.valid_at
        && word.measured_at.seconds_since(word.valid_at) <= AHEAD_S
        && diagonal.iter().all(|v| (0.0..=MAX_VARIANCE).contains(v))
        && symmetric(&word.covariance).cholesky().is_some()
        && word.extent_m.is_none_or(|(l, w)| l.is_finite() && w.is_finite() && l > 0.0 && w > 0.0)
        && word.heading.is_none_or(|h| h.rad().is_finite())
}

/// The word's state, with what two sites' surveys differ by.
fn estimate_of(word: &Track) -> Estimate {
    let (position, speed) = (SURVEY_SIGMA_M.powi(2), SURVEY_SIGMA_MPS.powi(2));
    let survey = Matrix4::from_diagonal(&Vector4::new(position, position, speed, speed));
    let mean = Vector4::new(word.position.x, word.position.y, word.velocity.x, word.velocity.y);
    Estimate { mean, cov: symmetric(&word.covariance) + survey }
}

/// Rounding leaves the halves of a covariance that was filtered for long a little different.
fn symmetric(covariance: &Matrix4<f64>) -> Matrix4<f64> {
    (covariance + covariance.transpose()) / 2.0
}

fn tie(track: &Bernoulli, word: &Track) -> Tie {
    if track.identity.is_some_and(|identity| identity.island == word.island) {
        if is_hearsay(track) { Tie::Hearsay } else { Tie::Identity }
    } else if word.vehicle.is_some() && track.vehicle == word.vehicle {
        Tie::Vehicle
    } else if is_hearsay(track) {
        Tie::LikenessToHearsay
    } else {
        Tie::Likeness
    }
}

/// Whether a track can be whom a word speaks of. It is not if the same word, in another of its parts, spoke of it
/// under another name, or if both have their own ids and those differ.
fn is_free(track: &Bernoulli, word: &Track, at: Utc) -> bool {
    let spoken_of = track.word.is_some_and(|last| last.at == at && last.island != word.island);
    let another = matches!((track.vehicle, word.vehicle), (Some(ours), Some(theirs)) if ours != theirs);
    !spoken_of && !another
}

/// A cheap necessary condition for any of the gates: the largest eigenvalue is at most the trace.
fn is_near(track: &Bernoulli, word: &Estimate) -> bool {
    let state = state_of(track);
    let spread: f64 = (0..2).map(|k| state.cov[(k, k)] + word.cov[(k, k)]).sum();
    (state.mean - word.mean).fixed_rows::<2>(0).norm_squared() <= DOUBT_CHI2 * spread
}

/// Squared Mahalanobis distance of two estimates by the sum of their covariances, and the logarithm of its density.
fn misfit(a: &Estimate, b: &Estimate) -> (f64, f64) {
    let Some(root) = (a.cov + b.cov).cholesky() else { return (f64::INFINITY, f64::NEG_INFINITY) };
    let apart = a.mean - b.mean;
    let chi2 = apart.dot(&root.solve(&apart));
    let log_det = 2.0 * root.l_dirty().diagonal().map(libm::log).sum();
    (chi2, -0.5 * (chi2 + log_det))
}

/// The class's counterpart of covariance intersection: a weighted geometric mean.
fn mean_class(own: ClassBelief, word: ClassBelief, weight: f64) -> ClassBelief {
    let (own, word) = (own.probabilities(), word.probabilities());
    ClassBelief::from_weights(core::array::from_fn(|k| {
        libm::pow(own[k].max(1e-6), weight) * libm::pow(word[k].max(1e-6), 1.0 - weight)
    }))
}

/// The existence that a word vouches for by itself.
fn vouched(word: &Track, config: &FusionConfig) -> f64 {
    word.existence.min(WORD_EXISTENCE).min(0.95 * config.confirm_existence)
}

// What follows touches a track's inside.

fn state_of(track: &Bernoulli) -> Estimate {
    let Gaussian { mean, cov } = *track.imm.combined();
    Estimate { mean, cov: symmetric(&cov) }
}

/// Whether no source of our own ever saw it.
fn is_hearsay(track: &Bernoulli) -> bool {
    track.heard.radar.or(track.heard.camera).or(track.heard.v2x).is_none()
}

/// Whether a source of our own saw it within the last second.
fn is_seen(track: &Bernoulli, at: Utc) -> bool {
    let Heard { radar, camera, v2x } = track.heard;
    radar.max(camera).max(v2x).is_some_and(|last| at.seconds_since(last) <= 1.0)
}

/// Who a track is if nobody else says so; not known before it has a number.
fn own_identity(track: &Bernoulli, site: &SiteId) -> Option<Identity> {
    track.id.map(|id| Identity { since: track.since, island: IslandId::new(site, id) })
}

/// Fuses by covariance intersection: the own state's information counts `weight`, the word's the rest. Model by model,
/// so that what is known of its manoeuvre stays.
fn fuse_state(track: &mut Bernoulli, word: &Estimate, weight: f64) {
    if weight >= 1.0 {
        return;
    }
    let weight = weight.max(LEAST_WEIGHT);
    let axes = (word.cov / (1.0 - weight)).symmetric_eigen();
    track.imm.inflate(1.0 / weight);
    track.imm.update(|state| {
        let mut rows = Rows::default();
        for (k, variance) in axes.eigenvalues.iter().enumerate() {
            let gradient: Vector4<f64> = axes.eigenvectors.column(k).into_owned();
            let residual = gradient.dot(&(word.mean - state.mean));
            rows.push(Row { gradient, residual, variance: variance.max(1e-9) });
        }
        rows
    });
}

fn merge(track: &mut Bernoulli, word: &Track, config: &FusionConfig) {
    let estimate = estimate_of(word);
    let weight = weight(&state_of(track).cov, &estimate.cov).unwrap_or(1.0);
    fuse_state(track, &estimate, weight);
    track.class = mean_class(track.class, word.class, weight);
    let theirs = Identity { since: word.since, island: word.island };
    let older = match track.identity {
        Some(ours) => theirs < ours,
        None => theirs.since <= track.since,
    };
    if older {
        track.identity = Some(theirs);
    }
    track.word = Some(Word { at: word.valid_at, island: word.island });
    // What own sources see or miss they judge by themselves: else a twin that they starve would be fed from outside.
    if !is_seen(track, word.valid_at) {
        track.existence = track.existence.max(vouched(word, config));
    }
    track.measured_at = track.measured_at.max(word.measured_at.min(word.valid_at));
    track.vehicle = track.vehicle.or(word.vehicle);
    track.extent_m = track.extent_m.or(word.extent_m);
    track.heading = track.heading.or(word.heading);
}

fn started(word: &Track, config: &FusionConfig) -> Bernoulli {
    let Estimate { mean, cov } = estimate_of(word);
    let key = BirthKey { at: word.since, source: MAX_SENSORS + 1, item: word.island.0 };
    let mut track = Bernoulli::new(key, Imm::new(Gaussian { mean, cov }), vouched(word, config), word.class, config);
    (track.hits, track.since) = (0, word.valid_at);
    track.measured_at = word.measured_at.min(word.valid_at);
    track.identity = Some(Identity { since: word.since, island: word.island });
    track.word = Some(Word { at: word.valid_at, island: word.island });
    track.vehicle = word.vehicle;
    track.extent_m = word.extent_m;
    track.heading = word.heading;
    track
}
