//! A certificate with its key and the authority to trust, as TLS takes them.

use crate::{LinkError, Role, RoleError};
use jxz_units::Utc;
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;

/// What one side of a link shows, and whom it trusts. Clones share it: after [`Credentials::replace`] every link that
/// stands on it shows the new certificate at its next handshake.
#[derive(Clone)]
pub struct Credentials {
    identity: Arc<Identity>,
    authorities: Arc<Vec<CertificateDer<'static>>>,
    roots: Arc<RootCertStore>,
    role: Role,
}

/// The certificate with its key that is shown at present.
struct Identity(RwLock<Arc<CertifiedKey>>);

impl Identity {
    fn now(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.now())
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.now())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("role", &self.role).finish_non_exhaustive()
    }
}

impl Credentials {
    /// A role's credentials from an authority's folder, as [`crate::make`] lays it out.
    ///
    /// # Errors
    /// As [`Credentials::load_files`]; also if the certificate is of another role.
    pub fn load(dir: &Path, role: &Role) -> Result<Self, LinkError> {
        let certificate = role.certificate_path(dir);
        let loaded = Self::load_files(&dir.join("ca.pem"), &certificate, &role.key_path(dir))?;
        if loaded.role == *role {
            Ok(loaded)
        } else {
            Err(LinkError::Pem { path: certificate, reason: format!("is of {}, not of {role}", loaded.role) })
        }
    }

    /// Credentials from three PEM files: the authorities to trust, the own certificate (chain), its private key.
    ///
    /// # Errors
    /// A file that cannot be read or holds no such thing, a certificate without a role, or a key that does not fit it.
    pub fn load_files(authorities: &Path, certificate: &Path, key: &Path) -> Result<Self, LinkError> {
        let trusted = certificates(authorities)?;
        let mut roots = RootCertStore::empty();
        for root in &trusted {
            roots
                .add(root.clone())
                .map_err(|error| LinkError::Pem { path: authorities.to_owned(), reason: error.to_string() })?;
        }
        let chain = certificates(certificate)?;
        let private = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| LinkError::Pem { path: key.to_owned(), reason: error.to_string() })?;
        let role = Role::of_certificate(&chain[0])?;
        let certified = CertifiedKey::from_der(chain, private, &provider())
            .map_err(|error| LinkError::Pem { path: key.to_owned(), reason: error.to_string() })?;
        let identity = Arc::new(Identity(RwLock::new(Arc::new(certified))));
        Ok(Self { identity, authorities: Arc::new(trusted), roots: Arc::new(roots), role })
    }

    /// Who these credentials speak for.
    #[must_use]
    pub const fn role(&self) -> &Role {
        &self.role
    }

    /// Checks that the authority issued the own certificate, and that it holds at a time, as a peer would check it.
    ///
    /// # Errors
    /// [`LinkError::Tls`] with the reason for which a peer would refuse it.
    pub fn check_chain(&self, at: Utc) -> Result<(), LinkError> {
        let at = UnixTime::since_unix_epoch(Duration::from_nanos(u64::try_from(at.unix_ns()).unwrap_or(0)));
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), provider())
            .build()
            .map_err(|error| LinkError::Tls(error.to_string()))?;
        let shown = self.identity.now();
        let [own, between @ ..] = shown.cert.as_slice() else { return Ok(()) };
        verifier.verify_client_cert(own, between, at).map(drop).map_err(tls)
    }

    /// From the next handshake on shows what `renewed` shows, here and in every clone. Whom to trust stays as it is.
    ///
    /// # Errors
    /// `renewed` speaks for somebody else.
    pub fn replace(&self, renewed: &Self) -> Result<(), LinkError> {
        if renewed.role != self.role {
            return Err(LinkError::Tls(format!(
                "a certificate of {} cannot replace one of {}",
                renewed.role, self.role
            )));
        }
        *self.identity.0.write().unwrap_or_else(PoisonError::into_inner) = renewed.identity.now();
        Ok(())
    }

    /// The certificate that is shown at present.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn certificate(&self) -> Result<CertificateId, LinkError> {
        let now = self.identity.now();
        let certificate = now.cert.first().ok_or_else(|| LinkError::Tls("an empty certificate chain".to_owned()))?;
        Ok(CertificateId::of(certificate)?)
    }

    /// A TLS 1.3 server that demands a certificate of the same authority.
    ///
    /// # Errors
    /// If the authority cannot be used.
    pub fn server_config(&self, alpn: &[u8]) -> Result<rustls::ServerConfig, LinkError> {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), provider())
            .build()
            .map_err(|error| LinkError::Tls(error.to_string()))?;
        self.server_with(verifier, vec![alpn.to_vec()])
    }

    /// A TLS 1.3 server that looks at a certificate of the same authority if there is one, and shows the authority's
    /// certificate behind its own: a newcomer has neither.
    ///
    /// # Errors
    /// As [`Credentials::server_config`].
    pub(crate) fn open_server_config(&self, alpns: &[&[u8]]) -> Result<rustls::ServerConfig, LinkError> {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), provider())
            .allow_unauthenticated()
            .build()
            .map_err(|error| LinkError::Tls(error.to_string()))?;
        let mut shown = (*self.identity.now()).clone();
        shown.cert.extend(self.authorities.first().cloned());
        let whole = Self { identity: Arc::new(Identity(RwLock::new(Arc::new(shown)))), ..self.clone() };
        whole.server_with(verifier, alpns.iter().map(|alpn| alpn.to_vec()).collect())
    }

    fn server_with(
        &self,
        verifier: Arc<dyn ClientCertVerifier>,
        alpns: Vec<Vec<u8>>,
    ) -> Result<rustls::ServerConfig, LinkError> {
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(tls)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&self.identity) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = alpns;
        // A session taken up again would speak with the certificate that it began with, expired or revoked or not.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// A TLS 1.3 client that shows its certificate and demands one of the same authority.
    ///
    /// # Errors
    /// If the authority cannot be used.
    pub fn client_config(&self, alpn: &[u8]) -> Result<rustls::ClientConfig, LinkError> {
        let mut config = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(tls)?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_client_cert_resolver(Arc::clone(&self.identity) as Arc<dyn ResolvesClientCert>);
        config.alpn_protocols = vec![alpn.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(config)
    }
}

