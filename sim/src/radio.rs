//! Two simple channels for virtual time: PC5 by distance, Uu by a shifted log-normal delay.

use crate::rng::{Purpose, Seed, Stream, chance, normal, uniform};
use crate::scenario::RadioPlan;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// How a message came to a vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Over 5G, through the network.
    Uu,
    /// Directly over the sidelink.
    Pc5,
}

/// Share of PC5 messages that are lost however near the sender is.
const PC5_LOSS: f64 = 0.01;

/// Decides which messages arrive, and when. One stream for each sender.
#[derive(Debug, Clone)]
pub(crate) struct Radio {
    plan: RadioPlan,
    seed: Seed,
}

impl Radio {
    pub(crate) const fn new(plan: RadioPlan, seed: Seed) -> Self {
        Self { plan, seed }
    }

    /// The stream of one sender; senders' numbers are below 2⁴⁸.
    pub(crate) fn sender(&self, number: u64) -> Stream {
        self.seed.stream(Purpose::Radio, number)
    }

    /// Delay of a PC5 message over a distance; `None` if it is lost. Half arrive at the plan's range.
    pub(crate) fn pc5(&self, stream: &mut Stream, distance_m: f64) -> Option<Duration> {
        let range_m = self.plan.pc5_range_m;
        let arrives = (1.0 - PC5_LOSS) / (1.0 + ((distance_m - range_m) / (0.1 * range_m)).exp());
        // Both draws are made whatever becomes of the message, so that one that is lost shifts no other.
        let (arrived, share) = (chance(stream, arrives), uniform(stream, 0.5, 1.5));
        arrived.then(|| milliseconds(self.plan.pc5_delay_ms * share))
    }

    /// Delay of a Uu message; `None` if it is lost.
    pub(crate) fn uu(&self, stream: &mut Stream) -> Option<Duration> {
        let (lost, draw) = (chance(stream, self.plan.uu_loss), normal(stream));
        let tail_ms = self.plan.uu_median_ms * (self.plan.uu_log_sigma * draw).exp();
        (!lost).then(|| milliseconds(self.plan.uu_floor_ms + tail_ms))
    }
}

fn milliseconds(ms: f64) -> Duration {
    Duration::from_nanos((ms.clamp(0.0, 60_000.0) * 1e6) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pc5_arrives_by_distance_and_half_of_it_at_its_range() {
        let radio = Radio::new(RadioPlan::default(), Seed(5));
        let share = |distance_m: f64| {
            let mut stream = radio.sender(1);
            (0..4000).filter(|_| radio.pc5(&mut stream, distance_m).is_some()).count() as f64 / 4000.0
        };
        assert!(share(20.0) > 0.98 && (share(350.0) - 0.495).abs() < 0.03 && share(600.0) < 0.01);
    }

    #[test]
    fn uu_has_its_floor_median_and_loss() {
        let plan = RadioPlan::default();
        let (radio, mut stream) = (Radio::new(plan.clone(), Seed(5)), Radio::new(plan, Seed(5)).sender(1));
        let mut delays: Vec<Duration> = (0..20_000).filter_map(|_| radio.uu(&mut stream)).collect();
        delays.sort();
        let lost = 1.0 - delays.len() as f64 / 20_000.0;
        assert!(delays[0] >= Duration::from_millis(8) && (lost - 0.005).abs() < 0.002, "{lost}");
        let median_ms = delays[delays.len() / 2].as_secs_f64() * 1e3;
        assert!((median_ms - 14.0).abs() < 0.15, "{median_ms}");
    }
}
