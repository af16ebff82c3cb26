//! A small hand-built town and road users that move by closed forms.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)] // Each test file uses its own part of this.

use jxz_geo::{LocalFrame, Point, Polyline, Vector, Wgs84};
use jxz_hazard::{HazardConfig, Hazards, Round};
use jxz_map::{
    Control, Crossing, CrossingControl, CrossingIx, Junction, JunctionIx, Lane, LaneIx, LaneKind, Link, LinkIx, Map,
    Movement, Turn,
};
use jxz_units::{Heading, Utc, Yaw};
use jxz_world::{
    Application, ClassBelief, IslandId, JunctionId, JunctionSignals, Light, PhaseId, PhaseSignal, RoadUserClass, Site,
    SiteId, Sources, Track, TrackId, VehicleDetails, VehicleId, VehicleReport, Warning, WarningKind, WarningStage,
};
use nalgebra::Matrix4;
use std::sync::Arc;

pub const LANE_M: f64 = 3.25;
/// Half of the junction's box: lanes end and connectors begin here.
pub const BOX_M: f64 = 15.0;
pub const LEG_M: f64 = 200.0;
pub const LIMIT_MPS: f64 = 50.0 / 3.6;
/// Phase of the approaches from east and west, and of those from north and south.
pub const EAST_WEST: PhaseId = PhaseId(1);
pub const NORTH_SOUTH: PhaseId = PhaseId(2);

/// East, north, west, south: outward directions of the legs, in this order.
const LEGS: [(f64, f64); 4] = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)];

struct Builder {
    map: Map,
}

impl Builder {
    fn lane(&mut self, id: String, points: Vec<Point>, link: Option<LinkIx>, position: u8) -> LaneIx {
        self.map.lanes.push(Lane {
            id,
            kind: LaneKind::Driving,
            centre: Polyline::new(points).unwrap(),
            width_m: LANE_M,
            speed_limit_mps: LIMIT_MPS,
            link,
            position,
            movement: None,
            successors: Vec::new(),
            predecessors: Vec::new(),
            left: None,
            right: None,
            stop_line_m: None,
            crossings: Vec::new(),
        });
        LaneIx(self.map.lanes.len() as u32 - 1)
    }

    fn link(&mut self, id: &str, from: Point, to: Point, lanes: u8) -> LinkIx {
        let ix = LinkIx(self.map.links.len() as u32);
        let along = (to - from).normalize();
        let right = Vector::new(along.y, -along.x);
        let lanes = (0..lanes)
            .map(|k| {
                let aside = right * ((f64::from(k) + 0.5) * LANE_M);
                self.lane(format!("{id}-{k}"), vec![from + aside, to + aside], Some(ix), k)
            })
            .collect();
        self.map.links.push(Link {
            id: id.into(),
            name_zh: String::new(),
            line: Polyline::new(vec![from, to]).unwrap(),
            lanes,
            from: None,
            to: None,
            speed_limit_mps: LIMIT_MPS,
            opposite: None,
            level: 0,
        });
        ix
    }

    fn connect(
        &mut self,
        from: LaneIx,
        to: LaneIx,
        turn: Turn,
        phase: Option<PhaseId>,
        junction: JunctionIx,
    ) -> LaneIx {
        let (a, b) = (self.map.lane(from).centre.clone(), self.map.lane(to).centre.clone());
        let (start, end, d, e) = (a.end(), b.start(), a.direction_at(a.length_m()), b.direction_at(0.0));
        let cross = d.perp(&e);
        // A quadratic curve through the corner in which the two directions meet.
        let corner =
            if cross.abs() < 0.1 { start + (end - start) * 0.5 } else { start + d * ((end - start).perp(&e) / cross) };
        let points = (0..=12)
            .map(|i| {
                let u = f64::from(i) / 12.0;
                let (p, q) = (start + (corner - start) * u, corner + (end - corner) * u);
                p + (q - p) * u
            })
            .collect();
        let ix = self.lane(format!("c{}-{}", from.0, to.0), points, None, 0);
        let movement = Movement {
            junction,
            turn,
            phase,
            on_red: turn == Turn::Right,
            conflicts: Vec::new(),
            yields_to: Vec::new(),
        };
        let lane = &mut self.map.lanes[ix.0 as usize];
        lane.movement = Some(movement);
        (lane.successors, lane.predecessors) = (vec![to], vec![from]);
        self.map.lanes[from.0 as usize].successors.push(ix);
        self.map.lanes[to.0 as usize].predecessors.push(ix);
        ix
    }

