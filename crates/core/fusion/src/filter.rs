//! Gaussian states (east, north, east speed, north speed), their motion, and their correction.

use crate::FusionConfig;
use crate::motion::{self, MODELS, Noise};
use jxz_geo::{Point, Vector};
use nalgebra::{Matrix4, Vector4};

/// Most numbers in one measurement.
const MAX_ROWS: usize = 4;

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
    rows: [Row; MAX_ROWS],
    len: usize,
}

impl Rows {
    /// Adds a row; more than four are a mistake of ours.
    pub(crate) fn push(&mut self, row: Row) {
        self.rows[self.len] = row;
        self.len += 1;
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [Row] {
        &mut self.rows[..self.len]
    }

    pub(crate) fn as_slice(&self) -> &[Row] {
        &self.rows[..self.len]
    }
}

/// How well a measurement fits: squared Mahalanobis distance and natural logarithm of the density.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fit {
    pub(crate) chi2: f64,
    pub(crate) log_density: f64,
}

/// Carries a covariance by `dt_s` (either sign) at constant velocity, with white-noise acceleration.
pub(crate) fn carry(p: &mut Matrix4<f64>, dt_s: f64, noise: Noise) {
    let dt = dt_s;
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
    let (cubed, squared) = (span * span * span / 3.0, span * dt / 2.0);
    for (i, j, q) in [(0, 0, noise.ee), (0, 1, noise.en), (1, 0, noise.en), (1, 1, noise.nn)] {
        p[(i, j)] += q * cubed;
        p[(i, j + 2)] += q * squared;
        p[(i + 2, j)] += q * squared;
        p[(i + 2, j + 2)] += q * span;
    }
}

impl Gaussian {
    pub(crate) fn position(&self) -> Point {
        Point::new(self.mean[0], self.mean[1])
    }

    pub(crate) fn velocity(&self) -> Vector {
        Vector::new(self.mean[2], self.mean[3])
    }

    /// Moves by `dt_s` (either sign) at constant velocity, with white-noise acceleration.
    pub(crate) fn predict(&mut self, dt_s: f64, noise: Noise) {
        self.mean[0] += dt_s * self.mean[2];
        self.mean[1] += dt_s * self.mean[3];
        carry(&mut self.cov, dt_s, noise);
    }

    /// Corrects by the rows one after the other. With independent errors and one linearisation this equals the joint
    /// update, needs no matrix inverse and cannot fail.
    pub(crate) fn update(&mut self, rows: &Rows) -> Fit {
        let prior = self.mean;
        let mut fit = Fit { chi2: 0.0, log_density: 0.0 };
        let mut spread = 1.0;
        for row in rows.as_slice() {
            let ph = self.cov * row.gradient;
            let s = row.gradient.dot(&ph) + row.variance;
            let residual = row.residual - row.gradient.dot(&(self.mean - prior));
            let gain = ph / s;
            self.mean += gain * residual;
            self.cov -= gain * ph.transpose();
            fit.chi2 += residual * residual / s;
            spread *= core::f64::consts::TAU * s;
        }
        fit.log_density = -0.5 * (fit.chi2 + spread.ln());
        fit
    }

    /// How well rows fit, without correcting: the same figures as [`Self::update`] gives, by a Cholesky decomposition of
    /// the innovation covariance.
    pub(crate) fn fit(&self, rows: &Rows) -> Fit {
        let rows = rows.as_slice();
        let mut chi2 = 0.0;
        let mut spread = 1.0;
        let mut lower = [[0.0; MAX_ROWS]; MAX_ROWS];
        let mut white = [0.0; MAX_ROWS];
        for (i, row) in rows.iter().enumerate() {
            let ph = self.cov * row.gradient;
            let mut residual = row.residual;
            for j in 0..i {
                let mut s = rows[j].gradient.dot(&ph);
                for (a, b) in lower[i][..j].iter().zip(&lower[j][..j]) {
                    s -= a * b;
                }
                lower[i][j] = s / lower[j][j];
                residual -= lower[i][j] * white[j];
            }
            let own: f64 = lower[i][..i].iter().map(|l| l * l).sum();
            let s = row.gradient.dot(&ph) + row.variance - own;
            lower[i][i] = s.sqrt();
            white[i] = residual / lower[i][i];
            chi2 += white[i] * white[i];
            spread *= core::f64::consts::TAU * s;
        }
        Fit { chi2, log_density: -0.5 * (chi2 + spread.ln()) }
    }
}

/// Interacting multiple models: one normal distribution for each way of moving, with their probabilities
/// (Blom, Bar-Shalom 1988).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Imm {
    models: [Gaussian; MODELS],
    weights: [f64; MODELS],
    combined: Gaussian,
    /// Time since the models were mixed, seconds.
    unmixed_s: f64,
}

/// Models are mixed at most this often, seconds: they change over from one to another far more slowly.
const MIX_S: f64 = 0.04;
/// A model is never given up wholly.
const MIN_WEIGHT: f64 = 1e-4;

