//! Single road users with scripts: who they are, when they act, and what they do.

mod act;
mod cast;
mod cue;
mod place;
mod rehearsal;

use super::Scene;
use super::demand::{self, WALKER_IDS};
use super::script::{Acted, Script};
use super::vehicle::{RoadUserKind, Vehicle};
use super::walker::{Stage as WalkerStage, Walker};
use crate::outline::Outline;
use act::Act;
use cue::Cue;
use jxz_geo::{Point, Polyline, Vector};
use jxz_map::LaneIx;
use jxz_world::{Emergency, LightBar, Response, VehicleDetails, VehicleEvents};
use place::{Spot, Want};

/// A place on the road, and the direction there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    at: Point,
    along: Vector,
}

/// Braking that a unit tells as hard, m/s²: 0.4 g.
const HARD_BRAKING_MPS2: f64 = 3.9;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Playing,
    Gone,
}

/// One actor.
#[derive(Debug, Clone)]
struct Player {
    name: String,
    /// The key that describes it.
    path: String,
    id: u64,
    body: RoadUserKind,
    length_m: f64,
    connected: bool,
    reacts: bool,
    heeds: bool,
    obeys: bool,
    hurries: bool,
    off_lanes: bool,
    spot: Spot,
    wants: Vec<Want>,
    /// The lanes that it drives; of those off the lanes, only the one that it stands beside.
    way: Vec<LaneIx>,
    /// Of those off the lanes, the line that it is on.
    line: Polyline,
    /// Speed at the start, metres per second.
    start_mps: f64,
    appears: Cue,
    steps: Vec<(Cue, Act)>,
    phase: Phase,
    /// The step that comes next.
    next: usize,
    /// When the step before was done; `None`: not yet.
    done_s: Option<f64>,
    drives: act::Drives,
    lamps: crate::scenario::Lamps,
}

/// Every actor of a scenario.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stage {
    players: Vec<Player>,
    /// Where each is now.
    seen: Vec<Option<Outline>>,
    /// Every other vehicle, if any actor off the lanes reacts.
    strangers: Vec<Outline>,
}

impl Stage {
    pub(crate) fn is_empty(&self) -> bool {
        self.players.is_empty()
    }

    /// Every actor's name and number.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, u64)> {
        self.players.iter().map(|player| (player.name.as_str(), player.id))
    }

    /// Whether someone on foot is an actor.
    pub(crate) fn holds(&self, walker: u64) -> bool {
        walker >= WALKER_IDS && ((walker - WALKER_IDS) as usize) < self.players.len()
    }

    /// What an actor's unit says beside its motion; `None`: nothing of its own.
    pub(crate) fn details(&self, number: u64, acceleration_mps2: f64, slides: bool) -> Option<VehicleDetails> {
        let player = self.players.iter().find(|player| player.id == number && player.phase == Phase::Playing)?;
        let hard_braking = acceleration_mps2 < -HARD_BRAKING_MPS2;
        let lamps = player.lamps;
        let events = (hard_braking || slides || lamps.hazard || lamps.disabled).then(|| VehicleEvents {
            hazard_lights: lamps.hazard,
            disabled: lamps.disabled,
            hard_braking,
            stability_control_activated: slides,
            ..VehicleEvents::default()
        });
        let on_errand = Emergency { response: Some(Response::Emergency), siren: Some(true), light: Some(LightBar::On) };
        Some(VehicleDetails { events, emergency: player.hurries.then_some(on_errand), ..VehicleDetails::default() })
    }

    /// One step from `scene.time_s` on: who is due appears, acts, and, off the lanes, moves. True if anyone came or went.
    pub(crate) fn play(&mut self, scene: &Scene<'_>, vehicles: &mut Vec<Vehicle>, walkers: &mut Vec<Walker>) -> bool {
        self.look(scene, vehicles, walkers);
        let mut changed = false;
        for number in 0..self.players.len() {
            if self.players[number].phase == Phase::Waiting
                && let Some(late_s) = self.due_s(scene, number)
            {
                self.players[number].enter(scene, late_s, vehicles, walkers);
                changed = true;
            }
        }
        for number in 0..self.players.len() {
            if self.players[number].phase != Phase::Playing {
                continue;
            }
            let mut body = Body::of(&self.players[number], vehicles, walkers);
            if body.is_none() {
                self.players[number].phase = Phase::Gone;
                continue;
            }
            self.act(scene, number, body.as_mut());
            if self.players[number].phase == Phase::Gone {
                let id = self.players[number].id;
                vehicles.retain(|vehicle| vehicle.id != id);
                walkers.retain(|walker| walker.id != id);
                changed = true;
            }
        }
        changed
    }

    /// Takes down where everyone is.
    fn look(&mut self, scene: &Scene<'_>, vehicles: &[Vehicle], walkers: &[Walker]) {
        self.seen.clear();
        for player in &self.players {
            let outline = if player.off_lanes {
                walkers.iter().find(|walker| walker.id == player.id).map(|walker| {
                    let (length_m, width_m, _) = walker.body.size_m();
                    let along = walker.route.direction_at(walker.s_m);
                    let half_m = (length_m / 2.0, width_m / 2.0);
                    Outline { centre: walker.pose().0, along, half_m, velocity: walker.velocity() }
                })
            } else {
                index_of(vehicles, player.id).map(|index| outline_of(scene, &vehicles[index]))
            };
            self.seen.push(outline);
        }
        self.strangers.clear();
        if self.players.iter().any(|player| player.off_lanes && player.reacts) {
            let others = vehicles.iter().filter(|vehicle| vehicle.acted().is_none());
            self.strangers.extend(others.map(|vehicle| outline_of(scene, vehicle)));
        }
    }

    /// Where every actor is, in their order.
    pub(super) fn outlines(&self) -> &[Option<Outline>] {
        &self.seen
    }

    /// Fires the steps that are due, and carries on with those before.
    fn act(&mut self, scene: &Scene<'_>, number: usize, body: Option<&mut Body<'_>>) {
        let Some(body) = body else { return };
        for _ in 0..self.players[number].steps.len() {
            if self.players[number].done_s.is_none() && self.is_done(scene, number, body) {
                self.players[number].done_s = Some(scene.time_s);
            }
            let Some(late_s) = self.due_s(scene, number) else { break };
            self.players[number].begin(scene, late_s, body);
        }
        self.move_on(scene, number, body);
    }
}

