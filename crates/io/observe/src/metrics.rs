//! Metrics as Prometheus reads them.

use jxz_world::{Drops, StageLatency};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;

/// What a process shows at one scrape.
#[derive(Debug, Clone, Default)]
pub struct MetricsSnapshot {
    /// Numbers that go up and down: name, help, value.
    pub gauges: Vec<(&'static str, &'static str, f64)>,
    /// Numbers that only go up: name without `_total`, help, value.
    pub counters: Vec<(&'static str, &'static str, u64)>,
    /// What was dropped: `dropped_total{cause}`.
    pub drops: Drops,
    /// Stages: `stage_latency_seconds{stage, quantile}` and `stage_measurements_total{stage}`.
    pub latencies: Vec<StageLatency>,
}

struct Snapshots<F>(F);

impl<F> fmt::Debug for Snapshots<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshots")
    }
}

impl<F: Fn() -> MetricsSnapshot + Send + Sync + 'static> Collector for Snapshots<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let snapshot = (self.0)();
        for (name, help, value) in snapshot.gauges {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        for (name, help, value) in snapshot.counters {
            ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let help = "Inputs and outputs dropped, by cause";
        let mut family = encoder.encode_descriptor("dropped", help, None, MetricType::Counter)?;
        for (cause, n) in snapshot.drops.iter() {
            ConstCounter::new(n).encode(family.encode_family(&[("cause", cause.name())])?)?;
        }
        let help = "Latency of each stage since the start, seconds";
        let mut family = encoder.encode_descriptor("stage_latency_seconds", help, None, MetricType::Gauge)?;
        for latency in &snapshot.latencies {
            for (quantile, ms) in [("0.5", latency.p50_ms), ("0.99", latency.p99_ms)] {
                let labels = [("stage", latency.stage.name()), ("quantile", quantile)];
                ConstGauge::new(ms * 1e-3).encode(family.encode_family(&labels)?)?;
            }
        }
        let help = "Measurements of each stage since the start";
        let mut family = encoder.encode_descriptor("stage_measurements", help, None, MetricType::Counter)?;
        for latency in &snapshot.latencies {
            ConstCounter::new(latency.count).encode(family.encode_family(&[("stage", latency.stage.name())])?)?;
        }
        Ok(())
    }
}

/// A collector that asks for a snapshot at each scrape, for [`Registry::register_collector`]. Names get the registry's
/// prefix (`Registry::with_prefix("jxz")`).
pub fn snapshot_collector(snapshot: impl Fn() -> MetricsSnapshot + Send + Sync + 'static) -> Box<dyn Collector> {
    Box::new(Snapshots(snapshot))
}

/// The registry in the OpenMetrics text format (`application/openmetrics-text; version=1.0.0; charset=utf-8`).
///
/// # Errors
/// If a collector fails to encode.
pub fn encode_metrics(registry: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_world::{DropCause, LatencyStage};

    #[test]
    fn a_scrape_is_open_metrics_text() {
        let mut registry = Registry::with_prefix("jxz");
        registry.register_collector(snapshot_collector(|| {
            let mut drops = Drops::default();
            drops.add(DropCause::SensorStale, 3);
            let fuse = StageLatency { stage: LatencyStage::Fuse, p50_ms: 1.5, p99_ms: 2.5, count: 7 };
            MetricsSnapshot {
                gauges: vec![("tracks", "Tracks now", 12.0)],
                counters: vec![("scans", "Scans received", 40)],
                drops,
                latencies: vec![fuse],
            }
        }));
        let text = encode_metrics(&registry).unwrap();
        // Lines as the OpenMetrics 1.0 specification writes them.
        for line in [
            "# TYPE jxz_tracks gauge",
            "jxz_tracks 12.0",
            "jxz_scans_total 40",
            "jxz_dropped_total{cause=\"sensor_stale\"} 3",
            "jxz_stage_latency_seconds{stage=\"fuse\",quantile=\"0.99\"} 0.0025",
            "jxz_stage_measurements_total{stage=\"fuse\"} 7",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "no `{line}` in:\n{text}");
        }
    }
}
