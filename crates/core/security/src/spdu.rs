//! The envelope itself: `Ieee1609Dot2Data` with `signedData`, read and written.

use crate::algorithm::{Algorithm, SignatureBytes};
use crate::certificate::{Certificate, Psid, read_hash_id, read_signature};
use crate::hash::HashedId8;
use crate::reader::{ParseError, Reader};
use crate::time::utc_of_time64;
use jxz_units::Utc;

/// Longest payload that is signed, octets.
pub const MAX_PAYLOAD_BYTES: usize = 8192;

/// A signed message that has been read; nothing about it has been verified.
#[derive(Debug, Clone)]
pub struct Spdu<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) tbs: &'a [u8],
    pub(crate) generation_us: u64,
    pub(crate) expiry_us: Option<u64>,
    pub(crate) signer: SignerId,
    pub(crate) signature: SignatureBytes,
    psid: Psid,
    payload: &'a [u8],
}

/// Who says that he signed.
#[derive(Debug, Clone)]
pub(crate) enum SignerId {
    Digest(HashedId8),
    Certificate(Box<Certificate>),
}

impl<'a> Spdu<'a> {
    /// Reads a signed message that must fill `bytes` to the end. Allocates for a certificate at most what its octets
    /// hold, and nothing else.
    ///
    /// # Errors
    /// [`ParseError`] if it is not COER or outside the profile: one payload of unsecured data, a generation time,
    /// and one certificate or its digest as the signer.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(bytes);
        reader.expect(3, "the protocol version")?;
        reader.expect(0x81, "signedData")?;
        let algorithm = read_hash_id(&mut reader)?;
        let tbs_start = reader.at();
        // SignedDataPayload with data alone; within it an Ieee1609Dot2Data with unsecuredData.
        reader.expect(0x40, "a payload")?;
        reader.expect(3, "the payload's version")?;
        reader.expect(0x80, "an unsecured payload")?;
        let payload = reader.octets("the payload")?;
        let header = Header::read(&mut reader)?;
        let tbs = reader.since(tbs_start);
        let signer = match reader.u8("the signer")? {
            0x80 => SignerId::Digest(HashedId8(reader.array("the signer's digest")?)),
            0x81 => {
                // A sequence of exactly one certificate: never a chain.
                reader.expect(1, "the signer's one certificate")?;
                reader.expect(1, "the signer's one certificate")?;
                SignerId::Certificate(Box::new(Certificate::read(&mut reader)?))
            }
            _ => return reader.fault("the signer"),
        };
        let (signature_algorithm, signature) = read_signature(&mut reader, false)?;
        reader.end()?;
        let certificate_algorithm = match &signer {
            SignerId::Digest(_) => algorithm,
            SignerId::Certificate(certificate) => certificate.algorithm(),
        };
        if signature_algorithm != Some(algorithm) || certificate_algorithm != algorithm {
            return reader.algorithm("a signed message");
        }
        let Header { psid, generation_us, expiry_us } = header;
        Ok(Self { algorithm, tbs, generation_us, expiry_us, signer, signature, psid, payload })
    }

    /// The algorithm that it is signed with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The application id.
    #[must_use]
    pub fn psid(&self) -> Psid {
        self.psid
    }

    /// When it was made; `None` beyond the year 2262.
    #[must_use]
    pub fn generation(&self) -> Option<Utc> {
        utc_of_time64(self.generation_us)
    }

    /// The message within.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The digest of the signer's certificate.
    #[must_use]
    pub fn signer(&self) -> HashedId8 {
        match &self.signer {
            SignerId::Digest(digest) => *digest,
            SignerId::Certificate(certificate) => certificate.digest(),
        }
    }

    /// The signer's certificate, if it came along.
    #[must_use]
    pub fn certificate(&self) -> Option<&Certificate> {
        match &self.signer {
            SignerId::Digest(_) => None,
            SignerId::Certificate(certificate) => Some(certificate),
        }
    }
}

/// `HeaderInfo`, as far as the profile uses it.
struct Header {
    psid: Psid,
    generation_us: u64,
    expiry_us: Option<u64>,
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let marks = reader.u8("the header's optional parts")?;
        let psid = Psid(reader.unsigned("the application id")?);
        // Beside the generation time, an encryption key is not of the profile, and the last bit is padding.
        if marks & 0x43 != 0x40 {
            return reader.fault("a header with a generation time");
        }
        let generation_us = reader.u64("the generation time")?;
        let expiry_us = if marks & 0x20 != 0 { Some(reader.u64("the expiry time")?) } else { None };
        if marks & 0x10 != 0 {
            reader.take(10, "the generation location")?;
        }
        if marks & 0x08 != 0 {
            reader.take(3, "p2pcdLearningRequest")?;
        }
        if marks & 0x04 != 0 {
            reader.expect(0, "missingCrlIdentifier")?;
            reader.take(5, "missingCrlIdentifier")?;
        }
        if marks & 0x80 != 0 {
            reader.skip_extensions("the header's extensions")?;
        }
        Ok(Self { psid, generation_us, expiry_us })
    }
}

/// Writes everything up to the signer, and gives where the octets to be signed begin.
pub(crate) fn write_signed_part(
    out: &mut Vec<u8>,
    algorithm: Algorithm,
    psid: Psid,
    generation_us: u64,
    payload: &[u8],
) -> usize {
    let hash_id = match algorithm {
        Algorithm::EcdsaP256 => 0,
        Algorithm::Sm2 => 2,
    };
    out.extend_from_slice(&[3, 0x81, hash_id]);
    let tbs_start = out.len();
    out.extend_from_slice(&[0x40, 3, 0x80]);
    write_length(out, payload.len());
    out.extend_from_slice(payload);
    out.push(0x40);
    let octets = psid.0.to_be_bytes();
    let zeros = (psid.0.leading_zeros() / 8).min(3) as usize;
    out.push(4 - zeros as u8);
    out.extend_from_slice(&octets[zeros..]);
    out.extend_from_slice(&generation_us.to_be_bytes());
    tbs_start
}

/// Writes the signer as a digest or as one certificate.
pub(crate) fn write_signer(out: &mut Vec<u8>, certificate: &Certificate, in_full: bool) {
    if in_full {
        out.extend_from_slice(&[0x81, 1, 1]);
        out.extend_from_slice(certificate.bytes());
    } else {
        out.push(0x80);
        out.extend_from_slice(&certificate.digest().0);
    }
}

pub(crate) fn write_signature(out: &mut Vec<u8>, algorithm: Algorithm, signature: &SignatureBytes) {
    out.extend_from_slice(match algorithm {
        Algorithm::EcdsaP256 => &[0x80, 0x80],
        Algorithm::Sm2 => &[0x84, 64],
    });
    out.extend_from_slice(signature);
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    let octets = (length as u32).to_be_bytes();
    let zeros = (length as u32).leading_zeros() as usize / 8;
    if length >= 0x80 {
        out.push(0x80 | (4 - zeros) as u8);
        out.extend_from_slice(&octets[zeros..]);
    } else {
        out.push(octets[3]);
    }
}
