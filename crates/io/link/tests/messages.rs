//! The development authority for signed messages, from its files: what a node signs a vehicle believes, until it is
//! revoked.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_link::{
    MessagePlan, Plan, load_pseudonym_authority, load_signer, load_trust, make, node_certificate, revoke, utc_now,
};
use jxz_security::{Algorithm, Psid, Receiver, ReceiverConfig, Refusal};
use jxz_units::{Instant, Now};
use jxz_world::SiteId;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn authority(dir: &Path, algorithm: Algorithm) -> SiteId {
    let site = SiteId("north".to_owned());
    let messages = MessagePlan { algorithm, ..MessagePlan::default() };
    let plan = Plan { sites: vec![site.clone()], vehicles: 0, operators: vec![], messages, now: utc_now(), days: 30 };
    make(dir, &plan, false).unwrap();
    site
}

fn now() -> Now {
    Now { mono: Instant::ZERO, utc: utc_now() }
}

#[test]
fn a_vehicle_believes_a_node_until_its_certificate_is_revoked() {
    for algorithm in [Algorithm::Sm2, Algorithm::EcdsaP256] {
        let dir = tempfile::tempdir().unwrap();
        let site = authority(dir.path(), algorithm);
        let mut signer = load_signer(dir.path(), &site).unwrap();
        let mut receiver = Receiver::new(ReceiverConfig::default(), load_trust(dir.path()).unwrap());
        let hear = |receiver: &mut Receiver, said: &[u8]| {
            let job = receiver.admit(now(), said)?.job;
            receiver.conclude(now(), job.run())
        };

        let said = signer.sign(now(), Psid(3623), b"who is here").unwrap();
        assert!(hear(&mut receiver, &said).is_ok());
        assert!(signer.sign(now(), Psid(111), b"a vehicle's").is_err(), "a node may not speak as a vehicle");

        let certificate = node_certificate(dir.path(), &site);
        assert_eq!(revoke(dir.path(), &[certificate], utc_now()).unwrap(), 1);
        let list = fs::read(dir.path().join("messages/revocations")).unwrap();
        receiver.revoke(now(), &list).unwrap();
        let said = signer.sign(now(), Psid(3623), b"who is here now").unwrap();
        assert_eq!(hear(&mut receiver, &said).unwrap_err(), Refusal::Revoked);
    }
}

#[test]
fn keys_are_for_their_owner_alone_and_a_bad_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let site = authority(dir.path(), Algorithm::Sm2);
    load_pseudonym_authority(dir.path()).unwrap();
    for name in ["root", "roadside", "pseudonyms", "node/north"] {
        let key = dir.path().join("messages").join(format!("{name}.key"));
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    let key = dir.path().join("messages/node/north.key");
    for text in ["", "sm2", "sm2 00", "rsa 00", "sm2 zz"] {
        fs::write(&key, text).unwrap();
        let error = load_signer(dir.path(), &site).unwrap_err().to_string();
        assert!(error.contains("north.key"), "{error}");
    }
    fs::write(dir.path().join("messages/root.cert"), b"no certificate").unwrap();
    assert!(load_trust(dir.path()).unwrap_err().to_string().contains("root.cert"));
}
