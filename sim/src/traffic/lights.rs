//! What the signals show now, for drivers and walkers.

use jxz_map::{JunctionIx, Map};
use jxz_signal::Controller;
use jxz_units::Utc;
use jxz_world::{JunctionSignals, Light, PhaseId};

/// One junction's controller and what it shows.
#[derive(Debug, Clone)]
struct Signalised {
    controller: Controller,
    signals: JunctionSignals,
    /// Where its phase 0 would stand among all lights.
    first: usize,
    /// When the first of the phases changes.
    until: Utc,
}

/// Every signalised junction's lights at one time.
#[derive(Debug, Clone)]
pub(crate) struct Lights {
    signalised: Vec<Signalised>,
    /// By junction: where its phase 0 would stand among all lights; one more than there are junctions.
    starts: Vec<u32>,
    /// Junction by junction, by phase number; dark where there is no such phase.
    shown: Vec<Light>,
}

impl Signalised {
    fn look(&mut self, utc: Utc, shown: &mut [Light]) {
        self.signals = self.controller.signals(utc);
        for signal in &self.signals.phases {
            shown[self.first + usize::from(signal.phase.0)] = signal.light;
        }
        self.until = self.signals.phases.iter().map(|signal| signal.likely_end).min().unwrap_or(utc);
    }
}

impl Lights {
    /// The lights of every fixed plan at a time.
    pub(crate) fn new(map: &Map, utc: Utc) -> Self {
        let mut lights = Self { signalised: Vec::new(), starts: Vec::new(), shown: Vec::new() };
        for junction in (0..map.junctions.len() as u32).map(JunctionIx) {
            let first = lights.shown.len();
            lights.starts.push(first as u32);
            let Some(controller) = Controller::of(map, junction) else { continue };
            let signals = controller.signals(utc);
            let count = signals.phases.iter().map(|signal| usize::from(signal.phase.0) + 1).max().unwrap_or(0);
            lights.shown.resize(first + count, Light::Dark);
            lights.signalised.push(Signalised { controller, signals, first, until: utc });
        }
        lights.starts.push(lights.shown.len() as u32);
        lights.set(utc);
        lights
    }

    /// Moves on to another time. Between two changes only the time of validity does.
    pub(crate) fn set(&mut self, utc: Utc) {
        for junction in &mut self.signalised {
            if utc >= junction.signals.valid_at && utc < junction.until {
                junction.signals.valid_at = utc;
            } else {
                junction.look(utc, &mut self.shown);
            }
        }
    }

    /// What a phase shows; [`Light::Dark`] if the junction has no such phase.
    pub(crate) fn of(&self, junction: JunctionIx, phase: PhaseId) -> Light {
        let (at, end) = (self.starts[junction.0 as usize], self.starts[junction.0 as usize + 1]);
        let index = at + u32::from(phase.0);
        if index < end { self.shown[index as usize] } else { Light::Dark }
    }

    /// For how long a phase is still green, seconds; zero if it is not, endless without such a phase.
    pub(crate) fn green_left_s(&self, junction: JunctionIx, phase: PhaseId, utc: Utc) -> f64 {
        let first = self.starts[junction.0 as usize] as usize;
        let signals = self.signalised.binary_search_by_key(&first, |junction| junction.first);
        let phases = signals.map(|index| &self.signalised[index].signals.phases);
        match phases.ok().and_then(|phases| phases.iter().find(|signal| signal.phase == phase)) {
            None => f64::INFINITY,
            Some(signal) if signal.light.is_go() => signal.likely_end.seconds_since(utc),
            Some(_) => 0.0,
        }
    }

    /// The signals of every signalised junction.
    pub(crate) fn all(&self) -> impl Iterator<Item = &JunctionSignals> {
        self.signalised.iter().map(|junction| &junction.signals)
    }
}
