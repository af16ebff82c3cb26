//! Covariance intersection: two estimates of one state whose errors may be correlated, nobody knows how.
//!
//! For any weight between 0 and 1 the weighted sum of the two information matrices is consistent if both estimates are
//! (Julier, Uhlmann 1997). The weight taken is the one whose result has the least determinant; then what is fused a
//! second time changes nothing.

use nalgebra::{Matrix4, Vector4};

/// An estimate of a state of four, with its covariance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) mean: Vector4<f64>,
    pub(crate) cov: Matrix4<f64>,
}

/// Halvings of the interval in which the weight is looked for: to 1e-12.
const HALVINGS: usize = 40;

/// The weight of `a`, 0 to 1, with which the intersection of both has the least determinant; `None` if a covariance
/// is not positive definite.
///
/// With `a = L Lᵀ` and the eigenvalues l of `Lᵀ b⁻¹ L`, the logarithm of the information's determinant is, up to a
/// constant, the sum of ln(w + (1 - w) l): concave, so the zero of its derivative is found by halving.
pub(crate) fn weight(a: &Matrix4<f64>, b: &Matrix4<f64>) -> Option<f64> {
    let root = a.cholesky()?.l();
    let relative = root.transpose() * b.cholesky()?.inverse() * root;
    let eigenvalues = relative.symmetric_eigenvalues();
    if !eigenvalues.iter().all(|l| l.is_finite() && *l > 0.0) {
        return None;
    }
    let slope = |w: f64| -> f64 { eigenvalues.iter().map(|l| (1.0 - l) / (w + (1.0 - w) * l)).sum() };
    if slope(1.0) >= 0.0 {
        return Some(1.0);
    }
    if slope(0.0) <= 0.0 {
        return Some(0.0);
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if slope(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(0.5 * (low + high))
}

/// Both estimates as one, with the weight of `a` that was best; `None` if a covariance is not positive definite.
#[cfg(test)]
pub(crate) fn intersect(a: &Estimate, b: &Estimate) -> Option<(f64, Estimate)> {
    let w = weight(&a.cov, &b.cov)?;
    let (ia, ib) = (a.cov.cholesky()?.inverse() * w, b.cov.cholesky()?.inverse() * (1.0 - w));
    let cov = (ia + ib).cholesky()?.inverse();
    Some((w, Estimate { mean: cov * (ia * a.mean + ib * b.mean), cov }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{Gaussian, Imm, Row, Rows};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn diagonal(mean: [f64; 4], variances: [f64; 4]) -> Estimate {
        Estimate { mean: Vector4::from(mean), cov: Matrix4::from_diagonal(&Vector4::from(variances)) }
    }

    #[test]
    fn hand_worked_cases() {
        // One is better in every direction: it is the answer, whichever side it is on.
        let good = diagonal([1.0, 2.0, 3.0, 4.0], [1.0; 4]);
        let poor = diagonal([9.0, 9.0, 9.0, 9.0], [4.0, 2.0, 1.5, 1.0]);
        assert_eq!(weight(&good.cov, &poor.cov), Some(1.0));
        assert_eq!(weight(&poor.cov, &good.cov), Some(0.0));
        // As good east as the other is north: half each, 0.5 (1 + 1/4) = 0.625 = 1 / 1.6; means 0.8 and 0.2.
        let east = diagonal([0.0, 0.0, 5.0, 5.0], [1.0, 4.0, 1.0, 1.0]);
        let north = diagonal([10.0, 10.0, 5.0, 5.0], [4.0, 1.0, 1.0, 1.0]);
        let (w, both) = intersect(&east, &north).unwrap();
        assert!((w - 0.5).abs() < 1e-9);
        let expected = diagonal([2.0, 8.0, 5.0, 5.0], [1.6, 1.6, 1.0, 1.0]);
        assert!((both.cov - expected.cov).amax() < 1e-9 && (both.mean - expected.mean).amax() < 1e-9, "{both:?}");
        // Eigenvalues 4, 1/2, 1, 1: -3 / (4 - 3w) + 1 / (1 + w) = 0, so w = 1/6.
        let other = diagonal([0.0; 4], [0.25, 2.0, 1.0, 1.0]);
        assert!((weight(&good.cov, &other.cov).unwrap() - 1.0 / 6.0).abs() < 1e-9);
        // No covariance at all.
        assert_eq!(weight(&good.cov, &Matrix4::zeros()), None);
        assert_eq!(weight(&Matrix4::from_element(f64::NAN), &good.cov), None);
    }

    #[test]
    fn what_is_fused_a_second_time_changes_nothing() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for _ in 0..100 {
            let (a, b) = (random(&mut rng), random(&mut rng));
            let (_, once) = intersect(&a, &b).unwrap();
            for again in [&a, &b] {
                let (_, twice) = intersect(&once, again).unwrap();
                assert!((twice.cov - once.cov).amax() < 1e-5 * once.cov.amax());
                assert!((twice.mean - once.mean).amax() < 1e-5);
            }
        }
    }

    #[test]
    fn inflation_and_one_update_are_the_intersection() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let (a, b) = (random(&mut rng), random(&mut rng));
        let (w, expected) = intersect(&a, &b).unwrap();
        let mut imm = Imm::new(Gaussian { mean: a.mean, cov: a.cov });
        imm.inflate(1.0 / w);
        let axes = (b.cov / (1.0 - w)).symmetric_eigen();
        imm.update(|state| {
            let mut rows = Rows::default();
            for k in 0..4 {
                let gradient: Vector4<f64> = axes.eigenvectors.column(k).into_owned();
                let residual = gradient.dot(&(b.mean - state.mean));
                rows.push(Row { gradient, residual, variance: axes.eigenvalues[k] });
            }
            rows
        });
        assert!((imm.combined().cov - expected.cov).amax() < 1e-9);
        assert!((imm.combined().mean - expected.mean).amax() < 1e-9);
    }

    #[test]
    fn over_correlated_errors_it_is_consistent_and_the_naive_product_is_not() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for shared in [0.0, 0.5, 0.9] {
            let (mut ours, mut naive, runs) = (0.0, 0.0, 4000);
            for _ in 0..runs {
                // Two estimates of zero, each with covariance `shape`, whose errors have `shared` of it in common.
                let (ca, cb) = (random(&mut rng).cov, random(&mut rng).cov);
                let common = normal(&mut rng);
                let draw = |cov: &Matrix4<f64>, own: Vector4<f64>| {
                    cov.cholesky().unwrap().l() * (common * f64::sqrt(shared) + own * f64::sqrt(1.0 - shared))
                };
                let a = Estimate { mean: draw(&ca, normal(&mut rng)), cov: ca };
                let b = Estimate { mean: draw(&cb, normal(&mut rng)), cov: cb };
                let nees = |e: &Estimate| e.mean.dot(&(e.cov.cholesky().unwrap().inverse() * e.mean));
                ours += nees(&intersect(&a, &b).unwrap().1);
                let (ia, ib) = (ca.try_inverse().unwrap(), cb.try_inverse().unwrap());
                let cov = (ia + ib).try_inverse().unwrap();
                naive += nees(&Estimate { mean: cov * (ia * a.mean + ib * b.mean), cov });
            }
            let (ours, naive) = (ours / f64::from(runs), naive / f64::from(runs));
            // Four degrees of freedom: the mean of 4000 is within 0.18 of 4 in 99.9 % of cases if exact.
            assert!(ours < 4.18, "{shared} shared: {ours}");
            assert!(shared < 0.4 || naive > 4.5, "{shared} shared: the naive one should fail, {naive}");
        }
    }

    fn random(rng: &mut ChaCha8Rng) -> Estimate {
        let root = Matrix4::from_fn(|_, _| rng.random_range(-1.0..1.0));
        Estimate { mean: normal(rng), cov: root * root.transpose() + Matrix4::identity() * 0.2 }
    }

    fn normal(rng: &mut ChaCha8Rng) -> Vector4<f64> {
        // The sum of twelve uniform draws less six is as normal as this test needs.
        Vector4::from_fn(|_, _| (0..12).map(|_| rng.random_range(0.0..1.0)).sum::<f64>() - 6.0)
    }
}
