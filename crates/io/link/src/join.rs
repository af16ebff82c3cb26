//! Joining and renewing, the node's side: a key that never leaves the unit, and the certificate for it.

use crate::credentials::{hex, provider};
use crate::session::client_endpoint;
use crate::transport::{PEER_TIMEOUT, client_of};
use crate::{ALPN_JOIN, Credentials, LinkError, Role, transport};
use jxz_wire::{Issued, JoinRequest, MAX_JOIN_BYTES, SECRET_BYTES, decode_join_reply, encode_join};
use jxz_world::SiteId;
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use x509_parser::prelude::{FromDer, X509Certificate};

/// How long the whole of it may take.
const JOIN_TIMEOUT: Duration = Duration::from_secs(20);
const TOKEN_MARK: &str = "jxz1";

/// SHA-256 of a certificate.
pub(crate) fn fingerprint(certificate: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest.as_ref());
    fingerprint
}

/// What an operator carries to a unit so that it may join: `jxz1/ADDRESS/FINGERPRINT/SECRET`, in hexadecimal.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// Host and port of the cloud's listener for nodes.
    pub cloud: String,
    /// SHA-256 of the authority's certificate.
    pub authority: [u8; 32],
    /// What proves that the unit may join; good once.
    pub secret: [u8; SECRET_BYTES],
}

impl JoinToken {
    /// A token with a new secret.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(cloud: String, authority: [u8; 32]) -> Result<Self, LinkError> {
        let mut secret = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut secret).map_err(|_| LinkError::NoRandomness)?;
        Ok(Self { cloud, authority, secret })
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken").field("cloud", &self.cloud).finish_non_exhaustive()
    }
}

/// The whole token, secret and all: to be shown once, to whoever carries it.
impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{TOKEN_MARK}/{}/{}/{}", self.cloud, hex(&self.authority), hex(&self.secret))
    }
}

impl FromStr for JoinToken {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let bad = |what: &str| {
            LinkError::Request(format!("not a token ({what}); copy it whole, it begins with {TOKEN_MARK}/"))
        };
        let mut parts = text.trim().split('/');
        let (mark, cloud, authority, secret) = (parts.next(), parts.next(), parts.next(), parts.next());
        if mark != Some(TOKEN_MARK) || parts.next().is_some() {
            return Err(bad("its form"));
        }
        let cloud =
            cloud.filter(|cloud| cloud.contains(':') && cloud.len() <= 255).ok_or_else(|| bad("the address"))?;
        Ok(Self {
            cloud: cloud.to_owned(),
            authority: authority.and_then(unhex).ok_or_else(|| bad("the fingerprint"))?,
            secret: secret.and_then(unhex).ok_or_else(|| bad("the secret"))?,
        })
    }
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A certificate with its key and the authority's certificate, not written yet.
pub struct NewIdentity {
    site: SiteId,
    key: KeyPair,
    issued: Issued,
}

impl fmt::Debug for NewIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewIdentity").field("site", &self.site).finish_non_exhaustive()
    }
}

/// Joins: makes a key, and gets the site's certificate for it. The cloud is the one whose authority the token names.
///
/// # Errors
/// The cloud is not reached, is another than the token's, or refuses.
pub async fn join(token: &JoinToken, server_name: &str, site: &SiteId) -> Result<NewIdentity, LinkError> {
    let verifier = Arc::new(Pinned { authority: token.authority });
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| LinkError::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN_JOIN.to_vec()];
    let identity = ask(client_of(tls)?, (&token.cloud, server_name), site, Some(token.secret)).await?;
    if fingerprint(&identity.issued.authority) == token.authority {
        Ok(identity)
    } else {
        Err(LinkError::Refused("it answers with another authority than the token names".to_owned()))
    }
}

/// Renews: makes another key, and gets the next certificate for it, by showing the one that there is.
///
/// # Errors
/// The cloud is not reached, or refuses.
pub async fn renew(
    credentials: &Credentials,
    cloud: &str,
    server_name: &str,
    site: &SiteId,
) -> Result<NewIdentity, LinkError> {
    ask(transport::client(credentials, ALPN_JOIN)?, (cloud, server_name), site, None).await
}

async fn ask(
    client: quinn::ClientConfig,
    (cloud, server_name): (&str, &str),
    site: &SiteId,
    secret: Option<[u8; SECRET_BYTES]>,
) -> Result<NewIdentity, LinkError> {
    let role = Role::Node(site.clone());
    role.check()?;
    let made = |source| LinkError::Make { name: role.to_string(), source };
    let key = KeyPair::generate().map_err(made)?;
    let request =
        CertificateParams::new(vec![role.dns_name()]).and_then(|p| p.serialize_request(&key)).map_err(made)?;
    let request = JoinRequest { site: site.clone(), secret, request: request.der().to_vec() };
    let failed = |reason: String| LinkError::Connect { peer: format!("{server_name} at {cloud}"), reason };
    let exchange = async {
        let address = tokio::net::lookup_host(cloud)
            .await
            .map_err(|error| failed(error.to_string()))?
            .next()
            .ok_or_else(|| failed("the name has no address".to_owned()))?;
        let endpoint = client_endpoint(address)?;
        let connecting =
            endpoint.connect_with(client, address, server_name).map_err(|error| failed(error.to_string()))?;
        let connection = timeout(PEER_TIMEOUT, connecting)
            .await
            .map_err(|_| failed("no answer".to_owned()))?
            .map_err(|error| failed(error.to_string()))?;
        let said = async {
            let (mut send, mut recv) = connection.open_bi().await?;
            send.write_all(&encode_join(&request)).await?;
            send.finish()?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(recv.read_to_end(MAX_JOIN_BYTES).await?)
        };
        let reply = said.await.map_err(|error| match connection.close_reason() {
            Some(reason) => failed(reason.to_string()),
            None => failed(error.to_string()),
        })?;
        connection.close(0_u32.into(), b"thank you");
        endpoint.wait_idle().await;
        decode_join_reply(&reply).map_err(|error| failed(error.to_string()))
    };
    let issued = timeout(JOIN_TIMEOUT, exchange).await.map_err(|_| failed("it took too long".to_owned()))??;
    let issued = issued.map_err(LinkError::Refused)?;
    let identity = NewIdentity { site: site.clone(), key, issued };
    identity.check()?;
    Ok(identity)
}

