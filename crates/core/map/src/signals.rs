//! Signal plans, and which phase lets which movement and crossing go.

use crate::load::Draft;
use crate::model::{Control, JunctionIx};
use crate::source::{File, SignalsSource, Source, StageSource};
use crate::{MapError, SignalPlan, Stage};
use jxz_world::PhaseId;
use std::collections::BTreeMap;
use toml::Spanned;

/// Which phase lets a movement (between two roads) or a crossing go.
#[derive(Debug, Default)]
pub(crate) struct Phases {
    pub(crate) of_movement: BTreeMap<(JunctionIx, usize, usize), PhaseId>,
    pub(crate) of_crossing: BTreeMap<String, (JunctionIx, PhaseId)>,
}

pub(crate) fn add_plans(source: &Source, draft: &mut Draft) -> Result<Phases, MapError> {
    let file = &source.signals;
    let mut phases = Phases::default();
    for signals in &file.data.signals {
        let Some(junction) = draft.junction_ix.get(signals.junction.get_ref()).copied() else {
            return Err(file.error("signals of", &signals.junction, "no such junction", "add it to junctions.toml"));
        };
        add_phases(source, draft, junction, signals, &mut phases)?;
        let plan = plan_of(file, &signals.junction, signals.offset_s, &signals.stages)?;
        match &mut draft.map.junctions[junction.0 as usize].control {
            Control::Signals(slot) if slot.stages.is_empty() => *slot = plan,
            Control::Signals(_) => {
                return Err(file.error("signals of", &signals.junction, "given twice", "remove one"));
            }
            _ => {
                let problem = "the junction is not under signals";
                return Err(file.error("signals of", &signals.junction, problem, "set its control to \"signals\""));
            }
        }
    }
    for (junction, written) in draft.map.junctions.iter().zip(&source.junctions.data.junction) {
        if matches!(&junction.control, Control::Signals(plan) if plan.stages.is_empty()) {
            let problem = "under signals without a plan";
            return Err(source.junctions.error("junction", &written.id, problem, "add its plan to signals.toml"));
        }
    }
    Ok(phases)
}

fn add_phases(
    source: &Source,
    draft: &Draft,
    junction: JunctionIx,
    signals: &SignalsSource,
    phases: &mut Phases,
) -> Result<(), MapError> {
    let file = &source.signals;
    let road = |name: &str| {
        draft.road_ix.get(name).copied().ok_or_else(|| {
            let problem = format!("a phase names road {name:?}, which is not in roads.toml");
            file.error("signals of", &signals.junction, problem, "correct the name")
        })
    };
    for phase in &signals.phases {
        if phase.id == 0 {
            return Err(file.error("signals of", &signals.junction, "phase 0", "number phases from 1 to 255"));
        }
        if let Some(from) = &phase.from {
            for to in &phase.to {
                phases.of_movement.insert((junction, road(from)?, road(to)?), PhaseId(phase.id));
            }
        } else if phase.crossings.is_empty() {
            let problem = format!("phase {} serves nothing", phase.id);
            return Err(file.error("signals of", &signals.junction, problem, "give `from` and `to`, or `crossings`"));
        }
        for crossing in &phase.crossings {
            phases.of_crossing.insert(crossing.clone(), (junction, PhaseId(phase.id)));
        }
    }
    Ok(())
}

pub(crate) fn plan_of<T>(
    file: &File<T>,
    junction: &Spanned<String>,
    offset_s: f64,
    written: &[StageSource],
) -> Result<SignalPlan, MapError> {
    let error = |problem: &str, remedy: &str| Err(file.error("signals of", junction, problem, remedy));
    let mut stages = Vec::with_capacity(written.len());
    for stage in written {
        let times = [stage.green_s, stage.yellow_s, stage.all_red_s];
        if !times.iter().all(|t| (0.0..=600.0).contains(t)) || stage.green_s < 1.0 {
            return error("a stage's time is outside 0 to 600 s, or its green is under 1 s", "correct the times");
        }
        if stage.permissive.iter().any(|phase| !stage.green.contains(phase)) {
            return error("a permissive phase is not green in its stage", "add it to `green`");
        }
        let ids = |list: &[u8]| list.iter().copied().map(PhaseId).collect::<Vec<_>>();
        stages.push(Stage {
            green: ids(&stage.green),
            permissive: ids(&stage.permissive),
            green_s: stage.green_s,
            yellow_s: stage.yellow_s,
            all_red_s: stage.all_red_s,
        });
    }
    if stages.is_empty() || !offset_s.is_finite() {
        return error("a plan needs a stage and a finite offset", "add them");
    }
    Ok(SignalPlan { offset_s, stages })
}
