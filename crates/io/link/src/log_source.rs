//! Where an uplink finds the node's log.

use jxz_wire::{LogLines, LogRequest};
use std::fmt;
use std::sync::Arc;

/// Reads the node's log for the cloud; clones share it. It is called on the link's task and must not wait.
#[derive(Clone)]
pub struct LogSource(Arc<dyn Fn(&LogRequest) -> LogLines + Send + Sync>);

impl LogSource {
    /// A source that answers as `read` does.
    #[must_use]
    pub fn new(read: impl Fn(&LogRequest) -> LogLines + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(crate) fn read(&self, request: &LogRequest) -> LogLines {
        (self.0)(request)
    }
}

impl fmt::Debug for LogSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogSource")
    }
}
