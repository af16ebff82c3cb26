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

/// Everyone's greatest walking speed in three minutes, metres per second, by the way that was really made.
fn walking_speeds(group_share: f64) -> Vec<f64> {
    let mut scenario = Scenario::default();
    (scenario.traffic.vehicles, scenario.traffic.cyclists, scenario.traffic.buses_per_line) = (0, 0, 0);
    (scenario.traffic.pedestrians, scenario.traffic.group_share) = (1_000, group_share);
    let mut simulation = Simulation::new(island(), &scenario, 4, start()).unwrap();
    let (mut speeds, mut before) = (std::collections::BTreeMap::new(), std::collections::BTreeMap::new());
    for _ in 0..3 * 60 * 20 {
        simulation.step();
        for walker in simulation.truth() {
            // Who turned a corner in the step made less way.
            if let Some(from) = before.insert(walker.id, walker.position) {
                let most = speeds.entry(walker.id).or_insert(0.0_f64);
                *most = most.max((walker.position - from).norm() / 0.05);
            }
        }
    }
    speeds.into_values().filter(|mps| *mps > 0.1).collect()
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt())
}

/// Weidmann (1993): free walking speeds are normal, 1.34 m/s on the mean with a standard deviation of 0.26 m/s.
#[test]
fn people_walk_as_fast_as_published() {
    const MEAN_MPS: f64 = 1.34;
    const DEVIATION_MPS: f64 = 0.26;
    let speeds = walking_speeds(0.0);
    let (mean_mps, deviation_mps) = mean_and_deviation(&speeds);
    println!("{} people alone: {mean_mps:.3} m/s, deviation {deviation_mps:.3}", speeds.len());
    assert!(speeds.len() >= 1_000, "too few walked: {}", speeds.len());
    // Three standard errors of the mean; of the deviation a tenth, since the far tails are cut off.
    let error_mps = 3.0 * DEVIATION_MPS / (speeds.len() as f64).sqrt();
    assert!((mean_mps - MEAN_MPS).abs() < error_mps, "mean {mean_mps:.3}");
    assert!((deviation_mps / DEVIATION_MPS - 1.0).abs() < 0.1, "deviation {deviation_mps:.3}");
}

/// Moussaïd and others (2010, figure 2): each companion slows a group down by 0.04 to 0.08 m/s.
#[test]
fn groups_walk_slower() {
    let (alone_mps, _) = mean_and_deviation(&walking_speeds(0.0));
    let (grouped_mps, _) = mean_and_deviation(&walking_speeds(1.0));
    println!("alone {alone_mps:.3} m/s, in groups of two to four {grouped_mps:.3} m/s");
    // One to three companions, 2.2 on the mean.
    assert!((0.04..0.18).contains(&(alone_mps - grouped_mps)), "{alone_mps:.3} and {grouped_mps:.3}");
}

#[test]
fn demand_from_a_road_that_is_not_there_is_refused_with_those_that_are() {
    let line = "[[traffic.demand]]\nfrom_h = 0\nto_h = 24\nper_h = 60\n";
    let refused = Scenario::from_toml(&format!("{line}from = \"no such road\"\n")).unwrap();
    let message = Simulation::new(island(), &refused, 1, start()).unwrap_err().to_string();
    assert!(message.contains("no such road") && message.contains("jiajiang-bridge-east-01"), "{message}");
}

#[test]
fn trips_go_from_the_road_they_are_given_to_the_one_they_are_given() {
    let text = "[[traffic.demand]]\nfrom_h = 0\nto_h = 24\nper_h = 400\nfrom = \"approach\"\nto = \"exit\"\n\
        [traffic]\nvehicles = 0\ncyclists = 0\npedestrians = 0\n";
    let text = text.split_once("[traffic]").map(|(demand, traffic)| format!("[traffic]{traffic}{demand}")).unwrap();
    let map = jxz_map::Map::load(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/straight")).unwrap();
    let scenario = Scenario::from_toml(&text).unwrap();
    let mut simulation = Simulation::new(std::sync::Arc::new(map), &scenario, 1, start()).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..15 * 60 * 20 {
        simulation.step();
        seen.extend(simulation.truth().iter().map(|object| object.id));
    }
    // A hundred are expected, ten of them the standard deviation.
    assert!((70..130).contains(&seen.len()), "{} came", seen.len());
    assert_eq!(simulation.turned_away(), 0);
    assert!(simulation.truth().len() < 40, "they leave: {} are there", simulation.truth().len());
}
