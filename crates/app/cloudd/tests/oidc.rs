//! Log-in at an identity provider that stands in for a real one, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::{Answer, Rig};
use jxz_cloudd::Config;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// What the provider does otherwise than it should, as an operation on the claims.
type Twist = Box<dyn Fn(&mut Value) + Send>;

/// A provider that issues what it is told to.
struct Provider {
    issuer: String,
    /// Codes given out, with the nonce and the challenge of their log-in.
    codes: Mutex<HashMap<String, (String, String)>>,
    key: Mutex<EcdsaKeyPair>,
    /// The key that signs, if it is not the one that is published.
    forged: Mutex<Option<EcdsaKeyPair>>,
    twist: Mutex<Twist>,
}

fn new_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
}

impl Provider {
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Arc::new(Self {
            issuer: format!("http://{}/realm", listener.local_addr().unwrap()),
            codes: Mutex::default(),
            key: Mutex::new(new_key()),
            forged: Mutex::default(),
            twist: Mutex::new(Box::new(|_| ())),
        });
        let router = Router::new()
            .route("/realm/.well-known/openid-configuration", get(discovery))
            .route("/realm/keys", get(keys))
            .route("/realm/authorize", get(authorize))
            .route("/realm/token", post(token))
            .with_state(Arc::clone(&provider));
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    fn twist(&self, twist: impl Fn(&mut Value) + Send + 'static) {
        *self.twist.lock().unwrap() = Box::new(twist);
    }

    fn id_token(&self, nonce: &str) -> String {
        let now = jxz_link::utc_now().unix_ms() / 1000;
        let mut claims = json!({
            "iss": self.issuer, "aud": "jiangxin", "sub": "4711", "iat": now, "exp": now + 300, "nonce": nonce,
            "preferred_username": "li.na", "groups": ["staff", "city-operators"],
        });
        (self.twist.lock().unwrap())(&mut claims);
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&json!({ "alg": "ES256", "kid": "k1" })), part(&claims));
        let (forged, key) = (self.forged.lock().unwrap(), self.key.lock().unwrap());
        let key = forged.as_ref().unwrap_or(&key);
        let signature = key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

type Shared = State<Arc<Provider>>;

async fn discovery(State(provider): Shared) -> Json<Value> {
    let issuer = &provider.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
    }))
}

async fn keys(State(provider): Shared) -> Json<Value> {
    let key = provider.key.lock().unwrap();
    let point = key.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    Json(json!({ "keys": [
        { "kty": "oct", "kid": "k0" },
        { "kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256", "x": x, "y": y },
    ] }))
}

async fn authorize(State(provider): Shared, Query(asked): Query<HashMap<String, String>>) -> (StatusCode, String) {
    let has = |name: &str, value: &str| asked.get(name).is_some_and(|found| found == value);
    assert!(has("response_type", "code") && has("client_id", "jiangxin") && has("code_challenge_method", "S256"));
    assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
    let mut codes = provider.codes.lock().unwrap();
    let code = format!("code/{}", codes.len());
    codes.insert(code.clone(), (asked["nonce"].clone(), asked["code_challenge"].clone()));
    (StatusCode::OK, code)
}

async fn token(
    State(provider): Shared,
    headers: HeaderMap,
    Form(asked): Form<HashMap<String, String>>,
) -> Result<Json<Value>, (StatusCode, Json<Value>)> {
    let refused = |why: &str| Err((StatusCode::BAD_REQUEST, Json(json!({ "error": why }))));
    let client = format!("Basic {}", STANDARD.encode("jiangxin:s%20cret%2F"));
    if headers.get("authorization").is_none_or(|found| found != client.as_str()) {
        return refused("invalid_client");
    }
    let Some((nonce, challenge)) = provider.codes.lock().unwrap().remove(&asked["code"]) else {
        return refused("invalid_grant");
    };
    if URL_SAFE_NO_PAD.encode(Sha256::digest(&asked["code_verifier"])) != challenge {
        return refused("invalid_grant");
    }
    Ok(Json(json!({ "token_type": "Bearer", "access_token": "unused", "id_token": provider.id_token(&nonce) })))
}