/// What an actor moves: a vehicle on lanes, or a body on a line.
pub(super) enum Body<'a> {
    OnLanes(&'a mut Vehicle),
    OffLanes(&'a mut Walker),
}

impl<'a> Body<'a> {
    fn of(player: &Player, vehicles: &'a mut [Vehicle], walkers: &'a mut [Walker]) -> Option<Self> {
        if player.off_lanes {
            walkers.iter_mut().find(|walker| walker.id == player.id).map(Self::OffLanes)
        } else {
            index_of(vehicles, player.id).map(|index| Self::OnLanes(&mut vehicles[index]))
        }
    }

    fn v_mps(&self) -> f64 {
        match self {
            Self::OnLanes(vehicle) => vehicle.v_mps,
            Self::OffLanes(walker) => walker.v_mps,
        }
    }
}

fn outline_of(scene: &Scene<'_>, vehicle: &Vehicle) -> Outline {
    let (centre, along, _) = vehicle.place(scene.net);
    let half_m = (vehicle.length_m / 2.0, vehicle.kind.size_m().1 / 2.0);
    Outline { centre, along, half_m, velocity: vehicle.velocity(along) }
}

fn index_of(vehicles: &[Vehicle], id: u64) -> Option<usize> {
    vehicles.binary_search_by_key(&id, |vehicle| vehicle.id).ok()
}

impl Player {
    /// Appears, so long after it was due.
    fn enter(&mut self, scene: &Scene<'_>, late_s: f64, vehicles: &mut Vec<Vehicle>, walkers: &mut Vec<Walker>) {
        self.phase = Phase::Playing;
        self.done_s = Some(scene.time_s - late_s);
        if self.off_lanes {
            let s_m = self.start_mps * late_s;
            walkers.push(Walker {
                id: self.id,
                route: self.line.clone(),
                s_m,
                pace_mps: self.start_mps,
                v_mps: self.start_mps,
                stage: WalkerStage::Crossing,
                crossing: None,
                backwards: false,
                kerbs_m: (0.0, f64::INFINITY),
                impatient: true,
                body: self.body,
                scripted: true,
            });
            return;
        }
        let spot = (self.spot.lane, self.spot.s_m + self.start_mps * late_s);
        let mut vehicle = demand::build_actor(scene, self.id, self.body, spot, self.connected);
        vehicle.mixed = vehicle.rides() && scene.net.lane(self.spot.lane).kind == jxz_map::LaneKind::Driving;
        vehicle.length_m = self.length_m;
        vehicle.v_mps = self.start_mps;
        vehicle.path = self.way.iter().copied().collect();
        vehicle.aim = None;
        vehicle.script = Some(Script::Acted(Acted { reacts: self.reacts, heeds: self.heeds, ..Acted::default() }));
        let index = vehicles.partition_point(|other| other.id < self.id);
        vehicles.insert(index, vehicle);
    }
}
