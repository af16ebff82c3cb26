//! The joint estimate of every sensor's bias, with its covariance.

use jxz_geo::Point;
use nalgebra::{DMatrix, DVector, Matrix4, SMatrix};

/// Biases of one sensor: yaw, position east, position north, clock.
pub(crate) const PER_SENSOR: usize = 4;
/// Common to all sensors and so not observable: two shifts, a turn, and a shift in time.
const GAUGE: usize = 4;

/// What one sensor's survey and stamps are off by: what is declared less what is true.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Bias {
    /// Radians.
    pub(crate) yaw_rad: f64,
    /// Metres, east and north.
    pub(crate) position_m: [f64; 2],
    /// Seconds.
    pub(crate) clock_s: f64,
}

impl Bias {
    pub(crate) fn as_array(self) -> [f64; PER_SENSOR] {
        [self.yaw_rad, self.position_m[0], self.position_m[1], self.clock_s]
    }

    pub(crate) fn from_slice(values: &[f64]) -> Self {
        Self { yaw_rad: values[0], position_m: [values[1], values[2]], clock_s: values[3] }
    }
}

/// A normal distribution over all sensors' biases.
///
/// The survey is the prior. Only differences between sensors show in the traffic; what all have in common stays where
/// the survey put it, as sure as the survey is.
#[derive(Debug, Clone)]
pub(crate) struct BiasFilter {
    mean: DVector<f64>,
    cov: DMatrix<f64>,
    prior: DVector<f64>,
    /// I less the projector on what is common, in the survey's metric.
    observable: DMatrix<f64>,
    scratch: DVector<f64>,
    left: DMatrix<f64>,
    relative: DMatrix<f64>,
    pinned: DVector<f64>,
}

impl BiasFilter {
    /// `places` and `sigmas` (prior, 1-sigma) of each sensor.
    pub(crate) fn new(places: &[Point], sigmas: &[Bias]) -> Self {
        let n = places.len() * PER_SENSOR;
        let prior = DVector::from_iterator(n, sigmas.iter().flat_map(|s| s.as_array().map(|v| v * v)));
        let observable = observable(places, &prior);
        let cov = DMatrix::from_diagonal(&prior);
        let square = DMatrix::zeros(n, n);
        let zeros = DVector::zeros(n);
        let (scratch, pinned, mean) = (zeros.clone(), zeros.clone(), zeros);
        let (left, relative) = (square.clone(), square);
        let mut filter = Self { mean, cov, prior, observable, scratch, left, relative, pinned };
        filter.compare();
        filter
    }

    /// All biases, [`PER_SENSOR`] after [`PER_SENSOR`].
    pub(crate) fn mean(&self) -> &DVector<f64> {
        &self.mean
    }

    pub(crate) fn bias(&self, sensor: usize) -> Bias {
        Bias::from_slice(&self.mean.as_slice()[sensor * PER_SENSOR..])
    }

    /// Works out what [`Self::pinned`] and [`Self::disagreement`] give.
    pub(crate) fn compare(&mut self) {
        self.pinned.gemv(1.0, &self.observable, &self.mean, 0.0);
        // Column by column: the product of whole matrices would take room from the allocator.
        for (mut product, column) in self.left.column_iter_mut().zip(self.cov.column_iter()) {
            product.gemv(1.0, &self.observable, &column, 0.0);
        }
        for (i, row) in self.observable.row_iter().enumerate() {
            self.scratch.iter_mut().zip(row.iter()).for_each(|(s, r)| *s = *r);
            self.relative.column_mut(i).gemv(1.0, &self.left, &self.scratch, 0.0);
        }
    }

    /// One sensor's biases with what all have in common where the survey put it: rounding and linearisation would let it
    /// drift.
    pub(crate) fn pinned(&self, sensor: usize) -> Bias {
        Bias::from_slice(&self.pinned.as_slice()[sensor * PER_SENSOR..])
    }

    /// 1-sigma of one sensor's biases, the common part included.
    pub(crate) fn sigma(&self, sensor: usize) -> Bias {
        let diagonal: [f64; PER_SENSOR] = core::array::from_fn(|k| {
            let at = sensor * PER_SENSOR + k;
            self.cov[(at, at)].max(0.0).sqrt()
        });
        Bias::from_slice(&diagonal)
    }

