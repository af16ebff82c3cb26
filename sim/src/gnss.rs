//! Receivers of on-board units: how far off they are, for how long, and what they say of it.
//!
//! Each axis' error is a first-order Gauss-Markov process of unit variance times the present sigma, so that the stated
//! sigma is the true one at every moment. Which sigma and memory that is, the receiver's mode decides: without or with
//! corrections, or by carrier phase with its ambiguities fixed or not. Where the sky is blocked sigmas grow and a fix
//! is soon lost.

use crate::rng::{Purpose, Seed, Stream, chance, normal, weighted};
use crate::scenario::GnssPlan;
use jxz_geo::{LocalFrame, Point, Vector, Wgs84};
use serde::{Deserialize, Serialize};

/// What a receiver works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReceiverKind {
    /// Satellites alone.
    Standalone,
    /// Code corrections from a reference station.
    Differential,
    /// Carrier phase against a reference station.
    Rtk,
}

/// An error model: sigma on each axis under an open sky, and memory.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Mode {
    sigma_m: f64,
    memory_s: f64,
}

/// 95 % of horizontal errors within 3.7 m, as watched in the open; what changes slowly is ionosphere and orbits.
const STANDALONE: Mode = Mode { sigma_m: 1.5, memory_s: 60.0 };
/// What corrections leave: multipath and noise.
const DIFFERENTIAL: Mode = Mode { sigma_m: 0.6, memory_s: 20.0 };
/// Carrier phase whose ambiguities are known.
const FIXED: Mode = Mode { sigma_m: 0.02, memory_s: 10.0 };
/// Carrier phase whose ambiguities are estimated as they come.
const FLOAT: Mode = Mode { sigma_m: 0.35, memory_s: 30.0 };

/// Mean time to a lost fix under an open and under a wholly blocked sky, seconds.
const FIX_LASTS_S: (f64, f64) = (300.0, 2.0);
/// Mean time to a fix under an open sky, seconds; longer as less sky is left.
const FIX_TAKES_S: f64 = 12.0;
/// So many times larger are errors under a wholly blocked sky: few satellites, and reflections.
const BLOCKED_TIMES: f64 = 5.0;
/// The sigma follows the sky with this time constant, seconds.
const SKY_MEMORY_S: f64 = 2.0;

/// How much of the sky is hidden, by place: a field that stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sky {
    /// Centre, radius in metres, share hidden in the middle.
    zones: Vec<(Point, f64, f64)>,
}

impl Sky {
    pub(crate) fn new(plan: &GnssPlan, frame: &LocalFrame) -> Self {
        let place = |[lon_deg, lat_deg]: [f64; 2]| frame.to_local(Wgs84 { lat_deg, lon_deg });
        Self { zones: plan.blockage.iter().map(|zone| (place(zone.at), zone.radius_m, zone.hidden)).collect() }
    }

    /// Share of the sky that is hidden at a place, 0 to 1: a zone's whole share in its inner half, less and less to
    /// its edge.
    pub(crate) fn hidden(&self, at: Point) -> f64 {
        let of = |(centre, radius_m, hidden): &(Point, f64, f64)| {
            hidden * (2.0 * (1.0 - (at - centre).norm() / radius_m)).clamp(0.0, 1.0)
        };
        self.zones.iter().map(of).fold(0.0, f64::max)
    }
}

/// One unit's receiver.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    stream: Stream,
    kind: ReceiverKind,
    fixed: bool,
    /// In sigmas.
    error: (f64, f64),
    /// How many times larger errors are than under an open sky.
    times: f64,
}

impl Receiver {
    pub(crate) fn new(seed: Seed, number: u64, plan: &GnssPlan) -> Self {
        const KINDS: [ReceiverKind; 3] = [ReceiverKind::Standalone, ReceiverKind::Differential, ReceiverKind::Rtk];
        let mut stream = seed.stream(Purpose::Gnss, number);
        let weights = KINDS.map(|kind| plan.receivers.get(&kind).copied().unwrap_or(0.0));
        let kind = weighted(&mut stream, &weights).map_or(ReceiverKind::Differential, |index| KINDS[index]);
        let fixed = chance(&mut stream, FIX_LASTS_S.0 / (FIX_LASTS_S.0 + FIX_TAKES_S));
        let error = (normal(&mut stream), normal(&mut stream));
        Self { stream, kind, fixed, error, times: 1.0 }
    }

