//! Belief propagation against the enumeration of all association events.

use super::rng;
use crate::associate::{Associator, Pair};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Tracks, and which detection may be whose.
#[derive(Debug, Clone)]
struct Problem {
    /// Existence and detection probability of each track.
    tracks: Vec<(f64, f64)>,
    /// Births and false detections over false ones, of each detection.
    stray: Vec<f64>,
    /// Track, detection, likelihood ratio; sorted.
    edges: Vec<(usize, usize, f64)>,
}

impl Problem {
    /// Up to five of each. `tree`: without a circle, so that belief propagation is exact.
    fn random(rng: &mut ChaCha8Rng, tree: bool, density: f64) -> Self {
        let (n, m) = (rng.random_range(1..=5), rng.random_range(1..=5));
        let tracks = (0..n).map(|_| (rng.random_range(0.05..0.999), rng.random_range(0.1..0.98))).collect();
        let stray: Vec<f64> = (0..m).map(|_| 1.0 + rng.random_range(0.0..2.0)).collect();
        let mut edges = Vec::new();
        // Components: those joined already must not be joined again.
        let mut part: Vec<usize> = (0..n + m).collect();
        for track in 0..n {
            for detection in 0..m {
                if !rng.random_bool(density) || (tree && part[track] == part[n + detection]) {
                    continue;
                }
                let (from, to) = (part[track], part[n + detection]);
                part.iter_mut().filter(|p| **p == from).for_each(|p| *p = to);
                // From hopeless to beyond doubt.
                edges.push((track, detection, libm::pow(10_f64, rng.random_range(-2.0..3.0))));
            }
        }
        Self { tracks, stray, edges }
    }

    /// Probability of each pair: the sum over all events in which it holds.
    ///
    /// In an event each track has one detection of its own or none, and each detection at most one track. A track that
    /// is detected contributes existence x detection probability x likelihood, one that is not 1 less the product of the
    /// first two, a detection that is nobody's the density of strays; densities are in units of the false ones'.
    fn enumerated(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.edges.len()];
        let mut taken = vec![None; self.stray.len()];
        let total = self.events(0, 1.0, &mut taken, &mut sums);
        sums.iter().map(|s| s / total).collect()
    }

    fn events(&self, track: usize, weight: f64, taken: &mut Vec<Option<usize>>, sums: &mut [f64]) -> f64 {
        if track == self.tracks.len() {
            let strays: f64 = self.stray.iter().zip(&*taken).filter(|(_, t)| t.is_none()).map(|(s, _)| s).product();
            taken.iter().flatten().for_each(|edge| sums[*edge] += weight * strays);
            return weight * strays;
        }
        let (existence, pd) = self.tracks[track];
        let mut total = self.events(track + 1, weight * (1.0 - existence * pd), taken, sums);
        for (k, &(t, detection, ratio)) in self.edges.iter().enumerate() {
            if t == track && taken[detection].is_none() {
                taken[detection] = Some(k);
                total += self.events(track + 1, weight * existence * pd * ratio, taken, sums);
                taken[detection] = None;
            }
        }
        total
    }

    /// The same by belief propagation.
    fn propagated(&self) -> Vec<f64> {
        let mut associator = Associator::default();
        associator.pairs = self
            .edges
            .iter()
            .map(|&(t, d, ratio)| Pair::new(t, d, ratio, self.tracks[t].0, self.tracks[t].1, self.stray[d]))
            .collect();
        associator.index(self.stray.len());
        associator.marginals();
        associator.pairs.iter().map(|p| p.probability).collect()
    }

    fn worst_error(&self) -> f64 {
        let pairs = self.enumerated().into_iter().zip(self.propagated());
        pairs.map(|(exact, found)| (exact - found).abs()).fold(0.0, f64::max)
    }

    /// The largest sum of probabilities of one track, and of one detection.
    fn sums(&self) -> (f64, f64) {
        let found = self.propagated();
        let sum = |of: &dyn Fn(&(usize, usize, f64)) -> bool| {
            self.edges.iter().zip(&found).filter(|(e, _)| of(e)).map(|(_, p)| p).sum::<f64>()
        };
        let by_track = (0..self.tracks.len()).map(|t| sum(&|e| e.0 == t)).fold(0.0, f64::max);
        let by_detection = (0..self.stray.len()).map(|d| sum(&|e| e.1 == d)).fold(0.0, f64::max);
        (by_track, by_detection)
    }
}

#[test]
fn enumeration_itself_is_right_where_it_can_be_done_by_hand() {
    // One track, one detection: seen 0.5 x 0.8 x 3 = 1.2 against missed (1 - 0.4) x 1.5 = 0.9.
    let one = Problem { tracks: vec![(0.5, 0.8)], stray: vec![1.5], edges: vec![(0, 0, 3.0)] };
    assert!((one.enumerated()[0] - 1.2 / 2.1).abs() < 1e-15);
    // Two alike that want one detection: a = 0.4 x 6 = 2.4 each against 0.6, no strays beyond the false ones.
    let two = Problem { tracks: vec![(0.5, 0.8); 2], stray: vec![1.0], edges: vec![(0, 0, 6.0), (1, 0, 6.0)] };
    let each = 2.4 * 0.6 / (0.6 * 0.6 + 2.0 * 2.4 * 0.6);
    assert!(two.enumerated().iter().all(|p| (p - each).abs() < 1e-15));
}

#[test]
fn without_circles_belief_propagation_is_exact() {
    // To the tolerance at which messages are left alone.
    let mut rng = rng(40);
    let mut edges = 0;
    for _ in 0..5_000 {
        let problem = Problem::random(&mut rng, true, 0.6);
        edges = edges.max(problem.edges.len());
        assert!(problem.worst_error() < 1e-4, "{} of {problem:?}", problem.worst_error());
        let (track, detection) = problem.sums();
        assert!(track <= 1.0 + 1e-12 && detection <= 1.0 + 1e-6, "{track} {detection} of {problem:?}");
    }
    assert_eq!(edges, 9, "the largest tree over five and five");
}

#[test]
fn with_circles_belief_propagation_is_close() {
    // Williams and Lau (2014) find it close where what is likely is also clear, and too sure of itself where several
    // tracks compete for several detections. Here, likelihood ratios being spread over five decades:
    let mut rng = rng(41);
    let mut errors = Vec::new();
    for _ in 0..5_000 {
        let problem = Problem::random(&mut rng, false, 0.5);
        errors.push(problem.worst_error());
        let (track, detection) = problem.sums();
        assert!(track <= 1.0 + 1e-12 && detection <= 1.0 + 1e-3, "{track} {detection} of {problem:?}");
    }
    errors.sort_by(f64::total_cmp);
    let share = |of: usize| errors[errors.len() * of / 1000];
    assert!(share(950) < 0.01 && share(990) < 0.05 && errors[errors.len() - 1] < 0.25);
}
