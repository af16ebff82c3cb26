//! How long a round takes with a hundred road users. Printed, not judged: `cargo test --release -p jxz-hazard --test
//! pace -- --ignored --nocapture`.

mod common;

use common::*;
use jxz_hazard::HazardConfig;
use jxz_world::{RoadUserClass, Track};

/// Eighty cars on the four legs, ten cyclists, ten pedestrians. Either those from north and south stand at red, or all
/// drive into each other: the worst that can be.
fn busy(t: f64, worst: bool) -> Vec<Track> {
    let mut all: Vec<Track> = (0..80)
        .map(|i: u32| {
            let (leg, k, n) = (i % 4, (i / 4 % 2) as u8, f64::from(i / 8));
            let drives = worst || leg < 2;
            let along = if drives { -185.0 + 36.0 * n + 11.0 * (t % 3.0) } else { -19.0 - 8.0 * n };
            let speed = if drives { 11.0 } else { 0.0 };
            let (x, y, v) = match leg {
                0 => (along, -right_of(k), (11.0, 0.0)),
                1 => (-along, right_of(k), (-11.0, 0.0)),
                2 => (right_of(k), along, (0.0, speed)),
                _ => (-right_of(k), -along, (0.0, -speed)),
            };
            car(u64::from(i), t, (x, y), v)
        })
        .collect();
    for i in 0..10_u32 {
        let s = f64::from(i);
        all.push(user(100 + u64::from(i), RoadUserClass::NonMotor, t, (-60.0 + 12.0 * s, -7.0), (4.0, 0.5)));
        all.push(walker(200 + u64::from(i), t, (30.0 + 3.0 * s, -8.0 + 1.2 * (t % 3.0)), (0.0, 1.2)));
    }
    all
}

/// Processor time of this thread, nanoseconds: wall time on a shared machine would measure the neighbours.
fn cpu_ns() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0.0)
}

#[test]
#[ignore = "a measurement, not a check"]
fn a_round_with_a_hundred_road_users() {
    for worst in [false, true] {
        let mut hazards = hazards(HazardConfig::default());
        let scenes: Vec<_> =
            (0..600).map(|i| f64::from(i) * 0.1).map(|t| (t, busy(t, worst), signals(t, EAST_WEST))).collect();
        let start = cpu_ns();
        for (t, tracks, lights) in &scenes {
            std::hint::black_box(hazards.assess(at(*t), tracks, Some(lights)));
        }
        let mean_us = (cpu_ns() - start) / 600.0 / 1e3;
        let alive = hazards.alive().count();
        println!("100 tracks, worst {worst}: {mean_us:.0} us of processor time a round on average, {alive} alive");
    }
}
