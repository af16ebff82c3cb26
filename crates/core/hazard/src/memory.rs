//! What is remembered of a track from round to round: its recent velocities, since when it stands, and its lanes.

use crate::actor::{MOVING_MPS, Placement};
use crate::succession::TrackLegacy;
use jxz_geo::{Point, Vector};
use jxz_units::Utc;
use jxz_world::{RoadUserClass, Track, TrackId};
use std::collections::{BTreeMap, VecDeque};

/// Velocities kept for each track, and of how many of them the speeds are looked at.
const SAMPLES: usize = 26;
const SPEEDS: usize = 12;
/// Window over which the acceleration is fitted, seconds.
const FIT_S: f64 = 0.9;
/// Window over which a drop of speed is looked for, seconds.
const DROP_S: f64 = 1.2;
/// Which of the velocities tell how it moved before it moved otherwise, seconds ago.
const STEADY_S: (f64, f64) = (0.8, 2.5);
/// So many of them at least say how steady a track was.
const STEADY_LEAST: usize = 8;
/// A track begins to stand below the first speed and drives again above the second, m/s.
const STANDING_MPS: (f64, f64) = (0.6, 1.2);
/// A track not seen for this long is forgotten, seconds.
const FORGET_S: f64 = 2.0;
/// Most tracks remembered; the site's fusion has fewer.
const MAX_TRACKS: usize = 2048;

/// A new track this near to where one that is gone would be now is the same road user, metres, and as much more for each
/// second that it is gone.
const SAME_M: f64 = 1.5;
/// Their velocities differ by less than this, m/s.
const SAME_MPS: f64 = 3.0;

/// Beside a vehicle is who is this near to its outline, metres; and older is what began so much earlier, seconds.
const BESIDE_M: f64 = 3.0;
const OLDER_S: f64 = 0.5;
/// Length and width of a vehicle that is not measured, metres.
const USUAL_M: (f64, f64) = (4.6, 1.85);

/// How a track moved lately.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Motion {
    /// The number under which its events are known.
    pub(crate) event: TrackId,
    /// The fastest that it was ever seen, m/s.
    pub(crate) fastest_mps: f64,
    /// Acceleration along its course, m/s²; zero while it cannot be told from noise.
    pub(crate) acceleration_mps2: f64,
    /// For how long it has been standing, seconds.
    pub(crate) standing_s: Option<f64>,
    /// Whether it began beside a vehicle that was tracked already.
    pub(crate) began_beside: bool,
}

/// How a track moved at one time of validity.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Utc,
    velocity: Vector,
    speed_mps: f64,
}

#[derive(Debug, Clone)]
struct TrackMemory {
    /// The number under which its events are known: its own, or that of the track it continues.
    event: TrackId,
    seen_at: Utc,
    at: Point,
    velocity: Vector,
    class: RoadUserClass,
    /// The fastest that it was ever seen, m/s.
    fastest_mps: f64,
    /// Since when it is slow, and since when it drives against its lane.
    slow_since: Option<Utc>,
    against_since: Option<Utc>,
    /// Newest last.
    samples: VecDeque<Sample>,
    standing_since: Option<Utc>,
    /// Traffic rules explained its standing in the last round.
    excused: bool,
    began_beside: bool,
    placements: Vec<Placement>,
}

/// The memory of a site.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    tracks: BTreeMap<TrackId, TrackMemory>,
    /// The tracks of this round, sorted.
    present: Vec<TrackId>,
}

impl Memory {
    /// Begins a round with these tracks.
    pub(crate) fn begin(&mut self, tracks: &[Track]) {
        self.present.clear();
        self.present.extend(tracks.iter().map(|track| track.id));
        self.present.sort_unstable();
    }

    /// The track that is gone and of which a new one is the continuation, by place, velocity and class.
    fn continued(&self, at: Utc, track: &Track) -> Option<TrackId> {
        let mut best: Option<(f64, TrackId)> = None;
        for (id, gone) in self.tracks.iter().filter(|(id, _)| self.present.binary_search(id).is_err()) {
            let gone_s = at.seconds_since(gone.seen_at).abs();
            let away_m = (gone.at + gone.velocity * gone_s - track.position).norm();
            let alike = gone.class == track.class.best().0 && (gone.velocity - track.velocity).norm() < SAME_MPS;
            if alike && away_m < SAME_M * (1.0 + gone_s) && best.is_none_or(|(least, _)| away_m < least) {
                best = Some((away_m, *id));
            }
        }
        best.map(|(_, id)| id)
    }

