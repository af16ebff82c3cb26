//! Clips: what was around an urgent warning, kept apart from the ring.

use crate::error::BlackBoxError;
use crate::folder::{self, Folder, Room};
use crate::recorder::Settings;
use crate::ring::FLUSH_PERIOD;
use crate::tape::Sheet;
use crate::transcript::Handled;
use jxz_units::{Instant, Utc};
use jxz_wire::journal::v1 as wire;
use jxz_world::{Level, Record, RecordBody, WarningId, WarningStage};
use prost::Message;
use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;

/// The steps before a warning that are held in memory have no more bytes than this; the oldest go first.
const RECENT_BYTES: usize = 16 << 20;
/// However many urgent warnings follow each other, a clip ends after this.
const LONGEST: Duration = Duration::from_secs(120);
/// Urgent warnings that are remembered, so that each begins one clip.
const REMEMBERED: usize = 1024;

/// A step that a clip may begin with: as bytes, which take less room than what they say.
struct Recent {
    number: u64,
    mono_ns: u64,
    utc: Utc,
    step: Box<[u8]>,
    warnings: Vec<Record>,
}

struct Open {
    sheet: Sheet<BufWriter<File>>,
    path: PathBuf,
    began: Instant,
    until: Instant,
    flushed: Instant,
}

pub(crate) struct Clips {
    head: wire::Head,
    folder: Folder,
    room: Room,
    before: Duration,
    after: Duration,
    recent: VecDeque<Recent>,
    recent_bytes: usize,
    known: BTreeSet<WarningId>,
    open: Option<Open>,
}

impl Clips {
    pub(crate) fn open(settings: &Settings, head: wire::Head) -> Result<Self, BlackBoxError> {
        let room = Room { bytes: settings.max_clip_bytes, files: settings.max_clips, since: None };
        Ok(Self {
            head,
            folder: Folder::open(&settings.folder.join("clips"))?,
            room,
            before: settings.before,
            after: settings.after,
            recent: VecDeque::new(),
            recent_bytes: 0,
            known: BTreeSet::new(),
            open: None,
        })
    }

    /// Takes a step in, and begins, goes on with or ends a clip. After an error the clip is given up.
    pub(crate) fn take(
        &mut self,
        step: wire::Step,
        handled: &Handled,
        context: &dyn Fn() -> Vec<wire::Step>,
    ) -> Result<(), BlackBoxError> {
        let warnings: Vec<Record> = handled.warnings().cloned().collect();
        let urgent = warnings.iter().find_map(|record| self.newly_urgent(record));
        self.forget(handled.now.mono);
        let written = self.try_take(&step, &warnings, urgent, handled, context);
        if written.is_err()
            && let Some(Open { sheet, path, .. }) = self.open.take()
        {
            drop(sheet);
            self.folder.add(path, handled.now.utc);
        }
        self.remember(&step, handled.now.utc, warnings);
        written
    }

    fn newly_urgent(&mut self, record: &Record) -> Option<WarningId> {
        let RecordBody::Warning(warning) = &record.body else { return None };
        let urgent = warning.level == Level::Urgent && warning.stage != WarningStage::Cancelled;
        if !urgent || !self.known.insert(warning.id) {
            return None;
        }
        if self.known.len() > REMEMBERED {
            self.known.pop_first();
        }
        Some(warning.id)
    }

    fn try_take(
        &mut self,
        step: &wire::Step,
        warnings: &[Record],
        urgent: Option<WarningId>,
        handled: &Handled,
        context: &dyn Fn() -> Vec<wire::Step>,
    ) -> Result<(), BlackBoxError> {
        let now = handled.now;
        match (&mut self.open, urgent) {
            (Some(open), Some(_)) => open.until = (now.mono + self.after).min(open.began + LONGEST),
            (None, Some(warning)) => self.begin(warning, step.number, handled, context)?,
            _ => {}
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        write(&mut open.sheet, step, now.utc, warnings)?;
        if now.mono.since(open.flushed) >= FLUSH_PERIOD {
            open.flushed = now.mono;
            open.sheet.flush()?;
        }
        if now.mono >= open.until { self.end(now.utc) } else { Ok(()) }
    }

    fn begin(
        &mut self,
        warning: WarningId,
        number: u64,
        handled: &Handled,
        context: &dyn Fn() -> Vec<wire::Step>,
    ) -> Result<(), BlackBoxError> {
        let now = handled.now;
        self.folder.trim(self.room, 0);
        let first = self.recent.front().map_or(number, |first| first.number);
        let head = wire::Head { steps_before: first, part: None, clip_of: Some(warning.0), ..self.head.clone() };
        let name = format!("{:013}-{:016x}.mcap", now.utc.unix_ms(), warning.0);
        let path = self.folder.path().join(name);
        let mut sheet = Sheet::create(&path, &head, &context())?;
        for recent in &self.recent {
            // They are our own bytes.
            if let Ok(step) = wire::Step::decode(&*recent.step) {
                write(&mut sheet, &step, recent.utc, &recent.warnings)?;
            }
        }
        let until = now.mono + self.after;
        self.open = Some(Open { sheet, path, began: now.mono, until, flushed: now.mono });
        Ok(())
    }

    fn remember(&mut self, step: &wire::Step, utc: Utc, warnings: Vec<Record>) {
        let recent = Recent {
            number: step.number,
            mono_ns: step.mono_ns,
            utc,
            step: step.encode_to_vec().into_boxed_slice(),
            warnings,
        };
        self.recent_bytes += recent.step.len();
        self.recent.push_back(recent);
    }

    /// Forgets what is older than a clip reaches back from `now`.
    fn forget(&mut self, now: Instant) {
        let before_ns = u64::try_from(self.before.as_nanos()).unwrap_or(u64::MAX);
        let is_over =
            |oldest: &Recent, bytes: usize| now.ns().saturating_sub(oldest.mono_ns) > before_ns || bytes > RECENT_BYTES;
        while self.recent.front().is_some_and(|oldest| is_over(oldest, self.recent_bytes))
            && let Some(oldest) = self.recent.pop_front()
        {
            self.recent_bytes -= oldest.step.len();
        }
    }

    fn end(&mut self, now: Utc) -> Result<(), BlackBoxError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let ended = open.sheet.finish();
        self.folder.add(open.path, now);
        self.folder.trim(Room { files: self.room.files + 1, ..self.room }, 0);
        ended.map(|_| ())
    }

    /// Ends what is being written.
    pub(crate) fn close(&mut self, now: Utc) -> Result<(), BlackBoxError> {
        self.end(now)
    }

    /// Clips, their bytes, and how many were deleted for want of room.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let (files, bytes, deleted) = self.folder.counts();
        let open = self.open.as_ref().map_or(0, |open| folder::size(&open.path));
        (files + u64::from(self.open.is_some()), bytes + open, deleted)
    }
}

fn write(
    sheet: &mut Sheet<BufWriter<File>>,
    step: &wire::Step,
    at: Utc,
    warnings: &[Record],
) -> Result<(), BlackBoxError> {
    sheet.step(step)?;
    warnings.iter().try_for_each(|record| sheet.warning(at, record))
}
