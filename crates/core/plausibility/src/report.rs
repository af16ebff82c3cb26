//! What is told of a misbehaving vehicle, and how often.

use crate::assessment::{Check, Failure, Grade};
use crate::config::PlausibilityConfig;
use jxz_units::{Instant, Now, Utc};
use jxz_world::{SiteId, VehicleId};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// That a vehicle failed a check, with the evidence: one of a vehicle and check in
/// [`crate::PlausibilityConfig::report_period_s`]. Mere notices are not told of.
#[derive(Debug, Clone, PartialEq)]
pub struct MisbehaviourReport {
    /// The site that heard it.
    pub reporter: SiteId,
    /// The vehicle's temporary id.
    pub subject: VehicleId,
    /// Digest of the certificate that signed the worst failure, if it was given.
    pub certificate: Option<[u8; 8]>,
    /// The worst failure since the last report of the kind, with its numbers.
    pub worst: Failure,
    /// When the first of them was heard.
    pub first: Utc,
    /// When the last of them was heard.
    pub last: Utc,
    /// How many there were.
    pub count: u64,
}

/// Failures of one vehicle and check since the last report.
struct Tally {
    /// The next report is made no earlier.
    due: Instant,
    pending: Option<MisbehaviourReport>,
}

/// Collects failures into reports.
pub(crate) struct Reporter {
    site: SiteId,
    tallies: BTreeMap<(VehicleId, Check), Tally>,
    outbox: VecDeque<MisbehaviourReport>,
    pub(crate) made: u64,
    pub(crate) dropped: u64,
}

impl Reporter {
    pub(crate) fn new(site: SiteId) -> Self {
        Self { site, tallies: BTreeMap::new(), outbox: VecDeque::new(), made: 0, dropped: 0 }
    }

    pub(crate) fn poll(&mut self) -> Option<MisbehaviourReport> {
        self.outbox.pop_front()
    }

    /// Tells of a failure: at once if nothing was told lately, with the next report otherwise.
    pub(crate) fn tell(
        &mut self,
        config: &PlausibilityConfig,
        now: Now,
        subject: VehicleId,
        certificate: Option<[u8; 8]>,
        failure: Failure,
    ) {
        if failure.grade == Grade::Notice {
            return;
        }
        let key = (subject, failure.check);
        if self.tallies.len() >= config.max_vehicles && !self.tallies.contains_key(&key) {
            self.dropped += 1;
            return;
        }
        let tally = self.tallies.entry(key).or_insert(Tally { due: now.mono, pending: None });
        let report = tally.pending.get_or_insert_with(|| MisbehaviourReport {
            reporter: self.site.clone(),
            subject,
            certificate,
            worst: failure,
            first: now.utc,
            last: now.utc,
            count: 0,
        });
        report.count += 1;
        report.last = now.utc;
        if excess(&failure) > excess(&report.worst) {
            (report.worst, report.certificate) = (failure, certificate);
        }
        if tally.due <= now.mono {
            let report = tally.pending.take();
            tally.due = now.mono + Duration::from_secs_f64(config.report_period_s);
            self.send(config, report);
        }
    }

    /// Sends what is due; forgets who has been quiet for a period.
    pub(crate) fn sweep(&mut self, config: &PlausibilityConfig, now: Instant) {
        let due: Vec<_> = self.tallies.iter().filter(|(_, tally)| tally.due <= now).map(|(key, _)| *key).collect();
        for key in due {
            let pending = self.tallies.get_mut(&key).and_then(|tally| {
                tally.due = now + Duration::from_secs_f64(config.report_period_s);
                tally.pending.take()
            });
            match pending {
                Some(report) => self.send(config, Some(report)),
                None => drop(self.tallies.remove(&key)),
            }
        }
    }

    fn send(&mut self, config: &PlausibilityConfig, report: Option<MisbehaviourReport>) {
        let Some(report) = report else { return };
        if self.outbox.len() >= config.max_reports {
            self.dropped += 1;
            return;
        }
        self.made += 1;
        self.outbox.push_back(report);
    }
}

/// How far beyond the allowed, by grade first; for what must be no less than allowed, how far below.
fn excess(failure: &Failure) -> (Grade, f64) {
    let beyond = failure.said - failure.allowed;
    (failure.grade, if failure.check == Check::Appearance { -beyond } else { beyond.abs() })
}
