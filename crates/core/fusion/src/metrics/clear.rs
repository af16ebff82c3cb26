//! Who is followed by whom: CLEAR's matches and identity switches.
//!
//! Bernardin and Stiefelhagen, *Evaluating multiple object tracking performance: the CLEAR MOT metrics*, 2008, in the
//! reading of TrackEval: a match of the frame before is kept while it is near enough, the rest are matched so that the
//! sum of one less half the distance over the limit is largest, and nothing is matched beyond the limit.

use jxz_geo::Point;
use jxz_world::TrackId;
use std::collections::BTreeMap;

/// A track farther than this from a road user is not its track, metres: the scene judge's similarity of one half.
pub const SAME_M: f64 = 2.0;
/// What keeping a match is worth: more than every similarity of a frame together.
const KEPT: f64 = 1000.0;

/// What a run has come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IdentityScore {
    /// Pairs of a road user and its track, summed over the frames.
    pub matches: u64,
    /// Road users without a track.
    pub missed: u64,
    /// Tracks without a road user.
    pub false_tracks: u64,
    /// Times that a road user was matched to another track than when it was last matched, however long ago.
    pub switches: u64,
}

impl IdentityScore {
    /// MOTA: 1 less the share of misses, false tracks and switches; `None` when there was no road user.
    #[must_use]
    pub fn mota(&self) -> Option<f64> {
        let there = self.matches + self.missed;
        let faults = self.missed + self.false_tracks + self.switches;
        (there > 0).then(|| 1.0 - faults as f64 / there as f64)
    }
}

/// Counts identity switches frame by frame. It remembers one track a road user ever seen.
#[derive(Debug, Clone)]
pub struct Identity {
    within_m: f64,
    kept_m: f64,
    last: BTreeMap<u64, TrackId>,
    frame_before: BTreeMap<u64, TrackId>,
    score: IdentityScore,
}

impl Default for Identity {
    /// Matches within [`SAME_M`], as the scene judge does.
    fn default() -> Self {
        Self::within(SAME_M)
    }
}

impl Identity {
    /// Matches nothing farther apart than `within_m`, metres.
    #[must_use]
    pub fn within(within_m: f64) -> Self {
        let score = IdentityScore::default();
        Self { within_m, kept_m: within_m, last: BTreeMap::new(), frame_before: BTreeMap::new(), score }
    }

    /// Keeps a match of the frame before only while it is this near, metres; farther apart it counts as any other.
    #[must_use]
    pub fn keeping_within(self, kept_m: f64) -> Self {
        Self { kept_m, ..self }
    }

    /// Matches one frame: all true road users by number and place, and all tracks of one time, local frame.
    /// Answers the pairs (truth index, track index) in order of truth. Places that are not finite match nothing.
    pub fn add(&mut self, truth: &[(u64, Point)], tracks: &[(TrackId, Point)]) -> Vec<(usize, usize)> {
        let pairs = self.pairs(truth, tracks);
        self.score.matches += pairs.len() as u64;
        self.score.missed += (truth.len() - pairs.len()) as u64;
        self.score.false_tracks += (tracks.len() - pairs.len()) as u64;
        if truth.is_empty() || tracks.is_empty() {
            return pairs;
        }
        self.frame_before.clear();
        for &(i, j) in &pairs {
            let (user, track) = (truth[i].0, tracks[j].0);
            let before = self.last.insert(user, track);
            self.score.switches += u64::from(before.is_some_and(|before| before != track));
            self.frame_before.insert(user, track);
        }
        pairs
    }

    /// The score so far.
    #[must_use]
    pub fn score(&self) -> IdentityScore {
        self.score
    }

