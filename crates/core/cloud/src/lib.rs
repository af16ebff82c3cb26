//! The cloud's brain: a live twin of every node, road user, signal and warning of the island.
//!
//! A state machine without sockets, clock or threads: [`Cloud::handle`] takes what nodes say, [`Cloud::poll`] gives
//! what is to be stored and what changed, [`Cloud::snapshot`] shows the twin. Everything shown is fresh, late, stale
//! or lost by its own validity ([`Validity`]); nothing is fresh by default, and a number that is not known is `None`.

mod cloud;
mod config;
mod delays;
mod freshness;
mod held;
mod incidents;
mod ledger;
mod node;
mod once;
mod traffic;
mod view;
mod warnings;

pub use cloud::{Cloud, Input, Output, RecordKey};
pub use config::{Aging, CloudConfig};
pub use delays::{DELAY_EDGES_S, Delays};
pub use freshness::{Freshness, Validity};
pub use incidents::{Closure, Entry, Event, Incident, IncidentConfig, IncidentKind};
pub use traffic::{Guidance, LevelOfService, LinkCoverage, LinkMinute, Minute, TrafficConfig};
pub use view::{
    Area, Counts, GlobalTrackId, NodeView, SensorView, SignalView, TrackView, View, WarningView, global_track_id,
    island_track_id,
};
