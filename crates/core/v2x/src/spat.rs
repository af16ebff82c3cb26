//! Signal phase and timing.

use crate::asn::{
    Bits, DescriptiveName, IntersectionState, IntersectionStateList, IntersectionStatusObject, LightState,
    MessageFrame, MsgCount, NodeId, NodeReferenceId, Phase, PhaseId as WirePhase, PhaseList, PhaseState,
    PhaseStateList, RoadRegulatorId, Spat, TimeChangeDetails, TimeCountingDown, TimeMark,
};
use crate::encoder::{Encoder, Refusal, Sink, Subject};
use crate::error::EncodeError;
use crate::kind::MessageKind;
use crate::scale;
use crate::time::{from_moy_and_mark, mark_between, mark_duration, mark_in_hour, moy, sec_mark};
use core::time::Duration;
use jxz_units::Utc;
use jxz_world::{JunctionSignals, Light, PhaseId, PhaseSignal};

/// Phases a junction may have.
const MOST_PHASES: usize = 16;
/// The longest light that is said, seconds.
const LONGEST_S: f64 = 3600.0;
const STATUS_BITS: u32 = 16;

/// A node (junction) as messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeRef {
    /// Its region, if told.
    pub region: Option<u16>,
    /// Its number in the region.
    pub id: u16,
}

impl NodeRef {
    pub(crate) fn from_wire(node: &NodeReferenceId) -> Self {
        Self { region: node.region.as_ref().map(|region: &RoadRegulatorId| region.0), id: node.id.0 }
    }

    /// Without a region.
    pub(crate) const fn to_wire(id: u16) -> NodeReferenceId {
        NodeReferenceId { region: None, id: NodeId(id) }
    }
}

/// One light of a phase, now or to come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReceivedLight {
    /// What shows; `None`: not told. Flashing red is told as red, flashing green as green.
    pub light: Option<Light>,
    /// When it began or will begin.
    pub starts: Option<Utc>,
    /// When it will most likely end.
    pub likely_end: Option<Utc>,
}

/// One phase of a received SPAT.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedPhase {
    /// Which; 0 is no valid phase.
    pub phase: PhaseId,
    /// What shows now, then next.
    pub lights: Vec<ReceivedLight>,
}

/// One junction of a received SPAT.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedSignals {
    /// Which junction.
    pub node: NodeRef,
    /// When it was so: the junction's own time, else the message's; `None` if neither is told.
    pub valid_at: Option<Utc>,
    /// Its phases.
    pub phases: Vec<ReceivedPhase>,
}

/// A received SPAT.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedSpat {
    /// Its counter, 0..=127.
    pub message_count: u8,
    /// Name of the junction or the area.
    pub name: Option<String>,
    /// Its junctions.
    pub junctions: Vec<ReceivedSignals>,
}

/// A name as the set has it: plain ASCII, at most 63 characters; `None` for any other.
pub(crate) fn name_to_wire(name: &str) -> Option<DescriptiveName> {
    let fits = name.is_ascii() && (1..=63).contains(&name.len());
    fits.then(|| DescriptiveName(name.to_owned()))
}

pub(crate) fn name_from_wire(name: &DescriptiveName) -> String {
    name.0.clone()
}

impl Encoder {
    /// The signals of one junction as a SPAT frame: every phase, with what shows now and what will next. Times count
    /// down in tenths of a second from the signals' own time of validity, which the junction's part of the message
    /// gives. `name` is left out unless it is plain ASCII of 1 to 63 characters; how sure a time is, is not told,
    /// since no controller says it.
    ///
    /// The message is refused whole when it has no phase, more than 16, or a duration that is NaN or longer than an
    /// hour: half a set of signals would mislead.
    pub fn spat(&mut self, now: Utc, signals: &JunctionSignals, node_id: u16, name: &str, sink: &mut dyn Sink) {
        let mut message = self.scratch.spat.take().unwrap_or_else(unwritten);
        match fill(&mut message, now, signals, node_id, name) {
            Ok(()) => {
                message.msg_cnt = Self::wire_count(&mut self.counts.spat);
                let frame = MessageFrame::SpatFrame(message);
                self.send(sink, MessageKind::Spat, &frame);
                if let MessageFrame::SpatFrame(message) = frame {
                    self.scratch.spat = Some(message);
                }
            }
            Err(error) => {
                sink.refused(Refusal { subject: Subject::Map(signals.junction.0.clone()), error });
                self.scratch.spat = Some(message);
            }
        }
    }
}

fn unwritten() -> Spat {
    Spat {
        msg_cnt: MsgCount(0),
        moy: None,
        time_stamp: None,
        name: None,
        intersections: IntersectionStateList(Vec::new()),
    }
}

/// Writes one junction's signals over a message, whose lists are used again.
fn fill(message: &mut Spat, now: Utc, signals: &JunctionSignals, node_id: u16, name: &str) -> Result<(), EncodeError> {
    let count = signals.phases.len();
    if !(1..=MOST_PHASES).contains(&count) {
        return Err(EncodeError::Count { field: "phases", count, low: 1, high: MOST_PHASES });
    }
    message.moy = Some(moy(now));
    message.time_stamp = Some(sec_mark(now));
    if message.name.as_ref().map(|told| told.0.as_str()) != Some(name) {
        message.name = name_to_wire(name);
    }
    let list = &mut message.intersections.0;
    let mut phases = list.pop().map_or_else(Vec::new, |state| state.phases.0);
    phases.resize_with(count, || Phase { id: WirePhase(0), phase_states: PhaseStateList(Vec::new()) });
    let mut written = signals.phases.iter().zip(&mut phases);
    let outcome = written.try_for_each(|(phase, wire)| fill_phase(wire, signals.valid_at, phase));
    list.push(IntersectionState {
        intersection_id: NodeRef::to_wire(node_id),
        status: status(signals),
        moy: Some(moy(signals.valid_at)),
        time_stamp: Some(sec_mark(signals.valid_at)),
        time_confidence: None,
        phases: PhaseList(phases),
    });
    outcome
}

