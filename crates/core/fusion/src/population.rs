//! All possible road users at one time, and what a scan does to them.

use crate::FusionConfig;
use crate::arrivals::Arrivals;
use crate::associate::{Associator, Pair};
use crate::bernoulli::{Bernoulli, BirthKey, view_kept};
use crate::calibration::SurePair;
use crate::config::FusionMode;
use crate::extended::{Extended, taken};
use crate::filter::{Gaussian, Imm, Mixture, Rows};
use crate::gate::{Candidate, Expectation, gate};
use crate::lanes::LaneField;
use crate::motion::Switching;
use crate::occlusion::{HiddenCounts, Occlusion};
use crate::rival::{Look, Rivals};
use crate::sensor::SensorModel;
use crate::witness::{Scene, Witness, testify};
use jxz_geo::{Point, Vector};
use jxz_units::Utc;
use jxz_world::{ClassBelief, Detection};

/// A track is given up this far outside the tracked area, metres.
const OUTSIDE_MARGIN_M: f64 = 3.0;
/// One this probably behind another is hidden if anybody is.
const HIDDEN: f64 = 0.8;
/// A pair this probable is a fact.
const SURE: f64 = 0.95;
/// A detection is noted as true, or as false, when it is this probable.
const TRUE_SCORE: f64 = 0.9;
const FALSE_SCORE: f64 = 0.1;
/// A hypothesis less probable than this is left out of a mixture.
const NEGLIGIBLE: f64 = 0.02;
/// Most hypotheses in a mixture.
const HYPOTHESES: usize = 4;

/// The state of everything tracked, valid at `now`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Population {
    pub(crate) now: Option<Utc>,
    pub(crate) tracks: Vec<Bernoulli>,
}

/// What became of a scan's detections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ScanCounts {
    pub(crate) unusable: usize,
    pub(crate) over_limit: usize,
    pub(crate) associated: usize,
    pub(crate) births: usize,
    pub(crate) births_refused: usize,
}

/// Working space, kept between scans, and what the last scan showed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workspace {
    /// Of each usable detection: which it is, in what direction, and where.
    places: Vec<(usize, Vector, Point)>,
    candidates: Vec<Candidate>,
    associator: Associator,
    expected: Vec<Expectation>,
    occlusion: Occlusion,
    looks: Vec<Look>,
    rivals: Rivals,
    extended: Extended,
    /// For each candidate, the probability that it is of no track.
    left: Vec<f64>,
    /// Pairs beyond doubt.
    pub(crate) sure: Vec<SurePair>,
    /// Road users that several other sensors see and this should, and how many of them it saw.
    pub(crate) due: f64,
    pub(crate) seen: f64,
    /// The same of those that another should hide, seen by at least one other sensor.
    behind: HiddenCounts,
}

/// A scan to be fused: already of its true time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FreshScan<'a> {
    pub(crate) at: Utc,
    pub(crate) detections: &'a [Detection],
    /// Whether it may change anything, or is only compared.
    pub(crate) believed: bool,
    /// Whether it was fused before, without something that has come since.
    pub(crate) revised: bool,
}

impl Population {
    /// Moves every track to `at`, and gives up those that left or have not been heard of for long.
    pub(crate) fn advance(&mut self, at: Utc, lanes: &LaneField, config: &FusionConfig) {
        let dt_s = self.now.map_or(0.0, |now| at.seconds_since(now));
        self.now = Some(at);
        if dt_s > 0.0 {
            let mut switching = Switching::default();
            for track in &mut self.tracks {
                track.predict(dt_s, &mut switching, config);
                lanes.guide(track, dt_s);
            }
        }
        self.tracks.retain(|t| {
            let outside_m = config.bounds.map_or(0.0, |b| b.distance_outside_m(t.imm.combined().position()));
            outside_m <= OUTSIDE_MARGIN_M + 2.0 * t.spread().sqrt() && t.is_fresh(at, config)
        });
    }

