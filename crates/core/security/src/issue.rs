//! An authority's work: certificates from keys that somebody else made.

use crate::algorithm::{Algorithm, KeyError, PublicKey, SigningKey};
use crate::certificate::{Certificate, Circle, MAX_PERMISSIONS, Psid, Validity, joined};
use crate::reader::ParseError;
use crate::time::time32_of;
use rasn::types::{FixedOctetString, Integer};
use rasn_its::ieee1609dot2::base_types as base;
use rasn_its::ieee1609dot2::{
    Certificate as WireCertificate, CertificateBase, CertificateId, CertificateType, ExplicitCertificate,
    IssuerIdentifier, PsidGroupPermissions, SequenceOfPsidGroupPermissions, SubjectPermissions, ToBeSignedCertificate,
    VerificationKeyIndicator,
};
use std::sync::Arc;

/// Whom a certificate is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject<'a> {
    /// A name of at most 255 octets; `None` for a pseudonym.
    pub name: Option<&'a str>,
    /// When it holds: rounded out to whole seconds and, beyond 18 hours, to whole minutes or hours.
    pub validity: Validity,
    /// Where it holds; `None` for everywhere that the issuer's does.
    pub region: Option<Circle>,
    /// The application ids that it may sign for, or, for an authority, that it may let others sign for.
    pub psids: &'a [Psid],
}

