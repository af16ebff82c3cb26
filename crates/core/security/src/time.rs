//! IEEE 1609.2 time: TAI since 2004-01-01T00:00:00Z. The only place that knows leap seconds.

use jxz_units::Utc;

const NS_PER_S: i64 = 1_000_000_000;
/// 2004-01-01T00:00:00Z in Unix seconds.
const EPOCH_UNIX_S: i64 = 1_072_915_200;
/// Unix seconds of the first second after each leap second since 2004 (IERS Bulletin C 30, 36, 43, 49, 52). POSIX
/// time repeats the second before each of them; that second is given the count after the leap. None is announced
/// since 2017-01-01: a new one is a new line here.
const LEAPS_UNIX_S: [i64; 5] = [1_136_073_600, 1_230_768_000, 1_341_100_800, 1_435_708_800, 1_483_228_800];

/// `Time64`: microseconds of TAI since the epoch, rounded down. `None` before 2004.
pub(crate) fn time64_of(utc: Utc) -> Option<u64> {
    let leaps_s = LEAPS_UNIX_S.iter().filter(|leap| utc.unix_ns() >= **leap * NS_PER_S).count() as i64;
    let ns = utc.unix_ns().checked_sub(EPOCH_UNIX_S * NS_PER_S)?.checked_add(leaps_s * NS_PER_S)?;
    u64::try_from(ns).ok().map(|ns| ns / 1000)
}

/// The UTC of a `Time64`; `None` beyond what nanoseconds in 64 bits can say (the year 2262).
pub(crate) fn utc_of_time64(time64_us: u64) -> Option<Utc> {
    let tai_ns = i64::try_from(time64_us).ok()?.checked_mul(1000)?.checked_add(EPOCH_UNIX_S * NS_PER_S)?;
    let leaps_s = (0..LEAPS_UNIX_S.len()).filter(|i| tai_ns >= (LEAPS_UNIX_S[*i] + *i as i64 + 1) * NS_PER_S).count();
    Some(Utc::from_unix_ns(tai_ns - leaps_s as i64 * NS_PER_S))
}

/// `Time32`: whole seconds of TAI since the epoch, rounded down. `None` before 2004 and after 2140.
pub(crate) fn time32_of(utc: Utc) -> Option<u32> {
    u32::try_from(time64_of(utc)? / 1_000_000).ok()
}

/// The UTC of a `Time32`.
pub(crate) fn utc_of_time32(time32_s: u32) -> Utc {
    // 2^32 s after 2004 is the year 2140: always within range.
    utc_of_time64(u64::from(time32_s) * 1_000_000).unwrap_or(Utc::from_unix_ns(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TAI - UTC was 32 s in 2004 and 37 s from 2017 on (IERS): 5 s more.
    #[test]
    fn counts_the_leap_seconds_since_2004() {
        for (unix_s, time32_s) in [
            (1_072_915_200, 0),
            (1_136_073_599, 63_158_399),
            (1_136_073_600, 63_158_401),
            (1_483_228_799, 410_313_603),
            (1_483_228_800, 410_313_605),
            // 2026-01-27T07:41:55Z and the seconds of a message captured then: 696 594 120 after the epoch.
            (1_769_509_315, 696_594_120),
        ] {
            let utc = Utc::from_unix_ms(unix_s * 1000);
            assert_eq!(time32_of(utc), Some(time32_s), "{utc}");
            assert_eq!(utc_of_time32(time32_s), utc);
        }
        assert_eq!(time64_of(Utc::from_unix_ms(0)), None);
        assert_eq!(utc_of_time64(u64::MAX), None);
    }
}
