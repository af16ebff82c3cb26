//! How a node gets its certificate, and who gets none.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

mod common;

use common::{PATIENCE, authority, credentials, event, loopback, record, site};
use jxz_link::{
    Credentials, Enrolment, FromNode, Issuer, JoinToken, LinkError, ListenerConfig, NodeListener, Role, Uplink,
    UplinkConfig, join, renew, utc_now,
};
use jxz_wire::{SECRET_BYTES, decode_join_reply, encode_join};
use jxz_world::DropCause;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

const SECRET: [u8; SECRET_BYTES] = [7; SECRET_BYTES];
const MONTH: Duration = Duration::from_secs(30 * 86_400);

/// A cloud that issues to whoever has the secret or shows a certificate, each for so long.
struct Door {
    listener: NodeListener,
    token: JoinToken,
    asked: Arc<Mutex<Vec<(String, bool)>>>,
}

fn door(pki: &Path, life: Duration) -> Door {
    let (enrolments, mut waiting) = mpsc::channel::<Enrolment>(16);
    let issuer = Issuer::load(pki).unwrap();
    let mut config = ListenerConfig::new(loopback(), credentials(pki, &Role::Cloud));
    config.enrolments = Some(enrolments);
    let listener = NodeListener::bind(&config).unwrap();
    let cloud = listener.local_addr().to_string();
    let token = JoinToken { cloud, authority: issuer.fingerprint(), secret: SECRET };
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Some(enrolment) = waiting.recv().await {
            seen.lock().unwrap().push((enrolment.site.0.clone(), enrolment.shown.is_some()));
            let may = enrolment.shown.is_some() || enrolment.secret == Some(SECRET);
            let verdict = if may {
                let issued = issuer.issue(&enrolment.site, &enrolment.request, utc_now(), life);
                issued.map(|certificate| certificate.issued).map_err(|error| error.to_string())
            } else {
                Err("no such token".to_owned())
            };
            enrolment.answer(verdict);
        }
    });
    Door { listener, token, asked }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_unit_with_a_token_gets_a_certificate_for_a_key_of_its_own_and_is_let_in() {
    let pki = authority();
    let mut door = door(pki.path(), MONTH);
    let unit = tempfile::tempdir().unwrap();
    let east = Role::Node(site("east"));
    let identity = join(&door.token, "cloud.jxz", &site("east")).await.unwrap();
    assert!(!east.certificate_path(unit.path()).exists());
    identity.write(unit.path()).unwrap();
    assert_eq!((mode(&east.key_path(unit.path())), mode(&unit.path().join("node"))), (0o600, 0o700));
    let mut names: Vec<_> =
        std::fs::read_dir(unit.path().join("node")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["east.key", "east.pem"], "no drafts are left");

    let own = Credentials::load(unit.path(), &east).unwrap();
    let shown = own.certificate().unwrap();
    let left_days = shown.not_after.seconds_since(utc_now()) / 86_400.0;
    assert!((29.9..=30.0).contains(&left_days), "{shown:?}");
    let uplink = Uplink::spawn(UplinkConfig::new(&door.token.cloud, site("east"), 5, own)).unwrap();
    let FromNode::Connected(who) = event(&mut door.listener).await else { panic!("it connects") };
    assert_eq!(who, site("east"));
    assert_eq!(door.listener.links().standing()[&site("east")].certificate, shown);
    drop(uplink);
}

#[tokio::test]
async fn a_unit_trusts_no_cloud_but_the_one_its_token_names() {
    let (ours, theirs) = (authority(), authority());
    let (our_door, their_door) = (door(ours.path(), MONTH), door(theirs.path(), MONTH));
    let misled = JoinToken { cloud: their_door.token.cloud.clone(), ..our_door.token.clone() };
    let error = join(&misled, "cloud.jxz", &site("east")).await.unwrap_err();
    assert!(matches!(error, LinkError::Connect { .. }), "{error}");
    assert!(their_door.asked.lock().unwrap().is_empty(), "the secret has not been said to it");
    // The right authority under the wrong name is no cloud either.
    let error = join(&our_door.token, "north.node.jxz", &site("east")).await.unwrap_err();
    assert!(matches!(error, LinkError::Connect { .. }), "{error}");
}

