//! What goes wrong, and when: picks those whom a scripted incident befalls and gives them their scripts.

use super::congestion::{self, Crawl};
use super::demand::Demand;
use super::follow::{leader, time_to_s};
use super::junction::to_start_m;
use super::obstacle::{Block, Condition, Slow};
use super::roads::{RoadNet, Shape, Zone};
use super::script::Script;
use super::vehicle::{RoadUserKind, Vehicle};
use super::walker::{Stage, Walker};
use super::{Scene, junction, trouble};
use crate::rng::{Purpose, Seed, uniform};
use crate::scenario::{Incident, IncidentKind};
use jxz_geo::{Point, Polyline, Vector};
use jxz_map::{LaneIx, LaneKind};

/// How often a due incident looks for someone whom it can befall, seconds.
const LOOK_EVERY_S: f64 = 0.25;
/// How long it looks around one site before it tries the next, seconds.
const PATIENCE_S: f64 = 1.0;
/// How long a slow driver waits for the next to close up, seconds.
const CLOSE_UP_S: f64 = 20.0;
/// For how long a driver looks away, seconds.
const LOOKS_AWAY_S: f64 = 8.0;

/// For how long a driver brakes hard and stays slow, seconds.
const BRAKES_FOR_S: f64 = 3.5;

/// One incident and when it is due.
#[derive(Debug, Clone)]
struct Entry {
    plan: Incident,
    due_s: f64,
    look_s: f64,
    site: usize,
}

/// Runs the incidents of a scenario.
#[derive(Debug, Clone, Default)]
pub(crate) struct Director {
    entries: Vec<Entry>,
    sites: Vec<(Point, f64)>,
    /// Slow drivers, who follows each of them, and until when to wait for that one to close up.
    pairs: Vec<(u64, u64, f64)>,
    /// How often each incident happened.
    pub(crate) happened: Vec<u64>,
}

/// What an incident changes when it happens.
pub(super) enum Deed {
    Script(usize, Script),
    StepOut(Box<Walker>, usize, Script),
    Crawl(Crawl),
    /// The first drives slowly until the second has closed up, then brakes.
    Pair(usize, usize),
    /// Both stop here and there; what they leave is shut.
    Crash([(usize, Script); 2], Block),
    /// A lane is shut, and others slow.
    Shut(Block, Option<Slow>),
    Slow(Slow),
    /// Something or someone that no lane knows of.
    Stray(Box<Walker>),
}

impl Director {
    pub(crate) fn new(net: &RoadNet, incidents: &[Incident], seed: Seed) -> Self {
        let entry = |(number, plan): (usize, &Incident)| {
            let mut stream = seed.stream(Purpose::Incident, number as u64);
            let named = plan.site.as_ref().and_then(|name| net.map.sites.iter().position(|site| site.id.0 == *name));
            Entry {
                due_s: plan.from_s,
                look_s: plan.from_s,
                site: named.unwrap_or_else(|| uniform(&mut stream, 0.0, 1000.0) as usize),
                plan: plan.clone(),
            }
        };
        Self {
            entries: incidents.iter().enumerate().map(entry).collect(),
            sites: net.map.sites.iter().map(|site| (site.position, site.coverage_m)).collect(),
            pairs: Vec::new(),
            happened: vec![0; incidents.len()],
        }
    }

