//! Who asks, and what he may do.

use crate::failure::Failure;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a person or a program may do; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Look at everything but accounts and secrets.
    Viewer,
    /// Close incidents, switch applications, roll out configurations.
    Operator,
    /// Let nodes in and shut them out, keep accounts.
    Admin,
}

impl Right {
    /// Its name in configurations, requests and the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// An account's name, or a certificate's.
    pub(crate) name: String,
    pub(crate) right: Right,
}

impl Caller {
    /// Lets him pass if he has this right or a higher one.
    pub(crate) fn must_be(&self, right: Right) -> Result<(), Forbidden> {
        if self.right >= right { Ok(()) } else { Err(Forbidden { has: self.right, needs: right }) }
    }
}

/// Asked for what takes a higher right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forbidden {
    pub(crate) has: Right,
    pub(crate) needs: Right,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this takes the right of {}; you have that of {}", self.needs, self.has)
    }
}

impl std::error::Error for Forbidden {}

/// A handler that takes a `Caller` is for those only whom the layer before it knows.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let unknown = || Failure::new(StatusCode::UNAUTHORIZED, "unauthenticated", "log in first, or send a token");
        parts.extensions.get::<Self>().cloned().ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_includes_those_before_it() {
        let operator = Caller { name: "duty".into(), right: Right::Operator };
        assert!(operator.must_be(Right::Viewer).is_ok() && operator.must_be(Right::Operator).is_ok());
        let refused = operator.must_be(Right::Admin).unwrap_err().to_string();
        assert_eq!(refused, "this takes the right of admin; you have that of operator");
    }
}
