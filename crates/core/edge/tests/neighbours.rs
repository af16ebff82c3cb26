//! What a node tells its neighbours, and what it takes from them.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

use jxz_edge::{Edge, EdgeConfig, Input, NoStopwatch, Output, neighbours_of};
use jxz_geo::{Point, Vector};
use jxz_map::Map;
use jxz_units::{Now, Utc, wrap_pi};
use jxz_world::*;
use nalgebra::Matrix4;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

static MAP: LazyLock<Arc<Map>> = LazyLock::new(|| {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../seeds/island");
    Arc::new(Map::load(&seeds).expect("the island's own map loads"))
});

fn at(ms: u64) -> Now {
    Now::after_start(START, Duration::from_millis(ms))
}

fn site(name: &str) -> &'static Site {
    MAP.sites.iter().find(|s| s.id.0 == name).expect("the island has it")
}

/// Two sites whose coverages overlap by 73 m.
fn here() -> &'static Site {
    site("size-zhouning")
}

fn there() -> &'static Site {
    site("zhongxin-zhouning")
}

fn edge(site: &Site) -> Edge {
    Edge::new(at(0), MAP.clone(), &site.id, EdgeConfig::default(), Box::new(NoStopwatch)).unwrap()
}

/// The point between both sites, and the direction from here to there.
fn between() -> (Point, Vector) {
    let way = there().position - here().position;
    (here().position + way / 2.0, way.normalize())
}

/// A perfect scan of one road user that is at `place` and moves at `velocity`; empty if the sensor does not look there.
fn scan(sensor: &SensorSpec, sequence: u32, ms: u64, place: Point, velocity: Vector) -> Scan {
    let sight = place - sensor.position;
    let (range_m, azimuth_rad) = (sight.norm(), wrap_pi(libm::atan2(sight.y, sight.x) - sensor.boresight.rad()));
    let inside = (sensor.range_m.0..sensor.range_m.1).contains(&range_m) && azimuth_rad.abs() < sensor.half_fov_rad;
    let detection = Detection {
        range_m,
        azimuth_rad,
        doppler_mps: sensor.doppler_sigma_mps.map(|_| velocity.dot(&sight) / range_m),
        class: sensor.class_accuracy.map(|_| RoadUserClass::Motor),
        score: 0.9,
        extent_m: None,
    };
    let detections = if inside { vec![detection] } else { Vec::new() };
    Scan { sensor: sensor.id.clone(), sequence, valid_at: at(ms).utc, detections }
}

/// Lets a car drive from `from` at `velocity` before the node's sensors. Gives the words to neighbours with their times.
fn drive(edge: &mut Edge, from: Point, velocity: Vector, to_ms: u64) -> Vec<(u64, SiteId, NeighbourTracks)> {
    let mut words = Vec::new();
    for ms in (0..to_ms).step_by(10) {
        if ms % 100 == 0 {
            let place = from + velocity * (ms as f64 / 1e3);
            let sensors = edge.site().sensors.clone();
            for sensor in &sensors {
                let scan = scan(sensor, (ms / 100) as u32, ms, place, velocity);
                edge.handle(at(ms + 5), Input::Scan(scan));
            }
        }
        edge.handle(at(ms + 9), Input::Timer);
        while let Some(output) = edge.poll() {
            if let Output::Neighbour { to, tracks } = output {
                words.push((ms, to, tracks));
            }
        }
    }
    words
}

fn word(sequence: u64, ms: u64, tracks: Vec<Track>) -> NeighbourTracks {
    NeighbourTracks { site: there().id.clone(), boot: 1, sequence, valid_at: at(ms).utc, tracks }
}

/// A road user that `there` knows, at a place and for a time.
fn track(n: u64, ms: u64, position: Point) -> Track {
    Track {
        id: TrackId(n),
        island: IslandId::new(&there().id, TrackId(n)),
        valid_at: at(ms).utc,
        measured_at: at(ms).utc,
        since: START,
        position,
        velocity: Vector::zeros(),
        covariance: Matrix4::identity() * 0.05,
        existence: 0.999,
        class: ClassBelief::UNIFORM,
        extent_m: None,
        heading: None,
        vehicle: None,
        sources: Sources { radar: true, camera: false, v2x: false },
    }
}

