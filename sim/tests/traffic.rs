//! Traffic on the real map: it flows, and nobody who keeps the rules runs into anybody.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::{island, overlap_m};
use jxz_sim::{RoadUserKind, Scenario, Simulation, TruthObject};
use jxz_units::Utc;

fn start() -> Utc {
    Utc::from_unix_ms(1_786_270_272_000)
}

/// Pairs of law-abiding road users whose outlines overlap by more than 10 cm, each once, with where and when.
fn collisions(scenario: &Scenario, seed: u64, minutes: u32) -> Vec<String> {
    let mut simulation = Simulation::new(island(), scenario, seed, start()).unwrap();
    let mut met = std::collections::BTreeMap::new();
    for step in 0..minutes * 60 * 20 {
        simulation.step();
        if step % 4 != 0 {
            continue;
        }
        let truth = simulation.truth();
        for (k, a) in truth.iter().enumerate() {
            for b in &truth[k + 1..] {
                let on_foot = |o: &TruthObject| o.kind == RoadUserKind::Pedestrian;
                if (a.position - b.position).norm() > 12.0 || (on_foot(a) && on_foot(b)) || a.scripted || b.scripted {
                    continue;
                }
                let depth = overlap_m(a, b);
                if depth > 0.1 {
                    met.entry((a.id, b.id)).or_insert_with(|| {
                        format!(
                            "{:.1} s: {:?} {} and {:?} {} overlap {depth:.2} m at {:.1}, {:.1}; speeds {:.1} {:.1}",
                            f64::from(step) * 0.05,
                            a.kind,
                            a.id,
                            b.kind,
                            b.id,
                            a.position.x,
                            a.position.y,
                            a.velocity.norm(),
                            b.velocity.norm()
                        )
                    });
                }
            }
        }
    }
    met.into_values().collect()
}

#[test]
fn nobody_who_keeps_the_rules_runs_into_anybody() {
    for seed in [1, 2] {
        let met = collisions(&Scenario::default(), seed, 5);
        assert!(met.is_empty(), "seed {seed}: {} pairs\n{}", met.len(), met.join("\n"));
    }
}

#[test]
fn traffic_flows_for_twelve_minutes() {
    let mut simulation = Simulation::new(island(), &Scenario::default(), 3, start()).unwrap();
    let mut moved = Vec::new();
    for minute in 0..12 {
        let (mut metres, mut seconds, mut numbers) = (0.0, 0.0, [0; 6]);
        for _ in 0..60 * 20 {
            simulation.step();
            for object in simulation.truth().iter().filter(|o| o.kind == RoadUserKind::Car) {
                metres += object.velocity.norm() * 0.05;
                seconds += 0.05;
            }
        }
        for object in simulation.truth() {
            numbers[object.kind as usize] += 1;
        }
        println!("minute {minute}: mean {:.2} m/s, {numbers:?}", metres / seconds);
        moved.push(metres / seconds);
    }
    assert_eq!(simulation.removed_stuck(), 0);
    assert!(moved.iter().all(|mps| *mps > 3.0), "mean speeds by minute: {moved:?}");
}
