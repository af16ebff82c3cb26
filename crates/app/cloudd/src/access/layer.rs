//! Who asks, found out before any handler runs, and whether he may.

use super::{Access, Secret, Ticket, now_ms};
use crate::caller::{Caller, Right};
use crate::failure::Failure;
use crate::openapi::{Needs, Table};
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;

/// The session's cookie.
pub(super) const COOKIE: &str = "jxz_session";
/// A page that is not ours cannot send this header: the browser would ask us first whether it may.
const HEADER: &str = "x-jxz-request";
/// Time for a handler of the API, its request's body included.
const LONGEST: Duration = Duration::from_secs(30);

/// Puts the [`Caller`] and his [`Ticket`] into the request, and refuses what he may not do: each route of the API
/// by its line in the table, one without a line to all but admins.
pub(crate) async fn identify(
    State((access, table)): State<(Arc<Access>, Arc<Table>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if !path.starts_with("/api/") && !path.starts_with("/ws/") {
        return next.run(request).await;
    }
    let Some(route) = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()) else {
        return next.run(request).await;
    };
    if let Some(methods) = table.other_methods(request.method(), &route) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, methods)]).into_response();
    }
    let needs = table.needs(request.method(), &route);
    let (mut parts, body) = request.into_parts();
    let known = who(&access, &parts);
    if let Ok(Some((caller, ticket))) = &known {
        parts.extensions.insert(caller.clone());
        parts.extensions.insert(ticket.clone());
    }
    if let Needs::Right(right) = needs
        && let Err(failure) = may(known, right, &parts)
    {
        return failure.into_response();
    }
    request = Request::from_parts(parts, body);
    next.run(request).await
}

/// Refuses a handler of the API that takes too long: its client may be sending a body byte by byte.
pub(crate) async fn limit_time(request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    tokio::time::timeout(LONGEST, next.run(request)).await.unwrap_or_else(|_| {
        let words = "the request took longer than 30 s";
        Failure::new(StatusCode::REQUEST_TIMEOUT, "too_slow", words).into_response()
    })
}

type Known = Result<Option<(Caller, Ticket)>, Failure>;

fn may(known: Known, right: Right, parts: &Parts) -> Result<(), Failure> {
    let Some((caller, ticket)) = known? else {
        return Err(Failure::new(StatusCode::UNAUTHORIZED, "unauthenticated", "log in first, or send a token"));
    };
    caller.must_be(right)?;
    let changes = !matches!(parts.method, Method::GET | Method::HEAD);
    if changes && !matches!(ticket, Ticket::Token(..)) && !parts.headers.contains_key(HEADER) {
        let words = "a change by a session takes the header X-Jxz-Request";
        return Err(Failure::new(StatusCode::FORBIDDEN, "header_missing", words));
    }
    Ok(())
}

/// A token that does not hold is an error; a cookie that does not is as none: it is the browser that sends it.
fn who(access: &Arc<Access>, parts: &Parts) -> Known {
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|value| value.split_once(' '));
        let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        let words = "Authorization takes the form: Bearer TOKEN";
        let token = token.ok_or_else(|| Failure::new(StatusCode::UNAUTHORIZED, "token_malformed", words))?;
        return access.by_token(token).map(Some);
    }
    if let Some(secret) = cookie(&parts.headers, COOKIE).filter(|_| from_our_page(parts)) {
        let (hash, now_ms) = (Secret::hash_of(secret), now_ms());
        if let Some((caller, session)) = access.book().by_session(&hash, &access.sessions, now_ms) {
            // The WebSocket is asked for by the page alone: reconnecting is no sign of somebody being there.
            if !parts.uri.path().starts_with("/ws/") {
                access.used(hash.clone(), session.used_ms, now_ms);
            }
            let ticket = Ticket::Session(hash, caller.right);
            return Ok(Some((caller, ticket)));
        }
    }
    let open = Caller { name: "loopback".to_owned(), right: Right::Viewer };
    Ok(access.open_viewing.then_some((open, Ticket::Open)))
}

/// A cookie goes to every port of this machine, and `SameSite` holds for all of them together: it counts only for
/// our own page, whose origin is the host that is asked.
fn from_our_page(parts: &Parts) -> bool {
    let Some(origin) = parts.headers.get(header::ORIGIN) else { return true };
    let host = parts.uri.authority().map(Authority::as_str);
    let host = host.or_else(|| parts.headers.get(header::HOST)?.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
    origin.is_some() && origin == host
}

/// A cookie's value.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(found, _)| *found == name).map(|(_, value)| value).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri("/api/v1/status");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_cookie_counts_for_our_own_page_alone() {
        let host = ("host", "127.0.0.1:8080");
        assert!(from_our_page(&parts(&[host])));
        assert!(from_our_page(&parts(&[host, ("origin", "http://127.0.0.1:8080")])));
        for other in ["http://127.0.0.1:3000", "http://localhost:8080", "null", "https://127.0.0.1:8080"] {
            assert!(!from_our_page(&parts(&[host, ("origin", other)])), "{other}");
        }
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let found = parts(&[("cookie", "a=1; jxz_session_old=2; jxz_session=abc; b=")]);
        assert_eq!(cookie(&found.headers, COOKIE), Some("abc"));
        assert_eq!(cookie(&parts(&[("cookie", "jxz_session")]).headers, COOKIE), None);
    }
}