fn hear(edge: &mut Edge, ms: u64, word: NeighbourTracks) {
    edge.handle(at(ms), Input::Neighbour(word));
}

fn names(edge: &Edge, ms: u64) -> Vec<IslandId> {
    edge.tracks_at(at(ms).utc).iter().map(|track| track.island).collect()
}

#[test]
fn neighbours_are_the_sites_within_a_few_seconds_drive_and_both_say_so() {
    for site in &MAP.sites {
        for near in neighbours_of(&MAP, site) {
            let gap_m = (near.position - site.position).norm() - near.coverage_m - site.coverage_m;
            assert!(gap_m < 105.0 && near.id != site.id);
            assert!(neighbours_of(&MAP, near).iter().any(|back| back.id == site.id), "{} and {}", site.id, near.id);
        }
    }
    assert_eq!(neighbours_of(&MAP, here())[0].id, there().id);
    // Nearest to the end of the island, with 353 m to the next.
    assert!(neighbours_of(&MAP, site("zhongxin-meizizhou")).is_empty());
}

#[test]
fn who_goes_to_a_neighbour_is_told_five_times_a_second_and_who_goes_away_is_not() {
    let (middle, direction) = between();
    let mut node = edge(here());
    let words = drive(&mut node, middle - direction * 60.0, direction * 10.0, 6000);
    assert!(words.iter().all(|(_, to, word)| *to == there().id && word.site == here().id && !word.tracks.is_empty()));
    let from = words.iter().position(|(ms, ..)| *ms > 2000).unwrap();
    assert!((18..=21).contains(&(words.len() - from)), "{} words in four seconds", words.len() - from);
    assert!(words.windows(2).all(|w| w[0].2.sequence + 1 == w[1].2.sequence));
    let island = words[from].2.tracks[0].island;
    assert!(island.is_of(&here().id) && words[from..].iter().all(|(_, _, word)| word.tracks[0].island == island));
    assert!(words.iter().all(|(ms, _, word)| at(*ms).utc.seconds_since(word.valid_at) < 0.2));

    // 190 m from the neighbour's middle, and away from it.
    let mut node = edge(here());
    let away = there().position - direction * 190.0;
    assert_eq!(drive(&mut node, away, direction * -10.0, 3000).len(), 0);
}

#[test]
fn hearsay_is_shown_and_never_passed_on() {
    let mut node = edge(here());
    let (middle, _) = between();
    let mut passed_on = 0;
    for k in 1..20_u64 {
        let ms = 200 * k;
        // A scan with nothing in it, so that there is a newest measurement to speak for.
        let blank =
            scan(&here().sensors[0], k as u32, ms - 10, here().position + Vector::new(1e4, 0.0), Vector::zeros());
        node.handle(at(ms - 5), Input::Scan(blank));
        hear(&mut node, ms, word(k, ms - 20, vec![track(7, ms - 20, middle)]));
        assert!(names(&node, ms).contains(&IslandId::new(&there().id, TrackId(7))), "at {ms}");
        while let Some(output) = node.poll() {
            passed_on += usize::from(matches!(output, Output::Neighbour { .. }));
        }
    }
    assert_eq!((passed_on, node.drops().iter().count()), (0, 0), "{:?}", node.drops());
    assert!(names(&node, 3 * 3800).is_empty());
}

