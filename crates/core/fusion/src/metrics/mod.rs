//! How far tracks are from the truth: GOSPA, the errors of what was matched, and how long identities are kept.
//!
//! The definitions are those of the scene judge: GOSPA with p = 2 and alpha = 2 (Rahmathullah, García-Fernández,
//! Svensson, *Generalized optimal sub-pattern assignment metric*, 2017), errors over matches nearer than 3 m.

mod clear;
mod gospa;

pub use clear::{Identity, IdentityScore, SAME_M};
pub use gospa::gospa;

use jxz_geo::{Point, Vector};
use serde::{Deserialize, Serialize};

/// The usual cut-off distance for road users, metres.
pub const CUTOFF_M: f64 = 5.0;
/// Matches nearer than this count in the errors, metres.
pub const MATCH_M: f64 = 3.0;

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
