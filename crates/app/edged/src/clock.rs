//! How wrong the wall clock may be, by the kernel's word (`adjtimex`), which chrony, ntpd, ptp4l and timesyncd keep.

use jxz_edge::{ClockError, Input};
use serde::Deserialize;
use std::io;
use std::time::{Duration, Instant};

/// `STA_UNSYNC` of `adjtimex(2)`: nobody disciplines the clock.
const UNSYNCHRONISED: i32 = 0x40;
/// `TIME_ERROR`: the same, or what disciplines it says that it is wrong.
const TIME_ERROR: i32 = 5;
/// How often the brain is told, when nothing has changed for the worse or the better.
const PERIOD: Duration = Duration::from_secs(10);

/// What the node puts up with of its wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockSettings {
    /// The most that it may be wrong by, milliseconds; beyond it, or with nobody who disciplines it, the node serves less well
    /// than it should (`clock_unsure`).
    pub max_error_ms: u32,
    /// Whether vehicles are told nothing then.
    #[serde(default)]
    pub hold_messages: bool,
}

/// Who knows how wrong the wall clock may be.
pub(crate) trait Discipline: Send {
    /// The clock's largest error, seconds; infinite if nobody disciplines it.
    ///
    /// # Errors
    /// The system does not say.
    fn error_s(&self) -> io::Result<f64>;
}

/// The kernel.
pub(crate) struct Kernel;

impl Discipline for Kernel {
    fn error_s(&self) -> io::Result<f64> {
        // All zero: it asks, and changes nothing.
        let mut state = rtime_clock::adjtime::Timex::new();
        let verdict = rtime_clock::adjtime::adjtimex(&mut state)?;
        if verdict == TIME_ERROR || state.0.status & UNSYNCHRONISED != 0 {
            return Ok(f64::INFINITY);
        }
        // Microseconds.
        Ok(state.0.maxerror as f64 * 1e-6)
    }
}

/// Looks at the clock's error for the brain.
pub(crate) struct ClockLook {
    settings: ClockSettings,
    discipline: Box<dyn Discipline>,
    told: Option<(Instant, ClockError)>,
}

impl ClockLook {
    pub(crate) fn new(settings: ClockSettings, discipline: Box<dyn Discipline>) -> Self {
        Self { settings, discipline, told: None }
    }

    /// What the brain is to be told now, if anything: at first, every ten seconds, and when its verdict is another. A system
    /// that does not say is one whose clock nobody vouches for.
    pub(crate) fn look(&mut self, now: Instant) -> Option<Input> {
        let error_s = self.discipline.error_s().unwrap_or_else(|error| {
            if self.told.is_none() {
                tracing::warn!(%error, "ask how wrong the clock may be");
            }
            f64::INFINITY
        });
        let limit_s = f64::from(self.settings.max_error_ms) / 1e3;
        let error = ClockError { error_s, limit_s, hold: self.settings.hold_messages };
        if let Some((at, told)) = self.told {
            if told.is_unsure() == error.is_unsure() && now.duration_since(at) < PERIOD {
                return None;
            }
            if told.is_unsure() != error.is_unsure() {
                tracing::warn!(error_s, limit_s, unsure = error.is_unsure(), "the clock's error");
            }
        } else if error.is_unsure() {
            tracing::warn!(error_s, limit_s, "nobody vouches for the clock: run chrony, ntpd or ptp4l");
        }
        self.told = Some((now, error));
        Some(Input::ClockError(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A clock that is as wrong as a scenario says.
    struct Said(Arc<Mutex<Option<f64>>>);

    impl Discipline for Said {
        fn error_s(&self) -> io::Result<f64> {
            self.0.lock().unwrap().ok_or_else(|| io::ErrorKind::PermissionDenied.into())
        }
    }

    #[test]
    fn the_brain_is_told_at_once_when_the_verdict_changes_and_now_and_then_otherwise() {
        let says = Arc::new(Mutex::new(Some(0.010)));
        let settings = ClockSettings { max_error_ms: 50, hold_messages: true };
        let mut look = ClockLook::new(settings, Box::new(Said(Arc::clone(&says))));
        let start = Instant::now();
        let mut told = |at_s, error_s: Option<f64>| {
            *says.lock().unwrap() = error_s;
            match look.look(start + Duration::from_secs(at_s)) {
                Some(Input::ClockError(error)) => Some((error.is_unsure(), error.hold)),
                None => None,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(told(0, Some(0.010)), Some((false, true)));
        assert_eq!(told(1, Some(0.049)), None);
        assert_eq!(told(2, Some(0.051)), Some((true, true)), "beyond the bound");
        assert_eq!(told(3, Some(f64::INFINITY)), None, "as bad as before");
        assert_eq!(told(4, Some(0.001)), Some((false, true)));
        assert_eq!(told(5, None), Some((true, true)), "nobody says");
        assert_eq!(told(16, None), Some((true, true)));
    }

    #[test]
    fn the_kernel_says_something_that_can_be() {
        // A container may be forbidden to ask.
        if let Ok(error_s) = Kernel.error_s() {
            assert!(error_s >= 0.0, "{error_s}");
        }
    }
}