    fn junction(&mut self, id: &str, centre: Point) -> JunctionIx {
        let ix = self.map.junctions.len();
        self.map.junctions.push(Junction {
            id: JunctionId(id.into()),
            node_id: ix as u16 + 1,
            name_zh: String::new(),
            centre,
            control: Control::Uncontrolled,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            connectors: Vec::new(),
            crossings: Vec::new(),
        });
        JunctionIx(ix as u32)
    }
}

/// A crossing of two four-lane roads at the origin, legs of 200 m, and a way around its east leg by the north.
/// A zebra crosses the east leg at x = 40.
pub fn town() -> Arc<Map> {
    let frame = LocalFrame::new(Wgs84 { lat_deg: 32.03, lon_deg: 118.7 }).unwrap();
    let map = Map {
        frame,
        name: "town".into(),
        version: "1".into(),
        credit: String::new(),
        lanes: Vec::new(),
        links: Vec::new(),
        junctions: Vec::new(),
        crossings: Vec::new(),
        bus_stops: Vec::new(),
        sites: Vec::new(),
        base_stations: Vec::new(),
    };
    let mut b = Builder { map };
    let main = b.junction("main", Point::origin());
    let (mut incoming, mut outgoing) = (Vec::new(), Vec::new());
    for (k, (x, y)) in LEGS.into_iter().enumerate() {
        let name = ["east", "north", "west", "south"][k];
        let (near, far) = (Point::new(x * BOX_M, y * BOX_M), Point::new(x * LEG_M, y * LEG_M));
        incoming.push(b.link(&format!("{name}-in"), far, near, 2));
        outgoing.push(b.link(&format!("{name}-out"), near, far, 2));
    }
    let (mut straights, mut lefts) = (Vec::new(), Vec::new());
    for (k, link) in incoming.iter().enumerate() {
        let phase = Some(if k % 2 == 0 { EAST_WEST } else { NORTH_SOUTH });
        let from = b.map.link(*link).lanes.clone();
        // One who comes from the east drives west: left is south.
        let to = |b: &Builder, leg: usize| b.map.link(outgoing[leg % 4]).lanes.clone();
        let (ahead, left, right) = (to(&b, k + 2), to(&b, k + 3), to(&b, k + 1));
        straights.push([0, 1].map(|l| b.connect(from[l], ahead[l], Turn::Straight, phase, main)));
        lefts.push(b.connect(from[0], left[0], Turn::Left, phase, main));
        b.connect(from[1], right[1], Turn::Right, phase, main);
        for lane in from {
            let lane = &mut b.map.lanes[lane.0 as usize];
            lane.stop_line_m = Some(lane.centre.length_m() - 1.0);
        }
    }
    for k in 0..4 {
        let oncoming = straights[(k + 2) % 4].to_vec();
        b.map.lanes[lefts[k].0 as usize].movement.as_mut().unwrap().yields_to = oncoming;
    }
    around(&mut b, outgoing[0], outgoing[1]);
    zebra(&mut b, outgoing[0], incoming[0]);
    Arc::new(b.map)
}

