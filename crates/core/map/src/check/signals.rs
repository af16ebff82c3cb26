//! Whether signals serve everyone and hold apart what meets.

use super::{Finding, FindingKind};
use crate::model::{
    Control, CrossingControl, CrossingIx, Junction, JunctionIx, Lane, LaneIx, LaneKind, Map, Movement, SignalPlan,
    Stage,
};
use jxz_world::PhaseId;
use std::collections::BTreeSet;

pub(super) fn check(map: &Map, findings: &mut Vec<Finding>) {
    for (k, junction) in map.junctions.iter().enumerate() {
        let Control::Signals(plan) = &junction.control else { continue };
        let scene = Scene::of(map, JunctionIx(k as u32), junction, plan);
        scene.phases(findings);
        scene.stop_lines(findings);
        for stage in &plan.stages {
            scene.green_together(stage, findings);
        }
    }
    crossings_of_unsignalled_junctions(map, findings);
}

struct Scene<'a> {
    map: &'a Map,
    junction: &'a Junction,
    plan: &'a SignalPlan,
    movements: Vec<(LaneIx, &'a Lane, &'a Movement)>,
    crossings: Vec<(CrossingIx, PhaseId)>,
}

impl<'a> Scene<'a> {
    fn of(map: &'a Map, ix: JunctionIx, junction: &'a Junction, plan: &'a SignalPlan) -> Self {
        let connectors = junction.connectors.iter().map(|lane| (*lane, map.lane(*lane)));
        let movements = connectors
            .filter(|(_, lane)| lane.kind != LaneKind::Footway)
            .filter_map(|(ix, lane)| Some((ix, lane, lane.movement.as_ref()?)))
            .collect();
        let crossings = map.crossings.iter().enumerate().filter_map(|(k, crossing)| match crossing.control {
            Some(CrossingControl::Signal(of, phase)) if of == ix => Some((CrossingIx(k as u32), phase)),
            _ => None,
        });
        let crossings = crossings.collect();
        Self { map, junction, plan, movements, crossings }
    }

    fn phases(&self, findings: &mut Vec<Finding>) {
        let in_plan: BTreeSet<PhaseId> = self.plan.stages.iter().flat_map(|s| s.green.iter().copied()).collect();
        let mut served: BTreeSet<PhaseId> = self.crossings.iter().map(|(_, phase)| *phase).collect();
        for (_, lane, movement) in &self.movements {
            served.extend(movement.phase);
            if movement.phase.is_none_or(|phase| !in_plan.contains(&phase)) {
                let detail = match movement.phase {
                    Some(phase) => format!("no stage makes its phase {} green", phase.0),
                    None => "no phase lets it go".to_owned(),
                };
                let (object, at) = (format!("movement {:?}", lane.id), lane.centre.start());
                findings.push(Finding { kind: FindingKind::MissingPhase, object, at, detail });
            }
        }
        for (ix, phase) in self.crossings.iter().filter(|(_, phase)| !in_plan.contains(phase)) {
            let crossing = self.map.crossing(*ix);
            let detail = format!("no stage makes its phase {} green", phase.0);
            let (object, at) = (format!("crossing {:?}", crossing.id), crossing.line.start());
            findings.push(Finding { kind: FindingKind::MissingPhase, object, at, detail });
        }
        for phase in in_plan.difference(&served) {
            let detail = format!("phase {} lets nothing go", phase.0);
            let (object, at) = (format!("junction {:?}", self.junction.id.0), self.junction.centre);
            findings.push(Finding { kind: FindingKind::UnusedPhase, object, at, detail });
        }
    }

    fn stop_lines(&self, findings: &mut Vec<Finding>) {
        let lanes = self.junction.incoming.iter().flat_map(|link| &self.map.link(*link).lanes);
        for lane in lanes.map(|ix| self.map.lane(*ix)) {
            if lane.kind != LaneKind::Footway && lane.stop_line_m.is_none() {
                findings.push(Finding {
                    kind: FindingKind::MissingStopLine,
                    object: format!("lane {:?}", lane.id),
                    at: lane.centre.end(),
                    detail: "it enters a junction under signals".to_owned(),
                });
            }
        }
    }

    fn green_together(&self, stage: &Stage, findings: &mut Vec<Finding>) {
        let green = |movement: &Movement| movement.phase.is_some_and(|phase| stage.green.contains(&phase));
        let careful =
            |movement: &Movement| movement.on_red || movement.phase.is_some_and(|p| stage.permissive.contains(&p));
        for (ix, lane, movement) in self.movements.iter().filter(|(_, _, movement)| green(movement)) {
            for (other, at_m, _) in movement.conflicts.iter().filter(|(other, ..)| other > ix) {
                let there = self.map.lane(*other);
                let Some(their) = there.movement.as_ref().filter(|their| green(their)) else { continue };
                let held = (movement.yields_to.contains(other) && careful(movement))
                    || (their.yields_to.contains(ix) && careful(their))
                    || self.merge_of_one_stream(lane, there);
                if !held {
                    let detail = format!("green together with {:?}, and neither must give way", there.id);
                    let (object, at) = (format!("movement {:?}", lane.id), lane.centre.point_at(*at_m));
                    findings.push(Finding { kind: FindingKind::GreenConflict, object, at, detail });
                }
            }
            self.green_with_crossings(stage, lane, careful(movement), findings);
        }
    }

    fn green_with_crossings(&self, stage: &Stage, lane: &Lane, careful: bool, findings: &mut Vec<Finding>) {
        if careful {
            return;
        }
        let ends = || lane.predecessors.iter().chain(&lane.successors);
        for (ix, _) in self.crossings.iter().filter(|(_, phase)| stage.green.contains(phase)) {
            let crossing = self.map.crossing(*ix);
            if let Some((_, along, _)) = crossing.lanes.iter().find(|(over, ..)| ends().any(|end| end == over)) {
                let detail = format!("green together with crossing {:?}, and need not give way", crossing.id);
                let (object, at) = (format!("movement {:?}", lane.id), crossing.line.point_at(*along));
                findings.push(Finding { kind: FindingKind::GreenConflict, object, at, detail });
            }
        }
    }

    /// Two lanes of one approach that become one lane: an ordinary merge.
    fn merge_of_one_stream(&self, a: &Lane, b: &Lane) -> bool {
        let approach = |lane: &Lane| lane.predecessors.first().and_then(|ix| self.map.lane(*ix).link);
        a.kind == b.kind && approach(a) == approach(b) && a.successors == b.successors
    }
}

fn crossings_of_unsignalled_junctions(map: &Map, findings: &mut Vec<Finding>) {
    for crossing in &map.crossings {
        let Some(CrossingControl::Signal(junction, phase)) = crossing.control else { continue };
        let known = map.junctions.get(junction.0 as usize);
        if !known.is_some_and(|junction| matches!(junction.control, Control::Signals(_))) {
            let detail = format!("waits for phase {} of a junction without signals", phase.0);
            let (object, at) = (format!("crossing {:?}", crossing.id), crossing.line.start());
            findings.push(Finding { kind: FindingKind::MissingPhase, object, at, detail });
        }
    }
}
