//! What an operator tells real nodes of the road, and reads in their logs.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod units;

use jxz_link::utc_now;
use serde_json::{Value, json};
use units::{MAP, Rig, site, warned_of};

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;

/// A condition where a site stands, that holds for so long.
fn condition(hazard: &str, n: usize, holds_ms: i64) -> Value {
    let at = MAP.frame.to_wgs84(site(n).position);
    json!({ "hazard": hazard, "lat_deg": at.lat_deg, "lon_deg": at.lon_deg, "radius_m": 30.0, "safe_kmh": 30.0,
        "until_ms": utc_now().unix_ms() + holds_ms, "text": "  after the burst pipe <b>by the gate</b> " })
}

async fn enter(rig: &Rig, condition: Value) -> i64 {
    let (code, answer) = rig.ask("POST", "/api/v1/conditions", Some(condition)).await;
    assert_eq!(code, 201, "{answer}");
    answer["number"].as_i64().unwrap()
}

fn row(list: &Value, number: i64) -> Value {
    let rows = list["conditions"].as_array().unwrap();
    rows.iter().find(|row| row["number"] == number).cloned().unwrap_or_default()
}

/// What a site's state is in a condition.
fn at_site(row: &Value, n: usize) -> String {
    let sites = row["sites"].as_array().into_iter().flatten();
    let found = sites.into_iter().find(|of| of["site"] == site(n).id.0.as_str());
    found.map_or_else(String::new, |of| of["state"].as_str().unwrap().to_owned())
}