/// One certificate among all that an authority issued, and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateId {
    /// Its serial number, hexadecimal.
    pub serial: String,
    /// From when it holds.
    pub not_before: Utc,
    /// Until when it holds.
    pub not_after: Utc,
}

impl CertificateId {
    /// Of a certificate.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, RoleError> {
        let (_, read) =
            X509Certificate::from_der(certificate).map_err(|error| RoleError::Certificate(error.to_string()))?;
        let utc = |time: ASN1Time| Utc::from_unix_ms(time.timestamp().saturating_mul(1000));
        Ok(Self {
            serial: hex(read.raw_serial()),
            not_before: utc(read.validity().not_before),
            not_after: utc(read.validity().not_after),
        })
    }

    /// When it is to be renewed: at two thirds of its life.
    #[must_use]
    pub fn renew_at(&self) -> Utc {
        self.not_before.plus_seconds(self.not_after.seconds_since(self.not_before) * 2.0 / 3.0)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn tls(error: rustls::Error) -> LinkError {
    LinkError::Tls(error.to_string())
}

/// One or more certificates.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LinkError> {
    let bad = |reason: String| LinkError::Pem { path: path.to_owned(), reason };
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|error| bad(error.to_string()))?
        .collect::<Result<_, _>>()
        .map_err(|error| bad(error.to_string()))?;
    if found.is_empty() { Err(bad("holds no certificate".to_owned())) } else { Ok(found) }
}