    /// Moves the error on by some time at a place.
    pub(crate) fn step(&mut self, hidden: f64, dt_s: f64) {
        let lasts_s = FIX_LASTS_S.0 * libm::pow(FIX_LASTS_S.1 / FIX_LASTS_S.0, hidden);
        let takes_s = FIX_TAKES_S / (1.0 - hidden).max(1e-6);
        let changes = 1.0 - libm::exp(-dt_s / if self.fixed { lasts_s } else { takes_s });
        self.fixed ^= chance(&mut self.stream, changes);
        let target = 1.0 + (BLOCKED_TIMES - 1.0) * hidden;
        self.times += (target - self.times) * (1.0 - libm::exp(-dt_s / SKY_MEMORY_S));
        let keep = libm::exp(-dt_s / self.mode().memory_s);
        let drive = (1.0 - keep * keep).sqrt();
        self.error.0 = keep * self.error.0 + drive * normal(&mut self.stream);
        self.error.1 = keep * self.error.1 + drive * normal(&mut self.stream);
    }

    fn mode(&self) -> Mode {
        match (self.kind, self.fixed) {
            (ReceiverKind::Standalone, _) => STANDALONE,
            (ReceiverKind::Differential, _) => DIFFERENTIAL,
            (ReceiverKind::Rtk, true) => FIXED,
            (ReceiverKind::Rtk, false) => FLOAT,
        }
    }

    /// The present 1-sigma error on each axis, metres: what the unit states.
    pub(crate) fn sigma_m(&self) -> f64 {
        self.mode().sigma_m * self.times
    }

