//! Radars and cameras: what each of them reports of the truth, and when it arrives.

mod camera;
mod faults;
mod mirror;
mod occlusion;
mod radar;
mod sight;
mod sun;
mod weather;

#[cfg(test)]
mod checks;

pub(crate) use weather::Conditions;

use crate::radio::Streets;
use crate::rng::{Purpose, Seed, SmallStream, Stream};
use crate::scenario::{Freeze, SensorFault};
use crate::truth::TruthObject;
use camera::Camera;
use faults::{Faults, State};
use jxz_map::Map;
use jxz_units::{Instant, Utc};
use jxz_world::{Detection, Scan, SensorKind, SensorSpec};
use occlusion::Skyline;
use radar::{Echo, Radar};
use sight::{Pose, Sight};

/// Where sensors stand.
pub(crate) struct Place<'a> {
    pub(crate) map: &'a Map,
    /// Where buildings begin; `None`: there are none.
    pub(crate) streets: Option<&'a Streets>,
    pub(crate) seed: Seed,
}

/// One step of the truth around a site.
pub(crate) struct Around<'a> {
    pub(crate) truth: &'a [TruthObject],
    /// Those of it that any of the site's sensors may see.
    pub(crate) near: &'a [usize],
    pub(crate) conditions: &'a Conditions,
    /// The truth's moment, and the step's beginning and end since the start.
    pub(crate) utc: Utc,
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
}

/// A scan and when it arrives at its site's node.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) arrives: Instant,
    pub(crate) scan: Scan,
}

/// Working space of the sensors of one site, kept between scans.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    sights: Vec<Sight>,
    echoes: Vec<Echo>,
    ids: Vec<u64>,
}

/// What one scan is made of.
struct Look<'a> {
    spec: &'a SensorSpec,
    pose: &'a Pose,
    truth: &'a [TruthObject],
    /// Bodies in the field of view and not behind buildings, by range.
    sights: &'a [Sight],
    conditions: &'a Conditions,
    /// Factors on errors and on the number of false detections.
    noise: f64,
    clutter: f64,
}

/// What it measures with.
#[derive(Debug, Clone)]
enum Eye {
    Radar(Radar),
    Camera(Camera),
}

/// One simulated sensor.
#[derive(Debug, Clone)]
pub(crate) struct Sensor {
    spec: SensorSpec,
    pose: Pose,
    skyline: Option<Skyline>,
    eye: Eye,
    faults: Faults,
    /// Of measurement, of faults and of the way to the node.
    stream: SmallStream,
    fault_stream: Stream,
    link_stream: Stream,
    sequence: u32,
    /// Nanoseconds from the start to its next scan, and between scans.
    due_ns: u64,
    period_ns: u64,
    /// What it saw last, kept for the case that it hangs.
    last: Option<Scan>,
    may_hang: bool,
    /// Whom it detected in the last call of `scans`.
    seen: Vec<(Utc, u64)>,
}

impl Sensor {
    /// `number` is its place among all sensors of the island, `phase` its share of the period by which it is late.
    pub(crate) fn new(spec: &SensorSpec, place: &Place<'_>, faults: Vec<SensorFault>, number: u64, phase: f64) -> Self {
        let period_ns = (spec.period_s.max(0.01) * 1e9).round() as u64;
        let mut scenery = place.seed.small_stream(Purpose::SensorScenery, number);
        let eye = match spec.kind {
            SensorKind::Camera => Eye::Camera(Camera::new(spec)),
            SensorKind::Radar => {
                let mirrors = mirror::around(spec, place.map, place.streets, &mut scenery);
                Eye::Radar(Radar::new(spec, mirrors, &mut scenery))
            }
        };
        Self {
            spec: spec.clone(),
            pose: Pose::new(spec, State::SOUND.yaw_rad, State::SOUND.shift),
            skyline: place.streets.map(|streets| Skyline::new(spec, streets)),
            eye,
            may_hang: faults.iter().any(|fault| fault.freeze.is_some()),
            faults: Faults::new(faults),
            stream: place.seed.small_stream(Purpose::Sensor, number),
            fault_stream: place.seed.stream(Purpose::SensorFault, number),
            link_stream: place.seed.stream(Purpose::SensorLink, number),
            sequence: 0,
            due_ns: (period_ns as f64 * phase.clamp(0.0, 0.999)) as u64,
            period_ns,
            last: None,
            seen: Vec::new(),
        }
    }

