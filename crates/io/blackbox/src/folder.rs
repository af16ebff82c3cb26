//! A folder of finished files, held to a size: the oldest goes first.

use crate::error::BlackBoxError;
use jxz_units::Utc;
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

const EXTENSION: &str = "mcap";
/// More files than this are not looked at.
const MAX_FILES: usize = 100_000;

/// A ring's file: boots are milliseconds since 1970, so names in order are files in order of time.
pub(crate) fn name(boot: u64, part: u64) -> String {
    format!("{boot:013}-{part:06}.{EXTENSION}")
}

/// Boot and part of a ring's file.
pub(crate) fn number(file: &Path) -> Option<(u64, u64)> {
    let (boot, part) = file.file_name()?.to_str()?.strip_suffix(".mcap")?.split_once('-')?;
    (boot.len() >= 13 && part.len() == 6).then_some((boot.parse().ok()?, part.parse().ok()?))
}

/// What a folder may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) bytes: u64,
    pub(crate) files: usize,
    /// What ended before this goes.
    pub(crate) since: Option<Utc>,
}

struct Kept {
    path: PathBuf,
    bytes: u64,
    ended: Utc,
}

pub(crate) struct Folder {
    path: PathBuf,
    /// Oldest first.
    files: VecDeque<Kept>,
    bytes: u64,
    deleted: u64,
}

impl Folder {
    /// Makes the folder if need be, and counts what is there.
    pub(crate) fn open(path: &Path) -> Result<Self, BlackBoxError> {
        let failed = |action| move |source| BlackBoxError::Folder { action, path: path.display().to_string(), source };
        fs::create_dir_all(path).map_err(failed("make the folder"))?;
        let mut folder = Self { path: path.to_owned(), files: VecDeque::new(), bytes: 0, deleted: 0 };
        let mut there = Vec::new();
        for entry in fs::read_dir(path).map_err(failed("look into"))?.take(MAX_FILES) {
            let entry = entry.map_err(failed("look into"))?;
            if entry.path().extension().is_some_and(|extension| extension == EXTENSION) {
                there.push(entry.path());
            }
        }
        there.sort();
        for path in there {
            let ended = fs::metadata(&path).and_then(|file| file.modified()).ok();
            let ended = ended.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_nanos());
            folder.add(path, Utc::from_unix_ns(i64::try_from(ended).unwrap_or(i64::MAX)));
        }
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Counts a file that is finished, or given up.
    pub(crate) fn add(&mut self, path: PathBuf, ended: Utc) {
        let bytes = size(&path);
        self.bytes += bytes;
        self.files.push_back(Kept { path, bytes, ended });
    }

    /// Deletes the oldest files until the others, with `open_bytes` of the one being written, have room. One that cannot
    /// be deleted is not counted any more, or it would hold up all others.
    pub(crate) fn trim(&mut self, room: Room, open_bytes: u64) {
        while let Some(oldest) = self.files.front() {
            let full = self.bytes + open_bytes > room.bytes || self.files.len() >= room.files.max(1);
            if !full && room.since.is_none_or(|since| oldest.ended >= since) {
                return;
            }
            let Some(oldest) = self.files.pop_front() else { return };
            self.bytes -= oldest.bytes;
            if fs::remove_file(&oldest.path).is_ok() {
                self.deleted += 1;
            }
        }
    }

    /// Files, their bytes, and how many were deleted.
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        (self.files.len() as u64, self.bytes, self.deleted)
    }
}

pub(crate) fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}
