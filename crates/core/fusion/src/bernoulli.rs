//! One possible road user: where it may be, whether it is at all, and what is known of it.

use crate::extended::{Companion, LONG_M};
use crate::filter::{Gaussian, Imm};
use crate::motion::{self, MODELS, Noise, Switching};
use crate::rival::Rival;
use crate::sensor::{LongBody, MAX_SENSORS, SensorModel};
use crate::{Bounds, FusionConfig};
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
/// Which sensors saw a track is remembered in windows of this length, the present and the one before, seconds.
const WINDOW_S: f64 = 0.5;
/// A track this old and this sure to exist can be trusted to compare sensors by, seconds.
const SETTLED_S: f64 = 0.3;
const SETTLED_EXISTENCE: f64 = 0.99;
/// A road user behind another gets hidden, and seen again when it is out from behind, at these rates a second.
const HIDE_BEHIND_PER_S: f64 = 12.0;
/// Share of a new extent measurement in the kept one.
const EXTENT_GAIN: f64 = 0.1;

/// Of what a radar alone starts and keeps, so much is a road user; the rest are images in walls and long vehicles.
const RADAR_IS_RIGHT: f64 = 0.95;
/// Of road users so many are hidden from a camera for good by what nobody knows of.
const HIDDEN_FOR_GOOD: f64 = 0.04;
/// Looks of a camera nearer to each other than this are one look, seconds.
const LOOK_S: f64 = 0.3;
/// A camera's word for it: so many detections.
const VOUCHED_HITS: u32 = 2;
/// Pace tells a class after this time, seconds.
const PACE_S: f64 = 1.0;
/// And above this: the noise of a standing one is below it, metres per second.
const PACE_MPS: f64 = 0.8;
/// Nobody on foot is faster, and few on wheels are never faster than this, metres per second.
const WALKING_MPS: f64 = 2.6;
/// What is measured longer than this is no bicycle, whatever the error of the measurement, metres.
const LONGEST_CYCLE_M: f64 = 4.0;
/// What is longer than [`LONG_M`] is a vehicle.
const LONG_CLASS: [f64; 3] = [0.98, 0.01, 0.01];
/// Few on bicycles are faster, metres per second.
const CYCLING_MPS: f64 = 9.0;

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

