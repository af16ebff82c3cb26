//! Between a process and whoever watches over it: logs, metrics for Prometheus, its use of the machine, the signal to
//! stop, the service manager, and the manual.

mod logs;
mod manual;
mod metrics;
mod process;
mod stop;
mod supervisor;
mod tail;

pub use logs::{LogError, LogFormat, LogSettings, init_logs};
pub use manual::write_manual;
pub use metrics::{MetricsSnapshot, encode_metrics, snapshot_collector};
pub use process::{ProcessUsage, process_usage, process_usage_of};
pub use stop::stop_signal;
pub use supervisor::{Progress, Supervisor};
pub use tail::{LogTail, TailLine};