    /// Whom it detected in the last call of [`Self::scans`]: when (by a right clock), and the road user's number.
    /// Clutter and ghosts are nobody.
    pub(crate) fn seen(&self) -> &[(Utc, u64)] {
        &self.seen
    }

    /// The scans that fall into the step, with the truth at its beginning.
    pub(crate) fn scans(&mut self, around: &Around<'_>, scratch: &mut Scratch, out: &mut Vec<Sent>) {
        self.seen.clear();
        while self.due_ns < around.to_ns {
            let state = self.faults.at(self.due_ns as f64 * 1e-9, &mut self.fault_stream);
            if !state.dead
                && let Some(scan) = self.scan(around, &state, scratch)
            {
                let arrives = Instant::from_ns(self.due_ns + state.takes_ns(&mut self.link_stream));
                out.push(Sent { arrives, scan });
            }
            self.due_ns += self.period_ns;
        }
    }

    /// What it sends; `None` if that is lost on its way.
    fn scan(&mut self, around: &Around<'_>, state: &State, scratch: &mut Scratch) -> Option<Scan> {
        let lost = state.loses(&mut self.fault_stream);
        let after_s = self.due_ns.saturating_sub(around.from_ns) as f64 * 1e-9;
        let taken = around.utc.plus_seconds(after_s);
        let hangs = state.freeze.and_then(|freeze| self.last.clone().map(|last| (freeze, last)));
        if let Some((Freeze::All, last)) = hangs {
            return (!lost).then_some(last);
        }
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        let detections = match hangs {
            Some((_, last)) => last.detections,
            None => {
                let detections = self.detect(around, state, after_s, scratch);
                if !lost {
                    self.seen.extend(scratch.ids.iter().map(|id| (taken, *id)));
                }
                detections
            }
        };
        let valid_at = taken.plus_seconds(state.clock_s);
        let scan = Scan { sensor: self.spec.id.clone(), sequence, valid_at, detections };
        if self.may_hang {
            self.last = Some(scan.clone());
        }
        (!lost).then_some(scan)
    }

    fn detect(&mut self, around: &Around<'_>, state: &State, after_s: f64, scratch: &mut Scratch) -> Vec<Detection> {
        let moved = state.yaw_rad != 0.0 || state.shift.norm_squared() > 0.0;
        let pose = if moved { Pose::new(&self.spec, state.yaw_rad, state.shift) } else { self.pose };
        let Scratch { sights, echoes, ids } = scratch;
        sights.clear();
        for &index in around.near {
            let Some(sight) = Sight::of(&pose, index, &around.truth[index], after_s) else { continue };
            let direction_rad = pose.boresight.rad() + sight.azimuth_rad;
            if self.skyline.as_ref().is_none_or(|skyline| skyline.sees(direction_rad, sight.range_m)) {
                sights.push(sight);
            }
        }
        sights.sort_unstable_by(|a, b| a.range_m.total_cmp(&b.range_m).then(a.id.cmp(&b.id)));
        occlusion::mark_hidden(&pose, sights);
        ids.clear();
        let mut detections = Vec::with_capacity(sights.len() + 4);
        let look = Look {
            spec: &self.spec,
            pose: &pose,
            truth: around.truth,
            sights,
            conditions: around.conditions,
            noise: state.noise,
            clutter: state.clutter,
        };
        match &self.eye {
            Eye::Radar(radar) => radar.scan(&look, echoes, &mut self.stream, &mut detections, ids),
            Eye::Camera(camera) => camera.scan(&look, &mut self.stream, &mut detections, ids),
        }
        detections
    }
}
