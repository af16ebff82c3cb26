//! The state machine: inputs in, outputs out, deadlines.

use crate::incidents::Incidents;
use crate::node::Node;
use crate::once::{Once, Said};
use crate::traffic::{self, Traffic};
use crate::view::{Counts, View};
use crate::warnings::{Signals, Warnings};
use crate::{CloudConfig, Freshness, Guidance, Incident, LinkCoverage, Minute};
use core::time::Duration;
use jxz_map::{Map, MapIndex};
use jxz_units::{Instant, Now, Utc};
use jxz_world::{DropCause, Drops, NodeState, Record, RecordBody, SiteId, WarningStage};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, OnceLock};

/// How often things are aged and removed while there are any.
const HOUSEKEEPING: Duration = Duration::from_millis(250);

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A node's link stands.
    NodeConnected(SiteId),
    /// A node's link is gone.
    NodeDisconnected(SiteId),
    /// A node's fresh state, or a part of one.
    State(NodeState),
    /// A must-arrive record.
    Record(Record),
    /// An operator closed the incident of this number; that is already kept elsewhere.
    IncidentClosed(u64),
    /// The deadline of [`Cloud::next_deadline`] has come.
    Timer,
}

/// A must-arrive record's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKey {
    /// Which node.
    pub site: SiteId,
    /// Which start of it.
    pub boot: u64,
    /// Which record of that boot.
    pub sequence: u64,
}

impl RecordKey {
    /// The key of a record.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self { site: record.site.clone(), boot: record.boot, sequence: record.sequence }
    }
}

/// What is to be done, or was noticed.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A record that is new: keep it durably, then acknowledge it to its node.
    Store(Box<Record>),
    /// A record that came before: acknowledge it again, but not before the [`Output::Store`] of it is durable.
    AcknowledgeAgain(RecordKey),
    /// A node turned from one degree of freshness to another.
    NodeFreshness {
        /// Which node.
        site: SiteId,
        /// What it was; `None` when it is heard for the first time.
        from: Option<Freshness>,
        /// What it is.
        to: Freshness,
    },
    /// An incident was opened, or its record changed, or evidence closed it: keep it as it now is.
    Incident(Box<Incident>),
    /// A minute of traffic is over.
    Minute(Arc<Minute>),
    /// Sites are to be told of congestion: that it begins, holds (every minute) or is over.
    Guidance(Box<Guidance>),
}

/// The cloud's brain. See the crate's documentation.
#[derive(Debug, Clone)]
pub struct Cloud {
    config: Arc<CloudConfig>,
    map: Arc<Map>,
    lanes: Arc<MapIndex>,
    nodes: BTreeMap<SiteId, Node>,
    warnings: Warnings,
    signals: Signals,
    traffic: Traffic,
    incidents: Incidents,
    drops: Drops,
    counts: Counts,
    outputs: VecDeque<Output>,
    housekeeping_at: Option<Instant>,
}

impl Cloud {
    /// A twin of the map's sites, of which nothing has been heard.
    #[must_use]
    pub fn new(config: CloudConfig, map: Arc<Map>) -> Self {
        let of_map = map.sites.iter().take(config.max_nodes).enumerate();
        let nodes = of_map.map(|(i, site)| (site.id.clone(), Node::new(site.id.clone(), Some(i)))).collect();
        Self {
            config: Arc::new(config),
            lanes: Arc::new(MapIndex::new(&map)),
            traffic: Traffic::new(&map),
            incidents: Incidents::default(),
            map,
            nodes,
            warnings: Warnings::default(),
            signals: Signals::default(),
            drops: Drops::default(),
            counts: Counts::default(),
            outputs: VecDeque::new(),
            housekeeping_at: None,
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Now, input: Input) {
        match input {
            Input::NodeConnected(site) => self.set_connected(&site, true),
            Input::NodeDisconnected(site) => self.set_connected(&site, false),
            Input::State(state) => self.take_state(now.utc, state),
            Input::Record(record) => self.take_record(now.utc, record),
            Input::IncidentClosed(number) => {
                self.incidents.close(number);
            }
            Input::Timer => {}
        }
        if self.housekeeping_at.is_none_or(|at| now.mono >= at) {
            let busy = self.keep_house(now);
            self.housekeeping_at = busy.then(|| now.mono + HOUSEKEEPING);
        }
        self.tell_incidents();
    }

    /// The links that carry motor traffic, with what of each the sites can see.
    #[must_use]
    pub fn links(&self) -> Vec<LinkCoverage> {
        self.traffic.links()
    }

    /// The next thing to be done, oldest first.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timer`] is due at the latest; `None` while there is nothing to age.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.housekeeping_at
    }