/// north-out -> (0,200) -> top -> (220,200) -> down -> (220,0), where east-out goes on into east-beyond.
fn around(b: &mut Builder, east_out: LinkIx, north_out: LinkIx) {
    let (j_north, j_corner, j_east) = (
        b.junction("north", Point::new(0.0, LEG_M)),
        b.junction("corner", Point::new(220.0, LEG_M)),
        b.junction("east", Point::new(220.0, 0.0)),
    );
    let top = b.link("top", Point::new(10.0, 210.0), Point::new(210.0, 210.0), 1);
    let down = b.link("down", Point::new(220.0, 190.0), Point::new(220.0, 15.0), 1);
    let beyond = b.link("east-beyond", Point::new(235.0, 0.0), Point::new(400.0, 0.0), 1);
    let lane = |b: &Builder, link: LinkIx, k: usize| b.map.link(link).lanes[k];
    let (from, to) = (lane(b, north_out, 1), lane(b, top, 0));
    b.connect(from, to, Turn::Right, None, j_north);
    let (from, to) = (lane(b, top, 0), lane(b, down, 0));
    b.connect(from, to, Turn::Right, None, j_corner);
    let (from, to) = (lane(b, down, 0), lane(b, beyond, 0));
    b.connect(from, to, Turn::Left, None, j_east);
    let to = lane(b, beyond, 0);
    for k in 0..2 {
        let from = lane(b, east_out, k);
        b.connect(from, to, Turn::Straight, None, j_east);
    }
}

fn zebra(b: &mut Builder, out: LinkIx, back: LinkIx) {
    let mut lanes = Vec::new();
    for link in [out, back] {
        for lane in b.map.link(link).lanes.clone() {
            let y = b.map.lane(lane).centre.start().y;
            let s = b.map.lane(lane).centre.project(Point::new(40.0, y)).s_m;
            b.map.lanes[lane.0 as usize].crossings.push((CrossingIx(0), s));
            lanes.push((lane, y + 8.0, s));
        }
    }
    b.map.crossings.push(Crossing {
        id: "zebra".into(),
        line: Polyline::new(vec![Point::new(40.0, -8.0), Point::new(40.0, 8.0)]).unwrap(),
        width_m: 4.0,
        control: Some(CrossingControl::Yield),
        lanes,
    });
}

pub fn site() -> Site {
    Site {
        id: SiteId("main".into()),
        name_zh: String::new(),
        name_en: String::new(),
        position: Point::origin(),
        coverage_m: 200.0,
        junction: Some(JunctionId("main".into())),
        sensors: Vec::new(),
    }
}

pub fn hazards(config: HazardConfig) -> Hazards {
    Hazards::new(town(), &site(), config)
}

pub fn at(t: f64) -> Utc {
    Utc::from_unix_ms(1_786_270_000_000).plus_seconds(t)
}

/// A road user seen well: 10 cm, 0.2 m/s.
pub fn user(id: u64, class: RoadUserClass, t: f64, position: (f64, f64), velocity: (f64, f64)) -> Track {
    let mut weights = [0.02; 3];
    weights[class.index()] = 0.96;
    let velocity = Vector::new(velocity.0, velocity.1);
    let heading = (velocity.norm() > 0.3).then(|| Yaw::of_vector(velocity.x, velocity.y).to_heading());
    Track {
        id: TrackId(id),
        island: IslandId(id),
        valid_at: at(t),
        measured_at: at(t - 0.02),
        since: at(-100.0),
        position: Point::new(position.0, position.1),
        velocity,
        covariance: Matrix4::from_diagonal(&nalgebra::Vector4::new(0.01, 0.01, 0.04, 0.04)),
        existence: 0.99,
        class: ClassBelief::from_weights(weights),
        extent_m: None,
        heading,
        vehicle: None,
        sources: Sources::default(),
    }
}

pub fn car(id: u64, t: f64, position: (f64, f64), velocity: (f64, f64)) -> Track {
    user(id, RoadUserClass::Motor, t, position, velocity)
}

