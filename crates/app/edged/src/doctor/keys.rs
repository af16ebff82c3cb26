//! Keys and certificates: there, of this site, of our authority, valid for long enough, and secret.

use super::{Finding, Unit};
use jxz_link::{CertificateInfo, Credentials, Role, load_signer, load_trust, node_certificate};
use jxz_security::Certificate;
use jxz_units::Utc;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Certificates that end sooner are worth a word: a node renews its own when a third of its life is left, ten days of thirty.
const SOON_DAYS: f64 = 7.0;
const DAY_S: f64 = 86_400.0;
const ISSUE: &str = "issue new ones (jxz pki make) and copy this site's to the unit";

pub(super) fn certificates(unit: &Unit<'_>) -> Vec<Finding> {
    let dir = &unit.config.pki.dir;
    let role = Role::Node(unit.config.site.clone());
    let mut findings = Vec::new();
    match Credentials::load(dir, &role) {
        Ok(credentials) => match credentials.check_chain(unit.now) {
            Ok(()) => findings.push(Finding::ok("certificate", format!("{role}: key and authority fit"))),
            Err(error) => findings.push(Finding::fail("certificate", format!("{role}: {error}"), ISSUE)),
        },
        Err(error) => findings.push(Finding::fail("certificate", error.to_string(), ISSUE)),
    }
    // These two alone: a folder may hold others' that are not ours to read.
    let authority = CertificateInfo::of_authority(&dir.join("ca.pem")).map(|info| ("the authority".to_owned(), info));
    let own = CertificateInfo::of_member(&role.certificate_path(dir)).map(|info| (role.to_string(), info));
    for (whose, info) in [authority, own].into_iter().flatten() {
        findings.push(validity(&whose, info.not_before, info.not_after, unit.now));
    }
    findings.push(secrecy(&role.key_path(dir)));
    if unit.config.security.enabled {
        findings.extend(messages(unit));
    } else {
        let advice = "security.enabled = true, outside a laboratory";
        findings.push(Finding::warn("messages", "are neither signed nor checked", advice));
    }
    findings
}

/// What the node signs its messages on the air with.
fn messages(unit: &Unit<'_>) -> Vec<Finding> {
    let (dir, site) = (&unit.config.pki.dir, &unit.config.site);
    let mut findings = Vec::new();
    match load_signer(dir, site).map(drop).and_then(|()| load_trust(dir).map(drop)) {
        Ok(()) => findings.push(Finding::ok("messages", "signing key, certificate and authorities fit")),
        Err(error) => findings.push(Finding::fail("messages", error.to_string(), ISSUE)),
    }
    let certificate = node_certificate(dir, site);
    let read = std::fs::read(&certificate).ok().and_then(|bytes| Certificate::parse(&bytes).ok());
    if let Some(read) = read {
        let held = read.validity();
        findings.push(validity("messages", held.from, held.until, unit.now));
        findings.push(secrecy(&certificate.with_extension("key")));
    }
    findings
}

fn validity(whose: &str, from: Utc, until: Utc, now: Utc) -> Finding {
    let left_days = until.seconds_since(now) / DAY_S;
    if now < from {
        let found = format!("{whose}: not valid yet, for {:.1} days", from.seconds_since(now) / DAY_S);
        Finding::fail("expiry", found, "is the clock right? else wait, or issue new ones")
    } else if left_days <= 0.0 {
        Finding::fail("expiry", format!("{whose}: ended {:.1} days ago", -left_days), ISSUE)
    } else if left_days < SOON_DAYS {
        Finding::warn("expiry", format!("{whose}: ends in {left_days:.1} days"), ISSUE)
    } else {
        Finding::ok("expiry", format!("{whose}: valid for {left_days:.0} more days"))
    }
}

/// Whether only its owner and, for reading, its group get at a key.
fn secrecy(key: &Path) -> Finding {
    let name = key.display();
    match std::fs::metadata(key) {
        Ok(metadata) if metadata.mode() & 0o027 != 0 => {
            let found = format!("{name} has mode {:04o}", metadata.mode() & 0o7777);
            Finding::fail("key", found, format!("chown root:jxz-edge {name}; chmod 640 {name}"))
        }
        Ok(_) => Finding::ok("key", format!("{name} is secret")),
        Err(error) => Finding::fail("key", format!("{name}: {error}"), ISSUE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn expiry_is_seen_before_it_comes() {
        let day = |n: f64| Utc::from_unix_ms(1_786_270_272_000).plus_seconds(n * DAY_S);
        for (now, level) in
            [(-1.0, Level::Fail), (1.0, Level::Ok), (20.0, Level::Ok), (24.0, Level::Warn), (31.0, Level::Fail)]
        {
            assert_eq!(validity("node a", day(0.0), day(30.0), day(now)).level, level, "day {now}");
        }
    }

    #[test]
    fn a_key_that_others_can_read_fails() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("a.key");
        std::fs::write(&key, "").unwrap();
        for (mode, level) in [(0o600, Level::Ok), (0o640, Level::Ok), (0o644, Level::Fail), (0o660, Level::Fail)] {
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(secrecy(&key).level, level, "{mode:o}");
        }
    }
}
