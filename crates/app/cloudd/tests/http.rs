//! What HTTP on loopback answers while a node speaks.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{PATIENCE, Rig, get, health, state, warning};

#[tokio::test]
async fn the_status_and_the_metrics_say_what_a_node_said() {
    let rig = Rig::start().await;
    let before = rig.status_when(|_| true).await;
    assert_eq!((&before["nodes_online"], &before["nodes_total"]), (&0.into(), &2.into()));
    assert!(before["nodes"][0]["last_heard_s"].is_null(), "never heard is not zero: {before}");

    let node = rig.node("north", 7);
    assert!(node.send_record(&warning("north", 7, 1)) && node.send_record(&health("north", 7, 2)));
    assert!(node.flush(PATIENCE).await);
    node.send_state(state("north", 7, 1), PATIENCE);

    let status = rig.status_when(|status| status["tracks"] == 2).await;
    assert_eq!((&status["nodes_online"], &status["nodes_total"]), (&1.into(), &2.into()));
    assert_eq!(status["warnings"]["collision"], 1);
    assert_eq!(status["warnings"]["pedestrian"], 0);
    assert_eq!(status["warnings_raised"]["collision"], 1);
    assert_eq!(status["latency_ms"]["fuse"]["p99"], 2.5);
    assert_eq!(status["dropped"]["sensor_stale"], 17);
    let must_arrive = &status["must_arrive"];
    for (name, expected) in [("received", 2), ("stored", 2), ("acknowledged", 2), ("duplicates", 0), ("missing", 0)] {
        assert_eq!(must_arrive[name], expected, "{name} in {status}");
    }

    let (code, metrics) = rig.get("/metrics").await;
    assert_eq!(code, 200);
    for line in [
        "jxz_cloud_node_connected{site=\"north\"} 1",
        "jxz_cloud_node_connected{site=\"south\"} 0",
        "jxz_cloud_node_freshness{site=\"south\",freshness=\"lost\"} 1",
        "jxz_cloud_node_stage_latency_seconds{site=\"north\",stage=\"fuse\",quantile=\"0.99\"} 0.0025",
        "jxz_cloud_node_dropped_total{site=\"north\",cause=\"sensor_stale\"} 17",
        "jxz_cloud_tracks{site=\"north\",freshness=\"fresh\"} 2",
        "jxz_cloud_warnings{kind=\"collision\"} 1",
        "jxz_cloud_records_stored_total 2",
        "jxz_cloud_track_updates_received_total 2",
        "jxz_cloud_state_delay_seconds_count 1",
        "# EOF",
    ] {
        assert!(metrics.lines().any(|found| found == line), "no `{line}` in:\n{metrics}");
    }
    assert!(!metrics.contains("jxz_cloud_node_delay_seconds{site=\"south\"}"), "what is not known has no sample");
    // An older state: dropped, and counted by its cause.
    node.send_state(state("north", 7, 0), PATIENCE);
    rig.status_when(|status| status["dropped"]["peer_stale"] == 1).await;
    every_metric_of_the_dashboard_is_there(&rig.get("/metrics").await.1);
    drop(node);
    rig.daemon.stop().await.unwrap();
}

/// `deploy/grafana/jiangxin.json` asks for nothing that the cloud does not tell.
fn every_metric_of_the_dashboard_is_there(metrics: &str) {
    let text = include_str!("../../../../deploy/grafana/jiangxin.json");
    let dashboard: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut asked = 0;
    for target in
        dashboard["panels"].as_array().unwrap().iter().filter_map(|panel| panel["targets"].as_array()).flatten()
    {
        let query = target["expr"].as_str().unwrap();
        for name in query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|w| w.starts_with("jxz_")) {
            assert!(metrics.contains(&format!("\n{name}")), "{name} is not in:\n{metrics}");
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked} metrics asked for");
}

#[tokio::test]
async fn the_map_the_console_and_the_health_check_are_there() {
    let rig = Rig::start().await;
    assert_eq!(rig.get("/healthz").await, (200, "ok\n".to_owned()));
    let (code, map) = rig.get("/api/v1/map.geojson").await;
    let map: serde_json::Value = serde_json::from_str(&map).unwrap();
    assert_eq!((code, &map["type"], &map["version"]), (200, &"FeatureCollection".into(), &"v-test".into()));

    let (code, page) = rig.get("/").await;
    assert!(code == 200 && page.contains("npm"), "not built: {page}");
    let console = rig.config.http.console_dir.clone().unwrap();
    std::fs::create_dir(&console).unwrap();
    std::fs::write(console.join("index.html"), "<h1>the console</h1>").unwrap();
    assert_eq!(rig.get("/").await, (200, "<h1>the console</h1>".to_owned()));
    assert_eq!(rig.get("/../pki/ca.key").await.0, 404);
    assert_eq!(rig.get("/missing.js").await.0, 404);
    rig.daemon.stop().await.unwrap();
}

#[tokio::test]
async fn a_name_that_only_points_here_gets_nothing() {
    let rig = Rig::start().await;
    let (code, body) = get(rig.daemon.http, "/api/v1/status", "Host: evil.example\r\n").await;
    assert_eq!(code, 403);
    assert!(!body.contains("nodes"), "{body}");
    rig.daemon.stop().await.unwrap();
}
