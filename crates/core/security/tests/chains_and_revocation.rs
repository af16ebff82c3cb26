//! From our root to an end entity, and back when a certificate is taken away.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{Authority, BSM, RSI, at_ms, hours, key, receive, start};
use jxz_geo::Wgs84;
use jxz_security::{
    Algorithm, Certificate, Circle, Identity, IssueError, Psid, Receiver, ReceiverConfig, Refusal, RevocationError,
    Signer, Subject, TrustError, TrustStore,
};

const BOTH: [Algorithm; 2] = [Algorithm::EcdsaP256, Algorithm::Sm2];

#[test]
fn an_end_entity_straight_below_the_root() {
    for algorithm in BOTH {
        let authority = Authority::new(algorithm);
        let own = key(algorithm, 100);
        let subject = Subject { name: Some("site-07"), validity: hours(-1, 24), region: None, psids: &[RSI] };
        let certificate = authority.root.issue_application(&own.public_key(), &subject).unwrap();
        assert_eq!(certificate.name(), Some("site-07"));
        let mut signer = Signer::new(Identity::new(certificate, own).unwrap());
        let bytes = signer.sign(at_ms(0), RSI, b"x").unwrap();
        assert!(receive(&mut authority.receiver(), at_ms(0), &bytes).is_ok());
    }
}

#[test]
fn nobody_passes_on_more_than_he_has() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let own = key(Algorithm::EcdsaP256, 100).public_key();
    let base = Subject { name: None, validity: hours(-1, 24), region: None, psids: &[BSM] };
    let other_psid = Subject { psids: &[BSM, Psid(9_999)], ..base.clone() };
    let too_long = Subject { validity: hours(-1, 24 * 365 * 6), ..base.clone() };
    let too_early = Subject { validity: hours(-24 * 366, 24), ..base.clone() };
    for (subject, limit) in [(other_psid, "application ids"), (too_long, "validity"), (too_early, "validity")] {
        assert_eq!(authority.ca.issue_application(&own, &subject).unwrap_err(), IssueError::BeyondIssuer(limit));
    }
    // An authority below the root issues end entities, no further authorities.
    let below = authority.ca.issue_authority(&own, &Subject { name: Some("below"), ..base }).unwrap_err();
    assert_eq!(below, IssueError::BeyondIssuer("right to issue"));
}

#[test]
fn regions_lie_within_the_issuers() {
    let haikou = Wgs84 { lat_deg: 20.02, lon_deg: 110.35 };
    let sanya = Wgs84 { lat_deg: 18.25, lon_deg: 109.51 };
    let algorithm = Algorithm::EcdsaP256;
    let root_key = key(algorithm, 1);
    let subject = |region, psids| Subject { name: Some("x"), validity: hours(-1, 24), region, psids };
    let circle = |center, radius_m| Some(Circle { center, radius_m });
    let root = Identity::root(root_key, &subject(circle(haikou, 50_000), &[BSM])).unwrap();
    let own = key(algorithm, 2).public_key();
    let issue = |region| root.issue_application(&own, &subject(region, &[BSM]));
    let near = issue(circle(Wgs84 { lat_deg: 20.1, lon_deg: 110.3 }, 1_000)).unwrap();
    let region = near.region().unwrap();
    assert!((region.center.lat_deg - 20.1).abs() < 1e-7 && region.radius_m == 1_000);
    assert!(region.contains(Wgs84 { lat_deg: 20.1, lon_deg: 110.309 }), "0.94 km east");
    assert!(!region.contains(Wgs84 { lat_deg: 20.1, lon_deg: 110.310 }), "1.04 km east");
    for beyond in [circle(sanya, 1_000), circle(haikou, 50_001), None] {
        assert_eq!(issue(beyond).unwrap_err(), IssueError::BeyondIssuer("region"));
    }
}

#[test]
fn only_sound_authorities_are_taken() {
    let authority = Authority::new(Algorithm::Sm2);
    let (root, ca) = (authority.root.certificate(), authority.ca.certificate());
    let mut trust = TrustStore::new();
    assert!(matches!(trust.add_authority(ca.bytes()), Err(TrustError::UnknownIssuer(_))), "before its root");
    let mut broken = root.bytes().to_vec();
    *broken.last_mut().unwrap() ^= 1;
    assert!(matches!(trust.add_root(&broken), Err(TrustError::Signature(_))));
    assert!(matches!(trust.add_root(ca.bytes()), Err(TrustError::Kind(..))), "not self-signed");
    trust.add_root(root.bytes()).unwrap();
    let mut broken = ca.bytes().to_vec();
    *broken.last_mut().unwrap() ^= 1;
    assert!(matches!(trust.add_authority(&broken), Err(TrustError::Signature(_))));
    let vehicle = authority.issue(100, &[BSM]);
    assert!(matches!(trust.add_authority(vehicle.certificate().bytes()), Err(TrustError::Kind(..))));
    trust.add_authority(ca.bytes()).unwrap();
    assert_eq!(trust.authorities().count(), 2);
}

