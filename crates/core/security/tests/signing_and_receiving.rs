//! A vehicle signs, a roadside unit receives.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{Authority, BSM, RSI, at_ms, receive};
use jxz_security::{Algorithm, Refusal, Signer, Spdu};
use rasn_its::ieee1609dot2::{Ieee1609Dot2Content, Ieee1609Dot2Data, SignerIdentifier};

#[test]
fn a_signed_message_is_accepted_once() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Sm2] {
        let authority = Authority::new(algorithm);
        let mut signer = Signer::new(authority.issue(100, &[BSM]));
        let mut receiver = authority.receiver();

        // The first message brings the certificate along.
        let first = signer.sign(at_ms(0), BSM, b"first").unwrap();
        let admitted = receiver.admit(at_ms(20), &first).unwrap();
        assert_eq!((admitted.psid, admitted.payload), (BSM, b"first".as_slice()));
        let verdict = admitted.job.run();
        let verified = receiver.conclude(at_ms(21), verdict).unwrap();
        assert_eq!(verified.signer, signer.certificate().digest());
        assert_eq!(verified.generation, at_ms(0).utc);

        // The next one its digest only.
        let second = signer.sign(at_ms(100), BSM, b"second").unwrap();
        assert!(second.len() < first.len());
        assert!(receive(&mut receiver, at_ms(120), &second).is_ok());

        // Neither is accepted again.
        assert_eq!(receive(&mut receiver, at_ms(130), &first), Err(Refusal::Replayed));
        assert_eq!(receive(&mut receiver, at_ms(130), &second), Err(Refusal::Replayed));
        assert_eq!(receiver.counts().accepted(), 2);
        assert_eq!(receiver.counts().refused(Refusal::Replayed), 2);
    }
}

#[test]
fn the_certificate_goes_out_in_full_every_450_ms() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let mut signer = Signer::new(authority.issue(100, &[BSM]));
    let in_full = |ms, signer: &mut Signer| {
        Spdu::parse(&signer.sign(at_ms(ms), BSM, b"x").unwrap()).unwrap().certificate().is_some()
    };
    assert!(in_full(0, &mut signer), "the first message");
    assert!(!in_full(100, &mut signer));
    assert!(!in_full(449, &mut signer));
    assert!(in_full(450, &mut signer), "450 ms after the last full one");
    assert!(!in_full(550, &mut signer));
    signer.change(authority.issue(101, &[BSM]));
    assert!(in_full(600, &mut signer), "after a change of certificate");
    assert!(!in_full(1_049, &mut signer));
    assert!(in_full(1_050, &mut signer));
}

#[test]
fn two_equal_messages_of_one_moment_are_two_messages() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let mut signer = Signer::new(authority.issue(100, &[BSM]));
    let mut receiver = authority.receiver();
    for _ in 0..3 {
        let bytes = signer.sign(at_ms(5), BSM, b"same").unwrap();
        assert!(receive(&mut receiver, at_ms(5), &bytes).is_ok());
    }
}

#[test]
fn nothing_is_signed_that_would_be_refused() {
    let authority = Authority::new(Algorithm::Sm2);
    let mut signer = Signer::new(authority.issue(100, &[BSM]));
    assert!(signer.sign(at_ms(0), RSI, b"x").is_err(), "not permitted");
    assert!(signer.sign(at_ms(8 * 24 * 3_600_000), BSM, b"x").is_err(), "no longer valid");
    assert!(signer.sign(at_ms(0), BSM, &[0; 8_193]).is_err(), "too long");
    assert!(signer.sign(at_ms(0), BSM, &[0; 8_192]).is_ok());
}

/// Another implementation of COER reads every message as we meant it, and encodes the same octets.
#[test]
fn another_decoder_agrees_on_what_we_write() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Sm2] {
        let authority = Authority::new(algorithm);
        let mut signer = Signer::new(authority.issue(100, &[BSM, RSI]));
        for (i, length) in [0, 1, 127, 128, 255, 256, 500, 8_192].into_iter().enumerate() {
            let payload = vec![0xa5; length];
            let bytes = signer.sign(at_ms(100 * i as u64), if i % 2 == 0 { BSM } else { RSI }, &payload).unwrap();
            let data: Ieee1609Dot2Data = rasn::coer::decode(&bytes).unwrap();
            assert_eq!(rasn::coer::encode(&data).unwrap(), bytes);
            let Ieee1609Dot2Content::SignedData(signed) = data.content else { panic!("not signed") };
            let spdu = Spdu::parse(&bytes).unwrap();
            assert_eq!(spdu.payload(), payload);
            match (&signed.signer, spdu.certificate()) {
                (SignerIdentifier::Certificate(sequence), Some(certificate)) => {
                    assert_eq!(rasn::coer::encode(&sequence.0[0]).unwrap(), certificate.bytes());
                }
                (SignerIdentifier::Digest(digest), None) => assert_eq!(*digest.0, spdu.signer().0),
                (other, _) => panic!("{other:?}"),
            }
        }
    }
}
