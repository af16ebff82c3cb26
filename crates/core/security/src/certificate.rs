//! Explicit certificates of IEEE 1609.2, as they come: read and hashed, not yet believed.

use crate::algorithm::{Algorithm, SignatureBytes};
use crate::hash::{Hash, HashedId8, HashedId10};
use crate::reader::{ParseError, Reader};
use crate::time::utc_of_time32;
use jxz_geo::Wgs84;
use jxz_units::Utc;
use std::time::Duration;

/// Most application ids that a certificate may name, and most that it may let others name.
pub const MAX_PERMISSIONS: usize = 64;
const AVERAGE_YEAR_S: u64 = 31_556_952;

/// An application id (AID, PSID).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Psid(pub u32);

/// From when, inclusive, until when, exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First moment.
    pub from: Utc,
    /// First moment after the last.
    pub until: Utc,
}

impl Validity {
    /// Whether `utc` lies within.
    #[must_use]
    pub fn contains(&self, utc: Utc) -> bool {
        self.from <= utc && utc < self.until
    }

    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.from <= other.from && other.until <= self.until
    }
}

/// Where a certificate holds: a circle on the ground.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// Its centre.
    pub center: Wgs84,
    /// Its radius, whole metres.
    pub radius_m: u16,
}

impl Circle {
    /// Whether all of `other` lies within, to about 0.5 % of the distance (a sphere for the ellipsoid).
    pub(crate) fn covers(&self, other: &Self) -> bool {
        distance_m(self.center, other.center) + f64::from(other.radius_m) <= f64::from(self.radius_m)
    }

    /// Whether a position lies within, to about 0.5 % of the distance (a sphere for the ellipsoid).
    #[must_use]
    pub fn contains(&self, position: Wgs84) -> bool {
        distance_m(self.center, position) <= f64::from(self.radius_m)
    }
}

/// Great-circle distance by the haversine, on the mean earth radius of the IUGG.
fn distance_m(a: Wgs84, b: Wgs84) -> f64 {
    let half = |x: f64, y: f64| libm::sin((x - y).to_radians() / 2.0).powi(2);
    let cos = libm::cos(a.lat_deg.to_radians()) * libm::cos(b.lat_deg.to_radians());
    let h = half(a.lat_deg, b.lat_deg) + cos * half(a.lon_deg, b.lon_deg);
    2.0 * 6_371_008.8 * libm::asin(h.min(1.0).sqrt())
}

/// What certificates an authority may issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssuePermission {
    /// The application ids; `None` for every one.
    pub(crate) psids: Option<Vec<Psid>>,
    /// Certificates from the authority's own (not counted) to the end entity's (counted): the fewest.
    pub(crate) shortest: u8,
    /// The most; `None` for any number.
    pub(crate) longest: Option<u8>,
}

