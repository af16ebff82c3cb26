//! Signal plans as SUMO's programs.

use super::connections::ends_of;
use super::document;
use crate::xml::Value;
use core::time::Duration;
use jxz_map::{Control, CrossingControl, CrossingIx, JunctionIx, LaneIx, LaneKind, Map, Movement, SignalPlan};
use jxz_signal::Controller;
use jxz_units::Utc;
use jxz_world::{Light, PhaseId};

/// What a signal lets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Controlled {
    Way(LaneIx),
    Crossing(CrossingIx),
}

/// What a junction's signals let go, in the order of SUMO's numbers: ways of vehicles, then crossings.
pub(super) fn controlled(map: &Map, junction: JunctionIx) -> Vec<Controlled> {
    let node = map.junction(junction);
    if !matches!(node.control, Control::Signals(_)) {
        return Vec::new();
    }
    let vehicles = node.connectors.iter().copied().filter(|lane| map.lane(*lane).kind != LaneKind::Footway);
    let signalled = |crossing: &CrossingIx| matches!(map.crossing(*crossing).control, Some(CrossingControl::Signal(of, _)) if of == junction);
    let crossings = node.crossings.iter().copied().filter(signalled);
    vehicles.map(Controlled::Way).chain(crossings.map(Controlled::Crossing)).collect()
}

/// One step of a program: how long it lasts, and when it begins within the cycle.
#[derive(Debug, Clone, Copy)]
struct SignalStep {
    /// From the beginning of the cycle.
    start: Duration,
    /// Its length.
    length: Duration,
}

/// The steps of a plan in SUMO's program of it: each stage's green, yellow and all-red, those of no length left out.
fn signal_steps(plan: &SignalPlan) -> Vec<SignalStep> {
    let mut start = Duration::ZERO;
    let mut steps = Vec::new();
    for stage in &plan.stages {
        for length_s in [stage.green_s, stage.yellow_s, stage.all_red_s] {
            let length = Duration::try_from_secs_f64(length_s).unwrap_or_default();
            if !length.is_zero() {
                steps.push(SignalStep { start, length });
            }
            start += length;
        }
    }
    steps
}

pub(super) fn signals(map: &Map) -> String {
    let mut xml = document(map, "tlLogics");
    for (k, junction) in map.junctions.iter().enumerate() {
        let ix = JunctionIx(k as u32);
        let (Control::Signals(plan), Some(controller)) = (&junction.control, Controller::of(map, ix)) else { continue };
        let controlled = controlled(map, ix);
        let id = Value::Text(&junction.id.0);
        let offset = ("offset", Value::Number(plan.offset_s, 3));
        xml.begin("tlLogic", &[("id", id), ("type", Value::Text("static")), ("programID", Value::Text("0")), offset]);
        for step in signal_steps(plan) {
            let middle_s = plan.offset_s + (step.start + step.length / 2).as_secs_f64();
            let at = Utc::from_unix_ns((middle_s * 1e9) as i64);
            let state: String = controlled.iter().map(|which| letter(map, &controller, *which, at)).collect();
            let duration = Value::Number(step.length.as_secs_f64(), 3);
            xml.leaf("phase", &[("duration", duration), ("state", Value::Text(&state))]);
        }
        xml.end();
    }
    // netconvert takes a connection's number from here and from nowhere else.
    for (k, junction) in map.junctions.iter().enumerate() {
        for (number, which) in controlled(map, JunctionIx(k as u32)).into_iter().enumerate() {
            let Controlled::Way(lane) = which else { continue };
            let Some(mut attributes) = ends_of(map, lane) else { continue };
            attributes.extend([("tl", Value::Text(junction.id.0.as_str())), ("linkIndex", Value::Count(number))]);
            xml.leaf("connection", &attributes);
        }
    }
    xml.finish()
}

/// Whether a movement that is green must still let others go: those on foot beside a right turn, or a stream that it
/// meets and that is green too.
fn gives_way(map: &Map, movement: &Movement, shown: &impl Fn(PhaseId) -> Light) -> bool {
    let goes =
        |lane: &LaneIx| map.lane(*lane).movement.as_ref().and_then(|m| m.phase).is_some_and(|p| shown(p).is_go());
    movement.on_red || movement.yields_to.iter().any(goes)
}

/// SUMO's letter for what is shown: G goes, g goes after giving way, y stops if it can, r waits, s stops and then goes
/// after giving way (a right turn on red).
fn letter(map: &Map, controller: &Controller, which: Controlled, at: Utc) -> char {
    let shown = |phase: PhaseId| controller.light(phase, at).unwrap_or(Light::Dark);
    match which {
        Controlled::Way(lane) => {
            let Some(movement) = map.lane(lane).movement.as_ref() else { return 'r' };
            match movement.phase.map_or(Light::Dark, shown) {
                Light::Green if !gives_way(map, movement, &shown) => 'G',
                Light::Green | Light::PermissiveGreen => 'g',
                Light::Yellow => 'y',
                Light::Red if movement.on_red => 's',
                Light::Red => 'r',
                Light::FlashingYellow => 'o',
                Light::Dark => 'O',
            }
        }
        Controlled::Crossing(crossing) => match map.crossing(crossing).control {
            Some(CrossingControl::Signal(_, phase)) if shown(phase).is_go() => 'G',
            _ => 'r',
        },
    }
}
