//! What a spool finds on disk when it is opened. Nothing of it stops the opening: damage costs what it hit.

use crate::frame::{self, Scan};
use crate::ledger::{self, Ledger};
use crate::spool::{Entry, Place, Segment, segment_name};
use crate::{DirFiles, Files, Limits, Spool, SpoolError};
use jxz_units::Utc;
use std::io;
use std::path::Path;

/// After damage nobody knows how far ids had come: they go on from the clock, or at least this much further.
const LEAP: u64 = 1 << 20;

impl Spool<DirFiles> {
    /// Opens the spool in a folder of its own, making it if need be. A full or read-only disk is no error here.
    ///
    /// # Errors
    /// The folder cannot be made or read, or another process has it.
    pub fn open_dir(folder: &Path, limits: Limits, now: Utc) -> Result<Self, SpoolError> {
        let files = DirFiles::open(folder)?;
        Self::open(files, limits, now).map_err(|source| SpoolError::Folder { folder: folder.to_owned(), source })
    }
}

/// What recovery learns on its way.
#[derive(Default)]
struct Found {
    highest: u64,
    damage: bool,
    /// Segments with something unreadable at their end, and where that begins.
    torn: Vec<(String, u64)>,
}

impl<F: Files> Spool<F> {
    /// Opens the spool in these files.
    ///
    /// # Errors
    /// Their names cannot be read.
    pub fn open(files: F, limits: Limits, now: Utc) -> io::Result<Self> {
        let mut spool = Self::empty(files, limits, now);
        let names = spool.files.list()?;
        let mut numbers: Vec<u64> =
            names.iter().filter_map(|name| name.strip_prefix("segment-")?.parse().ok()).collect();
        numbers.sort_unstable();
        if names.iter().any(|name| name == ledger::DRAFT) {
            let _ = spool.files.remove(ledger::DRAFT);
        }
        let mut found = Found::default();
        let known = names.iter().any(|name| name == ledger::NAME);
        let held =
            known.then(|| spool.files.read(ledger::NAME).ok().and_then(|bytes| Ledger::decode(&bytes))).flatten();
        found.damage |= known && held.is_none();
        let ledger_next_id = held.as_ref().map_or(0, |ledger| ledger.next_id);
        spool.ledger = held.unwrap_or_default();
        let newest = numbers.last().copied();
        for number in numbers {
            spool.recover_segment(number, newest == Some(number), &mut found);
        }
        spool.next_segment = newest.map_or(1, |number| number + 1);
        let mut next_id = ledger_next_id.max(found.highest + 1);
        if found.damage {
            next_id = (next_id + LEAP).max(u64::try_from(now.unix_ns()).unwrap_or(0));
        }
        spool.ledger.next_id = next_id;
        spool.start_ids(ledger_next_id);
        spool.forget_settled(0, u64::MAX);
        // Once cut, a damaged tail is forgotten: only when the ids' leap over it is on disk.
        spool.leapt = found.damage;
        if found.damage && spool.write_ledger().is_ok() {
            for (name, end) in found.torn {
                let _ = spool.files.truncate(&name, end);
            }
        }
        spool.counts.recovered = spool.index.len() as u64;
        Ok(spool)
    }

    fn recover_segment(&mut self, number: u64, newest: bool, found: &mut Found) {
        let name = segment_name(number);
        let Ok(bytes) = self.files.read(&name) else {
            // It stays where it is, for hands to look at: its records cannot be counted.
            self.ledger.damaged += 1;
            found.damage = true;
            return;
        };
        let Scan { frames, end, missing } = frame::scan(&bytes);
        if end < bytes.len() {
            // Behind the newest segment's last record is what a crash left unfinished; behind an older one's, damage.
            self.counts.torn_bytes += (bytes.len() - end) as u64;
            self.ledger.damaged += u64::from(!newest);
            found.damage = true;
            found.torn.push((name.clone(), end as u64));
        }
        self.ledger.damaged += missing;
        found.damage |= missing > 0;
        let mut segment = Segment { bytes: end as u64, ..Segment::default() };
        for frame in frames {
            found.highest = found.highest.max(frame.id);
            segment.note(frame.id);
            if self.ledger.settled.contains(&frame.id) {
                continue;
            }
            segment.live += 1;
            segment.live_bytes += frame.len as u64;
            // The same id twice is the same record: written again after an error, or moved when the power failed. Which
            // of the two is on disk and which only in the system's memory cannot be told, since a sync that failed once
            // succeeds the next time: both are kept.
            if self.index.contains_key(&frame.id) {
                self.copies.entry(frame.id).or_default().push(number);
                continue;
            }
            let place = Place::Disk { segment: number, offset: frame.offset as u64, len: frame.len };
            self.index.insert(frame.id, Entry { importance: frame.importance, at: frame.at, place });
        }
        self.segments.insert(number, segment);
        // After a mere restart it may be in the system's memory only, and from here on it counts as durable.
        let _ = self.files.sync(&name);
    }
}
