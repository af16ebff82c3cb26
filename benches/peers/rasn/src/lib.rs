//! The C-V2X message set encoded and decoded by rasn, from the same tables as the product's own codec: another opinion
//! on every byte, and another measure of speed. Nothing of the product depends on this crate.

#![allow(clippy::large_enum_variant, reason = "types written by the build, for tests and benches")]

use rasn::types::{Any, BitString, Ia5String, Integer, OctetString, SequenceOf};
use rasn::{AsnType, Decode, Decoder as _, Encode, Encoder as _};

/// What rasn makes of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// What it encodes the decoded value to.
    pub bytes: Vec<u8>,
    /// How many whole bytes follow the value.
    pub trailing: usize,
}

/// Decodes a value of one type and encodes it again; the error is rasn's own text.
pub type Codec = fn(&[u8]) -> Result<Again, String>;

fn again<T: Decode + Encode>(bytes: &[u8]) -> Result<Again, String> {
    let (value, rest) = rasn::uper::decode_with_remainder::<T>(bytes).map_err(|error| error.to_string())?;
    let bytes = rasn::uper::encode(&value).map_err(|error| format!("encoding again: {error}"))?;
    Ok(Again { bytes, trailing: rest.len() })
}

include!(concat!(env!("OUT_DIR"), "/types.rs"));
