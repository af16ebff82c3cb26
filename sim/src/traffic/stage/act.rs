//! What actors do: how fast, where across the road, and, off the lanes, along which line.

use super::{Body, Mark, Phase, Player, Spot, Stage, place};
use crate::outline::{Outline, time_to_collision_s};
use crate::scenario::{ChangeTo, Lamps, ScenarioError};
use crate::traffic::Scene;
use crate::traffic::follow::stop_mps2;
use crate::traffic::roads::RoadNet;
use crate::traffic::route::Side;
use crate::traffic::script::{Acted, Script};
use crate::traffic::vehicle::{RoadUserKind, Vehicle};
use crate::traffic::walker::Walker;
use jxz_geo::{Polyline, Vector};

/// Changes of speed where a step does not say, m/s².
pub(super) const UP_MPS2: f64 = 2.0;
pub(super) const DOWN_MPS2: f64 = 3.0;
/// Deceleration ahead of a bend, m/s².
const EASY_MPS2: f64 = 1.4;
/// Sideways where a step does not say, metres per second.
pub(super) const SIDEWAYS_MPS: f64 = 1.2;
/// How far ahead bends and places to stop are looked for, metres.
const LOOK_M: f64 = 150.0;
/// Those off the lanes who react look so far ahead, seconds.
const WARY_S: f64 = 2.0;
/// A way between two points is laid out in pieces of this, metres.
const PIECE_M: f64 = 2.0;

/// An action, with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Act {
    Drive { mps: f64, mps2: f64 },
    Brake { mps2: f64, to_mps: f64 },
    Stop { at: Option<Spot>, mps2: f64, for_s: Option<f64> },
    Follow { who: usize, gap_m: f64 },
    Change(ChangeTo),
    Shift { to_m: f64, mps: f64 },
    Overtake { who: usize, mps: f64, clear_m: f64 },
    Cross { mps: f64, m: Option<f64> },
    Walk { mps: f64, m: Option<f64>, against: bool },
    StepBack { mps: f64 },
    Lights(Lamps),
    Leave,
}

/// How an actor's speed is set.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pace {
    Speed { mps: f64, up_mps2: f64, down_mps2: f64 },
    Halt { at: Option<Spot>, mps2: f64, for_s: Option<f64>, stood_s: Option<f64>, before_mps: f64 },
    Follow { who: usize, gap_m: f64 },
}

/// One who gives up overtaking comes back once there is so much room behind the other, and falls back so far, metres.
const ROOM_BEHIND_M: f64 = 1.0;
const FALL_BACK_M: f64 = 8.0;

/// What an actor is at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drives {
    pub(super) pace: Pace,
    /// Where across its lane, metres to the left, and how fast to get there.
    offset_m: f64,
    sideways_mps: f64,
    /// Whom it passes, and how far ahead it comes back.
    overtakes: Option<(usize, f64)>,
    /// Lanes of its way that lie behind.
    pub(super) lanes_behind: usize,
    /// What cannot be done as the scenario says.
    pub(super) complaint: Option<(usize, String)>,
}

impl Drives {
    pub(super) fn at(mps: f64) -> Self {
        let pace = Pace::Speed { mps, up_mps2: UP_MPS2, down_mps2: DOWN_MPS2 };
        Self { pace, offset_m: 0.0, sideways_mps: SIDEWAYS_MPS, overtakes: None, lanes_behind: 0, complaint: None }
    }
}