/// A cloud that knows the provider; its redirect address is any, since the test is the browser.
async fn cloud(provider: &Provider) -> Rig {
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), "s cret/\n").unwrap();
    let issuer = provider.issuer.clone();
    let path = secret.path().to_owned();
    let rig = Rig::start_without_accounts(move |config: &mut Config| {
        let oidc = json!({
            "issuer": issuer, "client_id": "jiangxin", "client_secret_file": path, "name": "City ID",
            "admin": ["city-admins"], "operator": ["city-operators"],
        });
        config.oidc = Some(serde_json::from_value(oidc).unwrap());
    });
    rig.await
}

/// The browser's side of a log-in: to the provider, and the query and the cookie with which it comes back.
async fn away(rig: &Rig, provider: &Provider) -> (String, String, String) {
    let start = rig.ask("GET", "/api/v1/oidc/start", "", &Value::Null).await;
    assert_eq!(start.status, 303, "{} {}", start.head, start.body);
    let cookie = start.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let location = start.header("location").unwrap();
    let query = location.strip_prefix(&format!("{}/authorize?", provider.issuer)).unwrap();
    let address = provider.issuer.trim_start_matches("http://").trim_end_matches("/realm").parse().unwrap();
    let (status, code) =
        common::get(address, &format!("/realm/authorize?{query}"), &format!("Host: {address}\r\n")).await;
    assert_eq!(status, 200, "{code}");
    let state = query.split('&').find_map(|pair| pair.strip_prefix("state=")).unwrap().to_owned();
    (code.replace('/', "%2F"), state, cookie)
}

async fn back(rig: &Rig, code: &str, state: &str, cookie: &str) -> Answer {
    let path = format!("/api/v1/oidc/callback?code={code}&state={state}&session_state=more");
    rig.ask("GET", &path, &format!("Cookie: {cookie}\r\n"), &Value::Null).await
}

async fn log_in(rig: &Rig, provider: &Provider) -> Answer {
    let (code, state, cookie) = away(rig, provider).await;
    back(rig, &code, &state, &cookie).await
}

async fn first_link_after_restart(mut rig: Rig) -> bool {
    // The provider's secret was read at the start; its file is gone since.
    let secret = rig.home.path().join("secret");
    std::fs::write(&secret, "s cret/").unwrap();
    rig.config.oidc.as_mut().unwrap().client_secret_file = secret;
    let rig = rig.restart().await;
    let there = rig.config.data_dir.join("first-link").exists();
    rig.daemon.stop().await.unwrap();
    there
}

