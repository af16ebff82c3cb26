//! The twin in virtual time: what it shows while nodes speak, fall silent, restart, repeat themselves and overflow it.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{Island, node_state, track_at, warning};
use jxz_cloud::{Area, CloudConfig, Freshness, Input, Output, RecordKey};
use jxz_geo::Point;
use jxz_world::{DropCause, Record, RecordBody, SiteId, WarningKind, WarningStage};

fn freshness_of(island: &Island, site: &str) -> Freshness {
    island.view().nodes.iter().find(|node| node.site.0 == site).map(|node| node.freshness).unwrap()
}

#[test]
fn a_silent_node_and_its_road_users_go_from_fresh_to_late_to_stale_to_gone() {
    let mut island = Island::new(CloudConfig::default());
    assert_eq!(freshness_of(&island, "north"), Freshness::Lost, "a node of the map that never spoke");
    assert!(island.view().nodes[0].last_heard.is_none());

    island.say(Input::State(node_state("north", 1, 1, island.utc(), vec![track_at(5, island.utc(), 10.0, 20.0)])));
    assert_eq!(freshness_of(&island, "north"), Freshness::Fresh);
    assert_eq!(freshness_of(&island, "south"), Freshness::Lost, "another's state says nothing of it");

    // The state holds for 0.5 s: late until 1.0 s, stale until 2.5 s, lost after.
    for (at_ms, expected) in
        [(499, Freshness::Fresh), (501, Freshness::Late), (1_001, Freshness::Stale), (2_501, Freshness::Lost)]
    {
        island.run_to_ms(at_ms);
        assert_eq!(freshness_of(&island, "north"), expected, "at {at_ms} ms");
        let view = island.view();
        let shown: Vec<Freshness> = view.tracks().map(|track| track.freshness).collect();
        match expected {
            Freshness::Lost => assert!(shown.is_empty(), "a lost road user is not shown"),
            other => assert_eq!(shown, [other], "at {at_ms} ms"),
        }
    }
    let told: Vec<Freshness> = island
        .outputs
        .iter()
        .filter_map(|output| match output {
            Output::NodeFreshness { to, .. } => Some(*to),
            _ => None,
        })
        .collect();
    island.run_to_ms(20_000);
    assert_eq!(told.first(), Some(&Freshness::Fresh));
    assert!(told.is_sorted(), "{told:?}");
    assert_eq!(island.cloud.next_deadline(), None, "nothing is left to age");
}

#[test]
fn a_record_is_taken_once_however_often_it_comes_and_warnings_follow_their_revisions() {
    let mut island = Island::new(CloudConfig::default());
    let record = |sequence, revision, stage, at| Record {
        site: SiteId("north".into()),
        boot: 9,
        sequence,
        body: RecordBody::Warning(warning(77, revision, stage, at)),
    };
    let first = record(1, 1, WarningStage::Raised, island.utc());
    for _ in 0..3 {
        island.say(Input::Record(first.clone()));
    }
    let stored = island.outputs.iter().filter(|o| matches!(o, Output::Store(_))).count();
    let again = island.outputs.iter().filter(|o| **o == Output::AcknowledgeAgain(RecordKey::of(&first))).count();
    assert_eq!((stored, again), (1, 2));
    assert_eq!(island.view().drops.of(DropCause::PeerDuplicate), 2);
    assert_eq!(island.view().warnings_by_kind()[&WarningKind::Pedestrian], 1);

    island.run_to_ms(500);
    // Revision 3 overtakes revision 2 on the way: 2 is stored all the same, but does not undo 3.
    island.say(Input::Record(record(3, 3, WarningStage::Cancelled, island.utc())));
    island.say(Input::Record(record(2, 2, WarningStage::Held, island.utc())));
    let view = island.view();
    assert_eq!((view.counts.records, view.counts.records_again), (3, 2));
    assert_eq!(view.counts.warnings_raised, [(WarningKind::Pedestrian, 1)].into());
    assert_eq!(view.warnings_by_kind()[&WarningKind::Pedestrian], 0);
    assert_eq!(view.warnings[0].warning.stage, WarningStage::Cancelled, "its end is shown for a while");
    assert_eq!(view.records_missing(), 0);
    island.run_to_ms(10_000);
    assert!(island.view().warnings.is_empty());
}