    /// Lets due incidents happen where they can; `scripted`: whether anyone acts in one already.
    pub(crate) fn step(
        &mut self,
        scene: &Scene<'_>,
        vehicles: &mut Vec<Vehicle>,
        people: &mut People<'_>,
        scripted: bool,
    ) {
        people.begun.clear();
        for crawl in scene.crawls {
            congestion::attract(scene, vehicles, crawl);
        }
        if scripted {
            brake_runners(scene, vehicles);
            trouble::make_way(scene, vehicles);
        }
        self.brake_pairs(scene, vehicles);
        for (number, entry) in self.entries.iter_mut().enumerate() {
            let over = entry.plan.until_s.is_some_and(|until_s| scene.time_s > until_s);
            if over || scene.time_s < entry.due_s || scene.time_s < entry.look_s || self.sites.is_empty() {
                continue;
            }
            entry.look_s = scene.time_s + LOOK_EVERY_S;
            let site = entry.site % self.sites.len();
            // Congestion looks at every site at once: it needs the busiest.
            let one = entry.plan.site.is_some() || entry.plan.kind != IncidentKind::Congestion;
            let sites = if one { &self.sites[site..=site] } else { &self.sites[..] };
            if let Some(deed) = find(scene, vehicles, sites, &entry.plan) {
                self.happened[number] += 1;
                entry.due_s = (entry.due_s + entry.plan.every_s).max(scene.time_s + 1.0);
                entry.site += usize::from(entry.plan.site.is_none());
                let number = (number as u64) << 32 | self.happened[number];
                people.conditions.extend(trouble::condition(scene, entry.plan.kind, &deed, number));
                if let Deed::Pair(ahead, behind) = deed {
                    self.pairs.push((vehicles[ahead].id, vehicles[behind].id, scene.time_s + CLOSE_UP_S));
                }
                people.carry_out(scene, vehicles, deed);
            } else if entry.plan.site.is_none() && scene.time_s - entry.due_s > PATIENCE_S {
                // Nobody fits here: look at the next site at the next chance.
                entry.site += 1;
                entry.look_s = scene.time_s + LOOK_EVERY_S;
            }
        }
    }
}

/// What incidents bring into being.
pub(crate) struct People<'a> {
    pub(crate) walkers: &'a mut Vec<Walker>,
    /// Congestion that begins now.
    pub(crate) begun: Vec<Crawl>,
    /// What is shut and what is slow from now on.
    pub(crate) blocks: Vec<Block>,
    pub(crate) slow: Vec<Slow>,
    /// What is wrong with the road from now on.
    pub(crate) conditions: Vec<Condition>,
    pub(crate) demand: &'a mut Demand,
}

impl<'a> People<'a> {
    pub(crate) const fn new(walkers: &'a mut Vec<Walker>, demand: &'a mut Demand) -> Self {
        Self { walkers, begun: Vec::new(), blocks: Vec::new(), slow: Vec::new(), conditions: Vec::new(), demand }
    }

    fn carry_out(&mut self, scene: &Scene<'_>, vehicles: &mut Vec<Vehicle>, deed: Deed) {
        match deed {
            Deed::Script(index, script) => vehicles[index].script = Some(script),
            Deed::Crawl(crawl) => {
                let feeders = congestion::feeders(scene, crawl.link);
                self.demand.bring_more(scene, vehicles, &feeders, congestion::SURGE);
                if scene.time_s == 0.0 {
                    let driving = |lane: &&LaneIx| scene.net.lane(**lane).kind == LaneKind::Driving;
                    if let Some(&lane) = crawl.lanes.iter().find(driving) {
                        self.demand.bring_queue(scene, vehicles, lane, crawl.mps);
                    }
                }
                self.begun.push(crawl);
            }
            Deed::Pair(ahead, _) => {
                let slow = Script::Speed { factor: 0.6, until_s: scene.time_s + CLOSE_UP_S };
                vehicles[ahead].script = Some(slow);
            }
            Deed::Crash(both, block) => {
                for (index, script) in both {
                    vehicles[index].script = Some(script);
                }
                self.blocks.push(block);
            }
            Deed::Shut(block, slow) => {
                self.blocks.push(block);
                self.slow.extend(slow);
            }
            Deed::Slow(slow) => self.slow.push(slow),
            Deed::Stray(mut stray) => {
                stray.id = self.demand.walker_id();
                self.walkers.push(*stray);
            }
            Deed::StepOut(mut walker, index, script) => {
                walker.id = self.demand.walker_id();
                self.walkers.push(*walker);
                vehicles[index].script = Some(script);
            }
        }
    }
}

