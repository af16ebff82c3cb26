//! Where lanes go on: straight into another lane, or by a way through a junction.

use super::strands::joined;
use super::{Document, ImportError, Junctions, NetLink, NetWay, Strands, bounded, kind_of};
use crate::opendrive::import::Notes;

/// More ways than this are refused.
const MOST_WAYS: usize = 200_000;
/// A way that takes more stretches than this to leave its junction is left out.
const MOST_STRETCHES: usize = 12;

/// All ways through junctions. Lanes that go on without one are told so.
pub(super) fn ways(
    document: &Document<'_>,
    links: &mut [NetLink],
    strands: &Strands,
    junctions: &mut Junctions,
    notes: &mut Notes,
) -> Result<Vec<NetWay>, ImportError> {
    let mut ways = Vec::new();
    for (lane, strand) in strands {
        let from = (strand.link, strand.position);
        let Some(lane) = document.lane(xodr::LaneId(*lane)) else { continue };
        for next in &lane.successors {
            match strands.get(&next.0) {
                // The lane's own next stretch.
                Some(to) if (to.link, to.position) == from => {}
                Some(to) => {
                    let to = (to.link, to.position);
                    let known = &mut links[from.0].lanes[from.1].then;
                    if !known.contains(&to) {
                        known.push(to);
                    }
                }
                None => {
                    let mut found = Vec::new();
                    follow(document, strands, &mut vec![*next], &mut found, notes);
                    for (path, to) in found {
                        ways.extend(way(document, links, (from, to), &path, junctions));
                    }
                    bounded("ways through junctions", ways.len(), MOST_WAYS)?;
                }
            }
        }
    }
    Ok(ways)
}

type Path = Vec<xodr::LaneId>;

/// Every path over lanes of junctions that begins with `path` and reaches a lane outside.
fn follow(
    document: &Document<'_>,
    strands: &Strands,
    path: &mut Path,
    found: &mut Vec<(Path, (usize, usize))>,
    notes: &mut Notes,
) {
    let Some(lane) = path.last().and_then(|lane| document.lane(*lane)) else { return };
    if kind_of(lane).is_none() || found.len() > 256 {
        return;
    }
    if path.len() > MOST_STRETCHES {
        let road = document.road_of(lane.id).map_or("?", |road| road.od_id());
        notes.add(format!("road {road:?}: a way through its junction has more than {MOST_STRETCHES} stretches"));
        return;
    }
    for next in &lane.successors {
        match strands.get(&next.0) {
            Some(strand) => found.push((path.clone(), (strand.link, strand.position))),
            None if path.contains(next) => {}
            None => {
                path.push(*next);
                follow(document, strands, path, found, notes);
                path.pop();
            }
        }
    }
}

fn way(
    document: &Document<'_>,
    links: &[NetLink],
    (from, to): ((usize, usize), (usize, usize)),
    path: &[xodr::LaneId],
    junctions: &mut Junctions,
) -> Option<NetWay> {
    let stretches: Vec<&xodr::Lane> = path.iter().filter_map(|lane| document.lane(*lane)).collect();
    let lane_of = |at: (usize, usize)| &links[at.0].lanes[at.1];
    let kind = lane_of(from).kind;
    // A walker's way does not lead onto a carriageway, whatever is linked.
    if lane_of(to).kind != kind {
        return None;
    }
    let first = stretches.first()?;
    let junction = document.road_of(first.id)?.junction()?;
    let middle = first.center.length() / 2.0;
    Some(NetWay {
        junction: junctions.index_of(junction),
        from,
        to,
        width_m: f64::from(first.width_at(middle)).clamp(0.3, 20.0),
        speed_mps: document.speed_mps(first, kind),
        centre: joined(document, &stretches)?,
    })
}
