//! The system's clock.

use jxz_units::Utc;
use std::time::{SystemTime, UNIX_EPOCH};

/// UTC by the system's clock; the epoch if the clock is set before it.
#[must_use]
pub fn utc_now() -> Utc {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Utc::from_unix_ns(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// How long from now until `at`; zero if it is past.
pub(crate) fn until(at: Utc) -> std::time::Duration {
    let ns = at.unix_ns().saturating_sub(utc_now().unix_ns());
    std::time::Duration::from_nanos(u64::try_from(ns).unwrap_or(0))
}
