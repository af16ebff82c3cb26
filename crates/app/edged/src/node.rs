//! The node: sockets around the brain.

mod links;
mod successor;

use crate::brain::Brain;
use crate::fleet::Change;
use crate::takeover::{self, Claim, Door, Followed, FromHeir, Heir, follow};
use crate::{Config, MustArrive, Status, fleet};
use anyhow::Context;
use jxz_edge::{Input, LinkStatus, Output};
use jxz_ingest::{Adapter, Gate, Ingested, Listener};
use jxz_link::{NeighbourLinks, Radio, UuServer};
use jxz_observe::{Progress, Supervisor};
use jxz_trace::{Span, Tracer};
use jxz_units::Instant;
use jxz_v2x::{Frame, MessageKind};
use jxz_world::{DropCause, Drops, NeighbourTracks, Record, RecordBody, Site, WarningStage};
pub(crate) use links::{Cloud, open_radio, send};
use std::path::Path;
use std::time::Duration;
use tokio::sync::oneshot;

/// Scans waiting for the brain; the oldest goes first. Half a second of eight sensors at 20 Hz.
const SCAN_QUEUE: usize = 80;
/// Application ids of vehicles' own messages; people with a radio have one of their own.
const BSM_APPLICATIONS: std::ops::RangeInclusive<u32> = 111..=114;
const PSM_APPLICATION: u32 = MessageKind::Psm.application_id();
/// A message to vehicles is worth nothing after this.
const MESSAGE_TTL: Duration = Duration::from_millis(300);
/// How long the node tries to bring what must arrive to the cloud when it is told to stop.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);
/// How often the links are asked how they do, and the status is written.
const LINK_PERIOD: Duration = Duration::from_secs(1);

/// Whether a frame of this application is from a vehicle or a person.
fn is_of_road_users(application_id: u32) -> bool {
    BSM_APPLICATIONS.contains(&application_id) || application_id == PSM_APPLICATION
}

/// What there is to do next.
enum Event {
    Tell(Input),
    Change(Change),
    Claim(Claim),
    Heir(FromHeir),
    Cloud(anyhow::Result<Cloud>),
    Look,
    Nothing,
    Stop,
}

/// Why the loop ended.
enum End {
    Stopped,
    /// Another process has taken the place.
    Succeeded(Heir),
}

struct Node {
    brain: Brain,
    sensors: Listener,
    radio: Box<dyn Radio>,
    vehicles: UuServer,
    neighbours: Option<NeighbourLinks>,
    /// Not there while the process that ran before closes its spool.
    cloud: Option<Cloud>,
    opening: Option<oneshot::Receiver<anyhow::Result<Cloud>>>,
    /// Records that wait for that.
    waiting: Vec<Record>,
    /// Further ways in for sensors, which the process that ran before still has.
    adapters: Vec<Adapter>,
    drops: Drops,
    door: Option<Door>,
    heir: Option<Heir>,
    tracer: Tracer,
}

/// Runs the node until `stop` is ready, then brings what must arrive to the cloud and returns; or until another process has
/// taken its place.
///
/// # Errors
/// The map, the keys or a socket cannot be used. Once it runs, nothing from outside ends it.
pub async fn run(config: Config, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut node = Node::open(&config)?;
    tracing::info!(site = %config.site, ingest = %config.ingest.listen, uu = %config.uu.listen, "edge node is up");
    let supervisor = Supervisor::ready(&format!("site {}: up", config.site));
    for kept in node.cloud.as_mut().map(|cloud| cloud.fleet.kept()).unwrap_or_default() {
        node.tell(kept);
    }
    tokio::pin!(stop);
    go_on(node, &config, supervisor, stop).await
}

/// Takes the place of the node that runs on this configuration's state folder, and goes on as [`run`].
///
/// # Errors
/// Something that the node needs is not there, no node runs, or it stays; it goes on then as if nothing had been.
pub async fn run_in_place(config: Config, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    tokio::pin!(stop);
    let followed = follow(&config, stop.as_mut()).await?;
    // The place is ours: who watches over the old process watches over us from here.
    let supervisor = Supervisor::in_place(&format!("site {}: has taken over", config.site));
    let node = Node::adopt(&config, followed)?;
    takeover::tell_parent();
    tracing::info!(site = %config.site, boot = node.brain.boot, "has taken the place of the node that ran");
    go_on(node, &config, supervisor, stop).await
}

