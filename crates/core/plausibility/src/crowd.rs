//! All vehicles that are remembered, found by id, by when they were heard, and by where they are.

use crate::config::PlausibilityConfig;
use crate::known::{Debut, Known};
use crate::rectangle::Rectangle;
use jxz_geo::{Point, Vector};
use jxz_units::Instant;
use jxz_world::{RoadUserClass, VehicleId, VehicleReport};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// Side of a cell, metres: longer than two vehicles whose outlines touch are apart.
const CELL_M: f64 = 25.0;
/// A vehicle that changes its pseudonym may keep silent between the two for this long, seconds.
const SILENCE_S: f64 = 15.0;
const FIRST_ID: VehicleId = VehicleId([0; 8]);
const LAST_ID: VehicleId = VehicleId([u8::MAX; 8]);

/// The vehicles. One is taken out while it is worked on.
#[derive(Default)]
pub(crate) struct Crowd {
    /// Boxed, since each is taken out and put back at every report.
    vehicles: BTreeMap<VehicleId, Box<Known>>,
    by_heard: BTreeSet<(Instant, VehicleId)>,
    by_cell: BTreeSet<(i32, i32, VehicleId)>,
}

impl Crowd {
    pub(crate) fn len(&self) -> usize {
        self.vehicles.len()
    }

    pub(crate) fn take(&mut self, id: VehicleId) -> Option<Box<Known>> {
        let known = self.vehicles.remove(&id)?;
        self.by_heard.remove(&(known.heard, id));
        let (x, y) = cell(known.last.position);
        self.by_cell.remove(&(x, y, id));
        Some(known)
    }

    pub(crate) fn put(&mut self, id: VehicleId, known: Box<Known>) {
        self.by_heard.insert((known.heard, id));
        let (x, y) = cell(known.last.position);
        self.by_cell.insert((x, y, id));
        self.vehicles.insert(id, known);
    }

    /// Forgets the vehicle heard longest ago.
    pub(crate) fn forget_oldest(&mut self) -> bool {
        let oldest = self.by_heard.first().copied();
        oldest.is_some_and(|(_, id)| self.take(id).is_some())
    }

    /// Forgets all vehicles last heard before `before`.
    pub(crate) fn forget_silent(&mut self, before: Instant) {
        while self.by_heard.first().is_some_and(|(heard, _)| *heard < before) {
            self.forget_oldest();
        }
    }

    fn near(&self, point: Point) -> impl Iterator<Item = (VehicleId, &Known)> {
        let (x, y) = cell(point);
        let columns = x.saturating_sub(1)..=x.saturating_add(1);
        let rows = (y.saturating_sub(1), y.saturating_add(1));
        columns
            .flat_map(move |x| self.by_cell.range((x, rows.0, FIRST_ID)..=(x, rows.1, LAST_ID)))
            .filter_map(|(_, _, id)| self.vehicles.get(id).map(|known| (*id, &**known)))
    }

    /// The vehicle, among those heard for longer than the one that reports, that covers most of it at the time of the
    /// report, and how much. Who was heard first keeps its good name.
    pub(crate) fn cover(
        &self,
        config: &PlausibilityConfig,
        first_heard: Instant,
        report: &VehicleReport,
    ) -> Option<(f64, VehicleId)> {
        if !is_vehicle(report) {
            return None;
        }
        let ours = Rectangle::of(report, report.position)?;
        let elders =
            self.near(report.position).filter(|(id, other)| (other.first_heard, *id) < (first_heard, report.vehicle));
        let covers = elders.filter_map(|(id, other)| {
            let dt_s = report.valid_at.seconds_since(other.last.valid_at);
            let drives_m = (other.last.speed_mps? * dt_s).abs();
            // Too far away whatever its heading: no sine is asked for.
            if (other.last.position - report.position).norm() > CELL_M + drives_m + 1e-3 {
                return None;
            }
            let there = other.last.position + velocity(&other.last)? * dt_s;
            // The outlines of two buses that touch are centred no farther apart than a cell.
            let may_touch = dt_s.abs() <= config.same_time_s && (there - report.position).norm() < CELL_M;
            may_touch.then(|| Rectangle::of(&other.last, there))?.map(|outline| (ours.overlap(&outline), id))
        });
        covers.max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// A vehicle that fell silent before the debut, whose next report it may be under a new id. It is asked for once.
    pub(crate) fn find_predecessor(
        &mut self,
        config: &PlausibilityConfig,
        first_heard: Instant,
        debut: &Debut,
    ) -> Option<VehicleId> {
        let silence = Duration::from_secs_f64(SILENCE_S);
        let earliest = Instant::from_ns(first_heard.ns().saturating_sub(silence.as_nanos() as u64));
        // Whoever is still on the air was heard later than this.
        let latest = first_heard + Duration::from_millis(50);
        let fits = |known: &Known| {
            let gap_s = debut.at.seconds_since(known.last.valid_at).max(0.0);
            let speed_mps = known.last.speed_mps.unwrap_or(config.speed_mps).max(debut.speed_mps);
            let noise_m = config.position_sigmas * config.sigma_of(known.last.position_sigma_m);
            // Half as fast again: it may have sped up while silent.
            (debut.position - known.last.position).norm() <= 1.5 * speed_mps * (gap_s + 0.1) + noise_m
        };
        let mut silent = self.by_heard.range((earliest, FIRST_ID)..=(latest, LAST_ID)).rev().map(|(_, id)| *id);
        let found = silent.find(|id| self.vehicles.get(id).is_some_and(|known| !known.followed && fits(known)))?;
        self.vehicles.get_mut(&found)?.followed = true;
        Some(found)
    }
}

/// People on foot and on bicycles stand close together, and ride in buses.
fn is_vehicle(report: &VehicleReport) -> bool {
    !matches!(report.class, Some(RoadUserClass::Pedestrian | RoadUserClass::NonMotor))
}

fn cell(point: Point) -> (i32, i32) {
    // `as` saturates: what is far outside shares the outermost cells.
    ((point.x / CELL_M).floor() as i32, (point.y / CELL_M).floor() as i32)
}

fn velocity(report: &VehicleReport) -> Option<Vector> {
    let yaw = report.heading?.to_yaw().rad();
    Some(Vector::new(libm::cos(yaw), libm::sin(yaw)) * report.speed_mps?)
}

/// The bits of a state: east, north, speed, heading.
type StateKey = [u64; 4];

/// The states that moving vehicles reported lately, to know a copy of one.
#[derive(Default)]
pub(crate) struct States {
    owners: BTreeMap<StateKey, VehicleId>,
    oldest_first: VecDeque<StateKey>,
}

impl States {
    /// Who else reported this very state, if anybody; remembers it otherwise. Standing vehicles are not asked: a
    /// receiver may hold a standing vehicle's position, and its pseudonym may change meanwhile.
    pub(crate) fn owner(&mut self, config: &PlausibilityConfig, report: &VehicleReport) -> Option<VehicleId> {
        let (speed_mps, heading) = (report.speed_mps?, report.heading?);
        if speed_mps < 1.0 {
            return None;
        }
        let numbers = [report.position.x, report.position.y, speed_mps, heading.rad()];
        let key = numbers.map(f64::to_bits);
        if let Some(owner) = self.owners.get(&key) {
            return (*owner != report.vehicle).then_some(*owner);
        }
        if self.oldest_first.len() >= config.max_states
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.owners.remove(&oldest);
        }
        self.oldest_first.push_back(key);
        self.owners.insert(key, report.vehicle);
        None
    }
}
