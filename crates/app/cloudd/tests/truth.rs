//! What really is on the road: shown by a cloud that a simulator feeds, unknown to any other.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{PATIENCE, Rig, state};
use futures_util::StreamExt;
use jxz_cloudd::Daemon;
use jxz_wire::console::v1 as wire;
use prost::Message as _;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// The truths of the frames of a console, until one is as wanted or there have been `most`.
async fn truths(rig: &Rig, most: usize, wanted: impl Fn(&wire::Truth) -> bool) -> Vec<Option<wire::Truth>> {
    let request = format!("ws://{}/ws/v1", rig.daemon.http).into_client_request().unwrap();
    let (mut socket, _) = connect_async(request).await.unwrap();
    let mut seen: Vec<Option<wire::Truth>> = Vec::new();
    while seen.len() < most && !seen.last().and_then(Option::as_ref).is_some_and(&wanted) {
        let message = timeout(PATIENCE, socket.next()).await.expect("a frame in time").unwrap().unwrap();
        if let Message::Binary(bytes) = message {
            let Some(wire::frame::Body::Update(update)) = wire::Frame::decode(bytes).unwrap().body else {
                panic!("a frame without a body")
            };
            seen.push(update.truth);
        }
    }
    seen
}

fn car() -> wire::Truth {
    wire::Truth {
        age_ms: None,
        valid_at_ms: jxz_link::utc_now().unix_ms() as u64,
        id: vec![41],
        kind: vec![1],
        lon_e7: vec![1_187_000_000],
        lat_e7: vec![320_300_000],
        heading_decideg: vec![900],
        speed_cmps: vec![500],
        length_cm: vec![1150],
        width_cm: vec![250],
    }
}

/// A port that is free now.
fn free() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_cloud_without_the_key_offers_no_truth_whatever_is_sent_to_it() {
    let rig = Rig::start().await;
    assert_eq!(rig.config.http.simulator_truth, None);
    rig.node("north", 7).send_state(state("north", 7, 1), PATIENCE);
    let simulator = UdpSocket::bind("127.0.0.1:0").unwrap();
    for port in [rig.daemon.http.port(), rig.daemon.quic.port(), rig.daemon.grpc.port()] {
        let _refused = simulator.send_to(&car().encode_to_vec(), ("127.0.0.1", port));
    }
    let seen = truths(&rig, 10, |_| true).await;
    assert!(seen.len() == 10 && seen.iter().all(Option::is_none), "{seen:?}");
    rig.daemon.stop().await.unwrap();
}

#[tokio::test]
async fn a_cloud_with_it_offers_the_layer_before_the_first_truth_and_hands_on_each_with_its_age() {
    let mut rig = Rig::start().await;
    rig.daemon.stop().await.unwrap();
    let address = free();
    rig.config.http.simulator_truth = Some(address);
    rig.daemon = Daemon::start_with_map(&rig.config, Arc::new(common::map())).await.unwrap();

    let before = truths(&rig, 2, |_| false).await;
    assert!(before.iter().all(|truth| *truth == Some(wire::Truth::default())), "{before:?}");

    let simulator = UdpSocket::bind("127.0.0.1:0").unwrap();
    // What is no truth changes nothing.
    simulator.send_to(b"no truth", address).unwrap();
    simulator.send_to(&wire::Truth { kind: vec![], ..car() }.encode_to_vec(), address).unwrap();
    let sent = car();
    simulator.send_to(&sent.encode_to_vec(), address).unwrap();
    let seen = truths(&rig, 600, |truth| truth.age_ms.is_some()).await;
    let shown = seen.last().unwrap().clone().unwrap();
    assert_eq!(wire::Truth { age_ms: None, ..shown.clone() }, sent);

    // It grows old when nothing follows.
    let first_ms = shown.age_ms.unwrap();
    let seen = truths(&rig, 600, |truth| truth.age_ms > Some(first_ms + 300)).await;
    assert!(seen.last().unwrap().as_ref().unwrap().age_ms > Some(first_ms + 300));
    rig.daemon.stop().await.unwrap();
}
