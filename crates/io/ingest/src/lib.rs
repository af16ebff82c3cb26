//! Ingest: scans and signals from the site's sensors and signal controller, over UDP.
//!
//! [`Gate`] is the pure, checked part: bytes and the time in, a scan or nothing out, everything dropped counted by
//! cause. [`Listener`] puts a socket and a bounded queue around it.

mod gate;
mod listener;
mod window;

pub use gate::{Gate, Ingested, MAX_AGE, MAX_AHEAD};
pub use listener::{ListenError, Listener};
