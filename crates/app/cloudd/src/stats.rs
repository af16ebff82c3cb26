//! The daemon's own counters, beside those of the twin.

use jxz_world::{DropCause, Drops};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

/// Counters that several tasks add to.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Records on disk since the start.
    pub(crate) records_stored: AtomicU64,
    /// Acknowledgements given, repeats included.
    pub(crate) records_acknowledged: AtomicU64,
    /// Records not taken because the disk does not keep up; their nodes send them again.
    pub(crate) records_refused: AtomicU64,
    /// Whether the last attempt to write records failed.
    pub(crate) record_log_failing: AtomicBool,
    /// Consoles connected.
    pub(crate) consoles: AtomicUsize,
    /// Frames left out for consoles that do not keep up.
    pub(crate) frames_skipped: AtomicU64,
    /// Twins left out for gRPC watchers that do not keep up.
    pub(crate) twins_skipped: AtomicU64,
}

impl Stats {
    /// What the daemon dropped, by cause.
    pub(crate) fn drops(&self) -> Drops {
        let mut drops = Drops::default();
        drops.add(DropCause::MustArriveQueueFull, self.records_refused.load(Relaxed));
        let skipped = self.frames_skipped.load(Relaxed).saturating_add(self.twins_skipped.load(Relaxed));
        drops.add(DropCause::SubscriberSlow, skipped);
        drops
    }
}
