//! Clips: what was around an urgent warning, kept apart from the ring.

use crate::error::BlackBoxError;
use crate::folder::{self, Folder, Room};
use crate::recent::Recents;
use crate::recorder::Settings;
use crate::ring::FLUSH_PERIOD;
use crate::tape::Sheet;
use crate::transcript::Written;
use jxz_units::{Instant, Now, Utc};
use jxz_wire::journal::v1 as wire;
use jxz_world::{Level, Record, RecordBody, WarningId, WarningStage};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Duration;

/// However many urgent warnings follow each other, a clip ends after this.
const LONGEST: Duration = Duration::from_secs(120);
/// Urgent warnings that are remembered, so that each begins one clip.
const REMEMBERED: usize = 1024;

/// With each step that comes so many of those before it are written, and so many times its bytes. A clip begins with seconds
/// of steps: written at once they held up the thread until its queue was full.
const CATCH_UP: usize = 4;

struct Open {
    sheet: Sheet<BufWriter<File>>,
    path: PathBuf,
    began: Instant,
    until: Instant,
    flushed: Instant,
    /// The place of the first of the recent steps that is not written yet.
    next: u64,
    /// What it had when it was flushed.
    bytes: u64,
}

pub(crate) struct Clips {
    head: wire::Head,
    folder: Folder,
    room: Room,
    before: Duration,
    after: Duration,
    recent: Recents,
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
            recent: Recents::default(),
            known: BTreeSet::new(),
            open: None,
        })
    }

    /// Takes a step in, and begins, goes on with or ends a clip. After an error the clip is given up.
    pub(crate) fn take(&mut self, step: &Written, context: &dyn Fn() -> Vec<wire::Step>) -> Result<(), BlackBoxError> {
        let (now, bytes) = (step.now, step.bytes.len());
        let urgent = step.warnings.iter().find_map(|record| newly_urgent(&mut self.known, record));
        self.recent.forget(earlier(now.mono, self.before), self.open.as_ref().map_or(u64::MAX, |open| open.next));
        self.recent.push(step);
        let written = self.try_take(now, bytes, urgent, context);
        if written.is_err()
            && let Some(Open { sheet, path, .. }) = self.open.take()
        {
            drop(sheet);
            self.folder.add(path, now.utc);
        }
        written
    }

    fn try_take(
        &mut self,
        now: Now,
        bytes: usize,
        urgent: Option<WarningId>,
        context: &dyn Fn() -> Vec<wire::Step>,
    ) -> Result<(), BlackBoxError> {
        match (&mut self.open, urgent) {
            (Some(open), Some(_)) => open.until = (now.mono + self.after).min(open.began + LONGEST),
            (None, Some(warning)) => self.begin(warning, now, context)?,
            _ => {}
        }
        self.catch_up(CATCH_UP, CATCH_UP * bytes)?;
        let Some(open) = &mut self.open else { return Ok(()) };
        if now.mono.since(open.flushed) >= FLUSH_PERIOD {
            open.flushed = now.mono;
            open.sheet.flush()?;
            open.bytes = folder::size(&open.path);
        }
        // One that is to end before it has all from before its warning goes on until it has.
        if now.mono >= open.until && open.next == self.recent.end() { self.end(now.utc) } else { Ok(()) }
    }

    fn begin(
        &mut self,
        warning: WarningId,
        now: Now,
        context: &dyn Fn() -> Vec<wire::Step>,
    ) -> Result<(), BlackBoxError> {
        self.folder.trim(self.room, 0);
        let next = self.recent.first_from(earlier(now.mono, self.before));
        let first = self.recent.get(next).map_or(0, |first| first.number);
        let head = wire::Head { steps_before: first, part: None, clip_of: Some(warning.0), ..self.head.clone() };
        let name = format!("{:013}-{:016x}.mcap", now.utc.unix_ms(), warning.0);
        let path = self.folder.path().join(name);
        let sheet = Sheet::create(&path, &head, &context())?;
        let until = now.mono + self.after;
        self.open = Some(Open { sheet, path, began: now.mono, until, flushed: now.mono, next, bytes: 0 });
        Ok(())
    }

    /// Writes the next `steps` of those that the clip does not have yet, and more until they have `bytes`.
    fn catch_up(&mut self, steps: usize, bytes: usize) -> Result<(), BlackBoxError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let mut written = (0, 0);
        while (written.0 < steps || written.1 < bytes)
            && let Some(step) = self.recent.get(open.next)
        {
            open.sheet.written(step.now.utc, step.bytes, step.warnings)?;
            open.next += 1;
            written = (written.0 + 1, written.1 + step.bytes.len());
        }
        Ok(())
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
        let written = self.catch_up(usize::MAX, usize::MAX);
        written.and(self.end(now))
    }

    /// Clips, their bytes, and how many were deleted for want of room.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        let (files, bytes, deleted) = self.folder.counts();
        let open = self.open.as_ref().map_or(0, |open| open.bytes);
        (files + u64::from(self.open.is_some()), bytes + open, deleted)
    }
}

/// So long before an instant, or the beginning.
fn earlier(now: Instant, by: Duration) -> Instant {
    Instant::ZERO + now.since(Instant::ZERO).saturating_sub(by)
}