fn refused_as(answer: &Answer) -> &str {
    assert!(answer.status == 303 && answer.header("set-cookie").is_none(), "{}", answer.head);
    answer.header("location").unwrap().strip_prefix("/#/login?failed=").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_provider_vouches_for_gets_in_with_the_right_of_his_groups() {
    let provider = Provider::start().await;
    let rig = cloud(&provider).await;
    let offered = rig.ask("GET", "/api/v1/session", "", &Value::Null).await.json();
    assert_eq!(offered["provider"], "City ID");

    let arrived = log_in(&rig, &provider).await;
    assert_eq!((arrived.status, arrived.header("location")), (303, Some("/")), "{}", arrived.head);
    let session = arrived.session();
    let who = rig.ask("GET", "/api/v1/session", &session, &Value::Null).await.json();
    let caller = &who["caller"];
    assert_eq!((&caller["name"], &caller["right"]), (&"li.na".into(), &"operator".into()), "{who}");
    assert_eq!(caller["has_password"], false);

    // An operator is no admin: the link to the first account still stands.
    let first = rig.config.data_dir.join("first-link");
    assert!(who["first"] == true && first.exists(), "{who}");

    // The same person with another name and more groups: the same account, another right, and the old session ends.
    provider.twist(|claims| {
        (claims["preferred_username"], claims["groups"]) = (json!("li.na.married"), json!("city-admins"));
    });
    let admin = log_in(&rig, &provider).await.session();
    assert_eq!(rig.ask("GET", "/api/v1/session", &session, &Value::Null).await.json()["caller"], Value::Null);
    let accounts = rig.ask("GET", "/api/v1/accounts", &admin, &Value::Null).await.json();
    let [account] = &accounts["accounts"].as_array().unwrap()[..] else { panic!("one account: {accounts}") };
    assert_eq!(
        (&account["name"], &account["right"], &account["by_provider"]),
        (&"li.na".into(), &"admin".into(), &true.into())
    );

    // Another person of the same name does not get her account.
    provider.twist(|claims| claims["sub"] = json!("another"));
    assert_eq!(refused_as(&log_in(&rig, &provider).await), "name_taken");
    provider.twist(|claims| claims["groups"] = json!(["staff"]));
    assert_eq!(refused_as(&log_in(&rig, &provider).await), "no_right");

    // Now there is an admin, and the link is worth nothing.
    let link = std::fs::read_to_string(&first).unwrap();
    let token = link.trim().split_once("token=").unwrap().1;
    let body = json!({ "token": token, "name": "intruder", "password": common::PASSWORD });
    assert_eq!(rig.ask("POST", "/api/v1/first", "", &body).await.code(), "link_used");
    assert!(!first_link_after_restart(rig).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_all_as_it_must_be_is_refused() {
    let provider = Provider::start().await;
    let rig = cloud(&provider).await;
    type Twist = (&'static str, fn(&mut Value));
    let twists: [Twist; 9] = [
        ("id_token_issuer", |claims| claims["iss"] = json!("http://127.0.0.1:1/realm")),
        ("id_token_audience", |claims| claims["aud"] = json!("another")),
        ("id_token_audience", |claims| claims["aud"] = json!(["jiangxin", "another"])),
        ("id_token_audience", |claims| claims["azp"] = json!("another")),
        ("id_token_time", |claims| claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 61)),
        ("id_token_time", |claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 600)),
        ("id_token_nonce", |claims| claims["nonce"] = json!("another")),
        ("id_token_nonce", |claims| drop(claims.as_object_mut().unwrap().remove("nonce"))),
        ("id_token_subject", |claims| claims["sub"] = json!("")),
    ];
    for (code, twist) in twists {
        provider.twist(twist);
        assert_eq!(refused_as(&log_in(&rig, &provider).await), code);
    }
    provider.twist(|_| ());
    *provider.forged.lock().unwrap() = Some(new_key());
    assert_eq!(refused_as(&log_in(&rig, &provider).await), "id_token_signature");
    *provider.forged.lock().unwrap() = None;
    assert_eq!(log_in(&rig, &provider).await.header("location"), Some("/"));
    rig.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_once_and_only_for_the_browser_that_asked() {
    let provider = Provider::start().await;
    let rig = cloud(&provider).await;
    let (code, state, cookie) = away(&rig, &provider).await;
    assert_eq!(refused_as(&back(&rig, &code, "guessed", &cookie).await), "state_refused");
    assert_eq!(refused_as(&back(&rig, &code, &state, "jxz_oidc=another").await), "state_refused");
    // Tried by another browser, the state is gone for all.
    assert_eq!(refused_as(&back(&rig, &code, &state, &cookie).await), "state_refused");

    let (code, state, cookie) = away(&rig, &provider).await;
    assert_eq!(refused_as(&back(&rig, "guessed", &state, &cookie).await), "provider_failed");
    let again = back(&rig, &code, &state, &cookie).await;
    assert_eq!(refused_as(&again), "state_refused");
    let denied = rig.ask("GET", "/api/v1/oidc/callback?error=access_denied&state=x", "", &Value::Null).await;
    assert_eq!(refused_as(&denied), "provider_refused");
    rig.daemon.stop().await.unwrap();

    // A cloud without a provider says so.
    let rig = Rig::start_without_accounts(|_| ()).await;
    let none = rig.ask("GET", "/api/v1/oidc/start", "", &Value::Null).await;
    assert_eq!(refused_as(&none), "no_provider");
    rig.daemon.stop().await.unwrap();
}
