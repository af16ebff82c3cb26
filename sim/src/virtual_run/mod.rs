//! The whole island in one process and in virtual time: the simulation, the real edge brains, the real cloud brain.

mod digest;
mod encounter;
mod event;
mod executor;
mod hand_over;
mod island;
mod judge;
mod node;
mod observer;
mod report;

pub(crate) use encounter::ONE_WAY;
pub use encounter::{Encounter, EncounterBook};
pub use executor::{Executor, Serial};
pub(crate) use executor::{Job, run_all};
pub use hand_over::{HandOvers, NeighbourLinks};
pub use island::{ShownTo, VirtualIsland, VirtualRunError};
pub use judge::{Judge, Met, Verdict, Warned};
pub use observer::{Observer, Sender, Transmission};
pub use report::{Latency, MustArrive, Tracking, VirtualReport};
