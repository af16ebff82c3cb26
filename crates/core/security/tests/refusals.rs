//! Every cause for which a message is refused, and its count.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{Authority, BSM, RSI, at_ms, hours, key, receive, start};
use jxz_security::{
    Algorithm, Identity, Receiver, ReceiverConfig, Refusal, Signer, SigningKey, Subject, TrustStore, Validity,
};
use jxz_units::{Instant, Now};
use std::time::Duration;

#[test]
fn size_and_form() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let mut receiver = authority.receiver();
    assert_eq!(receive(&mut receiver, at_ms(0), &vec![3; 20_000]), Err(Refusal::Oversize));
    for bytes in [&b""[..], b"\x03", b"\x03\x81\x00\x40\x03\x80\x7f", &[0xff; 300]] {
        assert_eq!(receive(&mut receiver, at_ms(0), bytes), Err(Refusal::Malformed));
    }
    let mut signer = Signer::new(authority.issue(100, &[BSM]));
    let mut longer = signer.sign(at_ms(0), BSM, b"x").unwrap();
    longer.push(0);
    assert_eq!(receive(&mut receiver, at_ms(0), &longer), Err(Refusal::Malformed));
    assert_eq!(receiver.counts().refused(Refusal::Malformed), 5);
    assert_eq!(receiver.counts().refused(Refusal::Oversize), 1);
}

#[test]
fn the_time_window_is_200_ms_ahead_and_2_s_behind() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    for (received_ms, expected) in [
        (9_799, Err(Refusal::Future)),
        (9_800, Ok(())),
        (10_000, Ok(())),
        (12_000, Ok(())),
        (12_001, Err(Refusal::Expired)),
    ] {
        let mut receiver = authority.receiver();
        let bytes = Signer::new(authority.issue(100, &[BSM])).sign(at_ms(10_000), BSM, b"x").unwrap();
        assert_eq!(receive(&mut receiver, at_ms(received_ms), &bytes).map(|_| ()), expected, "{received_ms}");
    }
}

#[test]
fn a_message_that_grows_too_old_in_the_queue_is_refused() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let mut receiver = authority.receiver();
    let bytes = Signer::new(authority.issue(100, &[BSM])).sign(at_ms(0), BSM, b"x").unwrap();
    let verdict = receiver.admit(at_ms(1_900), &bytes).unwrap().job.run();
    assert_eq!(receiver.conclude(at_ms(2_100), verdict), Err(Refusal::Expired));
    // Its certificate has been learnt all the same.
    assert_eq!(receiver.held(), (1, 0));
}

#[test]
fn an_unknown_digest() {
    let authority = Authority::new(Algorithm::Sm2);
    let mut receiver = authority.receiver();
    let mut signer = Signer::new(authority.issue(100, &[BSM]));
    signer.sign(at_ms(0), BSM, b"lost on the way").unwrap();
    let bytes = signer.sign(at_ms(100), BSM, b"x").unwrap();
    assert_eq!(receive(&mut receiver, at_ms(100), &bytes), Err(Refusal::UnknownSigner));
}

#[test]
fn a_changed_payload_or_time_or_signature() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Sm2] {
        let authority = Authority::new(algorithm);
        let mut receiver = authority.receiver();
        let good = Signer::new(authority.issue(100, &[BSM])).sign(at_ms(0), BSM, b"payload").unwrap();
        let payload_at = good.windows(7).position(|w| w == b"payload").unwrap();
        // The last octet of the generation time is 11 behind the payload: mark, id of 2, time of 8.
        for at in [payload_at, payload_at + 7 + 10, good.len() - 1, good.len() - 64] {
            let mut forged = good.clone();
            forged[at] ^= 1;
            assert_eq!(receive(&mut receiver, at_ms(0), &forged), Err(Refusal::BadSignature), "octet {at}");
        }
        // The forged ones left no trace: the true one is accepted.
        assert!(receive(&mut receiver, at_ms(0), &good).is_ok());
    }
}

