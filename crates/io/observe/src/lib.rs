//! Observation: logs, latency by stage, metrics for Prometheus, and the process's own use of the machine.

mod latency;
mod logs;
mod metrics;
mod process;

pub use latency::{Latencies, StageTimer};
pub use logs::{LogError, LogFormat, init_logs};
pub use metrics::{MetricsSnapshot, encode_metrics, snapshot_collector};
pub use process::{ProcessUsage, process_usage};
