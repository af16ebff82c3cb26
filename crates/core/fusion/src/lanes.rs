//! The lane map as a prior: where a vehicle on a lane is likely to go.

use crate::bernoulli::Bernoulli;
use crate::filter::{Row, Rows};
use jxz_geo::{Point, Vector};
use nalgebra::Vector4;

/// Side of a cell, metres; larger where the area is.
const CELL_M: f64 = 2.0;
/// Most cells.
const MAX_CELLS: f64 = 250_000.0;
/// Directions kept of one cell: two lanes cross, or one forks.
const DIRECTIONS: usize = 2;
/// Lanes reach this far to either side of their middle, metres.
const HALF_WIDTH_M: f64 = 1.75;
/// Directions closer than this are one, radians.
const SAME_RAD: f64 = 0.2;
/// Vehicles on a lane, faster than this and heading within this of its direction, are taken to follow it.
const MOVING_MPS: f64 = 2.0;
const FOLLOWS_RAD: f64 = 0.2;
/// How fast one that follows its lane drifts to the side, 1-sigma, metres per second, and for how long, seconds.
const DRIFT_MPS: f64 = 0.4;
const DRIFT_S: f64 = 0.5;

/// The directions of the lanes of an area, on a grid.
#[derive(Debug, Clone, Default)]
pub struct LaneField {
    corner: Point,
    cell_m: f64,
    columns: usize,
    rows: usize,
    /// Yaws, radians, not a number where there is none.
    cells: Vec<[f32; DIRECTIONS]>,
}

impl LaneField {
    /// Paints lanes' middle lines (local frame, metres, in the direction of travel) onto a grid.
    #[must_use]
    pub fn new<'a>(lanes: impl IntoIterator<Item = &'a [Point]> + Clone) -> Self {
        let all = || lanes.clone().into_iter().flatten();
        let finite = |p: &&Point| p.coords.iter().all(|v| v.is_finite());
        let Some(first) = all().find(finite) else { return Self::default() };
        let (min, max) = all().filter(finite).fold((*first, *first), |(min, max), p| {
            (Point::new(min.x.min(p.x), min.y.min(p.y)), Point::new(max.x.max(p.x), max.y.max(p.y)))
        });
        let size = max - min;
        let cell_m = CELL_M.max((size.x.max(1.0) * size.y.max(1.0) / MAX_CELLS).sqrt());
        let number = |length_m: f64| (length_m / cell_m).ceil() as usize + 3;
        let (columns, rows) = (number(size.x), number(size.y));
        let corner = min - Vector::new(1.5 * cell_m, 1.5 * cell_m);
        let cells = vec![[f32::NAN; DIRECTIONS]; columns * rows];
        let mut field = Self { corner, cell_m, columns, rows, cells };
        for lane in lanes {
            for piece in lane.windows(2) {
                field.paint(piece[0], piece[1]);
            }
        }
        field
    }

    fn paint(&mut self, from: Point, to: Point) {
        let d = to - from;
        let length_m = d.norm();
        if !(length_m > 0.0 && length_m.is_finite()) {
            return;
        }
        let (forward, yaw) = (d / length_m, libm::atan2(d.y, d.x));
        let side = Vector::new(-forward.y, forward.x);
        let steps = (length_m / (0.5 * self.cell_m)).ceil().max(1.0) as usize;
        for k in 0..=steps {
            let middle = from + d * (k as f64 / steps as f64);
            for offset in [-HALF_WIDTH_M, -HALF_WIDTH_M / 2.0, 0.0, HALF_WIDTH_M / 2.0, HALF_WIDTH_M] {
                let Some(cell) = self.cell(middle + side * offset) else { continue };
                let slots = &mut self.cells[cell];
                let near = |slot: &f32| jxz_units::wrap_pi(f64::from(*slot) - yaw).abs() < SAME_RAD;
                if !slots.iter().any(near)
                    && let Some(free) = slots.iter_mut().find(|s| s.is_nan())
                {
                    *free = yaw as f32;
                }
            }
        }
    }

    fn cell(&self, place: Point) -> Option<usize> {
        let at = (place - self.corner) / self.cell_m.max(f64::MIN_POSITIVE);
        let inside = at.x >= 0.0 && at.y >= 0.0 && at.x < self.columns as f64 && at.y < self.rows as f64;
        inside.then(|| at.y as usize * self.columns + at.x as usize)
    }

    /// The unit vector along the lane that somebody at `place` of this velocity seems to follow.
    fn followed(&self, place: Point, velocity: Vector) -> Option<Vector> {
        let course = libm::atan2(velocity.y, velocity.x);
        let off = |yaw: f32| jxz_units::wrap_pi(f64::from(yaw) - course).abs();
        let slots = self.cells[self.cell(place)?];
        let nearest = slots.into_iter().filter(|s| !s.is_nan()).min_by(|a, b| off(*a).total_cmp(&off(*b)))?;
        (off(nearest) <= FOLLOWS_RAD).then(|| {
            let (sin, cos) = libm::sincos(f64::from(nearest));
            Vector::new(cos, sin)
        })
    }

    /// The unit vector along the lane at a place; `None` where there is none or more than one.
    pub(crate) fn along(&self, place: Point) -> Option<Vector> {
        let [first, second] = self.cells.get(self.cell(place)?).copied()?;
        let (sin, cos) = libm::sincos(f64::from(first));
        (first.is_finite() && !second.is_finite()).then(|| Vector::new(cos, sin))
    }

    /// Tells a vehicle that follows a lane that it drifts to neither side. Told to the model that keeps its course
    /// alone: those that turn stay free to leave the lane, and the first measurements that say so prefer them.
    pub(crate) fn guide(&self, track: &mut Bernoulli, dt_s: f64) {
        let [vehicle, ..] = track.class.probabilities();
        let state = track.imm.combined();
        let velocity = state.velocity();
        if self.cells.is_empty() || vehicle < 0.7 || velocity.norm() < MOVING_MPS {
            return;
        }
        let Some(forward) = self.followed(state.position(), velocity) else { return };
        let side = Vector::new(-forward.y, forward.x);
        // Said often, it is still one drift: each time it counts for as long as it has been since the last.
        let variance = DRIFT_MPS * DRIFT_MPS * DRIFT_S / dt_s.max(1e-3);
        track.imm.guide(|model| {
            let mut rows = Rows::default();
            let gradient = Vector4::new(0.0, 0.0, side.x, side.y);
            rows.push(Row { gradient, residual: -model.velocity().dot(&side), variance });
            rows
        });
    }
}
