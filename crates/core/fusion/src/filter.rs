//! Gaussian states (east, north, east speed, north speed), their motion, and their correction.

use crate::FusionConfig;
use crate::motion::{MODELS, Noise, Switching};
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

    /// Keeps the first `len`.
    pub(crate) fn shorten(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [Row] {
        &mut self.rows[..self.len]
    }

    pub(crate) fn as_slice(&self) -> &[Row] {
        &self.rows[..self.len]
    }
}

/// How well a measurement fits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fit {
    /// Squared Mahalanobis distance.
    pub(crate) chi2: f64,
    /// The density's factor: one over the root of the determinant of 2 pi times the innovation covariance.
    pub(crate) factor: f64,
}

impl Fit {
    /// The density.
    pub(crate) fn density(&self) -> f64 {
        self.factor * libm::exp(-0.5 * self.chi2)
    }

    /// Its natural logarithm, where the density itself may be too small for a number.
    pub(crate) fn log_density(&self) -> f64 {
        libm::log(self.factor) - 0.5 * self.chi2
    }
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
        let (mut chi2, mut spread) = (0.0, 1.0);
        for row in rows.as_slice() {
            let ph = self.cov * row.gradient;
            let s = row.gradient.dot(&ph) + row.variance;
            let residual = row.residual - row.gradient.dot(&(self.mean - prior));
            let gain = ph * (1.0 / s);
            self.mean += gain * residual;
            self.cov -= gain * ph.transpose();
            chi2 += residual * residual / s;
            spread *= core::f64::consts::TAU * s;
        }
        Fit { chi2, factor: 1.0 / spread.sqrt() }
    }

    /// Makes ready to say how well measurements of these gradients and variances fit, whatever their residuals.
    pub(crate) fn whitening(&self, rows: &Rows) -> Whitening {
        let rows = rows.as_slice();
        let mut made = Whitening { lower: [[0.0; MAX_ROWS]; MAX_ROWS], factors: [1.0; MAX_ROWS] };
        let mut factor = 1.0;
        for (i, row) in rows.iter().enumerate() {
            let ph = self.cov * row.gradient;
            let (above, own) = made.lower.split_at_mut(i);
            let mut rest = row.gradient.dot(&ph) + row.variance;
            for j in 0..i {
                let mut s = rows[j].gradient.dot(&ph);
                for (a, b) in own[0][..j].iter().zip(&above[j][..j]) {
                    s -= a * b;
                }
                let value = s * above[j][j];
                own[0][j] = value;
                rest -= value * value;
            }
            own[0][i] = 1.0 / rest.sqrt();
            factor *= own[0][i] / core::f64::consts::TAU.sqrt();
            made.factors[i] = factor;
        }
        made
    }
}

/// A Cholesky decomposition of the covariance of what a state and a measurement differ by: the same for all detections
/// that are compared with one state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whitening {
    /// The lower triangle, its diagonal inverted.
    lower: [[f64; MAX_ROWS]; MAX_ROWS],
    /// The density's factor for the rows up to each.
    factors: [f64; MAX_ROWS],
}

impl Whitening {
    /// How well residuals fit: of the first rows if there are fewer. The same figures as [`Gaussian::update`] gives.
    pub(crate) fn fit(&self, residuals: &[f64]) -> Fit {
        let mut white = [0.0; MAX_ROWS];
        let mut chi2 = 0.0;
        for (i, residual) in residuals.iter().enumerate() {
            let lower = &self.lower[i];
            let known: f64 = lower[..i].iter().zip(&white[..i]).map(|(l, w)| l * w).sum();
            white[i] = (residual - known) * lower[i];
            chi2 += white[i] * white[i];
        }
        Fit { chi2, factor: residuals.len().checked_sub(1).map_or(1.0, |last| self.factors[last]) }
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
        self.predict_among(dt_s, noises, &mut Switching::default(), config);
    }

    /// The same for one of many that are moved on together.
    pub(crate) fn predict_among(
        &mut self,
        dt_s: f64,
        noises: &[Noise; MODELS],
        switching: &mut Switching,
        config: &FusionConfig,
    ) {
        self.unmixed_s += dt_s.abs();
        if self.unmixed_s >= MIX_S {
            self.mix(&switching.over(self.unmixed_s, config));
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
        self.update_models(linearise);
        self.combined = blend(&self.models, &self.weights);
    }

    fn update_models(&mut self, linearise: impl Fn(&Gaussian) -> Rows) {
        let mut fits = [Fit { chi2: 0.0, factor: 1.0 }; MODELS];
        for (fit, model) in fits.iter_mut().zip(&mut self.models) {
            *fit = model.update(&linearise(model));
        }
        let least = fits.iter().map(|f| f.chi2).fold(f64::INFINITY, f64::min);
        let scale = 1.0 / fits[0].factor;
        let mut sum = 0.0;
        for (weight, fit) in self.weights.iter_mut().zip(fits) {
            *weight = (*weight * scale * fit.factor * libm::exp(-0.5 * (fit.chi2 - least))).max(MIN_WEIGHT);
            sum += *weight;
        }
        self.weights.iter_mut().for_each(|w| *w /= sum);
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
}

/// The sum of what one state may have become, gathered hypothesis by hypothesis: model by model, mean and covariance
/// kept.
#[derive(Debug)]
pub(crate) struct Mixture<'a> {
    prior: &'a Imm,
    sums: [Sum; MODELS],
}

/// Of one model: total weight, and first and second moments about the prior's mean.
#[derive(Debug, Clone, Copy)]
struct Sum {
    weight: f64,
    mean: Vector4<f64>,
    square: Matrix4<f64>,
}

impl<'a> Mixture<'a> {
    /// With the hypothesis that nothing changed, of this probability or weight.
    pub(crate) fn new(prior: &'a Imm, unchanged: f64) -> Self {
        let sums = core::array::from_fn(|m| {
            let weight = unchanged * prior.weights[m];
            Sum { weight, mean: Vector4::zeros(), square: prior.models[m].cov * weight }
        });
        Self { prior, sums }
    }

    /// Adds the hypothesis, of this weight, that rows were measured.
    pub(crate) fn add(&mut self, weight: f64, linearise: impl Fn(&Gaussian) -> Rows) {
        let mut imm = *self.prior;
        imm.update_models(linearise);
        for m in 0..MODELS {
            let share = weight * imm.weights[m];
            let d = imm.models[m].mean - self.prior.models[m].mean;
            let sum = &mut self.sums[m];
            sum.weight += share;
            sum.mean += d * share;
            sum.square += (imm.models[m].cov + d * d.transpose()) * share;
        }
    }

    /// The one state that stands for all, at least one, that were added.
    pub(crate) fn finish(self) -> Imm {
        let mut imm = *self.prior;
        let total: f64 = self.sums.iter().map(|s| s.weight).sum();
        for (m, sum) in self.sums.iter().enumerate() {
            let d = sum.mean / sum.weight;
            imm.models[m].mean += d;
            imm.models[m].cov = sum.square / sum.weight - d * d.transpose();
            imm.weights[m] = sum.weight / total;
        }
        imm.combined = blend(&imm.models, &imm.weights);
        imm
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
