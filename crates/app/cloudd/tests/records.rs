//! Must-arrive records from a node's link to the cloud's disk, exactly once, across a restart of the cloud.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{PATIENCE, Rig, warning};
use jxz_world::Record;
use std::path::Path;

fn on_disk(dir: &Path) -> Vec<Record> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|kind| kind == "jsonl")).collect();
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    texts.flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()).collect()
}

#[tokio::test]
async fn what_is_acknowledged_is_on_disk_once_also_when_sent_again_to_a_restarted_cloud() {
    let rig = Rig::start().await;
    let sent: Vec<Record> = (1..=300).map(|n| warning("north", 7, n)).collect();
    let node = rig.node("north", 7);
    assert!(sent.iter().all(|record| node.send_record(record)));
    assert!(node.flush(PATIENCE).await);
    // Acknowledged means on disk already, with the cloud still running.
    let mut stored = on_disk(&rig.config.data_dir);
    stored.sort_by_key(|record| record.sequence);
    assert_eq!(stored, sent);
    drop(node);

    // The node did not hear the acknowledgements: it sends everything again, and one record more.
    let rig = rig.restart().await;
    let node = rig.node("north", 7);
    let more = warning("north", 7, 301);
    assert!(sent.iter().chain([&more]).all(|record| node.send_record(record)));
    assert!(node.flush(PATIENCE).await);
    let stats = node.stats();
    assert_eq!((stats.acknowledged, stats.refused), (301, 0));
    let status = rig.status_when(|status| status["must_arrive"]["acknowledged"] == 301).await;
    assert_eq!((&status["must_arrive"]["stored"], &status["must_arrive"]["duplicates"]), (&1.into(), &300.into()));
    assert_eq!(status["warnings"]["collision"], 301, "warnings that still hold are known after the restart");
    assert_eq!(on_disk(&rig.config.data_dir).len(), 301);
    drop(node);
    rig.daemon.stop().await.unwrap();
}

#[tokio::test]
async fn a_node_that_restarted_many_times_without_a_cloud_brings_its_earlier_boots_once_each() {
    let mut rig = Rig::start().await;
    // Small files: most of the records are in old ones when the cloud starts again.
    rig.config.records.file_bytes = 16 << 10;
    let rig = rig.restart().await;
    let sent: Vec<Record> = (1..=100).flat_map(|boot| (1..=2).map(move |n| warning("north", boot, n))).collect();
    let node = rig.node("north", 100);
    assert!(sent.iter().all(|record| node.send_record(record)));
    assert!(node.flush(PATIENCE).await);
    let keys = |records: &[Record]| records.iter().map(|record| (record.boot, record.sequence)).collect::<Vec<_>>();
    assert_eq!(keys(&on_disk(&rig.config.data_dir)), keys(&sent), "in the order in which they were sent");
    drop(node);

    // Every acknowledgement was lost, and the cloud has started anew meanwhile.
    let rig = rig.restart().await;
    assert!(std::fs::read_dir(&rig.config.data_dir).unwrap().count() > 4);
    let node = rig.node("north", 101);
    assert!(sent.iter().all(|record| node.send_record(record)));
    assert!(node.flush(PATIENCE).await);
    assert_eq!(keys(&on_disk(&rig.config.data_dir)), keys(&sent), "each once");
    drop(node);
    rig.daemon.stop().await.unwrap();
}
