//! A number, or a range that a seed draws it from.

use super::ScenarioError;
use crate::rng::{Stream, uniform};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// A number, or `{ from = , to = }`: drawn uniformly, by seed and actor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    /// Always the same.
    Fixed(f64),
    /// Between two numbers.
    Drawn(Span),
}

/// A range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The least.
    pub from: f64,
    /// The most.
    pub to: f64,
}

impl Amount {
    pub(crate) fn draw(self, stream: &mut Stream) -> f64 {
        match self {
            Self::Fixed(number) => number,
            Self::Drawn(span) => uniform(stream, span.from, span.to),
        }
    }

    /// Checks that all that may be drawn is within `low..=high`.
    pub(super) fn check(self, path: &str, low: f64, high: f64) -> Result<(), ScenarioError> {
        let (from, to) = match self {
            Self::Fixed(number) => (number, number),
            Self::Drawn(span) => (span.from, span.to),
        };
        if from > to {
            return Err(ScenarioError::at(
                path,
                format!("the range from {from} to {to} is empty: from must not be above to"),
            ));
        }
        for number in [from, to] {
            if !(number >= low && number <= high) {
                return Err(ScenarioError::at(
                    path,
                    format!("{number} is out of range, must be within {low}..={high}"),
                ));
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Amount;
            fn expecting(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                out.write_str("a number or { from = , to = }")
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Amount, E> {
                Ok(Amount::Fixed(number))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Amount, E> {
                Ok(Amount::Fixed(number as f64))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Amount, E> {
                Ok(Amount::Fixed(number as f64))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Amount, A::Error> {
                Span::deserialize(MapAccessDeserializer::new(map)).map(Amount::Drawn)
            }
        }
        deserializer.deserialize_any(Form)
    }
}
