//! GOSPA: one number for errors, misses and false tracks.

use jxz_geo::Point;

/// GOSPA (p = 2, alpha = 2) of estimates against truth, metres, and the matched pairs (truth index, estimate index).
///
/// Each miss and each false estimate costs `cutoff_m`²/2. Points that are not finite match nothing.
#[must_use]
pub fn gospa(truth: &[Point], estimates: &[Point], cutoff_m: f64) -> (f64, Vec<(usize, usize)>) {
    let side = truth.len().max(estimates.len());
    let penalty = cutoff_m * cutoff_m;
    let distance_m = |i: usize, j: usize| (truth[i] - estimates[j]).norm();
    // Padding costs the same everywhere, so it changes no choice; `min` also turns NaN into the cut-off.
    let cost = lapjv::Matrix::from_shape_fn((side, side), |(i, j)| {
        if i < truth.len() && j < estimates.len() { distance_m(i, j).min(cutoff_m).powi(2) } else { penalty }
    });
    let columns = if side == 0 { Vec::new() } else { lapjv::lapjv(&cost).map_or_else(|_| Vec::new(), |(c, _)| c) };
    let pairs: Vec<(usize, usize)> = (columns.into_iter().enumerate())
        .filter(|&(i, j)| i < truth.len() && j < estimates.len() && distance_m(i, j) < cutoff_m)
        .collect();
    let near: f64 = pairs.iter().map(|&(i, j)| distance_m(i, j).powi(2)).sum();
    let unmatched = truth.len() + estimates.len() - 2 * pairs.len();
    ((near + penalty / 2.0 * unmatched as f64).sqrt(), pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(list: &[[f64; 2]]) -> Vec<Point> {
        list.iter().map(|p| Point::new(p[0], p[1])).collect()
    }

    #[test]
    fn hand_worked_cases() {
        // Greedy would pair (3,0) with (2,0) last and (0,0) with (-1.5,0); so does the optimum: 1² + 1.5².
        let (d, pairs) = gospa(&points(&[[0.0, 0.0], [3.0, 0.0]]), &points(&[[2.0, 0.0], [-1.5, 0.0]]), 5.0);
        assert!((d - 3.25_f64.sqrt()).abs() < 1e-12);
        assert_eq!(pairs, vec![(0, 1), (1, 0)]);
        // One missed: 5²/2. Both missed and false, too far apart to match: 5².
        assert!((gospa(&points(&[[1.0, 1.0]]), &[], 5.0).0 - 12.5_f64.sqrt()).abs() < 1e-12);
        assert!((gospa(&points(&[[0.0, 0.0]]), &points(&[[5.0, 0.0]]), 5.0).0 - 5.0).abs() < 1e-12);
        assert_eq!(gospa(&[], &[], 5.0), (0.0, Vec::new()));
    }

    #[test]
    fn nine_against_eleven_as_scipy_has_it() {
        let truth = points(&[
            [-8.91, -0.02],
            [2.44, -11.31],
            [-8.45, 10.28],
            [-10.31, -8.89],
            [10.76, 2.93],
            [-3.24, 0.27],
            [3.91, -5.39],
            [-8.69, 6.91],
            [4.09, 0.3],
        ]);
        let estimates = points(&[
            [-9.14, 1.01],
            [1.13, -13.58],
            [-7.86, 9.27],
            [-13.19, -10.11],
            [10.06, 1.14],
            [-5.38, 0.32],
            [5.26, -5.74],
            [-10.01, 9.5],
            [-1.68, -8.46],
            [4.16, -7.15],
            [9.63, -6.79],
        ]);
        // The scene judge's own function (scipy 1.17 linear_sum_assignment) on the same points.
        let (d, pairs) = gospa(&truth, &estimates, 5.0);
        assert!((d - 9.342_767_256_011).abs() < 1e-9, "{d}");
        assert_eq!(pairs, vec![(0, 0), (1, 1), (2, 7), (3, 3), (4, 4), (5, 5), (6, 6), (7, 2)]);
    }
}
