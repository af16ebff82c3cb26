//! One node: what comes in within a stretch of time, and what it puts out because of that.

use core::time::Duration;
use jxz_edge::{Edge, Input, Output};
use jxz_security::VerifySignature;
use jxz_units::{Instant, Now, Utc};
use jxz_world::Record;
use std::collections::VecDeque;
use std::sync::Arc;

/// A node with its uplink.
pub(super) struct Node {
    pub(super) edge: Edge,
    /// Records that wait for the uplink, oldest first.
    pub(super) kept: VecDeque<Record>,
    /// Until when they wait at least.
    pub(super) resend_at: Instant,
    /// Numbers of the neighbouring nodes.
    pub(super) neighbours: Vec<usize>,
    /// What comes in before the stretch's end, in order.
    pub(super) inbox: Vec<(Instant, Input)>,
    /// What it put out, in order.
    pub(super) outbox: Vec<(Instant, Output)>,
    /// Every word to its brain with what the brain said, if somebody wants to know.
    pub(super) heard: Option<Vec<(Now, Input, Vec<Output>)>>,
}

impl Node {
    pub(super) fn new(edge: Edge, neighbours: Vec<usize>) -> Self {
        Self {
            edge,
            kept: VecDeque::new(),
            resend_at: Instant::ZERO,
            neighbours,
            inbox: Vec::new(),
            outbox: Vec::new(),
            heard: None,
        }
    }

    /// Plays the stretch up to `end`: inputs and its own deadlines in order of time, inputs first. Touches nothing but
    /// itself, so that nodes can do so at the same time.
    pub(super) fn play(&mut self, end: Instant, utc_start: Utc, verifier: Option<&Arc<dyn VerifySignature>>) {
        let at = |mono: Instant| Now::after_start(utc_start, mono.since(Instant::ZERO));
        let mut inbox = core::mem::take(&mut self.inbox);
        for (due, input) in inbox.drain(..) {
            while let Some(deadline) = self.edge.next_deadline().filter(|deadline| *deadline < due) {
                self.handle(at(deadline), Input::Timer, verifier);
            }
            self.handle(at(due), input, verifier);
        }
        self.inbox = inbox;
        while let Some(deadline) = self.edge.next_deadline().filter(|deadline| *deadline < end) {
            self.handle(at(deadline), Input::Timer, verifier);
        }
    }

    fn handle(&mut self, now: Now, input: Input, verifier: Option<&Arc<dyn VerifySignature>>) {
        let noted = self.heard.is_some().then(|| input.clone());
        self.edge.handle(now, input);
        let outputs: Vec<Output> = std::iter::from_fn(|| self.edge.poll()).collect();
        if let (Some(heard), Some(input)) = (&mut self.heard, noted) {
            heard.push((now, input, outputs.clone()));
        }
        for output in outputs {
            let Output::Verify(verification) = output else {
                self.outbox.push((now.mono, output));
                continue;
            };
            let verdict = match verifier {
                Some(verifier) => verification.job.run_with(&**verifier),
                None => verification.job.run(),
            };
            self.handle(now, Input::Verified(verification.ticket, Some(verdict)), verifier);
        }
    }
}

/// Until when nodes can be played apart from each other: the first word of any takes `word_takes` to its neighbour.
pub(super) fn apart_until(nodes: &[Node], from: Instant, until: Instant, word_takes: Duration) -> Instant {
    let word = nodes.iter().filter_map(|node| node.edge.next_word()).min();
    word.map_or(until, |at| (at.max(from) + word_takes).min(until))
}
