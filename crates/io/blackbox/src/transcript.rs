//! From what happened at the brain's door to what is written of it.

use crate::convert::input_to_wire;
use crate::fingerprint::Fingerprints;
use crate::stopwatch::to_differences;
use jxz_edge::{Input, Output};
use jxz_units::Now;
use jxz_wire::journal::v1 as wire;
use jxz_world::{Record, RecordBody};
use prost::Message;

/// One word to the brain and all that it said to it.
#[derive(Debug, Clone)]
pub struct Handled {
    /// When.
    pub now: Now,
    /// The word.
    pub input: Input,
    /// What the brain's stopwatch said meanwhile.
    pub readings: Vec<u64>,
    /// What came out, in order.
    pub outputs: Vec<Output>,
}

impl Handled {
    /// The warnings among what came out.
    pub fn warnings(&self) -> impl Iterator<Item = &Record> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Record(record) if matches!(record.body, RecordBody::Warning(_)) => Some(record),
            _ => None,
        })
    }
}

/// A step as it is written: encoded once, for every file that it goes into.
pub(crate) struct Written {
    pub(crate) number: u64,
    pub(crate) now: Now,
    /// How many outputs it had.
    pub(crate) outputs: u64,
    /// A [`wire::Step`].
    pub(crate) bytes: Box<[u8]>,
    /// The warnings among them.
    pub(crate) warnings: Vec<Record>,
}

impl Written {
    pub(crate) fn new(step: &wire::Step, handled: &Handled) -> Self {
        Self {
            number: step.number,
            now: handled.now,
            outputs: step.outputs.len() as u64,
            bytes: step.encode_to_vec().into_boxed_slice(),
            warnings: handled.warnings().cloned().collect(),
        }
    }
}

/// Writes steps down, with the fingerprints of what came out.
#[derive(Debug, Clone)]
pub struct Transcript {
    fingerprints: Fingerprints,
}

impl Transcript {
    /// Of a brain from its beginning.
    #[must_use]
    pub fn new(head: &wire::Head) -> Self {
        Self { fingerprints: Fingerprints::new(head.security.is_some()) }
    }

    /// The step of this number. `None` for an input of a kind that this version does not know: a gap.
    pub fn step(&mut self, number: u64, handled: &Handled) -> Option<wire::Step> {
        let input = input_to_wire(&handled.input)?;
        let prints = handled.outputs.iter().map(|output| self.fingerprints.take(handled.now, output));
        let (kinds, outputs) = prints.map(|print| (i32::from(print.kind), print.hash)).unzip();
        Some(wire::Step {
            number,
            mono_ns: handled.now.mono.ns(),
            utc_ns: handled.now.utc.unix_ns(),
            readings_ns: to_differences(&handled.readings),
            outputs,
            kinds,
            input: Some(input),
        })
    }

    /// Outputs so far.
    #[must_use]
    pub fn outputs(&self) -> u64 {
        self.fingerprints.count()
    }

    /// What the digest is after `steps` steps.
    #[must_use]
    pub fn seal(&self, steps: u64) -> wire::Seal {
        wire::Seal { steps, outputs: self.fingerprints.count(), digest: self.fingerprints.digest().to_vec() }
    }
}
