//! Right of way: who may enter a junction, and who waits for whom inside it.
//!
//! A driver who may enter takes a numbered ticket for one connector. It is given when the light allows it, every
//! holder whose path meets this one will be clear in time, nobody with priority comes too soon, and there is room
//! behind the junction. Where paths meet, the lower number goes first, so no ring of waiting can close.

use super::Scene;
use super::follow::{can_stop, time_to_s};
use super::roads::{Shape, Zone};
use super::vehicle::{Ticket, Vehicle};
use jxz_map::{JunctionIx, LaneIx, Movement};
use jxz_world::Light;

/// Braking that a driver accepts for a light that turns yellow, m/s².
const YELLOW_BRAKE_MPS2: f64 = 3.5;
/// Who stood for this long at the line may be the last to go, seconds.
const PATIENT_S: f64 = 20.0;
/// Who stood for this long at the line takes the right of way from those who can stop, seconds.
const PUSHES_IN_S: f64 = 45.0;
/// For someone who hurries a junction is kept free from this distance on, metres.
const HURRIES_WITHIN_M: f64 = 60.0;
/// Time kept between a holder that leaves a zone and the next that enters it, seconds.
const AFTER_HOLDER_S: f64 = 0.6;
/// Whoever moves behind a junction makes room by its braking at this, m/s².
const EASY_MPS2: f64 = 1.5;
/// Who stood for this long at the line looks for another way on, seconds.
const TURNS_AWAY_S: f64 = 100.0;
/// Time kept before someone with priority arrives, seconds.
const BEFORE_PRIORITY_S: f64 = 1.2;

/// Someone who comes to a junction without a ticket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Comer {
    pub(crate) vehicle: usize,
    pub(crate) connector: LaneIx,
    /// From the front to the stop line, metres.
    pub(crate) to_line_m: f64,
    /// From the front to the connector's start, metres.
    pub(crate) to_start_m: f64,
}

/// What others reckon with of a vehicle: all at hand, since every holder of a ticket asks about every other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body {
    v_mps: f64,
    length_m: f64,
    top_mps: f64,
    accelerate_mps2: f64,
    reckless: bool,
    long: bool,
}

impl Body {
    fn of(vehicle: &Vehicle) -> Self {
        Self {
            v_mps: vehicle.v_mps,
            length_m: vehicle.length_m,
            top_mps: vehicle.driver.top_mps,
            accelerate_mps2: vehicle.driver.accelerate_mps2,
            reckless: vehicle.is_reckless(),
            long: vehicle.is_long(),
        }
    }
}

/// Someone with a ticket, as at the step's beginning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder {
    pub(crate) vehicle: usize,
    pub(crate) ticket: Ticket,
    /// From the front to the connector's start, metres; below zero inside it and beyond.
    pub(crate) to_start_m: f64,
    body: Body,
}

/// Who comes to and who is in one junction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desk {
    pub(crate) comers: Vec<Comer>,
    pub(crate) holders: Vec<Holder>,
}

/// Every junction's desk, and how far everybody has to the line of the next junction that they have no ticket for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desks {
    all: Vec<Desk>,
    /// By vehicle, metres; infinite: none near; not a number: to be looked up, since a ticket was given.
    to_line_m: Vec<f64>,
}

impl Desks {
    /// From a vehicle's front to the line before the next junction that it has no ticket for, metres, if one is near.
    pub(crate) fn to_line_m(&self, scene: &Scene<'_>, vehicle: &Vehicle, own: usize) -> Option<f64> {
        match self.to_line_m[own] {
            looked_up if !looked_up.is_nan() => Some(looked_up).filter(|m| *m < f64::INFINITY),
            _ => next_comer(scene, vehicle, own).map(|(comer, _)| comer.to_line_m),
        }
    }
}

