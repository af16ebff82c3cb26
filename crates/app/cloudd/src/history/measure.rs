//! How many bytes the history costs, on the island's traffic.

use super::block;
use crate::brain::Moment;
use crate::frame;
use crate::places::Places;
use crate::stats::Counters;
use jxz_map::Map;
use jxz_sim::{Scenario, VirtualIsland};
use jxz_units::Utc;
use jxz_world::Drops;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// `cargo nextest run -p jxz-cloudd bytes_of --no-capture` prints the figures of `docs/decisions/0024-history.md`.
#[test]
fn bytes_of_a_road_user_and_hour_grow_with_the_rate_and_stay_below_half_a_megabyte() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds");
    let map = Arc::new(Map::load(&seeds.join("island")).unwrap());
    let scenario = Scenario::from_toml(&std::fs::read_to_string(seeds.join("scenarios/demo.toml")).unwrap()).unwrap();
    let start = Utc::from_unix_ms(1_786_233_600_000);
    let places = Places::of(&map);
    let mut island = VirtualIsland::new(map, &scenario, 7, start).unwrap();
    let (mut frames, mut tracks) = (Vec::new(), 0);
    while island.seconds() < 30.0 {
        island.step().unwrap();
        let due = 10.0 + 0.1 * frames.len() as f64;
        if island.seconds() >= due {
            let view = island.cloud().snapshot(start.plus_seconds(island.seconds()));
            tracks += view.track_count();
            let moment = Moment {
                number: frames.len() as u64,
                uptime: Duration::from_secs_f64(island.seconds()),
                counters: Counters::default(),
                dropped: view.dropped(),
                dropped_by_cloud: Drops::default(),
                view,
                picture: std::sync::OnceLock::new(),
            };
            frames.push(frame::frame(&moment, &places, None));
        }
    }
    let (seconds, tracks) = (frames.len() as f64 / 10.0, tracks as f64 / frames.len() as f64);
    let mut before = 0.0;
    for rate_hz in [1, 2, 5, 10_usize] {
        let kept: Vec<_> = frames.iter().step_by(10 / rate_hz).cloned().collect();
        let blocks = kept.chunks(5 * rate_hz).map(|block| block::encode(block.to_vec(), 0).unwrap().1.len());
        let bytes = blocks.sum::<usize>() as f64;
        let an_hour = bytes / seconds * 3600.0;
        println!(
            "{rate_hz:2} Hz: {:.0} kB a road user and hour, {:.1} B a row; {tracks:.0} road users: {:.0} MB an hour",
            an_hour / tracks / 1e3,
            bytes / (kept.len() as f64 * tracks),
            an_hour / 1e6
        );
        assert!(an_hour > before && an_hour / tracks < 500e3, "{rate_hz} Hz: {an_hour} bytes an hour");
        before = an_hour;
    }
}
