//! What health reports say of nodes, sensors, stages and drops.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{Island, health, record};
use jxz_cloud::{CloudConfig, Freshness, Input};
use jxz_world::{DropCause, LatencyStage, RecordBody, SensorHealth, SensorId, SensorKind, StageLatency};

#[test]
fn a_dead_sensor_shows_in_a_live_node_and_a_silent_node_vouches_for_no_sensor() {
    let mut island = Island::new(CloudConfig::default());
    let now = island.utc();
    let mut report = health(now);
    let sensor = |id: &str, last_scan_at| SensorHealth {
        id: SensorId(id.into()),
        kind: SensorKind::Radar,
        last_scan_at,
        scans_per_s: Some(20.0),
    };
    report.sensors = vec![
        sensor("radar-n", Some(now.plus_seconds(-0.05))),
        sensor("radar-s", Some(now.plus_seconds(-30.0))),
        sensor("radar-new", None),
    ];
    island.say(Input::Record(record("north", 1, 1, RecordBody::Health(report))));
    let sensors = |island: &Island| -> Vec<(String, Freshness)> {
        let view = island.view();
        let node = view.nodes.iter().find(|node| node.site.0 == "north").unwrap();
        node.sensors.iter().map(|sensor| (sensor.id.0.clone(), sensor.freshness)).collect()
    };
    let expected = [("radar-n", Freshness::Fresh), ("radar-s", Freshness::Lost), ("radar-new", Freshness::Lost)];
    assert_eq!(sensors(&island), expected.map(|(id, f)| (id.to_owned(), f)));
    island.run_to_ms(6_000);
    assert_eq!(sensors(&island)[0].1, Freshness::Late, "the report itself holds for five seconds");
}

#[test]
fn stages_of_several_nodes_are_shown_by_median_and_worst_and_drops_add_up() {
    let mut island = Island::new(CloudConfig::default());
    let now = island.utc();
    let stage = |p50_ms, p99_ms, count| StageLatency { stage: LatencyStage::Fuse, p50_ms, p99_ms, count };
    for (site, row) in [("north", stage(1.0, 9.0, 100)), ("south", stage(4.0, 5.0, 10))] {
        let mut report = health(now);
        report.latencies =
            vec![row, StageLatency { stage: LatencyStage::Predict, p50_ms: f64::NAN, p99_ms: 1.0, count: 1 }];
        report.drops.add(DropCause::SensorGarbage, 3);
        island.say(Input::Record(record(site, 1, 1, RecordBody::Health(report))));
    }
    assert_eq!(island.view().latencies(), [stage(1.0, 9.0, 110)], "a stage that is not a number is not shown");
    assert_eq!(island.view().dropped().of(DropCause::SensorGarbage), 6);
    island.run_to_ms(60_000);
    assert_eq!(island.view().latencies(), [], "lost reports speak for nothing");
}

#[test]
fn an_older_health_report_that_arrives_later_changes_nothing() {
    let mut island = Island::new(CloudConfig::default());
    let (mut newer, mut older) = (health(island.utc()), health(island.utc().plus_seconds(-1.0)));
    newer.software_version = "0.2.0".into();
    older.software_version = "0.1.0".into();
    island.say(Input::Record(record("north", 1, 2, RecordBody::Health(newer))));
    island.say(Input::Record(record("north", 1, 1, RecordBody::Health(older))));
    let view = island.view();
    assert_eq!(view.nodes[0].health.as_ref().unwrap().software_version, "0.2.0");
    assert_eq!(view.drops.of(DropCause::PeerStale), 1);
    assert_eq!(view.nodes_online(), 1);
}
