//! PC5 message by message: each gets the fate that the model gives to its path, its shadowing and the load around it.
//!
//! - Shadowing belongs to a pair, the same both ways. It forgets itself over the metres that both ends travel, whether
//!   anything is said or not.
//! - A reservation lasts five to fifteen periods, and so does what comes of it: collisions and half-duplex losses come
//!   in bursts.
//! - The load around a station is what it hears of the others, as vehicles a kilometre on a straight road that would be
//!   heard as much: the model knows no other density.

use super::pc5::{Pc5Loss, Pc5Losses, Pc5Model, Size};
use super::propagation::{SENSITIVITY_DBM, Sight};
use super::scheduling::RATE_HZ;
use super::streets::Streets;
use super::{End, Table, mix};
use crate::rng::{Purpose, Seed, SmallStream, normal, uniform};
use core::time::Duration;
use jxz_geo::Point;
use jxz_units::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The load is measured this often.
const MEASURE_EVERY: Duration = Duration::from_secs(1);
/// Others that one station looks at when it measures; of more, every second, third and so on.
const LOOKED_AT: usize = 32;
/// Side of the squares that stations are sorted into, metres.
const SQUARE_M: f64 = 300.0;
/// A pair that is out of reach for this long is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(10);
/// Shadowing and sight are looked at again when both ends together moved this far, metres.
const MOVED_M: f64 = 2.0;
/// A path so many sigmas of shadowing too weak carries nothing: of what else would befall a message nobody asks.
const HOPELESS_SIGMAS: f64 = 5.0;
/// Period of a reservation.
const PERIOD: Duration = Duration::from_millis(100);

/// PC5 messages counted once for every receiver in reach.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pc5Counts {
    /// Arrived.
    pub delivered: u64,
    /// Did not, by cause.
    pub lost: BTreeMap<Pc5Loss, u64>,
}

/// What a station sends, and what it hears.
#[derive(Debug, Clone, Copy, Default)]
struct Station {
    /// Resources and subframes since the last measurement.
    blocks: u32,
    subframes: u32,
    /// A second, by the last measurement.
    block_hz: f64,
    subframe_hz: f64,
    /// Load around it, vehicles a kilometre, and how busy that makes the channel.
    per_km: f64,
    busy_ratio: f64,
}

/// What one sender's messages of one kind meet at one receiver, by chance of their own: nobody else's message shifts
/// it.
#[derive(Debug, Clone)]
struct Flow {
    stream: SmallStream,
    sender: u64,
    kind: u32,
    /// When the reservation ends.
    until: Instant,
    /// Uniform draws that hold as long as it does.
    half_duplex: f64,
    collision: f64,
    wait: f64,
}

/// The path between two stations.
#[derive(Debug, Clone)]
struct Pair {
    stream: SmallStream,
    ends: (Point, Point),
    sight: Sight,
    distance_m: f64,
    /// What arrives but for shadowing.
    mean_dbm: f64,
    /// In sigmas.
    shadow: f64,
    seen: Instant,
    flows: Vec<Flow>,
}

/// Paths between stations, and what became of messages on them. Paths do not touch each other: those of one site can be
/// followed while somebody else follows another's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paths {
    pairs: Table<(u64, u64), Pair>,
    pub(crate) counts: Pc5Counts,
}

/// What is the same for all paths.
#[derive(Debug, Clone)]
pub(crate) struct Ether {
    seed: Seed,
    model: Pc5Model,
    reach_m: f64,
    mean_wait_s: f64,
    streets: Option<Streets>,
}

/// What every station sends and hears.
#[derive(Debug, Clone)]
pub(crate) struct Stations {
    all: Table<u64, Station>,
    next_measurement: Instant,
}

impl Ether {
    /// `streets`: buildings stand everywhere else; `None`: nowhere.
    pub(crate) fn new(seed: Seed, power_dbm: f64, mean_wait_s: f64, streets: Option<Streets>) -> Self {
        let model = Pc5Model::new(power_dbm);
        Self { seed, reach_m: model.reach_m(), model, mean_wait_s, streets }
    }

    /// Nothing is heard from farther away, metres.
    pub(crate) const fn reach_m(&self) -> f64 {
        self.reach_m
    }

    /// Shares that the formula gives for 190-byte messages on an open road.
    pub(crate) fn formula(&self, per_km: f64, distance_m: f64) -> Pc5Losses {
        self.model.losses(per_km, distance_m)
    }

