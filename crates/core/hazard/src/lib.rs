//! Conflict prediction and warnings for one roadside site.
//!
//! [`Hazards::assess`] takes the site's tracks ten times a second, places them on the lanes of the map, predicts
//! where each may be over the next seconds, and raises, holds and cancels the six kinds of warning. It is pure:
//! time and tracks are arguments, and the same inputs give the same warnings.

mod actor;
mod collision;
mod config;
mod conflict;
mod congestion;
mod describe;
mod guidance;
mod hazards;
mod ledger;
mod memory;
mod normal;
mod path;
mod pedestrian;
mod place;
mod queue;
mod road_condition;
mod roads;
mod route;
mod scene;
mod signals;
mod speed_limit;
mod vehicle_ahead;

pub use config::{
    CollisionConfig, ConfigError, GuidanceConfig, HazardConfig, LifeConfig, PedestrianConfig, PredictConfig,
    RoadConditionConfig, SpeedLimitConfig, Thresholds, VehicleAheadConfig,
};
pub use describe::describe;
pub use hazards::{HazardCounts, Hazards};
