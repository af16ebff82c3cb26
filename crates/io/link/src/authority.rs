//! The development authority: one root, and a certificate for everyone who takes part.

use crate::message_authority::{self, MessagePlan, make_messages};
use crate::{LinkError, Role};
use jxz_units::Utc;
use jxz_world::SiteId;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The most certificates of one kind.
const MAX_OF_A_KIND: usize = 100_000;
/// Certificates hold from a little before they are made, for clocks that lag.
const BACKDATED: Duration = Duration::from_secs(3600);

/// For whom an authority makes certificates, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The sites whose nodes take part.
    pub sites: Vec<SiteId>,
    /// How many vehicles take part; they are named `0001` and on.
    pub vehicles: u16,
    /// Names of operators.
    pub operators: Vec<String>,
    /// How messages on the air are signed.
    pub messages: MessagePlan,
    /// When the certificates begin to hold.
    pub now: Utc,
    /// For how many days they hold.
    pub days: u16,
}

impl Plan {
    /// Everyone in the plan.
    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        std::iter::once(Role::Cloud)
            .chain(self.sites.iter().cloned().map(Role::Node))
            .chain((1..=self.vehicles).map(|n| Role::Vehicle(format!("{n:04}"))))
            .chain(self.operators.iter().cloned().map(Role::Operator))
            .collect()
    }
}

/// Makes a new authority with a certificate for everyone in the plan: `ca.pem` and `ca.key`, `cloud.pem` and
/// `cloud.key`, `node/NAME.…`, `vehicle/NAME.…`, `operator/NAME.…`. Private keys (PKCS #8, ECDSA P-256) have mode 0600,
/// folders made have mode 0700. Beside them `messages/`, for what is signed on the air. Returns who got one.
///
/// # Errors
/// A name that no certificate can carry; without `force`, a file that is there already (nothing is written then); a
/// file that cannot be written.
pub fn make(dir: &Path, plan: &Plan, force: bool) -> Result<Vec<Role>, LinkError> {
    let roles = plan.roles();
    for role in &roles {
        role.check()?;
    }
    let mut files = vec![dir.join("ca.pem"), dir.join("ca.key")];
    for role in &roles {
        files.extend([role.certificate_path(dir), role.key_path(dir)]);
    }
    files.extend(message_authority::paths(dir, plan));
    if let Some(path) = files.into_iter().find(|path| !force && path.exists()) {
        return Err(LinkError::Exists { path });
    }
    let issuer = root(plan).map_err(|source| LinkError::Make { name: "the authority".to_owned(), source })?;
    write(&dir.join("ca.key"), issuer.key().serialize_pem().as_bytes(), 0o600)?;
    for role in &roles {
        let (certificate, key) =
            issue(&issuer, role, plan).map_err(|source| LinkError::Make { name: role.to_string(), source })?;
        write(&role.key_path(dir), key.as_bytes(), 0o600)?;
        write(&role.certificate_path(dir), certificate.as_bytes(), 0o644)?;
    }
    make_messages(dir, plan)?;
    // Last: a folder with `ca.pem` is whole.
    write(&dir.join("ca.pem"), issuer.pem().as_bytes(), 0o644)?;
    Ok(roles)
}

fn params(name: &str, plan: &Plan) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "Jiangxin development");
    params.distinguished_name.push(DnType::CommonName, name);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = Duration::from_nanos(u64::try_from(plan.now.unix_ns()).unwrap_or(0));
    params.not_before = epoch + now.saturating_sub(BACKDATED);
    params.not_after = epoch + now + Duration::from_secs(u64::from(plan.days) * 86_400);
    params.use_authority_key_identifier_extension = true;
    params
}

fn root(plan: &Plan) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = params("Jiangxin development authority", plan);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn issue(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    role: &Role,
    plan: &Plan,
) -> Result<(String, String), rcgen::Error> {
    use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    let mut names = vec![role.dns_name()];
    if *role == Role::Cloud {
        names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    }
    let mut params = params(&role.dns_name(), plan);
    params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = match role {
        Role::Cloud => vec![ServerAuth],
        // A node is a client of the cloud and the server of its vehicles.
        Role::Node(_) => vec![ServerAuth, ClientAuth],
        Role::Vehicle(_) | Role::Operator(_) => vec![ClientAuth],
    };
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), LinkError> {
    let failed = |action| move |source| LinkError::File { action, path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed("make the folder of"))?;
    }
    // A new file each time: an old one would keep its own, perhaps wider, mode.
    if path.exists() {
        fs::remove_file(path).map_err(failed("remove"))?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed("create"))?;
    file.write_all(bytes).map_err(failed("write"))
}

/// One certificate in an authority's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateInfo {
    /// Its file.
    pub path: PathBuf,
    /// Who it speaks for; `None` for the authority's own.
    pub role: Option<Role>,
    /// From when it holds.
    pub not_before: Utc,
    /// Until when it holds.
    pub not_after: Utc,
}

impl CertificateInfo {
    /// What an authority's own certificate says.
    ///
    /// # Errors
    /// A file that cannot be read or holds no certificate.
    pub fn of_authority(path: &Path) -> Result<Self, LinkError> {
        info(path, true)
    }

    /// What the certificate of someone who takes part says.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no certificate with a role.
    pub fn of_member(path: &Path) -> Result<Self, LinkError> {
        info(path, false)
    }
}

/// The certificates in an authority's folder, the authority's own first.
///
/// # Errors
/// A folder or file that cannot be read, or a file ending in `.pem` that holds no certificate or one without a role.
pub fn show(dir: &Path) -> Result<Vec<CertificateInfo>, LinkError> {
    let mut infos = vec![info(&dir.join("ca.pem"), true)?];
    let cloud = Role::Cloud.certificate_path(dir);
    if cloud.exists() {
        infos.push(info(&cloud, false)?);
    }
    for kind in ["node", "vehicle", "operator"] {
        let folder = dir.join(kind);
        if !folder.exists() {
            continue;
        }
        let failed = |source| LinkError::File { action: "list", path: folder.clone(), source };
        let mut paths = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)?.take(2 * MAX_OF_A_KIND) {
            paths.push(entry.map_err(failed)?.path());
        }
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
        paths.sort();
        for path in paths {
            infos.push(info(&path, false)?);
        }
    }
    Ok(infos)
}

fn info(path: &Path, authority: bool) -> Result<CertificateInfo, LinkError> {
    let bad = |reason: String| LinkError::Pem { path: path.to_owned(), reason };
    let der = CertificateDer::from_pem_file(path).map_err(|error| bad(error.to_string()))?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|error| bad(error.to_string()))?;
    let utc = |time: x509_parser::time::ASN1Time| Utc::from_unix_ms(time.timestamp().saturating_mul(1000));
    Ok(CertificateInfo {
        path: path.to_owned(),
        role: if authority { None } else { Some(Role::of_certificate(&der).map_err(|e| bad(e.to_string()))?) },
        not_before: utc(certificate.validity().not_before),
        not_after: utc(certificate.validity().not_after),
    })
}
