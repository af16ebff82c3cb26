//! HTTP on loopback: console, map, status, metrics and the WebSocket.

use crate::access::{self, Access};
use crate::audit;
use crate::brain::Moment;
use crate::caller::{Caller, Right};
use crate::catalogue::Catalogue;
use crate::console::Console;
use crate::failure::{self, Failure};
use crate::fleet::{self, Fleet};
use crate::live::{self, Cast};
use crate::metrics;
use crate::oidc::{self, Provider};
use crate::openapi::{Api, Needs, Operation};
use crate::stats::Stats;
use crate::status::Status;
use crate::stop::Stop;
use crate::twin_api;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::uri::{Authority, Uri};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Json, Router};
use bytes::Bytes;
use jxz_geo::LocalFrame;
use schemars::JsonSchema;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc, watch};

/// Consoles at once.
const MAX_CONSOLES: usize = 64;
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the handlers answer from.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) moments: watch::Receiver<Arc<Moment>>,
    pub(crate) casts: watch::Receiver<Arc<Cast>>,
    /// Where nodes connect to.
    pub(crate) quic: SocketAddr,
    pub(crate) stats: Arc<Stats>,
    pub(crate) stop: Stop,
    pub(crate) console: Console,
    pub(crate) geojson: Bytes,
    pub(crate) map_version: Arc<str>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) catalogue: Catalogue,
    pub(crate) access: Arc<Access>,
    pub(crate) provider: Option<Arc<Provider>>,
    pub(crate) geo: LocalFrame,
    pub(crate) fleet: Fleet,
    pub(crate) history: crate::history::History,
    pub(crate) city: crate::city::City,
    /// What operators tell the twin.
    pub(crate) to_brain: mpsc::Sender<jxz_cloud::Input>,
}

/// How many consoles there may be.
pub(crate) fn console_slots() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_CONSOLES))
}

/// The most bytes of a request's body.
pub(crate) type MaxBody = usize;

/// Every route.
pub(crate) fn router(shared: Shared, max_body: MaxBody) -> Router {
    let (api, table, document) = documented().finish();
    let document = Bytes::from(document.to_string());
    let known = (Arc::clone(&shared.access), Arc::new(table));
    api.route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(scrape))
        .route("/api", get(api_page))
        .fallback(get(console))
        .layer(Extension(Document(document)))
        .layer(DefaultBodyLimit::max(max_body))
        .layer(middleware::from_fn(access::limit_time))
        .layer(middleware::from_fn_with_state(known, access::identify))
        .layer(middleware::from_fn(failure::shape))
        .layer(middleware::from_fn(guard))
        .with_state(shared)
}

/// The routes of `/api` and `/ws`, with what each needs.
fn documented() -> Api {
    const VIEWER: Needs = Needs::Right(Right::Viewer);
    Api::default()
        .and(twin_api::routes())
        .and(crate::history::routes())
        .and(crate::city::routes())
        .and(crate::incidents::routes())
        .and(access::routes())
        .and(oidc::routes())
        .and(fleet::routes())
        .on(Operation::get("/api/v1/status", VIEWER, "A few numbers for a terminal").answers::<Status>(), get(status))
        .on(Operation::get("/api/v1/map.geojson", VIEWER, "The map").answers_type("application/geo+json"), get(map))
        .on(
            Operation::get("/api/v1/audit", Needs::Right(Right::Admin), "Every change, the newest first")
                .query::<AuditQuery>()
                .answers::<AuditPage>(),
            get(audit_log),
        )
        .on(
            Operation::get("/api/v1/openapi.json", Needs::Nothing, "This document").answers::<serde_json::Value>(),
            get(document),
        )
        .on(
            Operation::get("/ws/v1", VIEWER, "The console's frames (WebSocket, proto/jxz/console/v1)").upgrades(),
            any(live::upgrade),
        )
}

