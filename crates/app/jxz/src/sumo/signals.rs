//! SUMO's signals in step with the map's plans, so that what nodes say of a signal is what drivers see.

use core::time::Duration;
use jxz_map::{Control, Map};
use jxz_traci::{Client, Domain, TraciError, Value, Variable};
use jxz_units::Utc;
use serde::Serialize;
use std::net::TcpStream;

/// How SUMO's signals and the map's plans go together.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(super) struct SignalCount {
    /// Junctions whose program is the map's plan, and was set to its time.
    pub(super) in_step: u64,
    /// Junctions of the network whose signals the map does not know: what nodes say there is not what drivers see.
    pub(super) not_ours: u64,
    /// Comparisons since, and how many of them found another step than the plan's.
    pub(super) compared: u64,
    pub(super) differed: u64,
}

struct Program {
    id: String,
    offset_s: f64,
    /// How long each of SUMO's steps lasts, from the beginning of the cycle.
    steps: Vec<Duration>,
}

/// The programs that are kept in step.
pub(super) struct Signals {
    programs: Vec<Program>,
    pub(super) count: SignalCount,
}

impl Signals {
    /// Sets every program that is the map's plan so that after `lead` it shows what the plan shows at `at`.
    pub(super) fn align(
        client: &mut Client<TcpStream>,
        map: &Map,
        at: Utc,
        lead: Duration,
    ) -> Result<Self, TraciError> {
        let mut signals = Self { programs: Vec::new(), count: SignalCount::default() };
        let Value::Texts(ids) = client.get(Domain::TrafficLight, Variable::IDS, "")? else { return Ok(signals) };
        for id in ids {
            let answer = client.get(Domain::TrafficLight, Variable::PROGRAMS, &id)?;
            let Some(program) = program_of(map, &id, steps_in(&answer)) else {
                signals.count.not_ours += 1;
                continue;
            };
            let Some((step, left)) = program.at(at) else { continue };
            let left_s = (left + lead).as_secs_f64();
            client.set(Domain::TrafficLight, Variable::SET_PHASE, &id, &Value::Integer(step as i32))?;
            client.set(Domain::TrafficLight, Variable::SET_PHASE_LEFT, &id, &Value::Double(left_s))?;
            signals.count.in_step += 1;
            signals.programs.push(program);
        }
        Ok(signals)
    }

    /// Compares what SUMO shows with the plans. A step that changes within a tenth of a second is not judged.
    pub(super) fn compare(&mut self, client: &mut Client<TcpStream>, at: Utc) -> Result<(), TraciError> {
        for program in &self.programs {
            let shown = client.get(Domain::TrafficLight, Variable::PHASE, &program.id)?.number();
            let near = |seconds: f64| program.at(at.plus_seconds(seconds)).map(|(step, _)| step);
            let planned = near(0.0);
            if near(-0.1) == planned && near(0.1) == planned {
                self.count.compared += 1;
                self.count.differed += u64::from(planned.map(|step| step as f64) != shown);
            }
        }
        Ok(())
    }
}

impl Program {
    /// The step at a time, and how long it still lasts.
    fn at(&self, at: Utc) -> Option<(usize, Duration)> {
        let cycle: Duration = self.steps.iter().sum();
        let cycle_ns = i64::try_from(cycle.as_nanos()).ok().filter(|ns| *ns > 0)?;
        let since_ns = at.plus_seconds(-self.offset_s).unix_ns().rem_euclid(cycle_ns);
        let since = Duration::from_nanos(u64::try_from(since_ns).ok()?);
        let mut end = Duration::ZERO;
        for (step, length) in self.steps.iter().enumerate() {
            end += *length;
            if since < end {
                return Some((step, end - since));
            }
        }
        None
    }
}

/// A junction's plan in SUMO's steps; `None` if they do not add up to the plan's cycle.
fn program_of(map: &Map, id: &str, steps: Vec<Duration>) -> Option<Program> {
    let junction = map.junctions.iter().find(|junction| junction.id.0 == id)?;
    let Control::Signals(plan) = &junction.control else { return None };
    let cycle_s: f64 = plan.stages.iter().map(|stage| stage.green_s + stage.yellow_s + stage.all_red_s).sum();
    let total: Duration = steps.iter().sum();
    let same = (total.as_secs_f64() - cycle_s).abs() < 1e-3;
    same.then(|| Program { id: id.to_owned(), offset_s: plan.offset_s, steps })
}

/// How long the steps of the first program of an answer last: a list of programs, each with its name, type, present
/// step, steps and parameters; a step begins with its length in seconds.
fn steps_in(answer: &Value) -> Vec<Duration> {
    let Value::Compound(programs) = answer else { return Vec::new() };
    let Some(Value::Compound(parts)) = programs.first() else { return Vec::new() };
    let Some(Value::Compound(steps)) = parts.get(3) else { return Vec::new() };
    let length = |step: &Value| match step {
        Value::Compound(parts) => {
            let length = Duration::try_from_secs_f64(parts.first()?.number()?).ok()?;
            (length < Duration::from_secs(86_400)).then_some(length)
        }
        _ => None,
    };
    steps.iter().filter_map(length).collect()
}
