//! How long a round takes with a hundred and with three hundred road users. Printed, not judged: `cargo test --release -p jxz-hazard --test
//! pace -- --ignored --nocapture`.

mod common;

use common::*;
use jxz_hazard::{HazardConfig, Round};
use jxz_world::{RoadUserClass, Track};

/// For each hundred eighty cars on the four legs, ten cyclists, ten pedestrians. Either those from north and south stand at red, or all
/// drive into each other: the worst that can be.
fn busy(t: f64, worst: bool, hundreds: u32) -> Vec<Track> {
    let apart_m = 36.0 / f64::from(hundreds);
    let mut all: Vec<Track> = (0..80 * hundreds)
        .map(|i: u32| {
            let (leg, k, n) = (i % 4, (i / 4 % 2) as u8, f64::from(i / 8));
            let drives = worst || leg < 2;
            let along =
                if drives { -185.0 + apart_m * n + 11.0 * (t % 3.0) } else { -19.0 - 8.0 * n / f64::from(hundreds) };
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
    for i in 0..10 * hundreds {
        let s = f64::from(i) / f64::from(hundreds);
        all.push(user(1000 + u64::from(i), RoadUserClass::NonMotor, t, (-60.0 + 12.0 * s, -7.0), (4.0, 0.5)));
        all.push(walker(2000 + u64::from(i), t, (30.0 + 3.0 * s, -8.0 + 1.2 * (t % 3.0)), (0.0, 1.2)));
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
fn a_round_with_a_hundred_and_with_three_hundred_road_users() {
    for (hundreds, budget_us) in [(1, 500.0), (3, 2000.0)] {
        for worst in [false, true] {
            let mut hazards = hazards(HazardConfig::default());
            // The kernel counts in steps of milliseconds: blocks of rounds, not single ones.
            let mut blocks_us: Vec<f64> = (0..12)
                .map(|block| {
                    let times = (0..50).map(|i| f64::from(block * 50 + i) * 0.1);
                    let scenes: Vec<_> = times.map(|t| (t, busy(t, worst, hundreds), signals(t, EAST_WEST))).collect();
                    let start = cpu_ns();
                    for (t, tracks, lights) in &scenes {
                        std::hint::black_box(hazards.assess(&Round::of_tracks(at(*t), tracks, Some(lights))));
                    }
                    (cpu_ns() - start) / 50.0 / 1e3
                })
                .collect();
            blocks_us.sort_by(f64::total_cmp);
            let (least, median, most, n) = (blocks_us[0], blocks_us[6], blocks_us[11], 100 * hundreds);
            let ratio = median / budget_us;
            println!(
                "{n} users, worst {worst}: a round takes {median:.0} us (blocks {least:.0} to {most:.0}); budget \
                 {budget_us} us, {ratio:.1} of it"
            );
        }
    }
}
