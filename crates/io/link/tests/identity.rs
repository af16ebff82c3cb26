//! Who is let in, and who is not.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

mod common;

use common::{PATIENCE, authority, credentials, event, loopback, record, site};
use jxz_link::{
    FromNode, LinkError, ListenerConfig, MessagePlan, NodeListener, Plan, Role, Uplink, UplinkConfig, UuClient,
    UuServer, UuServerConfig, make, show, utc_now,
};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio::time::timeout;

#[test]
fn an_authority_writes_private_keys_for_the_owner_only_and_is_not_overwritten() {
    let dir = authority();
    let mode = |path: std::path::PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for role in [Role::Cloud, Role::Node(site("north")), Role::Vehicle("0002".to_owned())] {
        assert_eq!(mode(role.key_path(dir.path())), 0o600, "{role}");
    }
    assert_eq!(mode(dir.path().join("ca.key")), 0o600);

    let root = std::fs::read(dir.path().join("ca.pem")).unwrap();
    let plan = Plan {
        sites: vec![site("north")],
        vehicles: 0,
        operators: vec![],
        messages: MessagePlan::default(),
        now: utc_now(),
        days: 30,
    };
    assert!(matches!(make(dir.path(), &plan, false), Err(LinkError::Exists { .. })));
    assert_eq!(std::fs::read(dir.path().join("ca.pem")).unwrap(), root, "a refused make changes nothing");
    make(dir.path(), &plan, true).unwrap();
    assert_ne!(std::fs::read(dir.path().join("ca.pem")).unwrap(), root);
}

#[test]
fn an_authority_shows_who_holds_what_until_when() {
    let dir = authority();
    let shown = show(dir.path()).unwrap();
    let names: Vec<_> = shown.iter().map(|info| info.role.as_ref().map(Role::dns_name)).collect();
    let expected = [
        None,
        Some("cloud.jxz"),
        Some("north.node.jxz"),
        Some("south.node.jxz"),
        Some("0001.vehicle.jxz"),
        Some("0002.vehicle.jxz"),
        Some("duty.operator.jxz"),
    ];
    assert_eq!(names, expected.map(|name| name.map(str::to_owned)));
    for info in shown {
        let days = info.not_after.seconds_since(utc_now()) / 86_400.0;
        assert!(info.not_before < utc_now() && (29.9..=30.0).contains(&days), "{info:?}");
    }
}

#[test]
fn a_site_whose_name_fits_no_certificate_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan {
        sites: vec![site("no_good")],
        vehicles: 0,
        operators: vec![],
        messages: MessagePlan::default(),
        now: utc_now(),
        days: 30,
    };
    let error = make(dir.path(), &plan, false).unwrap_err().to_string();
    assert!(error.contains("no_good"), "{error}");
    assert!(!dir.path().join("ca.pem").exists());
}

/// Connects as `config` says and tells whether the cloud let it in, which it has not if an honest node that
/// comes later is the first to be seen.
async fn first_let_in(intruder: UplinkConfig, honest: UplinkConfig, listener: &mut NodeListener) -> String {
    let intruder = Uplink::spawn(intruder).unwrap();
    intruder.send_record(&record("north", 1));
    // Time for some attempts; the check below does not depend on how many there were.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let _honest = Uplink::spawn(honest).unwrap();
    let FromNode::Connected(first) = event(listener).await else { panic!("first of all, someone connects") };
    assert_eq!(intruder.stats().acknowledged, 0);
    first.0
}

#[tokio::test]
async fn the_cloud_refuses_a_node_of_another_authority() {
    let (ours, theirs) = (authority(), authority());
    let config = ListenerConfig::new(loopback(), credentials(ours.path(), &Role::Cloud));
    let mut listener = NodeListener::bind(&config).unwrap();
    let cloud = listener.local_addr().to_string();
    // It trusts our authority, so that it would talk to our cloud; but it has shown a certificate of its own.
    let (ca, stranger) = (ours.path().join("ca.pem"), Role::Node(site("north")));
    let forged = jxz_link::Credentials::load_files(
        &ca,
        &stranger.certificate_path(theirs.path()),
        &stranger.key_path(theirs.path()),
    )
    .unwrap();
    let intruder = UplinkConfig::new(&cloud, site("north"), 5, forged);
    let honest = credentials(ours.path(), &Role::Node(site("south")));
    let honest = UplinkConfig::new(&cloud, site("south"), 5, honest);
    assert_eq!(first_let_in(intruder, honest, &mut listener).await, "south");
}

#[tokio::test]
async fn the_cloud_refuses_a_node_that_claims_another_name_and_a_vehicle() {
    let dir = authority();
    let config = ListenerConfig::new(loopback(), credentials(dir.path(), &Role::Cloud));
    let mut listener = NodeListener::bind(&config).unwrap();
    let cloud = listener.local_addr().to_string();
    let south = credentials(dir.path(), &Role::Node(site("south")));
    let vehicle = credentials(dir.path(), &Role::Vehicle("0001".to_owned()));
    let liar = UplinkConfig::new(&cloud, site("north"), 5, south.clone());
    let honest = UplinkConfig::new(&cloud, site("south"), 5, south);
    assert_eq!(first_let_in(liar, honest.clone(), &mut listener).await, "south");

    let mut listener = NodeListener::bind(&config).unwrap();
    let cloud = listener.local_addr().to_string();
    let stray = UplinkConfig::new(&cloud, site("north"), 5, vehicle);
    assert_eq!(first_let_in(stray, UplinkConfig { cloud, ..honest }, &mut listener).await, "south");
}

#[tokio::test]
async fn a_node_does_not_talk_to_a_cloud_of_another_authority() {
    let (ours, theirs) = (authority(), authority());
    let config = ListenerConfig::new(loopback(), credentials(theirs.path(), &Role::Cloud));
    let mut listener = NodeListener::bind(&config).unwrap();
    let node = credentials(ours.path(), &Role::Node(site("north")));
    let uplink = Uplink::spawn(UplinkConfig::new(listener.local_addr().to_string(), site("north"), 5, node)).unwrap();
    uplink.send_record(&record("north", 1));
    assert!(timeout(Duration::from_secs(1), listener.recv()).await.is_err(), "nothing reaches the false cloud");
    assert_eq!((uplink.stats().connections, uplink.stats().pending), (0, 1));
}

#[tokio::test]
async fn a_vehicle_is_let_in_by_the_node_it_asked_for_and_by_no_other() {
    let dir = authority();
    let north = credentials(dir.path(), &Role::Node(site("north")));
    let server = UuServer::bind(&UuServerConfig::new(loopback(), north.clone())).unwrap();
    let vehicle = credentials(dir.path(), &Role::Vehicle("0001".to_owned()));
    let asked = |wanted: &str| {
        let (wanted, vehicle, address) = (site(wanted), vehicle.clone(), server.local_addr());
        async move { timeout(PATIENCE, UuClient::connect(address, &wanted, &vehicle)).await.unwrap() }
    };
    assert!(asked("north").await.is_ok());
    let error = asked("south").await.err().expect("the node's certificate says north").to_string();
    assert!(error.contains("south.node.jxz"), "{error}");
    // A node's own certificate is no vehicle's.
    assert!(UuClient::connect(server.local_addr(), &site("north"), &north).await.is_err());
    let other = authority();
    let stranger = credentials(other.path(), &Role::Vehicle("0001".to_owned()));
    assert!(UuClient::connect(server.local_addr(), &site("north"), &stranger).await.is_err());
}
