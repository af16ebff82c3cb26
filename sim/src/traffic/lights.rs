//! What the signals show now, for drivers and walkers.

use jxz_map::{JunctionIx, Map};
use jxz_signal::Controller;
use jxz_units::Utc;
use jxz_world::{JunctionSignals, Light, PhaseId};

/// Every signalised junction's controller, and its lights at one time.
#[derive(Debug, Clone)]
pub(crate) struct Lights {
    /// By junction; `None` where there are no signals.
    junctions: Vec<Option<(Controller, JunctionSignals)>>,
}

impl Lights {
    /// The lights of every fixed plan at a time.
    pub(crate) fn new(map: &Map, utc: Utc) -> Self {
        let lights = |ix: u32| {
            let controller = Controller::of(map, JunctionIx(ix))?;
            let signals = controller.signals(utc);
            Some((controller, signals))
        };
        Self { junctions: (0..map.junctions.len() as u32).map(lights).collect() }
    }

    /// Moves on to another time.
    pub(crate) fn set(&mut self, utc: Utc) {
        for (controller, signals) in self.junctions.iter_mut().flatten() {
            *signals = controller.signals(utc);
        }
    }

    /// What a phase shows; [`Light::Dark`] if the junction has no such phase.
    pub(crate) fn of(&self, junction: JunctionIx, phase: PhaseId) -> Light {
        self.phase(junction, phase).map_or(Light::Dark, |signal| signal.light)
    }

    /// For how long a phase is still green, seconds; zero if it is not, endless without such a phase.
    pub(crate) fn green_left_s(&self, junction: JunctionIx, phase: PhaseId, utc: Utc) -> f64 {
        match self.phase(junction, phase) {
            None => f64::INFINITY,
            Some(signal) if signal.light.is_go() => signal.likely_end.seconds_since(utc),
            Some(_) => 0.0,
        }
    }

    /// The signals of every signalised junction.
    pub(crate) fn all(&self) -> impl Iterator<Item = &JunctionSignals> {
        self.junctions.iter().flatten().map(|(_, signals)| signals)
    }

    fn phase(&self, junction: JunctionIx, phase: PhaseId) -> Option<&jxz_world::PhaseSignal> {
        let (_, signals) = self.junctions.get(junction.0 as usize)?.as_ref()?;
        signals.phases.iter().find(|signal| signal.phase == phase)
    }
}
