//! Events refer to the links and lanes of the map that their path lies on.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod scene;

use jxz_geo::{Point, Polyline};
use jxz_map::{Lane, LaneIx, LaneKind, LinkIx};
use jxz_v2x::{CODES, Encoded, Encoder, LinkRef, Profile, Received, RsiCode, Standing};
use jxz_world::{Application, Cause, Level, Place, Site, Warning, WarningId, WarningStage};
use scene::{ISLAND, UNIT, heard, now};
use std::collections::BTreeSet;

fn site() -> &'static Site {
    &ISLAND.sites[0]
}

fn warning(path: Polyline) -> Warning {
    Warning {
        id: WarningId(1),
        revision: 1,
        application: Application::Hlw,
        level: Level::Warning,
        stage: WarningStage::Raised,
        cause: Cause::StoppedVehicle { standing_s: 9.0 },
        about: Vec::new(),
        concerned: Vec::new(),
        place: Place { at: path.end(), path, radius_m: 4.0 },
        paths: Vec::new(),
        since: now(),
        sensed_at: now(),
        valid_until: now().plus_seconds(5.0),
        confidence: 0.9,
    }
}

fn links_of(encoder: &mut Encoder, path: Polyline) -> Vec<LinkRef> {
    let mut told = Encoded::default();
    encoder.rsi(now(), &[warning(path)], &mut told);
    let Received::Rsi(rsi) = &heard(&told, Profile::Day2, &ISLAND.frame)[0] else { panic!("not an RSI") };
    rsi.warnings[0].links.clone()
}

/// The driving lanes that lead to the site's junction, each with its link.
fn approaches() -> impl Iterator<Item = (LinkIx, &'static Lane)> {
    let junction = ISLAND.junction_by_id(site().junction.as_ref().unwrap()).unwrap();
    let links = ISLAND.junction(junction).incoming.iter();
    links.flat_map(|ix| ISLAND.link(*ix).lanes.iter().map(|lane| (*ix, ISLAND.lane(*lane))))
}

fn ends(link: LinkIx) -> (u16, u16) {
    let link = ISLAND.link(link);
    let node = |junction: Option<_>| junction.map_or(0, |ix| ISLAND.junction(ix).node_id);
    (node(link.from), node(link.to))
}

fn ends_of(link: &LinkRef) -> (u16, u16) {
    (link.upstream.id, link.downstream.id)
}

#[test]
fn a_path_along_a_lane_names_its_link_and_that_lane_alone() {
    let mut encoder = Encoder::for_site(&ISLAND, site(), Profile::Day2, UNIT, 0);
    let mut seen = 0;
    for (ix, lane) in approaches().filter(|(_, lane)| lane.kind == LaneKind::Driving) {
        let links = links_of(&mut encoder, lane.centre.clone());
        assert_eq!(links.iter().map(ends_of).collect::<Vec<_>>(), [ends(ix)], "{}", lane.id);
        let number = ISLAND.link(ix).lanes.iter().position(|known| ISLAND.lane(*known).id == lane.id).unwrap() + 1;
        assert_eq!(links[0].lanes.as_deref(), Some(&[number as u8][..]), "{}", lane.id);
        seen += 1;
    }
    assert!(seen >= 4);
}

#[test]
fn a_path_through_the_junction_names_both_links_in_the_order_of_travel() {
    let mut encoder = Encoder::for_site(&ISLAND, site(), Profile::Day2, UNIT, 0);
    let lane = |ix: LaneIx| ISLAND.lane(ix);
    let mut seen = 0;
    for (from, approach) in approaches().filter(|(_, lane)| lane.kind == LaneKind::Driving) {
        for connector in approach.successors.iter().map(|ix| lane(*ix)) {
            let Some((into, to)) = connector.successors.iter().find_map(|ix| lane(*ix).link.map(|to| (lane(*ix), to)))
            else {
                continue;
            };
            let whole = [&approach.centre, &connector.centre, &into.centre];
            let points: Vec<Point> = whole.iter().flat_map(|line| line.points().iter().copied()).collect();
            let named: Vec<_> = links_of(&mut encoder, Polyline::new(points).unwrap()).iter().map(ends_of).collect();
            assert_eq!(named, [ends(from), ends(to)], "{} through {}", approach.id, connector.id);
            seen += 1;
        }
    }
    assert!(seen >= 4);
}

#[test]
fn a_path_off_the_road_or_against_it_names_none() {
    let mut encoder = Encoder::for_site(&ISLAND, site(), Profile::Day2, UNIT, 0);
    let (_, lane) = approaches().find(|(_, lane)| lane.kind == LaneKind::Driving && lane.position == 0).unwrap();
    assert_eq!(links_of(&mut encoder, lane.centre.offset(-60.0).unwrap()).iter().map(ends_of).count(), 0);
    let far = lane.centre.points().iter().map(|point| Point::new(point.x + 50_000.0, point.y)).collect();
    assert_eq!(links_of(&mut encoder, Polyline::new(far).unwrap()), []);
    let mut without = Encoder::new(ISLAND.frame, Profile::Day2, UNIT, site().position, 0);
    assert_eq!(links_of(&mut without, lane.centre.clone()), [], "an encoder that knows no roads");
}

#[test]
fn the_public_codes_are_listed_once_each_with_their_standing() {
    let codes: BTreeSet<RsiCode> = CODES.iter().map(|(code, ..)| *code).collect();
    assert_eq!(codes.len(), CODES.len());
    assert_eq!(RsiCode::Event(707).meaning(), Some(("congestion", Standing::Read)));
    assert_eq!(RsiCode::Event(103).meaning(), Some(("accident", Standing::Unverified)));
    assert_eq!(RsiCode::Sign(85).meaning(), Some(("speed limit", Standing::Unverified)));
    assert_eq!(RsiCode::Event(999).meaning(), None);
}