async fn go_on(
    mut node: Node,
    config: &Config,
    mut supervisor: Supervisor,
    mut stop: impl Future<Output = ()> + Unpin,
) -> anyhow::Result<()> {
    let mut links = tokio::time::interval(LINK_PERIOD);
    links.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let end = loop {
        match node.next(&mut stop, &mut links).await? {
            Event::Tell(input) => node.tell(input),
            Event::Change(change) => change.apply(|input| node.tell(input)),
            Event::Claim(claim) => node.admit(claim),
            Event::Heir(FromHeir::Spoken) if node.heir.as_ref().is_some_and(Heir::speaks) => {
                if let Some(heir) = node.heir.take() {
                    break End::Succeeded(heir);
                }
            }
            Event::Heir(word) => node.heard_from_heir(word),
            Event::Cloud(opened) => node.has_cloud(opened.context("cannot open the spool")?),
            Event::Look => {
                node.write_status(&config.state_dir);
                supervisor.alive(&node.progress(), &node.status_line());
                for input in node.brain.look() {
                    node.tell(input);
                }
                let status = node.link_status();
                node.tell(Input::Links(status));
            }
            Event::Nothing => {}
            Event::Stop => break End::Stopped,
        }
    };
    match end {
        End::Stopped => {
            supervisor.stopping();
            node.stop(&config.state_dir).await;
        }
        End::Succeeded(heir) => node.hand_over(heir).await,
    }
    Ok(())
}

impl Node {
    fn open(config: &Config) -> anyhow::Result<Self> {
        let brain = Brain::open(config)?;
        let credentials = fleet::load_credentials(config)?;
        let mut sensors = Listener::bind(config.ingest.listen, gate(&brain), SCAN_QUEUE)?;
        config.ingest.adapters.iter().try_for_each(|adapter| sensors.add(adapter))?;
        Ok(Self {
            sensors,
            radio: open_radio(&config.radio, None)?,
            vehicles: UuServer::bind(&links::vehicles(config, &credentials))?,
            neighbours: links::neighbours(config, brain.boot, &credentials, None)?,
            cloud: Some(Cloud::open(config, brain.boot, credentials)?),
            opening: None,
            waiting: Vec::new(),
            adapters: Vec::new(),
            drops: Drops::default(),
            door: Door::open(config, takeover::hello(config, &brain)),
            heir: None,
            tracer: tracer(config)?,
            brain,
        })
    }

    /// On the sockets of the process that ran before; the spool follows when that one has closed it.
    fn adopt(config: &Config, followed: Followed) -> anyhow::Result<Self> {
        let Followed { brain, credentials, radio, sockets, records, radio_drops, stream } = followed;
        let sensors = Listener::adopt(sockets.sensors, gate(&brain), SCAN_QUEUE)?;
        let (opened, opening) = oneshot::channel();
        tokio::spawn(links::open_cloud(config.clone(), brain.boot, credentials.clone(), stream, opened));
        Ok(Self {
            sensors,
            radio,
            vehicles: UuServer::adopt(&links::vehicles(config, &credentials), sockets.vehicles)?,
            neighbours: links::neighbours(config, brain.boot, &credentials, sockets.neighbours)?,
            cloud: None,
            opening: Some(opening),
            waiting: records,
            adapters: config.ingest.adapters.clone(),
            drops: radio_drops,
            door: Door::open(config, takeover::hello(config, &brain)),
            heir: None,
            tracer: tracer(config)?,
            brain,
        })
    }

    /// Waits for what there is to do. Nothing is lost when it does one thing and leaves the others for the next time.
    async fn next(
        &mut self,
        stop: &mut (impl Future<Output = ()> + Unpin),
        links: &mut tokio::time::Interval,
    ) -> anyhow::Result<Event> {
        let Self { brain, sensors, radio, neighbours, cloud, opening, door, heir, .. } = self;
        let follows = heir.is_some();
        Ok(tokio::select! {
            () = stop => Event::Stop,
            ingested = sensors.recv() => match ingested {
                Some(ingested) => Event::Tell(told_by(ingested)),
                None => anyhow::bail!("the sensors' socket is closed"),
            },
            heard = radio.recv() => match heard {
                // As a radio would: other applications' frames (the neighbours' RSM, MAP, ...) are not passed up.
                Ok(heard) if !is_of_road_users(heard.frame.application_id) => Event::Nothing,
                Ok(heard) => Event::Tell(Input::Radio(heard.frame.bytes.to_vec())),
                Err(error) => {
                    tracing::warn!(%error, "receive from the radio");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    Event::Nothing
                }
            },
            Some(word) = heard(neighbours) => Event::Tell(Input::Neighbour(word)),
            Some(event) = from_cloud(cloud, !follows) => event,
            input = brain.due() => Event::Tell(input),
            Some(claim) = knocked(door) => Event::Claim(claim),
            word = said(heir) => Event::Heir(word),
            Some(opened) = opened(opening) => Event::Cloud(opened),
            _ = links.tick() => Event::Look,
        })
    }

