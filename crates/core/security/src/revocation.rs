//! Revocation lists: IEEE 1609.2 `CrlContents` by hash id, in an envelope that the authority signed.

use crate::algorithm::{KeyError, Software, VerifySignature};
use crate::certificate::{Psid, joined};
use crate::hash::{HashedId8, HashedId10};
use crate::issue::Identity;
use crate::reader::{ParseError, Reader};
use crate::spdu::{SignerId, Spdu, write_signature, write_signed_part, write_signer};
use crate::time::{time32_of, time64_of, utc_of_time32};
use crate::trust::{Authority, TrustStore};
use jxz_units::{Now, Utc};
use rasn::types::FixedOctetString;
use rasn_its::ieee1609dot2::base_types as base;
use rasn_its::ieee1609dot2::crl_base_types as crl;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The application id of revocation lists (IEEE 1609.2, 7.4).
const CRL_PSID: Psid = Psid(256);
/// Most certificates on one list.
pub const MAX_REVOKED: usize = 10_000;
/// Longest list that is read, octets; an entry takes 15.
const MAX_LIST_BYTES: usize = MAX_REVOKED * 15 + 1024;
/// How far ahead of our clock a list may have been issued.
const AHEAD: Duration = Duration::from_secs(60);

/// Why a revocation list is not issued or not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// Too many certificates or octets.
    #[error("cannot take a revocation list of {0} {1}")]
    TooLong(usize, &'static str),
    /// Not a list.
    #[error("cannot read the revocation list: {0}")]
    Parse(#[from] ParseError),
    /// Its signer is not an authority of the store.
    #[error("cannot take a revocation list: {0} is no authority here")]
    UnknownAuthority(HashedId8),
    /// It is not for the certificates of the authority that signed it.
    #[error("cannot take a revocation list: {signer} speaks for {authority}")]
    NotIts {
        /// Who signed.
        signer: HashedId8,
        /// Whose certificates the list is of.
        authority: HashedId8,
    },
    /// Its signature is wrong.
    #[error("cannot take the revocation list of {0}: bad signature")]
    Signature(HashedId8),
    /// A newer one, or the same, is held.
    #[error("cannot take revocation list {got} of {authority}: {held} is held")]
    NotNewer {
        /// Whose list it is.
        authority: HashedId8,
        /// The serial number held.
        held: u32,
        /// The serial number refused.
        got: u32,
    },
    /// Issued ahead of our clock, or at a time that the wire cannot say.
    #[error("cannot take or issue a revocation list of {0}")]
    Time(Utc),
    /// It cannot be encoded.
    #[error("cannot encode the revocation list: {0}")]
    Encode(String),
    /// The key did not sign.
    #[error("cannot sign the revocation list: {0}")]
    Sign(#[from] KeyError),
}

/// What a list that was taken says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationUpdate {
    /// Whose certificates it is about.
    pub authority: HashedId8,
    /// Its serial number.
    pub serial: u32,
    /// How many certificates are on it.
    pub revoked: usize,
    /// When the next one should be there.
    pub next: Utc,
}

impl Identity {
    /// The list of all certificates of this authority (and of those below it) that no longer hold; it replaces every
    /// list with a lower serial number.
    ///
    /// # Errors
    /// [`RevocationError`] if it is too long or cannot be signed.
    pub fn revocation_list(
        &self,
        serial: u32,
        issued: Utc,
        next: Utc,
        revoked: &[HashedId10],
    ) -> Result<Vec<u8>, RevocationError> {
        if revoked.len() > MAX_REVOKED {
            return Err(RevocationError::TooLong(revoked.len(), "certificates"));
        }
        let seconds = |utc| time32_of(utc).map(base::Time32).ok_or(RevocationError::Time(utc));
        let expiry = seconds(self.certificate().validity().until)?;
        let entry = |id: &HashedId10| {
            let id = base::HashedId10(FixedOctetString::new(id.0));
            crl::HashBasedRevocationInfo::builder().id(id).expiry(expiry.clone()).build()
        };
        let entries = crl::SequenceOfHashBasedRevocationInfo(revoked.iter().map(entry).collect());
        let full = crl::ToBeSignedHashIdCrl::builder().crl_serial(serial).entries(entries).build();
        let contents = crl::CrlContents {
            version: 1,
            crl_series: base::CrlSeries(1),
            crl_craca: base::HashedId8(FixedOctetString::new(self.certificate().digest().0)),
            issue_date: seconds(issued)?,
            next_crl: seconds(next)?,
            priority_info: crl::CrlPriorityInfo::builder().build(),
            type_specific: crl::TypeSpecificCrlContents::FullHashCrl(full),
        };
        let payload = rasn::coer::encode(&contents).map_err(|e| RevocationError::Encode(e.to_string()))?;
        let generation_us = time64_of(issued).ok_or(RevocationError::Time(issued))?;
        let (certificate, algorithm) = (self.certificate(), self.key().algorithm());
        let mut out = Vec::new();
        let tbs_start = write_signed_part(&mut out, algorithm, CRL_PSID, generation_us, &payload);
        let tbs_hash = algorithm.hash(&[&out[tbs_start..]]);
        let signature = self.key().sign(&joined(&tbs_hash, certificate.hash()))?;
        write_signer(&mut out, certificate, false);
        write_signature(&mut out, algorithm, &signature);
        Ok(out)
    }
}

/// A list that has been read; its signature has not been looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationList {
    authority: HashedId8,
    issued: Utc,
    next: Utc,
    serial: u32,
    revoked: BTreeSet<HashedId10>,
}

