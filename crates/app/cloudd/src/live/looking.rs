//! What a console looks at.

use crate::picture::Row;
use jxz_wire::console::v1 as wire;

/// Road users told of in a frame; which of more is the same from frame to frame, the rest is counted.
pub(crate) const MAX_SHOWN: usize = 20_000;
/// Told of beyond each edge, as a share of the viewport's width or height: a drag shows nothing empty.
const MARGIN: f64 = 0.25;
/// And at least this much, 1e-7 degrees: some 50 m.
const LEAST_MARGIN_E7: f64 = 5_000.0;
/// A pixel of a tile of 512 at zoom 0, 1e-7 degrees of longitude.
const PIXEL_E7: f64 = 3.6e9 / 512.0;
/// A quarter of a pixel: a lesser movement is not seen.
const UNSEEN: f64 = 0.25;

/// A viewport with its margin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Looking {
    lon_e7: (i32, i32),
    lat_e7: (i32, i32),
    /// A movement of less is not told at once, 1e-7 degrees.
    pub(crate) unseen_e7: u32,
    /// In view wherever it is.
    chosen: u64,
}

impl Looking {
    /// `None` if it is no part of a map.
    pub(crate) fn at(viewport: &wire::Viewport) -> Option<Self> {
        let wire::Viewport { west_e7, south_e7, east_e7, north_e7, zoom, chosen } = *viewport;
        let sound = west_e7 <= east_e7 && south_e7 <= north_e7 && (0.0..=30.0).contains(&zoom);
        if !sound {
            return None;
        }
        let widened = |least: i32, most: i32| {
            let margin = (MARGIN * (f64::from(most) - f64::from(least))).max(LEAST_MARGIN_E7);
            // Saturates, as casts to integers do.
            ((f64::from(least) - margin) as i32, (f64::from(most) + margin) as i32)
        };
        let unseen_e7 = if zoom > 0.0 { (UNSEEN * PIXEL_E7 / f64::from(zoom).exp2()) as u32 } else { 0 };
        Some(Self { lon_e7: widened(west_e7, east_e7), lat_e7: widened(south_e7, north_e7), unseen_e7, chosen })
    }

    /// Everything there is, to the centimetre.
    pub(crate) const fn everywhere() -> Self {
        Self { lon_e7: (i32::MIN, i32::MAX), lat_e7: (i32::MIN, i32::MAX), unseen_e7: 0, chosen: 0 }
    }

    fn sees(&self, row: &Row) -> bool {
        let within = row.lon_e7 >= self.lon_e7.0
            && row.lon_e7 <= self.lon_e7.1
            && row.lat_e7 >= self.lat_e7.0
            && row.lat_e7 <= self.lat_e7.1;
        within || (row.id == self.chosen && self.chosen != 0)
    }

    /// The rows in view, in their order, at most [`MAX_SHOWN`]: those with the lowest numbers, which are as good as drawn by
    /// lot and stay the same from frame to frame. And how many were left out.
    pub(crate) fn rows<'a>(&self, rows: &'a [Row]) -> (Vec<&'a Row>, u32) {
        let mut seen: Vec<&Row> = rows.iter().filter(|row| self.sees(row)).collect();
        if seen.len() <= MAX_SHOWN {
            return (seen, 0);
        }
        let mut ids: Vec<u64> = seen.iter().map(|row| row.id).collect();
        let (_, last, _) = ids.select_nth_unstable(MAX_SHOWN - 1);
        let (last, before) = (*last, seen.len());
        seen.retain(|row| row.id <= last);
        // Two that are one by number may be apart.
        seen.truncate(MAX_SHOWN);
        let left_out = before - seen.len();
        (seen, u32::try_from(left_out).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn row(id: u64, lon_e7: i32, lat_e7: i32) -> Row {
        Row {
            id,
            site: 0,
            lon_e7,
            lat_e7,
            heading_decideg: 900,
            class: 0,
            freshness: 1,
            speed_cmps: 1_000,
            connected: false,
            others: None,
        }
    }

    pub(crate) fn viewport(west_e7: i32, south_e7: i32, east_e7: i32, north_e7: i32, zoom: f32) -> wire::Viewport {
        wire::Viewport { west_e7, south_e7, east_e7, north_e7, zoom, chosen: 0 }
    }

    #[test]
    fn what_is_in_view_or_within_a_quarter_of_it_is_shown() {
        let looking = Looking::at(&viewport(0, 0, 40_000, 40_000, 0.0)).unwrap();
        let rows = [row(1, 20_000, 20_000), row(2, -9_999, 49_999), row(3, 50_001, 0), row(4, 0, -10_001)];
        let (seen, left_out) = looking.rows(&rows);
        assert_eq!((seen.iter().map(|row| row.id).collect::<Vec<_>>(), left_out), (vec![1, 2], 0));
        let chosen = wire::Viewport { chosen: 4, ..viewport(0, 0, 40_000, 40_000, 0.0) };
        assert_eq!(Looking::at(&chosen).unwrap().rows(&rows).0.len(), 3, "and one that is chosen, wherever it is");
    }

    #[test]
    fn at_zoom_17_a_quarter_of_a_pixel_is_a_sixth_of_a_metre() {
        // 40,075 km round the equator over 512 pixels and 2^17 tiles are 0.597 m; 1e-7 degrees are 11.1 mm.
        let looking = Looking::at(&viewport(0, 0, 1, 1, 17.0)).unwrap();
        assert_eq!(looking.unseen_e7, 13);
    }

    #[test]
    fn a_viewport_that_is_none_is_refused_and_extremes_do_no_harm() {
        assert_eq!(Looking::at(&viewport(1, 0, 0, 0, 10.0)), None);
        assert_eq!(Looking::at(&viewport(0, 1, 0, 0, 10.0)), None);
        assert_eq!(Looking::at(&viewport(0, 0, 0, 0, f32::NAN)), None);
        let all = Looking::at(&viewport(i32::MIN, i32::MIN, i32::MAX, i32::MAX, 30.0)).unwrap();
        assert_eq!(all.rows(&[row(1, i32::MAX, i32::MIN)]).0.len(), 1);
    }

    #[test]
    fn of_more_than_fit_the_same_are_shown_each_time_and_the_rest_is_counted() {
        let mut rows: Vec<Row> = (0..MAX_SHOWN as u64 + 500).map(|id| row(id * 7 % 30_011, 0, 0)).collect();
        let ids = |rows: &[Row]| {
            let (seen, left_out) = Looking::everywhere().rows(rows);
            assert_eq!((seen.len(), left_out), (MAX_SHOWN, 500));
            let mut ids: Vec<u64> = seen.iter().map(|row| row.id).collect();
            ids.sort_unstable();
            ids
        };
        let before = ids(&rows);
        rows.reverse();
        assert_eq!(ids(&rows), before);
    }
}
