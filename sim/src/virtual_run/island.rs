//! The runner: moves everything on by one step after the other, each arrival at its own instant.

use super::digest::OutputDigest;
use super::event::{Arrival, Queue};
use super::executor::{Executor, Serial};
use super::hand_over::{HandOverBook, NeighbourLinks, WORD_TAKES};
use super::node::{Node, apart_until};
use super::report::{Latency, MustArrive, Tracking, VirtualReport};
use crate::envelope::{EnrolError, IslandAuthority};
use crate::on_board::VehicleMessage;
use crate::outside::OutsideUser;
use crate::rng::Seed;
use crate::scenario::Scenario;
use crate::simulation::{STEP, Simulation, SimulationError};
use crate::truth::TruthObject;
use core::time::Duration;
use jxz_cloud::{Cloud, CloudConfig};
use jxz_edge::{Edge, EdgeConfig, EdgeError, NoStopwatch};
use jxz_fusion::metrics::{Moving, TrackingScore};
use jxz_map::Map;
use jxz_security::{Algorithm, VerifySignature};
use jxz_units::{Instant, Now, Utc};
use jxz_v2x::Frame;
use jxz_world::{DropCause, Drops, LatencyBook, LatencyStage, Record, Site, Track};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// From a scan's time of validity to its arrival at the edge: exposure, detection in the sensor, the local net.
const SENSOR_DELAY: Duration = Duration::from_millis(25);
/// From a signal controller to the edge.
const SIGNAL_DELAY: Duration = Duration::from_millis(5);
/// A record that is lost on its way is sent again after this long.
const RESEND: Duration = Duration::from_millis(200);
/// Records that a node keeps while it has no uplink.
const KEPT_RECORDS: usize = 20_000;
/// Steps between two comparisons of tracks and truth.
const SCORE_STEPS: u64 = 10;
/// Comparisons begin when tracks have had time to begin, seconds.
const SCORE_FROM_S: f64 = 2.0;

/// Why a virtual run cannot begin or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VirtualRunError {
    /// The simulation cannot begin.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// A node cannot begin.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// Certificates cannot be made.
    #[error(transparent)]
    Enrol(#[from] EnrolError),
    /// A record has no JSON form for the digest.
    #[error("digest of record {sequence} of site {site}: {source}")]
    Digest {
        /// Which site.
        site: String,
        /// Which record.
        sequence: u64,
        /// Why.
        source: serde_json::Error,
    },
}

/// The whole island in virtual time.
pub struct VirtualIsland {
    seed: u64,
    scenario: Scenario,
    utc_start: Utc,
    simulation: Simulation,
    verifier: Option<Arc<dyn VerifySignature>>,
    links: NeighbourLinks,
    nodes: Vec<Node>,
    cloud: Cloud,
    executor: Arc<dyn Executor>,
    /// On its way to nodes, and to anybody else.
    to_nodes: Queue,
    queue: Queue,
    digest: OutputDigest,
    latencies: LatencyBook,
    drops: Drops,
    must_arrive: MustArrive,
    score: TrackingScore,
    hand_overs: HandOverBook,
    step: u64,
}

impl VirtualIsland {
    /// An island with a node at every site, and a cloud.
    ///
    /// # Errors
    /// The scenario or a site's sensors are not usable.
    pub fn new(map: Arc<Map>, scenario: &Scenario, seed: u64, utc_start: Utc) -> Result<Self, VirtualRunError> {
        let simulation = Simulation::new(Arc::clone(&map), scenario, seed, utc_start)?;
        let now = simulation.now();
        let node = |site: &jxz_world::Site| {
            let config = EdgeConfig { boot: seed, ..EdgeConfig::default() };
            let edge = Edge::new(now, Arc::clone(&map), &site.id, config, Box::new(NoStopwatch))?;
            let near = jxz_edge::neighbours_of(&map, site).into_iter();
            let neighbours = near.filter_map(|near| map.sites.iter().position(|s| s.id == near.id)).collect();
            Ok(Node::new(edge, neighbours))
        };
        let nodes = map.sites.iter().map(node).collect::<Result<Vec<_>, EdgeError>>()?;
        let mut cloud = Cloud::new(CloudConfig::default(), Arc::clone(&map));
        for site in &map.sites {
            cloud.handle(now, jxz_cloud::Input::NodeConnected(site.id.clone()));
        }
        Ok(Self {
            seed,
            scenario: scenario.clone(),
            utc_start,
            simulation,
            verifier: None,
            links: NeighbourLinks::default(),
            nodes,
            cloud,
            executor: Arc::new(Serial),
            to_nodes: Queue::default(),
            queue: Queue::default(),
            digest: OutputDigest::default(),
            latencies: LatencyBook::default(),
            drops: Drops::default(),
            must_arrive: MustArrive::default(),
            score: TrackingScore::default(),
            hand_overs: HandOverBook::default(),
            step: 0,
        })
    }

