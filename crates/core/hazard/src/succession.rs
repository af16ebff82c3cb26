//! What one site's hazards leave to those that take their place, so that a warning alive goes on as the same one.

use crate::Hazards;
use crate::ledger::EventKey;
use jxz_map::{LaneIx, LinkIx};
use jxz_units::Utc;
use jxz_world::{TrackId, Warning};
use std::collections::BTreeMap;

/// What is left. It holds for the same site on the same map.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Legacy {
    /// What takes longer to learn than a successor has watched.
    pub tracks: Vec<TrackLegacy>,
    /// The warnings alive.
    pub events: Vec<EventLegacy>,
    /// The links whose traffic is slow.
    pub jams: Vec<JamLegacy>,
    /// The number that each application's next warning gets, in the order of [`jxz_world::Application::ALL`]; `None`: it
    /// has raised none.
    pub next: Vec<Option<u32>>,
}

/// What is remembered of a track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackLegacy {
    /// Its number.
    pub track: TrackId,
    /// The number under which its events are known.
    pub event: TrackId,
    /// The fastest that it was ever seen, m/s.
    pub fastest_mps: f64,
    /// Since when it is slow.
    pub slow_since: Option<Utc>,
    /// Since when it drives against its lane.
    pub against_since: Option<Utc>,
    /// Since when it stands.
    pub standing_since: Option<Utc>,
    /// Whether traffic rules explain its standing.
    pub excused: bool,
    /// Whether it began beside a vehicle that was tracked already.
    pub began_beside: bool,
}

/// A warning alive, and what tells its event from others.
#[derive(Debug, Clone, PartialEq)]
pub struct EventLegacy {
    /// The event, in words that only its maker reads.
    pub key: [u64; 3],
    /// When it was last told of.
    pub sent_at: Utc,
    /// As it was last told.
    pub warning: Warning,
}

/// A link whose traffic is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JamLegacy {
    /// The link's place in the map.
    pub link: u32,
    /// Since when, and when it was last seen to be.
    pub times: (Utc, Utc),
}

impl Hazards {
    /// What a successor needs.
    #[must_use]
    pub fn legacy(&self) -> Legacy {
        Legacy {
            tracks: self.memory.legacy(),
            events: self.ledger.legacy(),
            jams: self.congestion.legacy(),
            next: self.ledger.next_numbers(),
        }
    }

    /// Takes the place of others that saw the same: their warnings alive are ours from now on, and what was raised here
    /// meanwhile is raised again if they have not. `names` gives for each track's former number the present one, which is
    /// theirs where both know the road user.
    pub fn succeed(&mut self, names: &BTreeMap<TrackId, TrackId>, legacy: &Legacy) {
        let events = self.memory.succeed(names, &legacy.tracks);
        self.encounters.rename(&events);
        self.congestion.succeed(&legacy.jams);
        self.ledger.succeed(&events, legacy, self.config.life.max_alive as usize);
    }
}

impl EventKey {
    pub(crate) fn to_words(self) -> [u64; 3] {
        match self {
            Self::Pair(a, b) => [0, a.0, b.0],
            Self::Track(track) => [1, track.0, 0],
            Self::Report(report) => [2, report, 0],
            Self::Lane(lane) => [3, lane.0.into(), 0],
            Self::Link(link) => [4, link.0.into(), 0],
            Self::Links(a, b) => [5, a.0.into(), b.0.into()],
        }
    }

    pub(crate) fn from_words(words: [u64; 3]) -> Option<Self> {
        let place = |word: u64| u32::try_from(word).ok();
        Some(match words {
            [0, a, b] => Self::Pair(TrackId(a), TrackId(b)),
            [1, track, 0] => Self::Track(TrackId(track)),
            [2, report, 0] => Self::Report(report),
            [3, lane, 0] => Self::Lane(LaneIx(place(lane)?)),
            [4, link, 0] => Self::Link(LinkIx(place(link)?)),
            [5, a, b] => Self::Links(LinkIx(place(a)?), LinkIx(place(b)?)),
            _ => return None,
        })
    }

    /// The same event with its tracks under other numbers; `None` if one of them has none.
    pub(crate) fn renamed(self, names: &BTreeMap<TrackId, TrackId>) -> Option<Self> {
        Some(match self {
            Self::Pair(a, b) => Self::pair(*names.get(&a)?, *names.get(&b)?),
            Self::Track(track) => Self::Track(*names.get(&track)?),
            Self::Report(_) | Self::Lane(_) | Self::Link(_) | Self::Links(..) => self,
        })
    }
}