impl Player {
    /// Begins the next step, so long after it was due.
    pub(super) fn begin(&mut self, scene: &Scene<'_>, late_s: f64, body: &mut Body<'_>) {
        let number = self.next;
        let act = self.steps[number].1.clone();
        self.next += 1;
        self.done_s = None;
        let speed = |mps, up_mps2, down_mps2| Pace::Speed { mps, up_mps2, down_mps2 };
        match act {
            Act::Drive { mps, mps2 } => {
                self.drives.pace = speed(mps, mps2, mps2);
                if let Body::OnLanes(vehicle) = body {
                    vehicle.v_mps += (mps - vehicle.v_mps).clamp(-mps2 * late_s, mps2 * late_s);
                }
            }
            Act::Brake { mps2, to_mps } => self.drives.pace = speed(to_mps.min(body.v_mps()), UP_MPS2, mps2),
            Act::Stop { at, mps2, for_s } => {
                let before_mps = body.v_mps();
                self.drives.pace = Pace::Halt { at, mps2, for_s, stood_s: None, before_mps };
            }
            Act::Follow { who, gap_m } => self.drives.pace = Pace::Follow { who, gap_m },
            Act::Shift { to_m, mps } => (self.drives.offset_m, self.drives.sideways_mps) = (to_m, mps),
            Act::Lights(lamps) => self.lamps = lamps,
            Act::Leave => self.phase = Phase::Gone,
            Act::Change(_) | Act::Overtake { .. } => {
                if let Body::OnLanes(vehicle) = body
                    && let Err(what) = self.move_over(scene.net, &act, vehicle)
                {
                    self.drives.complaint = Some((number, what));
                }
            }
            Act::Cross { .. } | Act::Walk { .. } | Act::StepBack { .. } => {
                if let Body::OffLanes(walker) = body {
                    match self.walk(scene.net, &act, walker) {
                        Ok((route, mps)) => {
                            walker.route = route;
                            walker.s_m = (mps * late_s).min(walker.route.length_m());
                            self.drives.pace = speed(mps, UP_MPS2, DOWN_MPS2);
                        }
                        Err(what) => self.drives.complaint = Some((number, what)),
                    }
                }
            }
        }
    }

    /// To the lane beside, or past another on it.
    fn move_over(&mut self, net: &RoadNet, act: &Act, vehicle: &mut Vehicle) -> Result<(), String> {
        let here = vehicle.lane();
        let (line, id) = (&net.lane(here).centre, &net.lane(here).id);
        let at = line.point_at(vehicle.s_m);
        match act {
            Act::Change(side) => {
                let (side, name) = match side {
                    ChangeTo::Left => (Side::Left, "left"),
                    ChangeTo::Right => (Side::Right, "right"),
                };
                let target = side
                    .of(net, here)
                    .ok_or_else(|| format!("there is no lane to the {name} of {id}, where it is then"))?;
                let made =
                    self.way[..=self.drives.lanes_behind].iter().filter(|lane| net.lane(**lane).movement.is_some());
                let wants = self.wants.get(made.count()..).unwrap_or_default().to_vec();
                let told = |error: ScenarioError| format!("after the change: {error}");
                self.way = place::way(net, target, &wants, &self.path).map_err(told)?;
                self.wants = wants;
                self.drives.lanes_behind = 0;
                let foot = net.lane(target).centre.project(at);
                (vehicle.path, vehicle.at, vehicle.s_m) = (self.way.iter().copied().collect(), 0, foot.s_m);
                vehicle.lateral_m += foot.offset_m;
                vehicle.leaving = Some(here);
                (self.drives.offset_m, self.drives.sideways_mps) = (0.0, SIDEWAYS_MPS);
            }
            Act::Overtake { who, mps, clear_m } => {
                let link = net.lane(here).link.map(|link| net.map.link(link));
                let opposite = link.and_then(|link| link.opposite).and_then(|other| net.map.link(other).lanes.first());
                let beside = net.lane(here).left.or(opposite.copied());
                let beside = beside.ok_or_else(|| format!("there is no lane to the left of {id} to overtake on"))?;
                let there = net.lane(beside).centre.point_at(net.lane(beside).centre.project(at).s_m) - at;
                let along = line.direction_at(vehicle.s_m);
                self.drives.offset_m = along.x * there.y - along.y * there.x;
                self.drives.sideways_mps = 1.5;
                self.drives.overtakes = Some((*who, *clear_m));
                self.drives.pace = Pace::Speed { mps: *mps, up_mps2: 2.5, down_mps2: DOWN_MPS2 };
            }
            _ => {}
        }
        Ok(())
    }

