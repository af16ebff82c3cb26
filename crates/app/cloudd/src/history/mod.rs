//! The last hours, as consoles would have seen them: written to disk, played back.
//!
//! A frame of what the cloud shows is taken a few times a second, compressed with its neighbours and appended to the
//! file of its hour, by a thread of its own behind a short queue: the brain never waits for it. The files are bounded
//! in age and in bytes. Their form is open, in `proto/jxz/history/v1/history.proto`.

mod block;
mod index;
mod log;
#[cfg(test)]
mod measure;
mod serve;

pub(crate) use serve::routes;

use crate::brain::{Moment, PUBLISH_EVERY};
use crate::config::History as Limits;
use crate::places::Places;
use crate::stats::Stats;
use anyhow::Context;
use block::BlockAt;
use index::Index;
use jxz_wire::console::v1::Frame;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, oneshot, watch};

/// Moments that may wait for the disk; further ones are left out and counted.
const QUEUE: usize = 32;
/// Playbacks at once.
const MAX_READERS: usize = 16;

/// A handle to the history; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct History {
    dir: PathBuf,
    limits: Limits,
    index: Arc<Mutex<Index>>,
    readers: Arc<Semaphore>,
    stats: Arc<Stats>,
}

/// Hands moments to the thread that writes.
pub(crate) struct Feed {
    queue: SyncSender<Arc<Moment>>,
    every: u64,
    stats: Arc<Stats>,
    ended: oneshot::Receiver<()>,
}

impl History {
    /// Opens the history in a folder `history` of the data, which it makes if need be, and starts the thread.
    ///
    /// # Errors
    /// The folder or a file in it cannot be used, or no thread can be started.
    pub(crate) fn start(
        data_dir: &Path,
        limits: Limits,
        places: Arc<Places>,
        stats: Arc<Stats>,
    ) -> anyhow::Result<(Self, Feed)> {
        let dir = data_dir.join("history");
        let index = Arc::new(Mutex::new(log::open(&dir)?));
        let writer =
            log::Writer { dir: dir.clone(), limits, places, index: Arc::clone(&index), stats: Arc::clone(&stats) };
        let (queue, moments) = sync_channel(QUEUE);
        let (done, ended) = oneshot::channel();
        let work = move || {
            writer.run(&moments);
            let _ = done.send(());
        };
        std::thread::Builder::new().name("history".to_owned()).spawn(work).context("cannot start a thread")?;
        let published_hz = 1000 / PUBLISH_EVERY.as_millis() as u64;
        let every = (published_hz / u64::from(limits.rate_hz)).max(1);
        let readers = Arc::new(Semaphore::new(MAX_READERS));
        Ok((Self { dir, limits, index, readers, stats: Arc::clone(&stats) }, Feed { queue, every, stats, ended }))
    }

    fn index(&self) -> std::sync::MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a block; one that is damaged is counted, told, and not offered again.
    fn read(&self, name: &str, at: &BlockAt) -> Option<Vec<Frame>> {
        let path = self.dir.join(name);
        // An hour may have been deleted since it was found.
        let mut file = File::open(&path).ok()?;
        match block::read(&mut file, at) {
            Ok(frames) => Some(frames),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(file = %path.display(), offset = at.offset, error, "history: a block is passed over");
                self.index().forget(name, at);
                None
            }
        }
    }
}

impl Feed {
    /// Hands on every few moments until there are no more; returns when what was handed on is written.
    pub(crate) async fn run(self, mut moments: watch::Receiver<Arc<Moment>>) {
        let Self { queue, every, stats, ended } = self;
        let mut last = None;
        while moments.changed().await.is_ok() {
            let moment = Arc::clone(&moments.borrow_and_update());
            if last == Some(moment.number / every) {
                continue;
            }
            last = Some(moment.number / every);
            match queue.try_send(moment) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => {
                    stats.history_dropped.fetch_add(1, Relaxed);
                }
                Err(TrySendError::Disconnected(_)) => break,
            }
        }
        drop(queue);
        let _ = ended.await;
    }
}
