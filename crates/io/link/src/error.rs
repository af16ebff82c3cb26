//! What can go wrong on a link.

use crate::RoleError;
use std::io;
use std::path::PathBuf;

/// Why a link, or the certificates for one, could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A file could not be read or written.
    #[error("{action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is there and may not be overwritten.
    #[error("{} is there already; nothing was written (force it to make a new authority)", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A PEM file holds no usable certificate or key.
    #[error("{}: {reason}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A certificate could not be made.
    #[error("make the certificate of {name}: {source}")]
    Make {
        /// Whose.
        name: String,
        /// Why.
        source: rcgen::Error,
    },
    /// A certificate for signed messages could not be made.
    #[error("make the message certificate of {name}: {source}")]
    Issue {
        /// Whose.
        name: String,
        /// Why.
        source: jxz_security::IssueError,
    },
    /// A request for a certificate cannot be answered with one.
    #[error("request for a certificate: {0}")]
    Request(String),
    /// The cloud gives no certificate.
    #[error("the cloud refuses: {0}")]
    Refused(String),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for a new key")]
    NoRandomness,
    /// A name that a certificate cannot carry, or carries none.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// TLS refuses the certificates given.
    #[error("TLS configuration: {0}")]
    Tls(String),
    /// A socket could not be opened.
    #[error("{action}: {source}")]
    Socket {
        /// What was tried.
        action: String,
        /// What the system said.
        source: io::Error,
    },
    /// The peer could not be reached, or closed the connection.
    #[error("connect to {peer}: {reason}")]
    Connect {
        /// Which peer.
        peer: String,
        /// Why.
        reason: String,
    },
}