    /// The line to walk on and how fast.
    fn walk(&self, net: &RoadNet, act: &Act, walker: &Walker) -> Result<(Polyline, f64), String> {
        let lane = self.spot.lane;
        let line = &net.lane(lane).centre;
        let here = walker.route.point_at(walker.s_m);
        let foot = line.project(here);
        let along = line.direction_at(foot.s_m);
        let left = Vector::new(-along.y, along.x);
        let made = |points, mps: f64| {
            Polyline::new(points)
                .map(|route| (route, mps))
                .map_err(|_| format!("there is no way to go from here beside {}", net.lane(lane).id))
        };
        match act {
            Act::Cross { mps, m } => {
                let (right_m, left_m) = place::edges_m(net, lane, foot.s_m);
                let leftwards = foot.offset_m < (right_m + left_m) / 2.0;
                let to_m = if leftwards { left_m + 1.0 } else { right_m - 1.0 } - foot.offset_m;
                let way_m = m.map_or(to_m, |m| m.min(to_m.abs()).copysign(to_m));
                made(vec![here, here + left * way_m], *mps)
            }
            Act::Walk { mps, m, against } => {
                let left_m = if *against { foot.s_m } else { line.length_m() - foot.s_m };
                let way_m = m.unwrap_or(left_m).min(left_m);
                let pieces = (way_m / PIECE_M).ceil().max(1.0) as usize;
                let point = |piece: usize| {
                    let way_m = way_m * piece as f64 / pieces as f64;
                    let s_m = if *against { foot.s_m - way_m } else { foot.s_m + way_m };
                    let along = line.direction_at(s_m);
                    line.point_at(s_m) + Vector::new(-along.y, along.x) * foot.offset_m
                };
                made((0..=pieces).map(point).collect(), *mps)
            }
            _ => {
                let Act::StepBack { mps } = act else { return Err("is no way to walk".to_owned()) };
                made(vec![here, walker.route.start()], *mps)
            }
        }
    }
}

impl Stage {
    /// Whether an actor's step before the next is done.
    pub(super) fn is_done(&self, _scene: &Scene<'_>, number: usize, body: &Body<'_>) -> bool {
        let player = &self.players[number];
        let Some((_, act)) = player.next.checked_sub(1).and_then(|before| player.steps.get(before)) else {
            return true;
        };
        let v_mps = body.v_mps();
        match (act, body) {
            (Act::Drive { mps, .. }, _) => (v_mps - mps).abs() < 0.05,
            (Act::Brake { to_mps, .. }, _) => v_mps < to_mps + 0.05,
            (Act::Stop { for_s, .. }, _) => match player.drives.pace {
                Pace::Halt { stood_s, .. } => for_s.is_none() && stood_s.is_some(),
                _ => true,
            },
            (Act::Change(_) | Act::Shift { .. }, Body::OnLanes(vehicle)) => {
                (vehicle.lateral_m - player.drives.offset_m).abs() < 0.05
            }
            (Act::Overtake { .. }, Body::OnLanes(vehicle)) => {
                player.drives.overtakes.is_none() && vehicle.lateral_m.abs() < 0.05
            }
            (Act::Cross { .. } | Act::Walk { .. } | Act::StepBack { .. }, Body::OffLanes(walker)) => {
                walker.s_m > walker.route.length_m() - 1e-6
            }
            _ => true,
        }
    }

    /// Moves an actor on: a vehicle by its script for this step, a body off the lanes at once.
    pub(super) fn move_on(&mut self, scene: &Scene<'_>, number: usize, body: &mut Body<'_>) {
        let seen = self.seen[number];
        self.stand(scene.time_s, number, body.v_mps());
        self.come_back(number);
        match body {
            Body::OnLanes(vehicle) => {
                if self.players[number].heeds && vehicle.stays(scene.time_s) {
                    self.give_up(scene.net, number, vehicle);
                }
                let a_mps2 = self.control_mps2(scene, number, vehicle);
                let player = &mut self.players[number];
                let behind = player.way[player.drives.lanes_behind..].iter().position(|lane| *lane == vehicle.lane());
                player.drives.lanes_behind += behind.unwrap_or(0);
                vehicle.aim = None;
                vehicle.script = Some(Script::Acted(Acted {
                    a_mps2,
                    offset_m: player.drives.offset_m as f32,
                    sideways_mps: player.drives.sideways_mps as f32,
                    reacts: player.reacts,
                    heeds: player.heeds,
                    obeys: player.obeys,
                    hurries: player.hurries,
                }));
            }
            Body::OffLanes(walker) => {
                let lead = self.lead(number, seen);
                let player = &self.players[number];
                let end_m = walker.route.length_m();
                let wanted_mps = player.pace_mps(walker.v_mps, lead, scene.dt_s);
                let on_foot = walker.body == RoadUserKind::Pedestrian;
                let mut v_mps = if on_foot { player.wanted_on_foot_mps() } else { wanted_mps };
                if player.reacts && self.would_be_hit(number, walker, v_mps) {
                    v_mps = if on_foot { 0.0 } else { (walker.v_mps - 5.0 * scene.dt_s).max(0.0) };
                }
                let before_m = walker.s_m;
                walker.s_m =
                    (before_m + (v_mps + if on_foot { v_mps } else { walker.v_mps }) / 2.0 * scene.dt_s).min(end_m);
                walker.v_mps = if walker.s_m >= end_m { 0.0 } else { v_mps };
                walker.pace_mps = walker.v_mps;
            }
        }
    }

