//! From a scan to a message: what each step may cost, and what it costs.
//!
//! `cargo bench -p jxz-benches` prints the budget beside each measurement's name: together, one node in 5 % of a core.

#![allow(clippy::unwrap_used, reason = "a bench of our own map and messages")]
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jxz_edge::{Edge, EdgeConfig, Input, NoStopwatch};
use jxz_fusion::{FusionConfig, Tracker};
use jxz_map::Map;
use jxz_sim::{Scenario, Simulation};
use jxz_units::{Instant, Now, Utc};
use jxz_v2x::{Encoder, MessageKind, Profile, Refusal, RoadUser, Sink, UnitId};
use jxz_world::{Scan, Site};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

const START: Utc = Utc::from_unix_ms(1_786_270_272_000);
/// A busy junction of the middle of the island.
const SITE: &str = "zhongxin-hongxing";

struct Recorded {
    map: Arc<Map>,
    site: Site,
    scans: Vec<Scan>,
}

/// Twenty seconds of one site's scans from the simulator.
fn recorded() -> Recorded {
    let map = Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island")).unwrap();
    let map = Arc::new(map);
    let site = map.sites.iter().find(|s| s.id.0 == SITE).unwrap().clone();
    let mut sim = Simulation::new(map.clone(), &Scenario::default(), 7, START).unwrap();
    let mut scans = Vec::new();
    for _ in 0..400 {
        scans.extend(sim.step().scans.into_iter().filter(|sent| sent.site == site.id).map(|sent| sent.scan));
    }
    scans.sort_by_key(|scan| scan.valid_at);
    Recorded { map, site, scans }
}

fn now(utc: Utc) -> Now {
    Now { mono: Instant::from_ns(u64::try_from(utc.unix_ns() - START.unix_ns()).unwrap_or(0)), utc }
}

fn tracker(recorded: &Recorded) -> Tracker {
    Tracker::new(recorded.site.sensors.clone(), FusionConfig::default()).unwrap()
}

fn fuse(tracker: &mut Tracker, scans: &[Scan]) {
    for scan in scans {
        black_box(tracker.handle_scan(scan).unwrap());
    }
}

/// Frames are made, and gone.
struct Nowhere;

impl Sink for Nowhere {
    fn frame(&mut self, _: MessageKind, bytes: &[u8]) {
        black_box(bytes);
    }

    fn refused(&mut self, refusal: Refusal) {
        black_box(refusal);
    }
}

fn hot_path(criterion: &mut Criterion) {
    let recorded = recorded();
    criterion.bench_function("fuse 20 s of one site's scans (budget 100 ms)", |bench| {
        let fresh = || tracker(&recorded);
        bench.iter_batched(fresh, |mut tracker| fuse(&mut tracker, &recorded.scans), BatchSize::LargeInput);
    });

    let mut warm = tracker(&recorded);
    fuse(&mut warm, &recorded.scans);
    let last = recorded.scans.last().unwrap().valid_at;
    let tracks = warm.tracks_at(last);
    let mut encoder = Encoder::new(recorded.map.frame, Profile::default(), UnitId([1; 8]), recorded.site.position, 0);
    criterion.bench_function(&format!("RSM of {} tracks (budget 200 us)", tracks.len()), |bench| {
        bench.iter(|| encoder.rsm(last, tracks.iter().map(RoadUser::from), &mut Nowhere));
    });

    criterion.bench_function("a node's brain for 20 s (budget 1 s)", |bench| {
        let fresh = || {
            let config = EdgeConfig::default();
            Edge::new(now(START), recorded.map.clone(), &recorded.site.id, config, Box::new(NoStopwatch)).unwrap()
        };
        let play = |mut edge: Edge| {
            for scan in &recorded.scans {
                edge.handle(now(scan.valid_at), Input::Scan(scan.clone()));
                while let Some(output) = edge.poll() {
                    black_box(output);
                }
            }
        };
        bench.iter_batched(fresh, play, BatchSize::LargeInput);
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = hot_path
}
criterion_main!(benches);
