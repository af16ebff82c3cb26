//! Guidance: advice to take another way past a congested link, when that saves time.

use crate::config::GuidanceConfig;
use crate::congestion::Jam;
use crate::hazards::Congested;
use crate::ledger::{EventKey, Proposal};
use crate::normal;
use crate::place::Spot;
use crate::route::{Cost, LinkGraph, Onward};
use crate::scene::Scene;
use jxz_map::{LinkIx, Turn};
use jxz_units::Utc;
use jxz_world::{Application, Cause, Level, TrackId};
use std::collections::BTreeMap;

/// 1-sigma error of a travel time worked out from limits and junctions, as a fraction.
const TRAVEL_TIME_SIGMA: f64 = 0.15;
/// The cloud tells of congestion that has lasted for minutes.
const TOLD: f64 = 0.95;
/// 1-sigma error of the mean speed that it tells, as a fraction: traffic changes from minute to minute.
const TOLD_SIGMA: f64 = 0.25;
/// A way around is worked out anew after this, seconds.
const FRESH_S: f64 = 5.0;

/// A congested link: one that the site sees itself, or that the cloud told of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slow<'a> {
    link: LinkIx,
    mean_mps: f64,
    mean_sigma_mps: f64,
    /// Those that are in it already.
    vehicles: &'a [TrackId],
    probability: f64,
    sensed_at: Utc,
}

/// Every congested link; of one that the site sees itself, what the cloud says does not matter. What is told has no moment of
/// sensing here, so that it is as of the round, like a reported road condition.
pub(crate) fn slow<'a>(jams: &'a [Jam], told: &[Congested], at: Utc) -> Vec<Slow<'a>> {
    let own = jams.iter().map(|jam| Slow {
        link: jam.link,
        mean_mps: jam.mean_mps,
        mean_sigma_mps: jam.mean_sigma_mps,
        vehicles: &jam.vehicles,
        probability: jam.probability,
        sensed_at: jam.sensed_at,
    });
    let told = told.iter().filter(|told| jams.iter().all(|jam| jam.link != told.link)).map(|told| Slow {
        link: told.link,
        mean_mps: told.mean_mps,
        mean_sigma_mps: TOLD_SIGMA * told.mean_mps,
        vehicles: &[],
        probability: TOLD,
        sensed_at: at,
    });
    own.chain(told).collect()
}

/// The ways around found lately.
#[derive(Debug, Default)]
pub(crate) struct GuidanceBook {
    found: BTreeMap<(LinkIx, LinkIx), (Utc, Option<f64>)>,
}

impl GuidanceBook {
    pub(crate) fn propose(
        &mut self,
        scene: &Scene<'_>,
        graph: &LinkGraph,
        jams: &[Slow<'_>],
        config: &GuidanceConfig,
        reach_m: f64,
        least: f64,
    ) -> Vec<Proposal> {
        let slow: BTreeMap<LinkIx, f64> = jams.iter().map(|jam| (jam.link, jammed_s(scene, jam, config))).collect();
        let at = scene.at;
        self.found.retain(|_, (when, _)| at.seconds_since(*when).abs() < FRESH_S);
        let mut proposals = Vec::new();
        for jam in jams {
            // Only where the site has eyes on who would go in: the cloud tells of links beyond as well.
            let ahead = |onward: &Onward| onward.turn != Turn::UTurn && scene.roads.shape(onward.from_lane).is_some();
            for (from, onward) in graph.into(jam.link).filter(|(_, onward)| ahead(onward)) {
                let key = (from, jam.link);
                let (_, detour) =
                    *self.found.entry(key).or_insert_with(|| (at, detour_s(scene, graph, &slow, config, key)));
                let proposal = detour.and_then(|detour| advise(scene, config, jam, (from, onward), detour, reach_m));
                proposals.extend(proposal.filter(|p| p.probability >= least));
            }
        }
        proposals
    }
}

/// Travel time over a congested link, seconds.
fn jammed_s(scene: &Scene<'_>, jam: &Slow<'_>, config: &GuidanceConfig) -> f64 {
    scene.map.link(jam.link).line.length_m() / jam.mean_mps.max(config.slowest_mps)
}

/// The way around a link to where most of its traffic goes on to, seconds.
fn detour_s(
    scene: &Scene<'_>,
    graph: &LinkGraph,
    slow: &BTreeMap<LinkIx, f64>,
    config: &GuidanceConfig,
    (from, jammed): (LinkIx, LinkIx),
) -> Option<f64> {
    let cost = Cost { junction_s: config.junction_s, longest_m: config.longest_m };
    let mut goals: Vec<&Onward> = graph.onward(jammed).iter().filter(|o| o.turn != Turn::UTurn).collect();
    goals.sort_by_key(|o| (o.turn, o.to));
    goals.iter().find_map(|goal| graph.fastest_s(scene.map, (from, goal.to, jammed), slow, cost))
}

fn advise(
    scene: &Scene<'_>,
    config: &GuidanceConfig,
    jam: &Slow<'_>,
    (from, onward): (LinkIx, &Onward),
    detour_s: f64,
    reach_m: f64,
) -> Option<Proposal> {
    let congested_s = jammed_s(scene, jam, config) + 2.0 * config.junction_s;
    if congested_s - detour_s < config.min_saving_s {
        return None;
    }
    // Both times are uncertain: the one with the traffic's mean speed, the other with what is found on the way.
    let sigma_s = libm::hypot(
        libm::hypot(
            congested_s * jam.mean_sigma_mps / jam.mean_mps.max(config.slowest_mps),
            TRAVEL_TIME_SIGMA * congested_s,
        ),
        TRAVEL_TIME_SIGMA * detour_s,
    );
    let saves = normal::above(congested_s - detour_s, sigma_s, 0.0);
    let lane = onward.from_lane;
    let end_m = scene.map.lane(lane).centre.length_m();
    let concerned = scene
        .approaching(lane, end_m, reach_m, jam.vehicles)
        .into_iter()
        .filter(|i| may_enter(scene, *i, jam.link))
        .map(|i| scene.concerned(i))
        .collect();
    Some(Proposal {
        application: Application::Guidance,
        key: EventKey::Links(jam.link, from),
        level: Level::Advice,
        at_once: false,
        probability: jam.probability * saves,
        cause: Cause::Detour { congested_s, detour_s },
        about: Vec::new(),
        concerned,
        spot: Spot::OnLane { lane, s_m: end_m },
        ways: None,
        sensed_at: jam.sensed_at,
    })
}

/// Whether a road user's ways leave open that it goes into a link.
fn may_enter(scene: &Scene<'_>, actor: usize, link: LinkIx) -> bool {
    scene.actors[actor].paths.iter().any(|way| {
        let mut links = way.lanes.iter().map(|on| scene.map.lane(on.lane).link);
        let leads_in = links.any(|l| l == Some(link));
        let still_open = way.lanes.iter().all(|on| scene.map.lane(on.lane).movement.is_none());
        leads_in || still_open
    })
}
