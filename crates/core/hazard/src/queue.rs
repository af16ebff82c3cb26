//! Why vehicles stand: at a light, giving way, at a bus stop, behind one another, or for no reason that the map knows.

use crate::actor::Actor;
use crate::config::TjwConfig;
use crate::memory::Memory;
use crate::scene::Scene;
use jxz_map::Movement;
use jxz_world::{Light, RoadUserClass};

/// Slower than this a vehicle may be part of a queue, m/s.
const QUEUE_MPS: f64 = 2.5;
/// Gap within which one queues behind another, metres.
const QUEUE_GAP_M: f64 = 12.0;
/// Within this of the stop line a vehicle is the first at it, metres.
const AT_LINE_M: f64 = 12.0;
/// Speed with which the start of a queue runs back through it, m/s (Lighthill and Whitham's wave; 4 to 6 observed).
const START_WAVE_MPS: f64 = 4.0;
/// Time that the first driver takes to start, seconds.
const START_LOST_S: f64 = 3.0;
/// For how long giving way (at a junction, in its middle, at a crossing) explains standing, seconds.
const GIVING_WAY_S: f64 = 30.0;
/// The same for a bus at its stop.
const AT_BUS_STOP_S: f64 = 60.0;
/// The same for a light that is not known.
const UNKNOWN_LIGHT_S: f64 = 120.0;

/// What explains a vehicle's standing or crawling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Halt {
    /// It drives.
    Driving,
    /// Traffic rules explain it, for it or for the one at the head of its queue.
    Excused,
    /// It queues behind one that nothing explains.
    Behind,
    /// Nothing explains it.
    Unexplained,
}

/// Explains every road user's standing, by following each queue to its head.
pub(crate) fn explain(scene: &Scene<'_>, memory: &mut Memory, config: &TjwConfig) -> Vec<Halt> {
    let mut halts: Vec<Option<Halt>> = vec![None; scene.actors.len()];
    for start in 0..scene.actors.len() {
        let mut chain = Vec::new();
        let mut at = start;
        let head = loop {
            if let Some(known) = halts[at] {
                break known;
            }
            if chain.contains(&at) {
                break Halt::Behind;
            }
            chain.push(at);
            match own_halt(scene, memory, config, &scene.actors[at]) {
                Halt::Unexplained => match queue_leader(scene, at) {
                    Some(leader) => at = leader,
                    None => {
                        chain.pop();
                        halts[at] = Some(Halt::Unexplained);
                        break Halt::Unexplained;
                    }
                },
                own => {
                    chain.pop();
                    halts[at] = Some(own);
                    break own;
                }
            }
        };
        let behind = match head {
            Halt::Excused => Halt::Excused,
            _ => Halt::Behind,
        };
        for follower in chain.into_iter().rev() {
            let too_long = behind == Halt::Excused && !in_queue_reach(scene, config, &scene.actors[follower]);
            halts[follower] = Some(if too_long { Halt::Behind } else { behind });
        }
    }
    let halts: Vec<Halt> = halts.into_iter().map(|halt| halt.unwrap_or(Halt::Driving)).collect();
    for (actor, halt) in scene.actors.iter().zip(&halts) {
        memory.excuse(actor.track.id, *halt == Halt::Excused);
    }
    halts
}

/// The slow one next ahead, if it is near.
fn queue_leader(scene: &Scene<'_>, of: usize) -> Option<usize> {
    let leader = scene.leaders[of].filter(|l| l.gap_m < QUEUE_GAP_M)?;
    (scene.actors[leader.actor].speed_mps < QUEUE_MPS).then_some(leader.actor)
}

fn in_queue_reach(scene: &Scene<'_>, config: &TjwConfig, actor: &Actor<'_>) -> bool {
    to_line_m(scene, actor).is_none_or(|d| d <= config.longest_queue_m)
}

/// Distance from the front bumper to the end of the lane, or its stop line, metres.
fn to_line_m(scene: &Scene<'_>, actor: &Actor<'_>) -> Option<f64> {
    let on = actor.placements.first()?;
    let lane = scene.map.lane(on.lane);
    Some(lane.stop_line_m.unwrap_or_else(|| lane.centre.length_m()) - on.s_m - 0.5 * actor.length_m)
}

/// What explains a vehicle's standing by itself, whoever is ahead of it.
fn own_halt(scene: &Scene<'_>, memory: &Memory, config: &TjwConfig, actor: &Actor<'_>) -> Halt {
    let (Some(on), Some(line_m)) = (actor.placements.first(), to_line_m(scene, actor)) else { return Halt::Driving };
    if actor.speed_mps >= QUEUE_MPS || actor.class != RoadUserClass::Motor {
        return Halt::Driving;
    }
    let standing_s = actor.standing_s.unwrap_or(0.0);
    let lane = scene.map.lane(on.lane);
    let in_junction = lane.movement.is_some() && standing_s <= GIVING_WAY_S;
    let at_crossing =
        lane.crossings.iter().any(|(_, s)| (0.0..AT_LINE_M).contains(&(s - on.s_m))) && standing_s <= GIVING_WAY_S;
    let at_stop = standing_s <= AT_BUS_STOP_S
        && scene.map.bus_stops.iter().any(|stop| stop.lane == on.lane && (stop.s_m - on.s_m).abs() < 25.0);
    let movements = lane.successors.iter().filter_map(|next| scene.map.lane(*next).movement.as_ref());
    let mut at_light = false;
    for movement in movements {
        at_light |= waits_for(scene, config, movement, line_m, standing_s, memory.excused(actor.track.id));
    }
    if in_junction || at_crossing || at_stop || at_light { Halt::Excused } else { Halt::Unexplained }
}

fn waits_for(
    scene: &Scene<'_>,
    config: &TjwConfig,
    movement: &Movement,
    line_m: f64,
    standing_s: f64,
    queued_before: bool,
) -> bool {
    let first = line_m < AT_LINE_M;
    match scene.signals.light(movement) {
        Some((light, for_s)) if light.is_go() => {
            // Only who queued for this light still waits for those ahead to start.
            let starting = for_s < START_LOST_S + line_m.max(0.0) / START_WAVE_MPS && line_m <= config.longest_queue_m;
            (starting && (queued_before || first))
                || (first && light == Light::PermissiveGreen && standing_s <= GIVING_WAY_S)
        }
        Some(_) => first,
        None if movement.phase.is_some() => first && standing_s <= UNKNOWN_LIGHT_S,
        None => first && standing_s <= GIVING_WAY_S,
    }
}
