//! The local dynamic map of one round: who is where, who may go where, who is behind whom, who comes near whom.

use crate::actor::{self, Actor, MAX_STEPS, TIME_STEP_S, Unusable};
use crate::conditions::Zone;
use crate::config::{LifeConfig, PredictConfig};
use crate::conflict::ROUNDING_M;
use crate::hazards::HazardCounts;
use crate::memory::Memory;
use crate::normal;
use crate::path;
use crate::roads::Roads;
use crate::signals::SignalBook;
use jxz_geo::Point;
use jxz_map::{LaneIx, Map};
use jxz_units::Utc;
use jxz_world::{Concerned, RoadUserClass, Track, TrackId, VehicleId, VehicleReport};
use std::collections::BTreeMap;

/// Most tracks looked at in one round.
const MAX_ACTORS: usize = 1024;
/// What a vehicle said of itself longer ago than this is not believed any more, seconds.
const REPORT_VALID_S: f64 = 1.0;
/// How far ahead along its lanes a leader is looked for, metres.
const LEADER_REACH_M: f64 = 150.0;

/// Someone on a lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occupant {
    pub(crate) actor: usize,
    pub(crate) s_m: f64,
    pub(crate) offset_m: f64,
    pub(crate) probability: f64,
}

/// Who is next ahead of a road user on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leader {
    pub(crate) actor: usize,
    /// Bumper to bumper, metres.
    pub(crate) gap_m: f64,
    /// Probability that it is on the follower's way.
    pub(crate) probability: f64,
}

/// What every application looks at in one round.
pub(crate) struct Scene<'a> {
    pub(crate) at: Utc,
    pub(crate) map: &'a Map,
    pub(crate) roads: &'a Roads,
    pub(crate) signals: &'a SignalBook,
    pub(crate) predict: &'a PredictConfig,
    pub(crate) life: &'a LifeConfig,
    pub(crate) zones: &'a [Zone],
    pub(crate) steps: usize,
    pub(crate) actors: Vec<Actor<'a>>,
    pub(crate) leaders: Vec<Option<Leader>>,
    /// Pairs, the lower index first, that may meet.
    pub(crate) pairs: Vec<(usize, usize)>,
    pub(crate) occupancy: BTreeMap<LaneIx, Vec<Occupant>>,
}

/// What the scene is made from besides the tracks.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) map: &'a Map,
    pub(crate) roads: &'a Roads,
    pub(crate) signals: &'a SignalBook,
    pub(crate) predict: &'a PredictConfig,
    pub(crate) life: &'a LifeConfig,
    /// Who passes this long behind someone may still count as meeting them, seconds.
    pub(crate) passed_s: f64,
    pub(crate) zones: &'a [Zone],
    pub(crate) reports: &'a BTreeMap<VehicleId, VehicleReport>,
}

impl<'a> Scene<'a> {
    /// Places every usable track and works out its ways; the others are counted.
    pub(crate) fn new(
        at: Utc,
        setting: Setting<'a>,
        tracks: &'a [Track],
        memory: &mut Memory,
        counts: &mut HazardCounts,
    ) -> Self {
        let Setting { map, roads, signals, predict, life, passed_s, zones, reports } = setting;
        memory.begin(tracks);
        let steps = ((predict.horizon_s / TIME_STEP_S).ceil() as usize).clamp(1, MAX_STEPS - 1);
        let mut actors: Vec<Actor<'a>> = Vec::with_capacity(tracks.len().min(MAX_ACTORS));
        let mut near = Vec::new();
        for track in tracks {
            if actors.len() == MAX_ACTORS {
                counts.tracks_over_limit += 1;
                continue;
            }
            // Only a track that is fit for use may leave its mark in the memory.
            match actor::usable(at, track, predict) {
                Ok(()) => {}
                Err(Unusable::NotFinite) => {
                    counts.tracks_not_finite += 1;
                    continue;
                }
                Err(Unusable::OutOfTime) => {
                    counts.tracks_out_of_time += 1;
                    continue;
                }
                Err(Unusable::Doubtful) => {
                    counts.tracks_doubtful += 1;
                    continue;
                }
            }
            let motion = memory.observe(at, track, tracks);
            let mut actor = Actor::new(at, track, motion, predict);
            let said = track.vehicle.and_then(|vehicle| reports.get(&vehicle));
            actor.details = said.filter(|r| at.seconds_since(r.valid_at).abs() <= REPORT_VALID_S).map(|r| &r.details);
            actor.place(map, roads, memory.placements(track.id), &mut near);
            memory.place(track.id, &actor.placements);
            path::predict(map, roads, &mut actor, steps);
            signals.see_lights(map, &mut actor, predict);
            actors.push(actor);
        }
        memory.forget(at);
        let occupancy = occupancy(&actors);
        let (leaders, pairs_of) = (Vec::new(), Vec::new());
        let mut scene =
            Self { at, map, roads, signals, predict, life, zones, steps, actors, leaders, pairs: pairs_of, occupancy };
        scene.leaders = (0..scene.actors.len()).map(|i| scene.leader(i)).collect();
        scene.pairs = pairs(&scene.actors, passed_s);
        scene
    }

