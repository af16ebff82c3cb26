//! The message set described to tools: every type's shape and meaning, and its codec by name.

use super::fault::{AsnError, Cause, Fault, Outcome};
use super::reader::Reader;
use super::size::Size;
use super::types::TYPES;
use super::writer::Writer;
use super::{Decoded, Profile, decode_with, encode_with};
use serde_json::Value;

/// What a number of a type means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meaning {
    /// One step of the wire's integer, in `unit`.
    pub scale: f64,
    /// The unit; empty where there is none.
    pub unit: &'static str,
    /// The integer that says "unavailable".
    pub unavailable: Option<i64>,
    /// What it is.
    pub sentence: &'static str,
}

/// What a type is made of. Bounds come once a profile, in the order of [`Profile::ALL`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// INTEGER.
    Integer([Size; 3]),
    /// BOOLEAN.
    Boolean,
    /// ENUMERATED: the names in the order of the wire.
    Enumerated(&'static [&'static str]),
    /// BIT STRING: its size, and the named bits.
    Bits(Size, &'static [(&'static str, u32)]),
    /// OCTET STRING.
    Octets(Size),
    /// IA5String.
    Text(Size),
    /// SEQUENCE OF.
    List(&'static Shape, [Size; 3]),
    /// SEQUENCE, in the order of the wire.
    Sequence(&'static [MemberInfo]),
    /// CHOICE, in the order of the wire.
    Choice(&'static [MemberInfo]),
    /// Another type, by its name.
    Named(&'static str),
    /// The second phase's messages, by number.
    MessageFrameExt,
}

/// A member of a SEQUENCE or an alternative of a CHOICE.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemberInfo {
    pub(super) names: [Option<&'static str>; 3],
    /// What it is made of.
    pub shape: Shape,
    pub(super) required: u8,
}

impl MemberInfo {
    /// Its name in a profile, if the profile has it.
    #[must_use]
    pub const fn name(&self, profile: Profile) -> Option<&'static str> {
        self.names[profile as usize]
    }

    /// Whether it must be there.
    #[must_use]
    pub const fn is_required(&self, profile: Profile) -> bool {
        profile.is(self.required)
    }
}

/// One type of the message set.
#[derive(Debug)]
pub struct TypeInfo {
    /// Its name in the message set.
    pub name: &'static str,
    pub(super) profiles: u8,
    /// What its numbers mean, where that is known.
    pub meaning: Option<Meaning>,
    /// What it is made of.
    pub shape: Shape,
    pub(super) encode: fn(&Value, &mut Writer<'_>) -> Outcome<()>,
    pub(super) decode: fn(&mut Reader<'_>) -> Outcome<Value>,
}

impl TypeInfo {
    /// Every type of any profile, by name.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &TYPES
    }

    /// The type of that name in the message set (`BasicSafetyMessage`).
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        TYPES.iter().find(|info| info.name == name)
    }

    /// Whether the profile has it.
    #[must_use]
    pub const fn is_in(&self, profile: Profile) -> bool {
        profile.is(self.profiles)
    }

    fn check(&self, profile: Profile) -> Result<(), AsnError> {
        if self.is_in(profile) {
            return Ok(());
        }
        Err(AsnError { path: self.name.to_owned(), cause: Cause::NotInProfile { name: self.name.to_owned(), profile } })
    }

    /// A value in JSON as unaligned PER.
    ///
    /// # Errors
    /// Names the member that does not fit, and why.
    pub fn encode(&self, value: &Value, profile: Profile) -> Result<Vec<u8>, AsnError> {
        self.check(profile)?;
        encode_with(self.name, profile, |w| (self.encode)(value, w))
    }

    /// Unaligned PER as a value in JSON.
    ///
    /// # Errors
    /// Names the member at which the bytes make no sense, and why.
    pub fn decode(&self, bytes: &[u8], profile: Profile) -> Result<Decoded<Value>, AsnError> {
        self.check(profile)?;
        decode_with(self.name, bytes, profile, |r| (self.decode)(r))
    }
}

/// A name that no type has, as an error.
///
/// # Errors
/// If there is no such type.
pub fn type_named(name: &str) -> Result<&'static TypeInfo, AsnError> {
    TypeInfo::find(name).ok_or_else(|| {
        let near = TYPES.iter().filter(|info| info.name.eq_ignore_ascii_case(name) || info.name.contains(name));
        let near: Vec<&str> = near.map(|info| info.name).take(5).collect();
        let known = if near.is_empty() { "MessageFrame, BasicSafetyMessage, …".to_owned() } else { near.join(", ") };
        AsnError::new("type", Fault::new(Cause::UnknownName { name: name.to_owned(), known }))
    })
}
