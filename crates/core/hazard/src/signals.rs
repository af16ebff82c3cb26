//! What the site's traffic signals show now and shortly, and since when.

use crate::actor::Actor;
use crate::config::PredictConfig;
use crate::normal;
use crate::path::{Path, PathLane, StopLine};
use jxz_map::{JunctionIx, Map, Movement};
use jxz_units::Utc;
use jxz_world::{JunctionSignals, Light, PhaseId, PhaseSignal};
use std::collections::BTreeMap;

/// Signals older than this are not believed, seconds.
const MAX_AGE_S: f64 = 3.0;
/// Accelerating more than this is not stopping, m/s².
const ACCELERATING_MPS2: f64 = 0.8;
/// 1-sigma doubt about a measured deceleration, m/s².
const BRAKING_SIGMA_MPS2: f64 = 0.3;
/// Who is slower than this looks for a gap: the slower, the later it shows what they mean to do, m/s.
const SLOW_MPS: f64 = 6.0;
/// 1-sigma spread between drivers of when giving way is seen, seconds.
const YIELD_SIGMA_S: f64 = 0.3;

/// Of those who do not stop for a red light where they may turn on red, so many run it.
const RUNS_RED: f64 = 0.2;
/// A stop line that is farther behind somebody's front than this is passed, metres.
const OVER_LINE_M: f64 = 1.0;
/// Who came in so shortly after it turned red may have been too fast to stop, seconds.
const CLEARING_S: f64 = 0.5;
/// Who gains speed faster than this has set off, m/s².
const SETS_OFF_MPS2: f64 = 0.5;

/// A signal's light now, for how long it will be so, seconds, and the light after that with its time, if known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) light: Light,
    pub(crate) ends_in_s: f64,
    pub(crate) next: Option<(Light, f64)>,
}

/// The signals of the site's junction.
#[derive(Debug, Default)]
pub(crate) struct SignalBook {
    junction: Option<JunctionIx>,
    at: Option<Utc>,
    phases: BTreeMap<PhaseId, (PhaseSignal, Utc)>,
}

impl SignalBook {
    /// Takes in what the signals show.
    pub(crate) fn update(&mut self, at: Utc, map: &Map, signals: Option<&JunctionSignals>) {
        let fresh = signals.filter(|s| at.seconds_since(s.valid_at).abs() <= MAX_AGE_S);
        let Some(signals) = fresh else {
            self.phases.clear();
            return;
        };
        let known = self.junction.is_some_and(|ix| map.junction(ix).id == signals.junction);
        if !known {
            let found = map.junctions.iter().position(|j| j.id == signals.junction);
            self.junction = found.map(|i| JunctionIx(i as u32));
            self.phases.clear();
        }
        self.at = Some(at);
        self.phases.retain(|phase, _| signals.phases.iter().any(|p| p.phase == *phase));
        for now in &signals.phases {
            let since = match self.phases.get(&now.phase) {
                Some((before, since)) if before.light == now.light => *since,
                _ => at,
            };
            self.phases.insert(now.phase, (*now, since));
        }
    }

    /// What a movement's signal shows now and for how long it has, seconds; `None` if not known.
    pub(crate) fn light(&self, movement: &Movement) -> Option<(Light, f64)> {
        let (signal, since) = self.phase(movement)?;
        Some((signal.light, self.at?.seconds_since(*since)))
    }

    /// What a movement's signal shows now and next.
    pub(crate) fn plan(&self, movement: &Movement) -> Option<Plan> {
        let (signal, _) = self.phase(movement)?;
        let ends_in_s = signal.likely_end.seconds_since(self.at?).max(0.0);
        Some(Plan { light: signal.light, ends_in_s, next: signal.next })
    }

    /// What a phase of the site's junction shows.
    pub(crate) fn phase_light(&self, junction: JunctionIx, phase: PhaseId) -> Option<Light> {
        let known = self.junction == Some(junction);
        self.phases.get(&phase).filter(|_| known).map(|(signal, _)| signal.light)
    }

    /// What it will most likely show `after_s` from now.
    fn light_after(&self, movement: &Movement, after_s: f64) -> Option<Light> {
        let (signal, _) = self.phase(movement)?;
        let then = self.at?.plus_seconds(after_s);
        match signal.next {
            Some((next, _)) if then >= signal.likely_end => Some(next),
            _ => Some(signal.light),
        }
    }

    fn phase(&self, movement: &Movement) -> Option<&(PhaseSignal, Utc)> {
        if self.junction != Some(movement.junction) {
            return None;
        }
        self.phases.get(&movement.phase?)
    }

