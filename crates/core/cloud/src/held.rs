//! The road users of one node, as the twin and every view of it share them.

use crate::view::{GlobalTrackId, island_track_id};
use crate::{CloudConfig, Validity};
use jxz_units::Utc;
use jxz_world::{DropCause, Drops, Track, TrackId};
use std::sync::Arc;

/// A track as held.
#[derive(Debug, Clone)]
pub(crate) struct HeldTrack {
    pub(crate) track: Track,
    pub(crate) id: GlobalTrackId,
    pub(crate) validity: Validity,
    sequence: u64,
}

/// A node's tracks by number. A clone shares them: what changes after it is copied first, once, and the clone stays as
/// it was. A view of a thousand nodes is a thousand clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldTracks {
    /// Sorted by [`Track::id`].
    tracks: Arc<Vec<HeldTrack>>,
    /// No track is to be removed before this; `None` while there are none.
    forget_at: Option<Utc>,
}

impl HeldTracks {
    pub(crate) fn as_slice(&self) -> &[HeldTrack] {
        &self.tracks
    }

    pub(crate) fn get(&self, id: TrackId) -> Option<&HeldTrack> {
        self.tracks.binary_search_by_key(&id, |held| held.track.id).ok().map(|at| &self.tracks[at])
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes the tracks of a state, or of a part of one; returns how many were new to that state.
    pub(crate) fn take(
        &mut self,
        (config, drops): (&CloudConfig, &mut Drops),
        now: Utc,
        (sequence, span_s): (u64, f64),
        tracks: Vec<Track>,
    ) -> usize {
        if tracks.is_empty() {
            return 0;
        }
        let held = Arc::make_mut(&mut self.tracks);
        let known = held.len();
        let (mut news, mut next) = (0, 0);
        for track in tracks {
            if !is_sound(&track) {
                drops.count(DropCause::PeerGarbage);
                continue;
            }
            let validity = Validity::new(track.valid_at, span_s, now);
            let forget_at = validity.forget_at(config.aging, config.forget_after_s);
            let new = HeldTrack { id: island_track_id(&track), validity, sequence, track };
            match place(&held[..known], next, new.track.id) {
                Some(at) => {
                    next = at + 1;
                    let old = &mut held[at];
                    if old.sequence >= sequence {
                        continue;
                    }
                    *old = new;
                }
                None if held.len() >= config.max_tracks_per_node => {
                    drops.count(DropCause::TwinFull);
                    continue;
                }
                None => held.push(new),
            }
            news += 1;
            self.forget_at = Some(self.forget_at.map_or(forget_at, |at| at.min(forget_at)));
        }
        if held.len() > known {
            // Stable, so that of two with one number in one part the first stays.
            held.sort_by_key(|held| held.track.id);
            let before = held.len();
            held.dedup_by_key(|held| held.track.id);
            news -= before - held.len();
        }
        news
    }

    /// Removes tracks that have been lost for long enough; returns whether any is left.
    pub(crate) fn forget(&mut self, config: &CloudConfig, now: Utc) -> bool {
        if self.forget_at.is_some_and(|at| now >= at) {
            let forget_at = |held: &HeldTrack| held.validity.forget_at(config.aging, config.forget_after_s);
            if self.tracks.iter().any(|held| now >= forget_at(held)) {
                Arc::make_mut(&mut self.tracks).retain(|held| now < forget_at(held));
            }
            self.forget_at = self.tracks.iter().map(forget_at).min();
        }
        !self.tracks.is_empty()
    }
}

/// Where a track is among those sorted by number. States keep the order of their tracks, so it is likely `next`.
fn place(held: &[HeldTrack], next: usize, id: TrackId) -> Option<usize> {
    if held.get(next).is_some_and(|held| held.track.id == id) {
        return Some(next);
    }
    held.binary_search_by_key(&id, |held| held.track.id).ok()
}

/// Whether every number that the twin computes with is finite.
fn is_sound(track: &Track) -> bool {
    let finite = |x: f64| x.is_finite();
    track.position.iter().all(|x| finite(*x))
        && track.velocity.iter().all(|x| finite(*x))
        && track.covariance.iter().all(|x| finite(*x))
        && (0.0..=1.0).contains(&track.existence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_geo::{Point, Vector};
    use jxz_world::{ClassBelief, IslandId, Sources};
    use std::collections::BTreeMap;

    const AT: Utc = Utc::from_unix_ms(1_786_270_272_000);

    fn track(id: u64, east: f64) -> Track {
        Track {
            id: TrackId(id),
            island: IslandId(id),
            valid_at: AT,
            measured_at: AT,
            since: AT,
            position: Point::new(east, 0.0),
            velocity: Vector::new(1.0, 0.0),
            covariance: nalgebra::Matrix4::identity(),
            existence: 0.9,
            class: ClassBelief::UNIFORM,
            extent_m: None,
            heading: None,
            vehicle: None,
            sources: Sources::default(),
        }
    }

    #[test]
    fn tracks_in_any_order_and_doubled_agree_with_a_plain_map() {
        let config = CloudConfig { max_tracks_per_node: 60, ..CloudConfig::default() };
        let (mut held, mut drops) = (HeldTracks::default(), Drops::default());
        let mut plain: BTreeMap<u64, (u64, f64)> = BTreeMap::new();
        let mut x = 1_u64;
        for sequence in 1..40_u64 {
            let parts: Vec<Track> = (0..20)
                .map(|_| {
                    x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    track((x >> 33) % 60, (x >> 40) as f64)
                })
                .collect();
            let mut news = 0;
            for part in &parts {
                let newer = plain.get(&part.id.0).is_none_or(|(known, _)| *known < sequence);
                if newer {
                    plain.insert(part.id.0, (sequence, part.position.x));
                    news += 1;
                }
            }
            assert_eq!(held.take((&config, &mut drops), AT, (sequence, 0.5), parts), news, "state {sequence}");
            let got: Vec<(u64, f64)> = held.as_slice().iter().map(|h| (h.track.id.0, h.track.position.x)).collect();
            assert_eq!(got, plain.iter().map(|(id, (_, east))| (*id, *east)).collect::<Vec<_>>());
        }
        assert_eq!(drops, Drops::default());
    }

    #[test]
    fn what_was_shared_stays_as_it_was_and_what_is_lost_goes_in_time() {
        let (config, mut drops) = (CloudConfig::default(), Drops::default());
        let mut held = HeldTracks::default();
        held.take((&config, &mut drops), AT, (1, 0.5), vec![track(1, 1.0), track(2, 2.0)]);
        let shared = held.clone();
        held.take((&config, &mut drops), AT.plus_seconds(3.0), (2, 0.5), vec![track(1, 9.0)]);
        assert_eq!((shared.as_slice()[0].track.position.x, held.as_slice()[0].track.position.x), (1.0, 9.0));
        // 0.5 s of validity, lost after five of them, forgotten five seconds later.
        assert!(held.forget(&config, AT.plus_seconds(7.4)) && held.as_slice().len() == 2);
        assert!(!held.forget(&config, AT.plus_seconds(7.6)));
        assert_eq!(shared.as_slice().len(), 2);
    }
}
