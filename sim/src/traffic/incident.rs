//! What goes wrong, and when: picks those whom a scripted incident befalls and gives them their scripts.

use super::demand::Demand;
use super::follow::{leader, time_to_s};
use super::junction::to_start_m;
use super::roads::{RoadNet, Shape, Zone};
use super::script::Script;
use super::vehicle::{RoadUserKind, Vehicle};
use super::walker::{Stage, Walker};
use super::{Scene, junction};
use crate::rng::{Purpose, Seed, Stream, uniform};
use crate::scenario::{Incident, IncidentKind};
use jxz_geo::{Point, Polyline, Vector};
use jxz_map::{LaneIx, LinkIx};

/// How often a due incident looks for someone whom it can befall, seconds.
const LOOK_EVERY_S: f64 = 0.25;
/// How long it looks around one site before it tries the next, seconds.
const PATIENCE_S: f64 = 4.0;

/// Lanes on which traffic crawls for a time.
#[derive(Debug, Clone)]
pub(crate) struct Crawl {
    pub(crate) lanes: Vec<LaneIx>,
    pub(crate) mps: f64,
    pub(crate) until_s: f64,
}

/// One incident and when it is due.
#[derive(Debug, Clone)]
struct Entry {
    plan: Incident,
    due_s: f64,
    look_s: f64,
    site: usize,
    stream: Stream,
}

/// Runs the incidents of a scenario.
#[derive(Debug, Clone, Default)]
pub(crate) struct Director {
    entries: Vec<Entry>,
    sites: Vec<(Point, f64)>,
    /// How often each incident happened.
    pub(crate) happened: Vec<u64>,
}

/// What an incident changes when it happens.
enum Deed {
    Script(usize, Script),
    StepOut(Box<Walker>, usize, Script),
    Crawl(Crawl),
}

impl Director {
    pub(crate) fn new(net: &RoadNet, incidents: &[Incident], seed: Seed) -> Self {
        let entry = |(number, plan): (usize, &Incident)| {
            let named = plan.site.as_ref().and_then(|name| net.map.sites.iter().position(|site| site.id.0 == *name));
            Entry {
                due_s: plan.from_s,
                look_s: plan.from_s,
                site: named.unwrap_or(number * 5),
                stream: seed.stream(Purpose::Incident, number as u64),
                plan: plan.clone(),
            }
        };
        Self {
            entries: incidents.iter().enumerate().map(entry).collect(),
            sites: net.map.sites.iter().map(|site| (site.position, site.coverage_m)).collect(),
            happened: vec![0; incidents.len()],
        }
    }

