//! How the API's messages read in JSON, where that is not as serde has it: names for numbers, and hexadecimal text for
//! numbers that would lose digits in a program that knows only 64-bit floats.

use crate::packages::jxz::api::v1 as wire;
use schemars::JsonSchema;
use serde::Serializer;

/// The names of [`wire::Freshness`].
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum Freshness {
    /// Not said.
    Unspecified,
    /// Within its validity.
    Fresh,
    /// Just past it: a renewal is overdue.
    Late,
    /// Well past it: only good as the last thing known.
    Stale,
    /// Given up, or never heard.
    Lost,
}

/// The name of a freshness.
pub(crate) fn freshness<S: Serializer>(value: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match wire::Freshness::try_from(*value) {
        Ok(wire::Freshness::Fresh) => "fresh",
        Ok(wire::Freshness::Late) => "late",
        Ok(wire::Freshness::Stale) => "stale",
        Ok(wire::Freshness::Lost) => "lost",
        Ok(wire::Freshness::Unspecified) | Err(_) => "unspecified",
    })
}

/// Sixteen hexadecimal digits.
pub(crate) fn hex<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{value:016x}"))
}

/// As [`hex`]; `null` for none.
#[allow(clippy::ref_option, reason = "serde hands a field on as it is")]
pub(crate) fn hex_if_any<S: Serializer>(value: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => hex(value, serializer),
        None => serializer.serialize_none(),
    }
}
