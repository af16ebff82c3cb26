//! The node's judgement of how well it serves.
//!
//! Looked at once a health report, over the time since the last one: what was bad and is over does not count.

use jxz_units::Utc;
use jxz_world::{DropCause, Drops, SensorHealth, Service, Shortfall};
use std::time::Duration;

/// A sensor without a scan for this long delivers nothing, seconds: twenty scans of a radar.
const SILENT_S: f64 = 2.0;
/// A site's sensors have this long from the node's start to deliver, seconds.
const SETTLE_S: f64 = 5.0;
/// A scan takes too long that takes more than this: at 20 Hz, with eight sensors, fusion would fall behind.
const SLOW: Duration = Duration::from_millis(50);
/// Fusion is slow when more than this part of the scans take too long.
const SLOW_PART: f64 = 0.05;
/// Scans are dropped when more than this part of them is.
const DROPPED_PART: f64 = 0.1;
/// Scans that were dropped though their sensor and their bytes are sound.
const DROPPED: [DropCause; 3] = [DropCause::SensorQueueFull, DropCause::SensorStale, DropCause::SensorFuture];

/// What has been seen since the last report.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    scans: u64,
    slow: u64,
    dropped_before: u64,
}

impl Watch {
    /// A scan was fused, and it took so long.
    pub(crate) fn fused(&mut self, took: Duration) {
        self.scans += 1;
        self.slow += u64::from(took > SLOW);
    }

    /// How well the node serves now; what counts from here on is the time from now on.
    pub(crate) fn judge(
        &mut self,
        at: Utc,
        uptime_s: f64,
        sensors: &[SensorHealth],
        drops: &Drops,
        (clock_set, clock_unsure): (bool, bool),
    ) -> Service {
        let silent = |sensor: &&SensorHealth| match sensor.last_scan_at {
            Some(last) => at.seconds_since(last) > SILENT_S,
            None => uptime_s > SETTLE_S,
        };
        let mut shortfalls: Vec<Shortfall> =
            sensors.iter().filter(silent).map(|sensor| Shortfall::SensorSilent(sensor.id.clone())).collect();
        let part = |n: u64, of: u64| n as f64 / (of.max(1)) as f64;
        if part(self.slow, self.scans) > SLOW_PART {
            shortfalls.push(Shortfall::FusionSlow);
        }
        let dropped_now: u64 = DROPPED.iter().map(|cause| drops.of(*cause)).sum();
        let dropped = dropped_now.saturating_sub(self.dropped_before);
        if part(dropped, dropped + self.scans) > DROPPED_PART {
            shortfalls.push(Shortfall::ScansDropped);
        }
        if clock_set {
            shortfalls.push(Shortfall::ClockSet);
        }
        if clock_unsure {
            shortfalls.push(Shortfall::ClockUnsure);
        }
        *self = Self { dropped_before: dropped_now, ..Self::default() };
        if shortfalls.is_empty() { Service::Full } else { Service::Degraded(shortfalls) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_world::{SensorId, SensorKind};

    fn radar(last_s: Option<f64>) -> Vec<SensorHealth> {
        let last_scan_at = last_s.map(|s| Utc::from_unix_ms(0).plus_seconds(s));
        vec![SensorHealth { id: SensorId("radar-1".into()), kind: SensorKind::Radar, last_scan_at, scans_per_s: None }]
    }

    fn at(s: f64) -> Utc {
        Utc::from_unix_ms(0).plus_seconds(s)
    }

    #[test]
    fn a_sensor_that_falls_silent_is_a_shortfall_until_it_speaks_again() {
        let (mut watch, drops) = (Watch::default(), Drops::default());
        let silent = Service::Degraded(vec![Shortfall::SensorSilent(SensorId("radar-1".into()))]);
        assert_eq!(
            watch.judge(at(1.0), 1.0, &radar(None), &drops, (false, false)),
            Service::Full,
            "it has just started"
        );
        assert_eq!(watch.judge(at(6.0), 6.0, &radar(None), &drops, (false, false)), silent);
        assert_eq!(watch.judge(at(8.0), 8.0, &radar(Some(7.0)), &drops, (false, false)), Service::Full);
        assert_eq!(watch.judge(at(10.0), 10.0, &radar(Some(7.0)), &drops, (false, false)), silent);
    }

    #[test]
    fn a_clock_that_was_set_is_told_once() {
        let (mut watch, drops) = (Watch::default(), Drops::default());
        let told = Service::Degraded(vec![Shortfall::ClockSet]);
        assert_eq!(watch.judge(at(1.0), 1.0, &[], &drops, (true, false)), told);
        assert_eq!(watch.judge(at(2.0), 2.0, &[], &drops, (false, false)), Service::Full);
    }

    #[test]
    fn slow_fusion_and_dropped_scans_count_for_the_time_in_which_they_were() {
        let (mut watch, mut drops) = (Watch::default(), Drops::default());
        (0..90).for_each(|_| watch.fused(Duration::from_millis(2)));
        (0..10).for_each(|_| watch.fused(Duration::from_millis(80)));
        drops.add(DropCause::SensorQueueFull, 12);
        drops.add(DropCause::SensorGarbage, 1000);
        let judged = watch.judge(at(1.0), 1.0, &[], &drops, (false, false));
        assert_eq!(judged, Service::Degraded(vec![Shortfall::FusionSlow, Shortfall::ScansDropped]));
        (0..100).for_each(|_| watch.fused(Duration::from_millis(2)));
        assert_eq!(watch.judge(at(2.0), 2.0, &[], &drops, (false, false)), Service::Full, "that is over");
    }
}
