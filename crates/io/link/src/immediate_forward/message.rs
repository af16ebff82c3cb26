//! The text that a roadside unit takes and gives: one message a datagram.
//!
//! The form is that of the USDOT's Roadside Unit specification 4.1, whose commented sample file calls itself version
//! 0.7, as deployed tools write it (V2X Hub's Immediate Forward plugin, MMITSS, CARMA): twelve lines of `Name=value`
//! in this order, each ended by a line feed, the payload in upper-case hexadecimal.

use super::psid;
use bytes::Bytes;
use std::fmt::{self, Display, Write as _};

use crate::MAX_FRAME_BYTES;

/// Lines of a message; the form has twelve, and comments may stand between.
const MAX_LINES: usize = 64;
const MAX_TYPE_CHARS: usize = 32;
/// Of a bad value, an error repeats no more characters than this.
const SHOWN_CHARS: usize = 40;
const VERSION: &str = "0.7";
const FIELDS: [&str; 12] = [
    "Version",
    "Type",
    "PSID",
    "Priority",
    "TxMode",
    "TxChannel",
    "TxInterval",
    "DeliveryStart",
    "DeliveryStop",
    "Signature",
    "Encryption",
    "Payload",
];

/// Why a text is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImmediateForwardError {
    /// A line that is not UTF-8.
    #[error("line {line} is not text")]
    NotText {
        /// Counted from 1.
        line: usize,
    },
    /// More lines than a message may have.
    #[error("more than {MAX_LINES} lines")]
    TooManyLines,
    /// A field whose value cannot be.
    #[error("line {line}: {field} is `{value}`; it must be {expected}")]
    Value {
        /// Counted from 1.
        line: usize,
        /// Which field.
        field: &'static str,
        /// Its value, shortened.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A field that comes twice.
    #[error("line {line}: {field} for the second time")]
    Twice {
        /// Counted from 1.
        line: usize,
        /// Which field.
        field: &'static str,
    },
    /// A field that is not there.
    #[error("no line {field}=")]
    Missing {
        /// Which field.
        field: &'static str,
    },
}

/// How the radio shares its time between channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxMode {
    /// On one channel all the time. C-V2X knows no other.
    Continuous,
    /// Alternating between two (DSRC).
    Alternating,
}

/// On which channel the radio sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TxChannel {
    /// 172 to 184. 183 is 20 MHz wide around 5915 MHz: that of C-V2X in the United States, and in China too.
    Number(u8),
    /// The control channel (DSRC).
    Control,
    /// The service channel that the operator set in the unit (DSRC).
    Service,
}

/// One message to be sent at once, or one that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImmediateForwardMessage {
    /// `Type`: the message's kind by name, 1 to 32 printable ASCII characters (`SPAT`).
    pub kind: String,
    /// `PSID`: provider service identifier or AID, at most 0x1020407F. The text has its P-encoding.
    pub psid: u32,
    /// `Priority`, 0 (lowest) to 7.
    pub priority: u8,
    /// `TxMode`.
    pub mode: TxMode,
    /// `TxChannel`.
    pub channel: TxChannel,
    /// `TxInterval`, seconds, 0 to 5; 0 is at once and once.
    pub interval_s: u8,
    /// `DeliveryStart`: `mm/dd/yyyy, hh:mm` in UTC, or empty when sent at once.
    pub delivery_start: String,
    /// `DeliveryStop`, likewise.
    pub delivery_stop: String,
    /// `Signature`.
    pub signature: bool,
    /// `Encryption`.
    pub encryption: bool,
    /// `Payload`, 1 to [`MAX_FRAME_BYTES`] bytes.
    pub payload: Bytes,
}

impl Display for ImmediateForwardMessage {
    /// The text, as sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let psid = psid::to_hex(self.psid).ok_or(fmt::Error)?;
        let mode = if self.mode == TxMode::Continuous { "CONT" } else { "ALT" };
        let logical = |value: bool| if value { "True" } else { "False" };
        writeln!(f, "Version={VERSION}\nType={}\nPSID=0x{psid}\nPriority={}", self.kind, self.priority)?;
        match self.channel {
            TxChannel::Number(number) => writeln!(f, "TxMode={mode}\nTxChannel={number}")?,
            TxChannel::Control => writeln!(f, "TxMode={mode}\nTxChannel=CCH")?,
            TxChannel::Service => writeln!(f, "TxMode={mode}\nTxChannel=SCH")?,
        }
        writeln!(f, "TxInterval={}", self.interval_s)?;
        writeln!(f, "DeliveryStart={}\nDeliveryStop={}", self.delivery_start, self.delivery_stop)?;
        writeln!(f, "Signature={}\nEncryption={}", logical(self.signature), logical(self.encryption))?;
        f.write_str("Payload=")?;
        self.payload.iter().try_for_each(|byte| write!(f, "{byte:02X}"))?;
        f.write_char('\n')
    }
}

/// The value of each field with its line, before it is understood.
#[derive(Default)]
struct Lines<'a>([Option<(usize, &'a str)>; FIELDS.len()]);

