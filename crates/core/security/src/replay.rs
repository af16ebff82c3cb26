//! What has been accepted within the time window, so that it is not accepted twice.

use crate::hash::{Hash, HashedId8};
use jxz_units::{Instant, Now};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long the horizon holds after it last moved: long enough for a clock that is set back a little to catch up,
/// short enough that a clock which once ran far ahead does not shut everybody out.
const HORIZON_HOLDS: Duration = Duration::from_secs(60);

/// One accepted message, ordered by its generation time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) generation_us: u64,
    pub(crate) signer: HashedId8,
    /// Half of the hash of what was signed: payload, application id and generation time.
    message: [u8; 16],
}

impl Seen {
    pub(crate) fn new(generation_us: u64, signer: HashedId8, tbs_hash: &Hash) -> Self {
        let mut message = [0; 16];
        message.copy_from_slice(&tbs_hash[..16]);
        Self { generation_us, signer, message }
    }
}

/// Bounded memory of accepted messages. What it forgets, by age or for want of room, it forgets in the order of
/// generation times, and it remembers how far: anything up to that horizon is too old. So when it is full the time
/// window shrinks, and no replay gets in.
#[derive(Debug, Clone)]
pub(crate) struct ReplayMemory {
    capacity: usize,
    seen: BTreeSet<Seen>,
    horizon: Option<(u64, Instant)>,
}

impl ReplayMemory {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), seen: BTreeSet::new(), horizon: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.seen.len()
    }

    pub(crate) fn contains(&self, seen: &Seen) -> bool {
        self.seen.contains(seen)
    }

    pub(crate) fn is_beyond_horizon(&self, generation_us: u64, now: Now) -> bool {
        self.horizon.is_some_and(|(horizon, moved)| generation_us <= horizon && now.mono.since(moved) < HORIZON_HOLDS)
    }

    /// Forgets what is older than `oldest_us`.
    pub(crate) fn forget_before(&mut self, oldest_us: u64, now: Now) {
        while self.seen.first().is_some_and(|seen| seen.generation_us < oldest_us) {
            self.forget_first(now);
        }
    }

    /// Whether it is new; it is remembered then.
    pub(crate) fn insert(&mut self, seen: Seen, now: Now) -> bool {
        let is_new = self.seen.insert(seen);
        if self.seen.len() > self.capacity {
            self.forget_first(now);
        }
        is_new
    }

    fn forget_first(&mut self, now: Now) {
        let Some(first) = self.seen.pop_first() else { return };
        let held = self.horizon.filter(|(_, moved)| now.mono.since(*moved) < HORIZON_HOLDS);
        let horizon = held.map_or(first.generation_us, |(horizon, _)| horizon.max(first.generation_us));
        self.horizon = Some((horizon, now.mono));
    }
}
