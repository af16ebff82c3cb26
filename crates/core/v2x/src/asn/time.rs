//! Times as the message set counts them.

use rasn::prelude::*;
use serde::{Deserialize, Serialize};

/// Millisecond of the minute; 60000..=60999 leap second, 65535 unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=65535"))]
pub struct DSecond(pub u16);

/// Year; 0 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=4095"))]
pub struct DYear(pub u16);

/// Month; 0 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=12"))]
pub struct DMonth(pub u8);

/// Day of the month; 0 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=31"))]
pub struct DDay(pub u8);

/// Hour; 31 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=31"))]
pub struct DHour(pub u8);

/// Minute; 60 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=60"))]
pub struct DMinute(pub u8);

/// Minutes from UTC.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-840..=840"))]
pub struct DTimeOffset(pub i16);

/// Date and time of day.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DDateTime {
    pub year: Option<DYear>,
    pub month: Option<DMonth>,
    pub day: Option<DDay>,
    pub hour: Option<DHour>,
    pub minute: Option<DMinute>,
    pub second: Option<DSecond>,
    pub offset: Option<DTimeOffset>,
}

/// Minute of the UTC year; 527040 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=527040"))]
pub struct MinuteOfTheYear(pub u32);

/// 0.1 s, in the hour or from now; 36000 is beyond the hour, 36001 unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=36001"))]
pub struct TimeMark(pub u16);

/// 10 ms into the past; 65535 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("1..=65535"))]
pub struct TimeOffset(pub u16);

/// 95 % bound on a time, seconds.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum TimeConfidence {
    Unavailable,
    #[serde(rename = "time-100-000")]
    Time100_000,
    #[serde(rename = "time-050-000")]
    Time050_000,
    #[serde(rename = "time-020-000")]
    Time020_000,
    #[serde(rename = "time-010-000")]
    Time010_000,
    #[serde(rename = "time-002-000")]
    Time002_000,
    #[serde(rename = "time-001-000")]
    Time001_000,
    #[serde(rename = "time-000-500")]
    Time000_500,
    #[serde(rename = "time-000-200")]
    Time000_200,
    #[serde(rename = "time-000-100")]
    Time000_100,
    #[serde(rename = "time-000-050")]
    Time000_050,
    #[serde(rename = "time-000-020")]
    Time000_020,
    #[serde(rename = "time-000-010")]
    Time000_010,
    #[serde(rename = "time-000-005")]
    Time000_005,
    #[serde(rename = "time-000-002")]
    Time000_002,
    #[serde(rename = "time-000-001")]
    Time000_001,
    #[serde(rename = "time-000-000-5")]
    Time000_000_5,
    #[serde(rename = "time-000-000-2")]
    Time000_000_2,
    #[serde(rename = "time-000-000-1")]
    Time000_000_1,
    #[serde(rename = "time-000-000-05")]
    Time000_000_05,
    #[serde(rename = "time-000-000-02")]
    Time000_000_02,
    #[serde(rename = "time-000-000-01")]
    Time000_000_01,
    #[serde(rename = "time-000-000-005")]
    Time000_000_005,
    #[serde(rename = "time-000-000-002")]
    Time000_000_002,
    #[serde(rename = "time-000-000-001")]
    Time000_000_001,
    #[serde(rename = "time-000-000-000-5")]
    Time000_000_000_5,
    #[serde(rename = "time-000-000-000-2")]
    Time000_000_000_2,
    #[serde(rename = "time-000-000-000-1")]
    Time000_000_000_1,
    #[serde(rename = "time-000-000-000-05")]
    Time000_000_000_05,
    #[serde(rename = "time-000-000-000-02")]
    Time000_000_000_02,
    #[serde(rename = "time-000-000-000-01")]
    Time000_000_000_01,
    #[serde(rename = "time-000-000-000-005")]
    Time000_000_000_005,
    #[serde(rename = "time-000-000-000-002")]
    Time000_000_000_002,
    #[serde(rename = "time-000-000-000-001")]
    Time000_000_000_001,
    #[serde(rename = "time-000-000-000-000-5")]
    Time000_000_000_000_5,
    #[serde(rename = "time-000-000-000-000-2")]
    Time000_000_000_000_2,
    #[serde(rename = "time-000-000-000-000-1")]
    Time000_000_000_000_1,
    #[serde(rename = "time-000-000-000-000-05")]
    Time000_000_000_000_05,
    #[serde(rename = "time-000-000-000-000-02")]
    Time000_000_000_000_02,
    #[serde(rename = "time-000-000-000-000-01")]
    Time000_000_000_000_01,
}
