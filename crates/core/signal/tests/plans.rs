//! Fixed-time plans, against what a plan promises: the stages' own times, and the map's conflicts.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use jxz_map::{Control, CrossingControl, JunctionIx, Map, SignalPlan, Stage};
use jxz_signal::{Controller, Mode, state};
use jxz_units::Utc;
use jxz_world::{JunctionId, JunctionSignals, Light, PhaseId};
use std::path::Path;

fn island() -> Map {
    Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island")).unwrap()
}

fn light(signals: &JunctionSignals, phase: PhaseId) -> Light {
    signals.phases.iter().find(|s| s.phase == phase).unwrap().light
}

fn two_stage() -> SignalPlan {
    let stage = |green: &[u8], permissive: &[u8], green_s: f64| Stage {
        green: green.iter().copied().map(PhaseId).collect(),
        permissive: permissive.iter().copied().map(PhaseId).collect(),
        green_s,
        yellow_s: 3.0,
        all_red_s: 2.0,
    };
    SignalPlan { offset_s: 7.0, stages: vec![stage(&[1, 3], &[], 25.0), stage(&[2, 3, 4], &[4], 20.0)] }
}

#[test]
fn a_cycle_runs_as_it_is_written() {
    let (plan, junction) = (two_stage(), JunctionId("j".into()));
    let phases = [1, 2, 3, 4, 5].map(PhaseId);
    // The cycle takes 25 + 3 + 2 + 20 + 3 + 2 = 55 s and starts at 55 k + 7 s, so at 55 * 91 + 7 = 5012 s.
    let at = |second: f64| state(&plan, &junction, &phases, Utc::from_unix_s(5012.0 + second));
    use Light::{Green as G, PermissiveGreen as P, Red as R, Yellow as Y};
    for (second, expected) in [
        (-0.1, [R, R, G, R, R]),
        (0.0, [G, R, G, R, R]),
        (24.9, [G, R, G, R, R]),
        (25.0, [Y, R, G, R, R]),
        (28.0, [R, R, G, R, R]),
        (30.0, [R, G, G, P, R]),
        (49.9, [R, G, G, P, R]),
        (50.0, [R, Y, G, Y, R]),
        (53.0, [R, R, G, R, R]),
        (55.0, [G, R, G, R, R]),
    ] {
        let shown: Vec<Light> = at(second).phases.iter().map(|s| s.light).collect();
        assert_eq!(shown, expected, "{second} s after the start of the cycle");
    }
    let early = at(4.0);
    // Phase 1: green until 25 s, then 3 s of yellow. Phase 2: red until 30 s, then 20 s of green.
    assert_eq!(early.phases[0].likely_end, Utc::from_unix_s(5037.0));
    assert_eq!(early.phases[0].next, Some((Y, 3.0)));
    assert_eq!(early.phases[1].likely_end, Utc::from_unix_s(5042.0));
    assert_eq!(early.phases[1].next, Some((G, 20.0)));
    // Phase 1's red of the end runs on into nothing: yellow at 26 s ends at 28 s and red lasts until 55 s.
    assert_eq!(at(26.0).phases[0].next, Some((R, 27.0)));
    // Phase 3 is green in both stages and phase 5 in none: neither ever changes.
    assert!(early.phases[2].next.is_none() && early.phases[4].next.is_none());
}

/// A small generator of plans: the numbers only need to differ.
fn arbitrary_plan(seed: u64) -> SignalPlan {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut draw = |below: u64| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x % below
    };
    let stages = (0..1 + draw(4)).map(|_| {
        let green: Vec<PhaseId> = (1..=6).filter(|_| draw(3) == 0).map(PhaseId).collect();
        let permissive = green.iter().copied().filter(|_| draw(4) == 0).collect();
        let times = (5.0 + draw(400) as f64 / 10.0, draw(5) as f64, draw(4) as f64 / 2.0);
        Stage { green, permissive, green_s: times.0, yellow_s: times.1, all_red_s: times.2 }
    });
    let stages: Vec<Stage> = stages.collect();
    SignalPlan { offset_s: draw(1000) as f64 / 8.0, stages }
}

#[test]
fn likely_end_is_when_the_light_changes_and_next_is_what_follows() {
    let junction = JunctionId("j".into());
    let phases = [1, 2, 3, 4, 5, 6].map(PhaseId);
    let tick_ns = 50_000_000;
    for seed in 1..60 {
        let plan = arbitrary_plan(seed);
        for k in 0..400 {
            let at = Utc::from_unix_ns(1_786_270_272_000_000_000 + k * 370_000_000);
            for signal in state(&plan, &junction, &phases, at).phases {
                assert!(signal.likely_end > at, "seed {seed}");
                let Some((next, lasts_s)) = signal.next else { continue };
                let of = |utc: Utc| light(&state(&plan, &junction, &phases, utc), signal.phase);
                let just_before = Utc::from_unix_ns(signal.likely_end.unix_ns() - 1);
                assert_eq!(of(just_before), signal.light, "seed {seed} phase {:?} changes early", signal.phase);
                assert_eq!(of(signal.likely_end), next, "seed {seed} phase {:?} at its likely end", signal.phase);
                assert_ne!(next, signal.light);
                let end_of_next = Utc::from_unix_ns(signal.likely_end.unix_ns() + (lasts_s * 1e9).round() as i64);
                assert_eq!(of(Utc::from_unix_ns(end_of_next.unix_ns() - 1)), next);
                assert_ne!(of(Utc::from_unix_ns(end_of_next.unix_ns() + 1)), next, "seed {seed}");
                // Nothing changes unseen in between.
                let mut t = at.unix_ns();
                while t < signal.likely_end.unix_ns() && k % 40 == 0 {
                    assert_eq!(of(Utc::from_unix_ns(t)), signal.light);
                    t += tick_ns;
                }
            }
        }
    }
}

