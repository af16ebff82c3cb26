//! The receiver's side: a state machine without clock, sockets or threads.

use crate::certificate::{Certificate, Circle, Psid, Validity};
use crate::hash::{Hash, HashedId8};
use crate::job::{Job, Known, Source, Subject, Verdict};
use crate::lru::Lru;
use crate::refusal::{Counts, Refusal};
use crate::replay::{ReplayMemory, Seen};
use crate::revocation::{RevocationError, RevocationUpdate, Revocations};
use crate::spdu::{MAX_PAYLOAD_BYTES, SignerId, Spdu};
use crate::time::{time64_of, utc_of_time64};
use crate::trust::{ALGORITHM, TrustStore, check_within};
use jxz_units::{Now, Utc};
use std::sync::Arc;
use std::time::Duration;

/// Bounds of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverConfig {
    /// Longest message that is read, octets.
    pub max_bytes: usize,
    /// How far ahead of our clock a message may have been made.
    pub ahead: Duration,
    /// How long ago a message may have been made.
    pub behind: Duration,
    /// Accepted messages that are remembered against replay. At the cap the time window shrinks.
    pub replays: usize,
    /// Verified certificates that are remembered. At the cap the one used longest ago is forgotten; its owner sends
    /// it in full again within 450 ms.
    pub certificates: usize,
}

impl Default for ReceiverConfig {
    /// 12 KiB, 200 ms ahead, 2 s behind, 16,384 messages (7,400 a second), 4,096 certificates.
    fn default() -> Self {
        Self {
            max_bytes: MAX_PAYLOAD_BYTES + 4096,
            ahead: Duration::from_millis(200),
            behind: Duration::from_secs(2),
            replays: 16_384,
            certificates: 4_096,
        }
    }
}

/// Certificates with a bad chain that are remembered, so that each costs one verification only.
const BAD_CERTIFICATES: usize = 1_024;

/// A message that has passed the cheap checks. Nothing in it may be believed yet.
#[derive(Debug, Clone)]
pub struct Admitted<'a> {
    /// The application id.
    pub psid: Psid,
    /// The message within.
    pub payload: &'a [u8],
    /// When it says that it was made.
    pub generation: Utc,
    /// The digest of the certificate that it names.
    pub signer: HashedId8,
    /// What remains to be verified.
    pub job: Job,
}

/// What a verified message's envelope says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verified {
    /// The application id, which the certificate permits.
    pub psid: Psid,
    /// When it was made.
    pub generation: Utc,
    /// The digest of its certificate.
    pub signer: HashedId8,
    /// When its certificate holds.
    pub validity: Validity,
    /// Where its certificate holds; `None` for everywhere. Whether the sender is there is for the caller to see.
    pub region: Option<Circle>,
}

/// Checks messages against the authorities in its trust store.
#[derive(Debug)]
pub struct Receiver {
    config: ReceiverConfig,
    trust: TrustStore,
    known: Lru<HashedId8, Arc<Known>>,
    bad: Lru<Hash, ()>,
    replays: ReplayMemory,
    revocations: Revocations,
    counts: Counts,
}

impl Receiver {
    /// A receiver that has heard nothing yet.
    #[must_use]
    pub fn new(config: ReceiverConfig, trust: TrustStore) -> Self {
        Self {
            known: Lru::new(config.certificates),
            bad: Lru::new(BAD_CERTIFICATES),
            replays: ReplayMemory::new(config.replays),
            revocations: Revocations::default(),
            counts: Counts::default(),
            config,
            trust,
        }
    }