impl NewIdentity {
    /// The certificate must be the site's, and for the key that was made here.
    fn check(&self) -> Result<(), LinkError> {
        let certificate = CertificateDer::from(self.issued.certificate.as_slice());
        let role = Role::of_certificate(&certificate)?;
        let (_, read) =
            X509Certificate::from_der(&certificate).map_err(|error| LinkError::Refused(error.to_string()))?;
        let same_key = read.public_key().subject_public_key.data.as_ref() == self.key.der_bytes();
        if role == Role::Node(self.site.clone()) && same_key {
            Ok(())
        } else {
            Err(LinkError::Refused(format!("its answer is not a certificate of node {} for our key", self.site)))
        }
    }

    /// Writes it into a folder as [`crate::make`] lays it out: `ca.pem`, `node/SITE.pem`, and `node/SITE.key` for its
    /// owner only. After a loss of power the folder holds either what it held or all of this, once
    /// [`finish_writing`] has looked at it.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), LinkError> {
        finish_writing(dir, &self.site)?;
        let [key, authority, certificate] = paths(dir, &self.site);
        let pem = |der: &[u8]| pem::encode(&pem::Pem::new("CERTIFICATE", der)).into_bytes();
        put(&draft(&key), self.key.serialize_pem().as_bytes(), 0o600)?;
        put(&draft(&authority), &pem(&self.issued.authority), 0o644)?;
        // Last of the three: while it is missing, nothing has begun.
        put(&draft(&certificate), &pem(&self.issued.certificate), 0o644)?;
        for path in [key, authority, certificate] {
            settle(&draft(&path), &path)?;
        }
        Ok(())
    }
}

/// The key first: when its draft is gone and the certificate's is still there, the rest has to follow.
fn paths(dir: &Path, site: &SiteId) -> [PathBuf; 3] {
    let role = Role::Node(site.clone());
    [role.key_path(dir), dir.join("ca.pem"), role.certificate_path(dir)]
}

fn draft(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Finishes what a loss of power interrupted while a new identity was being written, or takes it back.
///
/// # Errors
/// A file cannot be moved or removed.
pub fn finish_writing(dir: &Path, site: &SiteId) -> Result<(), LinkError> {
    let [key, authority, certificate] = paths(dir, site);
    let whole = draft(&certificate).exists() && !draft(&key).exists();
    for path in [key, authority, certificate] {
        let draft = draft(&path);
        if !draft.exists() {
            continue;
        }
        if whole {
            settle(&draft, &path)?;
        } else {
            fs::remove_file(&draft).map_err(|source| LinkError::File { action: "remove", path: draft, source })?;
        }
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8], mode: u32) -> Result<(), LinkError> {
    let failed = |action| move |source| LinkError::File { action, path: path.to_owned(), source };
    let parent = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed("make the folder of"))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed("create"))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed("write"))?;
    sync_folder(parent)
}

fn settle(draft: &Path, path: &Path) -> Result<(), LinkError> {
    fs::rename(draft, path).map_err(|source| LinkError::File { action: "replace", path: path.to_owned(), source })?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

fn sync_folder(folder: &Path) -> Result<(), LinkError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| LinkError::File { action: "make durable", path: folder.to_owned(), source })
}

/// Trusts the authority whose certificate has one fingerprint, and those whom it vouches for.
#[derive(Debug)]
struct Pinned {
    authority: [u8; 32],
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let authority = intermediates
            .iter()
            .find(|certificate| fingerprint(certificate) == self.authority)
            .ok_or(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_from_its_text_and_half_of_one_does_not() {
        let token = JoinToken { cloud: "[::1]:7400".into(), authority: [0xab; 32], secret: [0x01; 16] };
        let text = token.to_string();
        assert_eq!(text.parse::<JoinToken>().unwrap(), token);
        assert_eq!(format!(" {text}\n").parse::<JoinToken>().unwrap(), token);
        assert!(!format!("{token:?}").contains("0101"), "the secret is not in logs");
        for bad in
            [&text[..text.len() - 1], &text[5..], "", "jxz1///", &format!("{text}/00"), &text.replace("ab", "xx")]
        {
            assert!(bad.parse::<JoinToken>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_interrupted_writing_is_finished_or_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let site = SiteId("north".into());
        let [key, authority, certificate] = paths(dir.path(), &site);
        let old = |path: &Path| put(path, b"old", 0o600).unwrap();
        let new = |path: &Path| put(&draft(path), b"new", 0o600).unwrap();
        for path in [&key, &authority, &certificate] {
            old(path);
        }
        // Before the certificate's draft was there.
        new(&key);
        finish_writing(dir.path(), &site).unwrap();
        assert!(!draft(&key).exists());
        assert_eq!(fs::read(&key).unwrap(), b"old");
        // After the key had been moved.
        for path in [&key, &authority, &certificate] {
            new(path);
        }
        settle(&draft(&key), &key).unwrap();
        finish_writing(dir.path(), &site).unwrap();
        for path in [&key, &authority, &certificate] {
            assert_eq!(fs::read(path).unwrap(), b"new");
            assert!(!draft(path).exists());
        }
    }
}
