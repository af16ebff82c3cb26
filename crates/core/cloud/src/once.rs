//! Every road user once, however many sites see it.
//!
//! Sites agree on one identity for a road user that passes from one to the next (the older of two is kept), and say it
//! with each track. Tracks of one identity are one road user: shown is the estimate that knows best where it is now.

use crate::{Freshness, TrackView};
use jxz_world::Track;
use std::collections::BTreeMap;

/// What a road user may do unforeseen, m/s²: a hard brake or turn.
const MANOEUVRE_MPS2: f64 = 3.0;
/// Tracks of one identity farther apart than this many metres are not one road user, whatever is said: an identity was
/// passed on wrongly, and hiding one of two road users is worse than showing one twice.
const APART_M: f64 = 15.0;

/// The same tracks with those of one identity merged, in the order of the first of each.
pub(crate) fn once(tracks: Vec<TrackView>) -> Vec<TrackView> {
    let mut kept: Vec<TrackView> = Vec::with_capacity(tracks.len());
    let mut known = BTreeMap::new();
    for track in tracks {
        let place = known.entry(track.id).or_insert(kept.len());
        match kept.get_mut(*place) {
            Some(other) if apart_m(other, &track) <= APART_M => merge(other, track),
            _ => kept.push(track),
        }
    }
    kept
}

/// How far apart two estimates are once both are carried to the time of the newer one, metres.
fn apart_m(a: &TrackView, b: &TrackView) -> f64 {
    let at = a.track.valid_at.max(b.track.valid_at);
    (a.track.position_at(at) - b.track.position_at(at)).norm()
}

fn merge(kept: &mut TrackView, mut other: TrackView) {
    let sites: Vec<_> = kept.sites().chain(other.sites()).cloned().collect();
    if rank(&other) < rank(kept) {
        std::mem::swap(kept, &mut other);
    }
    kept.also_seen_by = sites.into_iter().filter(|site| *site != kept.site).collect();
    kept.also_seen_by.sort();
    kept.also_seen_by.dedup();
    // A vehicle that reports itself does so whichever site's estimate is shown.
    kept.track.vehicle = kept.track.vehicle.or(other.track.vehicle);
}

/// The less, the better: freshness first, then the variance of its position now.
fn rank(view: &TrackView) -> (Freshness, u64) {
    // Variances are not negative, and such numbers are ordered as their bits are.
    (view.freshness, variance_now_m2(&view.track, view.age_s).max(0.0).to_bits())
}

/// Mean variance of the position after `age_s` at constant velocity, with what it may have done meanwhile, m².
fn variance_now_m2(track: &Track, age_s: f64) -> f64 {
    let p = &track.covariance;
    let position = (p[(0, 0)] + p[(1, 1)]) / 2.0;
    let with_velocity = (p[(0, 2)] + p[(1, 3)]) * age_s;
    let velocity = (p[(2, 2)] + p[(3, 3)]) / 2.0 * age_s * age_s;
    let manoeuvre = MANOEUVRE_MPS2 * age_s * age_s / 2.0;
    position + with_velocity + velocity + manoeuvre * manoeuvre
}
