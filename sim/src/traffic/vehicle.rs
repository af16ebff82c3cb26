//! A car, bus, truck or cycle on its lanes.

use super::roads::{LORRY_M, Place, RoadNet};
use super::script::Script;
use crate::rng::{Stream, uniform};
use crate::scenario::DriverPlan;
use crate::truth::TruthObject;
use jxz_geo::{Point, Vector};
use jxz_map::{LaneIx, LaneKind};
use jxz_units::Yaw;
use jxz_world::{RoadUserClass, VehicleId};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// What a simulated road user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoadUserKind {
    /// A passenger car.
    Car,
    /// A bus of a line.
    Bus,
    /// A lorry.
    Truck,
    /// A bicycle with its rider.
    Cyclist,
    /// An e-bike with its rider.
    EBike,
    /// Someone on foot.
    Pedestrian,
}

impl RoadUserKind {
    /// The class that the message set tells apart.
    #[must_use]
    pub const fn class(self) -> RoadUserClass {
        match self {
            Self::Car | Self::Bus | Self::Truck => RoadUserClass::Motor,
            Self::Cyclist | Self::EBike => RoadUserClass::NonMotor,
            Self::Pedestrian => RoadUserClass::Pedestrian,
        }
    }

    /// Typical length, width and height, metres.
    #[must_use]
    pub const fn size_m(self) -> (f64, f64, f64) {
        match self {
            Self::Car => (4.6, 1.85, 1.5),
            Self::Bus => (11.5, 2.5, 3.1),
            Self::Truck => (7.8, 2.4, 3.0),
            Self::Cyclist | Self::EBike => (1.8, 0.7, 1.7),
            Self::Pedestrian => (0.5, 0.5, 1.7),
        }
    }
}

/// How someone drives (the parameters of the intelligent driver model and a few more).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Driver {
    /// Desired speed as a multiple of the limit.
    pub(crate) eagerness: f64,
    /// Top speed, metres per second.
    pub(crate) top_mps: f64,
    /// Greatest acceleration, m/s².
    pub(crate) accelerate_mps2: f64,
    /// Comfortable deceleration, m/s².
    pub(crate) brake_mps2: f64,
    /// Time headway, seconds.
    pub(crate) headway_s: f64,
    /// Gap when standing, metres.
    pub(crate) standstill_m: f64,
    /// From the way's being free to driving off after a stand, seconds.
    pub(crate) start_s: f32,
    /// How far the desired speed wanders about its mean, as a share of it; 0: not at all.
    pub(crate) wander: f32,
}

impl Driver {
    /// Someone at the wheel, or a machine: it does not wander, and is off at once.
    pub(crate) fn draw(kind: RoadUserKind, automated: bool, plan: &DriverPlan, stream: &mut Stream) -> Self {
        let mut draw = |(from, to): (f64, f64)| uniform(stream, from, to);
        let (top_mps, accelerate_mps2) = match kind {
            RoadUserKind::Cyclist => (draw((3.8, 6.0)), 1.0),
            RoadUserKind::EBike => (draw((5.5, 8.5)), 1.3),
            RoadUserKind::Bus => (16.0, draw((0.9, 1.2))),
            RoadUserKind::Truck => (18.0, draw((0.8, 1.1))),
            RoadUserKind::Car | RoadUserKind::Pedestrian => (35.0, draw(plan.accelerate_mps2)),
        };
        let rides = matches!(kind, RoadUserKind::Cyclist | RoadUserKind::EBike);
        let human = Self {
            eagerness: draw(plan.speed_factor),
            top_mps,
            accelerate_mps2,
            brake_mps2: draw(plan.brake_mps2),
            headway_s: draw(plan.headway_s),
            standstill_m: if rides { 0.8 } else { draw(plan.standstill_m) },
            start_s: draw(plan.start_s) as f32,
            wander: draw(plan.wander) as f32,
        };
        if automated {
            Self { eagerness: 0.98, headway_s: 1.0, standstill_m: 2.0, start_s: 0.0, wander: 0.0, ..human }
        } else {
            human
        }
    }
}

/// Who moves aside faster than this does not steer there, metres per second.
const SLIDES_MPS: f64 = 2.0;
/// Its middle so far aside of its lane's, metres, a vehicle is on the lane beside as well.
const SLID_M: f64 = 1.2;

