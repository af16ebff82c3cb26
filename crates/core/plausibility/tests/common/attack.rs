//! The lies of F2MD (its `MDAttack.cc` and `F2MDParameters.h`), told by a car that really drives.

use super::{gauss, id};
use jxz_geo::{Point, Vector};
use jxz_world::VehicleReport;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ConstantPosition,
    ConstantOffset,
    RandomPosition,
    RandomOffset,
    ConstantSpeed,
    ConstantSpeedOffset,
    RandomSpeed,
    RandomSpeedOffset,
    EventualStop,
    Disruptive,
    DataReplay,
    Stale,
    Dos,
    DosRandom,
    SybilOnTop,
    SybilGrid,
}

pub(crate) struct Attack {
    pub(crate) kind: Kind,
    /// The truth is told before.
    pub(crate) from_s: f64,
    drawn: Option<(Vector, f64)>,
    stopped: Option<Point>,
    heard: VecDeque<VehicleReport>,
    own: VecDeque<VehicleReport>,
    victim: Option<usize>,
}

impl Attack {
    pub(crate) fn new(kind: Kind, from_s: f64) -> Self {
        Self { kind, from_s, drawn: None, stopped: None, heard: VecDeque::new(), own: VecDeque::new(), victim: None }
    }

    pub(crate) fn says(
        &mut self,
        t_s: f64,
        truth: &VehicleReport,
        others: &[VehicleReport],
        rng: &mut ChaCha8Rng,
    ) -> Vec<VehicleReport> {
        self.remember(truth, others);
        if t_s < self.from_s {
            return vec![*truth];
        }
        // Where F2MD draws from the whole map and offsets of 70 m and 7 m/s.
        let place =
            |rng: &mut ChaCha8Rng| Vector::new(rng.random_range(-400.0..400.0), rng.random_range(-400.0..400.0));
        let offset = |rng: &mut ChaCha8Rng| Vector::new(rng.random_range(-70.0..70.0), rng.random_range(-70.0..70.0));
        let speed = truth.speed_mps.unwrap();
        let mut lie = *truth;
        match self.kind {
            Kind::ConstantPosition => {
                lie.position = Point::from(self.drawn.get_or_insert_with(|| (place(rng), 0.0)).0);
            }
            Kind::ConstantOffset => lie.position += self.drawn.get_or_insert_with(|| (offset(rng), 0.0)).0,
            Kind::RandomPosition => lie.position = Point::from(place(rng)),
            Kind::RandomOffset => lie.position += offset(rng),
            Kind::ConstantSpeed => {
                let drawn = self.drawn.get_or_insert_with(|| (Vector::zeros(), rng.random_range(0.0..40.0)));
                lie.speed_mps = Some(drawn.1);
            }
            Kind::ConstantSpeedOffset => {
                let drawn = self.drawn.get_or_insert_with(|| (Vector::zeros(), rng.random_range(-7.0..7.0)));
                lie.speed_mps = Some((speed + drawn.1).max(0.0));
            }
            Kind::RandomSpeed => lie.speed_mps = Some(rng.random_range(0.0..40.0)),
            Kind::RandomSpeedOffset => lie.speed_mps = Some((speed + rng.random_range(-7.0..7.0)).max(0.0)),
            Kind::EventualStop => self.stop(&mut lie, rng),
            Kind::Disruptive => self.disrupt(&mut lie, rng),
            Kind::DataReplay => self.replay(&mut lie, others, rng),
            Kind::Stale => lie = self.own.front().copied().unwrap_or(lie),
            Kind::Dos => return self.flood(truth, |report, _| report, rng),
            Kind::DosRandom => {
                return self.flood(
                    truth,
                    |report, rng| VehicleReport { position: Point::from(place(rng)), ..report },
                    rng,
                );
            }
            Kind::SybilOnTop => return ghosts_on_top(truth, others, rng),
            Kind::SybilGrid => return ghosts_around(truth),
        }
        vec![lie]
    }

