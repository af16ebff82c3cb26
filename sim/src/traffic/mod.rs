//! Road users on the map: who is where, and how each of them moves on.

mod congestion;
mod crossing;
mod demand;
mod follow;
mod incident;
mod junction;
mod lane_change;
mod lights;
mod motion;
mod roads;
mod route;
mod script;
mod service;
mod vehicle;
mod walker;

pub(crate) use lights::Lights;
pub(crate) use roads::RoadNet;
pub use vehicle::RoadUserKind;
pub(crate) use vehicle::Vehicle;
pub(crate) use walker::Walker;

use crate::rng::Seed;
use crate::scenario::Scenario;
use congestion::Crawl;
use crossing::CrossingBook;
use demand::Demand;
use follow::Occupancy;
use incident::{Director, People};
use junction::Desk;
use jxz_geo::Vector;
use jxz_map::LaneIx;
use jxz_units::Utc;
use service::Service;
use std::sync::Arc;
use vehicle::Wary;

/// Longest that anyone stands before it is taken off the road, seconds.
const STUCK_S: f64 = 300.0;

/// Everything that a road user can see in one step.
pub(crate) struct Scene<'a> {
    pub(crate) net: &'a RoadNet,
    pub(crate) occupancy: &'a Occupancy,
    pub(crate) lights: &'a Lights,
    pub(crate) crossings: &'a CrossingBook,
    pub(crate) service: &'a Service,
    pub(crate) crawls: &'a [Crawl],
    /// Walkers on the carriageway away from any crossing.
    pub(crate) loose: &'a [Walker],
    /// Seconds from the start.
    pub(crate) time_s: f64,
    pub(crate) dt_s: f64,
}

/// What road users look at, rebuilt from their states.
#[derive(Debug, Clone, Default)]
struct Around {
    occupancy: Occupancy,
    crossings: CrossingBook,
    service: Service,
    loose: Vec<Walker>,
    crawls: Vec<Crawl>,
}

impl Around {
    fn scene<'a>(&'a self, net: &'a RoadNet, lights: &'a Lights, time_s: f64, dt_s: f64) -> Scene<'a> {
        Scene {
            net,
            occupancy: &self.occupancy,
            lights,
            crossings: &self.crossings,
            service: &self.service,
            crawls: &self.crawls,
            loose: &self.loose,
            time_s,
            dt_s,
        }
    }

    fn look(&mut self, net: &RoadNet, vehicles: &[Vehicle], walkers: &[Walker]) {
        self.occupancy.rebuild(net, vehicles);
        self.crossings.rebuild(net, vehicles, walkers);
        self.loose.clear();
        self.loose.extend(walkers.iter().filter(|w| w.scripted && w.stage == walker::Stage::Crossing).cloned());
    }
}

/// Everyone on the road.
#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    net: Arc<RoadNet>,
    pub(crate) vehicles: Vec<Vehicle>,
    pub(crate) walkers: Vec<Walker>,
    demand: Demand,
    director: Director,
    around: Around,
    desks: Vec<Desk>,
    next_ticket: u64,
    /// Vehicles taken off the road because they stood for too long.
    pub(crate) removed_stuck: u64,
}

impl Traffic {
    pub(crate) fn new(net: Arc<RoadNet>, scenario: &Scenario, seed: Seed, lights: &Lights) -> Self {
        let mut traffic = Self {
            demand: Demand::new(&net, scenario, seed),
            director: Director::new(&net, &scenario.incidents, seed),
            around: Around { service: Service::new(&net), ..Around::default() },
            net,
            vehicles: Vec::new(),
            walkers: Vec::new(),
            desks: Vec::new(),
            next_ticket: 1,
            removed_stuck: 0,
        };
        for _ in 0..20 {
            traffic.around.look(&traffic.net, &traffic.vehicles, &traffic.walkers);
            let scene = traffic.around.scene(&traffic.net, lights, 0.0, 0.05);
            traffic.demand.bring_vehicles(&scene, &mut traffic.vehicles, true, 80);
        }
        traffic.demand.bring_walkers(&traffic.net, &mut traffic.walkers, true);
        traffic
    }

    /// One step: `time_s` and `utc` are its beginning.
    pub(crate) fn step(&mut self, lights: &Lights, utc: Utc, time_s: f64, dt_s: f64) {
        self.around.look(&self.net, &self.vehicles, &self.walkers);
        self.drive(lights, time_s, dt_s);
        for walker in &mut self.walkers {
            walker.step(&self.net, (lights, utc), &self.around.crossings, &self.vehicles, dt_s);
        }
        self.around.occupancy.rebuild(&self.net, &self.vehicles);
        self.change_lanes(lights, time_s, dt_s);
        self.come_and_go(lights, time_s, dt_s);
    }

