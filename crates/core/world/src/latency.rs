//! Latencies by stage, as histograms of bounded size.

use crate::{LatencyStage, StageLatency};
use core::time::Duration;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest latency told apart, microseconds; longer ones count as this.
const LONGEST_US: u64 = 60_000_000;

/// One histogram a stage: microseconds, two significant digits.
///
/// Serialised as `{stage: [[microseconds, count], ...]}`, so that books of several nodes can be merged.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Buckets", into = "Buckets")]
pub struct LatencyBook {
    stages: Vec<Histogram<u64>>,
}

type Buckets = BTreeMap<LatencyStage, Vec<(u64, u64)>>;

impl From<Buckets> for LatencyBook {
    fn from(buckets: Buckets) -> Self {
        let mut book = Self::default();
        for (stage, counts) in buckets {
            for (us, count) in counts {
                book.record_us(stage, us, count);
            }
        }
        book
    }
}

impl From<LatencyBook> for Buckets {
    fn from(book: LatencyBook) -> Self {
        let counts = |h: &Histogram<u64>| {
            h.iter_recorded().map(|v| (v.value_iterated_to(), v.count_since_last_iteration())).collect()
        };
        LatencyStage::ALL.into_iter().zip(&book.stages).map(|(stage, h)| (stage, counts(h))).collect()
    }
}

impl Default for LatencyBook {
    fn default() -> Self {
        // The bounds are constants that satisfy `new_with_bounds`; a book without histograms would only record nothing.
        let empty = || Histogram::new_with_bounds(1, LONGEST_US, 2).ok();
        Self { stages: LatencyStage::ALL.iter().filter_map(|_| empty()).collect() }
    }
}

impl LatencyBook {
    /// Counts one latency.
    pub fn record(&mut self, stage: LatencyStage, latency: Duration) {
        self.record_us(stage, u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US), 1);
    }

    fn record_us(&mut self, stage: LatencyStage, us: u64, count: u64) {
        if let Some(histogram) = self.stages.get_mut(stage as usize) {
            histogram.saturating_record_n(us.clamp(1, LONGEST_US), count);
        }
    }

    /// Counts one latency given in seconds; one below zero (clocks differ) counts as zero.
    pub fn record_s(&mut self, stage: LatencyStage, seconds: f64) {
        self.record(stage, Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default());
    }

    /// Adds another book's counts.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.stages.iter_mut().zip(&other.stages) {
            // Same bounds on both sides: adding cannot fail.
            let _same_bounds = mine.add(theirs);
        }
    }

    /// Percentiles of the stages that were measured at least once.
    #[must_use]
    pub fn summary(&self) -> Vec<StageLatency> {
        let ms = |us: u64| us as f64 / 1000.0;
        LatencyStage::ALL
            .into_iter()
            .zip(&self.stages)
            .filter(|(_, h)| !h.is_empty())
            .map(|(stage, h)| StageLatency {
                stage,
                p50_ms: ms(h.value_at_quantile(0.5)),
                p99_ms: ms(h.value_at_quantile(0.99)),
                count: h.len(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_come_out_within_the_resolution() {
        let mut book = LatencyBook::default();
        for ms in 1..=1000 {
            book.record(LatencyStage::Fuse, Duration::from_millis(ms));
        }
        let mut twice = book.clone();
        twice.merge(&book);
        let [fuse] = twice.summary()[..] else { panic!("only one stage was measured") };
        assert_eq!((fuse.stage, fuse.count), (LatencyStage::Fuse, 2000));
        assert!((fuse.p50_ms - 500.0).abs() < 10.0 && (fuse.p99_ms - 990.0).abs() < 15.0, "{fuse:?}");
    }

    #[test]
    fn a_book_survives_being_written_down() {
        let mut book = LatencyBook::default();
        for ms in [1, 1, 5, 40_000] {
            book.record(LatencyStage::Predict, Duration::from_millis(ms));
        }
        let buckets = Buckets::from(book.clone());
        assert_eq!(LatencyBook::from(buckets).summary(), book.summary());
    }

    #[test]
    fn what_does_not_fit_is_counted_at_the_bound() {
        let mut book = LatencyBook::default();
        book.record_s(LatencyStage::Radio, -0.2);
        book.record_s(LatencyStage::Radio, 1e9);
        assert_eq!(book.summary()[0].count, 2);
    }
}
