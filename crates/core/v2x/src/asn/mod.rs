//! The wire's own types: the `day-1` profile in ASN.1, encoded in unaligned PER.
//!
//! Tools that show or convert messages use this module; everything else goes through the doors of the crate
//! ([`crate::Encoder`], [`crate::decode`]), which speak of metres and seconds and know no "unavailable" code.
//!
//! Members carry the message set's own names; each type's comment gives its unit and its code for "unavailable".
//! Structures and enumerations marked `#[non_exhaustive]` are those with an extension marker: unknown extension
//! additions of a structure are skipped, an unknown enumeral or alternative rejects the frame.
#![allow(missing_docs, reason = "members are named by the message set, their types say what they hold")]

pub mod bsm;
pub mod common;
pub mod map;
pub mod position;
pub mod rsi;
pub mod rsm;
pub mod spat;
pub mod time;

mod codec;
mod frame;
mod json;

pub use codec::{DecodeError, EncodeError, MAX_FRAME_BYTES, decode_frame, encode_frame};
pub use frame::MessageFrame;
pub use json::{JsonError, from_json, to_json};
