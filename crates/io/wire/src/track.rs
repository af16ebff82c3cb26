//! Road users' states as every message between nodes, and to the cloud, has them.

use crate::WireError;
use crate::error::{in_range, length};
use crate::node::v1 as wire;
use jxz_geo::{Point, Vector};
use jxz_units::{Heading, Utc};
use jxz_world::{ClassBelief, IslandId, Sources, Track, TrackId, VehicleId};
use nalgebra::Matrix4;
use prost::Message;
use prost::encoding::encoded_len_varint;
use std::time::Duration;

/// The farthest a coordinate may be from the frame's origin, millimetres: beyond it the projection means little.
const MAX_OFFSET_MM: f64 = 100_000.0 * 1000.0;
/// No road user is faster, millimetres per second.
const MAX_SPEED_MMPS: f64 = 150.0 * 1000.0;

/// What a message and its datagrams have room for.
pub(crate) struct Room {
    pub(crate) message: &'static str,
    /// Bytes of the first part, and of any other, without tracks.
    pub(crate) first_bytes: usize,
    pub(crate) other_bytes: usize,
    pub(crate) max_bytes: usize,
}

/// Shares tracks out over as few parts as their order allows; at least one part, be it empty.
///
/// # Errors
/// [`WireError::Oversize`] if a part without tracks, or with a single one, is too large.
pub(crate) fn share_out(
    room: Room,
    tracks: impl Iterator<Item = wire::Track>,
) -> Result<Vec<Vec<wire::Track>>, WireError> {
    let Room { message, first_bytes, other_bytes, max_bytes } = room;
    let check = |len: usize| {
        if len <= max_bytes { Ok(()) } else { Err(WireError::Oversize { message, len, limit: max_bytes }) }
    };
    check(first_bytes)?;
    let (mut parts, mut part, mut part_bytes) = (Vec::new(), Vec::new(), first_bytes);
    for track in tracks {
        let len = track.encoded_len();
        let track_bytes = 1 + encoded_len_varint(len as u64) + len;
        if part_bytes + track_bytes > max_bytes {
            check(other_bytes + track_bytes)?;
            parts.push(std::mem::take(&mut part));
            part_bytes = other_bytes;
        }
        part.push(track);
        part_bytes += track_bytes;
    }
    parts.push(part);
    Ok(parts)
}

/// A track in a message whose own time is `state_at`.
pub(crate) fn track_to_wire(track: &Track, state_at: Utc) -> wire::Track {
    Rounded::of(track, state_at).to_wire()
}

/// The track of a message whose own time is `state_at`.
///
/// # Errors
/// The first field that is missing or out of range.
pub(crate) fn track_from_wire(track: &wire::Track, state_at: Utc) -> Result<Track, WireError> {
    Rounded::from_wire(track)?.track(state_at)
}

/// [`wire::Track`] without a heap, its lists of the length that they must have.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rounded {
    pub(crate) id: u64,
    pub(crate) valid_at_us: i64,
    pub(crate) measured_before_us: i64,
    pub(crate) east_mm: i64,
    pub(crate) north_mm: i64,
    pub(crate) east_mmps: i32,
    pub(crate) north_mmps: i32,
    pub(crate) covariance: [f32; 10],
    pub(crate) existence_e4: u32,
    pub(crate) class_e4: [u32; 3],
    pub(crate) length_cm: Option<u32>,
    pub(crate) width_cm: Option<u32>,
    pub(crate) heading_mrad: Option<u32>,
    pub(crate) vehicle: Option<[u8; 8]>,
    pub(crate) sources: u32,
    pub(crate) island: u64,
    pub(crate) since_unix_ns: Option<i64>,
    pub(crate) age_ns: i64,
}

impl Rounded {
    pub(crate) fn of(track: &Track, state_at: Utc) -> Self {
        let us = |later: Utc, earlier: Utc| later.unix_ns().saturating_sub(earlier.unix_ns()).div_euclid(1000);
        let e4 = |probability: f64| (probability * 1e4).round() as u32;
        let mut covariance = [0.0; 10];
        let upper = (0..4).flat_map(|row| (row..4).map(move |column| (row, column)));
        for (value, place) in covariance.iter_mut().zip(upper) {
            *value = track.covariance[place] as f32;
        }
        Self {
            id: track.id.0,
            valid_at_us: us(track.valid_at, state_at),
            measured_before_us: us(track.valid_at, track.measured_at),
            age_ns: state_at.unix_ns().saturating_sub(track.since.unix_ns()),
            east_mm: (track.position.x * 1e3).round() as i64,
            north_mm: (track.position.y * 1e3).round() as i64,
            east_mmps: (track.velocity.x * 1e3).round() as i32,
            north_mmps: (track.velocity.y * 1e3).round() as i32,
            covariance,
            existence_e4: e4(track.existence),
            class_e4: track.class.probabilities().map(e4),
            length_cm: track.extent_m.map(|(length, _)| (length * 100.0).round() as u32),
            width_cm: track.extent_m.map(|(_, width)| (width * 100.0).round() as u32),
            heading_mrad: track.heading.map(|heading| (heading.rad() * 1e3).floor() as u32),
            vehicle: track.vehicle.map(|id| id.0),
            sources: u32::from(track.sources.radar)
                | u32::from(track.sources.camera) << 1
                | u32::from(track.sources.v2x) << 2,
            island: track.island.0,
            since_unix_ns: None,
        }
    }

