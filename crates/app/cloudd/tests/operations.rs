//! The gRPC interface over real sockets, with and without the right certificate.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{PATIENCE, Rig, channel, health, operator, state, warning};
use jxz_link::Role;
use jxz_wire::api::v1 as wire;
use jxz_wire::api::v1::operations_client::OperationsClient;
use jxz_world::SiteId;
use tonic::Code;
use tonic::transport::Channel;

async fn client(rig: &Rig, role: Option<&Role>) -> Result<OperationsClient<Channel>, tonic::transport::Error> {
    Ok(OperationsClient::new(channel(rig, role).await?))
}

/// A cloud that a node has told of two cars, a warning and its health.
async fn busy() -> (Rig, jxz_link::Uplink) {
    let rig = Rig::start().await;
    let node = rig.node("north", 7);
    assert!(node.send_record(&warning("north", 7, 1)) && node.send_record(&health("north", 7, 2)));
    assert!(node.flush(PATIENCE).await);
    node.send_state(state("north", 7, 1), PATIENCE);
    rig.status_when(|status| status["tracks"] == 2).await;
    (rig, node)
}

#[tokio::test]
async fn an_operator_sees_nodes_warnings_and_signals() {
    let (rig, _node) = busy().await;
    let mut client = client(&rig, Some(&operator())).await.unwrap();
    let nodes = client.list_nodes(wire::ListNodesRequest {}).await.unwrap().into_inner().nodes;
    let [north, south] = &nodes[..] else { panic!("two nodes, not {nodes:?}") };
    assert_eq!((north.site.as_str(), north.freshness, north.boot), ("north", wire::Freshness::Fresh as i32, Some(7)));
    assert_eq!((north.tracks, north.warnings), (2, 1));
    assert_eq!(north.health.as_ref().unwrap().dropped["sensor_stale"], 17);
    assert_eq!((south.freshness, south.last_heard_ms), (wire::Freshness::Lost as i32, None));

    let missing = client.get_node(wire::GetNodeRequest { site: "east".into() }).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let request = wire::ListWarningsRequest { site: "north".into(), alive_only: true };
    let warnings = client.list_warnings(request).await.unwrap().into_inner().warnings;
    assert_eq!((warnings.len(), warnings[0].kind.as_str()), (1, "collision"));
    let request = wire::ListSignalsRequest { junction: "crossroads".into() };
    let junctions = client.list_signals(request).await.unwrap().into_inner().junctions;
    assert_eq!(junctions[0].phases[0].number, 3);
    drop(client);
    rig.daemon.stop().await.unwrap();
}

#[tokio::test]
async fn a_box_holds_only_what_is_inside() {
    let (rig, _node) = busy().await;
    let mut client = client(&rig, Some(&operator())).await.unwrap();
    // The cars are at 118.7 and 118.70317 E. The second box ends just short of the second car.
    let around = |west: f64, east: f64| wire::Box {
        south_lat_deg: 32.029,
        west_lon_deg: west,
        north_lat_deg: 32.031,
        east_lon_deg: east,
    };
    for (bounds, expected) in [
        (None, 2),
        (Some(around(118.6999, 118.7032)), 2),
        (Some(around(118.6999, 118.7031)), 1),
        (Some(around(118.70001, 118.7031)), 0),
    ] {
        let request = wire::ListTracksRequest { within: bounds, limit: 0 };
        let tracks = client.list_tracks(request).await.unwrap().into_inner().tracks;
        assert_eq!(tracks.len(), expected, "{bounds:?}");
    }
    let limited = wire::ListTracksRequest { within: None, limit: 1 };
    let answer = client.list_tracks(limited).await.unwrap().into_inner();
    assert_eq!((answer.tracks.len(), answer.left_out), (1, 1));
    for bad in [around(118.8, 118.7), around(f64::NAN, 118.8), around(-181.0, 118.8)] {
        let request = wire::ListTracksRequest { within: Some(bad), limit: 0 };
        assert_eq!(client.list_tracks(request).await.unwrap_err().code(), Code::InvalidArgument, "{bad:?}");
    }
    drop(client);
    rig.daemon.stop().await.unwrap();
}