#[tokio::test]
async fn a_wrong_secret_a_site_that_no_certificate_can_name_and_a_closed_door_give_none() {
    let pki = authority();
    let door = door(pki.path(), MONTH);
    let wrong = JoinToken { secret: [8; SECRET_BYTES], ..door.token.clone() };
    let error = join(&wrong, "cloud.jxz", &site("east")).await.unwrap_err();
    assert!(error.to_string().contains("no such token"), "{error}");
    assert_eq!(door.listener.drops().of(DropCause::PeerRefused), 1);
    assert!(join(&door.token, "cloud.jxz", &site("No.Good")).await.is_err());
    // A cloud without an authority's key does not speak the protocol at all.
    let closed = NodeListener::bind(&ListenerConfig::new(loopback(), credentials(pki.path(), &Role::Cloud))).unwrap();
    let token = JoinToken { cloud: closed.local_addr().to_string(), ..door.token.clone() };
    assert!(matches!(join(&token, "cloud.jxz", &site("east")).await, Err(LinkError::Connect { .. })));
}

#[tokio::test]
async fn a_node_renews_its_own_certificate_and_nobody_elses() {
    let pki = authority();
    let door = door(pki.path(), MONTH);
    let north = credentials(pki.path(), &Role::Node(site("north")));
    let before = north.certificate().unwrap();
    let renewed = renew(&north, &door.token.cloud, "cloud.jxz", &site("north")).await.unwrap();
    let unit = tempfile::tempdir().unwrap();
    renewed.write(unit.path()).unwrap();
    let next = Credentials::load(unit.path(), &Role::Node(site("north"))).unwrap();
    assert_ne!(next.certificate().unwrap().serial, before.serial);
    let shared = north.clone();
    north.replace(&next).unwrap();
    assert_eq!(shared.certificate().unwrap(), next.certificate().unwrap(), "every clone shows the new one");
    assert!(north.replace(&credentials(pki.path(), &Role::Node(site("south")))).is_err());

    let error = renew(&north, &door.token.cloud, "cloud.jxz", &site("south")).await.unwrap_err();
    assert!(error.to_string().contains("cannot renew the certificate of node south"), "{error}");
    let vehicle = credentials(pki.path(), &Role::Vehicle("0001".to_owned()));
    assert!(renew(&vehicle, &door.token.cloud, "cloud.jxz", &site("north")).await.is_err());
    assert_eq!(*door.asked.lock().unwrap(), [("north".to_owned(), true)], "the others were not even considered");
    // A stranger's certificate does not get through TLS.
    let stranger = authority();
    let forged = Credentials::load_files(
        &pki.path().join("ca.pem"),
        &Role::Node(site("north")).certificate_path(stranger.path()),
        &Role::Node(site("north")).key_path(stranger.path()),
    )
    .unwrap();
    assert!(renew(&forged, &door.token.cloud, "cloud.jxz", &site("north")).await.is_err());
}

#[tokio::test]
async fn a_node_whose_certificate_is_revoked_is_cut_off_and_not_let_in_again() {
    let pki = authority();
    let mut door = door(pki.path(), MONTH);
    let north = credentials(pki.path(), &Role::Node(site("north")));
    let uplink = Uplink::spawn(UplinkConfig::new(&door.token.cloud, site("north"), 5, north.clone())).unwrap();
    assert!(matches!(event(&mut door.listener).await, FromNode::Connected(_)));
    let links = door.listener.links();
    links.admit_only(&site("north"), BTreeSet::new());
    assert!(matches!(event(&mut door.listener).await, FromNode::Disconnected(_)));
    let error = renew(&north, &door.token.cloud, "cloud.jxz", &site("north")).await.unwrap_err();
    assert!(error.to_string().contains("revoked"), "{error}");
    let refused = async {
        while door.listener.drops().of(DropCause::PeerRefused) < 3 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, refused).await.expect("it tries again, and is refused again");
    uplink.send_record(&record("north", 1));
    assert!(!uplink.flush(Duration::from_millis(300)).await);
    // Let in again under that number, it comes back by itself.
    links.admit_only(&site("north"), BTreeSet::from([north.certificate().unwrap().serial]));
    assert!(matches!(event(&mut door.listener).await, FromNode::Connected(_)));
}