#[test]
fn a_warning_that_arrives_after_ten_minutes_without_uplink_is_stored_but_not_shown_as_current() {
    let mut island = Island::new(CloudConfig::default());
    let sensed = island.utc();
    island.run_to_ms(600_000);
    let body = RecordBody::Warning(warning(5, 1, WarningStage::Raised, sensed));
    island.say(Input::Record(Record { site: SiteId("north".into()), boot: 1, sequence: 4, body }));
    assert!(island.outputs.iter().any(|o| matches!(o, Output::Store(record) if record.sequence == 4)));
    assert!(island.view().warnings.is_empty());
}

#[test]
fn a_restarted_node_replaces_its_old_self_and_late_datagrams_of_the_old_one_are_dropped() {
    let mut island = Island::new(CloudConfig::default());
    let old = node_state("north", 1, 900, island.utc(), vec![track_at(1, island.utc(), 0.0, 0.0)]);
    island.say(Input::State(old.clone()));
    let old_id = island.view().track(0).unwrap().id;

    island.run_to_ms(100);
    island.say(Input::State(node_state("north", 2, 1, island.utc(), vec![track_at(1, island.utc(), 50.0, 0.0)])));
    island.say(Input::State(old));
    let view = island.view();
    assert_eq!(view.track_count(), 1);
    assert_eq!(view.track(0).unwrap().track.position, Point::new(50.0, 0.0));
    assert_ne!(view.track(0).unwrap().id, old_id, "track 1 of the new process is another road user");
    assert_eq!(view.drops.of(DropCause::PeerStale), 1);
    assert_eq!(view.nodes.iter().find(|n| n.site.0 == "north").unwrap().boot, Some(2));

    // Its records start over at number 1 and are new.
    for boot in [1, 2] {
        let body = RecordBody::Warning(warning(boot, 1, WarningStage::Raised, island.utc()));
        island.say(Input::Record(Record { site: SiteId("north".into()), boot, sequence: 1, body }));
    }
    assert_eq!(island.view().counts.records, 2);
}

#[test]
fn states_out_of_order_are_dropped_and_parts_of_one_state_add_up() {
    let mut island = Island::new(CloudConfig::default());
    let at = island.utc();
    island.say(Input::State(node_state("north", 1, 10, at, vec![track_at(1, at, 1.0, 0.0)])));
    island.say(Input::State(node_state("north", 1, 10, at, vec![track_at(2, at, 2.0, 0.0)])));
    assert_eq!(island.view().track_count(), 2);
    island.say(Input::State(node_state("north", 1, 10, at, vec![track_at(2, at, 2.0, 0.0)])));
    island.say(Input::State(node_state("north", 1, 9, at, vec![track_at(1, at, 99.0, 0.0)])));
    let view = island.view();
    assert_eq!(view.track(0).unwrap().track.position.x, 1.0, "the older state moved nothing");
    assert_eq!((view.drops.of(DropCause::PeerDuplicate), view.drops.of(DropCause::PeerStale)), (1, 1));
}

#[test]
fn a_clock_that_is_ahead_is_flagged_and_keeps_nothing_fresh_for_longer() {
    let mut island = Island::new(CloudConfig::default());
    let ahead = |island: &Island, s: f64| island.utc().plus_seconds(s);
    let flag = |island: &Island| island.view().nodes.iter().find(|n| n.site.0 == "north").unwrap().clock_ahead_s;

    let at = ahead(&island, 0.15);
    island.say(Input::State(node_state("north", 1, 1, at, vec![track_at(1, at, 0.0, 0.0)])));
    assert_eq!(flag(&island), None, "within the tolerance");
    assert_eq!(island.view().track(0).unwrap().age_s, 0.0, "ages are never negative");

    let at = ahead(&island, 3_600.0);
    island.say(Input::State(node_state("north", 1, 2, at, vec![track_at(1, at, 0.0, 0.0)])));
    assert!((flag(&island).unwrap() - 3_600.0).abs() < 1e-6);
    assert_eq!(freshness_of(&island, "north"), Freshness::Fresh);
    island.run_to_ms(501);
    assert_eq!(freshness_of(&island, "north"), Freshness::Late, "half a second is half a second on any clock");
}

