//! What really is on the road.

use crate::traffic::RoadUserKind;
use jxz_geo::{Point, Vector};
use jxz_units::Yaw;
use jxz_world::{RoadUserClass, VehicleId};

/// A road user as it really is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TruthObject {
    /// Its number, never used again.
    pub id: u64,
    /// What it is.
    pub kind: RoadUserKind,
    /// Its class in the message set.
    pub class: RoadUserClass,
    /// Centre of its outline, local frame, metres.
    pub position: Point,
    /// Velocity over ground, metres per second.
    pub velocity: Vector,
    /// Where it points.
    pub yaw: Yaw,
    /// Length and width, metres.
    pub extent_m: (f64, f64),
    /// Height, metres.
    pub height_m: f64,
    /// Acceleration along its yaw, m/s².
    pub acceleration_mps2: f64,
    /// Its on-board unit's temporary id, if it has one.
    pub vehicle: Option<VehicleId>,
    /// Whether it acts in a scripted incident now (so that it may break rules).
    pub scripted: bool,
}
