//! The recent past, kept so that what comes late can be put where it belongs.

use crate::population::Population;
use jxz_units::Utc;
use jxz_world::{Detection, Track, VehicleReport};
use std::collections::VecDeque;

/// Most events kept, whatever their age: with more, the reach into the past shortens.
const MAX_EVENTS: usize = 512;
/// The population is remembered at most this often, seconds: what came since is filtered again with what came late.
const SNAPSHOT_S: f64 = 0.04;
/// Cleared events kept for reuse.
const SPARE: usize = 16;

/// Something that changed the tracks.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Scan {
        sensor: usize,
        at: Utc,
        believed: bool,
        detections: Vec<Detection>,
    },
    Report(VehicleReport),
    /// A neighbour's words, all valid at one time.
    Words {
        at: Utc,
        words: Vec<Track>,
    },
}

impl Event {
    pub(crate) fn at(&self) -> Utc {
        match self {
            Self::Scan { at, .. } => *at,
            Self::Report(report) => report.valid_at,
            Self::Words { at, .. } => *at,
        }
    }
}

/// An event, and now and then the population as it was just before.
#[derive(Debug)]
struct Entry {
    event: Event,
    before: Option<Population>,
}

/// Events in order of validity, with the newest last.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    entries: VecDeque<Entry>,
    later: VecDeque<(Event, bool)>,
    spare: Vec<Population>,
    spare_detections: Vec<Vec<Detection>>,
    snapshot_at: Option<Utc>,
}

impl Ring {
    /// Validity of the newest event.
    pub(crate) fn newest(&self) -> Option<Utc> {
        self.entries.back().map(|e| e.event.at())
    }

    /// The populations remembered.
    pub(crate) fn remembered(&mut self) -> impl Iterator<Item = &mut Population> {
        self.entries.iter_mut().filter_map(|entry| entry.before.as_mut())
    }

    /// A scan's detections, copied into room used before.
    pub(crate) fn copy(&mut self, detections: &[Detection]) -> Vec<Detection> {
        let mut copy = self.spare_detections.pop().unwrap_or_default();
        copy.clear();
        copy.extend_from_slice(detections);
        copy
    }

    /// Remembers an event with the population just before it; forgets what is older than `reach_s` before it.
    /// Gives the event back to look at.
    pub(crate) fn push(&mut self, event: Event, before: &Population, reach_s: f64) -> &Event {
        let horizon = event.at().plus_seconds(-reach_s - SNAPSHOT_S);
        while self.entries.len() >= MAX_EVENTS || self.entries.front().is_some_and(|e| e.event.at() < horizon) {
            match self.entries.pop_front() {
                Some(old) => self.recycle(old),
                None => break,
            }
        }
        let due = self.snapshot_at.is_none_or(|last| event.at().seconds_since(last) >= SNAPSHOT_S);
        let before = (due || self.entries.is_empty()).then(|| {
            let mut kept = self.spare.pop().unwrap_or_default();
            kept.now = before.now;
            kept.tracks.clone_from(&before.tracks);
            kept
        });
        if before.is_some() {
            self.snapshot_at = Some(event.at());
        }
        &self.entries.push_back_mut(Entry { event, before }).event
    }

    /// Goes back to before `at`: puts the population as it was then into `population`, and everything from there on, with
    /// `event` in its place, into the list that [`Self::next_again`] gives. `false` if the past does not reach so far.
    pub(crate) fn rewind(&mut self, event: Event, population: &mut Population) -> bool {
        let at = event.at();
        let place = self.entries.partition_point(|e| e.event.at() <= at);
        let start = (0..=place.min(self.entries.len().saturating_sub(1)))
            .rev()
            .find(|&k| self.entries[k].before.as_ref().is_some_and(|p| p.now.is_none_or(|now| now <= at)));
        let Some(start) = start else {
            if let Event::Scan { detections, .. } = event {
                self.spare_detections.push(detections);
            }
            return false;
        };
        self.later.clear();
        let mut event = Some(event);
        for (k, entry) in (start..).zip(self.entries.drain(start..)) {
            if k == place {
                self.later.extend(event.take().map(|e| (e, true)));
            }
            if k == start
                && let Some(kept) = &entry.before
            {
                population.now = kept.now;
                population.tracks.clone_from(&kept.tracks);
            }
            self.spare.extend(entry.before);
            self.later.push_back((entry.event, false));
        }
        self.later.extend(event.map(|e| (e, true)));
        self.snapshot_at = self.entries.iter().rev().find(|e| e.before.is_some()).map(|e| e.event.at());
        true
    }

    /// The next event to be handled after a rewind, and whether it is the one that came late.
    pub(crate) fn next_again(&mut self) -> Option<(Event, bool)> {
        self.later.pop_front()
    }

    fn recycle(&mut self, entry: Entry) {
        if self.spare.len() < SPARE {
            self.spare.extend(entry.before);
        }
        if let Event::Scan { detections, .. } = entry.event
            && self.spare_detections.len() < SPARE
        {
            self.spare_detections.push(detections);
        }
    }
}
