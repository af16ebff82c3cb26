//! Recordings: protobuf messages by topic and time in MCAP files, written and read back.
//!
//! MCAP is the container that tools of this field read (Foxglove, PlotJuggler, Python's `mcap`). Every channel carries
//! the description of its message, so that a recording can be read without our code and long after it has changed.

mod error;
mod reader;
mod writer;

pub use error::JournalError;
pub use reader::{Entry, Reader};
pub use writer::{Channel, Summary, Writer};

/// The most bytes of one message, written or read.
pub const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// The most channels, and the most schemas, of one recording.
pub const MAX_CHANNELS: usize = 4096;
/// The most bytes of a topic's name.
pub const MAX_TOPIC_BYTES: usize = 256;
/// The most bytes of all schemas of one recording together.
pub const MAX_SCHEMA_BYTES: usize = 16 << 20;

/// How messages and schemas are encoded, as MCAP's registry calls it.
const PROTOBUF: &str = "protobuf";
