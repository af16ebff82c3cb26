//! Conflict prediction and warnings for one roadside site.
//!
//! [`Hazards::assess`] takes the site's tracks ten times a second, places them on the lanes of the map, predicts
//! where each may be over the next seconds, and raises, holds and cancels the warnings of twenty applications. It is pure:
//! time and tracks are arguments, and the same inputs give the same warnings.

mod actor;
mod against;
mod beside;
mod conditions;
mod config;
mod conflict;
mod congestion;
mod describe;
mod emergency;
mod encounter;
mod guidance;
mod hazards;
mod headway;
mod kerb;
mod ledger;
mod level;
mod light;
mod location;
mod memory;
mod normal;
mod odd;
mod path;
mod place;
mod queue;
mod roads;
mod route;
mod scene;
mod signals;
mod speed_limit;
mod succession;
mod vulnerable;

pub use config::{
    AvwConfig, BswConfig, ClwConfig, ConfigError, DnpwConfig, EbwConfig, EvwConfig, FcwConfig, GlosaConfig,
    GuidanceConfig, HazardConfig, HlwConfig, IcwConfig, IvsConfig, LeadSpeedConfig, LifeConfig, LtaConfig,
    PredictConfig, RoadWorksConfig, SlwConfig, SvwConfig, Thresholds, TjwConfig, VrucwConfig, WrongWayConfig,
};
pub use describe::describe;
pub use hazards::{Congested, HazardCounts, Hazards, Round};
pub use succession::{EventLegacy, JamLegacy, Legacy, TrackLegacy};
