//! What to send next: records in order, a few at once, again from the first when one was not taken. A state machine
//! without sockets and clock.

use bytes::Bytes;
use core::time::Duration;
use jxz_units::Instant;
use std::collections::{BTreeSet, VecDeque};

/// Records on their way at once.
pub const MAX_IN_FLIGHT: usize = 32;
/// Bytes on their way at once, unless one record alone is more: a backlog must leave room for what is fresh.
pub const MAX_BYTES_IN_FLIGHT: usize = 64 << 10;
/// Pause before the cloud is asked again after it has not taken a record; doubles with each time.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Slot<K> {
    key: K,
    record: Bytes,
    on_its_way: bool,
}

/// Records on their way to the cloud, oldest first. `K` tells them apart.
#[derive(Debug)]
pub struct Outbox<K> {
    slots: VecDeque<Slot<K>>,
    keys: BTreeSet<K>,
    capacity: usize,
    in_flight: usize,
    bytes_in_flight: usize,
    /// Set while the outbox goes back: nothing leaves until nothing is on its way and this has come.
    back_at: Option<Instant>,
    pause: Duration,
}

impl<K: Copy + Ord> Outbox<K> {
    /// An outbox for this many records.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self {
            slots: VecDeque::new(),
            keys: BTreeSet::new(),
            capacity,
            in_flight: 0,
            bytes_in_flight: 0,
            back_at: None,
            pause: PAUSE_MIN,
        }
    }

    /// Takes a record on, behind all others. `None`: there is no room. `Some(false)`: one with its key is here already.
    pub fn push(&mut self, key: K, record: Bytes) -> Option<bool> {
        if self.keys.contains(&key) {
            return Some(false);
        }
        if self.slots.len() >= self.capacity {
            return None;
        }
        self.keys.insert(key);
        self.slots.push_back(Slot { key, record, on_its_way: false });
        Some(true)
    }

    /// The record to send now, if one may leave.
    pub fn next(&mut self, now: Instant) -> Option<(K, Bytes)> {
        if let Some(at) = self.back_at {
            if self.in_flight > 0 || now < at {
                return None;
            }
            self.back_at = None;
        }
        if self.in_flight >= MAX_IN_FLIGHT {
            return None;
        }
        // What is on its way is in front.
        let slot = self.slots.get_mut(self.in_flight)?;
        if self.in_flight > 0 && self.bytes_in_flight + slot.record.len() > MAX_BYTES_IN_FLIGHT {
            return None;
        }
        slot.on_its_way = true;
        self.in_flight += 1;
        self.bytes_in_flight += slot.record.len();
        Some((slot.key, slot.record.clone()))
    }

    /// When [`Outbox::next`] may have something though nothing has happened.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.back_at.filter(|_| self.in_flight == 0 && !self.slots.is_empty())
    }

    /// The cloud has answered: the record is done with. `false`: it is not here.
    pub fn answered(&mut self, key: K) -> bool {
        let Some(at) = self.slots.iter().position(|slot| slot.key == key) else { return false };
        if let Some(slot) = self.slots.remove(at) {
            self.keys.remove(&key);
            if slot.on_its_way {
                self.landed(slot.record.len());
            }
        }
        self.pause = PAUSE_MIN;
        true
    }

    /// The cloud has not taken the record, nor those behind it. Once nothing is on its way, and after a pause, all goes
    /// again from the first.
    pub fn not_taken(&mut self, now: Instant, key: K) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.key == key && slot.on_its_way) else { return };
        slot.on_its_way = false;
        let len = slot.record.len();
        self.landed(len);
        if self.back_at.is_none() {
            self.back_at = Some(now + self.pause);
            self.pause = (self.pause * 2).min(PAUSE_MAX);
        }
    }

    /// The connection has gone, and with it what was on its way.
    pub fn connection_lost(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.on_its_way = false);
        (self.in_flight, self.bytes_in_flight, self.back_at) = (0, 0, None);
    }

    /// How many records are here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    fn landed(&mut self, bytes: usize) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.bytes_in_flight = self.bytes_in_flight.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(n: u64, bytes: usize) -> Outbox<u64> {
        let mut outbox = Outbox::new(1000);
        (0..n).for_each(|key| assert_eq!(outbox.push(key, vec![0; bytes].into()), Some(true)));
        outbox
    }

    fn leaving(outbox: &mut Outbox<u64>, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| outbox.next(now)).map(|(key, _)| key).collect()
    }

    const T0: Instant = Instant::ZERO;

    #[test]
    fn records_leave_in_order_within_the_window() {
        let mut outbox = filled(100, 100);
        assert_eq!(leaving(&mut outbox, T0), (0..32).collect::<Vec<_>>());
        assert!(outbox.answered(1) && outbox.answered(0) && !outbox.answered(0));
        assert_eq!(leaving(&mut outbox, T0), [32, 33]);
        let mut large = filled(5, 40 << 10);
        assert_eq!(leaving(&mut large, T0), [0], "two would be more than the bytes allowed");
        let mut huge = filled(2, 200 << 10);
        assert_eq!(leaving(&mut huge, T0), [0], "one may always leave");
    }

    #[test]
    fn after_one_was_not_taken_all_go_again_from_it_once_the_others_have_landed() {
        let mut outbox = filled(5, 100);
        assert_eq!(leaving(&mut outbox, T0).len(), 5);
        outbox.answered(0);
        outbox.not_taken(T0, 1);
        let later = T0 + Duration::from_secs(1);
        assert_eq!((leaving(&mut outbox, later), outbox.next_deadline()), (vec![], None), "2 to 4 are on their way");
        outbox.answered(3);
        outbox.not_taken(later, 2);
        outbox.not_taken(later, 4);
        assert_eq!(outbox.next_deadline(), Some(T0 + PAUSE_MIN));
        assert_eq!(leaving(&mut outbox, later), [1, 2, 4]);
    }

    #[test]
    fn pauses_grow_while_nothing_is_taken() {
        let mut outbox = filled(1, 100);
        let mut now = T0;
        let mut pauses = Vec::new();
        for _ in 0..7 {
            assert_eq!(leaving(&mut outbox, now), [0]);
            outbox.not_taken(now, 0);
            let at = outbox.next_deadline().unwrap();
            pauses.push(at.since(now).as_millis());
            now = at;
        }
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn a_lost_connection_puts_everything_back_and_a_full_box_refuses() {
        let mut outbox = filled(3, 100);
        outbox.capacity = 3;
        assert_eq!((outbox.push(3, Bytes::new()), outbox.push(2, Bytes::new())), (None, Some(false)));
        assert_eq!(leaving(&mut outbox, T0), [0, 1, 2]);
        outbox.connection_lost();
        assert_eq!(leaving(&mut outbox, T0), [0, 1, 2]);
    }
}
