//! How like a recording a replay from the middle of a boot is: whether its warnings come again.

use super::Told;
use jxz_edge::Output;
use jxz_units::Utc;
use jxz_world::{Application, RecordBody, Warning, WarningId};
use serde::Serialize;
use std::collections::BTreeMap;

/// The same event is raised within this of each other, seconds.
const WITHIN_S: f64 = 2.0;
/// And this near, metres.
const WITHIN_M: f64 = 15.0;
/// More warnings are not counted.
const MOST: usize = 100_000;

/// Warnings of the recording, and how many of them came again.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct Alike {
    pub(super) recorded: usize,
    pub(super) again: usize,
}

/// One event, by what does not depend on numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    application: Application,
    since: Utc,
    at: jxz_geo::Point,
}

impl Event {
    fn of(warning: &Warning) -> Self {
        Self { application: warning.application, since: warning.since, at: warning.place.at }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.application == other.application
            && self.since.seconds_since(other.since).abs() <= WITHIN_S
            && (self.at - other.at).norm() <= WITHIN_M
    }
}

/// Warnings as first told, by id.
#[derive(Debug, Default)]
pub(super) struct Likeness {
    recorded: BTreeMap<WarningId, Event>,
    replayed: BTreeMap<WarningId, Event>,
}

impl Likeness {
    pub(super) fn take(&mut self, told: &Told<'_>) {
        let (record, book) = match told {
            Told::Recorded(record) => (*record, &mut self.recorded),
            Told::Replayed(_, _, Output::Record(record)) => (record, &mut self.replayed),
            Told::Replayed(..) => return,
        };
        if let RecordBody::Warning(warning) = &record.body
            && book.len() < MOST
        {
            book.entry(warning.id).or_insert_with(|| Event::of(warning));
        }
    }

    /// How many there were, and how many came again.
    pub(super) fn count(&self) -> Alike {
        let again = |event: &&Event| self.replayed.values().any(|other| other.is_like(event));
        Alike { recorded: self.recorded.len(), again: self.recorded.values().filter(again).count() }
    }

    /// The replay's number of a recorded warning.
    pub(super) fn again(&self, id: WarningId) -> Option<WarningId> {
        let event = self.recorded.get(&id)?;
        self.replayed.iter().find(|(_, other)| other.is_like(event)).map(|(id, _)| *id)
    }

    /// The recorded warnings' ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = WarningId> + '_ {
        self.recorded.keys().copied()
    }
}
