//! Who wants to go where: a routes file for SUMO, drawn from a seed.

use crate::xml::{Value, Xml};
use jxz_map::{LaneKind, LinkIx, Map};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Trips and walks of each kind an hour are at most this many.
const MOST_PER_HOUR: u32 = 100_000;
/// Trips shorter than this as the crow flies are drawn again, metres.
const SHORTEST_M: f64 = 400.0;

/// How much traffic a routes file asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// Everything that is left to chance follows from it.
    pub seed: u64,
    /// For how long, seconds; at most a day.
    pub seconds: f64,
    /// Cars, lorries and buses that set out in an hour.
    pub vehicles_per_hour: u32,
    /// Cyclists that set out in an hour.
    pub cyclists_per_hour: u32,
    /// People on foot that set out in an hour.
    pub walkers_per_hour: u32,
}

impl Default for Demand {
    fn default() -> Self {
        Self { seed: 7, seconds: 3600.0, vehicles_per_hour: 2400, cyclists_per_hour: 400, walkers_per_hour: 900 }
    }
}

enum Party {
    Trip { kind: &'static str, from: LinkIx, to: LinkIx },
    Walk { from: LinkIx, to: LinkIx },
}

/// A routes file (`.rou.xml`) for SUMO's network of the map: trips between links that are connected, uniformly in time;
/// SUMO finds the ways. Every twelfth vehicle is a lorry and every thirtieth a bus.
#[must_use]
pub fn demand(map: &Map, demand: &Demand) -> String {
    let mut stream = ChaCha8Rng::seed_from_u64(demand.seed);
    let (driving, cycling) = (Network::of(map, LaneKind::Driving), Network::of(map, LaneKind::Cycle));
    let mut parties: Vec<(f64, Party)> = Vec::new();
    let seconds = demand.seconds.clamp(0.0, 86_400.0);
    let count = |per_hour: u32| (f64::from(per_hour.min(MOST_PER_HOUR)) * seconds / 3600.0).round() as usize;
    for k in 0..count(demand.vehicles_per_hour) {
        let kind = match k {
            k if k % 30 == 29 => "bus",
            k if k % 12 == 11 => "truck",
            _ => "car",
        };
        let Some((from, to)) = driving.trip(map, &mut stream) else { break };
        parties.push((stream.random::<f64>() * seconds, Party::Trip { kind, from, to }));
    }
    for _ in 0..count(demand.cyclists_per_hour) {
        let Some((from, to)) = cycling.trip(map, &mut stream) else { break };
        parties.push((stream.random::<f64>() * seconds, Party::Trip { kind: "cycle", from, to }));
    }
    let paved = links_with(map, LaneKind::Footway);
    for _ in 0..count(demand.walkers_per_hour) {
        let Some((from, to)) = walk(map, &paved, &mut stream) else { break };
        parties.push((stream.random::<f64>() * seconds, Party::Walk { from, to }));
    }
    parties.sort_by(|a, b| a.0.total_cmp(&b.0));
    write(map, demand, &parties)
}

fn write(map: &Map, demand: &Demand, parties: &[(f64, Party)]) -> String {
    let mut xml = Xml::new();
    xml.comment(&format!("{} {}, seed {}; {}", map.name, map.version, demand.seed, map.credit));
    xml.begin("routes", &[]);
    // Kind, SUMO's class, length, width and height in metres, greatest acceleration, spread of drivers' wished speeds.
    let kinds = [
        ("car", "passenger", 4.6, 1.85, 1.5, 2.2, "normc(1.0,0.1,0.7,1.4)"),
        ("truck", "truck", 7.8, 2.4, 3.0, 1.1, "normc(0.9,0.05,0.7,1.0)"),
        ("bus", "bus", 11.5, 2.5, 3.1, 1.1, "normc(0.9,0.05,0.7,1.0)"),
        ("cycle", "bicycle", 1.8, 0.7, 1.7, 1.0, "normc(0.9,0.1,0.6,1.2)"),
    ];
    for (id, class, length_m, width_m, height_m, accelerate_mps2, wish) in kinds {
        xml.leaf(
            "vType",
            &[
                ("id", Value::Text(id)),
                ("vClass", Value::Text(class)),
                ("length", Value::Number(length_m, 2)),
                ("width", Value::Number(width_m, 2)),
                ("height", Value::Number(height_m, 2)),
                ("accel", Value::Number(accelerate_mps2, 2)),
                ("speedFactor", Value::Text(wish)),
            ],
        );
    }
    xml.leaf("vType", &[("id", Value::Text("walker")), ("vClass", Value::Text("pedestrian"))]);
    for (number, (at_s, party)) in parties.iter().enumerate() {
        let depart = Value::Number(*at_s, 2);
        let name = |link: &LinkIx| map.link(*link).id.as_str();
        match party {
            Party::Trip { kind, from, to } => {
                let id = format!("{kind}-{number}");
                xml.leaf(
                    "trip",
                    &[
                        ("id", Value::Text(&id)),
                        ("type", Value::Text(kind)),
                        ("depart", depart),
                        ("from", Value::Text(name(from))),
                        ("to", Value::Text(name(to))),
                        ("departLane", Value::Text("best")),
                        ("departSpeed", Value::Text("max")),
                    ],
                );
            }
            Party::Walk { from, to } => {
                let id = format!("walker-{number}");
                xml.begin("person", &[("id", Value::Text(&id)), ("type", Value::Text("walker")), ("depart", depart)]);
                xml.leaf("walk", &[("from", Value::Text(name(from))), ("to", Value::Text(name(to)))]);
                xml.end();
            }
        }
    }
    xml.finish()
}

fn links_with(map: &Map, kind: LaneKind) -> Vec<LinkIx> {
    let has = |k: &usize| map.links[*k].lanes.iter().any(|lane| map.lane(*lane).kind == kind);
    (0..map.links.len()).filter(has).map(|k| LinkIx(k as u32)).collect()
}

/// Links that have lanes of a kind, and which of them follow which.
struct Network {
    links: Vec<LinkIx>,
    next: Vec<Vec<LinkIx>>,
}

impl Network {
    fn of(map: &Map, kind: LaneKind) -> Self {
        let mut next = vec![Vec::new(); map.links.len()];
        for lane in map.lanes.iter().filter(|lane| lane.kind == kind && lane.movement.is_some()) {
            let ends = (lane.predecessors.first(), lane.successors.first());
            let (Some(from), Some(to)) = ends else { continue };
            if let (Some(from), Some(to)) = (map.lane(*from).link, map.lane(*to).link) {
                next[from.0 as usize].push(to);
            }
        }
        Self { links: links_with(map, kind), next }
    }

