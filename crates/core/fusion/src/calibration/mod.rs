//! Self-calibration: what each sensor's survey and clock are off by, and whether a sensor is to be believed at all.

mod bias;
#[cfg(test)]
mod checks;
mod reference;
mod trust;

pub(crate) use bias::Bias;
pub use trust::Trust;
pub(crate) use trust::Votes;

use crate::FusionConfig;
use crate::bernoulli::BirthKey;
use crate::motion::Noise;
use bias::{BiasFilter, PER_SENSOR};
use jxz_geo::Vector;
use jxz_units::Utc;
use jxz_world::{Detection, SensorId, SensorKind, SensorSpec};
use nalgebra::{Matrix4, Vector4};
use reference::{Reference, STANDING_MPS, Sighting};

/// Road users compared by at once.
const REFERENCES: usize = 32;
const MIN_REFERENCES: usize = 8;
/// Of these, at most one in so many stands: a queue says nothing of clocks.
const STANDING_SHARE: usize = 5;
/// Detections used of one scan: all until the sensors agree, then some in turn.
const PER_SCAN: usize = 32;
const PER_SCAN_SETTLED: usize = 8;
/// A turn's length, nanoseconds.
const TURN_NS: i64 = 400_000_000;
/// A reference is replaced after this long, and given up when not heard of for so long, seconds.
const LIFE_S: f64 = 6.0;
const LOST_S: f64 = 0.4;
/// The share of its prior variance that a bias wanders in a second: a mount that works loose over minutes is followed.
const WANDER_PS: f64 = 1e-5;
/// Corrections and their uncertainty are renewed this often, seconds: less when the sensors agree, for then they hardly
/// change.
const RENEW_S: f64 = 0.05;
const RENEW_SETTLED_S: f64 = 0.2;
/// Sensors agree when none is expected to be off from the others by more than this: radians, seconds.
const SETTLED_YAW_RAD: f64 = 5e-4;
const SETTLED_CLOCK_S: f64 = 4e-4;

/// A sensor is judged when its yaw is known to this, radians.
const KNOWN_YAW_RAD: f64 = 0.0025;
/// Squared Mahalanobis distance of a sensor's four biases from none at all beyond which its survey is not believed: first,
/// and later.
const WRONG_AT_FIRST_CHI2: f64 = 20.0;
const WRONG_CHI2: f64 = 30.0;
/// What is left open of a survey that is believed: radians, metres, seconds.
const BELIEVED: Bias = Bias { yaw_rad: 3e-4, position_m: [0.01, 0.01], clock_s: 3e-4 };

/// What is thought of a sensor's survey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Not enough is known.
    Open,
    /// Right, as most are: nothing is corrected, so that nothing is made worse.
    Right,
    /// Wrong: corrected from then on.
    Wrong,
}

/// What is known of one sensor's errors. All biases are what is declared less what is true.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorCalibration {
    /// Which sensor.
    pub sensor: SensorId,
    /// Yaw, radians: azimuths come out too large by this.
    pub yaw_bias_rad: f64,
    /// Its 1-sigma.
    pub yaw_sigma_rad: f64,
    /// Position, metres east and north.
    pub position_bias_m: [f64; 2],
    /// Its 1-sigma.
    pub position_sigma_m: [f64; 2],
    /// Clock, seconds: scans are stamped too late by this.
    pub clock_offset_s: f64,
    /// Its 1-sigma.
    pub clock_sigma_s: f64,
    /// Whether it is believed.
    pub trust: Trust,
}

/// A detection that is surely a track's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SurePair {
    pub(crate) birth: BirthKey,
    pub(crate) detection: usize,
    pub(crate) velocity: Vector,
    pub(crate) noise: Noise,
}

