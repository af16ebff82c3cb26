//! What fusing a frame costs, by how many road users are in view: a table with the budget beside it, or `--json`.
//!
//! A frame is a scan of each of four sensors and the tracks asked for once. Thirty and a hundred road users are on one
//! crossing of 200 m by 200 m; three hundred and a thousand on a bigger site, a grid of crossings as crowded as the one
//! with a hundred, because a thousand do not fit on one.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench of our own scenes, which speaks by printing")]

use jxz_benches::measure::{percentile, thread_ns};
use jxz_benches::scene::{Body, Grid, SCAN_STEP_S, Sensors, Traffic};
use jxz_fusion::metrics::{Identity, IdentityScore, Moving, Score, TrackingScore};
use jxz_fusion::{FusionConfig, FusionMode, Tracker};
use jxz_units::Utc;
use jxz_world::{Scan, SensorSpec, Track};
use serde_json::{Map, Value, json};
use std::hint::black_box;

/// Road users, and the median that a frame may take, milliseconds; the 99th percentile may be twice that.
const BUDGETS: [(usize, f64); 4] = [(30, 0.1), (100, 0.35), (300, 1.2), (1000, 5.0)];
const WARM_FRAMES: usize = 40;
const FRAMES: usize = 400;
const SENSORS: usize = 4;
/// Each scene is run so often, and a frame's time is the median: the frames differ, the machine's moods do not count.
const RUNS: usize = 3;
const SEED: u64 = 1;
const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

/// What fusion can be set to; the first is the one that the budgets are for.
fn modes() -> Vec<(&'static str, FusionConfig)> {
    let of = |mode| FusionConfig { mode, ..FusionConfig::default() };
    vec![("pmb", of(FusionMode::Pmb)), ("gnn", of(FusionMode::Gnn))]
}

struct Frame {
    scans: Vec<Scan>,
    at: Utc,
    truth: Vec<Body>,
}

struct Scene {
    grid: Grid,
    sensors: Vec<SensorSpec>,
    frames: Vec<Frame>,
}

impl Scene {
    fn of(users: usize) -> Self {
        let grid = Grid::for_users(users);
        let mut traffic = Traffic::new(grid, users, SEED);
        let mut sensors = Sensors::four(grid, SEED);
        let mut now = START;
        let mut frame = || {
            let mut scans = Vec::with_capacity(SENSORS);
            let mut truth = Vec::new();
            for sensor in 0..SENSORS {
                traffic.step(SCAN_STEP_S);
                now = now.plus_seconds(SCAN_STEP_S);
                truth = traffic.bodies().collect();
                scans.push(sensors.scan(sensor, &truth, now));
            }
            assert_eq!(truth.len(), users);
            Frame { scans, at: now, truth }
        };
        let frames = (0..WARM_FRAMES + FRAMES).map(|_| frame()).collect();
        Self { grid, sensors: sensors.specs().to_vec(), frames }
    }
}

/// What one mode did on one scene.
struct Measured {
    mode: &'static str,
    p50_ms: f64,
    p99_ms: f64,
    score: Score,
    identity: IdentityScore,
}

fn run(scene: &Scene, config: &FusionConfig, mut each: impl FnMut(usize, f64, &Frame, &[Track])) {
    let mut tracker = Tracker::new(scene.sensors.clone(), config.clone()).unwrap();
    for (number, frame) in scene.frames.iter().enumerate() {
        let begun = thread_ns();
        for scan in &frame.scans {
            let outcome = black_box(tracker.handle_scan(black_box(scan)).unwrap());
            assert_eq!(outcome.over_limit + outcome.births_refused + outcome.unusable, 0, "{outcome:?}");
        }
        let tracks = black_box(tracker.tracks_at(frame.at));
        let ns = thread_ns() - begun;
        if number >= WARM_FRAMES {
            each(number - WARM_FRAMES, ns / 1e6, frame, &tracks);
        }
    }
}

