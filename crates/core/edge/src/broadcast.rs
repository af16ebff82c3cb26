//! When each message is due.

use jxz_units::Instant;
use jxz_v2x::{MessageKind, RsiClass};
use jxz_world::{Warning, WarningId, WarningKind, WarningStage};
use std::collections::BTreeMap;
use std::time::Duration;

/// MAP at least every second.
pub(crate) const MAP_PERIOD: Duration = Duration::from_millis(1000);
/// SPAT at least every 500 ms.
pub(crate) const SPAT_PERIOD: Duration = Duration::from_millis(200);
/// A signal controller's report older than this is no longer broadcast.
pub(crate) const SIGNALS_VALID_S: f64 = 1.0;

/// A deadline that comes again and again, without piling up when it was missed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Periodic {
    period: Duration,
    due: Instant,
}

impl Periodic {
    pub(crate) fn starting(at: Instant, period: Duration) -> Self {
        Self { period, due: at }
    }

    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Whether it is due; if so, the next one is a period later, or now plus a period if that is past already.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        if now < self.due {
            return false;
        }
        let next = self.due + self.period;
        self.due = if next > now { next } else { now + self.period };
        true
    }
}

/// How often an unchanged warning is said again: at its RSI class' period.
fn repeat_period(kind: WarningKind) -> Duration {
    MessageKind::Rsi(RsiClass::of(kind)).period()
}

/// Which warnings to say in this round.
#[derive(Debug, Default)]
pub(crate) struct RepeatTable {
    said: BTreeMap<WarningId, Instant>,
}

impl RepeatTable {
    /// Warnings that changed are said at once; of those alive, the ones whose period would have passed before the next
    /// round: a round that came late does not make the next one miss its turn.
    pub(crate) fn select<'w>(
        &mut self,
        now: Instant,
        round: Duration,
        changed: &'w [Warning],
        alive: impl Iterator<Item = &'w Warning>,
    ) -> Vec<Warning> {
        let mut chosen: Vec<Warning> = changed.to_vec();
        for warning in alive {
            let due = self.said.get(&warning.id).is_none_or(|at| *at + repeat_period(warning.kind()) < now + round);
            if due && !changed.iter().any(|c| c.id == warning.id) {
                chosen.push(warning.clone());
            }
        }
        for warning in &chosen {
            if warning.stage == WarningStage::Cancelled {
                self.said.remove(&warning.id);
            } else {
                self.said.insert(warning.id, now);
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_period_does_not_pile_up() {
        let ms = |ms: u64| Instant::from_ns(ms * 1_000_000);
        let mut map = Periodic::starting(Instant::ZERO, MAP_PERIOD);
        assert!(map.take(ms(0)) && !map.take(ms(999)) && map.take(ms(1000)));
        assert!(map.take(ms(5300)), "due since 2000");
        assert_eq!(map.due(), ms(6300), "one catch-up, then a period from now");
    }

    #[test]
    fn late_rounds_do_not_make_a_warning_rarer() {
        use jxz_geo::{Point, Polyline};
        use jxz_units::Utc;
        use jxz_world::Application;
        let ms = |ms: u64| Instant::from_ns(ms * 1_000_000);
        let round = Duration::from_millis(100);
        for (application, period_ms) in [(Application::Vrucw, 100), (Application::Tjw, 500)] {
            let now = Utc::from_unix_ms(0);
            let path = Polyline::try_from(vec![[0.0, 0.0], [10.0, 0.0]]).unwrap();
            let warning = Warning {
                id: WarningId(1),
                revision: 1,
                application,
                level: jxz_world::Level::Warning,
                stage: WarningStage::Held,
                cause: jxz_world::Cause::StoppedVehicle { standing_s: 9.0 },
                about: Vec::new(),
                concerned: Vec::new(),
                place: jxz_world::Place { at: Point::origin(), path, radius_m: 5.0 },
                paths: Vec::new(),
                since: now,
                sensed_at: now,
                valid_until: now,
                confidence: 0.9,
            };
            let mut table = RepeatTable::default();
            // Rounds at their times, up to 30 ms late, each otherwise.
            let rounds = (0..50_u64).map(|k| 100 * k + k * 7 % 31);
            let said: Vec<u64> =
                rounds.filter(|at| !table.select(ms(*at), round, &[], [&warning].into_iter()).is_empty()).collect();
            assert!(said.windows(2).all(|w| w[1] - w[0] <= period_ms + 30), "{application:?} at {said:?}");
            assert!(said.len() as u64 >= 5000 / period_ms, "{application:?} at {said:?}");
        }
    }
}