    /// Takes in a track's newest state, among all of the round; returns how it moved lately.
    pub(crate) fn observe(&mut self, at: Utc, track: &Track, all: &[Track]) -> Motion {
        if !self.tracks.contains_key(&track.id) {
            if let Some(mut known) = self.continued(at, track).and_then(|id| self.tracks.remove(&id)) {
                known.samples.clear();
                self.tracks.insert(track.id, known);
            } else if self.tracks.len() >= MAX_TRACKS {
                return Motion {
                    event: track.id,
                    fastest_mps: 0.0,
                    acceleration_mps2: 0.0,
                    standing_s: None,
                    began_beside: false,
                };
            }
        }
        let memory = self.tracks.entry(track.id).or_insert_with(|| TrackMemory {
            event: track.id,
            seen_at: at,
            at: track.position,
            velocity: track.velocity,
            class: track.class.best().0,
            fastest_mps: 0.0,
            slow_since: None,
            against_since: None,
            samples: VecDeque::with_capacity(SAMPLES),
            standing_since: None,
            excused: false,
            began_beside: begins_beside(track, all),
            placements: Vec::new(),
        });
        (memory.at, memory.velocity, memory.class) = (track.position, track.velocity, track.class.best().0);
        memory.seen_at = at;
        let speed = track.speed_mps();
        memory.fastest_mps = memory.fastest_mps.max(speed);
        if memory.samples.back().is_none_or(|last| track.valid_at > last.at) {
            if memory.samples.len() == SAMPLES {
                memory.samples.pop_front();
            }
            memory.samples.push_back(Sample { at: track.valid_at, velocity: track.velocity, speed_mps: speed });
        }
        memory.standing_since = match memory.standing_since {
            Some(since) if speed <= STANDING_MPS.1 => Some(since),
            None if speed < STANDING_MPS.0 => Some(track.valid_at),
            _ => None,
        };
        Motion {
            event: memory.event,
            fastest_mps: memory.fastest_mps,
            acceleration_mps2: acceleration(&memory.samples),
            standing_s: memory.standing_since.map(|since| at.seconds_since(since).max(0.0)),
            began_beside: memory.began_beside,
        }
    }

    /// Where the track was placed in the last round.
    pub(crate) fn placements(&self, track: TrackId) -> &[Placement] {
        self.tracks.get(&track).map_or(&[], |m| &m.placements)
    }

    /// Remembers where the track is placed now.
    pub(crate) fn place(&mut self, track: TrackId, placements: &[Placement]) {
        if let Some(memory) = self.tracks.get_mut(&track) {
            memory.placements.clear();
            memory.placements.extend_from_slice(placements);
        }
    }

    /// Whether traffic rules explained the track's standing in the last round.
    pub(crate) fn excused(&self, track: TrackId) -> bool {
        self.tracks.get(&track).is_some_and(|m| m.excused)
    }

    /// Remembers whether traffic rules explain the track's standing.
    pub(crate) fn excuse(&mut self, track: TrackId, excused: bool) {
        if let Some(memory) = self.tracks.get_mut(&track) {
            memory.excused = excused;
        }
    }

    /// For how long a track has been slow, seconds.
    pub(crate) fn slow_s(&mut self, at: Utc, track: TrackId, slow: bool) -> f64 {
        self.tracks.get_mut(&track).map_or(0.0, |m| lasting_s(&mut m.slow_since, at, slow))
    }

    /// For how long a track has been driving against its lane, seconds.
    pub(crate) fn against_s(&mut self, at: Utc, track: TrackId, against: bool) -> f64 {
        self.tracks.get_mut(&track).map_or(0.0, |m| lasting_s(&mut m.against_since, at, against))
    }

    /// What a successor needs to know of each track.
    pub(crate) fn legacy(&self) -> Vec<TrackLegacy> {
        let of = |(track, known): (&TrackId, &TrackMemory)| TrackLegacy {
            track: *track,
            event: known.event,
            fastest_mps: known.fastest_mps,
            slow_since: known.slow_since,
            against_since: known.against_since,
            standing_since: known.standing_since,
            excused: known.excused,
            began_beside: known.began_beside,
        };
        self.tracks.iter().map(of).collect()
    }

    /// Knows tracks by other numbers from now on, and of each what `theirs` says. Gives for the numbers under which events
    /// were known those under which they are known now.
    pub(crate) fn succeed(
        &mut self,
        names: &BTreeMap<TrackId, TrackId>,
        theirs: &[TrackLegacy],
    ) -> BTreeMap<TrackId, TrackId> {
        let theirs: BTreeMap<TrackId, &TrackLegacy> = theirs.iter().map(|known| (known.track, known)).collect();
        let mut events = BTreeMap::new();
        for (before, mut known) in std::mem::take(&mut self.tracks) {
            let Some(now) = names.get(&before).copied() else { continue };
            let event = known.event;
            known.event = now;
            if let Some(more) = theirs.get(&now) {
                known.event = more.event;
                known.fastest_mps = known.fastest_mps.max(more.fastest_mps);
                known.slow_since = known.slow_since.and(more.slow_since).or(known.slow_since);
                known.against_since = known.against_since.and(more.against_since).or(known.against_since);
                known.standing_since = known.standing_since.and(more.standing_since).or(known.standing_since);
                known.excused = more.excused;
                known.began_beside = more.began_beside;
            }
            events.insert(event, known.event);
            self.tracks.insert(now, known);
        }
        events
    }