    /// Fuses one scan, valid at or after `now`.
    pub(crate) fn fuse_scan(
        &mut self,
        scan: FreshScan<'_>,
        sensor: &SensorModel,
        (arrivals, lanes): (&Arrivals, &LaneField),
        work: &mut Workspace,
        witness: &mut impl Witness,
        config: &FusionConfig,
    ) -> ScanCounts {
        let gap_s = self.now.map_or(0.0, |now| scan.at.seconds_since(now));
        self.advance(scan.at, lanes, config);
        let mut counts = work.prepare(scan.detections, sensor, arrivals, gap_s, config);
        work.expect(&mut self.tracks, sensor, config);
        let Workspace { candidates, associator, expected, extended, .. } = work;
        extended.claim(&mut self.tracks, candidates, scan.detections, sensor, scan.at);
        gate(&self.tracks, expected, candidates, scan.detections, sensor, config, &mut associator.pairs);
        associator.index(candidates.len());
        match config.mode {
            FusionMode::Pmb => associator.marginals(),
            FusionMode::Gnn => associator.best(self.tracks.len(), candidates.len()),
        }
        work.note(&self.tracks, sensor, scan.at, config);
        work.tell(&self.tracks, scan, sensor, witness, config);
        if !scan.believed {
            return counts;
        }
        counts.associated = work.left.iter().filter(|left| **left < 0.5).count();
        self.weigh(work, sensor, scan, config);
        work.rivals.settle(&mut self.tracks, &work.associator, &work.looks, sensor.is_in_doubt());
        work.extended.join(&mut self.tracks, lanes, scan.at);
        self.tracks.retain(|t| t.existence >= config.delete_existence || t.is_held(scan.at, config));
        self.start_tracks(work, sensor, scan, arrivals, config, &mut counts);
        counts
    }

    /// Updates each track by its detections or its miss.
    fn weigh(&mut self, work: &mut Workspace, sensor: &SensorModel, scan: FreshScan<'_>, config: &FusionConfig) {
        work.looks.clear();
        work.looks.resize(self.tracks.len(), Look::default());
        let pairs = &work.associator.pairs;
        let mut next = 0;
        for (index, track) in self.tracks.iter_mut().enumerate() {
            let first = next;
            while pairs.get(next).is_some_and(|p| p.track == index) {
                next += 1;
            }
            let Expectation { plain_pd, open_pd, pd, .. } = work.expected[index];
            if plain_pd <= 0.0 {
                continue;
            }
            let own = &pairs[first..next];
            let seen: f64 = own.iter().map(|p| p.probability).sum();
            if !sensor.is_radar() && !sensor.is_in_doubt() {
                track.ask_camera(sensor, seen, open_pd);
            }
            work.looks[index] = Look { seen, pd: 0.5 * (open_pd + pd) };
            match config.mode {
                FusionMode::Pmb => track.weigh_existence(sensor, seen, plain_pd, pd),
                FusionMode::Gnn => {
                    let ratio = own.iter().find(|p| p.probability > 0.5).map(|p| p.ratio);
                    track.judge_existence(sensor, ratio, plain_pd, pd);
                }
            }
            if seen < NEGLIGIBLE {
                continue;
            }
            let best = own.iter().max_by(|a, b| a.probability.total_cmp(&b.probability));
            let Some(best) = best else { continue };
            let long = track.long_body();
            let detection = |pair: &Pair| &scan.detections[work.candidates[pair.detection].index];
            let rows = |state: &Gaussian, pair: &Pair| {
                sensor.sight(state, long).of(detection(pair), work.candidates[pair.detection].direction)
            };
            if best.probability >= SURE {
                track.imm.update(|state| rows(state, best));
            } else {
                let missed = (1.0 - seen) * track.missed_share(pd);
                track.imm = hypotheses(&track.imm, own, missed, rows);
            }
            if best.probability >= 0.5 {
                track.absorb(sensor, detection(best), scan.at);
            }
            track.confirm(config);
        }
    }

