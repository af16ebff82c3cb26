//! MAP and the standing signs of every junction of the island, in every profile.
#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]

mod scene;

use jxz_map::{Control, JunctionIx, LaneKind, LinkIx};
use jxz_v2x::{
    Encoded, Encoder, MessageKind, Profile, Received, ReceivedLink, ReceivedNode, ReceivedWarning, RsiClass, RsiCode,
};
use scene::{ISLAND, UNIT, heard, now, raw};
use std::collections::{BTreeMap, BTreeSet};

fn junctions() -> impl Iterator<Item = JunctionIx> {
    (0..ISLAND.junctions.len()).map(|k| JunctionIx(k as u32))
}

fn encoder(profile: Profile) -> Encoder {
    Encoder::for_site(&ISLAND, &ISLAND.sites[0], profile, UNIT, 0)
}

/// The MAP of a junction, its frames put together.
fn told_map(encoder: &mut Encoder, profile: Profile, junction: JunctionIx) -> (ReceivedNode, Encoded) {
    let mut told = Encoded::default();
    encoder.map_message(now(), &ISLAND, junction, &mut told);
    let nodes = heard(&told, profile, &ISLAND.frame).into_iter().flat_map(|received| match received {
        Received::Map(map) => map.nodes,
        other => panic!("{other:?}"),
    });
    let whole = nodes.reduce(|mut whole, part| {
        assert_eq!((part.node, &part.name, part.position), (whole.node, &whole.name, whole.position));
        whole.links.extend(part.links);
        whole
    });
    (whole.unwrap(), told)
}

/// The links that enter each node, by node and upstream node, as the MAPs of the whole island tell them.
fn links_by_ends(profile: Profile) -> BTreeMap<(u16, u16), Vec<ReceivedLink>> {
    let mut encoder = encoder(profile);
    let mut links: BTreeMap<(u16, u16), Vec<ReceivedLink>> = BTreeMap::new();
    for junction in junctions() {
        let (node, _) = told_map(&mut encoder, profile, junction);
        for link in node.links {
            links.entry((link.upstream.id, node.node.id)).or_default().push(link);
        }
    }
    links
}

fn upstream(ix: LinkIx) -> u16 {
    ISLAND.link(ix).from.map_or(0, |from| ISLAND.junction(from).node_id)
}

#[test]
fn every_junction_is_told_whole_in_frames_that_fit_a_packet() {
    for profile in Profile::ALL {
        let mut encoder = encoder(profile);
        let mut split = 0;
        for ix in junctions() {
            let junction = ISLAND.junction(ix);
            let (node, told) = told_map(&mut encoder, profile, ix);
            assert!(told.refused.is_empty(), "{}: {:?}", junction.id, told.refused);
            for frame in &told.frames {
                assert!(frame.bytes.len() <= 1200, "{}, {profile}: {} bytes", junction.id, frame.bytes.len());
                assert_eq!(raw(&frame.bytes, profile)["mapFrame"]["timeStamp"], 317_411, "the minute of sending");
            }
            split += usize::from(told.frames.len() > 1);
            assert_eq!((node.node.id, node.name.as_deref()), (junction.node_id, Some(junction.id.0.as_str())));
            let sent: Vec<_> =
                junction.incoming.iter().map(|ix| (upstream(*ix), ISLAND.link(*ix).lanes.len())).collect();
            let got: Vec<_> = node.links.iter().map(|link| (link.upstream.id, link.lanes.len())).collect();
            assert_eq!(got, sent, "{}: every link once, with all its lanes", junction.id);
            for (link, ix) in node.links.iter().zip(&junction.incoming) {
                assert_eq!(link.name.as_deref(), Some(ISLAND.link(*ix).id.as_str()));
                assert!((link.line[0] - ISLAND.link(*ix).line.start()).norm() < 0.01);
            }
        }
        assert!(split > 0, "some junction of the island takes several frames");
    }
}

