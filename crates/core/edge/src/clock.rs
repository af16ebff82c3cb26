//! The wall clock, held against the monotonic one.
//!
//! Every message to vehicles carries UTC, and every track is of a UTC. When the clock is set, nobody here can tell
//! whether it was right before or is right now: what was known by the old one is forgotten, and nothing is said to
//! vehicles until the clock has gone evenly for a while.

use jxz_units::{Instant, Now};
use std::time::Duration;

/// A clock that is steered moves this much at most between two looks, seconds.
const STEP_S: f64 = 0.05;
/// And this much a second: chrony steers by 0.083 s/s at most (`maxslewrate`), ntpd by 0.0005.
const STEERING: f64 = 0.1;
/// A clock that was set is believed after going evenly for so long.
const HOLD: Duration = Duration::from_secs(2);

/// Watches both clocks.
#[derive(Debug)]
pub(crate) struct ClockWatch {
    last: Now,
    hold_until: Option<Instant>,
}

impl ClockWatch {
    pub(crate) fn starting(now: Now) -> Self {
        Self { last: now, hold_until: None }
    }

    /// Looks at both clocks; by how much the wall clock was set since the last look, seconds, if it was.
    pub(crate) fn look(&mut self, now: Now) -> Option<f64> {
        let elapsed_s = now.mono.since(self.last.mono).as_secs_f64();
        let moved_s = now.utc.seconds_since(self.last.utc) - elapsed_s;
        self.last = now;
        if moved_s.abs() <= STEP_S + STEERING * elapsed_s {
            return None;
        }
        self.hold_until = Some(now.mono + HOLD);
        Some(moved_s)
    }

    /// Whether messages may carry the wall clock's time.
    pub(crate) fn is_believed(&self, at: Instant) -> bool {
        self.hold_until.is_none_or(|until| at >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_units::Utc;

    fn at(mono_ms: u64, utc_ms: i64) -> Now {
        Now { mono: Instant::from_ns(mono_ms * 1_000_000), utc: Utc::from_unix_ms(1_786_270_272_000 + utc_ms) }
    }

    #[test]
    fn a_clock_that_is_steered_is_believed_and_one_that_is_set_is_not_for_a_while() {
        let mut watch = ClockWatch::starting(at(0, 0));
        for k in 1..=100_u64 {
            assert_eq!(watch.look(at(100 * k, 108 * k as i64)), None, "8 % too fast, as chrony may steer");
        }
        let moved_s = watch.look(at(10_100, 10_900 - 5_000)).unwrap();
        assert!((moved_s + 5.0).abs() < 0.1, "{moved_s}");
        assert!(!watch.is_believed(at(12_099, 0).mono) && watch.is_believed(at(12_100, 0).mono));
        assert_eq!(watch.look(at(12_200, 8_000)), None, "the new time goes on");
    }

    #[test]
    fn a_step_while_nothing_happens_is_seen_too() {
        let mut watch = ClockWatch::starting(at(0, 0));
        assert_eq!(watch.look(at(1000, 1140)), None);
        assert!(watch.look(at(2000, 3140)).is_some());
    }
}
