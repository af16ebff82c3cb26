//! A queue at a signal leaves as queues do on the road, and as SUMO's does.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a helper of a test may panic; figures are for the reader"
)]

use jxz_map::Map;
use jxz_sim::{Discharge, DriverPlan, QueueTrial};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

/// Published for one lane of cars at a signal, vehicles an hour (Highway Capacity Manual and others).
const PUBLISHED_PER_H: (f64, f64) = (1_800.0, 2_000.0);
/// What the first four lose: 1 to 2.5 s in surveys, 2 s in the manual.
const PUBLISHED_LOSS_S: (f64, f64) = (1.0, 2.5);
const PLACES: usize = 20;

fn straight() -> Arc<Map> {
    Arc::new(Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/straight")).unwrap())
}

/// Everyone as the middle of the default ranges.
fn alike() -> DriverPlan {
    let plan = DriverPlan::default();
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

fn leaves(drivers: DriverPlan) -> Discharge {
    let discharge = QueueTrial { drivers, places: PLACES, greens: 240, seed: 11 }.run(&straight()).unwrap();
    let text: Vec<String> = discharge.headways_s.iter().map(|headway_s| format!("{headway_s:.2}")).collect();
    println!(
        "{:.0} an hour, {:.2} s lost at the start, headways {}",
        discharge.saturation_flow_per_h(),
        discharge.start_up_loss_s(),
        text.join(" ")
    );
    discharge
}

#[test]
fn a_queue_of_the_usual_drivers_leaves_as_published() {
    let discharge = leaves(DriverPlan::default());
    let flow_per_h = discharge.saturation_flow_per_h();
    assert!(flow_per_h > PUBLISHED_PER_H.0 && flow_per_h < PUBLISHED_PER_H.1, "saturation flow {flow_per_h:.0}");
    let loss_s = discharge.start_up_loss_s();
    assert!(loss_s > PUBLISHED_LOSS_S.0 && loss_s < PUBLISHED_LOSS_S.1, "start-up loss {loss_s:.2} s");
    // The second's takes longest, since the first one stands at the line, and from there on headways fall.
    let [_, second, third, fourth, ..] = discharge.headways_s[..] else { panic!("too few places") };
    assert!(second > third && third > fourth && fourth > discharge.saturation_headway_s());
}

/// What SUMO does on the same road with the same drivers; `cargo xtask bench sim --peers` writes it.
#[derive(Debug, Deserialize)]
struct Sumo {
    sumo: String,
    usual: SumoQueue,
    alike: SumoQueue,
}

#[derive(Debug, Deserialize)]
struct SumoQueue {
    drivers: DriverPlan,
    saturation_flow_per_h: f64,
    start_up_loss_s: f64,
    discharge_s: f64,
}

#[test]
fn a_queue_leaves_as_sumos_does() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sumo-queue.json");
    let sumo: Sumo = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    for (name, drivers, theirs) in [("usual", DriverPlan::default(), &sumo.usual), ("alike", alike(), &sumo.alike)] {
        assert_eq!(drivers, theirs.drivers, "{name}: the figures are of other drivers; run the peers' bench again");
        let ours = leaves(drivers);
        for (what, ours, theirs) in [
            ("saturation flow", ours.saturation_flow_per_h(), theirs.saturation_flow_per_h),
            ("start-up loss", ours.start_up_loss_s(), theirs.start_up_loss_s),
            ("discharge", ours.discharge_s(), theirs.discharge_s),
        ] {
            let ratio = ours / theirs;
            println!("{name}: {what} {ours:.2}, {} {theirs:.2}, ratio {ratio:.3}", sumo.sumo);
            assert!((0.9..1.1).contains(&ratio), "{name}: {what} is {ours:.2}, SUMO's {theirs:.2}");
        }
    }
}

#[test]
fn slower_drivers_leave_with_longer_headways() {
    let slow = leaves(DriverPlan { headway_s: (1.6, 1.6), ..alike() });
    assert!(slow.saturation_flow_per_h() < PUBLISHED_PER_H.0, "{:.0}", slow.saturation_flow_per_h());
}
