//! Scans and signals.

use super::{bounded, name, pair, there};
use crate::error::BlackBoxError;
use jxz_units::Utc;
use jxz_wire::journal::v1 as wire;
use jxz_world::{Detection, JunctionId, JunctionSignals, Light, PhaseId, PhaseSignal, RoadUserClass, Scan, SensorId};

/// In the order of `jxz.sensor.v1.Light`, which begins with "unspecified".
const LIGHTS: [Light; 6] =
    [Light::Red, Light::Green, Light::PermissiveGreen, Light::Yellow, Light::FlashingYellow, Light::Dark];

pub(super) fn scan_to_wire(scan: &Scan) -> wire::Scan {
    wire::Scan {
        sensor: scan.sensor.0.clone(),
        sequence: scan.sequence,
        valid_at_ns: scan.valid_at.unix_ns(),
        detections: scan.detections.iter().map(detection_to_wire).collect(),
    }
}

fn detection_to_wire(detection: &Detection) -> wire::Detection {
    wire::Detection {
        range_m: Some(detection.range_m),
        azimuth_rad: Some(detection.azimuth_rad),
        doppler_mps: detection.doppler_mps,
        class: detection.class.map_or(0, |class| class.index() as u32 + 1),
        score: Some(detection.score),
        length_m: detection.extent_m.map(|extent| extent.0),
        width_m: detection.extent_m.map(|extent| extent.1),
    }
}

pub(super) fn scan_from_wire(scan: wire::Scan) -> Result<Scan, BlackBoxError> {
    bounded("Scan.detections", scan.detections.len())?;
    Ok(Scan {
        sensor: SensorId(name("Scan.sensor", scan.sensor)?),
        sequence: scan.sequence,
        valid_at: Utc::from_unix_ns(scan.valid_at_ns),
        detections: scan.detections.iter().map(detection_from_wire).collect::<Result<_, _>>()?,
    })
}

fn detection_from_wire(detection: &wire::Detection) -> Result<Detection, BlackBoxError> {
    let class = match detection.class {
        0 => None,
        index => Some(
            RoadUserClass::from_index(index as usize - 1)
                .ok_or_else(|| BlackBoxError::value("Detection.class", index, "0 to 3"))?,
        ),
    };
    Ok(Detection {
        range_m: there("Detection.range_m", detection.range_m)?,
        azimuth_rad: there("Detection.azimuth_rad", detection.azimuth_rad)?,
        doppler_mps: detection.doppler_mps,
        class,
        score: there("Detection.score", detection.score)?,
        extent_m: pair("Detection.length_m and width_m", detection.length_m, detection.width_m)?,
    })
}

pub(crate) fn signals_to_wire(signals: &JunctionSignals) -> wire::Signals {
    wire::Signals {
        junction: signals.junction.0.clone(),
        valid_at_ns: signals.valid_at.unix_ns(),
        phases: signals.phases.iter().map(phase_to_wire).collect(),
    }
}

fn phase_to_wire(phase: &PhaseSignal) -> wire::Phase {
    wire::Phase {
        phase: phase.phase.0.into(),
        light: light_to_wire(phase.light),
        likely_end_ns: phase.likely_end.unix_ns(),
        next_light: phase.next.map_or(0, |(light, _)| light_to_wire(light)),
        next_lasts_s: phase.next.map(|(_, lasts_s)| lasts_s),
    }
}

pub(super) fn signals_from_wire(signals: wire::Signals) -> Result<JunctionSignals, BlackBoxError> {
    bounded("Signals.phases", signals.phases.len())?;
    Ok(JunctionSignals {
        junction: JunctionId(name("Signals.junction", signals.junction)?),
        valid_at: Utc::from_unix_ns(signals.valid_at_ns),
        phases: signals.phases.iter().map(phase_from_wire).collect::<Result<_, _>>()?,
    })
}

fn phase_from_wire(phase: &wire::Phase) -> Result<PhaseSignal, BlackBoxError> {
    let next = match phase.next_lasts_s {
        Some(lasts_s) => Some((light_from_wire(phase.next_light)?, lasts_s)),
        None => None,
    };
    let number = u8::try_from(phase.phase);
    Ok(PhaseSignal {
        phase: PhaseId(number.map_err(|_| BlackBoxError::value("Phase.phase", phase.phase, "0 to 255"))?),
        light: light_from_wire(phase.light)?,
        likely_end: Utc::from_unix_ns(phase.likely_end_ns),
        next,
    })
}

fn light_to_wire(light: Light) -> u32 {
    LIGHTS.iter().zip(1..).find(|(known, _)| **known == light).map_or(0, |(_, number)| number)
}

fn light_from_wire(number: u32) -> Result<Light, BlackBoxError> {
    let index = (number as usize).checked_sub(1);
    let light = index.and_then(|index| LIGHTS.get(index)).copied();
    light.ok_or_else(|| BlackBoxError::value("Phase.light", number, "1 to 6"))
}
