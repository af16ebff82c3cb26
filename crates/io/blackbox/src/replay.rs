//! The same brain again on the same words.

use crate::convert::{NO_ROOM, input_from_wire, input_kind, outcome};
use crate::error::BlackBoxError;
use crate::fingerprint::Fingerprints;
use crate::head::{brain_of, started};
use crate::stopwatch::{Played, from_differences};
use jxz_edge::{Edge, Input, NoStopwatch, Output};
use jxz_fusion::Witness;
use jxz_map::Map;
use jxz_security::{Job, VerifySignature};
use jxz_units::{Instant, Now, Utc};
use jxz_wire::journal::v1 as wire;
use jxz_wire::journal::v1::OutputKind;
use jxz_wire::journal::v1::step::Input as Wire;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Signatures that wait for their verdict; the brain itself waits for no more than 4096.
const MAX_JOBS: usize = 8192;
/// All periods of a brain with the usual settings begin anew after this.
const COMMON_PERIOD_NS: u64 = 2_000_000_000;

/// Where a replay is not as the recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// In which step.
    pub step: u64,
    /// The step's time.
    pub at: Utc,
    /// The kind of the step's input.
    pub input: &'static str,
    /// What differs.
    pub detail: String,
}

/// A recorded brain, run again.
pub struct Replay<'v> {
    brain: Edge,
    verifier: &'v dyn VerifySignature,
    jobs: BTreeMap<u64, Job>,
    played: Option<Played>,
    fingerprints: Fingerprints,
    /// Whether outputs are to be the same to the last bit.
    exact: bool,
    /// The number of the last step.
    last: u64,
    steps: u64,
}

impl<'v> Replay<'v> {
    /// From the beginning of a boot: what comes out must be what came out.
    ///
    /// # Errors
    /// The brain cannot be made: see [`brain_of`].
    pub fn from_boot(
        head: &wire::Head,
        map: &Arc<Map>,
        verifier: &'v dyn VerifySignature,
    ) -> Result<Self, BlackBoxError> {
        let played = head.measured.then(Played::default);
        let brain = match &played {
            Some(played) => brain_of(head, map, started(head), Box::new(played.clone()))?,
            None => brain_of(head, map, started(head), Box::new(NoStopwatch))?,
        };
        Ok(Self::of(brain, verifier, played, head.security.is_some(), true))
    }

    /// From the middle of a boot, by a brain that has seen nothing before `first`: what comes out is like what came out,
    /// not the same. It is told first what of the time before still held.
    ///
    /// # Errors
    /// The brain cannot be made: see [`brain_of`]; or something told of the time before cannot be.
    pub fn from_middle(
        head: &wire::Head,
        before: &[wire::Step],
        first: &wire::Step,
        map: &Arc<Map>,
        verifier: &'v dyn VerifySignature,
    ) -> Result<Self, BlackBoxError> {
        // Begun a whole number of common periods after the recorded brain, its rounds fall on the same instants.
        let behind_ns = first.mono_ns.saturating_sub(head.started_mono_ns) % COMMON_PERIOD_NS;
        let mono = Instant::from_ns(first.mono_ns.saturating_sub(behind_ns));
        let now = Now { mono, utc: Utc::from_unix_ns(first.utc_ns) - Duration::from_nanos(behind_ns) };
        let mut brain = brain_of(head, map, now, Box::new(NoStopwatch))?;
        for step in before {
            let input = step.input.clone().filter(|input| !matches!(input, Wire::Verified(_)));
            if let Some(input) = input {
                brain.handle(now, input_from_wire(input)?);
                while brain.poll().is_some() {}
            }
        }
        Ok(Self::of(brain, verifier, None, head.security.is_some(), false))
    }

    fn of(brain: Edge, verifier: &'v dyn VerifySignature, played: Option<Played>, signed: bool, exact: bool) -> Self {
        let fingerprints = Fingerprints::new(signed);
        Self { brain, verifier, jobs: BTreeMap::new(), played, fingerprints, exact, last: 0, steps: 0 }
    }

    /// The brain as it is now.
    #[must_use]
    pub fn brain(&self) -> &Edge {
        &self.brain
    }

