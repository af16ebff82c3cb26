//! When a round is due: ten times a second, and just after something new was seen.

use jxz_units::Instant;
use std::time::Duration;

/// Sensors that look together are heard together: a round waits so long for the others after the first.
const GATHER: Duration = Duration::from_millis(3);
/// A round that is due waits no longer than this for a scan.
const PATIENCE: Duration = Duration::from_millis(50);
/// Rounds are due at least and at most so long before the scan that they expect: one that is early by less is not missed,
/// and scans that come one after the other do not make rounds more often.
const EARLY: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(15)];

/// The pace of rounds: a period apart, each just after a scan, so that what it says is news. A round on a clock of its own
/// would say on average half a sensor's period later what was seen. Without scans it goes by the clock alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    period: Duration,
    due: Instant,
    /// The first scan since it is due, and the last scan at all.
    first: Option<Instant>,
    last: Option<Instant>,
    /// A round beside those is due.
    beside: bool,
}

impl Pace {
    pub(crate) fn starting(at: Instant, period: Duration) -> Self {
        Self { period, due: at, first: None, last: None, beside: false }
    }

    /// A scan was heard.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.last = Some(now);
        if now >= self.due && self.first.is_none() {
            self.first = Some(now);
        }
    }

    /// A round is due at once. Those after it come when they would have come without it.
    pub(crate) fn at_once(&mut self) {
        self.beside = true;
    }

    /// When the next round is to be, as far as is known.
    pub(crate) fn due(&self) -> Instant {
        if self.beside {
            return Instant::ZERO;
        }
        let sees = self.last.is_some_and(|last| last + self.period >= self.due);
        let latest = if sees { self.due + PATIENCE.min(self.period / 2) } else { self.due };
        self.first.map_or(latest, |first| latest.min(first + GATHER))
    }

    /// Whether a round is to be now. The next one is then due a period later, or, where scans come at other times, as
    /// much later as they do. A round that was missed is not made up for.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        if now < self.due() {
            return false;
        }
        if std::mem::take(&mut self.beside) && now < self.due {
            return true;
        }
        let in_step = self.due + self.period;
        let [least, most] = EARLY;
        let after = |scan: Instant, early: Duration| scan + self.period.saturating_sub(early);
        let next = match (self.first, self.last) {
            (Some(first), _) => in_step.clamp(after(first, most), after(first, least)),
            // Those that came when none was due will do so again.
            (None, Some(last)) => {
                let again = after(last, most);
                let again = if again > now { again } else { again + self.period };
                if again > now { again } else { in_step }
            }
            (None, None) => in_step,
        };
        self.due = if next > now { next } else { now + self.period };
        self.first = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(100);

    fn us(us: u64) -> Instant {
        Instant::from_ns(us * 1000)
    }

    /// Rounds, and how old the newest scan was at each, microseconds; scans at these times.
    fn rounds(scans: impl IntoIterator<Item = u64>, until_us: u64) -> Vec<(u64, u64)> {
        let mut pace = Pace::starting(Instant::ZERO, PERIOD);
        let mut scans = scans.into_iter().peekable();
        let (mut made, mut newest) = (Vec::new(), None);
        loop {
            let due = pace.due();
            if due >= us(until_us) {
                return made;
            }
            match scans.next_if(|scan| us(*scan) <= due) {
                Some(scan) => {
                    pace.heard(us(scan));
                    newest = Some(scan);
                }
                None => {
                    assert!(pace.take(due) && !pace.take(due));
                    let at = due.ns() / 1000;
                    made.push((at, newest.map_or(u64::MAX, |newest| at - newest)));
                }
            }
        }
    }

    fn gaps(made: &[(u64, u64)]) -> impl Iterator<Item = u64> + '_ {
        made.windows(2).map(|pair| pair[1].0 - pair[0].0)
    }

    #[test]
    fn rounds_follow_sensors_whatever_their_phase() {
        for phase in (0..100_000).step_by(1000) {
            // Four sensors that look together, ten times a second; the last is heard 2 ms after the first.
            let scans = (0..100).flat_map(|k| [0, 500, 1500, 2000].map(|late| phase + k * 100_000 + late));
            let made = rounds(scans, 10_000_000);
            let settled = &made[5..];
            assert!(settled.iter().all(|(_, age)| *age == 1000), "at {phase}: {settled:?}");
            assert!(gaps(settled).all(|gap| gap == 100_000), "at {phase}");
        }
    }

    #[test]
    fn sensors_that_look_in_turn_make_no_more_rounds() {
        // 80 scans a second.
        let made = rounds((0..8000).map(|k| 3000 + k * 12_500), 100_000_000);
        assert!((990..=1000).contains(&made.len()), "{}", made.len());
        assert!(made[2..].iter().all(|(_, age)| *age == 3000), "{made:?}");
    }

    #[test]
    fn a_sensors_clock_that_goes_otherwise_is_followed() {
        for period in [99_900, 100_100, 49_970, 50_030] {
            let made = rounds((0..4000).map(|k| k * period), 100_000_000);
            let fresh = made.iter().filter(|(_, age)| *age == 3000).count();
            assert!(fresh * 100 >= made.len() * 98, "{fresh} of {} at {period}", made.len());
            assert!(gaps(&made).all(|gap| (40_000..=150_000).contains(&gap)), "at {period}");
            assert!((980..=1010).contains(&made.len()), "{} at {period}", made.len());
        }
    }

    #[test]
    fn nothing_seen_is_said_just_as_often() {
        let made = rounds([], 10_000_000);
        assert_eq!(made.len(), 100);
        assert!(gaps(&made).all(|gap| gap == 100_000));
    }

    #[test]
    fn a_scan_that_is_late_does_not_hold_a_round_up_for_long() {
        let made = rounds((0..50).map(|k| 5000 + k * 100_000 + if k == 20 { 70_000 } else { 0 }), 5_000_000);
        assert!(gaps(&made).all(|gap| (50_000..=150_000).contains(&gap)), "{made:?}");
        assert!(made[23..].iter().all(|(_, age)| *age == 3000), "{made:?}");
    }

    #[test]
    fn a_round_at_once_leaves_the_others_where_they_were() {
        // Rounds 1 ms after the last of four sensors, at 3 ms of each period.
        let mut pace = Pace::starting(Instant::ZERO, PERIOD);
        for k in 0..5 {
            let scan = us(k * 100_000);
            pace.heard(scan);
            assert!(pace.take(scan + GATHER));
        }
        for (at_us, next_us) in [(404_000, 503_000), (450_000, 503_000)] {
            let mut between = pace;
            between.at_once();
            assert!(between.due() <= us(at_us) && between.take(us(at_us)) && !between.take(us(at_us)));
            between.heard(us(500_000));
            assert_eq!(between.due(), us(next_us), "asked for at {at_us}");
        }
        // One that was to come now anyway is not made twice.
        pace.heard(us(500_000));
        pace.at_once();
        assert!(pace.take(us(501_000)) && !pace.take(us(503_000)));
    }

    #[test]
    fn rounds_that_were_missed_are_not_made_up_for() {
        let mut pace = Pace::starting(Instant::ZERO, PERIOD);
        assert!(pace.take(us(5_300_000)) && !pace.take(us(5_300_000)));
        assert_eq!(pace.due(), us(5_400_000));
    }
}
