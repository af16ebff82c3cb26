//! Signed messages on the vehicles' side: pseudonyms to sign with, and one verification for all who hear the same.

use crate::rng::{Purpose, Seed, Stream};
use jxz_edge::{Security, refusal_cause};
use jxz_geo::LocalFrame;
use jxz_security::{
    Algorithm, Identity, IssueError, PseudonymConfig, PseudonymError, PseudonymPool, Psid, Receiver, ReceiverConfig,
    Signer, SigningKey, Subject, TrustError, TrustStore, Validity, VerifySignature,
};
use jxz_units::Now;
use jxz_v2x::{MessageKind, Profile, Received};
use jxz_world::DropCause;
use rand::RngExt;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Frames that are kept opened for the next vehicle that receives the same bytes: some two seconds' worth.
const OPENED: usize = 4096;
/// Certificates that a unit has at a time.
const PSEUDONYMS: usize = 20;
/// How long they hold.
const PSEUDONYMS_HOLD: Duration = Duration::from_secs(7 * 86_400);
/// They hold from a little before they are made, for clocks that lag.
const BACKDATED: Duration = Duration::from_secs(60);

/// What vehicles sign with and whom they believe.
#[derive(Clone)]
pub struct FleetSecurity {
    /// The authorities whose messages they believe.
    pub trust: TrustStore,
    /// The authority that gives them their pseudonyms. The simulator stands for it.
    pub pseudonyms: Identity,
    /// Computes the signatures.
    pub verifier: Arc<dyn VerifySignature>,
}

