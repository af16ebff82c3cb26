//! What is wrong with a sensor, and when its scans arrive.

use crate::rng::{Stream, chance, normal};
use crate::scenario::{Freeze, SensorFault};
use jxz_geo::Vector;

/// From a scan's time of validity to its arrival at the node, as usual: exposure, detection in the sensor, the local
/// net; and its 1-sigma, milliseconds.
const LATENCY_MS: f64 = 25.0;
const JITTER_MS: f64 = 2.0;

/// The state of a sensor at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct State {
    pub(super) yaw_rad: f64,
    pub(super) shift: Vector,
    /// By how much its clock is ahead, seconds.
    pub(super) clock_s: f64,
    latency_ms: f64,
    jitter_ms: f64,
    kept: f64,
    pub(super) freeze: Option<Freeze>,
    pub(super) dead: bool,
    /// Factors on errors and on false detections.
    pub(super) noise: f64,
    pub(super) clutter: f64,
}

impl State {
    pub(super) const SOUND: Self = Self {
        yaw_rad: 0.0,
        shift: Vector::new(0.0, 0.0),
        clock_s: 0.0,
        latency_ms: LATENCY_MS,
        jitter_ms: JITTER_MS,
        kept: 1.0,
        freeze: None,
        dead: false,
        noise: 1.0,
        clutter: 1.0,
    };

    /// Whether a scan is lost on its way.
    pub(super) fn loses(&self, stream: &mut Stream) -> bool {
        self.kept < 1.0 && !chance(stream, self.kept)
    }

    /// How long a scan is on its way, nanoseconds. No scan is faster than half the usual.
    pub(super) fn takes_ns(&self, stream: &mut Stream) -> u64 {
        let late_ms = if self.jitter_ms > 0.0 { self.jitter_ms * normal(stream) } else { 0.0 };
        ((self.latency_ms + late_ms).max(self.latency_ms / 2.0) * 1e6) as u64
    }
}

/// Everything that befalls one sensor.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults(Vec<SensorFault>);

impl Faults {
    pub(super) const fn new(faults: Vec<SensorFault>) -> Self {
        Self(faults)
    }

    /// Its state `time_s` after the start; which scans hang or err is drawn from `stream`.
    pub(super) fn at(&self, time_s: f64, stream: &mut Stream) -> State {
        let mut state = State::SOUND;
        for fault in self.0.iter().filter(|fault| fault.lasts_at(time_s)) {
            state.yaw_rad += fault.yaw_deg.to_radians();
            state.shift += Vector::new(fault.position_m[0], fault.position_m[1]);
            state.clock_s += 1e-3 * fault.offset_ms + 1e-6 * fault.drift_ppm * (time_s - fault.from_s);
            state.latency_ms = fault.latency_ms.unwrap_or(state.latency_ms);
            state.jitter_ms = fault.jitter_ms.unwrap_or(state.jitter_ms);
            state.kept *= 1.0 - fault.drop;
            if let Some(freeze) = fault.freeze.filter(|_| chance(stream, fault.freeze_share)) {
                state.freeze = Some(freeze);
            }
            state.dead |= fault.dead;
            if chance(stream, fault.noisy_share) {
                state.noise *= fault.noise;
            }
            state.clutter *= fault.clutter;
        }
        state
    }
}
