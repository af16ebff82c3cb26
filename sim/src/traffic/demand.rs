//! Who comes and who goes: the wanted numbers are kept up from places that no site sees.

use super::Scene;
use super::crossing::is_free;
use super::follow::ahead;
use super::roads::{Place, RoadNet, reach_m};
use super::route::{self, AWAY_M};
use super::trips::{Trip, Trips};
use super::vehicle::{Driver, Duty, RoadUserKind, Vehicle};
use super::walker::{self, Walker};
use crate::rng::{Purpose, Seed, Stream, chance, uniform};
use crate::scenario::{DriverPlan, Scenario, TrafficPlan};
use jxz_map::{CrossingIx, LaneIx, LaneKind};
use jxz_units::Utc;
use smallvec::{SmallVec, smallvec};

/// Distance between places to begin at, metres.
const SPOT_M: f64 = 12.0;
/// Numbers of vehicles and of walkers are apart, so that one more of the ones does not renumber the others.
pub(crate) const WALKER_IDS: u64 = 1 << 32;

/// Where those who come in at an edge begin, metres along their lane.
const ENTER_M: f64 = 14.0;
/// Cars of a queue that is there from the beginning.
const QUEUE: u32 = 6;

/// A place on a lane.
type Spot = (LaneIx, f64);

/// Where road users begin, and how many are wanted.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    seed: Seed,
    plan: TrafficPlan,
    shares: Shares,
    motor: Spots,
    cycle: Spots,
    crossings: Vec<CrossingIx>,
    streams: [Stream; 2],
    next_vehicle: u64,
    next_walker: u64,
    next_bus: usize,
    trips: Trips,
    /// Vehicles by kind, and what they were counted for: the newest one's number, and how many there were.
    there: [u32; 6],
    /// Of those, the ones on a trip from edge to edge.
    passing: u32,
    counted: (Option<u64>, usize),
}

/// Places for one kind of lane.
#[derive(Debug, Clone, Default)]
struct Spots {
    /// For the first moment: near the sites.
    near: Vec<Spot>,
    /// For later: near, but not seen.
    hidden: Vec<Spot>,
}

impl Spots {
    fn of(net: &RoadNet, kind: LaneKind) -> Self {
        let mut spots = Self::default();
        for ix in net.lanes().filter(|&ix| net.lane(ix).kind == kind) {
            let lane = net.lane(ix);
            let level = lane.link.map(|link| net.map.link(link).level);
            let length_m = net.length_m(ix);
            if level != Some(0) || (lane.successors.is_empty() && length_m < 120.0) {
                continue;
            }
            let first_m = 14.0_f64.min(length_m / 2.0);
            let mut s_m = first_m;
            while s_m < (length_m - 25.0).max(first_m + 0.1) {
                let out_m = reach_m(&net.map, lane.centre.point_at(s_m));
                if out_m < AWAY_M || out_m.is_infinite() {
                    spots.near.push((ix, s_m));
                }
                let entry = lane.predecessors.is_empty() && s_m < 40.0;
                if (out_m > 25.0 && out_m < AWAY_M * 0.6) || (entry && (out_m < AWAY_M || out_m.is_infinite())) {
                    spots.hidden.push((ix, s_m));
                }
                s_m += SPOT_M;
            }
        }
        if spots.hidden.is_empty() {
            spots.hidden.clone_from(&spots.near);
        }
        spots
    }
}

impl Demand {
    pub(crate) fn new(net: &RoadNet, scenario: &Scenario, seed: Seed) -> Self {
        let reach = |ix: &CrossingIx| {
            let line = &net.map.crossing(*ix).line;
            reach_m(&net.map, line.point_at(line.length_m() / 2.0))
        };
        let all = (0..net.map.crossings.len() as u32).map(CrossingIx);
        Self {
            seed,
            plan: scenario.traffic.clone(),
            shares: Shares {
                connected: scenario.on_board.share,
                automated: scenario.traffic.automated_share,
                drivers: scenario.traffic.drivers,
            },
            motor: Spots::of(net, LaneKind::Driving),
            cycle: Spots::of(net, LaneKind::Cycle),
            crossings: all.filter(|ix| reach(ix) < 0.0 || reach(ix).is_infinite()).collect(),
            streams: core::array::from_fn(|k| seed.stream(Purpose::Demand, k as u64)),
            // The first numbers are the actors'.
            next_vehicle: 1 + scenario.actors.len() as u64,
            next_walker: WALKER_IDS + scenario.actors.len() as u64,
            next_bus: 0,
            there: [0; 6],
            passing: 0,
            trips: Trips::new(net, &scenario.traffic, seed),
            counted: (None, 0),
        }
    }