#[tokio::test]
async fn a_connection_does_not_outlive_its_certificate() {
    let pki = authority();
    let mut door = door(pki.path(), Duration::from_secs(6));
    let unit = tempfile::tempdir().unwrap();
    join(&door.token, "cloud.jxz", &site("east")).await.unwrap().write(unit.path()).unwrap();
    let own = Credentials::load(unit.path(), &Role::Node(site("east"))).unwrap();
    let until = own.certificate().unwrap().not_after;
    let _uplink = Uplink::spawn(UplinkConfig::new(&door.token.cloud, site("east"), 5, own)).unwrap();
    assert!(matches!(event(&mut door.listener).await, FromNode::Connected(_)));
    assert!(matches!(event(&mut door.listener).await, FromNode::Disconnected(_)));
    assert!(utc_now() >= until);
}

#[tokio::test]
async fn what_is_no_request_gets_no_certificate_and_is_counted() {
    let pki = authority();
    let door = door(pki.path(), MONTH);
    let issuer = Issuer::load(pki.path()).unwrap();
    for request in [&b"not a request"[..], &[0x30, 0x82, 0xff, 0xff], &[]] {
        assert!(issuer.issue(&site("east"), request, utc_now(), MONTH).is_err(), "{request:?}");
    }
    // Another kind of key than ours.
    let key = rcgen_request(&rcgen::PKCS_ED25519);
    let error = issuer.issue(&site("east"), &key, utc_now(), MONTH).unwrap_err().to_string();
    assert!(error.contains("P-256"), "{error}");
    // A request that was changed after it was signed.
    let mut bent = rcgen_request(&rcgen::PKCS_ECDSA_P256_SHA256);
    assert!(issuer.issue(&site("east"), &bent, utc_now(), MONTH).is_ok());
    let last = bent.len() - 3;
    bent[last] ^= 1;
    assert!(issuer.issue(&site("east"), &bent, utc_now(), MONTH).is_err());

    // Over the wire: more than a request may be, and bytes that are none.
    let request = |request: Vec<u8>| jxz_wire::JoinRequest { site: site("east"), secret: Some(SECRET), request };
    let long = encode_join(&request(vec![0x30; 5000]));
    assert_eq!(say(&pki, &door, &long).await, None);
    let reply = say(&pki, &door, &encode_join(&request(vec![0x30; 300]))).await.unwrap();
    assert!(decode_join_reply(&reply).unwrap().is_err());
    let reply = say(&pki, &door, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(decode_join_reply(&reply).unwrap().is_err());
    let drops = door.listener.drops();
    assert_eq!((drops.of(DropCause::PeerGarbage), drops.of(DropCause::PeerRefused)), (1, 2));
}

fn rcgen_request(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let params = rcgen::CertificateParams::new(vec!["cloud.jxz".to_owned()]).unwrap();
    params.serialize_request(&key).unwrap().der().to_vec()
}

/// Says bytes to the newcomers' protocol; `None`: the cloud broke it off.
async fn say(pki: &tempfile::TempDir, door: &Door, bytes: &[u8]) -> Option<Vec<u8>> {
    let credentials = credentials(pki.path(), &Role::Node(site("north")));
    let tls = credentials.client_config(jxz_link::ALPN_JOIN).unwrap();
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
    let endpoint = quinn::Endpoint::client(loopback()).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(crypto));
    let connection = endpoint.connect_with(config, door.listener.local_addr(), "cloud.jxz").unwrap().await.unwrap();
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    // It may be broken off in the middle.
    let _ = send.write_all(bytes).await;
    let _ = send.finish();
    timeout(PATIENCE, recv.read_to_end(1 << 20)).await.unwrap().ok()
}

#[tokio::test]
async fn a_request_names_nothing_but_its_key() {
    // It asks to be the cloud; it becomes the node it was let in as.
    let pki = authority();
    let issuer = Issuer::load(pki.path()).unwrap();
    let request = rcgen_request(&rcgen::PKCS_ECDSA_P256_SHA256);
    let certificate = issuer.issue(&site("east"), &request, utc_now(), MONTH).unwrap();
    let der = rustls_pki_types::CertificateDer::from(certificate.issued.certificate);
    assert_eq!(Role::of_certificate(&der), Ok(Role::Node(site("east"))));
    assert!(issuer.issue(&site("cloud.jxz"), &request, utc_now(), MONTH).is_err());
}
