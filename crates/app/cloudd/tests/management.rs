//! Configurations, roll-outs and incidents over gRPC, by certificates of different rights.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{PATIENCE, Rig, health, operator_channel, stopped_vehicle};
use jxz_link::Uplink;
use jxz_wire::api::v1 as wire;
use jxz_wire::api::v1::fleet_client::FleetClient;
use jxz_wire::api::v1::incidents_client::IncidentsClient;
use jxz_world::{RecordBody, Service};
use tonic::Code;
use tonic::transport::Channel;

/// A cloud at which the operator's certificate has this right, and a node.
async fn rig(right: &str) -> (Rig, Uplink, Channel) {
    let mut rig = Rig::start().await;
    let rights = serde_json::json!({ "duty": right });
    rig.config.grpc.rights = serde_json::from_value(rights).unwrap();
    let rig = rig.restart().await;
    let node = rig.node("north", 7);
    let stands = |fleet: &serde_json::Value| fleet["nodes"].as_array().unwrap().iter().any(|n| n["connected"] == true);
    rig.json_when("/api/v1/fleet", stands).await;
    let channel = operator_channel(&rig).await;
    (rig, node, channel)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_switches_amends_and_rolls_out() {
    let (rig, node, channel) = rig("operator").await;
    let mut fleet = FleetClient::new(channel);
    let ask = |site: &str| wire::GetConfigurationRequest { site: site.into() };
    let before = fleet.get_configuration(ask("north")).await.unwrap().into_inner();
    assert_eq!((before.state.as_str(), before.revision, before.document_json), ("none", None, None));

    let switch = |application: &str| wire::SwitchApplicationRequest {
        site: "north".into(),
        application: application.into(),
        on: false,
    };
    let after = fleet.switch_application(switch("glosa")).await.unwrap().into_inner();
    let document: serde_json::Value = serde_json::from_str(&after.document_json.unwrap()).unwrap();
    assert_eq!(document["hazard"]["glosa"]["enabled"], false);
    let patch = |text: &str| wire::AmendConfigurationRequest { site: "north".into(), patch_json: text.into() };
    let later = fleet.amend_configuration(patch(r#"{"health_s":4.0}"#)).await.unwrap().into_inner();
    assert!(later.revision > after.revision && later.state == "pending", "{later:?}");

    for (refused, code) in [
        (fleet.switch_application(switch("no-such")).await.unwrap_err(), Code::NotFound),
        (fleet.amend_configuration(patch("{")).await.unwrap_err(), Code::InvalidArgument),
        (fleet.amend_configuration(patch(r#"{"no_such_key":1}"#)).await.unwrap_err(), Code::InvalidArgument),
        (fleet.get_configuration(ask("nowhere")).await.unwrap_err(), Code::NotFound),
        (fleet.get_rollout(wire::GetRolloutRequest { number: 77 }).await.unwrap_err(), Code::NotFound),
        (fleet.get_rollout(wire::GetRolloutRequest { number: u64::MAX }).await.unwrap_err(), Code::NotFound),
    ] {
        assert_eq!(refused.code(), code, "{refused}");
    }

    // Who is to be first has to say that it serves in full.
    let mut well = health("north", 7, 1);
    if let RecordBody::Health(health) = &mut well.body {
        health.service = Some(Service::Full);
    }
    assert!(node.send_record(&well));
    assert!(node.flush(PATIENCE).await);
    let says =
        |fleet: &serde_json::Value| fleet["nodes"].as_array().unwrap().iter().any(|n| n["service"]["level"] == "full");
    rig.json_when("/api/v1/fleet", says).await;
    let request = wire::StartRolloutRequest {
        sites: vec!["north".into()],
        patch_json: r#"{"hazard":{"ivs":{"enabled":false}}}"#.into(),
        ..wire::StartRolloutRequest::default()
    };
    let begun = fleet.start_rollout(request.clone()).await.unwrap().into_inner();
    assert!(!begun.over && begun.state_json.contains("north"), "{begun:?}");
    let second = fleet.start_rollout(request).await.unwrap_err();
    assert_eq!(second.code(), Code::FailedPrecondition, "{second}");
    fleet.abort_rollout(wire::AbortRolloutRequest { number: begun.number }).await.unwrap();
    let audit = rig.get("/api/v1/audit").await.1;
    assert!(audit.contains("duty (certificate)") && audit.contains("rollout.abort"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_look_changes_nothing() {
    let (rig, _node, channel) = rig("viewer").await;
    let (mut fleet, mut incidents) = (FleetClient::new(channel.clone()), IncidentsClient::new(channel));
    let site = || "north".to_owned();
    let switch = wire::SwitchApplicationRequest { site: site(), application: "glosa".into(), on: false };
    let amend = wire::AmendConfigurationRequest { site: site(), patch_json: "{}".into() };
    let rollout = wire::StartRolloutRequest { patch_json: "{}".into(), ..wire::StartRolloutRequest::default() };
    let close = wire::AnnotateIncidentRequest { number: 1, note: "mine".into(), close: true };
    let place = Some(wire::Position { lat_deg: 32.03, lon_deg: 118.7 });
    for refused in [
        fleet.switch_application(switch).await.unwrap_err(),
        fleet.amend_configuration(amend).await.unwrap_err(),
        fleet.start_rollout(rollout).await.unwrap_err(),
        fleet.abort_rollout(wire::AbortRolloutRequest { number: 1 }).await.unwrap_err(),
        incidents.annotate_incident(close).await.unwrap_err(),
        fleet.enter_condition(wire::EnterConditionRequest { position: place, ..Default::default() }).await.unwrap_err(),
        fleet.take_condition_back(wire::TakeConditionBackRequest { number: 1 }).await.unwrap_err(),
        fleet.read_log(wire::ReadLogRequest { site: site(), ..Default::default() }).await.unwrap_err(),
    ] {
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
        assert!(refused.message().contains("takes the right of operator"), "{refused}");
    }
    let configuration = fleet.get_configuration(wire::GetConfigurationRequest { site: site() }).await.unwrap();
    assert_eq!(configuration.into_inner().state, "none");
    drop(rig);
}

#[tokio::test(flavor = "multi_thread")]
async fn road_conditions_and_logs_are_asked_for_by_the_same_rules() {
    let (rig, _node, channel) = rig("operator").await;
    let mut fleet = FleetClient::new(channel);
    let enter = |hazard: &str| wire::EnterConditionRequest {
        hazard: hazard.into(),
        position: Some(wire::Position { lat_deg: 32.0345, lon_deg: 118.7 }),
        radius_m: 20.0,
        safe_kmh: 30.0,
        until_ms: u64::try_from(jxz_link::utc_now().unix_ms()).unwrap() + 3_600_000,
        text: "pipe burst".into(),
    };
    let nowhere = wire::EnterConditionRequest { position: None, ..enter("water") };
    let back = wire::TakeConditionBackRequest { number: 1 };
    let log = |site: &str| wire::ReadLogRequest { site: site.into(), ..wire::ReadLogRequest::default() };
    for (refused, code, said) in [
        (fleet.enter_condition(enter("lava")).await.unwrap_err(), Code::InvalidArgument, "object, water"),
        (fleet.enter_condition(nowhere).await.unwrap_err(), Code::InvalidArgument, "position"),
        // The site is near; its map has no roads.
        (fleet.enter_condition(enter("water")).await.unwrap_err(), Code::FailedPrecondition, "no lane for vehicles"),
        (fleet.take_condition_back(back).await.unwrap_err(), Code::NotFound, "condition 1"),
        (fleet.read_log(log("nowhere")).await.unwrap_err(), Code::NotFound, "nowhere"),
        (fleet.read_log(log("south")).await.unwrap_err(), Code::FailedPrecondition, "not connected"),
    ] {
        assert_eq!(refused.code(), code, "{refused}");
        assert!(refused.message().contains(said), "{refused}");
    }
    let listed = fleet.list_conditions(wire::ListConditionsRequest {}).await.unwrap().into_inner();
    assert!(listed.conditions.is_empty());
    drop(rig);
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_are_listed_noted_and_closed_once() {
    let (rig, node, channel) = rig("operator").await;
    for (sequence, east) in [(1, 0.0), (2, 5.0), (3, 400.0)] {
        assert!(node.send_record(&stopped_vehicle(sequence, east)));
    }
    assert!(node.flush(PATIENCE).await);
    rig.json_when("/api/v1/incidents?state=open", |list| list["incidents"].as_array().unwrap().len() == 2).await;

    let mut incidents = IncidentsClient::new(channel);
    let listed = wire::ListIncidentsRequest { open: Some(true), limit: 1, ..wire::ListIncidentsRequest::default() };
    let listed = incidents.list_incidents(listed).await.unwrap().into_inner().incidents;
    assert_eq!(listed.iter().map(|incident| incident.number).collect::<Vec<_>>(), [2], "the newest");
    let one = incidents.get_incident(wire::GetIncidentRequest { number: 1 }).await.unwrap().into_inner();
    let events: Vec<&str> = one.lines.iter().map(|line| line.event.as_str()).collect();
    assert_eq!((one.kind.as_str(), events), ("stopped_vehicle", vec!["opened", "warned"]));
    assert!((one.position.unwrap().lon_deg - 118.7).abs() < 1e-6 && one.closed_ms.is_none());

    let say = |note: &str, close| wire::AnnotateIncidentRequest { number: 1, note: note.into(), close };
    let noted = incidents.annotate_incident(say("  patrol sent  ", false)).await.unwrap().into_inner();
    assert_eq!((noted.notes[0].text.as_str(), noted.notes[0].who.as_str()), ("patrol sent", "duty (certificate)"));
    let closed = incidents.annotate_incident(say("towed away", true)).await.unwrap().into_inner();
    assert!(closed.closed_ms.is_some() && closed.closed_by.as_deref() == Some("duty (certificate)"));
    for (refused, code) in [
        (incidents.annotate_incident(say("again", true)).await.unwrap_err(), Code::FailedPrecondition),
        (incidents.annotate_incident(say("", false)).await.unwrap_err(), Code::InvalidArgument),
        (incidents.get_incident(wire::GetIncidentRequest { number: 9 }).await.unwrap_err(), Code::NotFound),
    ] {
        assert_eq!(refused.code(), code, "{refused}");
    }
}
