//! Warnings within records.

use crate::WireError;
use crate::error::{finite, in_range, length, required};
use crate::node::v1 as wire;
use crate::track::vehicle_from_wire;
use jxz_geo::{Point, Polyline};
use jxz_units::Utc;
use jxz_world::{
    Application, Cause, Concerned, Level, Place, PredictedPath, RoadHazard, TrackId, Warning, WarningId, WarningStage,
};

/// The most points of a warning's path, and the most road users in either of its lists.
const MAX_LIST: usize = 4096;
/// The most predicted paths of a warning, and the most points of one.
const MAX_PATHS: usize = 16;
const MAX_PATH_POINTS: usize = 64;
/// No point of a map is farther from its origin than this, centimetres.
const MOST_CM: i64 = 10_000_000_000;

/// A warning as it travels.
#[must_use]
pub fn to_wire(warning: &Warning) -> wire::Warning {
    wire::Warning {
        id: warning.id.0,
        revision: warning.revision,
        application: application_to_wire(warning.application).into(),
        level: level_to_wire(warning.level).into(),
        stage: stage_to_wire(warning.stage).into(),
        cause: Some(cause_to_wire(&warning.cause)),
        about: warning.about.iter().map(|track| track.0).collect(),
        concerned: warning.concerned.iter().map(concerned_to_wire).collect(),
        place: Some(place_to_wire(&warning.place)),
        paths: warning.paths.iter().map(path_to_wire).collect(),
        since_unix_ns: warning.since.unix_ns(),
        sensed_at_unix_ns: warning.sensed_at.unix_ns(),
        valid_until_unix_ns: warning.valid_until.unix_ns(),
        confidence: warning.confidence,
    }
}

/// An application's number on the wire: a value of `jxz.node.v1.Application`.
#[must_use]
pub fn application_number(application: Application) -> i32 {
    application_to_wire(application).into()
}

/// A warning that has come.
///
/// # Errors
/// It holds what cannot be.
pub fn from_wire(warning: wire::Warning) -> Result<Warning, WireError> {
    length("Warning.about", warning.about.len(), 0, MAX_LIST)?;
    length("Warning.concerned", warning.concerned.len(), 0, MAX_LIST)?;
    length("Warning.paths", warning.paths.len(), 0, MAX_PATHS)?;
    Ok(Warning {
        id: WarningId(warning.id),
        revision: warning.revision,
        application: application_from_wire(warning.application)?,
        level: level_from_wire(warning.level)?,
        stage: stage_from_wire(warning.stage)?,
        cause: cause_from_wire(required("Warning.cause", warning.cause)?)?,
        about: warning.about.into_iter().map(TrackId).collect(),
        concerned: warning.concerned.iter().map(concerned_from_wire).collect::<Result<_, _>>()?,
        place: place_from_wire(&required("Warning.place", warning.place)?)?,
        paths: warning.paths.iter().map(path_from_wire).collect::<Result<_, _>>()?,
        since: Utc::from_unix_ns(warning.since_unix_ns),
        sensed_at: Utc::from_unix_ns(warning.sensed_at_unix_ns),
        valid_until: Utc::from_unix_ns(warning.valid_until_unix_ns),
        confidence: in_range("Warning.confidence", warning.confidence, 0.0, 1.0)?,
    })
}

const fn application_to_wire(application: Application) -> wire::Application {
    match application {
        Application::Fcw => wire::Application::Fcw,
        Application::Icw => wire::Application::Icw,
        Application::Lta => wire::Application::Lta,
        Application::Bsw => wire::Application::Bsw,
        Application::Dnpw => wire::Application::Dnpw,
        Application::Ebw => wire::Application::Ebw,
        Application::Avw => wire::Application::Avw,
        Application::Clw => wire::Application::Clw,
        Application::Vrucw => wire::Application::Vrucw,
        Application::Slw => wire::Application::Slw,
        Application::LeadSpeed => wire::Application::LeadSpeed,
        Application::Hlw => wire::Application::Hlw,
        Application::Tjw => wire::Application::Tjw,
        Application::WrongWay => wire::Application::WrongWay,
        Application::RoadWorks => wire::Application::RoadWorks,
        Application::Ivs => wire::Application::Ivs,
        Application::Svw => wire::Application::Svw,
        Application::Glosa => wire::Application::Glosa,
        Application::Evw => wire::Application::Evw,
        Application::Guidance => wire::Application::Guidance,
    }
}

fn application_from_wire(number: i32) -> Result<Application, WireError> {
    let named = wire::Application::try_from(number).ok();
    Application::ALL
        .into_iter()
        .find(|application| Some(application_to_wire(*application)) == named)
        .ok_or_else(|| WireError::Meaningless { field: "Warning.application", value: number.to_string() })
}

const fn level_to_wire(level: Level) -> wire::Level {
    match level {
        Level::Advice => wire::Level::Advice,
        Level::Warning => wire::Level::Warning,
        Level::Urgent => wire::Level::Urgent,
    }
}

fn level_from_wire(number: i32) -> Result<Level, WireError> {
    let named = wire::Level::try_from(number).ok();
    Level::ALL
        .into_iter()
        .find(|level| Some(level_to_wire(*level)) == named)
        .ok_or_else(|| WireError::Meaningless { field: "Warning.level", value: number.to_string() })
}

const fn hazard_to_wire(hazard: RoadHazard) -> wire::RoadHazard {
    match hazard {
        RoadHazard::Object => wire::RoadHazard::Object,
        RoadHazard::Water => wire::RoadHazard::Water,
        RoadHazard::Ice => wire::RoadHazard::Ice,
        RoadHazard::Fog => wire::RoadHazard::Fog,
        RoadHazard::Crash => wire::RoadHazard::Crash,
        RoadHazard::Works => wire::RoadHazard::Works,
    }
}

