//! Which records of a node have arrived: exactly once, in bounded memory.

use std::collections::{BTreeMap, VecDeque};

/// The record numbers of one boot that have arrived, as runs of neighbours (first → last).
#[derive(Debug, Clone, Default)]
struct Runs(BTreeMap<u64, u64>);

impl Runs {
    fn contains(&self, n: u64) -> bool {
        self.0.range(..=n).next_back().is_some_and(|(_, &last)| n <= last)
    }

    /// Adds a number that is not there; merges it with the runs it touches.
    fn insert(&mut self, n: u64) {
        let before = self.0.range(..n).next_back().map(|(&first, &last)| (first, last));
        let first = match before {
            Some((first, last)) if last.checked_add(1) == Some(n) => first,
            _ => n,
        };
        let last = n.checked_add(1).and_then(|next| self.0.remove(&next)).unwrap_or(n);
        self.0.insert(first, last);
    }

    /// Closes the lowest gap; returns how many numbers lay in it.
    fn close_lowest_gap(&mut self) -> u64 {
        let mut runs = self.0.iter();
        let (Some((&first, &last)), Some((&next_first, &next_last))) = (runs.next(), runs.next()) else { return 0 };
        self.0.remove(&next_first);
        self.0.insert(first, next_last);
        next_first - last - 1
    }

    /// Numbers between the lowest and the highest arrived that have not arrived.
    fn missing(&self) -> u64 {
        let firsts = self.0.keys().skip(1);
        let lasts = self.0.values();
        lasts.zip(firsts).map(|(last, next)| next - last - 1).sum()
    }
}

/// The records of one node that have arrived, by boot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// Boots, the one heard last at the back.
    boots: VecDeque<(u64, Runs)>,
    /// Numbers in gaps that were closed for want of room.
    given_up: u64,
}

impl Ledger {
    /// Notes a record's arrival; `false` if it had arrived before.
    pub(crate) fn insert(&mut self, boot: u64, sequence: u64, max_boots: usize, max_runs: usize) -> bool {
        let at = self.boots.iter().position(|(held, _)| *held == boot);
        let (_, mut runs) = at.and_then(|i| self.boots.remove(i)).unwrap_or_default();
        let new = !runs.contains(sequence);
        if new {
            runs.insert(sequence);
            while runs.0.len() > max_runs.max(1) {
                self.given_up += runs.close_lowest_gap();
            }
        }
        self.boots.push_back((boot, runs));
        while self.boots.len() > max_boots.max(1) {
            self.boots.pop_front();
        }
        new
    }

    /// Numbers known to have been given to records that have not arrived (yet), over the boots held.
    pub(crate) fn missing(&self) -> u64 {
        self.boots.iter().map(|(_, runs)| runs.missing()).sum::<u64>() + self.given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn contains(ledger: &Ledger, boot: u64, sequence: u64) -> bool {
        ledger.boots.iter().any(|(held, runs)| *held == boot && runs.contains(sequence))
    }

    /// A stream of numbers (Knuth's MMIX generator), enough to disorder a test.
    fn stream(seed: u64) -> impl Iterator<Item = u64> {
        let mut x = seed;
        std::iter::repeat_with(move || {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            x >> 33
        })
    }

    #[test]
    fn runs_agree_with_a_plain_set_in_any_order() {
        for seed in 0..20 {
            let (mut ledger, mut plain) = (Ledger::default(), BTreeSet::new());
            for n in stream(seed).map(|n| n % 300).take(400) {
                assert_eq!(ledger.insert(7, n, 4, 1_000), plain.insert(n), "seed {seed}, number {n}");
            }
            let span = plain.last().unwrap() - plain.first().unwrap() + 1;
            assert_eq!(ledger.missing(), span - plain.len() as u64);
            assert!((0..300).all(|n| contains(&ledger, 7, n) == plain.contains(&n)));
        }
    }

    #[test]
    fn a_boot_starts_its_own_numbers_and_old_boots_make_room() {
        let mut ledger = Ledger::default();
        for boot in 0..6 {
            assert!(ledger.insert(boot, 1, 4, 8));
            assert!(!ledger.insert(boot, 1, 4, 8));
        }
        assert_eq!(ledger.boots.len(), 4);
        assert!(contains(&ledger, 5, 1) && !contains(&ledger, 0, 1));
    }

    #[test]
    fn gaps_beyond_the_limit_are_given_up_from_below_and_stay_counted() {
        let mut ledger = Ledger::default();
        for n in (0..200).step_by(2) {
            assert!(ledger.insert(1, n, 4, 10));
        }
        assert_eq!(ledger.boots[0].1.0.len(), 10);
        assert_eq!(ledger.missing(), 99);
        assert!(!ledger.insert(1, 3, 4, 10), "in a closed gap");
        assert!(ledger.insert(1, 197, 4, 10), "in an open gap");
        assert!(ledger.insert(1, u64::MAX, 4, 10) && !ledger.insert(1, u64::MAX, 4, 10));
    }
}
