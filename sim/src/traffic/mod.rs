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
mod stage;
mod trial;
mod trips;
mod trouble;
mod vehicle;
mod walker;

pub(crate) use lights::Lights;
pub(crate) use roads::RoadNet;
pub use trial::{Discharge, FlowPoint, FlowTrial, QueueTrial};
pub(crate) use trips::unknown_road;
pub use vehicle::RoadUserKind;
pub(crate) use vehicle::Vehicle;
pub(crate) use walker::Walker;

use crate::rng::Seed;
use crate::scenario::{Scenario, ScenarioError};
use crate::truth::TruthObject;
use congestion::Crawl;
use crossing::CrossingBook;
use demand::Demand;
use follow::Occupancy;
use incident::{Director, People};
use junction::Desks;
use jxz_geo::Point;
use jxz_map::LaneIx;
use jxz_units::Utc;
use jxz_world::VehicleDetails;
use obstacle::{Condition, Obstacles};
use service::Service;
use stage::Stage;
use std::collections::BTreeMap;
use std::sync::Arc;
use vehicle::Aim;
pub(crate) use vehicle::Wary;

/// Who is faster than this multiple of the limit speeds.
const SPEEDING: f64 = 1.1;
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
    stage: Stage,
    around: Around,
    desks: Desks,
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
    /// Lanes that someone changed to in this step, and who did.
    taken: Vec<LaneIx>,
    changed: Vec<usize>,
    /// Whether anyone has a script.
    scripted: bool,
    /// Vehicles taken off the road because they stood for too long.
    pub(crate) removed_stuck: u64,
}

