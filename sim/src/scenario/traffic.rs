//! How many road users live on the island, and of what kinds.

use super::{ScenarioError, range};
use serde::{Deserialize, Serialize};

/// How many road users live on the island at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrafficPlan {
    /// Cars and trucks.
    pub vehicles: u32,
    /// Of those, the share that are trucks, 0 to 1.
    pub truck_share: f64,
    /// Buses of each line that the map's stops name.
    pub buses_per_line: u32,
    /// Cyclists.
    pub cyclists: u32,
    /// Pedestrians.
    pub pedestrians: u32,
}

impl Default for TrafficPlan {
    fn default() -> Self {
        Self { vehicles: 150, truck_share: 0.08, buses_per_line: 2, cyclists: 40, pedestrians: 60 }
    }
}

impl TrafficPlan {
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        range("traffic.vehicles", f64::from(self.vehicles), 0.0, 20_000.0)?;
        range("traffic.truck_share", self.truck_share, 0.0, 1.0)?;
        range("traffic.buses_per_line", f64::from(self.buses_per_line), 0.0, 20.0)?;
        range("traffic.cyclists", f64::from(self.cyclists), 0.0, 2000.0)?;
        range("traffic.pedestrians", f64::from(self.pedestrians), 0.0, 2000.0)?;
        Ok(())
    }
}