    /// Notes a record that was stored before this process started, so that it is not stored twice. Its warning or
    /// health report enters the twin as far as its own validity allows.
    pub fn recall(&mut self, now: Utc, record: &Record) {
        if self.ledger_insert(&RecordKey::of(record)) {
            self.take_body(now, record);
        }
    }

    /// As [`Cloud::recall`], for a record so old that nothing of it is for the twin.
    pub fn recall_key(&mut self, key: &RecordKey) {
        self.ledger_insert(key);
    }

    /// Takes up the incidents that were open when an earlier process ended, and the highest number given so far.
    pub fn recall_incidents(&mut self, open: Vec<Incident>, last_number: u64) {
        self.incidents.recall(open, last_number);
    }

    /// The twin at one time.
    #[must_use]
    pub fn snapshot(&self, now: Utc) -> View {
        let number_of = |site: &SiteId, boot, track| self.nodes.get(site).and_then(|node| node.number_of(boot, track));
        let warnings = self.warnings.views(&self.config, now, number_of);
        let mut alive: BTreeMap<&SiteId, usize> = BTreeMap::new();
        for warning in warnings.iter().filter(|warning| warning.is_alive()) {
            *alive.entry(&warning.site).or_default() += 1;
        }
        let nodes: Vec<_> = self
            .nodes
            .values()
            .map(|node| {
                let site = node.on_map.and_then(|place| self.map.sites.get(place));
                node.view(&self.config, now, site, alive.get(&*node.site).copied().unwrap_or(0))
            })
            .collect();
        let mut drops = self.drops.clone();
        nodes.iter().for_each(|node| drops.merge(&node.drops));
        let (signals, counts) = (self.signals.views(&self.config, now), self.counts.clone());
        View {
            at: now,
            nodes,
            warnings,
            signals,
            minute: self.traffic.last.clone(),
            guidance: self.traffic.guidance(),
            drops,
            counts,
            said: self.said(),
            aging: self.config.aging,
            once: OnceLock::new(),
            lanes: Arc::clone(&self.lanes),
            located: OnceLock::new(),
            index: OnceLock::new(),
        }
    }

    /// What every node said of road users, shared, by site.
    fn said(&self) -> Vec<Said> {
        self.nodes.values().map(Node::said).collect()
    }

    /// The node's twin, made if there is room for one more.
    fn node(&mut self, site: &SiteId) -> Option<&mut Node> {
        if !self.nodes.contains_key(site) {
            if self.nodes.len() >= self.config.max_nodes {
                self.drops.count(DropCause::TwinFull);
                return None;
            }
            let on_map = self.map.sites.iter().position(|known| known.id == *site);
            self.nodes.insert(site.clone(), Node::new(site.clone(), on_map));
        }
        self.nodes.get_mut(site)
    }

    fn set_connected(&mut self, site: &SiteId, connected: bool) {
        if let Some(node) = self.node(site) {
            node.set_connected(connected);
        }
    }

    fn take_state(&mut self, now: Utc, mut state: NodeState) {
        let config = Arc::clone(&self.config);
        let tracks = state.tracks.len() as u64;
        let Some(node) = self.node(&state.site) else { return };
        if !node.take_state(&config, now, &mut state) {
            return;
        }
        let change = turned(&config, now, node);
        self.counts.states += 1;
        self.counts.tracks += tracks;
        self.counts.delays.count(now.seconds_since(state.valid_at));
        if let Some(signals) = &state.signals {
            let origin = (&state.site, state.valid_for_s);
            self.signals.take((&config, &mut self.drops), now, origin, signals);
        }
        if change.is_some() {
            self.show_freshness(now, &state.site);
        }
    }

    fn take_record(&mut self, now: Utc, record: Record) {
        // Two slots: one for the record, one for what it may change.
        if self.outputs.len() + 2 > self.config.max_outputs {
            self.drops.count(DropCause::MustArriveQueueFull);
            return;
        }
        if let Some(node) = self.node(&record.site) {
            node.heard(now);
        }
        if !self.ledger_insert(&RecordKey::of(&record)) {
            self.counts.records_again += 1;
            self.drops.count(DropCause::PeerDuplicate);
            self.outputs.push_back(Output::AcknowledgeAgain(RecordKey::of(&record)));
            return;
        }
        self.counts.records += 1;
        if let RecordBody::Warning(warning) = &record.body
            && warning.stage == WarningStage::Raised
        {
            *self.counts.warnings_raised.entry(warning.kind()).or_default() += 1;
        }
        if let RecordBody::Warning(warning) = &record.body {
            self.incidents.take((&self.config.incidents, &mut self.drops), now, &record.site, warning);
        }
        self.take_body(now, &record);
        let site = record.site.clone();
        self.outputs.push_back(Output::Store(Box::new(record)));
        self.show_freshness(now, &site);
    }

