//! Which detection is whose: probabilities by belief propagation, or the single best assignment.

use crate::assign::{Edge, assign};

/// Belief propagation stops when no message changes by more, or after so many rounds.
const TOLERANCE: f64 = 1e-4;
const MAX_ROUNDS: usize = 40;

/// A gated pair.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    pub(crate) track: usize,
    pub(crate) detection: usize,
    /// Detection's likelihood as this track's over the density of false detections, detection probability aside.
    pub(crate) ratio: f64,
    /// Odds of assigning it against leaving both alone, existence aside.
    odds: f64,
    /// Odds of the pair against the track's being missed and the detection's being of nobody known.
    weight: f64,
    /// Probability that the detection is this track's; the result.
    pub(crate) probability: f64,
    to_detection: f64,
    to_track: f64,
}

impl Pair {
    /// `existence` and `pd` of the track; `stray` is the density of births and false detections over that of the false
    /// ones alone.
    pub(crate) fn new(track: usize, detection: usize, ratio: f64, existence: f64, pd: f64, stray: f64) -> Self {
        let odds = pd * ratio / stray;
        let seen = existence * pd;
        Self {
            track,
            detection,
            ratio,
            odds: odds / (1.0 - pd),
            weight: seen * ratio / (stray * (1.0 - seen)),
            probability: 0.0,
            to_detection: 0.0,
            to_track: 1.0,
        }
    }
}

/// Working space for association, kept between scans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Associator {
    /// Sorted by track, then detection.
    pub(crate) pairs: Vec<Pair>,
    /// For each detection, its pairs: positions in `pairs` by detection.
    by_detection: Vec<u32>,
    spans: Vec<(u32, u32)>,
    /// Detections whose messages changed in the last round, and those told something new in this.
    active: Vec<bool>,
    stirred: Vec<bool>,
}

impl Associator {
    /// Marginal probabilities of all pairs, by loopy belief propagation (Williams, Lau 2014): exact where a component
    /// is a tree, close elsewhere. A detection whose messages have settled is left alone until a neighbour's change.
    pub(crate) fn marginals(&mut self) {
        for _ in 0..MAX_ROUNDS {
            let mut any = false;
            for tracks in self.pairs.chunk_by_mut(|a, b| a.track == b.track) {
                if tracks.iter().all(|p| !self.active[p.detection]) {
                    continue;
                }
                let sum: f64 = 1.0 + tracks.iter().map(|p| p.weight * p.to_track).sum::<f64>();
                for pair in tracks {
                    let message = pair.weight / (sum - pair.weight * pair.to_track).max(1e-300);
                    if (message - pair.to_detection).abs() > TOLERANCE * (1.0 + message) {
                        self.stirred[pair.detection] = true;
                    }
                    pair.to_detection = message;
                }
            }
            for (detection, &(from, to)) in self.spans.iter().enumerate() {
                self.active[detection] = false;
                if to - from < 2 || !std::mem::take(&mut self.stirred[detection]) {
                    continue;
                }
                let own = &self.by_detection[from as usize..to as usize];
                let sum: f64 = 1.0 + own.iter().map(|&k| self.pairs[k as usize].to_detection).sum::<f64>();
                for &k in own {
                    let pair = &mut self.pairs[k as usize];
                    let message = 1.0 / (sum - pair.to_detection).max(1e-300);
                    self.active[detection] |= (message - pair.to_track).abs() > TOLERANCE;
                    pair.to_track = message;
                }
                any |= self.active[detection];
            }
            if !any {
                break;
            }
        }
        for tracks in self.pairs.chunk_by_mut(|a, b| a.track == b.track) {
            let sum: f64 = 1.0 + tracks.iter().map(|p| p.weight * p.to_track).sum::<f64>();
            for pair in tracks {
                pair.probability = pair.weight * pair.to_track / sum;
            }
        }
    }

    /// Sorts pairs by detection, of which there are so many; a detection with one pair alone needs no messages.
    pub(crate) fn index(&mut self, detections: usize) {
        self.spans.clear();
        self.spans.resize(detections, (0, 0));
        for pair in &self.pairs {
            self.spans[pair.detection].1 += 1;
        }
        let mut at = 0;
        for span in &mut self.spans {
            let count = span.1;
            *span = (at, at);
            at += count;
        }
        self.by_detection.clear();
        self.by_detection.resize(self.pairs.len(), 0);
        for (k, pair) in (0..).zip(&self.pairs) {
            let end = &mut self.spans[pair.detection].1;
            self.by_detection[*end as usize] = k;
            *end += 1;
        }
        self.active.clear();
        self.active.extend(self.spans.iter().map(|(from, to)| to - from > 1));
        self.stirred.clear();
        self.stirred.resize(detections, false);
    }

    /// Pairs that share a detection, those of each together, in order of their tracks.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &[u32]> {
        let spans = self.spans.iter().filter(|(from, to)| to - from > 1);
        spans.map(|&(from, to)| &self.by_detection[from as usize..to as usize])
    }

    /// The one best assignment: probabilities of one and zero.
    pub(crate) fn best(&mut self, tracks: usize, detections: usize) {
        let gainful = self.pairs.iter().filter(|p| p.odds.is_finite() && p.odds > 1.0);
        let edge = |p: &Pair| Edge { track: p.track, detection: p.detection, gain: libm::log(p.odds) };
        let edges: Vec<Edge> = gainful.map(edge).collect();
        let chosen = assign(&edges, tracks, detections);
        for pair in &mut self.pairs {
            pair.probability = f64::from(u8::from(chosen[pair.track] == Some(pair.detection)));
        }
    }
}
