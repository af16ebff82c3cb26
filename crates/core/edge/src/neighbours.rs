//! Hand-over: what this node tells its neighbours of road users on their way there, and what it takes from them.

use crate::Output;
use crate::broadcast::Periodic;
use jxz_fusion::{NeighbourFate, Tracker};
use jxz_geo::Point;
use jxz_map::Map;
use jxz_units::{Instant, Now, Utc};
use jxz_world::{DropCause, Drops, IslandId, NeighbourTracks, Site, SiteId, Sources, Track};
use nalgebra::Matrix4;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Fusion tracks this far beyond the site's coverage, so that who comes in is known already, metres.
pub(crate) const COVERAGE_MARGIN_M: f64 = 30.0;
/// Time between two words to a neighbour.
const PERIOD: Duration = Duration::from_millis(200);
/// Who will be in a neighbour's coverage this soon is told of, and who comes in from outside is expected this long,
/// seconds.
const AHEAD_S: f64 = 3.0;
/// No road user drives faster from one site to the next, metres per second.
const FASTEST_MPS: f64 = 25.0;
/// Most neighbours of a site; of more, the nearest.
const MAX_NEIGHBOURS: usize = 16;
/// Most road users in one word; of more, the nearest to the neighbour.
const MAX_WORD: usize = 256;
/// Most road users expected from outside.
const MAX_EXPECTED: usize = 256;
/// A road user less sure than this is not told of.
const WORTH_SAYING: f64 = 0.9;
/// A road user is not told of before it has been tracked this long: what is no road user, or one twice, is mostly found
/// out by then, seconds.
const YOUNGEST_S: f64 = 1.0;
/// A word may be this much ahead of our clock, and this old, seconds.
const AHEAD_OF_CLOCK_S: f64 = 0.2;
const OLDEST_S: f64 = 0.5;
/// Words of one neighbour are at least this far apart, seconds.
const LEAST_APART_S: f64 = 0.05;
/// A neighbour tracks no one farther than this beyond its coverage, its margin and its error included, metres.
const REACH_M: f64 = COVERAGE_MARGIN_M + 10.0;
/// Noise of the acceleration of motor vehicles, others, and pedestrians on the way between two sites, m²/s³.
const UNSEEN_NOISE: [f64; 3] = [2.0, 0.5, 0.2];

/// The sites to and from which road users can come within a few seconds: their coverages overlap this site's, or lie
/// less than 105 m apart. The nearest 16, nearest first.
#[must_use]
pub fn neighbours_of<'m>(map: &'m Map, site: &Site) -> Vec<&'m Site> {
    let gap_m = |other: &Site| (other.position - site.position).norm() - other.coverage_m - site.coverage_m;
    let reachable = |other: &&Site| gap_m(other) < COVERAGE_MARGIN_M + AHEAD_S * FASTEST_MPS;
    let mut near: Vec<&Site> = map.sites.iter().filter(|other| other.id != site.id).filter(reachable).collect();
    near.sort_by(|a, b| gap_m(a).total_cmp(&gap_m(b)).then_with(|| a.id.cmp(&b.id)));
    near.truncate(MAX_NEIGHBOURS);
    near
}

/// What this node has said to its neighbours and heard from them.
pub(crate) struct Neighbours {
    site: SiteId,
    boot: u64,
    all: Vec<Neighbour>,
    /// The last word on those who are on their way and not yet inside.
    expected: BTreeMap<IslandId, Track>,
    /// Validity of the newest measurement that fusion took.
    newest: Option<Utc>,
    due: Periodic,
}

struct Neighbour {
    id: SiteId,
    position: Point,
    coverage_m: f64,
    /// Of the last word to it.
    sequence: u64,
    said_at: Option<Utc>,
    heard: Option<Heard>,
}

/// The newest word heard from a neighbour.
struct Heard {
    boot: u64,
    sequence: u64,
    valid_at: Utc,
    /// Whom it spoke of so far, over all its parts.
    told: BTreeSet<IslandId>,
}

impl Neighbours {
    pub(crate) fn new(map: &Map, site: &Site, boot: u64, start: Instant) -> Self {
        let neighbour = |other: &Site| Neighbour {
            id: other.id.clone(),
            position: other.position,
            coverage_m: other.coverage_m,
            sequence: 0,
            said_at: None,
            heard: None,
        };
        Self {
            site: site.id.clone(),
            boot,
            all: neighbours_of(map, site).into_iter().map(neighbour).collect(),
            expected: BTreeMap::new(),
            newest: None,
            due: Periodic::starting(start, PERIOD),
        }
    }

