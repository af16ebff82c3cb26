//! What can go wrong with a recording.

/// Why a recording cannot be written or read. Each says of which file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be made, opened or flushed.
    #[error("cannot {action} recording {file}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// Something cannot be written: the disk is full, or the file is gone.
    #[error("cannot write to topic {topic} of recording {file}: {source}")]
    Write {
        /// The file.
        file: String,
        /// The topic.
        topic: String,
        /// Why.
        source: mcap::McapError,
    },
    /// The end of the recording cannot be written.
    #[error("cannot finish recording {file}: {source}")]
    Finish {
        /// The file.
        file: String,
        /// Why.
        source: mcap::McapError,
    },
    /// The message has no description, so that nobody could read it.
    #[error("message {message} has no description in this build: recording {file} cannot have a channel of it")]
    NoSchema {
        /// The file.
        file: String,
        /// The message's full name.
        message: String,
    },
    /// A name, a message or their number is over a limit.
    #[error("recording {file}: {what} is {value}, the limit is {limit}")]
    Limit {
        /// The file.
        file: String,
        /// What is over it.
        what: String,
        /// How much it is.
        value: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The file is not a recording, or is damaged or cut off here.
    #[error("cannot read recording {file} after {messages} messages: {source}")]
    Read {
        /// The file.
        file: String,
        /// Messages read before.
        messages: u64,
        /// Why.
        source: mcap::McapError,
    },
    /// The file contradicts itself.
    #[error("recording {file} is damaged: {detail}")]
    Damaged {
        /// The file.
        file: String,
        /// How.
        detail: String,
    },
    /// The bytes of a message are not what its channel says.
    #[error("recording {file}, topic {topic}: not a {message}: {source}")]
    Decode {
        /// The file.
        file: String,
        /// The topic.
        topic: String,
        /// The message's full name.
        message: String,
        /// Why.
        source: prost::DecodeError,
    },
    /// The topic holds messages of another kind.
    #[error("recording {file}, topic {topic} holds {holds}, not {wanted}")]
    OtherMessage {
        /// The file.
        file: String,
        /// The topic.
        topic: String,
        /// The full name of what it holds.
        holds: String,
        /// The full name of what was asked for.
        wanted: String,
    },
}
