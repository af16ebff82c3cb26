//! The signed envelope around a C-V2X message: IEEE 1609.2 style, ECDSA P-256 or SM2.
//!
//! A [`Signer`] wraps payloads. A [`Receiver`] admits what passes the cheap checks, hands out a [`Job`] with the costly
//! ones, and concludes from its [`Verdict`].

mod algorithm;
mod certificate;
mod hash;
mod issue;
mod job;
mod lru;
mod pseudonym;
mod queue;
mod reader;
mod receiver;
mod refusal;
mod replay;
mod revocation;
mod signer;
mod spdu;
mod time;
mod trust;

pub use algorithm::{Algorithm, KeyError, PublicKey, SignatureBytes, SigningKey, Software, VerifySignature};
pub use certificate::{Certificate, Circle, MAX_PERMISSIONS, Psid, Validity};
pub use hash::{HashedId8, HashedId10};
pub use issue::{Identity, IssueError, Subject};
pub use job::{Class, Job, Verdict};
pub use pseudonym::{MAX_PSEUDONYMS, PseudonymConfig, PseudonymError, PseudonymPool, Rotation};
pub use queue::{QueueConfig, VerifyQueue};
pub use reader::ParseError;
pub use receiver::{Admitted, Receiver, ReceiverConfig, Verified};
pub use refusal::{Counts, Refusal};
pub use revocation::{MAX_REVOKED, RevocationError, RevocationList, RevocationUpdate};
pub use signer::{SIGNATURE_BYTES, SignError, Signer};
pub use spdu::{MAX_PAYLOAD_BYTES, Spdu};
pub use trust::{MAX_AUTHORITIES, TrustError, TrustStore};