fn measure(scene: &Scene, mode: &'static str, config: &FusionConfig) -> Measured {
    // Whatever the number in view, the same limits: with the usual thousand, a thousand and clutter would not fit.
    let config =
        FusionConfig { bounds: Some(scene.grid.bounds()), max_tracks: 4000, max_detections: 4000, ..config.clone() };
    let mut times_ms = vec![Vec::new(); FRAMES];
    let (mut score, mut identity) = (TrackingScore::default(), Identity::default());
    for turn in 0..RUNS {
        run(scene, &config, |number, ms, frame, tracks| {
            times_ms[number].push(ms);
            if turn == 0 {
                let truth: Vec<Moving> = frame.truth.iter().map(Moving::from).collect();
                let told: Vec<Moving> = tracks.iter().map(Moving::from).collect();
                score.add(&truth, &told);
                let truth: Vec<_> = frame.truth.iter().map(|b| (b.id, b.position)).collect();
                let told: Vec<_> = tracks.iter().map(|t| (t.id, t.position)).collect();
                identity.add(&truth, &told);
            }
        });
    }
    let frames_ms: Vec<f64> = times_ms.iter().map(|runs| percentile(runs, 50)).collect();
    let (p50_ms, p99_ms) = (percentile(&frames_ms, 50), percentile(&frames_ms, 99));
    Measured { mode, p50_ms, p99_ms, score: score.score(), identity: identity.score() }
}

fn verdict(measured: f64, budget: f64) -> String {
    let within = if measured <= budget { "within" } else { "BEYOND" };
    format!("{measured:>7.3} of {budget:<6.3}{:>5.2}x {within}", measured / budget)
}

fn print_header() {
    println!("Fusing a frame: four scans (two radars, two cameras, 20 Hz each) and the tracks asked for once.");
    println!(
        "ms of this thread's CPU time over {FRAMES} frames (20 s, after 2 s of warm-up), each the median of {RUNS}"
    );
    println!("runs of the same scene, with the budget and the ratio to it; GOSPA (c 5 m, p 2) over the same frames.\n");
    println!(
        "{:>5}  {:<16}{:>10}  {:<8}{:<31}{:<31}{:>8}{:>8}{:>8}{:>9}",
        "users",
        "site",
        "per ha",
        "mode",
        "p50",
        "p99 (budget: twice that p50)",
        "GOSPA m",
        "missed",
        "false",
        "switches"
    );
}

fn print_row(users: usize, budget_ms: f64, grid: Grid, row: &Measured) {
    let (width_m, height_m) = grid.size_m();
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"));
    println!(
        "{users:>5}  {:<16}{:>10.1}  {:<8}{:<31}{:<31}{:>8}{:>8}{:>8}{:>9}",
        format!("{width_m:.0} m x {height_m:.0} m"),
        users as f64 / (width_m * height_m / 1e4),
        row.mode,
        verdict(row.p50_ms, budget_ms),
        verdict(row.p99_ms, 2.0 * row.p50_ms),
        number(row.score.gospa_m),
        number(row.score.missed),
        number(row.score.false_tracks),
        row.identity.switches,
    );
}

/// The first mode's figures at the top, the others' under their names.
fn json_row(rows: &[Measured]) -> Value {
    let figures = |row: &Measured| {
        json!({
            "mode": row.mode,
            "cpu_ms_per_frame_p50": row.p50_ms,
            "cpu_ms_per_frame_p99": row.p99_ms,
            "p99": row.p99_ms,
            "gospa_m": row.score.gospa_m,
            "id_switches": row.identity.switches,
        })
    };
    let mut out = figures(&rows[0]);
    for other in &rows[1..] {
        out[other.mode] = figures(other);
    }
    out
}

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    if !json {
        print_header();
    }
    let mut out = Map::new();
    for (users, budget_ms) in BUDGETS {
        let scene = Scene::of(users);
        let rows: Vec<Measured> = modes().iter().map(|(mode, config)| measure(&scene, mode, config)).collect();
        if json {
            out.insert(users.to_string(), json_row(&rows));
        } else {
            rows.iter().for_each(|row| print_row(users, budget_ms, scene.grid, row));
        }
    }
    if json {
        println!("{}", Value::Object(out));
    } else {
        println!(
            "\nThe bigger sites are grids of crossings with a hundred road users each. Their four sensors see all of"
        );
        println!("the site: their angles, and the cameras' ranges, are finer by as much as the site is longer.");
    }
}
