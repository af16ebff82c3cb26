//! The thread that writes the history.

use super::block::{self, BlockAt};
use super::index::{Hour, Index};
use crate::brain::Moment;
use crate::config::History as Limits;
use crate::frame;
use crate::places::Places;
use crate::stats::Stats;
use anyhow::Context;
use jxz_units::Utc;
use jxz_wire::console::v1::Frame;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Frames of this span are compressed together; what a crash may cost, too.
const BLOCK_MS: u64 = 5_000;
const EXTENSION: &str = ".jxzh";

/// The name of the file of an hour: `2026-08-09T10.jxzh`.
fn name_of(ms: u64) -> String {
    let at = Utc::from_unix_ms(i64::try_from(ms).unwrap_or(i64::MAX / 1_000_000)).to_string();
    format!("{}{EXTENSION}", &at[..at.len().min(13)])
}

/// Reads which blocks there are; a tail that a crash left unfinished is cut off the newest file.
pub(super) fn open(dir: &Path) -> anyhow::Result<Index> {
    fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let name = entry?.file_name();
        names.extend(name.to_str().filter(|name| name.ends_with(EXTENSION)).map(str::to_owned));
    }
    names.sort_unstable();
    let mut index = Index::default();
    let newest = names.last().cloned();
    for name in names {
        let path = dir.join(&name);
        let read = || -> anyhow::Result<(Hour, u64)> {
            let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
            let (mut blocks, mut damaged) = block::scan(&mut file)?;
            if Some(&name) == newest.as_ref() {
                while blocks.last().is_some_and(|last| block::read(&mut file, last).is_err()) {
                    blocks.pop();
                    damaged += 1;
                }
                file.set_len(blocks.last().map_or(0, BlockAt::end))?;
                file.sync_all()?;
            }
            let bytes = file.metadata()?.len();
            Ok((Hour { blocks, bytes }, damaged))
        };
        let (hour, damaged) = read().with_context(|| format!("cannot read {}", path.display()))?;
        if damaged > 0 {
            tracing::warn!(file = %path.display(), damaged, "history: parts of a file are no blocks: passed over");
        }
        index.damaged += damaged;
        index.hours.insert(name, hour);
    }
    Ok(index)
}

/// The writer's surroundings.
pub(super) struct Writer {
    pub(super) dir: PathBuf,
    pub(super) limits: Limits,
    pub(super) places: Arc<Places>,
    pub(super) index: Arc<Mutex<Index>>,
    pub(super) stats: Arc<Stats>,
}

impl Writer {
    /// Writes until all senders are gone, and then what is left.
    pub(super) fn run(mut self, moments: &Receiver<Arc<Moment>>) {
        let mut frames: Vec<Frame> = Vec::new();
        loop {
            let moment = moments.recv_timeout(Duration::from_millis(BLOCK_MS));
            let next = match &moment {
                Ok(moment) => Some(frame::frame(moment, &self.places, None)),
                Err(_) => None,
            };
            let full = match (frames.first(), &next) {
                (Some(first), Some(next)) => belongs_to_another(first.sent_at_ms, next.sent_at_ms),
                (first, None) => first.is_some(),
                (None, _) => false,
            };
            if full {
                self.write(std::mem::take(&mut frames));
            }
            frames.extend(next);
            if matches!(moment, Err(RecvTimeoutError::Disconnected)) {
                return;
            }
        }
    }

    fn write(&mut self, frames: Vec<Frame>) {
        let count = frames.len() as u64;
        match self.append(frames) {
            Ok(bytes) => self.stats.history_bytes.fetch_add(bytes, Relaxed),
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), dir = %self.dir.display(), "cannot write the history");
                self.stats.history_dropped.fetch_add(count, Relaxed)
            }
        };
    }

    /// Appends a block to its hour's file, after making room for it.
    fn append(&mut self, frames: Vec<Frame>) -> anyhow::Result<u64> {
        let Some(first) = frames.first() else { return Ok(0) };
        let name = name_of(first.sent_at_ms);
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = index.hours.get(&name).map_or(0, |hour| hour.bytes);
        drop(index);
        let (at, bytes) = block::encode(frames, offset)?;
        self.make_room(&name, at.to_ms, bytes.len() as u64)?;
        let path = self.dir.join(&name);
        let written = (|| -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            file.set_len(offset)?;
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(&bytes)?;
            file.sync_data()?;
            if offset == 0 {
                File::open(&self.dir)?.sync_all()?;
            }
            Ok(())
        })();
        written.with_context(|| format!("cannot append to {}", path.display()))?;
        index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = index.hours.entry(name).or_default();
        hour.blocks.push(at);
        hour.bytes = at.end();
        Ok(bytes.len() as u64)
    }

    /// Deletes the oldest hours that are too old or too much, but never the one that is written.
    fn make_room(&self, name: &str, now_ms: u64, more: u64) -> anyhow::Result<()> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest_ms = now_ms.saturating_sub(self.limits.hours * 3_600_000);
        while let Some((oldest, hour)) = index.hours.first_key_value() {
            let too_old = hour.blocks.iter().all(|block| block.to_ms < oldest_ms);
            let too_much = index.bytes() + more > self.limits.max_bytes;
            if oldest == name || !(too_old || too_much) {
                anyhow::ensure!(!too_much || oldest != name, "history.max_bytes is too little for an hour");
                break;
            }
            let oldest = oldest.clone();
            fs::remove_file(self.dir.join(&oldest)).with_context(|| format!("cannot delete {oldest}"))?;
            tracing::info!(file = oldest, too_much, "history: the oldest hour is deleted");
            index.hours.remove(&oldest);
            index.deleted += 1;
        }
        Ok(())
    }
}