    /// From now on every message is signed with `algorithm`, by certificates that follow from the seed, and verified
    /// by everyone who hears it. Without this messages are plain: signatures cost more than all the rest together.
    ///
    /// # Errors
    /// Certificates cannot be made.
    pub fn secured(
        mut self,
        algorithm: Algorithm,
        verifier: Arc<dyn VerifySignature>,
    ) -> Result<Self, VirtualRunError> {
        let (seed, now) = (Seed(self.seed), self.simulation.now());
        let authority = IslandAuthority::new(seed, algorithm, now)?;
        self.simulation = self.simulation.secured(authority.fleet(Arc::clone(&verifier))?);
        self.verifier = Some(verifier);
        let nodes = self.nodes.into_iter().zip(0..).map(|(node, number)| {
            let edge = node.edge.secured(authority.node(seed, number, now)?);
            Ok(Node { edge, ..node })
        });
        self.nodes = nodes.collect::<Result<_, EnrolError>>()?;
        Ok(self)
    }

    /// From now on nodes and sensors do their work by `executor`. What comes out is the same with any.
    #[must_use]
    pub fn executed_by(mut self, executor: Arc<dyn Executor>) -> Self {
        self.executor = executor;
        self
    }

    /// From now on words go from node to node in this way.
    #[must_use]
    pub fn linked(mut self, links: NeighbourLinks) -> Self {
        self.links = links;
        self
    }

    /// Road users are moved from outside: all that there are now. See [`Simulation::place`].
    pub fn place(&mut self, users: &[OutsideUser]) {
        self.simulation.place(users);
    }

    /// The simulation inside.
    #[must_use]
    pub fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// The cloud's brain.
    #[must_use]
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// Every site with the tracks that its node has now.
    #[must_use]
    pub fn tracks(&self) -> Vec<(&Site, Vec<Track>)> {
        let at = self.simulation.now().utc;
        self.nodes.iter().map(|node| (node.edge.site(), node.edge.tracks_at(at))).collect()
    }

