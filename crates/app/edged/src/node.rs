//! The node: sockets and clocks around the brain.

use crate::black_box::Recorder;
use crate::config::Radio as RadioSettings;
use crate::fleet::{self, Fleet};
use crate::spool::{self, Records};
use crate::{Config, MustArrive, Status};
use anyhow::Context;
use jxz_edge::{Edge, EdgeConfig, Input, LinkStatus, Output, Security, Stopwatch, Verification};
use jxz_ingest::{Gate, Ingested, Listener};
use jxz_link::{
    Credentials, ImmediateForwardConfig, ImmediateForwardRadio, LinkError, MulticastConfig, MulticastRadio,
    NeighbourLinkConfig, NeighbourLinks, Radio, RadioFrame, TxChannel, Uplink, UplinkConfig, UuServer, UuServerConfig,
    VerifyPool, load_signer, load_trust, utc_now,
};
use jxz_map::Map;
use jxz_observe::{Progress, Supervisor};
use jxz_security::{QueueConfig, ReceiverConfig, Verdict};
use jxz_trace::{Span, Tracer};
use jxz_units::{Instant, Now};
use jxz_v2x::{Frame, MessageKind};
use jxz_world::{CongestionReport, DropCause, Drops, NeighbourTracks, Record, RecordBody, Site, WarningStage};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;

/// Scans waiting for the brain; the oldest goes first. Half a second of eight sensors at 20 Hz.
const SCAN_QUEUE: usize = 80;
/// Messages waiting for one vehicle's connection.
const UU_QUEUE: usize = 64;
/// Application ids of vehicles' own messages; people with a radio have one of their own.
const BSM_APPLICATIONS: std::ops::RangeInclusive<u32> = 111..=114;
const PSM_APPLICATION: u32 = MessageKind::Psm.application_id();
/// A message to vehicles is worth nothing after this.
const MESSAGE_TTL: Duration = Duration::from_millis(300);
/// How long the node tries to bring what must arrive to the cloud when it is told to stop.
const FLUSH_PATIENCE: Duration = Duration::from_secs(5);
/// A longer revocation list is not read: 10,000 entries fit.
const MAX_REVOCATIONS_BYTES: u64 = 1 << 20;
/// Words of the cloud that wait: one a congested link and minute.
const WORDS: usize = 64;
/// How often the links are asked how they do, and the status is written.
const LINK_PERIOD: Duration = Duration::from_secs(1);

/// The machine's clocks, counted from the start of the node.
#[derive(Clone, Copy)]
struct Clock(std::time::Instant);

impl Clock {
    fn now(self) -> Now {
        Now { mono: Instant::ZERO + self.0.elapsed(), utc: utc_now() }
    }

    fn at(self, instant: Instant) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.0 + instant.since(Instant::ZERO))
    }
}