    /// Starts a track on each detection inside the area that may be of nobody known.
    fn start_tracks(
        &mut self,
        work: &Workspace,
        sensor: &SensorModel,
        scan: FreshScan<'_>,
        arrivals: &Arrivals,
        config: &FusionConfig,
        counts: &mut ScanCounts,
    ) {
        for (candidate, left) in work.candidates.iter().zip(&work.left).filter(|(c, _)| c.owner.is_none()) {
            let worth = |birth: f64| left * birth / (birth + candidate.clutter);
            if worth(candidate.birth) < config.start_existence {
                continue;
            }
            let existence = worth(candidate.birth * (1.0 - taken(&self.tracks, candidate.place)));
            if existence < config.start_existence {
                continue;
            }
            // Errors put half of what enters outside at first.
            let outside = |b: crate::Bounds| {
                b.distance_outside_m(candidate.place) > 2.0 * sensor.worst_variance_m2(candidate.place).sqrt()
            };
            if config.bounds.is_some_and(outside) {
                continue;
            }
            if self.tracks.len() >= config.max_tracks {
                counts.births_refused += 1;
                continue;
            }
            let detection = &scan.detections[candidate.index];
            let class = candidate.class.map_or(ClassBelief::UNIFORM, ClassBelief::from_weights);
            let key = BirthKey { at: scan.at, source: sensor.index, item: candidate.index as u64 };
            let velocity = arrivals.velocity(candidate.place);
            let imm = Imm::new(sensor.first_state(detection, class, velocity, config));
            let mut track = Bernoulli::new(key, imm, existence, ClassBelief::UNIFORM, config);
            track.absorb(sensor, detection, scan.at);
            track.confirm(config);
            self.tracks.push(track);
            counts.births += 1;
        }
    }
}

/// What a track is after a scan if `own` are its pairs: the mixture of its most probable hypotheses, among them, with
/// the probability `missed`, that it was not seen.
fn hypotheses(imm: &Imm, own: &[Pair], missed: f64, rows: impl Fn(&Gaussian, &Pair) -> Rows) -> Imm {
    let total = missed + own.iter().map(|p| p.probability).sum::<f64>();
    let counts = |probability: f64| probability >= NEGLIGIBLE * total;
    let mut best: [Option<&Pair>; HYPOTHESES] = [None; HYPOTHESES];
    let room = HYPOTHESES - usize::from(counts(missed));
    for pair in own.iter().filter(|p| counts(p.probability)) {
        let mut pair = Some(pair);
        for slot in &mut best[..room] {
            if slot.map_or(0.0, |s| s.probability) < pair.map_or(0.0, |p| p.probability) {
                core::mem::swap(slot, &mut pair);
            }
        }
    }
    let mut mixture = Mixture::new(imm, if counts(missed) { missed } else { 0.0 });
    for pair in best.into_iter().flatten() {
        mixture.add(pair.probability, |state| rows(state, pair));
    }
    mixture.finish()
}

impl Workspace {
    /// Sorts out a scan's detections, from west to east.
    fn prepare(
        &mut self,
        detections: &[Detection],
        sensor: &SensorModel,
        arrivals: &Arrivals,
        gap_s: f64,
        config: &FusionConfig,
    ) -> ScanCounts {
        let mut counts = ScanCounts::default();
        self.places.clear();
        for (index, detection) in detections.iter().enumerate() {
            if !SensorModel::is_usable(detection) {
                counts.unusable += 1;
            } else if self.places.len() == config.max_detections {
                counts.over_limit += 1;
            } else {
                let direction = sensor.direction(detection);
                self.places.push((index, direction, sensor.locate(detection, direction)));
            }
        }
        self.places.sort_unstable_by(|a, b| a.2.x.total_cmp(&b.2.x).then(a.0.cmp(&b.0)));
        self.candidates.clear();
        self.candidates.extend(self.places.iter().map(|&(index, direction, place)| {
            let detection = &detections[index];
            let undetected = config.birth_per_m2 + arrivals.undetected_per_m2(place, gap_s);
            let clutter = sensor.clutter_density(detection, config) / sensor.scores.ratio(detection.score);
            let birth = sensor.birth_density(detection, undetected, config);
            let class = sensor.class_likelihood(detection);
            let length_m = detection.extent_m.map(|(length_m, _)| length_m);
            Candidate { index, place, direction, clutter, birth, class, length_m, owner: None, is_within: false }
        }));
        counts
    }

