//! One possible road user: where it may be, whether it is at all, and what is known of it.

use crate::FusionConfig;
use crate::filter::Imm;
use crate::rival::Rival;
use crate::sensor::{MAX_SENSORS, SensorModel};
use jxz_geo::Vector;
use jxz_units::{Heading, Utc, Yaw};
use jxz_world::{ClassBelief, Detection, IslandId, Sources, Track, TrackId, VehicleId};
use nalgebra::Matrix2;

/// Existence never reaches certainty, or nothing could end a track.
const MAX_EXISTENCE: f64 = 1.0 - 1e-6;
/// "Lately" in [`Sources`], and how long a neighbour's word is fresh, seconds.
const LATELY_S: f64 = 1.0;
/// Below this a road user stands, metres per second.
const STANDING_MPS: f64 = 0.5;
/// A track that would be outside the area this much later may be leaving, seconds.
const LEAVING_S: f64 = 0.2;
/// Share of the steady model's noise left when standing, and the speed from which it is whole, metres per second.
const STANDING_NOISE: f64 = 0.1;
const FULL_NOISE_MPS: f64 = 4.0;
/// Share of a new extent measurement in the kept one.
const EXTENT_GAIN: f64 = 0.1;

/// Where a track came from: the same after its history is filtered again, so its number stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BirthKey {
    pub(crate) at: Utc,
    /// Index of the sensor; [`MAX_SENSORS`] for a vehicle report, one more for a neighbour's word.
    pub(crate) source: usize,
    /// Index of the detection in its scan, a number made of the vehicle's id, or the identity on the island.
    pub(crate) item: u64,
}

/// When each kind of source was last heard.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Heard {
    pub(crate) radar: Option<Utc>,
    pub(crate) camera: Option<Utc>,
    pub(crate) v2x: Option<Utc>,
}

/// Who it is on the island, and since when: of two for one road user, the lesser is kept, on every site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) since: Utc,
    pub(crate) island: IslandId,
}

/// A neighbour's last word on a track: for when, and who it said it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) at: Utc,
    pub(crate) island: IslandId,
}

#[derive(Debug, Clone)]
pub(crate) struct Bernoulli {
    pub(crate) birth: BirthKey,
    pub(crate) id: Option<TrackId>,
    pub(crate) imm: Imm,
    pub(crate) existence: f64,
    pub(crate) confirmed: bool,
    pub(crate) class: ClassBelief,
    pub(crate) vehicle: Option<VehicleId>,
    pub(crate) heard: Heard,
    pub(crate) measured_at: Utc,
    pub(crate) hits: u32,
    pub(crate) rival: Option<Rival>,
    pub(crate) identity: Option<Identity>,
    pub(crate) word: Option<Word>,
    pub(crate) extent_m: Option<(f64, f64)>,
    pub(crate) heading: Option<Heading>,
    pub(crate) since: Utc,
    /// Probability that each sensor has it in view, given that it exists.
    in_view: [f32; MAX_SENSORS],
}

impl Bernoulli {
    pub(crate) fn new(birth: BirthKey, imm: Imm, existence: f64, class: ClassBelief, config: &FusionConfig) -> Self {
        let (hide, show) = config.hide_show_per_s;
        let in_view = if hide + show > 0.0 { show / (hide + show) } else { 1.0 };
        Self {
            birth,
            id: None,
            imm,
            existence: existence.min(MAX_EXISTENCE),
            confirmed: false,
            class,
            vehicle: None,
            heard: Heard::default(),
            measured_at: birth.at,
            hits: 1,
            rival: None,
            identity: None,
            word: None,
            extent_m: None,
            heading: None,
            since: birth.at,
            in_view: [in_view as f32; MAX_SENSORS],
        }
    }