    /// Brings nobody any more.
    pub(crate) fn stop(&mut self) {
        self.plan =
            TrafficPlan { vehicles: 0, buses_per_line: 0, cyclists: 0, pedestrians: 0, ..TrafficPlan::default() };
    }

    /// A number for one more walker that a script brings.
    pub(crate) fn walker_id(&mut self) -> u64 {
        self.next_walker += 1;
        self.next_walker - 1
    }

    /// Brings vehicles until the wanted numbers are there or `tries` places were looked at.
    pub(crate) fn bring_vehicles(&mut self, scene: &Scene<'_>, vehicles: &mut Vec<Vehicle>, first: bool, tries: usize) {
        let (newest, number) = (vehicles.last().map(|v| v.id), vehicles.len());
        if (newest, number) != self.counted {
            self.counted = (newest, number);
            (self.there, self.passing) = ([0; 6], 0);
            for vehicle in vehicles.iter() {
                self.there[vehicle.kind as usize] += 1;
                self.passing += u32::from(vehicle.goal.is_some());
            }
        }
        let there = self.there;
        let count = |kind: RoadUserKind| there[kind as usize];
        let driving = count(RoadUserKind::Car) + count(RoadUserKind::Truck) - self.passing;
        let motor = self.plan.vehicles.saturating_sub(driving);
        let riding = count(RoadUserKind::Cyclist) + count(RoadUserKind::EBike);
        let cycles = self.plan.cyclists.saturating_sub(riding);
        let buses = self.plan.buses_per_line * scene.service.lines.len() as u32;
        let buses = buses.saturating_sub(count(RoadUserKind::Bus));
        let mut taken: Vec<LaneIx> = Vec::new();
        for (kind, wanted) in [(RoadUserKind::Bus, buses), (RoadUserKind::Car, motor), (RoadUserKind::Cyclist, cycles)]
        {
            let mut left = wanted;
            for _ in 0..tries {
                if left == 0 {
                    break;
                }
                let Some(vehicle) = self.draw(scene, kind, first) else { break };
                let (lane, s_m) = (vehicle.lane(), vehicle.s_m);
                if !taken.contains(&lane) && has_room(scene, vehicles, lane, s_m, &vehicle) {
                    taken.push(lane);
                    self.next_vehicle += 1;
                    self.next_bus += usize::from(kind == RoadUserKind::Bus);
                    vehicles.push(vehicle);
                    left -= 1;
                }
            }
        }
    }

    /// Brings those who come in at the map's edges, as far as there is room.
    pub(crate) fn bring_trips(&mut self, scene: &Scene<'_>, utc: Utc, vehicles: &mut Vec<Vehicle>) {
        self.trips.come(scene.net, utc, scene.dt_s);
        let first: Vec<(usize, LaneIx, Trip)> = self.trips.first().collect();
        for (number, entry, trip) in first {
            let spot = (entry, ENTER_M.min(scene.net.length_m(entry) / 2.0));
            if !is_free(scene.occupancy, entry, 0.0, spot.1 + 1.0) {
                continue;
            }
            let errand = Errand { goal: Some(trip.goal), ..Errand::default() };
            let mut vehicle = build(scene, (self.seed, self.next_vehicle), trip.kind, spot, errand, self.shares);
            if let Some(mps) = entry_mps(scene, &vehicle) {
                vehicle.v_mps = mps;
                self.trips.enter(number);
                self.next_vehicle += 1;
                vehicles.push(vehicle);
            }
        }
    }

    /// Vehicles that could not come in at the map's edges.
    pub(crate) fn turned_away(&self) -> u64 {
        self.trips.turned_away
    }

    /// Brings up to `count` cars more than planned, at hidden places on the given lanes.
    pub(crate) fn bring_more(
        &mut self,
        scene: &Scene<'_>,
        vehicles: &mut Vec<Vehicle>,
        lanes: &[LaneIx],
        count: usize,
    ) {
        let spots: Vec<Spot> = self.motor.hidden.iter().filter(|(lane, _)| lanes.contains(lane)).copied().collect();
        let mut taken: Vec<Spot> = Vec::new();
        for spot in spots.into_iter().rev() {
            let apart = taken.iter().all(|other| other.0 != spot.0 || (other.1 - spot.1).abs() > 30.0);
            if taken.len() < count && apart {
                let vehicle = self.build_car(scene, spot);
                if has_room(scene, vehicles, spot.0, spot.1, &vehicle) {
                    taken.push(spot);
                    self.next_vehicle += 1;
                    vehicles.push(vehicle);
                }
            }
        }
    }

