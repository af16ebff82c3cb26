//! How many road users live on the island, and of what kinds.

use super::drivers::DriverPlan;
use super::{ScenarioError, range};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most lines of the demand's table.
const MOST_DEMANDS: usize = 48;

/// How many road users live on the island at a time, and how many pass through it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrafficPlan {
    /// Cars and trucks that are there at any time: who leaves is replaced.
    pub vehicles: u32,
    /// Of cars and trucks, the share that are trucks, 0 to 1.
    pub truck_share: f64,
    /// Of cars, trucks and buses, the share that drive themselves, 0 to 1.
    pub automated_share: f64,
    /// Buses of each line that the map's stops name.
    pub buses_per_line: u32,
    /// Cyclists, on e-bikes or not.
    pub cyclists: u32,
    /// Of cyclists, the share on e-bikes, 0 to 1.
    pub ebike_share: f64,
    /// Of cyclists, the share that ride among the cars, 0 to 1.
    pub mixed_share: f64,
    /// Pedestrians.
    pub pedestrians: u32,
    /// Of pedestrians, the share that cross on red when there is a gap, 0 to 1.
    pub jaywalk_share: f64,
    /// Of pedestrians, the share that walk in groups of two to four, 0 to 1.
    pub group_share: f64,
    /// How people drive.
    pub drivers: DriverPlan,
    /// Cars and trucks that come in at one edge of the map and leave at another, by hour; beside `vehicles`.
    pub demand: Vec<Demand>,
}

/// Trips from edge to edge within some hours of the day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Demand {
    /// Hour of the day, China's time, 0 to 24.
    pub from_h: f64,
    /// When it ends; above `from_h`.
    pub to_h: f64,
    /// Vehicles an hour, over all edges that `from` and `to` leave open.
    pub per_h: f64,
    /// The road on which they come in, by its name or its id; left out: any that enters the map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The road on which they leave; left out: any that leaves the map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl Default for TrafficPlan {
    fn default() -> Self {
        Self {
            vehicles: 150,
            truck_share: 0.08,
            automated_share: 0.1,
            buses_per_line: 2,
            cyclists: 40,
            ebike_share: 0.6,
            mixed_share: 0.05,
            pedestrians: 60,
            jaywalk_share: 0.03,
            group_share: 0.3,
            drivers: DriverPlan::default(),
            demand: Vec::new(),
        }
    }
}

impl TrafficPlan {
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        range("traffic.vehicles", f64::from(self.vehicles), 0.0, 20_000.0)?;
        range("traffic.truck_share", self.truck_share, 0.0, 1.0)?;
        range("traffic.automated_share", self.automated_share, 0.0, 1.0)?;
        range("traffic.buses_per_line", f64::from(self.buses_per_line), 0.0, 20.0)?;
        range("traffic.cyclists", f64::from(self.cyclists), 0.0, 2000.0)?;
        range("traffic.ebike_share", self.ebike_share, 0.0, 1.0)?;
        range("traffic.mixed_share", self.mixed_share, 0.0, 1.0)?;
        range("traffic.pedestrians", f64::from(self.pedestrians), 0.0, 2000.0)?;
        range("traffic.jaywalk_share", self.jaywalk_share, 0.0, 1.0)?;
        range("traffic.group_share", self.group_share, 0.0, 1.0)?;
        self.drivers.check()?;
        range("traffic.demand: number of lines", self.demand.len() as f64, 0.0, MOST_DEMANDS as f64)?;
        for demand in &self.demand {
            range("traffic.demand.from_h", demand.from_h, 0.0, 24.0)?;
            range("traffic.demand.to_h", demand.to_h, demand.from_h, 24.0)?;
            range("traffic.demand.per_h", demand.per_h, 0.0, 20_000.0)?;
        }
        Ok(())
    }
}
