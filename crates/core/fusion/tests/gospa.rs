//! GOSPA against every assignment there is.

use jxz_fusion::metrics::gospa;
use jxz_geo::Point;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const CASES: usize = 2_000;

/// The least cost, squared metres, over every way to give each true point from `i` on a free estimate or none: the
/// definition with alpha = 2 (equation 1 of Rahmathullah and others, 2017), word for word.
fn least(truth: &[Point], estimates: &[Point], cutoff_m: f64, i: usize, taken: &mut Vec<bool>) -> f64 {
    let penalty = cutoff_m * cutoff_m / 2.0;
    if i == truth.len() {
        return taken.iter().filter(|t| !**t).count() as f64 * penalty;
    }
    let mut best = penalty + least(truth, estimates, cutoff_m, i + 1, taken);
    for j in 0..estimates.len() {
        if !taken[j] {
            taken[j] = true;
            let distance = (truth[i] - estimates[j]).norm();
            best = best.min(distance * distance + least(truth, estimates, cutoff_m, i + 1, taken));
            taken[j] = false;
        }
    }
    best
}

fn points(rng: &mut ChaCha8Rng, side_m: f64) -> Vec<Point> {
    let count = rng.random_range(0..=6);
    (0..count).map(|_| Point::new(rng.random_range(-side_m..side_m), rng.random_range(-side_m..side_m))).collect()
}

#[test]
fn no_assignment_is_cheaper_than_the_one_it_finds() {
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    let (mut partly, mut beyond) = (0, 0);
    for case in 0..CASES {
        let cutoff_m = rng.random_range(0.5..8.0);
        // From crowded, where every pair is within the cut-off, to sparse, where hardly any is.
        let side_m = rng.random_range(0.5..12.0);
        let (truth, mut estimates) = (points(&mut rng, side_m), points(&mut rng, side_m));
        if case % 5 == 0 && !estimates.is_empty() {
            // The same place twice.
            estimates[0] = truth.first().copied().unwrap_or(estimates[0]);
        }
        let exact = least(&truth, &estimates, cutoff_m, 0, &mut vec![false; estimates.len()]).sqrt();
        let (distance_m, pairs) = gospa(&truth, &estimates, cutoff_m);
        assert!((distance_m - exact).abs() < 1e-9, "case {case}: {distance_m}, by hand {exact}");

        // The pairs are those of the distance, each point in one of them at most.
        let near: f64 = pairs.iter().map(|&(i, j)| (truth[i] - estimates[j]).norm_squared()).sum();
        let alone = (truth.len() + estimates.len() - 2 * pairs.len()) as f64;
        assert!((near + alone * cutoff_m * cutoff_m / 2.0 - exact * exact).abs() < 1e-9, "case {case}: {pairs:?}");
        let mut seen: Vec<usize> = pairs.iter().map(|p| p.1).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), pairs.len(), "case {case}: {pairs:?}");
        partly += usize::from(!pairs.is_empty());
        beyond += usize::from(pairs.len() < truth.len().min(estimates.len()));
    }
    // The cases are of every kind.
    assert!(partly > CASES / 2 && beyond > CASES / 4, "{partly} with pairs, {beyond} with pairs beyond the cut-off");
}
