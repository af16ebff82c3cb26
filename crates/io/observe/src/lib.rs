//! Observation: logs, metrics for Prometheus, and the process's own use of the machine.

mod logs;
mod metrics;
mod process;

pub use logs::{LogError, LogFormat, init_logs};
pub use metrics::{MetricsSnapshot, encode_metrics, snapshot_collector};
pub use process::{ProcessUsage, process_usage};