    /// Counts the time of a stop, and ends it.
    fn stand(&mut self, time_s: f64, number: usize, v_mps: f64) {
        let drives = &mut self.players[number].drives;
        if let Pace::Halt { for_s, stood_s, before_mps, .. } = &mut drives.pace
            && v_mps < 0.02
        {
            let since_s = *stood_s.get_or_insert(time_s);
            if for_s.is_some_and(|for_s| time_s - since_s >= for_s) {
                drives.pace = Pace::Speed { mps: *before_mps, up_mps2: UP_MPS2, down_mps2: DOWN_MPS2 };
            }
        }
    }

    /// Ends overtaking once the other is far enough behind.
    fn come_back(&mut self, number: usize) {
        let Some((who, clear_m)) = self.players[number].drives.overtakes else { return };
        let (Some(own), Some(other)) = (self.seen[number], self.seen[who]) else { return };
        let ahead_m = (own.centre - other.centre).dot(&own.along) - own.half_m.0 - other.half_m.0;
        if ahead_m > clear_m {
            let drives = &mut self.players[number].drives;
            (drives.offset_m, drives.overtakes) = (0.0, None);
        }
    }

    /// A warned driver gives up moving over: back while most of the vehicle is still in its old lane, and back behind
    /// whom it overtakes once there is room.
    fn give_up(&mut self, net: &RoadNet, number: usize, vehicle: &Vehicle) {
        let seen = |of: usize| self.seen.get(of).copied().flatten();
        let overtaken = self.players[number].drives.overtakes;
        let ahead_m = overtaken.and_then(|(who, _)| {
            let (own, other) = (seen(number)?, seen(who)?);
            Some((other.centre - own.centre).dot(&own.along) - own.half_m.0 - other.half_m.0)
        });
        let drives = &mut self.players[number].drives;
        if let Some((who, _)) = overtaken {
            if ahead_m.is_some_and(|ahead_m| ahead_m > ROOM_BEHIND_M) {
                (drives.offset_m, drives.overtakes) = (0.0, None);
                drives.pace = Pace::Follow { who, gap_m: FALL_BACK_M };
            }
            return;
        }
        let Some(old) = vehicle.leaving.filter(|_| drives.offset_m == 0.0) else { return };
        let (line, old) = (&net.lane(vehicle.lane()).centre, &net.lane(old).centre);
        let here = line.point_at(vehicle.s_m);
        let old_m = line.direction_at(vehicle.s_m).perp(&(old.point_at(old.project(here).s_m) - here));
        if (vehicle.lateral_m - old_m).abs() < 0.5 * old_m.abs() {
            drives.offset_m = old_m;
        }
    }

    /// The one whom an actor follows: gap and speed along the actor's direction.
    fn lead(&self, number: usize, own: Option<Outline>) -> Option<(f64, f64)> {
        let Pace::Follow { who, .. } = self.players[number].drives.pace else { return None };
        let (own, other) = (own?, self.seen[who]?);
        let gap_m = (other.centre - own.front()).dot(&own.along) - other.half_m.0;
        Some((gap_m, other.velocity.dot(&own.along)))
    }