    /// Moves the state on by `dt_s`.
    pub(crate) fn predict(&mut self, dt_s: f64, config: &FusionConfig) {
        self.imm.predict(dt_s, self.process_noise(config), config.switch_per_s);
        let state = self.imm.combined();
        let soon = state.position() + state.velocity() * LEAVING_S;
        let leaves = config.bounds.is_some_and(|b| !b.contains(soon));
        let death_per_s = if leaves { config.leave_per_s } else { config.death_per_s };
        self.existence *= (-death_per_s * dt_s).exp();
    }

    /// Mean position variance, m².
    pub(crate) fn spread(&self) -> f64 {
        let cov = &self.imm.combined().cov;
        (cov[(0, 0)] + cov[(1, 1)]) / 2.0
    }

    fn process_noise(&self, config: &FusionConfig) -> [f64; 2] {
        let mut q = [0.0; 2];
        for (p, motion) in self.class.probabilities().into_iter().zip(config.motion) {
            q[0] += p * motion.steady_m2ps3;
            q[1] += p * motion.manoeuvre_m2ps3;
        }
        // What stands mostly goes on standing: its speed must not wander with the noise.
        q[0] *= (STANDING_NOISE + self.imm.combined().velocity().norm() / FULL_NOISE_MPS).min(1.0);
        q
    }

    /// Notes that a scan of `sensor` is due, so that its view of the track may have changed since its last.
    /// Returns the probability of detection, view considered.
    pub(crate) fn expect(&mut self, sensor: &SensorModel, plain_pd: f64, config: &FusionConfig) -> f64 {
        let (hide, show) = config.hide_show_per_s;
        let period_s = sensor.spec.period_s.min(1.0);
        let v = f64::from(self.in_view[sensor.index]);
        let moved = (v + ((1.0 - v) * show - v * hide) * period_s).clamp(0.0, 1.0);
        self.in_view[sensor.index] = moved as f32;
        moved * plain_pd + (1.0 - moved) * hidden_pd(plain_pd, config)
    }

    /// Bayes' rule for existence and view after a scan that held nothing of this track.
    pub(crate) fn missed(&mut self, sensor: &SensorModel, plain_pd: f64, expected_pd: f64) {
        let (r, v) = (self.existence, f64::from(self.in_view[sensor.index]));
        self.existence = r * (1.0 - expected_pd) / (1.0 - r * expected_pd);
        self.in_view[sensor.index] = (v * (1.0 - plain_pd) / (1.0 - expected_pd)) as f32;
    }

    /// Existence, view, filter, class and extent after a detection was assigned to this track.
    /// `ratio` is the detection's likelihood as this track's over its density as a false one, detection probability aside.
    pub(crate) fn detected(
        &mut self,
        sensor: &SensorModel,
        detection: &Detection,
        at: Utc,
        evidence: Evidence,
        config: &FusionConfig,
    ) {
        let Evidence { plain_pd, expected_pd, ratio } = evidence;
        let (r, l) = (self.existence, expected_pd * ratio);
        // IPDA with the one assigned detection: misses and false detections stay possible explanations.
        let grown = r * (1.0 - expected_pd + l) / (1.0 - r * expected_pd + r * l);
        self.existence = grown.min(MAX_EXISTENCE);
        let v = f64::from(self.in_view[sensor.index]);
        self.in_view[sensor.index] = (v * plain_pd.max(1e-3) / expected_pd.max(1e-3)).min(1.0) as f32;
        self.imm.update(|state| sensor.linearise(state, detection));
        self.absorb(sensor, detection, at);
        self.confirmed |= self.existence >= config.confirm_existence;
        self.hits = self.hits.saturating_add(1);
    }

    /// What a detection says beside its place: class, extent, and that its kind of sensor was heard.
    pub(crate) fn absorb(&mut self, sensor: &SensorModel, detection: &Detection, at: Utc) {
        if let Some(likelihood) = sensor.class_likelihood(detection) {
            self.class = self.class.updated(likelihood);
        }
        if let Some(extent) = detection.extent_m {
            self.absorb_extent(extent);
        }
        let heard = if sensor.is_radar() { &mut self.heard.radar } else { &mut self.heard.camera };
        *heard = Some(at);
        self.measured_at = at;
        self.latch_heading();
    }

