//! The authorities that we believe, and the chain from a certificate up to our root.

use crate::algorithm::{PublicKey, Software, VerifySignature};
use crate::certificate::{Certificate, IssuerId, Psid};
use crate::hash::{HashedId8, HashedId10};
use crate::reader::ParseError;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most roots and authorities that a store holds.
pub const MAX_AUTHORITIES: usize = 64;

/// Why an authority is not taken into the store.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Not a certificate.
    #[error("cannot read the authority's certificate: {0}")]
    Parse(#[from] ParseError),
    /// It may not issue anything, or a root is not self-signed, or an authority is.
    #[error("cannot take {0} as {1}")]
    Kind(HashedId8, &'static str),
    /// Its issuer is not a root of this store.
    #[error("cannot take authority {0}: its issuer is not a root here")]
    UnknownIssuer(HashedId8),
    /// Its signature or its key is wrong.
    #[error("cannot take authority {0}: bad signature or key")]
    Signature(HashedId8),
    /// It claims more than its issuer has.
    #[error("cannot take authority {0}: beyond its issuer's {1}")]
    BeyondIssuer(HashedId8, &'static str),
    /// The store is full.
    #[error("cannot take authority {0}: {MAX_AUTHORITIES} are in the store")]
    Full(HashedId8),
}

/// An authority whose chain has been verified, ready to verify what it issued.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) certificate: Certificate,
    pub(crate) key: PublicKey,
    pub(crate) revocation_ids: [HashedId10; 2],
    /// The authority that issued it; `None` for a root.
    pub(crate) issuer: Option<Arc<Authority>>,
}

/// Roots, taken on the word of whoever sets the store up, and authorities below them, verified.
#[derive(Debug, Clone, Default)]
pub struct TrustStore {
    authorities: BTreeMap<HashedId8, Arc<Authority>>,
}

impl TrustStore {
    /// A store that believes nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a self-signed root. Whether it is the right one is the caller's to know; its signature is checked.
    ///
    /// # Errors
    /// [`TrustError`] if it is not a sound self-signed authority or the store is full.
    pub fn add_root(&mut self, bytes: &[u8]) -> Result<HashedId8, TrustError> {
        let certificate = Certificate::parse(bytes)?;
        let digest = certificate.digest();
        if certificate.issuer != IssuerId::Itself || !certificate.is_authority() {
            return Err(TrustError::Kind(digest, "a root: it is not a self-signed authority"));
        }
        let key = key_of(&certificate).filter(|_| certificate.signed_with == Some(certificate.algorithm()));
        let key = key.ok_or(TrustError::Signature(digest))?;
        self.add(certificate, &key.clone(), key, None)
    }

    /// Takes an authority that a root of this store issued.
    ///
    /// # Errors
    /// [`TrustError`] if any link of its chain does not hold or the store is full.
    pub fn add_authority(&mut self, bytes: &[u8]) -> Result<HashedId8, TrustError> {
        let certificate = Certificate::parse(bytes)?;
        let digest = certificate.digest();
        if !certificate.is_authority() {
            return Err(TrustError::Kind(digest, "an authority: it may not issue"));
        }
        let issuer = match certificate.issuer {
            IssuerId::Digest(issuer) => self.authorities.get(&issuer).filter(|issuer| issuer.issuer.is_none()),
            IssuerId::Itself => None,
        };
        let issuer = issuer.cloned().ok_or(TrustError::UnknownIssuer(digest))?;
        check_within(&certificate, &issuer.certificate).map_err(|what| TrustError::BeyondIssuer(digest, what))?;
        let key = key_of(&certificate).ok_or(TrustError::Signature(digest))?;
        self.add(certificate, &issuer.key.clone(), key, Some(issuer))
    }

    fn add(
        &mut self,
        certificate: Certificate,
        signer: &PublicKey,
        key: PublicKey,
        issuer: Option<Arc<Authority>>,
    ) -> Result<HashedId8, TrustError> {
        let digest = certificate.digest();
        let message = certificate.signed_message(issuer.as_ref().map(|issuer| &issuer.certificate));
        if !Software.verify(signer, &message, &certificate.signature) {
            return Err(TrustError::Signature(digest));
        }
        if self.authorities.len() >= MAX_AUTHORITIES && !self.authorities.contains_key(&digest) {
            return Err(TrustError::Full(digest));
        }
        let revocation_ids = certificate.revocation_ids();
        self.authorities.insert(digest, Arc::new(Authority { certificate, key, revocation_ids, issuer }));
        Ok(digest)
    }

    /// The digests of all roots and authorities.
    pub fn authorities(&self) -> impl Iterator<Item = HashedId8> + '_ {
        self.authorities.keys().copied()
    }

    /// Their certificates, roots first.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> + '_ {
        let part = |roots: bool| self.authorities.values().filter(move |authority| authority.issuer.is_none() == roots);
        part(true).chain(part(false)).map(|authority| &authority.certificate)
    }

    pub(crate) fn get(&self, digest: HashedId8) -> Option<&Arc<Authority>> {
        self.authorities.get(&digest)
    }

    pub(crate) fn issuer_of(&self, certificate: &Certificate) -> Option<&Arc<Authority>> {
        match certificate.issuer {
            IssuerId::Digest(digest) => self.get(digest),
            IssuerId::Itself => None,
        }
    }
}

fn key_of(certificate: &Certificate) -> Option<PublicKey> {
    PublicKey::from_compressed(certificate.algorithm(), &certificate.key).ok()
}

/// The name of an issuer's limit that has a refusal of its own.
pub(crate) const ALGORITHM: &str = "algorithm";

/// Whether all that a certificate claims lies within what its issuer may pass on; the error names what does not.
pub(crate) fn check_within(subject: &Certificate, issuer: &Certificate) -> Result<(), &'static str> {
    if subject.algorithm() != issuer.algorithm() || subject.signed_with != Some(issuer.algorithm()) {
        return Err(ALGORITHM);
    }
    if !issuer.validity().covers(&subject.validity()) {
        return Err("validity");
    }
    let within = match (issuer.region(), subject.region()) {
        (None, _) => true,
        (Some(outer), Some(inner)) => outer.covers(&inner),
        (Some(_), None) => false,
    };
    if !within {
        return Err("region");
    }
    let allows = |psid: Psid, chain: u8| issuer.may_issue.iter().any(|group| group.allows(psid, chain));
    if !subject.permissions().iter().all(|psid| allows(*psid, 1)) {
        return Err("application ids");
    }
    let passes_on = subject.may_issue.iter().all(|group| {
        let (Some(psids), Some(longest)) = (&group.psids, group.longest) else { return false };
        let mut chains = group.shortest..=longest;
        chains.all(|chain| psids.iter().all(|psid| allows(*psid, chain.saturating_add(1))))
    });
    if passes_on { Ok(()) } else { Err("right to issue") }
}
