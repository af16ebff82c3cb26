//! What the cloud tells a node: what to run, with the answer, and where traffic stands.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

mod common;

use common::{PATIENCE, authority, credentials, event, loopback, site};
use jxz_link::{Assignment, FromNode, ListenerConfig, NodeListener, Role, Uplink, UplinkConfig};
use jxz_units::Utc;
use jxz_wire::{Desired, DesiredReply, MAX_DOCUMENT_BYTES, Outcome};
use jxz_world::{CongestionReport, DropCause};
use tokio::sync::mpsc;
use tokio::time::timeout;

struct Pair {
    _pki: tempfile::TempDir,
    listener: NodeListener,
    uplink: Uplink,
    assignments: mpsc::Receiver<Assignment>,
    words: mpsc::Receiver<CongestionReport>,
}

async fn pair() -> Pair {
    let pki = authority();
    let config = ListenerConfig::new(loopback(), credentials(pki.path(), &Role::Cloud));
    let mut listener = NodeListener::bind(&config).unwrap();
    let (sender, assignments) = mpsc::channel(4);
    let node = credentials(pki.path(), &Role::Node(site("north")));
    let mut uplink = UplinkConfig::new(listener.local_addr().to_string(), site("north"), 5, node);
    uplink.assignments = Some(sender);
    let (sender, words) = mpsc::channel(2);
    uplink.words = Some(sender);
    let uplink = Uplink::spawn(uplink).unwrap();
    assert!(matches!(event(&mut listener).await, FromNode::Connected(_)));
    Pair { _pki: pki, listener, uplink, assignments, words }
}

#[tokio::test]
async fn a_node_hears_what_to_run_and_its_answer_comes_back() {
    let mut pair = pair().await;
    let links = pair.listener.links();
    let document = vec![b'x'; MAX_DOCUMENT_BYTES];
    for (revision, outcome) in [(1, Outcome::Applied { digest: 9 }), (2, Outcome::Rejected("no such key".into()))] {
        let desired = Desired { revision, document: document.clone() };
        let (asked, answered) = (links.clone(), desired.clone());
        let ask = tokio::spawn(async move { asked.configure(&site("north"), &answered).await });
        let assignment = timeout(PATIENCE, pair.assignments.recv()).await.unwrap().unwrap();
        assert_eq!(assignment.desired, desired);
        assignment.answer(outcome.clone());
        let reply = timeout(PATIENCE, ask).await.unwrap().unwrap().unwrap();
        assert_eq!(reply, DesiredReply { revision, outcome });
    }
}

#[tokio::test]
async fn who_is_not_there_or_does_not_answer_has_not_taken_it() {
    let mut pair = pair().await;
    let links = pair.listener.links();
    let desired = Desired { revision: 1, document: b"{}".to_vec() };
    let error = links.configure(&site("south"), &desired).await.unwrap_err();
    assert!(error.to_string().contains("not connected"), "{error}");
    let (asked, said) = (links.clone(), desired.clone());
    let ask = tokio::spawn(async move { asked.configure(&site("north"), &said).await });
    drop(timeout(PATIENCE, pair.assignments.recv()).await.unwrap().unwrap());
    assert!(timeout(PATIENCE, ask).await.unwrap().unwrap().is_err());
    // More than a document may be is not listened to; the link stays.
    let long = Desired { revision: 2, document: vec![b'x'; 2 * MAX_DOCUMENT_BYTES] };
    assert!(timeout(PATIENCE, links.configure(&site("north"), &long)).await.unwrap().is_err());
    assert!(pair.assignments.try_recv().is_err());
    assert!(links.standing().contains_key(&site("north")));
}

fn congestion(link: &str) -> CongestionReport {
    let said_at = Utc::from_unix_ms(1_786_233_600_000);
    let valid_until = said_at.plus_seconds(150.0);
    CongestionReport { link: link.to_owned(), said_at, speed_mps: 1.5, vehicles: 12, valid_until }
}

#[tokio::test]
async fn words_of_congestion_arrive_and_what_finds_no_room_is_counted() {
    let mut pair = pair().await;
    let links = pair.listener.links();
    for link in ["a", "b"] {
        links.tell(&site("north"), &congestion(link)).await.unwrap();
    }
    for link in ["a", "b"] {
        let word = timeout(PATIENCE, pair.words.recv()).await.unwrap().unwrap();
        assert_eq!(word, congestion(link));
    }
    for link in ["c", "d", "e"] {
        links.tell(&site("north"), &congestion(link)).await.unwrap();
    }
    let counted = async {
        while pair.uplink.stats().drops.of(DropCause::CongestionRejected) == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, counted).await.unwrap();
    // A speed that cannot be is not believed, whoever says it.
    links.tell(&site("north"), &CongestionReport { speed_mps: f64::NAN, ..congestion("f") }).await.unwrap();
    let counted = async {
        while pair.uplink.stats().drops.of(DropCause::CongestionRejected) < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, counted).await.unwrap();
    assert!(pair.uplink.stats().connected);
    let error = links.tell(&site("south"), &congestion("a")).await.unwrap_err();
    assert!(error.to_string().contains("not connected"), "{error}");
}