/// When a vehicle is in a zone: from and to, seconds from now.
fn window_s(scene: &Scene<'_>, body: &Body, connector: LaneIx, to_start_m: f64, zone: (f64, f64)) -> (f64, f64) {
    let cruise_mps = scene.net.facts(connector).comfortable_mps.min(body.top_mps);
    let time = |m: f64| time_to_s(body.v_mps, m, cruise_mps, body.accelerate_mps2);
    (time(to_start_m + zone.0), time(to_start_m + zone.1 + body.length_m + 0.5))
}

/// Signed distance from a vehicle's front to the start of a connector on its path, metres.
pub(crate) fn to_start_m(scene: &Scene<'_>, vehicle: &Vehicle, connector: LaneIx) -> Option<f64> {
    let index = vehicle.path.iter().rposition(|&lane| lane == connector)?;
    let span = |from: usize, to: usize| vehicle.path[from..to].iter().map(|&l| scene.net.length_m(l)).sum::<f64>();
    Some(if index >= vehicle.at {
        span(vehicle.at, index) - vehicle.s_m
    } else {
        -(span(index, vehicle.at) + vehicle.s_m)
    })
}

/// The next connector on the way that a vehicle has no ticket for.
pub(crate) fn next_comer(scene: &Scene<'_>, vehicle: &Vehicle, index: usize) -> Option<(Comer, JunctionIx)> {
    let mut to_start_m = -vehicle.s_m;
    let mut before: Option<LaneIx> = None;
    for &lane_ix in &vehicle.path[vehicle.at..] {
        let facts = scene.net.facts(lane_ix);
        if let Some(junction) = facts.junction
            && !vehicle.has_ticket(lane_ix)
        {
            let back_m = before.map_or(0.0, |b| scene.net.length_m(b) - scene.net.facts(b).hold_m);
            let comer = Comer { vehicle: index, connector: lane_ix, to_line_m: to_start_m - back_m, to_start_m };
            return Some((comer, junction));
        }
        to_start_m += facts.length_m;
        if to_start_m > super::follow::LOOK_AHEAD_M {
            return None;
        }
        before = Some(lane_ix);
    }
    None
}

/// Gives tickets back, takes them away where the light turned, and hands out new ones. Leaves the desks filled.
pub(crate) fn assign(scene: &Scene<'_>, vehicles: &mut [Vehicle], desks: &mut Desks, next_number: &mut u64) {
    let Desks { all: desks, to_line_m } = desks;
    to_line_m.clear();
    desks.resize_with(scene.net.map.junctions.len(), Desk::default);
    for desk in desks.iter_mut() {
        desk.comers.clear();
        desk.holders.clear();
    }
    for (index, vehicle) in vehicles.iter_mut().enumerate() {
        give_back(scene, vehicle);
        for &ticket in &vehicle.tickets {
            if let Some(to_start_m) = to_start_m(scene, vehicle, ticket.connector) {
                let Some(junction) = scene.net.facts(ticket.connector).junction else { continue };
                let body = Body::of(vehicle);
                desks[junction.0 as usize].holders.push(Holder { vehicle: index, ticket, to_start_m, body });
            }
        }
        let next = next_comer(scene, vehicle, index);
        to_line_m.push(next.map_or(f64::INFINITY, |(comer, _)| comer.to_line_m));
        if let Some((comer, junction)) = next {
            desks[junction.0 as usize].comers.push(comer);
        }
    }
    for desk in desks.iter_mut() {
        desk.comers.sort_by(|a, b| a.to_line_m.total_cmp(&b.to_line_m).then(a.vehicle.cmp(&b.vehicle)));
        let mut waiting = 0;
        for position in 0..desk.comers.len() {
            let comer = desk.comers[position];
            if may_enter(scene, vehicles, desk, &comer) {
                let movement = scene.net.lane(comer.connector).movement.as_ref();
                let firm = movement.and_then(|m| light_of(scene, m)) == Some(Light::Yellow);
                let ticket = Ticket { number: *next_number, connector: comer.connector, firm };
                *next_number += 1;
                let vehicle = &mut vehicles[comer.vehicle];
                vehicle.tickets.push(ticket);
                to_line_m[comer.vehicle] = f64::NAN;
                let (to_start_m, body) = (comer.to_start_m, Body::of(vehicle));
                desk.holders.push(Holder { vehicle: comer.vehicle, ticket, to_start_m, body });
            } else {
                desk.comers.swap(waiting, position);
                waiting += 1;
            }
        }
        desk.comers.truncate(waiting);
    }
}

