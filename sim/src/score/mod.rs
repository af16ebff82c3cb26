//! Warnings held against the truth: what happened that needed a warning, and what was warned of.
//!
//! - A *conflict* is a pair of road users, one of them a motor vehicle, whose outlines touch, or whose post-encroachment
//!   time or time to collision is below 1.5 s ([`EncounterBook`](crate::EncounterBook)). Those of a scenario's actors
//!   are *events* that must be warned of: actors do not react, so the truth is what happens without a warning. Other
//!   traffic reacts by itself; its conflicts make an alarm right, and are not asked for.
//! - An alarm is *averted* if no conflict came, but would have had neither of the two reacted to the other: at their
//!   speeds of that instant along the ways that they then took, red lights and kerbs heeded. It is no false alarm.
//! - Applications whose matter is no conflict (a speed, a queue, a light) have the events that a scenario names under
//!   `[expect] warnings`.
//! - An event is *found* if a warning of the right family was there before its moment: shown to one of the two if one
//!   of them has a unit, else raised by a node on their behalf. Its *lead* is the time from then to the moment.
//! - *Foreseeable* is the time before the moment from which on both, going on as they did at that instant along the way
//!   that they then took, were bound to conflict; of two side by side, from which on one moved over. More lead than that
//!   takes a guess at what somebody will do.

mod blame;
mod course;
mod foresee;
mod label;
mod tally;
mod watch;

pub use blame::{Blame, Named};
pub use tally::{ApplicationScore, Benefit, Delay, Lead, Score, Tally};
pub use watch::{Alarm, AlarmTruth, Event, RunScore, ScoreWatch};

/// Post-encroachment times and times to collision below this are conflicts, seconds.
pub const CONFLICT_S: f64 = 1.5;
/// Below this they are near ones: an alarm for them is counted apart, seconds.
pub const NEAR_CONFLICT_S: f64 = 3.0;
/// The lead that collision and pedestrian warnings should have, seconds.
pub const LEAD_S: f64 = 1.8;