impl Imm {
    pub(crate) fn new(start: Gaussian) -> Self {
        Self { models: [start; MODELS], weights: [0.6, 0.2, 0.2], combined: start, unmixed_s: 0.0 }
    }

    /// The one normal distribution with the mixture's mean and covariance.
    pub(crate) fn combined(&self) -> &Gaussian {
        &self.combined
    }

    /// The models' probabilities.
    pub(crate) fn weights(&self) -> [f64; MODELS] {
        self.weights
    }

    /// Mixes the models by their switching when it is time, then moves each by its noise.
    pub(crate) fn predict(&mut self, dt_s: f64, noises: &[Noise; MODELS], config: &FusionConfig) {
        self.unmixed_s += dt_s.abs();
        if self.unmixed_s >= MIX_S {
            self.mix(&motion::switching(self.unmixed_s, config));
            self.unmixed_s = 0.0;
        }
        for (model, noise) in self.models.iter_mut().zip(noises) {
            model.predict(dt_s, *noise);
        }
        self.combined = blend(&self.models, &self.weights);
    }

    /// Mixes the models by the probabilities of changing over (rows: from).
    fn mix(&mut self, switching: &[[f64; MODELS]; MODELS]) {
        let from = self.models;
        let mut next = [0.0; MODELS];
        for to in 0..MODELS {
            let mut shares: [f64; MODELS] = core::array::from_fn(|k| self.weights[k] * switching[k][to]);
            next[to] = shares.iter().sum();
            shares.iter_mut().for_each(|s| *s /= next[to]);
            self.models[to] = blend(&from, &shares);
        }
        self.weights = next;
    }

    /// Multiplies every model's covariance: what is known counts for less. Updates keep whatever rounding has made
    /// of the symmetry, and a factor again and again would make much of it: so it is made anew.
    pub(crate) fn inflate(&mut self, factor: f64) {
        self.models.iter_mut().for_each(|model| model.cov = (model.cov + model.cov.transpose()) * (factor / 2.0));
        self.combined = blend(&self.models, &self.weights);
    }

    /// Corrects each model by the rows that `linearise` makes for its state, and reweighs the models.
    pub(crate) fn update(&mut self, linearise: impl Fn(&Gaussian) -> Rows) {
        let mut logs = [0.0; MODELS];
        for (k, model) in self.models.iter_mut().enumerate() {
            let rows = linearise(model);
            logs[k] = model.update(&rows).log_density;
        }
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for (weight, log) in self.weights.iter_mut().zip(logs) {
            *weight = (*weight * (log - top).exp()).max(MIN_WEIGHT);
            sum += *weight;
        }
        self.weights.iter_mut().for_each(|w| *w /= sum);
        self.combined = blend(&self.models, &self.weights);
    }

    /// Corrects the model that keeps its course alone, and does not reweigh.
    pub(crate) fn guide(&mut self, linearise: impl Fn(&Gaussian) -> Rows) {
        let rows = linearise(&self.models[0]);
        self.models[0].update(&rows);
        self.combined = blend(&self.models, &self.weights);
    }

    /// Moves all models' position.
    pub(crate) fn shift(&mut self, by: Vector) {
        for state in self.models.iter_mut().chain([&mut self.combined]) {
            state.mean[0] += by.x;
            state.mean[1] += by.y;
        }
    }

    /// The mixture of several, by weights that sum to one: model by model, mean and covariance kept.
    pub(crate) fn mixture(parts: &[(f64, Self)]) -> Self {
        let mut mixed = parts[0].1;
        for m in 0..MODELS {
            let total: f64 = parts.iter().map(|(w, p)| w * p.weights[m]).sum();
            let share = |(w, p): &(f64, Self)| w * p.weights[m] / total;
            let mean = parts.iter().fold(Vector4::zeros(), |sum, part| sum + part.1.models[m].mean * share(part));
            let cov = parts.iter().fold(Matrix4::zeros(), |sum, part| {
                let d = part.1.models[m].mean - mean;
                sum + (part.1.models[m].cov + d * d.transpose()) * share(part)
            });
            mixed.models[m] = Gaussian { mean, cov };
            mixed.weights[m] = total;
        }
        mixed.combined = blend(&mixed.models, &mixed.weights);
        mixed
    }
}

/// Mean and covariance of a mixture.
fn blend(models: &[Gaussian; MODELS], weights: &[f64; MODELS]) -> Gaussian {
    let [a, b, c] = models;
    let [u, v, w] = *weights;
    let mean = a.mean * u + b.mean * v + c.mean * w;
    let (da, db, dc) = (a.mean - mean, b.mean - mean, c.mean - mean);
    let mut cov = Matrix4::zeros();
    // Symmetric: the upper triangle, mirrored.
    for j in 0..4 {
        for i in 0..=j {
            let value = u * (a.cov[(i, j)] + da[i] * da[j])
                + v * (b.cov[(i, j)] + db[i] * db[j])
                + w * (c.cov[(i, j)] + dc[i] * dc[j]);
            cov[(i, j)] = value;
            cov[(j, i)] = value;
        }
    }
    Gaussian { mean, cov }
}
