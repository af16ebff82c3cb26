//! Which message is verified next when there are more than can be.

use crate::hash::HashedId8;
use crate::job::Class;
use std::collections::{BTreeMap, VecDeque};

/// Bounds of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueConfig {
    /// Most messages of known certificates.
    pub known: usize,
    /// Most messages of new certificates.
    pub new: usize,
    /// Most messages of one known certificate.
    pub per_signer: usize,
}

impl Default for QueueConfig {
    /// 1,024 and 128, 16 a signer: a tenth of a second's work for two workers.
    fn default() -> Self {
        Self { known: 1_024, new: 128, per_signer: 16 }
    }
}

/// At least one in this many messages taken out is of a new certificate, if there is one.
const NEW_EVERY: u32 = 8;
/// Most messages of one new certificate.
const PER_NEW_SIGNER: usize = 2;

/// A bounded queue in front of the workers that verify. See the crate's README for why it is fair in this way.
///
/// - Messages of **known** certificates go first. Each signer has a lane; the lanes take turns. Within a lane the
///   newest and the oldest take turns, and when it is full the one in the middle goes: a flood in one signer's name
///   costs that signer, never another, and his own first and last messages still come through.
/// - Messages of **new** certificates go when no other waits, and one in eight in any case. The newest goes first, the
///   oldest is dropped: everybody can make fresh certificates that must be verified to be found false.
/// - When the lanes are full together, the longest one loses.
#[derive(Debug)]
pub struct VerifyQueue<T> {
    config: QueueConfig,
    lanes: BTreeMap<HashedId8, Lane<T>>,
    turns: VecDeque<HashedId8>,
    known: usize,
    new: VecDeque<(HashedId8, T)>,
    since_new: u32,
    dropped: u64,
}

#[derive(Debug)]
struct Lane<T> {
    items: VecDeque<T>,
    newest_next: bool,
}

impl<T> VerifyQueue<T> {
    /// An empty queue.
    #[must_use]
    pub fn new(config: QueueConfig) -> Self {
        let (lanes, turns, new) = (BTreeMap::new(), VecDeque::new(), VecDeque::new());
        Self { config, lanes, turns, known: 0, new, since_new: 0, dropped: 0 }
    }

    /// Puts a message in. What comes back found no room, this one or another: it is overload.
    pub fn push(&mut self, class: Class, signer: HashedId8, item: T) -> Option<T> {
        let dropped = match class {
            Class::Known => self.push_known(signer, item),
            Class::New => self.push_new(signer, item),
        };
        self.dropped += u64::from(dropped.is_some());
        dropped
    }

    fn push_known(&mut self, signer: HashedId8, item: T) -> Option<T> {
        let lane = self.lanes.entry(signer).or_insert_with(|| {
            self.turns.push_back(signer);
            Lane { items: VecDeque::new(), newest_next: true }
        });
        lane.items.push_back(item);
        self.known += 1;
        let own = lane.items.len();
        if own > self.config.per_signer {
            return self.drop_from(signer);
        }
        if self.known <= self.config.known {
            return None;
        }
        // Among equally long lanes the newcomer's: the others were first.
        let longest = self.lanes.iter().max_by_key(|(_, lane)| lane.items.len());
        let victim = longest.filter(|(_, lane)| lane.items.len() > own).map_or(signer, |(victim, _)| *victim);
        self.drop_from(victim)
    }

    /// Drops the middle of a lane; of two, the older.
    fn drop_from(&mut self, signer: HashedId8) -> Option<T> {
        let lane = self.lanes.get_mut(&signer)?;
        let dropped = lane.items.remove((lane.items.len() - 1) / 2);
        self.known -= usize::from(dropped.is_some());
        if lane.items.is_empty() {
            self.lanes.remove(&signer);
            self.turns.retain(|turn| *turn != signer);
        }
        dropped
    }

    fn push_new(&mut self, signer: HashedId8, item: T) -> Option<T> {
        let mut same = self.new.iter().enumerate().filter(|(_, (other, _))| *other == signer);
        let oldest = same.next().map(|(index, _)| index).filter(|_| same.count() + 1 >= PER_NEW_SIGNER);
        let dropped = oldest.and_then(|index| self.new.remove(index));
        self.new.push_back((signer, item));
        let dropped = dropped.or_else(|| if self.new.len() > self.config.new { self.new.pop_front() } else { None });
        dropped.map(|(_, item)| item)
    }

    /// Takes the next message out.
    pub fn pop(&mut self) -> Option<T> {
        if self.known == 0 || self.since_new + 1 >= NEW_EVERY {
            self.since_new = 0;
            if let Some((_, item)) = self.new.pop_back() {
                return Some(item);
            }
        }
        self.since_new += 1;
        let signer = self.turns.pop_front()?;
        let lane = self.lanes.get_mut(&signer)?;
        let item = if lane.newest_next { lane.items.pop_back() } else { lane.items.pop_front() };
        lane.newest_next = !lane.newest_next;
        self.known -= usize::from(item.is_some());
        if lane.items.is_empty() {
            self.lanes.remove(&signer);
        } else {
            self.turns.push_back(signer);
        }
        item
    }

    /// Messages waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known + self.new.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Messages that found no room so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}