/// An authority's own key signs no messages, whatever application id it might pass on.
#[test]
fn an_authority_is_no_sender() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    assert!(Signer::new(authority.ca.clone()).sign(at_ms(0), BSM, b"x").is_err());
}

#[test]
fn a_revoked_certificate_is_refused_from_the_next_message_on() {
    for algorithm in BOTH {
        let authority = Authority::new(algorithm);
        let mut receiver = authority.receiver();
        let identity = authority.issue(100, &[BSM]);
        let mut signer = Signer::new(identity.clone());
        let mut honest = Signer::new(authority.issue(101, &[BSM]));
        let sign = |signer: &mut Signer, ms| signer.sign(at_ms(ms), BSM, b"x").unwrap();
        assert!(receive(&mut receiver, at_ms(0), &sign(&mut signer, 0)).is_ok());
        assert!(receive(&mut receiver, at_ms(0), &sign(&mut honest, 0)).is_ok());
        let under_verification = receiver.admit(at_ms(100), &sign(&mut signer, 100)).unwrap().job.run();

        let revoked = [identity.certificate().revocation_id()];
        let list = authority.ca.revocation_list(7, start(), at_ms(3_600_000).utc, &revoked).unwrap();
        let update = receiver.revoke(at_ms(110), &list).unwrap();
        assert_eq!((update.serial, update.revoked), (7, 1));
        assert_eq!(update.authority, authority.ca.certificate().digest());

        assert_eq!(receiver.conclude(at_ms(120), under_verification), Err(Refusal::Revoked));
        for ms in [200, 700] {
            assert_eq!(receive(&mut receiver, at_ms(ms), &sign(&mut signer, ms)), Err(Refusal::Revoked));
        }
        assert!(receive(&mut receiver, at_ms(200), &sign(&mut honest, 200)).is_ok());
        // A receiver that has never heard of it.
        let mut other = authority.receiver();
        other.revoke(at_ms(800), &list).unwrap();
        signer.change(identity);
        let admitted = other.admit(at_ms(800), &sign(&mut signer, 800)).map(|_| ());
        assert_eq!(admitted, Err(Refusal::Revoked), "without a verification");
    }
}

#[test]
fn a_list_is_the_authoritys_own_and_newer_than_the_one_held() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let mut receiver = authority.receiver();
    let vehicle = authority.issue(100, &[BSM]);
    let id = vehicle.certificate().revocation_id();
    let list = |by: &Identity, serial| by.revocation_list(serial, start(), at_ms(60_000).utc, &[id]).unwrap();
    // Signed by somebody who is no authority.
    let error = receiver.revoke(at_ms(0), &list(&vehicle, 1)).unwrap_err();
    assert!(matches!(error, RevocationError::UnknownAuthority(_)), "{error}");
    // Changed on the way.
    let good = list(&authority.ca, 5);
    for at in [30, good.len() - 90, good.len() - 1] {
        let mut changed = good.clone();
        changed[at] ^= 0x10;
        assert!(receiver.revoke(at_ms(0), &changed).is_err(), "octet {at}");
    }
    receiver.revoke(at_ms(0), &good).unwrap();
    for serial in [4, 5] {
        let error = receiver.revoke(at_ms(0), &list(&authority.ca, serial)).unwrap_err();
        assert!(matches!(error, RevocationError::NotNewer { held: 5, .. }), "{error}");
    }
    // A newer one replaces it: what is no longer on it holds again.
    let empty = authority.ca.revocation_list(6, start(), at_ms(60_000).utc, &[]).unwrap();
    receiver.revoke(at_ms(0), &empty).unwrap();
    let bytes = Signer::new(vehicle).sign(at_ms(0), BSM, b"x").unwrap();
    assert!(receive(&mut receiver, at_ms(0), &bytes).is_ok());
    // Issued tomorrow; and when the next one is overdue, it is said.
    let tomorrow = at_ms(24 * 3_600_000).utc;
    let early = authority.ca.revocation_list(9, tomorrow, tomorrow, &[id]).unwrap();
    assert!(matches!(receiver.revoke(at_ms(0), &early), Err(RevocationError::Time(_))));
    assert_eq!(receiver.overdue_revocations(at_ms(59_999)).count(), 0);
    assert_eq!(receiver.overdue_revocations(at_ms(60_000)).count(), 1);
    assert!(authority.ca.revocation_list(10, start(), tomorrow, &vec![id; 10_001]).is_err());
    let longest = authority.ca.revocation_list(10, start(), tomorrow, &many(10_000)).unwrap();
    assert_eq!(receiver.revoke(at_ms(0), &longest).unwrap().revoked, 10_000);
    assert!(matches!(receiver.revoke(at_ms(0), &[0; 200_000]), Err(RevocationError::TooLong(200_000, _))));
}

