//! Gaussian states (east, north, east speed, north speed), their motion, and their correction.

use jxz_geo::{Point, Vector};
use nalgebra::{Matrix4, Vector4};

/// A normal distribution of (east m, north m, east m/s, north m/s).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Gaussian {
    pub(crate) mean: Vector4<f64>,
    pub(crate) cov: Matrix4<f64>,
}

/// One scalar measurement, linearised about a state: residual = z - h(x), gradient = dh/dx.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Row {
    pub(crate) gradient: Vector4<f64>,
    pub(crate) residual: f64,
    pub(crate) variance: f64,
}

/// Up to four rows with independent errors.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rows {
    rows: [Row; 4],
    len: usize,
}

impl Rows {
    /// Adds a row; more than four are a mistake of ours.
    pub(crate) fn push(&mut self, row: Row) {
        self.rows[self.len] = row;
        self.len += 1;
    }

    fn as_slice(&self) -> &[Row] {
        &self.rows[..self.len]
    }
}

/// How well a measurement fits: squared Mahalanobis distance and natural logarithm of the density.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fit {
    pub(crate) chi2: f64,
    pub(crate) log_density: f64,
}

impl Gaussian {
    pub(crate) fn position(&self) -> Point {
        Point::new(self.mean[0], self.mean[1])
    }

    pub(crate) fn velocity(&self) -> Vector {
        Vector::new(self.mean[2], self.mean[3])
    }

    /// Moves by `dt_s` (either sign) at constant velocity, with white-noise acceleration of density `q_m2ps3`.
    pub(crate) fn predict(&mut self, dt_s: f64, q_m2ps3: f64) {
        let (dt, p) = (dt_s, &mut self.cov);
        self.mean[0] += dt * self.mean[2];
        self.mean[1] += dt * self.mean[3];
        // F P Fᵀ by blocks [[A, B], [Bᵀ, C]]: A + dt (B + Bᵀ) + dt² C, and B + dt C.
        for i in 0..2 {
            for j in 0..2 {
                p[(i, j)] += dt * (p[(i, j + 2)] + p[(j, i + 2)]) + dt * dt * p[(i + 2, j + 2)];
            }
        }
        for i in 0..2 {
            for j in 0..2 {
                let b = p[(i, j + 2)] + dt * p[(i + 2, j + 2)];
                p[(i, j + 2)] = b;
                p[(j + 2, i)] = b;
            }
        }
        let span = dt.abs();
        for i in 0..2 {
            p[(i, i)] += q_m2ps3 * span.powi(3) / 3.0;
            p[(i, i + 2)] += q_m2ps3 * span * dt / 2.0;
            p[(i + 2, i)] += q_m2ps3 * span * dt / 2.0;
            p[(i + 2, i + 2)] += q_m2ps3 * span;
        }
    }

    /// Corrects by the rows one after the other. With independent errors and one linearisation this equals the joint
    /// update, needs no matrix inverse and cannot fail.
    pub(crate) fn update(&mut self, rows: &Rows) -> Fit {
        let prior = self.mean;
        let mut fit = Fit { chi2: 0.0, log_density: 0.0 };
        for row in rows.as_slice() {
            let ph = self.cov * row.gradient;
            let s = row.gradient.dot(&ph) + row.variance;
            let residual = row.residual - row.gradient.dot(&(self.mean - prior));
            let gain = ph / s;
            self.mean += gain * residual;
            self.cov -= gain * ph.transpose();
            fit.chi2 += residual * residual / s;
            fit.log_density -= 0.5 * (residual * residual / s + (core::f64::consts::TAU * s).ln());
        }
        fit
    }
}

/// Two constant-velocity models, steady and manoeuvring, with their probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Imm {
    models: [Gaussian; 2],
    weights: [f64; 2],
    combined: Gaussian,
}

impl Imm {
    pub(crate) fn new(start: Gaussian) -> Self {
        Self { models: [start; 2], weights: [0.6, 0.4], combined: start }
    }

    /// The one normal distribution with the mixture's mean and covariance.
    pub(crate) fn combined(&self) -> &Gaussian {
        &self.combined
    }

    /// Mixes the models by their switching, then moves each.
    pub(crate) fn predict(&mut self, dt_s: f64, q_m2ps3: [f64; 2], switch_per_s: (f64, f64)) {
        let leave = [1.0 - (-switch_per_s.0 * dt_s.abs()).exp(), 1.0 - (-switch_per_s.1 * dt_s.abs()).exp()];
        let stay = [self.weights[0] * (1.0 - leave[0]), self.weights[1] * (1.0 - leave[1])];
        let come = [self.weights[1] * leave[1], self.weights[0] * leave[0]];
        let next = [stay[0] + come[0], stay[1] + come[1]];
        let from = self.models;
        self.models = [
            blend(&from, [stay[0] / next[0], come[0] / next[0]]),
            blend(&from, [come[1] / next[1], stay[1] / next[1]]),
        ];
        self.weights = next;
        for (model, q) in self.models.iter_mut().zip(q_m2ps3) {
            model.predict(dt_s, q);
        }
        self.combined = blend(&self.models, self.weights);
    }

    /// Multiplies every model's covariance: what is known counts for less.
    pub(crate) fn inflate(&mut self, factor: f64) {
        self.models.iter_mut().for_each(|model| model.cov *= factor);
        self.combined = blend(&self.models, self.weights);
    }

    /// Corrects each model by the rows that `linearise` makes for its state, and reweighs the models.
    pub(crate) fn update(&mut self, linearise: impl Fn(&Gaussian) -> Rows) {
        let mut log_weights = [0.0; 2];
        for (k, model) in self.models.iter_mut().enumerate() {
            let rows = linearise(model);
            log_weights[k] = self.weights[k].max(1e-12).ln() + model.update(&rows).log_density;
        }
        let top = log_weights[0].max(log_weights[1]);
        let raw = log_weights.map(|w| (w - top).exp().max(1e-4));
        self.weights = raw.map(|w| w / (raw[0] + raw[1]));
        self.combined = blend(&self.models, self.weights);
    }
}

fn blend(models: &[Gaussian; 2], weights: [f64; 2]) -> Gaussian {
    let [a, b] = models;
    let mean = a.mean * weights[0] + b.mean * weights[1];
    // Spread of two means about their weighted mean: w0 w1 d dᵀ.
    let d = a.mean - b.mean;
    let cov = a.cov * weights[0] + b.cov * weights[1] + (d * (weights[0] * weights[1])) * d.transpose();
    Gaussian { mean, cov }
}