/// The OpenAPI document, as it is sent.
#[derive(Clone)]
struct Document(Bytes);

async fn document(Extension(document): Extension<Document>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document.0)
}

/// A page that shows the document, without anything from elsewhere.
async fn api_page() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], include_str!("api_page.html"))
}

async fn scrape(State(shared): State<Shared>) -> Response {
    let moment = Arc::clone(&shared.moments.borrow());
    match metrics::text(&moment, jxz_link::dropped_by_system(shared.quic)) {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn status(State(shared): State<Shared>) -> Json<Status> {
    let moment = Arc::clone(&shared.moments.borrow());
    Json(Status::of(&moment, &shared.map_version))
}

async fn map(State(shared): State<Shared>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/geo+json"), (header::CACHE_CONTROL, "no-cache")], shared.geojson)
}

/// Which entries of the audit log.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AuditQuery {
    /// Numbers below this.
    before: Option<i64>,
    limit: Option<u32>,
}

/// A page of the audit log.
#[derive(Debug, serde::Serialize, JsonSchema)]
struct AuditPage {
    /// The newest first.
    entries: Vec<audit::Entry>,
    /// The first entry that does not follow from those before it: somebody tampered with the log.
    first_break: Option<i64>,
}

async fn audit_log(
    caller: Caller,
    State(shared): State<Shared>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditPage>, Failure> {
    caller.must_be(Right::Admin)?;
    let (before, limit) = (query.before.unwrap_or(i64::MAX), query.limit.unwrap_or(100).min(1000));
    let page = shared.catalogue.run(move |transaction| {
        let entries = audit::newest(transaction, before, limit)?;
        Ok(AuditPage { entries, first_break: audit::first_break(transaction)? })
    });
    Ok(Json(page.await?))
}

async fn console(State(shared): State<Shared>, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") || uri.path().starts_with("/ws/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    shared.console.answer(uri.path()).await
}

/// Loopback alone does not keep web pages out: any page may ask the browser for `127.0.0.1`, and its own name may
/// point there (DNS rebinding). So the name asked for, and the page that asks, must both be of this machine.
async fn guard(request: Request, next: Next) -> Response {
    if let Err(reason) = check(request.uri(), request.headers()) {
        return (StatusCode::FORBIDDEN, reason).into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "frame-ancestors 'none'; object-src 'none'; base-uri 'self'"),
    ] {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), &'static str> {
    let host = uri.authority().map(Authority::as_str).or_else(|| headers.get(header::HOST)?.to_str().ok());
    if !host.is_some_and(is_this_machine) {
        return Err("the Host asked for is not this machine\n");
    }
    match headers.get(header::ORIGIN) {
        // Not a page of a browser.
        None => Ok(()),
        Some(origin) => {
            let host = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
            if host.is_some_and(is_this_machine) { Ok(()) } else { Err("the page that asks is not of this machine\n") }
        }
    }
}

/// Whether `host` or `host:port` names loopback.
fn is_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    !host.contains('@')
        && (name.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, origin: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        check(&Uri::from_static("/ws/v1"), &headers).is_ok()
    }

    #[test]
    fn pages_and_names_of_this_machine_are_let_in() {
        for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "127.0.0.1", "LOCALHOST"] {
            assert!(asked(host, None), "{host}");
            assert!(asked(host, Some(&format!("http://{host}"))), "{host}");
        }
    }

    #[test]
    fn pages_and_names_from_elsewhere_are_kept_out() {
        for host in
            ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "10.0.0.1", "localhost@evil.example"]
        {
            assert!(!asked(host, None), "{host}");
            assert!(!asked("127.0.0.1:8080", Some(&format!("http://{host}"))), "{host}");
        }
        assert!(!asked("127.0.0.1:8080", Some("null")));
        assert!(!asked("127.0.0.1:8080", Some("file://")));
        assert!(check(&Uri::from_static("/"), &HeaderMap::new()).is_err());
    }
}
