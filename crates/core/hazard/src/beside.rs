//! BSW/LCW: moving over onto someone beside, or into the way of someone fast from behind.

use crate::actor::{Actor, velocity_sigma_mps};
use crate::config::BswConfig;
use crate::encounter::one_body;
use crate::ledger::{EventKey, Proposal};
use crate::level;
use crate::memory::Memory;
use crate::normal;
use crate::place::{Spot, Way};
use crate::scene::Scene;
use jxz_geo::Vector;
use jxz_world::{Application, Cause, Level, RoadUserClass};

/// Farther apart sideways than this nobody moves over onto anybody, metres.
const MOST_ASIDE_M: f64 = 5.0;
/// Farther apart than this they are nothing to each other, metres.
const MOST_APART_M: f64 = 60.0;
/// Courses that differ by more than this are no lane change, cosine.
const SAME_WAY_COS: f64 = 0.9;

/// A move to the side is one that stands so clear of its own error, 1-sigma.
const SURE_SIGMAS: f64 = 2.0;
/// A change against how it moved before is one that stands so clear of how that wandered; it wanders by this much at least, m/s.
const CHANGE_SIGMAS: f64 = 3.0;
const LEAST_WANDER_MPS: f64 = 0.12;

pub(crate) fn propose(scene: &Scene<'_>, memory: &Memory, config: &BswConfig, least: f64, out: &mut Vec<Proposal>) {
    let drives = |i: usize| {
        let actor = &scene.actors[i];
        actor.class == RoadUserClass::Motor && actor.speed_mps >= config.min_speed_mps
    };
    for &(i, j) in scene.pairs.iter().filter(|(i, j)| drives(*i) && drives(*j)) {
        for (own, other) in [(i, j), (j, i)] {
            out.extend(change(scene, memory, config, own, other).filter(|p| p.probability >= least));
        }
    }
}

/// `own` moves over towards `other`.
fn change(scene: &Scene<'_>, memory: &Memory, config: &BswConfig, own: usize, other: usize) -> Option<Proposal> {
    let (a, b) = (&scene.actors[own], &scene.actors[other]);
    let settled = a.is_settled(scene.predict) && b.is_settled(scene.predict);
    if !settled || (b.at - a.at).norm_squared() > MOST_APART_M * MOST_APART_M {
        return None;
    }
    // In junctions ways cross and merge: that is for others.
    let on = a.placements.first()?;
    if scene.map.lane(on.lane).movement.is_some() {
        return None;
    }
    let road = scene.roads.shape(on.lane)?.pose(on.s_m);
    if road.dir.dot(&b.velocity) < SAME_WAY_COS * b.speed_mps {
        return None;
    }
    let apart = b.at - a.at;
    let (along_m, aside_m) = (road.dir.dot(&apart), road.dir.perp(&apart));
    let side = aside_m.signum();
    let gap_aside_m = aside_m.abs() - 0.5 * (a.width_m + b.width_m);
    if gap_aside_m < -0.3 || aside_m.abs() > MOST_ASIDE_M {
        return None;
    }
    let moves = MovesOver::of(memory, (a, b), road.left() * side)?;
    if moves.towards_mps < config.min_sideways_mps || one_body(a, b) {
        return None;
    }
    // From b's front to a's rear, and how fast that closes.
    let gap_m = -along_m - 0.5 * (a.length_m + b.length_m);
    let closing_mps = road.dir.dot(&(b.velocity - a.velocity));
    let beside = along_m.abs() < 0.5 * (a.length_m + b.length_m) + 1.0;
    let comes = gap_m > 0.0 && closing_mps > 1.0 && gap_m < config.behind_s * closing_mps;
    if !(beside || comes) {
        return None;
    }
    let sigma = libm::hypot(libm::hypot(a.sigma_m, b.sigma_m), config.within_s * moves.sigma_mps);
    let touches = normal::above(moves.closing_mps * config.within_s - gap_aside_m, sigma, 0.0);
    let time_s = gap_aside_m.max(0.0) / moves.closing_mps.max(0.05);
    Some(Proposal {
        application: Application::Bsw,
        key: EventKey::pair(a.event, b.event),
        level: level::of(scene.life, time_s, 0.0).max(Level::Warning),
        at_once: false,
        probability: touches * a.motor_probability() * b.motor_probability(),
        cause: Cause::Beside { gap_m, closing_mps },
        about: vec![b.track.id],
        concerned: vec![scene.concerned(own), scene.concerned(other)],
        spot: Spot::OnWay { actor: own, way: 0, s_m: 0.0, at: a.at },
        ways: Way::of_two((own, 0), (other, 0), time_s),
        sensed_at: a.track.measured_at.max(b.track.measured_at),
    })
}

/// How one who moves over comes nearer to somebody beside, m/s.
struct MovesOver {
    towards_mps: f64,
    closing_mps: f64,
    /// 1-sigma error of that.
    sigma_mps: f64,
}

impl MovesOver {
    /// Of `a` towards `b`, which is in the direction `aside` across the road; `None` if it is not sure that it moves over.
    ///
    /// What a vehicle tells of its course errs for long in one direction, if at all. Moving over is a change, and against
    /// how steadily it has told of the lane until just before it is seen sooner.
    fn of(memory: &Memory, (a, b): (&Actor<'_>, &Actor<'_>), aside: Vector) -> Option<Self> {
        let steady = |actor: &Actor<'_>| {
            let (mean_mps, spread_mps) = actor.details.and_then(|_| memory.steady_mps(actor.track.id, aside))?;
            Some((mean_mps, spread_mps.max(LEAST_WANDER_MPS)))
        };
        let sigma_mps = |actor: &Actor<'_>| {
            let stated_mps = velocity_sigma_mps(actor.track, aside);
            steady(actor).map_or(stated_mps, |(_, wander_mps)| wander_mps.min(stated_mps))
        };
        let towards_mps = aside.dot(&a.velocity);
        let changes =
            steady(a).is_some_and(|(before_mps, wander_mps)| towards_mps - before_mps >= CHANGE_SIGMAS * wander_mps);
        let sure = changes || towards_mps >= SURE_SIGMAS * velocity_sigma_mps(a.track, aside);
        sure.then(|| Self {
            towards_mps,
            closing_mps: towards_mps - aside.dot(&b.velocity),
            sigma_mps: libm::hypot(sigma_mps(a), sigma_mps(b)),
        })
    }
}
