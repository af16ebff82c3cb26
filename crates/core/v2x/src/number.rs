//! Small numbers that messages carry: counters and the numbers of tracks and events.

use core::ops::RangeInclusive;
use serde::{Deserialize, Serialize};

/// A message counter, 0..=127.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MsgCount(u8);

impl MsgCount {
    /// Any number, modulo 128.
    #[must_use]
    pub const fn new(n: u8) -> Self {
        Self(n % 128)
    }

    /// 0..=127.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// This count; the counter then stands at the next.
    pub const fn take(&mut self) -> Self {
        let taken = *self;
        self.0 = (self.0 + 1) % 128;
        taken
    }
}

/// Gives keys small numbers: a key keeps its number while it is used, and a number not used for longest goes first
/// to a new key. Allocates nothing after its making.
#[derive(Debug, Clone)]
pub(crate) struct NumberTable<K> {
    numbers: RangeInclusive<u8>,
    round: u64,
    /// Sorted by key; never more than there are numbers.
    owners: Vec<Owner<K>>,
}

#[derive(Debug, Clone, Copy)]
struct Owner<K> {
    key: K,
    number: u8,
    /// The round of its last use.
    used: u64,
}

impl<K: Ord + Copy> NumberTable<K> {
    pub(crate) fn new(numbers: RangeInclusive<u8>) -> Self {
        let owners = Vec::with_capacity(numbers.len());
        Self { numbers, round: 0, owners }
    }

    /// Begins a round with the keys that are alive in it: none of them loses its number to another in this round.
    pub(crate) fn begin(&mut self, alive: impl Iterator<Item = K>) {
        self.round += 1;
        for key in alive {
            if let Ok(at) = self.place(key) {
                self.owners[at].used = self.round;
            }
        }
    }

    /// The number of a key, a new one if it has none; `None` if every number is in use in this round.
    pub(crate) fn number(&mut self, key: K) -> Option<u8> {
        if let Ok(at) = self.place(key) {
            let owner = &mut self.owners[at];
            owner.used = self.round;
            return Some(owner.number);
        }
        let taken = self.owners.len();
        let number = if taken < self.numbers.len() {
            // Numbers leave the table only into another key's hands, so the first `taken` are out.
            self.numbers.clone().nth(taken)?
        } else {
            let (oldest, owner) = self.owners.iter().enumerate().min_by_key(|(_, owner)| owner.used)?;
            if owner.used == self.round {
                return None;
            }
            self.owners.remove(oldest).number
        };
        let at = self.place(key).unwrap_or_else(|at| at);
        self.owners.insert(at, Owner { key, number, used: self.round });
        Some(number)
    }

    /// Every key with its number, the longest unused first.
    pub(crate) fn given(&self) -> Vec<(K, u8)> {
        let mut owners: Vec<&Owner<K>> = self.owners.iter().collect();
        owners.sort_by_key(|owner| (owner.used, owner.number));
        owners.into_iter().map(|owner| (owner.key, owner.number)).collect()
    }

    /// Takes over the numbers that another table of the same range gave. `false`, and nothing changes, if no table could
    /// have given them: the first so many of the range, each to one key.
    pub(crate) fn take_over(&mut self, given: &[(K, u8)]) -> bool {
        let mut numbers: Vec<u8> = given.iter().map(|(_, number)| *number).collect();
        numbers.sort_unstable();
        let mut owners: Vec<Owner<K>> =
            given.iter().zip(1..).map(|((key, number), used)| Owner { key: *key, number: *number, used }).collect();
        owners.sort_by_key(|owner| owner.key);
        let once = owners.windows(2).all(|pair| pair[0].key < pair[1].key);
        if !once || !numbers.iter().copied().eq(self.numbers.clone().take(numbers.len())) {
            return false;
        }
        self.owners.clear();
        self.owners.append(&mut owners);
        self.round = given.len() as u64;
        true
    }

    fn place(&self, key: K) -> Result<usize, usize> {
        self.owners.binary_search_by_key(&key, |owner| owner.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(table: &mut NumberTable<u64>, keys: &[u64]) -> Vec<Option<u8>> {
        table.begin(keys.iter().copied());
        keys.iter().map(|key| table.number(*key)).collect()
    }

    #[test]
    fn numbers_stay_while_their_key_lives_and_the_oldest_is_reused_first() {
        let mut table = NumberTable::new(1..=3);
        assert_eq!(round(&mut table, &[10, 11]), [Some(1), Some(2)]);
        assert_eq!(round(&mut table, &[11, 12]), [Some(2), Some(3)], "11 keeps 2 though 10 is gone");
        assert_eq!(round(&mut table, &[12]), [Some(3)]);
        assert_eq!(round(&mut table, &[12, 13]), [Some(3), Some(1)], "10 was gone longest");
        assert_eq!(round(&mut table, &[14, 12, 13]), [Some(2), Some(3), Some(1)]);
        assert_eq!(round(&mut table, &[12, 13, 14, 15]), [Some(3), Some(1), Some(2), None], "all three are alive");
    }

    #[test]
    fn a_table_goes_on_in_another() {
        let mut table = NumberTable::new(1..=3);
        round(&mut table, &[10, 11, 12]);
        round(&mut table, &[11]);
        let mut next = NumberTable::new(1..=3);
        assert!(next.take_over(&table.given()));
        assert_eq!(round(&mut next, &[13, 14, 11]), round(&mut table, &[13, 14, 11]));
        for never in [&[(1, 2)][..], &[(1, 1), (2, 1)], &[(1, 1), (1, 2)], &[(1, 0)], &[(1, 1), (2, 2), (3, 3), (4, 4)]]
        {
            assert!(!next.take_over(never), "{never:?}");
        }
        assert_eq!(round(&mut next, &[11]), [Some(2)], "nothing has changed");
    }

    #[test]
    fn counters_wrap_at_128() {
        let mut count = MsgCount::new(255);
        assert_eq!((count.take().get(), count.take().get()), (127, 0));
    }
}
