//! How far tracks are from the truth: GOSPA, and the errors of what was matched.
//!
//! The definitions are those of the scene judge: GOSPA with p = 2 and alpha = 2 (Rahmathullah, García-Fernández,
//! Svensson, *Generalized optimal sub-pattern assignment metric*, 2017), errors over matches nearer than 3 m.

use jxz_geo::{Point, Vector};
use serde::{Deserialize, Serialize};

/// The usual cut-off distance for road users, metres.
pub const CUTOFF_M: f64 = 5.0;
/// Matches nearer than this count in the errors, metres.
pub const MATCH_M: f64 = 3.0;

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

/// A road user's place and velocity, true or estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moving {
    /// Where, local frame.
    pub position: Point,
    /// Velocity over ground, metres per second.
    pub velocity: Vector,
}

impl From<&jxz_world::Track> for Moving {
    fn from(track: &jxz_world::Track) -> Self {
        Self { position: track.position, velocity: track.velocity }
    }
}

/// Means over the frames scored; `None` where there is nothing to take a mean of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Frames scored.
    pub frames: u64,
    /// Mean GOSPA, metres.
    pub gospa_m: Option<f64>,
    /// Road users without a track, a frame.
    pub missed: Option<f64>,
    /// Tracks without a road user, a frame.
    #[serde(rename = "false")]
    pub false_tracks: Option<f64>,
    /// Root mean square position error of matches, metres.
    pub position_rmse_m: Option<f64>,
    /// Root mean square velocity error of matches, metres per second.
    pub velocity_rmse_mps: Option<f64>,
}

/// Accumulates [`Score`] frame by frame.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TrackingScore {
    frames: u64,
    matches: u64,
    missed: u64,
    false_tracks: u64,
    gospa_sum: f64,
    position_sum: f64,
    velocity_sum: f64,
}

impl TrackingScore {
    /// Scores one frame: all true road users and all estimates of one time.
    pub fn add(&mut self, truth: &[Moving], estimates: &[Moving]) {
        let places = |all: &[Moving]| all.iter().map(|m| m.position).collect::<Vec<_>>();
        let (distance, pairs) = gospa(&places(truth), &places(estimates), CUTOFF_M);
        self.frames += 1;
        self.gospa_sum += distance;
        self.missed += (truth.len() - pairs.len()) as u64;
        self.false_tracks += (estimates.len() - pairs.len()) as u64;
        for (i, j) in pairs {
            let error = truth[i].position - estimates[j].position;
            if error.norm() < MATCH_M {
                self.matches += 1;
                self.position_sum += error.norm_squared();
                self.velocity_sum += (truth[i].velocity - estimates[j].velocity).norm_squared();
            }
        }
    }

    /// The score so far.
    #[must_use]
    pub fn score(&self) -> Score {
        let mean = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
        Score {
            frames: self.frames,
            gospa_m: mean(self.gospa_sum, self.frames),
            missed: mean(self.missed as f64, self.frames),
            false_tracks: mean(self.false_tracks as f64, self.frames),
            position_rmse_m: mean(self.position_sum, self.matches).map(f64::sqrt),
            velocity_rmse_mps: mean(self.velocity_sum, self.matches).map(f64::sqrt),
        }
    }
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

    #[test]
    fn a_score_means_over_frames_and_matches() {
        let moving = |x: f64, vx: f64| Moving { position: Point::new(x, 0.0), velocity: Vector::new(vx, 0.0) };
        let mut total = TrackingScore::default();
        assert_eq!(total.score().gospa_m, None);
        // Matches 1 m and 4 m away: the second counts for GOSPA (1 + 16), not for the errors (beyond 3 m).
        total.add(&[moving(0.0, 1.0), moving(50.0, 0.0)], &[moving(1.0, 3.0), moving(54.0, 0.0)]);
        total.add(&[moving(0.0, 1.0)], &[moving(100.0, 0.0)]);
        let score = total.score();
        assert_eq!((score.frames, score.missed, score.false_tracks), (2, Some(0.5), Some(0.5)));
        assert!((score.gospa_m.unwrap() - (17.0_f64.sqrt() + 5.0) / 2.0).abs() < 1e-12);
        assert_eq!((score.position_rmse_m, score.velocity_rmse_mps), (Some(1.0), Some(2.0)));
    }
}
