//! The simulator in real time: its sensors send to the nodes, its vehicles talk and listen on both channels.

use super::air::{Air, RANGE_M};
use super::fleet::{Delivery, Fleet};
use super::layout::Layout;
use super::tracking::Tracking;
use super::truth;
use anyhow::{Context, bail};
use jxz_fusion::metrics::Score;
use jxz_geo::Point;
use jxz_link::{FastVerifier, RadioFrame, ReceivedFrame, UuMessage, utc_now};
use jxz_map::Map;
use jxz_security::Spdu;
use jxz_sim::{Channel, FleetSecurity, STEP, Scenario, Shown, Simulation, StepOutput};
use jxz_trace::{Span, Step, Tracer};
use jxz_units::{Now, Utc};
use jxz_v2x::{MessageKind, Profile, Received};
use jxz_world::{DropCause, Drops, JunctionId, LatencyBook, LatencyStage, Scan, SiteId, VehicleId, WarningKind};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The simulation begins this long after it was asked for.
const START_LEAD: Duration = Duration::from_secs(2);
/// Vehicles look for a nearer site this often.
const FOLLOW_STEPS: u64 = 10;
/// Scans that are on their way at a time.
const PENDING_SCANS: usize = 4096;
/// Priority of a vehicle's own message where it has no reason for another.
const BSM_PRIORITY: u8 = 32;

/// What the terminal shows of the vehicles' side.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    /// Kind, shown over 5G, shown over PC5.
    pub(super) warnings: Vec<(&'static str, u64, u64)>,
    pub(super) latencies: LatencyBook,
    pub(super) subscribed: usize,
    /// By how much the simulation is behind the clock: more than a little, and its scans are too old for the nodes.
    pub(super) late: Duration,
}

/// What the vehicles' side counted, at the end.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) seconds: f64,
    pub(super) warnings: Vec<(&'static str, u64, u64)>,
    pub(super) latencies: LatencyBook,
    pub(super) drops: Drops,
    /// Signed messages that vehicles verified, each once.
    pub(super) verified: u64,
    pub(super) tracking: Score,
}

/// The running simulator.
pub(super) struct Live {
    snapshot: Arc<Mutex<Snapshot>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Outcome>,
}

impl Live {
    /// Starts to play the scenario now.
    pub(super) fn start(
        map: Arc<Map>,
        scenario: &Scenario,
        seed: u64,
        layout: &Layout,
        vehicles: u16,
        tracer: Tracer,
    ) -> anyhow::Result<Self> {
        let (mut driver, deliveries) = Driver::new(map, scenario, seed, layout, vehicles)?;
        driver.tracer = tracer;
        let snapshot = Arc::clone(&driver.snapshot);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(driver.run(deliveries, stopped));
        Ok(Self { snapshot, stop, task })
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An error if the simulator has ended by itself.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.task.is_finished() { bail!("the simulator has ended by itself") } else { Ok(()) }
    }

    pub(super) async fn stop(self) -> anyhow::Result<Outcome> {
        // A simulator that has ended already does not listen any more; waiting for it tells why.
        let _ended = self.stop.send(());
        self.task.await.context("the simulator has failed")
    }
}

struct Driver {
    sim: Simulation,
    signed: bool,
    started: Instant,
    steps: u64,
    /// Scans on their way, by their arrival since the start and their number.
    pending: BTreeMap<(jxz_units::Instant, u64), (SiteId, Scan)>,
    scans: u64,
    socket: UdpSocket,
    /// Where the cloud hears the truth.
    console: SocketAddr,
    /// It has been said that the truth does not fit.
    truth_cut: bool,
    ingest: BTreeMap<SiteId, SocketAddr>,
    controllers: BTreeMap<JunctionId, Vec<SocketAddr>>,
    signal_sequence: u32,
    air: Air,
    fleet: Fleet,
    tracking: Tracking,
    latencies: LatencyBook,
    drops: Drops,
    snapshot: Arc<Mutex<Snapshot>>,
    tracer: Tracer,
}

/// The simulation; its vehicles sign and verify if the nodes do.
fn simulation(
    map: &Arc<Map>,
    scenario: &Scenario,
    seed: u64,
    utc_start: Utc,
    layout: &Layout,
) -> anyhow::Result<Simulation> {
    let simulation = Simulation::new(Arc::clone(map), scenario, seed, utc_start)?;
    if !layout.signed {
        return Ok(simulation);
    }
    let security = FleetSecurity {
        trust: jxz_link::load_trust(&layout.pki).context("cannot load the authorities of messages")?,
        pseudonyms: jxz_link::load_pseudonym_authority(&layout.pki)
            .context("cannot load the authority of the vehicles' pseudonyms")?,
        verifier: Arc::new(FastVerifier),
    };
    Ok(simulation.secured(security))
}

