//! The sidelink on a straight road, as the simulator uses it: vehicles in a line, each message with a fate of its own.

use super::air::{Ether, Paths, Stations};
use super::pc5::{Pc5Loss, Pc5Losses};
use super::{BSM_FLOW, End};
use crate::rng::Seed;
use jxz_geo::{Point, Vector};
use jxz_units::Instant;
use serde::{Deserialize, Serialize};

/// Bytes of a message, and messages a second: those of the reference table.
const BYTES: usize = 190;
const RATE_HZ: u32 = 10;
/// Speed of everyone, metres per second: shadowing changes with it.
const SPEED_MPS: f64 = 25.0;
/// Senders whose messages are counted: those in the middle of the road.
const SENDERS: usize = 120;
/// Road before and behind them, metres, so that they know no end of it.
const MARGIN_M: f64 = 2500.0;
/// Seconds before counting begins: the load must be known.
const SETTLE_S: u32 = 2;

/// Why a trial cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HighwayTrialError {
    /// A number is outside its range.
    #[error("{name} is {value}, must be within {low}..={high}")]
    Range {
        /// Which.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The least allowed.
        low: f64,
        /// The most allowed.
        high: f64,
    },
}

/// Vehicles in a line that all send ten messages of 190 bytes a second.
#[derive(Debug, Clone, PartialEq)]
pub struct HighwayTrial {
    /// Vehicles a kilometre, 1 to 500; the model was published up to 300.
    pub per_km: f64,
    /// Transmit power, dBm, -10 to 33.
    pub power_dbm: f64,
    /// Distances from sender to receiver, metres, 1 to 2000 each.
    pub distances_m: Vec<f64>,
    /// Everything left to chance follows from it.
    pub seed: u64,
    /// For how long messages are counted, seconds, 1 to 3600.
    pub seconds: u32,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// Shares of messages lost by cause, in the order of the distances.
    pub losses: Vec<Pc5Losses>,
    /// What the formula behind it gives for the same distances.
    pub formula: Vec<Pc5Losses>,
    /// Share of the channel that the senders found busy, 0 to 1.
    pub channel_busy_ratio: f64,
    /// Messages counted at each distance.
    pub messages: u64,
}

impl HighwayTrial {
    /// Plays it.
    ///
    /// # Errors
    /// [`HighwayTrialError::Range`] with the first number that is out of its range.
    pub fn run(&self) -> Result<TrialResult, HighwayTrialError> {
        self.check()?;
        let apart_m = 1000.0 / self.per_km;
        let margin = (MARGIN_M / apart_m).ceil() as usize;
        let count = 2 * margin + SENDERS;
        let ether = Ether::new(Seed(self.seed), self.power_dbm, 0.0, None);
        let (mut stations, mut paths) = (Stations::default(), Paths::default());
        let mut lost = vec![[0_u64; 4]; self.distances_m.len()];
        let mut messages = 0;
        for tick in 0..(SETTLE_S + self.seconds) * RATE_HZ {
            let now = Instant::from_ns(u64::from(tick) * 1_000_000_000 / u64::from(RATE_HZ));
            let travelled_m = SPEED_MPS * f64::from(tick) / f64::from(RATE_HZ);
            let at = |index: usize| Point::new(index as f64 * apart_m + travelled_m, 0.0);
            if stations.is_due(now) {
                paths.forget(now);
            }
            stations.measure(now, &ether, (0..count).map(|index| End { number: index as u64, at: at(index) }));
            (0..count).for_each(|index| stations.sent(index as u64, BYTES));
            if tick < SETTLE_S * RATE_HZ {
                continue;
            }
            for sender in margin..margin + SENDERS {
                let from = End { number: sender as u64, at: at(sender) };
                messages += 1;
                for (distance_m, lost) in self.distances_m.iter().zip(&mut lost) {
                    // The receiver is one of the line's vehicles, moved to stand at exactly the distance.
                    let steps = ((distance_m / apart_m).round() as usize).max(1);
                    let ahead = sender + steps;
                    let end = from.at + Vector::new(*distance_m, 0.0);
                    let to = End { number: ahead.min(count - 1) as u64, at: end };
                    paths.follow(now, &ether, from, to);
                    if let Err(loss) = paths.fate(now, (&ether, &stations), (from, to), BSM_FLOW, BYTES) {
                        lost[loss as usize] += 1;
                    }
                }
            }
        }
        let middle = (margin + SENDERS / 2) as u64;
        let shares = lost.iter().map(|lost| shares(lost, messages)).collect();
        let formula = self.distances_m.iter().map(|m| ether.formula(self.per_km, *m)).collect();
        Ok(TrialResult {
            losses: shares,
            formula,
            channel_busy_ratio: stations.busy_ratio(middle).unwrap_or(0.0),
            messages,
        })
    }

    fn check(&self) -> Result<(), HighwayTrialError> {
        let range = |name, value: f64, low, high| {
            let inside = value >= low && value <= high;
            if inside { Ok(()) } else { Err(HighwayTrialError::Range { name, value, low, high }) }
        };
        range("the density in vehicles a kilometre", self.per_km, 1.0, 500.0)?;
        range("the power in dBm", self.power_dbm, -10.0, 33.0)?;
        range("the number of distances", self.distances_m.len() as f64, 1.0, 100.0)?;
        range("the number of seconds", f64::from(self.seconds), 1.0, 3600.0)?;
        self.distances_m.iter().try_for_each(|distance_m| range("a distance in metres", *distance_m, 1.0, 2000.0))
    }
}

fn shares(lost: &[u64; 4], messages: u64) -> Pc5Losses {
    let share = |cause: Pc5Loss| lost[cause as usize] as f64 / messages.max(1) as f64;
    Pc5Losses {
        half_duplex: share(Pc5Loss::HalfDuplex),
        sensing: share(Pc5Loss::Sensing),
        propagation: share(Pc5Loss::Propagation),
        collision: share(Pc5Loss::Collision),
    }
}
