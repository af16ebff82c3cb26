//! The load that Intel SceneScape publishes for its tracker, through a whole node's brain in real time: four cameras,
//! 15 frames a second each, 900 road users in every frame.
//!
//! One thread is the cameras, the other the brain: scans wait for it in a bounded queue as they do in the daemon. The
//! road users are the simulator's, on the island's roads with its signals, the 900 nearest to a site. A time counts from
//! a scan's being put into the queue until everything that the brain says because of it has been taken from it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench of our own scenes, which speaks by printing")]

use jxz_benches::measure::{percentile, thread_ns};
use jxz_benches::scene::{Body, Sensors};
use jxz_edge::{Edge, EdgeConfig, Input, Output, Stopwatch};
use jxz_fusion::FusionConfig;
use jxz_fusion::metrics::{Moving, Score, TrackingScore};
use jxz_geo::Point;
use jxz_map::Map;
use jxz_sim::{Scenario, Simulation, TrafficPlan};
use jxz_units::{Instant, Now, Utc, Yaw};
use jxz_world::{
    DropCause, LatencyStage, NodeState, RecordBody, SensorId, SensorKind, SensorSpec, SiteId, StageLatency,
};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant as Clock};

const OBJECTS: usize = 900;
const CAMERAS: usize = 4;
const FRAME_RATE_HZ: f64 = 15.0;
const BUDGET_MS: f64 = 20.0;
/// What SceneScape publishes for this load, on 16 cores: median and 99th percentile, milliseconds.
const SCENESCAPE_MS: (f64, f64) = (106.8, 181.2);
const WARM_S: f64 = 3.0;
const MEASURED_S: f64 = 20.0;
/// Before the first frame the island's traffic finds its way for so long, seconds.
const SETTLE_S: f64 = 20.0;
/// A junction amid the island.
const SITE: &str = "zhongxin-xingying";
/// One of so many rounds is kept, to be judged after the run.
const JUDGED: u64 = 10;
/// Scans and signal reports that may wait for the brain.
const QUEUE: usize = 64;
const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

/// What comes in, when, and the truth at that time for a scan.
struct Arrival {
    at: Duration,
    input: Input,
    truth: Option<Vec<Body>>,
}

struct Load {
    map: Arc<Map>,
    arrivals: Vec<Arrival>,
    radius_m: f64,
}

/// Four cameras about the site, as good at the farthest road user as `make_scene.py`'s at the corner of its crossing.
fn cameras(centre: Point, stretch: f64) -> Vec<SensorSpec> {
    let places = [(-18.0, 18.0), (18.0, -18.0), (18.0, 18.0), (-18.0, -18.0)];
    let camera = |(k, (x, y)): (usize, (f64, f64))| SensorSpec {
        id: SensorId(format!("camera-{k}")),
        kind: SensorKind::Camera,
        position: Point::new(centre.x + x, centre.y + y),
        height_m: 6.5,
        boresight: Yaw::from_rad(0.0),
        half_fov_rad: std::f64::consts::PI,
        range_m: (0.0, 300.0 * stretch),
        range_sigma_m: 0.3,
        range_sigma_fraction: 0.03 / stretch,
        azimuth_sigma_rad: 0.15_f64.to_radians() / stretch,
        doppler_sigma_mps: None,
        // All 900 in every frame: that is the load.
        detection_probability: 1.0,
        clutter_per_scan: 3.0,
        class_accuracy: Some(0.95),
        period_s: 1.0 / FRAME_RATE_HZ,
    };
    places.into_iter().enumerate().map(camera).collect()
}

fn nearest(simulation: &Simulation, centre: Point, after_s: f64) -> (Vec<Body>, f64) {
    let mut bodies: Vec<(f64, Body)> = (simulation.truth().iter())
        .map(|o| {
            let position = o.position + o.velocity * after_s;
            ((position - centre).norm(), Body { id: o.id, class: o.class, position, velocity: o.velocity })
        })
        .collect();
    bodies.sort_by(|a, b| a.0.total_cmp(&b.0));
    bodies.truncate(OBJECTS);
    assert_eq!(bodies.len(), OBJECTS);
    let radius_m = bodies.last().unwrap().0;
    (bodies.into_iter().map(|b| b.1).collect(), radius_m)
}

