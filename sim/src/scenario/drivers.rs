//! How people drive: the ranges that each driver's parameters are drawn from.

use super::{ScenarioError, range};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How people at the wheel of cars drive: each draws every figure uniformly between two ends, once for all its way.
/// Two equal ends make everyone alike.
///
/// The defaults have the means of Treiber and Kesting for the intelligent driver model in towns (Traffic Flow Dynamics,
/// 2013, table 11.2: headway 1.0 s, gap 2 m), and a start and an acceleration with which a queue leaves a signal as the
/// Highway Capacity Manual has it: 1,900 cars an hour and lane, 2 s lost at its start.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DriverPlan {
    /// Wanted speed on a free road, as a multiple of the limit.
    pub speed_factor: (f64, f64),
    /// Time to the one ahead, seconds.
    pub headway_s: (f64, f64),
    /// Gap to the one ahead when standing, metres.
    pub standstill_m: (f64, f64),
    /// Greatest acceleration, m/s²; lorries and buses have their own.
    pub accelerate_mps2: (f64, f64),
    /// Comfortable deceleration, m/s².
    pub brake_mps2: (f64, f64),
    /// From the way's being free to driving off after a stand, seconds.
    pub start_s: (f64, f64),
    /// How far the wanted speed wanders about its mean, as a share of it.
    pub wander: (f64, f64),
}

impl Default for DriverPlan {
    fn default() -> Self {
        Self {
            speed_factor: (0.92, 1.04),
            headway_s: (0.7, 1.3),
            standstill_m: (1.5, 2.5),
            accelerate_mps2: (1.4, 2.1),
            brake_mps2: (1.8, 2.4),
            start_s: (0.2, 0.8),
            wander: (0.0, 0.05),
        }
    }
}

impl DriverPlan {
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        between("traffic.drivers.speed_factor", self.speed_factor, 0.3, 2.0)?;
        between("traffic.drivers.headway_s", self.headway_s, 0.3, 5.0)?;
        between("traffic.drivers.standstill_m", self.standstill_m, 0.5, 10.0)?;
        between("traffic.drivers.accelerate_mps2", self.accelerate_mps2, 0.3, 5.0)?;
        between("traffic.drivers.brake_mps2", self.brake_mps2, 0.5, 6.0)?;
        between("traffic.drivers.start_s", self.start_s, 0.0, 5.0)?;
        between("traffic.drivers.wander", self.wander, 0.0, 0.5)
    }
}

fn between(name: &'static str, (from, to): (f64, f64), low: f64, high: f64) -> Result<(), ScenarioError> {
    range(name, from, low, high)?;
    range(name, to, from, high)
}
