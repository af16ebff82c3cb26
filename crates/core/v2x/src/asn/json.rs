//! JSON in the shape of the reference vectors: octet strings in hexadecimal, bit strings as text of 0 and 1,
//! enumerals by name, a CHOICE as an object with one key, absent members left out.

use super::bits::{Bits, MAX_BITS};
use super::fault::{Cause, Fault, Outcome, at, at_item};
use super::size::Size;
use crate::hex::{from_hex, to_hex};
pub(crate) use serde_json::Map;
use serde_json::Value;

pub(crate) fn integer(value: i64) -> Value {
    Value::from(value)
}

pub(crate) const fn boolean(value: bool) -> Value {
    Value::Bool(value)
}

pub(crate) fn bits(bits: Bits) -> Value {
    Value::String((0..bits.len()).map(|bit| if bits.get(bit) { '1' } else { '0' }).collect())
}

pub(crate) fn octets(octets: &[u8]) -> Value {
    Value::String(to_hex(octets))
}

pub(crate) fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

pub(crate) fn list<T>(items: &[T], write: impl FnMut(&T) -> Value) -> Value {
    Value::Array(items.iter().map(write).collect())
}

pub(crate) fn alternative(name: &str, value: Value) -> Value {
    Value::Object(core::iter::once((name.to_owned(), value)).collect())
}

#[cold]
fn wrong(expected: &'static str, found: &Value) -> Box<Fault> {
    let found = found.to_string();
    let shown: String = found.chars().take(40).collect();
    let found = if shown.len() < found.len() { shown + "…" } else { shown };
    Fault::new(Cause::Kind { expected, found })
}

#[cold]
fn unknown_name(name: &str, known: &[&str]) -> Box<Fault> {
    Fault::new(Cause::UnknownName { name: name.to_owned(), known: known.join(", ") })
}

fn count_within(of: &'static str, count: usize, size: Size) -> Outcome<()> {
    if size.extensible || size.has(count as i64) {
        return Ok(());
    }
    Err(Fault::new(Cause::Count { of, count, low: size.low as usize, high: size.high as usize }))
}

fn string<'a>(value: &'a Value, expected: &'static str) -> Outcome<&'a str> {
    value.as_str().ok_or_else(|| wrong(expected, value))
}

pub(crate) fn read_integer(value: &Value, range: Size) -> Outcome<i64> {
    let number = value.as_i64().ok_or_else(|| wrong("an integer", value))?;
    if range.extensible || range.has(number) {
        return Ok(number);
    }
    Err(Fault::new(Cause::Range { value: number, low: range.low, high: range.high }))
}

pub(crate) fn read_boolean(value: &Value) -> Outcome<bool> {
    value.as_bool().ok_or_else(|| wrong("true or false", value))
}

pub(crate) fn read_enumeral(value: &Value, names: &[&str]) -> Outcome<usize> {
    let name = string(value, "the name of an enumeral")?;
    names.iter().position(|known| *known == name).ok_or_else(|| unknown_name(name, names))
}

pub(crate) fn read_bits(value: &Value, size: Size) -> Outcome<Bits> {
    let text = string(value, "a text of 0 and 1")?;
    if text.bytes().any(|digit| digit != b'0' && digit != b'1') {
        return Err(wrong("a text of 0 and 1", value));
    }
    count_within("bits", text.len(), size)?;
    count_within("bits", text.len(), Size::new(0, MAX_BITS.into(), false))?;
    let value = text.bytes().fold(0, |value, digit| value << 1 | u64::from(digit == b'1'));
    Ok(Bits::from_value(text.len() as u32, value))
}

pub(crate) fn read_octets(value: &Value, size: Size) -> Outcome<Vec<u8>> {
    let octets =
        from_hex(string(value, "octets in hexadecimal")?).map_err(|_| wrong("octets in hexadecimal", value))?;
    count_within("octets", octets.len(), size)?;
    Ok(octets)
}

pub(crate) fn read_array<const N: usize>(value: &Value) -> Outcome<[u8; N]> {
    let octets = read_octets(value, Size::new(N as i64, N as i64, false))?;
    octets.try_into().map_err(|_| wrong("octets in hexadecimal", value))
}

pub(crate) fn read_text(value: &Value, size: Size) -> Outcome<String> {
    let text = string(value, "ASCII text")?;
    if !text.is_ascii() {
        return Err(wrong("ASCII text", value));
    }
    count_within("characters", text.len(), size)?;
    Ok(text.to_owned())
}

pub(crate) fn read_list<T>(value: &Value, size: Size, mut read: impl FnMut(&Value) -> Outcome<T>) -> Outcome<Vec<T>> {
    let items = value.as_array().ok_or_else(|| wrong("a list", value))?;
    count_within("items", items.len(), size)?;
    items.iter().enumerate().map(|(index, item)| at_item(index, read(item))).collect()
}

/// The one alternative of a CHOICE: its place among `names`, and its value.
pub(crate) fn read_alternative<'a>(value: &'a Value, names: &[&str]) -> Outcome<(usize, &'a Value)> {
    let object = value.as_object().filter(|object| object.len() == 1);
    let (name, inner) =
        object.and_then(|object| object.iter().next()).ok_or_else(|| wrong("an object with one key", value))?;
    let index = names.iter().position(|known| known == name).ok_or_else(|| unknown_name(name, names))?;
    Ok((index, inner))
}

/// The members of a SEQUENCE.
pub(crate) struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    /// All of them, each with a name of `known`.
    pub(crate) fn of(value: &'a Value, known: &[&str]) -> Outcome<Self> {
        let members = value.as_object().ok_or_else(|| wrong("an object", value))?;
        match members.keys().find(|name| !known.contains(&name.as_str())) {
            Some(stranger) => Err(unknown_name(stranger, known)),
            None => Ok(Self(members)),
        }
    }

    pub(crate) fn required<T>(&self, name: &'static str, read: impl FnOnce(&Value) -> Outcome<T>) -> Outcome<T> {
        let value = self.0.get(name).ok_or_else(|| Fault::missing(name))?;
        at(name, read(value))
    }

    pub(crate) fn optional<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&Value) -> Outcome<T>,
    ) -> Outcome<Option<T>> {
        self.0.get(name).map(|value| at(name, read(value))).transpose()
    }
}
