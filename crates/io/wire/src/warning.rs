//! Warnings within records.

use crate::WireError;
use crate::error::{finite, in_range, length, required};
use crate::node::v1 as wire;
use crate::track::vehicle_from_wire;
use jxz_geo::{Point, Polyline};
use jxz_units::Utc;
use jxz_world::{Cause, Concerned, Place, TrackId, Warning, WarningId, WarningKind, WarningStage};

/// The most points of a warning's path, and the most road users in either of its lists.
const MAX_LIST: usize = 4096;

pub(crate) fn to_wire(warning: &Warning) -> wire::Warning {
    wire::Warning {
        id: warning.id.0,
        revision: warning.revision,
        kind: kind_to_wire(warning.kind).into(),
        stage: stage_to_wire(warning.stage).into(),
        cause: Some(cause_to_wire(&warning.cause)),
        about: warning.about.iter().map(|track| track.0).collect(),
        concerned: warning.concerned.iter().map(concerned_to_wire).collect(),
        place: Some(place_to_wire(&warning.place)),
        since_unix_ns: warning.since.unix_ns(),
        sensed_at_unix_ns: warning.sensed_at.unix_ns(),
        valid_until_unix_ns: warning.valid_until.unix_ns(),
        confidence: warning.confidence,
    }
}

pub(crate) fn from_wire(warning: wire::Warning) -> Result<Warning, WireError> {
    length("Warning.about", warning.about.len(), 0, MAX_LIST)?;
    length("Warning.concerned", warning.concerned.len(), 0, MAX_LIST)?;
    Ok(Warning {
        id: WarningId(warning.id),
        revision: warning.revision,
        kind: kind_from_wire(warning.kind)?,
        stage: stage_from_wire(warning.stage)?,
        cause: cause_from_wire(required("Warning.cause", warning.cause)?)?,
        about: warning.about.into_iter().map(TrackId).collect(),
        concerned: warning.concerned.iter().map(concerned_from_wire).collect::<Result<_, _>>()?,
        place: place_from_wire(&required("Warning.place", warning.place)?)?,
        since: Utc::from_unix_ns(warning.since_unix_ns),
        sensed_at: Utc::from_unix_ns(warning.sensed_at_unix_ns),
        valid_until: Utc::from_unix_ns(warning.valid_until_unix_ns),
        confidence: in_range("Warning.confidence", warning.confidence, 0.0, 1.0)?,
    })
}

const fn kind_to_wire(kind: WarningKind) -> wire::WarningKind {
    match kind {
        WarningKind::Collision => wire::WarningKind::Collision,
        WarningKind::Pedestrian => wire::WarningKind::Pedestrian,
        WarningKind::SpeedLimit => wire::WarningKind::SpeedLimit,
        WarningKind::VehicleAhead => wire::WarningKind::VehicleAhead,
        WarningKind::RoadCondition => wire::WarningKind::RoadCondition,
        WarningKind::Guidance => wire::WarningKind::Guidance,
    }
}

fn kind_from_wire(kind: i32) -> Result<WarningKind, WireError> {
    match wire::WarningKind::try_from(kind) {
        Ok(wire::WarningKind::Collision) => Ok(WarningKind::Collision),
        Ok(wire::WarningKind::Pedestrian) => Ok(WarningKind::Pedestrian),
        Ok(wire::WarningKind::SpeedLimit) => Ok(WarningKind::SpeedLimit),
        Ok(wire::WarningKind::VehicleAhead) => Ok(WarningKind::VehicleAhead),
        Ok(wire::WarningKind::RoadCondition) => Ok(WarningKind::RoadCondition),
        Ok(wire::WarningKind::Guidance) => Ok(WarningKind::Guidance),
        Ok(wire::WarningKind::Unspecified) | Err(_) => {
            Err(WireError::Meaningless { field: "Warning.kind", value: kind.to_string() })
        }
    }
}

const fn stage_to_wire(stage: WarningStage) -> wire::WarningStage {
    match stage {
        WarningStage::Raised => wire::WarningStage::Raised,
        WarningStage::Held => wire::WarningStage::Held,
        WarningStage::Cancelled => wire::WarningStage::Cancelled,
    }
}

fn stage_from_wire(stage: i32) -> Result<WarningStage, WireError> {
    match wire::WarningStage::try_from(stage) {
        Ok(wire::WarningStage::Raised) => Ok(WarningStage::Raised),
        Ok(wire::WarningStage::Held) => Ok(WarningStage::Held),
        Ok(wire::WarningStage::Cancelled) => Ok(WarningStage::Cancelled),
        Ok(wire::WarningStage::Unspecified) | Err(_) => {
            Err(WireError::Meaningless { field: "Warning.stage", value: stage.to_string() })
        }
    }
}