#[test]
fn what_is_stale_doubled_strange_or_cannot_be_is_dropped_and_counted() {
    let (middle, direction) = between();
    let mut node = edge(here());
    let dropped = |node: &Edge, cause| node.drops().of(cause);
    let good = word(5, 1000, vec![track(1, 1000, middle)]);
    hear(&mut node, 1005, good.clone());
    assert_eq!(names(&node, 1005).len(), 1);

    hear(&mut node, 1006, good.clone());
    assert_eq!(dropped(&node, DropCause::NeighbourDuplicate), 1);
    // Another part of the same word is none.
    hear(&mut node, 1007, word(5, 1000, vec![track(2, 1000, middle + direction * 20.0)]));
    assert_eq!((names(&node, 1007).len(), dropped(&node, DropCause::NeighbourDuplicate)), (2, 1));
    // The one before, come late; the same again under a new number; one that was two seconds on its way.
    hear(&mut node, 1008, word(4, 800, vec![track(3, 800, middle)]));
    hear(&mut node, 1009, word(6, 1000, vec![track(3, 1000, middle)]));
    hear(&mut node, 3200, word(7, 1200, vec![track(3, 1200, middle)]));
    assert_eq!(dropped(&node, DropCause::NeighbourStale), 3);
    // From before a restart, when the word after it has been heard.
    hear(&mut node, 3300, NeighbourTracks { boot: 2, ..word(1, 3290, vec![track(4, 3290, middle)]) });
    hear(&mut node, 3301, word(8, 3280, vec![track(3, 3280, middle)]));
    assert_eq!((names(&node, 3301).len(), dropped(&node, DropCause::NeighbourStale)), (1, 4));

    let strange = NeighbourTracks { site: site("zhongxin-meizizhou").id.clone(), ..good };
    hear(&mut node, 3400, strange);
    assert_eq!(dropped(&node, DropCause::NeighbourUnknown), 1);

    let boot_2 = |sequence, ms, tracks| NeighbourTracks { boot: 2, ..word(sequence, ms, tracks) };
    hear(&mut node, 3500, boot_2(2, 4500, vec![track(5, 4500, middle)]));
    let mut nan = track(6, 3600, middle);
    nan.covariance[(0, 0)] = f64::NAN;
    let out_of_sight = track(7, 3600, there().position + direction * 200.0);
    let of_another_time = track(8, 3500, middle);
    let nowhere = track(9, 3600, Point::new(f64::NAN, 0.0));
    hear(&mut node, 3600, boot_2(3, 3600, vec![nan, out_of_sight, of_another_time, nowhere]));
    assert_eq!(dropped(&node, DropCause::NeighbourImplausible), 5);

    // More than anybody can have in one word.
    let crowd = (0..300).map(|n| track(1000 + n, 3800, there().position + Vector::new(0.0, 0.01 * n as f64))).collect();
    hear(&mut node, 3800, boot_2(4, 3800, crowd));
    assert_eq!(dropped(&node, DropCause::NeighbourQueueFull), 300 - 256);
}

#[test]
fn who_comes_over_a_gap_that_nobody_sees_is_expected_and_let_in_under_the_same_name() {
    // 79 m lie between the coverages of these two, 19 m between what they track.
    let (from, to) = (site("zhongxin-huandao-dong-2"), site("zhongxin-minan"));
    let direction = (to.position - from.position).normalize();
    let mut node = edge(to);
    let speed_mps = 14.0;
    let border = to.position - direction * (to.coverage_m + 30.0);
    let away_m = 25.0;
    let coming = Track {
        island: IslandId::new(&from.id, TrackId(3)),
        velocity: direction * speed_mps,
        ..track(3, 1000, border - direction * away_m)
    };
    let said = NeighbourTracks { site: from.id.clone(), ..word(1, 1000, vec![coming.clone()]) };
    hear(&mut node, 1005, said);
    assert!(names(&node, 1005).is_empty());
    let mut first = None;
    for ms in (1010..6000).step_by(10) {
        if ms % 100 == 0 {
            let blank =
                scan(&to.sensors[0], (ms / 100) as u32, ms - 10, to.position + direction * 1e4, Vector::zeros());
            node.handle(at(ms), Input::Scan(blank));
        }
        node.handle(at(ms), Input::Timer);
        if first.is_none() && names(&node, ms).contains(&coming.island) {
            first = Some(ms);
        }
    }
    // It is due at the border after 25 m at 14 m/s: 1.8 s after the word.
    let first = first.expect("let in");
    assert!((2700..3300).contains(&first), "let in at {first} ms");
    assert!(names(&node, 6000).is_empty(), "and given up when nobody sees it");
}
