//! Why a map cannot be loaded.

use std::path::PathBuf;

/// Why a map cannot be loaded: always with the file, and the line and the object where there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// A file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A file is not TOML of the map's shape: bad syntax, a missing or an unknown key, a wrong type.
    #[error("{file}: {cause}")]
    Parse {
        /// The file's name in the map's folder.
        file: &'static str,
        /// What is wrong, with its line.
        cause: Box<toml::de::Error>,
    },
    /// An object makes no sense.
    #[error("{file}:{line}: {object}: {problem}; {remedy}")]
    Object {
        /// The file's name in the map's folder.
        file: &'static str,
        /// The line on which the object's id stands, from 1.
        line: usize,
        /// Kind and id (`road "zhongxin-03"`).
        object: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        remedy: String,
    },
}
