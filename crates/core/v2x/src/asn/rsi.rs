//! Roadside information: events and signs.

use super::common::{Confidence, MsgCount, NodeReferenceId, TemporaryId};
use super::json;
use super::position::{Position3d, PositionOffsetLlv};
use super::time::{MinuteOfTheYear, TimeConfidence};
use rasn::prelude::*;
use serde::{Deserialize, Serialize};

/// Events and signs on the road (RSI).
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RoadSideInformation {
    pub msg_cnt: MsgCount,
    pub moy: Option<MinuteOfTheYear>,
    pub id: TemporaryId,
    pub ref_pos: Position3d,
    pub rtes: Option<RteList>,
    pub rtss: Option<RtsList>,
}

/// Road traffic events.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=8"))]
pub struct RteList(pub Vec<RteData>);

/// One road traffic event.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RteData {
    pub rte_id: u8,
    pub event_type: EventType,
    pub event_source: EventSource,
    pub event_pos: Option<PositionOffsetLlv>,
    pub event_radius: Option<Radius>,
    pub description: Option<Description>,
    pub time_details: Option<RsiTimeDetails>,
    pub priority: Option<RsiPriority>,
    pub reference_paths: Option<ReferencePathList>,
    pub reference_links: Option<ReferenceLinkList>,
    pub event_confidence: Option<Confidence>,
}

/// Who says so.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum EventSource {
    Unknown,
    Police,
    Government,
    Meteorological,
    Internet,
    Detection,
}

/// Kind of an event, after GB/T 29100: class × 100 + sequence.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=65535"))]
pub struct EventType(pub u16);

/// From when until when.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RsiTimeDetails {
    pub start_time: Option<MinuteOfTheYear>,
    pub end_time: Option<MinuteOfTheYear>,
    pub end_time_confidence: Option<TimeConfidence>,
}

/// Paths on which something holds.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=8"))]
pub struct ReferencePathList(pub Vec<ReferencePath>);

/// A path in the direction of travel, and how far from it still counts.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReferencePath {
    pub active_path: PathPointList,
    pub path_radius: Radius,
}

/// Road traffic signs.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=16"))]
pub struct RtsList(pub Vec<RtsData>);

/// One road traffic sign.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RtsData {
    pub rts_id: u8,
    pub sign_type: SignType,
    pub sign_pos: Option<PositionOffsetLlv>,
    pub description: Option<Description>,
    pub time_details: Option<RsiTimeDetails>,
    pub priority: Option<RsiPriority>,
    pub reference_paths: Option<ReferencePathList>,
    pub reference_links: Option<ReferenceLinkList>,
}

/// Free text, ASCII or GB 2312.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(choice, automatic_tags)]
#[serde(rename_all = "camelCase")]
pub enum Description {
    TextString(TextString),
    TextGB2312(Gb2312String),
}

/// Text in ASCII.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=512"))]
pub struct TextString(#[serde(with = "json::text")] pub Ia5String);

/// Text in GB 2312.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("2..=512"))]
pub struct Gb2312String(#[serde(with = "json::hex")] pub OctetString);

/// Links on which something holds.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=16"))]
pub struct ReferenceLinkList(pub Vec<ReferenceLink>);

/// A link between two nodes.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReferenceLink {
    pub upstream_node_id: NodeReferenceId,
    pub downstream_node_id: NodeReferenceId,
    pub reference_lanes: Option<ReferenceLanes>,
}

/// Sixteen flags: lanes 1 to 15 of a link.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("16"))]
pub struct ReferenceLanes(#[serde(with = "json::bits")] pub BitString);

/// Kind of a sign, after GB 5768.2; 0 is text.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=65535"))]
pub struct SignType(pub u16);

/// Points of a path.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("2..=32"))]
pub struct PathPointList(pub Vec<PositionOffsetLlv>);

/// 0.1 m.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=65535"))]
pub struct Radius(pub u16);

/// Priority: 0 (lowest) to 7 in the upper three bits.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate)]
pub struct RsiPriority(#[serde(with = "json::hex")] pub FixedOctetString<1>);
