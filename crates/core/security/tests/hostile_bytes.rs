//! Any bytes at all: no panic, and nothing accepted that was not signed.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{Authority, BSM, RSI, at_ms, receive, start};
use jxz_security::{Algorithm, Certificate, RevocationList, Signer, Spdu};

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// One to three of the changes that a fuzzer makes, some of them aimed at lengths.
fn mutate(bytes: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..=chance.below(3) {
        let at = chance.below(out.len());
        match chance.below(8) {
            0 if !out.is_empty() => out[at] ^= 1 << chance.below(8),
            1 if !out.is_empty() => out[at] = chance.next() as u8,
            2 => out.insert(at, chance.next() as u8),
            3 if !out.is_empty() => drop(out.remove(at)),
            4 => out.truncate(at),
            5 => {
                let from = chance.below(bytes.len());
                let until = from + chance.below(bytes.len() - from);
                out.splice(at..at, bytes[from..until].iter().copied());
            }
            6 if out.len() > at + 5 => out[at..at + 5].copy_from_slice(&[0x84, 0xff, 0xff, 0xff, 0xff]),
            _ if !out.is_empty() => out[at] = [0, 0x7f, 0x80, 0x81, 0x82, 0xff][chance.below(6)],
            _ => {}
        }
    }
    out
}

#[test]
fn of_200_000_changed_messages_none_says_anything_new() {
    let mut chance = Chance(20_260_809);
    for algorithm in [Algorithm::EcdsaP256, Algorithm::Sm2] {
        let authority = Authority::new(algorithm);
        let mut receiver = authority.receiver();
        let mut signer = Signer::new(authority.issue(100, &[BSM]));
        let full = signer.sign(at_ms(0), BSM, &[0x5a; 60]).unwrap();
        let short = signer.sign(at_ms(100), BSM, &[0x5a; 60]).unwrap();
        // The certificate is known, the two messages are not yet accepted.
        let learnt = signer.sign(at_ms(90), BSM, b"x").unwrap();
        assert!(receive(&mut receiver, at_ms(100), &full).is_ok());
        assert!(receive(&mut receiver, at_ms(100), &learnt).is_ok());
        let mut fresh = authority.receiver();
        let (mut admitted, mut verified) = (0, 0);
        for i in 0..100_000 {
            let (original, receiver) = if i % 2 == 0 { (&short, &mut receiver) } else { (&full, &mut fresh) };
            let changed = mutate(original, &mut chance);
            let Ok(passed) = receiver.admit(at_ms(100), &changed) else { continue };
            admitted += 1;
            let (was, is) = (Spdu::parse(original).unwrap(), Spdu::parse(&changed).unwrap());
            let same = (was.payload(), was.psid(), was.generation(), was.signer())
                == (is.payload(), is.psid(), is.generation(), is.signer());
            // A verification takes as long as hundreds of the rest: those that say the same, and one in ten.
            if same || admitted % 10 == 0 {
                verified += 1;
                let is_good = receiver.conclude(at_ms(100), passed.job.run()).is_ok();
                assert!(!is_good || same, "accepted with other words: {changed:02x?}");
                if is_good {
                    // Accepted once; the next round asks again.
                    *receiver = authority.receiver();
                    assert!(receive(receiver, at_ms(100), &full).is_ok() || i % 2 == 1);
                }
                if is_good && i % 2 == 1 {
                    *receiver = authority.receiver();
                }
            }
        }
        assert!(admitted > 5_000 && verified > 500, "{admitted} admitted, {verified} verified: too few to tell");
    }
}

#[test]
fn certificates_and_lists_of_any_bytes_are_read_or_refused() {
    let mut chance = Chance(7);
    let authority = Authority::new(Algorithm::Sm2);
    let certificate = authority.root.certificate().bytes();
    let other = authority.issue(100, &[BSM, RSI]);
    let ids = [other.certificate().revocation_id(); 5];
    let list = authority.ca.revocation_list(3, start(), at_ms(1_000).utc, &ids).unwrap();
    let payload = Spdu::parse(&list).unwrap().payload().to_vec();
    assert!(RevocationList::parse(&payload).is_ok());
    for _ in 0..50_000 {
        for original in [certificate, other.certificate().bytes()] {
            let changed = mutate(original, &mut chance);
            if let Ok(read) = Certificate::parse(&changed) {
                assert_eq!(read.bytes(), changed);
            }
        }
        let _ = RevocationList::parse(&mutate(&payload, &mut chance));
        let noise: Vec<u8> = (0..chance.below(200)).map(|_| chance.next() as u8).collect();
        assert!(Spdu::parse(&noise).is_err() && Certificate::parse(&noise).is_err());
    }
}

/// A count of elements is believed only as far as there are elements.
#[test]
fn a_large_count_in_a_small_message_is_refused_at_once() {
    let authority = Authority::new(Algorithm::EcdsaP256);
    let identity = authority.issue(100, &[BSM]);
    let bytes = identity.certificate().bytes();
    // The permissions: one element, no SSP, id of one octet, 111.
    let at = bytes.windows(5).position(|w| w == [1, 1, 0, 1, 111]).unwrap();
    for count in [&[8, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..], &[4, 0xff, 0xff, 0xff, 0xff], &[1, 0xff]] {
        let mut hostile = bytes.to_vec();
        hostile.splice(at..at + 2, count.iter().copied());
        assert!(Certificate::parse(&hostile).is_err());
    }
}
