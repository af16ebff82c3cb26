//! Cars that follow one another and stop at red, cyclists, and people on foot, on a grid of crossings.
//!
//! The grid closes on itself, so that the number of road users never changes: who leaves at one edge of the site is
//! gone, and another comes in at the opposite edge.

use super::{Grid, TILE_M};
use crate::scene::Body;
use jxz_geo::{Point, Vector};
use jxz_world::RoadUserClass;
use nalgebra::Rotation2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::{FRAC_PI_2, TAU};

/// From the beginning of a square to its stop line, and to the end of the junction's inside, metres.
const STOP_M: f64 = 86.0;
const CLEAR_M: f64 = 114.0;
/// A direction has green, then red, for so long, seconds.
const PHASE_S: f64 = 12.0;
/// Share of cars that turn at a crossing.
const TURN_SHARE: f64 = 0.25;
const TURN_MPS: f64 = 6.0;
/// Queues form in this time before the scene begins, seconds.
const SETTLE_S: f64 = 15.0;

/// A lane through the whole site: its direction (0 north, then anticlockwise), which column or row, which lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ring {
    direction: usize,
    street: usize,
    lane: usize,
}

/// What is left of a turn: the ring is the new one already, and the place on it what is still to go before joining it.
#[derive(Debug, Clone, Copy)]
struct Arc {
    centre: Point,
    radius_m: f64,
    /// Direction from the centre at the end, radians; anticlockwise is to the left.
    end_rad: f64,
    left: bool,
    joins_at_m: f64,
}

#[derive(Debug, Clone)]
struct Rider {
    id: u64,
    class: RoadUserClass,
    ring: Ring,
    /// Along the ring, metres.
    at_m: f64,
    speed_mps: f64,
    desired_mps: f64,
    length_m: f64,
    turning: bool,
    arc: Option<Arc>,
    sway_rad: f64,
}

#[derive(Debug, Clone)]
struct Walker {
    id: u64,
    from: Point,
    to: Point,
    gone_m: f64,
    speed_mps: f64,
    desired_mps: f64,
    sway_rad: f64,
}

/// Everybody on the road.
#[derive(Debug, Clone)]
pub struct Traffic {
    grid: Grid,
    time_s: f64,
    riders: Vec<Rider>,
    walkers: Vec<Walker>,
    next_id: u64,
    rng: ChaCha8Rng,
}

impl Traffic {
    /// So many road users, six tenths of them cars, a quarter on foot, the rest cyclists, after some time of driving.
    #[must_use]
    pub fn new(grid: Grid, users: usize, seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut traffic = Self { grid, time_s: 0.0, riders: Vec::new(), walkers: Vec::new(), next_id: 0, rng };
        let (cars, cyclists) = (users * 6 / 10, users * 15 / 100);
        let slots = grid.tiles() * 8;
        for k in 0..cars {
            let (slot, place) = (k % slots, k / slots);
            let step_m = (TILE_M - 10.0) / cars.div_ceil(slots) as f64;
            traffic.add_rider(slot / 8, slot % 4, slot / 4 % 2, 5.0 + place as f64 * step_m);
        }
        for k in 0..cyclists {
            let (direction, along_m) = (traffic.rng.random_range(0..4), traffic.rng.random_range(0.0..TILE_M));
            traffic.add_rider(k % grid.tiles(), direction, 2, along_m);
        }
        for k in 0..users - cars - cyclists {
            let walker = traffic.walker(k % grid.tiles(), true);
            traffic.walkers.push(walker);
        }
        for _ in 0..(SETTLE_S / super::SCAN_STEP_S) as usize {
            traffic.step(super::SCAN_STEP_S);
        }
        traffic
    }

    /// All road users as they are now.
    pub fn bodies(&self) -> impl Iterator<Item = Body> {
        let riders = self.riders.iter().map(|r| self.rider_body(r));
        riders.chain(self.walkers.iter().map(|w| self.walker_body(w)))
    }

    /// Lets `dt_s` pass.
    pub fn step(&mut self, dt_s: f64) {
        self.drive(dt_s);
        for k in 0..self.riders.len() {
            self.move_on(k, dt_s);
        }
        for k in 0..self.walkers.len() {
            let noise = normal(&mut self.rng) * 0.15 * dt_s.sqrt();
            let walker = &mut self.walkers[k];
            walker.speed_mps =
                (walker.speed_mps + noise + 0.5 * (walker.desired_mps - walker.speed_mps) * dt_s).max(0.2);
            walker.gone_m += walker.speed_mps * dt_s;
            if walker.gone_m >= (walker.to - walker.from).norm() {
                self.walkers[k] = self.walker(k % self.grid.tiles(), false);
            }
        }
        self.time_s += dt_s;
    }

