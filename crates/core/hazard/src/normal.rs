//! The normal distribution.

/// The standard normal distribution function Φ(z), to about 1.5e-7.
///
/// Abramowitz and Stegun, *Handbook of Mathematical Functions*, 7.1.26.
pub(crate) fn cdf(z: f64) -> f64 {
    if z.is_nan() {
        return 0.5;
    }
    let x = z.abs() * core::f64::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let poly =
        t * (0.254_829_592 + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    let upper = 0.5 * poly * libm::exp(-x * x);
    if z >= 0.0 { 1.0 - upper } else { upper }
}

/// P(low < mean + sigma·Z < high).
pub(crate) fn between(mean: f64, sigma: f64, low: f64, high: f64) -> f64 {
    let sigma = sigma.max(1e-6);
    (cdf((high - mean) / sigma) - cdf((low - mean) / sigma)).clamp(0.0, 1.0)
}

/// P(mean + sigma·Z > bound).
pub(crate) fn above(mean: f64, sigma: f64, bound: f64) -> f64 {
    cdf((mean - bound) / sigma.max(1e-6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_function_agrees_with_printed_tables() {
        for (z, phi) in [(0.0, 0.5), (1.0, 0.841_344_75), (-1.96, 0.024_997_90), (3.0, 0.998_650_10)] {
            assert!((cdf(z) - phi).abs() < 2e-7, "Φ({z}) = {}", cdf(z));
        }
        assert!((between(0.0, 1.0, -1.0, 1.0) - 0.682_689_49).abs() < 4e-7);
        assert!((above(2.0, 1.0, 1.0) - 0.841_344_75).abs() < 2e-7);
    }
}
