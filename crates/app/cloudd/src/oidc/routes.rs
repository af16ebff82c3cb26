//! To the provider and back.

use super::{Departure, Provider};
use crate::access::{self, Access};
use crate::failure::Failure;
use crate::http::Shared;
use crate::openapi::{Api, Needs, Operation};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// The cookie that ties the answer to the browser that asked. It must come along when the provider sends the browser
/// back, which is another site's doing: so it is not `Strict`.
const COOKIE: &str = "jxz_oidc";

/// The routes.
pub(crate) fn routes() -> Api {
    Api::default()
        .on(
            Operation::get("/api/v1/oidc/start", Needs::Nothing, "Go to the identity provider to log in").redirects(),
            get(start),
        )
        .on(
            Operation::get("/api/v1/oidc/callback", Needs::Nothing, "Come back from the identity provider")
                .query::<Answer>()
                .redirects(),
            get(callback),
        )
}

/// What the provider sends back. It may send more.
#[derive(Debug, Deserialize, JsonSchema)]
struct Answer {
    state: Option<String>,
    code: Option<String>,
    /// Why there is no code.
    error: Option<String>,
}

fn redirect(to: &str) -> Result<Response, Failure> {
    let to = HeaderValue::from_str(to);
    let to = to.map_err(|_| Failure::new(StatusCode::BAD_GATEWAY, "provider_failed", "its address is none"))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))])
        .into_response())
}

fn provider(shared: &Shared) -> Result<Arc<Provider>, Failure> {
    let words = "this cloud knows no identity provider: its configuration has no [oidc]";
    shared.provider.clone().ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "no_provider", words))
}

/// A person is looking: a failure is told by the console's log-in page.
fn told(result: Result<Response, Failure>) -> Response {
    let failed = |failure: Failure| redirect(&format!("/#/login?failed={}", failure.code));
    result.or_else(failed).unwrap_or_else(Failure::into_response)
}

async fn start(State(shared): State<Shared>) -> Response {
    let departing = async {
        let Departure { location, browser } = provider(&shared)?.depart().await?;
        let mut response = redirect(&location)?;
        let cookie = format!("{COOKIE}={}; Path=/api/v1/oidc; HttpOnly; SameSite=Lax; Max-Age=600", browser.text());
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_str(&cookie).map_err(anyhow::Error::from)?);
        Ok(response)
    };
    told(departing.await)
}

async fn callback(State(shared): State<Shared>, headers: HeaderMap, Query(answer): Query<Answer>) -> Response {
    told(arrive(&shared.access, &provider(&shared), &headers, answer).await)
}

async fn arrive(
    access: &Access,
    provider: &Result<Arc<Provider>, Failure>,
    headers: &HeaderMap,
    answer: Answer,
) -> Result<Response, Failure> {
    let words = || Failure::new(StatusCode::NOT_FOUND, "no_provider", "this cloud knows no identity provider");
    let provider = provider.as_ref().map_err(|_| words())?;
    if let Some(error) = answer.error {
        tracing::warn!(error, "the identity provider refused a log-in");
        return Err(Failure::new(StatusCode::FORBIDDEN, "provider_refused", "the provider refused the log-in"));
    }
    let (Some(state), Some(code)) = (answer.state, answer.code) else {
        return Err(Failure::new(StatusCode::BAD_REQUEST, "bad_request", "state or code is missing"));
    };
    let subject = provider.arrive(&state, access::cookie(headers, COOKIE), code).await?;
    let begun = access.log_in_subject(subject).await?;
    let mut response = redirect("/")?;
    access::set_cookie(&mut response, &begun);
    Ok(response)
}
