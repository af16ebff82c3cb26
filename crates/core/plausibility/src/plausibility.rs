//! The checks in their order, and the verdict.

use crate::assessment::{Assessment, Check, Failure, Grade, Verdict};
use crate::checks;
use crate::config::{ConfigError, PlausibilityConfig};
use crate::counts::PlausibilityCounts;
use crate::crowd::{Crowd, States};
use crate::known::{Debut, Known};
use crate::report::{MisbehaviourReport, Reporter};
use jxz_geo::Point;
use jxz_units::{Instant, Now};
use jxz_world::{SiteId, VehicleReport};
use std::time::Duration;

/// A debut is judged so long after it: by then the others nearby were heard again, or fell silent.
const DEBUT_JUDGED_AFTER: Duration = Duration::from_secs(1);
/// After so long without any report the receiver has to learn anew who is near.
const DEAF_AFTER: Duration = Duration::from_secs(2);
const SWEEP_PERIOD: Duration = Duration::from_secs(1);

/// Failures of one report, with the points that each gives its sender.
type Failures = Vec<(Failure, f64)>;

/// Checks what vehicles say of themselves, at one site.
pub struct Plausibility {
    config: PlausibilityConfig,
    receiver: Point,
    crowd: Crowd,
    states: States,
    reporter: Reporter,
    counts: PlausibilityCounts,
    heard: Option<Instant>,
    hearing_since: Instant,
    sweep_due: Instant,
}

