//! What must arrive, between the brain and the uplink: on disk first, by a thread of its own, then to the cloud in order.

use crate::Config;
use anyhow::Context;
use bytes::Bytes;
use jxz_link::{RecordSender, Uplink, UplinkConfig, utc_now};
use jxz_observe::Progress;
use jxz_spool::{DirFiles, Dropped, Importance, Outgoing, Spool, SpoolStats};
use jxz_wire::encode_record;
use jxz_world::{DropCause, Drops, Record, SpoolHealth};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Records waiting for the thread; beyond it, new ones are refused and counted.
const QUEUE: usize = 4096;
/// Records that the uplink holds at once: twice what it has on its way, so that it never waits for the disk.
const AHEAD: usize = 2 * jxz_link::MAX_IN_FLIGHT;
/// The thread looks at age, at the ledger and at a disk that refused this often, also when nothing happens.
const PERIOD: Duration = Duration::from_secs(1);
/// After the disk has refused it is left alone for this long.
const DISK_PAUSE: Duration = Duration::from_millis(500);
/// How often [`Records::finish`] looks.
const LOOK: Duration = Duration::from_millis(20);

/// What the status says of the records.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordStats {
    /// Which start of the node.
    pub(crate) boot: u64,
    /// Taken from the brain since the start.
    pub(crate) taken: u64,
    /// Sequence of the newest record of this boot that is on disk.
    pub(crate) durable_sequence: u64,
    pub(crate) spool: SpoolStats,
    /// Lost since the start: no room in the queue or on disk, too large, too old, damaged.
    pub(crate) drops: Drops,
    /// Turns of the thread: it takes one a second at least, unless the disk hangs.
    turns: u64,
    /// Not written yet.
    waiting: usize,
}

impl RecordStats {
    /// What has not arrived: in the queue, in memory and on disk.
    pub(crate) fn pending(&self) -> u64 {
        self.spool.pending + self.waiting as u64
    }

    /// Taken over from the boots before, and taken on since.
    pub(crate) fn sent(&self) -> u64 {
        self.spool.recovered + self.taken
    }

    /// The spool in the words of the health report.
    pub(crate) fn health(&self) -> SpoolHealth {
        let age_s = |oldest| utc_now().seconds_since(oldest).max(0.0);
        SpoolHealth {
            pending: self.pending(),
            oldest_age_s: self.spool.oldest.map(age_s),
            bytes: self.spool.bytes,
            dropped: Importance::ALL.iter().map(|i| i.name().to_owned()).zip(self.spool.dropped).collect(),
            damaged: self.spool.damaged,
            failing: self.spool.failing,
        }
    }
}

#[derive(Default)]
struct Inbox {
    records: VecDeque<Record>,
    /// Ids that the cloud has answered to. No more than the uplink holds.
    settled: Vec<u64>,
    stop: bool,
    stats: RecordStats,
}

#[derive(Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    news: Condvar,
}

impl Shared {
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        // Nothing panics while it holds the lock; if something did, queues are still queues.
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The node's must-arrive records.
pub(crate) struct Records {
    shared: Arc<Shared>,
    uplink: RecordSender,
    thread: Option<JoinHandle<()>>,
}

/// Opens the spool and the uplink that it feeds; starts the thread between them.
///
/// # Errors
/// The spool's folder or the keys cannot be used.
pub(crate) fn open(config: &Config, mut uplink: UplinkConfig) -> anyhow::Result<(Records, Uplink)> {
    let folder = config.spool.folder(&config.state_dir);
    let spool = Spool::open_dir(&folder, config.spool.limits(), utc_now())?;
    let found = spool.stats();
    tracing::info!(
        folder = %folder.display(), records = found.recovered, torn_bytes = found.torn_bytes, damaged = found.damaged,
        "spool opened"
    );
    let shared = Arc::new(Shared::default());
    let boot = uplink.boot;
    shared.inbox().stats = RecordStats { boot, spool: found, ..RecordStats::default() };
    uplink.record_capacity = AHEAD;
    let telling = Arc::clone(&shared);
    // The uplink knows records by their id in the spool.
    let uplink = Uplink::spawn_telling(uplink, move |(_, id), _safe| {
        telling.inbox().settled.push(id);
        telling.news.notify_one();
    })?;
    let worker =
        Worker { shared: Arc::clone(&shared), spool, uplink: uplink.records(), boot, held: 0, newest: VecDeque::new() };
    let thread = std::thread::Builder::new().name("spool".to_owned()).spawn(move || worker.run());
    let thread = thread.context("cannot start the spool's thread")?;
    Ok((Records { shared, uplink: uplink.records(), thread: Some(thread) }, uplink))
}

impl Records {
    /// Takes a record on. Never waits; one that finds the queue full is refused and counted.
    pub(crate) fn push(&self, record: Record) {
        let mut inbox = self.shared.inbox();
        inbox.stats.taken += 1;
        if inbox.records.len() >= QUEUE {
            inbox.stats.drops.count(DropCause::MustArriveQueueFull);
            tracing::error!(sequence = record.sequence, "no room for a record that must arrive");
            return;
        }
        inbox.records.push_back(record);
        drop(inbox);
        self.shared.news.notify_one();
    }

