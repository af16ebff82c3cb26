//! What goes wrong, as a scenario describes it.

use super::{ScenarioError, range};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentKind {
    /// A car drives at 1.4 times the limit.
    Speeder,
    /// A car stops in its lane and stays.
    StoppedVehicle,
    /// Traffic on one approach crawls.
    Congestion,
    /// A pedestrian steps before a car, away from any crossing.
    Jaywalker,
    /// A car passes a red light, or fails to yield, on a collision course with another.
    Runner,
    /// A car with another close behind brakes hard.
    HardBrake,
    /// Two cars collide in their lane and stay; the lane beside is open.
    Crash,
    /// Something lies on a lane; the lane beside is open.
    ThrownObject,
    /// A car drives against the traffic on its lane.
    WrongWay,
    /// A lane is shut over some forty metres, and it is slow beside it.
    RoadWorks,
    /// Water stands on a road: everyone on it creeps.
    Flood,
    /// Fog around a site: everyone drives slowly.
    Fog,
    /// An ambulance in a hurry: it passes red lights, and others make way.
    EmergencyVehicle,
}

/// One scripted incident, repeated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incident {
    /// What happens.
    pub kind: IncidentKind,
    /// At which site; left out: at each time the next one of all sites.
    #[serde(default)]
    pub site: Option<String>,
    /// When it may first begin, seconds from the start.
    #[serde(default)]
    pub from_s: f64,
    /// After when it no longer begins, seconds from the start; left out: never.
    #[serde(default)]
    pub until_s: Option<f64>,
    /// Time from one beginning to the next, seconds.
    pub every_s: f64,
    /// For how long it lasts where that can be chosen, seconds.
    #[serde(default = "default_lasts_s")]
    pub lasts_s: f64,
}

const fn default_lasts_s() -> f64 {
    20.0
}

impl Incident {
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        range("incidents.from_s", self.from_s, 0.0, 1e6)?;
        range("incidents.until_s", self.until_s.unwrap_or(0.0), 0.0, 1e6)?;
        range("incidents.every_s", self.every_s, 1.0, 1e6)?;
        range("incidents.lasts_s", self.lasts_s, 0.0, 600.0)
    }
}