#[tokio::test]
async fn a_watcher_gets_twin_after_twin_until_the_cloud_stops() {
    let (rig, _node) = busy().await;
    let mut client = client(&rig, Some(&operator())).await.unwrap();
    let bad = client.watch_twin(wire::WatchTwinRequest { rate_hz: 0.0, within: None }).await.unwrap_err();
    assert_eq!(bad.code(), Code::InvalidArgument);
    let request = wire::WatchTwinRequest { rate_hz: 10.0, within: None };
    let mut twins = client.watch_twin(request).await.unwrap().into_inner();
    let mut last_ms = 0;
    for _ in 0..3 {
        let twin = twins.message().await.unwrap().unwrap();
        assert!(twin.at_ms > last_ms);
        assert_eq!((twin.nodes.len(), twin.tracks.len(), twin.warnings.len(), twin.junctions.len()), (2, 2, 1, 1));
        last_ms = twin.at_ms;
    }
    let stopping = tokio::spawn(rig.daemon.stop());
    while let Ok(Some(_)) = twins.message().await {}
    drop((client, twins));
    stopping.await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_but_an_operator_is_answered() {
    let rig = Rig::start().await;
    // Without a certificate: TLS 1.3 tells the client only when it first reads, so the call fails if connecting did not.
    if let Ok(mut client) = client(&rig, None).await {
        assert!(client.list_nodes(wire::ListNodesRequest {}).await.is_err());
    }
    for role in [Role::Node(SiteId("north".into())), Role::Vehicle("0001".into())] {
        let mut client = client(&rig, Some(&role)).await.unwrap();
        let refused = client.list_nodes(wire::ListNodesRequest {}).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{role}");
    }
    // The same door does open for the right certificate.
    let mut client = client(&rig, Some(&operator())).await.unwrap();
    assert!(client.list_nodes(wire::ListNodesRequest {}).await.is_ok());
    drop(client);
    rig.daemon.stop().await.unwrap();
}

#[tokio::test]
async fn operators_tools_find_the_services_and_their_health() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_client::HealthClient;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

    let rig = Rig::start().await;
    let ask = async |channel: Channel, request: MessageRequest| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
        let stream = futures_util::stream::iter([request]);
        let mut answers = ServerReflectionClient::new(channel).server_reflection_info(stream).await?.into_inner();
        answers.message().await
    };
    let channel = channel(&rig, Some(&operator())).await.unwrap();
    let listed = ask(channel.clone(), MessageRequest::ListServices(String::new())).await.unwrap().unwrap();
    let ServerReflectionResponse { message_response: Some(MessageResponse::ListServicesResponse(list)), .. } = listed
    else {
        panic!("a list of services, not {listed:?}")
    };
    let mut names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["grpc.health.v1.Health", "jxz.api.v1.Fleet", "jxz.api.v1.Incidents", "jxz.api.v1.Operations"]);
    let file = MessageRequest::FileContainingSymbol("jxz.api.v1.Operations.ListTracks".into());
    let described = ask(channel.clone(), file).await.unwrap().unwrap();
    assert!(matches!(described.message_response, Some(MessageResponse::FileDescriptorResponse(_))), "{described:?}");

    let request = HealthCheckRequest { service: "jxz.api.v1.Operations".into() };
    let health = HealthClient::new(channel).check(request.clone()).await.unwrap().into_inner();
    assert_eq!(health.status(), ServingStatus::Serving);
    // A node's certificate does not open these either.
    let node = self::channel(&rig, Some(&Role::Node(SiteId("north".into())))).await.unwrap();
    let refused = HealthClient::new(node.clone()).check(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let refused = ask(node, MessageRequest::ListServices(String::new())).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    rig.daemon.stop().await.unwrap();
}
