//! Kinds of time: monotonic, UTC, and the message set's own minute and millisecond.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;
use serde::{Deserialize, Serialize};

const NS_PER_MS: i64 = 1_000_000;
const NS_PER_S: i64 = 1_000_000_000;
const MS_PER_MINUTE: i64 = 60_000;
const S_PER_DAY: i64 = 86_400;

/// A point on a monotonic clock that starts at zero with its process or its simulation.
///
/// Timers use it; it never appears on a wire and never steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Instant(u64);

impl Instant {
    /// The clock's zero.
    pub const ZERO: Self = Self(0);

    /// From nanoseconds since the clock's zero.
    #[must_use]
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the clock's zero.
    #[must_use]
    pub const fn ns(self) -> u64 {
        self.0
    }

    /// Time since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Coordinated universal time as POSIX nanoseconds since 1970-01-01 (leap seconds are not counted).
///
/// The time of validity of a measurement, a state or a message is of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Utc(i64);

impl Utc {
    /// From nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_ns(ns: i64) -> Self {
        Self(ns)
    }

    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_ms(ms: i64) -> Self {
        Self(ms.saturating_mul(NS_PER_MS))
    }

    /// From seconds since the Unix epoch (rounded to the nanosecond; good to about 0.2 µs for today's dates).
    #[must_use]
    pub fn from_unix_s(s: f64) -> Self {
        Self((s * 1e9).round() as i64)
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ns(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0.div_euclid(NS_PER_MS)
    }

    /// Signed seconds from `earlier` to `self`.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 * 1e-9
    }

    /// `self` moved by `seconds`, which may be negative.
    #[must_use]
    pub fn plus_seconds(self, seconds: f64) -> Self {
        Self(self.0.saturating_add((seconds * 1e9).round() as i64))
    }

    /// The minute of this UTC year, as `moy` counts it.
    #[must_use]
    pub fn minute_of_year(self) -> MinuteOfYear {
        let days = self.0.div_euclid(S_PER_DAY * NS_PER_S);
        let minute_of_day = self.0.rem_euclid(S_PER_DAY * NS_PER_S) / (60 * NS_PER_S);
        let day_of_year = days - days_before_year(year_of_day(days));
        MinuteOfYear((day_of_year * 1440 + minute_of_day) as u32)
    }

    /// The millisecond within the UTC minute, as `secMark` counts it.
    #[must_use]
    pub const fn milli_of_minute(self) -> MilliOfMinute {
        MilliOfMinute((self.unix_ms().rem_euclid(MS_PER_MINUTE)) as u16)
    }
}

impl Add<Duration> for Utc {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(rhs.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Utc {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(rhs.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Utc {
    /// `2026-08-09T10:11:12.345Z`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.div_euclid(S_PER_DAY * NS_PER_S);
        let ms_of_day = self.0.rem_euclid(S_PER_DAY * NS_PER_S) / NS_PER_MS;
        let (year, month, day) = civil_of_day(days);
        let (s, ms) = (ms_of_day / 1000, ms_of_day % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z", s / 3600, s / 60 % 60, s % 60)
    }
}

/// Minute of the UTC year, 0..=527,039 (`moy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MinuteOfYear(pub u32);

/// Millisecond of the UTC minute, 0..=59,999 (`secMark`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MilliOfMinute(pub u16);

impl MilliOfMinute {
    /// The UTC nearest to `near` that has this millisecond of the minute (within ±30 s).
    #[must_use]
    pub fn nearest(self, near: Utc) -> Utc {
        let near_ms = near.unix_ms();
        let same_minute = near_ms - near_ms.rem_euclid(MS_PER_MINUTE) + i64::from(self.0);
        let half = MS_PER_MINUTE / 2;
        let shifted = if same_minute - near_ms > half {
            same_minute - MS_PER_MINUTE
        } else if near_ms - same_minute > half {
            same_minute + MS_PER_MINUTE
        } else {
            same_minute
        };
        Utc::from_unix_ms(shifted)
    }
}

/// The two clocks of a moment, given to every core with every input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// For timers and deadlines.
    pub mono: Instant,
    /// For validity, ages and messages.
    pub utc: Utc,
}

impl Now {
    /// A moment `elapsed` after both clocks' given start.
    #[must_use]
    pub fn after_start(utc_start: Utc, elapsed: Duration) -> Self {
        Self { mono: Instant::ZERO + elapsed, utc: utc_start + elapsed }
    }
}

const fn days_before_year(year: i64) -> i64 {
    let y = year - 1;
    y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) - 719_162
}

fn year_of_day(days: i64) -> i64 {
    let mut year = 1970 + days.div_euclid(366);
    while days_before_year(year + 1) <= days {
        year += 1;
    }
    year
}

fn civil_of_day(days: i64) -> (i64, i64, i64) {
    let year = year_of_day(days);
    let leap = i64::from((year % 4 == 0 && year % 100 != 0) || year % 400 == 0);
    let mut day = days - days_before_year(year);
    for (index, length) in [31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].into_iter().enumerate() {
        if day < length {
            return (year, index as i64 + 1, day + 1);
        }
        day -= length;
    }
    (year, 12, 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minute_of_year_and_date_agree_with_the_civil_calendar() {
        // Unix times as printed by `date -u -d ... +%s`.
        for (unix_s, moy, text) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (1_786_270_272, 317_411, "2026-08-09T10:11:12.000Z"),
            (1_709_251_199, 86_399, "2024-02-29T23:59:59.000Z"),
            (1_735_689_599, 527_039, "2024-12-31T23:59:59.000Z"),
        ] {
            let utc = Utc::from_unix_ms(unix_s * 1000);
            assert_eq!(utc.minute_of_year(), MinuteOfYear(moy), "{text}");
            assert_eq!(utc.to_string(), text);
        }
    }

    #[test]
    fn milli_of_minute_finds_the_nearest_time_across_the_minute() {
        let near = Utc::from_unix_ms(60_000 * 1000 + 200);
        assert_eq!(MilliOfMinute(59_900).nearest(near), Utc::from_unix_ms(60_000 * 1000 - 100));
        assert_eq!(MilliOfMinute(300).nearest(near), Utc::from_unix_ms(60_000 * 1000 + 300));
        let late = Utc::from_unix_ms(60_000 * 1000 + 59_800);
        assert_eq!(MilliOfMinute(100).nearest(late), Utc::from_unix_ms(60_000 * 1001 + 100));
    }
}
