//! Ours of the comparison with SUMO (`benches/peers/sumo`): writes the networks for `netconvert` into `--out`, runs our
//! traffic on the same maps, and prints one JSON object: how a queue leaves, flow by density, and how drivers drive.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench of our own map; what it prints is its result")]

use jxz_benches::grid::town;
use jxz_exchange::sumo_files;
use jxz_map::Map;
use jxz_sim::{DriverPlan, FlowTrial, QueueTrial};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SEED: u64 = 11;
const PLACES: usize = 20;
const GREENS: usize = 240;
/// Demand, vehicles an hour, and the limit behind the stretch, metres per second: first free traffic, then held up.
const FLOWS: [(f64, f64); 13] = [
    (300.0, 13.9),
    (600.0, 13.9),
    (900.0, 13.9),
    (1_200.0, 13.9),
    (1_500.0, 13.9),
    (1_700.0, 13.9),
    (2_600.0, 13.9),
    (2_600.0, 8.0),
    (2_600.0, 6.0),
    (2_600.0, 4.0),
    (2_600.0, 3.0),
    (2_600.0, 2.0),
    (2_600.0, 1.0),
];
const WATCHED_S: u32 = 600;
/// Crossings along each side of the town of 1,000 vehicles, as in the bench `sim`.
const SIDE: usize = 7;

/// Everyone as the middle of the ranges.
fn alike(plan: DriverPlan) -> DriverPlan {
    let middle = |(from, to): (f64, f64)| ((from + to) / 2.0, (from + to) / 2.0);
    DriverPlan {
        speed_factor: middle(plan.speed_factor),
        headway_s: middle(plan.headway_s),
        standstill_m: middle(plan.standstill_m),
        accelerate_mps2: middle(plan.accelerate_mps2),
        brake_mps2: middle(plan.brake_mps2),
        start_s: middle(plan.start_s),
        wander: (0.0, 0.0),
    }
}

fn queue(map: &Arc<Map>, drivers: DriverPlan) -> Value {
    let discharge = QueueTrial { drivers, places: PLACES, greens: GREENS, seed: SEED }.run(map).unwrap();
    json!({"headways_s": discharge.headways_s, "drivers": drivers})
}

fn write(map: &Map, out: &Path, name: &str) {
    let files = sumo_files(map, name);
    let parts = [
        ("nod.xml", files.nodes),
        ("edg.xml", files.edges),
        ("con.xml", files.connections),
        ("tll.xml", files.signals),
        ("netccfg", files.configuration),
    ];
    for (ending, text) in parts {
        std::fs::write(out.join(format!("{name}.{ending}")), text).unwrap();
    }
}

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--out");
    let Some(out) = arguments.nth(1).map(PathBuf::from) else {
        println!("nothing to do: `cargo xtask bench sim --peers` runs this with --out FOLDER");
        return;
    };
    std::fs::create_dir_all(&out).unwrap();
    let straight = Arc::new(Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/straight")).unwrap());
    write(&straight, &out, "straight");
    let folder = out.join("town-map");
    std::fs::create_dir_all(&folder).unwrap();
    write(&town(SIDE, &folder).unwrap(), &out, "town");
    let drivers = DriverPlan::default();
    let flow = FLOWS.map(|(per_h, exit_mps)| {
        let trial = FlowTrial { drivers, per_h, exit_mps, watched_s: WATCHED_S, seed: SEED };
        let name = format!("flow-{per_h:.0}-{exit_mps:.1}");
        write(&trial.road(&straight), &out, &name);
        let point = trial.run(&straight).unwrap();
        json!({"name": name, "per_h": per_h, "exit_mps": exit_mps, "density_per_km": point.density_per_km,
            "flow_per_h": point.flow_per_h, "speed_kmh": point.speed_kmh})
    });
    let result = json!({
        "places": PLACES, "greens": GREENS, "settle_s": FlowTrial::SETTLE_S, "watched_s": WATCHED_S,
        "stretch_m": [FlowTrial::STRETCH_M.0, FlowTrial::STRETCH_M.1],
        "usual": queue(&straight, drivers), "alike": queue(&straight, alike(drivers)), "flow": flow,
    });
    println!("{result}");
}
