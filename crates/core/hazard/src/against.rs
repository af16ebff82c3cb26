//! Against the traffic: overtaking into someone oncoming (DNPW), and wrong-way drivers.

use crate::actor::{Actor, Against};
use crate::config::{DnpwConfig, WrongWayConfig};
use crate::ledger::{EventKey, Proposal};
use crate::level;
use crate::memory::Memory;
use crate::normal;
use crate::place::{Spot, Way};
use crate::scene::Scene;
use jxz_world::{Application, Cause, Level, RoadUserClass};

/// DNPW: one pair of the one on the oncoming side, or on its way there, and the nearest that comes.
pub(crate) fn do_not_pass(scene: &Scene<'_>, config: &DnpwConfig, least: f64, out: &mut Vec<Proposal>) {
    for (i, actor) in scene.actors.iter().enumerate() {
        let Some(against) = actor.against.filter(|_| !actor.is_doubtful(scene.predict)) else { continue };
        let then_m = against.inside_m + (against.inwards_mps * config.look_ahead_s).max(0.0);
        let left = scene.roads.left(against.lane, against.s_m);
        let sigma = libm::hypot(actor.variance_m2(left).sqrt(), config.look_ahead_s * actor.sigma_mps);
        let over = normal::above(then_m, sigma, config.over_line_m) * actor.motor_probability();
        if over < least {
            continue;
        }
        let reach_m = config.meet_s * (actor.speed_mps + 40.0);
        let coming = scene.approaching_from(against.lane, against.s_m, reach_m, &[actor.track.id]);
        let comes = |j: usize| scene.actors[j].moves() && !scene.actors[j].is_doubtful(scene.predict);
        let moving = coming.into_iter().find(|(_, j)| comes(*j));
        let Some((distance_m, j)) = moving else { continue };
        out.extend(meets(scene, config, (i, against), j, distance_m, over).filter(|p| p.probability >= least));
    }
}

fn meets(
    scene: &Scene<'_>,
    config: &DnpwConfig,
    (i, against): (usize, Against),
    j: usize,
    distance_m: f64,
    over: f64,
) -> Option<Proposal> {
    let (a, b) = (&scene.actors[i], &scene.actors[j]);
    let gap_m = distance_m - 0.5 * (a.length_m + b.length_m);
    let closing_mps = a.speed_mps + b.speed_mps;
    let time_s = gap_m.max(0.0) / closing_mps.max(0.1);
    let sigma_s = 0.2 + libm::hypot(a.sigma_m, b.sigma_m) / closing_mps.max(0.1);
    let soon = 1.0 - normal::above(time_s, sigma_s, config.meet_s);
    let needs_mps2 = level::needs_mps2(scene.life, closing_mps, gap_m) * 0.5;
    Some(Proposal {
        application: Application::Dnpw,
        key: EventKey::pair(a.event, b.event),
        level: level::of(scene.life, time_s, needs_mps2).max(Level::Warning),
        at_once: false,
        probability: over * soon * b.track.existence.min(1.0),
        cause: Cause::Conflict {
            time_to_conflict_s: time_s,
            post_encroachment_s: -(a.length_m + b.length_m) / closing_mps.max(0.1),
            closest_m: 0.0,
        },
        about: vec![a.track.id, b.track.id],
        concerned: vec![scene.concerned(i), scene.concerned(j)],
        spot: Spot::OnLane { lane: against.lane, s_m: against.s_m },
        ways: Way::of_two((i, 0), (j, 0), time_s),
        sensed_at: a.track.measured_at.max(b.track.measured_at),
    })
}

/// WRONG_WAY: one that drives against its lane for a while and overtakes nobody. All that it comes towards are warned.
pub(crate) fn wrong_way(
    scene: &Scene<'_>,
    memory: &mut Memory,
    config: &WrongWayConfig,
    least: f64,
    out: &mut Vec<Proposal>,
) {
    for (i, actor) in scene.actors.iter().enumerate() {
        let on = actor.against.filter(|on| {
            on.off_own && on.inside_m > 0.0 && actor.speed_mps >= config.min_speed_mps && !passes(scene, config, actor)
        });
        let against_s = memory.against_s(scene.at, actor.track.id, on.is_some());
        let Some(on) = on.filter(|_| against_s >= config.for_s) else { continue };
        let left = scene.roads.left(on.lane, on.s_m);
        let inside = normal::above(on.inside_m, actor.variance_m2(left).sqrt(), 0.0);
        let moves = normal::above(actor.speed_mps, actor.sigma_mps, 0.5 * config.min_speed_mps);
        let probability = inside * moves * actor.motor_probability();
        if probability < least {
            continue;
        }
        let coming = scene.approaching_from(on.lane, on.s_m, config.reach_m, &[actor.track.id]);
        let closing = |j: usize| (actor.speed_mps + scene.actors[j].speed_mps).max(0.1);
        let nearest_s = coming.iter().map(|(m, j)| m / closing(*j)).fold(f64::INFINITY, f64::min);
        let mut concerned = vec![scene.concerned(i)];
        concerned.extend(coming.iter().map(|(_, j)| scene.concerned(*j)));
        out.push(Proposal {
            application: Application::WrongWay,
            key: EventKey::Track(actor.event),
            level: level::of(scene.life, nearest_s, 0.0).max(Level::Warning),
            at_once: false,
            probability,
            cause: Cause::WrongWay { speed_mps: actor.speed_mps },
            about: vec![actor.track.id],
            concerned,
            spot: Spot::OnLane { lane: on.lane, s_m: on.s_m },
            ways: None,
            sensed_at: actor.track.measured_at,
        });
    }
}

/// Whether someone that goes the same way, slower, is beside, just ahead or just behind: it is overtaking.
fn passes(scene: &Scene<'_>, config: &WrongWayConfig, actor: &Actor<'_>) -> bool {
    let Some(dir) = actor.dir else { return false };
    scene.actors.iter().any(|other| {
        let apart = other.at - actor.at;
        let aside_m = dir.perp(&apart).abs();
        let same_way = other.dir.is_some_and(|d| d.dot(&dir) > 0.8) && other.speed_mps < actor.speed_mps + 1.0;
        other.track.id != actor.track.id
            && other.class != RoadUserClass::Pedestrian
            && same_way
            && (1.5..6.0).contains(&aside_m)
            && dir.dot(&apart).abs() < config.passing_m
    })
}
