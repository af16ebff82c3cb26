//! Basic safety messages: what a vehicle says of itself.

use crate::asn::{
    Acceleration, AccelerationSet4Way, BasicVehicleClass, MsgCount as WireCount, TransmissionState,
    VehicleClassification, VerticalAcceleration, YawRate,
};
use crate::asn::{
    BasicSafetyMessage, BrakeSystemStatus, PositionalAccuracy, SemiMajorAxisAccuracy, SemiMajorAxisOrientation,
    SemiMinorAxisAccuracy,
};
use crate::asn::{MessageFrame, Profile, encode_frame};
use crate::error::{DecodeError, EncodeError};
use crate::number::MsgCount;
use crate::place::Steps;
use crate::scale;
use crate::time::{sec_mark, valid_at};
use jxz_geo::{LocalFrame, Point};
use jxz_units::{Heading, Utc};
use jxz_world::{VehicleId, VehicleReport};

const AXIS_STEP_M: f64 = 0.05;
const AXIS_LARGEST: u8 = 254;
const AXIS_UNAVAILABLE: u8 = 255;
const ACCELERATION_UNAVAILABLE: i16 = 2001;

/// What an on-board unit knows of its vehicle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OnBoardState {
    /// The vehicle's temporary id.
    pub vehicle: VehicleId,
    /// When the state was so.
    pub valid_at: Utc,
    /// Centre of the vehicle on the ground, local frame.
    pub position: Point,
    /// 1-sigma position error, metres.
    pub position_sigma_m: Option<f64>,
    /// Speed, metres per second, 0 to 163.8.
    pub speed_mps: Option<f64>,
    /// Direction of travel.
    pub heading: Option<Heading>,
    /// Longitudinal acceleration, metres per second squared. The set's ends, ±20, stand for all beyond.
    pub acceleration_mps2: Option<f64>,
    /// Length and width, metres, up to 40.95 and 10.23.
    pub extent_m: Option<(f64, f64)>,
}

/// A BSM frame in unaligned PER.
///
/// What the state does not hold is said as unavailable; the rate of turn, for which the set has no such code, is
/// said as 0, and [`crate::decode`] does not read it.
///
/// # Errors
/// [`EncodeError::Value`] naming the number that is NaN or that the message cannot say.
pub fn encode_bsm(
    frame: &LocalFrame,
    profile: Profile,
    state: &OnBoardState,
    count: MsgCount,
) -> Result<Vec<u8>, EncodeError> {
    let message = BasicSafetyMessage {
        msg_cnt: WireCount(count.get()),
        id: state.vehicle.0,
        sec_mark: sec_mark(state.valid_at),
        time_confidence: None,
        pos: Steps::of("position_deg", frame, state.position)?.to_position(),
        pos_accuracy: state.position_sigma_m.map(accuracy_ellipse).transpose()?,
        pos_confidence: Some(scale::position_confidence(state.position_sigma_m)?),
        transmission: TransmissionState::Unavailable,
        speed: scale::speed_to_wire("speed_mps", state.speed_mps)?,
        heading: scale::heading_to_wire(state.heading)?,
        angle: None,
        motion_cfd: None,
        accel_set: AccelerationSet4Way {
            long: acceleration(state.acceleration_mps2)?,
            lat: Acceleration(ACCELERATION_UNAVAILABLE),
            vert: VerticalAcceleration(-127),
            yaw: YawRate(0),
        },
        brakes: BrakeSystemStatus {
            brake_padel: None,
            wheel_brakes: None,
            traction: None,
            abs: None,
            scs: None,
            brake_boost: None,
            aux_brakes: None,
        },
        size: scale::size_to_wire(state.extent_m)?,
        vehicle_class: VehicleClassification { classification: BasicVehicleClass(0), fuel_type: None },
        safety_ext: None,
        emergency_ext: None,
    };
    Ok(encode_frame(&MessageFrame::BsmFrame(message), profile)?)
}

/// A circle of the given 1-sigma radius.
fn accuracy_ellipse(sigma_m: f64) -> Result<PositionalAccuracy, EncodeError> {
    let steps = scale::steps("position_sigma_m", sigma_m, AXIS_STEP_M, 0, i64::MAX >> 11)?;
    // The set defines its largest value as "that or more".
    let axis = steps.min(i64::from(AXIS_LARGEST)) as u8;
    Ok(PositionalAccuracy {
        semi_major: SemiMajorAxisAccuracy(axis),
        semi_minor: SemiMinorAxisAccuracy(axis),
        orientation: SemiMajorAxisOrientation(0),
    })
}

fn acceleration(acceleration_mps2: Option<f64>) -> Result<Acceleration, EncodeError> {
    let Some(value) = acceleration_mps2 else { return Ok(Acceleration(ACCELERATION_UNAVAILABLE)) };
    let value = scale::finite("acceleration_mps2", value)?;
    Ok(Acceleration((value * 100.0).round().clamp(-2000.0, 2000.0) as i16))
}

/// The report in a BSM. A stated accuracy of 12.7 m stands for that or more.
pub(crate) fn read(message: &BasicSafetyMessage, near: Utc, frame: &LocalFrame) -> Result<VehicleReport, DecodeError> {
    let position = Steps::from_position(&message.pos)
        .ok_or(DecodeError::Unavailable { path: "BasicSafetyMessage.pos" })?
        .to_point(frame);
    let long = message.accel_set.long.0;
    Ok(VehicleReport {
        vehicle: VehicleId(message.id),
        message_count: message.msg_cnt.0,
        valid_at: valid_at(&message.sec_mark, near, "BasicSafetyMessage.sec_mark")?,
        position,
        position_sigma_m: stated_sigma(message),
        speed_mps: scale::speed_from_wire(message.speed),
        heading: scale::heading_from_wire(message.heading),
        acceleration_mps2: (long != ACCELERATION_UNAVAILABLE).then(|| f64::from(long) / 100.0),
        extent_m: scale::size_from_wire(&message.size),
    })
}

/// Root mean square of the ellipse's axes, or what the coarser confidence code says.
fn stated_sigma(message: &BasicSafetyMessage) -> Option<f64> {
    let ellipse = message.pos_accuracy.as_ref().map(|accuracy| (accuracy.semi_major.0, accuracy.semi_minor.0));
    match ellipse {
        Some((major, minor)) if major != AXIS_UNAVAILABLE && minor != AXIS_UNAVAILABLE => {
            Some((f64::from(major).hypot(f64::from(minor)) / core::f64::consts::SQRT_2) * AXIS_STEP_M)
        }
        _ => message.pos_confidence.as_ref().and_then(scale::position_sigma),
    }
}