    fn tell(&mut self, input: Input) {
        if self.heir.as_ref().is_some_and(|heir| !heir.told(&input)) {
            self.give_up("it does not keep up");
        }
        let rounds = self.brain.rounds;
        for output in self.brain.tell(input) {
            match output {
                Output::Broadcast(frame) => self.broadcast(frame),
                Output::State(state) if !self.is_silent() => {
                    if let Some(cloud) = &self.cloud {
                        cloud.uplink.send_state(state, self.brain.state_ttl);
                    }
                }
                Output::Record(record) => {
                    self.trace(&record);
                    self.record(record);
                }
                Output::Neighbour { to, tracks } if !self.is_silent() => {
                    if let Some(neighbours) = &self.neighbours {
                        neighbours.send(&to, tracks);
                    }
                }
                Output::State(_) | Output::Neighbour { .. } => {}
                _ => tracing::error!("an output of a kind that this daemon does not know"),
            }
        }
        if self.brain.rounds > rounds {
            self.let_the_heir_speak();
        }
    }

    /// Tells of a warning's first step. What it says to vehicles comes out of the brain before its record does.
    fn trace(&self, record: &Record) {
        if let RecordBody::Warning(warning) = &record.body
            && warning.stage == WarningStage::Raised
            && !self.is_silent()
        {
            self.tracer.tell(|| Span::warn(warning, self.brain.clock.now().utc));
        }
    }

    fn is_silent(&self) -> bool {
        self.heir.as_ref().is_some_and(Heir::speaks)
    }

    /// To vehicles, over each channel; held back while it is a successor's turn.
    fn broadcast(&mut self, frame: Frame) {
        let frame = match &mut self.heir {
            Some(heir) => heir.hold_frame(frame),
            None => Some(frame),
        };
        if let Some(frame) = frame {
            self.vehicles.broadcast(frame.bytes.clone().into(), MESSAGE_TTL);
            send(&*self.radio, &frame, &mut self.drops);
        }
    }

    /// Into the spool; while that is not open yet, to those who wait for it; held back while it is a successor's turn.
    fn record(&mut self, record: Record) {
        let record = match &mut self.heir {
            Some(heir) => heir.hold_record(record),
            None => Some(record),
        };
        match (record, &self.cloud) {
            (Some(record), Some(cloud)) => cloud.records.push(record),
            (Some(record), None) if self.waiting.len() < takeover::MAX_WAITING => self.waiting.push(record),
            (Some(_), None) => self.drops.count(DropCause::MustArriveQueueFull),
            (None, _) => {}
        }
    }

    fn has_cloud(&mut self, mut cloud: Cloud) {
        for adapter in self.adapters.drain(..) {
            if let Err(error) = self.sensors.add(&adapter) {
                tracing::error!(%error, "a way in for sensors cannot be opened again");
            }
        }
        for record in self.waiting.drain(..) {
            cloud.records.push(record);
        }
        let kept = cloud.fleet.kept();
        self.cloud = Some(cloud);
        for input in kept {
            self.tell(input);
        }
    }

    // ---- How it does ----

    fn link_status(&self) -> LinkStatus {
        let mut drops = self.sensors.drops();
        for more in [&self.radio.drops(), &self.drops, &self.vehicles.drops(), &self.brain.black_box.drops()] {
            drops.merge(more);
        }
        let spool = self.cloud.as_ref().map(|cloud| {
            let records = cloud.records.stats();
            drops.merge(&cloud.uplink.stats().drops);
            drops.merge(&records.drops);
            records.health()
        });
        if let Some(neighbours) = &self.neighbours {
            drops.merge(&neighbours.drops());
        }
        let subscribers = u32::try_from(self.vehicles.subscribers()).unwrap_or(u32::MAX);
        LinkStatus { subscribers, drops, spool }
    }

    /// What must move for the service manager to leave the node in peace. A cloud that is away does not count.
    fn progress(&self) -> Vec<Progress> {
        let rounds = Progress::Steps { name: "rounds", done: self.brain.rounds };
        let spool = self.cloud.as_ref().map(|cloud| cloud.records.progress());
        std::iter::once(rounds).chain(spool).collect()
    }