    /// How often each of the scenario's incidents happened.
    pub(crate) fn incidents(&self) -> &[u64] {
        &self.director.happened
    }

    /// A vehicle's speed, metres per second; `None` if it has left.
    pub(crate) fn speed_mps(&self, vehicle: u64) -> Option<f64> {
        self.vehicles.binary_search_by_key(&vehicle, |v| v.id).ok().map(|index| self.vehicles[index].v_mps)
    }

    /// A driver was shown a warning: no faster than `mps` between two times. A stricter one that still holds stays.
    pub(crate) fn warn(&mut self, vehicle: u64, from_s: f64, until_s: f64, mps: f64) {
        let Ok(index) = self.vehicles.binary_search_by_key(&vehicle, |v| v.id) else { return };
        let wary = &mut self.vehicles[index].wary;
        let held = wary.filter(|held| held.until_s > from_s);
        *wary = Some(match held {
            Some(held) => {
                Wary { from_s: held.from_s.min(from_s), until_s: held.until_s.max(until_s), mps: held.mps.min(mps) }
            }
            None => Wary { from_s, until_s, mps },
        });
    }

    /// Everyone accelerates by what all saw at the step's beginning, and moves.
    fn drive(&mut self, lights: &Lights, time_s: f64, dt_s: f64) {
        let scene = self.around.scene(&self.net, lights, time_s, dt_s);
        junction::assign(&scene, &mut self.vehicles, &mut self.desks, &mut self.next_ticket);
        let (vehicles, desks) = (&self.vehicles, &self.desks);
        let accelerations: Vec<f64> =
            (0..vehicles.len()).map(|own| motion::acceleration_mps2(&scene, vehicles, desks, own)).collect();
        for (vehicle, a_mps2) in self.vehicles.iter_mut().zip(accelerations) {
            let bound = scene.service.bound(vehicle);
            motion::advance(&scene, vehicle, a_mps2, bound);
            if vehicle.script.is_some_and(|script| script.until_s() <= time_s) {
                vehicle.script = None;
            }
        }
    }

    fn change_lanes(&mut self, lights: &Lights, time_s: f64, dt_s: f64) {
        let scene = self.around.scene(&self.net, lights, time_s, dt_s);
        let vehicles = &mut self.vehicles;
        let mut taken: Vec<LaneIx> = Vec::new();
        let tick = (time_s / dt_s).round() as u64;
        for own in 0..vehicles.len() {
            if scene.service.serve(&mut vehicles[own], time_s) {
                let bound = scene.service.bound(&vehicles[own]);
                route::choose_aim(&self.net, &mut vehicles[own], bound);
            }
            // Everyone thinks about overtaking once in so many steps, not all in the same one.
            if (tick + vehicles[own].id).is_multiple_of(16) {
                lane_change::consider_overtaking(&scene, vehicles, own);
            }
            if vehicles[own].aim.is_some() {
                let bound = scene.service.bound(&vehicles[own]);
                lane_change::change(&scene, vehicles, own, bound, &mut taken);
            }
        }
    }

    fn come_and_go(&mut self, lights: &Lights, time_s: f64, dt_s: f64) {
        let before = self.vehicles.len();
        self.vehicles.retain(|vehicle| vehicle.standing_s < STUCK_S);
        self.removed_stuck += (before - self.vehicles.len()) as u64;
        self.vehicles.retain(|vehicle| !demand::has_left(&self.net, vehicle));
        self.walkers.retain(|walker| !walker.is_done());
        self.around.look(&self.net, &self.vehicles, &self.walkers);
        self.around.crawls.retain(|crawl| crawl.until_s > time_s);
        let scene = self.around.scene(&self.net, lights, time_s, dt_s);
        let mut people = People { walkers: &mut self.walkers, begun: Vec::new(), demand: &mut self.demand };
        self.director.step(&scene, &mut self.vehicles, &mut people);
        let begun = people.begun;
        // Those who came with an incident are there already.
        self.around.occupancy.rebuild(&self.net, &self.vehicles);
        let scene = self.around.scene(&self.net, lights, time_s, dt_s);
        self.demand.bring_vehicles(&scene, &mut self.vehicles, false, 3);
        self.demand.bring_walkers(&self.net, &mut self.walkers, false);
        self.around.crawls.extend(begun);
    }

    /// Velocity of a vehicle's outline, metres per second.
    pub(crate) fn velocity(&self, vehicle: &Vehicle) -> Vector {
        let (_, yaw) = vehicle.pose(&self.net);
        let along = Vector::new(yaw.rad().cos(), yaw.rad().sin());
        along * vehicle.v_mps + Vector::new(-along.y, along.x) * lane_change::drift_mps(vehicle)
    }
}
