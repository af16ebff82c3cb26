//! A warning's way from sensing to a driver's eyes, as OpenTelemetry spans over OTLP.

mod span;
mod tracer;

pub use span::{Span, Step, TraceId};
pub use tracer::{TraceCounts, TraceError, TraceSettings, Tracer};