fn status(signals: &JunctionSignals) -> IntersectionStatusObject {
    let all = |test: fn(&PhaseSignal) -> bool| signals.phases.iter().all(test);
    type Status = IntersectionStatusObject;
    let flags = [
        (Status::FAILURE_FLASH, all(|phase| phase.light == Light::FlashingYellow)),
        (Status::FIXED_TIME_OPERATION, all(|phase| phase.next.is_some())),
        (Status::OFF, all(|phase| phase.light == Light::Dark)),
    ];
    let set = flags.iter().filter(|(_, set)| *set);
    let bits = set.fold(Bits::zeros(STATUS_BITS), |bits, (flag, _)| bits.with(*flag));
    IntersectionStatusObject(bits)
}

fn fill_phase(wire: &mut Phase, valid_at: Utc, phase: &PhaseSignal) -> Result<(), EncodeError> {
    wire.id = WirePhase(phase.phase.0);
    let states = &mut wire.phase_states.0;
    states.clear();
    let ends = mark_between(valid_at, phase.likely_end);
    states.push(state(phase.light, TimeMark(0), ends));
    if let Some((light, lasts_s)) = phase.next {
        let lasts_ms = scale::steps("next_light_s", lasts_s, 0.001, 0, (LONGEST_S * 1000.0) as i64)?;
        let next_ends = mark_between(valid_at, phase.likely_end + Duration::from_millis(lasts_ms.unsigned_abs()));
        states.push(state(light, ends, next_ends));
    }
    Ok(())
}

fn state(light: Light, start_time: TimeMark, likely_end_time: TimeMark) -> PhaseState {
    let timing = TimeCountingDown {
        start_time,
        min_end_time: None,
        max_end_time: None,
        likely_end_time,
        time_confidence: None,
        next_start_time: None,
        next_duration: None,
    };
    PhaseState { light: light_to_wire(light), timing: Some(TimeChangeDetails::Counting(timing)) }
}

const fn light_to_wire(light: Light) -> LightState {
    match light {
        Light::Red => LightState::Red,
        Light::Green => LightState::ProtectedGreen,
        Light::PermissiveGreen => LightState::PermissiveGreen,
        Light::Yellow => LightState::Yellow,
        Light::FlashingYellow => LightState::FlashingYellow,
        Light::Dark => LightState::Dark,
    }
}

const fn light_from_wire(light: LightState) -> Option<Light> {
    match light {
        LightState::Unavailable => None,
        LightState::Dark => Some(Light::Dark),
        LightState::FlashingRed | LightState::Red => Some(Light::Red),
        LightState::FlashingGreen | LightState::ProtectedGreen => Some(Light::Green),
        LightState::PermissiveGreen => Some(Light::PermissiveGreen),
        LightState::Yellow => Some(Light::Yellow),
        LightState::FlashingYellow => Some(Light::FlashingYellow),
    }
}

/// The junctions of a SPAT, their times as UTC.
pub(crate) fn read(message: &Spat, near: Utc) -> ReceivedSpat {
    let sent_at = from_moy_and_mark(message.moy.as_ref(), message.time_stamp.as_ref(), near);
    ReceivedSpat {
        message_count: message.msg_cnt.0,
        name: message.name.as_ref().map(name_from_wire),
        junctions: message.intersections.0.iter().map(|state| read_junction(state, sent_at, near)).collect(),
    }
}

fn read_junction(state: &IntersectionState, sent_at: Option<Utc>, near: Utc) -> ReceivedSignals {
    let own = from_moy_and_mark(state.moy.as_ref(), state.time_stamp.as_ref(), near);
    let valid_at = own.or(sent_at);
    // Without any time told, "from now" can only mean the time of receipt.
    let from = valid_at.unwrap_or(near);
    let phases = state.phases.0.iter().map(|phase| ReceivedPhase {
        phase: PhaseId(phase.id.0),
        lights: phase.phase_states.0.iter().map(|state| read_light(state, from, near)).collect(),
    });
    ReceivedSignals { node: NodeRef::from_wire(&state.intersection_id), valid_at, phases: phases.collect() }
}

fn read_light(state: &PhaseState, from: Utc, near: Utc) -> ReceivedLight {
    let (starts, likely_end) = match &state.timing {
        None => (None, None),
        Some(TimeChangeDetails::Counting(counting)) => {
            let at = |mark: TimeMark| mark_duration(mark).map(|ahead| from + ahead);
            (at(counting.start_time), at(counting.likely_end_time))
        }
        Some(TimeChangeDetails::UtcTiming(utc)) => {
            (mark_in_hour(utc.start_utc_time, near), mark_in_hour(utc.likely_end_utc_time, near))
        }
    };
    ReceivedLight { light: light_from_wire(state.light), starts, likely_end }
}
