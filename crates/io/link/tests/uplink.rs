//! Node to cloud, over networks good and bad.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

mod common;

use common::{
    PATIENCE, Weather, authority, bad_network, credentials, event, listen_again, loopback, record, site, state,
};
use jxz_link::{FromNode, ListenerConfig, NodeListener, Role, Uplink, UplinkConfig};
use jxz_world::DropCause;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::timeout;

const TTL: Duration = Duration::from_millis(500);

fn listener_config(dir: &std::path::Path) -> ListenerConfig {
    ListenerConfig::new(loopback(), credentials(dir, &Role::Cloud))
}

fn uplink_config(dir: &std::path::Path, cloud: impl ToString) -> UplinkConfig {
    UplinkConfig::new(cloud.to_string(), site("north"), 5, credentials(dir, &Role::Node(site("north"))))
}

#[tokio::test]
async fn state_and_records_arrive_in_the_nodes_name() {
    let dir = authority();
    let mut listener = NodeListener::bind(&listener_config(dir.path())).unwrap();
    let uplink = Uplink::spawn(uplink_config(dir.path(), listener.local_addr())).unwrap();
    assert!(matches!(event(&mut listener).await, FromNode::Connected(s) if s == site("north")));

    // More tracks than one datagram takes: the parts together are the state.
    let sent = state("north", 1, 40);
    uplink.send_state(sent.clone(), Duration::from_secs(10));
    let (mut seen, mut parts) = (BTreeSet::new(), 0);
    while seen.len() < sent.tracks.len() {
        let FromNode::State(from, part) = event(&mut listener).await else { panic!("only state was sent") };
        assert_eq!((from, part.sequence, part.valid_at), (site("north"), 1, sent.valid_at));
        seen.extend(part.tracks.iter().map(|track| track.id));
        parts += 1;
    }
    assert!(parts > 1);

    assert!(uplink.send_record(&record("north", 1)));
    let FromNode::Record(_, got, token) = event(&mut listener).await else { panic!("only a record was sent") };
    assert_eq!(*got, record("north", 1));
    assert_eq!((uplink.stats().acknowledged, uplink.stats().pending), (0, 1), "not before the cloud says so");
    token.ack();
    assert!(uplink.flush(PATIENCE).await);
    assert_eq!((uplink.stats().acknowledged, uplink.stats().pending), (1, 0));

    drop(uplink);
    assert!(matches!(event(&mut listener).await, FromNode::Disconnected(s) if s == site("north")));
}

#[tokio::test]
async fn every_record_is_acknowledged_once_through_loss_delay_and_reordering() {
    for seed in [1, 2, 3] {
        let dir = authority();
        let mut listener = NodeListener::bind(&listener_config(dir.path())).unwrap();
        let weather = Weather { seed, loss: 0.1, delay_ms: (2.0, 25.0) };
        let through = bad_network(listener.local_addr(), weather).await;
        let uplink = Uplink::spawn(uplink_config(dir.path(), through)).unwrap();
        let total = 150;
        for sequence in 0..total {
            assert!(uplink.send_record(&record("north", sequence)));
        }
        let mut times_seen: BTreeMap<u64, u32> = BTreeMap::new();
        let cloud = async {
            loop {
                if let FromNode::Record(_, got, token) = event(&mut listener).await {
                    assert_eq!(*got, record("north", got.sequence), "seed {seed}");
                    *times_seen.entry(got.sequence).or_default() += 1;
                    token.ack();
                }
            }
        };
        tokio::select! {
            () = cloud => {}
            done = uplink.flush(PATIENCE) => assert!(done, "seed {seed}: {:?}", uplink.stats()),
        }
        let stats = uplink.stats();
        assert_eq!((stats.sent, stats.acknowledged, stats.pending, stats.dropped), (total, total, 0, 0), "seed {seed}");
        assert_eq!(times_seen.len() as u64, total, "seed {seed}: the cloud has every one");
    }
}

#[tokio::test]
async fn a_cloud_that_restarts_loses_no_record_and_unacknowledged_ones_come_again() {
    let dir = authority();
    let mut config = listener_config(dir.path());
    let mut first = NodeListener::bind(&config).unwrap();
    config.address = first.local_addr();
    let uplink = Uplink::spawn(uplink_config(dir.path(), config.address)).unwrap();
    for sequence in 0..20 {
        uplink.send_record(&record("north", sequence));
    }
    // The first cloud makes ten safe, takes five more without saying so, and goes down.
    let (mut safe, mut held) = (BTreeSet::new(), Vec::new());
    while held.len() < 5 {
        if let FromNode::Record(_, got, token) = event(&mut first).await {
            if safe.len() < 10 {
                safe.insert(got.sequence);
                token.ack();
            } else {
                held.push(token);
            }
        }
    }
    first.close().await;
    drop(held);
    let before = uplink.stats();
    assert!(before.acknowledged <= 10 && before.pending >= 10, "{before:?}");
    for sequence in 20..30 {
        assert!(uplink.send_record(&record("north", sequence)), "taken on while there is no cloud");
    }

    let mut second = listen_again(&config).await;
    let cloud = async {
        loop {
            if let FromNode::Record(_, got, token) = event(&mut second).await {
                safe.insert(got.sequence);
                token.ack();
            }
        }
    };
    tokio::select! {
        () = cloud => {}
        done = uplink.flush(PATIENCE) => assert!(done, "{:?}", uplink.stats()),
    }
    let stats = uplink.stats();
    assert_eq!((stats.sent, stats.acknowledged, stats.refused, stats.dropped), (30, 30, 0, 0));
    assert!(stats.connections >= 2);
    assert_eq!(safe, (0..30).collect());
}

