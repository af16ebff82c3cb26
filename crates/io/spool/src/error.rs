//! What can go wrong.

use std::io;
use std::path::PathBuf;

/// Why a spool did not do what it was asked. After each of them it can be used on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The folder cannot be had.
    #[error("cannot open the spool {}: {source}", folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process works on the folder.
    #[error("the spool {} is in use by another process; each node needs a state folder of its own", folder.display())]
    InUse {
        /// Which folder.
        folder: PathBuf,
    },
    /// The disk refuses: full, read-only or broken. What was appended waits in memory for the next commit.
    #[error("cannot {action} the spool's file {file}: {source}")]
    Disk {
        /// What was tried.
        action: &'static str,
        /// With which file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// A record larger than can be kept.
    #[error("a record of {bytes} bytes; the spool keeps records of at most {most}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        most: usize,
    },
}

/// Names the action and the file of an error of the disk.
pub(crate) fn disk(action: &'static str, file: &str) -> impl FnOnce(io::Error) -> SpoolError {
    let file = file.to_owned();
    move |source| SpoolError::Disk { action, file, source }
}
