//! The normal distribution.

/// The standard normal distribution function Φ(z), to about 1.5e-7.
///
/// Abramowitz and Stegun, *Handbook of Mathematical Functions*, 7.1.28: of their formulas the one without an exponential,
/// the dear part of a prediction.
pub(crate) fn cdf(z: f64) -> f64 {
    if z.is_nan() {
        return 0.5;
    }
    let x = z.abs() * core::f64::consts::FRAC_1_SQRT_2;
    let poly = 1.0
        + x * (0.070_523_078_4
            + x * (0.042_282_012_3
                + x * (0.009_270_527_2 + x * (0.000_152_014_3 + x * (0.000_276_567_2 + x * 0.000_043_063_8)))));
    let square = poly * poly;
    let fourth = square * square;
    let eighth = fourth * fourth;
    let upper = 0.5 / (eighth * eighth);
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
