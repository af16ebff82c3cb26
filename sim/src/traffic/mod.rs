//! Road users on the map: who is where, and how each of them moves on.

mod congestion;
mod crossing;
mod demand;
mod follow;
mod guide;
mod incident;
mod junction;
mod lane_change;
mod lights;
mod motion;
mod obstacle;
mod roads;
mod route;
mod script;
mod service;
mod trips;
mod trouble;
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
use jxz_map::LaneIx;
use jxz_units::Utc;
use obstacle::Obstacles;
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
    pub(crate) obstacles: &'a Obstacles,
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
    obstacles: Obstacles,
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
            obstacles: &self.obstacles,
            loose: &self.loose,
            time_s,
            dt_s,
        }
    }

    fn look(&mut self, net: &RoadNet, vehicles: &[Vehicle], walkers: &[Walker]) {
        self.occupancy.rebuild(net, vehicles);
        self.look_at_crossings(net, vehicles, walkers);
    }

    fn look_at_crossings(&mut self, net: &RoadNet, vehicles: &[Vehicle], walkers: &[Walker]) {
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
    /// Whether someone came since `around` was looked at.
    stale: bool,
    /// Of one step, by vehicle, m/s²; kept for its memory.
    accelerations: Vec<f64>,
    /// Who thinks about lanes in this step, and whether about overtaking, too.
    thinking: Vec<(usize, bool)>,
    /// Whether anyone left or stands for too long.
    leavers: bool,
    /// Who is where after a step, until all have moved.
    found: Occupancy,
    /// Lanes that someone changed to in this step.
    taken: Vec<LaneIx>,
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
            stale: true,
            accelerations: Vec::new(),
            thinking: Vec::new(),
            leavers: false,
            found: Occupancy::default(),
            taken: Vec::new(),
            removed_stuck: 0,
        };
        for _ in 0..20 + scenario.traffic.vehicles / 20 {
            traffic.around.look(&traffic.net, &traffic.vehicles, &traffic.walkers);
            let scene = traffic.around.scene(&traffic.net, lights, 0.0, 0.05);
            traffic.demand.bring_vehicles(&scene, &mut traffic.vehicles, true, 80);
        }
        traffic.demand.bring_walkers(&traffic.net, &mut traffic.walkers, true);
        traffic
    }

    /// One step: `time_s` and `utc` are its beginning.
    pub(crate) fn step(&mut self, lights: &Lights, utc: Utc, time_s: f64, dt_s: f64) {
        if core::mem::take(&mut self.stale) {
            self.around.look(&self.net, &self.vehicles, &self.walkers);
        }
        self.drive(lights, time_s, dt_s);
        for walker in &mut self.walkers {
            walker.step(&self.net, (lights, utc), &self.around.crossings, &self.vehicles, dt_s);
        }
        self.change_lanes(lights, time_s, dt_s);
        self.come_and_go(lights, utc, time_s, dt_s);
    }

    /// How often each of the scenario's incidents happened.
    pub(crate) fn incidents(&self) -> &[u64] {
        &self.director.happened
    }

    /// Vehicles on trips that could not come in.
    pub(crate) fn turned_away(&self) -> u64 {
        self.demand.turned_away()
    }

    /// A vehicle's speed, metres per second; `None` if it has left.
    pub(crate) fn speed_mps(&self, vehicle: u64) -> Option<f64> {
        self.vehicles.binary_search_by_key(&vehicle, |v| v.id).ok().map(|index| self.vehicles[index].v_mps)
    }

    /// A driver was shown a warning: no faster than `mps` between two times. A stricter one that still holds stays.
    pub(crate) fn warn(&mut self, vehicle: u64, from_s: f64, until_s: f64, mps: f64) {
        let Ok(index) = self.vehicles.binary_search_by_key(&vehicle, |v| v.id) else { return };
        let wary = &mut self.vehicles[index].wary;
        let held = wary.as_deref().copied().filter(|held| held.until_s > from_s);
        *wary = Some(Box::new(match held {
            Some(held) => {
                Wary { from_s: held.from_s.min(from_s), until_s: held.until_s.max(until_s), mps: held.mps.min(mps) }
            }
            None => Wary { from_s, until_s, mps },
        }));
    }

    /// Everyone accelerates by what all saw at the step's beginning, and moves.
    fn drive(&mut self, lights: &Lights, time_s: f64, dt_s: f64) {
        let tick = (time_s / dt_s).round() as u64;
        let scene = self.around.scene(&self.net, lights, time_s, dt_s);
        junction::assign(&scene, &mut self.vehicles, &mut self.desks, &mut self.next_ticket);
        let (vehicles, desks) = (&self.vehicles, &self.desks);
        self.accelerations.clear();
        let accelerate = |own| motion::acceleration_mps2(&scene, vehicles, desks, own);
        self.accelerations.extend((0..vehicles.len()).map(accelerate));
        self.thinking.clear();
        self.found.forget();
        for (index, (vehicle, &a_mps2)) in self.vehicles.iter_mut().zip(&self.accelerations).enumerate() {
            let bound = scene.service.bound(vehicle);
            motion::advance(&scene, vehicle, a_mps2, bound);
            if vehicle.script.is_some_and(|script| script.until_s() <= time_s) {
                vehicle.script = None;
            }
            self.found.find(&self.net, index, vehicle);
            // Everyone thinks about overtaking once in so many steps, not all in the same one.
            let overtakes = (tick + vehicle.id).is_multiple_of(16);
            if overtakes || vehicle.aim.is_some() || vehicle.duty.is_some() {
                self.thinking.push((index, overtakes));
            }
            self.leavers |= vehicle.standing_s >= STUCK_S || demand::has_left(&self.net, vehicle);
        }
        self.found.arrange(&self.net);
        core::mem::swap(&mut self.found, &mut self.around.occupancy);
    }

    fn change_lanes(&mut self, lights: &Lights, time_s: f64, dt_s: f64) {
        let scene = self.around.scene(&self.net, lights, time_s, dt_s);
        let vehicles = &mut self.vehicles;
        self.taken.clear();
        for &(own, overtakes) in &self.thinking {
            if scene.service.serve(&mut vehicles[own], time_s) {
                let bound = scene.service.bound(&vehicles[own]);
                route::choose_aim(&self.net, &mut vehicles[own], bound);
            }
            if overtakes {
                let bound = scene.service.bound(&vehicles[own]);
                lane_change::consider_overtaking(&scene, vehicles, own, bound);
                if !scene.obstacles.is_empty()
                    && let Some(aim) = obstacle::way_past(&scene, &vehicles[own])
                {
                    vehicles[own].aim = Some(aim);
                }
            }
            if vehicles[own].aim.is_some() {
                let bound = scene.service.bound(&vehicles[own]);
                lane_change::change(&scene, vehicles, own, bound, &mut self.taken);
            }
        }
    }

    /// Leaves what road users look at as of the step's end, or `stale`.
    fn come_and_go(&mut self, lights: &Lights, utc: Utc, time_s: f64, dt_s: f64) {
        let before = self.vehicles.len();
        let (net, removed_stuck) = (&self.net, &mut self.removed_stuck);
        if core::mem::take(&mut self.leavers) {
            self.vehicles.retain(|vehicle| {
                let stuck = vehicle.standing_s >= STUCK_S;
                *removed_stuck += u64::from(stuck);
                !stuck && !demand::has_left(net, vehicle)
            });
        }
        self.walkers.retain(|walker| !walker.is_done());
        if self.vehicles.len() < before || !self.taken.is_empty() {
            self.around.occupancy.rebuild(&self.net, &self.vehicles);
        }
        self.around.look_at_crossings(&self.net, &self.vehicles, &self.walkers);
        self.around.crawls.retain(|crawl| crawl.until_s > time_s);
        self.around.obstacles.end(time_s);
        let there = (self.vehicles.len(), self.walkers.len());
        let scene = self.around.scene(&self.net, lights, time_s, dt_s);
        let mut people = People::new(&mut self.walkers, &mut self.demand);
        self.director.step(&scene, &mut self.vehicles, &mut people);
        let (begun, blocks, slow) = (people.begun, people.blocks, people.slow);
        if self.vehicles.len() > there.0 {
            // Those who came with an incident are there already.
            self.around.occupancy.rebuild(&self.net, &self.vehicles);
        }
        let scene = self.around.scene(&self.net, lights, time_s, dt_s);
        self.demand.bring_vehicles(&scene, &mut self.vehicles, false, 3);
        self.demand.bring_trips(&scene, utc, &mut self.vehicles);
        self.demand.bring_walkers(&self.net, &mut self.walkers, false);
        self.around.crawls.extend(begun);
        blocks.into_iter().for_each(|block| self.around.obstacles.add_block(block));
        slow.into_iter().for_each(|slow| self.around.obstacles.add_slow(slow));
        self.stale = there != (self.vehicles.len(), self.walkers.len());
    }
}