    /// A trip between two links one of which is reached from the other; `None` if a hundred draws find none.
    fn trip(&self, map: &Map, stream: &mut ChaCha8Rng) -> Option<(LinkIx, LinkIx)> {
        for _ in 0..100 {
            let from = *pick(&self.links, stream)?;
            let reached = self.reached(from);
            let far = |to: &&LinkIx| (map.link(**to).line.end() - map.link(from).line.start()).norm() > SHORTEST_M;
            let far: Vec<&LinkIx> = reached.iter().filter(far).collect();
            if let Some(to) = pick(&far, stream) {
                return Some((from, **to));
            }
        }
        None
    }

    fn reached(&self, from: LinkIx) -> Vec<LinkIx> {
        let mut seen = vec![false; self.next.len()];
        let mut found = vec![from];
        seen[from.0 as usize] = true;
        let mut done = 0;
        while done < found.len() {
            let here = found[done];
            done += 1;
            for next in &self.next[here.0 as usize] {
                if !core::mem::replace(&mut seen[next.0 as usize], true) {
                    found.push(*next);
                }
            }
        }
        found
    }
}

/// A walk from a link to another that meets it.
fn walk(map: &Map, paved: &[LinkIx], stream: &mut ChaCha8Rng) -> Option<(LinkIx, LinkIx)> {
    for _ in 0..100 {
        let from = *pick(paved, stream)?;
        let Some(junction) = map.link(from).to else { continue };
        let node = map.junction(junction);
        let near: Vec<LinkIx> = node
            .incoming
            .iter()
            .chain(&node.outgoing)
            .copied()
            .filter(|to| *to != from && paved.contains(to))
            .collect();
        if let Some(to) = pick(&near, stream) {
            return Some((from, *to));
        }
    }
    None
}

fn pick<'a, T>(of: &'a [T], stream: &mut ChaCha8Rng) -> Option<&'a T> {
    if of.is_empty() { None } else { of.get(stream.random_range(0..of.len())) }
}
