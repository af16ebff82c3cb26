//! What nodes and vehicles put out, on its way, and what comes of it.

use super::{KEPT_RECORDS, KEPT_SHOWN, RESEND, ShownTo, VirtualIsland, VirtualRunError};
use crate::on_board::{Shown, VehicleMessage};
use crate::truth::TruthObject;
use crate::virtual_run::event::Arrival;
use crate::virtual_run::observer::{Sender, tell};
use jxz_units::Now;
use jxz_v2x::{Frame, MessageKind};
use jxz_world::{DropCause, LatencyStage, Record};
use std::sync::Arc;

impl VirtualIsland {
    pub(super) fn arrive(&mut self, now: Now, arrival: Arrival) {
        match arrival {
            Arrival::Broadcast(vehicle, channel, frame, sent) => {
                self.latencies.record(LatencyStage::Radio, now.mono.since(sent));
                for shown in self.simulation.deliver(vehicle, channel, now, &frame.bytes) {
                    self.digest.shown(now.mono, &shown);
                    if let Some(observer) = &mut self.observer {
                        observer.shown(now, &shown);
                    }
                    self.note_shown(now, &shown);
                }
            }
            Arrival::State(state) => {
                self.cloud.handle(now, jxz_cloud::Input::State(*state));
                self.collect_cloud(now);
            }
            Arrival::Record(record) => {
                self.cloud.handle(now, jxz_cloud::Input::Record(*record));
                self.collect_cloud(now);
            }
            Arrival::Scan(..)
            | Arrival::Signals(..)
            | Arrival::Condition(..)
            | Arrival::Congestion(..)
            | Arrival::Report(..)
            | Arrival::Neighbour(..) => {}
        }
    }

    /// Puts one of a node's outputs on its way.
    pub(super) fn put_out(&mut self, now: Now, number: usize, output: jxz_edge::Output) -> Result<(), VirtualRunError> {
        match output {
            jxz_edge::Output::Broadcast(frame) => {
                self.digest.broadcast(number, now.mono, &frame);
                self.transmit_broadcast(now, number, frame);
            }
            jxz_edge::Output::State(state) => {
                self.digest.state(number, now.mono, &state);
                if let Some(observer) = &mut self.observer {
                    observer.state(now, &state);
                }
                match self.simulation.uplink(now.mono, number) {
                    Ok(delay) => self.send(now.mono + delay, Arrival::State(Box::new(state))),
                    Err(_) => self.drops.count(DropCause::UplinkExpired),
                }
            }
            jxz_edge::Output::Record(record) => self.keep(now, number, record)?,
            jxz_edge::Output::Neighbour { to, tracks } => {
                let Some(near) = self.nodes.iter().position(|node| node.edge.site().id == to) else { return Ok(()) };
                for delay in self.links.delays(&tracks.site, &to) {
                    self.send(now.mono + *delay, Arrival::Neighbour(near, Box::new(tracks.clone())));
                }
            }
            // An output of a kind that this runner does not know concerns neither vehicles nor cloud.
            _ => {}
        }
        Ok(())
    }

    /// A record goes to the cloud at once if it can.
    fn keep(&mut self, now: Now, number: usize, record: Record) -> Result<(), VirtualRunError> {
        self.digest.record(now.mono, &record).map_err(|source| VirtualRunError::Digest {
            site: record.site.0.clone(),
            sequence: record.sequence,
            source,
        })?;
        if let Some(observer) = &mut self.observer {
            observer.record(now, &record);
        }
        self.must_arrive.sent += 1;
        if self.nodes[number].kept.len() >= KEPT_RECORDS {
            self.lose_record();
        } else {
            self.nodes[number].kept.push_back(record);
            self.bring(now, number);
        }
        Ok(())
    }

    /// Sends the records that a node keeps, until one is lost or finds no uplink: that costs a retransmission's time.
    pub(super) fn bring(&mut self, now: Now, number: usize) {
        while now.mono >= self.nodes[number].resend_at
            && let Some(record) = self.nodes[number].kept.pop_front()
        {
            let Ok(delay) = self.simulation.uplink(now.mono, number) else {
                self.nodes[number].kept.push_front(record);
                self.nodes[number].resend_at = now.mono + RESEND;
                return;
            };
            if !self.queue.push(now.mono + delay, Arrival::Record(Box::new(record))) {
                self.lose_record();
            }
        }
    }

    fn lose_record(&mut self) {
        self.drops.count(DropCause::MustArriveQueueFull);
        self.must_arrive.lost += 1;
    }

    pub(super) fn collect_cloud(&mut self, now: Now) {
        while let Some(output) = self.cloud.poll() {
            match output {
                jxz_cloud::Output::Store(_) => self.must_arrive.acknowledged += 1,
                jxz_cloud::Output::Guidance(guidance) => self.tell_congestion(now, &guidance),
                _ => {}
            }
        }
    }

    /// The cloud's word to the sites that it concerns; one without 5G misses it, and hears the next.
    fn tell_congestion(&mut self, now: Now, guidance: &jxz_cloud::Guidance) {
        let word = guidance.word(self.simulation.map(), now.utc);
        for number in 0..self.nodes.len() {
            if guidance.sites.contains(&self.nodes[number].edge.site().id)
                && let Ok(delay) = self.simulation.downlink(now.mono, number)
            {
                self.send(now.mono + delay, Arrival::Congestion(number, Box::new(word.clone())));
            }
        }
    }

    /// A node's message to every vehicle in reach of either channel.
    fn transmit_broadcast(&mut self, now: Now, number: usize, frame: Frame) {
        let frame = Arc::new(frame);
        let flow = frame.kind.application_id();
        let idle = self.simulation.is_idle(frame.kind);
        let receptions = self.simulation.broadcast(now, number, flow, frame.bytes.len());
        if let Some(observer) = &mut self.observer {
            let sender = Sender::Site(&self.nodes[number].edge.site().id);
            tell(&mut **observer, now, (sender, frame.kind, &frame.bytes), &receptions);
        }
        for reception in receptions {
            if idle {
                self.latencies.record(LatencyStage::Radio, reception.delay);
                self.simulation.overhear(reception.to, reception.channel);
                continue;
            }
            let broadcast = Arrival::Broadcast(reception.to, reception.channel, Arc::clone(&frame), now.mono);
            self.send(now.mono + reception.delay, broadcast);
        }
    }

    /// A vehicle's message to every node in reach of either channel.
    pub(super) fn transmit_report(&mut self, now: Now, message: VehicleMessage) {
        let receptions = self.simulation.tell(now, &message);
        if let Some(observer) = &mut self.observer {
            let sender = Sender::Vehicle(message.vehicle);
            tell(&mut **observer, now, (sender, MessageKind::Bsm, &message.bytes), &receptions);
        }
        let bytes: Arc<[u8]> = message.bytes.into();
        for reception in receptions {
            self.send(now.mono + reception.delay, Arrival::Report(reception.to, Arc::clone(&bytes)));
        }
    }

    fn note_shown(&mut self, now: Now, shown: &Shown) {
        let to = |object: &&TruthObject| object.vehicle == Some(shown.vehicle);
        if shown.first
            && self.shown.len() < KEPT_SHOWN
            && let Some(object) = self.simulation.truth().iter().find(to)
        {
            let at_s = now.mono.ns() as f64 * 1e-9;
            self.shown.push(ShownTo { at_s, road_user: object.id, shown: shown.clone() });
        }
    }
}
