//! What fixed-time traffic signals show, now and next.
//!
//! A plan's cycle starts at UTC multiples of its length plus its offset, so that every party computes the same state from
//! the map and the time alone.

mod controller;
mod timeline;

pub use controller::{Controller, Mode};
pub use timeline::state;