#[test]
fn of_two_copies_under_verification_one_is_accepted() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let mut receiver = authority.receiver();
    let good = Signer::new(authority.issue(100, &[BSM])).sign(at_ms(0), BSM, b"x").unwrap();
    let first = receiver.admit(at_ms(1), &good).unwrap().job.run();
    let second = receiver.admit(at_ms(2), &good).unwrap().job.run();
    assert!(receiver.conclude(at_ms(3), second).is_ok());
    assert_eq!(receiver.conclude(at_ms(4), first), Err(Refusal::Replayed));
}

#[test]
fn certificates_that_do_not_lead_to_our_root() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Sm2] {
        let authority = Authority::new(algorithm);
        let mut receiver = authority.receiver();
        // Of another authority altogether.
        let psids = [BSM];
        let subject = |name| Subject { name: Some(name), validity: hours(-24, 24 * 365), region: None, psids: &psids };
        let other = Identity::root(key(algorithm, 900), &subject("other")).unwrap();
        let own_key = key(algorithm, 901);
        let of_other = other.issue_application(&own_key.public_key(), &subject("forger")).unwrap();
        let bytes = Signer::new(Identity::new(of_other, own_key.clone()).unwrap()).sign(at_ms(0), BSM, b"x").unwrap();
        assert_eq!(receive(&mut receiver, at_ms(0), &bytes), Err(Refusal::BadChain));
        // Naming ours as its issuer, with a signature of the forger's.
        let fake = forged_certificate(&authority, &own_key);
        let bytes = Signer::new(Identity::new(fake, own_key).unwrap()).sign(at_ms(0), BSM, b"x").unwrap();
        assert!(receiver.admit(at_ms(0), &bytes).is_ok(), "only a verification can tell");
        assert_eq!(receive(&mut receiver, at_ms(0), &bytes), Err(Refusal::BadChain));
        // Once found bad it costs no verification any more.
        assert_eq!(receiver.admit(at_ms(0), &bytes).map(|_| ()), Err(Refusal::BadChain));
        assert_eq!(receiver.held(), (0, 0));
    }
}

/// A certificate that names the authority as its issuer, but which the forger signed.
fn forged_certificate(authority: &Authority, own: &SigningKey) -> jxz_security::Certificate {
    let real = authority.issue(100, &[BSM]);
    let bytes = real.certificate().bytes();
    let point = real.key().public_key().compressed();
    let at = bytes.windows(32).position(|w| w == &point[1..]).unwrap();
    let mut forged = bytes.to_vec();
    let own_point = own.public_key().compressed();
    forged[at - 1] = 0x80 | own_point[0];
    forged[at..at + 32].copy_from_slice(&own_point[1..]);
    jxz_security::Certificate::parse(&forged).unwrap()
}

#[test]
fn a_certificate_outside_its_time_or_its_permissions() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let mut receiver = authority.receiver();
    // Signed while it held, by a clock that runs an hour behind: refused by time before the certificate is looked at.
    let identity = authority.issue_with(100, &[BSM], hours(0, 1));
    let late = at_ms(3_600_000 - 1_000);
    let last = Signer::new(identity.clone()).sign(late, BSM, b"x").unwrap();
    assert!(receive(&mut receiver, late, &last).is_ok());
    // A certificate of tomorrow on a message of today: the sender's software does not stop a forger.
    let tomorrow = authority.issue_with(101, &[BSM], hours(24, 48));
    let bytes = sign_anyway(&tomorrow, BSM);
    assert_eq!(receive(&mut receiver, at_ms(0), &bytes), Err(Refusal::CertificateNotValid));
    // A vehicle that warns like a roadside unit.
    let vehicle = authority.issue(102, &[BSM]);
    let bytes = sign_anyway(&vehicle, RSI);
    assert_eq!(receive(&mut receiver, at_ms(0), &bytes), Err(Refusal::NotPermitted));
}

