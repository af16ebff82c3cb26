//! Secrets that are made here: 256 random bits as text, kept as their hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};
use std::fmt;

/// SHA-256 of a secret's text, hexadecimal. A secret of 256 random bits needs no slow hash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hash(pub(crate) String);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Enough to tell two apart.
        write!(f, "Hash({}…)", self.0.get(..8).unwrap_or_default())
    }
}

/// A secret to be shown once.
pub(crate) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A new one.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random_bytes::<32>()?)))
    }

    /// Its text, 43 characters that need no escaping in a link or a header.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub(crate) fn hash(&self) -> Hash {
        Self::hash_of(&self.0)
    }

    /// What would be kept of a text that may be a secret. Found by look-up: how long that takes says nothing of the
    /// secret, since an attacker does not choose its hash.
    pub(crate) fn hash_of(text: &str) -> Hash {
        Hash(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Random bytes.
///
/// # Errors
/// The system gives no random numbers.
pub(crate) fn random_bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(bytes)
}