async fn until_at_site(rig: &Rig, number: i64, n: usize, state: &str) -> Value {
    let what = format!("condition {number} to be `{state}` at site {n}");
    row(&rig.when("/api/v1/conditions", &what, |list| at_site(&row(list, number), n) == state).await, number)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_warns_of_what_an_operator_enters_until_it_is_over_or_taken_back() {
    let mut rig = Rig::start(None).await;
    let unit = rig.joined(0).await;
    let ice = enter(&rig, condition("ice", 0, HOUR)).await;
    let entered = until_at_site(&rig, ice, 0, "away").await;
    assert_eq!(
        (&entered["text"], &entered["who"]),
        (&json!("after the burst pipe <b>by the gate</b>"), &json!("chief (tests)"))
    );
    assert_eq!((&entered["safe_kmh"], &entered["ended_ms"]), (&json!(30.0), &Value::Null));

    // The node hears of it when it comes, and of the next at once.
    let running = unit.run();
    until_at_site(&rig, ice, 0, "has").await;
    warned_of(&rig, &["hlw"]).await;
    let works = enter(&rig, condition("works", 0, HOUR)).await;
    warned_of(&rig, &["hlw", "road_works"]).await;

    // A unit that has lost everything but its keys gets both again.
    running.stop().await;
    warned_of(&rig, &[]).await;
    std::fs::remove_file(unit.folder.join("state/desired.json")).unwrap();
    let running = unit.run();
    warned_of(&rig, &["hlw", "road_works"]).await;

    let (code, answer) = rig.ask("DELETE", &format!("/api/v1/conditions/{ice}"), None).await;
    assert_eq!((code, &answer["ended_by"]), (200, &json!("chief (tests)")), "{answer}");
    warned_of(&rig, &["road_works"]).await;
    until_at_site(&rig, ice, 0, "over").await;
    let short = enter(&rig, condition("fog", 0, 5_000)).await;
    let ended =
        rig.when("/api/v1/conditions", "the fog to be over", |list| row(list, short)["ended_ms"].is_i64()).await;
    assert_eq!(row(&ended, short)["ended_by"], Value::Null, "nobody took it back");
    warned_of(&rig, &["road_works"]).await;

    rig.metric_when("jxz_cloud_road_conditions", |held| held == 1.0).await;
    let audit = rig.audit().await;
    let count = |action: &str| audit.iter().filter(|(found, _)| found == action).count();
    assert_eq!((count("condition.enter"), count("condition.take_back")), (3, 1));
    for (number, code) in [(ice.to_string(), 409), ("77".into(), 404), ("first".into(), 404)] {
        assert_eq!(rig.ask("DELETE", &format!("/api/v1/conditions/{number}"), None).await.0, code, "{number}");
    }
    assert_eq!(at_site(&row(&rig.ask("GET", "/api/v1/conditions", None).await.1, works), 0), "has");
    running.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_on_a_road_or_comes_from_a_viewer_is_refused() {
    let mut rig = Rig::start(None).await;
    let with = |key: &str, value: Value| {
        let mut condition = condition("water", 0, HOUR);
        condition[key] = value;
        condition
    };
    for (refused, code, said) in [
        (with("hazard", json!("lava")), 400, "bad_request"),
        (with("radius_m", json!(-1)), 400, "bad_request"),
        (with("radius_m", json!(5000)), 400, "bad_request"),
        (with("safe_kmh", json!(900)), 400, "bad_request"),
        (with("until_ms", json!(utc_now().unix_ms() - 1)), 400, "bad_request"),
        (with("until_ms", json!(i64::MAX)), 400, "bad_request"),
        (with("text", json!("one\ntwo")), 400, "bad_request"),
        (with("text", json!("河".repeat(201))), 400, "bad_request"),
        (with("lat_deg", json!(91)), 400, "bad_request"),
        (with("lat_deg", json!(-33.0)), 409, "no_site_near"),
        (with("colour", json!("red")), 400, "bad_request"),
    ] {
        let (found, answer) = rig.ask("POST", "/api/v1/conditions", Some(refused.clone())).await;
        assert_eq!((found, &answer["error"]["code"]), (code, &json!(said)), "{refused}: {answer}");
    }
    let body = condition("water", 0, HOUR).to_string();
    let (code, _, answer) = rig.exchange("POST", "/api/v1/conditions", "X-Jxz-Request: 1\r\n", &body).await;
    assert_eq!((code, &answer["error"]["code"]), (403, &json!("forbidden")), "{answer}");
    let (code, _, list) = rig.exchange("GET", "/api/v1/conditions", "", "").await;
    assert_eq!((code, list), (200, json!({ "conditions": [] })), "a viewer sees them, and nothing was entered");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_warns_of_ice_does_not_wait_for_a_roll_out_and_its_end_leaves_the_ice() {
    let mut rig = Rig::start(None).await;
    let running = rig.joined(0).await.run();
    rig.node_when(0, "the node to serve in full", |node| node["service"]["level"] == "full").await;
    let plan =
        json!({ "sites": [site(0).id], "soak_s": 3600, "change": { "hazard": { "tjw": { "enabled": false } } } });
    let (code, answer) = rig.ask("POST", "/api/v1/rollouts", Some(plan)).await;
    assert_eq!(code, 201, "{answer}");
    let path = format!("/api/v1/rollouts/{}", answer["number"]);
    rig.when(&path, "the roll-out to soak", |rollout| rollout["phase"] == "soaking").await;

    let ice = enter(&rig, condition("ice", 0, HOUR)).await;
    until_at_site(&rig, ice, 0, "has").await;
    warned_of(&rig, &["hlw"]).await;
    let node = rig.node(0).await;
    assert_eq!(node["configuration"]["desired"]["document"]["hazard"]["tjw"]["enabled"], false);
    assert_eq!(rig.ask("GET", &path, None).await.1["phase"], "soaking", "it goes on");

    assert_eq!(rig.ask("POST", &format!("{path}/abort"), None).await.0, 202);
    rig.when(&path, "the roll-out to be taken back", |rollout| rollout["phase"] == "rolled_back").await;
    let node = rig.node_when(0, "it to be taken back", |node| node["configuration"]["state"] == "applied").await;
    let document = &node["configuration"]["desired"]["document"];
    assert!(document.get("hazard").is_none() && document["conditions"].as_object().unwrap().len() == 1, "{document}");
    until_at_site(&rig, ice, 0, "has").await;
    warned_of(&rig, &["hlw"]).await;
    running.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_reads_a_nodes_log_and_a_viewer_does_not() {
    // The node is in this process, and so are its lines.
    jxz_observe::init_logs(&jxz_observe::LogSettings::default()).unwrap();
    let mut rig = Rig::start(None).await;
    let path = format!("/api/v1/nodes/{}/log", site(0).id);
    let unit = rig.joined(0).await;
    let (code, answer) = rig.ask("GET", &path, None).await;
    assert_eq!((code, &answer["error"]["code"]), (409, &json!("conflict")), "it is not connected: {answer}");
    let running = unit.run();
    rig.node_when(0, "the node to be connected", |node| node["connected"] == true).await;
    tracing::warn!("{}\u{1b}[2J\nall is well {}", "<script>alert(1)</script>", "河".repeat(10_000));
    tracing::warn!(client_secret = "s3cret", "logs in by jxz1/127.0.0.1:7400/AA/s3cret");

    let log =
        rig.when(&path, "the node's last lines", |log| says(log, "edge node is up") && says(log, "logs in")).await;
    let lines = log["lines"].as_array().unwrap();
    let text = |line: &Value| line["text"].as_str().unwrap().to_owned();
    let warned = lines.iter().find(|line| text(line).contains("<script>")).unwrap();
    let hostile = text(warned);
    assert!(hostile.starts_with("<script>alert(1)</script>\u{fffd}[2J\u{240a}all is well 河"), "{hostile}");
    assert!(hostile.len() <= 1024 && !lines.iter().any(|line| text(line).contains("s3cret")), "{lines:?}");
    assert_eq!((&warned["level"], &warned["target"]), (&json!("warn"), &json!("operator")));
    assert!((warned["at_ms"].as_i64().unwrap() - utc_now().unix_ms()).abs() < HOUR);

    // Followed: what is new, and nothing twice.
    let last = lines.last().unwrap()["number"].as_u64().unwrap();
    tracing::info!("one more line");
    let next = format!("{path}?after={last}&boot={}", log["boot"]);
    let more = rig.ask("GET", &next, None).await.1;
    assert!(says(&more, "one more line") && !says(&more, "edge node is up") && more["lost"] == 0, "{more}");
    let numbers: Vec<u64> =
        more["lines"].as_array().unwrap().iter().map(|line| line["number"].as_u64().unwrap()).collect();
    assert!(numbers[0] == last + 1 && numbers.is_sorted(), "{numbers:?}");
    let other = rig.ask("GET", &format!("{path}?after={last}&boot=1&limit=2"), None).await.1;
    assert_eq!(other["lines"].as_array().unwrap().len(), 2, "of another start: the newest");

    for (path, headers, refused) in [
        (path.as_str(), "", 403),
        (&format!("{path}?after=-1"), &*format!("Authorization: Bearer {}\r\n", rig.admin), 400),
        ("/api/v1/nodes/nowhere/log", &*format!("Authorization: Bearer {}\r\n", rig.admin), 404),
    ] {
        assert_eq!(rig.exchange("GET", path, headers, "").await.0, refused, "{path}");
    }
    rig.metric_when("jxz_cloud_log_lines_read_total", |read| read > 5.0).await;
    running.stop().await;
    rig.stop().await;
}

fn says(log: &Value, words: &str) -> bool {
    log["lines"].as_array().into_iter().flatten().any(|line| line["text"].as_str().unwrap().contains(words))
}