/// Whether a source was heard so shortly before that it counts as present.
pub(crate) fn lately(heard: Option<Utc>, at: Utc) -> bool {
    heard.is_some_and(|heard| at.seconds_since(heard) <= LATELY_S)
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
    pub(crate) camera_hits: u32,
    pub(crate) rival: Option<Rival>,
    pub(crate) identity: Option<Identity>,
    pub(crate) word: Option<Word>,
    pub(crate) companion: Option<Companion>,
    pub(crate) extent_m: Option<(f64, f64)>,
    pub(crate) heading: Option<Heading>,
    pub(crate) since: Utc,
    /// Its speed, smoothed from rest, and the fastest that this ever was, metres per second.
    pace_mps: f64,
    fastest_mps: f64,
    /// Logarithm of the probability that cameras missed it as often as they did, if nothing hides it.
    unseen: f64,
    /// Probability that each sensor has it in view, given that it exists.
    in_view: [f32; MAX_SENSORS],
    /// Which sensors saw it in the present window of time, and in the one before.
    seen_by: [u16; 2],
    window: u32,
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
            hits: 0,
            camera_hits: 0,
            rival: None,
            identity: None,
            word: None,
            companion: None,
            extent_m: None,
            heading: None,
            since: birth.at,
            pace_mps: 0.0,
            fastest_mps: 0.0,
            unseen: 0.0,
            in_view: [in_view as f32; MAX_SENSORS],
            seen_by: [0; 2],
            window: 0,
        }
    }

    /// Moves the state on by `dt_s`.
    pub(crate) fn predict(&mut self, dt_s: f64, switching: &mut Switching, config: &FusionConfig) {
        let noises = self.noises(config);
        self.imm.predict_among(dt_s, &noises, switching, config);
        let state = self.imm.combined();
        let soon = state.position() + state.velocity() * LEAVING_S;
        let leaves = config.bounds.is_some_and(|b| !b.contains(soon));
        let death_per_s = if leaves { config.leave_per_s } else { self.class.mean(config.death_per_s) };
        self.existence *= 1.0 - (death_per_s * dt_s).min(0.5);
    }

    /// Mean position variance, m².
    pub(crate) fn spread(&self) -> f64 {
        let cov = &self.imm.combined().cov;
        (cov[(0, 0)] + cov[(1, 1)]) / 2.0
    }

    fn noises(&self, config: &FusionConfig) -> [Noise; MODELS] {
        motion::noises(&self.class, self.imm.combined().velocity(), config)
    }

    /// Acceleration noise of the one simple model by which sensors are compared.
    pub(crate) fn calibration_noise(&self, config: &FusionConfig) -> Noise {
        let [straight, turn, speed_change] = self.noises(config);
        let [w0, w1, w2] = self.imm.weights();
        let mean = |a: f64, b: f64, c: f64| w0 * a + w1 * b + w2 * c;
        Noise {
            ee: mean(straight.ee, turn.ee, speed_change.ee),
            en: mean(straight.en, turn.en, speed_change.en),
            nn: mean(straight.nn, turn.nn, speed_change.nn),
        }
    }

    /// How a radar sees it, if it is a long vehicle.
    pub(crate) fn long_body(&self) -> Option<LongBody> {
        let (length_m, width_m) = self.extent_m.filter(|(length, _)| *length > LONG_M)?;
        Some(LongBody {
            forward: self.forward()?,
            half_length_m: 0.5 * length_m,
            half_width_m: (0.5 * width_m).clamp(0.0, 1.5),
        })
    }

    /// The unit vector of its heading.
    pub(crate) fn forward(&self) -> Option<Vector> {
        let (sin, cos) = libm::sincos(self.heading?.to_yaw().rad());
        Some(Vector::new(cos, sin))
    }

    /// Which sensors saw it in a window of time, this or a later one, and in the one before.
    fn seen_about(&self, window: u32) -> [u16; 2] {
        match window.wrapping_sub(self.window) {
            0 => self.seen_by,
            1 => [0, self.seen_by[0]],
            _ => [0, 0],
        }
    }

    /// How many sensors other than `sensor` saw it lately.
    pub(crate) fn others_seeing(&self, sensor: usize, at: Utc) -> u32 {
        let seen = self.seen_about(window_of(at)).into_iter().fold(0, |all, seen| all | seen);
        (seen & !(1 << sensor)).count_ones()
    }

    /// Whether it is sure enough to compare sensors by.
    pub(crate) fn is_settled(&self, at: Utc) -> bool {
        self.confirmed && self.existence >= SETTLED_EXISTENCE && at.seconds_since(self.since) >= SETTLED_S
    }

    /// Notes that a scan of `sensor` is due, so that its view of the track may have changed since its last, of which
    /// `view_kept` is kept ([`view_kept`]); `behind` is the probability that another stands between them. Returns the probability of detection, view considered.
    pub(crate) fn expect(
        &mut self,
        sensor: &SensorModel,
        (plain_pd, behind): (f64, f64),
        view_kept: f64,
        config: &FusionConfig,
    ) -> f64 {
        let (hide, show) = config.hide_show_per_s;
        let (hide, show) = (hide + HIDE_BEHIND_PER_S * behind, show + HIDE_BEHIND_PER_S * (1.0 - behind));
        let v = f64::from(self.in_view[sensor.index]);
        // A chain of two states, moved on exactly.
        let rest = show / (hide + show);
        let moved = rest + (v - rest) * view_kept;
        self.in_view[sensor.index] = moved as f32;
        sensor.blended_pd(plain_pd, 1.0 - moved)
    }

    /// Probability that it exists and was missed, in proportion to that it was missed at all.
    pub(crate) fn missed_share(&self, pd: f64) -> f64 {
        self.existence * (1.0 - pd) / (1.0 - self.existence * pd)
    }

    /// Existence and view after a scan in which it was seen with probability `seen`.
    pub(crate) fn weigh_existence(&mut self, sensor: &SensorModel, seen: f64, plain_pd: f64, pd: f64) {
        let missed = (1.0 - seen) * self.missed_share(pd);
        let v = f64::from(self.in_view[sensor.index]);
        let v_seen = (v * plain_pd / pd.max(1e-3)).min(1.0);
        let v_missed = v * (1.0 - plain_pd) / (1.0 - pd);
        let exists = seen + missed;
        if exists > 0.0 {
            self.in_view[sensor.index] = ((seen * v_seen + missed * v_missed) / exists).clamp(0.0, 1.0) as f32;
        }
        self.existence = exists.min(MAX_EXISTENCE);
    }

    /// The same after the one assigned detection, or none. `ratio` is the detection's likelihood as this track's over
    /// its density as a false one, detection probability aside. Misses and false detections stay possible
    /// explanations (IPDA).
    pub(crate) fn judge_existence(&mut self, sensor: &SensorModel, ratio: Option<f64>, plain_pd: f64, pd: f64) {
        let odds = ratio.map_or(0.0, |ratio| pd * ratio);
        let r = self.existence;
        let grown = r * (1.0 - pd + odds) / (1.0 - r * pd + r * odds);
        let v = f64::from(self.in_view[sensor.index]);
        let view = if ratio.is_some() { v * plain_pd / pd.max(1e-3) } else { v * (1.0 - plain_pd) / (1.0 - pd) };
        self.in_view[sensor.index] = view.min(1.0) as f32;
        self.existence = grown.min(MAX_EXISTENCE);
    }

    pub(crate) fn confirm(&mut self, config: &FusionConfig) {
        self.confirmed |= self.existence >= config.confirm_existence;
    }

    /// Notes that a camera should have seen it with probability `pd`, and did with probability `seen`.
    pub(crate) fn ask_camera(&mut self, sensor: &SensorModel, seen: f64, pd: f64) {
        let looks = (sensor.spec.period_s / LOOK_S).min(1.0);
        self.unseen += looks * libm::log1p(-(pd * (1.0 - seen)).clamp(0.0, 0.99));
    }

    /// The probability that it is more than a radar's image of something else: one that no camera has ever seen, though
    /// some looked, is doubtful, since an image is as steady as what it mirrors.
    fn is_no_image(&self) -> f64 {
        let vouched = self.camera_hits >= VOUCHED_HITS || self.heard.v2x.is_some() || self.word.is_some();
        if vouched {
            return 1.0;
        }
        let unseen = HIDDEN_FOR_GOOD + (1.0 - HIDDEN_FOR_GOOD) * libm::exp(self.unseen);
        RADAR_IS_RIGHT * unseen / (RADAR_IS_RIGHT * unseen + 1.0 - RADAR_IS_RIGHT)
    }

    /// What sensors' labels say of its class, its size, and its pace where nobody else has said anything.
    fn class_seen(&self, at: Utc) -> ClassBelief {
        let fastest = self.fastest_mps;
        if self.extent_m.is_some_and(|(length_m, _)| length_m > LONG_M) {
            // Labels of who passes beside it may have said otherwise for as long as they liked.
            return ClassBelief::from_weights(LONG_CLASS);
        }
        if self.extent_m.is_some_and(|(length_m, _)| length_m > LONGEST_CYCLE_M) {
            return self.class.updated([1.0, 0.02, 0.01]);
        }
        let told = self.camera_hits > 0 || self.heard.v2x.is_some() || self.word.is_some();
        if told || at.seconds_since(self.since) < PACE_S || fastest < PACE_MPS {
            return self.class;
        }
        let likelihood = if fastest < WALKING_MPS {
            [0.15, 0.3, 1.0]
        } else {
            let beyond = |bound: f64| libm::exp(-(fastest - bound).max(0.0)).max(1e-3);
            [1.0, beyond(CYCLING_MPS), beyond(WALKING_MPS)]
        };
        self.class.updated(likelihood)
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
        let since_last_s = at.seconds_since(self.measured_at);
        self.measured_at = at;
        self.hits = self.hits.saturating_add(1);
        self.camera_hits = self.camera_hits.saturating_add(u32::from(!sensor.is_radar()));
        let window = window_of(at);
        self.seen_by = self.seen_about(window);
        self.window = window;
        self.seen_by[0] |= 1 << sensor.index;
        if self.confirmed {
            let share = (since_last_s / PACE_S).clamp(0.0, 1.0);
            self.pace_mps += share * (self.imm.combined().velocity().norm() - self.pace_mps);
            self.fastest_mps = self.fastest_mps.max(self.pace_mps);
        }
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

    /// Whether it is inside the area. Of one that comes in the estimate may still be outside by its own error.
    fn is_inside(&self, bounds: &Bounds, state: &Gaussian) -> bool {
        let outside_m = bounds.distance_outside_m(state.position());
        let coming = || bounds.distance_outside_m(state.position() + state.velocity() * LEAVING_S) < outside_m;
        outside_m <= 0.0 || (outside_m * outside_m <= 4.0 * self.spread() && coming())
    }

    /// The track as others see it, carried from `now` to `at`; `None` if it is not to be shown then.
    pub(crate) fn track_at(&self, now: Utc, at: Utc, config: &FusionConfig) -> Option<Track> {
        let id = self.id.filter(|_| self.confirmed || self.is_told(at))?;
        let Identity { since, island } = self.identity?;
        let is_no_image = self.is_no_image();
        let existence = self.existence * is_no_image;
        let shown = existence >= config.report_existence || (self.is_held(at, config) && is_no_image >= 0.5);
        if !shown || !self.is_fresh(at, config) {
            return None;
        }
        let mut imm = self.imm;
        if at != now {
            imm.predict(at.seconds_since(now), &self.noises(config), config);
        }
        let state = imm.combined();
        if config.bounds.is_some_and(|b| !self.is_inside(&b, state)) {
            return None;
        }
        Some(Track {
            id,
            island,
            valid_at: at,
            measured_at: self.measured_at,
            since,
            position: state.position(),
            velocity: state.velocity(),
            covariance: state.cov,
            existence,
            class: self.class_seen(at),
            extent_m: self.extent_m,
            heading: self.heading,
            vehicle: self.vehicle.filter(|_| lately(self.heard.v2x, at)),
            sources: Sources {
                radar: lately(self.heard.radar, at),
                camera: lately(self.heard.camera, at),
                v2x: lately(self.heard.v2x, at),
            },
        })
    }
}

/// How much of what is known of a view holds until a sensor's next scan: of the deviation from what its state of rest
/// would be, whatever that is.
pub(crate) fn view_kept(sensor: &SensorModel, config: &FusionConfig) -> f64 {
    let (hide, show) = config.hide_show_per_s;
    libm::exp(-(hide + show + HIDE_BEHIND_PER_S) * sensor.spec.period_s.min(1.0))
}

/// The number of the window of time, wrapping.
fn window_of(at: Utc) -> u32 {
    (at.unix_ns().div_euclid((WINDOW_S * 1e9) as i64)) as u32
}

fn clear_of_noise(velocity: Vector, covariance: &Matrix2<f64>, sigmas: f64) -> bool {
    covariance.try_inverse().is_some_and(|inverse| velocity.dot(&(inverse * velocity)) >= sigmas * sigmas)
}