/// A true signature over a message that the identity's own signer would not make, of the time `at_ms(0)`.
fn sign_anyway(identity: &Identity, psid: jxz_security::Psid) -> Vec<u8> {
    use rasn_its::ieee1609dot2::base_types as base;
    use sha2::{Digest, Sha256};
    let microseconds = (start().unix_ns() / 1000 - 1_072_915_200_000_000 + 5_000_000) as u64;
    let mut tbs = vec![0x40, 3, 0x80, 1, b'x', 0x40];
    tbs.extend(rasn::coer::encode(&base::Psid(psid.0.into())).unwrap());
    tbs.extend(microseconds.to_be_bytes());
    let message = [Sha256::digest(&tbs), Sha256::digest(identity.certificate().bytes())].concat();
    let signature = identity.key().sign(&message).unwrap();
    let certificate = identity.certificate().bytes();
    [&[3, 0x81, 0], &tbs[..], &[0x81, 1, 1], certificate, &[0x80, 0x80], &signature].concat()
}

#[test]
fn algorithms_are_not_mixed() {
    let (p256, sm2) = (Authority::new(Algorithm::EcdsaP256), Authority::new(Algorithm::Sm2));
    let mut receiver = p256.receiver();
    let bytes = Signer::new(sm2.issue(100, &[BSM])).sign(at_ms(0), BSM, b"x").unwrap();
    // Sound in itself, but its authority is not ours.
    assert_eq!(receive(&mut receiver, at_ms(0), &bytes), Err(Refusal::BadChain));
    // A message of SM2 in the name of a certificate of P-256.
    let mut signer = Signer::new(p256.issue(101, &[BSM]));
    assert!(receive(&mut receiver, at_ms(0), &signer.sign(at_ms(0), BSM, b"x").unwrap()).is_ok());
    let mut by_digest = signer.sign(at_ms(100), BSM, b"x").unwrap();
    by_digest[2] = 2;
    assert_eq!(receive(&mut receiver, at_ms(100), &by_digest), Err(Refusal::Algorithm), "hash of SM2");
    let at = by_digest.len() - 66;
    by_digest[at..at + 2].copy_from_slice(&[0x84, 64]);
    assert_eq!(receive(&mut receiver, at_ms(100), &by_digest), Err(Refusal::Algorithm), "hash and signature of SM2");
    // Both can be believed side by side.
    let mut trust = p256.trust();
    trust.add_root(sm2.root.certificate().bytes()).unwrap();
    trust.add_authority(sm2.ca.certificate().bytes()).unwrap();
    let mut both = Receiver::new(ReceiverConfig::default(), trust);
    assert!(receive(&mut both, at_ms(0), &bytes).is_ok());
    // An authority of one issues nothing for a key of the other.
    let subject = Subject { name: None, validity: hours(0, 1), region: None, psids: &[BSM] };
    assert!(p256.ca.issue_application(&key(Algorithm::Sm2, 1).public_key(), &subject).is_err());
}

#[test]
fn overload_is_counted() {
    let mut receiver = Receiver::new(ReceiverConfig::default(), TrustStore::new());
    receiver.count_overload();
    assert_eq!(receiver.counts().refused(Refusal::Overload), 1);
}

#[test]
fn when_the_replay_memory_is_full_the_window_shrinks_and_no_replay_gets_in() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let config = ReceiverConfig { replays: 5, ..ReceiverConfig::default() };
    let mut receiver = Receiver::new(config, authority.trust());
    let mut signer = Signer::new(authority.issue(100, &[BSM]));
    let sent: Vec<Vec<u8>> = (0..10).map(|i| signer.sign(at_ms(i * 100), BSM, b"x").unwrap()).collect();
    for (i, bytes) in sent.iter().enumerate() {
        assert!(receive(&mut receiver, at_ms(i as u64 * 100), bytes).is_ok());
    }
    assert_eq!(receiver.held(), (1, 5));
    for bytes in &sent {
        let again = receive(&mut receiver, at_ms(1_000), bytes);
        assert!(matches!(again, Err(Refusal::Replayed | Refusal::Expired)), "{again:?}");
    }
}

