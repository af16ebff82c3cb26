//! One junction's signal controller.

use crate::timeline::state;
use jxz_map::{Control, CrossingControl, JunctionIx, Map, SignalPlan};
use jxz_units::Utc;
use jxz_world::{JunctionId, JunctionSignals, Light, PhaseId, PhaseSignal};
use std::collections::BTreeSet;

/// How a controller works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// By its plan.
    #[default]
    Plan,
    /// Every phase flashes yellow: drive by the rules of priority.
    FlashingYellow,
    /// Without power.
    Dark,
}

/// A fixed-time controller: its plan, its phases, and whether it works.
#[derive(Debug, Clone)]
pub struct Controller {
    junction: JunctionId,
    plan: SignalPlan,
    phases: Vec<PhaseId>,
    mode: Mode,
}

impl Controller {
    /// The controller of a junction of the map; `None` if that has no signals.
    #[must_use]
    pub fn of(map: &Map, junction: JunctionIx) -> Option<Self> {
        let node = map.junction(junction);
        let Control::Signals(plan) = &node.control else { return None };
        let mut phases: BTreeSet<PhaseId> = plan.stages.iter().flat_map(|s| s.green.iter().copied()).collect();
        phases.extend(node.connectors.iter().filter_map(|l| map.lane(*l).movement.as_ref()?.phase));
        phases.extend(map.crossings.iter().filter_map(|crossing| match crossing.control {
            Some(CrossingControl::Signal(of, phase)) if of == junction => Some(phase),
            _ => None,
        }));
        let phases = phases.into_iter().collect();
        Some(Self { junction: node.id.clone(), plan: plan.clone(), phases, mode: Mode::Plan })
    }

    /// The junction.
    #[must_use]
    pub const fn junction(&self) -> &JunctionId {
        &self.junction
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &SignalPlan {
        &self.plan
    }

    /// Makes it work, flash or go dark.
    pub fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// What every phase shows. When it does not work by its plan nothing says when that ends: `likely_end` is `at`.
    #[must_use]
    pub fn signals(&self, at: Utc) -> JunctionSignals {
        let light = match self.mode {
            Mode::Plan => return state(&self.plan, &self.junction, &self.phases, at),
            Mode::FlashingYellow => Light::FlashingYellow,
            Mode::Dark => Light::Dark,
        };
        let all = self.phases.iter().map(|phase| PhaseSignal { phase: *phase, light, likely_end: at, next: None });
        JunctionSignals { junction: self.junction.clone(), valid_at: at, phases: all.collect() }
    }

    /// The light of one phase; `None` if the junction has no such phase.
    #[must_use]
    pub fn light(&self, phase: PhaseId, at: Utc) -> Option<Light> {
        self.signals(at).phases.iter().find(|signal| signal.phase == phase).map(|signal| signal.light)
    }

    /// When any phase changes next; `None` if none ever does.
    #[must_use]
    pub fn next_change(&self, at: Utc) -> Option<Utc> {
        let signals = self.signals(at);
        signals.phases.iter().filter(|signal| signal.next.is_some()).map(|signal| signal.likely_end).min()
    }
}