#[test]
fn every_cycle_repeats_the_one_before() {
    let junction = JunctionId("j".into());
    let phases = [1, 2, 3, 4, 5, 6].map(PhaseId);
    for seed in 1..60 {
        let plan = arbitrary_plan(seed);
        let cycle_s: f64 = plan.stages.iter().map(|s| s.green_s + s.yellow_s + s.all_red_s).sum();
        for k in 0..100 {
            let at = Utc::from_unix_ns(1_786_270_272_123_456_789 + k * 770_000_000);
            let later = at.plus_seconds(cycle_s);
            let (now, then) = (state(&plan, &junction, &phases, at), state(&plan, &junction, &phases, later));
            for (a, b) in now.phases.iter().zip(&then.phases) {
                assert_eq!((a.phase, a.light, a.next), (b.phase, b.light, b.next), "seed {seed}");
                assert_eq!(b.likely_end.unix_ns() - a.likely_end.unix_ns(), (cycle_s * 1e9).round() as i64);
            }
        }
    }
}

#[test]
fn on_the_island_nothing_that_meets_has_a_green_of_its_own_at_once() {
    let map = island();
    let mut signalled = 0;
    for index in 0..map.junctions.len() {
        let junction = JunctionIx(index as u32);
        let Some(controller) = Controller::of(&map, junction) else { continue };
        signalled += 1;
        for tick in 0..1100 {
            let signals = controller.signals(Utc::from_unix_ms(1_786_270_272_000 + tick * 200));
            let clear_of =
                |mine: Light, theirs: Light| mine != Light::Green || !matches!(theirs, Light::Green | Light::Yellow);
            for lane in &map.junction(junction).connectors {
                let Some(movement) = &map.lane(*lane).movement else { continue };
                let Some(phase) = movement.phase else { continue };
                for (other, ..) in &movement.conflicts {
                    let their = map.lane(*other).movement.as_ref().unwrap();
                    // Right turns give way whatever their light; streams of one phase only merge or run side by side.
                    if movement.on_red || their.on_red || their.phase == Some(phase) {
                        continue;
                    }
                    let theirs = light(&signals, their.phase.unwrap());
                    assert!(
                        clear_of(light(&signals, phase), theirs),
                        "{} and {}",
                        map.lane(*lane).id,
                        map.lane(*other).id
                    );
                }
            }
            for crossing in &map.crossings {
                let Some(CrossingControl::Signal(of, phase)) = crossing.control else { continue };
                if of != junction || light(&signals, phase) != Light::Green {
                    continue;
                }
                // Whoever drives over a green crossing turns right or has a permissive green, so gives way.
                for (lane, ..) in &crossing.lanes {
                    let ways = map.lane(*lane).successors.iter().chain(&map.lane(*lane).predecessors);
                    for movement in ways.filter_map(|way| map.lane(*way).movement.as_ref()) {
                        let here = movement.junction == junction && !movement.on_red;
                        if let Some(phase) = movement.phase.filter(|_| here) {
                            assert_ne!(
                                light(&signals, phase),
                                Light::Green,
                                "{} over {}",
                                map.lane(*lane).id,
                                crossing.id
                            );
                        }
                    }
                }
            }
        }
    }
    assert!(signalled >= 15, "the island has {signalled} junctions under signals");
}

#[test]
fn a_controller_out_of_work_says_nothing_about_when_it_ends() {
    let map = island();
    let signalled = map.junctions.iter().position(|j| matches!(j.control, Control::Signals(_))).unwrap();
    let mut controller = Controller::of(&map, JunctionIx(signalled as u32)).unwrap();
    let at = Utc::from_unix_ms(1_786_270_272_000);
    let change = controller.next_change(at).unwrap();
    let (before, after) = (controller.signals(Utc::from_unix_ns(change.unix_ns() - 1)), controller.signals(change));
    assert!(before.phases.iter().zip(&after.phases).any(|(a, b)| a.light != b.light));
    assert!(controller.signals(at).phases.iter().zip(&before.phases).all(|(a, b)| a.light == b.light));
    controller.set_mode(Mode::FlashingYellow);
    assert!(controller.signals(at).phases.iter().all(|s| s.light == Light::FlashingYellow && s.next.is_none()));
    assert_eq!(controller.next_change(at), None);
    let unsignalled = map.junctions.iter().position(|j| !matches!(j.control, Control::Signals(_))).unwrap();
    assert!(Controller::of(&map, JunctionIx(unsignalled as u32)).is_none());
}