impl Director {
    /// Slow drivers whose followers have closed up brake; the followers look away just then.
    fn brake_pairs(&mut self, scene: &Scene<'_>, vehicles: &mut [Vehicle]) {
        let index = |id: u64| vehicles.binary_search_by_key(&id, |v| v.id).ok();
        let mut brakes = Vec::new();
        self.pairs.retain(|&(first, second, until_s)| {
            let (Some(first), Some(second)) = (index(first), index(second)) else { return false };
            let gap_m = leader(scene.net, scene.occupancy, vehicles, second).filter(|(ahead, _)| *ahead == first);
            let Some((_, gap_m)) = gap_m else { return scene.time_s < until_s };
            let (ahead, behind) = (&vehicles[first], &vehicles[second]);
            let clear = on_link(scene, ahead).is_some_and(|left_m| left_m > 20.0) && ahead.v_mps > 4.5;
            if clear && behind.v_mps > 4.5 && behind.script.is_none() && gap_m < 4.0 + 1.9 * behind.v_mps {
                brakes.push((first, second));
                return false;
            }
            scene.time_s < until_s
        });
        for (first, second) in brakes {
            vehicles[first].script = Some(Script::Brake { until_s: scene.time_s + BRAKES_FOR_S });
            vehicles[second].script = Some(Script::Distracted { until_s: scene.time_s + 3.0 });
        }
    }
}

/// Someone whom the incident can befall near one of the sites now.
fn find(scene: &Scene<'_>, vehicles: &[Vehicle], sites: &[(Point, f64)], plan: &Incident) -> Option<Deed> {
    let near = |index: &usize| {
        let vehicle = &vehicles[*index];
        vehicle.script.is_none()
            && vehicle.kind == RoadUserKind::Car
            && sites.iter().any(|(site, radius_m)| (vehicle.place(scene.net).0 - site).norm() < radius_m * 0.9)
    };
    let cars: Vec<usize> = (0..vehicles.len()).filter(near).collect();
    let until_s = scene.time_s + plan.lasts_s;
    // Those with an on-board unit first: they are the ones who can be warned.
    let pick = |suits: &dyn Fn(usize) -> Option<Deed>| {
        let of = |connected: bool| cars.iter().filter(move |i| vehicles[**i].connected == connected);
        of(true).chain(of(false)).find_map(|&index| suits(index))
    };
    match plan.kind {
        IncidentKind::Speeder => pick(&|index| {
            let free = leader(scene.net, scene.occupancy, vehicles, index).is_none_or(|(_, gap_m)| gap_m > 60.0);
            let straight = on_link(scene, &vehicles[index]).is_some_and(|left_m| left_m > 110.0);
            (free && straight && vehicles[index].connected && vehicles[index].v_mps > 5.0)
                .then_some(Deed::Script(index, Script::Speed { factor: 1.4, until_s }))
        }),
        IncidentKind::StoppedVehicle => pick(&|index| {
            let vehicle = &vehicles[index];
            let left_m = on_link(scene, vehicle)?;
            let way_m = vehicle.v_mps * vehicle.v_mps / (2.0 * 1.6) + 4.0;
            let script = Script::Stand { lane: vehicle.lane(), at_m: vehicle.s_m + way_m, until_s };
            (left_m - way_m > 30.0 && vehicle.v_mps > 3.0).then_some(Deed::Script(index, script))
        }),
        IncidentKind::Congestion => congestion::find(scene, vehicles, sites, plan.lasts_s).map(Deed::Crawl),
        IncidentKind::Jaywalker => pick(&|index| step_out(scene, &vehicles[index], index)),
        IncidentKind::Runner => pick(&|index| run(scene, vehicles, index)),
        IncidentKind::HardBrake => pick(&|follower| {
            let (ahead, gap_m) = leader(scene.net, scene.occupancy, vehicles, follower)?;
            let (first, second) = (&vehicles[ahead], &vehicles[follower]);
            let suits = first.script.is_none()
                && !first.rides()
                && first.duty.is_none()
                && first.v_mps > 5.0
                && second.v_mps > 5.0
                && gap_m < 90.0
                && on_link(scene, first).is_some_and(|left_m| left_m > 60.0);
            suits.then_some(Deed::Pair(ahead, follower))
        }),
        IncidentKind::Crash => pick(&|index| trouble::crash(scene, vehicles, index, until_s)),
        IncidentKind::ThrownObject => pick(&|index| trouble::shut(scene, &vehicles[index], 1.5, until_s)),
        IncidentKind::RoadWorks => pick(&|index| trouble::shut(scene, &vehicles[index], 40.0, until_s)),
        IncidentKind::WrongWay => pick(&|index| trouble::wrong_way(scene, vehicles, index)),
        IncidentKind::Flood => pick(&|index| trouble::flood(scene, &vehicles[index], until_s)),
        IncidentKind::Fog => sites.first().map(|&(centre, _)| Deed::Slow(trouble::fog(scene, centre, until_s))),
        IncidentKind::EmergencyVehicle => pick(&|index| {
            let suits = vehicles[index].v_mps > 3.0 && on_link(scene, &vehicles[index]).is_some();
            suits.then_some(Deed::Script(index, Script::Hurry { until_s }))
        }),
    }
}

