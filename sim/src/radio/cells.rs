//! Base stations: who is on which, hand-over by power and load, outages.

use super::Table;
use crate::rng::{Purpose, Seed, normal};
use crate::scenario::RadioPlan;
use core::time::Duration;
use jxz_geo::Point;
use jxz_map::BaseStation;
use jxz_units::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Height of a vehicle's antenna, metres.
const ANTENNA_M: f64 = 1.5;
/// From a carrier's whole power to one of its 3276 subcarriers (100 MHz at 30 kHz), dB.
const SUBCARRIER_DB: f64 = 35.15;
/// Below this reference power there is no service, dBm.
const LEAST_DBM: f64 = -126.0;
/// Another cell must be better by this much, dB, for this long (3GPP's event A3; TR 36.839, set 2).
const HYSTERESIS_DB: f64 = 3.0;
const TIME_TO_TRIGGER: Duration = Duration::from_millis(160);
/// Median of the gap at a hand-over, and sigma of its logarithm.
const GAP_MEDIAN_S: f64 = 0.040;
const GAP_SIGMA: f64 = 0.3;
/// A subscriber that lost its cell looks for another after this long (timer T310).
const SEARCH: Duration = Duration::from_secs(1);
/// A cell more than half full is made to look worse, up to this much when it is full, dB.
const FULL_DB: f64 = 6.0;
/// Each subscriber measures in every second step.
const MEASURE_STEPS: u64 = 2;
/// Cells that are measured at a place, and the side of the square that shares them, metres.
const CANDIDATES: usize = 12;
const SQUARE_M: f64 = 200.0;

/// A base station's cell as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The base station's name in the map.
    pub id: String,
    /// Where it stands, local frame, metres.
    #[serde(skip)]
    pub position: Point,
    /// Whether it is in order.
    pub up: bool,
    /// How many are on it.
    pub subscribers: u32,
    /// Share of its capacity that they take; above 1: more than it is meant for.
    pub load: f64,
    /// Hand-overs to it since the start.
    pub hand_overs: u64,
}

/// What a subscriber has of the network at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Now,
    /// In the gap of a hand-over: messages wait until it ends.
    From(Instant),
    None,
}

#[derive(Debug, Clone, Default)]
struct Subscriber {
    serving: Option<usize>,
    /// A better cell, and since when it is.
    rival: Option<(usize, Instant)>,
    /// Until when a gap or a search lasts.
    busy_until: Option<Instant>,
    hand_overs: u64,
}

/// All cells and their subscribers.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    seed: Seed,
    plan: RadioPlan,
    masts: Vec<Mast>,
    cells: Vec<Cell>,
    subscribers: Table<u64, Subscriber>,
    candidates: BTreeMap<(i64, i64), Vec<usize>>,
    steps: u64,
    pub(crate) hand_overs: u64,
}

impl Cells {
    pub(crate) fn new(seed: Seed, plan: RadioPlan, stations: &[BaseStation]) -> Self {
        let cell = |station: &BaseStation| Cell {
            id: station.id.clone(),
            position: station.position,
            up: true,
            subscribers: 0,
            load: 0.0,
            hand_overs: 0,
        };
        Self {
            seed,
            plan,
            masts: stations.iter().map(Mast::new).collect(),
            cells: stations.iter().map(cell).collect(),
            subscribers: Table::default(),
            candidates: BTreeMap::new(),
            steps: 0,
            hand_overs: 0,
        }
    }

    pub(crate) fn all(&self) -> &[Cell] {
        &self.cells
    }

    /// The cell that a subscriber is on.
    pub(crate) fn of(&self, number: u64) -> Option<&Cell> {
        Some(&self.cells[self.subscribers.get(&number)?.serving?])
    }

    /// What a subscriber has now. Without base stations in the map there is coverage everywhere, except in outages of
    /// every cell.
    pub(crate) fn service(&self, now: Instant, number: u64) -> Service {
        if self.cells.is_empty() {
            return if self.out_of_order(now, None) { Service::None } else { Service::Now };
        }
        match self.subscribers.get(&number) {
            Some(Subscriber { serving: Some(_), busy_until: Some(until), .. }) if now < *until => Service::From(*until),
            Some(Subscriber { serving: Some(cell), .. }) if self.cells[*cell].up => Service::Now,
            _ => Service::None,
        }
    }

    fn out_of_order(&self, now: Instant, cell: Option<&str>) -> bool {
        let now_s = now.ns() as f64 * 1e-9;
        self.plan.outages.iter().any(|outage| {
            let meant = outage.cell.is_none() || outage.cell.as_deref() == cell;
            meant && now_s >= outage.from_s && now_s < outage.from_s + outage.lasts_s
        })
    }

