//! The score of warnings: what happens is an event, what is not sensed is missed, and a near miss is no event.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod common;

use common::island;
use jxz_map::Map;
use jxz_sim::{AlarmTruth, Blame, RunScore, Scenario, ScoreWatch, Tally, VirtualIsland};
use jxz_units::Utc;
use jxz_world::Application;
use std::path::Path;
use std::sync::Arc;

const START: Utc = Utc::from_unix_ms(1_786_233_600_000);

fn scenario(name: &str) -> Scenario {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/scenarios/staged");
    let mut scenario = Scenario::from_toml(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap();
    scenario.on_board.obey = false;
    scenario
}

fn scored(scenario: &Scenario, map: Arc<Map>) -> RunScore {
    let island = VirtualIsland::new(map, scenario, 1, START).unwrap();
    let (mut island, mut watch) = ScoreWatch::on(scenario, island);
    while island.seconds() < scenario.expect.seconds.unwrap() {
        island.step().unwrap();
        watch.look(&mut island);
    }
    watch.finish()
}

#[test]
fn a_conflict_is_an_event_and_its_warning_is_right() {
    let run = scored(&scenario("fcw-stopped-ahead.toml"), island());
    assert_eq!(run.events.len(), 1, "{:?}", run.events);
    let event = &run.events[0];
    assert_eq!((event.application, event.found), (Application::Fcw, true), "{event:?}");
    assert!(event.foreseeable_s.unwrap() > 3.0 && event.lead_s.unwrap() > 0.5, "{event:?}");
    assert!(!run.alarms.is_empty() && run.collisions == 1 && !run.normal, "{run:?}");
    let mut tally = Tally::default();
    tally.add(&run);
    let score = tally.score();
    assert_eq!(score.applications["fcw"].recall, Some(1.0));
    assert_eq!((score.normal_site_hours, score.conflict_false_alarms_per_site_hour), (0.0, None));
}

#[test]
fn what_nobody_senses_or_says_is_missed() {
    let mut scenario = scenario("fcw-stopped-ahead.toml");
    scenario.on_board.share = 0.0;
    scenario.actors.iter_mut().for_each(|actor| actor.connected = Some(false));
    let mut map = island();
    Arc::make_mut(&mut map).sites.iter_mut().for_each(|site| site.sensors.clear());
    let run = scored(&scenario, map);
    assert_eq!((run.events.len(), run.events[0].found, run.alarms.len()), (1, false, 0), "{run:?}");
}

#[test]
fn a_near_miss_is_no_event() {
    let run = scored(&scenario("near-oncoming-pass.toml"), island());
    assert_eq!((run.events.len(), run.conflicts, run.collisions), (0, 0, 0), "{:?}", run.events);
    assert!(run.encounters >= 1, "they do come near each other");
}

#[test]
fn every_false_alarm_is_told_with_its_tracks_and_what_it_came_from() {
    // Cameras that say everything is somewhere else: tracks are of nobody, or misplaced.
    let mut scenario = scenario("dense-sensor-faults.toml");
    scenario.expect.seconds = Some(40.0);
    scenario.sensors.clear();
    let mut turned = island();
    for sensor in Arc::make_mut(&mut turned).sites.iter_mut().flat_map(|site| &mut site.sensors) {
        sensor.azimuth_sigma_rad *= 12.0;
    }
    let run = scored(&scenario, turned);
    let of = |truth: AlarmTruth| run.alarms.iter().filter(move |alarm| alarm.truth == truth);
    assert!(of(AlarmTruth::False).count() > 0, "such sensors make false alarms");
    assert!(of(AlarmTruth::False).all(|alarm| alarm.blame.is_some() && !alarm.named.is_empty()));
    assert!(of(AlarmTruth::Averted).all(|alarm| alarm.blame.is_none()));
    let tracks_are_wrong = of(AlarmTruth::False).any(|alarm| alarm.blame < Some(Blame::Kind));
    assert!(tracks_are_wrong, "{:?}", of(AlarmTruth::False).map(|alarm| alarm.blame).collect::<Vec<_>>());
    let mut tally = Tally::default();
    tally.add(&run);
    let blamed: u64 = tally.score().applications.values().flat_map(|score| score.blamed.values()).sum();
    assert_eq!(blamed, of(AlarmTruth::False).count() as u64);
}