fn many(count: u32) -> Vec<jxz_security::HashedId10> {
    let id = |i: u32| {
        let mut octets = [0; 10];
        octets[..4].copy_from_slice(&i.to_be_bytes());
        jxz_security::HashedId10(octets)
    };
    (0..count).map(id).collect()
}

#[test]
fn a_revoked_authority_takes_its_certificates_along() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let mut receiver = authority.receiver();
    let mut signer = Signer::new(authority.issue(100, &[BSM]));
    assert!(receive(&mut receiver, at_ms(0), &signer.sign(at_ms(0), BSM, b"x").unwrap()).is_ok());
    let revoked = [authority.ca.certificate().revocation_id()];
    let list = authority.root.revocation_list(1, start(), at_ms(60_000).utc, &revoked).unwrap();
    receiver.revoke(at_ms(10), &list).unwrap();
    let bytes = signer.sign(at_ms(100), BSM, b"x").unwrap();
    assert_eq!(receive(&mut receiver, at_ms(100), &bytes), Err(Refusal::Revoked));
}

/// ECDSA accepts (r, n - s) wherever it accepts (r, s). So the owner of a revoked certificate can make its twin, which
/// has another digest and is as well signed; the list must catch it too.
#[test]
fn the_twin_of_a_revoked_certificate_is_revoked() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let identity = authority.issue(100, &[BSM]);
    let bytes = identity.certificate().bytes();
    let mut twin = bytes.to_vec();
    let s_at = twin.len() - 32;
    let negated = minus(P256_ORDER, twin[s_at..].try_into().unwrap());
    twin[s_at..].copy_from_slice(&negated);
    let twin = Certificate::parse(&twin).unwrap();
    assert_ne!(twin.digest(), identity.certificate().digest());
    let message = |certificate: &Certificate| {
        let identity = Identity::new(certificate.clone(), identity.key().clone()).unwrap();
        Signer::new(identity).sign(at_ms(0), BSM, b"x").unwrap()
    };
    let message = message(&twin);
    // It is a good one as long as nothing is revoked.
    assert!(receive(&mut authority.receiver(), at_ms(0), &message).is_ok());
    let revoked = [identity.certificate().revocation_id()];
    let list = authority.ca.revocation_list(1, start(), at_ms(60_000).utc, &revoked).unwrap();
    let mut receiver = Receiver::new(ReceiverConfig::default(), authority.trust());
    receiver.revoke(at_ms(0), &list).unwrap();
    assert_eq!(receive(&mut receiver, at_ms(0), &message), Err(Refusal::Revoked));
    // Found out once, it costs no verification any more.
    assert_eq!(receiver.admit(at_ms(0), &message).map(|_| ()), Err(Refusal::Revoked));
}

/// The order of the group of P-256 (SEC 2), in 16-bit limbs from the top.
const P256_ORDER: [u16; 16] = [
    0xffff, 0xffff, 0x0000, 0x0000, 0xffff, 0xffff, 0xffff, 0xffff, 0xbce6, 0xfaad, 0xa717, 0x9e84, 0xf3b9, 0xcac2,
    0xfc63, 0x2551,
];

fn minus(order: [u16; 16], s: [u8; 32]) -> [u8; 32] {
    let mut out = [0; 32];
    let mut borrow = 0_i32;
    for limb in (0..16).rev() {
        let own = i32::from(u16::from_be_bytes([s[2 * limb], s[2 * limb + 1]]));
        let difference = i32::from(order[limb]) - own - borrow;
        borrow = i32::from(difference < 0);
        out[2 * limb..2 * limb + 2].copy_from_slice(&(difference.rem_euclid(0x1_0000) as u16).to_be_bytes());
    }
    out
}
