//! What can go wrong between us and SUMO.

use std::path::PathBuf;

/// Why a conversation with SUMO failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraciError {
    /// The connection failed, or nothing came in time.
    #[error("{action} SUMO: {source}")]
    Io {
        /// What was being done (`connect to`, `read from`).
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// SUMO refused a command.
    #[error("SUMO refused {command} (status {status:#04x}): {description}")]
    Refused {
        /// The command, by name and operands.
        command: String,
        /// SUMO's status: 0x01 not implemented, 0xff error.
        status: u8,
        /// SUMO's words.
        description: String,
    },
    /// The answer to a command is not what the protocol says.
    #[error("SUMO's answer to {command} makes no sense at byte {at}: {problem}")]
    Malformed {
        /// The command, by name and operands.
        command: String,
        /// Where in the message.
        at: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// SUMO speaks an older protocol than this client.
    #[error("SUMO speaks TraCI {found}, this needs {needed} or later (SUMO 1.8)")]
    Version {
        /// SUMO's.
        found: i32,
        /// The least that will do.
        needed: i32,
    },
}

/// SUMO is not here.
#[derive(Debug, thiserror::Error)]
#[error(
    "no {program} found (looked in {}); `pip install eclipse-sumo` brings it, then put it on the PATH or name it with --sumo",
    looked.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
)]
pub struct NotFound {
    /// Which program.
    pub program: String,
    /// Where it was looked for.
    pub looked: Vec<PathBuf>,
}