impl IssuePermission {
    pub(crate) fn allows(&self, psid: Psid, chain: u8) -> bool {
        self.shortest <= chain
            && self.longest.is_none_or(|longest| chain <= longest)
            && self.psids.as_ref().is_none_or(|psids| psids.contains(&psid))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IssuerId {
    Itself,
    Digest(HashedId8),
}

/// A certificate that has been read, with its hash; nothing about it has been verified.
#[derive(Debug, Clone)]
pub struct Certificate {
    bytes: Box<[u8]>,
    name: Option<Box<str>>,
    algorithm: Algorithm,
    hash: Hash,
    validity: Validity,
    region: Option<Circle>,
    permissions: Vec<Psid>,
    pub(crate) issuer: IssuerId,
    /// What it was signed with, if that is one of the two and goes with the issuer's hash.
    pub(crate) signed_with: Option<Algorithm>,
    pub(crate) may_issue: Vec<IssuePermission>,
    pub(crate) key: [u8; 33],
    pub(crate) tbs_hash: Hash,
    pub(crate) signature: SignatureBytes,
}

impl Certificate {
    /// Reads a certificate that must fill `bytes` to the end.
    ///
    /// # Errors
    /// [`ParseError`] if it is not COER, not explicit, not in the canonical form of 1609.2 (6.4.3: compressed key,
    /// x-only r), or of a region other than a circle; or if its key is of another algorithm than the two.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        let certificate = Self::read(&mut reader)?;
        reader.end()?;
        Ok(certificate)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let start = reader.at();
        // CertificateBase: the signature is present; version 3; explicit.
        reader.expect(0x80, "a certificate's signature mark")?;
        reader.expect(3, "a certificate's version")?;
        reader.expect(0, "a certificate's type (explicit)")?;
        let (issuer, issuer_algorithm) = read_issuer(reader)?;
        let tbs_start = reader.at();
        let tbs = ToBeSigned::read(reader)?;
        let tbs_bytes = reader.since(tbs_start);
        let (signed_with, signature) = read_signature(reader, true)?;
        let bytes = reader.since(start);
        Ok(Self {
            hash: tbs.algorithm.hash(&[bytes]),
            tbs_hash: tbs.algorithm.hash(&[tbs_bytes]),
            bytes: bytes.into(),
            name: tbs.name,
            algorithm: tbs.algorithm,
            validity: tbs.validity,
            region: tbs.region,
            permissions: tbs.permissions,
            issuer,
            signed_with: signed_with.filter(|algorithm| *algorithm == issuer_algorithm),
            may_issue: tbs.may_issue,
            key: tbs.key,
            signature,
        })
    }

    /// The COER octets.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The name; a pseudonym certificate has none.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What the certificate's key signs with, and what it is hashed with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its name in messages.
    #[must_use]
    pub fn digest(&self) -> HashedId8 {
        HashedId8::of(&self.hash)
    }

    /// Its name in revocation lists.
    #[must_use]
    pub fn revocation_id(&self) -> HashedId10 {
        HashedId10::of(&self.hash)
    }

    /// When it holds.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Where it holds; `None` for everywhere.
    #[must_use]
    pub fn region(&self) -> Option<Circle> {
        self.region
    }

    /// The application ids that it may sign for.
    #[must_use]
    pub fn permissions(&self) -> &[Psid] {
        &self.permissions
    }

    /// Whether it may issue certificates to others.
    #[must_use]
    pub fn is_authority(&self) -> bool {
        !self.may_issue.is_empty()
    }

    pub(crate) fn hash(&self) -> &Hash {
        &self.hash
    }

    /// What the issuer signed: Hash(to be signed) || Hash(issuer's certificate), the latter of nothing when
    /// self-signed (1609.2, 5.3.1).
    pub(crate) fn signed_message(&self, issuer: Option<&Self>) -> [u8; 64] {
        let issuer = issuer.map_or_else(|| self.algorithm.hash(&[]), |issuer| issuer.hash);
        joined(&self.tbs_hash, &issuer)
    }

    /// The names by which a list can revoke it: its own and that of its ECDSA twin, whose signature is (r, n - s).
    pub(crate) fn revocation_ids(&self) -> [HashedId10; 2] {
        let own = self.revocation_id();
        let Some(twin) = crate::algorithm::twin(self.algorithm, &self.signature) else { return [own, own] };
        // The certificate ends with s.
        let head = &self.bytes[..self.bytes.len() - 32];
        [own, HashedId10::of(&self.algorithm.hash(&[head, &twin[32..]]))]
    }
}

pub(crate) fn joined(first: &Hash, second: &Hash) -> [u8; 64] {
    let mut both = [0; 64];
    both[..32].copy_from_slice(first);
    both[32..].copy_from_slice(second);
    both
}

/// `ToBeSignedCertificate`, as far as the profile uses it.
struct ToBeSigned {
    name: Option<Box<str>>,
    validity: Validity,
    region: Option<Circle>,
    permissions: Vec<Psid>,
    may_issue: Vec<IssuePermission>,
    algorithm: Algorithm,
    key: [u8; 33],
}

impl ToBeSigned {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let marks = reader.u8("a certificate's optional parts")?;
        let has = |bit: u8| marks & (0x80 >> bit) != 0;
        let name = read_id(reader)?;
        reader.take(5, "cracaId and crlSeries")?;
        let validity = read_validity(reader)?;
        let region = if has(1) { Some(read_circle(reader)?) } else { None };
        if has(2) {
            reader.u8("assuranceLevel")?;
        }
        let permissions = if has(3) { read_permissions(reader)? } else { Vec::new() };
        let may_issue = if has(4) { read_may_issue(reader)? } else { Vec::new() };
        if has(5) {
            read_may_issue(reader)?;
        }
        // Bit 6, canRequestRollover, is a NULL: no octets.
        if has(7) {
            skip_encryption_key(reader)?;
        }
        let (algorithm, key) = read_key(reader)?;
        if has(0) {
            reader.skip_extensions("a certificate's extensions")?;
        }
        Ok(Self { name, validity, region, permissions, may_issue, algorithm, key })
    }
}