    /// Simulated seconds so far.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        STEP.as_secs_f64() * self.step as f64
    }

    /// One step of [`STEP`].
    ///
    /// # Errors
    /// A record has no JSON form.
    pub fn step(&mut self) -> Result<(), VirtualRunError> {
        let now = self.simulation.now();
        if self.step.is_multiple_of(SCORE_STEPS) && self.seconds() >= SCORE_FROM_S {
            self.compare(now);
        }
        let output = self.simulation.step_by(&*self.executor);
        let map = Arc::clone(self.simulation.map());
        for (site, scan) in output.scans {
            let Some(number) = map.sites.iter().position(|s| s.id == site) else { continue };
            let after = Duration::try_from_secs_f64(scan.valid_at.seconds_since(now.utc).max(0.0)).unwrap_or_default();
            self.send(now.mono + after + SENSOR_DELAY, Arrival::Scan(number, Box::new(scan)));
        }
        for signals in output.signals {
            for number in (0..map.sites.len()).filter(|n| map.sites[*n].junction.as_ref() == Some(&signals.junction)) {
                self.send(now.mono + SIGNAL_DELAY, Arrival::Signals(number, Box::new(signals.clone())));
            }
        }
        for message in output.messages {
            self.transmit_report(now, message);
        }
        for number in 0..self.nodes.len() {
            self.bring(now, number);
        }
        self.run_until(now.mono, now.mono + STEP)?;
        self.step += 1;
        if self.step.is_multiple_of(1200) {
            let alive: std::collections::BTreeSet<u64> = self.simulation.truth().iter().map(|o| o.id).collect();
            self.hand_overs.retain(|user| alive.contains(&user));
        }
        Ok(())
    }

    fn send(&mut self, at: Instant, arrival: Arrival) {
        let queue = if arrival.node().is_some() { &mut self.to_nodes } else { &mut self.queue };
        if !queue.push(at, arrival) {
            self.drops.count(DropCause::RadioQueueFull);
        }
    }

    /// Everything that happens from `from` to `until`, in stretches in which no node waits for another's word.
    fn run_until(&mut self, mut from: Instant, until: Instant) -> Result<(), VirtualRunError> {
        while from < until {
            let end = apart_until(&self.nodes, from, until, WORD_TAKES);
            while self.to_nodes.next_at().is_some_and(|at| at < end)
                && let Some((at, arrival)) = self.to_nodes.pop()
            {
                if let Some((number, input)) = arrival.into_input() {
                    self.nodes[number].inbox.push((at.max(from), input));
                }
            }
            let nodes: Vec<Mutex<&mut Node>> = self.nodes.iter_mut().map(Mutex::new).collect();
            let (utc_start, verifier) = (self.utc_start, self.verifier.as_ref());
            self.executor.run(nodes.len(), &|number| {
                // Nobody else holds it, so it cannot be poisoned.
                if let Ok(mut node) = nodes[number].lock() {
                    node.play(end, utc_start, verifier);
                }
            });
            self.settle(end)?;
            from = end;
        }
        Ok(())
    }

    /// What nodes put out and what arrives at vehicles and cloud before `end`, in order of time, then of nodes.
    fn settle(&mut self, end: Instant) -> Result<(), VirtualRunError> {
        let mut outputs: Vec<(Instant, usize, jxz_edge::Output)> = Vec::new();
        for (number, node) in self.nodes.iter_mut().enumerate() {
            outputs.extend(node.outbox.drain(..).map(|(at, output)| (at, number, output)));
        }
        outputs.sort_by_key(|(at, number, _)| (*at, *number));
        for (at, number, output) in outputs {
            self.arrive_until(at)?;
            self.put_out(self.at(at), number, output)?;
        }
        self.arrive_until(end)
    }

    /// What arrives at vehicles and cloud before `end`, and the cloud's own deadlines.
    fn arrive_until(&mut self, end: Instant) -> Result<(), VirtualRunError> {
        loop {
            let (arrival, deadline) = (self.queue.next_at(), self.cloud.next_deadline());
            let first = [arrival, deadline].into_iter().flatten().min();
            let Some(at) = first.filter(|at| *at < end) else { return Ok(()) };
            if arrival == Some(at) {
                if let Some((at, arrival)) = self.queue.pop() {
                    self.arrive(self.at(at), arrival);
                }
            } else {
                let now = self.at(at);
                self.cloud.handle(now, jxz_cloud::Input::Timer);
                self.collect_cloud();
            }
        }
    }

    fn at(&self, mono: Instant) -> Now {
        Now::after_start(self.utc_start, mono.since(Instant::ZERO))
    }

    fn arrive(&mut self, now: Now, arrival: Arrival) {
        match arrival {
            Arrival::Broadcast(vehicle, channel, frame, sent) => {
                self.latencies.record(LatencyStage::Radio, now.mono.since(sent));
                for shown in self.simulation.deliver(vehicle, channel, now, &frame.bytes) {
                    self.digest.shown(now.mono, &shown);
                }
            }
            Arrival::State(state) => {
                self.cloud.handle(now, jxz_cloud::Input::State(*state));
                self.collect_cloud();
            }
            Arrival::Record(record) => {
                self.cloud.handle(now, jxz_cloud::Input::Record(*record));
                self.collect_cloud();
            }
            Arrival::Scan(..) | Arrival::Signals(..) | Arrival::Report(..) | Arrival::Neighbour(..) => {}
        }
    }

    /// Puts one of a node's outputs on its way.
    fn put_out(&mut self, now: Now, number: usize, output: jxz_edge::Output) -> Result<(), VirtualRunError> {
        match output {
            jxz_edge::Output::Broadcast(frame) => {
                self.digest.broadcast(number, now.mono, &frame);
                self.transmit_broadcast(now, number, frame);
            }
            jxz_edge::Output::State(state) => {
                self.digest.state(number, now.mono, &state);
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
    fn bring(&mut self, now: Now, number: usize) {
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

    fn collect_cloud(&mut self) {
        while let Some(output) = self.cloud.poll() {
            if matches!(output, jxz_cloud::Output::Store(_)) {
                self.must_arrive.acknowledged += 1;
            }
        }
    }

    /// A node's message to every vehicle in reach of either channel.
    fn transmit_broadcast(&mut self, now: Now, number: usize, frame: Frame) {
        let frame = Arc::new(frame);
        let flow = frame.kind.application_id();
        let idle = self.simulation.is_idle(frame.kind);
        for reception in self.simulation.broadcast(now, number, flow, frame.bytes.len()) {
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
    fn transmit_report(&mut self, now: Now, message: VehicleMessage) {
        let receptions = self.simulation.tell(now, &message);
        let bytes: Arc<[u8]> = message.bytes.into();
        for reception in receptions {
            self.send(now.mono + reception.delay, Arrival::Report(reception.to, Arc::clone(&bytes)));
        }
    }

    /// Tracks against truth in every site's coverage, now.
    fn compare(&mut self, now: Now) {
        for (number, node) in self.nodes.iter().enumerate() {
            let site = node.edge.site();
            let covered = |at: jxz_geo::Point| (at - site.position).norm() < site.coverage_m;
            let inside: Vec<_> = self.simulation.truth().iter().filter(|object| covered(object.position)).collect();
            let mut tracks = node.edge.tracks_at(now.utc);
            tracks.retain(|track| covered(track.position));
            let places: Vec<_> = inside.iter().map(|object| (object.id, object.position)).collect();
            self.hand_overs.look(now.mono, number, &node.neighbours, &places, &tracks);
            let moving = |object: &&TruthObject| Moving { position: object.position, velocity: object.velocity };
            let truth: Vec<Moving> = inside.iter().map(moving).collect();
            let tracks: Vec<Moving> = tracks.iter().map(Moving::from).collect();
            if !truth.is_empty() || !tracks.is_empty() {
                self.score.add(&truth, &tracks);
            }
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn report(&self) -> VirtualReport {
        let now = self.simulation.now();
        let view = self.cloud.snapshot(now.utc);
        let on_board = self.simulation.on_board();
        let mut drops = self.drops.clone();
        let mut latencies = self.latencies.clone();
        for node in &self.nodes {
            drops.merge(node.edge.drops());
            latencies.merge(node.edge.latencies());
        }
        drops.merge(&on_board.drops);
        latencies.merge(&on_board.latencies);
        let timed = [LatencyStage::Ingest, LatencyStage::Radio, LatencyStage::SensingToVehicle];
        let latency = |l: &jxz_world::StageLatency| Latency { p50: l.p50_ms, p99: l.p99_ms, count: l.count };
        let score = self.score.score();
        let mut incidents = BTreeMap::new();
        for (incident, count) in self.scenario.incidents.iter().zip(self.simulation.incidents()) {
            *incidents.entry(incident.kind).or_default() += count;
        }
        VirtualReport {
            seed: self.seed,
            seconds: self.seconds(),
            digest: self.digest.finish(),
            nodes_online: view.nodes_online(),
            nodes_total: self.nodes.len(),
            warnings: on_board.warnings.clone(),
            latency_ms: latencies
                .summary()
                .iter()
                .filter(|l| timed.contains(&l.stage))
                .map(|l| (l.stage, latency(l)))
                .collect(),
            must_arrive: self.must_arrive,
            dropped: drops.iter().map(|(cause, n)| (cause.name().to_owned(), n)).collect(),
            tracks: Tracking {
                gospa_m: score.gospa_m,
                position_rmse_m: score.position_rmse_m,
                velocity_rmse_mps: score.velocity_rmse_mps,
                missed: score.missed,
                false_tracks: score.false_tracks,
            },
            hand_overs: self.hand_overs.count(),
            road_users: self.simulation.truth().len(),
            incidents,
            radio: self.simulation.radio().report(),
            removed_stuck: self.simulation.removed_stuck(),
            turned_away: self.simulation.turned_away(),
        }
    }
}
