//! Hello, must-arrive records and their replies: node to cloud and back.

use crate::error::{decode, length, name, required};
use crate::node::v1 as wire;
use crate::{MAX_CONTROL_BYTES, MAX_RECORD_BYTES, WireError, health, misbehaviour, warning};
use bytes::Bytes;
use jxz_world::{Record, RecordBody, SiteId};
use prost::Message;

/// A node's hello.
#[must_use]
pub fn hello(site: &SiteId, boot: u64, software_version: &str) -> Bytes {
    let software_version = software_version.to_owned();
    wire::NodeHello { site: site.0.clone(), boot, software_version }.encode_to_vec().into()
}

/// The site and the boot of a node's hello.
///
/// # Errors
/// Not a hello, or a site's name of no or more than 64 bytes.
pub fn decode_hello(bytes: &[u8]) -> Result<(SiteId, u64), WireError> {
    let hello: wire::NodeHello = decode("NodeHello", bytes, MAX_CONTROL_BYTES)?;
    length("NodeHello.software_version", hello.software_version.len(), 0, 256)?;
    Ok((SiteId(name("NodeHello.site", hello.site)?), hello.boot))
}

/// A record as the body of its stream.
#[must_use]
pub fn encode_record(record: &Record) -> Bytes {
    record_to_wire(record).encode_to_vec().into()
}

/// A record as a message.
#[must_use]
pub fn record_to_wire(record: &Record) -> wire::Record {
    let body = match &record.body {
        RecordBody::Warning(warning) => wire::record::Body::Warning(warning::to_wire(warning)),
        RecordBody::Health(health) => wire::record::Body::Health(health::to_wire(health)),
        RecordBody::Misbehaviour(report) => wire::record::Body::Misbehaviour(misbehaviour::to_wire(report)),
    };
    let (boot, sequence) = (record.boot, record.sequence);
    wire::Record { site: record.site.0.clone(), boot, sequence, body: Some(body) }
}

/// The record in the body of a stream.
///
/// # Errors
/// More than [`MAX_RECORD_BYTES`], not protobuf, or the first field that is missing, out of range or unknown.
pub fn decode_record(bytes: &[u8]) -> Result<Record, WireError> {
    record_from_wire(decode("Record", bytes, MAX_RECORD_BYTES)?)
}

/// The record that a message tells of.
///
/// # Errors
/// The first field that is missing, out of range or unknown.
pub fn record_from_wire(record: wire::Record) -> Result<Record, WireError> {
    let body = match required("Record.body", record.body)? {
        wire::record::Body::Warning(warning) => RecordBody::Warning(warning::from_wire(warning)?),
        wire::record::Body::Health(health) => RecordBody::Health(health::from_wire(health)?),
        wire::record::Body::Misbehaviour(report) => RecordBody::Misbehaviour(misbehaviour::from_wire(report)?),
    };
    let site = SiteId(name("Record.site", record.site)?);
    Ok(Record { site, boot: record.boot, sequence: record.sequence, body })
}

/// What the cloud answers to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The record's boot; 0 if the record was not understood.
    pub boot: u64,
    /// The record's sequence; 0 if the record was not understood.
    pub sequence: u64,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is safe.
    Kept,
    /// It is not understood: sending it again would not help.
    Refused(String),
}

/// A reply as the answer on a record's stream; a reason is cut to 512 bytes.
#[must_use]
pub fn encode_reply(reply: &Reply) -> Bytes {
    let verdict = match &reply.verdict {
        Verdict::Kept => wire::record_reply::Verdict::Kept(wire::Kept {}),
        Verdict::Refused(reason) => wire::record_reply::Verdict::Refused(wire::Refused { reason: clipped(reason) }),
    };
    let (boot, sequence) = (reply.boot, reply.sequence);
    wire::RecordReply { boot, sequence, verdict: Some(verdict) }.encode_to_vec().into()
}

/// A reason, cut to 512 bytes.
pub(crate) fn clipped(reason: &str) -> String {
    let within = reason.chars().scan(0, |len, c| {
        *len += c.len_utf8();
        (*len <= 512).then_some(c)
    });
    within.collect()
}

/// The reply on a record's stream.
///
/// # Errors
/// Not a reply, or one without a verdict.
pub fn decode_reply(bytes: &[u8]) -> Result<Reply, WireError> {
    let reply: wire::RecordReply = decode("RecordReply", bytes, MAX_CONTROL_BYTES)?;
    let verdict = match required("RecordReply.verdict", reply.verdict)? {
        wire::record_reply::Verdict::Kept(wire::Kept {}) => Verdict::Kept,
        wire::record_reply::Verdict::Refused(refused) => Verdict::Refused(refused.reason),
    };
    Ok(Reply { boot: reply.boot, sequence: reply.sequence, verdict })
}