fn read_issuer(reader: &mut Reader<'_>) -> Result<(IssuerId, Algorithm), ParseError> {
    match reader.u8("a certificate's issuer")? {
        0x80 => Ok((IssuerId::Digest(HashedId8(reader.array("the issuer's digest")?)), Algorithm::EcdsaP256)),
        0x81 => Ok((IssuerId::Itself, read_hash_id(reader)?)),
        0x83 => {
            reader.expect(8, "the issuer's digest")?;
            Ok((IssuerId::Digest(HashedId8(reader.array("the issuer's digest")?)), Algorithm::Sm2))
        }
        0x82 => reader.algorithm("a certificate's issuer"),
        _ => reader.fault("a certificate's issuer"),
    }
}

/// `HashAlgorithm`, as the algorithm that it goes with.
pub(crate) fn read_hash_id(reader: &mut Reader<'_>) -> Result<Algorithm, ParseError> {
    match reader.u8("a hash algorithm")? {
        0 => Ok(Algorithm::EcdsaP256),
        2 => Ok(Algorithm::Sm2),
        1 => reader.algorithm("a hash"),
        _ => reader.fault("a hash algorithm"),
    }
}

fn read_id(reader: &mut Reader<'_>) -> Result<Option<Box<str>>, ParseError> {
    match reader.u8("a certificate's id")? {
        0x80 => {
            let marks = reader.u8("linkageData")?;
            reader.take(2 + 9 + if marks & 0x80 != 0 { 13 } else { 0 }, "linkageData")?;
            if marks & 0x7f == 0 { Ok(None) } else { reader.fault("linkageData") }
        }
        0x81 => {
            let octets = reader.octets("a certificate's name")?;
            let name = std::str::from_utf8(octets).ok().filter(|name| name.len() <= 255);
            name.map(|name| Some(name.into())).map_or_else(|| reader.fault("a certificate's name"), Ok)
        }
        0x82 => {
            let octets = reader.octets("a certificate's binaryId")?;
            if (1..=64).contains(&octets.len()) { Ok(None) } else { reader.fault("a certificate's binaryId") }
        }
        0x83 => Ok(None),
        _ => reader.fault("a certificate's id"),
    }
}

fn read_validity(reader: &mut Reader<'_>) -> Result<Validity, ParseError> {
    let from = utc_of_time32(reader.u32("a validity period's start")?);
    let unit = reader.u8("a validity period's unit")?;
    let count = u64::from(reader.u16("a validity period's length")?);
    let length = match unit {
        0x80 => Duration::from_micros(count),
        0x81 => Duration::from_millis(count),
        0x82 => Duration::from_secs(count),
        0x83 => Duration::from_secs(count * 60),
        0x84 => Duration::from_secs(count * 3600),
        0x85 => Duration::from_secs(count * 60 * 3600),
        0x86 => Duration::from_secs(count * AVERAGE_YEAR_S),
        _ => return reader.fault("a validity period's unit"),
    };
    Ok(Validity { from, until: from + length })
}

fn read_circle(reader: &mut Reader<'_>) -> Result<Circle, ParseError> {
    reader.expect(0x80, "a region (only circles are known)")?;
    let lat = reader.i32("a circle's latitude")?;
    let lon = reader.i32("a circle's longitude")?;
    let radius_m = reader.u16("a circle's radius")?;
    if !(-900_000_000..=900_000_000).contains(&lat) || !(-1_799_999_999..=1_800_000_000).contains(&lon) {
        return reader.fault("a circle's centre");
    }
    let degrees = |tenth_micro: i32| f64::from(tenth_micro) * 1e-7;
    Ok(Circle { center: Wgs84 { lat_deg: degrees(lat), lon_deg: degrees(lon) }, radius_m })
}

/// `SequenceOfPsidSsp`; the service-specific permissions are skipped.
fn read_permissions(reader: &mut Reader<'_>) -> Result<Vec<Psid>, ParseError> {
    let count = reader.quantity(MAX_PERMISSIONS as u32, "appPermissions")?;
    let mut psids = Vec::new();
    for _ in 0..count {
        let marks = reader.u8("appPermissions")?;
        psids.push(Psid(reader.unsigned("a permission's application id")?));
        match marks {
            0 => {}
            0x80 => {
                if !matches!(reader.u8("a permission's SSP")?, 0x80 | 0x81) {
                    return reader.fault("a permission's SSP");
                }
                reader.octets("a permission's SSP")?;
            }
            _ => return reader.fault("appPermissions"),
        }
    }
    Ok(psids)
}

