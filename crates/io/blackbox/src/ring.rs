//! The ring: one file after the other, the oldest deleted.

use crate::error::BlackBoxError;
use crate::folder::{self, Folder, Room};
use crate::recorder::Settings;
use crate::tape::Sheet;
use crate::transcript::{Transcript, Written};
use jxz_units::{Instant, Now};
use jxz_wire::journal::v1 as wire;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;

/// What a crash of the process can lose.
pub(crate) const FLUSH_PERIOD: Duration = Duration::from_secs(2);
/// One file is at most this part of the ring, so that deleting one makes room without losing much.
const FILES_AT_LEAST: u64 = 8;
/// Most files; more than a day of minutes.
const MAX_FILES: usize = 10_000;

struct Open {
    sheet: Sheet<BufWriter<File>>,
    path: PathBuf,
    began: Instant,
    flushed: Instant,
    /// What it had when it was flushed.
    bytes: u64,
}

pub(crate) struct Ring {
    head: wire::Head,
    folder: Folder,
    room: Room,
    max_age: Duration,
    file: Duration,
    open: Option<Open>,
    part: u64,
}

impl Ring {
    pub(crate) fn open(settings: &Settings, head: wire::Head, part: u64) -> Result<Self, BlackBoxError> {
        let room = Room { bytes: settings.max_bytes, files: MAX_FILES, since: None };
        let folder = Folder::open(&settings.folder.join("ring"))?;
        let (max_age, file) = (settings.max_age, settings.file);
        Ok(Self { head, folder, room, max_age, file, open: None, part })
    }

    /// The number of the next file.
    pub(crate) fn part(&self) -> u64 {
        self.part
    }

    /// Writes a step. After an error the file is given up.
    pub(crate) fn write(
        &mut self,
        step: &Written,
        context: (&Transcript, &dyn Fn() -> Vec<wire::Step>, Option<&wire::Gap>),
    ) -> Result<(), BlackBoxError> {
        let written = self.try_write(step, context);
        if written.is_err() {
            self.give_up(step.now);
        }
        written
    }

    fn try_write(
        &mut self,
        step: &Written,
        (transcript, before, gap): (&Transcript, &dyn Fn() -> Vec<wire::Step>, Option<&wire::Gap>),
    ) -> Result<(), BlackBoxError> {
        let now = step.now;
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let path = self.folder.path().join(folder::name(self.head.boot, self.part));
                let outputs_before = transcript.outputs() - step.outputs;
                let (steps_before, part) = (step.number, Some(self.part));
                let head = wire::Head { part, steps_before, outputs_before, ..self.head.clone() };
                self.part += 1;
                let sheet = Sheet::create(&path, &head, &before())?;
                self.open.insert(Open { sheet, path, began: now.mono, flushed: now.mono, bytes: 0 })
            }
        };
        if let Some(gap) = gap {
            open.sheet.gap(gap)?;
        }
        open.sheet.written(now.utc, &step.bytes, &step.warnings)?;
        if now.mono.since(open.flushed) >= FLUSH_PERIOD {
            open.flushed = now.mono;
            open.sheet.seal(&transcript.seal(step.number + 1))?;
            open.sheet.flush()?;
            open.bytes = folder::size(&open.path);
            let bytes = open.bytes;
            let is_over = now.mono.since(open.began) >= self.file || bytes >= self.room.bytes / FILES_AT_LEAST;
            self.room.since = Some(now.utc - self.max_age);
            self.folder.trim(self.room, bytes);
            if is_over {
                self.end(now)?;
            }
        }
        Ok(())
    }

    /// Ends the file; it was sealed just before.
    fn end(&mut self, now: Now) -> Result<(), BlackBoxError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let ended = open.sheet.finish();
        self.folder.add(open.path, now.utc);
        ended.map(|_| ())
    }

    fn give_up(&mut self, now: Now) {
        if let Some(Open { sheet, path, .. }) = self.open.take() {
            // It tries to write its end, which fails as what came before did.
            drop(sheet);
            self.folder.add(path, now.utc);
        }
    }

    /// Seals and ends what is being written.
    pub(crate) fn close(&mut self, now: Now, seal: &wire::Seal) -> Result<(), BlackBoxError> {
        let sealed = self.open.as_mut().map_or(Ok(()), |open| open.sheet.seal(seal));
        let ended = self.end(now);
        self.folder.trim(self.room, 0);
        sealed.and(ended)
    }

    /// Files, bytes, and files deleted for want of room or for their age.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let (files, bytes, deleted) = self.folder.counts();
        // As of its last flush: to ask the disk at each step cost a third of the thread's time.
        let open = self.open.as_ref().map_or(0, |open| open.bytes);
        (files + u64::from(self.open.is_some()), bytes + open, deleted)
    }
}
