//! The whole island in one process and in virtual time: the simulation, the real edge brains, the real cloud brain.

mod digest;
mod event;
mod executor;
mod hand_over;
mod island;
mod node;
mod report;

pub use executor::{Executor, Serial};
pub use hand_over::{HandOvers, NeighbourLinks};
pub use island::{VirtualIsland, VirtualRunError};
pub use report::{Latency, MustArrive, Tracking, VirtualReport};
