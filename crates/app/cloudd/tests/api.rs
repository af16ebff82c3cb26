//! The API in JSON: its answers, its one shape of an error, its limits and its document.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{PATIENCE, Rig, ask, health, state, warning};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn get(rig: &Rig, path: &str) -> Value {
    let (status, body) = rig.get(path).await;
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_twin_is_told_in_json_by_the_names_of_the_protocol() {
    let rig = Rig::start().await;
    let node = rig.node("north", 7);
    assert!(node.send_record(&warning("north", 7, 1)) && node.send_record(&health("north", 7, 2)));
    assert!(node.flush(PATIENCE).await);
    node.send_state(state("north", 7, 1), PATIENCE);
    rig.status_when(|status| status["tracks"] == 2).await;

    let nodes = get(&rig, "/api/v1/nodes").await;
    let north = &nodes["nodes"][0];
    assert_eq!((&north["site"], &north["freshness"], &north["tracks"]), (&"north".into(), &"fresh".into(), &2.into()));
    assert_eq!((&north["boot"], &north["health"]["dropped"]["sensor_stale"]), (&"0000000000000007".into(), &17.into()));
    assert_eq!(*north, {
        let mut one = get(&rig, "/api/v1/nodes/north").await;
        // What goes on with time.
        for name in ["last_heard_ms", "delay_ms", "freshness", "clock_ahead_ms"] {
            one[name] = north[name].clone();
        }
        one["health"]["freshness"] = north["health"]["freshness"].clone();
        one["sensors"] = north["sensors"].clone();
        one
    });
    let south = get(&rig, "/api/v1/nodes/south").await;
    assert!(south["last_heard_ms"].is_null() && south["health"].is_null() && south["freshness"] == "lost", "{south}");

    // The cars are at 118.7 and 118.70317 E.
    let within = |east: f64| format!("south_lat_deg=32.02&west_lon_deg=118.69&north_lat_deg=32.04&east_lon_deg={east}");
    let count = async |query: &str| {
        let answer = get(&rig, &format!("/api/v1/tracks?{query}")).await;
        (answer["tracks"].as_array().unwrap().len(), answer["left_out"].as_u64().unwrap())
    };
    assert_eq!(count("").await, (2, 0));
    assert_eq!(count("limit=1").await, (1, 1));
    assert_eq!(count(&within(118.7032)).await, (2, 0));
    assert_eq!(count(&within(118.7031)).await, (1, 0));

    let warnings = get(&rig, "/api/v1/warnings?site=north&alive_only=true").await;
    let told = &warnings["warnings"][0];
    assert_eq!((&told["id"], &told["kind"]), (&"abcd000000000001".into(), &"collision".into()));
    assert_eq!(get(&rig, "/api/v1/warnings?site=south").await["warnings"], json!([]));
    let signals = get(&rig, "/api/v1/signals?junction=crossroads").await;
    assert_eq!(signals["junctions"][0]["phases"][0]["light"], "permissive-green");
    drop(node);
    rig.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_has_the_one_shape() {
    let rig = Rig::start().await;
    let huge = "x".repeat(70 * 1024);
    let long = format!("{{\"name\":\"{huge}\",\"password\":\"x\"}}");
    let json_type = "Content-Type: application/json\r\n";
    let cases: [(&str, &str, &str, &str, u16, &str); 16] = [
        ("GET", "/api/v1/nothing", "", "", 404, "not_found"),
        ("GET", "/api/", "", "", 404, "not_found"),
        ("GET", "/api/v1/nodes/east", "", "", 404, "not_found"),
        ("GET", "/ws/v1", "", "", 400, ""),
        ("DELETE", "/api/v1/nodes", "", "", 405, "method_not_allowed"),
        ("OPTIONS", "/api/v1/accounts", "", "", 405, "method_not_allowed"),
        ("GET", "/api/v1/tracks?limit=many", "", "", 400, "bad_request"),
        ("GET", "/api/v1/tracks?colour=red", "", "", 400, "bad_request"),
        ("GET", "/api/v1/tracks?south_lat_deg=1", "", "", 400, "bad_request"),
        (
            "GET",
            "/api/v1/tracks?south_lat_deg=NaN&west_lon_deg=1&north_lat_deg=2&east_lon_deg=2",
            "",
            "",
            400,
            "bad_request",
        ),
        ("POST", "/api/v1/session", json_type, &long, 413, "too_large"),
        ("POST", "/api/v1/session", json_type, "{\"name\":", 400, "bad_request"),
        ("POST", "/api/v1/session", json_type, "{\"name\":\"a\"}", 422, "unprocessable"),
        ("POST", "/api/v1/session", json_type, "{\"name\":\"a\",\"password\":\"b\",\"c\":1}", 422, "unprocessable"),
        ("POST", "/api/v1/session", json_type, "\u{0}\u{1}", 400, "bad_request"),
        ("POST", "/api/v1/session", "Content-Type: text/plain\r\n", "{}", 415, "unsupported_media_type"),
    ];
    for (method, path, headers, body, status, code) in cases {
        let answer = ask(rig.daemon.http, method, path, &format!("{headers}{}", rig.bearer()), body).await;
        assert_eq!(answer.status, status, "{method} {path}: {} {}", answer.head, answer.body);
        if !code.is_empty() {
            assert_eq!(answer.code(), code, "{method} {path}: {}", answer.body);
        }
        if status == 405 {
            assert!(answer.header("allow").is_some_and(|methods| methods.contains("GET")), "{}", answer.head);
        }
    }
    rig.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_trickle_do_not_keep_others_out() {
    let rig = Rig::start_without_accounts(|config| {
        (config.http.head_timeout_s, config.http.max_connections) = (1, 16);
    })
    .await;
    let mut trickling = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(rig.daemon.http).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ").await.unwrap();
        trickling.push(stream);
    }
    // All sixteen places are taken, four times over: each is freed after its second.
    let answered = timeout(PATIENCE, rig.get("/healthz")).await.expect("answered in time");
    assert_eq!(answered.0, 200);
    for mut stream in trickling {
        let closed = async {
            let mut said = Vec::new();
            let _reset = stream.read_to_end(&mut said).await;
        };
        timeout(PATIENCE, closed).await.expect("closed in time");
    }
    // A head that never ends by size is refused, too.
    let mut stream = TcpStream::connect(rig.daemon.http).await.unwrap();
    let _refused = stream.write_all(format!("GET /{} HTTP/1.1\r\n", "x".repeat(100_000)).as_bytes()).await;
    let mut said = Vec::new();
    let _reset = timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("closed in time");
    assert!(!String::from_utf8_lossy(&said).contains(" 200 "));
    tokio::time::sleep(Duration::from_millis(10)).await;
    rig.daemon.stop().await.unwrap();
}

/// Every `$ref` of a document.
fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                into.insert(reference.clone());
            }
            fields.values().for_each(|field| references(field, into));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_valid_and_has_every_route() {
    let rig = Rig::start_without_accounts(|_| ()).await;
    let (status, text) = rig.get("/api/v1/openapi.json").await;
    assert_eq!(status, 200);
    // By the reading of others: OpenAPI 3.1 as the crate `oas3` has it.
    let spec = oas3::from_json(&text).unwrap();
    assert!(spec.validate_version().is_ok());
    let operations: Vec<_> = spec.operations().collect();
    assert!(operations.len() >= 20, "{}", operations.len());
    let ids: BTreeSet<_> = operations.iter().map(|(_, _, operation)| operation.operation_id.clone().unwrap()).collect();
    assert_eq!(ids.len(), operations.len(), "operation ids are unique");

    let document: Value = serde_json::from_str(&text).unwrap();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let path = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads out of the document"));
        assert!(document.pointer(path).is_some(), "{reference} leads nowhere");
    }
    let documented = document["paths"].as_object().unwrap();
    let mut seen = 0;
    for path in routes_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        assert!(documented.contains_key(&path), "{path} has no line in the table: describe it with openapi::Operation");
        seen += 1;
    }
    assert!(seen >= 15, "{seen}: the routes are where this test looks for them");
    rig.daemon.stop().await.unwrap();
}

/// Every text of the sources that is a path of the API.
fn routes_in(dir: &Path) -> BTreeSet<String> {
    let mut routes = BTreeSet::new();
    for entry in std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            routes.extend(routes_in(&entry));
        } else if entry.extension().is_some_and(|kind| kind == "rs") {
            let text = std::fs::read_to_string(&entry).unwrap();
            let quoted = text.split('"').skip(1).step_by(1);
            routes.extend(quoted.filter(|text| is_route(text)).map(str::to_owned));
        }
    }
    routes
}

fn is_route(text: &str) -> bool {
    let rest = text.strip_prefix("/api/v1/");
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || "/{}_-.".contains(c)))
}
