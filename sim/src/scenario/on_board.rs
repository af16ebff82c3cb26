//! Vehicles with on-board units, as a scenario describes them.

use super::{ScenarioError, range};
use crate::gnss::ReceiverKind;
use jxz_v2x::Profile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Vehicles with on-board units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OnBoardPlan {
    /// Share of cars, trucks and buses that have a unit, 0 to 1.
    pub share: f64,
    /// How well the units know where they are.
    pub gnss: GnssPlan,
    /// 1-sigma error of the unit's speed, metres per second.
    pub speed_sigma_mps: f64,
    /// The edition of the message set that units speak: day-1, day-2 or release-2019-07.
    #[schemars(with = "ProfileName")]
    pub profile: Profile,
    /// Whether drivers act on warnings that are shown to them.
    pub obey: bool,
}

/// The editions' names, for editors.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "only its schema is used")]
enum ProfileName {
    #[serde(rename = "day-1")]
    Day1,
    #[serde(rename = "day-2")]
    Day2,
    #[serde(rename = "release-2019-07")]
    Release2019July,
}

impl Default for OnBoardPlan {
    fn default() -> Self {
        let gnss = GnssPlan::default();
        Self { share: 0.4, gnss, speed_sigma_mps: 0.1, profile: Profile::default(), obey: true }
    }
}

/// Receivers, and where they see little of the sky.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GnssPlan {
    /// How many units have which receiver, in proportion: `{ standalone = 1, differential = 2, rtk = 1 }`.
    pub receivers: BTreeMap<ReceiverKind, f64>,
    /// Places near tall buildings or under trees.
    pub blockage: Vec<BlockagePlan>,
}

impl Default for GnssPlan {
    fn default() -> Self {
        Self { receivers: BTreeMap::from([(ReceiverKind::Differential, 1.0)]), blockage: Vec::new() }
    }
}

/// A place where a part of the sky is hidden.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockagePlan {
    /// Its centre: longitude and latitude, degrees.
    pub at: [f64; 2],
    /// Its radius, metres.
    pub radius_m: f64,
    /// Share of the sky that is hidden, 0 to 1; it fades over the outer half of the radius.
    pub hidden: f64,
}

impl OnBoardPlan {
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        range("on_board.share", self.share, 0.0, 1.0)?;
        range("on_board.speed_sigma_mps", self.speed_sigma_mps, 0.0, 10.0)?;
        for weight in self.gnss.receivers.values() {
            range("on_board.gnss.receivers", *weight, 0.0, 1e6)?;
        }
        range("the sum of on_board.gnss.receivers", self.gnss.receivers.values().sum(), 1e-6, 3e6)?;
        for zone in &self.gnss.blockage {
            range("on_board.gnss.blockage.at (longitude)", zone.at[0], -180.0, 180.0)?;
            range("on_board.gnss.blockage.at (latitude)", zone.at[1], -89.0, 89.0)?;
            range("on_board.gnss.blockage.radius_m", zone.radius_m, 1.0, 1e5)?;
            range("on_board.gnss.blockage.hidden", zone.hidden, 0.0, 1.0)?;
        }
        Ok(())
    }
}
