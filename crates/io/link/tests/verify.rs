//! Signatures verified on threads.
#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

use jxz_link::{FastVerifier, VerifyPool};
use jxz_security::{
    Algorithm, Identity, Psid, QueueConfig, Receiver, ReceiverConfig, Refusal, Signer, SigningKey, Software, Subject,
    TrustStore, Validity, VerifySignature,
};
use jxz_units::{Now, Utc};
use std::time::Duration;
use tokio::time::timeout;

const BSM: Psid = Psid(111);

fn now(ms: u64) -> Now {
    Now::after_start(Utc::from_unix_ms(1_786_270_272_000), Duration::from_millis(ms))
}

fn subject(psids: &[Psid]) -> Subject<'_> {
    let validity = Validity { from: now(0).utc, until: now(3_600_000).utc };
    Subject { name: None, validity, region: None, psids }
}

fn root(algorithm: Algorithm) -> Identity {
    Identity::root(SigningKey::from_seed(algorithm, &[1; 32]), &subject(&[BSM])).unwrap()
}

fn vehicle(root: &Identity, number: u8) -> Signer {
    let key = SigningKey::from_seed(root.key().algorithm(), &[number; 32]);
    let certificate = root.issue_application(&key.public_key(), &subject(&[BSM])).unwrap();
    Signer::new(Identity::new(certificate, key).unwrap())
}

fn receiver(root: &Identity) -> Receiver {
    let mut trust = TrustStore::new();
    trust.add_root(root.certificate().bytes()).unwrap();
    Receiver::new(ReceiverConfig::default(), trust)
}

#[tokio::test]
async fn good_and_bad_messages_come_back_with_their_verdicts() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Sm2] {
        let root = root(algorithm);
        let mut receiver = receiver(&root);
        let (pool, mut verdicts) = VerifyPool::start(2, QueueConfig::default()).unwrap();
        for number in 10..30 {
            let mut bytes = vehicle(&root, number).sign(now(0), BSM, b"payload").unwrap();
            if number % 4 == 0 {
                *bytes.last_mut().unwrap() ^= 1;
            }
            let job = receiver.admit(now(1), &bytes).unwrap().job;
            assert_eq!(pool.submit(job, number), None);
        }
        for _ in 10..30 {
            let (verdict, number) = timeout(Duration::from_secs(20), verdicts.recv()).await.unwrap().unwrap();
            let concluded = receiver.conclude(now(2), verdict).map(|_| ());
            assert_eq!(concluded, if number % 4 == 0 { Err(Refusal::BadSignature) } else { Ok(()) }, "{number}");
        }
        assert_eq!((pool.overload(), pool.waiting()), (0, 0));
        // Once the pool is gone, so is the channel's other end.
        drop(pool);
        assert!(verdicts.recv().await.is_none());
    }
}

#[tokio::test]
async fn what_finds_no_room_is_counted_and_nothing_hangs() {
    let root = root(Algorithm::EcdsaP256);
    let mut receiver = receiver(&root);
    let small = QueueConfig { known: 4, new: 2, per_signer: 2 };
    let (pool, mut verdicts) = VerifyPool::start(1, small).unwrap();
    let mut dropped = 0;
    for number in 10..110 {
        let bytes = vehicle(&root, number).sign(now(0), BSM, b"payload").unwrap();
        let job = receiver.admit(now(1), &bytes).unwrap().job;
        // Fifty times the same: far faster in than out.
        dropped += (0..50).filter(|_| pool.submit(job.clone(), number).is_some()).count() as u64;
    }
    let mut concluded = 0;
    while pool.waiting() > 0 {
        tokio::task::yield_now().await;
    }
    while let Ok((verdict, _)) = verdicts.try_recv() {
        concluded += 1;
        let _ = receiver.conclude(now(2), verdict);
    }
    assert!(dropped > 0 && pool.overload() >= dropped, "{dropped} of {}", pool.overload());
    assert!(concluded <= 6, "{concluded}: the channel is as bounded as the queue");
    // Dropping the receiving end first does not stop the pool from ending.
    drop(verdicts);
    drop(pool);
}

/// Two implementations of ECDSA say the same of good and of changed signatures.
#[test]
fn the_fast_verifier_agrees_with_the_portable_one() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Sm2] {
        for number in 0..20_u8 {
            let key = SigningKey::from_seed(algorithm, &[number; 32]);
            let message = [number; 64];
            let mut signature = key.sign(&message).unwrap();
            assert!(FastVerifier.verify(&key.public_key(), &message, &signature));
            signature[usize::from(number) * 3] ^= 1;
            assert!(!FastVerifier.verify(&key.public_key(), &message, &signature));
            assert!(!Software.verify(&key.public_key(), &message, &signature));
        }
        let key = SigningKey::from_seed(algorithm, &[99; 32]).public_key();
        assert!(!FastVerifier.verify(&key, b"x", &[0; 64]) && !Software.verify(&key, b"x", &[0; 64]));
        assert!(!FastVerifier.verify(&key, b"x", &[0xff; 64]) && !Software.verify(&key, b"x", &[0xff; 64]));
    }
}
