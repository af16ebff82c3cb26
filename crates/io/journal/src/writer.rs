//! Writing: channels by topic, messages in compressed chunks, an index at the end.

use crate::error::JournalError;
use crate::{MAX_CHANNELS, MAX_MESSAGE_BYTES, MAX_TOPIC_BYTES, PROTOBUF};
use core::marker::PhantomData;
use jxz_units::Utc;
use mcap::records::MessageHeader;
use mcap::{Compression, WriteOptions};
use prost::{Message, Name};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::Path;

/// A chunk is closed when it has this many bytes before compression: what memory holds, and what a cut-off file loses.
const CHUNK_BYTES: u64 = 1 << 20;

/// A topic of a recording that takes messages `M`.
#[derive(Debug)]
pub struct Channel<M> {
    id: u16,
    topic: String,
    message: PhantomData<fn(&M)>,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Messages.
    pub messages: u64,
    /// Topics with a message.
    pub topics: u64,
}

/// Writes one recording. Holds one chunk in memory, and of what is written an index of a few hundred bytes a chunk.
/// The same messages make the same bytes on every machine.
pub struct Writer<W: Write + Seek> {
    inner: mcap::Writer<W>,
    file: String,
    /// By channel: messages so far.
    sequences: BTreeMap<u16, u32>,
    written: u64,
    buffer: Vec<u8>,
}

impl Writer<BufWriter<File>> {
    /// Begins a recording in a new file; one that is there already is replaced.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let name = path.display().to_string();
        let file =
            File::create(path).map_err(|source| JournalError::File { action: "create", file: name.clone(), source })?;
        Self::new(BufWriter::new(file), name)
    }
}

impl<W: Write + Seek> Writer<W> {
    /// Begins a recording in anything that can be written; errors call it `file`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(writer: W, file: String) -> Result<Self, JournalError> {
        let options = WriteOptions::new()
            .compression(Some(Compression::Zstd))
            .chunk_size(Some(CHUNK_BYTES))
            // Threads of the compressor would make the bytes depend on the machine.
            .compression_threads(0)
            .library("jxz-journal");
        let inner = options.create(writer).map_err(|source| JournalError::Write {
            file: file.clone(),
            topic: "(header)".to_owned(),
            source,
        })?;
        Ok(Self { inner, file, sequences: BTreeMap::new(), written: 0, buffer: Vec::new() })
    }

    /// The channel of a topic. Asked for again with the same message it is the same.
    ///
    /// # Errors
    /// No description of the message, a topic's name of no or more than [`MAX_TOPIC_BYTES`] bytes, or more than
    /// [`MAX_CHANNELS`] channels; or the disk.
    pub fn channel<M: Message + Name>(&mut self, topic: &str) -> Result<Channel<M>, JournalError> {
        let limit = |what: &str, value, limit| JournalError::Limit {
            file: self.file.clone(),
            what: what.to_owned(),
            value,
            limit,
        };
        if topic.is_empty() || topic.len() > MAX_TOPIC_BYTES {
            return Err(limit("bytes of a topic's name", topic.len(), MAX_TOPIC_BYTES));
        }
        if self.sequences.len() >= MAX_CHANNELS {
            return Err(limit("number of channels", self.sequences.len() + 1, MAX_CHANNELS));
        }
        let message = M::full_name();
        let Some(schema) = jxz_wire::descriptor_set(&message) else {
            return Err(JournalError::NoSchema { file: self.file.clone(), message });
        };
        let failed = |source| JournalError::Write { file: self.file.clone(), topic: topic.to_owned(), source };
        let schema = self.inner.add_schema(&message, PROTOBUF, &schema).map_err(failed)?;
        let id = self.inner.add_channel(schema, topic, PROTOBUF, &BTreeMap::new()).map_err(failed)?;
        self.sequences.entry(id).or_insert(0);
        Ok(Channel { id, topic: topic.to_owned(), message: PhantomData })
    }

    /// Writes a message that came about at `logged`, and speaks of `published`.
    ///
    /// # Errors
    /// More than [`MAX_MESSAGE_BYTES`], or the disk.
    pub fn write<M: Message>(
        &mut self,
        channel: &Channel<M>,
        logged: Utc,
        published: Utc,
        message: &M,
    ) -> Result<(), JournalError> {
        // Before it is encoded: a message beyond the limit costs no memory.
        self.check_size(channel, message.encoded_len())?;
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        message.encode_raw(&mut buffer);
        let written = self.write_encoded(channel, logged, published, &buffer);
        self.buffer = buffer;
        written
    }

    /// [`Self::write`] of a message that is encoded already, for one that goes into several recordings.
    ///
    /// # Errors
    /// More than [`MAX_MESSAGE_BYTES`], or the disk.
    pub fn write_encoded<M: Message>(
        &mut self,
        channel: &Channel<M>,
        logged: Utc,
        published: Utc,
        message: &[u8],
    ) -> Result<(), JournalError> {
        self.check_size(channel, message.len())?;
        let sequence = self.sequences.entry(channel.id).or_insert(0);
        let header = MessageHeader {
            channel_id: channel.id,
            sequence: *sequence,
            log_time: unix_ns(logged),
            publish_time: unix_ns(published),
        };
        *sequence = sequence.wrapping_add(1);
        self.written += 1;
        self.inner.write_to_known_channel(&header, message).map_err(|source| JournalError::Write {
            file: self.file.clone(),
            topic: channel.topic.clone(),
            source,
        })
    }

    fn check_size<M>(&self, channel: &Channel<M>, bytes: usize) -> Result<(), JournalError> {
        if bytes <= MAX_MESSAGE_BYTES {
            return Ok(());
        }
        let what = format!("bytes of a message of topic {}", channel.topic);
        Err(JournalError::Limit { file: self.file.clone(), what, value: bytes, limit: MAX_MESSAGE_BYTES })
    }

    /// Closes the chunk and hands everything so far to the operating system: what a reader, or a crash of this process,
    /// finds.
    ///
    /// # Errors
    /// The disk. Nothing can be written any more then.
    pub fn flush(&mut self) -> Result<(), JournalError> {
        let flushed = self.inner.flush();
        flushed.map_err(|source| JournalError::Write { file: self.file.clone(), topic: "(chunk)".to_owned(), source })
    }

    /// Messages so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes the index and the end. A recording without them can still be read up to its last whole chunk.
    ///
    /// # Errors
    /// The disk.
    pub fn finish(mut self) -> Result<(Summary, W), JournalError> {
        let finished = self.inner.finish();
        finished.map_err(|source| JournalError::Finish { file: self.file.clone(), source })?;
        let topics = self.sequences.values().filter(|count| **count > 0).count() as u64;
        let mut writer = self.inner.into_inner();
        writer.flush().map_err(|source| JournalError::File { action: "flush", file: self.file, source })?;
        Ok((Summary { messages: self.written, topics }, writer))
    }
}

/// MCAP's times are unsigned: what was before 1970 counts as then.
fn unix_ns(at: Utc) -> u64 {
    u64::try_from(at.unix_ns()).unwrap_or(0)
}
