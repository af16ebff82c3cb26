//! What is told of a warning, and under which ids.

use core::fmt;
use jxz_units::Utc;
use jxz_world::{VehicleId, Warning, WarningId};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1 as otlp;

/// The trace of a warning, the same wherever it is known: `jxz-warn` in ASCII, then the warning's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// The trace of this warning.
    #[must_use]
    pub fn of(warning: WarningId) -> Self {
        let mut id = *b"jxz-warn\0\0\0\0\0\0\0\0";
        id[8..].copy_from_slice(&warning.0.to_be_bytes());
        Self(id)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A step on a warning's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The node: from the newest measurement behind the warning to its messages being handed to the channels. The others'
    /// parent.
    Warn,
    /// The cloud: from the record's receipt to its being on disk.
    Keep,
    /// A vehicle: when its driver is shown it.
    Show(VehicleId),
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Keep => "keep",
            Self::Show(_) => "show",
        }
    }

    /// Differs from every other step's of the warning.
    fn id(self, warning: WarningId) -> [u8; 8] {
        let id = match self {
            Self::Warn => warning.0,
            Self::Keep => warning.0.rotate_left(1) ^ 1,
            Self::Show(vehicle) => warning.0.rotate_left(17) ^ u64::from_be_bytes(vehicle.0),
        };
        // Zero would mean none.
        id.max(1).to_be_bytes()
    }
}

/// One step of one warning.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    warning: WarningId,
    step: Step,
    from: Utc,
    to: Utc,
    attributes: Vec<(&'static str, String)>,
}

impl Span {
    /// A step that took from one instant to another.
    #[must_use]
    pub fn new(warning: WarningId, step: Step, from: Utc, to: Utc) -> Self {
        Self { warning, step, from, to: to.max(from), attributes: Vec::new() }
    }

    /// What a node tells of a warning that it has just raised.
    #[must_use]
    pub fn warn(warning: &Warning, sent_at: Utc) -> Self {
        let tracks = |ids: &mut dyn Iterator<Item = u64>| ids.map(|id| id.to_string()).collect::<Vec<_>>().join(" ");
        Self::new(warning.id, Step::Warn, warning.sensed_at, sent_at)
            .with("jxz.application", warning.application.name())
            .with("jxz.level", warning.level.name())
            .with("jxz.concerned", tracks(&mut warning.concerned.iter().map(|c| c.track.0)))
            .with("jxz.about", tracks(&mut warning.about.iter().map(|track| track.0)))
    }

    /// With something more to know of it.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.push((name, value.into()));
        self
    }

    pub(crate) fn to_otlp(&self) -> otlp::Span {
        let parent = match self.step {
            Step::Warn => Vec::new(),
            Step::Keep | Step::Show(_) => Step::Warn.id(self.warning).to_vec(),
        };
        let warning = ("jxz.warning", format!("{:016x}", self.warning.0));
        let attributes = core::iter::once(&warning).chain(&self.attributes);
        otlp::Span {
            trace_id: TraceId::of(self.warning).0.to_vec(),
            span_id: self.step.id(self.warning).to_vec(),
            parent_span_id: parent,
            name: self.step.name().to_owned(),
            kind: otlp::span::SpanKind::Internal.into(),
            start_time_unix_nano: unix_ns(self.from),
            end_time_unix_nano: unix_ns(self.to),
            attributes: attributes.map(|(name, value)| attribute(name, value)).collect(),
            ..otlp::Span::default()
        }
    }
}

pub(crate) fn attribute(name: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: name.to_owned(), value, ..KeyValue::default() }
}

fn unix_ns(at: Utc) -> u64 {
    u64::try_from(at.unix_ns()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_known_from_the_warnings_number_alone() {
        let id = WarningId(0x0123_4567_89ab_cdef);
        assert_eq!(TraceId::of(id).to_string(), "6a787a2d7761726e0123456789abcdef");
    }

    #[test]
    fn the_steps_of_a_warning_are_told_apart_and_hang_together() {
        let id = WarningId(7 << 32 | 5);
        let at = Utc::from_unix_ms(1_786_233_600_000);
        let vehicles = [VehicleId([1; 8]), VehicleId([2; 8])];
        let steps = [Step::Warn, Step::Keep, Step::Show(vehicles[0]), Step::Show(vehicles[1])];
        let spans: Vec<_> = steps.iter().map(|step| Span::new(id, *step, at, at).to_otlp()).collect();
        for (i, span) in spans.iter().enumerate() {
            assert!(spans[..i].iter().all(|other| other.span_id != span.span_id));
            assert_eq!(span.trace_id, spans[0].trace_id);
            assert_eq!(span.parent_span_id, if i == 0 { Vec::new() } else { spans[0].span_id.clone() });
        }
        // A clock that was set back makes no span of negative length.
        let backwards = Span::new(id, Step::Keep, at, at.plus_seconds(-1.0)).to_otlp();
        assert_eq!(backwards.start_time_unix_nano, backwards.end_time_unix_nano);
    }
}
