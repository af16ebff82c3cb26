//! The roadside brain: scans, radio messages and signal reports in; messages, fresh state and records out.
//!
//! A state machine without sockets, clock or threads: the daemon, the simulator and a replay all call
//! [`Edge::handle`], [`Edge::poll`] and [`Edge::next_deadline`] and get the same outputs for the same inputs.

mod broadcast;
mod clock;
mod conditions;
mod config;
mod congestion;
mod door;
mod edge;
mod error;
mod guard;
mod health;
mod nearness;
mod neighbours;
mod pace;
mod service;
mod succession;

pub use config::{Configuration, EdgeConfig, HEALTH_PERIODS_S};
pub use door::{ClockError, Input, LinkStatus, Output};
pub use edge::Edge;
pub use error::EdgeError;
pub use guard::{Security, Verification, refusal_cause};
pub use health::{NoStopwatch, Stopwatch};
pub use neighbours::neighbours_of;
pub use succession::Succession;
