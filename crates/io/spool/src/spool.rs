//! The spool: taken in, made durable, given out in order, forgotten once arrived.

use crate::error::disk;
use crate::frame::{self, Content, HEAD, SEGMENT_HEAD};
use crate::ledger::{self, Ledger};
use crate::{Files, Importance, SpoolError};
use core::time::Duration;
use jxz_units::Utc;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// The most bytes of one record; a sixteenth of [`Limits::max_bytes`] if that is less, and a little less for its head.
pub const MAX_RECORD_BYTES: usize = 1 << 20;
/// A segment costs its folder entry and, on average, half a block beside its bytes: many small ones count too.
pub(crate) const SEGMENT_COST: u64 = 4096;
/// The ledger is written this often while there is something new in it: what arrived since is sent again after a loss
/// of power, and the cloud has it once all the same.
const LEDGER_PERIOD: Duration = Duration::from_secs(5);
/// Settled segments are deleted this often.
const DELETE_PERIOD: Duration = Duration::from_secs(1);
/// Attempts to read a record before it is given up as damaged.
const READ_ATTEMPTS: u32 = 3;
/// What was dropped and has not been asked for; beyond it, it is only counted.
const MAX_DROPPED: usize = 10_000;

/// How much a spool keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes on disk, a block for each segment included. Beyond seven eighths, the least important records are dropped
    /// down to three quarters. One segment more is used while segments are put together.
    pub max_bytes: u64,
    /// Records older than this are dropped, by the wall clock.
    pub max_age: Duration,
    /// Records in memory that are not durable yet, while the disk refuses; beyond it, the least important is dropped.
    pub max_staged: usize,
}

impl Limits {
    /// Less than this cannot hold a handful of records.
    pub const MIN_BYTES: u64 = 64 << 10;

    /// A segment ends before it grows beyond this.
    pub(crate) fn segment_bytes(&self) -> u64 {
        (self.max_bytes / 16).clamp(4 << 10, 1 << 20)
    }
}

impl Default for Limits {
    /// 64 MiB, a week, 4096 records.
    fn default() -> Self {
        Self { max_bytes: 64 << 20, max_age: Duration::from_secs(7 * 86_400), max_staged: 4096 }
    }
}

/// A record given out to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its id: rises from record to record, over restarts too, and is never given again.
    pub id: u64,
    /// How important it is.
    pub importance: Importance,
    /// The record.
    pub record: Vec<u8>,
}

/// A record that will not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// There was no room.
    NoRoom(u64, Importance),
    /// It was too old.
    TooOld(u64, Importance),
    /// Its bytes on disk were damaged.
    Damaged(u64, Importance),
}

/// How a spool does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpoolStats {
    /// Records that have not arrived: on disk and in memory.
    pub pending: u64,
    /// Those of them that are in memory only.
    pub staged: u64,
    /// Bytes on disk, with what each segment costs.
    pub bytes: u64,
    /// When the oldest of the pending ones was appended.
    pub oldest: Option<Utc>,
    /// Records found when the spool was opened.
    pub recovered: u64,
    /// Records made durable since then.
    pub durable: u64,
    /// Records dropped for want of room or for age, by importance, rising; counts go on over restarts.
    pub dropped: [u64; Importance::ALL.len()],
    /// Records lost to damage on disk; goes on over restarts. A record that a loss of power tore before it was durable
    /// can be among them.
    pub damaged: u64,
    /// Bytes cut off that a crash had left unfinished, when the spool was opened.
    pub torn_bytes: u64,
    /// Whether the disk refused at the last commit.
    pub failing: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Memory,
    Disk { segment: u64, offset: u64, len: usize },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) importance: Importance,
    pub(crate) at: Utc,
    pub(crate) place: Place,
}

/// A file of frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct Segment {
    pub(crate) bytes: u64,
    /// Records that are not settled, and the bytes of their frames.
    pub(crate) live: u64,
    pub(crate) live_bytes: u64,
    pub(crate) ids: Option<(u64, u64)>,
    pub(crate) next_ordinal: u32,
}

impl Segment {
    pub(crate) fn cost(&self) -> u64 {
        self.bytes + SEGMENT_COST
    }

