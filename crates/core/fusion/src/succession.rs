//! One tracker takes the place of another that saw the same: its road users get the numbers that they had.

use crate::Tracker;
use crate::bernoulli::{Bernoulli, Identity};
use jxz_units::Utc;
use jxz_world::{IslandId, Track, TrackId};
use std::collections::BTreeMap;

/// Two trackers that saw the same scans say of one road user what is nearer together than this, metres, and as much more
/// as both doubt; unsettled calibration counts for more than noise.
const SAME_M: f64 = 1.5;
/// And their velocities differ by less than this, m/s.
const SAME_MPS: f64 = 3.0;

impl Tracker {
    /// The number that the next new track gets.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.next_id
    }

    /// Takes the place of a tracker of the same site that says `theirs` of the time `at`, and whose next number is
    /// `next`. Who is known to both gets number and identity as there; who is known here alone gets a number that was
    /// not given there; who is known there alone is taken in as by a neighbour's word, under the number there. Gives each
    /// number that tracks had here, and the one that they have now, by the former.
    pub fn succeed(&mut self, at: Utc, theirs: &[Track], next: u64) -> BTreeMap<TrackId, TrackId> {
        let ours = self.tracks_at(at);
        let same = same(&ours, theirs);
        let mut next = self.next_id.max(next);
        let mut names = BTreeMap::new();
        let mut numbered: Vec<TrackId> = self.population.tracks.iter().filter_map(|track| track.id).collect();
        numbered.extend(self.numbers.iter().map(|number| number.id));
        numbered.sort_unstable();
        numbered.dedup();
        for id in numbered {
            let name = match same.get(&id) {
                Some(track) => (track.id, Some(Identity { since: track.since, island: track.island })),
                None => {
                    next += 1;
                    (TrackId(next - 1), None)
                }
            };
            names.insert(id, name);
        }
        self.next_id = next;
        self.rename(&names);
        let known: Vec<TrackId> = same.values().map(|track| track.id).collect();
        let theirs_alone: Vec<Track> = theirs.iter().filter(|track| !known.contains(&track.id)).cloned().collect();
        self.handle_neighbours(&theirs_alone);
        self.rename(&self.taken_in(&theirs_alone, &known));
        names.into_iter().map(|(before, (now, _))| (before, now)).collect()
    }

    /// Of tracks to which these words went, but of none that is known to both, by the number that they got here: the number
    /// and the identity in the word.
    fn taken_in(&self, words: &[Track], known: &[TrackId]) -> BTreeMap<TrackId, (TrackId, Option<Identity>)> {
        let word_of = |track: &Bernoulli| {
            let island = track.word.as_ref()?.island;
            words.iter().find(|word| word.island == island)
        };
        let named = self.population.tracks.iter().filter_map(|track| {
            let (id, word) = (track.id.filter(|id| !known.contains(id))?, word_of(track)?);
            Some((id, (word.id, Some(Identity { since: word.since, island: word.island }))))
        });
        named.collect()
    }

    /// Gives tracks other names, in the remembered past too: what comes late goes back there.
    fn rename(&mut self, names: &BTreeMap<TrackId, (TrackId, Option<Identity>)>) {
        let Self { site, population, ring, numbers, .. } = self;
        for track in population.tracks.iter_mut().chain(ring.remembered().flat_map(|past| &mut past.tracks)) {
            let Some((before, (now, theirs))) = track.id.and_then(|id| Some((id, names.get(&id)?))) else { continue };
            track.id = Some(*now);
            let is_own = track.identity.is_some_and(|identity| identity.island == IslandId::new(site, before));
            track.identity = match theirs {
                Some(identity) => Some(*identity),
                None if is_own => Some(Identity { since: track.since, island: IslandId::new(site, *now) }),
                None => track.identity,
            };
        }
        for number in numbers {
            number.id = names.get(&number.id).map_or(number.id, |(now, _)| *now);
        }
    }
}

/// Of ours, by number, the one of theirs that is the same road user: by its own id first, then the nearest.
fn same<'t>(ours: &[Track], theirs: &'t [Track]) -> BTreeMap<TrackId, &'t Track> {
    let mut pairs = Vec::new();
    for our in ours {
        for their in theirs {
            let apart_m = (our.position - their.position).norm();
            let doubt_m = our.position_sigma_m() + their.position_sigma_m();
            let near = apart_m <= SAME_M + doubt_m && (our.velocity - their.velocity).norm() <= SAME_MPS;
            let by_id = our.vehicle.is_some() && our.vehicle == their.vehicle;
            let another = our.vehicle.is_some() && their.vehicle.is_some() && !by_id;
            if by_id || (near && !another) {
                pairs.push((!by_id, apart_m, our.id, their));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then((a.2, a.3.id).cmp(&(b.2, b.3.id))));
    let mut found: BTreeMap<TrackId, &Track> = BTreeMap::new();
    for (_, _, our, their) in pairs {
        if !found.contains_key(&our) && !found.values().any(|taken| taken.id == their.id) {
            found.insert(our, their);
        }
    }
    found
}