#[tokio::test]
async fn state_that_cannot_leave_in_time_is_dropped_and_counted_and_never_sent_late() {
    let dir = authority();
    let config = listener_config(dir.path());
    let mut listener = NodeListener::bind(&config).unwrap();
    let address = listener.local_addr();
    listener.close().await;

    // No cloud: of twelve states the queue keeps the last two, which grow old.
    let uplink = Uplink::spawn(uplink_config(dir.path(), address)).unwrap();
    for sequence in 0..12 {
        uplink.send_state(state("north", sequence, 1), TTL);
    }
    tokio::time::sleep(TTL * 2).await;
    listener = listen_again(&ListenerConfig { address, ..config }).await;
    assert!(matches!(event(&mut listener).await, FromNode::Connected(_)));
    uplink.send_state(state("north", 99, 1), Duration::from_secs(10));
    let FromNode::State(_, got) = event(&mut listener).await else { panic!("only state was sent") };
    assert_eq!(got.sequence, 99, "the first that arrives is the fresh one");
    let drops = uplink.stats().drops;
    assert_eq!(drops.of(DropCause::UplinkExpired) + drops.of(DropCause::UplinkShed), 12, "{drops:?}");
}

#[tokio::test]
async fn a_full_queue_of_records_refuses_new_ones_and_counts_them() {
    let dir = authority();
    let config = UplinkConfig { record_capacity: 3, ..uplink_config(dir.path(), "127.0.0.1:9") };
    let uplink = Uplink::spawn(config).unwrap();
    let taken: Vec<bool> = (0..5).map(|sequence| uplink.send_record(&record("north", sequence))).collect();
    assert_eq!(taken, [true, true, true, false, false]);
    let stats = uplink.stats();
    assert_eq!((stats.sent, stats.dropped, stats.drops.of(DropCause::MustArriveQueueFull)), (3, 2, 2));
}

#[tokio::test]
async fn a_record_in_another_nodes_name_is_refused_and_not_sent_for_ever() {
    let dir = authority();
    let mut listener = NodeListener::bind(&listener_config(dir.path())).unwrap();
    let uplink = Uplink::spawn(uplink_config(dir.path(), listener.local_addr())).unwrap();
    uplink.send_record(&record("south", 1));
    assert!(uplink.flush(PATIENCE).await);
    assert_eq!((uplink.stats().acknowledged, uplink.stats().refused), (0, 1));
    assert!(matches!(event(&mut listener).await, FromNode::Connected(_)));
    assert!(timeout(Duration::from_millis(200), listener.recv()).await.is_err(), "the cloud's core never sees it");
    assert_eq!(listener.drops().of(DropCause::PeerGarbage), 1);
}

#[tokio::test]
async fn a_node_that_connects_anew_replaces_its_old_connection() {
    let dir = authority();
    let mut listener = NodeListener::bind(&listener_config(dir.path())).unwrap();
    let old = Uplink::spawn(uplink_config(dir.path(), listener.local_addr())).unwrap();
    assert!(matches!(event(&mut listener).await, FromNode::Connected(_)));
    // Leaves without a word, as a node that lost its power does: the cloud has not noticed when the new one comes.
    std::mem::forget(old);
    let new = Uplink::spawn(uplink_config(dir.path(), listener.local_addr())).unwrap();
    assert!(matches!(event(&mut listener).await, FromNode::Connected(_)));
    new.send_record(&record("north", 7));
    loop {
        match event(&mut listener).await {
            FromNode::Record(_, got, token) => {
                assert_eq!(got.sequence, 7);
                break token.ack();
            }
            FromNode::Connected(_) => {}
            other => panic!("a replaced connection is not a node that went: {other:?}"),
        }
    }
}

#[tokio::test]
async fn records_come_in_order_also_when_the_cloud_cannot_take_some_for_a_while() {
    let dir = authority();
    let mut listener = NodeListener::bind(&listener_config(dir.path())).unwrap();
    let weather = Weather { seed: 7, loss: 0.05, delay_ms: (2.0, 25.0) };
    let through = bad_network(listener.local_addr(), weather).await;
    let uplink = Uplink::spawn(uplink_config(dir.path(), through)).unwrap();
    let total = 120;
    for sequence in 0..total {
        assert!(uplink.send_record(&record("north", sequence)));
    }
    let (mut taken, mut refusals) = (Vec::new(), 0);
    let cloud = async {
        loop {
            if let FromNode::Record(_, got, token) = event(&mut listener).await {
                // The disk is behind at every seventh record that comes for the first time.
                if got.sequence % 7 == 3 && refusals <= got.sequence / 7 {
                    refusals += 1;
                    drop(token);
                } else {
                    if taken.last() != Some(&got.sequence) {
                        taken.push(got.sequence);
                    }
                    token.ack();
                }
            }
        }
    };
    tokio::select! {
        () = cloud => {}
        done = uplink.flush(PATIENCE) => assert!(done, "{:?}", uplink.stats()),
    }
    assert!(refusals > 10);
    assert_eq!(taken, (0..total).collect::<Vec<_>>(), "each after the one before it");
    assert_eq!((uplink.stats().acknowledged, uplink.stats().connections), (total, 1), "the connection has stayed");
}
