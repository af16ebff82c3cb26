//! Between a process and whoever watches over it: logs, metrics for Prometheus, its use of the machine, and the
//! signal to stop.

mod logs;
mod metrics;
mod process;
mod stop;

pub use logs::{LogError, LogFormat, LogSettings, init_logs};
pub use metrics::{MetricsSnapshot, encode_metrics, snapshot_collector};
pub use process::{ProcessUsage, process_usage};
pub use stop::stop_signal;