impl Driver {
    fn new(
        map: Arc<Map>,
        scenario: &Scenario,
        seed: u64,
        layout: &Layout,
        vehicles: u16,
    ) -> anyhow::Result<(Self, mpsc::Receiver<Delivery>)> {
        let (fleet, deliveries) = Fleet::new(layout, &map, vehicles)?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot open a UDP socket")?;
        socket.set_nonblocking(true).context("cannot make a socket non-blocking")?;
        let mut controllers: BTreeMap<JunctionId, Vec<SocketAddr>> = BTreeMap::new();
        for (site, place) in map.sites.iter().zip(&layout.sites) {
            if let Some(junction) = &site.junction {
                controllers.entry(junction.clone()).or_default().push(place.ingest);
            }
        }
        // Both clocks of the start are read at once; laying out the traffic takes a part of the second ahead.
        let (started, utc_start) = (Instant::now() + START_LEAD, utc_now() + START_LEAD);
        let driver = Self {
            sim: simulation(&map, scenario, seed, utc_start, layout)?,
            signed: layout.signed,
            started,
            steps: 0,
            pending: BTreeMap::new(),
            scans: 0,
            socket,
            console: layout.truth,
            truth_cut: false,
            ingest: layout.sites.iter().map(|s| (s.id.clone(), s.ingest)).collect(),
            controllers,
            signal_sequence: 0,
            air: Air::open(layout, &map)?,
            fleet,
            tracking: Tracking::new(&map),
            latencies: LatencyBook::default(),
            drops: Drops::default(),
            snapshot: Arc::default(),
            tracer: Tracer::off(),
        };
        Ok((driver, deliveries))
    }

    async fn run(mut self, mut deliveries: mpsc::Receiver<Delivery>, mut stop: oneshot::Receiver<()>) -> Outcome {
        loop {
            tokio::select! {
                _ = &mut stop => return self.outcome(),
                () = tokio::time::sleep_until(self.next_due()) => self.play(),
                Some((sender, heard)) = self.air.recv() => self.hear_pc5(sender, &heard),
                Some((vehicle, message)) = deliveries.recv() => self.hear_uu(vehicle, &message),
            }
        }
    }

    /// The real time of a moment of the simulation.
    fn real(&self, elapsed: Duration) -> Instant {
        self.started + elapsed
    }

    fn next_due(&self) -> Instant {
        let step = self.real(STEP * u32::try_from(self.steps).unwrap_or(u32::MAX));
        let scan = self.pending.first_key_value().map(|((arrives, _), _)| self.arrival(*arrives));
        scan.map_or(step, |scan| scan.min(step))
    }

    fn arrival(&self, arrives: jxz_units::Instant) -> Instant {
        self.real(arrives.since(jxz_units::Instant::ZERO))
    }

    /// Sends the scans that are due, then makes the step that is due.
    fn play(&mut self) {
        let now = Instant::now();
        while let Some(first) = self.pending.first_entry() {
            let arrives = first.key().0;
            if self.started + arrives.since(jxz_units::Instant::ZERO) > now {
                break;
            }
            let (site, scan) = first.remove();
            self.send_scan(&site, &scan);
        }
        let due = self.real(STEP * u32::try_from(self.steps).unwrap_or(u32::MAX));
        if due <= now {
            self.step();
        }
    }

    fn step(&mut self) {
        let now = self.sim.now();
        self.tracking.truth_at(now.utc, self.sim.truth());
        // Only looked at: a console that misses one has the next.
        let _missed =
            self.socket.send_to(&truth::datagram(now.utc, self.sim.truth(), &self.sim.map().frame), self.console);
        if self.sim.truth().len() > truth::MOST && !self.truth_cut {
            let (all, shown) = (self.sim.truth().len(), truth::MOST);
            tracing::warn!(all, shown, "the console's simulated truth leaves out the road users beyond the first");
            self.truth_cut = true;
        }
        if self.steps.is_multiple_of(FOLLOW_STEPS) {
            let vehicles = self.sim.truth().iter().filter_map(|o| Some((o.vehicle?, o.position))).collect();
            self.fleet.follow(&vehicles);
            self.publish();
        }
        let StepOutput { scans, signals, messages, .. } = self.sim.step();
        self.steps += 1;
        for sent in scans {
            self.scans += 1;
            self.pending.insert((sent.arrives, self.scans), (sent.site, sent.scan));
        }
        while self.pending.len() > PENDING_SCANS {
            self.pending.pop_first();
            self.drops.count(DropCause::SensorQueueFull);
        }
        for signals in signals {
            self.signal_sequence = self.signal_sequence.wrapping_add(1);
            let datagram = jxz_wire::encode_signals(&signals, self.signal_sequence);
            for address in self.controllers.get(&signals.junction).cloned().unwrap_or_default() {
                self.send(&datagram, address);
            }
        }
        for message in messages {
            let frame = RadioFrame {
                priority: BSM_PRIORITY,
                application_id: MessageKind::Bsm.application_id(),
                bytes: message.bytes.into(),
            };
            self.air.send(message.position, &frame);
        }
    }

