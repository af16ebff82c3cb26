//! One node's word to another, in datagrams that each stand alone.

use crate::error::{decode, name, required};
use crate::node::v1 as wire;
use crate::track::{Room, share_out, track_from_wire, track_to_wire};
use crate::{MAX_STATE_BYTES, WireError};
use bytes::Bytes;
use jxz_units::Utc;
use jxz_world::{NeighbourTracks, SiteId, Track};
use prost::Message;

/// A word in as few datagrams as its order allows, none over `max_bytes`, each a word of its own with a part of the
/// tracks and the same sequence number.
///
/// # Errors
/// [`WireError::Oversize`] if a single track does not fit into `max_bytes` with the head.
pub fn split_neighbour_tracks(word: &NeighbourTracks, max_bytes: usize) -> Result<Vec<Bytes>, WireError> {
    let head = wire::NeighbourTracks {
        site: word.site.0.clone(),
        boot: word.boot,
        sequence: word.sequence,
        valid_at_unix_ns: word.valid_at.unix_ns(),
        tracks: Vec::new(),
    };
    let bytes = head.encoded_len();
    let room = Room { message: "NeighbourTracks", first_bytes: bytes, other_bytes: bytes, max_bytes };
    let track = |track: &Track| {
        let since_unix_ns = Some(track.since.unix_ns());
        wire::Track { age_ns: 0, since_unix_ns, ..track_to_wire(track, word.valid_at) }
    };
    let parts = share_out(room, word.tracks.iter().map(track))?;
    let part = |tracks| wire::NeighbourTracks { tracks, ..head.clone() }.encode_to_vec().into();
    Ok(parts.into_iter().map(part).collect())
}

/// One datagram of a neighbour's word.
///
/// # Errors
/// More than [`MAX_STATE_BYTES`], not protobuf, or the first field that is missing, out of range or unknown; also a
/// track that is not for the word's time, began after it, or has a covariance that is not positive definite.
pub fn decode_neighbour_tracks(datagram: &[u8]) -> Result<NeighbourTracks, WireError> {
    let word: wire::NeighbourTracks = decode("NeighbourTracks", datagram, MAX_STATE_BYTES)?;
    let valid_at = Utc::from_unix_ns(word.valid_at_unix_ns);
    Ok(NeighbourTracks {
        site: SiteId(name("NeighbourTracks.site", word.site)?),
        boot: word.boot,
        sequence: word.sequence,
        valid_at,
        tracks: word.tracks.iter().map(|track| told_track(track, valid_at)).collect::<Result<_, _>>()?,
    })
}

fn told_track(track: &wire::Track, valid_at: Utc) -> Result<Track, WireError> {
    let since = Utc::from_unix_ns(required("Track.since_unix_ns", track.since_unix_ns)?);
    let contradiction = |field, reason: &str| Err(WireError::Contradiction { field, reason: reason.to_owned() });
    if track.valid_at_us != 0 {
        return contradiction("Track.valid_at_us", "is not for the time of the word");
    }
    if since > valid_at {
        return contradiction("Track.since_unix_ns", "is after the time of the word");
    }
    let told = track_from_wire(track, valid_at)?;
    if told.covariance.cholesky().is_none() {
        return contradiction("Track.covariance", "is not positive definite");
    }
    Ok(told)
}
