//! The message set's times and UTC.

use crate::asn::{DSecond, MinuteOfTheYear, TimeMark};
use crate::error::DecodeError;
use core::time::Duration;
use jxz_units::{MilliOfMinute, MinuteOfYear, Utc};

const MINUTES_PER_DAY: u32 = 1440;
const MINUTE_UNAVAILABLE: u32 = 527_040;
const MARK_BEYOND: u16 = 36_000;

/// The millisecond of the minute.
pub(crate) fn sec_mark(at: Utc) -> DSecond {
    DSecond(at.milli_of_minute().0)
}

/// The minute of the year.
pub(crate) fn moy(at: Utc) -> MinuteOfTheYear {
    MinuteOfTheYear(at.minute_of_year().0)
}

/// The minute of the year that begins at `at` or next after it.
pub(crate) fn moy_rounded_up(at: Utc) -> MinuteOfTheYear {
    moy(at + Duration::from_nanos(59_999_999_999))
}

/// The time of a `secMark`, nearest to `near`. A leap second (60,000 to 60,999) runs into the next minute, as POSIX
/// time has it.
pub(crate) fn valid_at(mark: &DSecond, near: Utc, path: &'static str) -> Result<Utc, DecodeError> {
    if mark.0 < 61_000 { Ok(MilliOfMinute(mark.0).nearest(near)) } else { Err(DecodeError::Unavailable { path }) }
}

/// The beginning of a minute of the year, in the year that brings it nearest to `near`; `None` if unavailable.
pub(crate) fn from_moy(minute: &MinuteOfTheYear, near: Utc) -> Option<Utc> {
    if minute.0 >= MINUTE_UNAVAILABLE {
        return None;
    }
    let MinuteOfYear(near_minute) = near.minute_of_year();
    let into_minute = Duration::from_millis(u64::from(near.milli_of_minute().0));
    let year_start = near - into_minute - minutes(near_minute);
    let this_year = year_start + minutes(minute.0);
    let half_a_year = 183 * MINUTES_PER_DAY;
    Some(if minute.0 > near_minute + half_a_year {
        // Late December seen from early January: last year began 365 or 366 days before this one.
        let last_start = year_start - minutes(year_length(year_start - minutes(360 * MINUTES_PER_DAY)));
        last_start + minutes(minute.0)
    } else if near_minute > minute.0 + half_a_year {
        year_start + minutes(year_length(near)) + minutes(minute.0)
    } else {
        this_year
    })
}

/// The time of day that a minute of the year and a millisecond of the minute give, where both are there.
pub(crate) fn from_moy_and_mark(moy: Option<&MinuteOfTheYear>, mark: Option<&DSecond>, near: Utc) -> Option<Utc> {
    let mark = mark.filter(|mark| mark.0 < 61_000)?;
    match moy {
        Some(moy) => Some(from_moy(moy, near)? + Duration::from_millis(u64::from(mark.0))),
        None => Some(MilliOfMinute(mark.0).nearest(near)),
    }
}

/// Tenths of a second as a duration; `None` for "beyond the hour" and "unavailable".
pub(crate) fn mark_duration(mark: TimeMark) -> Option<Duration> {
    (mark.0 < MARK_BEYOND).then(|| Duration::from_millis(u64::from(mark.0) * 100))
}

/// Tenths of a second from `from` to `to`, 0 if `to` has passed; the set's own code beyond the hour.
pub(crate) fn mark_between(from: Utc, to: Utc) -> TimeMark {
    let tenths = (to.seconds_since(from) * 10.0).round().clamp(0.0, f64::from(MARK_BEYOND));
    TimeMark(tenths as u16)
}

/// The time that lies `mark` tenths of a second into a UTC hour, nearest to `near`.
pub(crate) fn mark_in_hour(mark: TimeMark, near: Utc) -> Option<Utc> {
    let into = mark_duration(mark)?.as_millis() as i64;
    const HOUR_MS: i64 = 3_600_000;
    let near_ms = near.unix_ms();
    let ahead_ms = (into - near_ms).rem_euclid(HOUR_MS);
    Some(Utc::from_unix_ms(near_ms + if ahead_ms > HOUR_MS / 2 { ahead_ms - HOUR_MS } else { ahead_ms }))
}

/// Minutes in the year of `at`.
fn year_length(at: Utc) -> u32 {
    let MinuteOfYear(minute) = at.minute_of_year();
    let start = at - minutes(minute);
    // 365 days on it is 1 January, unless the year has a 29 February.
    if (start + minutes(365 * MINUTES_PER_DAY)).minute_of_year().0 < MINUTES_PER_DAY { 365 * 1440 } else { 366 * 1440 }
}

fn minutes(n: u32) -> Duration {
    Duration::from_secs(u64::from(n) * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_of_the_year_is_found_across_the_turn_of_the_year() {
        // 2025-01-01T00:00:10Z, after a leap year; and 2026-01-01T00:00:10Z.
        for (new_year_s, minutes_before) in [(1_735_689_600, 527_039), (1_767_225_600, 525_599)] {
            let after = Utc::from_unix_ms((new_year_s + 10) * 1000);
            let before = Utc::from_unix_ms((new_year_s - 10) * 1000);
            let last_minute = Utc::from_unix_ms((new_year_s - 60) * 1000);
            let first_minute = Utc::from_unix_ms(new_year_s * 1000);
            assert_eq!(moy(before), MinuteOfTheYear(minutes_before));
            for near in [after, before] {
                assert_eq!(from_moy(&MinuteOfTheYear(minutes_before), near), Some(last_minute));
                assert_eq!(from_moy(&MinuteOfTheYear(0), near), Some(first_minute));
            }
        }
        assert_eq!(from_moy(&MinuteOfTheYear(527_040), Utc::from_unix_ms(0)), None);
    }

    #[test]
    fn a_mark_in_the_hour_is_the_nearest_one() {
        let hour = Utc::from_unix_ms(3_600_000 * 500_000);
        assert_eq!(mark_in_hour(TimeMark(35_990), hour), Some(hour - Duration::from_secs(1)));
        assert_eq!(mark_in_hour(TimeMark(10), hour), Some(hour + Duration::from_secs(1)));
        assert_eq!(mark_in_hour(TimeMark(36_001), hour), None);
        assert_eq!(mark_between(hour, hour + Duration::from_secs(5000)), TimeMark(36_000));
        assert_eq!(mark_between(hour + Duration::from_secs(5), hour), TimeMark(0));
    }
}