/// Leave to pass a junction on a connector; lower numbers go first where paths meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) number: u64,
    pub(crate) connector: LaneIx,
    /// Given on yellow: it is not taken back.
    pub(crate) firm: bool,
}

/// A bus's line and where it is on it.
#[derive(Debug, Clone)]
pub(crate) struct Duty {
    /// Index into the service's lines.
    pub(crate) line: usize,
    /// Index of the next stop on the line.
    pub(crate) next: usize,
    /// Until when it stands at the stop, seconds from the start.
    pub(crate) dwell_until_s: Option<f64>,
}

/// The way on from the present link: a lane of it and the connector to take from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aim {
    pub(crate) lane: LaneIx,
    pub(crate) connector: Option<LaneIx>,
}

/// A driver's answer to a warning: a speed not to exceed, between two times in seconds from the start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wary {
    pub(crate) from_s: f64,
    pub(crate) until_s: f64,
    pub(crate) mps: f64,
    /// Whether it is about moving over: a driver who does gives it up.
    pub(crate) stays: bool,
}

/// A vehicle or cycle. Its fields stand in the order of use and are few: what a step over a whole town costs is what
/// it fetches from memory.
#[derive(Debug, Clone)]
#[repr(C)]
pub(crate) struct Vehicle {
    pub(crate) id: u64,
    /// Where its front is along the present lane, metres.
    pub(crate) s_m: f64,
    pub(crate) v_mps: f64,
    pub(crate) a_mps2: f64,
    pub(crate) length_m: f64,
    /// Offset from the present lane's centre line, metres, positive to the left; returns to zero after a lane change.
    pub(crate) lateral_m: f64,
    /// For how long it has stood, seconds.
    pub(crate) standing_s: f64,
    /// Place of the present lane in `path`.
    pub(crate) at: usize,
    /// Lanes driven lately, the present one at `at`, and those to come; each continues the one before.
    pub(crate) path: SmallVec<[LaneIx; 8]>,
    /// The lane that it is leaving sideways.
    pub(crate) leaving: Option<LaneIx>,
    pub(crate) kind: RoadUserKind,
    pub(crate) connected: bool,
    /// Whether it rides among the cars.
    pub(crate) mixed: bool,
    /// For how long the way has been free while it still stands, seconds.
    pub(crate) free_s: f32,
    /// The piece of the road that it was on after the last step.
    pub(crate) place: Place,
    pub(crate) driver: Driver,
    /// The lane on which it leaves the map; `None`: it drives about.
    pub(crate) goal: Option<LaneIx>,
    pub(crate) duty: Option<Box<Duty>>,
    /// What the driver does about a warning.
    pub(crate) wary: Option<Box<Wary>>,
    pub(crate) tickets: SmallVec<[Ticket; 1]>,
    pub(crate) aim: Option<Aim>,
    pub(crate) script: Option<Script>,
    /// Apart, since it is long and seldom drawn from.
    pub(crate) stream: Box<Stream>,
}

impl Vehicle {
    pub(crate) fn lane(&self) -> LaneIx {
        self.path[self.at]
    }

    /// The speed that a warned driver does not exceed now.
    pub(crate) fn wary_mps(&self, time_s: f64) -> Option<f64> {
        self.wary.as_deref().filter(|wary| time_s >= wary.from_s && time_s < wary.until_s).map(|wary| wary.mps)
    }

    /// Whether a warned driver gives up moving over now.
    pub(crate) fn stays(&self, time_s: f64) -> bool {
        self.wary.as_deref().is_some_and(|wary| wary.stays && time_s >= wary.from_s && time_s < wary.until_s)
    }

    /// Whether its driver was warned, and has had time to react.
    pub(crate) fn is_warned(&self, time_s: f64) -> bool {
        self.wary.as_deref().is_some_and(|wary| time_s >= wary.from_s)
    }

    /// The lane kind that it uses.
    pub(crate) fn lane_kind(&self) -> LaneKind {
        if self.rides() && !self.mixed { LaneKind::Cycle } else { LaneKind::Driving }
    }

    /// Whether it is a bicycle or an e-bike.
    pub(crate) const fn rides(&self) -> bool {
        matches!(self.kind, RoadUserKind::Cyclist | RoadUserKind::EBike)
    }

