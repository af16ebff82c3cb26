//! The whole island in one process and in virtual time: the simulation, the real edge brains, the real cloud brain.

mod digest;
mod event;
mod hand_over;
mod island;
mod report;

pub use hand_over::{HandOvers, NeighbourLinks};
pub use island::{VirtualIsland, VirtualRunError};
pub use report::{Latency, MustArrive, Tracking, VirtualReport};
