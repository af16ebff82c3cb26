//! Scripted congestion: traffic on a link crawls, while more than usual want to go there.

use super::Scene;
use super::route;
use super::vehicle::{Aim, Vehicle};
use jxz_geo::Point;
use jxz_map::{LaneIx, LinkIx};

/// Speed of crawling traffic, metres per second.
const CRAWL_MPS: f64 = 0.9;
/// How long a link must be to be worth it, metres.
const SHORTEST_M: f64 = 90.0;
/// Time that a way around takes for each of its metres, with its junctions and some in hand, seconds.
const AROUND_S_PER_M: f64 = 0.16;
/// How many more come than usual.
pub(crate) const SURGE: usize = 8;
/// For this part of its time a crawling link attracts.
const ATTRACTS: f64 = 0.6;

/// A link on which traffic crawls for a time.
#[derive(Debug, Clone)]
pub(crate) struct Crawl {
    pub(crate) link: LinkIx,
    pub(crate) lanes: Vec<LaneIx>,
    pub(crate) mps: f64,
    pub(crate) from_s: f64,
    pub(crate) until_s: f64,
}

/// Congestion on the link out of a junction near one of the sites that most vehicles are on or bound for, of those
/// where none is yet.
pub(crate) fn find(scene: &Scene<'_>, vehicles: &[Vehicle], sites: &[(Point, f64)], lasts_s: f64) -> Option<Crawl> {
    let map = &scene.net.map;
    let suits = |&ix: &LinkIx| {
        let link = map.link(ix);
        let at_site = link.from.is_some_and(|j| {
            let centre = map.junction(j).centre;
            sites.iter().any(|(site, radius_m)| (centre - site).norm() < radius_m * 0.4)
        });
        let free = scene.crawls.iter().all(|crawl| crawl.link != ix);
        let drive = link.lanes.iter().any(|&lane| map.lane(lane).kind == jxz_map::LaneKind::Driving);
        link.level == 0 && at_site && free && drive && link.line.length_m() > SHORTEST_M && !link_ends(scene, ix)
    };
    let links = (0..map.links.len() as u32).map(LinkIx).filter(suits);
    let mut counted: Vec<(usize, LinkIx)> = links.map(|ix| (comers(scene, vehicles, ix), ix)).collect();
    counted.sort_by_key(|(n, ix)| (core::cmp::Reverse(*n), *ix));
    let (_, link) = counted.into_iter().take_while(|(n, _)| *n >= 4).find(|(_, ix)| has_way_around(scene, *ix))?;
    Some(Crawl {
        link,
        lanes: map.link(link).lanes.clone(),
        mps: CRAWL_MPS,
        from_s: scene.time_s,
        until_s: scene.time_s + lasts_s,
    })
}

/// Whether those who come to a link can reach what is behind it some other way in less time than the crawl takes.
fn has_way_around(scene: &Scene<'_>, ix: LinkIx) -> bool {
    let map = &scene.net.map;
    let crawl_s = map.link(ix).line.length_m() / CRAWL_MPS;
    let onward = |lane: LaneIx| scene.net.lane(lane).successors.iter().copied();
    let driving = |lane: &LaneIx| scene.net.lane(*lane).kind == jxz_map::LaneKind::Driving;
    let straight = |lane: &LaneIx| {
        map.lane(*lane).movement.as_ref().is_some_and(|movement| movement.turn == jxz_map::Turn::Straight)
    };
    let goal = map.link(ix).lanes.iter().copied().filter(driving).flat_map(onward).filter(straight).flat_map(onward);
    let Some(goal) = goal.min() else { return false };
    feeders(scene, ix).into_iter().filter(driving).any(|from| {
        let leads_in = onward(from).flat_map(onward).any(|next| map.lane(next).link == Some(ix));
        let way =
            leads_in.then(|| route::shortest_by(scene.net, from, goal, |l| map.lane(l).link != Some(ix))).flatten();
        way.is_some_and(|way| way.iter().map(|&lane| AROUND_S_PER_M * scene.net.length_m(lane)).sum::<f64>() < crawl_s)
    })
}

/// Whether a link leads off the map.
fn link_ends(scene: &Scene<'_>, ix: LinkIx) -> bool {
    scene.net.map.link(ix).lanes.iter().all(|&lane| scene.net.lane(lane).successors.is_empty())
}

/// Vehicles on a link, bound for it, or that could still be drawn to it.
fn comers(scene: &Scene<'_>, vehicles: &[Vehicle], ix: LinkIx) -> usize {
    let lanes = &scene.net.map.link(ix).lanes;
    let counts = |v: &&Vehicle| {
        let bound = v.path[v.at..].iter().take(4).any(|lane| lanes.contains(lane));
        !v.rides() && (bound || way_in(scene, v, ix).is_some())
    };
    vehicles.iter().filter(counts).count()
}

/// The connector from a vehicle's lane or a neighbour of it into a link.
fn way_in(scene: &Scene<'_>, vehicle: &Vehicle, ix: LinkIx) -> Option<Aim> {
    let here = vehicle.lane();
    let link = scene.net.lane(here).link?;
    if scene.net.map.link(link).to != scene.net.map.link(ix).from || vehicle.duty.is_some() {
        return None;
    }
    let beside = [Some(here), scene.net.lane(here).left, scene.net.lane(here).right];
    beside.into_iter().flatten().find_map(|lane| {
        let into =
            |next: &&LaneIx| scene.net.lane(**next).successors.iter().any(|&l| scene.net.lane(l).link == Some(ix));
        let connector = scene.net.lane(lane).successors.iter().find(into)?;
        Some(Aim { lane, connector: Some(*connector) })
    })
}

/// Lanes from which vehicles come to a link's beginning.
pub(crate) fn feeders(scene: &Scene<'_>, ix: LinkIx) -> Vec<LaneIx> {
    let map = &scene.net.map;
    let Some(junction) = map.link(ix).from else { return Vec::new() };
    let incoming = &map.junction(junction).incoming;
    incoming.iter().flat_map(|&link| map.link(link).lanes.iter().copied()).collect()
}

/// Draws drivers who come to a junction into the link that crawls behind it: they want to go there.
pub(crate) fn attract(scene: &Scene<'_>, vehicles: &mut [Vehicle], crawl: &Crawl) {
    let share = (scene.time_s - crawl.from_s) / (crawl.until_s - crawl.from_s).max(1.0);
    if share > ATTRACTS {
        return;
    }
    for vehicle in vehicles {
        let free = vehicle.script.is_none() && vehicle.leaving.is_none() && !vehicle.rides();
        let decided = vehicle.path.get(vehicle.at + 1).is_some_and(|&next| vehicle.has_ticket(next));
        let bound = vehicle.path[vehicle.at..].iter().take(3).any(|lane| crawl.lanes.contains(lane));
        if !free || decided || bound || vehicle.aim.is_some() || !vehicle.tickets.is_empty() {
            continue;
        }
        let Some(aim) = way_in(scene, vehicle, crawl.link) else { continue };
        if aim.lane == vehicle.lane() {
            route::take(scene.net, vehicle, aim, None);
        } else {
            vehicle.aim = Some(aim);
        }
    }
}
