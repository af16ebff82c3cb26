//! The wire's own types: the whole message set in ASN.1, encoded in unaligned PER, in three profiles.
//!
//! Tools that show or convert messages use this module; everything else goes through the doors of the crate
//! ([`crate::Encoder`], [`crate::decode`]), which speak of metres and seconds and know no "unavailable" code.
//!
//! The types are written by the build from the set's tables (`schema/*.tsv`): one family of types for all profiles.
//! A member or a bound that differs between profiles is checked against the [`Profile`] that is spoken. Members carry
//! the set's own names; a type's comment gives its unit and its code for "unavailable".

mod bits;
mod fault;
mod frame_ext;
mod info;
mod json;
mod profile;
mod reader;
mod size;
mod types;
mod writer;

pub use bits::{Bits, MAX_BITS};
pub use fault::{AsnError, Cause};
use fault::{Fault, Outcome};
pub use frame_ext::MessageFrameExt;
pub use info::{Meaning, MemberInfo, Shape, TypeInfo, type_named};
pub use profile::{Profile, UnknownProfile};
use reader::Reader;
use serde_json::Value;
pub use size::Size;
pub use types::*;
use writer::Writer;

/// Nothing of the message set is longer; anything longer is refused unread. (A radio carries far less:
/// [`crate::MAX_FRAME_BYTES`].)
pub const MAX_BYTES: usize = 65_535;

/// A type of the message set.
pub(crate) trait AsnType: Sized {
    fn encode(&self, w: &mut Writer<'_>) -> Outcome<()>;
    fn decode(r: &mut Reader<'_>) -> Outcome<Self>;
    fn to_json(&self, p: Profile) -> Value;
    fn from_json(v: &Value, p: Profile) -> Outcome<Self>;
}

impl<T: AsnType> AsnType for Box<T> {
    fn encode(&self, w: &mut Writer<'_>) -> Outcome<()> {
        T::encode(self, w)
    }

    fn decode(r: &mut Reader<'_>) -> Outcome<Self> {
        T::decode(r).map(Self::new)
    }

    fn to_json(&self, p: Profile) -> Value {
        T::to_json(self, p)
    }

    fn from_json(v: &Value, p: Profile) -> Outcome<Self> {
        T::from_json(v, p).map(Self::new)
    }
}

/// A value that was read, and what reading it left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<T> {
    /// The value.
    pub value: T,
    /// Extension additions of a newer edition, skipped.
    pub unknown_extensions: usize,
    /// Whether encoding the value gives the same bytes: nothing was skipped, and no length, number or padding was
    /// written in a longer form than the rules ask.
    pub canonical: bool,
}

/// Buffers for encoding one message after another: once they have grown, nothing is allocated.
#[derive(Debug, Clone, Default)]
pub struct Codec {
    buffers: writer::Buffers,
}

impl Codec {
    /// The frame as unaligned PER; the bytes are good until the next call.
    ///
    /// # Errors
    /// Names the member that is outside its bounds, or not in the profile.
    pub fn encode(&mut self, frame: &MessageFrame, profile: Profile) -> Result<&[u8], AsnError> {
        Writer::message(&mut self.buffers, profile, |w| frame.encode(w))
            .map_err(|fault| AsnError::new("MessageFrame", fault))
    }

    /// The bytes of the last frame that was encoded.
    #[must_use]
    pub fn last(&self) -> &[u8] {
        self.buffers.bytes()
    }
}

fn encode_with(
    name: &str,
    profile: Profile,
    write: impl FnOnce(&mut Writer<'_>) -> Outcome<()>,
) -> Result<Vec<u8>, AsnError> {
    let mut buffers = writer::Buffers::default();
    let bytes = Writer::message(&mut buffers, profile, write).map_err(|fault| AsnError::new(name, fault))?;
    Ok(bytes.to_vec())
}

fn decode_with<T>(
    name: &str,
    bytes: &[u8],
    profile: Profile,
    read: impl FnOnce(&mut Reader<'_>) -> Outcome<T>,
) -> Result<Decoded<T>, AsnError> {
    let whole = || {
        if bytes.len() > MAX_BYTES {
            return Err(Fault::new(Cause::Oversize { bytes: bytes.len(), limit: MAX_BYTES }));
        }
        let mut reader = Reader::new(bytes, profile);
        let value = read(&mut reader)?;
        let rest = reader.finish()?;
        if rest.unread_bytes > 0 {
            return Err(Fault::new(Cause::Trailing { bytes: rest.unread_bytes }));
        }
        Ok(Decoded {
            value,
            unknown_extensions: rest.unknown_extensions,
            canonical: rest.canonical && rest.unknown_extensions == 0,
        })
    };
    whole().map_err(|fault| AsnError::new(name, fault))
}

/// A frame in unaligned PER. One after another are encoded faster by a [`Codec`].
///
/// # Errors
/// Names the member that is outside its bounds, or not in the profile.
pub fn encode_frame(frame: &MessageFrame, profile: Profile) -> Result<Vec<u8>, AsnError> {
    encode_with("MessageFrame", profile, |w| frame.encode(w))
}

/// The frame in bytes of unaligned PER; nothing may follow it but the bits that fill its last byte.
///
/// # Errors
/// Names the member at which the bytes make no sense, and why. Bytes from outside never panic, and nothing is
/// allocated for a length that the bytes cannot hold.
pub fn decode_frame(bytes: &[u8], profile: Profile) -> Result<Decoded<MessageFrame>, AsnError> {
    decode_with("MessageFrame", bytes, profile, MessageFrame::decode)
}

/// A frame in JSON: octet strings in hexadecimal, bit strings as text of 0 and 1, enumerals by name, a CHOICE as an
/// object with one key, absent members left out.
#[must_use]
pub fn to_json(frame: &MessageFrame, profile: Profile) -> Value {
    frame.to_json(profile)
}

/// A frame from JSON.
///
/// # Errors
/// Names the member that does not fit, and why.
pub fn from_json(value: &Value, profile: Profile) -> Result<MessageFrame, AsnError> {
    MessageFrame::from_json(value, profile).map_err(|fault| AsnError::new("MessageFrame", fault))
}
