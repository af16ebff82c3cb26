//! What simulated traffic costs, and the whole island.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench of our own map; what it prints is its result")]

use jxz_benches::grid::town;
use jxz_benches::measure::thread_ns;
use jxz_map::Map;
use jxz_sim::{Scenario, Simulation, VirtualIsland};
use jxz_units::Utc;
use std::path::Path;
use std::sync::Arc;

const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

fn scenario(vehicles: u32) -> Scenario {
    let mut scenario = Scenario::default();
    scenario.traffic.vehicles = vehicles;
    scenario.traffic.cyclists = 0;
    scenario.traffic.pedestrians = 0;
    scenario.traffic.buses_per_line = 0;
    scenario.on_board.share = 0.0;
    scenario
}

fn traffic(vehicles: u32, side: usize) -> f64 {
    let dir = std::env::temp_dir().join(format!("jxz-grid-{side}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let map = Arc::new(town(side, &dir).unwrap());
    std::fs::remove_dir_all(&dir).unwrap();
    let mut simulation = Simulation::new(map, &scenario(vehicles), 7, START).unwrap();
    for _ in 0..20 * 60 {
        simulation.step();
    }
    let (begun, mut updates) = (thread_ns(), 0);
    for _ in 0..(20_000_000 / vehicles as usize / 10) {
        simulation.step();
        updates += simulation.truth().len();
    }
    let s = (thread_ns() - begun) * 1e-9;
    let moving: f64 = simulation.truth().iter().map(|o| o.velocity.norm()).sum::<f64>() / simulation.truth().len() as f64;
    println!("{vehicles} asked, {} there, mean {moving:.2} m/s, {:.0}/core-s", simulation.truth().len(), updates as f64 / s);
    updates as f64 / s
}

fn process_s() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 * 1e-9
}

fn main() {
    let which = std::env::args().nth(1).unwrap_or_default();
    if which != "island" {
        if which != "ten" { traffic(1000, 7); }
        if which != "one" { traffic(10_000, 21); }
    }
    if which != "traffic" && which != "one" && which != "ten" {
        let mut map = Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island")).unwrap();
        map.sites.truncate(12);
        for site in &mut map.sites {
            for sensor in &mut site.sensors {
                sensor.period_s = 0.05;
            }
        }
        let mut scenario = Scenario::default();
        scenario.traffic.vehicles = 1000;
        scenario.traffic.cyclists = 150;
        scenario.traffic.pedestrians = 150;
        let threads = std::env::args().nth(3).and_then(|a| a.parse().ok()).unwrap_or(2);
        let mut island = VirtualIsland::new(Arc::new(map), &scenario, 7, START).unwrap().executed_by(Arc::new(jxz_benches::threads::Threads(threads)));
        let t = std::time::Instant::now();
        while island.seconds() < std::env::args().nth(2).and_then(|a| a.parse().ok()).unwrap_or(60.0) {
            island.step().unwrap();
            if (island.seconds() % 10.0) < 0.049 {
            println!("{} s, {} users, cpu {:.2} s wall {:.2}", island.seconds(), island.simulation().truth().len(), process_s(), t.elapsed().as_secs_f64());
            }
        }
        println!("{:?}", island.report());
    }
}
