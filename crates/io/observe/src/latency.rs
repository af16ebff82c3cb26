//! Latency by stage.

use hdrhistogram::Histogram;
use jxz_world::{LatencyStage, StageLatency};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Everything slower counts as this slow, microseconds.
const MAX_US: u64 = 60_000_000;
/// Decimal digits that a percentile is good to.
const DIGITS: u8 = 3;

/// One histogram a stage, from one microsecond to one minute, good to three digits. Shared by reference.
pub struct Latencies {
    stages: Vec<(LatencyStage, Mutex<Histogram<u64>>)>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl Latencies {
    /// Nothing measured yet.
    ///
    /// # Panics
    /// Never: the bounds are constants that the histogram accepts.
    #[must_use]
    pub fn new() -> Self {
        let histogram = || Histogram::new_with_bounds(1, MAX_US, DIGITS).expect("constant bounds are valid");
        Self { stages: LatencyStage::ALL.into_iter().map(|stage| (stage, Mutex::new(histogram()))).collect() }
    }

    /// Adds one measurement.
    pub fn record(&self, stage: LatencyStage, took: Duration) {
        if let Some(mut histogram) = self.histogram(stage) {
            // Rounded to the nearest microsecond; what takes less counts as one.
            let us = u64::try_from((took.as_nanos() + 500) / 1000).unwrap_or(u64::MAX);
            histogram.saturating_record(us.clamp(1, MAX_US));
        }
    }

    /// Starts a measurement that ends when the timer is dropped.
    pub fn time(&self, stage: LatencyStage) -> StageTimer<'_> {
        StageTimer { latencies: self, stage, started: Some(Instant::now()) }
    }

    /// The percentiles of every stage with a measurement, in the stages' order.
    #[must_use]
    pub fn snapshot(&self) -> Vec<StageLatency> {
        let ms = |us: u64| us as f64 * 1e-3;
        LatencyStage::ALL
            .into_iter()
            .filter_map(|stage| {
                let histogram = self.histogram(stage).filter(|histogram| !histogram.is_empty())?;
                Some(StageLatency {
                    stage,
                    p50_ms: ms(histogram.value_at_quantile(0.5)),
                    p99_ms: ms(histogram.value_at_quantile(0.99)),
                    count: histogram.len(),
                })
            })
            .collect()
    }

    /// Adds the measurements of another.
    pub fn merge(&self, other: &Self) {
        for stage in LatencyStage::ALL {
            // A copy first: two locks at once could wait for each other.
            let theirs = other.histogram(stage).map(|histogram| histogram.clone());
            if let (Some(mut ours), Some(theirs)) = (self.histogram(stage), theirs) {
                // It fails only for values beyond the bounds, which are the same.
                let _ = ours.add(&theirs);
            }
        }
    }

    fn histogram(&self, stage: LatencyStage) -> Option<MutexGuard<'_, Histogram<u64>>> {
        let (_, histogram) = self.stages.iter().find(|(known, _)| *known == stage)?;
        Some(histogram.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A running measurement; recorded when dropped.
#[must_use = "a timer that is dropped at once measures nothing"]
pub struct StageTimer<'a> {
    latencies: &'a Latencies,
    stage: LatencyStage,
    started: Option<Instant>,
}

impl StageTimer<'_> {
    /// Ends it without recording it.
    pub fn discard(mut self) {
        self.started = None;
    }
}

impl Drop for StageTimer<'_> {
    fn drop(&mut self) {
        if let Some(started) = self.started {
            self.latencies.record(self.stage, started.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_known_distribution() {
        // 1, 2, ..., 1000 ms: by the nearest-rank definition the median is 500 ms and the 99th percentile 990 ms.
        let latencies = Latencies::new();
        for ms in 1..=1000 {
            latencies.record(LatencyStage::Fuse, Duration::from_millis(ms));
        }
        let snapshot = latencies.snapshot();
        assert_eq!(snapshot.len(), 1, "stages without a measurement are not shown as zero");
        assert_eq!((snapshot[0].stage, snapshot[0].count), (LatencyStage::Fuse, 1000));
        assert!((snapshot[0].p50_ms - 500.0).abs() <= 0.5, "{}", snapshot[0].p50_ms);
        assert!((snapshot[0].p99_ms - 990.0).abs() <= 1.0, "{}", snapshot[0].p99_ms);
    }

    #[test]
    fn beyond_the_bounds_counts_as_the_bound_and_merging_adds() {
        let (a, b) = (Latencies::new(), Latencies::new());
        a.record(LatencyStage::Radio, Duration::from_secs(3600));
        b.record(LatencyStage::Radio, Duration::ZERO);
        b.record(LatencyStage::Radio, Duration::ZERO);
        a.merge(&b);
        let snapshot = a.snapshot();
        assert_eq!(snapshot[0].count, 3);
        assert!((snapshot[0].p50_ms - 0.001).abs() < 1e-9, "{}", snapshot[0].p50_ms);
        assert!((snapshot[0].p99_ms - 60_000.0).abs() < 60.0, "{}", snapshot[0].p99_ms);
    }

    #[test]
    fn a_timer_records_once_unless_discarded() {
        let latencies = Latencies::new();
        drop(latencies.time(LatencyStage::Predict));
        latencies.time(LatencyStage::Predict).discard();
        assert_eq!(latencies.snapshot()[0].count, 1);
    }
}