#[test]
fn a_clock_that_is_set_back_lets_no_replay_in() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let mut receiver = authority.receiver();
    let mut signer = Signer::new(authority.issue(100, &[BSM]));
    let old = signer.sign(at_ms(10_000), BSM, b"old").unwrap();
    assert!(receive(&mut receiver, at_ms(10_000), &old).is_ok());
    // Three seconds later the old one has been forgotten.
    let new = signer.sign(at_ms(13_000), BSM, b"new").unwrap();
    assert!(receive(&mut receiver, at_ms(13_000), &new).is_ok());
    assert_eq!(receiver.held(), (1, 1));
    // The wall clock is set back to 10.1 s; the monotonic one goes on.
    let back = Now { mono: Instant::ZERO + Duration::from_millis(13_100), utc: at_ms(10_100).utc };
    assert_eq!(receive(&mut receiver, back, &old), Err(Refusal::Expired));
}

#[test]
fn certificates_held_are_bounded_and_the_one_used_longest_ago_goes() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let config = ReceiverConfig { certificates: 2, ..ReceiverConfig::default() };
    let mut receiver = Receiver::new(config, authority.trust());
    let mut signers: Vec<Signer> = (0..3).map(|i| Signer::new(authority.issue(100 + i, &[BSM]))).collect();
    let digests: Vec<_> = signers.iter().map(|signer| signer.certificate().digest()).collect();
    for (i, which) in [0, 1, 0, 2].into_iter().enumerate() {
        let now = at_ms(i as u64 * 100);
        let bytes = signers[which].sign(now, BSM, b"x").unwrap();
        assert!(receive(&mut receiver, now, &bytes).is_ok());
    }
    assert_eq!(digests.map_known(&receiver), [true, false, true]);
}

trait MapKnown {
    fn map_known(&self, receiver: &Receiver) -> Vec<bool>;
}

impl MapKnown for Vec<jxz_security::HashedId8> {
    fn map_known(&self, receiver: &Receiver) -> Vec<bool> {
        self.iter().map(|digest| receiver.knows(*digest)).collect()
    }
}

#[test]
fn a_message_past_its_own_expiry() {
    // Expiry is not of our own messages; read from others': mark 0x20 in the header, 8 octets behind the time.
    let authority = Authority::new(Algorithm::EcdsaP256);
    let mut receiver = authority.receiver();
    let good = Signer::new(authority.issue(100, &[BSM])).sign(at_ms(0), BSM, b"payload").unwrap();
    let mark = good.windows(7).position(|w| w == b"payload").unwrap() + 7;
    let time: [u8; 8] = good[mark + 3..mark + 11].try_into().unwrap();
    let mut with_expiry = good.clone();
    with_expiry[mark] |= 0x20;
    with_expiry.splice(mark + 11..mark + 11, (u64::from_be_bytes(time) + 50_000).to_be_bytes());
    assert!(receiver.admit(at_ms(49), &with_expiry).is_ok());
    assert_eq!(receive(&mut receiver, at_ms(50), &with_expiry), Err(Refusal::Expired));
}

#[test]
fn validity_is_what_was_asked_for() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    for length_s in [1, 60, 65_535, 65_536, 7 * 86_400, 200 * 86_400, 4 * 365 * 86_400] {
        let asked = Validity { from: start(), until: start().plus_seconds(f64::from(length_s)) };
        let got = authority.issue_with(100, &[BSM], asked).certificate().validity();
        assert_eq!(got.from, asked.from);
        let longer_s = got.until.seconds_since(asked.until);
        // Whole seconds to 18 hours, minutes to 45 days, hours to 7 years.
        let unit_s = if length_s < 65_536 {
            1.0
        } else if length_s < 65_536 * 60 {
            60.0
        } else {
            3600.0
        };
        assert!((0.0..unit_s).contains(&longer_s), "{length_s} s: {longer_s} s longer");
    }
    let backwards = Validity { from: start(), until: start() };
    let subject = Subject { name: None, validity: backwards, region: None, psids: &[BSM] };
    assert!(authority.ca.issue_application(&key(Algorithm::EcdsaP256, 1).public_key(), &subject).is_err());
}