    /// Whether it is longer than a lorry, so that it cuts farther into the inside of a bend.
    pub(crate) fn is_long(&self) -> bool {
        self.length_m > LORRY_M
    }

    pub(crate) fn has_ticket(&self, connector: LaneIx) -> bool {
        self.tickets.iter().any(|ticket| ticket.connector == connector)
    }

    /// The point of its path `back_m` behind its front; beyond the lanes it remembers, straight back.
    fn point_behind(&self, net: &RoadNet, back_m: f64) -> Point {
        let (mut at, mut s_m) = (self.at, self.s_m - back_m);
        while s_m < 0.0 && at > 0 {
            at -= 1;
            s_m += net.length_m(self.path[at]);
        }
        net.point_at(self.path[at], s_m)
    }

    /// Centre of the outline, the unit vector that it points along, and its yaw.
    pub(crate) fn place(&self, net: &RoadNet) -> (Point, Vector, Yaw) {
        if let Some((front, along, yaw)) = net.straight_at(&self.place, self.lane(), self.s_m, self.s_m - self.length_m)
        {
            let left = Vector::new(-along.y, along.x);
            return (front - along * (self.length_m / 2.0) + left * self.lateral_m, along, yaw);
        }
        let (front, rear) = (self.point_behind(net, 0.0), self.point_behind(net, self.length_m));
        let along = (front - rear).try_normalize(1e-6).unwrap_or_else(|| Vector::new(1.0, 0.0));
        let left = Vector::new(-along.y, along.x);
        (rear + (front - rear) * 0.5 + left * self.lateral_m, along, Yaw::of_vector(along.x, along.y))
    }

    /// As it really is; with a unit, of an id that is not known here.
    pub(crate) fn observed(&self, net: &RoadNet) -> TruthObject {
        let (_, width_m, height_m) = self.kind.size_m();
        let (position, along, yaw) = self.place(net);
        TruthObject {
            id: self.id,
            kind: self.kind,
            class: self.kind.class(),
            position,
            velocity: self.velocity(along),
            yaw: Yaw::from_rad(yaw.rad() + self.turned_rad()),
            extent_m: (self.length_m, width_m),
            height_m,
            acceleration_mps2: self.a_mps2,
            vehicle: self.connected.then_some(VehicleId([0; 8])),
            scripted: self.script.is_some(),
        }
    }

    /// How far it is turned to the left of its lane, radians: who steers to the side turns, who slides does not.
    pub(crate) fn turned_rad(&self) -> f64 {
        if self.slides() { 0.0 } else { libm::atan2(super::lane_change::drift_mps(self), self.v_mps.max(1.0)) }
    }

    /// Whether it slides sideways: faster than anybody steers.
    pub(crate) fn slides(&self) -> bool {
        super::lane_change::drift_mps(self).abs() > SLIDES_MPS
    }

    /// Velocity of an outline that points along `along`, metres per second.
    pub(crate) fn velocity(&self, along: Vector) -> Vector {
        along * self.v_mps + Vector::new(-along.y, along.x) * super::lane_change::drift_mps(self)
    }

    /// Every lane that its outline is on: lane, and front and rear along it, metres.
    pub(crate) fn footprint(&self, net: &RoadNet, mut visit: impl FnMut(LaneIx, f64, f64)) {
        let (mut at, mut front_m) = (self.at, self.s_m);
        loop {
            let rear_m = front_m - self.length_m;
            visit(self.path[at], front_m, rear_m);
            if rear_m >= 0.0 || at == 0 {
                break;
            }
            at -= 1;
            front_m += net.length_m(self.path[at]);
        }
        if let Some(beside) = self.leaving.or_else(|| self.slid_onto(net)) {
            // Two lanes of one link: the station carries over in proportion to their lengths.
            let ratio = net.length_m(beside) / net.length_m(self.lane());
            visit(beside, self.s_m * ratio, self.s_m * ratio - self.length_m);
        }
    }

    /// The lane beside its own that it got onto without changing lanes.
    fn slid_onto(&self, net: &RoadNet) -> Option<LaneIx> {
        if self.lateral_m.abs() < SLID_M {
            return None;
        }
        let lane = net.lane(self.lane());
        if self.lateral_m > 0.0 { lane.left } else { lane.right }
    }
}
