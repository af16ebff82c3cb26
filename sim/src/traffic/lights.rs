//! What the signals show now, for drivers and walkers.

use jxz_map::{JunctionIx, Map};
use jxz_signal::Controller;
use jxz_units::Utc;
use jxz_world::{JunctionSignals, Light, PhaseId, PhaseSignal};

/// One junction's controller and what it shows.
#[derive(Debug, Clone)]
struct Signalised {
    controller: Controller,
    signals: JunctionSignals,
    /// By phase number; `None` where the junction has no such phase.
    by_phase: Vec<Option<PhaseSignal>>,
    /// When the first of the phases changes.
    until: Utc,
}

/// Every signalised junction's lights at one time.
#[derive(Debug, Clone)]
pub(crate) struct Lights {
    /// By junction; `None` where there are no signals.
    junctions: Vec<Option<Signalised>>,
}

impl Signalised {
    fn new(controller: Controller, utc: Utc) -> Self {
        let signals = controller.signals(utc);
        let count = signals.phases.iter().map(|signal| usize::from(signal.phase.0) + 1).max().unwrap_or(0);
        let mut by_phase = vec![None; count];
        for signal in &signals.phases {
            by_phase[usize::from(signal.phase.0)] = Some(*signal);
        }
        let until = signals.phases.iter().map(|signal| signal.likely_end).min().unwrap_or(utc);
        Self { controller, signals, by_phase, until }
    }

    /// Between two changes only the time of validity moves on.
    fn set(&mut self, utc: Utc) {
        if utc >= self.signals.valid_at && utc < self.until {
            self.signals.valid_at = utc;
        } else {
            *self = Self::new(self.controller.clone(), utc);
        }
    }
}

impl Lights {
    /// The lights of every fixed plan at a time.
    pub(crate) fn new(map: &Map, utc: Utc) -> Self {
        let lights = |ix: u32| Some(Signalised::new(Controller::of(map, JunctionIx(ix))?, utc));
        Self { junctions: (0..map.junctions.len() as u32).map(lights).collect() }
    }

    /// Moves on to another time.
    pub(crate) fn set(&mut self, utc: Utc) {
        for junction in self.junctions.iter_mut().flatten() {
            junction.set(utc);
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
        self.junctions.iter().flatten().map(|junction| &junction.signals)
    }

    fn phase(&self, junction: JunctionIx, phase: PhaseId) -> Option<&PhaseSignal> {
        self.junctions.get(junction.0 as usize)?.as_ref()?.by_phase.get(usize::from(phase.0))?.as_ref()
    }
}
