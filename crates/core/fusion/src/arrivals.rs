//! Where road users come from: learned from those that came.
//!
//! Most enter where a lane crosses the edge of the area, some out of a door. A detection there is worth more than one in
//! the middle of a carriageway, and its road user moves as those before it did (entry zones as of Makris, Ellis 2005).

use crate::Bounds;
use jxz_geo::{Point, Vector};
use jxz_units::Utc;

/// Side of a cell, metres; larger where the area is.
const CELL_M: f64 = 2.0;
/// Most cells.
const MAX_CELLS: f64 = 40_000.0;
/// Seconds for which the prior (uniform) speaks.
const PRIOR_S: f64 = 2.0;
/// Arrivals count half after this long, seconds: traffic changes over the day.
const HALF_LIFE_S: f64 = 1800.0;
/// What is there when everything begins did not arrive: so long nothing is learned, seconds.
const FIRST_S: f64 = 1.0;
/// Share of an arrival that counts in its own cell; the rest is spread over the eight around it.
const OWN_SHARE: f64 = 0.6;
/// So many arrivals say how those to come will move, and no surer than this, metres per second.
const ENOUGH: f64 = 1.5;
const SPEED_SIGMA_MPS: f64 = 2.5;
/// Longest gap between scans that counts as unwatched, seconds.
const MAX_GAP_S: f64 = 0.1;

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    count: f64,
    velocity: Vector,
    square: f64,
}

/// Arrivals a second, cell by cell.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    corner: Point,
    cell_m: f64,
    columns: usize,
    rows: usize,
    cells: Vec<Cell>,
    began: Option<Utc>,
    newest: Option<Utc>,
}

impl Arrivals {
    /// For an area; without one nothing is learned.
    pub(crate) fn new(bounds: Option<Bounds>) -> Self {
        let (min, max) = bounds.map_or((Point::origin(), Point::origin()), |b| b.corners());
        let size = max - min;
        let cell_m = CELL_M.max((size.x * size.y / MAX_CELLS).sqrt());
        // One more all around: errors put half of what enters outside at first.
        let number = |length_m: f64| if bounds.is_some() { (length_m / cell_m).ceil() as usize + 2 } else { 0 };
        let (columns, rows) = (number(size.x), number(size.y));
        let corner = min - Vector::new(cell_m, cell_m);
        let cells = vec![Cell::default(); columns * rows];
        Self { corner, cell_m, columns, rows, cells, began: None, newest: None }
    }

    /// Road users per square metre that came since the last scan, `gap_s` before, and have not been seen.
    pub(crate) fn undetected_per_m2(&self, place: Point, gap_s: f64) -> f64 {
        let watched_s = match (self.began, self.newest) {
            (Some(began), Some(newest)) => newest.seconds_since(began),
            _ => 0.0,
        };
        let per_s = self.cell(place).map_or(0.0, |k| self.cells[k].count / (watched_s + PRIOR_S));
        per_s * gap_s.clamp(0.0, MAX_GAP_S) / (self.cell_m * self.cell_m)
    }

    /// Velocity of those who came there, and its 1-sigma, if there were enough.
    pub(crate) fn velocity(&self, place: Point) -> Option<(Vector, f64)> {
        let cell = &self.cells[self.cell(place)?];
        (cell.count >= ENOUGH).then(|| {
            let mean = cell.velocity / cell.count;
            let variance = (cell.square / cell.count - mean.norm_squared()).max(0.0) / 2.0;
            (mean, libm::hypot(variance.sqrt(), SPEED_SIGMA_MPS))
        })
    }

    /// Notes one that came at `at`.
    pub(crate) fn learn(&mut self, at: Utc, place: Point, velocity: Vector) {
        let began = *self.began.get_or_insert(at);
        if at.seconds_since(began) < FIRST_S {
            return;
        }
        for east in -1..=1 {
            for north in -1..=1 {
                let near = place + Vector::new(f64::from(east), f64::from(north)) * self.cell_m;
                let share = if east == 0 && north == 0 { OWN_SHARE } else { (1.0 - OWN_SHARE) / 8.0 };
                if let Some(k) = self.cell(near) {
                    let cell = &mut self.cells[k];
                    cell.count += share;
                    cell.velocity += velocity * share;
                    cell.square += velocity.norm_squared() * share;
                }
            }
        }
    }

    /// Lets time pass; the old counts less with it.
    pub(crate) fn watch(&mut self, at: Utc) {
        self.newest = Some(self.newest.map_or(at, |n| n.max(at)));
        let began = *self.began.get_or_insert(at);
        if at.seconds_since(began) > HALF_LIFE_S {
            for cell in &mut self.cells {
                cell.count *= 0.5;
                cell.velocity *= 0.5;
                cell.square *= 0.5;
            }
            self.began = Some(at.plus_seconds(-HALF_LIFE_S / 2.0));
        }
    }

    fn cell(&self, place: Point) -> Option<usize> {
        let at = (place - self.corner) / self.cell_m;
        let inside = at.x >= 0.0 && at.y >= 0.0 && at.x < self.columns as f64 && at.y < self.rows as f64;
        inside.then(|| at.y as usize * self.columns + at.x as usize)
    }
}