/// Why a certificate cannot be issued.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The validity is empty, before 2004 or after 2140, or longer than the wire can say.
    #[error("cannot issue a certificate valid from {0} until {1}")]
    Validity(jxz_units::Utc, jxz_units::Utc),
    /// Too many or no application ids.
    #[error("cannot issue a certificate with {0} application ids: 1 to {MAX_PERMISSIONS} fit")]
    Psids(usize),
    /// The issuer may not pass these on; the certificate would be refused by everyone.
    #[error("cannot issue a certificate beyond its issuer's {0}")]
    BeyondIssuer(&'static str),
    /// The key is of another algorithm than the issuer's.
    #[error("cannot issue a certificate for a key of {subject} with one of {issuer}")]
    Algorithm {
        /// Of the subject's key.
        subject: Algorithm,
        /// Of the issuer's key.
        issuer: Algorithm,
    },
    /// The name is too long, or the circle's centre is off the globe.
    #[error("cannot encode the certificate: {0}")]
    Encode(String),
    /// What was encoded cannot be read back.
    #[error("cannot read back the certificate: {0}")]
    ReadBack(#[from] ParseError),
    /// The key did not sign.
    #[error("cannot sign the certificate: {0}")]
    Sign(#[from] KeyError),
    /// The private key is not the certificate's.
    #[error("cannot join certificate {0} with a key that is not its own")]
    KeyMismatch(crate::hash::HashedId8),
}

/// A certificate together with its private key.
#[derive(Debug, Clone)]
pub struct Identity {
    certificate: Arc<Certificate>,
    key: SigningKey,
}

/// What kind of authority a subject is, by the certificates between it and the end entity's.
#[derive(Clone, Copy)]
enum Role {
    Root,
    Authority,
    EndEntity,
}

impl Identity {
    /// Joins a certificate with its key.
    ///
    /// # Errors
    /// [`IssueError::KeyMismatch`] if the key is not the certificate's.
    pub fn new(certificate: Certificate, key: SigningKey) -> Result<Self, IssueError> {
        if certificate.algorithm() != key.algorithm() || certificate.key != key.public_key().compressed() {
            return Err(IssueError::KeyMismatch(certificate.digest()));
        }
        Ok(Self { certificate: Arc::new(certificate), key })
    }

    /// A self-signed root that may issue authorities and end entities for the subject's application ids.
    ///
    /// # Errors
    /// [`IssueError`] says which part of the subject cannot be put into a certificate.
    pub fn root(key: SigningKey, subject: &Subject<'_>) -> Result<Self, IssueError> {
        let tbs = to_be_signed(&key.public_key(), subject, Role::Root)?;
        let certificate = sign(None, &key, tbs)?;
        Self::new(certificate, key)
    }

    /// An authority below this one, for end entities only.
    ///
    /// # Errors
    /// [`IssueError`], also if this identity may not issue what the subject asks for.
    pub fn issue_authority(&self, key: &PublicKey, subject: &Subject<'_>) -> Result<Certificate, IssueError> {
        self.issue(key, subject, Role::Authority)
    }

    /// The certificate of a roadside unit (with a name) or of a vehicle's pseudonym (without one).
    ///
    /// # Errors
    /// [`IssueError`], also if this identity may not issue what the subject asks for.
    pub fn issue_application(&self, key: &PublicKey, subject: &Subject<'_>) -> Result<Certificate, IssueError> {
        self.issue(key, subject, Role::EndEntity)
    }

    fn issue(&self, key: &PublicKey, subject: &Subject<'_>, role: Role) -> Result<Certificate, IssueError> {
        if key.algorithm() != self.key.algorithm() {
            return Err(IssueError::Algorithm { subject: key.algorithm(), issuer: self.key.algorithm() });
        }
        let certificate = sign(Some(&self.certificate), &self.key, to_be_signed(key, subject, role)?)?;
        crate::trust::check_within(&certificate, &self.certificate).map_err(IssueError::BeyondIssuer)?;
        Ok(certificate)
    }

    /// The certificate.
    #[must_use]
    pub fn certificate(&self) -> &Arc<Certificate> {
        &self.certificate
    }

    /// The private key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }
}

fn sign(issuer: Option<&Certificate>, key: &SigningKey, tbs: ToBeSignedCertificate) -> Result<Certificate, IssueError> {
    let algorithm = key.algorithm();
    let tbs_bytes = rasn::coer::encode(&tbs).map_err(|e| IssueError::Encode(e.to_string()))?;
    let issuer_hash = issuer.map_or_else(|| algorithm.hash(&[]), |issuer| *issuer.hash());
    let signature = key.sign(&joined(&algorithm.hash(&[&tbs_bytes]), &issuer_hash))?;
    let digest = issuer.map(|issuer| base::HashedId8(FixedOctetString::new(issuer.digest().0)));
    let base = CertificateBase {
        version: CertificateBase::VERSION,
        r#type: CertificateType::Explicit,
        issuer: match (digest, algorithm) {
            (None, Algorithm::EcdsaP256) => IssuerIdentifier::VSelf(base::HashAlgorithm::Sha256),
            (None, Algorithm::Sm2) => IssuerIdentifier::VSelf(base::HashAlgorithm::Sm3),
            (Some(digest), Algorithm::EcdsaP256) => IssuerIdentifier::Sha256AndDigest(digest),
            (Some(digest), Algorithm::Sm2) => IssuerIdentifier::Sm3AndDigest(digest),
        },
        to_be_signed: tbs,
        signature: Some(wire_signature(algorithm, &signature)),
    };
    let encode = |base| -> Result<Vec<u8>, String> {
        let explicit = ExplicitCertificate::new(base).map_err(|e| e.to_string())?;
        rasn::coer::encode(&WireCertificate::from(explicit)).map_err(|e| e.to_string())
    };
    Ok(Certificate::parse(&encode(base).map_err(IssueError::Encode)?)?)
}

fn wire_signature(algorithm: Algorithm, signature: &[u8; 64]) -> base::Signature {
    let half = |from: usize| {
        let mut octets = [0; 32];
        octets.copy_from_slice(&signature[from..from + 32]);
        FixedOctetString::new(octets)
    };
    match algorithm {
        Algorithm::EcdsaP256 => base::Signature::EcdsaNistP256(base::EcdsaP256Signature {
            r_sig: base::EccP256CurvePoint::XOnly(half(0)),
            s_sig: half(32),
        }),
        Algorithm::Sm2 => base::Signature::Sm2(base::EcsigP256Signature { r_sig: half(0), s_sig: half(32) }),
    }
}

fn to_be_signed(key: &PublicKey, subject: &Subject<'_>, role: Role) -> Result<ToBeSignedCertificate, IssueError> {
    if subject.psids.is_empty() || subject.psids.len() > MAX_PERMISSIONS {
        return Err(IssueError::Psids(subject.psids.len()));
    }
    let psids = subject.psids.iter().map(|psid| base::Psid(Integer::from(psid.0)));
    let (app, issue) = match role {
        Role::EndEntity => {
            let entries = psids.map(|psid| base::PsidSsp { psid, ssp: None }).collect::<Vec<_>>();
            (Some(base::SequenceOfPsidSsp(entries)), None)
        }
        Role::Root | Role::Authority => {
            let entries = psids.map(|psid| base::PsidSspRange { psid, ssp_range: None }).collect::<Vec<_>>();
            let explicit = SubjectPermissions::Explicit(base::SequenceOfPsidSspRange(entries));
            let longer_by = i32::from(matches!(role, Role::Root));
            let group = PsidGroupPermissions::builder()
                .subject_permissions(explicit)
                .chain_length_range(Integer::from(longer_by))
                .build();
            (None, Some(SequenceOfPsidGroupPermissions(vec![group])))
        }
    };
    ToBeSignedCertificate::builder()
        .id(match subject.name {
            Some(name) => CertificateId::Name(base::Hostname(name.to_owned())),
            None => CertificateId::None(()),
        })
        .craca_id(base::HashedId3(FixedOctetString::new([0; 3])))
        .crl_series(base::CrlSeries(1))
        .validity_period(wire_validity(&subject.validity)?)
        .maybe_region(subject.region.as_ref().map(wire_region).transpose()?)
        .maybe_app_permissions(app)
        .maybe_cert_issue_permissions(issue)
        .verify_key_indicator(VerificationKeyIndicator::VerificationKey(wire_key(key)))
        .build()
        .map_err(|e| IssueError::Encode(e.to_string()))
}

fn wire_key(key: &PublicKey) -> base::PublicVerificationKey {
    let compressed = key.compressed();
    let mut x = [0; 32];
    x.copy_from_slice(&compressed[1..]);
    let x = FixedOctetString::new(x);
    let point = match compressed[0] {
        2 => base::EccP256CurvePoint::CompressedY0(x),
        _ => base::EccP256CurvePoint::CompressedY1(x),
    };
    match key.algorithm() {
        Algorithm::EcdsaP256 => base::PublicVerificationKey::EcdsaNistP256(point),
        Algorithm::Sm2 => base::PublicVerificationKey::EcsigSm2(point),
    }
}

fn wire_validity(validity: &Validity) -> Result<base::ValidityPeriod, IssueError> {
    let fault = || IssueError::Validity(validity.from, validity.until);
    let start = time32_of(validity.from).ok_or_else(fault)?;
    let until_ns = i128::from(validity.until.unix_ns());
    let length_ns = until_ns - i128::from(crate::time::utc_of_time32(start).unix_ns());
    if validity.until <= validity.from {
        return Err(fault());
    }
    let length_s = length_ns.unsigned_abs().div_ceil(1_000_000_000);
    let count = |unit_s: u128| u16::try_from(length_s.div_ceil(unit_s)).ok();
    let duration = count(1)
        .map(base::Duration::Seconds)
        .or_else(|| count(60).map(base::Duration::Minutes))
        .or_else(|| count(3600).map(base::Duration::Hours))
        .or_else(|| count(60 * 3600).map(base::Duration::SixtyHours));
    Ok(base::ValidityPeriod { start: base::Time32(start), duration: duration.ok_or_else(fault)? })
}

fn wire_region(circle: &Circle) -> Result<rasn_its::ieee1609dot2::base_types::GeographicRegion, IssueError> {
    let fault = || IssueError::Encode(format!("a circle around {:?}", circle.center));
    let scaled = |degrees: f64| (degrees * 1e7).round() as i32;
    let latitude = base::NinetyDegreeInt::new(scaled(circle.center.lat_deg)).ok_or_else(fault)?;
    let longitude = base::OneEightyDegreeInt::new(scaled(circle.center.lon_deg)).ok_or_else(fault)?;
    Ok(base::GeographicRegion::CircularRegion(base::CircularRegion {
        center: base::TwoDLocation { latitude: base::Latitude(latitude), longitude: base::Longitude(longitude) },
        radius: circle.radius_m,
    }))
}
