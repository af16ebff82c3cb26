//! The channels, as a scenario describes them.

use super::{ScenarioError, range};
use serde::{Deserialize, Serialize};

/// The two channels of the virtual runner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RadioPlan {
    /// PC5: the distance at which half of the messages arrive, metres.
    pub pc5_range_m: f64,
    /// PC5: mean delay, milliseconds.
    pub pc5_delay_ms: f64,
    /// Uu: least delay, milliseconds.
    pub uu_floor_ms: f64,
    /// Uu: median of what comes on top of that, milliseconds (log-normal).
    pub uu_median_ms: f64,
    /// Uu: sigma of the logarithm of what comes on top.
    pub uu_log_sigma: f64,
    /// Uu: share of messages lost, 0 to 1.
    pub uu_loss: f64,
}

impl Default for RadioPlan {
    fn default() -> Self {
        Self {
            pc5_range_m: 350.0,
            pc5_delay_ms: 4.0,
            uu_floor_ms: 8.0,
            uu_median_ms: 6.0,
            uu_log_sigma: 0.5,
            uu_loss: 0.005,
        }
    }
}

impl RadioPlan {
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        range("radio.pc5_range_m", self.pc5_range_m, 1.0, 5000.0)?;
        range("radio.pc5_delay_ms", self.pc5_delay_ms, 0.0, 1000.0)?;
        range("radio.uu_floor_ms", self.uu_floor_ms, 0.0, 1000.0)?;
        range("radio.uu_median_ms", self.uu_median_ms, 0.0, 1000.0)?;
        range("radio.uu_log_sigma", self.uu_log_sigma, 0.0, 2.0)?;
        range("radio.uu_loss", self.uu_loss, 0.0, 1.0)?;
        Ok(())
    }
}
