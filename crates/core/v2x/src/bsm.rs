//! Basic safety messages: what a vehicle says of itself.

use crate::asn::{
    Acceleration, AccelerationSet4Way, BasicSafetyMessage, MessageFrame, MsgCount as WireCount, Profile,
    VerticalAcceleration, YawRate, encode_frame,
};
use crate::details;
use crate::ellipse::Ellipse;
use crate::error::{DecodeError, EncodeError};
use crate::number::MsgCount;
use crate::place::Steps;
use crate::scale;
use crate::time::{sec_mark, valid_at};
use jxz_geo::{LocalFrame, Point};
use jxz_units::{Heading, Utc};
use jxz_world::{VehicleDetails, VehicleId, VehicleReport};

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
    /// Gear, brakes, events and the like.
    pub details: VehicleDetails,
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
        pos_accuracy: state.position_sigma_m.map(|sigma_m| Ellipse::circle(sigma_m).to_wire()).transpose()?,
        pos_confidence: Some(scale::position_confidence(state.position_sigma_m)?),
        transmission: details::gear_to_wire(state.details.gear),
        speed: scale::speed_to_wire("speed_mps", state.speed_mps)?,
        heading: scale::heading_to_wire(state.heading)?,
        angle: None,
        motion_cfd: None,
        accel_set: acceleration_set(state.acceleration_mps2)?,
        brakes: details::brakes_to_wire(&state.details.brakes),
        size: scale::size_to_wire(state.extent_m)?,
        vehicle_class: details::class_to_wire(state.details.vehicle_class),
        safety_ext: state.details.events.as_ref().map(details::events_to_wire),
        emergency_ext: state.details.emergency.as_ref().map(details::emergency_to_wire),
    };
    Ok(encode_frame(&MessageFrame::BsmFrame(message), profile)?)
}

/// The four accelerations, of which only the longitudinal one is known.
pub(crate) fn acceleration_set(longitudinal_mps2: Option<f64>) -> Result<AccelerationSet4Way, EncodeError> {
    Ok(AccelerationSet4Way {
        long: acceleration(longitudinal_mps2)?,
        lat: Acceleration(ACCELERATION_UNAVAILABLE),
        vert: VerticalAcceleration(-127),
        yaw: YawRate(0),
    })
}

/// The longitudinal acceleration, metres per second squared, if told.
pub(crate) fn longitudinal_mps2(set: &AccelerationSet4Way) -> Option<f64> {
    (set.long.0 != ACCELERATION_UNAVAILABLE).then(|| f64::from(set.long.0) / 100.0)
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
    Ok(VehicleReport {
        vehicle: VehicleId(message.id),
        message_count: message.msg_cnt.0,
        valid_at: valid_at(&message.sec_mark, near, "BasicSafetyMessage.sec_mark")?,
        position,
        position_sigma_m: stated_sigma(message),
        speed_mps: scale::speed_from_wire(message.speed),
        heading: scale::heading_from_wire(message.heading),
        acceleration_mps2: longitudinal_mps2(&message.accel_set),
        extent_m: scale::size_from_wire(&message.size),
        class: None,
        details: details::read(message),
    })
}

/// Of the ellipse, or what the coarser confidence code says.
fn stated_sigma(message: &BasicSafetyMessage) -> Option<f64> {
    let ellipse = message.pos_accuracy.as_ref().and_then(Ellipse::from_wire);
    ellipse.map(Ellipse::sigma_m).or_else(|| message.pos_confidence.as_ref().and_then(scale::position_sigma))
}
