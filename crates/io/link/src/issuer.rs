//! The authority that issues nodes' certificates to requests.

use crate::credentials::hex;
use crate::{CertificateId, LinkError, Role};
use jxz_units::Utc;
use jxz_wire::Issued;
use jxz_world::SiteId;
use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SerialNumber,
};
use ring::rand::{SecureRandom, SystemRandom};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer};
use std::fmt;
use std::path::Path;
use std::time::Duration;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Certificates hold from a little before they are made, for clocks that lag.
const BACKDATED: Duration = Duration::from_secs(3600);

/// An authority with its key.
pub struct Issuer {
    issuer: rcgen::Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    not_after: Utc,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("fingerprint", &hex(&self.fingerprint())).finish_non_exhaustive()
    }
}

/// A certificate as issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCertificate {
    /// Which one it is, and until when it holds.
    pub id: CertificateId,
    /// What the node gets.
    pub issued: Issued,
}

impl Issuer {
    /// The authority of a folder: `ca.pem` and `ca.key`.
    ///
    /// # Errors
    /// A file that cannot be read or holds no such thing, or a key that is not the certificate's.
    pub fn load(dir: &Path) -> Result<Self, LinkError> {
        let (certificate_path, key_path) = (dir.join("ca.pem"), dir.join("ca.key"));
        let bad = |path: &Path, reason: String| LinkError::Pem { path: path.to_owned(), reason };
        let certificate = CertificateDer::from_pem_file(&certificate_path)
            .map_err(|error| bad(&certificate_path, error.to_string()))?;
        let pem = std::fs::read_to_string(&key_path).map_err(|source| LinkError::File {
            action: "read",
            path: key_path.clone(),
            source,
        })?;
        let key = KeyPair::from_pem(&pem).map_err(|error| bad(&key_path, error.to_string()))?;
        let not_after = CertificateId::of(&certificate)?.not_after;
        let (_, read) =
            X509Certificate::from_der(&certificate).map_err(|error| bad(&certificate_path, error.to_string()))?;
        if read.public_key().subject_public_key.data.as_ref() != key.der_bytes() {
            return Err(bad(&key_path, format!("is not the key of {}", certificate_path.display())));
        }
        if !read.is_ca() {
            return Err(bad(&certificate_path, "is not of an authority".to_owned()));
        }
        let issuer = rcgen::Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|error| bad(&certificate_path, error.to_string()))?;
        Ok(Self { issuer, certificate, not_after })
    }

    /// SHA-256 of the authority's certificate: what a token names, for a node to trust it by.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        crate::join::fingerprint(&self.certificate)
    }

    /// Issues a site's certificate to a request. Only the request's key is taken from it, and that its holder signed it.
    ///
    /// # Errors
    /// The request cannot be read or its signature does not hold; its key is not ECDSA P-256; or the authority itself
    /// has expired.
    pub fn issue(&self, site: &SiteId, request: &[u8], now: Utc, life: Duration) -> Result<NodeCertificate, LinkError> {
        let role = Role::Node(site.clone());
        role.check()?;
        let request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(request))
            .map_err(|error| LinkError::Request(error.to_string()))?;
        if *request.public_key.algorithm() != PKCS_ECDSA_P256_SHA256 {
            return Err(LinkError::Request("its key is not ECDSA P-256".to_owned()));
        }
        let until = (now + life).min(self.not_after);
        if until <= now {
            return Err(LinkError::Request("the authority's own certificate has expired".to_owned()));
        }
        let made = |source| LinkError::Make { name: role.to_string(), source };
        let mut params = CertificateParams::new(vec![role.dns_name()]).map_err(made)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Jiangxin");
        params.distinguished_name.push(DnType::CommonName, role.dns_name());
        let date = |at: Utc| {
            let since = Duration::from_nanos(u64::try_from(at.unix_ns()).unwrap_or(0));
            rcgen::date_time_ymd(1970, 1, 1) + since
        };
        params.not_before = date(now.plus_seconds(-BACKDATED.min(life / 100).as_secs_f64()));
        params.not_after = date(until);
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // A node is a client of the cloud and the server of its vehicles.
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(SerialNumber::from(serial()?.to_vec()));
        let certificate = params.signed_by(&request.public_key, &self.issuer).map_err(made)?;
        let id = CertificateId::of(certificate.der())?;
        let issued = Issued { certificate: certificate.der().to_vec(), authority: self.certificate.to_vec() };
        Ok(NodeCertificate { id, issued })
    }
}

/// 126 random bits: positive, without leading zeros, within the 20 octets of RFC 5280.
fn serial() -> Result<[u8; 16], LinkError> {
    let mut serial = [0; 16];
    SystemRandom::new().fill(&mut serial).map_err(|_| LinkError::NoRandomness)?;
    serial[0] = (serial[0] & 0x7f) | 0x40;
    Ok(serial)
}
