//! One brain takes the place of another: a new version of the program, beside the old one until it knows the same.
//!
//! The new brain was told for a while what the old one was told, and has said nothing. It knows the same road users by
//! other numbers. Where the old one stops it leaves what listeners know it by, and what takes longer to learn.

use crate::Edge;
use crate::broadcast::RepeatTable;
use jxz_hazard::Legacy;
use jxz_units::{Now, Utc};
use jxz_v2x::AirNumbers;
use jxz_world::Track;

/// What a brain leaves to its successor.
#[derive(Debug, Clone, PartialEq)]
pub struct Succession {
    /// The time that the tracks are for.
    pub at: Utc,
    /// The road users as they are known to others.
    pub tracks: Vec<Track>,
    /// The number that the next new track would have got.
    pub next_track: u64,
    /// What listeners know messages by.
    pub air: AirNumbers,
    /// Warnings alive, and what they rest on.
    pub hazards: Legacy,
}

impl Edge {
    /// What a brain that takes this one's place needs, from now on.
    #[must_use]
    pub fn succession(&self, now: Now) -> Succession {
        Succession {
            at: now.utc,
            tracks: self.tracker.tracks_at(now.utc),
            next_track: self.tracker.next_number(),
            air: self.encoder.air_numbers(),
            hazards: self.hazards.legacy(),
        }
    }

    /// From now on, what this brain says is said: at once, so that listeners wait no longer than ever, and then at its pace.
    /// Its records are numbered from here: none before was kept by anyone.
    pub(crate) fn succeed(&mut self, now: Now, theirs: Succession) {
        let names = self.tracker.succeed(theirs.at.min(now.utc), &theirs.tracks, theirs.next_track);
        self.hazards.succeed(&names, &theirs.hazards);
        self.encoder.take_over(&theirs.air);
        self.repeats = RepeatTable::default();
        self.record_sequence = 0;
        self.speak_at_once(now.mono);
    }
}
