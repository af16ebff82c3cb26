//! PC5 message by message: each gets the fate that the model gives to its path, its shadowing and the load around it.
//!
//! - Shadowing belongs to a pair, the same both ways, and forgets itself over the metres that both ends travel.
//! - A reservation lasts five to fifteen periods, and so does what comes of it: collisions and half-duplex losses come in
//!   bursts.
//! - The load around a station is what it hears of the others, as vehicles a kilometre on a straight road that would be
//!   heard as much: the model knows no other density.

use super::pc5::{Pc5Loss, Pc5Model, Size};
use super::propagation::Sight;
use super::scheduling::RATE_HZ;
use super::streets::Streets;
use super::{End, mix};
use crate::rng::{Purpose, Seed, Stream, normal, uniform};
use core::time::Duration;
use jxz_geo::Point;
use jxz_units::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The load is measured this often.
const MEASURE_EVERY: Duration = Duration::from_secs(1);
/// Others that one station looks at when it measures; of more, every second, third and so on.
const LOOKED_AT: usize = 64;
/// Side of the squares that stations are sorted into, metres.
const SQUARE_M: f64 = 300.0;
/// A pair that exchanged nothing for this long is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(10);
/// Shadowing and sight are looked at again when both ends together moved this far, metres.
const MOVED_M: f64 = 1.0;
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

/// A reservation's fate, from one sender's kind of message to one receiver.
#[derive(Debug, Clone, Copy)]
struct Reservation {
    sender: u64,
    flow: u32,
    until: Instant,
    /// Uniform draws that hold as long as it does.
    half_duplex: f64,
    collision: f64,
    wait: f64,
}

#[derive(Debug, Clone)]
struct Pair {
    stream: Stream,
    ends: (Point, Point),
    sight: Sight,
    /// In sigmas.
    shadow: f64,
    used: Instant,
    reservations: Vec<Reservation>,
}

/// The sidelink of all stations.
#[derive(Debug, Clone)]
pub(crate) struct Air {
    seed: Seed,
    model: Pc5Model,
    reach_m: f64,
    mean_wait_s: f64,
    streets: Option<Streets>,
    stations: BTreeMap<u64, Station>,
    pairs: BTreeMap<(u64, u64), Pair>,
    next_measurement: Instant,
    pub(crate) counts: Pc5Counts,
}

impl Air {
    /// `streets`: buildings stand everywhere else; `None`: nowhere.
    pub(crate) fn new(seed: Seed, power_dbm: f64, mean_wait_s: f64, streets: Option<Streets>) -> Self {
        let model = Pc5Model::new(power_dbm);
        Self {
            seed,
            reach_m: model.reach_m(),
            model,
            mean_wait_s,
            streets,
            stations: BTreeMap::new(),
            pairs: BTreeMap::new(),
            next_measurement: Instant::ZERO + MEASURE_EVERY,
            counts: Pc5Counts::default(),
        }
    }

    /// Nothing is heard from farther away, metres.
    pub(crate) const fn reach_m(&self) -> f64 {
        self.reach_m
    }

    /// A station sends a message: it loads the channel, whoever hears it.
    pub(crate) fn sent(&mut self, number: u64, bytes: usize) {
        let (station, size) = (self.stations.entry(number).or_default(), Size::of(bytes));
        station.blocks = station.blocks.saturating_add(size.blocks);
        station.subframes = station.subframes.saturating_add(size.subframes);
    }

    /// What becomes of a sent message at one receiver: its delay, or why it is lost. `flow` is its kind: each has
    /// reservations of its own.
    pub(crate) fn fate(
        &mut self,
        now: Instant,
        (from, to): (End, End),
        flow: u32,
        bytes: usize,
    ) -> Result<Duration, Pc5Loss> {
        let load = |number| self.stations.get(&number).copied().unwrap_or_default();
        let (sender, receiver) = (load(from.number), load(to.number));
        let per_km = 0.5 * (sender.per_km + receiver.per_km);
        let pair = self.pair(now, from, to);
        let reservation = pair.reservation(now, from.number, flow);
        let noise = uniform(&mut pair.stream, 0.0, 1.0);
        let sigma_db = pair.sight.shadow_sigma_db();
        let path = (pair.sight, (from.at - to.at).norm(), pair.shadow * sigma_db);
        let chances = self.model.chances(path, Size::of(bytes), per_km, receiver.subframe_hz);
        let loss = if reservation.half_duplex < chances.half_duplex {
            Pc5Loss::HalfDuplex
        } else if !chances.heard {
            Pc5Loss::Sensing
        } else if noise < chances.propagation {
            Pc5Loss::Propagation
        } else if reservation.collision < chances.collision {
            Pc5Loss::Collision
        } else {
            self.counts.delivered += 1;
            return Ok(Duration::from_nanos((self.mean_wait_s * (0.5 + reservation.wait) * 1e9) as u64));
        };
        *self.counts.lost.entry(loss).or_default() += 1;
        Err(loss)
    }

