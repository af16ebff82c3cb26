//! Roadside safety message: road users that a roadside unit sees.

use super::common::{
    AccelerationSet4Way, Heading, MotionConfidenceSet, MsgCount, Speed, SteeringWheelAngle, TemporaryId,
    TransmissionState, VehicleClassification, VehicleSize,
};
use super::position::{Position3d, PositionConfidenceSet, PositionOffsetLlv};
use super::time::DSecond;
use rasn::prelude::*;
use serde::{Deserialize, Serialize};

/// What a roadside unit sees (RSM).
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RoadsideSafetyMessage {
    pub msg_cnt: MsgCount,
    pub id: TemporaryId,
    pub ref_pos: Position3d,
    pub participants: ParticipantList,
}

/// Road users, the unit itself first.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=16"))]
pub struct ParticipantList(pub Vec<ParticipantData>);

/// One road user.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ParticipantData {
    pub ptc_type: ParticipantType,
    pub ptc_id: u16,
    pub source: SourceType,
    pub id: Option<TemporaryId>,
    pub sec_mark: DSecond,
    pub pos: PositionOffsetLlv,
    pub pos_confidence: PositionConfidenceSet,
    pub transmission: Option<TransmissionState>,
    pub speed: Speed,
    pub heading: Heading,
    pub angle: Option<SteeringWheelAngle>,
    pub motion_cfd: Option<MotionConfidenceSet>,
    pub accel_set: Option<AccelerationSet4Way>,
    pub size: VehicleSize,
    pub vehicle_class: Option<VehicleClassification>,
}

/// What a road user is.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ParticipantType {
    Unknown,
    Motor,
    NonMotor,
    Pedestrian,
    Rsu,
}

/// Where knowledge of a road user comes from.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum SourceType {
    Unknown,
    Selfinfo,
    V2x,
    Video,
    MicrowaveRadar,
    Loop,
    Lidar,
    Integrated,
}