    /// From the true place to the one that the receiver gives, metres.
    pub(crate) fn error(&self) -> Vector {
        Vector::new(self.error.0, self.error.1) * self.sigma_m()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::BlockagePlan;
    use std::collections::BTreeMap;

    const DT_S: f64 = 0.05;

    fn receiver(kind: ReceiverKind, number: u64) -> Receiver {
        let plan = GnssPlan { receivers: BTreeMap::from([(kind, 1.0)]), ..GnssPlan::default() };
        Receiver::new(Seed(9), number, &plan)
    }

    /// Root mean square of one axis, and the lag at which its autocorrelation has fallen to 1/e, over many receivers.
    fn statistics(kind: ReceiverKind, lag_s: f64) -> (f64, f64) {
        let lag = (lag_s / DT_S) as usize;
        let (mut power, mut product, mut count) = (0.0, 0.0, 0.0);
        for number in 0..100 {
            let mut receiver = receiver(kind, number);
            let mut errors = Vec::new();
            for _ in 0..6000 {
                receiver.step(0.0, DT_S);
                errors.push(receiver.error());
            }
            for k in 0..errors.len() - lag {
                power += 0.5 * errors[k].norm_squared();
                product += 0.5 * errors[k].dot(&errors[k + lag]);
                count += 1.0;
            }
        }
        (f64::sqrt(power / count), -lag_s / libm::log(product / power))
    }

    #[test]
    fn standalone_and_differential_errors_have_their_sigma_and_memory() {
        for (kind, mode) in [(ReceiverKind::Standalone, STANDALONE), (ReceiverKind::Differential, DIFFERENTIAL)] {
            let (rms_m, memory_s) = statistics(kind, 10.0);
            println!("{kind:?}: {rms_m:.3} m, {memory_s:.1} s");
            assert!((rms_m / mode.sigma_m - 1.0).abs() < 0.08, "{kind:?}: {rms_m} m");
            assert!((memory_s / mode.memory_s - 1.0).abs() < 0.25, "{kind:?}: {memory_s} s");
        }
    }

    #[test]
    fn what_is_stated_is_what_the_error_is_in_every_mode_and_under_every_sky() {
        for kind in [ReceiverKind::Standalone, ReceiverKind::Differential, ReceiverKind::Rtk] {
            let (mut open, mut blocked) = ((0.0, 0.0), (0.0, 0.0));
            for number in 0..2000 {
                let mut receiver = receiver(kind, number);
                for (hidden, sums) in [(0.0, &mut open), (0.9, &mut blocked)] {
                    for _ in 0..600 {
                        receiver.step(hidden, DT_S);
                    }
                    let ratio = receiver.error().norm_squared() / (receiver.sigma_m() * receiver.sigma_m());
                    (sums.0, sums.1) = (sums.0 + ratio, sums.1 + receiver.sigma_m());
                }
            }
            // NEES of two dimensions: mean 2, its standard error over 2000 is 2/sqrt(2000).
            for sums in [open, blocked] {
                assert!((sums.0 / 2000.0 - 2.0).abs() < 3.0 * 2.0 / f64::sqrt(2000.0), "{kind:?}: {}", sums.0 / 2000.0);
            }
            assert!(blocked.1 > 4.0 * open.1, "{kind:?}: {} m, blocked {} m", open.1 / 2000.0, blocked.1 / 2000.0);
        }
    }

    #[test]
    fn a_fix_is_lost_under_trees_and_found_again() {
        let fixed = |receivers: &mut [Receiver], hidden: f64, seconds: f64| {
            for receiver in receivers.iter_mut() {
                (0..(seconds / DT_S) as usize).for_each(|_| receiver.step(hidden, DT_S));
            }
            receivers.iter().filter(|receiver| receiver.fixed).count()
        };
        let mut receivers: Vec<Receiver> = (0..1000).map(|number| receiver(ReceiverKind::Rtk, number)).collect();
        // In balance 300 of 312 are fixed; 3 sigmas are 19 of 1000.
        let open = fixed(&mut receivers, 0.0, 60.0);
        assert!((943..=980).contains(&open), "{open}");
        let under_trees = fixed(&mut receivers, 1.0, 10.0);
        assert!(under_trees < 30, "{under_trees}");
        // After one mean time to a fix, 1 - 1/e of them have one.
        let out_again = fixed(&mut receivers, 0.0, 12.0);
        assert!((570..=690).contains(&out_again), "{out_again}");
    }

    #[test]
    fn blockage_stays_where_it_is_and_fades_to_its_edge() {
        let frame = LocalFrame::new(Wgs84 { lat_deg: 32.03, lon_deg: 118.7 }).unwrap();
        let zone = BlockagePlan { at: [118.701, 32.031], radius_m: 100.0, hidden: 0.8 };
        let sky = Sky::new(&GnssPlan { blockage: vec![zone], ..GnssPlan::default() }, &frame);
        let centre = frame.to_local(Wgs84 { lat_deg: 32.031, lon_deg: 118.701 });
        let hidden = |away_m: f64| sky.hidden(centre + Vector::new(away_m, 0.0));
        assert_eq!((hidden(0.0), hidden(49.0), hidden(101.0)), (0.8, 0.8, 0.0));
        assert!((hidden(75.0) - 0.4).abs() < 1e-9);
    }

    #[test]
    fn receivers_are_shared_out_as_planned() {
        let receivers = BTreeMap::from([(ReceiverKind::Rtk, 1.0), (ReceiverKind::Standalone, 3.0)]);
        let plan = GnssPlan { receivers, ..GnssPlan::default() };
        let kinds: Vec<ReceiverKind> = (0..4000).map(|number| Receiver::new(Seed(1), number, &plan).kind).collect();
        let share = |kind| kinds.iter().filter(|k| **k == kind).count();
        assert!((share(ReceiverKind::Rtk) as i64 - 1000).abs() < 85 && share(ReceiverKind::Differential) == 0);
    }
}