impl RevocationList {
    /// Reads the payload of a revocation list's envelope, which must end with it.
    ///
    /// # Errors
    /// [`ParseError`] if it is not a full list by hash id, or longer than [`MAX_REVOKED`].
    pub fn parse(payload: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(payload);
        reader.expect(1, "a revocation list's version")?;
        reader.u16("crlSeries")?;
        let authority = HashedId8(reader.array("crlCraca")?);
        let issued = utc_of_time32(reader.u32("issueDate")?);
        let next = utc_of_time32(reader.u32("nextCrl")?);
        match reader.u8("priorityInfo")? {
            0 => {}
            0x40 => {
                reader.u8("priorityInfo")?;
            }
            _ => return reader.fault("priorityInfo"),
        }
        reader.expect(0x80, "a full list by hash id")?;
        reader.expect(0, "a list without extensions")?;
        let serial = reader.u32("crlSerial")?;
        let mut revoked = BTreeSet::new();
        for _ in 0..reader.quantity(MAX_REVOKED as u32, "a revocation list's entries")? {
            reader.expect(0, "a revocation list's entry")?;
            revoked.insert(HashedId10(reader.array("a revoked certificate")?));
            reader.u32("a revoked certificate's expiry")?;
        }
        reader.end()?;
        Ok(Self { authority, issued, next, serial, revoked })
    }
}

/// The newest list of each authority.
#[derive(Debug, Clone, Default)]
pub(crate) struct Revocations {
    lists: BTreeMap<HashedId8, RevocationList>,
}

impl Revocations {
    pub(crate) fn apply(
        &mut self,
        now: Now,
        trust: &TrustStore,
        bytes: &[u8],
    ) -> Result<RevocationUpdate, RevocationError> {
        if bytes.len() > MAX_LIST_BYTES {
            return Err(RevocationError::TooLong(bytes.len(), "octets"));
        }
        let spdu = Spdu::parse(bytes)?;
        let digest = spdu.signer();
        let authority = match spdu.signer {
            SignerId::Digest(digest) if spdu.psid() == CRL_PSID => trust.get(digest),
            _ => None,
        };
        let authority = authority.ok_or(RevocationError::UnknownAuthority(digest))?;
        let list = RevocationList::parse(spdu.payload())?;
        if list.authority != digest {
            return Err(RevocationError::NotIts { signer: digest, authority: list.authority });
        }
        if list.issued > now.utc + AHEAD {
            return Err(RevocationError::Time(list.issued));
        }
        if let Some(held) = self.lists.get(&digest).map(|list| list.serial).filter(|held| *held >= list.serial) {
            return Err(RevocationError::NotNewer { authority: digest, held, got: list.serial });
        }
        let message = joined(&authority.certificate.algorithm().hash(&[spdu.tbs]), authority.certificate.hash());
        if spdu.algorithm != authority.certificate.algorithm()
            || !Software.verify(&authority.key, &message, &spdu.signature)
        {
            return Err(RevocationError::Signature(digest));
        }
        let update =
            RevocationUpdate { authority: digest, serial: list.serial, revoked: list.revoked.len(), next: list.next };
        self.lists.insert(digest, list);
        Ok(update)
    }

    /// Whether any authority on the way up has revoked the certificate, or one on the way the next.
    pub(crate) fn is_revoked(&self, ids: &[HashedId10; 2], issuer: &Authority) -> bool {
        let lists = |authority: &Authority, ids: &[HashedId10; 2]| {
            let list = self.lists.get(&authority.certificate.digest());
            list.is_some_and(|list| ids.iter().any(|id| list.revoked.contains(id)))
        };
        lists(issuer, ids)
            || issuer.issuer.as_ref().is_some_and(|root| lists(root, ids) || lists(root, &issuer.revocation_ids))
    }

    pub(crate) fn overdue(&self, now: Now) -> impl Iterator<Item = HashedId8> + '_ {
        self.lists.values().filter(move |list| list.next <= now.utc).map(|list| list.authority)
    }
}
