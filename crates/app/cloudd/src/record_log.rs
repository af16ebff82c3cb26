//! Must-arrive records on disk: durable before acknowledged, bounded in size.
//!
//! One JSON object a line, in files `records-NNNNNNNNNN.jsonl` that count up. Records that wait together are written
//! and synced together.

use crate::config::Records;
use crate::stats::Stats;
use anyhow::Context;
use jxz_cloud::RecordKey;
use jxz_world::{Record, SiteId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Records that may wait for the disk.
const QUEUE: usize = 4096;
/// Records written and synced at once, at most.
const BATCH: usize = 1024;
/// Between attempts while the disk refuses.
const RETRY: Duration = Duration::from_millis(500);
/// Attempts after the daemon was told to stop.
const LAST_ATTEMPTS: u32 = 4;
/// A longer line is not a record of ours.
const MAX_LINE: usize = 4 << 20;
/// Of the newest files the whole records are recalled, of the others the keys alone: hours of records, and seconds of
/// reading.
const RECENT_FILES: usize = 2;

/// What a stored record is recognised by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Key {
    site: SiteId,
    boot: u64,
    sequence: u64,
}

/// A record found in the log when it is opened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// The key of an old one.
    Key(RecordKey),
    /// One of the newest files.
    Record(Box<Record>),
}

/// A record to keep, and what to do once it is safe.
pub(crate) struct Entry {
    /// `None`: came before; only what was queued before it must be safe.
    pub(crate) record: Option<Box<Record>>,
    /// Called once all of that is on disk.
    pub(crate) ack: Box<dyn FnOnce() + Send>,
}

/// The files.
#[derive(Debug)]
pub(crate) struct RecordLog {
    dir: PathBuf,
    limits: Records,
    number: u64,
    file: File,
    len: u64,
}

impl RecordLog {
    /// Opens the log in a folder, which it makes if need be, cutting off a line that a crash left unfinished. Tells `found`
    /// of every record that is there, oldest first: a node that was away for long may send any of them again.
    pub(crate) fn open(dir: &Path, limits: Records, found: &mut impl FnMut(Found)) -> anyhow::Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let numbers = numbers(dir).with_context(|| format!("cannot list {}", dir.display()))?;
        let (old, recent) = numbers.split_at(numbers.len().saturating_sub(RECENT_FILES));
        for number in old {
            let key =
                |key: Key| found(Found::Key(RecordKey { site: key.site, boot: key.boot, sequence: key.sequence }));
            read(&path(dir, *number), key)?;
        }
        for number in recent {
            read(&path(dir, *number), |record| found(Found::Record(Box::new(record))))?;
        }
        let number = numbers.last().copied().unwrap_or(1);
        let path = path(dir, number);
        let open = || -> io::Result<(File, u64)> {
            let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
            let len = whole_lines(&mut file)?;
            file.set_len(len)?;
            file.seek(SeekFrom::Start(len))?;
            file.sync_all()?;
            File::open(dir)?.sync_all()?;
            Ok((file, len))
        };
        let (file, len) = open().with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self { dir: dir.to_owned(), limits, number, file, len })
    }

    /// Writes and syncs whole lines; on an error the file is as before.
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.len > 0 && self.len + lines.len() as u64 > self.limits.file_bytes {
            self.rotate()?;
        }
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.file.set_len(self.len)?;
            self.file.seek(SeekFrom::Start(self.len))?;
            return Err(error);
        }
        self.len += lines.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let number = self.number + 1;
        let path = path(&self.dir, number);
        let file = OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
        File::open(&self.dir)?.sync_all()?;
        (self.file, self.number, self.len) = (file, number, 0);
        let numbers = numbers(&self.dir)?;
        for old in &numbers[..numbers.len().saturating_sub(self.limits.files)] {
            fs::remove_file(self::path(&self.dir, *old))?;
        }
        Ok(())
    }
}

fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("records-{number:010}.jsonl"))
}

fn numbers(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix("records-")?.strip_suffix(".jsonl"));
        numbers.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The length up to and with the last line end.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut whole = 0;
    let mut at = 0;
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(0))?;
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok(whole);
        }
        if let Some(end) = chunk.iter().rposition(|byte| *byte == b'\n') {
            whole = at + end as u64 + 1;
        }
        let len = chunk.len();
        at += len as u64;
        reader.consume(len);
    }
}

/// Reads a file's lines; those that are no records (a torn tail, a damaged sector) are passed over and told.
fn read<T: DeserializeOwned>(path: &Path, mut each: impl FnMut(T)) -> anyhow::Result<()> {
    let failed = || format!("cannot read {}", path.display());
    let mut reader = BufReader::new(File::open(path).with_context(failed)?);
    let (mut line, mut number) = (Vec::new(), 0_u64);
    loop {
        line.clear();
        let len = io::Read::take(&mut reader, MAX_LINE as u64).read_until(b'\n', &mut line).with_context(failed)?;
        if len == 0 {
            return Ok(());
        }
        number += 1;
        match serde_json::from_slice(&line) {
            Ok(record) => each(record),
            Err(error) => tracing::warn!(file = %path.display(), line = number, %error, "not a record: passed over"),
        }
    }
}

/// Starts the thread that writes. It ends, with everything queued safe, when all senders are gone.
pub(crate) fn start(log: RecordLog, stats: Arc<Stats>) -> io::Result<(mpsc::Sender<Entry>, oneshot::Receiver<()>)> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let (done, ended) = oneshot::channel();
    std::thread::Builder::new().name("record-log".to_owned()).spawn(move || {
        run(log, receiver, &stats);
        let _ = done.send(());
    })?;
    Ok((sender, ended))
}

