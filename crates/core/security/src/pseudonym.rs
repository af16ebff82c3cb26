//! The certificates under which a vehicle goes, one after the other.

use crate::algorithm::Algorithm;
use crate::hash::HashedId8;
use crate::issue::Identity;
use crate::signer::Signer;
use jxz_units::{Instant, Now, Utc};
use std::time::Duration;

/// Most certificates in a pool.
pub const MAX_PSEUDONYMS: usize = 256;

/// When a vehicle changes its pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PseudonymConfig {
    /// How long each certificate is used at least.
    pub period: Duration,
    /// Up to this much longer, drawn anew each time.
    pub jitter: Duration,
}

impl Default for PseudonymConfig {
    /// 300 s and up to 60 s more.
    fn default() -> Self {
        Self { period: Duration::from_secs(300), jitter: Duration::from_secs(60) }
    }
}

/// Why a pool has nothing to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PseudonymError {
    /// None given, or too many.
    #[error("cannot use a pool of {0} certificates: 1 to {MAX_PSEUDONYMS} are")]
    Size(usize),
    /// Every certificate has expired, or none holds yet.
    #[error("cannot sign at {0}: none of the pool's {1} certificates holds then")]
    NoneValid(Utc, usize),
}

/// A change of pseudonym. Everything by which the vehicle could be followed across it changes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// The new certificate's digest.
    pub certificate: HashedId8,
    /// The id to put into messages from now on. It is the certificate's digest, so that a receiver can tell whether
    /// a message speaks for the one who signed it.
    pub temporary_id: [u8; 8],
    /// The message count to begin with, 0..=127.
    pub first_count: u8,
    /// Whether this certificate was used before: the pool is used up and wants new ones.
    pub is_reused: bool,
}

/// A set of certificates used in an order that only its seed gives away, each for a while. When all are used up it
/// begins again in another order, and says so.
#[derive(Debug)]
pub struct PseudonymPool {
    config: PseudonymConfig,
    identities: Vec<Identity>,
    order: Vec<usize>,
    /// Place in the order of the certificate to be used next.
    next: usize,
    round: u64,
    signer: Signer,
    in_use: Option<InUse>,
    seed: [u8; 32],
    draws: u64,
}

#[derive(Debug, Clone, Copy)]
struct InUse {
    index: usize,
    until: Instant,
}

impl PseudonymPool {
    /// A pool; the seed must come from a good source of chance and be secret.
    ///
    /// # Errors
    /// [`PseudonymError::Size`] if there is no certificate or there are too many.
    pub fn new(identities: Vec<Identity>, seed: [u8; 32], config: PseudonymConfig) -> Result<Self, PseudonymError> {
        let Some(first) = identities.first().filter(|_| identities.len() <= MAX_PSEUDONYMS) else {
            return Err(PseudonymError::Size(identities.len()));
        };
        let signer = Signer::new(first.clone());
        let order = (0..identities.len()).collect();
        let mut pool = Self { config, identities, order, next: 0, round: 0, signer, in_use: None, seed, draws: 0 };
        pool.shuffle();
        Ok(pool)
    }

    /// The signer to use now, and the change if there was one: at the first call, after the period, and when the
    /// certificate in use no longer holds.
    ///
    /// # Errors
    /// [`PseudonymError::NoneValid`] if no certificate holds now.
    pub fn current(&mut self, now: Now) -> Result<(&mut Signer, Option<Rotation>), PseudonymError> {
        let is_fresh = self.in_use.is_some_and(|in_use| {
            now.mono < in_use.until && self.identities[in_use.index].certificate().validity().contains(now.utc)
        });
        let rotation = if is_fresh { None } else { Some(self.rotate(now)?) };
        Ok((&mut self.signer, rotation))
    }

    fn rotate(&mut self, now: Now) -> Result<Rotation, PseudonymError> {
        let before = self.in_use.map(|in_use| in_use.index);
        let index = self.next_valid(now, before).ok_or(PseudonymError::NoneValid(now.utc, self.identities.len()))?;
        let jitter_ns = u64::try_from(self.config.jitter.as_nanos()).unwrap_or(u64::MAX);
        let extra = Duration::from_nanos(self.draw() % jitter_ns.saturating_add(1).max(1));
        self.in_use = Some(InUse { index, until: now.mono + self.config.period + extra });
        self.signer.change(self.identities[index].clone());
        let certificate = self.identities[index].certificate().digest();
        let first_count = (self.draw() % 128) as u8;
        Ok(Rotation { certificate, temporary_id: certificate.0, first_count, is_reused: self.round > 0 })
    }

    /// The next in the order that holds now, other than the one before unless it is the only one.
    fn next_valid(&mut self, now: Now, before: Option<usize>) -> Option<usize> {
        let holds = |pool: &Self, index: usize| pool.identities[index].certificate().validity().contains(now.utc);
        let valid = (0..self.identities.len()).filter(|index| holds(self, *index)).count();
        // Two rounds are enough to meet every certificate once from wherever the order stands.
        for _ in 0..2 * self.order.len() {
            if self.next == self.order.len() {
                self.next = 0;
                self.round += 1;
                self.shuffle();
            }
            let index = self.order[self.next];
            self.next += 1;
            if holds(self, index) && (valid == 1 || Some(index) != before) {
                return Some(index);
            }
        }
        None
    }

    /// Fisher and Yates.
    fn shuffle(&mut self) {
        for last in (1..self.order.len()).rev() {
            let other = (self.draw() % (last as u64 + 1)) as usize;
            self.order.swap(last, other);
        }
    }

    fn draw(&mut self) -> u64 {
        self.draws += 1;
        let hash = Algorithm::EcdsaP256.hash(&[b"jxz-security pool", &self.seed, &self.draws.to_be_bytes()]);
        hash[..8].iter().fold(0, |value, octet| value << 8 | u64::from(*octet))
    }
}
