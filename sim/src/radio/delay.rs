//! Delays through the 5G network: shifted log-normal, from three published figures for each deployment.

use crate::rng::{SmallStream, normal};
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// Quantiles of the standard normal distribution.
const Z_90: f64 = 1.281_551_565_545;
const Z_99_9: f64 = 3.090_232_306_168;
/// Where sigma is looked for.
const SIGMAS: (f64, f64) = (1e-3, 1.1);
/// No message takes longer, milliseconds.
const LONGEST_MS: f64 = 60_000.0;

/// Where the server stands that passes messages on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Deployment {
    /// At the base station.
    EdgeBaseStation,
    /// At the operator's core.
    #[default]
    EdgeCore,
    /// In a cloud beyond the Internet.
    Cloud,
    /// In a cloud, sender and receiver with different operators.
    TwoOperators,
}

impl Deployment {
    /// Every deployment.
    pub const ALL: [Self; 4] = [Self::EdgeBaseStation, Self::EdgeCore, Self::Cloud, Self::TwoOperators];

    /// Mean, 90th and 99.9th percentile of the delay from vehicle to network to vehicle, milliseconds: 300 bytes at
    /// 10 Hz (Coll-Perales et al., End-to-End V2X Latency Modeling and Analysis in 5G Networks, TVT 2022).
    #[must_use]
    pub const fn published_ms(self) -> [f64; 3] {
        match self {
            Self::EdgeBaseStation => [2.5, 3.1, 4.3],
            Self::EdgeCore => [4.4, 5.2, 6.4],
            Self::Cloud => [17.0, 28.0, 76.0],
            Self::TwoOperators => [30.0, 58.0, 175.0],
        }
    }
}

/// Delay = floor + scale · exp(sigma · N(0, 1)).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DelayModel {
    floor_ms: f64,
    scale_ms: f64,
    sigma: f64,
}

impl DelayModel {
    /// The one that has all three published figures: with three unknowns nothing is left to choose. Where that would
    /// need a floor below zero (edge at the core, two operators) the floor is zero, and sigma and scale are those
    /// whose three figures are nearest to the published ones in ratio.
    pub(crate) fn of(deployment: Deployment) -> Self {
        let published = deployment.published_ms();
        let [mean, p90, p99_9] = published;
        // How far out the tail lies, in units of the 90th percentile's distance to the mean, grows with sigma alone.
        let tail = |[mean, p90, p99_9]: [f64; 3]| (p99_9 - p90) / (p90 - mean);
        let (mut low, mut high) = SIGMAS;
        for _ in 0..60 {
            let sigma = 0.5 * (low + high);
            if tail(figures(sigma)) < tail([mean, p90, p99_9]) { low = sigma } else { high = sigma }
        }
        let unit = figures(low);
        let scale_ms = (p90 - mean) / (unit[1] - unit[0]);
        let exact = Self { floor_ms: mean - scale_ms * unit[0], scale_ms, sigma: low };
        if exact.floor_ms >= 0.0 { exact } else { Self::without_floor(published) }
    }

    /// Least squares of the logarithms, over sigma by ternary search.
    fn without_floor(published_ms: [f64; 3]) -> Self {
        let log_ratios = |sigma: f64| {
            let unit = figures(sigma);
            [0, 1, 2].map(|k| libm::log(published_ms[k] / unit[k]))
        };
        let spread = |sigma: f64| {
            let logs = log_ratios(sigma);
            let mean = logs.iter().sum::<f64>() / 3.0;
            logs.iter().map(|log| (log - mean) * (log - mean)).sum::<f64>()
        };
        let (mut low, mut high) = SIGMAS;
        for _ in 0..100 {
            let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
            if spread(a) < spread(b) { high = b } else { low = a }
        }
        let scale_ms = libm::exp(log_ratios(low).iter().sum::<f64>() / 3.0);
        Self { floor_ms: 0.0, scale_ms, sigma: low }
    }

    pub(crate) fn draw(&self, stream: &mut SmallStream) -> Duration {
        let ms = self.floor_ms + self.scale_ms * libm::exp(self.sigma * normal(stream));
        Duration::from_nanos((ms.clamp(0.0, LONGEST_MS) * 1e6) as u64)
    }
}

/// Mean, 90th and 99.9th percentile of exp(sigma · N(0, 1)).
fn figures(sigma: f64) -> [f64; 3] {
    [0.5 * sigma * sigma, Z_90 * sigma, Z_99_9 * sigma].map(libm::exp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Seed};

    #[test]
    fn drawn_delays_have_the_published_mean_and_percentiles_within_a_tenth() {
        for deployment in Deployment::ALL {
            let model = DelayModel::of(deployment);
            assert!(model.floor_ms >= 0.0, "{deployment:?}: {model:?}");
            let mut stream = Seed(11).small_stream(Purpose::Uu, 1);
            let mut ms: Vec<f64> = (0..200_000).map(|_| model.draw(&mut stream).as_secs_f64() * 1e3).collect();
            ms.sort_by(f64::total_cmp);
            let mean = ms.iter().sum::<f64>() / ms.len() as f64;
            let quantile = |q: f64| ms[(q * ms.len() as f64) as usize];
            let drawn = [mean, quantile(0.9), quantile(0.999)];
            println!("{deployment:?}: {drawn:.2?} ms, published {:?}", deployment.published_ms());
            for (drawn, published) in drawn.into_iter().zip(deployment.published_ms()) {
                assert!((drawn / published - 1.0).abs() < 0.1, "{deployment:?}: {drawn} ms, published {published}");
            }
        }
    }
}
