//! The past, played back over real sockets, before and after a restart.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{PATIENCE, Rig, state, warning};
use jxz_wire::console::v1 as wire;
use prost::Message as _;
use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

/// A cloud that showed two cars and a warning for a while, and was started anew.
async fn with_a_past() -> Rig {
    let rig = Rig::start().await;
    let node = rig.node("north", 7);
    assert!(node.send_record(&warning("north", 7, 1)));
    assert!(node.flush(PATIENCE).await);
    node.send_state(state("north", 7, 1), PATIENCE);
    rig.status_when(|status| status["tracks"] == 2).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    drop(node);
    rig.restart().await
}

async fn range(rig: &Rig) -> serde_json::Value {
    rig.json_when("/api/v1/history/range", |range| !range["from_ms"].is_null()).await
}

async fn frames(rig: &Rig, query: &str) -> Vec<wire::Frame> {
    let (status, bytes) = rig.get_bytes(&format!("/api/v1/history/frames?{query}")).await;
    assert_eq!(status, 200);
    let mut rest = &bytes[..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        frames.push(wire::Frame::decode_length_delimited(&mut rest).unwrap());
    }
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_shown_is_played_back_after_a_restart() {
    let rig = with_a_past().await;
    let range = range(&rig).await;
    let (from, to) = (range["from_ms"].as_u64().unwrap(), range["to_ms"].as_u64().unwrap());
    assert!(to > from + 1_000 && range["now_ms"].as_u64().unwrap() >= to, "{range}");
    assert_eq!((&range["damaged"], &range["frames_dropped"]), (&0.into(), &0.into()), "{range}");
    let played = frames(&rig, &format!("from_ms={from}&to_ms={to}")).await;
    assert!(played.len() as u64 <= range["frames"].as_u64().unwrap() && played.len() >= 4, "{}", played.len());
    assert!(played.windows(2).all(|pair| pair[0].sent_at_ms < pair[1].sent_at_ms));
    let updates = played.iter().filter_map(|frame| match frame.body.as_ref()? {
        wire::frame::Body::Update(update) => Some(update),
        wire::frame::Body::Delta(_) => panic!("what is played back is whole"),
    });
    // The cloud that was started anew may have written by now; it has heard of nobody.
    let full: Vec<_> = updates.filter(|update| update.road_users.as_ref().unwrap().id.len() == 2).collect();
    let update = full.last().expect("frames with both cars");
    assert!(full.len() >= 3 && update.warnings.len() == 1 && update.sites.len() == 2, "{}", full.len());
    let why = update.warnings[0].why.as_ref().unwrap();
    assert_eq!((why.boot, why.sequence, why.measured["closest_m"]), (7, 1, 0.5));
    assert!(why.received_at_ms >= why.sensed_at_ms);

    let thinned = frames(&rig, &format!("from_ms={from}&to_ms={to}&every_ms=1000")).await;
    assert!(thinned.len() < played.len() && thinned.len() >= 2, "{} of {}", thinned.len(), played.len());
    assert!(frames(&rig, &format!("from_ms=0&to_ms={}", 3_000_000)).await.is_empty());
    rig.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_that_make_no_sense_are_refused_with_a_reason() {
    let rig = Rig::start().await;
    for (path, wanted) in [
        ("history/frames?from_ms=5&to_ms=4", "after"),
        ("history/frames?from_ms=-1&to_ms=4", ""),
        ("history/frames?from_ms=0&to_ms=18446744073709551615", "an hour"),
        ("history/frames?from_ms=0&to_ms=99999999999999999999999", ""),
        ("history/frames?from_ms=0&to_ms=4&every_ms=9999999", "every_ms"),
        ("history/frames?from_ms=0", "to_ms"),
        ("history/range?from_ms=7&to_ms=3", "after"),
        ("history/range?form_ms=7", "form_ms"),
        ("links/nowhere", ""),
        ("links/nowhere/tracks", "nowhere"),
    ] {
        let (status, body) = rig.get(&format!("/api/v1/{path}")).await;
        assert!(status == 400 || status == 404, "{path}: {status}");
        let error: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert!(error["error"]["message"].as_str().unwrap().contains(wanted), "{path}: {body}");
        assert!(error["error"]["code"].is_string() && error["error"]["causes"].is_array());
    }
    rig.daemon.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_is_damaged_is_passed_over_and_told() {
    let rig = with_a_past().await;
    let dir = rig.config.data_dir.join("history");
    let mut files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut file = std::fs::File::options().write(true).open(&files[0]).unwrap();
    file.seek(SeekFrom::Start(40)).unwrap();
    file.write_all(&[0x5a; 8]).unwrap();
    let range = range(&rig).await;
    let to = range["to_ms"].as_u64().unwrap();
    let _ = frames(&rig, &format!("from_ms={}&to_ms={to}", range["from_ms"])).await;
    rig.json_when("/api/v1/history/range", |range| range["damaged"] == 1).await;
    rig.daemon.stop().await.unwrap();
}