/// Drops tickets of connectors that lie behind, and of lights that turned while a stop is still easy.
fn give_back(scene: &Scene<'_>, vehicle: &mut Vehicle) {
    let mut tickets = core::mem::take(&mut vehicle.tickets);
    tickets.retain(|ticket| {
        let Some(to_start_m) = to_start_m(scene, vehicle, ticket.connector) else { return false };
        if -to_start_m - vehicle.length_m > scene.net.length_m(ticket.connector) {
            return false;
        }
        let lane = scene.net.lane(ticket.connector);
        let turned = to_start_m > 0.0
            && !vehicle.is_reckless()
            && !vehicle.hurries()
            && !ticket.firm
            && lane.movement.as_ref().is_some_and(|m| match light_of(scene, m) {
                Some(Light::Red) => !m.on_red,
                Some(Light::Yellow) => true,
                _ => false,
            });
        let line_m = to_start_m - stop_line_back_m(scene, ticket.connector);
        !(turned && can_stop(vehicle.v_mps, line_m - 0.5, YELLOW_BRAKE_MPS2))
    });
    vehicle.tickets = tickets;
}

/// From the stop line before a connector to the connector's start, metres.
fn stop_line_back_m(scene: &Scene<'_>, connector: LaneIx) -> f64 {
    let before = scene.net.lane(connector).predecessors.first();
    before.map_or(0.0, |&before| scene.net.length_m(before) - scene.net.facts(before).hold_m)
}

/// What the signal shows for a movement; `None` without a signal.
fn light_of(scene: &Scene<'_>, movement: &Movement) -> Option<Light> {
    movement.phase.map(|phase| scene.lights.of(movement.junction, phase))
}

/// Whether a movement may go by its light alone.
pub(crate) fn has_go(scene: &Scene<'_>, connector: LaneIx) -> bool {
    let lane = scene.net.lane(connector);
    lane.movement.as_ref().and_then(|m| light_of(scene, m)).is_none_or(|light| match light {
        Light::Green | Light::PermissiveGreen | Light::FlashingYellow | Light::Dark => true,
        Light::Red | Light::Yellow => false,
    })
}

fn may_enter(scene: &Scene<'_>, vehicles: &[Vehicle], desk: &Desk, comer: &Comer) -> bool {
    let vehicle = &vehicles[comer.vehicle];
    let Some(movement) = &scene.net.lane(comer.connector).movement else { return false };
    // Over the line already (placed there, or a bend in the plan): it must clear the junction.
    if comer.to_line_m < -1.0 {
        return true;
    }
    let reach_m = vehicle.v_mps * vehicle.v_mps / (2.0 * 1.8) + 0.5 * vehicle.v_mps + 6.0;
    if comer.to_line_m > reach_m {
        return false;
    }
    if vehicle.is_reckless() {
        return true;
    }
    if vehicle.hurries() {
        return is_way_clear(scene, vehicles, desk, comer);
    }
    // Nobody enters before one who hurries.
    let near = |other: &&Comer| other.vehicle != comer.vehicle && other.to_line_m < HURRIES_WITHIN_M;
    if desk.comers.iter().filter(near).any(|other| vehicles[other.vehicle].hurries()) {
        return false;
    }
    let light = light_of(scene, movement);
    let on_red = movement.on_red && light == Some(Light::Red);
    match light {
        // Who cannot stop goes on; who waited for a gap through all of the green goes last: it waits inside the junction
        // for those who are there before it, as everyone with a later ticket does.
        Some(Light::Yellow) => {
            return !can_stop(vehicle.v_mps, comer.to_line_m - 0.5, YELLOW_BRAKE_MPS2)
                || (vehicle.standing_s > PATIENT_S
                    && !behind_another(scene, vehicles, desk, comer)
                    && room_behind(scene, vehicles, desk, comer));
        }
        Some(Light::Red) if !(on_red && comer.to_line_m < 4.0 && vehicle.v_mps < 1.5) => return false,
        _ => {}
    }
    clear_of_priority(scene, vehicles, desk, comer, on_red) && is_way_clear(scene, vehicles, desk, comer)
}

