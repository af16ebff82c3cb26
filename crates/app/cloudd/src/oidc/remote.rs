//! What is asked of the provider: where its doors are, its keys, and an ID token for a code.

use super::id_token::{self, Key};
use super::{check_url, escape};
use crate::config::Oidc;
use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of one answer.
const MAX_ANSWER: u64 = 256 * 1024;
/// Questions under way at once; others wait.
const AT_ONCE: usize = 4;
/// What was published is asked again after this time.
const FRESH: Duration = Duration::from_secs(3600);
/// Keys are not asked again within this time, whatever a token says.
const KEYS_REST: Duration = Duration::from_secs(30);
/// Keys looked at.
const MOST_KEYS: usize = 32;

/// Where the provider's doors are (OpenID Connect Discovery 1.0).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Endpoints {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

type Known<T> = Mutex<Option<(Instant, Arc<T>)>>;

/// The provider, over HTTP.
#[derive(Debug)]
pub(super) struct Remote {
    issuer: String,
    client: String,
    agent: ureq::Agent,
    asking: Semaphore,
    endpoints: Known<Endpoints>,
    keys: Known<Vec<Key>>,
}

impl Remote {
    pub(super) fn new(config: &Oidc) -> anyhow::Result<Self> {
        let secret = std::fs::read_to_string(&config.client_secret_file);
        let secret = secret.with_context(|| format!("cannot read {}", config.client_secret_file.display()))?;
        // RFC 6749, 2.3.1: both are escaped before they are joined.
        let client = format!("{}:{}", escape(&config.client_id), escape(secret.trim()));
        let mut agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .http_status_as_error(false)
            .https_only(config.issuer.starts_with("https://"));
        if config.issuer.starts_with("https://") {
            agent = agent.tls_config(tls(config)?);
        }
        Ok(Self {
            issuer: config.issuer.clone(),
            client: format!("Basic {}", STANDARD.encode(client)),
            agent: agent.build().new_agent(),
            asking: Semaphore::new(AT_ONCE),
            endpoints: Mutex::default(),
            keys: Mutex::default(),
        })
    }

    /// Where its doors are, asked once an hour.
    pub(super) async fn endpoints(&self) -> anyhow::Result<Arc<Endpoints>> {
        if let Some(known) = fresh(&self.endpoints, FRESH) {
            return Ok(known);
        }
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let found: Endpoints = self.get(url).await?;
        ensure!(found.issuer == self.issuer, "it calls itself `{}`, not `{}`", found.issuer, self.issuer);
        for url in [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri] {
            check_url(url)?;
        }
        Ok(keep(&self.endpoints, found))
    }

    /// Its keys; asked anew if the token names one that we do not know yet.
    pub(super) async fn keys_for(&self, token: &str) -> anyhow::Result<Arc<Vec<Key>>> {
        let kid = id_token::key_of(token);
        if let Some(keys) = fresh(&self.keys, FRESH)
            && (id_token::has_key(&keys, kid.as_deref()) || fresh(&self.keys, KEYS_REST).is_some())
        {
            return Ok(keys);
        }
        let set: KeySet = self.get(self.endpoints().await?.jwks_uri.clone()).await?;
        // A key of a kind that we cannot read is none of ours.
        let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Ok(keep(&self.keys, keys.take(MOST_KEYS).collect()))
    }

    /// The ID token for a code.
    pub(super) async fn exchange(&self, code: String, redirect_uri: &str, verifier: &str) -> anyhow::Result<String> {
        let url = self.endpoints().await?.token_endpoint.clone();
        let form = [
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", redirect_uri.to_owned()),
            ("code_verifier", verifier.to_owned()),
        ];
        let (agent, client) = (self.agent.clone(), self.client.clone());
        let answer: TokenAnswer = self
            .ask(url, move |url| {
                let request = agent.post(url).header("authorization", client).header("accept", "application/json");
                read(request.send_form(form)?)
            })
            .await?;
        Ok(answer.id_token)
    }

    async fn get<T: DeserializeOwned + Send + 'static>(&self, url: String) -> anyhow::Result<T> {
        let agent = self.agent.clone();
        self.ask(url, move |url| read(agent.get(url).header("accept", "application/json").call()?)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        url: String,
        work: impl FnOnce(&str) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let _asking = self.asking.acquire().await?;
        let work = move || work(&url).with_context(|| format!("cannot ask {url}"));
        tokio::task::spawn_blocking(work).await.context("asking the provider broke down")?
    }
}

fn read<T: DeserializeOwned>(mut answer: ureq::http::Response<ureq::Body>) -> anyhow::Result<T> {
    let status = answer.status();
    let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string()?;
    if status != 200 {
        let said: String = body.chars().take(200).collect();
        anyhow::bail!("it answers {status}: {said}");
    }
    serde_json::from_str(&body).context("its answer is not what it should be")
}

fn fresh<T>(known: &Known<T>, age: Duration) -> Option<Arc<T>> {
    let known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.as_ref().filter(|(at, _)| at.elapsed() < age).map(|(_, value)| Arc::clone(value))
}

fn keep<T>(known: &Known<T>, value: T) -> Arc<T> {
    let value = Arc::new(value);
    *known.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(&value)));
    value
}

/// TLS by `ring`, as everywhere here, and the authorities of the system or of one's own.
fn tls(config: &Oidc) -> anyhow::Result<TlsConfig> {
    let path = &config.ca_file;
    let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let authorities: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    ensure!(!authorities.is_empty(), "{} has no certificates", path.display());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&authorities))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}
