//! The cloud manages real nodes: they join, run what they are told, and are cut off.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod units;

use jxz_geo::Point;
use jxz_link::{Role, utc_now};
use jxz_world::SiteId;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;
use units::{MAP, PATIENCE, Rig, Running, Unit, site, warned_of};

/// Ice and works at a site, of which HLW and ROAD_WORKS warn whether anyone is there or not.
fn ice_and_works(n: usize) -> Value {
    let Point { coords, .. } = site(n).position;
    let at = |hazard: &str| json!({ "hazard": hazard, "east_m": coords.x, "north_m": coords.y, "radius_m": 30.0, "safe_mps": 8.0 });
    json!({ "conditions": { "1": at("ice"), "2": at("works") }, "health_s": 0.5 })
}

fn state_of(node: &Value, application: &str) -> Value {
    let rows = node["applications"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == application).unwrap()["state"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_joins_with_its_token_once_and_no_other_way() {
    let mut rig = Rig::start(None).await;
    let (first, other) = (Unit::new(&rig, 0), Unit::new(&rig, 1));
    let token = rig.token(0).await;
    let refused = other.join(&token).await.unwrap_err();
    assert!(format!("{refused:#}").contains("for another site"), "{refused:#}");
    first.join(&token).await.unwrap();
    let replayed = first.join(&token).await.unwrap_err();
    assert!(format!("{replayed:#}").contains("has been used"), "{replayed:#}");
    let made_up = token.rsplit_once('/').map(|(front, _)| format!("{front}/{}", "0f".repeat(16))).unwrap();
    assert!(format!("{:#}", first.join(&made_up).await.unwrap_err()).contains("no such token"));
    let path = format!("/api/v1/nodes/{}/join-tokens", site(0).id);
    let short = rig.ask("POST", &path, Some(json!({ "hours": 0.01 }))).await.1;
    assert!(short["expires_at_ms"].as_i64().unwrap() - utc_now().unix_ms() <= 36_000);
    assert_eq!(rig.ask("POST", &path, Some(json!({ "hours": 1e9 }))).await.0, 400);
    assert_eq!(rig.ask("POST", "/api/v1/nodes/nowhere/join-tokens", None).await.0, 404);

    let running = first.run();
    let node = rig.node_when(0, "the node to be connected", |node| node["connected"] == true).await;
    assert_eq!(node["managed"], true);
    assert_eq!(node["certificate"]["serial"], node["certificates"][0]["serial"]);
    assert_eq!(
        (&node["certificates"][0]["issued_for"], node["certificates"].as_array().unwrap().len()),
        (&json!("join"), 1)
    );
    // Its key was made there and is nowhere else.
    assert!(Role::Node(site(0).id.clone()).key_path(&first.folder.join("pki")).exists());
    assert!(!rig.home.path().join("authority/node").exists());

    let audit = rig.audit().await;
    let count = |action: &str| audit.iter().filter(|(a, _)| a == action).count();
    assert_eq!((count("node.join"), count("node.join_refused"), count("node.make_token")), (1, 3, 2));
    let secret = token.rsplit('/').next().unwrap();
    assert!(audit.iter().all(|(_, detail)| !detail.contains(secret)));
    let stored = std::fs::read(rig.config.data_dir.join("catalogue.sqlite3-wal")).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&stored).contains(secret), "only its hash is stored");
    running.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_authority_nobody_joins_and_the_cloud_says_why() {
    let mut rig = Rig::start(None).await;
    let token = rig.token(0).await;
    rig.stop().await;
    rig.config.authority = None;
    rig.start_again().await;
    let (code, answer) = rig.ask("POST", &format!("/api/v1/nodes/{}/join-tokens", site(0).id), None).await;
    assert_eq!((code, &answer["error"]["code"]), (503, &json!("no_authority")));
    assert!(answer["error"]["message"].as_str().unwrap().contains("[authority]"));
    assert!(Unit::new(&rig, 0).join(&token).await.is_err());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_switched_off_while_the_others_go_on_and_stays_off_without_a_cloud() {
    let mut rig = Rig::start(None).await;
    let unit = rig.joined(0).await;
    let running = unit.run();
    let path = format!("/api/v1/nodes/{}/configuration", site(0).id);
    assert_eq!(rig.ask("PATCH", &path, Some(ice_and_works(0))).await.0, 202);
    let node =
        rig.node_when(0, "the conditions to be taken on", |node| node["configuration"]["state"] == "applied").await;
    assert_eq!(node["configuration"]["desired"]["digest"], node["configuration"]["actual"]["digest"]);
    warned_of(&rig, &["hlw", "road_works"]).await;

    let switch = format!("/api/v1/nodes/{}/applications/hlw", site(0).id);
    let (code, answer) = rig.ask("PUT", &switch, Some(json!({ "on": false }))).await;
    assert_eq!((code, &answer["revision"]), (202, &json!(2)));
    let node = rig.node_when(0, "hlw to be off", |node| state_of(node, "hlw") == "off").await;
    assert_eq!(state_of(&node, "road_works"), "on");
    let on = node["applications"].as_array().unwrap().iter().filter(|row| row["state"] == "on").count();
    assert_eq!(on, 19, "no other application is touched");
    warned_of(&rig, &["road_works"]).await;

    // What no node could run is refused where it is said, and changes nothing.
    for bad in [json!({ "hazard": { "warp": {} } }), json!({ "hazard": { "fcw": { "probability": { "raise": 7 } } } })]
    {
        let (code, answer) = rig.ask("PATCH", &path, Some(bad)).await;
        assert_eq!((code, &answer["error"]["code"]), (400, &json!("bad_configuration")), "{answer}");
    }
    // What passes there and not at the node comes back as the node's word.
    assert_eq!(rig.ask("PATCH", &path, Some(json!({ "health_s": 60.0 }))).await.0, 202);
    let node = rig.node_when(0, "the node to reject it", |node| node["configuration"]["state"] == "rejected").await;
    assert!(node["configuration"]["reason"].as_str().unwrap().contains("health_s"), "{node:#}");
    assert_eq!(node["configuration"]["actual"]["revision"], 2, "it runs what it ran");
    assert_eq!(rig.ask("PATCH", &path, Some(json!({ "health_s": 0.5 }))).await.0, 202);
    rig.node_when(0, "the node to take it", |node| node["configuration"]["state"] == "applied").await;

    running.stop().await;
    rig.stop().await;
    // No cloud: what the node does, it does by what it kept.
    std::fs::remove_file(unit.folder.join("state/status.json")).unwrap();
    let running = unit.run();
    let started = tokio::time::Instant::now();
    let status = loop {
        if let Some(status) = unit.status() {
            break status;
        }
        assert!(started.elapsed() < PATIENCE, "the node writes its status");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(!status.cloud_connected);
    assert_eq!(status.running.config.map(|config| config.revision), Some(4));
    assert!(!status.running.applications.contains(&jxz_world::Application::Hlw));
    assert_eq!(status.running.applications.len(), 19);

    rig.start_again().await;
    rig.node_when(0, "the node to come back", |node| {
        node["connected"] == true && node["configuration"]["state"] == "applied" && state_of(node, "hlw") == "off"
    })
    .await;
    warned_of(&rig, &["road_works"]).await;
    running.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_node_is_cut_off_at_once_and_may_join_anew() {
    let mut rig = Rig::start(None).await;
    let unit = rig.joined(0).await;
    let running = unit.run();
    let before = rig.node_when(0, "the node to be connected", |node| node["connected"] == true).await;
    let old_token = rig.token(0).await;
    assert_eq!(rig.ask("POST", &format!("/api/v1/nodes/{}/revoke", site(0).id), None).await.0, 200);
    rig.node_when(0, "the node to be cut off", |node| node["connected"] == false).await;
    assert!(unit.join(&old_token).await.is_err(), "tokens made before are void too");
    rig.when("/api/v1/status", "it to be refused when it tries again", |status| {
        status["dropped"]["peer_refused"].as_u64() >= Some(3)
    })
    .await;
    assert_eq!(rig.node(0).await["connected"], false);
    running.stop().await;
    rig.stop().await;
    rig.start_again().await;
    // Nor after the cloud was started anew.
    let running = unit.run();
    rig.when("/api/v1/status", "it to be refused still", |status| {
        status["dropped"]["peer_refused"].as_u64() >= Some(2)
    })
    .await;
    running.stop().await;

    unit.join(&rig.token(0).await).await.unwrap();
    let running = unit.run();
    let after = rig.node_when(0, "the node to be back", |node| node["connected"] == true).await;
    assert_ne!(before["certificate"]["serial"], after["certificate"]["serial"]);
    assert!(!after["certificates"][1]["revoked_at_ms"].is_null());
    running.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_renews_its_certificate_by_itself_and_stays() {
    let mut rig = Rig::start(Some(Duration::from_secs(20))).await;
    let unit = rig.joined(0).await;
    let running = unit.run();
    let first = rig.node_when(0, "the node to be connected", |node| node["connected"] == true).await;
    let serial = first["certificate"]["serial"].clone();
    let renewed = rig
        .node_when(0, "a connection with the next certificate", |node| {
            node["connected"] == true && node["certificate"]["serial"] != serial
        })
        .await;
    assert_eq!(renewed["certificates"][0]["issued_for"], "renewal");
    assert!(renewed["certificates"].as_array().unwrap().iter().all(|row| row["revoked_at_ms"].is_null()));
    let audit = rig.audit().await;
    assert!(audit.iter().any(|(action, _)| action == "node.renew"));
    running.stop().await;
    rig.stop().await;
}

async fn start_rollout(rig: &Rig, soak_s: f64) -> i64 {
    let sites = [&site(0).id, &site(1).id];
    let request = json!({ "sites": sites, "canary": site(0).id, "soak_s": soak_s, "patience_s": 30.0,
        "change": { "hazard": { "tjw": { "enabled": false } } } });
    let (code, answer) = rig.ask("POST", "/api/v1/rollouts", Some(request)).await;
    assert_eq!(code, 201, "{answer}");
    answer["number"].as_i64().unwrap()
}

/// Two nodes that serve in full and report twice a second.
async fn two(rig: &Rig) -> [(Unit, Running); 2] {
    let (first, second) = (rig.joined(0).await, rig.joined(1).await);
    let running = [first.run(), second.run()];
    for n in 0..2 {
        let path = format!("/api/v1/nodes/{}/configuration", site(n).id);
        assert_eq!(rig.ask("PATCH", &path, Some(json!({ "health_s": 0.5 }))).await.0, 202);
    }
    for n in 0..2 {
        rig.node_when(n, "the node to serve in full", |node| {
            node["service"]["level"] == "full" && node["configuration"]["state"] == "applied"
        })
        .await;
    }
    let [a, b] = running;
    [(first, a), (second, b)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_out_reaches_everyone_also_when_the_cloud_is_started_anew_in_the_middle() {
    let mut rig = Rig::start(None).await;
    let nodes = two(&rig).await;
    let number = start_rollout(&rig, 4.0).await;
    let path = format!("/api/v1/rollouts/{number}");
    rig.when(&path, "the first site to soak", |rollout| rollout["phase"] == "soaking").await;
    assert_eq!(state_of(&rig.node(1).await, "tjw"), "on", "the second waits");
    let (code, answer) =
        rig.ask("PUT", &format!("/api/v1/nodes/{}/applications/fcw", site(1).id), Some(json!({ "on": false }))).await;
    assert_eq!((code, &answer["error"]["code"]), (409, &json!("conflict")), "nobody meddles meanwhile");
    rig.stop().await;
    rig.start_again().await;
    let done = rig.when(&path, "the roll-out to be over", |rollout| rollout["over"] == true).await;
    assert_eq!((&done["phase"], &done["why"]), (&json!("done"), &Value::Null), "{done:#}");
    for n in 0..2 {
        rig.node_when(n, "tjw to be off", |node| state_of(node, "tjw") == "off").await;
    }
    for (_, running) in nodes {
        running.stop().await;
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roll_out_whose_first_site_falls_short_is_taken_back_by_itself() {
    let mut rig = Rig::start(None).await;
    let nodes = two(&rig).await;
    let number = start_rollout(&rig, 60.0).await;
    let path = format!("/api/v1/rollouts/{number}");
    rig.node_when(0, "the first site to run the change", |node| state_of(node, "tjw") == "off").await;
    nodes[0].0.sees.store(false, Ordering::Relaxed);
    let over = rig.when(&path, "the roll-out to be over", |rollout| rollout["over"] == true).await;
    assert_eq!(over["phase"], "rolled_back", "{over:#}");
    assert!(over["why"].as_str().unwrap().contains("sensor_silent"), "{over:#}");
    rig.node_when(0, "the first site to have back what it had", |node| {
        state_of(node, "tjw") == "on" && node["configuration"]["state"] == "applied"
    })
    .await;
    assert_eq!(rig.node(1).await["configuration"]["desired"]["revision"], 1, "the second was never touched");
    let (code, answer) =
        rig.ask("POST", "/api/v1/rollouts", Some(json!({ "sites": "all", "canary": site(0).id, "change": {} }))).await;
    assert_eq!((code, &answer["error"]["code"]), (409, &json!("unfit_canary")), "{answer}");
    let actions: Vec<String> = rig.audit().await.into_iter().map(|(action, _)| action).collect();
    for action in ["rollout.start", "rollout.end", "node.configure"] {
        assert!(actions.iter().any(|a| a == action), "{action} in {actions:?}");
    }
    for (_, running) in nodes {
        running.stop().await;
    }
    rig.stop().await;
}

#[test]
fn sites_of_the_map_have_names_that_certificates_can_carry() {
    for site in &MAP.sites {
        assert!(Role::Node(SiteId(site.id.0.clone())).check().is_ok(), "{}", site.id);
    }
}
