//! What was sent and heard, as pcapng for Wireshark.
//!
//! The link type is `LINKTYPE_WIRESHARK_UPPER_PDU` (252): before each message stand tags that name the dissector, the
//! text of the protocol and information columns, and the direction. So a stock Wireshark (4.0 and later; the
//! information column from 4.2) shows the kind of each message, dissects signed ones with its own IEEE 1609.2 dissector,
//! and shows the others' bytes; nothing is invented, as addresses and ports of a UDP encapsulation would be. Each
//! message also has a comment (`sent RSM, application 3623, 496 bytes`) and its direction in the packet's flags, and
//! each channel is an interface. Filters: `frame.interface_name == "pc5"`, `frame.comment contains "RSM"`,
//! `frame.packet_flags_direction == 2` (sent), `ieee1609dot2`.

mod block;

use crate::LinkError;
use jxz_units::Utc;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Of a message, no more bytes than this are kept; its true length is told.
const MOST_BYTES: usize = 65_535;
/// A kind's name is cut to this many characters.
const MOST_KIND_CHARS: usize = 32;

/// Whether this side sent the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// By this side.
    Sent,
    /// By another.
    Heard,
}

/// On which channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Directly, by radio: interface `pc5`.
    Pc5 = 0,
    /// By the mobile network: interface `uu`.
    Uu = 1,
}

impl Channel {
    const ALL: [Self; 2] = [Self::Pc5, Self::Uu];

    const fn name(self) -> &'static str {
        match self {
            Self::Pc5 => "pc5",
            Self::Uu => "uu",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Pc5 => "direct communication between vehicles and roadside",
            Self::Uu => "communication through the mobile network",
        }
    }
}

/// How the bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A message frame in unaligned PER. Wireshark has no dissector for the Chinese set and shows the bytes.
    Uper,
    /// A secured data unit in COER (IEEE 1609.2).
    Spdu,
}

impl Encoding {
    /// What a message begins with: secured data units with the octet of version 3 and the tag of unsecured, signed or
    /// encrypted data. A BSM could begin so too; none of ours does.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [3, 0x80..=0x82, ..] => Self::Spdu,
            _ => Self::Uper,
        }
    }
}

/// One message to write.
#[derive(Debug, Clone, Copy)]
pub struct Captured<'a> {
    /// Sent or heard.
    pub direction: Direction,
    /// Where.
    pub channel: Channel,
    /// When; before 1970 is 1970.
    pub at: Utc,
    /// The kind's short name for Wireshark's protocol column (`RSM`), cut to 32 characters.
    pub kind: &'a str,
    /// Application id (AID).
    pub application_id: u32,
    /// How the bytes are to be read.
    pub encoding: Encoding,
    /// The message, as on the channel.
    pub bytes: &'a [u8],
}

/// How much is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptureOptions {
    /// The most bytes of a file, at least 1024.
    pub max_file_bytes: u64,
    /// Files kept. With 1, writing ends when the file is full, and what comes then is counted. With more, `x.pcapng` is
    /// followed by `x-1.pcapng`, `x-2.pcapng` and so on, and the oldest is removed.
    pub max_files: usize,
}

impl Default for CaptureOptions {
    /// One file of at most 256 MiB.
    fn default() -> Self {
        Self { max_file_bytes: 256 << 20, max_files: 1 }
    }
}

/// What a capture came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureSummary {
    /// Messages written, those in removed files included.
    pub written: u64,
    /// Messages not written because the file was full.
    pub not_written: u64,
    /// The files that are there, oldest first.
    pub files: Vec<PathBuf>,
}

/// Writes a capture. Blocks while the disk does: not for the live path of a daemon.
pub struct CaptureWriter {
    options: CaptureOptions,
    path: PathBuf,
    file: BufWriter<File>,
    file_bytes: u64,
    files: VecDeque<PathBuf>,
    opened: u64,
    written: u64,
    not_written: u64,
}

impl CaptureWriter {
    /// Makes the file, over one that is there.
    ///
    /// # Errors
    /// The file cannot be made, or an option is out of its range.
    pub fn create(path: &Path, options: CaptureOptions) -> Result<Self, LinkError> {
        if options.max_file_bytes < 1024 || options.max_files == 0 {
            let reason = "a capture needs at least one file of 1024 bytes";
            return Err(failed("create", path, io::Error::new(io::ErrorKind::InvalidInput, reason)));
        }
        let (file, file_bytes) = begin(path)?;
        let files = VecDeque::from([path.to_owned()]);
        Ok(Self { options, path: path.to_owned(), file, file_bytes, files, opened: 1, written: 0, not_written: 0 })
    }

    /// Writes one message, or counts that there was no room.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub fn write(&mut self, message: &Captured<'_>) -> Result<(), LinkError> {
        let cut = message.kind.char_indices().nth(MOST_KIND_CHARS).map_or(message.kind.len(), |(at, _)| at);
        let kept = &message.bytes[..message.bytes.len().min(MOST_BYTES)];
        let block = block::packet(&Captured { kind: &message.kind[..cut], ..*message }, kept);
        let is_full = self.file_bytes + block.len() as u64 > self.options.max_file_bytes;
        if is_full && self.options.max_files > 1 {
            self.rotate()?;
        }
        // A message that no file has room for is not written either.
        if self.file_bytes + block.len() as u64 > self.options.max_file_bytes {
            self.not_written += 1;
            return Ok(());
        }
        self.file.write_all(&block).map_err(|source| failed("write", self.newest(), source))?;
        self.file_bytes += block.len() as u64;
        self.written += 1;
        Ok(())
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub fn flush(&mut self) -> Result<(), LinkError> {
        self.file.flush().map_err(|source| failed("write", self.newest(), source))
    }

    /// Ends the capture. Without it the last messages may be lost.
    ///
    /// # Errors
    /// The disk is full or gone.
    pub fn finish(mut self) -> Result<CaptureSummary, LinkError> {
        self.flush()?;
        Ok(CaptureSummary { written: self.written, not_written: self.not_written, files: self.files.into() })
    }

    fn newest(&self) -> &Path {
        self.files.back().unwrap_or(&self.path)
    }

    fn rotate(&mut self) -> Result<(), LinkError> {
        self.flush()?;
        let mut name = self.path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{}", self.opened));
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        let path = self.path.with_file_name(name);
        (self.file, self.file_bytes) = begin(&path)?;
        self.opened += 1;
        self.files.push_back(path);
        while self.files.len() > self.options.max_files {
            let Some(oldest) = self.files.pop_front() else { break };
            std::fs::remove_file(&oldest).map_err(|source| failed("remove", &oldest, source))?;
        }
        Ok(())
    }
}

/// A file with its head, and how many bytes that has.
fn begin(path: &Path) -> Result<(BufWriter<File>, u64), LinkError> {
    let file = File::create(path).map_err(|source| failed("create", path, source))?;
    let (mut file, head) = (BufWriter::new(file), block::head());
    file.write_all(&head).map_err(|source| failed("write", path, source))?;
    Ok((file, head.len() as u64))
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> LinkError {
    LinkError::File { action, path: path.to_owned(), source }
}
