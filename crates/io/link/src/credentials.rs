//! A certificate with its key and the authority to trust, as TLS takes them.

use crate::{LinkError, Role};
use jxz_units::Utc;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What one side of a link shows, and whom it trusts.
#[derive(Clone)]
pub struct Credentials {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    roots: Arc<RootCertStore>,
    role: Role,
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
    /// A file that cannot be read or holds no such thing, or a certificate without a role.
    pub fn load_files(authorities: &Path, certificate: &Path, key: &Path) -> Result<Self, LinkError> {
        let mut roots = RootCertStore::empty();
        for root in certificates(authorities)? {
            roots
                .add(root)
                .map_err(|error| LinkError::Pem { path: authorities.to_owned(), reason: error.to_string() })?;
        }
        let chain = certificates(certificate)?;
        let private = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| LinkError::Pem { path: key.to_owned(), reason: error.to_string() })?;
        let role = Role::of_certificate(&chain[0])?;
        Ok(Self { chain, key: Arc::new(private), roots: Arc::new(roots), role })
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
        let [own, between @ ..] = self.chain.as_slice() else { return Ok(()) };
        verifier.verify_client_cert(own, between, at).map(drop).map_err(tls)
    }

    /// A TLS 1.3 server that demands a certificate of the same authority.
    ///
    /// # Errors
    /// If the key does not fit the certificate, or the authority cannot be used.
    pub fn server_config(&self, alpn: &[u8]) -> Result<rustls::ServerConfig, LinkError> {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), provider())
            .build()
            .map_err(|error| LinkError::Tls(error.to_string()))?;
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(tls)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(tls)?;
        config.alpn_protocols = vec![alpn.to_vec()];
        Ok(config)
    }

    /// A TLS 1.3 client that shows its certificate and demands one of the same authority.
    ///
    /// # Errors
    /// If the key does not fit the certificate.
    pub fn client_config(&self, alpn: &[u8]) -> Result<rustls::ClientConfig, LinkError> {
        let mut config = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(tls)?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .map_err(tls)?;
        config.alpn_protocols = vec![alpn.to_vec()];
        Ok(config)
    }
}

fn provider() -> Arc<CryptoProvider> {
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
