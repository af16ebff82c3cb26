//! Reading a black box: one file, or the files of a boot one after the other.

use crate::error::BlackBoxError;
use crate::{FORMAT, topic};
use jxz_journal::{JournalError, Reader};
use jxz_units::Utc;
use jxz_wire::journal::v1 as wire;
use jxz_wire::node::v1 as node;
use jxz_world::Record;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// The most steps that are told of the time before a file.
const MAX_BEFORE: usize = 4096;

/// Something in a recording.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A word to the brain and what it said.
    Step(Box<wire::Step>),
    /// Steps are missing here.
    Gap(wire::Gap),
    /// The digest so far.
    Seal(wire::Seal),
    /// A warning as it went to the cloud, and when.
    Warning(Utc, Box<Record>),
}

/// A file that is being read.
struct Open {
    name: String,
    head: wire::Head,
    before: Vec<wire::Step>,
    reader: Reader<Box<dyn Read>>,
    /// Read already, and not told of.
    next: Option<jxz_journal::Entry>,
}

/// Reads steps in order, and tells of those that are missing.
pub struct Recording {
    open: Open,
    files: VecDeque<PathBuf>,
    /// The number that the next step should have.
    expected: u64,
    /// Why steps are missing, if that was said.
    gap: Option<wire::Gap>,
    /// Told before anything else is read.
    ready: VecDeque<Entry>,
    ended: bool,
}

/// The files of a ring that lead up to this one from the beginning of its boot, it included; `None` if it is no file of
/// a ring, or one of them is gone.
#[must_use]
pub fn parts_before(file: &Path) -> Option<Vec<PathBuf>> {
    let (boot, part) = crate::folder::number(file)?;
    let folder = file.parent()?;
    let parts = (0..=part).map(|part| folder.join(crate::folder::name(boot, part)));
    // A ring has no more than some thousand files.
    let parts: Vec<PathBuf> = parts.take(100_000).collect();
    parts.iter().all(|part| part.exists()).then_some(parts)
}

impl Recording {
    /// Opens files that follow each other; one at least.
    ///
    /// # Errors
    /// The first cannot be read, or is no black box.
    pub fn open(files: &[PathBuf]) -> Result<Self, BlackBoxError> {
        let mut files: VecDeque<PathBuf> = files.iter().cloned().collect();
        let first = files.pop_front().ok_or(BlackBoxError::NoHead { file: "(no file)".to_owned() })?;
        Ok(Self::beginning(open(&first)?, files))
    }

    /// Reads one file from anything; errors call it `name`.
    ///
    /// # Errors
    /// It does not begin as a black box does.
    pub fn read(source: Box<dyn Read>, name: &str) -> Result<Self, BlackBoxError> {
        Ok(Self::beginning(Open::new(source, name)?, VecDeque::new()))
    }

    fn beginning(open: Open, files: VecDeque<PathBuf>) -> Self {
        let expected = open.head.steps_before;
        Self { open, files, expected, gap: None, ready: VecDeque::new(), ended: false }
    }

    /// What the recording is of.
    #[must_use]
    pub fn head(&self) -> &wire::Head {
        &self.open.head
    }

    /// Words from before that still held when it began.
    #[must_use]
    pub fn before(&self) -> &[wire::Step] {
        &self.open.before
    }

    fn advance(&mut self) -> Result<Option<Entry>, BlackBoxError> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(Some(entry));
            }
            let entry = match self.open.advance() {
                Ok(Some(entry)) => entry,
                // What a file that was cut off has lost shows in the numbers of the next.
                Ok(None) | Err(_) if !self.files.is_empty() => {
                    self.turn_over()?;
                    continue;
                }
                Ok(None) => return Ok(self.gap.take().map(Entry::Gap)),
                Err(error) => return Err(error.into()),
            };
            match entry.topic() {
                topic::STEPS => self.take_step(entry.decode()?)?,
                topic::GAPS => self.gap = Some(entry.decode()?),
                topic::SEALS => self.ready.push_back(Entry::Seal(entry.decode()?)),
                topic::WARNINGS => {
                    // It is there to be read; what does not read back is left out, the steps count.
                    if let Ok(record) = jxz_wire::record_from_wire(entry.decode::<node::Record>()?) {
                        self.ready.push_back(Entry::Warning(entry.logged, Box::new(record)));
                    }
                }
                _ => {}
            }
        }
    }

    fn take_step(&mut self, step: wire::Step) -> Result<(), BlackBoxError> {
        if step.number < self.expected {
            let detail = format!("step {} comes after step {}", step.number, self.expected.saturating_sub(1));
            return Err(BlackBoxError::Order { file: self.open.name.clone(), detail });
        }
        let said = self.gap.take();
        if step.number > self.expected {
            let why = said.map_or_else(|| "not on disk".to_owned(), |gap| gap.why);
            let (first, count) = (self.expected, step.number - self.expected);
            self.ready.push_back(Entry::Gap(wire::Gap { first, count, why }));
        }
        self.expected = step.number.saturating_add(1);
        self.ready.push_back(Entry::Step(Box::new(step)));
        Ok(())
    }

    /// Goes on with the next file.
    fn turn_over(&mut self) -> Result<(), BlackBoxError> {
        let Some(path) = self.files.pop_front() else { return Ok(()) };
        let next = open(&path)?;
        let (old, new) = (&self.open.head, &next.head);
        let detail = if (&old.site, old.boot) != (&new.site, new.boot) {
            Some(format!("it is of {}, boot {}", new.site, new.boot))
        } else if new.part != old.part.map(|part| part + 1) {
            Some(format!("it is part {:?} after part {:?}", new.part, old.part))
        } else {
            None
        };
        if let Some(detail) = detail {
            return Err(BlackBoxError::Order { file: next.name, detail });
        }
        self.open = next;
        Ok(())
    }
}

impl Iterator for Recording {
    type Item = Result<Entry, BlackBoxError>;

    /// After an error there is nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.advance();
        self.ended = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

fn open(path: &Path) -> Result<Open, BlackBoxError> {
    let name = path.display().to_string();
    let file = File::open(path);
    let file = file.map_err(|source| JournalError::File { action: "open", file: name.clone(), source })?;
    Open::new(Box::new(BufReader::new(file)), &name)
}

impl Open {
    fn new(source: Box<dyn Read>, name: &str) -> Result<Self, BlackBoxError> {
        let mut reader = Reader::new(source, name);
        let first = reader.next().transpose()?.filter(|first| first.topic() == topic::HEAD);
        let head: wire::Head = first.ok_or_else(|| BlackBoxError::NoHead { file: name.to_owned() })?.decode()?;
        if head.format != FORMAT {
            return Err(BlackBoxError::Format { file: name.to_owned(), found: head.format });
        }
        let mut open = Self { name: name.to_owned(), head, before: Vec::new(), reader, next: None };
        while let Some(entry) = open.reader.next().transpose()? {
            if entry.topic() != topic::BEFORE {
                open.next = Some(entry);
                break;
            }
            if open.before.len() >= MAX_BEFORE {
                return Err(BlackBoxError::value("steps from before", open.before.len() + 1, "at most 4096"));
            }
            open.before.push(entry.decode()?);
        }
        Ok(open)
    }

    fn advance(&mut self) -> Result<Option<jxz_journal::Entry>, JournalError> {
        match self.next.take() {
            Some(entry) => Ok(Some(entry)),
            None => self.reader.next().transpose(),
        }
    }
}
