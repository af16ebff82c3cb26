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
    /// Messages of consoles that are none.
    pub(crate) console_garbage: AtomicU64,
    /// Twins left out for gRPC watchers that do not keep up.
    pub(crate) twins_skipped: AtomicU64,
    /// Log-ins refused: a wrong pair, too many attempts, too many at once.
    pub(crate) log_ins_refused: AtomicU64,
    /// Bytes of history written since the start.
    pub(crate) history_bytes: AtomicU64,
    /// Frames of history not written because the disk does not keep up or refuses.
    pub(crate) history_dropped: AtomicU64,
    /// Incidents and minutes of traffic that could not be kept.
    pub(crate) kept_dropped: AtomicU64,
    /// Words of congestion that a site has, and those that it was not told.
    pub(crate) congestion_told: AtomicU64,
    /// See `congestion_told`.
    pub(crate) congestion_untold: AtomicU64,
    /// Lines of nodes' logs that operators have read, and those that were gone before they were asked for.
    pub(crate) log_lines_read: AtomicU64,
    /// See `log_lines_read`.
    pub(crate) log_lines_lost: AtomicU64,
    /// Road conditions that hold now.
    pub(crate) conditions_held: AtomicU64,
}

/// The counters at one time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counters {
    pub(crate) records_stored: u64,
    pub(crate) records_acknowledged: u64,
    pub(crate) records_refused: u64,
    pub(crate) record_log_failing: bool,
    pub(crate) consoles: usize,
    pub(crate) frames_skipped: u64,
    pub(crate) console_garbage: u64,
    pub(crate) twins_skipped: u64,
    pub(crate) log_ins_refused: u64,
    pub(crate) history_bytes: u64,
    pub(crate) history_dropped: u64,
    pub(crate) kept_dropped: u64,
    pub(crate) congestion_told: u64,
    pub(crate) congestion_untold: u64,
    pub(crate) log_lines_read: u64,
    pub(crate) log_lines_lost: u64,
    pub(crate) conditions_held: u64,
}

impl Stats {
    /// The counters now.
    pub(crate) fn read(&self) -> Counters {
        Counters {
            records_stored: self.records_stored.load(Relaxed),
            records_acknowledged: self.records_acknowledged.load(Relaxed),
            records_refused: self.records_refused.load(Relaxed),
            record_log_failing: self.record_log_failing.load(Relaxed),
            consoles: self.consoles.load(Relaxed),
            frames_skipped: self.frames_skipped.load(Relaxed),
            console_garbage: self.console_garbage.load(Relaxed),
            twins_skipped: self.twins_skipped.load(Relaxed),
            log_ins_refused: self.log_ins_refused.load(Relaxed),
            history_bytes: self.history_bytes.load(Relaxed),
            history_dropped: self.history_dropped.load(Relaxed),
            kept_dropped: self.kept_dropped.load(Relaxed),
            congestion_told: self.congestion_told.load(Relaxed),
            congestion_untold: self.congestion_untold.load(Relaxed),
            log_lines_read: self.log_lines_read.load(Relaxed),
            log_lines_lost: self.log_lines_lost.load(Relaxed),
            conditions_held: self.conditions_held.load(Relaxed),
        }
    }
}

impl Counters {
    /// What the daemon dropped, by cause.
    pub(crate) fn drops(&self) -> Drops {
        let mut drops = Drops::default();
        drops.add(DropCause::MustArriveQueueFull, self.records_refused);
        drops.add(DropCause::PeerGarbage, self.console_garbage);
        drops.add(DropCause::SubscriberSlow, self.frames_skipped.saturating_add(self.twins_skipped));
        drops
    }
}
