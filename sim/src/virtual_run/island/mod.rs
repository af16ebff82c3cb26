//! The runner: moves everything on by one step after the other, each arrival at its own instant.

mod account;
mod passage;

use super::digest::OutputDigest;
use super::event::{Arrival, Beyond, Queue};
use super::executor::{Executor, Job, Serial, run_all};
use super::hand_over::{HandOverBook, NeighbourLinks, WORD_TAKES};
use super::node::{Node, Sent, Stage, apart_until};
use super::observer::Observer;
use super::report::MustArrive;
use crate::envelope::{EnrolError, IslandAuthority};
use crate::on_board::Shown;
use crate::outside::OutsideUser;
use crate::rng::Seed;
use crate::scenario::Scenario;
use crate::simulation::{STEP, Simulation, SimulationError};
use core::time::Duration;
use jxz_cloud::{Cloud, CloudConfig};
use jxz_edge::{Edge, EdgeConfig, EdgeError, NoStopwatch};
use jxz_fusion::metrics::TrackingScore;
use jxz_map::Map;
use jxz_security::{Algorithm, VerifySignature};
use jxz_units::{Instant, Now, Utc};
use jxz_world::{DropCause, Drops, LatencyBook, Site, SiteId, Track};
use std::sync::Arc;

/// From a signal controller to the edge.
const SIGNAL_DELAY: Duration = Duration::from_millis(5);
/// From whoever watches the road to the edge.
const CONDITION_DELAY: Duration = Duration::from_millis(50);
/// A record that is lost on its way is sent again after this long.
const RESEND: Duration = Duration::from_millis(200);
/// Records that a node keeps while it has no uplink.
const KEPT_RECORDS: usize = 20_000;
/// Showings of warnings that are kept until somebody asks.
const KEPT_SHOWN: usize = 10_000;
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

/// A warning shown to a driver.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownTo {
    /// Seconds from the start.
    pub at_s: f64,
    /// Whose driver: the road user's number.
    pub road_user: u64,
    /// What was shown.
    pub shown: Shown,
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
    observer: Option<Box<dyn Observer>>,
    /// On its way to vehicles and the cloud.
    queue: Queue<Beyond>,
    digest: OutputDigest,
    latencies: LatencyBook,
    drops: Drops,
    must_arrive: MustArrive,
    score: TrackingScore,
    hand_overs: HandOverBook,
    shown: Vec<ShownTo>,
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
        // The part of it that the scenario plays on.
        let map = Arc::clone(simulation.map());
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
            observer: None,
            queue: Queue::default(),
            digest: OutputDigest::default(),
            latencies: LatencyBook::default(),
            drops: Drops::default(),
            must_arrive: MustArrive::default(),
            score: TrackingScore::default(),
            hand_overs: HandOverBook::default(),
            shown: Vec::new(),
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

    /// From now on `observer` is told of everything that happens. What comes out is the same.
    #[must_use]
    pub fn observed_by(mut self, observer: Box<dyn Observer>) -> Self {
        for node in &mut self.nodes {
            node.heard = observer.hears_brain(&node.edge.site().id).then(Vec::new);
        }
        self.observer = Some(observer);
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

    /// The brain of a site's node.
    #[must_use]
    pub fn brain(&self, site: &SiteId) -> Option<&Edge> {
        self.nodes.iter().map(|node| &node.edge).find(|edge| edge.site().id == *site)
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

    /// Warnings that were new to a driver since the last call, or new as they stand. Of those that nobody takes the
    /// first 10,000 are kept.
    pub fn take_shown(&mut self) -> Vec<ShownTo> {
        core::mem::take(&mut self.shown)
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
        if let Some(observer) = &mut self.observer {
            observer.truth(now, self.simulation.truth());
        }
        let output = self.simulation.step_by(&*self.executor);
        let map = Arc::clone(self.simulation.map());
        for sent in output.scans {
            let Some(number) = map.sites.iter().position(|site| site.id == sent.site) else { continue };
            let arrives = self.at(sent.arrives);
            if let Some(observer) = &mut self.observer {
                observer.scan(arrives, &sent.site, &sent.scan);
            }
            self.nodes[number].send(sent.arrives, Arrival::Scan(Box::new(sent.scan)));
        }
        for signals in output.signals {
            if let Some(observer) = &mut self.observer {
                observer.signals(now, &signals);
            }
            for number in (0..map.sites.len()).filter(|n| map.sites[*n].junction.as_ref() == Some(&signals.junction)) {
                self.nodes[number].send(now.mono + SIGNAL_DELAY, Arrival::Signals(Box::new(signals.clone())));
            }
        }
        for report in output.conditions {
            let near = |site: &Site| (site.position - report.at).norm() < site.coverage_m + report.radius_m;
            for number in (0..map.sites.len()).filter(|number| near(&map.sites[*number])) {
                self.nodes[number].send(now.mono + CONDITION_DELAY, Arrival::Condition(report));
            }
        }
        self.transmit_reports(now, output.messages);
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

    fn send(&mut self, at: Instant, arrival: Beyond) {
        if !self.queue.push(at, arrival) {
            self.drops.count(DropCause::RadioQueueFull);
        }
    }

    /// Everything that happens from `from` to `until`, in stretches in which no node waits for another's word.
    fn run_until(&mut self, mut from: Instant, until: Instant) -> Result<(), VirtualRunError> {
        while from < until {
            let end = apart_until(&self.nodes, from, until, WORD_TAKES);
            let plain = self.simulation.is_plain();
            let is_idle = move |kind| plain && Simulation::is_idle(kind);
            let (utc_start, verifier) = (self.utc_start, self.verifier.as_ref());
            let (radio, ears) = self.simulation.radio_mut().split();
            let stage = Stage { from, end, utc_start, verifier, radio, is_idle: &is_idle };
            let (stage, nodes) = (&stage, self.nodes.iter_mut());
            let jobs = nodes.zip(ears).map(|(node, ear)| Box::new(move || node.play(stage, ear)) as Job<'_>);
            run_all(&*self.executor, jobs.collect());
            self.settle(end)?;
            from = end;
        }
        Ok(())
    }

    /// What nodes put out and what arrives at vehicles and cloud before `end`, in order of time, then of nodes.
    fn settle(&mut self, end: Instant) -> Result<(), VirtualRunError> {
        let mut outputs: Vec<(usize, Sent)> = Vec::new();
        for (number, node) in self.nodes.iter_mut().enumerate() {
            if let (Some(heard), Some(observer)) = (&mut node.heard, &mut self.observer) {
                for (now, input, outputs) in heard.drain(..) {
                    observer.handled(now, &node.edge.site().id, input, outputs);
                }
            }
            outputs.extend(node.outbox.drain(..).map(|sent| (number, sent)));
        }
        outputs.sort_by_key(|(number, sent)| (sent.at, *number));
        for (number, sent) in outputs {
            self.arrive_until(sent.at)?;
            self.put_out(self.at(sent.at), number, sent)?;
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
                self.collect_cloud(now);
            }
        }
    }

    fn at(&self, mono: Instant) -> Now {
        Now::after_start(self.utc_start, mono.since(Instant::ZERO))
    }
}