    /// The place of the next frame.
    pub(crate) fn take_ordinal(&mut self) -> u32 {
        let ordinal = self.next_ordinal;
        self.next_ordinal = ordinal.saturating_add(1);
        ordinal
    }

    pub(crate) fn note(&mut self, id: u64) {
        let (first, last) = self.ids.unwrap_or((id, id));
        self.ids = Some((first.min(id), last.max(id)));
    }
}

/// See the crate's documentation. Not a step of it waits for anything but the disk.
#[derive(Debug)]
pub struct Spool<F> {
    pub(crate) files: F,
    pub(crate) limits: Limits,
    /// Every record that has not arrived.
    pub(crate) index: BTreeMap<u64, Entry>,
    /// Segments that hold a record beside the one that the index names: see recovery.
    pub(crate) copies: BTreeMap<u64, Vec<u64>>,
    pub(crate) staged: BTreeMap<u64, Vec<u8>>,
    pub(crate) segments: BTreeMap<u64, Segment>,
    /// The segment being written.
    pub(crate) active: Option<u64>,
    pub(crate) next_segment: u64,
    /// Given out and not settled.
    pub(crate) out: BTreeSet<u64>,
    /// The first id that has not been given out.
    cursor: u64,
    /// What the next ledger will say, but for `next_id`, which is the next id to be given.
    pub(crate) ledger: Ledger,
    /// Every id below is known as given on disk, by the ledger.
    ledger_next_id: u64,
    dirty: bool,
    /// Records were dropped that the ledger does not count yet.
    uncounted: bool,
    /// Ids have leapt over damage, and only the damage tells of it so far.
    pub(crate) leapt: bool,
    ledger_at: Utc,
    deleted_at: Utc,
    read_failures: (u64, u32),
    pub(crate) dropped: Vec<Dropped>,
    pub(crate) counts: SpoolStats,
}

pub(crate) fn segment_name(number: u64) -> String {
    format!("segment-{number:020}")
}

/// Whether `period` has passed from `then` to `now`, or the clock was set back.
fn is_due(then: Utc, now: Utc, period: Duration) -> bool {
    now < then || now >= then + period
}

impl<F: Files> Spool<F> {
    /// A spool of nothing, for recovery to fill.
    pub(crate) fn empty(files: F, limits: Limits, now: Utc) -> Self {
        Self {
            files,
            limits,
            index: BTreeMap::new(),
            copies: BTreeMap::new(),
            staged: BTreeMap::new(),
            segments: BTreeMap::new(),
            active: None,
            next_segment: 1,
            out: BTreeSet::new(),
            cursor: 0,
            ledger: Ledger { next_id: 1, ..Ledger::default() },
            ledger_next_id: 0,
            dirty: false,
            uncounted: false,
            leapt: false,
            ledger_at: now,
            deleted_at: now,
            read_failures: (0, 0),
            dropped: Vec::new(),
            counts: SpoolStats::default(),
        }
    }

    /// Takes a record in. It waits in memory for the next [`Spool::commit`]; with as many waiting as may, the least
    /// important of them goes, which may be this one.
    ///
    /// # Errors
    /// [`SpoolError::TooLarge`]; nothing is taken in.
    pub fn append(&mut self, now: Utc, importance: Importance, record: Vec<u8>) -> Result<u64, SpoolError> {
        let segment = usize::try_from(self.limits.segment_bytes()).unwrap_or(MAX_RECORD_BYTES);
        let most = segment.min(MAX_RECORD_BYTES) - HEAD - SEGMENT_HEAD.len();
        if record.len() > most {
            return Err(SpoolError::TooLarge { bytes: record.len(), most });
        }
        let id = self.ledger.next_id;
        self.ledger.next_id += 1;
        self.index.insert(id, Entry { importance, at: now, place: Place::Memory });
        self.staged.insert(id, record);
        if self.staged.len() > self.limits.max_staged.max(1) {
            let in_memory = self.staged.keys().filter(|id| !self.out.contains(id));
            let least = in_memory.filter_map(|id| Some((self.index.get(id)?.importance, *id))).min();
            if let Some((importance, id)) = least {
                self.drop_record(Dropped::NoRoom(id, importance));
            }
        }
        Ok(id)
    }