    fn pairs(&self, truth: &[(u64, Point)], tracks: &[(TrackId, Point)]) -> Vec<(usize, usize)> {
        let worth = |i: usize, j: usize| {
            let distance_m = (truth[i].1 - tracks[j].1).norm();
            let kept = distance_m <= self.kept_m && self.frame_before.get(&truth[i].0) == Some(&tracks[j].0);
            let worth = if kept { KEPT + 1.0 } else { 1.0 } - distance_m / (2.0 * self.within_m);
            if distance_m <= self.within_m { worth } else { 0.0 }
        };
        let side = truth.len().max(tracks.len());
        let cost = lapjv::Matrix::from_shape_fn((side, side), |(i, j)| {
            if i < truth.len() && j < tracks.len() { -worth(i, j) } else { 0.0 }
        });
        let columns = if side == 0 { Vec::new() } else { lapjv::lapjv(&cost).map_or_else(|_| Vec::new(), |(c, _)| c) };
        let chosen = columns.into_iter().enumerate();
        chosen.filter(|&(i, j)| i < truth.len() && j < tracks.len() && worth(i, j) > 0.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(list: &[(u64, f64)]) -> Vec<(u64, Point)> {
        list.iter().map(|&(id, x)| (id, Point::new(x, 0.0))).collect()
    }

    fn tracks(list: &[(u64, f64)]) -> Vec<(TrackId, Point)> {
        list.iter().map(|&(id, x)| (TrackId(id), Point::new(x, 0.0))).collect()
    }

    #[test]
    fn a_track_that_goes_over_to_the_neighbour_is_two_switches() {
        let mut identity = Identity::default();
        identity.add(&truth(&[(1, 0.0), (2, 6.0)]), &tracks(&[(10, 0.1), (20, 6.2)]));
        identity.add(&truth(&[(1, 0.0), (2, 6.0)]), &tracks(&[(20, 0.1), (10, 6.2)]));
        let score = identity.score();
        assert_eq!(score, IdentityScore { matches: 4, missed: 0, false_tracks: 0, switches: 2 });
        assert_eq!(score.mota(), Some(0.5));
    }

    #[test]
    fn a_match_is_kept_while_it_is_near_though_another_is_nearer() {
        let mut identity = Identity::default();
        identity.add(&truth(&[(1, 0.0)]), &tracks(&[(10, 0.0)]));
        // Track 20 comes nearer; track 10 is still within two metres.
        assert_eq!(identity.add(&truth(&[(1, 0.0)]), &tracks(&[(20, 0.1), (10, 1.9)])), vec![(0, 1)]);
        // At 2.1 m it is no longer: now it is a switch.
        assert_eq!(identity.add(&truth(&[(1, 0.0)]), &tracks(&[(20, 0.1), (10, 2.1)])), vec![(0, 0)]);
        assert_eq!(identity.score(), IdentityScore { matches: 3, missed: 0, false_tracks: 2, switches: 1 });
    }

    #[test]
    fn found_again_under_its_old_number_is_no_switch_and_under_a_new_one_is() {
        let mut identity = Identity::default();
        let gone = tracks(&[(99, 50.0)]);
        identity.add(&truth(&[(1, 0.0)]), &tracks(&[(10, 0.0)]));
        identity.add(&truth(&[(1, 0.0)]), &gone);
        identity.add(&truth(&[(1, 0.0)]), &tracks(&[(10, 0.0)]));
        assert_eq!(identity.score().switches, 0);
        identity.add(&truth(&[(1, 0.0)]), &gone);
        identity.add(&truth(&[(1, 0.0)]), &tracks(&[(11, 0.0)]));
        let score = identity.score();
        assert_eq!(score, IdentityScore { matches: 3, missed: 2, false_tracks: 2, switches: 1 });
        assert!((score.mota().unwrap() - 0.0).abs() < 1e-12);
    }

    #[test]
    fn two_metres_are_near_enough_and_nothing_is_nobody() {
        let mut identity = Identity::default();
        assert_eq!(identity.add(&[], &[]), vec![]);
        assert_eq!(identity.score().mota(), None);
        assert_eq!(identity.add(&truth(&[(1, 0.0)]), &tracks(&[(10, 2.0)])), vec![(0, 0)]);
        assert_eq!(identity.add(&truth(&[(1, f64::NAN)]), &tracks(&[(10, 2.0)])), vec![]);
        assert_eq!(identity.add(&truth(&[(1, 0.0)]), &[]), vec![]);
        assert_eq!(identity.add(&[], &tracks(&[(10, 2.0)])), vec![]);
        let score = identity.score();
        assert_eq!(score, IdentityScore { matches: 1, missed: 2, false_tracks: 2, switches: 0 });
    }
}
