//! The way in before there is an account: a link that whoever starts the cloud can read.

use super::{Hash, Secret};
use anyhow::Context;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How long the link holds, milliseconds.
const HOLDS_MS: i64 = 3_600_000;

/// The link, of which only the hash is kept here.
#[derive(Debug)]
pub(super) struct FirstLink {
    hash: Hash,
    expires_ms: i64,
    path: PathBuf,
}

/// Where the link is written to.
pub(super) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("first-link")
}

/// Takes the file away, if there is one.
pub(super) fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path.display(), "cannot remove the used link to the first account");
        }
        _ => {}
    }
}

impl FirstLink {
    /// Makes a link, tells it and writes it to `path`, readable by the owner alone.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn make(path: PathBuf, http: SocketAddr, now_ms: i64) -> anyhow::Result<Self> {
        let secret = Secret::new()?;
        let link = format!("http://{http}/#/first?token={}", secret.text());
        // A file that is there may be readable by others: it goes first, and the new one must be new.
        remove(&path);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| writeln!(file, "{link}"))
            .with_context(|| format!("cannot write the link to the first account to {}", path.display()))?;
        tracing::warn!(link, file = %path.display(), "there is no admin yet: make the first account by this link within an hour");
        Ok(Self { hash: secret.hash(), expires_ms: now_ms + HOLDS_MS, path })
    }

    /// Whether this is the link's token, and in time.
    pub(super) fn opens(&self, token: &str, now_ms: i64) -> bool {
        Secret::hash_of(token) == self.hash && now_ms < self.expires_ms
    }

    /// The link was used.
    pub(super) fn used(self) {
        remove(&self.path);
    }
}
