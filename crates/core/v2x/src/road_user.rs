//! Road users as a roadside unit tells them.

use crate::asn::{MotionConfidenceSet, ParticipantData, ParticipantType, SourceType};
use crate::error::EncodeError;
use crate::number::NumberTable;
use crate::place::Anchor;
use crate::time::sec_mark;
use crate::{bsm, details, scale};
use jxz_units::Utc;
use jxz_world::{RoadUserClass, Track, TrackId, VehicleReport};

/// A class is said when it is more likely than all others together.
const CLASS_SURE: f64 = 0.5;
/// A `secMark` tells times apart only within half a minute.
const OLDEST_S: f64 = 29.0;

/// A road user to be told of.
#[derive(Debug, Clone, Copy)]
pub struct RoadUser<'a> {
    /// What the sensors, and its own messages, say of it.
    pub track: &'a Track,
    /// Its own last message. Told are its gear, acceleration and class, as long as such messages feed the track.
    pub own: Option<&'a VehicleReport>,
}

impl<'a> From<&'a Track> for RoadUser<'a> {
    fn from(track: &'a Track) -> Self {
        Self { track, own: None }
    }
}

impl RoadUser<'_> {
    /// The class that the track is sure of, and how sure.
    pub(crate) fn sure_class(&self) -> Option<(RoadUserClass, f64)> {
        Some(self.track.class.best()).filter(|(_, p)| *p > CLASS_SURE)
    }

    /// Its own last message, if it is that of the vehicle whose messages feed the track now.
    pub(crate) fn own(&self) -> Option<&VehicleReport> {
        self.own.filter(|own| self.track.sources.v2x && self.track.vehicle == Some(own.vehicle))
    }

    /// As the set has it, under the number that the table gives the track.
    pub(crate) fn participant(
        &self,
        now: Utc,
        here: &Anchor,
        numbers: &mut NumberTable<TrackId>,
    ) -> Result<ParticipantData, EncodeError> {
        let track = self.track;
        let age_s = now.seconds_since(track.valid_at);
        if age_s.abs() > OLDEST_S {
            return Err(EncodeError::Value { field: "track_age_s", value: age_s, low: -OLDEST_S, high: OLDEST_S });
        }
        let pos = here.offset("track_position_deg", track.position)?;
        let sigma_m =
            scale::finite("track_covariance_m2", track.covariance.trace()).map(|_| track.position_sigma_m())?;
        let speaks = track.vehicle.filter(|_| track.sources.v2x);
        let own = self.own();
        let heading = track.heading.or_else(|| track.course().map(jxz_units::Yaw::to_heading));
        let speed = scale::speed_to_wire("track_speed_mps", Some(track.speed_mps()))?;
        let heading = scale::heading_to_wire(heading)?;
        let size = scale::size_to_wire(track.extent_m)?;
        let pos_confidence = scale::position_confidence(Some(sigma_m))?;
        let acceleration = own.and_then(|own| own.acceleration_mps2);
        let accel_set = acceleration.map(|value| bsm::acceleration_set(Some(value))).transpose()?;
        // Last, so that a refused track takes no number from another.
        let ptc_id =
            numbers.number(track.id).ok_or(EncodeError::Count { field: "tracks", count: 256, low: 0, high: 255 })?;
        Ok(ParticipantData {
            ptc_type: match self.sure_class() {
                Some((RoadUserClass::Motor, _)) => ParticipantType::Motor,
                Some((RoadUserClass::NonMotor, _)) => ParticipantType::NonMotor,
                Some((RoadUserClass::Pedestrian, _)) => ParticipantType::Pedestrian,
                None => ParticipantType::Unknown,
            },
            ptc_id: ptc_id.into(),
            source: source_to_wire(track, speaks.is_some()),
            id: speaks.map(|vehicle| vehicle.0),
            sec_mark: sec_mark(track.valid_at),
            pos,
            pos_confidence,
            transmission: own.and_then(|own| own.details.gear).map(|gear| details::gear_to_wire(Some(gear))),
            speed,
            heading,
            angle: None,
            motion_cfd: motion_confidence(track),
            accel_set,
            size,
            vehicle_class: own
                .and_then(|own| own.details.vehicle_class)
                .map(|class| details::class_to_wire(Some(class))),
        })
    }
}

fn source_to_wire(track: &Track, own: bool) -> SourceType {
    match (own, track.sources.radar, track.sources.camera) {
        (true, _, _) => SourceType::V2x,
        (false, true, true) => SourceType::Integrated,
        (false, true, false) => SourceType::MicrowaveRadar,
        (false, false, true) => SourceType::Video,
        (false, false, false) => SourceType::Unknown,
    }
}

/// Errors along and across the velocity, from the covariance; nothing while standing, where they mean nothing.
fn motion_confidence(track: &Track) -> Option<MotionConfidenceSet> {
    let speed_mps = track.speed_mps();
    track.course()?;
    let along = track.velocity / speed_mps;
    let across = jxz_geo::Vector::new(-along.y, along.x);
    let velocity_covariance = track.covariance.fixed_view::<2, 2>(2, 2).into_owned();
    let sigma = |direction: jxz_geo::Vector| (direction.dot(&(velocity_covariance * direction))).max(0.0).sqrt();
    Some(MotionConfidenceSet {
        speed_cfd: scale::speed_confidence(sigma(along)),
        heading_cfd: scale::heading_confidence(sigma(across) / speed_mps),
        steer_cfd: None,
    })
}
