//! Scans: sensor to node.

use crate::error::{decode, in_range, length, name, required};
use crate::sensor::v1 as wire;
use crate::{MAX_DETECTIONS, MAX_SENSOR_BYTES, WireError};
use bytes::Bytes;
use jxz_units::Utc;
use jxz_world::{Detection, RoadUserClass, Scan, SensorId};
use prost::Message;

/// The single-precision number nearest to π, which lies a little above it.
const PI_F32: f64 = core::f32::consts::PI as f64;

/// Decodes one datagram from a sensor or a signal controller.
///
/// # Errors
/// More than [`MAX_SENSOR_BYTES`], not protobuf, or no body that this version knows.
pub fn decode_sensor(datagram: &[u8]) -> Result<wire::sensor_datagram::Body, WireError> {
    let datagram: wire::SensorDatagram = decode("SensorDatagram", datagram, MAX_SENSOR_BYTES)?;
    required("SensorDatagram.body", datagram.body)
}

/// One scan as a datagram. Numbers are rounded to single precision (a hundredth of a millimetre at 200 m).
#[must_use]
pub fn encode_scan(scan: &Scan) -> Bytes {
    let body = Some(wire::sensor_datagram::Body::Scan(scan_to_wire(scan)));
    wire::SensorDatagram { body }.encode_to_vec().into()
}

/// One scan as its message.
#[must_use]
pub fn scan_to_wire(scan: &Scan) -> wire::ScanFrame {
    wire::ScanFrame {
        sensor_id: scan.sensor.0.clone(),
        sequence: scan.sequence,
        valid_at_unix_ns: scan.valid_at.unix_ns(),
        detections: scan.detections.iter().map(detection_to_wire).collect(),
    }
}

fn detection_to_wire(detection: &Detection) -> wire::Detection {
    wire::Detection {
        range_m: detection.range_m as f32,
        azimuth_rad: detection.azimuth_rad as f32,
        doppler_mps: detection.doppler_mps.map(|v| v as f32),
        class: class_to_wire(detection.class).into(),
        score: detection.score as f32,
        length_m: detection.extent_m.map(|(length, _)| length as f32),
        width_m: detection.extent_m.map(|(_, width)| width as f32),
    }
}

const fn class_to_wire(class: Option<RoadUserClass>) -> wire::RoadUserClass {
    match class {
        None => wire::RoadUserClass::Unspecified,
        Some(RoadUserClass::Motor) => wire::RoadUserClass::Motor,
        Some(RoadUserClass::NonMotor) => wire::RoadUserClass::NonMotor,
        Some(RoadUserClass::Pedestrian) => wire::RoadUserClass::Pedestrian,
    }
}

/// What a frame says of itself, checked, before its detections are looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanHead {
    /// Which sensor.
    pub sensor: SensorId,
    /// Its sequence number.
    pub sequence: u32,
    /// When it was so.
    pub valid_at: Utc,
}

/// Checks a frame's name and the number of its detections.
///
/// # Errors
/// A name of no or more than 64 bytes; more than [`MAX_DETECTIONS`] detections.
pub fn scan_head(frame: &wire::ScanFrame) -> Result<ScanHead, WireError> {
    length("ScanFrame.detections", frame.detections.len(), 0, MAX_DETECTIONS)?;
    Ok(ScanHead {
        sensor: SensorId(name("ScanFrame.sensor_id", frame.sensor_id.clone())?),
        sequence: frame.sequence,
        valid_at: Utc::from_unix_ns(frame.valid_at_unix_ns),
    })
}

/// One detection, with every number in the range that the `.proto` file states.
///
/// # Errors
/// The first field that is NaN, infinite or out of range; a class unknown to this version; half an extent.
pub fn detection_from_wire(detection: &wire::Detection) -> Result<Detection, WireError> {
    let doppler_mps = match detection.doppler_mps {
        Some(v) => Some(in_range("Detection.doppler_mps", f64::from(v), -100.0, 100.0)?),
        None => None,
    };
    let extent_m = match (detection.length_m, detection.width_m) {
        (Some(length), Some(width)) => Some((
            in_range("Detection.length_m", f64::from(length), 0.0, 40.0)?,
            in_range("Detection.width_m", f64::from(width), 0.0, 40.0)?,
        )),
        (None, None) => None,
        _ => {
            let reason = "length and width go together".to_owned();
            return Err(WireError::Contradiction { field: "Detection.length_m", reason });
        }
    };
    Ok(Detection {
        range_m: in_range("Detection.range_m", f64::from(detection.range_m), 0.0, 2000.0)?,
        azimuth_rad: in_range("Detection.azimuth_rad", f64::from(detection.azimuth_rad), -PI_F32, PI_F32)?,
        doppler_mps,
        class: class_from_wire(detection.class)?,
        score: in_range("Detection.score", f64::from(detection.score), 0.0, 1.0)?,
        extent_m,
    })
}

fn class_from_wire(class: i32) -> Result<Option<RoadUserClass>, WireError> {
    match wire::RoadUserClass::try_from(class) {
        Ok(wire::RoadUserClass::Unspecified) => Ok(None),
        Ok(wire::RoadUserClass::Motor) => Ok(Some(RoadUserClass::Motor)),
        Ok(wire::RoadUserClass::NonMotor) => Ok(Some(RoadUserClass::NonMotor)),
        Ok(wire::RoadUserClass::Pedestrian) => Ok(Some(RoadUserClass::Pedestrian)),
        Err(_) => Err(WireError::Meaningless { field: "Detection.class", value: class.to_string() }),
    }
}

/// A whole frame, refused for any wrong detection. (`jxz-ingest` drops the wrong ones only.)
///
/// # Errors
/// As [`scan_head`] and [`detection_from_wire`].
pub fn scan_from_wire(frame: &wire::ScanFrame) -> Result<Scan, WireError> {
    let head = scan_head(frame)?;
    let detections = frame.detections.iter().map(detection_from_wire).collect::<Result<_, _>>()?;
    Ok(Scan { sensor: head.sensor, sequence: head.sequence, valid_at: head.valid_at, detections })
}
