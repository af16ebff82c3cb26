//! Vehicles with on-board units, as a scenario describes them.

use super::{ScenarioError, range};
use jxz_v2x::Profile;
use serde::{Deserialize, Serialize};

/// Vehicles with on-board units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OnBoardPlan {
    /// Share of cars, trucks and buses that have a unit, 0 to 1.
    pub share: f64,
    /// 1-sigma error of the unit's position, metres.
    pub gnss_sigma_m: f64,
    /// 1-sigma error of the unit's speed, metres per second.
    pub speed_sigma_mps: f64,
    /// The edition of the message set that units speak: day-1, day-2 or release-2019-07.
    pub profile: Profile,
    /// Whether drivers act on warnings that are shown to them.
    pub obey: bool,
}

impl Default for OnBoardPlan {
    fn default() -> Self {
        Self { share: 0.4, gnss_sigma_m: 0.6, speed_sigma_mps: 0.1, profile: Profile::default(), obey: true }
    }
}

impl OnBoardPlan {
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        range("on_board.share", self.share, 0.0, 1.0)?;
        range("on_board.gnss_sigma_m", self.gnss_sigma_m, 0.0, 100.0)?;
        range("on_board.speed_sigma_mps", self.speed_sigma_mps, 0.0, 10.0)?;
        Ok(())
    }
}