fn cause_to_wire(cause: &Cause) -> wire::warning::Cause {
    use wire::warning::Cause as Wire;
    match *cause {
        Cause::Conflict { time_to_conflict_s, post_encroachment_s, closest_m } => {
            Wire::Conflict(wire::Conflict { time_to_conflict_s, post_encroachment_s, closest_m })
        }
        Cause::Overspeed { speed_mps, limit_mps } => Wire::Overspeed(wire::Overspeed { speed_mps, limit_mps }),
        Cause::Closing { gap_m, ahead_mps, closing_mps } => {
            Wire::Closing(wire::Closing { gap_m, ahead_mps, closing_mps })
        }
        Cause::Congestion { mean_mps, vehicles } => Wire::Congestion(wire::Congestion { mean_mps, vehicles }),
        Cause::StoppedVehicle { standing_s } => Wire::StoppedVehicle(wire::StoppedVehicle { standing_s }),
        Cause::Detour { congested_s, detour_s } => Wire::Detour(wire::Detour { congested_s, detour_s }),
    }
}

fn cause_from_wire(cause: wire::warning::Cause) -> Result<Cause, WireError> {
    use wire::warning::Cause as Wire;
    Ok(match cause {
        Wire::Conflict(c) => Cause::Conflict {
            time_to_conflict_s: finite("Conflict.time_to_conflict_s", c.time_to_conflict_s)?,
            post_encroachment_s: finite("Conflict.post_encroachment_s", c.post_encroachment_s)?,
            closest_m: finite("Conflict.closest_m", c.closest_m)?,
        },
        Wire::Overspeed(c) => Cause::Overspeed {
            speed_mps: finite("Overspeed.speed_mps", c.speed_mps)?,
            limit_mps: finite("Overspeed.limit_mps", c.limit_mps)?,
        },
        Wire::Closing(c) => Cause::Closing {
            gap_m: finite("Closing.gap_m", c.gap_m)?,
            ahead_mps: finite("Closing.ahead_mps", c.ahead_mps)?,
            closing_mps: finite("Closing.closing_mps", c.closing_mps)?,
        },
        Wire::Congestion(c) => {
            Cause::Congestion { mean_mps: finite("Congestion.mean_mps", c.mean_mps)?, vehicles: c.vehicles }
        }
        Wire::StoppedVehicle(c) => {
            Cause::StoppedVehicle { standing_s: finite("StoppedVehicle.standing_s", c.standing_s)? }
        }
        Wire::Detour(c) => Cause::Detour {
            congested_s: finite("Detour.congested_s", c.congested_s)?,
            detour_s: finite("Detour.detour_s", c.detour_s)?,
        },
    })
}

fn concerned_to_wire(concerned: &Concerned) -> wire::Concerned {
    wire::Concerned { track: concerned.track.0, vehicle: concerned.vehicle.map(|id| id.0.to_vec()).unwrap_or_default() }
}

fn concerned_from_wire(concerned: &wire::Concerned) -> Result<Concerned, WireError> {
    let vehicle = vehicle_from_wire("Concerned.vehicle", &concerned.vehicle)?;
    Ok(Concerned { track: TrackId(concerned.track), vehicle })
}

fn place_to_wire(place: &Place) -> wire::Place {
    wire::Place {
        east_m: place.at.x,
        north_m: place.at.y,
        path_east_m: place.path.points().iter().map(|p| p.x).collect(),
        path_north_m: place.path.points().iter().map(|p| p.y).collect(),
        radius_m: place.radius_m,
    }
}

fn place_from_wire(place: &wire::Place) -> Result<Place, WireError> {
    let len = length("Place.path_east_m", place.path_east_m.len(), 2, MAX_LIST)?;
    length("Place.path_north_m", place.path_north_m.len(), len, len)?;
    let points = place.path_east_m.iter().zip(&place.path_north_m).map(|(x, y)| Point::new(*x, *y)).collect();
    let path = Polyline::new(points)
        .map_err(|error| WireError::Contradiction { field: "Place.path_east_m", reason: error.to_string() })?;
    let at = Point::new(finite("Place.east_m", place.east_m)?, finite("Place.north_m", place.north_m)?);
    Ok(Place { at, path, radius_m: in_range("Place.radius_m", place.radius_m, 0.0, 1e6)? })
}
