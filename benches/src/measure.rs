//! Times of short operations: medians of thread time, taken in turns, so that a busy neighbour disturbs all alike and
//! the median not at all.

use rustix::time::{ClockId, clock_gettime};

/// A batch lasts about so long: far longer than reading the clock takes, far shorter than a scheduler's turn.
const BATCH_NS: f64 = 1e6;

/// Something short to be timed.
pub trait Operation {
    /// Gets the next `calls` calls ready; not timed.
    fn prepare(&mut self, _calls: usize) {}

    /// Does it so many times over.
    fn run(&mut self, calls: usize);
}

impl<F: FnMut()> Operation for F {
    fn run(&mut self, calls: usize) {
        for _ in 0..calls {
            self();
        }
    }
}

/// Nanoseconds of this thread's time that one call of each operation takes: the median of `rounds` batches.
pub fn medians_ns<const N: usize>(mut operations: [&mut dyn Operation; N], rounds: usize) -> [f64; N] {
    let calls = operations.each_mut().map(|operation| calls_a_batch(&mut **operation));
    let mut times = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for ((operation, calls), times) in operations.iter_mut().zip(calls).zip(&mut times) {
            times.push(batch_ns(&mut **operation, calls) / calls as f64);
        }
    }
    times.map(median)
}

/// Warms up, too.
fn calls_a_batch(operation: &mut dyn Operation) -> usize {
    let mut calls = 1;
    loop {
        let ns = batch_ns(operation, calls);
        if ns >= BATCH_NS / 2.0 {
            return ((calls as f64 * BATCH_NS / ns).ceil() as usize).max(1);
        }
        calls *= 2;
    }
}

fn batch_ns(operation: &mut dyn Operation, calls: usize) -> f64 {
    operation.prepare(calls);
    let begun = thread_ns();
    operation.run(calls);
    thread_ns() - begun
}

/// This thread's time so far, nanoseconds.
#[must_use]
pub fn thread_ns() -> f64 {
    clock_ns(ClockId::ThreadCPUTime)
}

/// The time of all this process's threads so far, nanoseconds: on a machine that others use, too, it tells more than the
/// clock on the wall.
#[must_use]
pub fn process_ns() -> f64 {
    clock_ns(ClockId::ProcessCPUTime)
}

fn clock_ns(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// The nearest-rank percentile, `percent` from 0 to 100; not a number when there are no values.
#[must_use]
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_values_that_were_there() {
        let values: Vec<f64> = (1..=400).rev().map(f64::from).collect();
        assert_eq!([50, 99, 100, 0].map(|p| percentile(&values, p)), [200.0, 396.0, 400.0, 1.0]);
        assert!(percentile(&[], 50).is_nan());
    }
}