    fn remember(&mut self, truth: &VehicleReport, others: &[VehicleReport]) {
        self.own.push_back(*truth);
        // Fifty reports: F2MD's five at its one a second.
        if self.own.len() > 50 {
            self.own.pop_front();
        }
        self.heard.extend(others);
        while self.heard.len() > 1000 {
            self.heard.pop_front();
        }
    }

    /// From some moment on the car stands, all of a sudden.
    fn stop(&mut self, lie: &mut VehicleReport, rng: &mut ChaCha8Rng) {
        if self.stopped.is_none() && rng.random_bool(0.01) {
            self.stopped = Some(lie.position);
        }
        if let Some(place) = self.stopped {
            lie.position = place;
            lie.speed_mps = Some(0.0);
            lie.acceleration_mps2 = Some(0.0);
        }
    }

    /// What somebody said some time, under the own id.
    fn disrupt(&mut self, lie: &mut VehicleReport, rng: &mut ChaCha8Rng) {
        if !self.heard.is_empty() {
            let old = self.heard[rng.random_range(0..self.heard.len())];
            *lie = VehicleReport { vehicle: lie.vehicle, valid_at: lie.valid_at, ..old };
        }
    }

    /// What one other says, a tick later, under the own id.
    fn replay(&mut self, lie: &mut VehicleReport, others: &[VehicleReport], rng: &mut ChaCha8Rng) {
        if others.is_empty() {
            return;
        }
        let victim = *self.victim.get_or_insert_with(|| rng.random_range(0..others.len())) % others.len();
        let wanted = others[victim].vehicle;
        let old = self.heard.iter().rev().skip(others.len()).find(|report| report.vehicle == wanted);
        if let Some(old) = old {
            *lie = VehicleReport { vehicle: lie.vehicle, valid_at: lie.valid_at, ..*old };
        }
    }

    /// Four times as many reports as allowed.
    fn flood(
        &mut self,
        truth: &VehicleReport,
        say: impl Fn(VehicleReport, &mut ChaCha8Rng) -> VehicleReport,
        rng: &mut ChaCha8Rng,
    ) -> Vec<VehicleReport> {
        let yaw = truth.heading.unwrap().to_yaw().rad();
        let step = Vector::new(libm::cos(yaw), libm::sin(yaw)) * (truth.speed_mps.unwrap() * 0.025);
        (0..4)
            .map(|k| {
                let back = 3.0 - f64::from(k);
                let valid_at = truth.valid_at.plus_seconds(-0.025 * back);
                say(VehicleReport { valid_at, position: truth.position - step * back, ..*truth }, rng)
            })
            .collect()
    }
}

/// A ghost on each of up to five others, a hand's breadth off, and never a word of oneself.
fn ghosts_on_top(truth: &VehicleReport, others: &[VehicleReport], rng: &mut ChaCha8Rng) -> Vec<VehicleReport> {
    let ghost = |(k, victim): (usize, &VehicleReport)| {
        let error = Vector::new(gauss(rng), gauss(rng)) * 0.1;
        let vehicle = id(u64::from_be_bytes(truth.vehicle.0) * 1000 + k as u64);
        VehicleReport { vehicle, position: victim.position + error, ..*victim }
    };
    others.iter().take(5).enumerate().map(ghost).collect()
}

/// F2MD's grid of ghosts around oneself, 5 m by 2 m apart, that drive like oneself.
fn ghosts_around(truth: &VehicleReport) -> Vec<VehicleReport> {
    let ghost = |k: u32| {
        let (column, row) = (f64::from(k % 3) - 1.0, f64::from(k / 3));
        let vehicle = id(u64::from_be_bytes(truth.vehicle.0) * 1000 + u64::from(k));
        VehicleReport { vehicle, position: truth.position + Vector::new(5.0 * column, 2.0 * row), ..*truth }
    };
    (0..5).map(ghost).collect()
}
