//! Basic safety message: what a vehicle says of itself.

use super::common::{
    AccelerationSet4Way, Confidence, Heading, MotionConfidenceSet, MsgCount, Speed, SteeringWheelAngle, TemporaryId,
    TransmissionState, VehicleClassification, VehicleSize,
};
use super::json;
use super::position::{Position3d, PositionConfidenceSet, PositionOffsetLlv};
use super::time::{DDateTime, DSecond, TimeConfidence, TimeOffset};
use rasn::prelude::*;
use serde::{Deserialize, Serialize};

/// What a vehicle says of itself (BSM).
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct BasicSafetyMessage {
    pub msg_cnt: MsgCount,
    pub id: TemporaryId,
    pub sec_mark: DSecond,
    pub time_confidence: Option<TimeConfidence>,
    pub pos: Position3d,
    pub pos_accuracy: Option<PositionalAccuracy>,
    pub pos_confidence: Option<PositionConfidenceSet>,
    pub transmission: TransmissionState,
    pub speed: Speed,
    pub heading: Heading,
    pub angle: Option<SteeringWheelAngle>,
    pub motion_cfd: Option<MotionConfidenceSet>,
    pub accel_set: AccelerationSet4Way,
    pub brakes: BrakeSystemStatus,
    pub size: VehicleSize,
    pub vehicle_class: VehicleClassification,
    pub safety_ext: Option<VehicleSafetyExtensions>,
    pub emergency_ext: Option<VehicleEmergencyExtensions>,
}

/// 1.5° clockwise from north; 240 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=240"))]
pub struct CoarseHeading(pub u8);

/// 0.05 m, one standard deviation; 254 is that or more, 255 unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=255"))]
pub struct SemiMajorAxisAccuracy(pub u8);

/// 0.05 m, one standard deviation; 254 is that or more, 255 unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=255"))]
pub struct SemiMinorAxisAccuracy(pub u8);

/// 360/65535° clockwise from north; 65535 is unavailable.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("0..=65535"))]
pub struct SemiMajorAxisOrientation(pub u16);

/// Ellipse of the position error.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PositionalAccuracy {
    pub semi_major: SemiMajorAxisAccuracy,
    pub semi_minor: SemiMinorAxisAccuracy,
    pub orientation: SemiMajorAxisOrientation,
}

/// State of the brakes.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BrakeSystemStatus {
    pub brake_padel: Option<BrakePedalStatus>,
    pub wheel_brakes: Option<BrakeAppliedStatus>,
    pub traction: Option<TractionControlStatus>,
    pub abs: Option<AntiLockBrakeStatus>,
    pub scs: Option<StabilityControlStatus>,
    pub brake_boost: Option<BrakeBoostApplied>,
    pub aux_brakes: Option<AuxiliaryBrakeStatus>,
}

/// Brake pedal.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum BrakePedalStatus {
    Unavailable,
    Off,
    On,
}

/// Five flags: unavailable, then each wheel.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("5"))]
pub struct BrakeAppliedStatus(#[serde(with = "json::bits")] pub BitString);

/// Brake boost.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum BrakeBoostApplied {
    Unavailable,
    Off,
    On,
}

/// Traction control.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum TractionControlStatus {
    Unavailable,
    Off,
    On,
    Engaged,
}

/// Anti-lock brakes.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum AntiLockBrakeStatus {
    Unavailable,
    Off,
    On,
    Engaged,
}

/// Stability control.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum StabilityControlStatus {
    Unavailable,
    Off,
    On,
    Engaged,
}

/// Auxiliary brake.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum AuxiliaryBrakeStatus {
    Unavailable,
    Off,
    On,
    Reserved,
}

/// What an emergency vehicle adds.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct VehicleEmergencyExtensions {
    pub response_type: Option<ResponseType>,
    pub siren_use: Option<SirenInUse>,
    pub lights_use: Option<LightbarInUse>,
}

/// What an emergency vehicle is doing.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ResponseType {
    NotInUseOrNotEquipped,
    Emergency,
    NonEmergency,
    Pursuit,
    Stationary,
    SlowMoving,
    StopAndGoMovement,
}

/// Siren.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum SirenInUse {
    Unavailable,
    NotInUse,
    InUse,
    Reserved,
}

/// Light bar.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(enumerated)]
#[serde(rename_all = "camelCase")]
pub enum LightbarInUse {
    Unavailable,
    NotInUse,
    InUse,
    YellowCautionLights,
    SchooldBusLights,
    ArrowSignsActive,
    SlowMovingVehicle,
    FreqStops,
}

/// Events, past and predicted path.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct VehicleSafetyExtensions {
    pub events: Option<VehicleEventFlags>,
    pub path_history: Option<PathHistory>,
    pub path_prediction: Option<PathPrediction>,
    pub lights: Option<ExteriorLights>,
}

/// Where the vehicle was.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct PathHistory {
    pub initial_position: Option<FullPositionVector>,
    #[serde(rename = "currGNSSstatus")]
    pub curr_gnss_status: Option<GnssStatus>,
    pub crumb_data: PathHistoryPointList,
}

/// A position with its motion. The eight-member form of the `day-1` profile.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct FullPositionVector {
    pub utc_time: Option<DDateTime>,
    pub pos: Position3d,
    pub heading: Option<Heading>,
    pub transmission: Option<TransmissionState>,
    pub speed: Option<Speed>,
    pub pos_accuracy: Option<PositionConfidenceSet>,
    pub time_confidence: Option<TimeConfidence>,
    pub motion_cfd: Option<MotionConfidenceSet>,
}

/// Eight flags on satellite reception.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("8"))]
pub struct GnssStatus(#[serde(with = "json::bits")] pub BitString);

/// Points passed.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("1..=23"))]
pub struct PathHistoryPointList(pub Vec<PathHistoryPoint>);

/// One point passed.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct PathHistoryPoint {
    pub llv_offset: PositionOffsetLlv,
    pub time_offset: TimeOffset,
    pub speed: Option<Speed>,
    pub pos_accuracy: Option<PositionConfidenceSet>,
    pub heading: Option<CoarseHeading>,
}

/// The curve that the vehicle follows.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(automatic_tags)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct PathPrediction {
    pub radius_of_curve: RadiusOfCurvature,
    pub confidence: Confidence,
}

/// 0.1 m, positive to the right; 32767 is straight.
#[derive(AsnType, Debug, Clone, Copy, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, value("-32767..=32767"))]
pub struct RadiusOfCurvature(pub i16);

/// Thirteen flags, extensible: hazard lights, stop line, ABS, traction, stability, goods, …, hard braking, …
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("13", extensible))]
pub struct VehicleEventFlags(#[serde(with = "json::bits")] pub BitString);

/// Nine flags, extensible: low, high, left, right, hazard, automatic, daytime, fog, parking.
#[derive(AsnType, Debug, Clone, PartialEq, Eq, Decode, Encode, Serialize, Deserialize)]
#[rasn(delegate, size("9", extensible))]
pub struct ExteriorLights(#[serde(with = "json::bits")] pub BitString);