    /// Makes durable what was appended: one write and one sync, unless it is more than a segment takes. Drops what is
    /// too old, and what is least important where there is no room; keeps the ledger.
    ///
    /// # Errors
    /// The disk refuses. A part may have become durable; the rest still waits, and the next call tries again.
    pub fn commit(&mut self, now: Utc) -> Result<(), SpoolError> {
        self.expire(now);
        let done = self.commit_staged();
        self.counts.failing = done.is_err();
        // After the records: they are worth more than the ledger.
        done.and(self.tidy(now))
    }

    fn commit_staged(&mut self) -> Result<(), SpoolError> {
        while !self.staged.is_empty() {
            let staged: u64 = self.staged.values().map(|record| (HEAD + record.len()) as u64).sum();
            self.make_room(staged.min(self.limits.segment_bytes()) + SEGMENT_COST)?;
            let batch = self.next_batch();
            self.write(&batch)?;
        }
        Ok(())
    }

    /// The ids that go into the segment being written, or into a new one if not one fits.
    fn next_batch(&mut self) -> Vec<u64> {
        let limit = self.limits.segment_bytes();
        let sizes = || self.staged.iter().map(|(id, record)| (*id, (HEAD + record.len()) as u64));
        let first = sizes().next().map_or(0, |(_, len)| len);
        let mut used = self.active.and_then(|number| self.segments.get(&number)).map_or(0, |segment| segment.bytes);
        if used > 0 && used + first > limit {
            self.active = None;
            used = 0;
        }
        let mut batch = Vec::new();
        for (id, len) in sizes() {
            if !batch.is_empty() && used + len > limit {
                break;
            }
            used += len;
            batch.push(id);
        }
        batch
    }

    fn write(&mut self, batch: &[u64]) -> Result<(), SpoolError> {
        let (number, fresh) = match self.active {
            Some(number) => (number, false),
            None => (self.next_segment, true),
        };
        let mut segment = self.segments.get(&number).cloned().unwrap_or_default();
        let mut bytes = if fresh { SEGMENT_HEAD.to_vec() } else { Vec::new() };
        let mut places = Vec::with_capacity(batch.len());
        for &id in batch {
            let (Some(entry), Some(record)) = (self.index.get(&id), self.staged.get(&id)) else { continue };
            let start = bytes.len();
            let content = Content { id, at: entry.at, importance: entry.importance, record };
            frame::put(&mut bytes, segment.take_ordinal(), &content);
            segment.note(id);
            let len = bytes.len() - start;
            (segment.live, segment.live_bytes) = (segment.live + 1, segment.live_bytes + len as u64);
            places.push((id, Place::Disk { segment: number, offset: segment.bytes + start as u64, len }));
        }
        if let Err(error) = self.write_durably(number, fresh, &bytes) {
            self.abandon(number, fresh);
            return Err(error);
        }
        segment.bytes += bytes.len() as u64;
        self.segments.insert(number, segment);
        (self.active, self.next_segment) = (Some(number), self.next_segment.max(number + 1));
        self.counts.durable += places.len() as u64;
        for (id, place) in places {
            self.staged.remove(&id);
            if let Some(entry) = self.index.get_mut(&id) {
                entry.place = place;
            }
        }
        Ok(())
    }

    pub(crate) fn write_durably(&mut self, number: u64, fresh: bool, bytes: &[u8]) -> Result<(), SpoolError> {
        let name = segment_name(number);
        if fresh {
            self.files.create(&name).map_err(disk("make", &name))?;
        }
        self.files.append(&name, bytes).map_err(disk("write", &name))?;
        self.files.sync(&name).map_err(disk("sync", &name))?;
        if fresh {
            self.files.sync_names().map_err(disk("sync the name of", &name))?;
        }
        Ok(())
    }

    /// After a failure nobody knows what of the last write is on disk, and a later sync that succeeds would not tell
    /// (<https://wiki.postgresql.org/wiki/Fsync_Errors>): the segment is not written to again.
    pub(crate) fn abandon(&mut self, number: u64, fresh: bool) {
        self.active = None;
        self.next_segment = self.next_segment.max(number + 1);
        let name = segment_name(number);
        // Should these fail as well: what is behind the durable part are copies of records that will be written again,
        // under the same ids.
        if fresh {
            let _ = self.files.remove(&name);
        } else if let Some(segment) = self.segments.get(&number) {
            let _ = self.files.truncate(&name, segment.bytes);
        }
    }

