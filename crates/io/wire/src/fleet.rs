//! Joining, renewing, and what to run: `fleet.proto`.

use crate::error::{decode, length, name, required};
use crate::node::v1 as wire;
use crate::record::clipped;
use crate::{MAX_CONTROL_BYTES, WireError};
use bytes::Bytes;
use jxz_world::SiteId;
use prost::Message;

/// The most bytes of a request to join or to renew, and of its answer.
pub const MAX_JOIN_BYTES: usize = 4096;
/// The most bytes of a configuration's document.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// The most bytes of a configuration on its stream.
pub const MAX_DESIRED_BYTES: usize = MAX_DOCUMENT_BYTES + 64;
/// Length of a token's secret, bytes.
pub const SECRET_BYTES: usize = 16;

/// A node asks for a certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// Which site it is for.
    pub site: SiteId,
    /// The token's secret; `None` to renew.
    pub secret: Option<[u8; SECRET_BYTES]>,
    /// PKCS #10, DER.
    pub request: Vec<u8>,
}

impl core::fmt::Debug for JoinRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("JoinRequest").field("site", &self.site).field("renews", &self.secret.is_none()).finish()
    }
}

/// A certificate that was issued, and the authority's own; DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The node's.
    pub certificate: Vec<u8>,
    /// The authority's.
    pub authority: Vec<u8>,
}

/// A request as the body of its stream.
#[must_use]
pub fn encode_join(request: &JoinRequest) -> Bytes {
    let secret = request.secret.map(Vec::from).unwrap_or_default();
    wire::JoinRequest { site: request.site.0.clone(), secret, request: request.request.clone() }.encode_to_vec().into()
}

/// The request in the body of a stream.
///
/// # Errors
/// More than [`MAX_JOIN_BYTES`], not protobuf, or a field of the wrong length.
pub fn decode_join(bytes: &[u8]) -> Result<JoinRequest, WireError> {
    let request: wire::JoinRequest = decode("JoinRequest", bytes, MAX_JOIN_BYTES)?;
    let secret = match request.secret.as_slice() {
        [] => None,
        secret => Some(secret.try_into().map_err(|_| WireError::Length {
            field: "JoinRequest.secret",
            len: secret.len(),
            min: SECRET_BYTES,
            max: SECRET_BYTES,
        })?),
    };
    length("JoinRequest.request", request.request.len(), 1, MAX_JOIN_BYTES)?;
    Ok(JoinRequest { site: SiteId(name("JoinRequest.site", request.site)?), secret, request: request.request })
}

/// The answer to a request: the certificate, or why there is none.
#[must_use]
pub fn encode_join_reply(reply: &Result<Issued, String>) -> Bytes {
    let verdict = match reply {
        Ok(issued) => wire::join_reply::Verdict::Issued(wire::Issued {
            certificate: issued.certificate.clone(),
            authority: issued.authority.clone(),
        }),
        Err(reason) => wire::join_reply::Verdict::Refused(wire::NotIssued { reason: clipped(reason) }),
    };
    wire::JoinReply { verdict: Some(verdict) }.encode_to_vec().into()
}

/// The answer in the body of a stream.
///
/// # Errors
/// Too long, not protobuf, or without a verdict.
pub fn decode_join_reply(bytes: &[u8]) -> Result<Result<Issued, String>, WireError> {
    let reply: wire::JoinReply = decode("JoinReply", bytes, MAX_JOIN_BYTES)?;
    Ok(match required("JoinReply.verdict", reply.verdict)? {
        wire::join_reply::Verdict::Issued(issued) => {
            Ok(Issued { certificate: issued.certificate, authority: issued.authority })
        }
        wire::join_reply::Verdict::Refused(refused) => Err(refused.reason),
    })
}

/// What a node ought to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Counts up with every change for the site.
    pub revision: u64,
    /// The document, JSON.
    pub document: Vec<u8>,
}