impl Load {
    fn new() -> Self {
        let island = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island");
        let mut map = Map::load(&island).unwrap();
        // As many as the simulator admits: 900 within half a kilometre.
        let traffic = TrafficPlan { vehicles: 2000, cyclists: 2000, pedestrians: 2000, ..TrafficPlan::default() };
        let scenario = Scenario { traffic, ..Scenario::default() };
        let mut simulation = Simulation::new(Arc::new(map.clone()), &scenario, 7, START).unwrap();
        let step_s = jxz_sim::STEP.as_secs_f64();
        for _ in 0..(SETTLE_S / step_s) as usize {
            simulation.step();
        }
        let site = map.sites.iter_mut().find(|s| s.id.0 == SITE).unwrap();
        let radius_m = nearest(&simulation, site.position, 0.0).1;
        site.sensors = cameras(site.position, radius_m / 100.0_f64.hypot(100.0));
        site.coverage_m = radius_m + 100.0;
        let (centre, junction) = (site.position, site.junction.clone());
        let mut sensors = Sensors::new(site.sensors.clone(), (radius_m, radius_m), 1).about(centre);
        let began = simulation.now().utc;
        let mut arrivals = Vec::new();
        let mut frame = 0_u32;
        let frame_s = 1.0 / (FRAME_RATE_HZ * CAMERAS as f64);
        while simulation.now().utc.seconds_since(began) < WARM_S + MEASURED_S {
            let from_s = simulation.now().utc.seconds_since(began);
            while f64::from(frame) * frame_s < from_s + step_s {
                let at_s = f64::from(frame) * frame_s;
                let (truth, _) = nearest(&simulation, centre, at_s - from_s);
                let scan = sensors.scan(frame as usize % CAMERAS, &truth, START.plus_seconds(at_s));
                let at = Duration::from_secs_f64(at_s);
                arrivals.push(Arrival { at, input: Input::Scan(scan), truth: Some(truth) });
                frame += 1;
            }
            for mut signals in simulation.step().signals.into_iter().filter(|s| Some(&s.junction) == junction.as_ref())
            {
                signals.valid_at = START.plus_seconds(from_s);
                let at = Duration::from_secs_f64(from_s);
                arrivals.push(Arrival { at, input: Input::Signals(signals), truth: None });
            }
        }
        arrivals.sort_by_key(|a| a.at);
        Self { map: Arc::new(map), arrivals, radius_m }
    }
}

/// How a run does its rounds of prediction, warning and messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rounds {
    /// One after each scan: the node waits a moment for others.
    AfterEachScan,
    /// At the node's usual period: what most scans say waits for the next.
    Usual,
}

#[derive(Default)]
struct Measured {
    /// From in the queue until the brain had done with it; rounds come later.
    scan_ms: Vec<f64>,
    /// From in the queue until the messages of the first round that knows it were out.
    out_ms: Vec<f64>,
    rounds: u64,
    frames: u64,
    warnings: u64,
    untold: u64,
    /// In the queue and in the brain: scans, detections, signal reports, outputs.
    dropped: u64,
    brain_cpu_s: f64,
    states: Vec<NodeState>,
    stages: Vec<StageLatency>,
}

/// The machine's own.
struct Watch(Clock);

impl Stopwatch for Watch {
    fn now_ns(&mut self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap()
    }
}

fn now(elapsed: Duration) -> Now {
    let ns = u64::try_from(elapsed.as_nanos()).unwrap();
    Now { mono: Instant::from_ns(ns), utc: START.plus_seconds(elapsed.as_secs_f64()) }
}

/// The cameras: each input at its time, into the queue; what finds no room is counted and gone.
fn play(load: &Load, clock: Clock, queue: &SyncSender<(Clock, usize, Input)>) -> usize {
    let mut dropped = 0;
    for (number, arrival) in load.arrivals.iter().enumerate() {
        let input = arrival.input.clone();
        std::thread::sleep(arrival.at.saturating_sub(clock.elapsed()));
        dropped += usize::from(queue.try_send((Clock::now(), number, input)).is_err());
    }
    dropped
}

/// The brain: takes what waits, wakes up when something is due, and hands out what it says.
struct Brain<'a> {
    load: &'a Load,
    edge: Edge,
    clock: Clock,
    /// Scans that no round has heard of yet: when they came.
    unheard: Vec<(Clock, bool)>,
    measured: Measured,
}