fn hazard_from_wire(number: i32) -> Result<RoadHazard, WireError> {
    let named = wire::RoadHazard::try_from(number).ok();
    RoadHazard::ALL
        .into_iter()
        .find(|hazard| Some(hazard_to_wire(*hazard)) == named)
        .ok_or_else(|| WireError::Meaningless { field: "Hazard.hazard", value: number.to_string() })
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
        Cause::Braking { gap_m, braking_mps2 } => Wire::Braking(wire::Braking { gap_m, braking_mps2 }),
        Cause::SlowVehicle { speed_mps, usual_mps } => Wire::SlowVehicle(wire::SlowVehicle { speed_mps, usual_mps }),
        Cause::ControlLoss { speed_mps, distance_m } => Wire::ControlLoss(wire::ControlLoss { speed_mps, distance_m }),
        Cause::Beside { gap_m, closing_mps } => Wire::Beside(wire::Beside { gap_m, closing_mps }),
        Cause::WrongWay { speed_mps } => Wire::WrongWay(wire::WrongWay { speed_mps }),
        Cause::Hazard { hazard, safe_mps } => {
            Wire::Hazard(wire::Hazard { hazard: hazard_to_wire(hazard).into(), safe_mps })
        }
        Cause::Sign { code, value } => Wire::Sign(wire::Sign { code: code.into(), value }),
        Cause::RedLight { stop_m, needs_mps2 } => Wire::RedLight(wire::RedLight { stop_m, needs_mps2 }),
        Cause::GreenSpeed { stop_m, advised_mps, green_in_s } => {
            Wire::GreenSpeed(wire::GreenSpeed { stop_m, advised_mps, green_in_s })
        }
        Cause::Emergency { distance_m, arrives_s } => Wire::Emergency(wire::Emergency { distance_m, arrives_s }),
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
        Wire::Braking(c) => Cause::Braking {
            gap_m: finite("Braking.gap_m", c.gap_m)?,
            braking_mps2: finite("Braking.braking_mps2", c.braking_mps2)?,
        },
        Wire::SlowVehicle(c) => Cause::SlowVehicle {
            speed_mps: finite("SlowVehicle.speed_mps", c.speed_mps)?,
            usual_mps: finite("SlowVehicle.usual_mps", c.usual_mps)?,
        },
        Wire::ControlLoss(c) => Cause::ControlLoss {
            speed_mps: finite("ControlLoss.speed_mps", c.speed_mps)?,
            distance_m: finite("ControlLoss.distance_m", c.distance_m)?,
        },
        Wire::Beside(c) => Cause::Beside {
            gap_m: finite("Beside.gap_m", c.gap_m)?,
            closing_mps: finite("Beside.closing_mps", c.closing_mps)?,
        },
        Wire::WrongWay(c) => Cause::WrongWay { speed_mps: finite("WrongWay.speed_mps", c.speed_mps)? },
        Wire::Hazard(c) => {
            Cause::Hazard { hazard: hazard_from_wire(c.hazard)?, safe_mps: finite("Hazard.safe_mps", c.safe_mps)? }
        }
        Wire::Sign(c) => Cause::Sign {
            code: u16::try_from(c.code)
                .map_err(|_| WireError::Meaningless { field: "Sign.code", value: c.code.to_string() })?,
            value: finite("Sign.value", c.value)?,
        },
        Wire::RedLight(c) => Cause::RedLight {
            stop_m: finite("RedLight.stop_m", c.stop_m)?,
            needs_mps2: finite("RedLight.needs_mps2", c.needs_mps2)?,
        },
        Wire::GreenSpeed(c) => Cause::GreenSpeed {
            stop_m: finite("GreenSpeed.stop_m", c.stop_m)?,
            advised_mps: finite("GreenSpeed.advised_mps", c.advised_mps)?,
            green_in_s: finite("GreenSpeed.green_in_s", c.green_in_s)?,
        },
        Wire::Emergency(c) => Cause::Emergency {
            distance_m: finite("Emergency.distance_m", c.distance_m)?,
            arrives_s: finite("Emergency.arrives_s", c.arrives_s)?,
        },
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

fn path_to_wire(path: &PredictedPath) -> wire::PredictedPath {
    let steps = |axis: fn(&Point) -> f64| {
        let mut last = 0;
        let step = move |point| {
            let cm = (axis(point) * 100.0).round() as i64;
            cm - core::mem::replace(&mut last, cm)
        };
        path.points.iter().map(step).collect()
    };
    wire::PredictedPath { track: path.track.0, east_cm: steps(|p| p.x), north_cm: steps(|p| p.y) }
}

fn path_from_wire(path: &wire::PredictedPath) -> Result<PredictedPath, WireError> {
    let len = length("PredictedPath.east_cm", path.east_cm.len(), 0, MAX_PATH_POINTS)?;
    length("PredictedPath.north_cm", path.north_cm.len(), len, len)?;
    let (mut east_cm, mut north_cm) = (0_i64, 0_i64);
    let steps = path.east_cm.iter().zip(&path.north_cm);
    let points = steps.map(|(east, north)| {
        east_cm = east_cm.saturating_add(*east);
        north_cm = north_cm.saturating_add(*north);
        let far = |cm: i64| cm.checked_abs().is_none_or(|cm| cm > MOST_CM);
        if far(east_cm) || far(north_cm) {
            return Err(WireError::Meaningless { field: "PredictedPath", value: format!("{east_cm}, {north_cm} cm") });
        }
        Ok(Point::new(east_cm as f64 / 100.0, north_cm as f64 / 100.0))
    });
    Ok(PredictedPath { track: TrackId(path.track), points: points.collect::<Result<_, _>>()? })
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