#[test]
fn everything_has_a_limit_and_says_so() {
    let config = CloudConfig {
        max_tracks_per_node: 10,
        max_warnings: 4,
        max_nodes: 3,
        max_outputs: 6,
        ..CloudConfig::default()
    };
    let mut island = Island::new(config);
    let at = island.utc();
    let tracks = (0..25).map(|k| track_at(k, at, k as f64, 0.0)).collect();
    island.say(Input::State(node_state("north", 1, 1, at, tracks)));
    assert_eq!(island.view().track_count(), 10);
    for site in ["a", "b", "c"] {
        island.say(Input::State(node_state(site, 1, 1, at, vec![])));
    }
    // Two sites of the map and one more.
    assert_eq!(island.view().nodes.len(), 3);
    assert_eq!(island.view().drops.of(DropCause::TwinFull), 15 + 2);

    for k in 0..7 {
        let body = RecordBody::Warning(warning(k, 1, WarningStage::Raised, at));
        island.say(Input::Record(Record { site: SiteId("south".into()), boot: 1, sequence: k, body }));
    }
    assert_eq!(island.view().warnings.len(), 4);

    // Outputs that nobody polls: records are refused rather than lost, and taken when they come again.
    let before = island.view().counts.records;
    for k in 10..30 {
        let body = RecordBody::Warning(warning(k, 1, WarningStage::Raised, at));
        island.say_unpolled(Input::Record(Record { site: SiteId("south".into()), boot: 1, sequence: k, body }));
    }
    let refused = island.view().drops.of(DropCause::MustArriveQueueFull);
    assert!(refused > 0);
    assert_eq!(island.view().counts.records - before + refused, 20);
    island.drain();
    let body = RecordBody::Warning(warning(29, 1, WarningStage::Raised, at));
    island.say(Input::Record(Record { site: SiteId("south".into()), boot: 1, sequence: 29, body }));
    assert!(island.outputs.iter().any(|o| matches!(o, Output::Store(record) if record.sequence == 29)));
}

#[test]
fn numbers_that_are_not_numbers_are_refused() {
    let mut island = Island::new(CloudConfig::default());
    let at = island.utc();
    let tracks = vec![track_at(1, at, f64::NAN, 0.0), track_at(2, at, 3.0, 0.0)];
    island.say(Input::State(node_state("north", 1, 1, at, tracks)));
    let mut endless = node_state("north", 1, 2, at, vec![]);
    endless.valid_for_s = f64::INFINITY;
    island.say(Input::State(endless));
    assert_eq!(island.view().track_count(), 1);
    assert_eq!(island.view().drops.of(DropCause::PeerGarbage), 2);
}

#[test]
fn an_area_holds_the_road_users_that_a_plain_search_finds() {
    let mut island = Island::new(CloudConfig::default());
    let at = island.utc();
    // A spiral: no two on a line, all over the area and outside it.
    let spiral = |k: u64| (k as f64 * 0.7 * libm::cos(k as f64 * 0.3), k as f64 * 0.7 * libm::sin(k as f64 * 0.3));
    let tracks = (0..500).map(|k| track_at(k, at, spiral(k).0, spiral(k).1)).collect();
    island.say(Input::State(node_state("north", 1, 1, at, tracks)));
    let view = island.view();
    let area = Area { min: Point::new(-40.0, 10.0), max: Point::new(90.0, 120.0) };
    let found: Vec<u64> = view.tracks_in(area).iter().map(|track| track.track.id.0).collect();
    let inside = |k: &u64| (-40.0..=90.0).contains(&spiral(*k).0) && (10.0..=120.0).contains(&spiral(*k).1);
    let expected: Vec<u64> = (0..500).filter(inside).collect();
    assert!(expected.len() > 30);
    assert_eq!(found, expected);
}

#[test]
fn what_was_stored_before_a_restart_of_the_cloud_is_not_stored_again() {
    let mut island = Island::new(CloudConfig::default());
    let body = RecordBody::Warning(warning(3, 1, WarningStage::Raised, island.utc()));
    let record = Record { site: SiteId("north".into()), boot: 1, sequence: 8, body };
    island.cloud.recall(island.utc(), &record);
    island.say(Input::Record(record.clone()));
    assert_eq!(island.outputs, [Output::AcknowledgeAgain(RecordKey::of(&record))]);
    assert_eq!(island.view().warnings.len(), 1, "still valid, so shown");
}
