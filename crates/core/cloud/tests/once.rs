//! A road user that several sites see is one road user.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use common::{Island, node_state, record, track_at, warning};
use jxz_cloud::{CloudConfig, Input};
use jxz_world::{IslandId, RecordBody, SiteId, Track, WarningStage};

fn seen(island: &Island, id: u64, identity: u64, east: f64, sigma_m: f64) -> Track {
    let mut track = track_at(id, island.utc(), east, 0.0);
    (track.island, track.since) = (IslandId(identity), common::START);
    track.covariance[(0, 0)] = sigma_m * sigma_m;
    track.covariance[(1, 1)] = sigma_m * sigma_m;
    track
}

fn say(island: &mut Island, site: &str, sequence: u64, tracks: Vec<Track>) {
    let state = node_state(site, 7, sequence, island.utc(), tracks);
    island.say(Input::State(state));
}

#[test]
fn seen_by_two_sites_it_is_shown_once_as_the_better_knows_it() {
    let mut island = Island::new(CloudConfig::default());
    let (poor, good) = (seen(&island, 4, 99, 10.0, 2.0), seen(&island, 11, 99, 11.0, 0.4));
    say(&mut island, "north", 1, vec![poor]);
    say(&mut island, "south", 1, vec![good]);
    let view = island.view();
    let [track] = view.tracks().collect::<Vec<_>>()[..] else { panic!("one, not {}", view.track_count()) };
    assert_eq!((track.site.0.as_str(), track.track.position.x), ("south", 11.0));
    assert_eq!(track.also_seen_by, [SiteId("north".into())]);
    assert_eq!(view.tracks_live(), 1);
    assert_eq!(view.nodes.iter().map(|node| node.tracks).collect::<Vec<_>>(), [1, 1], "each node still has its own");

    // The better one falls silent: what is newer is better than what was sharper.
    island.run_to_ms(700);
    let newer = seen(&island, 4, 99, 13.0, 2.0);
    say(&mut island, "north", 2, vec![newer]);
    let view = island.view();
    assert_eq!((view.track_count(), view.track(0).unwrap().site.0.as_str()), (1, "north"));
}

#[test]
fn its_number_is_the_same_from_site_to_site_and_in_warnings() {
    let mut island = Island::new(CloudConfig::default());
    let before = seen(&island, 1, 99, 10.0, 1.0);
    say(&mut island, "north", 1, vec![before]);
    let number = island.view().track(0).unwrap().id;
    let after = seen(&island, 50, 99, 12.0, 0.5);
    say(&mut island, "south", 1, vec![after]);
    let warned = warning(5, 1, WarningStage::Raised, island.utc());
    island.say(Input::Record(record("north", 7, 1, RecordBody::Warning(warned))));
    let view = island.view();
    assert_eq!((view.track(0).unwrap().site.0.as_str(), view.track(0).unwrap().id), ("south", number));
    assert_eq!(view.warnings[0].concerned, [number]);
}

#[test]
fn one_identity_far_apart_or_begun_anew_is_two_road_users() {
    let mut island = Island::new(CloudConfig::default());
    let (here, there) = (seen(&island, 1, 99, 10.0, 1.0), seen(&island, 1, 99, 300.0, 1.0));
    say(&mut island, "north", 1, vec![here]);
    say(&mut island, "south", 1, vec![there]);
    assert_eq!(island.view().track_count(), 2, "far apart");

    let mut island = Island::new(CloudConfig::default());
    let (old, mut new) = (seen(&island, 1, 99, 10.0, 1.0), seen(&island, 1, 99, 10.0, 1.0));
    new.since = new.since.plus_seconds(-60.0);
    say(&mut island, "north", 1, vec![old]);
    say(&mut island, "south", 1, vec![new]);
    assert_eq!(island.view().track_count(), 2, "a number used again after a restart");
}
