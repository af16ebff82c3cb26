//! What becomes of power on its way from antenna to antenna at 5.9 GHz, and what a receiver makes of it.
//!
//! All functions are `libm`'s: what they decide must be the same on every machine.

use core::f64::consts::SQRT_2;

/// Carrier of PC5, gigahertz.
const CARRIER_GHZ: f64 = 5.91;
/// Its logarithm, and those of 5 GHz and of the antennas' height: constants, for this is asked often.
const LOG_F: f64 = 0.771_587_480_881_255_1;
const LOG_5: f64 = 0.698_970_004_336_018_8;
const LOG_H: f64 = 0.176_091_259_055_681_24;
/// Height of antennas, metres.
const ANTENNA_M: f64 = 1.5;
/// 4 h² f / c: from here on the ray from the ground takes away more and more.
const BREAKPOINT_M: f64 = 4.0 * ANTENNA_M * ANTENNA_M * CARRIER_GHZ * 1e9 / 3e8;
/// Nobody is nearer than this to an antenna, metres.
const NEAREST_M: f64 = 3.0;

/// Below this a receiver does not hear that somebody sends, dBm.
pub(crate) const SENSITIVITY_DBM: f64 = -90.5;
/// Noise in the ten resource blocks of a 190-byte message: -95 dBm in all fifty, noise figure 9 dB.
pub(crate) const NOISE_DBM: f64 = -102.0;

/// Block error rate of 190 bytes in QPSK at rate 0.7 over the signal-to-noise ratio in dB, at a relative speed of
/// 280 km/h (3GPP R1-160284, as used in arXiv 1807.06508).
const BLER: [(f64, f64); 12] = [
    (0.0, 1.0),
    (2.0, 0.9),
    (4.0, 0.7),
    (6.0, 0.4),
    (8.0, 0.13),
    (10.0, 0.045),
    (12.0, 0.017),
    (14.0, 0.007),
    (16.0, 1e-3),
    (18.0, 1e-3),
    (20.0, 1e-3),
    (20.000_001, 1e-4),
];

/// Whether two antennas see each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Along one street or across an open place.
    Open,
    /// Buildings stand in between.
    Blocked,
}

impl Sight {
    /// Standard deviation of log-normal shadowing, dB.
    pub(crate) const fn shadow_sigma_db(self) -> f64 {
        match self {
            Self::Open => 3.0,
            Self::Blocked => 4.0,
        }
    }

    /// Distance over which shadowing loses its memory, metres (TR 36.885, annex A: freeway and urban).
    pub(crate) const fn shadow_memory_m(self) -> f64 {
        match self {
            Self::Open => 25.0,
            Self::Blocked => 10.0,
        }
    }

    /// Mean path loss over a distance, dB. Open: WINNER+ B1 with line of sight, never below free space. Blocked: TR
    /// 37.885's urban formula without line of sight, and never less than in the open.
    pub(crate) fn path_loss_db(self, distance_m: f64) -> f64 {
        let distance_m = distance_m.max(NEAREST_M);
        let log_d = libm::log10(distance_m);
        let open = if distance_m < BREAKPOINT_M {
            22.7 * log_d + 27.0 + 20.0 * LOG_F
        } else {
            40.0 * log_d + 7.56 - 34.6 * LOG_H + 2.7 * LOG_F
        };
        let free = 20.0 * log_d + 46.4 + 20.0 * (LOG_F - LOG_5);
        let open = open.max(free);
        match self {
            Self::Open => open,
            Self::Blocked => open.max(36.85 + 30.0 * log_d + 18.9 * LOG_F),
        }
    }

    /// The share of messages that come in at a threshold or above it.
    pub(crate) fn heard(self, power_dbm: f64, distance_m: f64, threshold_dbm: f64) -> f64 {
        let above_db = power_dbm - self.path_loss_db(distance_m) - threshold_dbm;
        0.5 * libm::erfc(-above_db / (self.shadow_sigma_db() * SQRT_2))
    }
}

/// Share of blocks lost at a ratio of signal to noise and interference, dB.
pub(crate) fn block_error_rate(ratio_db: f64) -> f64 {
    let after = BLER.partition_point(|(db, _)| *db < ratio_db);
    match (after.checked_sub(1).map(|before| BLER[before]), BLER.get(after)) {
        (None, _) => 1.0,
        (Some((_, rate)), None) => rate,
        (Some((low_db, low)), Some((high_db, high))) => low + (high - low) * (ratio_db - low_db) / (high_db - low_db),
    }
}

/// Sum of noise and an interferer's power, dBm.
pub(crate) fn with_noise_dbm(interference_dbm: f64) -> f64 {
    let milliwatts = |dbm: f64| libm::pow(10.0, dbm / 10.0);
    10.0 * libm::log10(milliwatts(NOISE_DBM) + milliwatts(interference_dbm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_logarithms_that_they_are_said_to_be() {
        for (constant, of) in [(LOG_F, CARRIER_GHZ), (LOG_5, 5.0), (LOG_H, ANTENNA_M)] {
            assert!((constant - libm::log10(of)).abs() < 1e-15, "{of}");
        }
    }

    #[test]
    fn path_loss_is_the_published_one_at_four_distances() {
        for (distance_m, published_db) in [(100.0, 87.9), (200.0, 95.6), (300.0, 102.6), (400.0, 107.6)] {
            let db = Sight::Open.path_loss_db(distance_m);
            assert!((db - published_db).abs() < 0.1, "{distance_m} m: {db} dB");
        }
        // 36.85 + 60 + 18.9 log 5.91
        assert!((Sight::Blocked.path_loss_db(100.0) - 111.43).abs() < 0.02);
    }

    #[test]
    fn buildings_never_help() {
        let mut last_db = 0.0;
        for metres in 1..1500 {
            let [open, blocked] = [Sight::Open, Sight::Blocked].map(|sight| sight.path_loss_db(f64::from(metres)));
            assert!(blocked >= open && open >= last_db - 1.0, "{metres} m: {open} dB, {blocked} dB");
            last_db = open;
        }
    }

    #[test]
    fn block_errors_follow_the_published_points() {
        for (ratio_db, published) in [(2.0, 0.9), (4.0, 0.7), (6.0, 0.4), (8.0, 0.13), (10.0, 0.045), (12.0, 0.017)] {
            assert!((block_error_rate(ratio_db) - published).abs() < 1e-9);
        }
        assert!((block_error_rate(7.0) - 0.265).abs() < 1e-9);
        assert_eq!((block_error_rate(-30.0), block_error_rate(90.0)), (1.0, 1e-4));
    }
}