    /// The next record to be sent: in the order of appending, over restarts too, each once in the life of this value.
    /// What is not durable yet is not given out, unless the disk refuses: a broken disk must not silence the node.
    ///
    /// # Errors
    /// The disk does not give a record that is on it; the next call tries again.
    pub fn take_next(&mut self) -> Result<Option<Outgoing>, SpoolError> {
        while let Some((&id, &entry)) = self.index.range(self.cursor..).next() {
            let record = match entry.place {
                Place::Memory if !self.counts.failing => return Ok(None),
                Place::Memory => self.staged.get(&id).cloned(),
                Place::Disk { segment, offset, len } => self.read(id, segment, offset, len)?,
            };
            self.cursor = id + 1;
            if let Some(record) = record {
                self.out.insert(id);
                return Ok(Some(Outgoing { id, importance: entry.importance, record }));
            }
            self.drop_record(Dropped::Damaged(id, entry.importance));
        }
        Ok(None)
    }

    /// `None`: it is damaged.
    fn read(&mut self, id: u64, segment: u64, offset: u64, len: usize) -> Result<Option<Vec<u8>>, SpoolError> {
        let name = segment_name(segment);
        match self.files.read_at(&name, offset, len) {
            Ok(bytes) => {
                let whole = frame::parse(&bytes, 0).is_some_and(|frame| frame.id == id && frame.len == len);
                Ok(whole.then(|| bytes[HEAD..].to_vec()))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound) => Ok(None),
            Err(error) => {
                let (last, failures) = self.read_failures;
                self.read_failures = (id, if last == id { failures + 1 } else { 1 });
                if self.read_failures.1 >= READ_ATTEMPTS { Ok(None) } else { Err(disk("read", &name)(error)) }
            }
        }
    }

    /// A record given out has arrived, or never can: it is forgotten. An unknown id changes nothing.
    pub fn acknowledge(&mut self, id: u64) {
        self.out.remove(&id);
        self.settle(id);
    }

    /// Takes a record out of the index and out of its segment's account.
    fn settle(&mut self, id: u64) {
        let Some(entry) = self.index.remove(&id) else { return };
        match entry.place {
            Place::Memory => {
                self.staged.remove(&id);
            }
            Place::Disk { segment, len, .. } => {
                self.ledger.settled.insert(id);
                self.dirty = true;
                for holder in std::iter::once(segment).chain(self.copies.remove(&id).unwrap_or_default()) {
                    if let Some(segment) = self.segments.get_mut(&holder) {
                        segment.live = segment.live.saturating_sub(1);
                        segment.live_bytes = segment.live_bytes.saturating_sub(len as u64);
                    }
                }
            }
        }
    }

    /// Counts a record that will not arrive, and forgets it.
    pub(crate) fn drop_record(&mut self, dropped: Dropped) {
        let id = match dropped {
            Dropped::NoRoom(id, importance) | Dropped::TooOld(id, importance) => {
                self.ledger.dropped[usize::from(importance.code())] += 1;
                id
            }
            Dropped::Damaged(id, _) => {
                self.ledger.damaged += 1;
                id
            }
        };
        (self.dirty, self.uncounted) = (true, true);
        self.settle(id);
        if self.dropped.len() < MAX_DROPPED {
            self.dropped.push(dropped);
        }
    }

    fn expire(&mut self, now: Utc) {
        let too_old = |entry: &Entry| entry.at + self.limits.max_age < now;
        let old = self.index.iter().take_while(|(_, entry)| too_old(entry));
        let old: Vec<_> = old.filter(|(id, _)| !self.out.contains(id)).map(|(id, e)| (*id, e.importance)).collect();
        old.into_iter().for_each(|(id, importance)| self.drop_record(Dropped::TooOld(id, importance)));
    }

    /// Deletes settled segments and writes the ledger, as often as they are due.
    fn tidy(&mut self, now: Utc) -> Result<(), SpoolError> {
        if is_due(self.deleted_at, now, DELETE_PERIOD) {
            self.deleted_at = now;
            self.delete_settled()?;
        }
        if self.dirty && is_due(self.ledger_at, now, LEDGER_PERIOD) {
            self.ledger_at = now;
            self.write_ledger()?;
        }
        Ok(())
    }

