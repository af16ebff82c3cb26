//! The channels, as a scenario describes them.

use super::{ScenarioError, range};
use crate::radio::Deployment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The two channels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RadioPlan {
    /// 5G: where the server stands that passes messages on.
    pub deployment: Deployment,
    /// 5G: subscribers that fill a cell; a full one is left sooner.
    pub cell_capacity: u32,
    /// 5G: how messages get lost.
    pub bursts: BurstPlan,
    /// 5G: when cells are out of order.
    pub outages: Vec<Outage>,
    /// The sidelink.
    pub pc5: Pc5Plan,
}

impl Default for RadioPlan {
    fn default() -> Self {
        Self {
            deployment: Deployment::default(),
            cell_capacity: 100,
            bursts: BurstPlan::default(),
            outages: Vec::new(),
            pc5: Pc5Plan::default(),
        }
    }
}

/// The sidelink: PC5 mode 4, four subchannels in 10 MHz at 5.9 GHz.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pc5Plan {
    /// Transmit power of everyone, dBm.
    pub power_dbm: f64,
    /// Mean wait for the reserved subframe, milliseconds; half to one and a half of it, by the reservation.
    pub wait_ms: f64,
    /// Whether buildings stand along the streets, so that one street does not see the next.
    pub buildings: bool,
}

impl Default for Pc5Plan {
    fn default() -> Self {
        Self { power_dbm: 23.0, wait_ms: 10.0, buildings: true }
    }
}

/// Loss on one subscriber's 5G link: Gilbert and Elliott's two states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BurstPlan {
    /// Mean time in the good state, seconds.
    pub good_s: f64,
    /// Mean time in the bad state, seconds.
    pub bad_s: f64,
    /// Share lost in the good state, 0 to 1.
    pub good_loss: f64,
    /// Share lost in the bad state, 0 to 1.
    pub bad_loss: f64,
}

impl Default for BurstPlan {
    fn default() -> Self {
        Self { good_s: 20.0, bad_s: 0.2, good_loss: 0.0005, bad_loss: 0.2 }
    }
}

/// A time for which a cell, or every one, is out of order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// The base station's name in the map; left out: every one.
    #[serde(default)]
    pub cell: Option<String>,
    /// When it begins, seconds from the start.
    pub from_s: f64,
    /// For how long it lasts, seconds.
    pub lasts_s: f64,
}

impl RadioPlan {
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        range("radio.cell_capacity", f64::from(self.cell_capacity), 1.0, 1e6)?;
        range("radio.bursts.good_s", self.bursts.good_s, 0.01, 1e6)?;
        range("radio.bursts.bad_s", self.bursts.bad_s, 0.01, 1e6)?;
        range("radio.bursts.good_loss", self.bursts.good_loss, 0.0, 1.0)?;
        range("radio.bursts.bad_loss", self.bursts.bad_loss, 0.0, 1.0)?;
        for outage in &self.outages {
            range("radio.outages.from_s", outage.from_s, 0.0, 1e6)?;
            range("radio.outages.lasts_s", outage.lasts_s, 0.0, 1e6)?;
        }
        range("radio.pc5.power_dbm", self.pc5.power_dbm, -10.0, 33.0)?;
        range("radio.pc5.wait_ms", self.pc5.wait_ms, 0.0, 100.0)
    }
}