    /// Brings everybody's cell in line with where they are now.
    pub(crate) fn step(&mut self, now: Instant, places: &[(u64, Point)]) {
        if self.cells.is_empty() {
            return;
        }
        for index in 0..self.cells.len() {
            self.cells[index].up = !self.out_of_order(now, Some(&self.cells[index].id));
        }
        let mut before = core::mem::take(&mut self.subscribers);
        for (number, at) in places {
            let mut subscriber = before.swap_remove(number).unwrap_or_default();
            let due = self.steps.wrapping_add(*number).is_multiple_of(MEASURE_STEPS);
            if due || subscriber.serving.is_none_or(|cell| !self.cells[cell].up) {
                self.measure(now, *number, *at, &mut subscriber);
            }
            self.subscribers.insert(*number, subscriber);
        }
        for left in before.into_values() {
            self.leave(left.serving);
        }
        self.steps += 1;
    }

    fn measure(&mut self, now: Instant, number: u64, at: Point, subscriber: &mut Subscriber) {
        if let Some(cell) = subscriber.serving
            && (!self.cells[cell].up || self.masts[cell].reference_power_dbm(at) < LEAST_DBM)
        {
            self.leave(subscriber.serving.take());
            (subscriber.rival, subscriber.busy_until) = (None, Some(now + SEARCH));
        }
        if subscriber.busy_until.is_some_and(|until| now < until) {
            return;
        }
        subscriber.busy_until = None;
        let (masts, cells) = (&self.masts, &self.cells);
        // A logarithm each: asked for once.
        let power = |cell: usize| (cell, masts[cell].reference_power_dbm(at));
        let score = |(cell, dbm): (usize, f64)| (cell, dbm - fullness_db(cells[cell].load));
        let near = self.candidates.entry(square(at)).or_insert_with(|| candidates(masts, square(at)));
        let up = near.iter().copied().filter(|cell| cells[*cell].up).map(power);
        let usable = up.filter(|(_, dbm)| *dbm >= LEAST_DBM).map(score);
        let Some((best, best_db)) = usable.max_by(|a, b| a.1.total_cmp(&b.1)) else { return };
        let Some(serving) = subscriber.serving else {
            subscriber.serving = Some(best);
            self.join(best);
            return;
        };
        if best == serving || best_db < score(power(serving)).1 + HYSTERESIS_DB {
            subscriber.rival = None;
            return;
        }
        let since = subscriber.rival.filter(|(cell, _)| *cell == best).map_or(now, |(_, since)| since);
        subscriber.rival = Some((best, since));
        if now.since(since) >= TIME_TO_TRIGGER {
            self.leave(subscriber.serving.replace(best));
            self.join(best);
            self.cells[best].hand_overs += 1;
            self.hand_overs += 1;
            subscriber.hand_overs += 1;
            subscriber.rival = None;
            subscriber.busy_until = Some(now + self.gap(number, subscriber.hand_overs));
        }
    }

    /// How long a subscriber's hand-over takes.
    fn gap(&self, number: u64, count: u64) -> Duration {
        let mut stream = self.seed.stream(Purpose::HandOver, super::mix(number, count));
        Duration::from_nanos((GAP_MEDIAN_S * libm::exp(GAP_SIGMA * normal(&mut stream)) * 1e9) as u64)
    }

    fn join(&mut self, cell: usize) {
        self.cells[cell].subscribers += 1;
        self.weigh(cell);
    }

    fn leave(&mut self, cell: Option<usize>) {
        if let Some(cell) = cell {
            self.cells[cell].subscribers -= 1;
            self.weigh(cell);
        }
    }

    fn weigh(&mut self, cell: usize) {
        self.cells[cell].load = f64::from(self.cells[cell].subscribers) / f64::from(self.plan.cell_capacity);
    }
}

/// How much worse a cell is made to look for its load.
fn fullness_db(load: f64) -> f64 {
    FULL_DB * (2.0 * load - 1.0).clamp(0.0, 1.0)
}

fn square(at: Point) -> (i64, i64) {
    ((at.x / SQUARE_M).floor() as i64, (at.y / SQUARE_M).floor() as i64)
}

/// The strongest cells in the middle of a square.
fn candidates(masts: &[Mast], (x, y): (i64, i64)) -> Vec<usize> {
    let middle = Point::new((x as f64 + 0.5) * SQUARE_M, (y as f64 + 0.5) * SQUARE_M);
    let power = |index: usize| masts[index].reference_power_dbm(middle);
    let mut order: Vec<usize> = (0..masts.len()).collect();
    order.sort_by(|a, b| power(*b).total_cmp(&power(*a)));
    order.truncate(CANDIDATES);
    order
}

/// What of a base station its power at a place depends on.
#[derive(Debug, Clone, Copy)]
struct Mast {
    position: Point,
    /// Above a vehicle's antenna.
    up_m: f64,
    /// Loss for its frequency.
    carrier_db: f64,
    /// Power of a reference signal as it is sent.
    sent_dbm: f64,
}

impl Mast {
    fn new(station: &BaseStation) -> Self {
        Self {
            position: station.position,
            up_m: station.height_m - ANTENNA_M,
            carrier_db: 20.0 * libm::log10(station.carrier_ghz),
            sent_dbm: station.power_dbm - SUBCARRIER_DB,
        }
    }

