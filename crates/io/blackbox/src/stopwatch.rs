//! The brain's stopwatch: its readings are in the node's health records, so they are words to the brain too.

use jxz_edge::Stopwatch;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a stopwatch has said since it was last asked.
#[derive(Debug, Clone, Default)]
pub struct Readings(Arc<Mutex<Vec<u64>>>);

impl Readings {
    /// Takes them.
    #[must_use]
    pub fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *lock(&self.0))
    }
}

struct Measured {
    inner: Box<dyn Stopwatch>,
    readings: Readings,
}

impl Stopwatch for Measured {
    fn now_ns(&mut self) -> u64 {
        let reading = self.inner.now_ns();
        lock(&self.readings.0).push(reading);
        reading
    }
}

/// A stopwatch that notes what `inner` says.
#[must_use]
pub fn measured(inner: Box<dyn Stopwatch>) -> (Box<dyn Stopwatch>, Readings) {
    let readings = Readings::default();
    (Box::new(Measured { inner, readings: readings.clone() }), readings)
}

/// A stopwatch that says again what was noted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Played(Arc<Mutex<Tape>>);

#[derive(Debug, Default)]
struct Tape {
    readings: VecDeque<u64>,
    last: u64,
    missing: u64,
}

impl Played {
    /// What is to be said during the next step; gives how often the step before asked for more or less than there was.
    pub(crate) fn load(&self, readings: Vec<u64>) -> u64 {
        let mut tape = lock(&self.0);
        let astray = std::mem::take(&mut tape.missing) + tape.readings.len() as u64;
        tape.readings = readings.into();
        astray
    }
}

impl Stopwatch for Played {
    fn now_ns(&mut self) -> u64 {
        let mut tape = lock(&self.0);
        match tape.readings.pop_front() {
            Some(reading) => tape.last = reading,
            None => tape.missing += 1,
        }
        tape.last
    }
}

/// Nobody panics while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first as it is, then each less the one before.
pub(crate) fn to_differences(readings: &[u64]) -> Vec<u64> {
    let before = std::iter::once(&0).chain(readings);
    readings.iter().zip(before).map(|(reading, before)| reading.wrapping_sub(*before)).collect()
}

pub(crate) fn from_differences(differences: &[u64]) -> Vec<u64> {
    let sum = |sum: &mut u64, difference: &u64| {
        *sum = sum.wrapping_add(*difference);
        Some(*sum)
    };
    differences.iter().scan(0, sum).collect()
}