    /// Steps replayed, and outputs that came of them.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.steps, self.fingerprints.count())
    }

    /// What the digest is so far.
    #[must_use]
    pub fn seal(&self) -> wire::Seal {
        let steps = if self.steps == 0 { 0 } else { self.last + 1 };
        wire::Seal { steps, outputs: self.fingerprints.count(), digest: self.fingerprints.digest().to_vec() }
    }

    /// Replays a step, tells `told` of each output, and a witness of what a scan means for the tracks it asks about.
    /// Gives where it differs from the recording, if it is to be the same.
    ///
    /// # Errors
    /// The step holds what cannot be.
    pub fn step(
        &mut self,
        step: &wire::Step,
        witness: &mut impl Witness,
        mut told: impl FnMut(&Edge, Now, Output),
    ) -> Result<Option<Difference>, BlackBoxError> {
        let now = Now { mono: Instant::from_ns(step.mono_ns), utc: Utc::from_unix_ns(step.utc_ns) };
        let recorded = step.input.clone().ok_or_else(|| BlackBoxError::value("Step.input", "nothing", "an input"))?;
        let kind = input_kind(&recorded);
        (self.last, self.steps) = (step.number, self.steps + 1);
        let mut astray = self.played.as_ref().map_or(0, |played| played.load(from_differences(&step.readings_ns)));
        let (input, mut detail) = self.input(recorded)?;
        let Some(input) = input else {
            return Ok(detail.map(|detail| Difference { step: step.number, at: now.utc, input: kind, detail }));
        };
        self.brain.handle_before(now, input, witness);
        let mut count = 0;
        while let Some(output) = self.brain.poll() {
            let print = self.fingerprints.take(now, &output);
            let there = (step.kinds.get(count).copied(), step.outputs.get(count).copied());
            count += 1;
            if detail.is_none() && there != (Some(print.kind.into()), Some(print.hash)) {
                detail = Some(differs(count, there.0, print.kind));
            }
            if let Output::Verify(verification) = &output {
                self.hold(now, verification.ticket, verification.job.clone());
            }
            told(&self.brain, now, output);
        }
        if count < step.outputs.len() {
            detail = detail.or_else(|| Some(format!("{count} outputs; recorded are {}", step.outputs.len())));
        }
        astray += self.played.as_ref().map_or(0, |played| played.load(Vec::new()));
        if astray > 0 {
            detail = detail.or_else(|| Some(format!("the stopwatch was read {astray} times more or less")));
        }
        let detail = detail.filter(|_| self.exact);
        Ok(detail.map(|detail| Difference { step: step.number, at: now.utc, input: kind, detail }))
    }

    /// The input of a step; a verdict is made again, and held against the recorded one.
    fn input(&mut self, recorded: Wire) -> Result<(Option<Input>, Option<String>), BlackBoxError> {
        let Wire::Verified(verified) = recorded else { return Ok((Some(input_from_wire(recorded)?), None)) };
        if !self.exact {
            // This brain's tickets are others, and were answered at once.
            return Ok((None, None));
        }
        let Some(job) = self.jobs.remove(&verified.ticket) else {
            return Ok((None, Some(format!("a verdict on ticket {}, which was not given out", verified.ticket))));
        };
        if verified.outcome == NO_ROOM {
            return Ok((Some(Input::Verified(verified.ticket, None)), None));
        }
        let verdict = job.run_with(self.verifier);
        let again = outcome(Some(&verdict));
        let detail = (again != verified.outcome).then(|| format!("verdict {again}; recorded is {}", verified.outcome));
        Ok((Some(Input::Verified(verified.ticket, Some(verdict))), detail))
    }

    /// Keeps a signature's job until its verdict comes; from the middle of a boot it is answered at once.
    fn hold(&mut self, now: Now, ticket: u64, job: Job) {
        if !self.exact {
            let verdict = job.run_with(self.verifier);
            self.brain.handle(now, Input::Verified(ticket, Some(verdict)));
            return;
        }
        self.jobs.insert(ticket, job);
        if self.jobs.len() > MAX_JOBS {
            self.jobs.pop_first();
        }
    }
}

fn differs(place: usize, recorded: Option<i32>, kind: OutputKind) -> String {
    let name = |kind: OutputKind| match kind {
        OutputKind::Unspecified => "an output of unknown kind",
        OutputKind::Broadcast => "a message to vehicles",
        OutputKind::Verify => "a signature to verify",
        OutputKind::State => "a state",
        OutputKind::Neighbour => "a word to a neighbour",
        OutputKind::Record => "a record",
    };
    let kind_of = |number: i32| OutputKind::try_from(number).unwrap_or(OutputKind::Unspecified);
    match recorded.map(kind_of) {
        None => format!("output {place} is {}; recorded are {} outputs", name(kind), place - 1),
        Some(recorded) if recorded == kind => format!("output {place}, {}, is not the recorded one", name(kind)),
        Some(recorded) => format!("output {place} is {}; recorded is {}", name(kind), name(recorded)),
    }
}
