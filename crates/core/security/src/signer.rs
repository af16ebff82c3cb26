//! The sender's side.

use crate::algorithm::{KeyError, SigningKey};
use crate::certificate::{Certificate, Psid, joined};
use crate::issue::Identity;
use crate::spdu::{MAX_PAYLOAD_BYTES, write_signature, write_signed_part, write_signer};
use crate::time::time64_of;
use jxz_units::{Instant, Now, Utc};
use std::sync::Arc;
use std::time::Duration;

/// The full certificate goes out at least this often while there are messages.
const FULL_CERTIFICATE_EVERY: Duration = Duration::from_millis(450);
/// A generation time that is not after the last one by less than this is moved behind it; a clock that was set back
/// further is followed.
const SAME_MOMENT_US: u64 = 1_000;

/// Octets of a signature: the last ones of a signed message.
pub const SIGNATURE_BYTES: usize = 64;

/// Why a message is not signed.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// Receivers would refuse it.
    #[error("cannot sign for application id {0:?}: the certificate does not permit it")]
    NotPermitted(Psid),
    /// Receivers would refuse it.
    #[error("cannot sign at {0}: the certificate does not hold then")]
    NotValid(Utc),
    /// The payload is longer than [`MAX_PAYLOAD_BYTES`].
    #[error("cannot sign {0} octets: {MAX_PAYLOAD_BYTES} at most")]
    TooLong(usize),
    /// The key did not sign.
    #[error("cannot sign: {0}")]
    Key(#[from] KeyError),
}

/// Signs one sender's messages: with the full certificate on the first, after a change of certificate, and when 450 ms
/// or more have passed since the last full one; with its digest otherwise.
#[derive(Debug, Clone)]
pub struct Signer {
    certificate: Arc<Certificate>,
    /// None in a replay.
    key: Option<SigningKey>,
    last_full: Option<Instant>,
    last_generation_us: u64,
}

impl Signer {
    /// A signer that has sent nothing yet.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        let (certificate, key) = (identity.certificate().clone(), Some(identity.key().clone()));
        Self { certificate, key, last_full: None, last_generation_us: 0 }
    }

    /// A signer for replays: envelopes in every bit as the certificate's owner makes them, but that the signature, their
    /// last [`SIGNATURE_BYTES`] octets, is zero. Nobody believes them.
    #[must_use]
    pub fn without_key(certificate: Certificate) -> Self {
        Self { certificate: Arc::new(certificate), key: None, last_full: None, last_generation_us: 0 }
    }

    /// The certificate in use.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Takes another certificate; the next message carries it in full.
    pub fn change(&mut self, identity: Identity) {
        self.certificate = identity.certificate().clone();
        self.key = Some(identity.key().clone());
        self.last_full = None;
    }

    /// The signed message in COER.
    ///
    /// # Errors
    /// [`SignError`] if receivers would refuse it, or the key fails.
    pub fn sign(&mut self, now: Now, psid: Psid, payload: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut out = Vec::with_capacity(payload.len() + 320);
        self.sign_into(now, psid, payload, &mut out)?;
        Ok(out)
    }

    /// As [`Signer::sign`], into a buffer whose old contents go. On an error the buffer is left empty or half written.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn sign_into(&mut self, now: Now, psid: Psid, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SignError> {
        out.clear();
        let certificate = &*self.certificate;
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(SignError::TooLong(payload.len()));
        }
        if !certificate.permissions().contains(&psid) {
            return Err(SignError::NotPermitted(psid));
        }
        let generation_us = time64_of(now.utc).filter(|_| certificate.validity().contains(now.utc));
        let mut generation_us = generation_us.ok_or(SignError::NotValid(now.utc))?;
        // Two equal messages at one moment would be one message and its replay.
        if generation_us <= self.last_generation_us && self.last_generation_us - generation_us < SAME_MOMENT_US {
            generation_us = self.last_generation_us + 1;
        }
        let algorithm = certificate.algorithm();
        let in_full = self.last_full.is_none_or(|last| now.mono.since(last) >= FULL_CERTIFICATE_EVERY);
        let tbs_start = write_signed_part(out, algorithm, psid, generation_us, payload);
        let tbs_hash = algorithm.hash(&[&out[tbs_start..]]);
        let signature = match &self.key {
            Some(key) => key.sign(&joined(&tbs_hash, certificate.hash()))?,
            None => [0; SIGNATURE_BYTES],
        };
        write_signer(out, certificate, in_full);
        write_signature(out, algorithm, &signature);
        self.last_generation_us = generation_us;
        if in_full {
            self.last_full = Some(now.mono);
        }
        Ok(())
    }
}