    /// Brings a queue that crawls on a lane from the very beginning, before anyone has looked.
    pub(crate) fn bring_queue(&mut self, scene: &Scene<'_>, vehicles: &mut Vec<Vehicle>, lane: LaneIx, mps: f64) {
        const APART_M: f64 = 15.0;
        for place in 1..=QUEUE {
            let s_m = APART_M * f64::from(place);
            let inside = s_m + 20.0 < scene.net.length_m(lane);
            let mut vehicle = self.build_car(scene, (lane, s_m));
            if inside && is_free(scene.occupancy, lane, s_m - vehicle.length_m - 8.0, s_m + 8.0) {
                vehicle.v_mps = mps;
                self.next_vehicle += 1;
                vehicles.push(vehicle);
            }
        }
    }

    fn build_car(&self, scene: &Scene<'_>, spot: Spot) -> Vehicle {
        build(scene, (self.seed, self.next_vehicle), RoadUserKind::Car, spot, Errand::default(), self.shares)
    }

    /// One vehicle of a kind at a drawn place; `None` if there is no place for its kind.
    fn draw(&mut self, scene: &Scene<'_>, kind: RoadUserKind, first: bool) -> Option<Vehicle> {
        let rides = kind == RoadUserKind::Cyclist;
        let stream = &mut self.streams[usize::from(rides)];
        let mixed = rides && chance(stream, self.plan.mixed_share);
        let ebike = rides && chance(stream, self.plan.ebike_share);
        let spots = if rides && !mixed { &self.cycle } else { &self.motor };
        let spots = if first { &spots.near } else { &spots.hidden };
        if spots.is_empty() {
            return None;
        }
        let draw = ((uniform(stream, 0.0, 1.0) * spots.len() as f64) as usize).min(spots.len() - 1);
        let truck = kind == RoadUserKind::Car && chance(stream, self.plan.truck_share);
        let kind = if truck { RoadUserKind::Truck } else { kind };
        let kind = if ebike { RoadUserKind::EBike } else { kind };
        let (mut spot, mut duty) = (spots[draw], None);
        if mixed {
            // On the rightmost lane.
            while let Some(right) = scene.net.lane(spot.0).right {
                spot.0 = right;
            }
        }
        if kind == RoadUserKind::Bus {
            let line = self.next_bus % scene.service.lines.len().max(1);
            let stops = scene.service.lines.get(line)?;
            let at = draw % stops.len();
            duty = Some(Box::new(Duty { line, next: (at + 1) % stops.len(), dwell_until_s: None }));
            spot = stops[at];
        }
        let errand = Errand { duty, mixed, goal: None };
        Some(build(scene, (self.seed, self.next_vehicle), kind, spot, errand, self.shares))
    }

    /// Brings walkers until the wanted number is there, alone or in groups.
    pub(crate) fn bring_walkers(&mut self, net: &RoadNet, walkers: &mut Vec<Walker>, begun: bool) {
        if self.crossings.is_empty() {
            return;
        }
        let mut missing =
            (self.plan.pedestrians as usize).saturating_sub(walkers.iter().filter(|w| !w.scripted).count());
        while missing > 0 {
            let id = self.walker_id();
            let mut stream = self.seed.stream(Purpose::Walker, id);
            let draw = (uniform(&mut stream, 0.0, 1.0) * self.crossings.len() as f64) as usize;
            let crossing = self.crossings[draw.min(self.crossings.len() - 1)];
            let Some(mut first) = walker::draw(net, id, crossing, begun, self.plan.jaywalk_share, &mut stream) else {
                missing -= 1;
                continue;
            };
            // A share of people in groups is a smaller share of groups.
            let grouped = chance(&mut stream, self.plan.group_share / (3.0 - 2.0 * self.plan.group_share));
            let size = if grouped { 2 + (uniform(&mut stream, 0.0, 3.0) as usize).min(2) } else { 1 };
            first.join_group(size.min(missing));
            for place in 1..size.min(missing) {
                walkers.push(first.companion(self.walker_id(), place));
            }
            walkers.push(first);
            missing -= size.min(missing);
        }
    }
}

/// What a vehicle is there for.
#[derive(Debug, Clone, Default)]
struct Errand {
    duty: Option<Box<Duty>>,
    /// The lane on which it leaves the map.
    goal: Option<LaneIx>,
    /// Whether it is a cycle that rides among the cars.
    mixed: bool,
}

/// Shares of vehicles with something special, 0 to 1, and how people drive.
#[derive(Debug, Clone, Copy)]
struct Shares {
    connected: f64,
    automated: f64,
    drivers: DriverPlan,
}

