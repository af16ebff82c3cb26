//! Reading: every message of a recording in the file's order, with its topic and what it is.

use crate::error::JournalError;
use crate::{MAX_CHANNELS, MAX_MESSAGE_BYTES, MAX_SCHEMA_BYTES, MAX_TOPIC_BYTES, PROTOBUF};
use jxz_units::Utc;
use mcap::McapError;
use mcap::records::Record;
use mcap::sans_io::{LinearReadEvent, LinearReader, LinearReaderOptions};
use prost::{Message, Name};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// A record around a message, a schema or a name.
const RECORD_ROOM: usize = 4096;

/// What a channel is.
#[derive(Debug)]
struct Topic {
    name: String,
    /// Full name of its messages.
    message: String,
    /// Whether they are protobuf.
    readable: bool,
}

/// One message of a recording.
#[derive(Debug, Clone)]
pub struct Entry {
    topic: Arc<Topic>,
    file: Arc<str>,
    /// When it came about.
    pub logged: Utc,
    /// What time it speaks of.
    pub published: Utc,
    /// As recorded.
    pub bytes: Vec<u8>,
}

impl Entry {
    /// Its topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic.name
    }

    /// The full name of its message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.topic.message
    }

    /// The message itself.
    ///
    /// # Errors
    /// It is of another kind than `M`, or its bytes are not one.
    pub fn decode<M: Message + Name + Default>(&self) -> Result<M, JournalError> {
        let (file, topic, wanted) = (self.file.to_string(), self.topic.name.clone(), M::full_name());
        if !self.topic.readable || self.topic.message != wanted {
            return Err(JournalError::OtherMessage { file, topic, holds: self.topic.message.clone(), wanted });
        }
        let failed = |source| JournalError::Decode { file, topic, message: wanted, source };
        M::decode(self.bytes.as_slice()).map_err(failed)
    }
}

/// Reads a recording from its beginning. The file may come from anywhere: what it can make this hold in memory is
/// bounded by the limits of this crate, whatever it says of itself.
pub struct Reader<R> {
    source: R,
    file: Arc<str>,
    inner: LinearReader,
    schemas: BTreeMap<u16, (String, bool)>,
    schema_bytes: usize,
    channels: BTreeMap<u16, Arc<Topic>>,
    messages: u64,
    ended: bool,
}

impl Reader<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be opened. What is wrong inside shows while reading.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let name = path.display().to_string();
        let file = File::open(path);
        let file = file.map_err(|source| JournalError::File { action: "open", file: name.clone(), source })?;
        Ok(Self::new(BufReader::new(file), &name))
    }
}

impl<R: Read> Reader<R> {
    /// Reads from anything; errors call it `file`.
    pub fn new(source: R, file: &str) -> Self {
        let options = LinearReaderOptions::default()
            .with_validate_chunk_crcs(true)
            .with_record_length_limit(MAX_MESSAGE_BYTES + RECORD_ROOM);
        Self {
            source,
            file: file.into(),
            inner: LinearReader::new_with_options(options),
            schemas: BTreeMap::new(),
            schema_bytes: 0,
            channels: BTreeMap::new(),
            messages: 0,
            ended: false,
        }
    }

    /// The next message, `None` at the end.
    fn advance(&mut self) -> Result<Option<Entry>, JournalError> {
        loop {
            let failed = |source| JournalError::Read { file: self.file.to_string(), messages: self.messages, source };
            let record = match self.inner.next_event() {
                None => return Ok(None),
                Some(Err(error)) => return Err(failed(error)),
                Some(Ok(LinearReadEvent::ReadRequest(wanted))) => {
                    let read = self.source.read(self.inner.insert(wanted));
                    let read = read.map_err(|error| failed(McapError::Io(error)))?;
                    self.inner.notify_read(read);
                    continue;
                }
                Some(Ok(LinearReadEvent::Record { data, opcode })) => {
                    mcap::parse_record(opcode, data).map_err(failed)?.into_owned()
                }
            };
            if let Some(entry) = self.take(record)? {
                return Ok(Some(entry));
            }
        }
    }

    fn take(&mut self, record: Record<'_>) -> Result<Option<Entry>, JournalError> {
        match record {
            Record::Schema { header, data } => {
                self.bound("number of schemas", self.schemas.len(), MAX_CHANNELS - 1)?;
                if !self.schemas.contains_key(&header.id) {
                    self.schema_bytes += data.len();
                }
                self.bound("bytes of schemas", self.schema_bytes, MAX_SCHEMA_BYTES)?;
                self.bound("bytes of a message's name", header.name.len(), MAX_TOPIC_BYTES)?;
                self.schemas.insert(header.id, (header.name, header.encoding == PROTOBUF));
            }
            Record::Channel(channel) => {
                self.bound("number of channels", self.channels.len(), MAX_CHANNELS - 1)?;
                self.bound("bytes of a topic's name", channel.topic.len(), MAX_TOPIC_BYTES)?;
                let Some((message, described)) = self.schemas.get(&channel.schema_id).cloned() else {
                    let detail =
                        format!("topic {} has schema {}, which is not there", channel.topic, channel.schema_id);
                    return Err(self.damaged(detail));
                };
                let readable = described && channel.message_encoding == PROTOBUF;
                self.channels.insert(channel.id, Arc::new(Topic { name: channel.topic, message, readable }));
            }
            Record::Message { header, data } => {
                let Some(topic) = self.channels.get(&header.channel_id) else {
                    let detail =
                        format!("message {} is of channel {}, which is not there", self.messages, header.channel_id);
                    return Err(self.damaged(detail));
                };
                let topic = Arc::clone(topic);
                self.bound("bytes of a message", data.len(), MAX_MESSAGE_BYTES)?;
                self.messages += 1;
                let at = |ns: u64| Utc::from_unix_ns(i64::try_from(ns).unwrap_or(i64::MAX));
                let (logged, published) = (at(header.log_time), at(header.publish_time));
                let file = Arc::clone(&self.file);
                return Ok(Some(Entry { topic, file, logged, published, bytes: data.into_owned() }));
            }
            // Indexes, statistics, attachments.
            _ => {}
        }
        Ok(None)
    }

    fn bound(&self, what: &str, value: usize, limit: usize) -> Result<(), JournalError> {
        if value <= limit {
            return Ok(());
        }
        Err(JournalError::Limit { file: self.file.to_string(), what: what.to_owned(), value, limit })
    }

    fn damaged(&self, detail: String) -> JournalError {
        JournalError::Damaged { file: self.file.to_string(), detail }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Entry, JournalError>;

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
