//! The checks between a datagram and a scan.

use crate::window::Window;
use jxz_units::Utc;
use jxz_wire::sensor::v1 as wire;
use jxz_wire::{WireError, decode_sensor, detection_from_wire, scan_head, signals_from_wire};
use jxz_world::{Detection, DropCause, Drops, JunctionId, JunctionSignals, Scan, SensorId, SensorSpec};
use std::collections::BTreeMap;
use std::time::Duration;

/// A frame older than this on arrival is dropped: fusion has moved past it.
pub const MAX_AGE: Duration = Duration::from_millis(500);
/// A frame stamped further in the future than this is dropped: some clock is wrong.
pub const MAX_AHEAD: Duration = Duration::from_millis(200);
/// Least margin of a detection beyond its sensor's surveyed field of view, radians; and times the 1-sigma error.
const AZIMUTH_MARGIN_RAD: f64 = 0.1;
const SIGMAS: f64 = 6.0;
/// Least margin of a detection beyond its sensor's surveyed range, metres.
const RANGE_MARGIN_M: f64 = 5.0;

/// What a datagram turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Ingested {
    /// A camera's or radar's scan.
    Scan(Scan),
    /// The junction's signals.
    Signals(JunctionSignals),
}

#[derive(Debug, Clone)]
struct Known {
    /// Farthest believable range, metres.
    max_range_m: f64,
    /// Widest believable azimuth, radians.
    max_azimuth_rad: f64,
    window: Option<Window>,
}

/// Turns datagrams into scans and signals; drops what is wrong and counts it by cause. It has no clock.
#[derive(Debug, Clone)]
pub struct Gate {
    sensors: BTreeMap<SensorId, Known>,
    junction: Option<JunctionId>,
    controller: Option<Window>,
    drops: Drops,
}

impl Gate {
    /// A gate for a site's sensors and its signalled junction, if it has one.
    #[must_use]
    pub fn new(sensors: &[SensorSpec], junction: Option<JunctionId>) -> Self {
        let known = |spec: &SensorSpec| {
            let range_sigma_m = spec.range_sigma_at(spec.range_m.1);
            let azimuth_margin = AZIMUTH_MARGIN_RAD.max(SIGMAS * spec.azimuth_sigma_rad);
            Known {
                max_range_m: spec.range_m.1 + RANGE_MARGIN_M.max(SIGMAS * range_sigma_m),
                max_azimuth_rad: spec.half_fov_rad + azimuth_margin,
                window: None,
            }
        };
        let sensors = sensors.iter().map(|spec| (spec.id.clone(), known(spec))).collect();
        Self { sensors, junction, controller: None, drops: Drops::default() }
    }

    /// One datagram that arrived at `now`. `None`: it was dropped, and counted in [`Gate::drops`].
    ///
    /// A scan whose detections are partly wrong is kept without those; each is counted.
    pub fn accept(&mut self, now: Utc, datagram: &[u8]) -> Option<Ingested> {
        let outcome = match decode_sensor(datagram) {
            Ok(wire::sensor_datagram::Body::Scan(frame)) => self.scan(now, &frame).map(Ingested::Scan),
            Ok(wire::sensor_datagram::Body::Signals(frame)) => self.signals(now, &frame).map(Ingested::Signals),
            Err(WireError::Oversize { .. }) => Err(DropCause::SensorOversize),
            Err(_) => Err(DropCause::SensorGarbage),
        };
        outcome.map_err(|cause| self.drops.count(cause)).ok()
    }

    /// A frame that came in another form than a datagram; the same checks, but for the datagram's size.
    pub fn accept_frame(&mut self, now: Utc, frame: &wire::ScanFrame) -> Option<Ingested> {
        let outcome = self.scan(now, frame).map(Ingested::Scan);
        outcome.map_err(|cause| self.drops.count(cause)).ok()
    }

    /// Counts what was dropped before it was a frame.
    pub fn count(&mut self, cause: DropCause) {
        self.drops.count(cause);
    }

    /// What was dropped so far.
    #[must_use]
    pub const fn drops(&self) -> &Drops {
        &self.drops
    }

    fn scan(&mut self, now: Utc, frame: &wire::ScanFrame) -> Result<Scan, DropCause> {
        let head = scan_head(frame).map_err(|_| DropCause::SensorGarbage)?;
        let known = self.sensors.get_mut(&head.sensor).ok_or(DropCause::SensorUnknown)?;
        timely(now, head.valid_at)?;
        if !admit(&mut known.window, head.sequence, head.valid_at) {
            return Err(DropCause::SensorDuplicate);
        }
        let mut detections = Vec::with_capacity(frame.detections.len());
        for detection in &frame.detections {
            match detection_from_wire(detection) {
                Ok(detection) if known.believes(&detection) => detections.push(detection),
                _ => self.drops.count(DropCause::SensorNotFinite),
            }
        }
        Ok(Scan { sensor: head.sensor, sequence: head.sequence, valid_at: head.valid_at, detections })
    }

    fn signals(&mut self, now: Utc, frame: &wire::SignalFrame) -> Result<JunctionSignals, DropCause> {
        let signals = signals_from_wire(frame).map_err(|_| DropCause::SignalRejected)?;
        let ours = self.junction.as_ref() == Some(&signals.junction);
        let good = ours
            && timely(now, signals.valid_at).is_ok()
            && admit(&mut self.controller, frame.sequence, signals.valid_at);
        if good { Ok(signals) } else { Err(DropCause::SignalRejected) }
    }
}

impl Known {
    fn believes(&self, detection: &Detection) -> bool {
        detection.range_m <= self.max_range_m && detection.azimuth_rad.abs() <= self.max_azimuth_rad
    }
}

fn admit(window: &mut Option<Window>, sequence: u32, valid_at: Utc) -> bool {
    if let Some(window) = window {
        return window.admit(sequence, valid_at);
    }
    *window = Some(Window::starting(sequence, valid_at));
    true
}

fn timely(now: Utc, valid_at: Utc) -> Result<(), DropCause> {
    if valid_at < now - MAX_AGE {
        Err(DropCause::SensorStale)
    } else if valid_at > now + MAX_AHEAD {
        Err(DropCause::SensorFuture)
    } else {
        Ok(())
    }
}
