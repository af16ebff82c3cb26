//! Every change is in the audit log, and the log tells when somebody tampered with it.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_on_over_restarts() {
    let rig = Rig::start().await.restart().await;
    let (status, body) = rig.get("/api/v1/audit?limit=100").await;
    assert_eq!(status, 200, "{body}");
    let page: serde_json::Value = serde_json::from_str(&body).unwrap();
    let numbers: Vec<_> = page["entries"].as_array().unwrap().iter().map(|e| e["number"].as_i64().unwrap()).collect();
    let all: Vec<i64> = (1..=numbers[0]).rev().collect();
    assert!(numbers == all && all.len() > 2, "{numbers:?}");
    assert!(page["entries"][0]["action"] == "cloud.start" && page["first_break"].is_null(), "{body}");
}
