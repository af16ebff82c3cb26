//! A plan's cycle as intervals of one light for each phase.

use jxz_map::{SignalPlan, Stage};
use jxz_units::Utc;
use jxz_world::{JunctionId, JunctionSignals, Light, PhaseId, PhaseSignal};

/// One light of one phase, from its start within the cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Interval {
    start_ns: i64,
    light: Light,
}

fn ns(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64
}

/// Length of the plan's cycle, nanoseconds; at least 1.
pub(crate) fn cycle_ns(plan: &SignalPlan) -> i64 {
    plan.stages.iter().map(|s| ns(s.green_s) + ns(s.yellow_s) + ns(s.all_red_s)).sum::<i64>().max(1)
}

/// Time since the start of the cycle that `at` lies in, nanoseconds.
pub(crate) fn since_cycle_start_ns(plan: &SignalPlan, at: Utc) -> i64 {
    at.unix_ns().saturating_sub(ns(plan.offset_s)).rem_euclid(cycle_ns(plan))
}

fn light_in(stage: &Stage, phase: PhaseId) -> Light {
    if stage.permissive.contains(&phase) {
        Light::PermissiveGreen
    } else if stage.green.contains(&phase) {
        Light::Green
    } else {
        Light::Red
    }
}

/// A phase's intervals over one cycle, in order, the first from 0; neighbours differ.
///
/// A phase that is green in a stage and the next keeps its light between the two.
fn intervals(plan: &SignalPlan, phase: PhaseId) -> Vec<Interval> {
    let mut out: Vec<Interval> = Vec::new();
    let mut push = |start_ns: i64, length_ns: i64, light: Light| {
        if length_ns > 0 && out.last().is_none_or(|last| last.light != light) {
            out.push(Interval { start_ns, light });
        }
    };
    let mut start = 0;
    for (k, stage) in plan.stages.iter().enumerate() {
        let next = &plan.stages[(k + 1) % plan.stages.len()];
        let light = light_in(stage, phase);
        let stays = plan.stages.len() > 1 && light.is_go() && light_in(next, phase).is_go();
        let (green, yellow, red) = (ns(stage.green_s), ns(stage.yellow_s), ns(stage.all_red_s));
        push(start, green, light);
        push(start + green, yellow, if light.is_go() && !stays { Light::Yellow } else { light });
        push(start + green + yellow, red, if stays { light } else { Light::Red });
        start += green + yellow + red;
    }
    out
}

/// Where a phase is in its cycle: its light, when that ends, and what follows for how long.
fn phase_signal(plan: &SignalPlan, phase: PhaseId, at: Utc) -> PhaseSignal {
    let (cycle, now) = (cycle_ns(plan), since_cycle_start_ns(plan, at));
    let after = |wait_ns: i64| Utc::from_unix_ns(at.unix_ns().saturating_add(wait_ns));
    let intervals = intervals(plan, phase);
    let current = intervals.iter().rposition(|i| i.start_ns <= now);
    let Some((current, light)) = current.map(|k| (k, intervals[k].light)) else {
        return PhaseSignal { phase, light: Light::Dark, likely_end: after(cycle), next: None };
    };
    // The changes after now, over two cycles: the light at the turn of the cycle may run on.
    let count = intervals.len();
    let start_of = |k: usize| intervals[k % count].start_ns + (k / count) as i64 * cycle;
    let change_after = |from: usize| {
        let held = intervals[from % count].light;
        (from + 1..=from + count).find(|k| intervals[k % count].light != held)
    };
    let Some(next) = change_after(current) else {
        return PhaseSignal { phase, light, likely_end: after(cycle - now), next: None };
    };
    let lasts = change_after(next).map(|end| (start_of(end) - start_of(next)) as f64 * 1e-9);
    PhaseSignal {
        phase,
        light,
        likely_end: after(start_of(next) - now),
        next: lasts.map(|seconds| (intervals[next % count].light, seconds)),
    }
}

/// What the given phases of a junction on a fixed-time plan show at `at`, by number.
///
/// `likely_end` is exact. A phase that never changes (green or red in every stage) has no `next`, and its `likely_end`
/// is the end of the cycle; a plan without stages leaves every phase dark.
#[must_use]
pub fn state(plan: &SignalPlan, junction: &JunctionId, phases: &[PhaseId], at: Utc) -> JunctionSignals {
    let mut phases: Vec<PhaseSignal> = phases.iter().map(|phase| phase_signal(plan, *phase, at)).collect();
    phases.sort_by_key(|signal| signal.phase);
    JunctionSignals { junction: junction.clone(), valid_at: at, phases }
}
