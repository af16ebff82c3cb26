//! Whoever watches a run sees all of it, and changes nothing.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_map::Map;
use jxz_sim::{Channel, Observer, Scenario, Sender, Shown, Transmission, TruthObject, VirtualIsland, VirtualReport};
use jxz_units::{Now, Utc};
use jxz_world::{JunctionSignals, NodeState, Record, Scan, SiteId};
use std::path::Path;
use std::sync::{Arc, Mutex};

#[derive(Debug, Default)]
struct Seen {
    truths: Vec<(Utc, usize)>,
    scans: u64,
    signals: u64,
    states: u64,
    records: u64,
    shown: u64,
    first_shown: [u64; 2],
    from_vehicles: u64,
    from_sites: [u64; 2],
    reached: u64,
}

struct Watcher(Arc<Mutex<Seen>>);

impl Observer for Watcher {
    fn truth(&mut self, now: Now, truth: &[TruthObject]) {
        self.0.lock().unwrap().truths.push((now.utc, truth.len()));
    }

    fn scan(&mut self, now: Now, _: &SiteId, scan: &Scan) {
        let late_s = now.utc.seconds_since(scan.valid_at);
        // 25 ms, and 2 ms of jitter.
        assert!((0.01..0.04).contains(&late_s), "a scan comes {late_s} s after its time");
        self.0.lock().unwrap().scans += 1;
    }

    fn signals(&mut self, _: Now, _: &JunctionSignals) {
        self.0.lock().unwrap().signals += 1;
    }

    fn transmission(&mut self, _: Now, sent: &Transmission<'_>) {
        assert!(!sent.bytes.is_empty());
        let mut seen = self.0.lock().unwrap();
        seen.reached += sent.received_by as u64;
        match sent.sender {
            Sender::Site(_) => seen.from_sites[usize::from(sent.channel == Channel::Pc5)] += 1,
            Sender::Vehicle(_) => seen.from_vehicles += 1,
        }
    }

    fn state(&mut self, _: Now, _: &NodeState) {
        self.0.lock().unwrap().states += 1;
    }

    fn record(&mut self, _: Now, _: &Record) {
        self.0.lock().unwrap().records += 1;
    }

    fn shown(&mut self, _: Now, shown: &Shown) {
        let mut seen = self.0.lock().unwrap();
        seen.shown += 1;
        seen.first_shown[usize::from(shown.channel == Channel::Pc5)] += u64::from(shown.first);
    }
}

fn run(watched: Option<Arc<Mutex<Seen>>>) -> VirtualReport {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds");
    let map = Arc::new(Map::load(&seeds.join("island")).unwrap());
    let text = std::fs::read_to_string(seeds.join("scenarios/demo.toml")).unwrap();
    let scenario = Scenario::from_toml(&text).unwrap();
    let mut island = VirtualIsland::new(map, &scenario, 7, Utc::from_unix_ms(1_786_233_600_000)).unwrap();
    if let Some(seen) = watched {
        island = island.observed_by(Box::new(Watcher(seen)));
    }
    while island.seconds() < 20.0 {
        island.step().unwrap();
    }
    island.report()
}

#[test]
fn a_run_that_is_watched_is_the_same_and_what_is_seen_is_what_it_reports() {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (alone, watched) = (run(None), run(Some(Arc::clone(&seen))));
    assert_eq!(alone, watched, "the whole report, with the digest");

    let seen = seen.lock().unwrap();
    assert_eq!(seen.truths.len(), 400, "one truth a step of 50 ms");
    assert!(seen.truths.windows(2).all(|pair| pair[1].0.unix_ns() - pair[0].0.unix_ns() == 50_000_000));
    assert_eq!(seen.records, watched.must_arrive.sent);
    assert!(seen.scans > 12 * 200 && seen.signals > 100, "{seen:?}");
    assert!(seen.states > 12 * 150, "{seen:?}");
    // Both channels carry every message of a site.
    assert_eq!(seen.from_sites[0], seen.from_sites[1]);
    assert!(seen.from_vehicles > 100 && seen.from_sites[0] > 1000, "{seen:?}");
    assert!(seen.reached > seen.from_vehicles, "{seen:?}");
    let said: u64 = watched.warnings.values().map(|by| by.uu + by.pc5).sum();
    assert!(said > 0 && seen.shown >= said, "shown {} of {said}", seen.shown);
}
