//! Truth from outside: published signatures, and messages that equipment of other makers signed.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_security::{Algorithm, HashedId8, ParseError, Psid, PublicKey, SigningKey, Software, Spdu, VerifySignature};
use rasn_its::ieee1609dot2::{Certificate as WireCertificate, Ieee1609Dot2Content, Ieee1609Dot2Data};
use sha2::{Digest, Sha256};

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    assert_eq!(digits.len(), 2 * N);
    let octet = |i: usize| u8::from_str_radix(std::str::from_utf8(&digits[2 * i..2 * i + 2]).unwrap(), 16).unwrap();
    std::array::from_fn(octet)
}

/// RFC 6979, appendix A.2.5: NIST P-256 with SHA-256.
#[test]
fn ecdsa_signs_as_rfc_6979_says() {
    let scalar = hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
    let key = SigningKey::from_scalar(Algorithm::EcdsaP256, &scalar).unwrap();
    let public: [u8; 65] = hex("04 60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6
        7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
    assert_eq!(key.public_key().uncompressed(), &public);
    for (message, signature) in [
        (
            "sample",
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
             F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        ),
        (
            "test",
            "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367
             019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083",
        ),
    ] {
        assert_eq!(key.sign(message.as_bytes()).unwrap(), hex::<64>(signature), "{message}");
        assert!(Software.verify(&key.public_key(), message.as_bytes(), &hex(signature)));
        assert!(!Software.verify(&key.public_key(), b"another", &hex(signature)));
    }
}

/// GM/T 0003.5, appendix A.2 (the recommended curve, identifier 1234567812345678, message "message digest").
#[test]
fn sm2_verifies_the_standards_own_signature() {
    let scalar = hex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8");
    let key = SigningKey::from_scalar(Algorithm::Sm2, &scalar).unwrap();
    let public: [u8; 65] = hex("04 09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020
        CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13");
    assert_eq!(key.public_key().uncompressed(), &public);
    let signature = hex("F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
        B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA");
    assert!(Software.verify(&key.public_key(), b"message digest", &signature));
    assert!(!Software.verify(&key.public_key(), b"message digesT", &signature));
    // Our nonce is another one (RFC 6979, not the example's), so our signature differs and verifies all the same.
    let ours = key.sign(b"message digest").unwrap();
    assert_eq!(ours, key.sign(b"message digest").unwrap());
    assert!(Software.verify(&key.public_key(), b"message digest", &ours));
}

/// What IEEE 1609.2, 5.3.1 says is signed, written down independently of the crate.
fn signed_message(tbs: &[u8], certificate: &[u8]) -> Vec<u8> {
    [Sha256::digest(tbs), Sha256::digest(certificate)].concat()
}

fn published_key(certificate: &[u8]) -> PublicKey {
    let at = certificate.windows(4).position(|w| w == [0x80, 0x80, 0x83, 0x7b]).unwrap() + 3;
    let mut point = [3; 33];
    point[1..].copy_from_slice(&certificate[at..at + 32]);
    PublicKey::from_compressed(Algorithm::EcdsaP256, &point).unwrap()
}

/// Two messages of one vehicle's ETSI equipment, 72 ms apart (ETSI TS 103 097, the European profile of 1609.2), with
/// the certificate and with its digest.
#[test]
fn messages_of_other_equipment_are_read_and_their_signatures_verified() {
    let [full, short] =
        [include_bytes!("data/cam-certificate.oer").as_slice(), include_bytes!("data/cam-digest.oer").as_slice()];
    let (full_read, short_read) = (Spdu::parse(full).unwrap(), Spdu::parse(short).unwrap());
    let certificate = full_read.certificate().unwrap();
    assert_eq!(certificate.digest(), HashedId8([0xe7, 0x3f, 0x07, 0x42, 0x7e, 0x75, 0x45, 0x23]));
    assert_eq!(short_read.signer(), certificate.digest());
    assert_eq!((full_read.psid(), short_read.psid()), (Psid(36), Psid(36)));
    let psids = [36, 37, 140, 141, 638, 639, 1023].map(Psid);
    assert_eq!(certificate.permissions(), psids);
    // The time within the message itself: the GeoNetworking timestamp, TAI milliseconds since 2004 modulo 2^32.
    for (spdu, timestamp) in [(&full_read, 0x303e_be08_u32), (&short_read, 0x303e_bed0)] {
        let unix_ms = spdu.generation().unwrap().unix_ms();
        let tai_ms = unix_ms - 1_072_915_200_000 + 5_000;
        let ago_ms = (tai_ms as u32).wrapping_sub(timestamp);
        assert!(ago_ms < 2_000, "{ago_ms} ms");
    }
    let key = published_key(certificate.bytes());
    for (bytes, spdu) in [(full, &full_read), (short, &short_read)] {
        let tbs_end = 3 + 3 + 1 + spdu.payload().len() + 11;
        let signature: [u8; 64] = bytes[bytes.len() - 64..].try_into().unwrap();
        let message = signed_message(&bytes[3..tbs_end], certificate.bytes());
        assert!(Software.verify(&key, &message, &signature));
    }
}

/// The independent decoder agrees on every part, and encodes the same octets again.
#[test]
fn another_decoder_reads_the_same() {
    for bytes in [include_bytes!("data/cam-certificate.oer").as_slice(), include_bytes!("data/cam-digest.oer")] {
        let data: Ieee1609Dot2Data = rasn::coer::decode(bytes).unwrap();
        assert_eq!(rasn::coer::encode(&data).unwrap(), bytes);
        let Ieee1609Dot2Content::SignedData(signed) = data.content else { panic!("not signed") };
        let header = &signed.tbs_data.header_info;
        let spdu = Spdu::parse(bytes).unwrap();
        assert_eq!(header.psid.0, rasn::types::Integer::from(spdu.psid().0));
        let time64 = header.generation_time.as_ref().unwrap().0;
        assert_eq!(spdu.generation().unwrap().unix_ns(), (time64 as i64 - 5_000_000 + 1_072_915_200_000_000) * 1000);
        let inner = signed.tbs_data.payload.data.unwrap();
        let Ieee1609Dot2Content::UnsecuredData(payload) = inner.content else { panic!("not plain") };
        assert_eq!(payload.0, spdu.payload());
    }
}

/// A maker's message signed on a Brainpool curve: well formed, of an algorithm that we do not have.
#[test]
fn other_algorithms_are_told_from_nonsense() {
    let error = Spdu::parse(include_bytes!("data/cam-brainpool.oer")).unwrap_err();
    assert!(matches!(error, ParseError::Algorithm { .. }), "{error}");
    let _: Ieee1609Dot2Data = rasn::coer::decode(include_bytes!("data/cam-brainpool.oer")).unwrap();
    assert!(rasn::coer::decode::<WireCertificate>(&[0x80, 3]).is_err());
}