    /// Finds the stop lines with a light on somebody's ways, and weighs the ways by what the lights show: who does not stop
    /// for a red one, or came in after it, seldom runs it where the lane also leads to where one may go on red.
    pub(crate) fn see_lights(&self, map: &Map, actor: &mut Actor<'_>, config: &PredictConfig) {
        if self.phases.is_empty() {
            return;
        }
        let mut ways = std::mem::take(&mut actor.paths);
        let mut sum = (0.0, 0.0);
        for way in &mut ways {
            way.stop = self.stop_line(map, actor, way, config);
            let runs = match way.stop {
                Some(stop) if stop.red => stop.pass_probability,
                Some(_) => 0.0,
                None if self.came_in_on_red(map, actor, way) => 1.0,
                None => 0.0,
            };
            sum.0 += way.probability;
            way.probability *= 1.0 - runs * (1.0 - RUNS_RED);
            sum.1 += way.probability;
        }
        if sum.1 < sum.0 {
            ways.iter_mut().for_each(|way| way.probability *= sum.0 / sum.1);
            // Equal ones stay in their order.
            ways.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        }
        actor.paths = ways;
    }

    /// Whether somebody in a junction on this way passed its stop line when the light had been red for some time.
    fn came_in_on_red(&self, map: &Map, actor: &Actor<'_>, way: &Path) -> bool {
        let over = |on: &&PathLane| on.from_m <= 0.5 * actor.length_m - OVER_LINE_M;
        let into = way.lanes.iter().take_while(over).filter_map(|on| {
            let movement = map.lane(on.lane).movement.as_ref().filter(|movement| !movement.on_red)?;
            Some((on, self.light(movement)?))
        });
        into.last().is_some_and(|(on, (light, for_s))| {
            // Who sets off takes twice as long as at the speed that they came to have.
            let set_off = if actor.acceleration_mps2 > SETS_OFF_MPS2 { 2.0 } else { 1.0 };
            let ago_s = set_off * (0.5 * actor.length_m - on.from_m) / actor.speed_mps.max(1.0);
            light == Light::Red && for_s > ago_s + CLEARING_S
        })
    }

    /// The first stop line with a light on a way, and whether the road user will drive over it.
    fn stop_line(&self, map: &Map, actor: &Actor<'_>, way: &Path, config: &PredictConfig) -> Option<StopLine> {
        for pair in way.lanes.windows(2) {
            let Some(movement) = &map.lane(pair[1].lane).movement else { continue };
            if movement.on_red {
                continue;
            }
            let line_m = map.lane(pair[0].lane).stop_line_m.map_or(pair[1].from_m, |s| pair[0].from_m + s);
            let distance_m = line_m - 0.5 * actor.length_m;
            if distance_m < -1.0 {
                return None;
            }
            let after_s = distance_m.max(0.0) / actor.speed_mps.max(0.5);
            let then = self.light_after(movement, after_s)?;
            return matches!(then, Light::Red | Light::Yellow).then(|| StopLine {
                at_m: line_m,
                red: then == Light::Red,
                pass_probability: drives_on_probability(actor, distance_m, config),
            });
        }
        None
    }
}

/// The probability that a driver who ought to stop for a light within a distance will not.
///
/// Drivers brake with decelerations of about `comfortable_mps2`, spread normally: those whose own is less than what is
/// needed by now are not going to stop. Who accelerates although stopping would already need a good part of that
/// is not either.
pub(crate) fn drives_on_probability(actor: &Actor<'_>, distance_m: f64, config: &PredictConfig) -> f64 {
    let needs = actor.stopping_mps2(distance_m);
    if needs <= 0.0 {
        return 0.0;
    }
    if actor.acceleration_mps2 > ACCELERATING_MPS2 && needs > 0.9 * config.comfortable_mps2 {
        return 1.0;
    }
    (1.0 - brakes(actor, needs)) * normal::above(needs, config.comfortable_sigma_mps2, config.comfortable_mps2)
}

/// The probability that a driver who ought to give way within a distance will not: nobody has to, so who does shows it
/// early. From `yield_mps2` needed on, or `yield_s` before the place, not to brake is not to give way.
pub(crate) fn keeps_way_probability(actor: &Actor<'_>, distance_m: f64, config: &PredictConfig) -> f64 {
    let needs = actor.stopping_mps2(distance_m);
    if needs <= 0.0 {
        return 0.0;
    }
    let left_s = distance_m.max(0.0) / actor.speed_mps.max(0.1);
    let slow = (actor.speed_mps / SLOW_MPS).min(1.0);
    let shows_s = (0.5 * actor.speed_mps / config.yield_mps2).max(config.yield_s * slow);
    (1.0 - brakes(actor, needs)) * normal::above(shows_s, YIELD_SIGMA_S, left_s)
}

/// The probability that the driver brakes as one who means to stop: near to what that needs.
fn brakes(actor: &Actor<'_>, needs_mps2: f64) -> f64 {
    let own = -actor.acceleration_mps2;
    if own < 0.5 { 0.0 } else { normal::above(own, BRAKING_SIGMA_MPS2, 0.6 * needs_mps2) }
}
