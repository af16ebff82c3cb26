//! Signals: controller to node, and within a node's state.

use crate::error::{in_range, length, name, required};
use crate::sensor::v1 as wire;
use crate::{MAX_PHASES, WireError};
use bytes::Bytes;
use jxz_units::Utc;
use jxz_world::{JunctionId, JunctionSignals, Light, PhaseId, PhaseSignal};
use prost::Message;
use std::collections::BTreeSet;
use std::time::Duration;

const HOUR_MS: f64 = 3_600_000.0;

/// One junction's signals as a datagram. Times of change are rounded to the millisecond.
#[must_use]
pub fn encode_signals(signals: &JunctionSignals, sequence: u32) -> Bytes {
    let body = Some(wire::sensor_datagram::Body::Signals(signals_to_wire(signals, sequence)));
    wire::SensorDatagram { body }.encode_to_vec().into()
}

/// One junction's signals as their message.
#[must_use]
pub fn signals_to_wire(signals: &JunctionSignals, sequence: u32) -> wire::SignalFrame {
    let phase = |phase: &PhaseSignal| {
        let ms = (phase.likely_end.seconds_since(signals.valid_at) * 1e3).round().clamp(-HOUR_MS, HOUR_MS);
        wire::PhaseState {
            phase: phase.phase.0.into(),
            light: light_to_wire(phase.light).into(),
            likely_end_ms: ms as i32,
            next_light: phase.next.map_or(wire::Light::Unspecified, |(light, _)| light_to_wire(light)).into(),
            next_lasts_s: phase.next.map(|(_, lasts_s)| lasts_s as f32),
        }
    };
    wire::SignalFrame {
        junction_id: signals.junction.0.clone(),
        sequence,
        valid_at_unix_ns: signals.valid_at.unix_ns(),
        phases: signals.phases.iter().map(phase).collect(),
    }
}

const fn light_to_wire(light: Light) -> wire::Light {
    match light {
        Light::Red => wire::Light::Red,
        Light::Green => wire::Light::Green,
        Light::PermissiveGreen => wire::Light::PermissiveGreen,
        Light::Yellow => wire::Light::Yellow,
        Light::FlashingYellow => wire::Light::FlashingYellow,
        Light::Dark => wire::Light::Dark,
    }
}

/// `None` for unspecified.
fn light_from_wire(field: &'static str, light: i32) -> Result<Option<Light>, WireError> {
    match wire::Light::try_from(light) {
        Ok(wire::Light::Unspecified) => Ok(None),
        Ok(wire::Light::Red) => Ok(Some(Light::Red)),
        Ok(wire::Light::Green) => Ok(Some(Light::Green)),
        Ok(wire::Light::PermissiveGreen) => Ok(Some(Light::PermissiveGreen)),
        Ok(wire::Light::Yellow) => Ok(Some(Light::Yellow)),
        Ok(wire::Light::FlashingYellow) => Ok(Some(Light::FlashingYellow)),
        Ok(wire::Light::Dark) => Ok(Some(Light::Dark)),
        Err(_) => Err(WireError::Meaningless { field, value: light.to_string() }),
    }
}

/// One junction's signals, checked.
///
/// # Errors
/// The first field that is missing, out of range or unknown; a phase that comes twice.
pub fn signals_from_wire(frame: &wire::SignalFrame) -> Result<JunctionSignals, WireError> {
    length("SignalFrame.phases", frame.phases.len(), 0, MAX_PHASES)?;
    let valid_at = Utc::from_unix_ns(frame.valid_at_unix_ns);
    let mut seen = BTreeSet::new();
    let mut phases = Vec::with_capacity(frame.phases.len());
    for phase in &frame.phases {
        let signal = phase_from_wire(phase, valid_at)?;
        if !seen.insert(signal.phase) {
            let reason = format!("phase {} comes twice", signal.phase.0);
            return Err(WireError::Contradiction { field: "SignalFrame.phases", reason });
        }
        phases.push(signal);
    }
    let junction = JunctionId(name("SignalFrame.junction_id", frame.junction_id.clone())?);
    Ok(JunctionSignals { junction, valid_at, phases })
}

fn phase_from_wire(phase: &wire::PhaseState, valid_at: Utc) -> Result<PhaseSignal, WireError> {
    let number = in_range("PhaseState.phase", phase.phase.into(), 1.0, 255.0)? as u8;
    let light = required("PhaseState.light", light_from_wire("PhaseState.light", phase.light)?)?;
    in_range("PhaseState.likely_end_ms", phase.likely_end_ms.into(), -HOUR_MS, HOUR_MS)?;
    let from_now = Duration::from_millis(phase.likely_end_ms.unsigned_abs().into());
    let likely_end = if phase.likely_end_ms < 0 { valid_at - from_now } else { valid_at + from_now };
    let next = match (light_from_wire("PhaseState.next_light", phase.next_light)?, phase.next_lasts_s) {
        (Some(light), Some(lasts_s)) => {
            Some((light, in_range("PhaseState.next_lasts_s", lasts_s.into(), 0.0, 3600.0)?))
        }
        (None, None) => None,
        _ => {
            let reason = "the next light and its time go together".to_owned();
            return Err(WireError::Contradiction { field: "PhaseState.next_light", reason });
        }
    };
    Ok(PhaseSignal { phase: PhaseId(number), light, likely_end, next })
}