    fn to_wire(&self) -> wire::Track {
        wire::Track {
            id: self.id,
            valid_at_us: self.valid_at_us,
            measured_before_us: self.measured_before_us,
            age_ns: self.age_ns,
            east_mm: self.east_mm,
            north_mm: self.north_mm,
            east_mmps: self.east_mmps,
            north_mmps: self.north_mmps,
            covariance: self.covariance.to_vec(),
            existence_e4: self.existence_e4,
            class_e4: self.class_e4.to_vec(),
            length_cm: self.length_cm,
            width_cm: self.width_cm,
            heading_mrad: self.heading_mrad,
            vehicle: self.vehicle.map(|id| id.to_vec()).unwrap_or_default(),
            sources: self.sources,
            island: self.island,
            since_unix_ns: self.since_unix_ns,
        }
    }

    fn from_wire(track: &wire::Track) -> Result<Self, WireError> {
        let class_len = length("Track.class_e4", track.class_e4.len(), 3, 3)?;
        let mut class_e4 = [0; 3];
        class_e4.copy_from_slice(&track.class_e4[..class_len]);
        let covariance_len = length("Track.covariance", track.covariance.len(), 10, 10)?;
        let mut covariance = [0.0; 10];
        covariance.copy_from_slice(&track.covariance[..covariance_len]);
        Ok(Self {
            id: track.id,
            valid_at_us: track.valid_at_us,
            measured_before_us: track.measured_before_us,
            age_ns: track.age_ns,
            east_mm: track.east_mm,
            north_mm: track.north_mm,
            east_mmps: track.east_mmps,
            north_mmps: track.north_mmps,
            covariance,
            existence_e4: track.existence_e4,
            class_e4,
            length_cm: track.length_cm,
            width_cm: track.width_cm,
            heading_mrad: track.heading_mrad,
            vehicle: vehicle_from_wire("Track.vehicle", &track.vehicle)?.map(|id| id.0),
            sources: track.sources,
            island: track.island,
            since_unix_ns: track.since_unix_ns,
        })
    }

    /// The track, in a message whose own time is `state_at`.
    ///
    /// # Errors
    /// The first field that is out of range.
    pub(crate) fn track(&self, state_at: Utc) -> Result<Track, WireError> {
        let mm = |field, value: i64| Ok(in_range(field, value as f64, -MAX_OFFSET_MM, MAX_OFFSET_MM)? / 1e3);
        let mmps = |field, value: i32| Ok(in_range(field, value.into(), -MAX_SPEED_MMPS, MAX_SPEED_MMPS)? / 1e3);
        let e4 = |field, value: u32| Ok(in_range(field, value.into(), 0.0, 1e4)? / 1e4);
        let valid_at = moved(state_at, self.valid_at_us, 1000);
        let extent_m = match (self.length_cm, self.width_cm) {
            (Some(length), Some(width)) => Some((
                in_range("Track.length_cm", length.into(), 0.0, 10_000.0)? / 1e2,
                in_range("Track.width_cm", width.into(), 0.0, 10_000.0)? / 1e2,
            )),
            (None, None) => None,
            _ => {
                let reason = "length and width go together".to_owned();
                return Err(WireError::Contradiction { field: "Track.length_cm", reason });
            }
        };
        let mut class = [0.0; 3];
        for (probability, value) in class.iter_mut().zip(self.class_e4) {
            *probability = e4("Track.class_e4", value)?;
        }
        let heading = match self.heading_mrad {
            Some(mrad) => Some(Heading::from_rad(in_range("Track.heading_mrad", mrad.into(), 0.0, 6283.0)? / 1e3)),
            None => None,
        };
        let sources = self.sources;
        in_range("Track.sources", sources.into(), 0.0, 7.0)?;
        Ok(Track {
            id: TrackId(self.id),
            island: IslandId(self.island),
            valid_at,
            measured_at: moved(valid_at, self.measured_before_us.saturating_neg(), 1000),
            since: match self.since_unix_ns {
                Some(ns) => Utc::from_unix_ns(ns),
                None => moved(state_at, self.age_ns.saturating_neg(), 1),
            },
            position: Point::new(mm("Track.east_mm", self.east_mm)?, mm("Track.north_mm", self.north_mm)?),
            velocity: Vector::new(mmps("Track.east_mmps", self.east_mmps)?, mmps("Track.north_mmps", self.north_mmps)?),
            covariance: covariance_of(&self.covariance)?,
            existence: e4("Track.existence_e4", self.existence_e4)?,
            class: ClassBelief::from_weights(class),
            extent_m,
            heading,
            vehicle: self.vehicle.map(VehicleId),
            sources: Sources { radar: sources & 1 != 0, camera: sources & 2 != 0, v2x: sources & 4 != 0 },
        })
    }
}

/// `from` moved by `n` units of `unit_ns`.
fn moved(from: Utc, n: i64, unit_ns: u64) -> Utc {
    let by = Duration::from_nanos(n.unsigned_abs().saturating_mul(unit_ns));
    if n < 0 { from - by } else { from + by }
}

fn covariance_of(upper: &[f32; 10]) -> Result<Matrix4<f64>, WireError> {
    let mut covariance = Matrix4::zeros();
    let mut values = upper.iter().map(|value| f64::from(*value));
    for row in 0..4 {
        for column in row..4 {
            let least = if row == column { 0.0 } else { -1e12 };
            let value = in_range("Track.covariance", values.next().unwrap_or(f64::NAN), least, 1e12)?;
            covariance[(row, column)] = value;
            covariance[(column, row)] = value;
        }
    }
    Ok(covariance)
}

/// 8 bytes, or none.
pub(crate) fn vehicle_from_wire(field: &'static str, id: &[u8]) -> Result<Option<VehicleId>, WireError> {
    if id.is_empty() {
        return Ok(None);
    }
    let id = <[u8; 8]>::try_from(id).map_err(|_| WireError::Length { field, len: id.len(), min: 8, max: 8 })?;
    Ok(Some(VehicleId(id)))
}
