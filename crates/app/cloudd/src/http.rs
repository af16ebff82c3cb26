//! HTTP on loopback: console, map, status, metrics and the WebSocket.

use crate::audit;
use crate::brain::Moment;
use crate::caller::{Caller, Right};
use crate::catalogue::Catalogue;
use crate::console::Console;
use crate::live::{self, Frame};
use crate::metrics;
use crate::stats::Stats;
use crate::status::Status;
use crate::stop::Stop;
use axum::extract::{Query, Request, State};
use axum::http::uri::{Authority, Uri};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use bytes::Bytes;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Consoles at once.
const MAX_CONSOLES: usize = 64;
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the handlers answer from.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) moments: watch::Receiver<Arc<Moment>>,
    pub(crate) frames: watch::Receiver<Arc<Frame>>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) stop: Stop,
    pub(crate) console: Console,
    pub(crate) geojson: Bytes,
    pub(crate) map_version: Arc<str>,
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) catalogue: Catalogue,
}

/// How many consoles there may be.
pub(crate) fn console_slots() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_CONSOLES))
}

/// Every route.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(scrape))
        .route("/api/v1/status", get(status))
        .route("/api/v1/map.geojson", get(map))
        .route("/api/v1/audit", get(audit_log))
        .route("/ws/v1", any(live::upgrade))
        .fallback(get(console))
        .layer(middleware::from_fn(know))
        .layer(middleware::from_fn(guard))
        .with_state(shared)
}

async fn scrape(State(shared): State<Shared>) -> Response {
    let moment = Arc::clone(&shared.moments.borrow());
    match metrics::text(&moment) {
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
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct AuditQuery {
    /// Numbers below this.
    before: Option<i64>,
    limit: Option<u32>,
}

/// A page of the audit log.
#[derive(Debug, serde::Serialize)]
struct AuditPage {
    /// The newest first.
    entries: Vec<audit::Entry>,
    /// The first entry that does not follow from those before it: somebody tampered with the log.
    first_break: Option<i64>,
}

async fn audit_log(caller: Caller, State(shared): State<Shared>, Query(query): Query<AuditQuery>) -> Response {
    if let Err(forbidden) = caller.must_be(Right::Admin) {
        return (StatusCode::FORBIDDEN, forbidden.to_string()).into_response();
    }
    let (before, limit) = (query.before.unwrap_or(i64::MAX), query.limit.unwrap_or(100).min(1000));
    let page = shared.catalogue.run(move |transaction| {
        let entries = audit::newest(transaction, before, limit)?;
        Ok(AuditPage { entries, first_break: audit::first_break(transaction)? })
    });
    match page.await {
        Ok(page) => Json(page).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n")).into_response(),
    }
}

/// Who asks over loopback is who runs this machine.
async fn know(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Caller { name: "loopback".to_owned(), right: Right::Admin });
    next.run(request).await
}

async fn console(State(shared): State<Shared>, uri: Uri) -> Response {
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
