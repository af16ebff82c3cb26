//! Neighbouring nodes among themselves.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

mod common;

use common::{PATIENCE, authority, credentials, loopback, site, state};
use jxz_link::{Credentials, NeighbourLinkConfig, NeighbourLinks, Role, Uplink, UplinkConfig};
use jxz_world::{DropCause, NeighbourTracks};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::time::{sleep, timeout};

fn node(dir: &Path, name: &str) -> Credentials {
    credentials(dir, &Role::Node(site(name)))
}

fn config(dir: &Path, name: &str, address: SocketAddr, peers: &[(&str, SocketAddr)]) -> NeighbourLinkConfig {
    let peers: BTreeMap<_, _> = peers.iter().map(|(name, at)| (site(name), at.to_string())).collect();
    NeighbourLinkConfig::new(address, site(name), 5, node(dir, name), peers)
}

/// An address that is free now.
fn free() -> SocketAddr {
    std::net::UdpSocket::bind(loopback()).unwrap().local_addr().unwrap()
}

fn word(name: &str, sequence: u64, tracks: u64) -> NeighbourTracks {
    let state = state(name, sequence, tracks);
    NeighbourTracks { site: state.site, boot: 5, sequence, valid_at: state.valid_at, tracks: state.tracks }
}

async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let wait = async {
        while !so() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("in time: {what}"));
}

async fn heard(links: &mut NeighbourLinks) -> NeighbourTracks {
    timeout(PATIENCE, links.recv()).await.expect("a word in time").expect("the links are up")
}

#[tokio::test]
async fn two_nodes_hear_each_other_in_their_own_names_and_again_after_one_was_away() {
    let dir = authority();
    let at = [free(), free()];
    let north_config = config(dir.path(), "north", at[0], &[("south", at[1])]);
    let south_config = config(dir.path(), "south", at[1], &[("north", at[0])]);
    let mut north = NeighbourLinks::bind(&north_config).unwrap();
    // Nobody there yet: what is said is lost, and counted once it could have been sent.
    for sequence in 1..=5 {
        north.send(&site("south"), word("north", sequence, 1));
    }
    let mut south = NeighbourLinks::bind(&south_config).unwrap();
    until("both reached", || north.reached() == 1 && south.reached() == 1).await;
    until("unsent counted", || north.drops().of(DropCause::NeighbourUnsent) >= 3).await;

    // More than one datagram: the parts together are the word.
    north.send(&site("south"), word("north", 6, 20));
    let mut tracks = Vec::new();
    while tracks.len() < 20 {
        let part = heard(&mut south).await;
        assert_eq!((&part.site, part.boot), (&site("north"), 5));
        if part.sequence == 6 {
            tracks.extend(part.tracks.iter().map(|track| track.id.0));
        }
    }
    assert_eq!(tracks, (0..20).collect::<Vec<_>>());
    south.send(&site("north"), word("south", 1, 2));
    assert_eq!(heard(&mut north).await.site, site("south"));

    drop(south);
    until("loss noticed", || north.reached() == 0).await;
    let mut south = loop {
        match NeighbourLinks::bind(&south_config) {
            Ok(links) => break links,
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    };
    until("reached again", || north.reached() == 1 && south.reached() == 1).await;
    north.send(&site("south"), word("north", 9, 1));
    assert_eq!(heard(&mut south).await.sequence, 9);
    north.send(&site("elsewhere"), word("north", 10, 1));
    until("counted", || north.drops().of(DropCause::NeighbourUnsent) >= 4).await;
}

#[tokio::test]
async fn a_word_in_another_name_is_dropped_and_strangers_are_not_let_in() {
    let dir = authority();
    let at = [free(), free()];
    let mut north = NeighbourLinks::bind(&config(dir.path(), "north", at[0], &[("south", at[1])])).unwrap();
    let south = NeighbourLinks::bind(&config(dir.path(), "south", at[1], &[("north", at[0])])).unwrap();
    until("reached", || south.reached() == 1).await;
    south.send(&site("north"), word("north", 1, 1));
    until("garbage counted", || north.drops().of(DropCause::PeerGarbage) == 1).await;
    south.send(&site("north"), word("south", 2, 1));
    assert_eq!(heard(&mut north).await.site, site("south"), "only the word in its own name came through");

    // `alone` knows no neighbour: it lets nobody in, though the certificate is of the same authority.
    let alone = NeighbourLinks::bind(&config(dir.path(), "south", free(), &[])).unwrap();
    let stranger =
        NeighbourLinks::bind(&config(dir.path(), "north", free(), &[("south", alone.local_addr())])).unwrap();
    // A certificate of another authority does not even get through the handshake.
    let foreign = authority();
    let forged =
        NeighbourLinks::bind(&config(foreign.path(), "south", free(), &[("north", north.local_addr())])).unwrap();
    // And who speaks the protocol of nodes and cloud has come to the wrong door.
    let uplink = UplinkConfig::new(north.local_addr().to_string(), site("south"), 5, node(dir.path(), "south"));
    let uplink = Uplink::spawn(uplink).unwrap();
    sleep(Duration::from_millis(1500)).await;
    assert_eq!((stranger.reached(), forged.reached(), uplink.stats().connections), (0, 0, 0));
    assert_eq!(south.reached(), 1, "the real one is not put out");
}