impl Stopwatch for Clock {
    fn now_ns(&mut self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The revocation list, a file that another replaces.
struct Revocations {
    path: PathBuf,
    read: Option<SystemTime>,
}

impl Revocations {
    fn beside(pki: &Path) -> Self {
        Self { path: pki.join("messages").join("revocations"), read: None }
    }

    /// The list, if the file has changed since it was last read; no file, no list.
    fn changed(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let metadata = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let modified = Some(metadata.modified()?);
        if modified == self.read || metadata.len() > MAX_REVOCATIONS_BYTES {
            return Ok(None);
        }
        let list = std::fs::read(&self.path)?;
        self.read = modified;
        Ok(Some(list))
    }
}

/// Whether a frame of this application is from a vehicle or a person.
fn is_of_road_users(application_id: u32) -> bool {
    BSM_APPLICATIONS.contains(&application_id) || application_id == PSM_APPLICATION
}

fn open_radio(config: &RadioSettings) -> Result<Box<dyn Radio>, LinkError> {
    Ok(match config {
        RadioSettings::Multicast { interface, group } => {
            Box::new(MulticastRadio::open(&MulticastConfig { interface: interface.clone(), group: *group })?)
        }
        RadioSettings::ImmediateForward { rsu, listen, channel, sign } => {
            let mut forward = ImmediateForwardConfig::new(*rsu, *listen);
            (forward.channel, forward.sign) = (TxChannel::Number(*channel), *sign);
            Box::new(ImmediateForwardRadio::open(forward)?)
        }
    })
}

struct Node {
    clock: Clock,
    edge: Edge,
    black_box: Recorder,
    sensors: Listener,
    radio: Box<dyn Radio>,
    vehicles: UuServer,
    uplink: Uplink,
    records: Records,
    neighbours: Option<NeighbourLinks>,
    /// The cloud's words of congestion.
    words: mpsc::Receiver<CongestionReport>,
    verifiers: VerifyPool<u64>,
    verdicts: mpsc::Receiver<(Verdict, u64)>,
    revocations: Revocations,
    state_ttl: Duration,
    radio_drops: Drops,
    /// Rounds since the start: each gives one state.
    rounds: u64,
    fleet: Fleet,
    tracer: Tracer,
}

/// Runs the node until `stop` is ready, then brings what must arrive to the cloud and returns.
///
/// # Errors
/// The map, the keys or a socket cannot be used. Once it runs, nothing from outside ends it.
pub async fn run(config: Config, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut node = Node::open(&config)?;
    tracing::info!(site = %config.site, ingest = %config.ingest.listen, uu = %config.uu.listen, "edge node is up");
    let mut supervisor = Supervisor::ready(&format!("site {}: up", config.site));
    for kept in node.fleet.kept() {
        node.take(kept);
    }
    tokio::pin!(stop);
    let mut links = tokio::time::interval(LINK_PERIOD);
    links.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let deadline = node.edge.next_deadline().map(|at| node.clock.at(at));
        let timer = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let input = tokio::select! {
            () = &mut stop => break,
            ingested = node.sensors.recv() => match ingested {
                Some(Ingested::Scan(scan)) => Input::Scan(scan),
                Some(Ingested::Signals(signals)) => Input::Signals(signals),
                None => anyhow::bail!("the sensors' socket is closed"),
            },
            heard = node.radio.recv() => match heard {
                // As a radio would: other applications' frames (the neighbours' RSM, MAP, ...) are not passed up.
                Ok(heard) if !is_of_road_users(heard.frame.application_id) => continue,
                Ok(heard) => Input::Radio(heard.frame.bytes.to_vec()),
                Err(error) => {
                    tracing::warn!(%error, "receive from the radio");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
            Some(word) = heard(&mut node.neighbours) => Input::Neighbour(word),
            Some(report) = node.words.recv() => Input::Congestion(report),
            Some((verdict, ticket)) = node.verdicts.recv() => Input::Verified(ticket, Some(verdict)),
            Some(change) = node.fleet.recv() => {
                change.apply(|input| node.take(input));
                continue;
            }
            () = timer => Input::Timer,
            _ = links.tick() => {
                node.write_status(&config.state_dir);
                supervisor.alive(&node.progress(), &node.status_line());
                node.take_revocations();
                Input::Links(node.link_status())
            }
        };
        node.take(input);
    }
    supervisor.stopping();
    node.stop(&config.state_dir).await
}

/// A neighbour's next word; never, without links to neighbours.
async fn heard(neighbours: &mut Option<NeighbourLinks>) -> Option<NeighbourTracks> {
    match neighbours {
        Some(links) => links.recv().await,
        None => std::future::pending().await,
    }
}

/// The links to the neighbours that are configured, if any are to be.
fn open_neighbours(config: &Config, boot: u64, credentials: &Credentials) -> Result<Option<NeighbourLinks>, LinkError> {
    let Some(hand_over) = &config.hand_over else { return Ok(None) };
    let addresses = config.neighbours.iter().map(|n| (n.site.clone(), n.address.clone())).collect();
    let (site, credentials) = (config.site.clone(), credentials.clone());
    NeighbourLinks::bind(&NeighbourLinkConfig::new(hand_over.listen, site, boot, credentials, addresses)).map(Some)
}

impl Node {
    fn open(config: &Config) -> anyhow::Result<Self> {
        let map = Map::load(&config.map).with_context(|| format!("cannot load the map {}", config.map.display()))?;
        let credentials = fleet::load_credentials(config)?;
        std::fs::create_dir_all(&config.state_dir)
            .with_context(|| format!("cannot make the state folder {}", config.state_dir.display()))?;

        let clock = Clock(std::time::Instant::now());
        let now = clock.now();
        // The start's time tells one boot from the next, and starts the message counters at an arbitrary number.
        let boot = u64::try_from(now.utc.unix_ms()).unwrap_or(0);
        let brain = EdgeConfig {
            boot,
            hazard: config.hazard.clone(),
            profile: config.profile,
            share_sensors: config.share_sensors,
            ..EdgeConfig::default()
        };
        let state_ttl = Duration::from_secs_f64(brain.state_valid_s);
        let (stopwatch, readings) = Recorder::stopwatch(clock);
        let mut edge = Edge::new(now, Arc::new(map), &config.site, brain, stopwatch)?;
        if config.security.enabled {
            let security = Security {
                signer: load_signer(&config.pki.dir, &config.site)
                    .context("cannot load what the node signs with (`jxz pki make` makes it)")?,
                trust: load_trust(&config.pki.dir).context("cannot load whose messages to believe")?,
                receiver: ReceiverConfig::default(),
            };
            edge = edge.secured(security);
        }
        let black_box = Recorder::start(config, &edge, readings)?;
        let (verifiers, verdicts) = VerifyPool::start(config.security.verifiers, QueueConfig::default())
            .context("cannot start the threads that verify signatures")?;

        let Site { sensors, junction, .. } = edge.site();
        let gate = Gate::new(sensors, junction.clone());
        let mut sensors = Listener::bind(config.ingest.listen, gate, SCAN_QUEUE)?;
        config.ingest.adapters.iter().try_for_each(|adapter| sensors.add(adapter))?;
        let vehicles = UuServerConfig {
            address: config.uu.listen,
            credentials: credentials.clone(),
            max_subscribers: config.uu.max_subscribers,
            queue: UU_QUEUE,
        };
        let neighbours = open_neighbours(config, boot, &credentials)?;
        let (fleet, assignments) = Fleet::start(config, &credentials);
        let mut uplink = UplinkConfig::new(&config.cloud.address, config.site.clone(), boot, credentials);
        uplink.server_name.clone_from(&config.cloud.server_name);
        uplink.assignments = Some(assignments);
        let (words_in, words) = mpsc::channel(WORDS);
        uplink.words = Some(words_in);
        let (records, uplink) = spool::open(config, uplink)?;
        Ok(Self {
            clock,
            edge,
            black_box,
            sensors,
            radio: open_radio(&config.radio)?,
            vehicles: UuServer::bind(&vehicles)?,
            uplink,
            records,
            neighbours,
            words,
            verifiers,
            verdicts,
            revocations: Revocations::beside(&config.pki.dir),
            state_ttl,
            radio_drops: Drops::default(),
            rounds: 0,
            fleet,
            tracer: Tracer::start(config.trace.as_ref(), "jxz-edge", &config.site.0, env!("CARGO_PKG_VERSION"))?,
        })
    }

    fn take(&mut self, input: Input) {
        for output in self.black_box.handle(&mut self.edge, self.clock.now(), input) {
            match output {
                Output::Broadcast(frame) => self.broadcast(frame),
                Output::Verify(verification) => self.verify(verification),
                Output::State(state) => {
                    self.rounds += 1;
                    self.uplink.send_state(state, self.state_ttl);
                }
                Output::Record(record) => {
                    self.trace(&record);
                    self.records.push(record);
                }
                Output::Neighbour { to, tracks } => {
                    if let Some(neighbours) = &self.neighbours {
                        neighbours.send(&to, tracks);
                    }
                }
                _ => tracing::error!("an output of a kind that this daemon does not know"),
            }
        }
    }

    /// Tells of a warning's first step. What it says to vehicles comes out of the brain before its record does.
    fn trace(&self, record: &Record) {
        if let RecordBody::Warning(warning) = &record.body
            && warning.stage == WarningStage::Raised
        {
            self.tracer.tell(|| Span::warn(warning, self.clock.now().utc));
        }
    }

    /// Hands a signature to the threads; what found no room is told to the brain at once.
    fn verify(&mut self, verification: Verification) {
        if let Some(dropped) = self.verifiers.submit(verification.job, verification.ticket) {
            self.take(Input::Verified(dropped, None));
        }
    }

    /// Passes a revocation list on when there is another one.
    fn take_revocations(&mut self) {
        match self.revocations.changed() {
            Ok(Some(list)) => self.take(Input::Revocations(list)),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, path = %self.revocations.path.display(), "read the revocation list"),
        }
    }

    fn broadcast(&mut self, frame: Frame) {
        let bytes: bytes::Bytes = frame.bytes.into();
        self.vehicles.broadcast(bytes.clone(), MESSAGE_TTL);
        let frame = RadioFrame {
            priority: frame.kind.priority().unwrap_or(0),
            application_id: frame.kind.application_id(),
            bytes,
        };
        if let Err(error) = self.radio.send(&frame) {
            tracing::debug!(%error, "send over the radio");
            self.radio_drops.count(DropCause::RadioSendFailed);
        }
    }

    fn link_status(&self) -> LinkStatus {
        let mut drops = self.sensors.drops();
        let (uplink, records) = (self.uplink.stats().drops, self.records.stats());
        for more in [
            &self.radio.drops(),
            &self.radio_drops,
            &self.vehicles.drops(),
            &uplink,
            &records.drops,
            &self.black_box.drops(),
        ] {
            drops.merge(more);
        }
        if let Some(neighbours) = &self.neighbours {
            drops.merge(&neighbours.drops());
        }
        let subscribers = u32::try_from(self.vehicles.subscribers()).unwrap_or(u32::MAX);
        LinkStatus { subscribers, drops, spool: Some(records.health()) }
    }

    /// What must move for the service manager to leave the node in peace. A cloud that is away does not count.
    fn progress(&self) -> [Progress; 2] {
        [Progress::Steps { name: "rounds", done: self.rounds }, self.records.progress()]
    }

    fn status_line(&self) -> String {
        let (site, rounds, pending) = (&self.edge.site().id, self.rounds, self.records.stats().pending());
        let cloud = if self.uplink.stats().connected { "connected" } else { "away" };
        format!("site {site}: {rounds} rounds, cloud {cloud}, {pending} records pending")
    }

    fn write_status(&self, state_dir: &Path) {
        let now = self.clock.now();
        let uplink = self.uplink.stats();
        let mut dropped = self.link_status().drops;
        dropped.merge(self.edge.drops());
        let status = Status {
            site: self.edge.site().id.clone(),
            written_at_ms: now.utc.unix_ms(),
            uptime_s: now.mono.since(Instant::ZERO).as_secs_f64(),
            cloud_connected: uplink.connected,
            subscribers: self.vehicles.subscribers(),
            neighbours_reached: self.neighbours.as_ref().map_or(0, NeighbourLinks::reached),
            running: self.edge.running(),
            must_arrive: MustArrive::of(&self.records.stats(), &uplink),
            black_box: self.black_box.stats(),
            dropped,
            latencies: self.edge.latencies().clone(),
        };
        if let Err(error) = status.write(state_dir) {
            tracing::warn!("{error:#}");
        }
    }

    async fn stop(mut self, state_dir: &Path) -> anyhow::Result<()> {
        self.records.finish(FLUSH_PATIENCE).await;
        self.write_status(state_dir);
        let pending = self.records.stats().pending();
        if pending > 0 {
            tracing::warn!(pending, "stopped with records that the cloud does not have yet: they are in the spool");
        }
        tracing::info!("edge node has stopped");
        Ok(())
    }
}
