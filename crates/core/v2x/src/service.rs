//! How well a unit serves, for vehicles: a sign of text, since the set has no member for it.
//!
//! `signType` 0 is text (GB 5768.2's list begins at 1), its place is the unit, its priority the lowest. The text is a convention
//! of ours in ASCII:
//!
//! `JXZ-SERVICE/1 degraded sensor_silent:2 clock_unsure`
//!
//! a shortfall a word, with how many sensors are meant where there is more than one. A unit that serves as it should says
//! nothing. Who does not know the text sees one that says what it is.

use crate::asn::{RsiTimeDetails, RtsData, SignType};
use crate::encoder::{Encoder, Refusal, Sink, Subject};
use crate::error::EncodeError;
use crate::kind::RsiClass;
use crate::rsi::{Item, priority_to_wire, text_description};
use crate::time::{moy, moy_rounded_up};
use jxz_units::Utc;
use jxz_world::Shortfall;
use std::collections::BTreeMap;

/// `rtsId` of the sign; the signs that always stand have the numbers below.
pub(crate) const NUMBER: u8 = 255;
/// It is said again well within this, seconds.
const VALID_S: f64 = 60.0;
const HEADER: &str = "JXZ-SERVICE/1 ";
/// Longer words are not said, and more words not either: no shortfall has such a name, but one of a later version may.
const MAX_WORD: usize = 32;
const MAX_WORDS: usize = 12;

/// What a unit says of its service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceNotice {
    /// Each way in which it falls short by its name, and how many times; none, if it says something else than that it does.
    pub shortfalls: BTreeMap<String, u32>,
}

impl ServiceNotice {
    /// Reads a sign's text ([`crate::ReceivedWarning::text`]); `None` if it is none of these.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix(HEADER)?.split(' ');
        let degraded = words.next()? == "degraded";
        let word = |word: &str| match word.split_once(':') {
            Some((name, count)) => Some((name.to_owned(), count.parse().ok()?)),
            None => Some((word.to_owned(), 1)),
        };
        let shortfalls = words.filter(|_| degraded).take(MAX_WORDS).filter_map(word).collect();
        Some(Self { shortfalls })
    }
}

impl Encoder {
    /// Says in which ways the unit falls short, as one RSI frame; nothing, if in none.
    pub fn service(&mut self, now: Utc, shortfalls: &[Shortfall], sink: &mut dyn Sink) {
        if shortfalls.is_empty() {
            return;
        }
        let Some(here) = self.anchor(sink) else { return };
        let sign = sign(now, shortfalls).map(Item::Sign).and_then(|item| self.measured(now, &here, item));
        match sign {
            Ok(sign) => self.send_rsi(now, &here, RsiClass::SemiStatic, vec![sign], sink),
            Err(error) => sink.refused(Refusal { subject: Subject::Unit, error }),
        }
    }
}

fn sign(now: Utc, shortfalls: &[Shortfall]) -> Result<RtsData, EncodeError> {
    Ok(RtsData {
        rts_id: NUMBER,
        sign_type: SignType(0),
        // The unit's own place is the message's.
        sign_pos: None,
        description: Some(text_description(text(shortfalls))?),
        time_details: Some(RsiTimeDetails {
            start_time: Some(moy(now)),
            end_time: Some(moy_rounded_up(now.plus_seconds(VALID_S))),
            end_time_confidence: None,
        }),
        priority: Some(priority_to_wire(0)),
        reference_paths: None,
        reference_links: None,
        auxiliary_sign: None,
    })
}

fn text(shortfalls: &[Shortfall]) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let can_be_said =
        |name: &&str| name.len() <= MAX_WORD && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    for name in shortfalls.iter().map(Shortfall::name).filter(can_be_said) {
        *counts.entry(name).or_default() += 1;
    }
    let word = |(name, count): (&str, u32)| if count > 1 { format!(" {name}:{count}") } else { format!(" {name}") };
    let words: String = counts.into_iter().take(MAX_WORDS).map(word).collect();
    format!("{HEADER}degraded{words}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_world::SensorId;

    #[test]
    fn what_is_said_is_read_and_other_texts_are_not() {
        let silent = |name: &str| Shortfall::SensorSilent(SensorId(name.to_owned()));
        let said =
            text(&[silent("radar-1"), Shortfall::ClockUnsure, silent("radar-2"), Shortfall::Other("A b".into())]);
        assert_eq!(said, "JXZ-SERVICE/1 degraded clock_unsure sensor_silent:2");
        let read = ServiceNotice::parse(&said).unwrap();
        assert_eq!(read.shortfalls, BTreeMap::from([("clock_unsure".to_owned(), 1), ("sensor_silent".to_owned(), 2)]));
        assert_eq!(ServiceNotice::parse("60 km/h"), None);
        assert_eq!(ServiceNotice::parse("JXZ-SERVICE/1 full").unwrap().shortfalls.len(), 0);
        let all: Vec<Shortfall> = ('a'..='z').map(|c| Shortfall::Other(c.to_string().repeat(MAX_WORD))).collect();
        assert!(text(&all).len() <= 512, "as long as a description may be");
    }
}
