//! The island's lane-level map: lanes, junctions, movements, signals, crossings, sites and base stations.
//!
//! [`Map::load`] reads a folder of human-edited TOML files and expands it to lanes. All coordinates are in the map's
//! local frame: metres east and north.

mod check;
mod conflicts;
mod error;
mod expanded;
mod fixtures;
mod geojson;
mod geometry;
mod index;
mod load;
mod model;
mod movements;
mod roads;
mod signals;
mod source;

pub use check::{Finding, FindingKind, check};
pub use error::MapError;
pub use geojson::geojson;
pub use index::{LanePosition, MapIndex};
pub use model::{
    BaseStation, BusStop, Control, Crossing, CrossingControl, CrossingIx, Junction, JunctionIx, Lane, LaneIx, LaneKind,
    Link, LinkIx, Map, Movement, SignalPlan, Stage, Turn,
};
