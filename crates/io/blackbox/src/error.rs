//! What can go wrong with a black box.

use jxz_edge::EdgeError;
use jxz_journal::JournalError;
use jxz_security::{ParseError, TrustError};

/// Why a black box cannot be written, read or replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlackBoxError {
    /// The file.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The folder.
    #[error("cannot {action} {path}: {source}")]
    Folder {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is a recording, but none of a black box.
    #[error("{file} does not begin with a black box's head: it is no black box")]
    NoHead {
        /// The file.
        file: String,
    },
    /// Another version of the software wrote it.
    #[error("{file} is of layout {found}; this version reads {}", crate::FORMAT)]
    Format {
        /// The file.
        file: String,
        /// Its layout.
        found: u32,
    },
    /// A value that cannot be.
    #[error("{field}: {found}; must be {wanted}")]
    Value {
        /// Which field.
        field: &'static str,
        /// What it holds.
        found: String,
        /// What it may hold.
        wanted: &'static str,
    },
    /// Files that do not follow each other.
    #[error("{file} does not go on where the file before ended: {detail}")]
    Order {
        /// The file.
        file: String,
        /// In what way.
        detail: String,
    },
    /// The recording was made on another map.
    #[error("recorded on map version {recorded}, and this map is {given}: give the folder of that one with --map")]
    Map {
        /// The recording's.
        recorded: String,
        /// The map given.
        given: String,
    },
    /// The recording was made with other settings of fusion, which are the software's.
    #[error(
        "recorded by version {version}, whose fusion has other settings than this build: replay it with that version"
    )]
    Fusion {
        /// The recording's software.
        version: String,
    },
    /// The brain cannot be started.
    #[error("cannot start the recorded brain: {0}")]
    Edge(#[from] EdgeError),
    /// A recorded certificate is none.
    #[error("cannot read the recorded certificate: {0}")]
    Certificate(#[from] ParseError),
    /// A recorded authority is not to be believed.
    #[error("cannot use the recorded authorities: {0}")]
    Trust(#[from] TrustError),
}

impl BlackBoxError {
    pub(crate) fn value(field: &'static str, found: impl std::fmt::Debug, wanted: &'static str) -> Self {
        let mut found = format!("{found:?}");
        if let Some((cut, _)) = found.char_indices().nth(80) {
            found.truncate(cut);
        }
        Self::Value { field, found, wanted }
    }
}
