//! Fresh state: node to cloud, in datagrams that each stand alone.

use crate::error::{decode, name, required};
use crate::node::v1 as wire;
use crate::plain::{put_track, read_state};
use crate::signals::{signals_from_wire, signals_to_wire};
use crate::track::{Rounded, track_from_wire, track_to_wire};
use crate::{MAX_STATE_BYTES, WireError};
use bytes::Bytes;
use jxz_units::Utc;
use jxz_world::{NodeState, SiteId};
use prost::Message;
use prost::encoding::{encode_varint, encoded_len_varint};

/// `NodeDatagram.state` and `NodeState.tracks`: field and kind.
const STATE_KEY: u8 = 1 << 3 | 2;
const TRACK_KEY: u8 = 6 << 3 | 2;

/// A state in as few datagrams as its order allows, none over `max_bytes`, each a state of its own with a part of
/// the tracks. The first has the signals. A state with nothing in it is one datagram: that is news too.
///
/// # Errors
/// [`WireError::Oversize`] if a single track, or the signals, do not fit into `max_bytes` with the head.
pub fn split_state(state: &NodeState, max_bytes: usize) -> Result<Vec<Bytes>, WireError> {
    let head = head_of(state).encode_to_vec();
    let signals = match &state.signals {
        Some(signals) => {
            wire::NodeState { signals: Some(signals_to_wire(signals, 0)), ..wire::NodeState::default() }.encode_to_vec()
        }
        None => Vec::new(),
    };
    // Tag and length around the state within `NodeDatagram`.
    let envelope = 1 + encoded_len_varint(max_bytes as u64);
    let check = |len: usize| {
        if len <= max_bytes { Ok(()) } else { Err(WireError::Oversize { message: "NodeState", len, limit: max_bytes }) }
    };
    let (first_bytes, other_bytes) = (envelope + head.len() + signals.len(), envelope + head.len());
    check(first_bytes)?;
    let (mut datagrams, mut track, mut tracks) = (Vec::new(), Vec::new(), Vec::with_capacity(max_bytes));
    let mut room = max_bytes - first_bytes;
    // The first has the signals.
    let mut last = &signals[..];
    for each in &state.tracks {
        track.clear();
        put_track(&Rounded::of(each, state.valid_at), &mut track);
        let track_bytes = 1 + encoded_len_varint(track.len() as u64) + track.len();
        if tracks.len() + track_bytes > room {
            check(other_bytes + track_bytes)?;
            datagrams.push(datagram([&head, &tracks, std::mem::take(&mut last)]));
            tracks.clear();
            room = max_bytes - other_bytes;
        }
        tracks.push(TRACK_KEY);
        encode_varint(track.len() as u64, &mut tracks);
        tracks.extend_from_slice(&track);
    }
    datagrams.push(datagram([&head, &tracks, last]));
    Ok(datagrams)
}

/// A whole state as one message, however large.
#[must_use]
pub fn state_to_wire(state: &NodeState) -> wire::NodeState {
    let tracks = state.tracks.iter().map(|track| track_to_wire(track, state.valid_at)).collect();
    let signals = state.signals.as_ref().map(|signals| signals_to_wire(signals, 0));
    wire::NodeState { tracks, signals, ..head_of(state) }
}

/// What every part of a state has: all but tracks and signals.
fn head_of(state: &NodeState) -> wire::NodeState {
    wire::NodeState {
        site: state.site.0.clone(),
        boot: state.boot,
        sequence: state.sequence,
        valid_at_unix_ns: state.valid_at.unix_ns(),
        valid_for_ms: (state.valid_for_s * 1e3).round().clamp(0.0, f64::from(u32::MAX)) as u32,
        ..wire::NodeState::default()
    }
}

/// A datagram with a state of these parts.
fn datagram(parts: [&[u8]; 3]) -> Bytes {
    let len = parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(len + 4);
    bytes.push(STATE_KEY);
    encode_varint(len as u64, &mut bytes);
    parts.into_iter().for_each(|part| bytes.extend_from_slice(part));
    bytes.into()
}

/// One state datagram of a node.
///
/// # Errors
/// More than [`MAX_STATE_BYTES`], not protobuf, or the first field that is missing, out of range or unknown.
pub fn decode_state(datagram: &[u8]) -> Result<NodeState, WireError> {
    if datagram.len() <= MAX_STATE_BYTES
        && let Some(state) = read_state(datagram)
    {
        return Ok(state);
    }
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