    /// Lets due incidents happen where they can.
    pub(crate) fn step(&mut self, scene: &Scene<'_>, vehicles: &mut [Vehicle], people: &mut People<'_>) {
        people.crawls.retain(|crawl| crawl.until_s > scene.time_s);
        brake_runners(scene, vehicles);
        for (number, entry) in self.entries.iter_mut().enumerate() {
            let over = entry.plan.until_s.is_some_and(|until_s| scene.time_s > until_s);
            if over || scene.time_s < entry.due_s || scene.time_s < entry.look_s || self.sites.is_empty() {
                continue;
            }
            entry.look_s = scene.time_s + LOOK_EVERY_S;
            let site = self.sites[entry.site % self.sites.len()];
            if let Some(deed) = find(scene, vehicles, site, &entry.plan, &mut entry.stream) {
                self.happened[number] += 1;
                entry.due_s = (entry.due_s + entry.plan.every_s).max(scene.time_s + 1.0);
                entry.site += usize::from(entry.plan.site.is_none());
                people.carry_out(vehicles, deed);
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
    pub(crate) crawls: &'a mut Vec<Crawl>,
    pub(crate) demand: &'a mut Demand,
}

impl People<'_> {
    fn carry_out(&mut self, vehicles: &mut [Vehicle], deed: Deed) {
        match deed {
            Deed::Script(index, script) => vehicles[index].script = Some(script),
            Deed::Crawl(crawl) => self.crawls.push(crawl),
            Deed::StepOut(mut walker, index, script) => {
                walker.id = self.demand.walker_id();
                self.walkers.push(*walker);
                vehicles[index].script = Some(script);
            }
        }
    }
}

/// Someone whom the incident can befall near a site now.
fn find(
    scene: &Scene<'_>,
    vehicles: &[Vehicle],
    (centre, radius_m): (Point, f64),
    plan: &Incident,
    stream: &mut Stream,
) -> Option<Deed> {
    let near = |index: &usize| {
        let vehicle = &vehicles[*index];
        vehicle.script.is_none()
            && vehicle.kind == RoadUserKind::Car
            && (vehicle.pose(scene.net).0 - centre).norm() < radius_m * 0.9
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
        IncidentKind::Congestion => busiest_link(scene, vehicles, centre, radius_m).map(|link| {
            let lanes = scene.net.map.link(link).lanes.clone();
            Deed::Crawl(Crawl { lanes, mps: 1.6, until_s })
        }),
        IncidentKind::Jaywalker => pick(&|index| step_out(scene, &vehicles[index], index)),
        IncidentKind::Runner => pick(&|index| run(scene, vehicles, index)),
        IncidentKind::HardBrake => {
            let hold_s = uniform(stream, 2.5, 4.0);
            pick(&|follower| {
                let (ahead, gap_m) = leader(scene.net, scene.occupancy, vehicles, follower)?;
                let (first, second) = (&vehicles[ahead], &vehicles[follower]);
                let suits = first.script.is_none()
                    && first.kind != RoadUserKind::Cyclist
                    && first.v_mps > 7.0
                    && second.v_mps > 6.5
                    && gap_m < 40.0
                    && first.lane() == second.lane()
                    && on_link(scene, first).is_some_and(|left_m| left_m > 40.0);
                suits.then_some(Deed::Script(ahead, Script::Brake { until_s: scene.time_s + hold_s }))
            })
        }
    }
}

/// What is left of the link's lane that a vehicle drives on, metres; `None` in a junction or a lane change.
fn on_link(scene: &Scene<'_>, vehicle: &Vehicle) -> Option<f64> {
    let lane = scene.net.lane(vehicle.lane());
    let line_m = lane.stop_line_m.unwrap_or(scene.net.length_m(vehicle.lane()));
    (lane.link.is_some() && vehicle.leaving.is_none()).then_some(line_m - vehicle.s_m)
}

/// The link near a site with the most vehicles on it, at least two.
fn busiest_link(scene: &Scene<'_>, vehicles: &[Vehicle], centre: Point, radius_m: f64) -> Option<LinkIx> {
    let links = (0..scene.net.map.links.len() as u32).map(LinkIx).filter(|&ix| {
        let link = scene.net.map.link(ix);
        let end = link.line.point_at((link.line.length_m() - 25.0).max(0.0));
        link.level == 0 && (end - centre).norm() < radius_m * 0.8 && link.line.length_m() > 60.0
    });
    let count = |ix: LinkIx| {
        let lanes = &scene.net.map.link(ix).lanes;
        let on = vehicles
            .iter()
            .filter(|v| v.kind != RoadUserKind::Cyclist && v.path[v.at..].iter().take(3).any(|l| lanes.contains(l)));
        on.count()
    };
    links
        .map(|ix| (count(ix), ix))
        .filter(|(n, _)| *n >= 3)
        .max_by_key(|(n, ix)| (*n, core::cmp::Reverse(*ix)))
        .map(|(_, ix)| ix)
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
        scripted: true,
    };
    // The driver sees it when hard braking just avoids the worst.
    let late_m = car.v_mps * car.v_mps / (2.0 * 5.5) + 3.0;
    let sees_s = scene.time_s + ((way_m - late_m) / car.v_mps).max(0.0);
    let script = Script::Distracted { sees_s, until_s: scene.time_s + 12.0 };
    Some(Deed::StepOut(Box::new(walker), index, script))
}

/// When a vehicle would enter and leave a zone if nothing held it, seconds.
fn through_s(scene: &Scene<'_>, vehicle: &Vehicle, start_m: f64, stretch: (f64, f64), connector: LaneIx) -> (f64, f64) {
    let cruise_mps = scene.net.facts(connector).comfortable_mps;
    let time = |m: f64| time_to_s(vehicle.v_mps, m, cruise_mps, vehicle.driver.accelerate_mps2);
    (time(start_m + stretch.0), time(start_m + stretch.1 + vehicle.length_m))
}

/// A first car before a line that may not go, and another with the right to go that it would meet.
fn run(scene: &Scene<'_>, vehicles: &[Vehicle], index: usize) -> Option<Deed> {
    let car = &vehicles[index];
    let (comer, _) = junction::next_comer(scene, car, index)?;
    let reach_m = car.v_mps * car.v_mps / (2.0 * 1.8);
    if car.v_mps < 5.0 || comer.to_line_m < reach_m || comer.to_line_m > reach_m + 35.0 {
        return None;
    }
    if leader(scene.net, scene.occupancy, vehicles, index).is_some_and(|(_, gap_m)| gap_m < comer.to_line_m + 25.0) {
        return None;
    }
    let meets = |zone: &Zone| {
        let own = through_s(scene, car, comer.to_start_m, (zone.enter_m, zone.leave_m), comer.connector);
        vehicles.iter().enumerate().any(|(other_index, other)| {
            other_index != index
                && other.script.is_none()
                && other.v_mps > 3.0
                && (other.has_ticket(zone.other) || junction::has_go(scene, zone.other))
                && other.path[other.at..].iter().take(3).any(|&lane| lane == zone.other)
                && to_start_m(scene, other, zone.other).is_some_and(|start_m| {
                    let theirs = through_s(scene, other, start_m, (zone.other_enter_m, zone.other_leave_m), zone.other);
                    own.0 < theirs.1 + 0.3 && theirs.0 < own.1 + 0.3
                })
        })
    };
    let held = !junction::has_go(scene, comer.connector);
    let zones = &scene.net.facts(comer.connector).zones;
    let meets = zones.iter().filter(|zone| zone.shape == Shape::Cross && (held || zone.yields)).any(meets);
    let script = Script::Run { connector: comer.connector, until_s: scene.time_s + 12.0, brakes: false };
    meets.then_some(Deed::Script(index, script))
}

/// Runners that are warned, or that see the other at the last moment, brake as hard as they can.
fn brake_runners(scene: &Scene<'_>, vehicles: &mut [Vehicle]) {
    for index in 0..vehicles.len() {
        let Some(Script::Run { connector, until_s, brakes: false }) = vehicles[index].script else { continue };
        let runner = &vehicles[index];
        let Some(start_m) = to_start_m(scene, runner, connector) else {
            vehicles[index].script = None;
            continue;
        };
        let warned = runner.wary_mps(scene.time_s).is_some();
        let stop_m = runner.v_mps * runner.v_mps / (2.0 * 6.5);
        let sees = scene.net.facts(connector).zones.iter().filter(|zone| zone.shape == Shape::Cross).any(|zone| {
            let to_zone_m = start_m + zone.enter_m;
            let near = to_zone_m > 0.0 && to_zone_m < stop_m + 2.5;
            let own = through_s(scene, runner, start_m, (zone.enter_m, zone.leave_m), connector);
            near && vehicles.iter().any(|other| {
                other.id != runner.id
                    && to_start_m(scene, other, zone.other).is_some_and(|m| {
                        let theirs = through_s(scene, other, m, (zone.other_enter_m, zone.other_leave_m), zone.other);
                        -m - other.length_m < zone.other_leave_m && own.0 < theirs.1 + 0.5 && theirs.0 < own.1 + 0.5
                    })
            })
        });
        let can_still = scene.net.facts(connector).zones.iter().all(|zone| start_m + zone.enter_m > stop_m);
        if sees || (warned && can_still) {
            vehicles[index].script =
                Some(Script::Run { connector, until_s: until_s.min(scene.time_s + 3.5), brakes: true });
        }
    }
}
