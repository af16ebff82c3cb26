//! The node's clock is set while it works.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_edge::{Edge, EdgeConfig, Input, NoStopwatch, Output, neighbours_of};
use jxz_map::Map;
use jxz_units::{Instant, Now, Utc};
use jxz_v2x::{MessageKind, Profile, Received};
use jxz_world::{Detection, DropCause, NeighbourTracks, RecordBody, Scan, Service, Shortfall, Site, TrackId};
use std::path::Path;
use std::sync::{Arc, LazyLock};

const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

static MAP: LazyLock<Arc<Map>> = LazyLock::new(|| {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island");
    Arc::new(Map::load(&seeds).expect("the island's own map loads"))
});

/// A node, an echo that stands 40 m before its first radar, and the two clocks.
struct Scene {
    edge: Edge,
    mono_ms: u64,
    clock_off_ms: i64,
    scans: u32,
}

/// What came out within some time: milliseconds of the monotonic clock.
#[derive(Default)]
struct Heard {
    broadcasts: Vec<(u64, MessageKind)>,
    /// Times that road users were told for, by the wall clock, less what the wall clock said.
    told_off_ms: Vec<i64>,
    tracks: Vec<(u64, TrackId)>,
    service: Vec<Service>,
}

impl Scene {
    fn new() -> Self {
        let now = Now { mono: Instant::ZERO, utc: START };
        let edge = Edge::new(now, MAP.clone(), &site().id, EdgeConfig::default(), Box::new(NoStopwatch)).unwrap();
        Self { edge, mono_ms: 0, clock_off_ms: 0, scans: 0 }
    }

    fn now(&self) -> Now {
        let utc = Utc::from_unix_ms(START.unix_ms() + self.mono_ms as i64 + self.clock_off_ms);
        Now { mono: Instant::from_ns(self.mono_ms * 1_000_000), utc }
    }

    /// Goes on for some time, with a scan every 100 ms by the sensor's clock, which is the node's.
    fn play(&mut self, for_ms: u64) -> Heard {
        let mut heard = Heard::default();
        for _ in 0..for_ms {
            self.mono_ms += 1;
            let now = self.now();
            if self.mono_ms.is_multiple_of(100) {
                self.scans += 1;
                self.edge.handle(now, Input::Scan(scan(self.scans, now.utc)));
            } else if self.edge.next_deadline().is_some_and(|at| at <= now.mono) {
                self.edge.handle(now, Input::Timer);
            }
            while let Some(output) = self.edge.poll() {
                self.hear(now, output, &mut heard);
            }
        }
        heard
    }

    fn hear(&self, now: Now, output: Output, heard: &mut Heard) {
        match output {
            Output::Broadcast(frame) => {
                heard.broadcasts.push((self.mono_ms, frame.kind));
                let read = jxz_v2x::decode(&frame.bytes, Profile::default(), now.utc, &MAP.frame);
                if let Ok(Received::Rsm(told)) = read {
                    let off = told.participants.iter().map(|user| user.valid_at.unix_ms() - now.utc.unix_ms());
                    heard.told_off_ms.extend(off);
                }
            }
            Output::State(state) => heard.tracks.extend(state.tracks.iter().map(|track| (self.mono_ms, track.id))),
            Output::Record(record) => {
                if let RecordBody::Health(health) = record.body {
                    heard.service.extend(health.service);
                }
            }
            _ => {}
        }
    }
}

fn site() -> &'static Site {
    MAP.sites.iter().find(|s| !neighbours_of(&MAP, s).is_empty()).expect("a site with a neighbour")
}

fn scan(sequence: u32, valid_at: Utc) -> Scan {
    let sensor = &site().sensors[0];
    let ahead = Detection {
        range_m: 40.0,
        azimuth_rad: 0.1,
        doppler_mps: sensor.doppler_sigma_mps.map(|_| 0.0),
        class: None,
        score: 0.9,
        extent_m: None,
    };
    Scan { sensor: sensor.id.clone(), sequence, valid_at, detections: vec![ahead] }
}

#[test]
fn when_the_clock_is_set_vehicles_hear_nothing_until_it_goes_evenly_and_then_the_new_time() {
    for moved_ms in [-3_600_000, -30_000, -300, 300, 30_000, 3_600_000] {
        let mut scene = Scene::new();
        let before = scene.play(3000);
        let (_, old) = *before.tracks.last().expect("the echo has become a track");
        assert!(!before.broadcasts.is_empty());

        scene.clock_off_ms += moved_ms;
        let after = scene.play(8000);
        let first = after.broadcasts.first().unwrap_or_else(|| panic!("{moved_ms} ms: silent for ever")).0;
        assert!((5000..5300).contains(&first), "{moved_ms} ms: said something at {first} ms");
        assert!(scene.edge.drops().of(DropCause::RadioClockSet) > 0);

        let again = after.tracks.iter().find(|(_, id)| *id != old);
        let (at_ms, new) = *again.unwrap_or_else(|| panic!("{moved_ms} ms: the echo is not tracked anew"));
        assert!(new > old && at_ms < 6000, "{moved_ms} ms: {new:?} at {at_ms} ms");
        assert!(after.tracks.iter().all(|(_, id)| *id != old), "of the old time nothing is told");
        assert!(!after.told_off_ms.is_empty());
        assert!(after.told_off_ms.iter().all(|off| off.abs() < 500), "{moved_ms} ms: {:?}", after.told_off_ms);

        let set = |service: &&Service| matches!(service, Service::Degraded(why) if why.contains(&Shortfall::ClockSet));
        assert_eq!(after.service.iter().filter(set).count(), 1, "{moved_ms} ms: {:?}", after.service);
    }
}

#[test]
fn neighbours_are_heard_again_after_the_clock_was_set_back() {
    let neighbour = neighbours_of(&MAP, site()).first().expect("the site has a neighbour").id.clone();
    let word = |sequence, valid_at| {
        Input::Neighbour(NeighbourTracks { site: neighbour.clone(), boot: 1, sequence, valid_at, tracks: Vec::new() })
    };
    let mut scene = Scene::new();
    scene.play(3000);
    let now = scene.now();
    scene.edge.handle(now, word(1, now.utc));

    scene.clock_off_ms -= 3_600_000;
    let now = scene.now();
    scene.edge.handle(now, word(2, now.utc));
    assert_eq!(scene.edge.drops().of(DropCause::NeighbourStale), 0, "the word of the new time is taken");
    let now = scene.now();
    scene.edge.handle(now, word(1, now.utc));
    assert_eq!(scene.edge.drops().of(DropCause::NeighbourStale), 1, "an older word still is not");
}

#[test]
fn a_clock_that_is_steered_changes_nothing() {
    let mut scene = Scene::new();
    scene.play(3000);
    let mut heard = Heard::default();
    for _ in 0..100 {
        // 5 ms in 100 ms, as fast as a clock is ever steered.
        scene.clock_off_ms += 5;
        let more = scene.play(100);
        heard.broadcasts.extend(more.broadcasts);
        heard.service.extend(more.service);
    }
    assert!(heard.broadcasts.windows(2).all(|pair| pair[1].0 - pair[0].0 <= 250), "{:?}", heard.broadcasts);
    assert_eq!(scene.edge.drops().of(DropCause::RadioClockSet), 0);
}
