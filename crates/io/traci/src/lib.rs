//! A small client of TraCI, the protocol by which SUMO is run from outside.
//!
//! One command, one answer, over TCP; answers are read with every count and length checked against what is there.
//! Source: SUMO's documentation of TraCI, and `TraCIConstants.h` for the numbers.

mod client;
mod codec;
mod error;
mod find;
mod words;

pub use client::{Client, Update, Values, Version};
pub use codec::Value;
pub use error::{NotFound, TraciError};
pub use find::find_program;
pub use words::{Domain, Variable};
