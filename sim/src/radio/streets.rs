//! Who sees whom: streets are open, and everything that is not near a lane is built over.
//!
//! The map has no buildings, so this stands for them as the 3GPP's urban grid does (TR 37.885): sight along a street
//! and round the inner corner of a junction, none from one street to the next.

use jxz_geo::{Point, Vector};
use jxz_map::Map;

/// From a lane's centre line to the fronts of the buildings, metres.
const SETBACK_M: f64 = 14.0;
/// Side of a cell at least, metres.
const CELL_M: f64 = 5.0;
/// Cells at most; a larger map has larger ones.
const MOST_CELLS: f64 = 16e6;
/// Around either end there is always room, metres: a pole stands behind the pavement.
const ROOM_M: f64 = 20.0;

/// The open space of a map, in cells.
#[derive(Debug, Clone)]
pub(crate) struct Streets {
    corner: Point,
    cell_m: f64,
    columns: usize,
    rows: usize,
    open: Vec<u64>,
}

impl Streets {
    pub(crate) fn new(map: &Map) -> Self {
        let points = || map.lanes.iter().flat_map(|lane| lane.centre.points());
        let bound = |of: fn(f64, f64) -> f64, start: f64| {
            points().fold((start, start), |(x, y), point| (of(x, point.x), of(y, point.y)))
        };
        let (low, high) = (bound(f64::min, f64::INFINITY), bound(f64::max, f64::NEG_INFINITY));
        if !(low.0.is_finite() && high.0.is_finite()) {
            return Self { corner: Point::origin(), cell_m: CELL_M, columns: 0, rows: 0, open: Vec::new() };
        }
        let corner = Point::new(low.0 - SETBACK_M, low.1 - SETBACK_M);
        let (width_m, height_m) = (high.0 + SETBACK_M - corner.x, high.1 + SETBACK_M - corner.y);
        let cell_m = (width_m * height_m / MOST_CELLS).sqrt().max(CELL_M);
        let cells = |length_m: f64| (length_m / cell_m) as usize + 1;
        let (columns, rows) = (cells(width_m), cells(height_m));
        let mut streets = Self { corner, cell_m, columns, rows, open: vec![0; (columns * rows).div_ceil(64)] };
        for lane in &map.lanes {
            let steps = (lane.centre.length_m() / cell_m).ceil().max(1.0);
            for step in 0..=steps as usize {
                streets.clear_around(lane.centre.point_at(lane.centre.length_m() * step as f64 / steps));
            }
        }
        streets
    }

    fn clear_around(&mut self, at: Point) {
        let cells = (SETBACK_M / self.cell_m).ceil() as i64;
        for (dx, dy) in (-cells..=cells).flat_map(|dx| (-cells..=cells).map(move |dy| (dx, dy))) {
            let (x_m, y_m) = (dx as f64 * self.cell_m, dy as f64 * self.cell_m);
            if x_m * x_m + y_m * y_m <= SETBACK_M * SETBACK_M
                && let Some(cell) = self.cell(Point::new(at.x + x_m, at.y + y_m))
            {
                self.open[cell / 64] |= 1 << (cell % 64);
            }
        }
    }

    fn cell(&self, at: Point) -> Option<usize> {
        let (x, y) = ((at.x - self.corner.x) / self.cell_m, (at.y - self.corner.y) / self.cell_m);
        let inside = x >= 0.0 && y >= 0.0 && x < self.columns as f64 && y < self.rows as f64;
        inside.then(|| y as usize * self.columns + x as usize)
    }

    /// How far one sees from a point along a unit vector, metres, by the same rule as [`Self::see`]; beyond `most_m`
    /// nobody looks.
    pub(crate) fn free_m(&self, from: Point, along: Vector, most_m: f64) -> f64 {
        let mut s_m = ROOM_M;
        while s_m + ROOM_M <= most_m {
            if !self.is_open(from + along * s_m) {
                return s_m + ROOM_M;
            }
            s_m += self.cell_m;
        }
        f64::INFINITY
    }

    /// Where building begins from a point on a street along a unit vector, if it does within `most_m`.
    pub(crate) fn front(&self, from: Point, along: Vector, most_m: f64) -> Option<Point> {
        let steps = (most_m - SETBACK_M).max(0.0) as usize;
        let places = (0..=steps).map(|k| from + along * (SETBACK_M + k as f64));
        places.into_iter().find(|place| !self.is_open(*place))
    }

    fn is_open(&self, at: Point) -> bool {
        self.cell(at).is_some_and(|cell| self.open[cell / 64] >> (cell % 64) & 1 == 1)
    }

    /// Whether nothing stands between two points.
    pub(crate) fn see(&self, a: Point, b: Point) -> bool {
        let length_m = (b - a).norm();
        let steps = ((length_m - 2.0 * ROOM_M) / self.cell_m).ceil();
        if steps < 1.0 {
            return true;
        }
        let along = (b - a) / length_m;
        (0..=steps as usize).all(|k| {
            let s_m = ROOM_M + (length_m - 2.0 * ROOM_M) * k as f64 / steps;
            self.is_open(a + along * s_m)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn on_the_island_one_sees_along_a_street_and_not_through_a_block() {
        let map = Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island")).unwrap();
        let streets = Streets::new(&map);
        let (mut straight, mut seen, mut apart, mut unseen) = (0, 0, 0, 0);
        for link in &map.links {
            let chord_m = (link.line.end() - link.line.start()).norm();
            if link.line.length_m() < chord_m + 0.05 && chord_m > 80.0 {
                straight += 1;
                seen += usize::from(streets.see(link.line.start(), link.line.end()));
            }
        }
        let middles: Vec<Point> = map.links.iter().map(|link| link.line.point_at(link.line.length_m() / 2.0)).collect();
        for (k, a) in middles.iter().enumerate() {
            for b in middles[k + 1..].iter().filter(|b| (**b - a).norm() > 300.0 && (**b - a).norm() < 600.0) {
                apart += 1;
                unseen += usize::from(!streets.see(*a, *b));
                assert_eq!(streets.see(*a, *b), streets.see(*b, *a));
            }
        }
        assert!(straight > 50 && seen == straight, "{seen} of {straight} straight links are seen along");
        assert!(apart > 500 && unseen * 10 > apart * 7, "{unseen} of {apart} far pairs do not see each other");
    }
}