/// Whether nobody is in the way: not in the lane before it, not in the junction, not behind it, not on foot.
fn is_way_clear(scene: &Scene<'_>, vehicles: &[Vehicle], desk: &Desk, comer: &Comer) -> bool {
    let vehicle = &vehicles[comer.vehicle];
    !behind_another(scene, vehicles, desk, comer)
        && clear_of_holders(scene, vehicles, desk, comer)
        && room_behind(scene, vehicles, desk, comer)
        && !super::crossing::walkers_in_turn(scene, vehicle, comer.to_start_m, comer.connector)
}

/// Whether someone in the same lane before it has no ticket yet.
fn behind_another(scene: &Scene<'_>, vehicles: &[Vehicle], desk: &Desk, comer: &Comer) -> bool {
    let own = scene.net.lane(comer.connector).predecessors.first();
    desk.comers.iter().any(|other| {
        other.vehicle != comer.vehicle
            && !vehicles[other.vehicle].has_ticket(other.connector)
            && other.to_start_m < comer.to_start_m
            && scene.net.lane(other.connector).predecessors.first() == own
    })
}

fn clear_of_holders(scene: &Scene<'_>, vehicles: &[Vehicle], desk: &Desk, comer: &Comer) -> bool {
    let body = Body::of(&vehicles[comer.vehicle]);
    desk.holders.iter().all(|holder| {
        let long = body.long || holder.body.long;
        let Some(zone) = scene.net.zone(comer.connector, holder.ticket.connector, long) else { return true };
        // Following another is the business of the gap, not of the ticket.
        if zone.shape == Shape::Diverge || has_left(holder, zone) || !noticed(holder, zone) {
            return true;
        }
        let own = window_s(scene, &body, comer.connector, comer.to_start_m, (zone.enter_m, zone.leave_m));
        let stretch = (zone.other_enter_m, zone.other_leave_m);
        let theirs = window_s(scene, &holder.body, zone.other, holder.to_start_m, stretch);
        theirs.1 + AFTER_HOLDER_S < own.0 || zone.shape == Shape::Merge && theirs.0 + AFTER_HOLDER_S + 1.0 < own.0
    })
}

fn has_left(holder: &Holder, zone: &Zone) -> bool {
    -holder.to_start_m - holder.body.length_m > zone.other_leave_m
}

/// Whether a law-abiding driver reckons with a holder: with a reckless one only when it is near.
fn noticed(holder: &Holder, zone: &Zone) -> bool {
    !holder.body.reckless || holder.to_start_m + zone.other_enter_m < holder.body.v_mps * 1.6
}