impl fmt::Debug for FleetSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetSecurity").field("trust", &self.trust).finish_non_exhaustive()
    }
}

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolError {
    /// One could not be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A vehicle has none to sign with.
    #[error(transparent)]
    Pool(#[from] PseudonymError),
    /// An authority is not to be believed.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl FleetSecurity {
    /// A new unit's certificates.
    pub(crate) fn enrol(&self, stream: &mut Stream, now: Now) -> Result<PseudonymPool, EnrolError> {
        let validity = Validity { from: now.utc - BACKDATED, until: now.utc + PSEUDONYMS_HOLD };
        let psids = MessageKind::ROAD_USERS.map(psid_of);
        let subject = Subject { name: None, validity, region: None, psids: &psids };
        let algorithm = self.pseudonyms.key().algorithm();
        let identities = (0..PSEUDONYMS).map(|_| {
            let key = SigningKey::from_seed(algorithm, &stream.random());
            Identity::new(self.pseudonyms.issue_application(&key.public_key(), &subject)?, key)
        });
        let identities = identities.collect::<Result<Vec<_>, _>>()?;
        Ok(PseudonymPool::new(identities, stream.random(), PseudonymConfig::default())?)
    }
}

/// Everyone's certificates on an island of its own: for runs in one process.
#[derive(Debug)]
pub(crate) struct IslandAuthority {
    root: Identity,
    roadside: Identity,
    pseudonyms: Identity,
}

impl IslandAuthority {
    /// An authority that holds for some days around `now`. Its keys follow from the seed: they protect nothing.
    pub(crate) fn new(seed: Seed, algorithm: Algorithm, now: Now) -> Result<Self, EnrolError> {
        let mut stream = seed.stream(Purpose::Authority, 0);
        let mut key = || SigningKey::from_seed(algorithm, &stream.random());
        let (roadside_only, road_users_only) =
            (MessageKind::ROADSIDE.map(psid_of), MessageKind::ROAD_USERS.map(psid_of));
        let both = [&roadside_only[..], &road_users_only[..]].concat();
        let root = Identity::root(key(), &island_subject("root", now, &both))?;
        let below = |name, key: SigningKey, psids: &[Psid]| {
            Identity::new(root.issue_authority(&key.public_key(), &island_subject(name, now, psids))?, key)
        };
        let roadside = below("roadside", key(), &roadside_only)?;
        let pseudonyms = below("pseudonyms", key(), &road_users_only)?;
        Ok(Self { root, roadside, pseudonyms })
    }

    fn trust(&self) -> Result<TrustStore, EnrolError> {
        let mut trust = TrustStore::new();
        trust.add_root(self.root.certificate().bytes())?;
        for authority in [&self.roadside, &self.pseudonyms] {
            trust.add_authority(authority.certificate().bytes())?;
        }
        Ok(trust)
    }

    /// What the node of a site signs and verifies with.
    pub(crate) fn node(&self, seed: Seed, number: u64, now: Now) -> Result<Security, EnrolError> {
        let mut stream = seed.stream(Purpose::Authority, number + 1);
        let key = SigningKey::from_seed(self.roadside.key().algorithm(), &stream.random());
        let psids = MessageKind::ROADSIDE.map(psid_of);
        let subject = island_subject("node", now, &psids);
        let identity = Identity::new(self.roadside.issue_application(&key.public_key(), &subject)?, key)?;
        Ok(Security { signer: Signer::new(identity), trust: self.trust()?, receiver: ReceiverConfig::default() })
    }

    /// What the vehicles sign and verify with.
    pub(crate) fn fleet(&self, verifier: Arc<dyn VerifySignature>) -> Result<FleetSecurity, EnrolError> {
        Ok(FleetSecurity { trust: self.trust()?, pseudonyms: self.pseudonyms.clone(), verifier })
    }
}

const fn psid_of(kind: MessageKind) -> Psid {
    Psid(kind.application_id())
}

fn island_subject<'a>(name: &'a str, now: Now, psids: &'a [Psid]) -> Subject<'a> {
    let validity = Validity { from: now.utc - BACKDATED - BACKDATED, until: now.utc + 5 * PSEUDONYMS_HOLD };
    Subject { name: Some(name), validity, region: None, psids }
}

/// Messages opened lately. A broadcast reaches many vehicles of one simulation: checking and decoding it once for all
/// of them changes nothing but the time that takes, and that a certificate heard by one is known to all.
#[derive(Debug, Default)]
pub(crate) struct Opener {
    profile: Profile,
    security: Option<(Receiver, FleetSecurity)>,
    frames: BTreeMap<Arc<[u8]>, Result<Arc<Received>, DropCause>>,
    order: VecDeque<Arc<[u8]>>,
    /// Messages verified, each once.
    pub(crate) verified: u64,
}

impl Opener {
    /// For messages of a profile; plain ones until [`Self::secure`].
    pub(crate) fn new(profile: Profile) -> Self {
        Self { profile, ..Self::default() }
    }

    pub(crate) fn secure(&mut self, security: FleetSecurity) {
        let receiver = Receiver::new(ReceiverConfig::default(), security.trust.clone());
        self.security = Some((receiver, security));
    }

    pub(crate) fn security(&self) -> Option<&FleetSecurity> {
        self.security.as_ref().map(|(_, security)| security)
    }

    /// What a message says, if it is to be believed.
    pub(crate) fn open(&mut self, bytes: &[u8], now: Now, frame: &LocalFrame) -> Result<Arc<Received>, DropCause> {
        if let Some(opened) = self.frames.get(bytes) {
            return opened.clone();
        }
        let opened = self.open_first(bytes, now, frame).map(Arc::new);
        if self.order.len() >= OPENED
            && let Some(oldest) = self.order.pop_front()
        {
            self.frames.remove(&oldest);
        }
        let key: Arc<[u8]> = bytes.into();
        self.order.push_back(Arc::clone(&key));
        self.frames.insert(key, opened.clone());
        opened
    }

    fn open_first(&mut self, bytes: &[u8], now: Now, frame: &LocalFrame) -> Result<Received, DropCause> {
        let profile = self.profile;
        let decode = |payload: &[u8]| {
            jxz_v2x::decode(payload, profile, now.utc, frame).map_err(|error| {
                if error.is_newer_edition() { DropCause::RadioUnknownEdition } else { DropCause::RadioUndecodable }
            })
        };
        let Some((receiver, security)) = &mut self.security else { return decode(bytes) };
        let admitted = receiver.admit(now, bytes).map_err(refusal_cause)?;
        let received = decode(admitted.payload)?;
        let verdict = admitted.job.run_with(&*security.verifier);
        receiver.conclude(now, verdict).map_err(refusal_cause)?;
        self.verified += 1;
        Ok(received)
    }
}

/// The application id under which vehicles sign.
pub(crate) const BSM: Psid = Psid(MessageKind::Bsm.application_id());

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_units::Utc;

    #[test]
    fn a_unit_gets_pseudonyms_and_signs_what_others_believe() {
        let now = Now::after_start(Utc::from_unix_ms(1_786_270_272_345), Duration::ZERO);
        for algorithm in [Algorithm::Sm2, Algorithm::EcdsaP256] {
            let authority = IslandAuthority::new(Seed(3), algorithm, now).unwrap();
            let fleet = authority.fleet(Arc::new(jxz_security::Software)).unwrap();
            let mut pool = fleet.enrol(&mut Seed(3).stream(Purpose::OnBoardUnit, 1), now).unwrap();
            let said = pool.current(now).unwrap().0.sign(now, BSM, b"hello").unwrap();
            let mut receiver = Receiver::new(ReceiverConfig::default(), fleet.trust);
            let admitted = receiver.admit(now, &said).unwrap();
            assert_eq!((admitted.psid, admitted.payload), (BSM, &b"hello"[..]));
            let verdict = admitted.job.run();
            receiver.conclude(now, verdict).unwrap();
        }
    }
}