    /// Whether going on would end in a vehicle soon, and standing would not.
    fn would_be_hit(&self, number: usize, walker: &Walker, mps: f64) -> bool {
        let Some(own) = self.seen[number] else { return false };
        let going = Outline { velocity: walker.route.direction_at(walker.s_m) * mps.max(0.3), ..own };
        let standing = Outline { velocity: Vector::zeros(), ..own };
        let others = self.seen.iter().enumerate().filter(|(other, _)| *other != number).filter_map(|(_, seen)| *seen);
        others.chain(self.strangers.iter().copied()).any(|other| {
            time_to_collision_s(&going, &other, WARY_S).is_some()
                && time_to_collision_s(&standing, &other, WARY_S).is_none()
        })
    }

    /// The acceleration that an actor's script wants, m/s².
    fn control_mps2(&self, scene: &Scene<'_>, number: usize, vehicle: &Vehicle) -> f64 {
        let player = &self.players[number];
        let v_mps = vehicle.v_mps;
        let lead = self.lead(number, self.seen[number]);
        let wanted_mps = player.pace_mps(v_mps, lead, scene.dt_s);
        let mut a_mps2 = (wanted_mps - v_mps) / scene.dt_s;
        if let Pace::Halt { at: Some(spot), mps2, before_mps, .. } = &player.drives.pace {
            a_mps2 = ((before_mps - v_mps) / scene.dt_s).clamp(-DOWN_MPS2, UP_MPS2);
            a_mps2 = a_mps2.min(to_halt_mps2(scene.net, vehicle, *spot, *mps2));
        }
        let bend_mps = bend_mps(scene.net, vehicle);
        if v_mps + a_mps2 * scene.dt_s > bend_mps {
            a_mps2 = a_mps2.min(((bend_mps - v_mps) / scene.dt_s).max(-DOWN_MPS2));
        }
        a_mps2
    }
}

impl Player {
    /// The speed after this step that the pace asks for, metres per second.
    fn pace_mps(&self, v_mps: f64, lead: Option<(f64, f64)>, dt_s: f64) -> f64 {
        match &self.drives.pace {
            Pace::Speed { mps, up_mps2, down_mps2 } => v_mps + (mps - v_mps).clamp(-down_mps2 * dt_s, up_mps2 * dt_s),
            Pace::Halt { mps2, .. } => (v_mps - mps2 * dt_s).max(0.0),
            Pace::Follow { gap_m: wanted_m, .. } => {
                let Some((gap_m, lead_mps)) = lead else { return v_mps };
                let target_mps = (lead_mps + 0.6 * (gap_m - wanted_m)).max(0.0);
                v_mps + ((target_mps - v_mps) / 0.5).clamp(-5.0, 2.5) * dt_s
            }
        }
    }

    /// People take up a speed at once.
    fn wanted_on_foot_mps(&self) -> f64 {
        match self.drives.pace {
            Pace::Speed { mps, .. } => mps,
            Pace::Halt { .. } | Pace::Follow { .. } => 0.0,
        }
    }
}

/// What a halt at a place on the way ahead takes, m/s²; once past it, the braking given.
fn to_halt_mps2(net: &RoadNet, vehicle: &Vehicle, spot: Spot, mps2: f64) -> f64 {
    let mut offset_m = -vehicle.s_m;
    for &lane in &vehicle.path[vehicle.at..] {
        if lane == spot.lane && offset_m + spot.s_m > -0.5 {
            return stop_mps2(vehicle.v_mps, offset_m + spot.s_m + 0.3, mps2.min(2.5));
        }
        offset_m += net.length_m(lane);
    }
    -mps2
}

/// The speed that the bends ahead allow now, metres per second.
fn bend_mps(net: &RoadNet, vehicle: &Vehicle) -> f64 {
    let (mut offset_m, mut allowed_mps) = (-vehicle.s_m, f64::INFINITY);
    for &lane in &vehicle.path[vehicle.at..] {
        let facts = net.facts(lane);
        if facts.comfortable_mps < facts.speed_limit_mps - 1e-6 {
            let bend_mps = facts.comfortable_mps;
            allowed_mps = allowed_mps.min((bend_mps * bend_mps + 2.0 * EASY_MPS2 * offset_m.max(0.0)).sqrt());
        }
        offset_m += facts.length_m;
        if offset_m > LOOK_M {
            break;
        }
    }
    allowed_mps
}

impl Mark {
    pub(super) fn of(net: &RoadNet, spot: &Spot) -> Self {
        spot.mark(net)
    }
}
