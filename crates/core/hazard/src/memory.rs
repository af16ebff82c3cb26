//! What is remembered of a track from round to round: its recent speeds, since when it stands, and its lanes.

use crate::actor::Placement;
use jxz_units::Utc;
use jxz_world::{Track, TrackId};
use std::collections::BTreeMap;

/// Speeds kept for each track.
const SAMPLES: usize = 12;
/// Window over which the acceleration is fitted, seconds.
const FIT_S: f64 = 0.9;
/// Window over which a drop of speed is looked for, seconds.
const DROP_S: f64 = 1.2;
/// A track begins to stand below the first speed and drives again above the second, m/s.
const STANDING_MPS: (f64, f64) = (0.6, 1.2);
/// A track not seen for this long is forgotten, seconds.
const FORGET_S: f64 = 2.0;
/// Most tracks remembered; the site's fusion has fewer.
const MAX_TRACKS: usize = 2048;

/// How a track moved lately.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Motion {
    /// Acceleration along its course, m/s²; zero while it cannot be told from noise.
    pub(crate) acceleration_mps2: f64,
    /// For how long it has been standing, seconds.
    pub(crate) standing_s: Option<f64>,
}

#[derive(Debug, Clone)]
struct TrackMemory {
    seen_at: Utc,
    /// (time of validity, speed), newest last.
    speeds: Vec<(Utc, f64)>,
    standing_since: Option<Utc>,
    /// Traffic rules explained its standing in the last round.
    excused: bool,
    placements: Vec<Placement>,
}

/// The memory of a site.
#[derive(Debug, Default)]
pub(crate) struct Memory(BTreeMap<TrackId, TrackMemory>);

impl Memory {
    /// Takes in a track's newest state; returns how it moved lately.
    pub(crate) fn observe(&mut self, at: Utc, track: &Track) -> Motion {
        let full = self.0.len() >= MAX_TRACKS;
        if full && !self.0.contains_key(&track.id) {
            return Motion::default();
        }
        let memory = self.0.entry(track.id).or_insert_with(|| TrackMemory {
            seen_at: at,
            speeds: Vec::with_capacity(SAMPLES),
            standing_since: None,
            excused: false,
            placements: Vec::new(),
        });
        memory.seen_at = at;
        let speed = track.speed_mps();
        if memory.speeds.last().is_none_or(|(t, _)| track.valid_at > *t) {
            if memory.speeds.len() == SAMPLES {
                memory.speeds.remove(0);
            }
            memory.speeds.push((track.valid_at, speed));
        }
        memory.standing_since = match memory.standing_since {
            Some(since) if speed <= STANDING_MPS.1 => Some(since),
            None if speed < STANDING_MPS.0 => Some(track.valid_at),
            _ => None,
        };
        Motion {
            acceleration_mps2: acceleration(&memory.speeds),
            standing_s: memory.standing_since.map(|since| at.seconds_since(since).max(0.0)),
        }
    }

    /// Where the track was placed in the last round.
    pub(crate) fn placements(&self, track: TrackId) -> &[Placement] {
        self.0.get(&track).map_or(&[], |m| &m.placements)
    }

    /// Remembers where the track is placed now.
    pub(crate) fn place(&mut self, track: TrackId, placements: &[Placement]) {
        if let Some(memory) = self.0.get_mut(&track) {
            memory.placements.clear();
            memory.placements.extend_from_slice(placements);
        }
    }

    /// Whether traffic rules explained the track's standing in the last round.
    pub(crate) fn excused(&self, track: TrackId) -> bool {
        self.0.get(&track).is_some_and(|m| m.excused)
    }

    /// Remembers whether traffic rules explain the track's standing.
    pub(crate) fn excuse(&mut self, track: TrackId, excused: bool) {
        if let Some(memory) = self.0.get_mut(&track) {
            memory.excused = excused;
        }
    }

    /// Forgets tracks that are gone.
    pub(crate) fn forget(&mut self, at: Utc) {
        self.0.retain(|_, m| at.seconds_since(m.seen_at).abs() < FORGET_S);
    }

    /// How much speed a track lost within about a second, m/s; zero if it lost none.
    pub(crate) fn speed_drop_mps(&self, track: TrackId) -> f64 {
        let Some(memory) = self.0.get(&track) else { return 0.0 };
        let Some((now, speed)) = memory.speeds.last() else { return 0.0 };
        let recent = memory.speeds.iter().filter(|(t, _)| now.seconds_since(*t) <= DROP_S);
        (recent.map(|(_, v)| *v).fold(*speed, f64::max) - speed).max(0.0)
    }
}

/// The slope of a straight line through the recent speeds; zero for too few of them.
fn acceleration(speeds: &[(Utc, f64)]) -> f64 {
    let Some((newest, _)) = speeds.last() else { return 0.0 };
    let recent = || speeds.iter().map(|(t, v)| (t.seconds_since(*newest), *v)).filter(|(t, _)| *t >= -FIT_S);
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
