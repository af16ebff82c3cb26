//! Incidents over real sockets: opened by a node's warnings, worked on by an operator, kept over a restart.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{PATIENCE, Rig, stopped_vehicle as stopped};
use jxz_world::Record;
use serde_json::{Value, json};

/// Status and answer of an operator's word.
async fn say(rig: &Rig, who: &str, path: &str, note: &str) -> (u16, Value) {
    let answer = rig.ask("POST", &format!("/api/v1/incidents/{path}"), who, &json!({ "note": note })).await;
    (answer.status, answer.json())
}

async fn list(rig: &Rig, state: &str, count: usize) -> serde_json::Value {
    let wanted = |list: &serde_json::Value| list["incidents"].as_array().unwrap().len() == count;
    rig.json_when(&format!("/api/v1/incidents?state={state}"), wanted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_notes_and_closes_and_all_of_it_survives_a_restart() {
    let rig = Rig::start().await;
    let node = rig.node("north", 7);
    for record in [stopped(1, 0.0), stopped(2, 5.0), stopped(3, 400.0)] {
        assert!(node.send_record(&record));
    }
    assert!(node.flush(PATIENCE).await);
    let open = list(&rig, "open", 2).await;
    let first = &open["incidents"][1];
    assert_eq!((&first["number"], &first["kind"]), (&1.into(), &"stopped_vehicle".into()), "the newest first: {open}");
    assert!((first["lon_deg"].as_f64().unwrap() - 118.7).abs() < 1e-6 && first["closed_ms"].is_null());

    let (looker, duty) = (rig.person("looker", "viewer").await, rig.person("duty", "operator").await);
    assert_eq!(say(&rig, &looker, "1/close", "not mine to close").await.0, 403);
    let (status, detail) = say(&rig, &duty, "1/notes", "  patrol sent  ").await;
    assert_eq!((status, &detail["notes"][0]["text"]), (200, &"patrol sent".into()), "{detail}");
    let events: Vec<&str> =
        detail["timeline"].as_array().unwrap().iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["opened", "warned"]);
    let (status, detail) = say(&rig, &duty, "1/close", "towed away").await;
    assert_eq!(status, 200, "{detail}");
    let (status, refused) = say(&rig, &duty, "1/close", "again").await;
    assert_eq!((status, &refused["error"]["code"]), (409, &"already_closed".into()));

    let rig = rig.restart().await;
    let closed = list(&rig, "closed", 1).await;
    assert_eq!((&closed["incidents"][0]["number"], &closed["incidents"][0]["closed_by"]), (&1.into(), &"duty".into()));
    assert_eq!(list(&rig, "open", 1).await["incidents"][0]["number"], 2);
    let detail = rig.json_when("/api/v1/incidents/1", |_| true).await;
    assert_eq!(detail["notes"].as_array().unwrap().len(), 2);
    let audit = rig.get("/api/v1/audit").await.1;
    assert!(audit.contains("incident.note") && audit.contains("incident.close") && audit.contains("towed away"));

    // Numbers go on, the closed one is not opened again by a warning that still holds, and the open one can be closed.
    let node = rig.node("north", 8);
    assert!(node.send_record(&Record { boot: 8, ..stopped(4, -400.0) }));
    assert!(node.flush(PATIENCE).await);
    assert_eq!(list(&rig, "open", 2).await["incidents"][0]["number"], 3);
    assert_eq!(say(&rig, &duty, "2/close", "gone").await.0, 200);
    list(&rig, "open", 1).await;
    drop(node);
    rig.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused() {
    let rig = Rig::start().await;
    let admin = rig.bearer();
    let long = "x".repeat(5_000);
    for (path, note, expected) in [
        ("1/close", "no such", 404),
        ("0/close", "no such", 404),
        ("x/notes", "no such", 404),
        ("1/close", "   ", 400),
        ("1/notes", &long, 400),
    ] {
        let (status, answer) = say(&rig, &admin, path, note).await;
        assert!(status == expected && answer["error"]["message"].is_string(), "{path}: {status} {answer}");
    }
    let answer = rig.ask("POST", "/api/v1/incidents/1/close", &admin, &json!({ "remark": "x" })).await;
    assert_eq!((answer.status, answer.code()), (422, "unprocessable".to_owned()));
    for query in ["state=half", "limit=-1", "before=1e9", "other=1"] {
        let (status, answer) = rig.get(&format!("/api/v1/incidents?{query}")).await;
        assert!(status == 400 && answer.contains("\"error\""), "{query}: {status} {answer}");
    }
    rig.daemon.stop().await.unwrap();
}
