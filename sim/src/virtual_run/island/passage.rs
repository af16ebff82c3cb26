//! What nodes and vehicles put out, on its way, and what comes of it.

use super::{KEPT_RECORDS, KEPT_SHOWN, RESEND, ShownTo, VirtualIsland, VirtualRunError};
use crate::on_board::{ByChannel, Shown, VehicleMessage};
use crate::radio::Reception;
use crate::simulation::Simulation;
use crate::truth::TruthObject;
use crate::virtual_run::event::{Arrival, Beyond};
use crate::virtual_run::executor::{Job, run_all};
use crate::virtual_run::node::{Report, Sent};
use crate::virtual_run::observer::{Sender, tell};
use jxz_units::Now;
use jxz_v2x::{Frame, MessageKind};
use jxz_world::{DropCause, LatencyStage, Record, VehicleId};
use std::sync::Arc;

impl VirtualIsland {
    pub(super) fn arrive(&mut self, now: Now, arrival: Beyond) {
        match arrival {
            Beyond::Broadcast(vehicle, channel, frame, sent) => {
                self.latencies.record(LatencyStage::Radio, now.mono.since(sent));
                for shown in self.simulation.deliver(vehicle, channel, now, &frame.bytes) {
                    self.digest.shown(now.mono, &shown);
                    if let Some(observer) = &mut self.observer {
                        observer.shown(now, &shown);
                    }
                    self.note_shown(now, &shown);
                }
            }
            Beyond::State(state) => {
                self.cloud.handle(now, jxz_cloud::Input::State(*state));
                self.collect_cloud(now);
            }
            Beyond::Record(record) => {
                self.cloud.handle(now, jxz_cloud::Input::Record(*record));
                self.collect_cloud(now);
            }
        }
    }

    /// Puts one of a node's outputs on its way.
    pub(super) fn put_out(&mut self, now: Now, number: usize, sent: Sent) -> Result<(), VirtualRunError> {
        let Sent { output, receptions, received, .. } = sent;
        match output {
            jxz_edge::Output::Broadcast(frame) => {
                self.digest.broadcast(number, now.mono, &frame);
                self.transmit_broadcast(now, number, frame, (receptions, received));
            }
            jxz_edge::Output::State(state) => {
                self.digest.state(number, now.mono, &state);
                if let Some(observer) = &mut self.observer {
                    observer.state(now, &state);
                }
                match self.simulation.uplink(now.mono, number) {
                    Ok(delay) => self.send(now.mono + delay, Beyond::State(Box::new(state))),
                    Err(_) => self.drops.count(DropCause::UplinkExpired),
                }
            }
            jxz_edge::Output::Record(record) => self.keep(now, number, record)?,
            jxz_edge::Output::Neighbour { to, tracks } => {
                let Some(near) = self.nodes.iter().position(|node| node.edge.site().id == to) else { return Ok(()) };
                for delay in self.links.delays(&tracks.site, &to) {
                    self.nodes[near].send(now.mono + *delay, Arrival::Neighbour(Box::new(tracks.clone())));
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
            if !self.queue.push(now.mono + delay, Beyond::Record(Box::new(record))) {
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

    /// The cloud's word to the sites that it concerns; one without 5G misses it, and hears the next. It comes when the
    /// next stretch begins, at the earliest: some milliseconds count for nothing in what is said of a minute.
    fn tell_congestion(&mut self, now: Now, guidance: &jxz_cloud::Guidance) {
        let word = guidance.word(self.simulation.map(), now.utc);
        for number in 0..self.nodes.len() {
            if guidance.sites.contains(&self.nodes[number].edge.site().id)
                && let Ok(delay) = self.simulation.downlink(now.mono, number)
            {
                self.nodes[number].send(now.mono + delay, Arrival::Congestion(Box::new(word.clone())));
            }
        }
    }

    /// A node's message to the vehicles that get it.
    fn transmit_broadcast(
        &mut self,
        now: Now,
        number: usize,
        frame: Frame,
        (receptions, received): (Vec<Reception<VehicleId>>, ByChannel),
    ) {
        self.simulation.radio_mut().site_sent(number, frame.bytes.len());
        if let Some(observer) = &mut self.observer {
            let sender = Sender::Site(&self.nodes[number].edge.site().id);
            tell(&mut **observer, now, (sender, frame.kind, &frame.bytes), received);
        }
        if self.simulation.is_plain() && Simulation::is_idle(frame.kind) {
            self.simulation.overhear(received);
            return;
        }
        let frame = Arc::new(frame);
        for reception in receptions {
            let broadcast = Beyond::Broadcast(reception.to, reception.channel, Arc::clone(&frame), now.mono);
            self.send(now.mono + reception.delay, broadcast);
        }
    }

    /// Vehicles' messages to every node in reach of either channel.
    pub(super) fn transmit_reports(&mut self, now: Now, messages: Vec<VehicleMessage>) {
        let radio = self.simulation.radio_mut();
        messages.iter().for_each(|message| radio.vehicle_sent(message.road_user, message.bytes.len()));
        let (radio, ears) = radio.split();
        let report = |mut message: VehicleMessage| {
            let bytes = core::mem::take(&mut message.bytes).into();
            Report { subscribed: radio.subscribed_at(message.position), message, bytes }
        };
        let messages: Vec<Report> = messages.into_iter().map(report).collect();
        let mut received = vec![vec![ByChannel::default(); messages.len()]; self.nodes.len()];
        let (nodes, heard) = (self.nodes.iter_mut().zip(ears), received.iter_mut());
        let messages = &messages[..];
        let jobs = nodes.zip(heard).map(|((node, ear), received)| {
            Box::new(move || node.listen(now.mono, (radio, ear), messages, received)) as Job<'_>
        });
        run_all(&*self.executor, jobs.collect());
        let Some(observer) = &mut self.observer else { return };
        for (index, Report { message, bytes, .. }) in messages.iter().enumerate() {
            let mut sum = ByChannel::default();
            received.iter().for_each(|by_node| sum.add(by_node[index]));
            tell(&mut **observer, now, (Sender::Vehicle(message.vehicle), MessageKind::Bsm, bytes), sum);
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
