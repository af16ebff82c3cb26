//! Records that must arrive, on disk until they have: across loss of the uplink, restarts and loss of power.
//!
//! A [`Spool`] takes records in ([`Spool::append`]), makes many of them durable at once ([`Spool::commit`]: one write,
//! one `fdatasync`), gives them out in order ([`Spool::take_next`]) and forgets them once they have arrived
//! ([`Spool::acknowledge`]). It is bounded in bytes and in age; what is least important goes first, and is counted.
//!
//! The idea of segments that are deleted whole, a checksum and an id with each record, and a ledger of what was
//! acknowledged is that of the disk buffer of Vector (<https://vector.dev>, `lib/vector-buffers`).

mod error;
mod files;
mod frame;
mod importance;
mod ledger;
mod recover;
mod room;
mod spool;

pub use error::SpoolError;
pub use files::{DirFiles, Files};
pub use importance::Importance;
pub use spool::{Dropped, Limits, MAX_RECORD_BYTES, Outgoing, Spool, SpoolStats};
