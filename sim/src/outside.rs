//! Road users that something outside of the simulation moves: another traffic simulator, or a recording.

use crate::rng::{Purpose, Seed, chance};
use crate::traffic::RoadUserKind;
use crate::truth::TruthObject;
use jxz_geo::{Point, Vector};
use jxz_units::Yaw;
use jxz_world::VehicleId;

/// More road users than this at once are not taken; those with the highest numbers are left out and counted.
pub(crate) const MOST_USERS: usize = 20_000;

/// A road user at one moment, as whoever moves it says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutsideUser {
    /// Its number: the same from call to call, never another's, below 2⁴⁸.
    pub id: u64,
    /// What it is.
    pub kind: RoadUserKind,
    /// Centre of its outline, local frame, metres.
    pub position: Point,
    /// Where it points.
    pub yaw: Yaw,
    /// Speed along its yaw, metres per second.
    pub speed_mps: f64,
    /// Acceleration along its yaw, m/s².
    pub acceleration_mps2: f64,
    /// Length, width and height, metres.
    pub size_m: (f64, f64, f64),
}

impl OutsideUser {
    /// Whether every number is finite and the outline has an extent.
    fn is_sound(&self) -> bool {
        let (length_m, width_m, height_m) = self.size_m;
        let numbers = [self.position.x, self.position.y, self.yaw.rad(), self.speed_mps, self.acceleration_mps2];
        let sized = |m: f64| m > 0.0 && m < 100.0;
        numbers.iter().all(|x| x.is_finite()) && sized(length_m) && sized(width_m) && sized(height_m)
    }

    /// Whether it has an on-board unit: drawn once for its number, so that it is so at each call.
    fn is_connected(&self, seed: Seed, share: f64) -> bool {
        let motor = matches!(self.kind, RoadUserKind::Car | RoadUserKind::Bus | RoadUserKind::Truck);
        motor && chance(&mut seed.stream(Purpose::Driver, self.id), share)
    }
}

/// The truth that these road users make, by number, and how many were left out: those with a number that is taken,
/// with a value that is not finite or a size that cannot be, and those above [`MOST_USERS`].
pub(crate) fn truth_of(
    users: &[OutsideUser],
    (seed, share): (Seed, f64),
    mut unit_of: impl FnMut(u64) -> VehicleId,
) -> (Vec<TruthObject>, u64) {
    let mut sound: Vec<&OutsideUser> = users.iter().filter(|user| user.is_sound()).collect();
    sound.sort_by_key(|user| user.id);
    sound.dedup_by_key(|user| user.id);
    sound.truncate(MOST_USERS);
    let left_out = (users.len() - sound.len()) as u64;
    let truth = sound.into_iter().map(|user| {
        let (length_m, width_m, height_m) = user.size_m;
        let along = Vector::new(libm::cos(user.yaw.rad()), libm::sin(user.yaw.rad()));
        TruthObject {
            id: user.id,
            kind: user.kind,
            class: user.kind.class(),
            position: user.position,
            velocity: along * user.speed_mps,
            yaw: user.yaw,
            extent_m: (length_m, width_m),
            height_m,
            acceleration_mps2: user.acceleration_mps2,
            vehicle: user.is_connected(seed, share).then(|| unit_of(user.id)),
            scripted: false,
        }
    });
    (truth.collect(), left_out)
}