    /// How many senders of ten blocks a second a station hears.
    fn heard_at(&self, end: End, squares: &BTreeMap<(i64, i64), Vec<(End, f64)>>) -> f64 {
        let (x, y) = square(end.at);
        let squares_away = (self.reach_m / SQUARE_M).ceil() as i64;
        let near: Vec<&(End, f64)> = (x - squares_away..=x + squares_away)
            .flat_map(|column| squares.range((column, y - squares_away)..=(column, y + squares_away)))
            .flat_map(|(_, senders)| senders)
            .filter(|(other, _)| other.number != end.number && (other.at - end.at).norm() < self.reach_m)
            .collect();
        let every = near.len().div_ceil(LOOKED_AT).max(1);
        // Begin in the middle of a stretch, so that what is looked at stands for both sides of it.
        let looked_at = near.iter().skip(every / 2).step_by(every);
        let heard = |(other, block_hz): &(End, f64)| {
            let open = self.streets.as_ref().is_none_or(|streets| streets.see(end.at, other.at));
            let sight = if open { Sight::Open } else { Sight::Blocked };
            block_hz / RATE_HZ * self.model.heard(sight, (other.at - end.at).norm())
        };
        let (sum, count) = looked_at.fold((0.0, 0_usize), |(sum, count), other| (sum + heard(other), count + 1));
        if count == 0 { 0.0 } else { sum * near.len() as f64 / count as f64 }
    }
}

impl Paths {
    /// What becomes of a sent message at one receiver: its delay, or why it is lost. `flow` is its kind: each has
    /// reservations of its own.
    pub(crate) fn fate(
        &mut self,
        now: Instant,
        (ether, stations): (&Ether, &Stations),
        (from, to): (End, End),
        flow: u32,
        bytes: usize,
    ) -> Result<Duration, Pc5Loss> {
        let key = key(from, to);
        let index = self.pairs.get_index_of(&key).or_else(|| {
            self.follow(now, ether, from, to);
            self.pairs.get_index_of(&key)
        });
        let pair = index.and_then(|index| self.pairs.get_index_mut(index)).map(|(_, pair)| pair);
        let Some(pair) = pair.filter(|pair| pair.may_carry()) else {
            self.carry_nothing(1);
            return Err(Pc5Loss::Sensing);
        };
        let (sender, receiver) = (stations.load(from.number), stations.load(to.number));
        let per_km = 0.5 * (sender.per_km + receiver.per_km);
        let path = (pair.distance_m, pair.mean_dbm + pair.shadow * pair.sight.shadow_sigma_db());
        let reservation = pair.flow(ether.seed, now, (from.number, to.number), flow);
        let noise = uniform(&mut reservation.stream, 0.0, 1.0);
        let held = (reservation.half_duplex, reservation.collision, reservation.wait);
        let chances = ether.model.chances(path, Size::of(bytes), per_km, receiver.subframe_hz);
        let loss = if held.0 < chances.half_duplex {
            Pc5Loss::HalfDuplex
        } else if !chances.heard {
            Pc5Loss::Sensing
        } else if noise < chances.propagation {
            Pc5Loss::Propagation
        } else if held.1 < chances.collision {
            Pc5Loss::Collision
        } else {
            self.counts.delivered += 1;
            return Ok(Duration::from_nanos((ether.mean_wait_s * (0.5 + held.2) * 1e9) as u64));
        };
        *self.counts.lost.entry(loss).or_default() += 1;
        Err(loss)
    }

    /// Counts messages that were in reach of a receiver on a path that carries nothing.
    pub(crate) fn carry_nothing(&mut self, messages: u64) {
        *self.counts.lost.entry(Pc5Loss::Sensing).or_default() += messages;
    }

    /// Moves the path between two stations on to where they are now: at every step, whether they say anything or not.
    /// Says whether it may carry anything at all.
    pub(crate) fn follow(&mut self, now: Instant, ether: &Ether, one: End, other: End) -> bool {
        let (a, b) = if one.number < other.number { (one, other) } else { (other, one) };
        let (model, streets) = (&ether.model, ether.streets.as_ref());
        let look = || {
            let open = streets.is_none_or(|streets| streets.see(a.at, b.at));
            let (sight, distance_m) = (if open { Sight::Open } else { Sight::Blocked }, (a.at - b.at).norm());
            (sight, distance_m, model.mean_dbm(sight, distance_m))
        };
        let Some(pair) = self.pairs.get_mut(&key(one, other)) else {
            let mut stream = ether.seed.small_stream(Purpose::Radio, mix(a.number, b.number));
            let shadow = normal(&mut stream);
            let (sight, distance_m, mean_dbm) = look();
            let (ends, flows) = ((a.at, b.at), Vec::new());
            let pair = Pair { stream, ends, sight, distance_m, mean_dbm, shadow, seen: now, flows };
            let carries = pair.may_carry();
            self.pairs.insert(key(one, other), pair);
            return carries;
        };
        pair.seen = now;
        let moved_m = (a.at - pair.ends.0).norm() + (b.at - pair.ends.1).norm();
        if moved_m > MOVED_M {
            (pair.sight, pair.distance_m, pair.mean_dbm) = look();
            let keep = libm::exp(-moved_m / pair.sight.shadow_memory_m());
            pair.shadow = keep * pair.shadow + (1.0 - keep * keep).sqrt() * normal(&mut pair.stream);
            pair.ends = (a.at, b.at);
        }
        pair.may_carry()
    }

