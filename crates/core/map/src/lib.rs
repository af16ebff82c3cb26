//! The island's lane-level map: lanes, junctions, movements, signals, crossings, sites and base stations.

mod model;

pub use model::{
    BaseStation, BusStop, Control, Crossing, CrossingControl, CrossingIx, Junction, JunctionIx, Lane, LaneIx, LaneKind,
    Link, LinkIx, Map, Movement, SignalPlan, Stage, Turn,
};
