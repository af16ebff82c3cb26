//! Node to vehicles over 5G.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

mod common;

use bytes::Bytes;
use common::{PATIENCE, Weather, authority, bad_network, credentials, loopback, site};
use jxz_link::{Role, UuClient, UuMessage, UuServer, UuServerConfig, UuSocket, utc_now};
use jxz_world::DropCause;
use std::time::Duration;
use tokio::time::timeout;

async fn next(client: &mut UuClient) -> UuMessage {
    timeout(PATIENCE, client.recv()).await.expect("a message in time").expect("the subscription lives")
}

async fn subscribe(server: &UuServer, dir: &std::path::Path, vehicle: &str) -> UuClient {
    let vehicle = credentials(dir, &Role::Vehicle(vehicle.to_owned()));
    UuClient::connect(server.local_addr(), &site("north"), &vehicle).await.unwrap()
}

fn server(dir: &std::path::Path) -> UuServer {
    UuServer::bind(&UuServerConfig::new(loopback(), credentials(dir, &Role::Node(site("north"))))).unwrap()
}

#[tokio::test]
async fn every_vehicle_gets_every_message_small_and_large_with_the_time_it_was_sent() {
    let dir = authority();
    let server = server(dir.path());
    let (mut one, mut two) =
        (subscribe(&server, dir.path(), "0001").await, subscribe(&server, dir.path(), "0002").await);
    let small = Bytes::from_static(b"a warning");
    // Twice what a datagram takes, as the map of a large junction is.
    let large = Bytes::from(vec![7_u8; 3000]);
    let before = utc_now();
    assert!(server.broadcast(small.clone(), Duration::from_secs(10)));
    for client in [&mut one, &mut two] {
        let got = next(client).await;
        assert_eq!(got.bytes, small);
        assert!(before <= got.sent_at && got.sent_at <= got.received_at && got.received_at <= utc_now());
    }
    assert!(server.broadcast(large.clone(), Duration::from_secs(10)));
    assert_eq!(next(&mut one).await.bytes, large);
    assert_eq!(next(&mut two).await.bytes, large);
    assert_eq!(server.subscribers(), 2);

    drop(one);
    let gone = async {
        while server.subscribers() != 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("a vehicle that leaves is forgotten");
    assert!(!server.broadcast(Bytes::new(), Duration::from_secs(1)));
    assert_eq!(server.drops().of(DropCause::EncodeFailed), 1);
}

#[tokio::test]
async fn vehicles_of_one_process_share_a_socket_and_each_has_its_own_subscription() {
    let dir = authority();
    let (server, socket) = (server(dir.path()), UuSocket::open(loopback().ip(), 2).unwrap());
    let subscribe = async |name: &str| {
        let vehicle = credentials(dir.path(), &Role::Vehicle(name.to_owned()));
        UuClient::connect_on(&socket, server.local_addr(), &site("north"), &vehicle).await.unwrap()
    };
    let (mut one, mut two) = (subscribe("0001").await, subscribe("0002").await);
    assert!(server.broadcast(Bytes::from_static(b"to both"), Duration::from_secs(10)));
    assert_eq!((&next(&mut one).await.bytes[..], &next(&mut two).await.bytes[..]), (&b"to both"[..], &b"to both"[..]));
    // One leaves; the socket stays, for the other and for who comes after it.
    drop(one);
    let mut three = subscribe("0001").await;
    let gone = async {
        while server.subscribers() != 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, gone).await.expect("the one that left is forgotten, the others are not");
    assert!(server.broadcast(Bytes::from_static(b"again"), Duration::from_secs(10)));
    assert_eq!((&next(&mut two).await.bytes[..], &next(&mut three).await.bytes[..]), (&b"again"[..], &b"again"[..]));
}

#[tokio::test]
async fn no_more_vehicles_than_the_limit_are_let_in() {
    let dir = authority();
    let node = credentials(dir.path(), &Role::Node(site("north")));
    let config = UuServerConfig { max_subscribers: 1, ..UuServerConfig::new(loopback(), node) };
    let server = UuServer::bind(&config).unwrap();
    let _first = subscribe(&server, dir.path(), "0001").await;
    let second = credentials(dir.path(), &Role::Vehicle("0002".to_owned()));
    assert!(UuClient::connect(server.local_addr(), &site("north"), &second).await.is_err());
}

#[tokio::test]
async fn messages_past_their_time_to_live_are_dropped_and_counted_on_either_side() {
    let dir = authority();
    let server = server(dir.path());
    let weather = Weather { seed: 4, loss: 0.0, delay_ms: (60.0, 60.0) };
    let through = bad_network(server.local_addr(), weather).await;
    let vehicle = credentials(dir.path(), &Role::Vehicle("0001".to_owned()));
    let mut client = UuClient::connect(through, &site("north"), &vehicle).await.unwrap();
    // 60 ms on the way: the first is old on arrival, the second is not.
    server.broadcast(Bytes::from_static(b"short"), Duration::from_millis(30));
    server.broadcast(Bytes::from_static(b"long"), Duration::from_secs(30));
    let got = next(&mut client).await;
    assert_eq!(got.bytes, Bytes::from_static(b"long"));
    assert!(got.received_at.seconds_since(got.sent_at) >= 0.059, "the delay is measured from sender to receiver");
    let dropped = client.drops().of(DropCause::PeerStale) + server.drops().of(DropCause::SubscriberSlow);
    assert_eq!(dropped, 1);
}

#[tokio::test]
async fn a_slow_vehicle_loses_its_oldest_messages_and_does_not_slow_the_others() {
    let dir = authority();
    let server = server(dir.path());
    let mut client = subscribe(&server, dir.path(), "0001").await;
    // On a single-threaded runtime the server's task does not run within this loop: all but the queue's 64 are too
    // many.
    for n in 0..200_u32 {
        server.broadcast(Bytes::copy_from_slice(&n.to_be_bytes()), Duration::from_secs(30));
    }
    let mut got = Vec::new();
    while got.last() != Some(&199) {
        got.push(u32::from_be_bytes(next(&mut client).await.bytes.as_ref().try_into().unwrap()));
    }
    assert!(got.iter().all(|n| *n >= 136), "{got:?}");
    assert_eq!(server.drops().of(DropCause::SubscriberSlow), 136);
}
