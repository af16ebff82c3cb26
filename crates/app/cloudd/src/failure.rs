//! The one shape of an error of the API: `{"error": {"code", "message", "causes"}}`.

use crate::caller::Forbidden;
use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// The most of a plain text that becomes an error's message, bytes.
const MAX_MESSAGE: usize = 4096;

/// Why a request of the API is not answered as asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    /// The same for ever; for programs.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    retry_after_s: Option<u64>,
}

/// An error's body.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ErrorBody {
    error: ErrorText,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ErrorText {
    /// The same for ever; for programs.
    code: String,
    /// For people: what was refused or went wrong, and what to do.
    message: String,
    /// What lies behind it, the nearest first.
    causes: Vec<String>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), causes: Vec::new(), retry_after_s: None }
    }

    /// What was asked for makes no sense.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// What was asked for is not there.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// Tells the client when it may come again.
    pub(crate) const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Failure {}

impl From<Forbidden> for Failure {
    fn from(forbidden: Forbidden) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", forbidden.to_string())
    }
}

/// A failure that came through as an error is itself; any other is one of the cloud's own.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(|error| {
            tracing::error!(error = format!("{error:#}"), "a request failed");
            let causes = error.chain().skip(1).map(ToString::to_string).collect();
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Self { causes, ..Self::new(status, code_of(status), error.to_string()) }
        })
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let text = ErrorText { code: self.code.to_owned(), message: self.message, causes: self.causes };
        let mut response = (self.status, Json(ErrorBody { error: text })).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Gives every error of `/api` the one shape, also those that come from the router, the body limit or an extractor.
pub(crate) async fn shape(request: Request, next: Next) -> Response {
    let of_api = request.uri().path().starts_with("/api/");
    let response = next.run(request).await;
    let status = response.status();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !of_api || is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let said = to_bytes(body, MAX_MESSAGE).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let message = match said.trim() {
        "" => words_of(status).to_owned(),
        said => said.to_owned(),
    };
    let shaped = Failure::new(status, code_of(status), message).into_response();
    let (shaped_parts, body) = shaped.into_parts();
    // `Allow` of a 405 and the like stay.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(shaped_parts.headers);
    Response::from_parts(parts, Body::new(body))
}

fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "bad_request",
        StatusCode::UNAUTHORIZED => "unauthenticated",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        StatusCode::CONFLICT => "conflict",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
        StatusCode::UNPROCESSABLE_ENTITY => "unprocessable",
        StatusCode::TOO_MANY_REQUESTS => "too_many",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        status if status.is_server_error() => "internal",
        _ => "refused",
    }
}

fn words_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "there is nothing here; /api lists what there is",
        StatusCode::METHOD_NOT_ALLOWED => "this path does not take this method; /api lists what there is",
        status => status.canonical_reason().unwrap_or("refused"),
    }
}