/// What the node says to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredReply {
    /// Of the configuration that it answers.
    pub revision: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is on disk and in force from the next round on.
    Applied {
        /// The first eight octets of the document's SHA-256.
        digest: u64,
    },
    /// Nothing has changed, and why.
    Rejected(String),
}

/// A configuration as the body of its stream.
#[must_use]
pub fn encode_desired(desired: &Desired) -> Bytes {
    wire::Desired { revision: desired.revision, document: desired.document.clone() }.encode_to_vec().into()
}

/// The answer to a configuration; a reason is cut to 512 bytes.
#[must_use]
pub fn encode_desired_reply(reply: &DesiredReply) -> Bytes {
    let verdict = match &reply.outcome {
        Outcome::Applied { digest } => wire::desired_reply::Verdict::Applied(wire::Applied { digest: *digest }),
        Outcome::Rejected(reason) => wire::desired_reply::Verdict::Rejected(wire::Rejected { reason: clipped(reason) }),
    };
    wire::DesiredReply { revision: reply.revision, verdict: Some(verdict) }.encode_to_vec().into()
}

/// The answer in the body of a stream.
///
/// # Errors
/// Too long, not protobuf, or without a verdict.
pub fn decode_desired_reply(bytes: &[u8]) -> Result<DesiredReply, WireError> {
    let reply: wire::DesiredReply = decode("DesiredReply", bytes, MAX_CONTROL_BYTES)?;
    let outcome = match required("DesiredReply.verdict", reply.verdict)? {
        wire::desired_reply::Verdict::Applied(applied) => Outcome::Applied { digest: applied.digest },
        wire::desired_reply::Verdict::Rejected(rejected) => Outcome::Rejected(rejected.reason),
    };
    Ok(DesiredReply { revision: reply.revision, outcome })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ask, decode_ask};

    fn request(secret: Option<[u8; 16]>) -> JoinRequest {
        JoinRequest { site: SiteId("north".into()), secret, request: vec![0x30; 300] }
    }

    #[test]
    fn what_is_said_comes_back() {
        for request in [request(None), request(Some([7; 16]))] {
            assert_eq!(decode_join(&encode_join(&request)), Ok(request));
        }
        for reply in [Ok(Issued { certificate: vec![1], authority: vec![2, 3] }), Err("no".to_owned())] {
            assert_eq!(decode_join_reply(&encode_join_reply(&reply)), Ok(reply));
        }
        let desired = Desired { revision: 9, document: b"{}".to_vec() };
        assert_eq!(decode_ask(&encode_desired(&desired)), Ok(Ask::Run(desired)));
        for outcome in [Outcome::Applied { digest: u64::MAX }, Outcome::Rejected("no such key".to_owned())] {
            let reply = DesiredReply { revision: 9, outcome };
            assert_eq!(decode_desired_reply(&encode_desired_reply(&reply)), Ok(reply));
        }
    }

    #[test]
    fn what_is_too_long_or_lacks_a_verdict_is_refused() {
        let long = JoinRequest { request: vec![0; MAX_JOIN_BYTES], ..request(None) };
        assert!(matches!(decode_join(&encode_join(&long)), Err(WireError::Oversize { .. })));
        let short = wire::JoinRequest { site: "north".into(), secret: vec![1; 15], request: vec![1] };
        assert!(matches!(decode_join(&short.encode_to_vec()), Err(WireError::Length { .. })));
        let big = Desired { revision: 1, document: vec![b' '; MAX_DOCUMENT_BYTES + 1] };
        assert!(decode_ask(&encode_desired(&big)).is_err());
        assert!(decode_ask(&[]).is_err() && decode_desired_reply(&[]).is_err() && decode_join_reply(&[]).is_err());
        for bytes in [&[0xff; 40][..], b"GET / HTTP/1.1"] {
            assert!(decode_join(bytes).is_err() && decode_ask(bytes).is_err());
        }
        let reply = DesiredReply { revision: 1, outcome: Outcome::Rejected("河".repeat(1000)) };
        assert!(encode_desired_reply(&reply).len() < MAX_CONTROL_BYTES, "a long reason is cut");
    }
}
