//! The recorder of a live node: a thread with a bounded queue, which the brain never waits for.

use crate::store::Store;
use crate::transcript::Handled;
use jxz_wire::journal::v1 as wire;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Where and how much is recorded.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The ring lies in `ring` below it, clips in `clips`.
    pub folder: PathBuf,
    /// The ring's bytes; the oldest file goes first.
    pub max_bytes: u64,
    /// How far back the ring reaches; older files go.
    pub max_age: Duration,
    /// How long one file of the ring is.
    pub file: Duration,
    /// Clips; the oldest goes first.
    pub max_clips: usize,
    /// The clips' bytes; the oldest goes first.
    pub max_clip_bytes: u64,
    /// How much before an urgent warning a clip has.
    pub before: Duration,
    /// How much after it.
    pub after: Duration,
    /// Steps that wait for the thread, some four seconds' worth at the busiest sites; when it is full the newest is dropped,
    /// counted, and a gap in the recording.
    pub queue: usize,
}

impl Settings {
    /// 1 GiB and twelve hours in files of a minute, 100 clips in 256 MiB.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            max_bytes: 1 << 30,
            max_age: Duration::from_secs(12 * 3600),
            file: Duration::from_secs(60),
            max_clips: 100,
            max_clip_bytes: 256 << 20,
            before: Duration::from_secs(20),
            after: Duration::from_secs(10),
            queue: 8192,
        }
    }
}

/// What a black box says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stats {
    /// Files in the ring.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files deleted to keep the ring to its size and age.
    pub deleted: u64,
    /// Clips.
    pub clips: u64,
    /// Their bytes.
    pub clip_bytes: u64,
    /// Clips deleted to make room.
    pub clips_deleted: u64,
    /// Steps handed to the disk since the start.
    pub steps: u64,
    /// Steps dropped since the start because the queue was full.
    pub dropped: u64,
    /// Steps lost since the start because the disk could not be written.
    pub lost: u64,
    /// Times that the disk failed.
    pub errors: u64,
    /// What it said last, while it fails.
    pub last_error: Option<String>,
}

/// A recorder at work. Dropping it ends the file, and waits for that.
#[derive(Debug)]
pub struct BlackBox {
    /// Boxed: the queue's room is taken for good, what waits in it only while it waits.
    sender: Option<SyncSender<(u64, Box<Handled>)>>,
    thread: Option<JoinHandle<()>>,
    /// The next step's number.
    number: u64,
    dropped: u64,
    stats: Arc<Mutex<Stats>>,
}

impl BlackBox {
    /// Starts to record a brain from its first step on. A folder that cannot be written does not hold it up: that is
    /// counted, and tried again.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(settings: Settings, head: wire::Head) -> io::Result<Self> {
        let (sender, steps) = sync_channel(settings.queue.max(1));
        let stats = Arc::new(Mutex::new(Stats::default()));
        let shared = Arc::clone(&stats);
        let thread = std::thread::Builder::new().name("black-box".to_owned());
        let thread = thread.spawn(move || work(&steps, Store::new(settings, head), &shared))?;
        Ok(Self { sender: Some(sender), thread: Some(thread), number: 0, dropped: 0, stats })
    }

    /// Takes the next step; never waits.
    pub fn record(&mut self, handled: Handled) {
        let number = self.number;
        self.number += 1;
        let taken = self.sender.as_ref().is_some_and(|sender| sender.try_send((number, Box::new(handled))).is_ok());
        if !taken {
            self.dropped += 1;
        }
    }

    /// What there is so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Stats { dropped: self.dropped, ..stats }
    }

    /// Ends the files, and gives what there is then.
    #[must_use]
    pub fn finish(mut self) -> Stats {
        self.end();
        self.stats()
    }

    fn end(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // If it panicked, it has said so on stderr.
            let _ = thread.join();
        }
    }
}

impl Drop for BlackBox {
    fn drop(&mut self) {
        self.end();
    }
}

fn work(steps: &Receiver<(u64, Box<Handled>)>, mut store: Store, shared: &Mutex<Stats>) {
    let tell = |store: &Store| store.stats().clone_into(&mut shared.lock().unwrap_or_else(PoisonError::into_inner));
    while let Ok((number, handled)) = steps.recv() {
        store.take(number, &handled);
        tell(&store);
    }
    store.close();
    tell(&store);
}