    /// When something is to be said again; never, without neighbours.
    pub(crate) fn due(&self) -> Option<Instant> {
        (!self.all.is_empty()).then(|| self.due.due())
    }

    /// Notes that fusion has taken a measurement: words are for the time of the newest, so that they come neither
    /// before nor far behind what the neighbour's own sensors say.
    pub(crate) fn measured(&mut self, at: Utc) {
        self.newest = self.newest.max(Some(at));
    }

    /// The wall clock was set: what was said and heard is of another time. Numbers of words go on.
    pub(crate) fn begin_anew(&mut self) {
        self.expected.clear();
        self.newest = None;
        for neighbour in &mut self.all {
            (neighbour.said_at, neighbour.heard) = (None, None);
        }
    }

    /// Takes in who is expected by now, and says what is due.
    pub(crate) fn run_due(&mut self, now: Now, tracker: &mut Tracker, drops: &mut Drops) -> Vec<Output> {
        if self.all.is_empty() || !self.due.take(now.mono) {
            return Vec::new();
        }
        let Some(at) = self.newest.map(|newest| newest.min(now.utc)) else { return Vec::new() };
        self.let_in(at, tracker, drops);
        let mut tracks = tracker.tracks_at(at);
        // Hearsay stays here, or it would come back as evidence.
        let is_old = |track: &Track| at.seconds_since(track.since) >= YOUNGEST_S;
        tracks.retain(|track| track.sources != Sources::default() && track.existence >= WORTH_SAYING && is_old(track));
        let (site, boot) = (&self.site, self.boot);
        let words = self.all.iter_mut().filter_map(|to| to.word(at, &tracks, drops).map(|word| (to, word)));
        let word = |(to, tracks): (&mut Neighbour, Vec<Track>)| {
            let (site, sequence) = (site.clone(), to.sequence);
            let tracks = NeighbourTracks { site, boot, sequence, valid_at: at, tracks };
            Output::Neighbour { to: to.id.clone(), tracks }
        };
        words.map(word).collect()
    }

    /// Starts tracks on those who, by the last word on them, have come inside without any site's seeing it.
    fn let_in(&mut self, at: Utc, tracker: &mut Tracker, drops: &mut Drops) {
        self.expected.retain(|_, track| at.seconds_since(track.valid_at) <= AHEAD_S);
        let carried: Vec<Track> = self.expected.values().map(|track| carried(track, at)).collect();
        for (track, fate) in carried.iter().zip(tracker.handle_neighbours(&carried)) {
            if fate != NeighbourFate::OutsideBounds {
                self.expected.remove(&track.island);
                count(fate, drops);
            }
        }
    }

    /// Fuses a neighbour's word, or counts why not.
    pub(crate) fn hear(&mut self, now: Now, word: NeighbourTracks, tracker: &mut Tracker, drops: &mut Drops) {
        let Some(from) = self.all.iter_mut().find(|neighbour| neighbour.id == word.site) else {
            drops.count(DropCause::NeighbourUnknown);
            return;
        };
        let tracks = match from.fresh(now, word, drops) {
            Ok(tracks) => tracks,
            Err(cause) => {
                drops.count(cause);
                return;
            }
        };
        for (track, fate) in tracks.iter().zip(tracker.handle_neighbours(&tracks)) {
            self.expected.remove(&track.island);
            if fate != NeighbourFate::OutsideBounds {
                count(fate, drops);
            } else if self.expected.len() < MAX_EXPECTED {
                self.expected.insert(track.island, track.clone());
            } else {
                drops.count(DropCause::NeighbourQueueFull);
            }
        }
    }
}

