//! What simulated traffic costs, and how much faster than real time the whole island runs: a table with the budget
//! beside it, or `--json`.
//!
//! Traffic alone is on a town of crossings with signals, as big as the number of vehicles asks for. The island is the
//! real one with twelve sites, all of whose sensors look twenty times a second, 1,000 vehicles and 300 others, nodes,
//! cloud and both radio channels; its nodes play on two threads.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench of our own map; what it prints is its result")]

use jxz_benches::grid::town;
use jxz_benches::measure::{process_ns, thread_ns};
use jxz_benches::threads::Threads;
use jxz_map::Map;
use jxz_sim::{Scenario, Simulation, VirtualIsland};
use jxz_units::Utc;
use serde_json::{Map as Object, Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const START: Utc = Utc::from_unix_ms(1_786_270_272_000);
const SEED: u64 = 7;
/// Vehicles, and crossings along each side of their town.
const TRAFFIC: [(u32, usize); 2] = [(1_000, 7), (10_000, 21)];
/// Vehicle updates a core-second at 1,000, and how much dearer one may be at 10,000.
const UPDATES_BUDGET: f64 = 2e6;
const DEARER_BUDGET: f64 = 1.5;
/// Traffic spreads over the town for so many steps first; then so many vehicle updates are timed.
const WARM_STEPS: usize = 1_200;
const UPDATES: usize = 4_000_000;
const ISLAND_BUDGET: f64 = 10.0;
const SITES: usize = 12;
const ISLAND_S: f64 = 60.0;
const THREADS: usize = 2;

fn traffic(vehicles: u32, side: usize) -> f64 {
    let mut scenario = Scenario::default();
    let plan = &mut scenario.traffic;
    (plan.vehicles, plan.cyclists, plan.pedestrians, plan.buses_per_line) = (vehicles, 0, 0, 0);
    scenario.on_board.share = 0.0;
    let folder = std::env::temp_dir().join(format!("jxz-town-{side}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let map = Arc::new(town(side, &folder).unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
    let mut simulation = Simulation::new(map, &scenario, SEED, START).unwrap();
    for _ in 0..WARM_STEPS {
        simulation.step();
    }
    let (begun, mut updates) = (thread_ns(), 0);
    while updates < UPDATES {
        simulation.step();
        updates += simulation.truth().len();
    }
    updates as f64 / ((thread_ns() - begun) * 1e-9)
}

/// How many times faster than real time, and how much processor time a simulated second takes, seconds.
fn island() -> (f64, f64) {
    let mut map = Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island")).unwrap();
    map.sites.truncate(SITES);
    for sensor in map.sites.iter_mut().flat_map(|site| &mut site.sensors) {
        sensor.period_s = 0.05;
    }
    let mut scenario = Scenario::default();
    let plan = &mut scenario.traffic;
    (plan.vehicles, plan.cyclists, plan.pedestrians) = (1_000, 150, 150);
    let island = VirtualIsland::new(Arc::new(map), &scenario, SEED, START).unwrap();
    let mut island = island.executed_by(Arc::new(Threads::new(THREADS).unwrap()));
    let (begun, begun_ns) = (Instant::now(), process_ns());
    while island.seconds() < ISLAND_S {
        island.step().unwrap();
    }
    let core_s = (process_ns() - begun_ns) * 1e-9;
    (island.seconds() / begun.elapsed().as_secs_f64(), core_s / island.seconds())
}

fn verdict(within: bool) -> &'static str {
    if within { "within" } else { "BEYOND" }
}

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let rates = TRAFFIC.map(|(vehicles, side)| (vehicles, traffic(vehicles, side)));
    let (times, core_s) = island();
    if json {
        let rates: Object<String, Value> = rates.iter().map(|(n, rate)| (n.to_string(), json!(rate))).collect();
        let figures = json!({
            "traffic_updates_per_core_second": rates,
            "island_times_real_time": times,
            "island_core_seconds_per_second": core_s,
        });
        println!("{figures}");
        return;
    }
    println!("Traffic alone: vehicle updates a core-second, steps of 50 ms.");
    for (vehicles, rate) in rates {
        let ratio = rate / UPDATES_BUDGET;
        println!(
            "{vehicles:>7} vehicles  {rate:>12.0}  {ratio:>5.2}x of {UPDATES_BUDGET:.0} {}",
            verdict(ratio >= 1.0)
        );
    }
    let dearer = rates[0].1 / rates[1].1;
    println!(
        "one at 10,000 costs {dearer:.2}x of one at 1,000, budget {DEARER_BUDGET} {}",
        verdict(dearer <= DEARER_BUDGET)
    );
    println!(
        "The island, {SITES} sites, {THREADS} threads: {times:.1} times real time of {ISLAND_BUDGET} {}; a simulated second takes \
         {core_s:.3} s of processor time",
        verdict(times >= ISLAND_BUDGET)
    );
}