    fn number(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn ring_m(&self, ring: Ring) -> f64 {
        let (width_m, height_m) = self.grid.size_m();
        if ring.direction.is_multiple_of(2) { height_m } else { width_m }
    }

    /// The square's number along a ring of the direction, and the street's number across.
    fn place_of(&self, tile: usize, direction: usize) -> (usize, usize) {
        let (column, row) = (tile % self.grid.columns, tile / self.grid.columns);
        match direction {
            0 => (row, column),
            1 => (self.grid.columns - 1 - column, row),
            2 => (self.grid.rows - 1 - row, column),
            _ => (column, row),
        }
    }

    fn tile_at(&self, ring: Ring, at_m: f64) -> usize {
        let along = ((at_m / TILE_M).floor().max(0.0)) as usize;
        let (columns, rows) = (self.grid.columns, self.grid.rows);
        let (column, row) = match ring.direction {
            0 => (ring.street, along.min(rows - 1)),
            1 => (columns - 1 - along.min(columns - 1), ring.street),
            2 => (ring.street, rows - 1 - along.min(rows - 1)),
            _ => (along.min(columns - 1), ring.street),
        };
        row * columns + column
    }

    fn tile_centre(&self, tile: usize) -> Point {
        let (width_m, height_m) = self.grid.size_m();
        let (column, row) = (tile % self.grid.columns, tile / self.grid.columns);
        Point::new((column as f64 + 0.5) * TILE_M - width_m / 2.0, (row as f64 + 0.5) * TILE_M - height_m / 2.0)
    }

    fn add_rider(&mut self, tile: usize, direction: usize, lane: usize, along_m: f64) {
        let (along, street) = self.place_of(tile, direction);
        let is_car = lane < 2;
        let desired_mps: f64 = if is_car { self.rng.random_range(10.0..15.0) } else { self.rng.random_range(3.5..6.5) };
        let rider = Rider {
            id: self.number(),
            class: if is_car { RoadUserClass::Motor } else { RoadUserClass::NonMotor },
            ring: Ring { direction, street, lane },
            at_m: along as f64 * TILE_M + along_m,
            speed_mps: desired_mps.min(8.0),
            desired_mps,
            length_m: if is_car { self.rng.random_range(4.2..5.2) } else { 1.8 },
            turning: is_car && self.rng.random_bool(TURN_SHARE),
            arc: None,
            sway_rad: self.rng.random_range(0.0..TAU),
        };
        self.riders.push(rider);
    }

    /// Along a crosswalk or a pavement of a square; `begun`: already under way.
    fn walker(&mut self, tile: usize, begun: bool) -> Walker {
        let rng = &mut self.rng;
        let (side, way) = (sign(rng), sign(rng));
        let (from, to) = if rng.random_bool(0.5) {
            let y = [-11.0 + rng.random_range(-1.5..1.5), -11.0 + rng.random_range(-1.5..1.5)];
            (Vector::new(-14.0 * way, y[0]), Vector::new(14.0 * way, y[1]))
        } else {
            let x = side * (13.0 + rng.random_range(-1.0..1.0));
            let (far, near) = (Vector::new(x, -60.0), Vector::new(x, -12.0));
            if way > 0.0 { (far, near) } else { (near, far) }
        };
        let turn = quarter(rng.random_range(0..4));
        let desired_mps = rng.random_range(0.9..1.7);
        let gone_m = if begun { rng.random_range(0.0..(to - from).norm()) } else { 0.0 };
        let sway_rad = rng.random_range(0.0..TAU);
        let centre = self.tile_centre(tile);
        let (from, to) = (centre + turn * from, centre + turn * to);
        Walker { id: self.number(), from, to, gone_m, speed_mps: desired_mps, desired_mps, sway_rad }
    }

    /// Cars keep their distance (IDM; Treiber, Hennecke, Helbing 2000) and stop at red; cyclists ride.
    fn drive(&mut self, dt_s: f64) {
        let mut order: Vec<usize> = (0..self.riders.len()).filter(|k| self.riders[*k].ring.lane < 2).collect();
        order.sort_by(|a, b| {
            let (a, b) = (&self.riders[*a], &self.riders[*b]);
            a.ring.cmp(&b.ring).then(a.at_m.total_cmp(&b.at_m))
        });
        let mut speeds = Vec::with_capacity(order.len());
        for lane in order.chunk_by(|a, b| self.riders[*a].ring == self.riders[*b].ring) {
            let ring_m = self.ring_m(self.riders[lane[0]].ring);
            for (place, &k) in lane.iter().enumerate() {
                let ahead = &self.riders[lane[(place + 1) % lane.len()]];
                let rider = &self.riders[k];
                let gap_m = (ahead.at_m - rider.at_m + ring_m) % ring_m - ahead.length_m;
                let alone = lane.len() == 1;
                let leader = if alone { (1e3, 0.0) } else { (gap_m, rider.speed_mps - ahead.speed_mps) };
                let a_mps2 = acceleration_mps2(rider, self.red_light(rider, leader));
                speeds.push((k, (rider.speed_mps + a_mps2 * dt_s).max(0.0)));
            }
        }
        for (k, speed_mps) in speeds {
            self.riders[k].speed_mps = speed_mps;
        }
        for k in (0..self.riders.len()).filter(|k| self.riders[*k].ring.lane == 2).collect::<Vec<_>>() {
            let noise = normal(&mut self.rng) * 0.3 * dt_s.sqrt();
            let rider = &mut self.riders[k];
            rider.speed_mps = (rider.speed_mps + noise + 0.5 * (rider.desired_mps - rider.speed_mps) * dt_s).max(0.2);
        }
    }

    /// The leader (gap, closing speed), or a red light before it.
    fn red_light(&self, rider: &Rider, leader: (f64, f64)) -> (f64, f64) {
        let phase = (self.time_s / PHASE_S) as usize % 2;
        let to_line_m = STOP_M - rider.at_m.rem_euclid(TILE_M);
        let red = rider.ring.direction % 2 != phase;
        let can_stop = to_line_m > rider.speed_mps.powi(2) / (2.0 * 4.5);
        let stops = red && rider.arc.is_none() && can_stop && to_line_m - 1.0 < leader.0;
        if stops { (to_line_m - 1.0, rider.speed_mps) } else { leader }
    }

    fn move_on(&mut self, k: usize, dt_s: f64) {
        let ring_m = self.ring_m(self.riders[k].ring);
        let rider = &mut self.riders[k];
        let before_m = rider.at_m;
        rider.at_m += rider.speed_mps * dt_s;
        if rider.arc.is_some_and(|arc| rider.at_m >= arc.joins_at_m) {
            rider.arc = None;
        }
        let entered = (before_m / TILE_M).floor() < (rider.at_m / TILE_M).floor() && rider.arc.is_none();
        if rider.at_m >= ring_m {
            rider.at_m -= ring_m;
            self.next_id += 1;
            self.riders[k].id = self.next_id;
        }
        if entered {
            self.riders[k].turning = self.riders[k].ring.lane < 2 && self.rng.random_bool(TURN_SHARE);
        }
        let rider = &self.riders[k];
        if rider.turning && rider.arc.is_none() && rider.at_m.rem_euclid(TILE_M) >= STOP_M {
            self.turn(k);
        }
    }

    /// Onto the arc: from the left lane to the left, from the right lane to the right.
    fn turn(&mut self, k: usize) {
        let Rider { ring, at_m, .. } = self.riders[k];
        let tile = self.tile_at(ring, at_m);
        let (offset_m, left) = (offset_m(ring.lane), ring.lane == 0);
        let direction = (ring.direction + if left { 1 } else { 3 }) % 4;
        let (along, street) = self.place_of(tile, direction);
        let radius_m = if left { 14.0 + offset_m } else { 14.0 - offset_m };
        let centre = Vector::new(if left { -14.0 } else { 14.0 }, -14.0);
        let arc = Arc {
            centre: self.tile_centre(tile) + quarter(ring.direction) * centre,
            radius_m,
            end_rad: FRAC_PI_2 + ring.direction as f64 * FRAC_PI_2,
            left,
            joins_at_m: along as f64 * TILE_M + CLEAR_M,
        };
        let rider = &mut self.riders[k];
        let past_m = at_m.rem_euclid(TILE_M) - STOP_M;
        rider.ring = Ring { direction, street, lane: ring.lane };
        rider.at_m = arc.joins_at_m - radius_m * FRAC_PI_2 + past_m;
        rider.arc = Some(arc);
        rider.turning = false;
    }

    fn rider_body(&self, rider: &Rider) -> Body {
        let (position, along) = match rider.arc {
            Some(arc) => {
                let left_rad = (arc.joins_at_m - rider.at_m) / arc.radius_m;
                let way = if arc.left { 1.0 } else { -1.0 };
                let out = Rotation2::new(arc.end_rad - way * left_rad) * Vector::x();
                (arc.centre + out * arc.radius_m, Rotation2::new(way * FRAC_PI_2) * out)
            }
            None => self.on_ring(rider.ring, rider.at_m),
        };
        let sways = rider.class != RoadUserClass::Motor;
        let body = Body { id: rider.id, class: rider.class, position, velocity: along * rider.speed_mps };
        if sways { self.swaying(body, along, rider.sway_rad) } else { body }
    }

    fn walker_body(&self, walker: &Walker) -> Body {
        let along = (walker.to - walker.from).normalize();
        let (id, class) = (walker.id, RoadUserClass::Pedestrian);
        let position = walker.from + along * walker.gone_m;
        let body = Body { id, class, position, velocity: along * walker.speed_mps };
        self.swaying(body, along, walker.sway_rad)
    }

    /// A quarter of a metre to either side, every eight seconds.
    fn swaying(&self, mut body: Body, along: Vector, sway_rad: f64) -> Body {
        let across = Vector::new(-along.y, along.x);
        let (sin, cos) = (0.8 * self.time_s + sway_rad).sin_cos();
        body.position += across * (0.25 * sin);
        body.velocity += across * (0.25 * 0.8 * cos);
        body
    }

    fn on_ring(&self, ring: Ring, at_m: f64) -> (Point, Vector) {
        let turn = quarter(ring.direction);
        // The street's middle at the site's middle, then along and across.
        let (width_m, height_m) = self.grid.size_m();
        let street_m = (ring.street as f64 + 0.5) * TILE_M;
        let middle = if ring.direction.is_multiple_of(2) {
            Point::new(street_m - width_m / 2.0, 0.0)
        } else {
            Point::new(0.0, street_m - height_m / 2.0)
        };
        let local = Vector::new(offset_m(ring.lane), at_m - self.ring_m(ring) / 2.0);
        (middle + turn * local, turn * Vector::y())
    }
}

/// From the street's middle line to the right, metres.
fn offset_m(lane: usize) -> f64 {
    1.75 + 3.5 * lane as f64
}

fn acceleration_mps2(rider: &Rider, (gap_m, closing_mps): (f64, f64)) -> f64 {
    let slow = rider.arc.is_some() || rider.turning && (rider.at_m.rem_euclid(TILE_M) - TILE_M / 2.0).abs() < 25.0;
    let desired_mps = if slow { TURN_MPS } else { rider.desired_mps };
    let braking_m = rider.speed_mps * closing_mps / (2.0 * (1.8_f64 * 2.5).sqrt());
    let wanted_m = 2.0 + (rider.speed_mps * 1.2 + braking_m).max(0.0);
    let share = (wanted_m / gap_m.max(0.3)).powi(2);
    (1.8 * (1.0 - (rider.speed_mps / desired_mps).powi(4) - share)).max(-6.0)
}

fn quarter(turns: usize) -> Rotation2<f64> {
    Rotation2::new(turns as f64 * FRAC_PI_2)
}

fn sign(rng: &mut ChaCha8Rng) -> f64 {
    if rng.random_bool(0.5) { 1.0 } else { -1.0 }
}

/// A standard normal draw (Box-Muller).
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random_range(1e-12..1.0), rng.random_range(0.0..1.0));
    (-2.0 * u.ln()).sqrt() * (TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn nobody_is_out_of_view_nor_jumps_and_queues_form() {
        for (users, least) in [(30, 0.005), (100, 0.1), (300, 0.1)] {
            let grid = Grid::for_users(users);
            let mut traffic = Traffic::new(grid, users, 5);
            let mut before: BTreeMap<u64, Body> = BTreeMap::new();
            let (mut standing, mut newcomers) = (0, 0);
            for _ in 0..1600 {
                traffic.step(0.0125);
                let now: BTreeMap<u64, Body> = traffic.bodies().map(|b| (b.id, b)).collect();
                assert_eq!(now.len(), users);
                for (id, body) in &now {
                    assert!(grid.bounds().distance_outside_m(body.position) < 0.3, "{body:?}");
                    let Some(last) = before.get(id) else {
                        newcomers += 1;
                        continue;
                    };
                    // Where the velocity said that it would be, to the little that it changes in a step.
                    let off_m = (body.position - last.position - last.velocity * 0.0125).norm();
                    assert!(off_m < 0.02, "{off_m} m: {last:?}, then {body:?}");
                    standing += usize::from(body.class == RoadUserClass::Motor && body.velocity.norm() < 0.5);
                }
                before = now;
            }
            let share = standing as f64 / (1600.0 * users as f64 * 0.6);
            assert!((least..0.5).contains(&share), "of {users}, {share} of the cars stand");
            assert!((users..users * 4).contains(&newcomers), "{newcomers} newcomers");
        }
    }
}