impl Traffic {
    pub(crate) fn new(net: Arc<RoadNet>, scenario: &Scenario, seed: Seed, lights: &Lights) -> Self {
        let mut traffic = Self {
            demand: Demand::new(&net, scenario, seed),
            director: Director::new(&net, &scenario.incidents, seed),
            stage: Stage::default(),
            around: Around { service: Service::new(&net), ..Around::default() },
            net,
            vehicles: Vec::new(),
            walkers: Vec::new(),
            desks: Desks::default(),
            next_ticket: 1,
            stale: true,
            accelerations: Vec::new(),
            thinking: Vec::new(),
            leavers: false,
            found: Occupancy::default(),
            taken: Vec::new(),
            changed: Vec::new(),
            scripted: true,
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

    /// Brings the scenario's actors, their meetings rehearsed; `lights` show the start, at `utc`.
    pub(crate) fn set_stage(
        &mut self,
        scenario: &Scenario,
        seed: Seed,
        lights: &Lights,
        utc: Utc,
    ) -> Result<(), ScenarioError> {
        if scenario.actors.is_empty() {
            return Ok(());
        }
        let mut stage = Stage::cast(&self.net, scenario, seed)?;
        let mut empty = self.clone();
        empty.vehicles.clear();
        empty.walkers.clear();
        empty.demand.stop();
        empty.director = Director::default();
        empty.stale = true;
        stage.rehearse(&empty, scenario, lights, utc)?;
        self.stage = stage;
        self.stale = true;
        Ok(())
    }

    /// Every actor's name and number.
    pub(crate) fn actors(&self) -> impl Iterator<Item = (&str, u64)> {
        self.stage.names()
    }

    /// What actors' units say beside their motion, by number, of those in `truth`.
    pub(crate) fn details(&self, truth: &[TruthObject]) -> BTreeMap<u64, VehicleDetails> {
        if self.stage.is_empty() {
            return BTreeMap::new();
        }
        let of = |object: &TruthObject| {
            let slides = self.vehicle(object.id).is_some_and(Vehicle::slides);
            Some((object.id, self.stage.details(object.id, object.acceleration_mps2, slides)?))
        };
        truth.iter().filter_map(of).collect()
    }

    /// Takes down everybody as they are now. Whose unit has which id is not known here: `vehicle` only says who has one.
    pub(crate) fn observe(&self, truth: &mut Vec<TruthObject>) {
        truth.clear();
        truth.extend(self.vehicles.iter().map(|vehicle| vehicle.observed(&self.net)));
        truth.extend(self.walkers.iter().map(Walker::observed));
    }

    /// One step: `time_s` and `utc` are its beginning.
    pub(crate) fn step(&mut self, lights: &Lights, utc: Utc, time_s: f64, dt_s: f64) {
        if core::mem::take(&mut self.stale) {
            self.around.look(&self.net, &self.vehicles, &self.walkers);
        }
        if !self.stage.is_empty() {
            let scene = self.around.scene(&self.net, lights, time_s, dt_s);
            if self.stage.play(&scene, &mut self.vehicles, &mut self.walkers) {
                self.around.look(&self.net, &self.vehicles, &self.walkers);
            }
        }
        self.drive(lights, time_s, dt_s);
        let stage = &self.stage;
        for walker in self.walkers.iter_mut().filter(|walker| !stage.holds(walker.id)) {
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

    /// Whether fog of an incident lies over a place.
    pub(crate) fn is_foggy(&self, at: Point) -> bool {
        self.around.obstacles.is_foggy(at, trouble::FOG_M)
    }

    /// A vehicle's speed, metres per second; `None` if it has left.
    pub(crate) fn speed_mps(&self, vehicle: u64) -> Option<f64> {
        self.vehicle(vehicle).map(|vehicle| vehicle.v_mps)
    }

    fn vehicle(&self, number: u64) -> Option<&Vehicle> {
        self.vehicles.binary_search_by_key(&number, |v| v.id).ok().map(|index| &self.vehicles[index])
    }

    /// Whether a vehicle is more than a tenth over the limit of its lane; false if it has left.
    pub(crate) fn is_speeding(&self, vehicle: u64) -> bool {
        let Some(vehicle) = self.vehicle(vehicle) else { return false };
        let limit_mps =
            self.around.obstacles.limit_mps(vehicle.lane()).min(self.net.facts(vehicle.lane()).speed_limit_mps);
        vehicle.v_mps > SPEEDING * limit_mps
    }

    /// What is wrong with the road, as far as it began by `by_s`.
    pub(crate) fn conditions(&self, by_s: f64) -> impl Iterator<Item = &Condition> {
        self.around.obstacles.conditions(by_s)
    }

    /// Whether a vehicle is the first before a light that does not let it go; false if it has left.
    pub(crate) fn faces_red(&self, vehicle: u64, lights: &Lights) -> bool {
        let Some(vehicle) = self.vehicle(vehicle) else { return false };
        let scene = self.around.scene(&self.net, lights, 0.0, 0.0);
        let ahead = vehicle.path[vehicle.at + 1..].iter();
        let next = ahead.copied().find(|lane| self.net.lane(*lane).movement.is_some());
        let is_first = || !self.vehicles.iter().any(|other| other.lane() == vehicle.lane() && other.s_m > vehicle.s_m);
        next.is_some_and(|connector| !junction::has_go(&scene, connector)) && is_first()
    }

    /// A driver was shown a warning, and answers so. A stricter answer that still holds stays.
    pub(crate) fn warn(&mut self, vehicle: u64, answer: Wary) {
        let Ok(index) = self.vehicles.binary_search_by_key(&vehicle, |v| v.id) else { return };
        let wary = &mut self.vehicles[index].wary;
        let held = wary.as_deref().copied().filter(|held| held.until_s > answer.from_s);
        *wary = Some(Box::new(held.map_or(answer, |held| Wary {
            from_s: held.from_s.min(answer.from_s),
            until_s: held.until_s.max(answer.until_s),
            mps: held.mps.min(answer.mps),
            stays: held.stays || answer.stays,
        })));
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
        self.scripted = false;
        self.found.forget();
        for (index, (vehicle, &a_mps2)) in self.vehicles.iter_mut().zip(&self.accelerations).enumerate() {
            let bound = scene.service.bound(vehicle);
            motion::advance(&scene, vehicle, a_mps2, bound);
            if vehicle.script.is_some_and(|script| script.until_s() <= time_s) {
                vehicle.script = None;
            }
            self.scripted |= vehicle.script.is_some();
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
        self.changed.clear();
        for &(own, overtakes) in &self.thinking {
            if scene.service.serve(&mut vehicles[own], time_s) {
                let bound = scene.service.bound(&vehicles[own]);
                route::choose_aim(&self.net, &mut vehicles[own], bound);
            }
            if overtakes {
                let bound = scene.service.bound(&vehicles[own]);
                if let Some(connector) = junction::way_round(&scene, &vehicles[own], own) {
                    let aim = Aim { lane: vehicles[own].lane(), connector: Some(connector) };
                    vehicles[own].standing_s = 0.0;
                    route::take(&self.net, &mut vehicles[own], aim, bound);
                }
                lane_change::consider_overtaking(&scene, vehicles, own, bound);
                if !scene.obstacles.is_empty()
                    && let Some(aim) = obstacle::way_past(&scene, &vehicles[own])
                {
                    vehicles[own].aim = Some(aim);
                }
            }
            if vehicles[own].aim.is_some() {
                let bound = scene.service.bound(&vehicles[own]);
                let before = self.taken.len();
                lane_change::change(&scene, vehicles, own, bound, &mut self.taken);
                if self.taken.len() > before {
                    self.changed.push(own);
                }
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
        let stage = &self.stage;
        self.walkers.retain(|walker| !walker.is_done() || stage.holds(walker.id));
        if self.vehicles.len() < before {
            self.around.occupancy.rebuild(&self.net, &self.vehicles);
        } else if !self.changed.is_empty() {
            self.around.occupancy.find_again(&self.net, &self.vehicles, &self.changed);
        }
        self.around.look_at_crossings(&self.net, &self.vehicles, &self.walkers);
        self.around.crawls.retain(|crawl| crawl.until_s > time_s);
        self.around.obstacles.end(time_s);
        let there = (self.vehicles.len(), self.walkers.len());
        let scene = self.around.scene(&self.net, lights, time_s, dt_s);
        let mut people = People::new(&mut self.walkers, &mut self.demand);
        self.director.step(&scene, &mut self.vehicles, &mut people, self.scripted);
        let (begun, blocks, slow, conditions) = (people.begun, people.blocks, people.slow, people.conditions);
        if self.vehicles.len() > there.0 {
            // Those who came with an incident are there already.
            self.around.occupancy.rebuild(&self.net, &self.vehicles);
        }
        let scene = self.around.scene(&self.net, lights, time_s, dt_s);
        self.demand.bring_vehicles(&scene, &mut self.vehicles, false, 3);
        self.demand.bring_trips(&scene, utc, &mut self.vehicles);
        self.demand.bring_walkers(&self.net, &mut self.walkers, false);
        self.around.crawls.extend(begun);
        conditions.into_iter().for_each(|condition| self.around.obstacles.add_condition(condition));
        blocks.into_iter().for_each(|block| self.around.obstacles.add_block(block));
        slow.into_iter().for_each(|slow| self.around.obstacles.add_slow(slow));
        self.stale = there != (self.vehicles.len(), self.walkers.len());
    }
}