    /// Works out how likely each track is to be detected.
    fn expect(&mut self, tracks: &mut [Bernoulli], sensor: &SensorModel, config: &FusionConfig) {
        self.expected.clear();
        self.occlusion.look(tracks, sensor);
        let view_kept = view_kept(sensor, config);
        for (index, track) in tracks.iter_mut().enumerate() {
            let bearing = self.occlusion.bearings[index];
            let plain_pd = sensor.detection_probability(bearing.azimuth_rad, bearing.range_m);
            if plain_pd <= 0.0 {
                self.expected.push(Expectation::default());
                continue;
            }
            let hidden = self.occlusion.hidden(track, bearing, sensor.spec.height_m);
            let pd = track.expect(sensor, (plain_pd, hidden), view_kept, config);
            let open_pd = sensor.blended_pd(plain_pd, hidden);
            self.expected.push(Expectation { plain_pd, hidden, open_pd, pd });
        }
    }

    /// Notes what the association says of detections, for births, scores, calibration and votes.
    fn note(&mut self, tracks: &[Bernoulli], sensor: &SensorModel, at: Utc, config: &FusionConfig) {
        self.left.clear();
        self.left.resize(self.candidates.len(), 1.0);
        self.sure.clear();
        (self.due, self.seen) = (0.0, 0.0);
        self.behind = HiddenCounts::default();
        for (track, expected) in tracks.iter().zip(&self.expected).filter(|(t, e)| e.plain_pd > 0.0 && t.confirmed) {
            let others = track.others_seeing(sensor.index, at);
            if others >= 2 {
                self.due += track.existence * expected.pd;
            }
            if expected.hidden >= HIDDEN && others >= 1 {
                self.behind.due += track.existence;
            }
        }
        for pair in &self.associator.pairs {
            let left = &mut self.left[pair.detection];
            *left = (*left - pair.probability).max(0.0);
            let track = &tracks[pair.track];
            if track.confirmed {
                let others = track.others_seeing(sensor.index, at);
                if pair.probability > 0.5 && others >= 2 {
                    self.seen += pair.probability;
                }
                if self.expected[pair.track].hidden >= HIDDEN && others >= 1 {
                    self.behind.seen += pair.probability;
                }
            }
            // A point of a long vehicle may lie anywhere along it.
            if pair.probability >= SURE && track.is_settled(at) && track.long_body().is_none() {
                self.sure.push(SurePair {
                    birth: track.birth,
                    detection: self.candidates[pair.detection].index,
                    velocity: track.imm.combined().velocity(),
                    noise: track.calibration_noise(config),
                });
            }
        }
    }

    /// Tells a witness, if there is one, what the scan means.
    fn tell<W: Witness>(
        &self,
        tracks: &[Bernoulli],
        scan: FreshScan<'_>,
        sensor: &SensorModel,
        witness: &mut W,
        config: &FusionConfig,
    ) {
        if W::ASKS && scan.believed {
            let scene = Scene {
                at: scan.at,
                revised: scan.revised,
                sensor,
                detections: scan.detections,
                candidates: &self.candidates,
                pairs: &self.associator.pairs,
                expected: &self.expected,
            };
            testify(tracks, scene, witness, config);
        }
    }

    /// Tells the sensor which of its scores were of road users.
    pub(crate) fn teach(&self, detections: &[Detection], sensor: &mut SensorModel, config: &FusionConfig) {
        // Outside the area nobody is followed: there a detection of nobody known says nothing.
        let inside = |c: &Candidate| config.bounds.is_none_or(|b| b.contains(c.place));
        for (candidate, left) in self.candidates.iter().zip(&self.left).filter(|(c, _)| inside(c)) {
            let taken = 1.0 - left;
            if taken >= TRUE_SCORE || taken <= FALSE_SCORE {
                sensor.scores.learn(detections[candidate.index].score, taken >= TRUE_SCORE);
            }
        }
        sensor.scores.renew();
        sensor.hidden.learn(self.behind);
    }
}
