//! Scenes for fusion: a crossing, or a grid of them, with exactly so many road users in view, and four sensors.
//!
//! The noise, detection probability and clutter are those of `make_scene.py`, easy: two radars and two cameras at 20 Hz,
//! one of them every 12.5 ms. Everything follows from the seed.

mod sensors;
mod traffic;

pub use sensors::{Body, SCAN_STEP_S, Sensors};
pub use traffic::Traffic;

use jxz_fusion::Bounds;
use jxz_geo::Point;

/// Side of a crossing's square, metres.
pub const TILE_M: f64 = 200.0;
/// Road users of one crossing where there are several.
const A_TILE: usize = 100;

/// Crossings in a rectangle, each in a square of [`TILE_M`], about the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// From west to east.
    pub columns: usize,
    /// From south to north.
    pub rows: usize,
}

impl Grid {
    /// One crossing for up to a hundred road users; for more, a bigger site of as many crossings as keep the density
    /// of a hundred, as near to a square of them as their number allows.
    #[must_use]
    pub fn for_users(users: usize) -> Self {
        let tiles = users.div_ceil(A_TILE).max(1);
        let rows = (1..=tiles).take_while(|r| r * r <= tiles).filter(|r| tiles.is_multiple_of(*r)).last().unwrap_or(1);
        Self { columns: tiles / rows, rows }
    }

    /// How many crossings.
    #[must_use]
    pub fn tiles(&self) -> usize {
        self.columns * self.rows
    }

    /// Width and height, metres.
    #[must_use]
    pub fn size_m(&self) -> (f64, f64) {
        (self.columns as f64 * TILE_M, self.rows as f64 * TILE_M)
    }

    /// The whole site.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let (width_m, height_m) = self.size_m();
        let corner = Point::new(width_m / 2.0, height_m / 2.0);
        Bounds::Rectangle { min: Point::from(-corner.coords), max: corner }
    }

    /// How much longer its diagonal is than one crossing's.
    #[must_use]
    pub fn stretch(&self) -> f64 {
        (self.columns as f64).hypot(self.rows as f64) / 2.0_f64.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_grow_by_whole_crossings() {
        let grid = |users| {
            let Grid { columns, rows } = Grid::for_users(users);
            (columns, rows)
        };
        assert_eq!([30, 100, 300, 1000, 900].map(grid), [(1, 1), (1, 1), (3, 1), (5, 2), (3, 3)]);
    }
}
