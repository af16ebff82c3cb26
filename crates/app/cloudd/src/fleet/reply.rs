//! Refusals of the management's requests.

pub(crate) use crate::failure::Failure as Refusal;

use axum::http::StatusCode;
use jxz_fleet::{DocumentError, PlanError};

impl Refusal {
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }
}

impl From<DocumentError> for Refusal {
    fn from(error: DocumentError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_configuration", error.to_string())
    }
}

impl From<PlanError> for Refusal {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Unfit { .. } => Self::new(StatusCode::CONFLICT, "unfit_canary", error.to_string()),
            _ => Self::bad(error.to_string()),
        }
    }
}
