//! A road user by which sensors are compared: its state for given biases, and how it depends on them.

use super::bias::{BiasFilter, PER_SENSOR};
use crate::bernoulli::BirthKey;
use crate::motion::Noise;
use jxz_geo::Vector;
use jxz_units::{Utc, wrap_pi};
use jxz_world::{Detection, SensorSpec};
use nalgebra::{DVector, Matrix4, Matrix4xX, Vector4};

/// 1-sigma of a first velocity about the track's, metres per second.
const FIRST_SPEED_SIGMA_MPS: f64 = 4.0;
/// Below this speed a road user stands, metres per second.
pub(super) const STANDING_MPS: f64 = 2.0;
/// Below this range a bearing says nothing, metres.
const MIN_RANGE_M: f64 = 8.0;
/// Squared Mahalanobis distance of one number beyond which a detection is not believed to be this road user's.
const GATE_CHI2: f64 = 12.0;

/// Given the biases b, its state is normal with mean `at_zero + sensitivity b` and covariance `cov`.
///
/// This is Friedland's separation of a bias from a state (1969), with one bias shared by all: given the biases, road
/// users are independent of each other, so that nothing is lost by keeping each with its own sensitivity.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) birth: BirthKey,
    pub(crate) since: Utc,
    pub(crate) heard: Utc,
    now: Utc,
    at_zero: Vector4<f64>,
    sensitivity: Matrix4xX<f64>,
    cov: Matrix4<f64>,
}

/// A detection, the sensor it is of, and what was applied for that sensor's clock, seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sighting<'a> {
    pub(crate) detection: &'a Detection,
    pub(crate) spec: &'a SensorSpec,
    pub(crate) sensor: usize,
    pub(crate) applied_s: f64,
}

/// One number measured, linearised about the present estimate.
pub(super) struct Row {
    pub(super) gradient: Vector4<f64>,
    /// By this sensor's own biases.
    bias: [f64; PER_SENSOR],
    pub(super) residual: f64,
    variance: f64,
}

impl Reference {
    /// Room for one.
    pub(crate) fn room(biases: &BiasFilter) -> Self {
        let never = Utc::from_unix_ms(0);
        Self {
            birth: BirthKey { at: never, source: 0, item: 0 },
            since: never,
            heard: never,
            now: never,
            at_zero: Vector4::zeros(),
            sensitivity: Matrix4xX::zeros(biases.mean().len()),
            cov: Matrix4::zeros(),
        }
    }

    /// Begins with one detection and the velocity that the track has: nothing of its place is taken from the track,
    /// for that is made of what is to be compared.
    pub(crate) fn begin(
        &mut self,
        birth: BirthKey,
        at: Utc,
        velocity: Vector,
        sighting: Sighting<'_>,
        biases: &BiasFilter,
    ) {
        let Sighting { detection, spec, sensor, applied_s } = sighting;
        let b = biases.bias(sensor);
        let yaw = spec.boresight.rad() - b.yaw_rad + detection.azimuth_rad;
        let along = Vector::new(libm::cos(yaw), libm::sin(yaw));
        let across = Vector::new(-along.y, along.x);
        let from = spec.position - Vector::new(b.position_m[0], b.position_m[1]);
        let place = from + along * detection.range_m;
        let (radial, lateral) = (spec.range_sigma_at(detection.range_m), detection.range_m * spec.azimuth_sigma_rad);
        let mut cov = Matrix4::zeros();
        for i in 0..2 {
            for j in 0..2 {
                cov[(i, j)] = along[i] * along[j] * radial * radial + across[i] * across[j] * lateral * lateral;
            }
            cov[(i + 2, i + 2)] = FIRST_SPEED_SIGMA_MPS * FIRST_SPEED_SIGMA_MPS;
        }
        let sensitivity = &mut self.sensitivity;
        sensitivity.fill(0.0);
        let first = sensor * PER_SENSOR;
        for i in 0..2 {
            sensitivity[(i, first)] = -across[i] * detection.range_m;
            sensitivity[(i, first + 1 + i)] = -1.0;
            // `at` is the stamp less what was applied for the clock: if that is too little, `at` is too late, and by
            // then it was further on.
            sensitivity[(i, first + 3)] = velocity[i];
        }
        let late_s = b.clock_s - applied_s;
        let here = Vector4::new(place.x + velocity.x * late_s, place.y + velocity.y * late_s, velocity.x, velocity.y);
        self.at_zero = here - &*sensitivity * biases.mean();
        self.cov = cov;
        self.birth = birth;
        (self.since, self.heard, self.now) = (at, at, at);
    }

    /// The state for the biases as they are estimated now.
    pub(crate) fn state(&self, biases: &DVector<f64>) -> Vector4<f64> {
        let columns = self.sensitivity.as_slice().chunks_exact(4);
        columns.zip(biases.iter()).fold(self.at_zero, |sum, (c, b)| sum + Vector4::new(c[0], c[1], c[2], c[3]) * *b)
    }

