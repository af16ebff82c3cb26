//! Road users in a neighbour's words.

use super::{bounded, name, numbers};
use crate::error::BlackBoxError;
use jxz_geo::{Point, Vector};
use jxz_units::{Heading, Utc};
use jxz_wire::journal::v1 as wire;
use jxz_world::{ClassBelief, IslandId, NeighbourTracks, SiteId, Sources, Track, TrackId, VehicleId};
use nalgebra::Matrix4;

pub(crate) fn neighbour_to_wire(word: &NeighbourTracks) -> wire::NeighbourTracks {
    wire::NeighbourTracks {
        site: word.site.0.clone(),
        boot: word.boot,
        sequence: word.sequence,
        valid_at_ns: word.valid_at.unix_ns(),
        tracks: word.tracks.iter().map(track_to_wire).collect(),
    }
}

pub(super) fn neighbour_from_wire(word: wire::NeighbourTracks) -> Result<NeighbourTracks, BlackBoxError> {
    bounded("NeighbourTracks.tracks", word.tracks.len())?;
    Ok(NeighbourTracks {
        site: SiteId(name("NeighbourTracks.site", word.site)?),
        boot: word.boot,
        sequence: word.sequence,
        valid_at: Utc::from_unix_ns(word.valid_at_ns),
        tracks: word.tracks.iter().map(track_from_wire).collect::<Result<_, _>>()?,
    })
}

pub(super) fn track_to_wire(track: &Track) -> wire::Track {
    let (at, velocity) = (track.position, track.velocity);
    let [motor, non_motor, pedestrian] = track.class.probabilities();
    let Sources { radar, camera, v2x } = track.sources;
    wire::Track {
        id: track.id.0,
        island: track.island.0,
        valid_at_ns: track.valid_at.unix_ns(),
        measured_at_ns: track.measured_at.unix_ns(),
        since_ns: track.since.unix_ns(),
        state: vec![at.x, at.y, velocity.x, velocity.y, track.existence, motor, non_motor, pedestrian],
        covariance: track.covariance.as_slice().to_vec(),
        extent_m: track.extent_m.map_or(Vec::new(), |(length_m, width_m)| vec![length_m, width_m]),
        heading_rad: track.heading.map(Heading::rad),
        vehicle: track.vehicle.map_or(Vec::new(), |vehicle| vehicle.0.to_vec()),
        sources: u32::from(radar) | u32::from(camera) << 1 | u32::from(v2x) << 2,
    }
}

pub(super) fn track_from_wire(track: &wire::Track) -> Result<Track, BlackBoxError> {
    let [east_m, north_m, east_mps, north_mps, existence, classes @ ..]: [f64; 8] =
        numbers("Track.state", &track.state)?;
    let covariance: [f64; 16] = numbers("Track.covariance", &track.covariance)?;
    let class = ClassBelief::from_probabilities(classes)
        .ok_or_else(|| BlackBoxError::value("Track.state", classes, "probabilities of the classes"))?;
    let vehicle = match track.vehicle.as_slice() {
        [] => None,
        bytes => Some(VehicleId(
            bytes.try_into().map_err(|_| BlackBoxError::value("Track.vehicle", bytes.len(), "8 bytes or none"))?,
        )),
    };
    let extent_m = match track.extent_m[..] {
        [] => None,
        [length_m, width_m] => Some((length_m, width_m)),
        _ => return Err(BlackBoxError::value("Track.extent_m", track.extent_m.len(), "two numbers or none")),
    };
    let bit = |bit: u32| track.sources >> bit & 1 == 1;
    Ok(Track {
        id: TrackId(track.id),
        island: IslandId(track.island),
        valid_at: Utc::from_unix_ns(track.valid_at_ns),
        measured_at: Utc::from_unix_ns(track.measured_at_ns),
        since: Utc::from_unix_ns(track.since_ns),
        position: Point::new(east_m, north_m),
        velocity: Vector::new(east_mps, north_mps),
        covariance: Matrix4::from_column_slice(&covariance),
        existence,
        class,
        extent_m,
        heading: track.heading_rad.map(Heading::from_rad),
        vehicle,
        sources: Sources { radar: bit(0), camera: bit(1), v2x: bit(2) },
    })
}