/// A vehicle at a place, with its driver and its way ahead.
fn build(
    scene: &Scene<'_>,
    (seed, id): (Seed, u64),
    kind: RoadUserKind,
    spot: Spot,
    errand: Errand,
    shares: Shares,
) -> Vehicle {
    let mut stream = seed.stream(Purpose::Driver, id);
    let (length_m, ..) = kind.size_m();
    let stretch = if kind == RoadUserKind::Car { uniform(&mut stream, 0.92, 1.1) } else { 1.0 };
    let rides = matches!(kind, RoadUserKind::Cyclist | RoadUserKind::EBike);
    let automated = !rides && chance(&mut stream, shares.automated);
    let driver = Driver::draw(kind, automated, &shares.drivers, &mut stream);
    let connected = !rides && chance(&mut stream, shares.connected);
    let mut vehicle = Vehicle {
        id,
        kind,
        length_m: length_m * stretch,
        path: smallvec![spot.0],
        at: 0,
        s_m: spot.1,
        v_mps: (scene.net.facts(spot.0).comfortable_mps * 0.6).min(driver.top_mps),
        a_mps2: 0.0,
        lateral_m: 0.0,
        leaving: None,
        aim: None,
        driver,
        tickets: SmallVec::new(),
        standing_s: 0.0,
        mixed: errand.mixed,
        free_s: 0.0,
        place: Place::unknown(),
        goal: errand.goal,
        duty: errand.duty,
        script: None,
        wary: None,
        connected,
        stream: Box::new(stream),
    };
    let bound = scene.service.bound(&vehicle);
    route::extend(scene.net, &mut vehicle, bound);
    route::choose_aim(scene.net, &mut vehicle, bound);
    vehicle
}

/// An actor at a place; its way and its script are its scenario's.
pub(crate) fn build_actor(scene: &Scene<'_>, id: u64, kind: RoadUserKind, spot: Spot, connected: bool) -> Vehicle {
    let shares = Shares { connected: 0.0, automated: 1.0, drivers: DriverPlan::default() };
    Vehicle { connected, ..build(scene, (Seed(0), id), kind, spot, Errand::default(), shares) }
}

/// The speed at which somebody comes in at an edge, keeping its headway from the one ahead; `None` while there is no
/// room to.
fn entry_mps(scene: &Scene<'_>, new: &Vehicle) -> Option<f64> {
    let driver = &new.driver;
    let line_m = (scene.net.facts(new.lane()).hold_m - new.s_m).max(0.0);
    let wanted_mps = (scene.net.facts(new.lane()).comfortable_mps * driver.eagerness).min(driver.top_mps);
    let free_mps = wanted_mps.min((2.0 * driver.brake_mps2 * line_m).sqrt());
    let Some((entry, gap_m)) = ahead(scene.net, scene.occupancy, new, usize::MAX) else { return Some(free_mps) };
    let mps = free_mps.min(entry.v_mps);
    (gap_m > driver.standstill_m + mps * driver.headway_s).then_some(mps)
}

/// Whether someone can begin at a place without anyone having to brake hard.
fn has_room(scene: &Scene<'_>, vehicles: &[Vehicle], lane: LaneIx, s_m: f64, new: &Vehicle) -> bool {
    let rear_m = s_m - new.length_m;
    let ahead_m = 8.0 + 2.0 * new.v_mps;
    let behind_m = 45.0;
    let line_m = scene.net.facts(lane).hold_m;
    let stops = new.v_mps * new.v_mps / 3.0 < line_m - s_m || scene.net.length_m(lane) < 40.0;
    stops
        && is_free(scene.occupancy, lane, rear_m - behind_m, s_m + ahead_m)
        && scene.net.lane(lane).predecessors.iter().all(|&before| {
            let length_m = scene.net.length_m(before);
            let near = is_free(scene.occupancy, before, length_m + rear_m - behind_m, length_m);
            near || rear_m > behind_m
        })
        && scene.net.lane(lane).successors.iter().all(|&next| {
            let left_m = scene.net.length_m(lane) - s_m;
            left_m > ahead_m || is_free(scene.occupancy, next, 0.0, ahead_m - left_m)
        })
        && vehicles.last().is_none_or(|last| last.id < new.id)
}

/// Whether a vehicle has left: at the end of its way, or away from every site for good.
pub(crate) fn has_left(net: &RoadNet, vehicle: &Vehicle) -> bool {
    let at_end = vehicle.at + 1 == vehicle.path.len() && vehicle.s_m > net.length_m(vehicle.lane()) - 1.0;
    let away = || {
        let reach_m = reach_m(&net.map, vehicle.place(net).0);
        reach_m.is_finite() && reach_m > AWAY_M
    };
    let looks = vehicle.duty.is_none()
        && vehicle.goal.is_none()
        && vehicle.script.is_none()
        && net.facts(vehicle.lane()).leads_away;
    at_end || (looks && away())
}
