//! Every road user once, however many sites see it.
//!
//! Sites agree on one identity for a road user that passes from one to the next (the older of two is kept), and say it
//! with each track. Tracks of one identity are one road user: shown is the estimate that knows best where it is now.

use crate::held::{HeldTrack, HeldTracks};
use crate::view::TrackView;
use crate::{Aging, Freshness};
use jxz_units::Utc;
use jxz_world::{SiteId, Track, VehicleId};
use std::sync::Arc;

/// What a road user may do unforeseen, m/s²: a hard brake or turn.
const MANOEUVRE_MPS2: f64 = 3.0;
/// Tracks of one identity farther apart than this many metres are not one road user, whatever is said: an identity was
/// passed on wrongly, and hiding one of two road users is worse than showing one twice.
const APART_M: f64 = 15.0;

/// A site and the tracks that it said.
pub(crate) type Said = (Arc<SiteId>, HeldTracks);

/// Where a road user's estimate is among what sites said.
#[derive(Debug, Clone, Copy)]
struct Shown {
    node: u32,
    track: u32,
    /// One more than the place in [`Once::merged`]; 0: one site alone sees it.
    merged: u32,
}

/// What several sites say of one road user beside the estimate shown.
#[derive(Debug, Clone)]
struct Merged {
    others: Vec<SiteId>,
    vehicle: Option<VehicleId>,
}

/// The road users of several sites at one time, each once, in the order of the first track of each.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    at: Utc,
    aging: Aging,
    shown: Vec<Shown>,
    merged: Vec<Merged>,
}

impl Once {
    /// Every track that is not lost at `at`, those of one identity merged.
    pub(crate) fn of(said: &[Said], aging: Aging, at: Utc) -> Self {
        let mut all = Vec::with_capacity(said.iter().map(|(_, tracks)| tracks.as_slice().len()).sum());
        for ((_, tracks), node) in said.iter().zip(0..) {
            let live = |held: &HeldTrack| held.validity.freshness(at, aging) != Freshness::Lost;
            let places = tracks.as_slice().iter().zip(0..).filter(|(held, _)| live(held));
            all.extend(places.map(|(_, track)| Shown { node, track, merged: 0 }));
        }
        let mut once = Self { at, aging, shown: all, merged: Vec::new() };
        once.merge(said);
        once
    }

    /// Merges tracks of one identity.
    fn merge(&mut self, said: &[Said]) {
        let mut by_id: Vec<(u64, u32)> = self.shown.iter().zip(0..).map(|(s, i)| (held(said, *s).id.0, i)).collect();
        by_id.sort_unstable();
        let mut gone = Vec::new();
        for same in by_id.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
            let first = same[0].1 as usize;
            for (_, other) in &same[1..] {
                let (a, b) = (self.shown[first], self.shown[*other as usize]);
                if apart_m(&held(said, a).track, &held(said, b).track) <= APART_M {
                    self.shown[first] = self.merged_of(said, a, b);
                    gone.push(*other);
                }
            }
        }
        if !gone.is_empty() {
            gone.sort_unstable();
            let mut gone = gone.into_iter().peekable();
            let mut place = 0;
            self.shown.retain(|_| {
                place += 1;
                gone.next_if_eq(&(place - 1)).is_none()
            });
        }
    }

    /// One road user of two tracks.
    fn merged_of(&mut self, said: &[Said], a: Shown, b: Shown) -> Shown {
        let mut sites: Vec<SiteId> = [a, b].iter().map(|s| said[s.node as usize].0.as_ref().clone()).collect();
        // A vehicle that reports itself does so whichever site's estimate is shown.
        let mut vehicle = held(said, a).track.vehicle;
        let merged = match a.merged.checked_sub(1) {
            Some(known) => {
                let known = &self.merged[known as usize];
                sites.extend(known.others.iter().cloned());
                vehicle = known.vehicle;
                a.merged
            }
            None => {
                self.merged.push(Merged { others: Vec::new(), vehicle: None });
                self.merged.len() as u32
            }
        };
        let better = if self.rank(held(said, b)) < self.rank(held(said, a)) { b } else { a };
        let own = &said[better.node as usize].0;
        sites.retain(|site| *site != **own);
        sites.sort();
        sites.dedup();
        let vehicle = held(said, better).track.vehicle.or(vehicle).or(held(said, b).track.vehicle);
        self.merged[merged as usize - 1] = Merged { others: sites, vehicle };
        Shown { merged, ..better }
    }

    /// The less, the better: freshness first, then the variance of its position now.
    fn rank(&self, held: &HeldTrack) -> (Freshness, u64) {
        let age_s = held.validity.age_s(self.at);
        // Variances are not negative, and such numbers are ordered as their bits are.
        let variance_m2 = variance_now_m2(&held.track, age_s).max(0.0);
        (held.validity.freshness(self.at, self.aging), variance_m2.to_bits())
    }

    pub(crate) fn len(&self) -> usize {
        self.shown.len()
    }

    /// The road user at a place in the order.
    pub(crate) fn get<'a>(&'a self, said: &'a [Said], place: usize) -> Option<TrackView<'a>> {
        self.shown.get(place).map(|shown| self.view(said, *shown))
    }

    /// All, in order.
    pub(crate) fn iter<'a>(&'a self, said: &'a [Said]) -> impl ExactSizeIterator<Item = TrackView<'a>> + Clone {
        self.shown.iter().map(move |shown| self.view(said, *shown))
    }

    fn view<'a>(&'a self, said: &'a [Said], shown: Shown) -> TrackView<'a> {
        let held = held(said, shown);
        let merged = shown.merged.checked_sub(1).map(|merged| &self.merged[merged as usize]);
        TrackView {
            id: held.id,
            node: shown.node as usize,
            site: &said[shown.node as usize].0,
            also_seen_by: merged.map_or(&[], |merged| &merged.others),
            freshness: held.validity.freshness(self.at, self.aging),
            age_s: held.validity.age_s(self.at),
            vehicle: merged.map_or(held.track.vehicle, |merged| merged.vehicle),
            track: &held.track,
        }
    }
}

fn held(said: &[Said], shown: Shown) -> &HeldTrack {
    &said[shown.node as usize].1.as_slice()[shown.track as usize]
}

/// How far apart two estimates are once both are carried to the time of the newer one, metres.
fn apart_m(a: &Track, b: &Track) -> f64 {
    let at = a.valid_at.max(b.valid_at);
    (a.position_at(at) - b.position_at(at)).norm()
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