/// What is left of the link's lane that a vehicle drives on, metres; `None` in a junction or a lane change.
pub(super) fn on_link(scene: &Scene<'_>, vehicle: &Vehicle) -> Option<f64> {
    let lane = scene.net.lane(vehicle.lane());
    let line_m = scene.net.facts(vehicle.lane()).hold_m;
    (lane.link.is_some() && vehicle.leaving.is_none()).then_some(line_m - vehicle.s_m)
}

/// Someone on foot who walks before a car at its own speed, and a driver who sees it late.
fn step_out(scene: &Scene<'_>, car: &Vehicle, index: usize) -> Option<Deed> {
    const PACE_MPS: f64 = 1.5;
    const BEFORE_KERB_M: f64 = 2.5;
    let left_m = on_link(scene, car)?;
    let lane_ix = car.lane();
    let lane = scene.net.lane(lane_ix);
    let link = scene.net.map.link(lane.link?);
    let (mut right_m, mut outer) = (lane.width_m / 2.0, lane.right);
    while let Some(next) = outer {
        right_m += scene.net.lane(next).width_m;
        outer = scene.net.lane(next).right;
    }
    let reach_s = (BEFORE_KERB_M + right_m - 0.8) / PACE_MPS;
    let way_m = car.v_mps * (reach_s + 0.3);
    if car.v_mps < 6.0
        || left_m < way_m + 12.0
        || lane.crossings.iter().any(|(_, s)| (s - car.s_m - way_m).abs() < 15.0)
    {
        return None;
    }
    let width_m = |lanes: &[LaneIx]| lanes.iter().map(|&l| scene.net.lane(l).width_m).sum::<f64>();
    let other_side_m = link.opposite.map_or(0.0, |ix| width_m(&scene.net.map.link(ix).lanes));
    let left_side_m = width_m(&link.lanes) + other_side_m - right_m + 2.0;
    let (at, ahead) = (lane.centre.point_at(car.s_m + way_m), lane.centre.direction_at(car.s_m + way_m));
    let left = Vector::new(-ahead.y, ahead.x);
    let route = Polyline::new(vec![at - left * (right_m + BEFORE_KERB_M), at + left * left_side_m]).ok()?;
    let kerbs_m = (0.0, route.length_m());
    let walker = Walker {
        id: 0,
        route,
        s_m: 0.0,
        pace_mps: PACE_MPS,
        v_mps: PACE_MPS,
        stage: Stage::Crossing,
        crossing: None,
        backwards: false,
        kerbs_m,
        impatient: true,
        body: RoadUserKind::Pedestrian,
        scripted: true,
    };
    let script = Script::Distracted { until_s: scene.time_s + LOOKS_AWAY_S };
    Some(Deed::StepOut(Box::new(walker), index, script))
}

/// When a vehicle would enter and leave a zone at a speed that it takes up, seconds.
fn through_s(vehicle: &Vehicle, start_m: f64, stretch: (f64, f64), mps: f64) -> (f64, f64) {
    let time = |m: f64| {
        let slower = mps < vehicle.v_mps;
        if slower {
            m.max(0.0) / mps.max(0.5)
        } else {
            time_to_s(vehicle.v_mps, m, mps, vehicle.driver.accelerate_mps2)
        }
    };
    (time(start_m + stretch.0), time(start_m + stretch.1 + vehicle.length_m))
}

