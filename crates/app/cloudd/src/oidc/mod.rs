//! Log-in at an identity provider: OpenID Connect, authorization code flow with PKCE.
//!
//! The provider's word is taken for who somebody is and, by a claim, for what he may; the session is one of ours.

mod id_token;
mod remote;
mod routes;

pub(crate) use routes::routes;

use crate::access::{Hash, Secret, Subject};
use crate::caller::Right;
use crate::config::Oidc;
use crate::failure::Failure;
use anyhow::Context;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use id_token::{Claims, Expected};
use jxz_link::utc_now;
use remote::Remote;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Time between going to the provider and coming back, milliseconds.
const PENDING_MS: i64 = 10 * 60_000;
/// Log-ins under way at once; the oldest is forgotten when there is another.
const MOST_PENDING: usize = 256;

/// Somebody at the provider's.
#[derive(Debug)]
struct Pending {
    /// The secret that the browser has in a cookie: the answer must come from who asked.
    browser: Hash,
    nonce: String,
    verifier: Secret,
    expires_ms: i64,
}

/// The way to the provider, and what the browser is to keep meanwhile.
#[derive(Debug)]
struct Departure {
    location: String,
    browser: Secret,
}

/// The identity provider.
#[derive(Debug)]
pub(crate) struct Provider {
    config: Oidc,
    redirect_uri: String,
    remote: Arc<Remote>,
    pending: Mutex<BTreeMap<Hash, Pending>>,
}

impl Provider {
    /// The provider of a configuration; it is first asked when somebody logs in.
    ///
    /// # Errors
    /// The secret or the authorities' certificates cannot be read.
    pub(crate) fn new(config: Oidc, http: SocketAddr) -> anyhow::Result<Self> {
        let remote = Arc::new(Remote::new(&config)?);
        let redirect_uri = config.redirect_uri.clone().unwrap_or_else(|| format!("http://{http}/api/v1/oidc/callback"));
        Ok(Self { config, redirect_uri, remote, pending: Mutex::default() })
    }

    /// Its name for people.
    pub(crate) fn name(&self) -> &str {
        self.config.name.as_deref().unwrap_or(&self.config.issuer)
    }

    /// Begins a log-in.
    ///
    /// # Errors
    /// 502 if the provider does not answer as one.
    async fn depart(&self) -> Result<Departure, Failure> {
        let endpoints = self.remote.endpoints().await.map_err(unreachable)?;
        let (state, nonce) = (Secret::new()?, Secret::new()?);
        let (verifier, browser) = (Secret::new()?, Secret::new()?);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.text()));
        let query = [
            ("response_type", "code"),
            ("client_id", &self.config.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &self.config.scope),
            ("state", state.text()),
            ("nonce", nonce.text()),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let mark = if endpoints.authorization_endpoint.contains('?') { '&' } else { '?' };
        let query = query.map(|(name, value)| format!("{name}={}", escape(value))).join("&");
        let location = format!("{}{mark}{query}", endpoints.authorization_endpoint);
        let now_ms = utc_now().unix_ms();
        let nonce = nonce.text().to_owned();
        let pending = Pending { browser: browser.hash(), nonce, verifier, expires_ms: now_ms + PENDING_MS };
        self.remember(state.hash(), pending, now_ms);
        Ok(Departure { location, browser })
    }

    fn remember(&self, state: Hash, pending: Pending, now_ms: i64) {
        let mut all = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, pending| pending.expires_ms > now_ms);
        if all.len() >= MOST_PENDING {
            let oldest = all.iter().min_by_key(|(_, pending)| pending.expires_ms).map(|(state, _)| state.clone());
            oldest.map(|state| all.remove(&state));
        }
        all.insert(state, pending);
    }

    /// Ends a log-in: trades the code for an ID token and believes it if all of it is as it must be.
    ///
    /// # Errors
    /// 403 for a state that was not given to this browser, or a token that is not to be believed; 502 if the provider
    /// does not answer.
    async fn arrive(&self, state: &str, browser: Option<&str>, code: String) -> Result<Subject, Failure> {
        let now_ms = utc_now().unix_ms();
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner).remove(&Secret::hash_of(state));
        let pending = pending.filter(|pending| {
            pending.expires_ms > now_ms && browser.is_some_and(|secret| Secret::hash_of(secret) == pending.browser)
        });
        let words = "this log-in was not begun by this browser, or too long ago: begin again";
        let pending = pending.ok_or_else(|| Failure::new(StatusCode::FORBIDDEN, "state_refused", words))?;
        let exchanged = self.remote.exchange(code, &self.redirect_uri, pending.verifier.text()).await;
        let token = exchanged.map_err(unreachable)?;
        let keys = self.remote.keys_for(&token).await.map_err(unreachable)?;
        let expected = Expected {
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            nonce: &pending.nonce,
            now_s: now_ms / 1000,
        };
        let claims = id_token::verify(&token, &keys, &expected).map_err(|wrong| {
            tracing::warn!(%wrong, "an ID token is refused");
            Failure::new(StatusCode::FORBIDDEN, wrong.code(), format!("the provider's ID token is refused: {wrong}"))
        })?;
        self.subject(&claims)
    }

    fn subject(&self, claims: &Claims) -> Result<Subject, Failure> {
        let has = |wanted: &[String]| claims.texts(&self.config.claim).any(|text| wanted.iter().any(|w| w == text));
        let right = if has(&self.config.admin) {
            Right::Admin
        } else if has(&self.config.operator) {
            Right::Operator
        } else if has(&self.config.viewer) || self.config.everyone_views {
            Right::Viewer
        } else {
            let words = "the provider knows you, but none of your groups may use this cloud";
            return Err(Failure::new(StatusCode::FORBIDDEN, "no_right", words));
        };
        let name = claims.texts(&self.config.name_claim).next().unwrap_or(&claims.sub);
        Ok(Subject { id: format!("{} {}", self.config.issuer, claims.sub), name: name.to_owned(), right })
    }
}

fn unreachable(error: anyhow::Error) -> Failure {
    tracing::warn!(error = format!("{error:#}"), "the identity provider does not answer as one");
    let mut failure =
        Failure::new(StatusCode::BAD_GATEWAY, "provider_failed", "the identity provider does not answer as one");
    failure.causes = error.chain().map(ToString::to_string).collect();
    failure
}

/// Escapes a text for a query or a form: all but the unreserved characters of RFC 3986.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// Whether an address may be asked: HTTPS anywhere, HTTP on this machine alone.
pub(crate) fn check_url(url: &str) -> anyhow::Result<()> {
    let uri: axum::http::Uri = url.parse().with_context(|| format!("`{url}` is not an address"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(()),
        Some("http") if here => Ok(()),
        _ => anyhow::bail!("`{url}` must begin with https://, or with http:// and an address of this machine"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_asked() {
        for good in ["https://id.example/realm", "http://127.0.0.1:9000", "http://localhost/x", "http://[::1]:80/"] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in ["http://id.example/", "ftp://127.0.0.1/", "file:///etc/passwd", "id.example", "http://10.0.0.1/"] {
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_are_escaped_for_a_query() {
        assert_eq!(escape("a b&c=d/ü~"), "a%20b%26c%3Dd%2F%C3%BC~");
    }
}
