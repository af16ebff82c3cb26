//! What the site's traffic signals show now and shortly, and since when.

use crate::actor::Actor;
use crate::config::PredictConfig;
use crate::normal;
use crate::path::{Path, StopLine};
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

    /// The first stop line with a light on a way, and whether the road user will drive over it.
    pub(crate) fn stop_line(
        &self,
        map: &Map,
        actor: &Actor<'_>,
        way: &Path,
        config: &PredictConfig,
    ) -> Option<StopLine> {
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
