//! The node's seal on what it says, and its doubt of what it hears.

use jxz_plausibility::{ConfigError, Plausibility, PlausibilityConfig, Verdict as Judgement};
use jxz_security::{
    HashedId8, Job, Psid, Receiver, ReceiverConfig, Refusal, RevocationError, RevocationUpdate, SignError, Signer,
    TrustStore, Verdict,
};
use jxz_units::Now;
use jxz_v2x::Frame;
use jxz_world::{DropCause, Misbehaviour, Site, VehicleReport};
use std::collections::BTreeMap;

/// Reports whose signatures are being verified; one more than these is as if verification had no room.
const PENDING_LIMIT: usize = 4096;

/// What a node signs with and whom it believes.
#[derive(Debug)]
pub struct Security {
    /// The node's certificate and key.
    pub signer: Signer,
    /// The authorities whose certificates it believes.
    pub trust: TrustStore,
    /// Bounds of the receiving side.
    pub receiver: ReceiverConfig,
}

/// A signature to verify: pure computation, on any thread.
#[derive(Debug, Clone)]
pub struct Verification {
    /// To be given back with the verdict.
    pub ticket: u64,
    /// What to compute.
    pub job: Job,
}

/// Tickets are given out once: the same ticket of the same node is the same verification.
impl PartialEq for Verification {
    fn eq(&self, other: &Self) -> bool {
        (self.ticket, self.job.signer()) == (other.ticket, other.job.signer())
    }
}

/// A message that has passed the cheap checks.
pub(crate) struct Opened<'a> {
    pub(crate) payload: &'a [u8],
    /// The application id that it is signed under.
    pub(crate) psid: Psid,
    signer: HashedId8,
    job: Job,
}

/// Seals and opens envelopes; holds reports back until their signature is verified.
pub(crate) struct Guard {
    signer: Signer,
    receiver: Receiver,
    pending: BTreeMap<u64, (VehicleReport, HashedId8)>,
    next_ticket: u64,
    sealed: Vec<u8>,
}

impl Guard {
    pub(crate) fn new(security: Security) -> Self {
        let Security { signer, trust, receiver } = security;
        Self {
            signer,
            receiver: Receiver::new(receiver, trust),
            pending: BTreeMap::new(),
            next_ticket: 0,
            sealed: Vec::new(),
        }
    }

    pub(crate) fn parts(&self) -> (&Signer, &Receiver) {
        (&self.signer, &self.receiver)
    }

    /// The frame in its envelope.
    pub(crate) fn seal(&mut self, now: Now, mut frame: Frame) -> Result<Frame, SignError> {
        let psid = Psid(frame.kind.application_id());
        self.signer.sign_into(now, psid, &frame.bytes, &mut self.sealed)?;
        frame.bytes.clear();
        frame.bytes.extend_from_slice(&self.sealed);
        Ok(frame)
    }

    /// The cheap checks of an envelope.
    pub(crate) fn open<'a>(&mut self, now: Now, bytes: &'a [u8]) -> Result<Opened<'a>, DropCause> {
        let admitted = self.receiver.admit(now, bytes).map_err(refusal_cause)?;
        Ok(Opened { payload: admitted.payload, psid: admitted.psid, signer: admitted.signer, job: admitted.job })
    }

    /// Holds a relevant report back until its signature is verified. It must speak for the one who signed it: an
    /// on-board unit's temporary id is the digest of its certificate.
    pub(crate) fn hold(&mut self, opened: Opened<'_>, report: VehicleReport) -> Result<Verification, DropCause> {
        if report.vehicle.0 != opened.signer.0 {
            return Err(DropCause::RadioNotPermitted);
        }
        if self.pending.len() >= PENDING_LIMIT {
            self.receiver.count_overload();
            return Err(DropCause::RadioOverload);
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.pending.insert(ticket, (report, opened.signer));
        Ok(Verification { ticket, job: opened.job })
    }

    /// The report that a verdict is on, if the verdict is good; `None` for a ticket that nobody waits for.
    pub(crate) fn conclude(
        &mut self,
        now: Now,
        ticket: u64,
        verdict: Option<Verdict>,
    ) -> Option<Result<(VehicleReport, HashedId8), DropCause>> {
        let held = self.pending.remove(&ticket)?;
        let Some(verdict) = verdict else {
            self.receiver.count_overload();
            return Some(Err(DropCause::RadioOverload));
        };
        Some(self.receiver.conclude(now, verdict).map(|_| held).map_err(refusal_cause))
    }

    pub(crate) fn revoke(&mut self, now: Now, list: &[u8]) -> Result<RevocationUpdate, RevocationError> {
        self.receiver.revoke(now, list)
    }
}

/// The cause under which a refusal is counted.
#[must_use]
pub const fn refusal_cause(refusal: Refusal) -> DropCause {
    match refusal {
        Refusal::Oversize | Refusal::Malformed => DropCause::RadioUnsigned,
        Refusal::Future | Refusal::Expired => DropCause::RadioExpired,
        Refusal::Replayed => DropCause::RadioReplayed,
        Refusal::UnknownSigner => DropCause::RadioUnknownSigner,
        Refusal::BadSignature | Refusal::Algorithm => DropCause::RadioBadSignature,
        Refusal::BadChain | Refusal::CertificateNotValid => DropCause::RadioBadCertificate,
        Refusal::NotPermitted => DropCause::RadioNotPermitted,
        Refusal::Revoked => DropCause::RadioRevoked,
        Refusal::Overload => DropCause::RadioOverload,
    }
}

/// Whether what vehicles say can be.
pub(crate) struct Doubt(Plausibility);

impl Doubt {
    pub(crate) fn new(site: &Site) -> Result<Self, ConfigError> {
        Plausibility::new(PlausibilityConfig::default(), site.id.clone(), site.position).map(Self)
    }

    /// Whether a report may be used.
    pub(crate) fn admits(&mut self, now: Now, report: &VehicleReport, signer: Option<HashedId8>) -> bool {
        self.0.check(now, report, signer.map(|digest| digest.0)).verdict != Judgement::Reject
    }

    /// The next report of a vehicle's misbehaviour.
    pub(crate) fn poll(&mut self) -> Option<Misbehaviour> {
        let report = self.0.poll_report()?;
        Some(Misbehaviour {
            subject: report.subject,
            certificate: report.certificate,
            check: report.worst.check.name().to_owned(),
            said: report.worst.said,
            allowed: report.worst.allowed,
            unit: report.worst.check.unit().to_owned(),
            first: report.first,
            last: report.last,
            count: report.count,
        })
    }
}