    /// Power of a reference signal at a place on the ground, dBm: TR 38.901, urban macro without line of sight.
    fn reference_power_dbm(&self, at: Point) -> f64 {
        let ground_m = (at - self.position).norm();
        let slant_m = (ground_m * ground_m + self.up_m * self.up_m).sqrt().max(1.0);
        self.sent_dbm - (13.54 + 39.08 * libm::log10(slant_m) + self.carrier_db)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Outage;

    /// Two stations, a kilometre of road apart.
    fn stations() -> Vec<BaseStation> {
        let station = |id: &str, x| BaseStation {
            id: id.to_owned(),
            position: Point::new(x, 30.0),
            height_m: 25.0,
            carrier_ghz: 3.5,
            power_dbm: 46.0,
        };
        vec![station("west", 0.0), station("east", 1000.0)]
    }

    fn at(ms: u64) -> Instant {
        Instant::from_ns(ms * 1_000_000)
    }

    /// Drives one subscriber along the road at 20 m/s; where it changed, and the gaps.
    fn drive(cells: &mut Cells, number: u64, from_m: f64, to_m: f64, others: &[(u64, Point)]) -> Vec<(f64, f64)> {
        let (mut changes, mut last) = (Vec::new(), None);
        for step in 0..((to_m - from_m).abs() as u64) {
            let (now, x) = (at(50 * step), from_m + step as f64 * (to_m - from_m).signum());
            let mut places = others.to_vec();
            places.push((number, Point::new(x, 0.0)));
            cells.step(now, &places);
            let cell = cells.of(number).map(|cell| cell.id.clone());
            if last.is_some() && cell != last {
                let Service::From(end) = cells.service(now, number) else { panic!("a hand-over without a gap") };
                changes.push((x, end.since(now).as_secs_f64()));
            }
            last = cell;
        }
        changes
    }

    #[test]
    fn a_vehicle_is_handed_over_once_past_the_middle_and_misses_some_forty_milliseconds() {
        let mut gaps_s = Vec::new();
        for number in 0..200 {
            let mut cells = Cells::new(Seed(3), RadioPlan::default(), &stations());
            let changes = drive(&mut cells, number, 100.0, 900.0, &[]);
            assert_eq!(changes.len(), 1, "{changes:?}");
            // 3 dB are a twelfth of the way in distance, and 160 ms are 4 m.
            assert!((535.0..560.0).contains(&changes[0].0), "{changes:?}");
            gaps_s.push(changes[0].1);
            assert_eq!((cells.all()[1].hand_overs, cells.all()[1].subscribers), (1, 1));
        }
        gaps_s.sort_by(f64::total_cmp);
        assert!((gaps_s[100] - 0.040).abs() < 0.004, "median {} s", gaps_s[100]);
    }

    #[test]
    fn a_full_cell_is_entered_later() {
        let plan = RadioPlan { cell_capacity: 4, ..RadioPlan::default() };
        let crowd: Vec<(u64, Point)> = (10..14).map(|number| (number, Point::new(1000.0, 0.0))).collect();
        let mut cells = Cells::new(Seed(3), plan, &stations());
        let full = drive(&mut cells, 1, 100.0, 990.0, &crowd)[0].0;
        assert_eq!(cells.all()[1].subscribers, 5);
        let empty = drive(&mut Cells::new(Seed(3), RadioPlan::default(), &stations()), 1, 100.0, 990.0, &[])[0].0;
        assert!(full > empty + 50.0, "{full} m with four on it, {empty} m with none");
    }

    #[test]
    fn in_an_outage_of_its_cell_a_subscriber_finds_another_after_a_second_and_in_one_of_all_cells_none() {
        let outage = |cell: Option<&str>, from_s, lasts_s| Outage { cell: cell.map(str::to_owned), from_s, lasts_s };
        let outages = vec![outage(Some("west"), 1.0, 60.0), outage(None, 4.0, 2.0)];
        let mut cells = Cells::new(Seed(3), RadioPlan { outages, ..RadioPlan::default() }, &stations());
        let mut seen = Vec::new();
        for step in 0..180 {
            let now = at(50 * step);
            cells.step(now, &[(1, Point::new(450.0, 0.0))]);
            seen.push((cells.service(now, 1), cells.of(1).map(|cell| cell.id.clone())));
        }
        let on = |step: usize| seen[step].1.as_deref();
        assert_eq!((on(19), seen[19].0), (Some("west"), Service::Now));
        assert_eq!((on(20), seen[20].0), (None, Service::None));
        assert_eq!((on(39), on(42)), (None, Some("east")));
        assert_eq!((on(80), on(119)), (None, None), "nothing is up");
        assert_eq!(on(122), Some("east"));
        let subscribers: u32 = cells.all().iter().map(|cell| cell.subscribers).sum();
        assert_eq!(subscribers, 1);
    }
}
