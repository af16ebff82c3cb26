//! The costly part of a check, taken out so that it can run anywhere.

use crate::algorithm::{Algorithm, PublicKey, SignatureBytes, Software, VerifySignature};
use crate::certificate::{Certificate, Psid, joined};
use crate::hash::{Hash, HashedId8, HashedId10};
use crate::refusal::Refusal;
use crate::replay::Seen;
use crate::trust::Authority;
use std::sync::Arc;

/// A certificate whose chain has been verified, ready to verify messages.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) certificate: Arc<Certificate>,
    pub(crate) issuer: Arc<Authority>,
    pub(crate) revocation_ids: [HashedId10; 2],
    key: PublicKey,
}

/// How much a job has to verify, and so how soon it is worth doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The certificate has been verified before: one signature.
    Known,
    /// The certificate is new: its chain as well.
    New,
}

/// What a job needs of its message once it is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) psid: Psid,
    pub(crate) seen: Seen,
    pub(crate) expiry_us: Option<u64>,
}

#[derive(Debug, Clone)]
pub(crate) enum Source {
    Known(Arc<Known>),
    New { certificate: Arc<Certificate>, issuer: Arc<Authority> },
}

/// All that the verification of one message needs: pure computation, on any thread.
#[derive(Debug, Clone)]
pub struct Job {
    pub(crate) subject: Subject,
    pub(crate) source: Source,
    pub(crate) tbs_hash: Hash,
    pub(crate) signature: SignatureBytes,
}

/// What came out of a job, for [`crate::Receiver::conclude`].
#[derive(Debug, Clone)]
pub struct Verdict {
    pub(crate) subject: Subject,
    pub(crate) outcome: Result<Arc<Known>, Refusal>,
    /// The certificate whose chain turned out to be bad.
    pub(crate) bad_certificate: Option<Hash>,
}

impl Verdict {
    /// Why the message is refused; `None` if its signature and its chain hold.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.outcome.as_ref().err().copied()
    }
}

impl Job {
    /// Verifies with the portable algorithms.
    #[must_use]
    pub fn run(&self) -> Verdict {
        self.run_with(&Software)
    }

    /// Verifies with a faster implementation of the algorithms.
    #[must_use]
    pub fn run_with(&self, verifier: &dyn VerifySignature) -> Verdict {
        let mut bad_certificate = None;
        let known = match &self.source {
            Source::Known(known) => Ok(known.clone()),
            Source::New { certificate, issuer } => verify_chain(certificate, issuer, verifier).inspect_err(|_| {
                bad_certificate = Some(*certificate.hash());
            }),
        };
        let outcome = known.and_then(|known| {
            let message = joined(&self.tbs_hash, known.certificate.hash());
            let is_good = verifier.verify(&known.key, &message, &self.signature);
            if is_good { Ok(known) } else { Err(Refusal::BadSignature) }
        });
        Verdict { subject: self.subject, outcome, bad_certificate }
    }

    /// How much there is to verify.
    #[must_use]
    pub fn class(&self) -> Class {
        match &self.source {
            Source::Known(_) => Class::Known,
            Source::New { .. } => Class::New,
        }
    }

    /// The digest of the certificate that the message names as its signer's.
    #[must_use]
    pub fn signer(&self) -> HashedId8 {
        self.subject.seen.signer
    }

    /// The algorithm to verify with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &self.source {
            Source::Known(known) => known.certificate.algorithm(),
            Source::New { certificate, .. } => certificate.algorithm(),
        }
    }
}

/// The certificate's signature by an authority whose own chain is verified, and its key. What the certificate may say
/// has been checked before, as it costs nothing.
fn verify_chain(
    certificate: &Arc<Certificate>,
    issuer: &Arc<Authority>,
    verifier: &dyn VerifySignature,
) -> Result<Arc<Known>, Refusal> {
    let message = certificate.signed_message(Some(&issuer.certificate));
    if !verifier.verify(&issuer.key, &message, &certificate.signature) {
        return Err(Refusal::BadChain);
    }
    let key = PublicKey::from_compressed(certificate.algorithm(), &certificate.key).map_err(|_| Refusal::BadChain)?;
    Ok(Arc::new(Known {
        revocation_ids: certificate.revocation_ids(),
        certificate: certificate.clone(),
        issuer: issuer.clone(),
        key,
    }))
}