impl Neighbour {
    /// Those of `tracks` that it tracks too or soon will; `None` if there are none, or nothing new is known
    /// of them.
    fn word(&mut self, at: Utc, tracks: &[Track], drops: &mut Drops) -> Option<Vec<Track>> {
        if self.said_at.is_some_and(|said| at.seconds_since(said) < LEAST_APART_S) {
            return None;
        }
        let away_m = |track: &&Track| (track.position - self.position).norm();
        let mut word: Vec<&Track> = tracks.iter().filter(|track| self.is_soon_at(track)).collect();
        if word.len() > MAX_WORD {
            word.sort_by(|a, b| away_m(a).total_cmp(&away_m(b)));
            drops.add(DropCause::NeighbourUnsent, (word.len() - MAX_WORD) as u64);
            word.truncate(MAX_WORD);
        }
        if word.is_empty() {
            return None;
        }
        self.said_at = Some(at);
        self.sequence += 1;
        Some(word.into_iter().cloned().collect())
    }

    /// Whether it is in what the neighbour tracks, or at its present velocity soon will be.
    fn is_soon_at(&self, track: &Track) -> bool {
        let (to, way) = (self.position - track.position, track.velocity * AHEAD_S);
        let along = (to.dot(&way) / way.norm_squared().max(1e-9)).clamp(0.0, 1.0);
        (to - way * along).norm() <= self.coverage_m + COVERAGE_MARGIN_M
    }

    /// What of a word is new and can be.
    fn fresh(&mut self, now: Now, word: NeighbourTracks, drops: &mut Drops) -> Result<Vec<Track>, DropCause> {
        let NeighbourTracks { boot, sequence, valid_at, mut tracks, .. } = word;
        let ahead_s = valid_at.seconds_since(now.utc);
        if ahead_s > AHEAD_OF_CLOCK_S {
            return Err(DropCause::NeighbourImplausible);
        }
        if ahead_s < -OLDEST_S {
            return Err(DropCause::NeighbourStale);
        }
        match &self.heard {
            Some(heard) if (heard.boot, heard.sequence) == (boot, sequence) => {
                if heard.valid_at != valid_at {
                    return Err(DropCause::NeighbourImplausible);
                }
            }
            Some(heard)
                if (heard.boot == boot && sequence < heard.sequence)
                    || valid_at.seconds_since(heard.valid_at) < LEAST_APART_S =>
            {
                return Err(DropCause::NeighbourStale);
            }
            _ => self.heard = Some(Heard { boot, sequence, valid_at, told: BTreeSet::new() }),
        }
        let Some(heard) = &mut self.heard else { return Ok(Vec::new()) };
        tracks.retain(|track| {
            let can_be = (track.position - self.position).norm() <= self.coverage_m + REACH_M;
            let cause = if track.valid_at != valid_at || !can_be {
                DropCause::NeighbourImplausible
            } else if heard.told.contains(&track.island) {
                DropCause::NeighbourDuplicate
            } else if heard.told.len() >= MAX_WORD {
                DropCause::NeighbourQueueFull
            } else {
                heard.told.insert(track.island);
                return true;
            };
            drops.count(cause);
            false
        });
        Ok(tracks)
    }
}

/// What became of a word, as far as it is a loss.
fn count(fate: NeighbourFate, drops: &mut Drops) {
    match fate {
        NeighbourFate::Unusable => drops.count(DropCause::NeighbourImplausible),
        NeighbourFate::TooLate => drops.count(DropCause::NeighbourStale),
        NeighbourFate::OverLimit => drops.count(DropCause::NeighbourQueueFull),
        // Somebody else's to track, or known here already.
        NeighbourFate::OutsideBounds | NeighbourFate::KeptSeparate | NeighbourFate::Merged | NeighbourFate::Adopted => {
        }
    }
}

/// The road user as it may be at `at`, not before its own time: constant velocity, with white-noise acceleration.
fn carried(track: &Track, at: Utc) -> Track {
    let dt = at.seconds_since(track.valid_at).max(0.0);
    let mut moved = Matrix4::identity();
    moved[(0, 2)] = dt;
    moved[(1, 3)] = dt;
    let mut covariance = moved * track.covariance * moved.transpose();
    let q = track.class.mean(UNSEEN_NOISE);
    for axis in 0..2 {
        covariance[(axis, axis)] += q * dt.powi(3) / 3.0;
        covariance[(axis, axis + 2)] += q * dt.powi(2) / 2.0;
        covariance[(axis + 2, axis)] += q * dt.powi(2) / 2.0;
        covariance[(axis + 2, axis + 2)] += q * dt;
    }
    Track { valid_at: track.valid_at.max(at), position: track.position_at(at), covariance, ..track.clone() }
}