    /// The covariance of one sensor's biases without what all have in common: by so much its detections may disagree
    /// with the others'.
    pub(crate) fn disagreement(&self, sensor: usize) -> Matrix4<f64> {
        self.relative.fixed_view::<4, 4>(sensor * PER_SENSOR, sensor * PER_SENSOR).into_owned()
    }

    /// Lets every bias wander by `variance_ps` of its prior variance a second, never beyond the prior.
    pub(crate) fn wander(&mut self, dt_s: f64, share_ps: f64) {
        for k in 0..self.prior.len() {
            let room = self.prior[k] - self.cov[(k, k)];
            self.cov[(k, k)] += (self.prior[k] * share_ps * dt_s).min(room.max(0.0));
        }
    }

    /// Corrects by one scalar measurement `residual = gradient · (b - mean) + noise` of `variance`; refuses it, and says
    /// so, when its squared Mahalanobis distance is beyond `gate_chi2`.
    pub(crate) fn update(&mut self, gradient: &[f64], residual: f64, variance: f64, gate_chi2: f64) -> bool {
        // On plain slices, which the compiler makes vectors of.
        let n = gradient.len();
        let scratch = &mut self.scratch.as_mut_slice()[..n];
        scratch.fill(0.0);
        for (a, columns) in gradient.chunks_exact(PER_SENSOR).zip(self.cov.as_slice().chunks_exact(PER_SENSOR * n)) {
            let (one, rest) = columns.split_at(n);
            let (two, rest) = rest.split_at(n);
            let (three, four) = rest.split_at(n);
            for ((((s, c1), c2), c3), c4) in scratch.iter_mut().zip(one).zip(two).zip(three).zip(four) {
                *s += a[0] * c1 + a[1] * c2 + a[2] * c3 + a[3] * c4;
            }
        }
        let s = variance + scratch.iter().zip(gradient).map(|(p, g)| p * g).sum::<f64>();
        if residual * residual > gate_chi2 * s {
            return false;
        }
        self.mean.iter_mut().zip(&*scratch).for_each(|(m, p)| *m += residual / s * p);
        for (p, column) in scratch.iter().zip(self.cov.as_mut_slice().chunks_exact_mut(n)) {
            let factor = p / s;
            column.iter_mut().zip(&*scratch).for_each(|(c, q)| *c -= factor * q);
        }
        true
    }

    /// Forgets what is known of one sensor: back to the survey.
    pub(crate) fn forget(&mut self, sensor: usize) {
        for k in sensor * PER_SENSOR..(sensor + 1) * PER_SENSOR {
            self.mean[k] = 0.0;
            self.cov.row_mut(k).fill(0.0);
            self.cov.column_mut(k).fill(0.0);
            self.cov[(k, k)] = self.prior[k];
        }
    }
}

/// The matrix that takes what is common to all sensors out of their biases, in the metric of the prior.
fn observable(places: &[Point], prior: &DVector<f64>) -> DMatrix<f64> {
    let n = prior.len();
    let centre = places.iter().fold(jxz_geo::Vector::zeros(), |sum, p| sum + p.coords) / places.len().max(1) as f64;
    let mut common = DMatrix::<f64>::zeros(n, GAUGE);
    for (k, place) in places.iter().enumerate() {
        let (at, arm) = (k * PER_SENSOR, place.coords - centre);
        common[(at + 1, 0)] = 1.0;
        common[(at + 2, 1)] = 1.0;
        // Turned about the centre, what is seen from a place moves with the place.
        common[(at, 2)] = 1.0;
        common[(at + 1, 2)] = -arm.y;
        common[(at + 2, 2)] = arm.x;
        common[(at + 3, 3)] = 1.0;
    }
    let weighted = DMatrix::from_fn(n, GAUGE, |i, j| common[(i, j)] / prior[i]);
    let normal: SMatrix<f64, GAUGE, GAUGE> = SMatrix::from_fn(|i, j| common.column(i).dot(&weighted.column(j)));
    let identity = DMatrix::identity(n, n);
    match normal.try_inverse() {
        Some(inverse) => {
            let inverse = DMatrix::from_fn(GAUGE, GAUGE, |i, j| inverse[(i, j)]);
            identity - &common * inverse * weighted.transpose()
        }
        None => identity,
    }
}
