//! JSON in the shape of the reference vectors: octet strings in hexadecimal, bit strings as text of 0 and 1,
//! enumerals by name, a CHOICE as an object with one key, absent members left out.

use super::MessageFrame;
use serde_json::Value;

/// JSON that is not a message of the day-1 set: an unknown member or name, a wrong type, a missing member.
///
/// Ranges and sizes are the encoder's to check: see [`super::encode_frame`].
#[derive(Debug, thiserror::Error)]
#[error("the JSON is not a day-1 MessageFrame: {0}")]
pub struct JsonError(#[from] serde_json::Error);

/// A frame as JSON.
///
/// # Errors
/// None that a decoded frame can cause; text that is not ASCII cannot be in one.
pub fn to_json(frame: &MessageFrame) -> Result<Value, JsonError> {
    let mut value = serde_json::to_value(frame)?;
    strip_absent(&mut value);
    Ok(value)
}

/// A frame from JSON.
///
/// # Errors
/// [`JsonError`] naming the member or the name that does not fit.
pub fn from_json(value: &Value) -> Result<MessageFrame, JsonError> {
    use serde::Deserialize as _;
    Ok(MessageFrame::deserialize(value)?)
}

/// Removes the members that serde writes as `null`: no type of the message set has a null value.
fn strip_absent(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(strip_absent);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_absent),
        _ => {}
    }
}

/// Octet strings in hexadecimal.
pub(super) mod hex {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in crate::asn) fn serialize<T: core::ops::Deref<Target = B>, B, S: Serializer>(
        octets: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        B: AsRef<[u8]> + ?Sized,
    {
        serializer.serialize_str(&crate::hex::to_hex(octets.as_ref()))
    }

    pub(in crate::asn) fn deserialize<'de, T: TryFrom<Vec<u8>>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        let octets = crate::hex::from_hex(&text).map_err(D::Error::custom)?;
        let count = octets.len();
        T::try_from(octets).map_err(|_| D::Error::custom(format_args!("{count} octets are the wrong number")))
    }
}

/// Bit strings as text of 0 and 1, the first bit first.
pub(super) mod bits {
    use rasn::types::BitString;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in crate::asn) fn serialize<S: Serializer>(bits: &BitString, serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = bits.iter().map(|bit| if *bit { '1' } else { '0' }).collect();
        serializer.serialize_str(&text)
    }

    pub(in crate::asn) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BitString, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.chars()
            .map(|c| match c {
                '0' => Ok(false),
                '1' => Ok(true),
                other => Err(D::Error::custom(format_args!("{other:?} in a bit string, where only 0 and 1 may be"))),
            })
            .collect()
    }
}

/// ASCII strings.
pub(super) mod text {
    use rasn::types::Ia5String;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _, ser::Error as _};

    pub(in crate::asn) fn serialize<S: Serializer>(text: &Ia5String, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(core::str::from_utf8(text.as_iso646_bytes()).map_err(S::Error::custom)?)
    }

    pub(in crate::asn) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Ia5String, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ia5String::from_iso646_bytes(text.as_bytes()).map_err(D::Error::custom)
    }
}
