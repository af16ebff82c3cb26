//! A whole roadside node as it is deployed, at full load: the real `jxz-edge` and `jxz-cloud` in processes of their own,
//! real sockets, four sensors at 20 Hz, a hundred road users in its area, vehicles that sign what they say, and
//! subscribers over 5G.
//!
//! The road users and the sensors are the simulator's, played in real time by this process, which also listens on the
//! PC5 channel. How old a message is when it comes off the air counts from when the newest scan behind it was given to the
//! node's socket: the sensor's own delay is not the node's. CPU and memory are what the kernel says of the process.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench of our own scenes, which speaks by printing")]

mod process;
mod reference;
mod rig;

use jxz_benches::measure::percentile;
use jxz_edge::Input;
use jxz_link::{MulticastRadio, Radio, RadioFrame, ReceivedFrame, UuClient, utc_now};
use jxz_map::Map;
use jxz_security::Spdu;
use jxz_sim::{STEP, Scenario, Simulation};
use jxz_units::{Instant as Virtual, Utc};
use jxz_v2x::{MessageKind, Profile, Received, RsiClass};
use jxz_world::{LatencyStage, Scan};
use process::Usage;
use reference::Reference;
use rig::{Rig, SITE};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The simulated traffic finds its way before anybody looks, seconds.
const SETTLE_S: f64 = 60.0;
/// The node runs so long before the measurement begins, and so long in it, seconds.
const WARM_S: f64 = 5.0;
const MEASURED_S: f64 = 30.0;
/// What the node may take.
const SENSING_TO_WIRE_MS: f64 = 10.0;
const CORES: f64 = 0.5;
const RESIDENT_MIB: f64 = 64.0;
/// How old messages may be without a cloud, times as old as with it; and how long a start may take to the first warning.
const WITHOUT_CLOUD: f64 = 1.1;
const FIRST_WARNING_S: f64 = 2.0;
const STARTS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(20);
/// Vehicles that subscribe over 5G.
const SUBSCRIBERS: u16 = 20;
/// The priority of a vehicle's own message.
const BSM_PRIORITY: u8 = 32;
/// A busy crossing: with this plan there are about a hundred road users in the site's area, a third of them connected.
const SCENARIO: &str = "
name = \"A full site\"
traffic = { vehicles = 260, cyclists = 30, pedestrians = 40, buses_per_line = 2 }
on_board = { share = 0.3, obey = true }

[[incidents]]
kind = \"speeder\"
from_s = 3
every_s = 2
lasts_s = 20
";

/// What was seen in the measurement.
#[derive(Default)]
struct Seen {
    /// Of each RSM: from the newest scan behind it until it was off the air.
    sensing_to_wire_ms: Vec<f64>,
    /// Of each scan: from the socket until the first message that knows of it was off the air.
    scan_to_wire_ms: Vec<f64>,
    messages: u64,
    bytes: u64,
    told: u64,
    rounds: u64,
    in_area: u64,
    steps: u64,
    vehicles_said: u64,
    scans: u64,
}

struct Bench {
    rig: Rig,
    sim: Simulation,
    radio: Arc<MulticastRadio>,
    /// Frames with the time of their receipt, which this process' other work must not delay.
    heard: mpsc::Receiver<ReceivedFrame>,
    /// What vehicles will say within the step, and when.
    to_say: VecDeque<(Instant, Vec<u8>)>,
    socket: UdpSocket,
    started: Instant,
    steps: u32,
    waiting: BTreeMap<(Virtual, u64), Scan>,
    number: u64,
    signal_sequence: u32,
    /// When scans were given to the socket: those that no message knows of yet, and the newest that one does.
    given: VecDeque<Utc>,
    newest: Option<Utc>,
    last_round: Option<Utc>,
    measuring: bool,
    seen: Seen,
    /// When the first message, and the first of a warning, was heard of a node that was started anew.
    first_message: Option<Instant>,
    first_warning: Option<Instant>,
    /// While nodes are started anew: what a brain that was never killed says, and when it did first since the start.
    reference: Option<Reference>,
    due: Option<Instant>,
}

