//! A roadside node's black box: every word to its brain, exactly, in files of bounded size; and the replay that runs the
//! same brain on them again and holds what it says against what it said.
//!
//! - [`BlackBox`] records a live node on a thread of its own, into a ring of files and clips around urgent warnings.
//! - [`Tape`] writes one file, for who has all the time there is (the simulator).
//! - [`Recording`] reads files, [`Replay`] replays them.
//!
//! `docs/decisions/0018-black-box.md` says what is promised bit for bit, and what is not.

mod clip;
mod convert;
mod error;
mod fingerprint;
mod folder;
mod head;
mod read;
mod recent;
mod recorder;
mod replay;
mod ring;
mod stopwatch;
mod store;
mod tape;
mod transcript;

pub use convert::{input_from_wire, input_kind, input_to_wire};
pub use error::BlackBoxError;
pub use fingerprint::{Fingerprint, Fingerprints};
pub use head::{brain_of, head_of};
pub use read::{Entry, Recording, parts_before};
pub use recorder::{BlackBox, Settings, Stats};
pub use replay::{Difference, Replay};
pub use stopwatch::{Readings, measured};
pub use tape::Tape;
pub use transcript::{Handled, Transcript};

/// The layout that is written and read.
pub const FORMAT: u32 = 1;

/// Names of a black box's topics.
pub mod topic {
    /// What starts the brain.
    pub const HEAD: &str = "/black_box/head";
    /// Words from before the file that still hold.
    pub const BEFORE: &str = "/black_box/before";
    /// Words to the brain.
    pub const STEPS: &str = "/black_box/steps";
    /// Where steps are missing.
    pub const GAPS: &str = "/black_box/gaps";
    /// The digest so far.
    pub const SEALS: &str = "/black_box/seals";
    /// Warnings as they went to the cloud.
    pub const WARNINGS: &str = "/warnings";
}