    /// The next road user ahead on the most probable way.
    fn leader(&self, of: usize) -> Option<Leader> {
        let follower = &self.actors[of];
        let way = follower.paths.first().filter(|way| !way.lanes.is_empty())?;
        let own_offset_m = follower.placements.first()?.offset_m;
        let ahead = way.lanes.iter().filter_map(|on| Some((on, self.occupancy.get(&on.lane)?)));
        for (on, occupants) in ahead.take_while(|(on, _)| on.from_m < LEADER_REACH_M) {
            for other in occupants {
                let s_m = on.from_m + other.s_m;
                let leader = &self.actors[other.actor];
                let beside_m = other.offset_m - own_offset_m * libm::exp(-s_m / 25.0);
                let half_m = 0.5 * (follower.width_m + leader.width_m);
                let in_way = other.actor != of
                    && !leader.is_doubtful(self.predict)
                    && s_m > 0.1
                    && s_m < LEADER_REACH_M
                    && other.probability >= 0.3
                    && beside_m.abs() < half_m;
                if in_way {
                    let left = self.roads.left(on.lane, other.s_m);
                    let sigma_m = (follower.variance_m2(left) + leader.variance_m2(left)).sqrt();
                    let overlap = normal::between(beside_m, sigma_m, -half_m, half_m);
                    let gap_m = s_m - 0.5 * (follower.length_m + leader.length_m);
                    return Some(Leader {
                        actor: other.actor,
                        gap_m,
                        probability: way.probability * other.probability * overlap,
                    });
                }
            }
        }
        None
    }

    /// Who a warning is for.
    pub(crate) fn concerned(&self, actor: usize) -> Concerned {
        let track = self.actors[actor].track;
        Concerned { track: track.id, vehicle: track.vehicle }
    }

    /// Motor vehicles whose most probable way leads over `s_m` of `lane` within `reach_m`, other than those in
    /// `except`, nearest first.
    pub(crate) fn approaching(&self, lane: LaneIx, s_m: f64, reach_m: f64, except: &[TrackId]) -> Vec<usize> {
        self.approaching_from(lane, s_m, reach_m, except).into_iter().map(|(_, i)| i).collect()
    }

    /// The same, each with its distance along the lanes, metres.
    pub(crate) fn approaching_from(
        &self,
        lane: LaneIx,
        s_m: f64,
        reach_m: f64,
        except: &[TrackId],
    ) -> Vec<(f64, usize)> {
        let mut found: Vec<(f64, usize)> = Vec::new();
        for (i, actor) in self.actors.iter().enumerate() {
            if actor.class != RoadUserClass::Motor || except.contains(&actor.track.id) {
                continue;
            }
            let ahead = actor.paths.first().and_then(|way| way.lane_from(lane)).map(|from_m| from_m + s_m);
            let distance = ahead.or_else(|| self.upstream_distance(actor, lane, s_m, reach_m));
            if let Some(distance_m) = distance.filter(|d| *d > 0.0 && *d <= reach_m) {
                found.push((distance_m, i));
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        found.truncate(32);
        found
    }

    /// Distance along the lanes beyond the predicted way, by looking back from the event.
    fn upstream_distance(&self, actor: &Actor<'_>, lane: LaneIx, s_m: f64, reach_m: f64) -> Option<f64> {
        let own = actor.placements.first()?;
        let mut back = vec![(lane, s_m)];
        for _ in 0..32 {
            let (at, run_m) = back.pop()?;
            for before in &self.map.lane(at).predecessors {
                let Some(shape) = self.roads.shape(*before) else { continue };
                let run_m = run_m + shape.length_m;
                if *before == own.lane {
                    return Some(run_m - own.s_m);
                }
                if run_m < reach_m {
                    back.push((*before, run_m));
                }
            }
        }
        None
    }
}

fn occupancy(actors: &[Actor<'_>]) -> BTreeMap<LaneIx, Vec<Occupant>> {
    let mut lanes: BTreeMap<LaneIx, Vec<Occupant>> = BTreeMap::new();
    for (i, actor) in actors.iter().enumerate() {
        for p in &actor.placements {
            let occupant = Occupant { actor: i, s_m: p.s_m, offset_m: p.offset_m, probability: p.probability };
            lanes.entry(p.lane).or_default().push(occupant);
        }
    }
    for occupants in lanes.values_mut() {
        occupants.sort_by(|a, b| a.s_m.total_cmp(&b.s_m).then(a.actor.cmp(&b.actor)));
    }
    lanes
}

/// Pairs of which one moves and that may touch within the horizon, or with one of them `passed_s` later than it means to.
fn pairs(actors: &[Actor<'_>], passed_s: f64) -> Vec<(usize, usize)> {
    // Most pairs are far from each other at all times: a box for each, side by side in memory, leaves them out.
    let places: Vec<Place> = actors.iter().map(Place::of).collect();
    let mut pairs = Vec::new();
    for (i, a) in places.iter().enumerate() {
        for (j, b) in places.iter().enumerate().skip(i + 1) {
            let margin_m = passed_s * a.speed_mps.max(b.speed_mps);
            if !(a.moves || b.moves) || a.is_apart(b, margin_m + ROUNDING_M) {
                continue;
            }
            if actors[i].discs.iter().zip(&actors[j].discs).any(|(a, b)| a.is_near(b, margin_m)) {
                pairs.push((i, j));
            }
        }
    }
    pairs
}

/// Everywhere that a road user may touch somebody within the horizon, and how it moves.
struct Place {
    low: Point,
    high: Point,
    speed_mps: f64,
    moves: bool,
}

impl Place {
    fn of(actor: &Actor<'_>) -> Self {
        let (low, high) = path::bounds(&actor.discs);
        Self { low, high, speed_mps: actor.speed_mps, moves: actor.moves() }
    }

    /// Whether two stay farther than `margin_m` apart.
    fn is_apart(&self, other: &Self, margin_m: f64) -> bool {
        self.low.x - other.high.x > margin_m
            || other.low.x - self.high.x > margin_m
            || self.low.y - other.high.y > margin_m
            || other.low.y - self.high.y > margin_m
    }
}