/// The warning's number if it is urgent, and was not before.
fn newly_urgent(known: &mut BTreeSet<WarningId>, record: &Record) -> Option<WarningId> {
    let RecordBody::Warning(warning) = &record.body else { return None };
    let urgent = warning.level == Level::Urgent && warning.stage != WarningStage::Cancelled;
    if !urgent || !known.insert(warning.id) {
        return None;
    }
    if known.len() > REMEMBERED {
        known.pop_first();
    }
    Some(warning.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Entry, Recording};
    use jxz_geo::{Point, Polyline};
    use jxz_world::{Application, Cause, Place, SiteId, Warning};
    use prost::Message;
    use std::path::Path;

    const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

    fn clips(folder: &Path, after: Duration) -> Clips {
        let settings = Settings { after, ..Settings::new(folder.to_owned()) };
        Clips::open(&settings, wire::Head { format: crate::FORMAT, ..wire::Head::default() }).unwrap()
    }

    /// The step of this number, one every 10 ms: a radio frame of so many bytes.
    fn step(number: u64, bytes: usize) -> Written {
        let input = Some(wire::step::Input::Radio(vec![7; bytes]));
        let bytes = wire::Step { number, input, ..wire::Step::default() }.encode_to_vec().into_boxed_slice();
        let now = Now::after_start(START, Duration::from_millis(10 * number));
        Written { number, now, outputs: 0, bytes, warnings: Vec::new() }
    }

    fn urgent(step: Written) -> Written {
        let at = step.now.utc;
        let path = Polyline::new(vec![Point::new(0.0, 0.0), Point::new(10.0, 0.0)]).unwrap();
        let warning = Warning {
            id: WarningId(step.number),
            revision: 0,
            application: Application::Icw,
            level: Level::Urgent,
            stage: WarningStage::Raised,
            cause: Cause::Conflict { time_to_conflict_s: 1.0, post_encroachment_s: 0.1, closest_m: 0.2 },
            about: Vec::new(),
            concerned: Vec::new(),
            place: Place { at: Point::new(10.0, 0.0), path, radius_m: 4.0 },
            paths: Vec::new(),
            since: at,
            sensed_at: at,
            valid_until: at,
            confidence: 0.9,
        };
        let (site, body) = (SiteId("a".to_owned()), RecordBody::Warning(warning));
        Written { warnings: vec![Record { site, boot: 1, sequence: step.number, body }], ..step }
    }

    /// The numbers of the only clip's steps.
    fn numbers(folder: &Path) -> Vec<u64> {
        let clips: Vec<PathBuf> = std::fs::read_dir(folder.join("clips")).unwrap().map(|c| c.unwrap().path()).collect();
        assert_eq!(clips.len(), 1);
        let number = |entry| match entry {
            Ok(Entry::Step(step)) => Some(step.number),
            Ok(_) => None,
            Err(error) => panic!("{error}"),
        };
        Recording::open(&clips).unwrap().filter_map(number).collect()
    }

    #[test]
    fn what_was_before_a_warning_is_written_little_by_little_and_none_of_it_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let mut clips = clips(folder.path(), Duration::from_secs(10));
        let unwritten = |clips: &Clips| clips.open.as_ref().map(|open| clips.recent.end() - open.next);
        for number in 0..3000 {
            clips.take(&step(number, 100), &Vec::new).unwrap();
        }
        clips.take(&urgent(step(3000, 100)), &Vec::new).unwrap();
        let mut left = unwritten(&clips).unwrap();
        assert_eq!(left, 2001 - CATCH_UP as u64, "of 20 s, a hundred steps a second");
        for number in 3001..3660 {
            clips.take(&step(number, 100), &Vec::new).unwrap();
            let now = unwritten(&clips).unwrap();
            assert_eq!(now, left - (CATCH_UP as u64 - 1), "step {number}");
            left = now;
        }
        for number in 3660..4500 {
            clips.take(&step(number, 100), &Vec::new).unwrap();
        }
        assert_eq!(unwritten(&clips), None, "it ended 10 s after the warning");
        assert_eq!(numbers(folder.path()), (1000..=4000).collect::<Vec<_>>());
    }

    #[test]
    fn a_clip_that_is_to_end_at_once_ends_when_it_has_all_from_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut clips = clips(folder.path(), Duration::ZERO);
        // Numbers of two bytes each: steps of one size.
        for number in 200..=1200 {
            let step = step(number, 100);
            clips.take(&if number == 500 { urgent(step) } else { step }, &Vec::new).unwrap();
        }
        assert!(clips.open.is_none());
        assert_eq!(numbers(folder.path()), (200..=599).collect::<Vec<_>>(), "a third of what was before is after it");
    }

    #[test]
    fn large_steps_after_small_ones_do_not_pile_up_and_the_end_of_a_node_writes_what_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut clips = clips(folder.path(), Duration::from_secs(10));
        for number in 0..1500 {
            clips.take(&step(number, 100), &Vec::new).unwrap();
        }
        clips.take(&urgent(step(1500, 100)), &Vec::new).unwrap();
        let unwritten = |clips: &Clips| {
            let places = clips.open.as_ref().unwrap().next..clips.recent.end();
            places.map(|place| clips.recent.get(place).unwrap().bytes.len()).sum::<usize>()
        };
        let mut left = unwritten(&clips);
        for number in 1501..1503 {
            clips.take(&step(number, 10_000), &Vec::new).unwrap();
            let now = unwritten(&clips);
            assert!(now + 3 * 10_000 <= left, "step {number}: {now} bytes after {left}");
            left = now;
        }
        assert!(left > 0, "or the end has nothing to write");
        clips.close(START).unwrap();
        assert_eq!(numbers(folder.path()), (0..1503).collect::<Vec<_>>());
    }
}