impl Plausibility {
    /// Checks for the site `site`, whose radio stands at `receiver` in the local frame; nobody is known yet.
    ///
    /// # Errors
    /// A setting that cannot work.
    pub fn new(config: PlausibilityConfig, site: SiteId, receiver: Point) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            receiver,
            crowd: Crowd::default(),
            states: States::default(),
            reporter: Reporter::new(site),
            counts: PlausibilityCounts::default(),
            heard: None,
            hearing_since: Instant::ZERO,
            sweep_due: Instant::ZERO,
        })
    }

    /// Checks one report whose signature was verified, and which is no copy of one checked before (by the other
    /// channel). `certificate` is the digest of the certificate that signed it, for the misbehaviour report.
    pub fn check(&mut self, now: Now, report: &VehicleReport, certificate: Option<[u8; 8]>) -> Assessment {
        self.listen(now.mono);
        let mut failures = self.alone(now, report);
        let points = if failures.iter().any(|(failure, _)| failure.check == Check::NotFinite) {
            0.0
        } else {
            self.with_history(now, report, &mut failures)
        };
        let assessment = self.conclude(failures, points);
        for failure in &assessment.failures {
            self.reporter.tell(&self.config, now, report.vehicle, certificate, *failure);
        }
        self.counts.count(&assessment);
        assessment
    }

    /// The next misbehaviour report, oldest first. Poll it after each check.
    pub fn poll_report(&mut self) -> Option<MisbehaviourReport> {
        self.reporter.poll()
    }

    /// Counts since the start.
    #[must_use]
    pub fn counts(&self) -> PlausibilityCounts {
        let mut counts = self.counts.clone();
        (counts.reports, counts.reports_dropped) = (self.reporter.made, self.reporter.dropped);
        counts
    }

    /// Vehicles remembered now.
    #[must_use]
    pub fn vehicles(&self) -> usize {
        self.crowd.len()
    }

    /// Keeps account of whether the radio works; forgets, and sends reports that are due, once a second.
    fn listen(&mut self, now: Instant) {
        if self.heard.is_none_or(|heard| now.since(heard) > DEAF_AFTER) {
            self.hearing_since = now;
        }
        self.heard = Some(now);
        if now < self.sweep_due {
            return;
        }
        self.sweep_due = now + SWEEP_PERIOD;
        let memory = Duration::from_secs_f64(self.config.forget_s).as_nanos() as u64;
        self.crowd.forget_silent(Instant::from_ns(now.ns().saturating_sub(memory)));
        self.reporter.sweep(&self.config, now);
    }

    /// What the report says by itself.
    fn alone(&self, now: Now, report: &VehicleReport) -> Failures {
        let config = &self.config;
        if let Some(failure) = checks::finite(report) {
            return vec![(failure, 0.0)];
        }
        let failures = [
            checks::age(config, now.utc, report),
            checks::range(config, self.receiver, report),
            checks::speed(config, report),
            checks::said_acceleration(config, report),
        ];
        failures.into_iter().flatten().map(|failure| (failure, 1.0)).collect()
    }

    /// What it says in the light of the sender's earlier reports and of the others'; gives the sender's points.
    fn with_history(&mut self, now: Now, report: &VehicleReport, failures: &mut Failures) -> f64 {
        let is_impossible = failures.iter().any(|(failure, _)| failure.grade == Grade::Impossible);
        let mut known = match self.crowd.take(report.vehicle) {
            Some(mut known) => {
                failures.extend(known.hear(&self.config, now.mono).map(|failure| (failure, 1.0)));
                if !is_impossible {
                    self.after_last(&mut known, report, failures);
                }
                known
            }
            // One that cannot be is no beginning of a history.
            None if is_impossible => return 0.0,
            None => Box::new(self.meet(now.mono, report)),
        };
        if !is_impossible {
            self.among_others(now.mono, &mut known, report, failures);
            if report.valid_at > known.last.valid_at {
                known.last = *report;
            }
        }
        known.blame(failures);
        let points = known.points();
        self.crowd.put(report.vehicle, known);
        points
    }

    fn meet(&mut self, now: Instant, report: &VehicleReport) -> Known {
        if self.crowd.len() >= self.config.max_vehicles && self.crowd.forget_oldest() {
            self.counts.evicted += 1;
        }
        let mut known = Known::new(&self.config, now, report);
        let range_m = (report.position - self.receiver).norm();
        let speed_mps = report.speed_mps.unwrap_or(0.0);
        let is_warm = now.since(self.hearing_since).as_secs_f64() >= self.config.warm_up_s;
        if is_warm && range_m < self.config.appearance_m && speed_mps >= self.config.appearance_speed_mps {
            known.debut = Some(Debut { at: report.valid_at, position: report.position, speed_mps, range_m });
        }
        known
    }

    /// Against the sender's last report.
    fn after_last(&self, known: &mut Known, report: &VehicleReport, failures: &mut Failures) {
        let (config, last) = (&self.config, known.last);
        let behind_s = last.valid_at.seconds_since(report.valid_at);
        if behind_s >= 0.0 {
            // Late by another way, or the same again: no history. Two places at one time: no mistake.
            let contradicts = behind_s == 0.0 && report.position != last.position;
            let grade = if contradicts { Grade::Doubt } else { Grade::Notice };
            failures.push((Failure::new(Check::Stale, grade, behind_s, 0.0), 1.0));
            return;
        }
        let pairwise = [
            checks::speed_change(config, &last, report),
            checks::turn(config, &last, report),
            known.motion.frozen(config, &last, report),
        ];
        failures.extend(pairwise.into_iter().flatten().map(|failure| (failure, 1.0)));
        failures.extend(known.motion.advance(config, &last, report));
    }

    /// Against what others said.
    fn among_others(&mut self, now: Instant, known: &mut Known, report: &VehicleReport, failures: &mut Failures) {
        let config = &self.config;
        if let Some(owner) = self.states.owner(config, report) {
            failures.push((Failure::new(Check::Copied, Grade::Doubt, 1.0, 0.0).with(owner), 1.0));
        }
        let dt_s = report.valid_at.seconds_since(known.last.valid_at);
        if dt_s > 0.0 {
            let (part, other) = self.crowd.cover(config, known.first_heard, report).unwrap_or((0.0, report.vehicle));
            let failure = known.cover(config, part, dt_s);
            failures.extend(failure.map(|failure| (failure.with(other), 1.0)));
        }
        if let Some(debut) = known.debut.take_if(|_| now.since(known.first_heard) >= DEBUT_JUDGED_AFTER)
            && self.crowd.find_predecessor(config, known.first_heard, &debut).is_none()
        {
            let failure = Failure::new(Check::Appearance, Grade::Doubt, debut.range_m, config.appearance_m);
            failures.push((failure, 1.0));
        }
    }

    fn conclude(&self, failures: Failures, points: f64) -> Assessment {
        let failures: Vec<Failure> = failures.into_iter().map(|(failure, _)| failure).collect();
        let is_impossible = failures.iter().any(|failure| failure.grade == Grade::Impossible);
        let verdict = if is_impossible || points >= self.config.reject_points {
            Verdict::Reject
        } else if !failures.is_empty() || points >= self.config.suspect_points {
            Verdict::Suspect
        } else {
            Verdict::Accept
        };
        Assessment { verdict, failures, points }
    }
}
