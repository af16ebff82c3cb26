//! Chinese C-V2X messages of day 1.
pub mod asn;
mod hex;

pub use hex::{HexError, from_hex};
