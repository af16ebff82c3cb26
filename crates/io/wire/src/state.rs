//! Fresh state: node to cloud, in datagrams that each stand alone.

use crate::error::{decode, name, required};
use crate::node::v1 as wire;
use crate::signals::{signals_from_wire, signals_to_wire};
use crate::track::{Room, share_out, track_from_wire, track_to_wire};
use crate::{MAX_STATE_BYTES, WireError};
use bytes::Bytes;
use jxz_units::Utc;
use jxz_world::{NodeState, SiteId};
use prost::Message;
use prost::encoding::encoded_len_varint;

/// A state in as few datagrams as its order allows, none over `max_bytes`, each a state of its own with a part of
/// the tracks. The first has the signals. A state with nothing in it is one datagram: that is news too.
///
/// # Errors
/// [`WireError::Oversize`] if a single track, or the signals, do not fit into `max_bytes` with the head.
pub fn split_state(state: &NodeState, max_bytes: usize) -> Result<Vec<Bytes>, WireError> {
    let first = without_tracks(state);
    let head = wire::NodeState { signals: None, ..first.clone() };
    // Tag and length around the state within `NodeDatagram`.
    let envelope = 1 + encoded_len_varint(max_bytes as u64);
    let (first_bytes, other_bytes) = (envelope + first.encoded_len(), envelope + head.encoded_len());
    let room = Room { message: "NodeState", first_bytes, other_bytes, max_bytes };
    let parts = share_out(room, state.tracks.iter().map(|track| track_to_wire(track, state.valid_at)))?;
    let heads = std::iter::once(first).chain(std::iter::repeat(head));
    Ok(heads.zip(parts).map(|(head, tracks)| datagram(wire::NodeState { tracks, ..head })).collect())
}

/// A whole state as one message, however large.
#[must_use]
pub fn state_to_wire(state: &NodeState) -> wire::NodeState {
    let tracks = state.tracks.iter().map(|track| track_to_wire(track, state.valid_at)).collect();
    wire::NodeState { tracks, ..without_tracks(state) }
}

fn without_tracks(state: &NodeState) -> wire::NodeState {
    wire::NodeState {
        site: state.site.0.clone(),
        boot: state.boot,
        sequence: state.sequence,
        valid_at_unix_ns: state.valid_at.unix_ns(),
        valid_for_ms: (state.valid_for_s * 1e3).round().clamp(0.0, f64::from(u32::MAX)) as u32,
        tracks: Vec::new(),
        signals: state.signals.as_ref().map(|signals| signals_to_wire(signals, 0)),
    }
}

fn datagram(state: wire::NodeState) -> Bytes {
    wire::NodeDatagram { body: Some(wire::node_datagram::Body::State(state)) }.encode_to_vec().into()
}

/// One state datagram of a node.
///
/// # Errors
/// More than [`MAX_STATE_BYTES`], not protobuf, or the first field that is missing, out of range or unknown.
pub fn decode_state(datagram: &[u8]) -> Result<NodeState, WireError> {
    let datagram: wire::NodeDatagram = decode("NodeDatagram", datagram, MAX_STATE_BYTES)?;
    let wire::node_datagram::Body::State(state) = required("NodeDatagram.body", datagram.body)?;
    state_from_wire(state)
}

/// The state, or the part of one, that a message tells of.
///
/// # Errors
/// The first field that is missing, out of range or unknown.
pub fn state_from_wire(state: wire::NodeState) -> Result<NodeState, WireError> {
    let valid_at = Utc::from_unix_ns(state.valid_at_unix_ns);
    Ok(NodeState {
        site: SiteId(name("NodeState.site", state.site)?),
        boot: state.boot,
        sequence: state.sequence,
        valid_at,
        valid_for_s: f64::from(state.valid_for_ms) / 1e3,
        tracks: state.tracks.iter().map(|track| track_from_wire(track, valid_at)).collect::<Result<_, _>>()?,
        signals: state.signals.as_ref().map(signals_from_wire).transpose()?,
    })
}