    pub(crate) fn stats(&self) -> RecordStats {
        let inbox = self.shared.inbox();
        let mut stats = inbox.stats.clone();
        stats.waiting = inbox.records.len();
        stats
    }

    /// For the watchdog: a disk that refuses is progress, one that hangs is not.
    pub(crate) fn progress(&self) -> Progress {
        let stats = self.stats();
        Progress::Work { name: "spool", done: stats.turns, waiting: stats.waiting as u64 }
    }

    /// Waits until everything has arrived, as long as there is a cloud to take it, and at most `limit`; then ends the
    /// thread. What has not arrived is on disk.
    pub(crate) async fn finish(&mut self, limit: Duration) {
        let arrived = async {
            while self.stats().pending() > 0 && self.uplink.stats().connected {
                tokio::time::sleep(LOOK).await;
            }
        };
        // In time or not: what is left is told below.
        let _ = tokio::time::timeout(limit, arrived).await;
        self.shared.inbox().stop = true;
        self.shared.news.notify_one();
        let Some(thread) = self.thread.take() else { return };
        if tokio::task::spawn_blocking(move || thread.join()).await.is_ok_and(|joined| joined.is_err()) {
            tracing::error!("the spool's thread has failed");
        }
    }
}

/// The thread's side.
struct Worker {
    shared: Arc<Shared>,
    spool: Spool<DirFiles>,
    uplink: RecordSender,
    boot: u64,
    /// Records that the uplink holds.
    held: usize,
    /// Ids and sequences of this boot's records that are not known to be durable, oldest first.
    newest: VecDeque<(u64, u64)>,
}

impl Worker {
    fn run(mut self) {
        loop {
            let (records, settled, stop) = self.wait();
            self.held = self.held.saturating_sub(settled.len());
            settled.into_iter().for_each(|id| self.spool.acknowledge(id));
            records.into_iter().for_each(|record| self.append(&record));
            let committed = self.spool.commit(utc_now());
            if let Err(error) = &committed {
                tracing::error!(%error, "records wait in memory");
            }
            self.note_dropped();
            self.feed();
            self.publish();
            if stop {
                break;
            }
            if committed.is_err() {
                std::thread::sleep(DISK_PAUSE);
            }
        }
        if let Err(error) = self.spool.close() {
            tracing::warn!(%error, "some records will be sent again after the next start");
        }
    }

    /// Waits for something to do, or a period.
    fn wait(&self) -> (VecDeque<Record>, Vec<u64>, bool) {
        let idle = |inbox: &mut Inbox| inbox.records.is_empty() && inbox.settled.is_empty() && !inbox.stop;
        let waited = self.shared.news.wait_timeout_while(self.shared.inbox(), PERIOD, idle);
        let (mut inbox, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let records = std::mem::take(&mut inbox.records);
        inbox.stats.spool.pending += records.len() as u64;
        (records, std::mem::take(&mut inbox.settled), inbox.stop)
    }

    fn append(&mut self, record: &Record) {
        match self.spool.append(utc_now(), Importance::of(record), encode_record(record).to_vec()) {
            Ok(id) => self.newest.push_back((id, record.sequence)),
            Err(error) => {
                tracing::error!(sequence = record.sequence, %error, "a record that must arrive cannot be kept");
                let mut inbox = self.shared.inbox();
                inbox.stats.drops.count(DropCause::MustArriveQueueFull);
            }
        }
    }

    /// Hands records to the uplink, as far ahead as it holds.
    fn feed(&mut self) {
        while self.held < AHEAD {
            match self.spool.take_next() {
                Ok(Some(Outgoing { id, record, .. })) => {
                    if self.uplink.send((self.boot, id), Bytes::from(record)) {
                        self.held += 1;
                    } else {
                        // Only a record beyond the protocol's size gets here: it can never be sent.
                        self.spool.acknowledge(id);
                    }
                }
                Ok(None) => return,
                Err(error) => return tracing::error!(%error, "a record on disk cannot be read now"),
            }
        }
    }

    fn note_dropped(&mut self) {
        let dropped = self.spool.take_dropped();
        if dropped.is_empty() {
            return;
        }
        let damaged = dropped.iter().filter(|one| matches!(one, Dropped::Damaged(..))).count() as u64;
        let shed = dropped.len() as u64 - damaged;
        tracing::warn!(
            shed,
            damaged,
            "records that must arrive were dropped: the spool is full, they are too old, or the disk rots"
        );
        let mut inbox = self.shared.inbox();
        inbox.stats.drops.add(DropCause::MustArriveShed, shed);
        inbox.stats.drops.add(DropCause::MustArriveDamaged, damaged);
    }

    fn publish(&mut self) {
        let stats = self.spool.stats();
        let mut durable = 0;
        // What waits in memory is the newest there is.
        let staged = usize::try_from(stats.staged).unwrap_or(usize::MAX);
        while self.newest.len() > staged {
            durable = self.newest.pop_front().map_or(durable, |(_, sequence)| sequence);
        }
        let mut inbox = self.shared.inbox();
        inbox.stats.durable_sequence = inbox.stats.durable_sequence.max(durable);
        inbox.stats.spool = stats;
        inbox.stats.turns += 1;
    }
}
