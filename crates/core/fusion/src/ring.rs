//! The recent past, kept so that what comes late can be put where it belongs.

use crate::population::Population;
use jxz_units::Utc;
use jxz_world::{Scan, Track, VehicleReport};
use std::collections::VecDeque;

/// Most events kept, whatever their age: with more, the reach into the past shortens.
const MAX_EVENTS: usize = 512;

/// Something that changed the tracks.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Scan {
        scan: Scan,
        sensor: usize,
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
            Self::Scan { scan, .. } => scan.valid_at,
            Self::Report(report) => report.valid_at,
            Self::Words { at, .. } => *at,
        }
    }
}

/// An event, and the population as it was just before.
#[derive(Debug)]
struct Entry {
    event: Event,
    before: Population,
}

/// Events in order of validity, with the newest last.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    entries: VecDeque<Entry>,
    spare: Vec<Population>,
}

impl Ring {
    /// Validity of the newest event.
    pub(crate) fn newest(&self) -> Option<Utc> {
        self.entries.back().map(|e| e.event.at())
    }

    /// Remembers an event with the population just before it; forgets what is older than `reach_s` before it.
    /// Gives the event back to look at.
    pub(crate) fn push(&mut self, event: Event, before: &Population, reach_s: f64) -> &Event {
        let horizon = event.at().plus_seconds(-reach_s);
        while self.entries.len() >= MAX_EVENTS || self.entries.front().is_some_and(|e| e.event.at() < horizon) {
            match self.entries.pop_front() {
                Some(old) => self.spare.push(old.before),
                None => break,
            }
        }
        self.spare.truncate(4);
        let mut kept = self.spare.pop().unwrap_or_default();
        kept.now = before.now;
        kept.tracks.clone_from(&before.tracks);
        &self.entries.push_back_mut(Entry { event, before: kept }).event
    }

    /// Takes back every event after `at`. Returns the population before the first of them, and the events in order;
    /// `None` if the past does not reach so far.
    pub(crate) fn rewind(&mut self, at: Utc) -> Option<(Population, Vec<Event>)> {
        let first = self.entries.partition_point(|e| e.event.at() <= at);
        let reaches = self.entries.get(first)?.before.now.is_none_or(|now| now <= at);
        if !reaches {
            return None;
        }
        let mut start = None;
        let mut events = Vec::new();
        for entry in self.entries.drain(first..) {
            start.get_or_insert(entry.before);
            events.push(entry.event);
        }
        start.map(|population| (population, events))
    }
}