    fn status_line(&self) -> String {
        let (site, rounds) = (&self.brain.edge.site().id, self.brain.rounds);
        let Some(cloud) = &self.cloud else { return format!("site {site}: {rounds} rounds, waits for the spool") };
        let (pending, connected) = (cloud.records.stats().pending(), cloud.uplink.stats().connected);
        let cloud = if connected { "connected" } else { "away" };
        format!("site {site}: {rounds} rounds, cloud {cloud}, {pending} records pending")
    }

    fn write_status(&self, state_dir: &Path) {
        let now = self.brain.clock.now();
        let (records, uplink) = match &self.cloud {
            Some(cloud) => (cloud.records.stats(), cloud.uplink.stats()),
            None => Default::default(),
        };
        let mut dropped = self.link_status().drops;
        dropped.merge(self.brain.edge.drops());
        let status = Status {
            site: self.brain.edge.site().id.clone(),
            written_at_ms: now.utc.unix_ms(),
            uptime_s: now.mono.since(Instant::ZERO).as_secs_f64(),
            cloud_connected: uplink.connected,
            subscribers: self.vehicles.subscribers(),
            neighbours_reached: self.neighbours.as_ref().map_or(0, NeighbourLinks::reached),
            running: self.brain.edge.running(),
            must_arrive: MustArrive::of(&records, &uplink),
            black_box: self.brain.black_box.stats(),
            dropped,
            latencies: self.brain.edge.latencies().clone(),
        };
        if let Err(error) = status.write(state_dir) {
            tracing::warn!("{error:#}");
        }
    }

    async fn stop(mut self, state_dir: &Path) {
        if let Some(door) = self.door.take() {
            door.close();
        }
        let mut pending = self.waiting.len() as u64;
        if let Some(cloud) = &mut self.cloud {
            cloud.records.finish(FLUSH_PATIENCE).await;
            pending = cloud.records.stats().pending();
        }
        self.write_status(state_dir);
        if pending > 0 {
            tracing::warn!(pending, "stopped with records that the cloud does not have yet: they are in the spool");
        }
        tracing::info!("edge node has stopped");
    }
}

fn tracer(config: &Config) -> anyhow::Result<Tracer> {
    Ok(Tracer::start(config.trace.as_ref(), "jxz-edge", &config.site.0, env!("CARGO_PKG_VERSION"))?)
}

fn gate(brain: &Brain) -> Gate {
    let Site { sensors, junction, .. } = brain.edge.site();
    Gate::new(sensors, junction.clone())
}

fn told_by(ingested: Ingested) -> Input {
    match ingested {
        Ingested::Scan(scan) => Input::Scan(scan),
        Ingested::Signals(signals) => Input::Signals(signals),
    }
}

/// A neighbour's next word; never, without links to neighbours.
async fn heard(neighbours: &mut Option<NeighbourLinks>) -> Option<NeighbourTracks> {
    match neighbours {
        Some(links) => links.recv().await,
        None => std::future::pending().await,
    }
}

/// What the cloud says next; never, while there is none. What it wants run is left to a process that follows.
async fn from_cloud(cloud: &mut Option<Cloud>, takes_changes: bool) -> Option<Event> {
    let Some(Cloud { fleet, words, .. }) = cloud else { return std::future::pending().await };
    tokio::select! {
        Some(change) = fleet.recv(), if takes_changes => Some(Event::Change(change)),
        Some(report) = words.recv() => Some(Event::Tell(Input::Congestion(report))),
        else => None,
    }
}

/// Who wants to take over next.
async fn knocked(door: &mut Option<Door>) -> Option<Claim> {
    match door {
        Some(door) => door.next().await,
        None => std::future::pending().await,
    }
}

async fn said(heir: &mut Option<Heir>) -> FromHeir {
    match heir {
        Some(heir) => heir.next().await,
        None => std::future::pending().await,
    }
}

/// The cloud's side, once the process that ran before has closed its spool.
async fn opened(opening: &mut Option<oneshot::Receiver<anyhow::Result<Cloud>>>) -> Option<anyhow::Result<Cloud>> {
    match opening {
        Some(receiver) => {
            let opened = receiver.await;
            *opening = None;
            Some(opened.unwrap_or_else(|_| Err(anyhow::anyhow!("what opens the spool broke down"))))
        }
        None => std::future::pending().await,
    }
}