    /// The pair with its shadowing as of now.
    fn pair(&mut self, now: Instant, from: End, to: End) -> &mut Pair {
        let (a, b) = if from.number < to.number { (from, to) } else { (to, from) };
        let (seed, streets) = (self.seed, self.streets.as_ref());
        let sight = || match streets {
            Some(streets) if !streets.see(a.at, b.at) => Sight::Blocked,
            _ => Sight::Open,
        };
        let pair = self.pairs.entry((a.number, b.number)).or_insert_with(|| {
            let mut stream = seed.stream(Purpose::Radio, mix(a.number, b.number));
            let shadow = normal(&mut stream);
            Pair { stream, ends: (a.at, b.at), sight: sight(), shadow, used: now, reservations: Vec::new() }
        });
        let moved_m = (a.at - pair.ends.0).norm() + (b.at - pair.ends.1).norm();
        if moved_m > MOVED_M {
            pair.sight = sight();
            let keep = libm::exp(-moved_m / pair.sight.shadow_memory_m());
            pair.shadow = keep * pair.shadow + (1.0 - keep * keep).sqrt() * normal(&mut pair.stream);
            pair.ends = (a.at, b.at);
        }
        pair.used = now;
        pair
    }

    /// Measures the load if it is time: who sends how much, and how much of it everybody hears.
    pub(crate) fn measure(&mut self, now: Instant, ends: impl Iterator<Item = End>) {
        if now < self.next_measurement {
            return;
        }
        self.next_measurement = now + MEASURE_EVERY;
        self.pairs.retain(|_, pair| now.since(pair.used) < FORGET_AFTER);
        let mut present = Vec::new();
        let mut stations = BTreeMap::new();
        for end in ends {
            let mut station = self.stations.get(&end.number).copied().unwrap_or_default();
            let seconds = MEASURE_EVERY.as_secs_f64();
            station.block_hz = f64::from(core::mem::take(&mut station.blocks)) / seconds;
            station.subframe_hz = f64::from(core::mem::take(&mut station.subframes)) / seconds;
            present.push((end, station.block_hz));
            stations.insert(end.number, station);
        }
        self.stations = stations;
        let mut squares: BTreeMap<(i64, i64), Vec<(End, f64)>> = BTreeMap::new();
        for sender in present.iter().filter(|(_, block_hz)| *block_hz > 0.0) {
            squares.entry(square(sender.0.at)).or_default().push(*sender);
        }
        for (end, _) in present {
            let per_km = self.model.density_of_heard(self.heard_at(end, &squares));
            if let Some(station) = self.stations.get_mut(&end.number) {
                (station.per_km, station.busy_ratio) = (per_km, self.model.busy_ratio(per_km));
            }
        }
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

    /// Share of the channel that a station found busy in the last second, 0 to 1; `None` for who is not there.
    pub(crate) fn busy_ratio(&self, number: u64) -> Option<f64> {
        Some(self.stations.get(&number)?.busy_ratio)
    }
}

impl Pair {
    /// The reservation that a message goes by; a new one when the old one has ended.
    fn reservation(&mut self, now: Instant, sender: u64, flow: u32) -> Reservation {
        let known = self.reservations.iter().position(|r| (r.sender, r.flow) == (sender, flow));
        if let Some(held) = known.map(|index| self.reservations[index]).filter(|held| now < held.until) {
            return held;
        }
        let stream = &mut self.stream;
        // Reselection counter: 5 to 15, TS 36.321, 5.14.1.1.
        let periods = uniform(stream, 5.0, 16.0) as u32;
        let reservation = Reservation {
            sender,
            flow,
            until: now + PERIOD * periods,
            half_duplex: uniform(stream, 0.0, 1.0),
            collision: uniform(stream, 0.0, 1.0),
            wait: uniform(stream, 0.0, 1.0),
        };
        match known {
            Some(index) => self.reservations[index] = reservation,
            None => self.reservations.push(reservation),
        }
        reservation
    }
}

fn square(at: Point) -> (i64, i64) {
    ((at.x / SQUARE_M).floor() as i64, (at.y / SQUARE_M).floor() as i64)
}