#[test]
fn every_way_on_leads_into_a_lane_that_the_neighbour_tells() {
    for profile in Profile::ALL {
        let links = links_by_ends(profile);
        let mut ways = 0;
        for ((_, node), arrivals) in &links {
            for connection in arrivals.iter().flat_map(|link| &link.lanes).flat_map(|lane| &lane.connections) {
                let lane = connection.lane.expect("the lane is told");
                ways += 1;
                if connection.node.id == 0 {
                    // Off the map: no neighbour tells it, the map does.
                    let leaving = ISLAND.links.iter().filter(|link| {
                        link.to.is_none() && link.from.is_some_and(|from| ISLAND.junction(from).node_id == *node)
                    });
                    assert!(leaving.map(|link| link.lanes.len()).max() >= Some(lane.into()), "{node} off the map");
                    continue;
                }
                let known = links.get(&(*node, connection.node.id));
                let numbers: BTreeSet<u8> =
                    known.into_iter().flatten().flat_map(|link| &link.lanes).map(|lane| lane.number).collect();
                assert!(numbers.contains(&lane), "{node} to {} lane {lane}: {numbers:?}", connection.node.id);
            }
        }
        assert!(ways > 500, "{ways} ways");
    }
}

#[test]
fn phases_are_those_of_the_junctions_signals() {
    let mut encoder = encoder(Profile::Day2);
    let mut signalled = 0;
    for ix in junctions() {
        let (node, _) = told_map(&mut encoder, Profile::Day2, ix);
        let connections = node.links.iter().flat_map(|link| &link.lanes).flat_map(|lane| &lane.connections);
        let told: BTreeSet<u8> = connections.filter_map(|connection| connection.phase).map(|phase| phase.0).collect();
        let junction = ISLAND.junction(ix);
        match &junction.control {
            Control::Signals(plan) => {
                let planned: BTreeSet<u8> = plan.stages.iter().flat_map(|stage| &stage.green).map(|p| p.0).collect();
                assert!(!told.is_empty() && told.is_subset(&planned), "{}: {told:?} of {planned:?}", junction.id);
                signalled += 1;
            }
            _ => assert!(told.is_empty(), "{} has no signals", junction.id),
        }
    }
    assert!(signalled > 5);
}

/// The standing signs of a junction.
fn told_signs(encoder: &mut Encoder, junction: JunctionIx) -> Vec<ReceivedWarning> {
    let mut told = Encoded::default();
    encoder.signs(now(), &ISLAND, junction, &mut told);
    assert!(told.refused.is_empty(), "{:?}", told.refused);
    for frame in &told.frames {
        assert!(frame.kind == MessageKind::Rsi(RsiClass::Static) && frame.bytes.len() <= 1300);
    }
    let heard = heard(&told, Profile::Day2, &ISLAND.frame).into_iter();
    heard
        .flat_map(|received| match received {
            Received::Rsi(rsi) => rsi.warnings,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn the_limits_around_a_junction_stand_as_signs_that_keep_their_numbers() {
    for ix in junctions() {
        let junction = ISLAND.junction(ix);
        let mut encoder = encoder(Profile::Day2);
        let signs = told_signs(&mut encoder, ix);
        let has_driving =
            |ix: &LinkIx| ISLAND.link(*ix).lanes.iter().any(|lane| ISLAND.lane(*lane).kind == LaneKind::Driving);
        let around = junction.incoming.iter().chain(&junction.outgoing).copied();
        let links: Vec<LinkIx> = around.filter(has_driving).collect();
        assert_eq!(signs.len(), links.len(), "{}", junction.id);
        for (sign, link) in signs.iter().zip(&links) {
            let link = ISLAND.link(*link);
            assert_eq!((sign.code, sign.notice.as_ref()), (RsiCode::Sign(85), None));
            assert_eq!(sign.text, Some(format!("{:.0} km/h", link.speed_limit_mps * 3.6)));
            assert!((sign.at.unwrap() - link.line.start()).norm() < 0.01);
            let [reference] = &sign.links[..] else { panic!("{:?}", sign.links) };
            let node = |junction: Option<JunctionIx>| junction.map_or(0, |ix| ISLAND.junction(ix).node_id);
            assert_eq!((reference.upstream.id, reference.downstream.id), (node(link.from), node(link.to)));
            assert!(reference.lanes.as_ref().unwrap().iter().all(|lane| usize::from(*lane) <= link.lanes.len()));
            assert!((sign.paths[0].0[0] - link.line.start()).norm() < 0.01 && sign.paths[0].1 > 2.0);
            assert!(sign.number >= 192, "warnings have the numbers below");
        }
        let numbers = |signs: &[ReceivedWarning]| signs.iter().map(|sign| sign.number).collect::<Vec<_>>();
        let again = told_signs(&mut encoder, ix);
        assert_eq!(numbers(&again), numbers(&signs));
        assert_eq!(numbers(&signs).into_iter().collect::<BTreeSet<_>>().len(), signs.len(), "one sign, one number");
    }
}