    fn send_scan(&mut self, site: &SiteId, scan: &Scan) {
        if let Some(address) = self.ingest.get(site).copied() {
            let datagram = jxz_wire::encode_scan(scan);
            self.send(&datagram, address);
        }
    }

    fn send(&mut self, datagram: &[u8], to: SocketAddr) {
        if self.socket.send_to(datagram, to).is_err() {
            self.drops.count(DropCause::RadioSendFailed);
        }
    }

    /// A frame on the PC5 channel: every vehicle near its sender receives it.
    fn hear_pc5(&mut self, sender: Point, heard: &ReceivedFrame) {
        self.note_radio_delay(heard.received_at.seconds_since(heard.sent_at));
        let bytes = &heard.frame.bytes;
        // Whose frame it is and what it tells of, for the report; the vehicles verify it on their own.
        let message = if self.signed { Spdu::parse(bytes).map_or(&[][..], |spdu| spdu.payload()) } else { bytes };
        let is_rsm = heard.frame.application_id == MessageKind::Rsm.application_id();
        if is_rsm
            && let Ok(Received::Rsm(rsm)) =
                jxz_v2x::decode(message, Profile::default(), heard.received_at, &self.sim.map().frame)
        {
            self.tracking.heard(&rsm);
        }
        let near = |o: &&jxz_sim::TruthObject| (o.position - sender).norm() <= RANGE_M;
        let vehicles: Vec<VehicleId> = self.sim.truth().iter().filter(near).filter_map(|o| o.vehicle).collect();
        let now = self.now(heard.received_at);
        for vehicle in vehicles {
            let shown = self.sim.deliver(vehicle, Channel::Pc5, now, bytes);
            self.trace(now.utc, &shown);
        }
    }

    fn hear_uu(&mut self, vehicle: VehicleId, message: &UuMessage) {
        self.note_radio_delay(message.received_at.seconds_since(message.sent_at));
        let now = self.now(message.received_at);
        let shown = self.sim.deliver(vehicle, Channel::Uu, now, &message.bytes);
        self.trace(now.utc, &shown);
    }

    /// Tells of each warning that is new to its driver.
    fn trace(&self, at: Utc, shown: &[Shown]) {
        for shown in shown.iter().filter(|shown| shown.first) {
            self.tracer.tell(|| {
                let delay_ms = format!("{:.1}", shown.delay_s * 1e3);
                let channel = format!("{:?}", shown.channel).to_lowercase();
                let span = Span::new(shown.id, Step::Show(shown.vehicle), at, at);
                span.with("jxz.channel", channel).with("jxz.sensing_to_driver_ms", delay_ms)
            });
        }
    }

    /// The moment of receipt: the drivers' reactions go by the simulation's time, delays by the real one.
    fn now(&self, utc: jxz_units::Utc) -> Now {
        Now { mono: self.sim.now().mono, utc }
    }

    fn note_radio_delay(&mut self, seconds: f64) {
        self.latencies.record_s(LatencyStage::Radio, seconds);
    }

    fn warnings(&self) -> Vec<(&'static str, u64, u64)> {
        let totals = self.sim.on_board();
        let of = |kind: WarningKind| totals.warnings.get(&kind).copied().unwrap_or_default();
        WarningKind::ALL.into_iter().map(|kind| (kind.name(), of(kind).uu, of(kind).pc5)).collect()
    }

    fn all_latencies(&self) -> LatencyBook {
        let mut latencies = self.latencies.clone();
        latencies.merge(&self.sim.on_board().latencies);
        latencies
    }

    fn publish(&self) {
        let step = self.real(STEP * u32::try_from(self.steps).unwrap_or(u32::MAX));
        let snapshot = Snapshot {
            warnings: self.warnings(),
            latencies: self.all_latencies(),
            subscribed: self.fleet.len(),
            late: Instant::now().saturating_duration_since(step),
        };
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    fn outcome(self) -> Outcome {
        let mut drops = self.drops.clone();
        for more in [&self.sim.on_board().drops, &self.air.drops()] {
            drops.merge(more);
        }
        drops.add(DropCause::SubscriberSlow, self.fleet.dropped());
        Outcome {
            seconds: self.sim.now().mono.since(jxz_units::Instant::ZERO).as_secs_f64(),
            warnings: self.warnings(),
            latencies: self.all_latencies(),
            drops,
            verified: self.sim.verified(),
            tracking: self.tracking.score(),
        }
    }
}