    /// The cheap checks, in this order: size, form, time window, signer known or its chain plausible, replay, and
    /// what the certificate says of validity, application id and revocation. Changes nothing but the counts, so that
    /// what is not verified leaves no trace.
    ///
    /// # Errors
    /// The [`Refusal`], counted.
    pub fn admit<'a>(&mut self, now: Now, bytes: &'a [u8]) -> Result<Admitted<'a>, Refusal> {
        self.check_cheaply(now, bytes).inspect_err(|cause| self.counts.count(*cause))
    }

    fn check_cheaply<'a>(&self, now: Now, bytes: &'a [u8]) -> Result<Admitted<'a>, Refusal> {
        if bytes.len() > self.config.max_bytes {
            return Err(Refusal::Oversize);
        }
        let spdu = Spdu::parse(bytes)?;
        let generation = spdu.generation().ok_or(Refusal::Future)?;
        if generation > now.utc + self.config.ahead {
            return Err(Refusal::Future);
        }
        self.check_age(now, generation, spdu.generation_us, spdu.expiry_us)?;
        let (psid, payload, signer) = (spdu.psid(), spdu.payload(), spdu.signer());
        let (algorithm, tbs, signature) = (spdu.algorithm, spdu.tbs, spdu.signature);
        let (generation_us, expiry_us) = (spdu.generation_us, spdu.expiry_us);
        let source = self.source_of(spdu.signer)?;
        let certificate = match &source {
            Source::Known(known) => &known.certificate,
            Source::New { certificate, .. } => certificate,
        };
        if certificate.algorithm() != algorithm {
            return Err(Refusal::Algorithm);
        }
        let tbs_hash = algorithm.hash(&[tbs]);
        let seen = Seen::new(generation_us, signer, &tbs_hash);
        if self.replays.contains(&seen) {
            return Err(Refusal::Replayed);
        }
        check_claims(certificate, generation, psid)?;
        let is_revoked = match &source {
            Source::Known(known) => self.revocations.is_revoked(&known.revocation_ids, &known.issuer),
            // Its twin costs more to find; `conclude` looks for that.
            Source::New { certificate, issuer } => {
                self.revocations.is_revoked(&[certificate.revocation_id(); 2], issuer)
            }
        };
        if is_revoked {
            return Err(Refusal::Revoked);
        }
        let job = Job { subject: Subject { psid, seen, expiry_us }, source, tbs_hash, signature };
        Ok(Admitted { psid, payload, generation, signer, job })
    }

    fn check_age(&self, now: Now, generation: Utc, generation_us: u64, expiry_us: Option<u64>) -> Result<(), Refusal> {
        let has_expired = expiry_us.and_then(utc_of_time64).is_some_and(|expiry| expiry <= now.utc);
        let is_old = generation < now.utc - self.config.behind;
        if is_old || has_expired || self.replays.is_beyond_horizon(generation_us, now) {
            return Err(Refusal::Expired);
        }
        Ok(())
    }

    fn source_of(&self, signer: SignerId) -> Result<Source, Refusal> {
        let certificate = match signer {
            SignerId::Digest(digest) => {
                let known = self.known.peek(&digest).ok_or(Refusal::UnknownSigner)?;
                return Ok(Source::Known(known.clone()));
            }
            SignerId::Certificate(certificate) => certificate,
        };
        match self.known.peek(&certificate.digest()) {
            Some(known) if known.certificate.hash() == certificate.hash() => Ok(Source::Known(known.clone())),
            _ => {
                let issuer = self.trust.issuer_of(&certificate).ok_or(Refusal::BadChain)?;
                if self.bad.peek(certificate.hash()).is_some() || certificate.is_authority() {
                    return Err(Refusal::BadChain);
                }
                check_within(&certificate, &issuer.certificate)
                    .map_err(|limit| if limit == ALGORITHM { Refusal::Algorithm } else { Refusal::BadChain })?;
                Ok(Source::New { certificate: Arc::from(certificate), issuer: issuer.clone() })
            }
        }
    }

    /// Takes a verdict in: learns the certificate, and accepts the message unless, while it was being verified, it
    /// grew too old, its like was accepted, or its certificate was revoked.
    ///
    /// # Errors
    /// The [`Refusal`], counted.
    pub fn conclude(&mut self, now: Now, verdict: Verdict) -> Result<Verified, Refusal> {
        let verified = self.check_verdict(now, verdict);
        match &verified {
            Ok(_) => self.counts.accepted += 1,
            Err(cause) => self.counts.count(*cause),
        }
        verified
    }

    fn check_verdict(&mut self, now: Now, verdict: Verdict) -> Result<Verified, Refusal> {
        if let Some(bad) = verdict.bad_certificate {
            self.bad.put(bad, ());
        }
        let known = verdict.outcome?;
        let Subject { psid, seen, expiry_us } = verdict.subject;
        let generation = utc_of_time64(seen.generation_us).ok_or(Refusal::Future)?;
        // Learnt even if it is revoked: the next message under it is refused without a verification.
        self.known.put(seen.signer, known.clone());
        check_claims(&known.certificate, generation, psid)?;
        if self.revocations.is_revoked(&known.revocation_ids, &known.issuer) {
            return Err(Refusal::Revoked);
        }
        self.check_age(now, generation, seen.generation_us, expiry_us)?;
        let oldest_us = time64_of(now.utc - self.config.behind).unwrap_or(0);
        self.replays.forget_before(oldest_us, now);
        if !self.replays.insert(seen, now) {
            return Err(Refusal::Replayed);
        }
        let (validity, region) = (known.certificate.validity(), known.certificate.region());
        Ok(Verified { psid, generation, signer: seen.signer, validity, region })
    }

    /// Counts a message that was admitted and then found no room to be verified.
    pub fn count_overload(&mut self) {
        self.counts.count(Refusal::Overload);
    }

    /// Takes a revocation list in, signed by an authority of the trust store, newer than the one that it replaces.
    /// It holds from the very next call on, also for messages that are being verified.
    ///
    /// # Errors
    /// [`RevocationError`]; the list so far stays.
    pub fn revoke(&mut self, now: Now, bytes: &[u8]) -> Result<RevocationUpdate, RevocationError> {
        self.revocations.apply(now, &self.trust, bytes)
    }

    /// The authorities whose list should have been followed by a newer one before now.
    pub fn overdue_revocations(&self, now: Now) -> impl Iterator<Item = HashedId8> + '_ {
        self.revocations.overdue(now)
    }

    /// Its bounds.
    #[must_use]
    pub fn config(&self) -> ReceiverConfig {
        self.config
    }

    /// Whom it believes.
    #[must_use]
    pub fn trust(&self) -> &TrustStore {
        &self.trust
    }

    /// Whether a digest can be verified.
    #[must_use]
    pub fn knows(&self, signer: HashedId8) -> bool {
        self.known.peek(&signer).is_some()
    }

    /// What was accepted and refused so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Entries held now: verified certificates, and messages remembered against replay.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        (self.known.len(), self.replays.len())
    }
}

fn check_claims(certificate: &Certificate, generation: Utc, psid: Psid) -> Result<(), Refusal> {
    if !certificate.validity().contains(generation) {
        return Err(Refusal::CertificateNotValid);
    }
    if !certificate.permissions().contains(&psid) {
        return Err(Refusal::NotPermitted);
    }
    Ok(())
}
