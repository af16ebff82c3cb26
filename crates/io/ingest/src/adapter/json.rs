//! A vendor's JSON, by its mapping, as the frame that our own sensors send. The gate checks what it says.

use super::mapping::{Class, Mapping, Position, Quantity, Speed, Unit};
use jxz_wire::MAX_DETECTIONS;
use jxz_wire::sensor::v1 as wire;
use jxz_world::{DropCause, RoadUserClass};
use serde_json::Value;

/// The most bytes of one message.
pub(super) const MAX_JSON_BYTES: usize = 256 * 1024;

/// One message as a frame. An object without a place, or with a number that is none, stays in it with a range that is
/// not a number, so that the gate drops and counts it as it does a sensor's own.
///
/// # Errors
/// Why the whole is dropped: too large, not JSON, or without a sensor, a time or a list of objects where they should be.
pub fn read_frame(mapping: &Mapping, message: &[u8]) -> Result<wire::ScanFrame, DropCause> {
    if message.len() > MAX_JSON_BYTES {
        return Err(DropCause::SensorOversize);
    }
    let message: Value = serde_json::from_slice(message).map_err(|_| DropCause::SensorGarbage)?;
    frame(mapping, &message).ok_or(DropCause::SensorGarbage)
}

fn frame(mapping: &Mapping, message: &Value) -> Option<wire::ScanFrame> {
    let sensor_id = match &mapping.sensor.name {
        Some(name) => name.clone(),
        None => {
            let theirs = word(mapping.sensor.pointer.as_ref()?.of(message)?)?;
            mapping.sensor.names.get(&theirs).cloned().unwrap_or(theirs)
        }
    };
    let valid_at_unix_ns = time(mapping, message)?;
    let sequence = match &mapping.sequence {
        // As ours: the low 32 bits of whatever counts.
        Some(pointer) => (pointer.of(message)?.as_u64()? & u64::from(u32::MAX)) as u32,
        None => (valid_at_unix_ns.div_euclid(1_000_000) & i64::from(u32::MAX)) as u32,
    };
    let objects = mapping.objects.of(message)?.as_array().filter(|objects| objects.len() <= MAX_DETECTIONS)?;
    let detections = objects.iter().map(|object| detection(mapping, object)).collect();
    Some(wire::ScanFrame { sensor_id, sequence, valid_at_unix_ns, detections })
}

/// Whole numbers keep every digit: nanoseconds since 1970 do not fit into a double.
fn time(mapping: &Mapping, message: &Value) -> Option<i64> {
    let stamp = mapping.time.pointer.of(message)?;
    let ns = match stamp.as_i64() {
        Some(whole) => whole.checked_mul(mapping.time.unit.ns())?,
        None => whole_ns(number(stamp)? * mapping.time.unit.ns() as f64)?,
    };
    ns.checked_add(whole_ns(mapping.time.offset_ms * 1e6)?)
}

fn whole_ns(ns: f64) -> Option<i64> {
    // 2^63 is a double, and the first beyond.
    (ns.abs() < i64::MAX as f64).then_some(ns as i64)
}

fn detection(mapping: &Mapping, object: &Value) -> wire::Detection {
    let nowhere = wire::Detection { range_m: f32::NAN, ..wire::Detection::default() };
    place(mapping, object).unwrap_or(nowhere)
}

fn place(mapping: &Mapping, object: &Value) -> Option<wire::Detection> {
    let (range_m, azimuth_rad, sight) = match &mapping.position {
        Position::Polar { range, azimuth, rotate_deg } => {
            let (range_m, azimuth) = (quantity(range, object)?, quantity(azimuth, object)?);
            (range_m, wrapped(azimuth + rotate_deg.to_radians())?, None)
        }
        Position::Cartesian { x, y, rotate_deg } => {
            let (x_m, y_m) = (quantity(x, object)?, quantity(y, object)?);
            let range_m = x_m.hypot(y_m);
            let sight = (range_m > 0.0).then(|| (x_m / range_m, y_m / range_m));
            (range_m, wrapped(y_m.atan2(x_m) + rotate_deg.to_radians())?, sight)
        }
    };
    let doppler_mps = match &mapping.speed {
        Some(Speed::Radial { radial }) => optional(radial, object)?,
        Some(Speed::Vector { x, y }) => match (optional(x, object)?, optional(y, object)?, sight) {
            (Some(vx), Some(vy), Some((along_x, along_y))) => Some(vx * along_x + vy * along_y),
            _ => None,
        },
        None => None,
    };
    let (length, width) = match &mapping.size {
        Some(size) => (optional(&size.length, object)?, optional(&size.width, object)?),
        None => (None, None),
    };
    let extent = length.zip(width);
    let score = match &mapping.score {
        Some(score) => quantity(score, object)?,
        None => 1.0,
    };
    Some(wire::Detection {
        range_m: range_m as f32,
        azimuth_rad: azimuth_rad as f32,
        doppler_mps: doppler_mps.map(|v| v as f32),
        class: class(mapping.class.as_ref(), object).into(),
        score: score as f32,
        length_m: extent.map(|(length, _)| length as f32),
        width_m: extent.map(|(_, width)| width as f32),
    })
}

/// An angle within half a turn of the boresight; `None` for one that is none.
fn wrapped(angle_rad: f64) -> Option<f64> {
    angle_rad.is_finite().then(|| jxz_units::wrap_pi(angle_rad))
}

fn class(class: Option<&Class>, object: &Value) -> wire::RoadUserClass {
    let known = class.and_then(|class| class.names.get(&word(class.pointer.of(object)?)?));
    match known {
        Some(RoadUserClass::Motor) => wire::RoadUserClass::Motor,
        Some(RoadUserClass::NonMotor) => wire::RoadUserClass::NonMotor,
        Some(RoadUserClass::Pedestrian) => wire::RoadUserClass::Pedestrian,
        None => wire::RoadUserClass::Unspecified,
    }
}

/// A quantity that must be there, in our units.
fn quantity<U: Unit>(field: &Quantity<U>, object: &Value) -> Option<f64> {
    number(field.pointer.of(object)?).map(|value| in_ours(field, value))
}

/// One that may be missing or null; `None` if it is there and no number.
fn optional<U: Unit>(field: &Quantity<U>, object: &Value) -> Option<Option<f64>> {
    match field.pointer.of(object) {
        None | Some(Value::Null) => Some(None),
        Some(value) => number(value).map(|value| Some(in_ours(field, value))),
    }
}

fn in_ours<U: Unit>(field: &Quantity<U>, value: f64) -> f64 {
    let value = value * field.unit.factor();
    if field.negate { -value } else { value }
}

/// A number, also one in quotes.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// A name or a code as text.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
