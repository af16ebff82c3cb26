//! Signal phase and timing.

use super::common::{Confidence, DescriptiveName, MsgCount, NodeReferenceId, PhaseId};
use super::json;
use super::time::{DSecond, MinuteOfTheYear, TimeConfidence, TimeMark};
use rasn::prelude::*;
use serde::{Deserialize, Serialize};

/// What traffic signals show and will show (SPAT).
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Spat {
    pub msg_cnt: MsgCount,
    pub moy: Option<MinuteOfTheYear>,
    pub time_stamp: Option<DSecond>,
    pub name: Option<DescriptiveName>,
    pub intersections: IntersectionStateList,
}

/// Junctions.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=32"))]
pub struct IntersectionStateList(pub Vec<IntersectionState>);

/// The signals of one junction.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct IntersectionState {
    pub intersection_id: NodeReferenceId,
    pub status: IntersectionStatusObject,
    pub moy: Option<MinuteOfTheYear>,
    pub time_stamp: Option<DSecond>,
    pub time_confidence: Option<TimeConfidence>,
    pub phases: PhaseList,
}

/// Sixteen flags: manual, stopped, failure flash, pre-emption, priority, fixed time, by demand, standby, failure, off, …
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("16"))]
pub struct IntersectionStatusObject(#[serde(with = "json::bits")] pub BitString);

/// Phases of a junction.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=16"))]
pub struct PhaseList(pub Vec<Phase>);

/// One phase.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Phase {
    pub id: PhaseId,
    pub phase_states: PhaseStateList,
}

/// What a phase shows now, then next.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=16"))]
pub struct PhaseStateList(pub Vec<PhaseState>);

/// One light and when.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct PhaseState {
    pub light: LightState,
    pub timing: Option<TimeChangeDetails>,
}

/// What a signal shows.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LightState {
    Unavailable,
    Dark,
    FlashingRed,
    Red,
    FlashingGreen,
    PermissiveGreen,
    ProtectedGreen,
    Yellow,
    FlashingYellow,
}

/// When a light begins and ends.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(choice, automatic_tags)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum TimeChangeDetails {
    Counting(TimeCountingDown),
    UtcTiming(UtcTiming),
}

/// In tenths of a second of the UTC hour.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UtcTiming {
    #[serde(rename = "startUTCTime")]
    pub start_utc_time: TimeMark,
    #[serde(rename = "minEndUTCTime")]
    pub min_end_utc_time: Option<TimeMark>,
    #[serde(rename = "maxEndUTCTime")]
    pub max_end_utc_time: Option<TimeMark>,
    #[serde(rename = "likelyEndUTCTime")]
    pub likely_end_utc_time: TimeMark,
    pub time_confidence: Option<Confidence>,
    #[serde(rename = "nextStartUTCTime")]
    pub next_start_utc_time: Option<TimeMark>,
    #[serde(rename = "nextEndUTCTime")]
    pub next_end_utc_time: Option<TimeMark>,
}

/// In tenths of a second from the time of the message.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeCountingDown {
    pub start_time: TimeMark,
    pub min_end_time: Option<TimeMark>,
    pub max_end_time: Option<TimeMark>,
    pub likely_end_time: TimeMark,
    pub time_confidence: Option<Confidence>,
    pub next_start_time: Option<TimeMark>,
    pub next_duration: Option<TimeMark>,
}