    /// Forgets pairs that have been out of reach for long.
    pub(crate) fn forget(&mut self, now: Instant) {
        self.pairs.retain(|_, pair| now.since(pair.seen) < FORGET_AFTER);
    }
}

impl Default for Stations {
    fn default() -> Self {
        Self { all: Table::default(), next_measurement: Instant::ZERO + MEASURE_EVERY }
    }
}

impl Stations {
    /// A station sends a message: it loads the channel, whoever hears it.
    pub(crate) fn sent(&mut self, number: u64, bytes: usize) {
        let (station, size) = (self.all.entry(number).or_default(), Size::of(bytes));
        station.blocks = station.blocks.saturating_add(size.blocks);
        station.subframes = station.subframes.saturating_add(size.subframes);
    }

    fn load(&self, number: u64) -> Station {
        self.all.get(&number).copied().unwrap_or_default()
    }

    /// Whether it is time to measure the load.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now >= self.next_measurement
    }

    /// Measures the load if it is time: who sends how much, and how much of it everybody hears.
    pub(super) fn measure(&mut self, now: Instant, ether: &Ether, ends: impl Iterator<Item = End>) {
        if !self.is_due(now) {
            return;
        }
        self.next_measurement = now + MEASURE_EVERY;
        let mut present = Vec::new();
        let mut stations = Table::default();
        for end in ends {
            let mut station = self.load(end.number);
            let seconds = MEASURE_EVERY.as_secs_f64();
            station.block_hz = f64::from(core::mem::take(&mut station.blocks)) / seconds;
            station.subframe_hz = f64::from(core::mem::take(&mut station.subframes)) / seconds;
            present.push((end, station.block_hz));
            stations.insert(end.number, station);
        }
        self.all = stations;
        let mut squares: BTreeMap<(i64, i64), Vec<(End, f64)>> = BTreeMap::new();
        for sender in present.iter().filter(|(_, block_hz)| *block_hz > 0.0) {
            squares.entry(square(sender.0.at)).or_default().push(*sender);
        }
        for (end, block_hz) in present {
            // Who sends is one of those that fill the channel, eq. 29.1.
            let heard = block_hz / RATE_HZ + ether.heard_at(end, &squares);
            let per_km = ether.model.density_of_heard(heard);
            if let Some(station) = self.all.get_mut(&end.number) {
                (station.per_km, station.busy_ratio) = (per_km, ether.model.busy_ratio(per_km));
            }
        }
    }

    /// Share of the channel that a station found busy in the last second, 0 to 1; `None` for who is not there.
    pub(crate) fn busy_ratio(&self, number: u64) -> Option<f64> {
        Some(self.all.get(&number)?.busy_ratio)
    }
}

impl Pc5Counts {
    /// Adds another's.
    pub(super) fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        for (loss, count) in &other.lost {
            *self.lost.entry(*loss).or_default() += count;
        }
    }
}

impl Pair {
    /// Whether it carries anything with any shadowing that may be.
    fn may_carry(&self) -> bool {
        self.mean_dbm + HOPELESS_SIGMAS * self.sight.shadow_sigma_db() >= SENSITIVITY_DBM
    }

    /// The flow that a message belongs to, with a new reservation if the old one has ended.
    fn flow(&mut self, seed: Seed, now: Instant, (sender, receiver): (u64, u64), kind: u32) -> &mut Flow {
        let known = self.flows.iter().position(|flow| (flow.sender, flow.kind) == (sender, kind));
        let index = known.unwrap_or_else(|| {
            let stream = seed.small_stream(Purpose::Reservation, mix(mix(sender, receiver), u64::from(kind)));
            let (half_duplex, collision, wait) = (0.0, 0.0, 0.0);
            self.flows.push(Flow { stream, sender, kind, until: now, half_duplex, collision, wait });
            self.flows.len() - 1
        });
        let flow = &mut self.flows[index];
        if now >= flow.until {
            // Reselection counter: 5 to 15, TS 36.321, 5.14.1.1.
            flow.until = now + PERIOD * (uniform(&mut flow.stream, 5.0, 16.0) as u32);
            flow.half_duplex = uniform(&mut flow.stream, 0.0, 1.0);
            flow.collision = uniform(&mut flow.stream, 0.0, 1.0);
            flow.wait = uniform(&mut flow.stream, 0.0, 1.0);
        }
        flow
    }
}

/// Both ways between two stations are one pair.
fn key(one: End, other: End) -> (u64, u64) {
    (one.number.min(other.number), one.number.max(other.number))
}

fn square(at: Point) -> (i64, i64) {
    ((at.x / SQUARE_M).floor() as i64, (at.y / SQUARE_M).floor() as i64)
}