fn run(mut log: RecordLog, mut queue: mpsc::Receiver<Entry>, stats: &Stats) {
    let mut lines = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            let Ok(next) = queue.try_recv() else { break };
            batch.push(next);
        }
        lines.clear();
        let records = batch.iter().filter_map(|entry| entry.record.as_deref());
        let stored = records.clone().count() as u64;
        for record in records {
            // A vocabulary type with string keys only: writing it to memory cannot fail.
            if let Err(error) = serde_json::to_writer(&mut lines, record) {
                tracing::error!(%error, site = %record.site, "record cannot be written as JSON");
            }
            lines.push(b'\n');
        }
        if !write_until_safe(&mut log, &lines, &queue, stats) {
            return;
        }
        stats.records_stored.fetch_add(stored, Relaxed);
        stats.records_acknowledged.fetch_add(batch.len() as u64, Relaxed);
        batch.into_iter().for_each(|entry| (entry.ack)());
    }
}

/// `false` if the daemon stops before the disk would take the lines; nothing of them is acknowledged then.
fn write_until_safe(log: &mut RecordLog, lines: &[u8], queue: &mpsc::Receiver<Entry>, stats: &Stats) -> bool {
    let mut last_attempts = 0;
    while !lines.is_empty() {
        match log.append(lines) {
            Ok(()) => break,
            Err(error) => tracing::error!(%error, dir = %log.dir.display(), "cannot store records; trying again"),
        }
        stats.record_log_failing.store(true, Relaxed);
        last_attempts += u32::from(queue.is_closed());
        if last_attempts > LAST_ATTEMPTS {
            return false;
        }
        std::thread::sleep(RETRY);
    }
    stats.record_log_failing.store(false, Relaxed);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_units::Utc;
    use jxz_world::{Drops, NodeHealth, RecordBody};

    fn record(sequence: u64) -> Record {
        let health = NodeHealth {
            at: Utc::from_unix_ms(1_786_270_272_000),
            uptime_s: 1.5,
            software_version: "0.1.0".into(),
            map_version: "m".into(),
            sensors: vec![],
            latencies: vec![],
            drops: Drops::default(),
            tracks: 0,
            warnings: 0,
            subscribers: 0,
            spool: None,
            service: None,
            running: jxz_world::Running::default(),
        };
        Record { site: SiteId("north".into()), boot: 7, sequence, body: RecordBody::Health(health) }
    }

    fn open(dir: &Path, limits: Records) -> (RecordLog, Vec<Record>) {
        let mut recent = Vec::new();
        let log = RecordLog::open(dir, limits, &mut |found| match found {
            Found::Record(record) => recent.push(*record),
            Found::Key(_) => {}
        });
        (log.unwrap(), recent)
    }

    fn line(sequence: u64) -> Vec<u8> {
        let mut line = serde_json::to_vec(&record(sequence)).unwrap();
        line.push(b'\n');
        line
    }

    #[test]
    fn what_was_acknowledged_is_there_after_a_restart_and_a_torn_tail_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (log, recent) = open(dir.path(), Records::default());
        assert!(recent.is_empty());
        let (queue, ended) = start(log, Arc::default()).unwrap();
        let (sender, acks) = std::sync::mpsc::channel();
        for sequence in 0..100 {
            let sender = sender.clone();
            let ack = Box::new(move || sender.send(sequence).unwrap());
            let record = (sequence % 10 != 9).then(|| Box::new(record(sequence)));
            assert!(queue.try_send(Entry { record, ack }).is_ok());
        }
        drop((queue, sender));
        ended.blocking_recv().unwrap();
        assert_eq!(acks.iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>(), "in order, repeats too");

        // The power fails in the middle of the next line.
        let file = path(dir.path(), 1);
        let mut torn = OpenOptions::new().append(true).open(&file).unwrap();
        torn.write_all(&line(100)[..40]).unwrap();
        let (mut log, recent) = open(dir.path(), Records::default());
        let expected: Vec<Record> = (0..100).filter(|n| n % 10 != 9).map(record).collect();
        assert_eq!(recent, expected);
        log.append(&line(101)).unwrap();
        let (_, recent) = open(dir.path(), Records::default());
        assert_eq!(recent.last(), Some(&record(101)), "the new line does not continue the torn one");
    }

    #[test]
    fn files_are_bounded_in_size_and_number() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Records { file_bytes: 4096, files: 3 };
        let (mut log, _) = open(dir.path(), limits);
        for sequence in 0..200 {
            log.append(&line(sequence)).unwrap();
        }
        let numbers = numbers(dir.path()).unwrap();
        assert_eq!(numbers.len(), 3);
        assert!(numbers.iter().all(|n| fs::metadata(path(dir.path(), *n)).unwrap().len() <= 4096));
        let (_, recent) = open(dir.path(), limits);
        assert_eq!(recent.last(), Some(&record(199)));
        // Every record that is kept is recalled, whatever file it is in.
        let mut kept = Vec::new();
        RecordLog::open(dir.path(), limits, &mut |found| {
            kept.push(match found {
                Found::Key(key) => key.sequence,
                Found::Record(record) => record.sequence,
            });
        })
        .unwrap();
        assert_eq!(kept, (200 - kept.len() as u64..200).collect::<Vec<_>>());
        assert!(kept.len() > recent.len());
    }

    #[test]
    fn a_damaged_line_costs_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = [line(1), line(2), line(3)].concat();
        let middle = line(1).len() + 5;
        bytes[middle] = 0xff;
        fs::write(path(dir.path(), 4), bytes).unwrap();
        let (_, recent) = open(dir.path(), Records::default());
        assert_eq!(recent, [record(1), record(3)]);
    }
}