    /// Moves to `at`, a stamp less what was applied for its clock.
    pub(crate) fn predict(&mut self, at: Utc, noise: Noise) {
        let dt = at.seconds_since(self.now);
        self.now = at;
        for i in 0..2 {
            self.at_zero[i] += dt * self.at_zero[i + 2];
        }
        for column in self.sensitivity.as_mut_slice().chunks_exact_mut(4) {
            column[0] += dt * column[2];
            column[1] += dt * column[3];
        }
        crate::filter::carry(&mut self.cov, dt, noise);
    }

    /// Corrects the biases and this state by a detection of `sensor` at the time this state is for. Says
    /// whether it was believed throughout.
    pub(crate) fn update(&mut self, sighting: Sighting<'_>, biases: &mut BiasFilter, gradient: &mut [f64]) -> bool {
        let Sighting { detection, spec, sensor, .. } = sighting;
        let count = if detection.doppler_mps.is_some() && spec.doppler_sigma_mps.is_some() { 3 } else { 2 };
        for k in 0..count {
            let row = self.row(k, sighting, biases);
            self.spread_gradient(&row, sensor, gradient);
            let ph = self.cov * row.gradient;
            let own = row.gradient.dot(&ph) + row.variance;
            let before: f64 = gradient.iter().zip(biases.mean().iter()).map(|(g, b)| g * b).sum();
            if !biases.update(gradient, row.residual, own, GATE_CHI2) {
                return false;
            }
            // Given b, the residual is less by gradient · (b - mean): the state takes that with it.
            let gain = ph / own;
            self.at_zero += gain * (row.residual + before);
            for (column, g) in self.sensitivity.as_mut_slice().chunks_exact_mut(4).zip(gradient.iter()) {
                column.iter_mut().zip(&gain).for_each(|(c, k)| *c -= g * k);
            }
            self.cov -= gain * ph.transpose();
        }
        self.heard = self.now;
        true
    }

    /// How a measured number depends on all biases, through this state and directly.
    pub(super) fn spread_gradient(&self, row: &Row, sensor: usize, gradient: &mut [f64]) {
        let by = row.gradient;
        for (g, c) in gradient.iter_mut().zip(self.sensitivity.as_slice().chunks_exact(4)) {
            *g = by[0] * c[0] + by[1] * c[1] + by[2] * c[2] + by[3] * c[3];
        }
        for (g, own) in gradient[sensor * PER_SENSOR..].iter_mut().zip(row.bias) {
            *g += own;
        }
    }

    /// Range, azimuth, Doppler, in that order.
    pub(super) fn row(&self, which: usize, sighting: Sighting<'_>, biases: &BiasFilter) -> Row {
        let Sighting { detection, spec, sensor, applied_s } = sighting;
        let b = biases.bias(sensor);
        let state = self.state(biases.mean());
        let velocity = Vector::new(state[2], state[3]);
        let from = spec.position - Vector::new(b.position_m[0], b.position_m[1]);
        // What was applied for the clock may be a little out of date.
        let late_s = b.clock_s - applied_s;
        let d = Vector::new(state[0], state[1]) - velocity * late_s - from.coords;
        let range = d.norm().max(MIN_RANGE_M / 2.0);
        let along = d / range;
        let across = Vector::new(-along.y, along.x);
        match which {
            0 => Row {
                gradient: Vector4::new(along.x, along.y, -late_s * along.x, -late_s * along.y),
                bias: [0.0, along.x, along.y, -velocity.dot(&along)],
                residual: detection.range_m - range,
                variance: spec.range_sigma_at(range).powi(2),
            },
            1 => Row {
                gradient: Vector4::new(across.x, across.y, -late_s * across.x, -late_s * across.y) / range,
                bias: [1.0, across.x / range, across.y / range, -velocity.dot(&across) / range],
                residual: wrap_pi(detection.azimuth_rad - (libm::atan2(d.y, d.x) - spec.boresight.rad() + b.yaw_rad)),
                variance: spec.azimuth_sigma_rad.powi(2),
            },
            _ => {
                let turn = across * (velocity.dot(&across) / range);
                let by_velocity = along - turn * late_s;
                Row {
                    gradient: Vector4::new(turn.x, turn.y, by_velocity.x, by_velocity.y),
                    bias: [0.0, turn.x, turn.y, -velocity.dot(&turn)],
                    residual: detection.doppler_mps.unwrap_or(0.0) - velocity.dot(&along),
                    variance: spec.doppler_sigma_mps.unwrap_or(1.0).powi(2),
                }
            }
        }
    }

    /// Whether it stands, as far as is known.
    pub(crate) fn stands(&self, biases: &DVector<f64>) -> bool {
        let state = self.state(biases);
        libm::hypot(state[2], state[3]) < STANDING_MPS
    }

    /// Whether a detection is near enough to its sensor to be of no use.
    pub(crate) fn too_near(detection: &Detection) -> bool {
        detection.range_m < MIN_RANGE_M
    }
}
