//! What several messages share: identity, motion, confidence, size.

use super::json;
use rasn::prelude::*;
use serde::{Deserialize, Serialize};

/// Identity that its owner changes now and then (OCTET STRING of 8).
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate)]
pub struct TemporaryId(#[serde(with = "json::hex")] pub FixedOctetString<8>);

/// Message counter, modulo 128.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=127"))]
pub struct MsgCount(pub u8);

/// Accelerations along three axes and the rate of turn.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccelerationSet4Way {
    pub long: Acceleration,
    pub lat: Acceleration,
    pub vert: VerticalAcceleration,
    pub yaw: YawRate,
}

/// 0.01 m/s²; 2001 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-2000..=2001"))]
pub struct Acceleration(pub i16);

/// 0.02 g; −127 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-127..=127"))]
pub struct VerticalAcceleration(pub i8);

/// 0.01 °/s.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-32767..=32767"))]
pub struct YawRate(pub i16);

/// 0.02 m/s; 8191 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=8191"))]
pub struct Speed(pub u16);

/// 0.0125° clockwise from north; 28800 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=28800"))]
pub struct Heading(pub u16);

/// 1.5°; 127 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-126..=127"))]
pub struct SteeringWheelAngle(pub i8);

/// How well speed, heading and steering are known.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MotionConfidenceSet {
    pub speed_cfd: Option<SpeedConfidence>,
    pub heading_cfd: Option<HeadingConfidence>,
    pub steer_cfd: Option<SteeringWheelAngleConfidence>,
}

/// 95 % bound on the heading.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum HeadingConfidence {
    Unavailable,
    Prec10deg,
    Prec05deg,
    Prec01deg,
    #[serde(rename = "prec0-1deg")]
    Prec0_1deg,
    #[serde(rename = "prec0-05deg")]
    Prec0_05deg,
    #[serde(rename = "prec0-01deg")]
    Prec0_01deg,
    #[serde(rename = "prec0-0125deg")]
    Prec0_0125deg,
}

/// 95 % bound on the speed.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum SpeedConfidence {
    Unavailable,
    Prec100ms,
    Prec10ms,
    Prec5ms,
    Prec1ms,
    #[serde(rename = "prec0-1ms")]
    Prec0_1ms,
    #[serde(rename = "prec0-05ms")]
    Prec0_05ms,
    #[serde(rename = "prec0-01ms")]
    Prec0_01ms,
}

/// 95 % bound on the steering-wheel angle.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum SteeringWheelAngleConfidence {
    Unavailable,
    Prec2deg,
    Prec1deg,
    #[serde(rename = "prec0-02deg")]
    Prec0_02deg,
}

/// A name in ASCII.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=63"))]
pub struct DescriptiveName(#[serde(with = "json::text")] pub Ia5String);

/// A node, in its region.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeReferenceId {
    pub region: Option<RoadRegulatorId>,
    pub id: NodeId,
}

/// Number of a region; 0 is for tests.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=65535"))]
pub struct RoadRegulatorId(pub u16);

/// Number of a node in its region; 0..=255 is for tests.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=65535"))]
pub struct NodeId(pub u16);

/// Number of a phase; 0 is invalid.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=255"))]
pub struct PhaseId(pub u8);

/// Kind of vehicle.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct VehicleClassification {
    pub classification: BasicVehicleClass,
    pub fuel_type: Option<FuelType>,
}

/// Class of vehicle; 0 is unknown, 10 a car by default.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=255"))]
pub struct BasicVehicleClass(pub u8);

/// What drives it.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=15"))]
pub struct FuelType(pub u8);

/// 0.5 %.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=200"))]
pub struct Confidence(pub u8);

/// Outline.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VehicleSize {
    pub width: VehicleWidth,
    pub length: VehicleLength,
    pub height: Option<VehicleHeight>,
}

/// 1 cm; 0 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=1023"))]
pub struct VehicleWidth(pub u16);

/// 1 cm; 0 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=4095"))]
pub struct VehicleLength(pub u16);

/// 5 cm; 0 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=127"))]
pub struct VehicleHeight(pub u8);

/// Gear.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum TransmissionState {
    Neutral,
    Park,
    ForwardGears,
    ReverseGears,
    Reserved1,
    Reserved2,
    Reserved3,
    Unavailable,
}
