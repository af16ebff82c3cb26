//! Decides who gets a certificate.

use super::{Authority, Fleet, store};
use crate::audit;
use crate::caller::{Caller, Right};
use jxz_link::{Enrolment, NodeCertificate, utc_now};
use jxz_units::Utc;
use jxz_wire::Issued;
use rusqlite::Transaction;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Refusals that go into the audit log at once, and one more after this many seconds each: strangers must not fill it.
const REFUSALS: f64 = 20.0;
const REFUSAL_EVERY_S: f64 = 10.0;

/// Answers requests, one after the other.
pub(super) async fn run(fleet: Fleet, mut enrolments: mpsc::Receiver<Enrolment>) {
    let Some(authority) = fleet.authority.clone() else { return std::future::pending().await };
    let mut refusals = Refusals { left: REFUSALS, at: utc_now() };
    while let Some(enrolment) = enrolments.recv().await {
        let verdict = decide(&fleet, &authority, &enrolment).await;
        if let Err(reason) = &verdict
            && refusals.take(utc_now())
        {
            note_refusal(&fleet, &enrolment, reason.clone()).await;
        }
        enrolment.answer(verdict);
    }
    std::future::pending().await
}

async fn decide(fleet: &Fleet, authority: &Arc<Authority>, enrolment: &Enrolment) -> Result<Issued, String> {
    let site = enrolment.site.clone();
    let asked = Asked {
        authority: Arc::clone(authority),
        site: site.clone(),
        hash: enrolment.secret.map(|secret| store::hash_of(&secret)),
        shown: enrolment.shown.clone(),
        request: enrolment.request.clone(),
        remote: enrolment.remote.to_string(),
    };
    let decided = fleet.catalogue.run(move |t| {
        // Looked at before the token is used up: a request that cannot be answered costs no token.
        let now = utc_now();
        let issued = asked.authority.issuer.issue(&asked.site, &asked.request, now, asked.authority.life);
        let certificate = match issued {
            Ok(certificate) => certificate,
            Err(error) => return Ok(Err(error.to_string())),
        };
        match asked.keep(t, now, &certificate)? {
            Ok(()) => Ok(Ok((certificate, store::admitted_of(t, &asked.site)?))),
            Err(reason) => Ok(Err(reason)),
        }
    });
    match decided.await {
        Ok(Ok((certificate, serials))) => {
            // The new one is let in before its node knows it.
            fleet.links.admit_only(&site, serials);
            Ok(certificate.issued)
        }
        Ok(Err(reason)) => Err(reason),
        Err(error) => {
            tracing::error!(%site, "cannot keep a certificate: {error:#}");
            Err("the cloud cannot keep the certificate: try again".to_owned())
        }
    }
}

struct Asked {
    authority: Arc<Authority>,
    site: jxz_world::SiteId,
    hash: Option<String>,
    shown: Option<jxz_link::CertificateId>,
    request: Vec<u8>,
    remote: String,
}

impl Asked {
    /// Keeps a certificate, if there is a right to it.
    fn keep(&self, t: &Transaction<'_>, now: Utc, certificate: &NodeCertificate) -> anyhow::Result<Result<(), String>> {
        let (action, issued_for) = match (&self.hash, &self.shown) {
            (Some(hash), _) => {
                if let Err(reason) = store::use_token(t, &self.site, hash, now)? {
                    return Ok(Err(reason));
                }
                // Whoever had the site's certificate before this unit is not the site any more.
                store::revoke(t, &self.site, now)?;
                ("node.join", "join")
            }
            (None, Some(shown)) => {
                // One that was made by hand is known from here on, so that it holds until the new one is in use.
                store::add_certificate(t, &self.site, shown, shown.not_before, "made")?;
                ("node.renew", "renewal")
            }
            (None, None) => return Ok(Err("neither a token nor a certificate".to_owned())),
        };
        store::add_certificate(t, &self.site, &certificate.id, now, issued_for)?;
        let by = Caller { name: format!("node {}", self.site), right: Right::Viewer };
        let detail = json!({
            "site": self.site,
            "serial": certificate.id.serial,
            "not_after_ms": certificate.id.not_after.unix_ms(),
            "from": self.remote,
        });
        audit::write(t, now, &by, action, &detail)?;
        Ok(Ok(()))
    }
}

async fn note_refusal(fleet: &Fleet, enrolment: &Enrolment, reason: String) {
    let by = Caller { name: format!("stranger at {}", enrolment.remote.ip()), right: Right::Viewer };
    let action = if enrolment.secret.is_some() { "node.join_refused" } else { "node.renew_refused" };
    let site = enrolment.site.clone();
    let noted = fleet
        .catalogue
        .run(move |t| audit::write(t, utc_now(), &by, action, &json!({ "site": site, "reason": reason })));
    if let Err(error) = noted.await {
        tracing::error!("cannot write the audit log: {error:#}");
    }
}

/// How many refusals may be written down.
struct Refusals {
    left: f64,
    at: Utc,
}

impl Refusals {
    fn take(&mut self, now: Utc) -> bool {
        let passed_s = now.seconds_since(self.at).max(0.0);
        (self.left, self.at) = ((self.left + passed_s / REFUSAL_EVERY_S).min(REFUSALS), now);
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_cannot_fill_the_audit_log() {
        let start = Utc::from_unix_ms(1_000_000);
        let mut refusals = Refusals { left: REFUSALS, at: start };
        let written = |refusals: &mut Refusals, at| (0..1000).filter(|_| refusals.take(at)).count();
        assert_eq!(written(&mut refusals, start), 20);
        assert_eq!(written(&mut refusals, start.plus_seconds(25.0)), 2);
        assert_eq!(written(&mut refusals, start.plus_seconds(1e6)), 20);
    }
}