/// A car that stands, with the heading (degrees) that it came with.
pub fn standing(id: u64, t: f64, position: (f64, f64), heading_deg: f64) -> Track {
    Track { heading: Some(Heading::from_deg(heading_deg)), ..car(id, t, position, (0.0, 0.0)) }
}

pub fn walker(id: u64, t: f64, position: (f64, f64), velocity: (f64, f64)) -> Track {
    user(id, RoadUserClass::Pedestrian, t, position, velocity)
}

/// The middle of the eastbound or northbound lane `k` on the right of its road.
pub fn right_of(k: u8) -> f64 {
    (f64::from(k) + 0.5) * LANE_M
}

/// One road green, the other red, for long.
pub fn signals(t: f64, green: PhaseId) -> JunctionSignals {
    let phases = [EAST_WEST, NORTH_SOUTH].map(|phase| PhaseSignal {
        phase,
        light: if phase == green { Light::Green } else { Light::Red },
        likely_end: at(t + 30.0),
        next: Some((Light::Yellow, 3.0)),
    });
    JunctionSignals { junction: JunctionId("main".into()), valid_at: at(t), phases: phases.to_vec() }
}

/// Everything said in a scenario, with the time since its start.
#[derive(Debug, Default)]
pub struct Said(pub Vec<(f64, Warning)>);

impl Said {
    pub fn of(&self, kind: WarningKind, stage: WarningStage) -> Vec<&(f64, Warning)> {
        self.0.iter().filter(|(_, w)| w.kind() == kind && w.stage == stage).collect()
    }

    /// What one application raised.
    pub fn by(&self, application: Application) -> Vec<&(f64, Warning)> {
        self.0.iter().filter(|(_, w)| w.application == application && w.stage == WarningStage::Raised).collect()
    }

    /// Applications that raised something, each once.
    pub fn applications(&self) -> Vec<Application> {
        let mut all: Vec<_> =
            self.0.iter().filter(|(_, w)| w.stage == WarningStage::Raised).map(|(_, w)| w.application).collect();
        all.sort();
        all.dedup();
        all
    }

    pub fn raised(&self, kind: WarningKind) -> Vec<&(f64, Warning)> {
        self.of(kind, WarningStage::Raised)
    }

    /// Kinds raised, sorted, each once.
    pub fn kinds(&self) -> Vec<WarningKind> {
        let mut kinds: Vec<_> =
            self.0.iter().filter(|(_, w)| w.stage == WarningStage::Raised).map(|(_, w)| w.kind()).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }
}

/// Ten rounds a second from `from` to `to`, with the tracks and the light of each time.
pub fn play(
    hazards: &mut Hazards,
    (from, to): (f64, f64),
    tracks: impl Fn(f64) -> Vec<Track>,
    green: Option<PhaseId>,
) -> Said {
    let mut said = Said::default();
    for i in 0..((to - from) * 10.0).round() as u32 {
        let t = from + f64::from(i) * 0.1;
        let lights = green.map(|green| signals(t, green));
        for warning in hazards.assess(&Round::of_tracks(at(t), &tracks(t), lights.as_ref())) {
            said.0.push((t, warning));
        }
    }
    said
}

/// Distance and speed `t` seconds after braking from `v` with `a` began; before that, at constant speed.
pub fn braking(v: f64, a: f64, t: f64) -> (f64, f64) {
    if t <= 0.0 {
        (v * t, v)
    } else {
        let t = t.min(v / a);
        (v * t - 0.5 * a * t * t, v - a * t)
    }
}

/// What a vehicle says of itself at an instant.
pub fn report(id: u64, t: f64, details: VehicleDetails) -> (VehicleId, VehicleReport) {
    let vehicle = VehicleId(id.to_be_bytes());
    let report = VehicleReport {
        vehicle,
        message_count: 0,
        valid_at: at(t),
        position: Point::origin(),
        position_sigma_m: None,
        speed_mps: None,
        heading: None,
        acceleration_mps2: None,
        extent_m: None,
        class: None,
        details,
    };
    (vehicle, report)
}