/// Estimates the sensors' biases from the road users that several of them see.
#[derive(Debug, Clone)]
pub(crate) struct Calibrator {
    specs: Vec<SensorSpec>,
    biases: BiasFilter,
    /// In order of birth.
    references: Vec<Reference>,
    /// Room of references given up.
    spare: Vec<Reference>,
    /// For each sensor: 1-sigma of how far it may disagree with the others, its biases, and what is thought of it.
    disagreement: Vec<Bias>,
    estimates: Vec<Bias>,
    verdicts: Vec<Verdict>,
    began: Option<Utc>,
    now: Option<Utc>,
    renewed: Option<Utc>,
    settled: bool,
    gradient: Vec<f64>,
}

impl Calibrator {
    pub(crate) fn new(specs: Vec<SensorSpec>, config: &FusionConfig) -> Self {
        let places: Vec<_> = specs.iter().map(|s| s.position).collect();
        let prior: Vec<Bias> = specs.iter().map(|s| prior(s, config)).collect();
        let biases = BiasFilter::new(&places, &prior);
        let sensors = specs.len();
        let mut calibrator = Self {
            gradient: vec![0.0; biases.mean().len()],
            specs,
            biases,
            references: Vec::with_capacity(REFERENCES),
            spare: Vec::with_capacity(REFERENCES),
            disagreement: vec![Bias::default(); sensors],
            estimates: vec![Bias::default(); sensors],
            verdicts: vec![Verdict::Open; sensors],
            began: None,
            now: None,
            renewed: None,
            settled: false,
        };
        calibrator.renew();
        calibrator
    }

    /// The estimate for a sensor, and by how much (1-sigma) it may still disagree with the others.
    pub(crate) fn correction(&self, sensor: usize) -> (Bias, Bias) {
        match self.verdicts[sensor] {
            Verdict::Right => (Bias::default(), BELIEVED),
            Verdict::Open | Verdict::Wrong => (self.estimates[sensor], self.disagreement[sensor]),
        }
    }

