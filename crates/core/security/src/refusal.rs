//! Why messages are refused, counted.

use crate::reader::ParseError;
use std::fmt;

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Refusal {
    /// Longer than the receiver reads.
    #[error("oversize")]
    Oversize,
    /// Not COER, or outside the profile.
    #[error("malformed")]
    Malformed,
    /// Made too far ahead of our clock.
    #[error("from the future")]
    Future,
    /// Made too long ago, past its own expiry, or older than the replay memory reaches.
    #[error("expired")]
    Expired,
    /// Accepted before.
    #[error("replayed")]
    Replayed,
    /// A digest whose certificate we do not have.
    #[error("unknown signer")]
    UnknownSigner,
    /// The signature over the message is not the certificate's.
    #[error("bad signature")]
    BadSignature,
    /// The certificate does not lead to our root.
    #[error("bad chain")]
    BadChain,
    /// The certificate did not hold when the message was made.
    #[error("certificate not valid then")]
    CertificateNotValid,
    /// The certificate does not permit the application id.
    #[error("not permitted")]
    NotPermitted,
    /// The certificate or its issuer is on a revocation list.
    #[error("revoked")]
    Revoked,
    /// Another algorithm than the two, or a mixture.
    #[error("algorithm")]
    Algorithm,
    /// There was no room to verify it.
    #[error("overload")]
    Overload,
}

impl Refusal {
    /// Every one, in the order of declaration.
    pub const ALL: [Self; 13] = [
        Self::Oversize,
        Self::Malformed,
        Self::Future,
        Self::Expired,
        Self::Replayed,
        Self::UnknownSigner,
        Self::BadSignature,
        Self::BadChain,
        Self::CertificateNotValid,
        Self::NotPermitted,
        Self::Revoked,
        Self::Algorithm,
        Self::Overload,
    ];
}

impl From<ParseError> for Refusal {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::Malformed { .. } => Self::Malformed,
            ParseError::Algorithm { .. } => Self::Algorithm,
        }
    }
}

/// How many messages were accepted, and refused for each cause.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub(crate) accepted: u64,
    refused: [u64; Refusal::ALL.len()],
}

impl Counts {
    /// Messages accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Messages refused for this cause.
    #[must_use]
    pub fn refused(&self, cause: Refusal) -> u64 {
        self.refused[cause as usize]
    }

    pub(crate) fn count(&mut self, cause: Refusal) {
        self.refused[cause as usize] += 1;
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        map.entry(&"accepted", &self.accepted);
        map.entries(Refusal::ALL.iter().map(|cause| (cause, self.refused(*cause))).filter(|(_, n)| *n > 0)).finish()
    }
}