/// `SequenceOfPsidGroupPermissions`.
fn read_may_issue(reader: &mut Reader<'_>) -> Result<Vec<IssuePermission>, ParseError> {
    let count = reader.quantity(16, "certIssuePermissions")?;
    let mut groups = Vec::new();
    for _ in 0..count {
        let marks = reader.u8("certIssuePermissions")?;
        let psids = match reader.u8("subjectPermissions")? {
            0x80 => Some(read_ranges(reader)?),
            0x81 => None,
            _ => return reader.fault("subjectPermissions"),
        };
        let shortest = if marks & 0x80 != 0 { reader.signed("minChainLength")? } else { 1 };
        let range = if marks & 0x40 != 0 { reader.signed("chainLengthRange")? } else { 0 };
        let end_entity = if marks & 0x20 != 0 { reader.u8("eeType")? } else { 0x80 };
        let (Ok(shortest), Ok(longest)) = (u8::try_from(shortest), u8::try_from(shortest.saturating_add(range.max(0))))
        else {
            return reader.fault("a chain's length");
        };
        if marks & 0x1f != 0 {
            return reader.fault("certIssuePermissions");
        }
        // Groups for enrolment certificates alone do not concern messages.
        if end_entity & 0x80 != 0 {
            groups.push(IssuePermission { psids, shortest, longest: (range >= 0).then_some(longest) });
        }
    }
    Ok(groups)
}

/// `SequenceOfPsidSspRange`; the ranges of service-specific permissions are skipped.
fn read_ranges(reader: &mut Reader<'_>) -> Result<Vec<Psid>, ParseError> {
    let count = reader.quantity(MAX_PERMISSIONS as u32, "subjectPermissions")?;
    let mut psids = Vec::new();
    for _ in 0..count {
        let marks = reader.u8("a permission's range")?;
        psids.push(Psid(reader.unsigned("a range's application id")?));
        if marks == 0 {
            continue;
        }
        match reader.u8("an SSP range")? {
            0x80 => {
                for _ in 0..reader.quantity(MAX_PERMISSIONS as u32, "an SSP range")? {
                    reader.octets("an SSP range")?;
                }
            }
            0x81 => {}
            0x82 => {
                reader.octets("an SSP range")?;
            }
            _ => return reader.fault("an SSP range"),
        }
    }
    Ok(psids)
}

fn skip_encryption_key(reader: &mut Reader<'_>) -> Result<(), ParseError> {
    reader.u8("an encryption key's cipher")?;
    match reader.u8("an encryption key")? {
        0x80 | 0x81 => match reader.u8("an encryption key's point")? {
            0x80 | 0x82 | 0x83 => reader.take(32, "an encryption key's point"),
            _ => return reader.fault("an encryption key's point (compressed)"),
        },
        0x82 => reader.octets("an encryption key"),
        _ => return reader.fault("an encryption key"),
    }?;
    Ok(())
}

/// `VerificationKeyIndicator`: a compressed point.
fn read_key(reader: &mut Reader<'_>) -> Result<(Algorithm, [u8; 33]), ParseError> {
    reader.expect(0x80, "a verification key (explicit)")?;
    let algorithm = match reader.u8("a verification key's algorithm")? {
        0x80 => Algorithm::EcdsaP256,
        0x84 => {
            reader.expect(33, "a verification key")?;
            Algorithm::Sm2
        }
        0x81..=0x83 => return reader.algorithm("a verification key"),
        _ => return reader.fault("a verification key"),
    };
    let mut key = [0; 33];
    key[0] = match reader.u8("a verification key's point")? {
        0x82 => 2,
        0x83 => 3,
        _ => return reader.fault("a verification key's point (compressed)"),
    };
    key[1..].copy_from_slice(reader.take(32, "a verification key's point")?);
    Ok((algorithm, key))
}

/// `Signature`; no algorithm for one on a Brainpool curve. A certificate's r must be x-only, as its digest is taken of
/// that form; a message's may be a compressed point too.
pub(crate) fn read_signature(
    reader: &mut Reader<'_>,
    canonical: bool,
) -> Result<(Option<Algorithm>, SignatureBytes), ParseError> {
    let algorithm = match reader.u8("a signature's algorithm")? {
        0x80 => Some(Algorithm::EcdsaP256),
        0x81 => None,
        0x82 | 0x83 => return reader.algorithm("a signature"),
        0x84 => Some(Algorithm::Sm2),
        _ => return reader.fault("a signature"),
    };
    match (algorithm, reader.u8("a signature's r")?) {
        (Some(Algorithm::Sm2), 64) | (Some(Algorithm::EcdsaP256) | None, 0x80) => {}
        (Some(Algorithm::EcdsaP256) | None, 0x82 | 0x83) if !canonical => {}
        _ => return reader.fault("a signature's r"),
    }
    Ok((algorithm, reader.array("a signature")?))
}
