//! A bounded map that forgets what was used longest ago.

use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub(crate) struct Lru<K, V> {
    capacity: usize,
    clock: u64,
    entries: BTreeMap<K, (V, u64)>,
    by_use: BTreeMap<u64, K>,
}

impl<K: Ord + Copy, V> Lru<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), clock: 0, entries: BTreeMap::new(), by_use: BTreeMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Looks without counting it as a use.
    pub(crate) fn peek(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(value, _)| value)
    }

    /// Puts in, or uses what is there.
    pub(crate) fn put(&mut self, key: K, value: V) {
        self.clock += 1;
        if let Some((_, used)) = self.entries.insert(key, (value, self.clock)) {
            self.by_use.remove(&used);
        }
        self.by_use.insert(self.clock, key);
        if self.entries.len() > self.capacity
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let mut lru = Lru::new(2);
        lru.put(1, 'a');
        lru.put(2, 'b');
        lru.put(1, 'a');
        lru.put(3, 'c');
        assert_eq!((lru.peek(&1), lru.peek(&2), lru.peek(&3)), (Some(&'a'), None, Some(&'c')));
        assert_eq!((lru.len(), lru.by_use.len()), (2, 2));
    }
}