    /// Writes what has arrived into the ledger, for the next start to send less of it again. For a clean end; without it
    /// nothing is lost.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn close(mut self) -> Result<(), SpoolError> {
        self.delete_settled()?;
        if self.dirty { self.write_ledger() } else { Ok(()) }
    }

    pub(crate) fn delete_settled(&mut self) -> Result<(), SpoolError> {
        let settled =
            self.segments.iter().filter(|(number, segment)| segment.live == 0 && Some(**number) != self.active);
        let settled: Vec<u64> = settled.map(|(number, _)| *number).collect();
        self.delete(&settled)
    }

    /// Deletes segments, but never the last trace of the highest id given.
    pub(crate) fn delete(&mut self, numbers: &[u64]) -> Result<(), SpoolError> {
        let last_of = |segment: &Segment| segment.ids.map_or(0, |(_, last)| last);
        let rest = self.segments.iter().filter(|(number, _)| !numbers.contains(number));
        let kept = rest.map(|(_, segment)| last_of(segment)).max().unwrap_or(0);
        let gone = numbers.iter().filter_map(|number| self.segments.get(number)).map(last_of).max().unwrap_or(0);
        let last_trace = gone > kept && gone >= self.ledger_next_id;
        let mut spared = None;
        if last_trace || ((self.uncounted || self.leapt) && !numbers.is_empty()) {
            match self.write_ledger() {
                Ok(()) => {}
                // On a full disk deleting is the way to room, and room is worth more than the count.
                Err(SpoolError::Disk { source, .. }) if source.kind() == io::ErrorKind::StorageFull && !self.leapt => {
                    spared = last_trace.then_some(gone);
                }
                Err(error) => return Err(error),
            }
        }
        for number in numbers {
            if spared.is_some() && self.segments.get(number).map(last_of) == spared {
                continue;
            }
            let name = segment_name(*number);
            match self.files.remove(&name) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(disk("delete", &name)(error)),
            }
            if let Some((first, last)) = self.segments.remove(number).and_then(|segment| segment.ids) {
                self.forget_settled(first, last);
            }
        }
        Ok(())
    }

    /// The ledger need not say that a record is settled which is in no segment any more.
    pub(crate) fn forget_settled(&mut self, first: u64, last: u64) {
        let held = |id: u64| self.segments.values().any(|s| s.ids.is_some_and(|(a, b)| (a..=b).contains(&id)));
        let gone: Vec<u64> = self.ledger.settled.range(first..=last).copied().filter(|id| !held(*id)).collect();
        for id in gone {
            self.ledger.settled.remove(&id);
        }
    }

    pub(crate) fn write_ledger(&mut self) -> Result<(), SpoolError> {
        let bytes = self.ledger.encode();
        let mut write = || {
            self.files.create(ledger::DRAFT)?;
            self.files.append(ledger::DRAFT, &bytes)?;
            self.files.sync(ledger::DRAFT)?;
            self.files.rename(ledger::DRAFT, ledger::NAME)?;
            self.files.sync_names()
        };
        if let Err(error) = write() {
            let _ = self.files.remove(ledger::DRAFT);
            return Err(disk("replace", ledger::NAME)(error));
        }
        self.ledger_next_id = self.ledger.next_id;
        (self.dirty, self.uncounted, self.leapt) = (false, false, false);
        Ok(())
    }

    /// What was dropped since this was last asked: at most 10,000 of it, the rest is only counted.
    pub fn take_dropped(&mut self) -> Vec<Dropped> {
        std::mem::take(&mut self.dropped)
    }

    /// How it does.
    #[must_use]
    pub fn stats(&self) -> SpoolStats {
        SpoolStats {
            pending: self.index.len() as u64,
            staged: self.staged.len() as u64,
            bytes: self.disk_bytes(),
            oldest: self.index.values().next().map(|entry| entry.at),
            dropped: self.ledger.dropped,
            damaged: self.ledger.damaged,
            ..self.counts.clone()
        }
    }

    pub(crate) fn disk_bytes(&self) -> u64 {
        self.segments.values().map(Segment::cost).sum()
    }

    /// What was known on disk of ids given, after recovery.
    pub(crate) fn start_ids(&mut self, ledger_next_id: u64) {
        self.ledger_next_id = ledger_next_id;
        self.cursor = 0;
    }
}