impl ImmediateForwardMessage {
    /// Reads a text. Lines that begin with `#`, empty ones, and ones of other names are passed over; lines may end in
    /// CR LF, the last one in nothing. The twelve fields may come in any order, each once.
    ///
    /// # Errors
    /// [`ImmediateForwardError`] naming the line and the field.
    pub fn parse(text: &[u8]) -> Result<Self, ImmediateForwardError> {
        let lines = Lines::read(text)?;
        let version = "0.7, the version of the form";
        lines.value("Version", version, |value| (value == VERSION).then_some(()))?;
        let hex = "hexadecimal digits of a P-encoded identifier, with or without 0x";
        let printable = |value: &str| value.bytes().all(|byte| byte.is_ascii_graphic());
        let is_kind = |value: &str| (1..=MAX_TYPE_CHARS).contains(&value.len()) && printable(value);
        let date = "empty or a time as mm/dd/yyyy, hh:mm";
        let delivery = |value: &str| (value.is_empty() || is_date(value)).then(|| value.to_owned());
        let whole = "an even number of hexadecimal digits, of 1 to 8192 bytes";
        Ok(Self {
            kind: lines.value("Type", "1 to 32 printable characters", |v| is_kind(v).then(|| v.to_owned()))?,
            psid: lines.value("PSID", hex, |v| psid::from_hex(v.strip_prefix("0x").unwrap_or(v)))?,
            priority: lines.value("Priority", "0 to 7", |v| digit(v, 7))?,
            mode: lines.value("TxMode", "CONT or ALT", tx_mode)?,
            channel: lines.value("TxChannel", "172 to 184, CCH or SCH", tx_channel)?,
            interval_s: lines.value("TxInterval", "0 to 5 seconds", |v| digit(v, 5))?,
            delivery_start: lines.value("DeliveryStart", date, delivery)?,
            delivery_stop: lines.value("DeliveryStop", date, delivery)?,
            signature: lines.value("Signature", "True or False", logical)?,
            encryption: lines.value("Encryption", "True or False", logical)?,
            payload: lines.value("Payload", whole, payload)?,
        })
    }
}

impl<'a> Lines<'a> {
    fn read(text: &'a [u8]) -> Result<Self, ImmediateForwardError> {
        let mut lines = Self::default();
        for (index, bytes) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = index + 1;
            if line > MAX_LINES {
                return Err(ImmediateForwardError::TooManyLines);
            }
            let said = std::str::from_utf8(bytes).map_err(|_| ImmediateForwardError::NotText { line })?;
            let said = said.strip_suffix('\r').unwrap_or(said);
            let Some((name, value)) = said.split_once('=') else { continue };
            let Some(field) = FIELDS.iter().position(|field| *field == name) else { continue };
            if lines.0[field].replace((line, value.trim())).is_some() {
                return Err(ImmediateForwardError::Twice { line, field: FIELDS[field] });
            }
        }
        Ok(lines)
    }

    fn value<T>(
        &self,
        field: &'static str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ImmediateForwardError> {
        let index = FIELDS.iter().position(|name| *name == field);
        let found = index.and_then(|index| self.0[index]);
        let (line, value) = found.ok_or(ImmediateForwardError::Missing { field })?;
        read(value).ok_or_else(|| {
            let value = value.chars().take(SHOWN_CHARS).collect();
            ImmediateForwardError::Value { line, field, value, expected }
        })
    }
}

/// One decimal digit, 0 to `most`.
fn digit(value: &str, most: u8) -> Option<u8> {
    let [byte] = value.as_bytes() else { return None };
    let number = byte.checked_sub(b'0')?;
    (number <= most).then_some(number)
}

fn logical(value: &str) -> Option<bool> {
    match value {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    }
}

fn tx_mode(value: &str) -> Option<TxMode> {
    match value {
        "CONT" => Some(TxMode::Continuous),
        "ALT" => Some(TxMode::Alternating),
        _ => None,
    }
}

fn tx_channel(value: &str) -> Option<TxChannel> {
    match value {
        "CCH" => Some(TxChannel::Control),
        "SCH" => Some(TxChannel::Service),
        _ => {
            let is_number = value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit());
            let number = is_number.then(|| value.parse().ok())??;
            (172..=184).contains(&number).then_some(TxChannel::Number(number))
        }
    }
}

/// `mm/dd/yyyy, hh:mm`, each number in its range; the blank after the comma may be left out.
fn is_date(value: &str) -> bool {
    let Some((date, time)) = value.split_once(',') else { return false };
    let number = |part: &str, width: usize, range: std::ops::RangeInclusive<u16>| {
        let is_digits = part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit());
        is_digits && part.parse().is_ok_and(|number| range.contains(&number))
    };
    let mut date = date.split('/');
    let (month, day, year) = (date.next(), date.next(), date.next());
    let Some((hour, minute)) = time.trim_start().split_once(':') else { return false };
    date.next().is_none()
        && month.is_some_and(|month| number(month, 2, 1..=12))
        && day.is_some_and(|day| number(day, 2, 1..=31))
        && year.is_some_and(|year| number(year, 4, 1970..=9999))
        && number(hour, 2, 0..=23)
        && number(minute, 2, 0..=59)
}

fn payload(value: &str) -> Option<Bytes> {
    let digits = value.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || digits.len() > 2 * MAX_FRAME_BYTES {
        return None;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let byte = |pair: &[u8]| Some((nibble(pair[0])? << 4 | nibble(pair[1])?) as u8);
    digits.chunks_exact(2).map(byte).collect::<Option<Vec<u8>>>().map(Bytes::from)
}