    pub(crate) fn absorb_extent(&mut self, (length, width): (f64, f64)) {
        self.extent_m = Some(match self.extent_m {
            Some((l, w)) => (l + EXTENT_GAIN * (length - l), w + EXTENT_GAIN * (width - w)),
            None => (length, width),
        });
    }

    /// Takes the course as heading while the speed stands clear of its own error: 3 sigma for a first heading, 6 to
    /// replace one, so that the last wobble before a stand does not turn it.
    pub(crate) fn latch_heading(&mut self) {
        let state = self.imm.combined();
        let velocity = state.velocity();
        let sigmas = if self.heading.is_some() { 6.0 } else { 3.0 };
        let covariance = state.cov.fixed_view::<2, 2>(2, 2).into();
        if velocity.norm() >= STANDING_MPS && clear_of_noise(velocity, &covariance, sigmas) {
            self.heading = Some(Yaw::of_vector(velocity.x, velocity.y).to_heading());
        }
    }

    /// A confirmed track that stood when last seen, not long ago: kept whatever its existence.
    pub(crate) fn is_held(&self, at: Utc, config: &FusionConfig) -> bool {
        self.confirmed
            && self.hits >= 10
            && at.seconds_since(self.measured_at) <= config.standing_hold_s
            && self.imm.combined().velocity().norm() < STANDING_MPS
    }

    /// Whether anything has been heard of it recently enough for a track to be shown.
    pub(crate) fn is_fresh(&self, at: Utc, config: &FusionConfig) -> bool {
        let heard_of = self.word.map_or(self.measured_at, |word| self.measured_at.max(word.at));
        at.seconds_since(heard_of) <= config.coast_s
    }

    /// Whether a neighbour has spoken of it lately.
    pub(crate) fn is_told(&self, at: Utc) -> bool {
        self.word.is_some_and(|word| at.seconds_since(word.at) <= LATELY_S)
    }

    /// The track as others see it, carried from `now` to `at`; `None` if it is not to be shown then.
    pub(crate) fn track_at(&self, now: Utc, at: Utc, config: &FusionConfig) -> Option<Track> {
        let id = self.id.filter(|_| self.confirmed || self.is_told(at))?;
        let Identity { since, island } = self.identity?;
        let shown = self.existence >= config.report_existence || self.is_held(at, config);
        if !shown || !self.is_fresh(at, config) {
            return None;
        }
        let mut imm = self.imm;
        imm.predict(at.seconds_since(now), self.process_noise(config), config.switch_per_s);
        let state = imm.combined();
        if config.bounds.is_some_and(|b| !b.contains(state.position())) {
            return None;
        }
        let lately = |heard: Option<Utc>| heard.is_some_and(|t| at.seconds_since(t) <= LATELY_S);
        Some(Track {
            id,
            island,
            valid_at: at,
            measured_at: self.measured_at,
            since,
            position: state.position(),
            velocity: state.velocity(),
            covariance: state.cov,
            existence: self.existence,
            class: self.class,
            extent_m: self.extent_m,
            heading: self.heading,
            vehicle: self.vehicle.filter(|_| lately(self.heard.v2x)),
            sources: Sources {
                radar: lately(self.heard.radar),
                camera: lately(self.heard.camera),
                v2x: lately(self.heard.v2x),
            },
        })
    }
}

/// What a scan says of a track's existence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence {
    pub(crate) plain_pd: f64,
    pub(crate) expected_pd: f64,
    pub(crate) ratio: f64,
}

fn hidden_pd(plain_pd: f64, config: &FusionConfig) -> f64 {
    plain_pd.min(config.hidden_detection_probability)
}

fn clear_of_noise(velocity: Vector, covariance: &Matrix2<f64>, sigmas: f64) -> bool {
    covariance.try_inverse().is_some_and(|inverse| velocity.dot(&(inverse * velocity)) >= sigmas * sigmas)
}
