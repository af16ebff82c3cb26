//! What must hold for any bytes in unaligned PER.

use jxz_v2x::asn::{AsnError, Cause, Profile, TypeInfo, decode_frame, encode_frame};

/// What became of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// They are no value.
    Refused,
    /// They are what the encoder makes of their value.
    Canonical,
    /// They are another way to say their value, or say more than we know.
    NotCanonical,
}

/// Decodes bytes as a frame. What is accepted encodes again: to the same bytes if it is said to be canonical, else to
/// other ones that say the same.
///
/// # Panics
/// If that does not hold.
pub fn frame(bytes: &[u8], profile: Profile) -> Fate {
    let Ok(decoded) = decode_frame(bytes, profile) else { return Fate::Refused };
    let Some(again) = fitting(encode_frame(&decoded.value, profile)) else { return Fate::NotCanonical };
    assert_eq!(decoded.canonical, again == bytes, "{profile}: canonical is said of {bytes:02x?}, it is {again:02x?}");
    if decoded.canonical {
        return Fate::Canonical;
    }
    let twice = decode_frame(&again, profile).unwrap_or_else(|error| panic!("{profile}: {again:02x?}: {error}"));
    assert!(twice.canonical && twice.value == decoded.value, "{profile}: {bytes:02x?} and {again:02x?}");
    Fate::NotCanonical
}

/// The same for any type, by way of JSON.
///
/// # Panics
/// If that does not hold.
pub fn value(info: &TypeInfo, bytes: &[u8], profile: Profile) -> Fate {
    let Ok(decoded) = info.decode(bytes, profile) else { return Fate::Refused };
    let Some(again) = fitting(info.encode(&decoded.value, profile)) else { return Fate::NotCanonical };
    let name = info.name;
    assert_eq!(decoded.canonical, again == bytes, "{name}, {profile}: {bytes:02x?} and {again:02x?}");
    if decoded.canonical {
        return Fate::Canonical;
    }
    let twice = info.decode(&again, profile).unwrap_or_else(|error| panic!("{name}, {profile}: {again:02x?}: {error}"));
    assert!(twice.canonical && twice.value == decoded.value, "{name}, {profile}: {bytes:02x?} and {again:02x?}");
    Fate::NotCanonical
}

/// The bytes of a value that was decoded; `None` if they are longer than what they were decoded from may be: an older
/// sender's list of extensions is a little shorter than ours.
fn fitting(encoded: Result<Vec<u8>, AsnError>) -> Option<Vec<u8>> {
    match encoded {
        Ok(bytes) => Some(bytes),
        Err(AsnError { cause: Cause::Oversize { .. }, .. }) => None,
        Err(error) => panic!("what was decoded does not encode: {error}"),
    }
}

/// Any bytes as a frame of each profile.
pub fn any_frame(data: &[u8]) {
    for profile in Profile::ALL {
        frame(data, profile);
    }
}

/// Any bytes: two choose a type, one a profile, the others are decoded.
pub fn any_type(data: &[u8]) {
    let [high, low, profile, bytes @ ..] = data else { return };
    let types = TypeInfo::all();
    let info = &types[usize::from(u16::from_be_bytes([*high, *low])) % types.len()];
    value(info, bytes, Profile::ALL[usize::from(*profile) % Profile::ALL.len()]);
}
