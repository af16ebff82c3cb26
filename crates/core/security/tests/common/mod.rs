//! A small authority for the tests: keys from seeds, one root, one authority below it.
#![allow(dead_code, reason = "each test file uses a part of it")]

use jxz_security::{
    Algorithm, Certificate, Identity, Psid, Receiver, ReceiverConfig, Refusal, SigningKey, Subject, TrustStore,
    Validity, Verified,
};
use jxz_units::{Now, Utc};
use std::time::Duration;

pub(crate) const BSM: Psid = Psid(111);
pub(crate) const RSI: Psid = Psid(3620);

/// 2026-08-09T10:11:12Z.
pub(crate) fn start() -> Utc {
    Utc::from_unix_ms(1_786_270_272_000)
}

/// The moment `ms` milliseconds after the start.
pub(crate) fn at_ms(ms: u64) -> Now {
    Now::after_start(start(), Duration::from_millis(ms))
}

pub(crate) fn key(algorithm: Algorithm, number: u32) -> SigningKey {
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&number.to_be_bytes());
    SigningKey::from_seed(algorithm, &seed)
}

pub(crate) fn hours(from: i64, until: i64) -> Validity {
    let shifted = |h: i64| Utc::from_unix_ns(start().unix_ns() + h * 3_600_000_000_000);
    Validity { from: shifted(from), until: shifted(until) }
}

pub(crate) struct Authority {
    pub(crate) algorithm: Algorithm,
    pub(crate) root: Identity,
    pub(crate) ca: Identity,
}

impl Authority {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let psids = [BSM, RSI];
        let subject = |name, years: i64| Subject {
            name: Some(name),
            validity: hours(-24 * 365, 24 * 365 * years),
            region: None,
            psids: &psids,
        };
        let root = Identity::root(key(algorithm, 1), &subject("root", 20)).unwrap();
        let ca_key = key(algorithm, 2);
        let ca = root.issue_authority(&ca_key.public_key(), &subject("authority", 5)).unwrap();
        Self { algorithm, root, ca: Identity::new(ca, ca_key).unwrap() }
    }

    pub(crate) fn trust(&self) -> TrustStore {
        let mut trust = TrustStore::new();
        trust.add_root(self.root.certificate().bytes()).unwrap();
        trust.add_authority(self.ca.certificate().bytes()).unwrap();
        trust
    }

    pub(crate) fn receiver(&self) -> Receiver {
        Receiver::new(ReceiverConfig::default(), self.trust())
    }

    /// An end entity's certificate for a week from an hour ago.
    pub(crate) fn issue(&self, number: u32, psids: &[Psid]) -> Identity {
        self.issue_with(number, psids, hours(-1, 24 * 7))
    }

    pub(crate) fn issue_with(&self, number: u32, psids: &[Psid], validity: Validity) -> Identity {
        let key = key(self.algorithm, number);
        let subject = Subject { name: None, validity, region: None, psids };
        let certificate: Certificate = self.ca.issue_application(&key.public_key(), &subject).unwrap();
        Identity::new(certificate, key).unwrap()
    }
}

/// Admit, run and conclude at one moment.
pub(crate) fn receive(receiver: &mut Receiver, now: Now, bytes: &[u8]) -> Result<Verified, Refusal> {
    let verdict = receiver.admit(now, bytes)?.job.run();
    receiver.conclude(now, verdict)
}