impl Bench {
    fn new(map: &Arc<Map>, rig: Rig) -> Self {
        let scenario = Scenario::from_toml(SCENARIO).unwrap();
        let settle = Duration::from_secs_f64(SETTLE_S);
        // The keys have just been made: they hold from the next second on.
        let utc_start = utc_now() + Duration::from_secs(2);
        // Simulated ahead of time so that it ends when the machine's clock says the same as the simulated one.
        let mut sim = Simulation::new(Arc::clone(map), &scenario, 7, utc_start).unwrap().secured(rig.fleet());
        for _ in 0..(settle.as_nanos() / STEP.as_nanos()) {
            sim.step();
        }
        let lead_s = sim.now().utc.seconds_since(utc_now());
        assert!(lead_s > 0.0, "this machine does not simulate {SETTLE_S} s of traffic in as long");
        let started = Instant::now() + Duration::from_secs_f64(lead_s) - settle;
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let radio = Arc::new(MulticastRadio::open(&rig.channel()).unwrap());
        let (sender, heard) = mpsc::channel(4096);
        tokio::spawn(listen(Arc::clone(&radio), sender));
        Self {
            rig,
            sim,
            radio,
            heard,
            to_say: VecDeque::new(),
            socket,
            started,
            steps: u32::try_from(settle.as_nanos() / STEP.as_nanos()).unwrap(),
            waiting: BTreeMap::new(),
            number: 0,
            signal_sequence: 0,
            given: VecDeque::new(),
            newest: None,
            last_round: None,
            measuring: false,
            seen: Seen::default(),
            first_message: None,
            first_warning: None,
            reference: None,
            due: None,
        }
    }

    fn next_due(&self) -> Instant {
        let step = self.started + STEP * self.steps;
        let scan = self.waiting.first_key_value().map(|((at, _), _)| self.real(*at));
        let message = self.to_say.front().map(|(at, _)| *at);
        [Some(step), scan, message].into_iter().flatten().min().unwrap()
    }

    fn real(&self, at: Virtual) -> Instant {
        self.started + at.since(Virtual::ZERO)
    }

    /// Plays the simulator and listens, until then.
    async fn play_until(&mut self, end: Instant) {
        while Instant::now() < end {
            let due = self.next_due().min(end);
            tokio::select! {
                biased;
                heard = self.heard.recv() => self.hear(&heard.unwrap()),
                () = tokio::time::sleep_until(due) => self.send_due(),
            }
        }
    }

    fn send_due(&mut self) {
        while let Some(first) = self.waiting.first_entry() {
            if self.started + first.key().0.since(Virtual::ZERO) > Instant::now() {
                break;
            }
            let scan = first.remove();
            let at = utc_now();
            self.socket.send_to(&jxz_wire::encode_scan(&scan), self.rig.ingest).unwrap();
            self.tell_reference(Input::Scan(scan));
            self.given.push_back(at);
            self.seen.scans += u64::from(self.measuring);
        }
        while let Some((_, bytes)) = self.to_say.pop_front_if(|(at, _)| *at <= Instant::now()) {
            let application_id = MessageKind::Bsm.application_id();
            self.radio.send(&RadioFrame { priority: BSM_PRIORITY, application_id, bytes: bytes.into() }).unwrap();
            self.seen.vehicles_said += u64::from(self.measuring);
        }
        if self.started + STEP * self.steps <= Instant::now() {
            self.step();
        }
    }

    fn step(&mut self) {
        let site = self.sim.map().sites[0].clone();
        let output = self.sim.step();
        self.steps += 1;
        for sent in output.scans {
            self.number += 1;
            self.waiting.insert((sent.arrives, self.number), sent.scan);
        }
        for signals in output.signals.iter().filter(|s| Some(&s.junction) == site.junction.as_ref()) {
            self.signal_sequence += 1;
            let datagram = jxz_wire::encode_signals(signals, self.signal_sequence);
            self.socket.send_to(&datagram, self.rig.ingest).unwrap();
            self.tell_reference(Input::Signals(signals.clone()));
        }
        // A radio hears whom it can hear; they speak in turn, not all at once.
        let near: Vec<_> = (output.messages.into_iter())
            .filter(|message| (message.position - site.position).norm() <= 400.0)
            .collect();
        let (begin, share) = (self.started + STEP * (self.steps - 1), STEP / u32::try_from(near.len().max(1)).unwrap());
        self.to_say.extend((0..).zip(near).map(|(k, message)| (begin + share * k, message.bytes)));
        if self.measuring {
            let inside = |o: &&jxz_sim::TruthObject| (o.position - site.position).norm() <= site.coverage_m;
            self.seen.in_area += self.sim.truth().iter().filter(inside).count() as u64;
            self.seen.steps += 1;
        }
    }

    fn tell_reference(&mut self, input: Input) {
        let Some(reference) = &mut self.reference else { return };
        reference.warned = None;
        reference.tell(input);
        self.due = self.due.or(reference.warned);
    }