/// Whether a frame is the first of another block: after five seconds, in another hour, or when the clock went back.
fn belongs_to_another(first_ms: u64, next_ms: u64) -> bool {
    next_ms < first_ms || next_ms >= first_ms + BLOCK_MS || next_ms / 3_600_000 != first_ms / 3_600_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_wire::console::v1::{Update, frame::Body};

    const HOUR_MS: u64 = 3_600_000;
    /// A whole hour.
    const START_MS: u64 = 496_186 * HOUR_MS;

    fn frames(from_ms: u64, count: u64) -> Vec<Frame> {
        let frame = |k| Frame { sent_at_ms: from_ms + 200 * k, body: Some(Body::Update(Update::default())), number: 0 };
        (0..count).map(frame).collect()
    }

    fn writer(dir: &Path, limits: Limits) -> Writer {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island");
        let places = Arc::new(Places::of(&jxz_map::Map::load(&seeds).unwrap()));
        let index = Arc::new(Mutex::new(open(dir).unwrap()));
        Writer { dir: dir.to_owned(), limits, places, index, stats: Arc::default() }
    }

    fn known(writer: &Writer) -> Vec<(String, Vec<BlockAt>)> {
        let index = writer.index.lock().unwrap();
        index.hours.iter().map(|(name, hour)| (name.clone(), hour.blocks.clone())).collect()
    }

    #[test]
    fn a_torn_tail_is_cut_off_and_what_follows_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = writer(dir.path(), Limits::default());
        for k in 0..4 {
            first.append(frames(START_MS + 5_000 * k, 25)).unwrap();
        }
        let path = dir.path().join(name_of(START_MS));
        assert_eq!(path.file_name().unwrap(), "2026-08-09T10.jxzh");
        let len = fs::metadata(&path).unwrap().len();
        File::options().write(true).open(&path).unwrap().set_len(len - 3).unwrap();
        let mut again = writer(dir.path(), Limits::default());
        assert_eq!(known(&again)[0].1.len(), 3);
        again.append(frames(START_MS + 60_000, 25)).unwrap();
        let blocks = known(&again).remove(0).1;
        assert_eq!(known(&writer(dir.path(), Limits::default()))[0].1, blocks);
        let mut file = File::open(&path).unwrap();
        assert_eq!(block::read(&mut file, &blocks[3]).unwrap(), frames(START_MS + 60_000, 25));
        let index = again.index.lock().unwrap();
        let gaps = Index::gaps(&index.within(0, u64::MAX), 1_000);
        assert_eq!(gaps, [crate::history::index::Gap { from_ms: START_MS + 14_800, to_ms: START_MS + 60_000 }]);
    }

    #[test]
    fn a_damaged_head_or_payload_costs_only_its_block() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = writer(dir.path(), Limits::default());
        for k in 0..5 {
            first.append(frames(START_MS + 5_000 * k, 25)).unwrap();
        }
        let blocks = known(&first).remove(0).1;
        let path = dir.path().join(name_of(START_MS));
        let mut bytes = fs::read(&path).unwrap();
        bytes[blocks[1].offset as usize + 1] ^= 0x40;
        bytes[blocks[3].offset as usize + block::HEAD + 2] ^= 0x40;
        fs::write(&path, bytes).unwrap();
        let again = writer(dir.path(), Limits::default());
        assert_eq!(known(&again)[0].1, [blocks[0], blocks[2], blocks[3], blocks[4]]);
        assert_eq!(again.index.lock().unwrap().damaged, 1);
        let mut file = File::open(&path).unwrap();
        assert!(block::read(&mut file, &blocks[3]).is_err() && block::read(&mut file, &blocks[4]).is_ok());
    }

    #[test]
    fn the_oldest_hours_go_for_their_age_and_for_room_and_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let mut by_age = writer(dir.path(), Limits { hours: 3, ..Limits::default() });
        for hour in 0..6 {
            by_age.append(frames(START_MS + HOUR_MS * hour, 25)).unwrap();
        }
        assert_eq!((known(&by_age).len(), by_age.index.lock().unwrap().deleted), (4, 2));
        let bytes = by_age.index.lock().unwrap().bytes();
        let mut by_room = writer(dir.path(), Limits { max_bytes: bytes, ..Limits::default() });
        by_room.append(frames(START_MS + HOUR_MS * 6, 25)).unwrap();
        assert_eq!(known(&by_room).len(), 4);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
        by_room.limits.max_bytes = 10;
        assert!(by_room.append(frames(START_MS + HOUR_MS * 6 + 5_000, 25)).is_err(), "one hour is too much by itself");
    }
}
