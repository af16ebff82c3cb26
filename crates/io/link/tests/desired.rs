//! What the cloud tells a node to run, and what the node says to it.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

mod common;

use common::{PATIENCE, authority, credentials, event, loopback, site};
use jxz_link::{Assignment, FromNode, ListenerConfig, NodeListener, Role, Uplink, UplinkConfig};
use jxz_wire::{Desired, DesiredReply, MAX_DOCUMENT_BYTES, Outcome};
use tokio::sync::mpsc;
use tokio::time::timeout;

struct Pair {
    _pki: tempfile::TempDir,
    listener: NodeListener,
    _uplink: Uplink,
    assignments: mpsc::Receiver<Assignment>,
}

async fn pair() -> Pair {
    let pki = authority();
    let config = ListenerConfig::new(loopback(), credentials(pki.path(), &Role::Cloud));
    let mut listener = NodeListener::bind(&config).unwrap();
    let (sender, assignments) = mpsc::channel(4);
    let node = credentials(pki.path(), &Role::Node(site("north")));
    let mut uplink = UplinkConfig::new(listener.local_addr().to_string(), site("north"), 5, node);
    uplink.assignments = Some(sender);
    let uplink = Uplink::spawn(uplink).unwrap();
    assert!(matches!(event(&mut listener).await, FromNode::Connected(_)));
    Pair { _pki: pki, listener, _uplink: uplink, assignments }
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