    /// The time of an RSM's round is that of its first participant, the unit itself, to the millisecond below.
    fn hear(&mut self, heard: &ReceivedFrame) {
        self.first_message = self.first_message.or_else(|| Some(Instant::now()));
        if heard.frame.application_id == MessageKind::Rsi(RsiClass::Dynamic).application_id() {
            self.first_warning = self.first_warning.or_else(|| Some(Instant::now()));
        }
        if self.measuring {
            self.seen.messages += 1;
            self.seen.bytes += heard.frame.bytes.len() as u64;
        }
        if heard.frame.application_id != MessageKind::Rsm.application_id() {
            return;
        }
        let payload = Spdu::parse(&heard.frame.bytes).unwrap();
        let decoded =
            jxz_v2x::decode(payload.payload(), Profile::default(), heard.received_at, &self.sim.map().frame).unwrap();
        let Received::Rsm(rsm) = decoded else { unreachable!("it is an RSM") };
        let round = rsm.participants[0].valid_at;
        if self.measuring {
            self.seen.told += rsm.participants.len() as u64 - 1;
            self.seen.rounds += u64::from(self.last_round != Some(round));
        }
        self.last_round = Some(round);
        let off_the_air = |from: Utc| heard.received_at.seconds_since(from) * 1e3;
        while let Some(given) = self.given.pop_front_if(|given| *given <= round) {
            self.newest = Some(given);
            if self.measuring {
                self.seen.scan_to_wire_ms.push(off_the_air(given));
            }
        }
        if let Some(newest) = self.newest.filter(|_| self.measuring) {
            self.seen.sensing_to_wire_ms.push(off_the_air(newest));
        }
    }
}

async fn listen(radio: Arc<MulticastRadio>, heard: mpsc::Sender<ReceivedFrame>) {
    while heard.send(radio.recv().await.unwrap()).await.is_ok() {}
}

/// What one state of affairs was like.
struct Measured {
    seen: Seen,
    used: Usage,
}

impl Bench {
    async fn measure(&mut self) -> Measured {
        self.play_until(Instant::now() + Duration::from_secs_f64(WARM_S)).await;
        self.measuring = true;
        let before = self.rig.node_usage();
        self.play_until(Instant::now() + Duration::from_secs_f64(MEASURED_S)).await;
        self.measuring = false;
        Measured { used: self.rig.node_usage().since(&before), seen: std::mem::take(&mut self.seen) }
    }

    /// Kills the node and starts it again; seconds from the start to its first message, and to its first of a warning from
    /// when one was due: from the start, or from when a brain that was never killed warns, if nobody was to be warned before.
    async fn restart(&mut self) -> (f64, f64) {
        self.rig.kill_node();
        self.play_until(Instant::now() + Duration::from_secs(1)).await;
        (self.first_message, self.first_warning, self.newest, self.due) = (None, None, None, None);
        self.given.clear();
        let begun = Instant::now();
        self.rig.start_node();
        while self.first_warning.is_none() && begun.elapsed() < PATIENCE {
            self.play_until(Instant::now() + Duration::from_millis(50)).await;
        }
        let after = |from: Instant, at: Option<Instant>| at.map_or(f64::INFINITY, |at| (at - from).as_secs_f64());
        (after(begun, self.first_message), after(self.due.unwrap_or(begun), self.first_warning))
    }
}

/// Subscribes as so many vehicles; what comes is counted and thrown away.
async fn subscribe(rig: &Rig) {
    for n in 1..=SUBSCRIBERS {
        let mut client = UuClient::connect(rig.uu, &rig.site, &rig.vehicle(n)).await.unwrap();
        tokio::spawn(async move { while client.recv().await.is_some() {} });
    }
}

struct Outcome {
    with_cloud: Measured,
    without: Measured,
    status: jxz_edged::Status,
    /// Seconds to the first message and to the first warning, of each start.
    starts: Vec<(f64, f64)>,
}