    /// Forgets tracks that are gone.
    pub(crate) fn forget(&mut self, at: Utc) {
        self.tracks.retain(|_, m| at.seconds_since(m.seen_at).abs() < FORGET_S);
    }

    /// The mean and the spread of a track's velocity along a unit direction, m/s, until shortly before now: by how much an
    /// estimate of it errs from one moment to the next. `None` before it is known for long enough.
    pub(crate) fn steady_mps(&self, track: TrackId, along: Vector) -> Option<(f64, f64)> {
        let samples = &self.tracks.get(&track)?.samples;
        let now = samples.back()?.at;
        let before = || {
            let steady = |of: &&Sample| (STEADY_S.0..=STEADY_S.1).contains(&now.seconds_since(of.at));
            samples.iter().filter(steady).map(|of| of.velocity.dot(&along))
        };
        let n = before().count();
        if n < STEADY_LEAST {
            return None;
        }
        let mean = before().sum::<f64>() / n as f64;
        let square = before().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1) as f64;
        Some((mean, square.sqrt()))
    }

    /// How much speed a track lost within about a second, m/s; zero if it lost none.
    pub(crate) fn speed_drop_mps(&self, track: TrackId) -> f64 {
        let Some(memory) = self.tracks.get(&track) else { return 0.0 };
        let Some(now) = memory.samples.back() else { return 0.0 };
        let recent = speeds(&memory.samples).filter(|of| now.at.seconds_since(of.at) <= DROP_S);
        (recent.map(|of| of.speed_mps).fold(now.speed_mps, f64::max) - now.speed_mps).max(0.0)
    }
}

/// Whether a new track is beside a vehicle that is tracked for longer and moves: it is queues that set off that leave
/// tracks of nobody behind. The parts of one that stands are where it stands.
fn begins_beside(track: &Track, all: &[Track]) -> bool {
    all.iter().any(|other| {
        let older = track.since.seconds_since(other.since) >= OLDER_S;
        let moves = other.velocity.norm() >= MOVING_MPS;
        older && moves && other.class.best().0 == RoadUserClass::Motor && {
            let (length_m, width_m) = other.extent_m.unwrap_or(USUAL_M);
            let heading = other.heading.map(|heading| Vector::new(libm::sin(heading.rad()), libm::cos(heading.rad())));
            let forward = heading.or_else(|| other.velocity.try_normalize(0.5));
            let apart = track.position - other.position;
            let (along_m, aside_m) =
                forward.map_or((apart.norm(), 0.0), |d| (d.dot(&apart).abs(), d.perp(&apart).abs()));
            libm::hypot((along_m - 0.5 * length_m).max(0.0), (aside_m - 0.5 * width_m).max(0.0)) <= BESIDE_M
        }
    })
}

/// For how long something has been so, seconds.
fn lasting_s(since: &mut Option<Utc>, at: Utc, is_so: bool) -> f64 {
    *since = is_so.then(|| since.unwrap_or(at));
    since.map_or(0.0, |since| at.seconds_since(since).max(0.0))
}

/// Those whose speeds are looked at, oldest first.
fn speeds(samples: &VecDeque<Sample>) -> impl Iterator<Item = &Sample> {
    samples.range(samples.len().saturating_sub(SPEEDS)..)
}

/// The slope of a straight line through the recent speeds; zero for too few of them.
fn acceleration(samples: &VecDeque<Sample>) -> f64 {
    let Some(newest) = samples.back().map(|newest| newest.at) else { return 0.0 };
    let times = || speeds(samples).map(|of| (of.at.seconds_since(newest), of.speed_mps));
    let recent = || times().filter(|(t, _)| *t >= -FIT_S);
    let n = recent().count() as f64;
    if n < 4.0 {
        return 0.0;
    }
    let (sum_t, sum_v) = recent().fold((0.0, 0.0), |(t, v), (ti, vi)| (t + ti, v + vi));
    let (mean_t, mean_v) = (sum_t / n, sum_v / n);
    let (above, below) =
        recent().fold((0.0, 0.0), |(a, b), (t, v)| (a + (t - mean_t) * (v - mean_v), b + (t - mean_t) * (t - mean_t)));
    // Less than 0.15 s² of spread is less than half a second of history: noise would win.
    if below < 0.15 { 0.0 } else { (above / below).clamp(-12.0, 6.0) }
}