impl<'a> Brain<'a> {
    fn new(load: &'a Load, rounds: Rounds, clock: Clock) -> Self {
        // 900 road users and what clutter starts would come near the usual thousand.
        let fusion = FusionConfig { max_tracks: 2000, max_detections: 2000, ..FusionConfig::default() };
        let mut config = EdgeConfig { fusion, ..EdgeConfig::default() };
        if rounds == Rounds::AfterEachScan {
            // As long as from scan to scan.
            config.round_s = 1.0 / (FRAME_RATE_HZ * CAMERAS as f64);
        }
        let site = SiteId(SITE.to_owned());
        let watch = Box::new(Watch(clock));
        let edge = Edge::new(now(Duration::ZERO), load.map.clone(), &site, config, watch).unwrap();
        Self { load, edge, clock, unheard: Vec::new(), measured: Measured::default() }
    }

    fn run(mut self, queue: &Receiver<(Clock, usize, Input)>) -> Measured {
        let begun_ns = thread_ns();
        loop {
            match queue.recv_timeout(self.patience()) {
                Ok((came, number, input)) => self.take(came, number, input),
                Err(RecvTimeoutError::Timeout) => {
                    self.handle(Input::Timer);
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.measured.brain_cpu_s = (thread_ns() - begun_ns) / 1e9;
        for (cause, count) in self.edge.drops().iter() {
            // The message set has numbers for 255 road users of a unit: RSM and SSM tell the nearest to a conflict.
            match cause {
                DropCause::EncodeFailed => self.measured.untold += count,
                _ => self.measured.dropped += count,
            }
            if count > 0 && cause != DropCause::EncodeFailed {
                eprintln!("dropped in the brain: {} {count}", cause.name());
            }
        }
        self.measured.stages = self.edge.latencies().summary();
        self.measured
    }

    fn patience(&self) -> Duration {
        let due = self.edge.next_deadline().map_or(0, Instant::ns);
        Duration::from_nanos(due).saturating_sub(self.clock.elapsed())
    }

    fn take(&mut self, came: Clock, number: usize, input: Input) {
        let arrival = &self.load.arrivals[number];
        let is_measured = arrival.at.as_secs_f64() >= WARM_S;
        let is_scan = arrival.truth.is_some();
        if is_scan {
            self.unheard.push((came, is_measured));
        }
        let round = self.handle(input);
        if is_scan && is_measured && !round {
            self.measured.scan_ms.push(came.elapsed().as_secs_f64() * 1e3);
        }
    }

    /// Whether there was a round.
    fn handle(&mut self, input: Input) -> bool {
        self.edge.handle(now(self.clock.elapsed()), input);
        let mut round = false;
        while let Some(output) = self.edge.poll() {
            match output {
                Output::State(state) => {
                    round = true;
                    self.measured.rounds += 1;
                    if state.sequence.is_multiple_of(JUDGED) {
                        self.measured.states.push(state);
                    }
                }
                Output::Broadcast(_) => self.measured.frames += 1,
                Output::Record(record) if matches!(record.body, RecordBody::Warning(_)) => self.measured.warnings += 1,
                _ => {}
            }
        }
        if round {
            for (came, is_measured) in self.unheard.drain(..) {
                if is_measured {
                    self.measured.out_ms.push(came.elapsed().as_secs_f64() * 1e3);
                }
            }
        }
        round
    }
}

fn run(load: &Load, rounds: Rounds) -> Measured {
    let (sender, receiver) = sync_channel(QUEUE);
    let clock = Clock::now();
    let (mut measured, dropped) = std::thread::scope(|scope| {
        let brain = scope.spawn(move || Brain::new(load, rounds, clock).run(&receiver));
        let dropped = play(load, clock, &sender);
        drop(sender);
        (brain.join().unwrap(), dropped)
    });
    measured.dropped += dropped as u64;
    assert!(measured.warnings > 0, "a load without warnings measures nothing");
    measured
}

/// The states kept, against the truth of the scan nearest in time.
fn judge(load: &Load, states: &[NodeState]) -> Score {
    let scans: Vec<(f64, &Vec<Body>)> =
        load.arrivals.iter().filter_map(|a| Some((a.at.as_secs_f64(), a.truth.as_ref()?))).collect();
    let mut score = TrackingScore::default();
    for state in states {
        let at_s = state.valid_at.seconds_since(START);
        let next = scans.partition_point(|(t, _)| *t < at_s).clamp(1, scans.len() - 1);
        let (t_s, truth) = scans[next - 1];
        if at_s < WARM_S {
            continue;
        }
        let moved = |b: &Body| Moving { position: b.position + b.velocity * (at_s - t_s), velocity: b.velocity };
        let truth: Vec<Moving> = truth.iter().map(moved).collect();
        let told: Vec<Moving> = state.tracks.iter().map(Moving::from).collect();
        score.add(&truth, &told);
    }
    score.score()
}

fn json_of(measured: &Measured, score: &Score) -> Value {
    json!({
        "in_to_out_ms_p50": percentile(&measured.out_ms, 50),
        "in_to_out_ms_p99": percentile(&measured.out_ms, 99),
        "scan_alone_ms_p50": percentile(&measured.scan_ms, 50),
        "scan_alone_ms_p99": percentile(&measured.scan_ms, 99),
        "brain_cpu_share": measured.brain_cpu_s / (WARM_S + MEASURED_S),
        "scans": measured.out_ms.len(),
        "rounds": measured.rounds,
        "warnings": measured.warnings,
        "messages": measured.frames,
        "dropped": measured.dropped,
        "untold_in_rsm_and_ssm": measured.untold,
        "gospa_m": score.gospa_m,
    })
}

fn print_times(what: &str, ms: &[f64], budget_ms: Option<f64>) {
    let [p50, p99] = [50, 99].map(|p| percentile(ms, p));
    let verdict = budget_ms.map_or_else(String::new, |budget_ms| {
        let within = if p99 <= budget_ms { "within" } else { "BEYOND" };
        format!(" of {budget_ms:.0} ms, {:.2}x: {within} the budget", p99 / budget_ms)
    });
    if !ms.is_empty() {
        println!("  {what:<38} p50 {p50:>7.2} ms   p99 {p99:>7.2} ms{verdict}");
    }
}

fn print_run(name: &str, measured: &Measured, score: &Score, budget_ms: Option<f64>) {
    let Measured { rounds, warnings, frames, .. } = measured;
    println!("{name}: {rounds} rounds, {warnings} changes of warnings, {frames} messages");
    print_times("scan in to warnings out", &measured.out_ms, budget_ms);
    print_times("scan in to scan done, no round due", &measured.scan_ms, None);
    for stage in measured.stages.iter().filter(|s| s.stage != LatencyStage::Ingest) {
        let what = format!("inside: {:?} ({})", stage.stage, stage.count);
        println!("  {what:<38} p50 {:>7.2} ms   p99 {:>7.2} ms", stage.p50_ms, stage.p99_ms);
    }
    let share = measured.brain_cpu_s / (WARM_S + MEASURED_S) * 100.0;
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.2}"));
    println!(
        "  {} scans, {}; the brain's thread {share:.0} % busy; GOSPA {} m, missed {}, false {} of {OBJECTS}",
        measured.out_ms.len(),
        if measured.dropped == 0 { "nothing dropped".to_owned() } else { format!("{} DROPPED", measured.dropped) },
        number(score.gospa_m),
        number(score.missed),
        number(score.false_tracks),
    );
    let untold = measured.untold as f64 / (*rounds).max(1) as f64 / 2.0;
    println!(
        "  {untold:.0} road users a round not told in RSM and SSM, which have numbers for 255; warnings tell of all"
    );
}

fn main() {
    let load = Load::new();
    let measure = |rounds| {
        let measured = run(&load, rounds);
        let score = judge(&load, &measured.states);
        (measured, score)
    };
    let (each, usual) = (measure(Rounds::AfterEachScan), measure(Rounds::Usual));
    let dropped = each.0.dropped + usual.0.dropped;
    if std::env::args().any(|argument| argument == "--json") {
        let (each, usual) = (json_of(&each.0, &each.1), json_of(&usual.0, &usual.1));
        println!("{}", json!({"scenescape": {"round_after_each_scan": each, "round_every_100_ms": usual}}));
    } else {
        print_all(&load, &each, &usual);
    }
    assert_eq!(dropped, 0, "nothing may be dropped under this load");
}

type Judged = (Measured, Score);

fn print_all(load: &Load, each: &Judged, usual: &Judged) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "The load that Intel SceneScape publishes: {CAMERAS} cameras x {FRAME_RATE_HZ} frames/s x {OBJECTS} road users,"
    );
    println!(
        "in real time for {MEASURED_S} s after {WARM_S} s, through a node's brain; two threads, {cores} cores here."
    );
    println!("SceneScape's own figures, on 16 cores: p50 {} ms, p99 {} ms.", SCENESCAPE_MS.0, SCENESCAPE_MS.1);
    println!(
        "The road users are the {OBJECTS} nearest to one site: within {:.0} m. Tracks and detections may be",
        load.radius_m
    );
    println!("2,000 here instead of the usual 1,000.\n");
    print_run("a round after each scan", &each.0, &each.1, Some(BUDGET_MS));
    print_run("a round every 100 ms, as is usual: what a scan says waits for it", &usual.0, &usual.1, None);
}