async fn run() -> Outcome {
    let rig = Rig::new(SUBSCRIBERS);
    let mut map = Map::load(&rig.map()).unwrap();
    map.sites.retain(|site| site.id.0 == SITE);
    let mut bench = Bench::new(&Arc::new(map), rig);
    bench.rig.start().await;
    subscribe(&bench.rig).await;
    tokio::time::sleep_until(bench.started + STEP * bench.steps).await;
    let with_cloud = bench.measure().await;
    bench.rig.kill_cloud();
    let without = bench.measure().await;
    let status = bench.rig.status().unwrap();
    let mut starts = Vec::new();
    bench.reference = Some(Reference::new(bench.sim.map(), &bench.rig.site));
    bench.play_until(Instant::now() + Duration::from_secs_f64(WARM_S)).await;
    for _ in 0..STARTS {
        starts.push(bench.restart().await);
    }
    bench.rig.end();
    Outcome { with_cloud, without, status, starts }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let Outcome { with_cloud: Measured { seen, used }, without, status, starts } = runtime.block_on(run());
    let cores = used.cpu_s / used.wall_s;
    let age = [50, 99].map(|p| percentile(&seen.sensing_to_wire_ms, p));
    let waited = [50, 99].map(|p| percentile(&seen.scan_to_wire_ms, p));
    let age_without = percentile(&without.seen.sensing_to_wire_ms, 99);
    let (first_message, first_warning): (Vec<f64>, Vec<f64>) = starts.into_iter().unzip();
    let in_area = seen.in_area as f64 / seen.steps as f64;
    let told = seen.told as f64 / seen.rounds as f64;
    let per_s = |n: u64| n as f64 / MEASURED_S;
    assert!(seen.rounds > 0 && used.wall_s > 0.0, "nothing was heard");
    if std::env::args().any(|argument| argument == "--json") {
        let out = json!({
            "sensing_to_wire_ms": {"p50": age[0], "p99": age[1]}, "scan_to_wire_ms": {"p50": waited[0], "p99": waited[1]},
            "sensing_to_wire_ms_p99_without_cloud": age_without,
            "start_to_first_message_s": {"p50": percentile(&first_message, 50), "max": percentile(&first_message, 100)},
            "start_to_first_warning_s": {"p50": percentile(&first_warning, 50), "max": percentile(&first_warning, 100)},
            "cores": cores, "resident_mib": used.resident_mib, "resident_peak_mib": used.peak_mib,
            "road_users_in_area": in_area, "road_users_told": told, "scans_per_s": per_s(seen.scans),
            "vehicles_messages_per_s": per_s(seen.vehicles_said), "messages_per_s": per_s(seen.messages),
            "rounds_per_s": per_s(seen.rounds), "binary_mib": used.binary_mib,
        });
        println!("{}", json!({ "edge_node": out }));
        return;
    }
    println!(
        "{SITE}: four sensors, {:.0} scans/s; {in_area:.0} road users in its area, {told:.0} told in RSM;",
        per_s(seen.scans)
    );
    println!(
        "{:.0} signed messages/s heard from vehicles, {SUBSCRIBERS} subscribers over 5G; {:.1} rounds/s, {:.0} signed messages/s, {:.0} kB/s said.",
        per_s(seen.vehicles_said),
        per_s(seen.rounds),
        per_s(seen.messages),
        per_s(seen.bytes) / 1e3
    );
    println!(
        "{MEASURED_S} s after {WARM_S} s; simulator and cloud run beside it on {} cores.\n",
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    let line = |what: &str, value: f64, unit: &str, budget: f64| {
        let verdict = if value <= budget { "within" } else { "BEYOND" };
        println!(
            "  {what:<48} {value:>8.2} {unit:<5} of {budget:>5.1}: {:>5.2}x, {verdict} the budget",
            value / budget
        );
    };
    line("newest scan to message off the air, p99", age[1], "ms", SENSING_TO_WIRE_MS);
    line("the same without cloud, times that with it", age_without / age[1], "", WITHOUT_CLOUD);
    line("kill -9, start (or need) to first warning, worst", percentile(&first_warning, 100), "s", FIRST_WARNING_S);
    line("CPU", cores, "cores", CORES);
    line("resident memory", used.resident_mib, "MiB", RESIDENT_MIB);
    println!("  {:<48} {:>8.2} ms", "newest scan to message off the air, median", age[0]);
    println!(
        "  {:<48} {:>8.2} ms, p99 {:.2} ms",
        "any scan to the first message that knows, median", waited[0], waited[1]
    );
    let [p50, worst] = [50, 100].map(|p| percentile(&first_message, p));
    println!("  {:<48} {p50:>8.2} s, worst {worst:.2} s", format!("{STARTS} starts, to the first message, median"));
    println!("  {:<48} {:>8.2} s", "to the first warning, median", percentile(&first_warning, 50));
    println!("  {:<48} {:>8.2} MiB", "resident memory, highest since the start", used.peak_mib);
    println!("  {:<48} {:>8.2} MiB", "the program's file", used.binary_mib);
    for stage in status.latencies.summary().iter().filter(|s| s.stage != LatencyStage::Ingest) {
        println!("  inside: {:<38} {:>8.2} ms, p99 {:.2} ms", format!("{:?}", stage.stage), stage.p50_ms, stage.p99_ms);
    }
    let drops: Vec<String> =
        status.dropped.iter().filter(|(_, n)| *n > 0).map(|(cause, n)| format!("{} {n}", cause.name())).collect();
    println!("  dropped since the start: {}", if drops.is_empty() { "nothing".to_owned() } else { drops.join(", ") });
}