/// A first car before a line that may not go, another with the right to go, and a speed at which they would meet.
fn run(scene: &Scene<'_>, vehicles: &[Vehicle], index: usize) -> Option<Deed> {
    let car = &vehicles[index];
    let (comer, _) = junction::next_comer(scene, car, index)?;
    let reach_m = car.v_mps * car.v_mps / (2.0 * 1.8);
    if car.v_mps < 4.0 || comer.to_line_m < reach_m || comer.to_line_m > reach_m + 45.0 {
        return None;
    }
    if leader(scene.net, scene.occupancy, vehicles, index).is_some_and(|(_, gap_m)| gap_m < comer.to_line_m + 20.0) {
        return None;
    }
    let limit_mps = scene.net.facts(comer.connector).comfortable_mps;
    let held = !junction::has_go(scene, comer.connector);
    let zones = scene.net.zones(comer.connector);
    let crossed: Vec<&Zone> = zones.iter().filter(|z| z.shape == Shape::Cross && (held || z.yields)).collect();
    let speeds = [1.0, 0.8, 1.15, 0.65].map(|factor: f64| factor * limit_mps);
    let mps = speeds.into_iter().filter(|mps| *mps > 4.0).find(|&mps| {
        crossed.iter().any(|zone| {
            let own = through_s(car, comer.to_start_m, (zone.enter_m, zone.leave_m), mps);
            vehicles.iter().any(|other| other.id != car.id && meets(scene, other, zone, own))
        })
    })?;
    let script = Script::Run { connector: comer.connector, mps, until_s: scene.time_s + 12.0, brakes: false };
    Some(Deed::Script(index, script))
}

/// Whether another vehicle with the right to go would be in a zone at the same time.
fn meets(scene: &Scene<'_>, other: &Vehicle, zone: &Zone, own: (f64, f64)) -> bool {
    let may_go = || other.has_ticket(zone.other) || junction::has_go(scene, zone.other);
    let bound = other.path[other.at..].iter().take(3).any(|&lane| lane == zone.other);
    if other.script.is_some() || other.v_mps < 3.0 || !bound || !may_go() {
        return false;
    }
    let cruise_mps = scene.net.facts(zone.other).comfortable_mps.min(other.driver.top_mps).max(other.v_mps);
    to_start_m(scene, other, zone.other).is_some_and(|start_m| {
        let theirs = through_s(other, start_m, (zone.other_enter_m, zone.other_leave_m), cruise_mps);
        own.0 < theirs.1 && theirs.0 < own.1
    })
}

/// Runners that are warned, or that see the other at the last moment, brake as hard as they can.
fn brake_runners(scene: &Scene<'_>, vehicles: &mut [Vehicle]) {
    for index in 0..vehicles.len() {
        let Some(Script::Run { connector, mps, until_s, brakes: false }) = vehicles[index].script else { continue };
        let runner = &vehicles[index];
        let Some(start_m) = to_start_m(scene, runner, connector) else {
            vehicles[index].script = None;
            continue;
        };
        let warned = runner.wary_mps(scene.time_s).is_some();
        let stop_m = runner.v_mps * runner.v_mps / (2.0 * 6.5);
        let crossed = || scene.net.zones(connector).iter().filter(|zone| zone.shape == Shape::Cross);
        let sees = crossed().any(|zone| {
            let to_zone_m = start_m + zone.enter_m;
            let near = to_zone_m > 0.0 && to_zone_m < stop_m + 2.5;
            let own = through_s(runner, start_m, (zone.enter_m, zone.leave_m), runner.v_mps);
            near && vehicles.iter().any(|other| other.id != runner.id && comes(scene, other, zone, own))
        });
        if sees || (warned && crossed().all(|zone| start_m + zone.enter_m > stop_m)) {
            let until_s = until_s.min(scene.time_s + 3.5);
            vehicles[index].script = Some(Script::Run { connector, mps, until_s, brakes: true });
        }
    }
}

/// Whether another vehicle is in a zone or will be within half a second of the given time.
fn comes(scene: &Scene<'_>, other: &Vehicle, zone: &Zone, own: (f64, f64)) -> bool {
    to_start_m(scene, other, zone.other).is_some_and(|start_m| {
        let theirs = through_s(other, start_m, (zone.other_enter_m, zone.other_leave_m), other.v_mps.max(2.0));
        -start_m - other.length_m < zone.other_leave_m && own.0 < theirs.1 + 0.5 && theirs.0 < own.1 + 0.5
    })
}
