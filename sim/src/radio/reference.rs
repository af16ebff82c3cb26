//! Published figures that the model is held against.

/// One row of the reference table: 10 Hz, 190 bytes, four subchannels, 10 MHz (the authors' own code of arXiv
/// 1807.06508).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pc5Reference {
    /// Vehicles a kilometre of road.
    pub per_km: f64,
    /// Transmit power, dBm.
    pub power_dbm: f64,
    /// Distance in metres, delivery in percent.
    pub delivery_percent: [(f64, f64); 4],
    /// Channel busy ratio, 0 to 1.
    pub busy_ratio: f64,
}

const fn row(per_km: f64, power_dbm: f64, percent: [f64; 4], busy_ratio: f64) -> Pc5Reference {
    let [a, b, c, d] = percent;
    Pc5Reference { per_km, power_dbm, delivery_percent: [(100.0, a), (200.0, b), (300.0, c), (400.0, d)], busy_ratio }
}

/// The whole table.
pub const ROWS: [Pc5Reference; 4] = [
    row(100.0, 23.0, [97.6, 96.1, 90.7, 82.1], 0.27),
    row(200.0, 23.0, [95.4, 91.8, 80.4, 66.6], 0.51),
    row(300.0, 23.0, [92.9, 87.2, 70.1, 52.8], 0.69),
    row(100.0, 20.0, [97.7, 95.5, 88.8, 69.2], 0.23),
];