fn clear_of_priority(scene: &Scene<'_>, vehicles: &[Vehicle], desk: &Desk, comer: &Comer, on_red: bool) -> bool {
    let vehicle = &vehicles[comer.vehicle];
    {
        desk.comers.iter().filter(|other| other.vehicle != comer.vehicle).all(|other| {
            let rival = &vehicles[other.vehicle];
            let long = vehicle.is_long() || rival.is_long();
            let Some(zone) = scene.net.zone(comer.connector, other.connector, long) else { return true };
            let matters = (zone.yields || on_red) && zone.shape != Shape::Diverge && has_go(scene, zone.other);
            if !matters || rival.has_ticket(zone.other) {
                return true;
            }
            // Of two who stand and wait, the one who waits longer goes; one held up by something else does not count.
            let stands = rival.v_mps < 0.5 && other.to_line_m < 4.0;
            if stands && (vehicle.standing_s, rival.id) > (rival.standing_s + 1.0, vehicle.id) || rival.standing_s > 8.0
            {
                return true;
            }
            // Who has waited for very long pushes in before those who can still stop.
            if vehicle.standing_s > PUSHES_IN_S && can_stop(rival.v_mps, other.to_line_m - 2.0, 2.5) {
                return true;
            }
            let bodies = (Body::of(vehicle), Body::of(rival));
            let own = window_s(scene, &bodies.0, comer.connector, comer.to_start_m, (zone.enter_m, zone.leave_m));
            let stretch = (zone.other_enter_m, zone.other_leave_m);
            let theirs = window_s(scene, &bodies.1, zone.other, other.to_start_m, stretch);
            own.1 + BEFORE_PRIORITY_S < theirs.0
        })
    }
}

/// Whether there is room behind the junction for this one and for those who go there before it.
fn room_behind(scene: &Scene<'_>, vehicles: &[Vehicle], desk: &Desk, comer: &Comer) -> bool {
    let vehicle = &vehicles[comer.vehicle];
    let Some(index) = vehicle.path.iter().rposition(|&lane| lane == comer.connector) else { return true };
    let Some(&exit) = vehicle.path.get(index + 1) else { return true };
    let ahead = desk.holders.iter().filter(|holder| {
        let other = &vehicles[holder.vehicle];
        scene.net.lane(holder.ticket.connector).successors.contains(&exit) && other.lane() != exit
    });
    let ahead_m: f64 = ahead.map(|holder| vehicles[holder.vehicle].length_m + 2.5).sum();
    let wanted_m = ahead_m + vehicle.length_m + 1.5;
    let mut room_m = 0.0;
    for &lane in &vehicle.path[index + 1..] {
        if let Some(first) = scene.occupancy.on(lane).first() {
            let mps = vehicles[first.vehicle].v_mps;
            let moving_m = mps * mps / (2.0 * EASY_MPS2);
            return room_m + first.rear_m + moving_m >= wanted_m;
        }
        room_m += scene.net.length_m(lane);
        if room_m >= wanted_m {
            return true;
        }
    }
    true
}

/// Another way on for somebody who has stood at a line for very long because its own is full behind the junction: the
/// connector of its lane whose exit has the most room. `None` if no other has any.
pub(crate) fn way_round(scene: &Scene<'_>, vehicle: &Vehicle, index: usize) -> Option<LaneIx> {
    if vehicle.standing_s < TURNS_AWAY_S || !vehicle.tickets.is_empty() {
        return None;
    }
    let (comer, _) = next_comer(scene, vehicle, index)?;
    let here = vehicle.lane();
    if comer.to_line_m > 4.0 || vehicle.path.get(vehicle.at + 1) != Some(&comer.connector) {
        return None;
    }
    let room_m = |connector: LaneIx| {
        let exit = scene.net.lane(connector).successors.first().copied()?;
        Some(scene.occupancy.on(exit).first().map_or(scene.net.length_m(exit), |entry| entry.rear_m))
    };
    let own_m = room_m(comer.connector)?;
    let others = scene.net.lane(here).successors.iter().copied().filter(|&other| other != comer.connector);
    let rooms = others.filter_map(|other| Some((other, room_m(other)?)));
    let (other, most_m) = rooms.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (own_m < vehicle.length_m + 2.0 && most_m > vehicle.length_m + 6.0).then_some(other)
}

