//! Who a certificate speaks for.

use jxz_world::SiteId;
use rustls_pki_types::CertificateDer;
use std::fmt;
use std::path::{Path, PathBuf};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Who a certificate speaks for. Its only name in the authority's own domain says so: `cloud.jxz`,
/// `NAME.node.jxz`, `NAME.vehicle.jxz` or `NAME.operator.jxz`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The cloud.
    Cloud,
    /// A site's edge node.
    Node(SiteId),
    /// A vehicle's on-board unit, by its name in the fleet (`0007`).
    Vehicle(String),
    /// A person or tool that operates the system.
    Operator(String),
}

/// Why a name or a certificate gives no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoleError {
    /// The name cannot be part of a DNS name.
    #[error("`{0}` cannot name a certificate: 1 to 63 of a-z, 0-9 and -, no - at either end")]
    Name(String),
    /// The certificate cannot be read.
    #[error("certificate cannot be read: {0}")]
    Certificate(String),
    /// The certificate names no role, or more than one.
    #[error("certificate has {0} names of the authority's domain, not one")]
    Names(usize),
}

impl Role {
    /// The DNS name that stands for the role in its certificate, and that a client asks a server for.
    #[must_use]
    pub fn dns_name(&self) -> String {
        match self {
            Self::Cloud => "cloud.jxz".to_owned(),
            Self::Node(site) => format!("{site}.node.jxz"),
            Self::Vehicle(name) => format!("{name}.vehicle.jxz"),
            Self::Operator(name) => format!("{name}.operator.jxz"),
        }
    }

    /// The role that a DNS name stands for.
    #[must_use]
    pub fn from_dns_name(name: &str) -> Option<Self> {
        let name = name.strip_suffix(".jxz")?;
        if name == "cloud" {
            return Some(Self::Cloud);
        }
        let (name, kind) = name.split_once('.')?;
        check_label(name).ok()?;
        match kind {
            "node" => Some(Self::Node(SiteId(name.to_owned()))),
            "vehicle" => Some(Self::Vehicle(name.to_owned())),
            "operator" => Some(Self::Operator(name.to_owned())),
            _ => None,
        }
    }

    /// The role that a certificate speaks for. The certificate's signature is not looked at: TLS has done so.
    ///
    /// # Errors
    /// Not a certificate, or one with no name of a role, or with several.
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Self, RoleError> {
        let (_, certificate) =
            X509Certificate::from_der(certificate).map_err(|error| RoleError::Certificate(error.to_string()))?;
        let names = certificate
            .subject_alternative_name()
            .map_err(|error| RoleError::Certificate(error.to_string()))?
            .map(|extension| extension.value.general_names.as_slice())
            .unwrap_or_default();
        let mut roles: Vec<Self> = names
            .iter()
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Self::from_dns_name(name),
                _ => None,
            })
            .collect();
        match (roles.pop(), roles.len()) {
            (Some(role), 0) => Ok(role),
            (Some(_), others) => Err(RoleError::Names(others + 1)),
            (None, _) => Err(RoleError::Names(0)),
        }
    }

    /// Checks that the role's name can be part of a DNS name.
    ///
    /// # Errors
    /// [`RoleError::Name`] if it cannot.
    pub fn check(&self) -> Result<(), RoleError> {
        match self {
            Self::Cloud => Ok(()),
            Self::Node(SiteId(name)) | Self::Vehicle(name) | Self::Operator(name) => check_label(name),
        }
    }

    /// Where the role's certificate is in an authority's folder.
    #[must_use]
    pub fn certificate_path(&self, dir: &Path) -> PathBuf {
        self.path(dir, "pem")
    }

    /// Where the role's private key is in an authority's folder.
    #[must_use]
    pub fn key_path(&self, dir: &Path) -> PathBuf {
        self.path(dir, "key")
    }

    fn path(&self, dir: &Path, extension: &str) -> PathBuf {
        match self {
            Self::Cloud => dir.join(format!("cloud.{extension}")),
            Self::Node(site) => dir.join("node").join(format!("{site}.{extension}")),
            Self::Vehicle(name) => dir.join("vehicle").join(format!("{name}.{extension}")),
            Self::Operator(name) => dir.join("operator").join(format!("{name}.{extension}")),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cloud => f.write_str("cloud"),
            Self::Node(site) => write!(f, "node {site}"),
            Self::Vehicle(name) => write!(f, "vehicle {name}"),
            Self::Operator(name) => write!(f, "operator {name}"),
        }
    }
}

fn check_label(label: &str) -> Result<(), RoleError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=63).contains(&label.len()) && label.chars().all(allowed);
    if fits && !label.starts_with('-') && !label.ends_with('-') {
        Ok(())
    } else {
        Err(RoleError::Name(label.to_owned()))
    }
}
