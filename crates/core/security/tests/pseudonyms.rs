//! A vehicle changes its certificate, its id and its count together.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{Authority, BSM, at_ms, hours, receive};
use jxz_security::{Algorithm, Identity, PseudonymConfig, PseudonymError, PseudonymPool, Rotation, Spdu};
use std::collections::BTreeSet;

fn identities(authority: &Authority, count: u32) -> Vec<Identity> {
    (0..count).map(|i| authority.issue(100 + i, &[BSM])).collect()
}

fn rotations(pool: &mut PseudonymPool, seconds: std::ops::Range<u64>) -> Vec<(u64, Rotation)> {
    let mut seen = Vec::new();
    for s in seconds {
        if let (_, Some(rotation)) = pool.current(at_ms(s * 1000)).unwrap() {
            seen.push((s, rotation));
        }
    }
    seen
}

#[test]
fn twenty_certificates_are_used_in_turn_and_then_again_in_another_order() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let identities = identities(&authority, 20);
    let mut pool = PseudonymPool::new(identities.clone(), [5; 32], PseudonymConfig::default()).unwrap();
    let seen = rotations(&mut pool, 0..16_000);
    let (first, second) = (&seen[..20], &seen[20..40]);
    let set = |part: &[(u64, Rotation)]| part.iter().map(|(_, r)| r.certificate).collect::<BTreeSet<_>>();
    let all: BTreeSet<_> = identities.iter().map(|i| i.certificate().digest()).collect();
    assert_eq!((set(first), set(second)), (all.clone(), all));
    assert!(first.iter().all(|(_, r)| !r.is_reused) && second.iter().all(|(_, r)| r.is_reused));
    let ids = |part: &[(u64, Rotation)]| part.iter().map(|(_, r)| r.temporary_id).collect::<Vec<_>>();
    assert_ne!(ids(first), ids(second), "another order");
    // Never twice in a row, each for 300 to 360 s.
    for pair in seen.windows(2) {
        assert_ne!(pair[0].1.certificate, pair[1].1.certificate);
        let used_s = pair[1].0 - pair[0].0;
        assert!((300..=361).contains(&used_s), "{used_s} s");
    }
    assert!(seen.windows(2).any(|pair| pair[1].0 - pair[0].0 > 310), "jitter");
    assert!(seen.iter().map(|(_, r)| r.first_count).collect::<BTreeSet<_>>().len() > 10, "counts begin anywhere");
}

#[test]
fn the_id_in_messages_names_the_certificate_that_signs_them() {
    let authority = Authority::new(Algorithm::Sm2);
    let mut pool = PseudonymPool::new(identities(&authority, 3), [9; 32], PseudonymConfig::default()).unwrap();
    let mut receiver = authority.receiver();
    for ms in [0, 100, 400_000, 400_100, 800_000] {
        let (signer, rotation) = pool.current(at_ms(ms)).unwrap();
        assert_eq!(rotation.is_some(), ms % 400_000 == 0);
        let bytes = signer.sign(at_ms(ms), BSM, b"x").unwrap();
        let spdu = Spdu::parse(&bytes).unwrap();
        assert_eq!(spdu.certificate().is_some(), rotation.is_some(), "a new certificate goes out in full");
        if let Some(rotation) = rotation {
            assert_eq!(spdu.signer().0, rotation.temporary_id);
        }
        receive(&mut receiver, at_ms(ms), &bytes).unwrap();
    }
}

#[test]
fn what_has_expired_is_passed_over() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let short = authority.issue_with(100, &[BSM], hours(-1, 1));
    let long = authority.issue_with(101, &[BSM], hours(-1, 48));
    let digests = [short.certificate().digest(), long.certificate().digest()];
    let mut pool = PseudonymPool::new(vec![short, long], [1; 32], PseudonymConfig::default()).unwrap();
    let hour = 3_600;
    let early: BTreeSet<_> = rotations(&mut pool, 0..hour).iter().map(|(_, r)| r.certificate).collect();
    assert_eq!(early, digests.into_iter().collect());
    let late = rotations(&mut pool, hour..2 * hour);
    assert!(late.iter().all(|(_, r)| r.certificate == digests[1]) && !late.is_empty());
    let never = pool.current(at_ms(49 * hour * 1000)).unwrap_err();
    assert!(matches!(never, PseudonymError::NoneValid(_, 2)), "{never}");
    assert!(PseudonymPool::new(Vec::new(), [0; 32], PseudonymConfig::default()).is_err());
}