/// What the holders of other tickets demand of one holder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Yielding {
    /// The acceleration that it may use at most, m/s².
    pub(crate) limit_mps2: f64,
    /// How far ahead it has to wait for one of them, metres; infinite if it has not.
    pub(crate) wait_m: f64,
}

impl Yielding {
    const NONE: Self = Self { limit_mps2: f64::INFINITY, wait_m: f64::INFINITY };
}

/// What the holders of other tickets demand of one holder.
pub(crate) fn inside(scene: &Scene<'_>, vehicle: &Vehicle, desks: &Desks, own: usize) -> Yielding {
    let mut yielding = Yielding::NONE;
    if vehicle.is_reckless() {
        return yielding;
    }
    for ticket in &vehicle.tickets {
        let Some(start_m) = to_start_m(scene, vehicle, ticket.connector) else { continue };
        let Some(junction) = scene.net.facts(ticket.connector).junction else { continue };
        let desk = &desks.all[junction.0 as usize];
        for holder in desk.holders.iter().filter(|holder| holder.vehicle != own) {
            let long = vehicle.is_long() || holder.body.long;
            let Some(zone) = scene.net.zone(ticket.connector, holder.ticket.connector, long) else { continue };
            if !has_left(holder, zone) && noticed(holder, zone) {
                let one = in_zone(scene, vehicle, (ticket, start_m), holder, zone);
                yielding.limit_mps2 = yielding.limit_mps2.min(one.limit_mps2);
                yielding.wait_m = yielding.wait_m.min(one.wait_m);
            }
        }
    }
    yielding
}

fn in_zone(
    scene: &Scene<'_>,
    vehicle: &Vehicle,
    (ticket, start_m): (&Ticket, f64),
    holder: &Holder,
    zone: &Zone,
) -> Yielding {
    let other = &holder.body;
    let (own_s_m, other_s_m) = (-start_m, -holder.to_start_m);
    let to_enter_m = zone.enter_m - own_s_m;
    let inside = other_s_m > zone.other_enter_m;
    // How far the other is ahead on a shared beginning or end.
    let ahead_m = match zone.shape {
        Shape::Diverge => Some(other_s_m - own_s_m),
        Shape::Merge => {
            Some((scene.net.length_m(ticket.connector) - own_s_m) - (scene.net.length_m(zone.other) - other_s_m))
        }
        Shape::Cross => None,
    };
    let first = holder.ticket.number < ticket.number;
    match ahead_m {
        Some(ahead_m) if ahead_m > 0.0 || (ahead_m == 0.0 && first) => {
            if !first && !inside {
                return Yielding::NONE;
            }
            let gap_m = (ahead_m - other.length_m).max(to_enter_m);
            let free = super::follow::free_mps2(&vehicle.driver, vehicle.v_mps, vehicle.v_mps.max(1.0));
            let limit_mps2 = free - super::follow::interaction_mps2(&vehicle.driver, vehicle.v_mps, gap_m, other.v_mps);
            Yielding { limit_mps2, ..Yielding::NONE }
        }
        // Behind on a shared beginning: the other follows.
        Some(_) if zone.shape == Shape::Diverge || to_enter_m < 0.0 => Yielding::NONE,
        _ => {
            if to_enter_m < 0.0 || !(first || inside || other.reckless) {
                return Yielding::NONE;
            }
            let body = Body::of(vehicle);
            let own = window_s(scene, &body, ticket.connector, start_m, (zone.enter_m, zone.leave_m));
            let theirs =
                window_s(scene, other, zone.other, holder.to_start_m, (zone.other_enter_m, zone.other_leave_m));
            if theirs.1 + 0.4 < own.0 {
                Yielding::NONE
            } else {
                let wait_m = to_enter_m - 0.6;
                let limit_mps2 = super::follow::stop_mps2(vehicle.v_mps, wait_m, vehicle.driver.brake_mps2);
                Yielding { limit_mps2, wait_m }
            }
        }
    }
}