    /// Whether the sensors agree by now.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled
    }

    /// How long it has been at work, seconds.
    pub(crate) fn age_s(&self) -> f64 {
        match (self.began, self.now) {
            (Some(began), Some(now)) => now.seconds_since(began),
            _ => 0.0,
        }
    }

    /// Begins anew with a sensor, and with the references: some of what was taken for theirs may not have been.
    pub(crate) fn forget(&mut self, sensor: usize) {
        self.biases.forget(sensor);
        self.verdicts[sensor] = Verdict::Open;
        self.spare.append(&mut self.references);
        self.renew();
    }

    pub(crate) fn report(&self, sensor: usize, trust: Trust) -> SensorCalibration {
        let (bias, sigma) = (self.estimates[sensor], self.biases.sigma(sensor));
        SensorCalibration {
            sensor: self.specs[sensor].id.clone(),
            yaw_bias_rad: bias.yaw_rad,
            yaw_sigma_rad: sigma.yaw_rad,
            position_bias_m: bias.position_m,
            position_sigma_m: sigma.position_m,
            clock_offset_s: bias.clock_s,
            clock_sigma_s: sigma.clock_s,
            trust,
        }
    }

    /// Learns from one scan, at `at` by the corrected clock. Says whether corrections changed.
    pub(crate) fn observe(&mut self, sensor: usize, at: Utc, detections: &[Detection], pairs: &[SurePair]) -> bool {
        if self.specs.len() < 2 {
            return false;
        }
        let dt_s = self.now.map_or(0.0, |now| at.seconds_since(now)).max(0.0);
        self.began.get_or_insert(at);
        self.now = self.now.max(Some(at));
        self.biases.wander(dt_s, WANDER_PS);
        let mut k = 0;
        while let Some(reference) = self.references.get(k) {
            if at.seconds_since(reference.heard) <= LOST_S && at.seconds_since(reference.since) <= LIFE_S {
                k += 1;
            } else {
                self.spare.push(self.references.remove(k));
            }
        }
        let applied_s = self.correction(sensor).0.clock_s;
        let limit = if self.settled { PER_SCAN_SETTLED } else { PER_SCAN };
        // A third of the traffic is enough, and bounds the cost at a quiet site.
        let room = (pairs.len() / 3).clamp(MIN_REFERENCES, REFERENCES);
        // Every sensor looks at the same few for a while, for only what several see tells them apart.
        let turn = (at.unix_ns().div_euclid(TURN_NS) as usize * limit) % REFERENCES;
        let due = |k: usize| limit == PER_SCAN || (k + REFERENCES - turn) % REFERENCES < limit;
        let mut standing = None;
        for pair in pairs {
            let detection = &detections[pair.detection];
            if Reference::too_near(detection) {
                continue;
            }
            let sighting = Sighting { detection, spec: &self.specs[sensor], sensor, applied_s };
            let place = self.references.binary_search_by(|r| r.birth.cmp(&pair.birth));
            if let Ok(k) = place {
                let reference = &mut self.references[k];
                if due(k) {
                    reference.predict(at, pair.noise);
                    let (biases, gradient) = (&mut self.biases, &mut self.gradient);
                    reference.update(sighting, biases, gradient);
                } else {
                    reference.heard = at;
                }
            } else if let (Err(k), true) = (place, self.references.len() < room) {
                let stands = pair.velocity.norm() < STANDING_MPS;
                let count = || self.references.iter().filter(|r| r.stands(self.biases.mean())).count();
                let standing = standing.get_or_insert_with(count);
                if !stands || (*standing + 1) * STANDING_SHARE <= room {
                    *standing += usize::from(stands);
                    let mut made = self.spare.pop().unwrap_or_else(|| Reference::room(&self.biases));
                    made.begin(pair.birth, at, pair.velocity, sighting, &self.biases);
                    self.references.insert(k, made);
                }
            }
        }
        let every_s = if self.settled { RENEW_SETTLED_S } else { RENEW_S };
        if self.renewed.is_none_or(|t| at.seconds_since(t) >= every_s) {
            self.renewed = Some(at);
            self.renew();
            return true;
        }
        false
    }

    fn renew(&mut self) {
        self.biases.compare();
        for k in 0..self.specs.len() {
            let (cov, estimate) = (self.biases.disagreement(k), self.biases.pinned(k));
            let sigma: [f64; PER_SENSOR] = core::array::from_fn(|i| cov[(i, i)].max(0.0).sqrt());
            self.disagreement[k] = Bias::from_slice(&sigma);
            self.estimates[k] = estimate;
            let limit = if self.verdicts[k] == Verdict::Open { WRONG_AT_FIRST_CHI2 } else { WRONG_CHI2 };
            if self.verdicts[k] != Verdict::Wrong && sigma[0] <= KNOWN_YAW_RAD && self.specs.len() > 1 {
                let wrong = distance_chi2(&cov, &estimate) > limit;
                self.verdicts[k] = if wrong { Verdict::Wrong } else { Verdict::Right };
            }
        }
        let agrees = |d: &Bias| d.yaw_rad <= SETTLED_YAW_RAD && d.clock_s <= SETTLED_CLOCK_S;
        self.settled = self.disagreement.iter().all(agrees);
    }
}

/// Squared Mahalanobis distance of a sensor's biases from none.
fn distance_chi2(cov: &Matrix4<f64>, bias: &Bias) -> f64 {
    let floor = Vector4::from(BELIEVED.as_array()).map(|v| 0.01 * v * v);
    let bias = Vector4::from(bias.as_array());
    (cov + Matrix4::from_diagonal(&floor)).try_inverse().map_or(0.0, |inverse| bias.dot(&(inverse * bias)))
}

/// How far a survey and a clock of this kind may be off, 1-sigma.
fn prior(spec: &SensorSpec, config: &FusionConfig) -> Bias {
    let survey = config.survey;
    let clock_s = match spec.kind {
        SensorKind::Radar => survey.radar_clock_sigma_s,
        SensorKind::Camera => survey.camera_clock_sigma_s,
    };
    Bias { yaw_rad: survey.yaw_sigma_rad, position_m: [survey.position_sigma_m; 2], clock_s }
}
