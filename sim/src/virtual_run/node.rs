//! One node: what comes in within a stretch of time, and what it puts out because of that.

use super::event::{Arrival, Queue};
use crate::on_board::{ByChannel, VehicleMessage};
use crate::radio::{Common, Ear, Reception};

use core::time::Duration;
use jxz_edge::{Edge, Input, Output};
use jxz_security::VerifySignature;
use jxz_units::{Instant, Now, Utc};
use jxz_v2x::MessageKind;
use jxz_world::{DropCause, Drops, LatencyBook, LatencyStage, Record, VehicleId};
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
    /// What is on its way to it.
    pub(super) coming: Queue<Arrival>,
    /// What it put out, in order.
    pub(super) outbox: Vec<Sent>,
    /// What found no room on its way to the node, and how long its idle messages took to vehicles.
    pub(super) drops: Drops,
    pub(super) latencies: LatencyBook,
    /// Every word to its brain with what the brain said, if somebody wants to know.
    pub(super) heard: Option<Vec<(Now, Input, Vec<Output>)>>,
}

/// What a vehicle says of itself, on the air.
pub(super) struct Report {
    /// Its bytes are apart, since several nodes get them.
    pub(super) message: VehicleMessage,
    pub(super) bytes: Arc<[u8]>,
    /// The site that the vehicle is subscribed to.
    pub(super) subscribed: Option<usize>,
}

/// What a node put out.
pub(super) struct Sent {
    pub(super) at: Instant,
    pub(super) output: Output,
    /// Of a message: which vehicles get it. Nobody is named where no unit would do anything about it.
    pub(super) receptions: Vec<Reception<VehicleId>>,
    /// How many do.
    pub(super) received: ByChannel,
}

/// What a node plays with.
pub(super) struct Stage<'a> {
    /// The stretch, from and to.
    pub(super) from: Instant,
    pub(super) end: Instant,
    pub(super) utc_start: Utc,
    pub(super) verifier: Option<&'a Arc<dyn VerifySignature>>,
    pub(super) radio: &'a Common,
    /// Whether no unit does anything about a message of a kind.
    pub(super) is_idle: &'a (dyn Fn(MessageKind) -> bool + Sync),
}

impl Node {
    pub(super) fn new(edge: Edge, neighbours: Vec<usize>) -> Self {
        Self {
            edge,
            kept: VecDeque::new(),
            resend_at: Instant::ZERO,
            neighbours,
            coming: Queue::default(),
            outbox: Vec::new(),
            drops: Drops::default(),
            latencies: LatencyBook::default(),
            heard: None,
        }
    }

    /// Something is on its way to it.
    pub(super) fn send(&mut self, at: Instant, arrival: Arrival) {
        if !self.coming.push(at, arrival) {
            self.drops.count(DropCause::RadioQueueFull);
        }
    }

    /// Takes what vehicles say at `now` as far as the radio brings it: in `received` how many channels bring each
    /// message to a node.
    pub(super) fn listen(
        &mut self,
        now: Instant,
        (radio, ear): (&Common, &mut Ear),
        reports: &[Report],
        received: &mut [ByChannel],
    ) {
        for (report, received) in reports.iter().zip(received) {
            let sent = (report.message.road_user, report.message.position, report.bytes.len());
            ear.hear(radio, now, sent, report.subscribed, |channel, delay| {
                received.count(channel);
                if !self.coming.push(now + delay, Arrival::Report(Arc::clone(&report.bytes))) {
                    self.drops.count(DropCause::RadioQueueFull);
                }
            });
        }
    }

    /// Plays the stretch: inputs and its own deadlines in order of time, inputs first; then its messages go on the air.
    /// Touches nothing but itself and its ear, so that nodes can do so at the same time.
    pub(super) fn play(&mut self, stage: &Stage<'_>, ear: &mut Ear) {
        let at = |mono: Instant| Now::after_start(stage.utc_start, mono.since(Instant::ZERO));
        while self.coming.next_at().is_some_and(|at| at < stage.end)
            && let Some((due, arrival)) = self.coming.pop()
        {
            let due = due.max(stage.from);
            while let Some(deadline) = self.edge.next_deadline().filter(|deadline| *deadline < due) {
                self.handle(at(deadline), Input::Timer, stage.verifier);
            }
            self.handle(at(due), arrival.into_input(), stage.verifier);
        }
        while let Some(deadline) = self.edge.next_deadline().filter(|deadline| *deadline < stage.end) {
            self.handle(at(deadline), Input::Timer, stage.verifier);
        }
        for sent in &mut self.outbox {
            let Output::Broadcast(frame) = &sent.output else { continue };
            let idle = (stage.is_idle)(frame.kind);
            let flow = (frame.kind.application_id(), frame.bytes.len());
            ear.broadcast(stage.radio, sent.at, flow, |reception| {
                sent.received.count(reception.channel);
                if idle {
                    self.latencies.record(LatencyStage::Radio, reception.delay);
                } else {
                    sent.receptions.push(reception);
                }
            });
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
                let (receptions, received) = (Vec::new(), ByChannel::default());
                self.outbox.push(Sent { at: now.mono, output, receptions, received });
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
