//! One file of a black box.

use crate::error::BlackBoxError;
use crate::topic;
use crate::transcript::{Handled, Transcript};
use jxz_journal::{Channel, Summary, Writer};
use jxz_units::Utc;
use jxz_wire::journal::v1 as wire;
use jxz_wire::node::v1 as node;
use jxz_world::Record;
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;

/// A seal follows after so many steps.
const SEAL_EVERY: u64 = 1000;

/// The topics of one file.
pub(crate) struct Sheet<W: Write + Seek> {
    writer: Writer<W>,
    steps: Channel<wire::Step>,
    gaps: Channel<wire::Gap>,
    seals: Channel<wire::Seal>,
    warnings: Channel<node::Record>,
    /// The time of the last step.
    last: Utc,
}

impl Sheet<BufWriter<File>> {
    pub(crate) fn create(path: &Path, head: &wire::Head, before: &[wire::Step]) -> Result<Self, BlackBoxError> {
        Self::begin(Writer::create(path)?, head, before)
    }
}

impl<W: Write + Seek> Sheet<W> {
    fn begin(mut writer: Writer<W>, head: &wire::Head, before: &[wire::Step]) -> Result<Self, BlackBoxError> {
        let start = Utc::from_unix_ns(head.started_utc_ns);
        let channel = writer.channel(topic::HEAD)?;
        writer.write(&channel, start, start, head)?;
        let channel = writer.channel(topic::BEFORE)?;
        for step in before {
            let at = Utc::from_unix_ns(step.utc_ns);
            writer.write(&channel, at, at, step)?;
        }
        Ok(Self {
            steps: writer.channel(topic::STEPS)?,
            gaps: writer.channel(topic::GAPS)?,
            seals: writer.channel(topic::SEALS)?,
            warnings: writer.channel(topic::WARNINGS)?,
            last: start,
            writer,
        })
    }

    pub(crate) fn step(&mut self, step: &wire::Step) -> Result<(), BlackBoxError> {
        self.last = Utc::from_unix_ns(step.utc_ns);
        Ok(self.writer.write(&self.steps, self.last, self.last, step)?)
    }

    /// A step that is encoded already, and its warnings.
    pub(crate) fn written(&mut self, at: Utc, step: &[u8], warnings: &[Record]) -> Result<(), BlackBoxError> {
        self.last = at;
        self.writer.write_encoded(&self.steps, at, at, step)?;
        warnings.iter().try_for_each(|record| self.warning(at, record))
    }

    pub(crate) fn gap(&mut self, gap: &wire::Gap) -> Result<(), BlackBoxError> {
        Ok(self.writer.write(&self.gaps, self.last, self.last, gap)?)
    }

    pub(crate) fn seal(&mut self, seal: &wire::Seal) -> Result<(), BlackBoxError> {
        Ok(self.writer.write(&self.seals, self.last, self.last, seal)?)
    }

    pub(crate) fn warning(&mut self, at: Utc, record: &Record) -> Result<(), BlackBoxError> {
        Ok(self.writer.write(&self.warnings, at, at, &jxz_wire::record_to_wire(record))?)
    }

    pub(crate) fn flush(&mut self) -> Result<(), BlackBoxError> {
        Ok(self.writer.flush()?)
    }

    pub(crate) fn finish(self) -> Result<(Summary, W), BlackBoxError> {
        Ok(self.writer.finish()?)
    }
}

/// A whole boot in one file, from the first step on, written at once: for runs in virtual time, and tests.
pub struct Tape<W: Write + Seek> {
    sheet: Sheet<W>,
    transcript: Transcript,
    number: u64,
}

impl Tape<BufWriter<File>> {
    /// Begins a file; one that is there already is replaced.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(path: &Path, head: &wire::Head) -> Result<Self, BlackBoxError> {
        Self::new(Writer::create(path)?, head)
    }
}

impl<W: Write + Seek> Tape<W> {
    /// Begins a recording in anything that can be written.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(writer: Writer<W>, head: &wire::Head) -> Result<Self, BlackBoxError> {
        let head = wire::Head { part: Some(0), ..head.clone() };
        Ok(Self { transcript: Transcript::new(&head), sheet: Sheet::begin(writer, &head, &[])?, number: 0 })
    }

    /// Takes the next step.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn take(&mut self, handled: &Handled) -> Result<(), BlackBoxError> {
        let number = self.number;
        self.number += 1;
        match self.transcript.step(number, handled) {
            Some(step) => self.sheet.step(&step)?,
            None => self.sheet.gap(&wire::Gap { first: number, count: 1, why: "unknown input".to_owned() })?,
        }
        for record in handled.warnings() {
            self.sheet.warning(handled.now.utc, record)?;
        }
        if self.number.is_multiple_of(SEAL_EVERY) {
            self.sheet.seal(&self.transcript.seal(self.number))?;
        }
        Ok(())
    }

    /// Steps and outputs so far, and the digest.
    #[must_use]
    pub fn seal(&self) -> wire::Seal {
        self.transcript.seal(self.number)
    }

    /// Seals and ends the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> Result<(wire::Seal, W), BlackBoxError> {
        let seal = self.seal();
        self.sheet.seal(&seal)?;
        Ok((seal, self.sheet.finish()?.1))
    }
}
