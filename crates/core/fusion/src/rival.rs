//! Two tracks, one road user: told from two road users by whether both are ever seen in one scan.
//!
//! A hard assignment feeds either of two tracks on one road user often enough to keep both alive. What gives them away
//! is that they take turns. So a younger track that shares detections with an older one nearby keeps the log odds of
//! "two" against "one": each scan that saw both speaks for two, each that saw only one speaks for one.

use crate::associate::Associator;
use crate::bernoulli::{Bernoulli, BirthKey};

/// At these log odds the younger is absorbed; sooner while it is in doubt whether the sensors agree, for then one road
/// user often makes two tracks.
const ABSORB_LOG_ODDS: f64 = -5.0;
const ABSORB_IN_DOUBT_LOG_ODDS: f64 = -4.0;
/// The most that is remembered in favour of two.
const MOST_LOG_ODDS: f64 = 5.0;
/// What one scan that saw both says for two: seeing both when there is one needs a false detection beside it.
const BOTH_LOG_ODDS: f64 = 2.5;
/// Tracks farther apart than this plus three times their joint position error are no rivals, metres.
const NEAR_M: f64 = 0.4;

/// An older track that may be of the same road user, and the log odds that it is not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rival {
    older: BirthKey,
    log_odds: f64,
}

/// What a scan meant for a track.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    /// Probability that it was seen.
    pub(crate) seen: f64,
    /// Probability that it would be seen: halfway between plain view and what its own record suggests, because a
    /// rival that takes one sensor's detections looks the same as being hidden from that sensor.
    pub(crate) pd: f64,
}

/// Working space, kept between scans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rivals {
    /// For each track the nearest older rival, and how far it is, metres.
    nearest: Vec<Option<(f64, usize)>>,
    absorbed: Vec<(usize, usize)>,
}

impl Rivals {
    /// Updates each track's rivalry by a scan, and absorbs those found to be of one road user.
    pub(crate) fn settle(
        &mut self,
        tracks: &mut Vec<Bernoulli>,
        associator: &Associator,
        looks: &[Look],
        in_doubt: bool,
    ) {
        let absorb = if in_doubt { ABSORB_IN_DOUBT_LOG_ODDS } else { ABSORB_LOG_ODDS };
        self.find(tracks, associator);
        self.absorbed.clear();
        for younger in 0..tracks.len() {
            let Some((_, older)) = self.nearest[younger] else { continue };
            let older_key = tracks[older].birth;
            let before = tracks[younger].rival.filter(|r| r.older == older_key).map_or(0.0, |r| r.log_odds);
            let log_odds = (before + evidence(&looks[younger], &looks[older])).min(MOST_LOG_ODDS);
            tracks[younger].rival = Some(Rival { older: older_key, log_odds });
            if log_odds <= absorb {
                self.absorbed.push((younger, older));
            }
        }
        for &(younger, older) in &self.absorbed {
            if tracks[younger].spread() < tracks[older].spread() {
                tracks[older].imm = tracks[younger].imm;
            }
            tracks[older].existence = tracks[older].existence.max(tracks[younger].existence);
            tracks[older].confirmed |= tracks[younger].confirmed;
            tracks[younger].existence = 0.0;
            tracks[younger].confirmed = false;
        }
        if !self.absorbed.is_empty() {
            tracks.retain(|t| t.existence > 0.0);
        }
    }

    /// Finds for each track that shares a detection's gate with older tracks nearby the nearest of them.
    fn find(&mut self, tracks: &[Bernoulli], associator: &Associator) {
        self.nearest.clear();
        self.nearest.resize(tracks.len(), None);
        let track = |pair: u32| associator.pairs[pair as usize].track;
        for group in associator.shared() {
            for (k, a) in group.iter().map(|&a| track(a)).enumerate() {
                for b in group[k + 1..].iter().map(|&b| track(b)) {
                    let (younger, older) = if tracks[a].birth > tracks[b].birth { (a, b) } else { (b, a) };
                    let (y, o) = (tracks[younger].imm.combined(), tracks[older].imm.combined());
                    let apart_m = (y.position() - o.position()).norm();
                    let reach_m = NEAR_M + 3.0 * (tracks[younger].spread() + tracks[older].spread()).sqrt();
                    if apart_m <= reach_m && self.nearest[younger].is_none_or(|(d, _)| apart_m < d) {
                        self.nearest[younger] = Some((apart_m, older));
                    }
                }
            }
        }
    }
}

/// What one scan says for two road users, against one.
fn evidence(younger: &Look, older: &Look) -> f64 {
    let seen = younger.seen + older.seen;
    if seen > 1.5 {
        BOTH_LOG_ODDS
    } else if seen > 0.5 {
        // Two: one seen and one missed, either way. One: seen (a one is seen as well as the better of two).
        let (p, q) = (younger.pd, older.pd);
        libm::log(((p * (1.0 - q) + q * (1.0 - p)) / p.max(q).max(1e-3)).max(1e-3)).min(0.0)
    } else {
        0.0
    }
}