    /// `true` if the record is new. With no room for its node the record is taken as new: better twice than never.
    fn ledger_insert(&mut self, key: &RecordKey) -> bool {
        let (max_boots, max_runs) = (self.config.max_boots, self.config.max_record_runs);
        self.node(&key.site).is_none_or(|node| node.ledger.insert(key.boot, key.sequence, max_boots, max_runs))
    }

    fn take_body(&mut self, now: Utc, record: &Record) {
        match &record.body {
            RecordBody::Warning(warning) => {
                let origin = (&record.site, record.boot, record.sequence);
                self.warnings.take((&self.config, &mut self.drops), now, origin, warning);
            }
            RecordBody::Health(report) => {
                if let Some(node) = self.nodes.get_mut(&record.site) {
                    node.take_health(&self.config, now, (record.boot, record.sequence), report);
                }
            }
            // Kept on disk with the other records; nothing of it is shown in the twin.
            RecordBody::Misbehaviour(_) => self.counts.misbehaviours += 1,
        }
    }

    /// Removes what has been lost for long, tells what changed; returns whether there is anything left to age.
    fn keep_house(&mut self, now: Now) -> bool {
        self.look_at_traffic(now);
        let (map, nodes, config, now) = (&self.map, &self.nodes, &self.config, now.utc);
        self.incidents.keep(&config.incidents, now, |place| {
            map.sites.iter().any(|site| traffic::sees(site, place) && is_up(nodes, config, now, &site.id))
        });
        let mut busy = !self.incidents.is_empty();
        busy |= self.warnings.forget(&self.config, now);
        busy |= self.signals.forget(&self.config, now);
        for node in self.nodes.values_mut() {
            busy |= node.forget(&self.config, now);
        }
        for node in self.nodes.values_mut() {
            let room = self.outputs.len() < self.config.max_outputs;
            self.outputs.extend(turned(&self.config, now, node).filter(|_| room).map(|turn| tell(node, turn)));
        }
        busy || self.nodes.values().any(|node| node.told.is_some_and(|told| told != Freshness::Lost))
    }

    /// Samples the traffic when that is due.
    fn look_at_traffic(&mut self, now: Now) {
        if !self.traffic.is_due(now) {
            return;
        }
        let (nodes, config, utc) = (&self.nodes, &self.config, now.utc);
        let said = self.said();
        let once = Once::of(&said, config.aging, utc);
        let up = |site: &SiteId| is_up(nodes, config, utc, site);
        let closed = self.traffic.sample(&config.traffic, (&self.map, &self.lanes), now, once.iter(&said), up);
        if let Some(closed) = closed {
            let outputs = closed.guidance.into_iter().map(|guidance| Output::Guidance(Box::new(guidance)));
            for output in core::iter::once(Output::Minute(closed.minute)).chain(outputs) {
                if self.outputs.len() < self.config.max_outputs {
                    self.outputs.push_back(output);
                } else {
                    self.drops.count(DropCause::TwinFull);
                }
            }
        }
    }

    /// Puts out incidents that changed; those without room wait.
    fn tell_incidents(&mut self) {
        while self.outputs.len() < self.config.max_outputs
            && let Some(incident) = self.incidents.next_changed()
        {
            self.outputs.push_back(Output::Incident(Box::new(incident)));
        }
    }

    /// Tells when a node's freshness is not what was told last.
    fn show_freshness(&mut self, now: Utc, site: &SiteId) {
        let room = self.outputs.len() < self.config.max_outputs;
        if let Some(node) = self.nodes.get_mut(site).filter(|_| room)
            && let Some(turn) = turned(&self.config, now, node)
        {
            self.outputs.push_back(tell(node, turn));
        }
    }
}

/// What a node's freshness now is, if that is not what was told last. A node never heard is not told of.
fn turned(config: &CloudConfig, now: Utc, node: &Node) -> Option<Freshness> {
    let to = node.freshness(config, now);
    (node.told != Some(to) && !(node.told.is_none() && to == Freshness::Lost)).then_some(to)
}

/// The word of that. With no room for it nothing is told and it is told later: what was told last stays as it is.
fn tell(node: &mut Node, to: Freshness) -> Output {
    let from = node.told.replace(to);
    Output::NodeFreshness { site: node.site.as_ref().clone(), from, to }
}

/// Whether a site's states come in time: only then does what it does not report mean that nothing is there.
fn is_up(nodes: &BTreeMap<SiteId, Node>, config: &CloudConfig, now: Utc, site: &SiteId) -> bool {
    nodes.get(site).and_then(|node| node.state_freshness(config, now)).is_some_and(Freshness::is_live)
}
