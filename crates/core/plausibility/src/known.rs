//! What is remembered of one vehicle.

use crate::assessment::{Check, Failure, Grade};
use crate::config::PlausibilityConfig;
use crate::motion::Motion;
use jxz_geo::Point;
use jxz_units::{Instant, Utc};
use jxz_world::VehicleReport;

/// How quickly the level of overlap follows, seconds: full cover fails after 1.4 s, the change of a pseudonym never.
const OVERLAP_FOLLOWS_S: f64 = 2.0;

/// A first report that came suddenly, until it is known whether another vehicle fell silent then.
#[derive(Clone, Copy)]
pub(crate) struct Debut {
    pub(crate) at: Utc,
    pub(crate) position: Point,
    pub(crate) speed_mps: f64,
    pub(crate) range_m: f64,
}

/// One vehicle, by the id it has now.
pub(crate) struct Known {
    pub(crate) first_heard: Instant,
    pub(crate) heard: Instant,
    pub(crate) last: VehicleReport,
    pub(crate) motion: Motion,
    pub(crate) debut: Option<Debut>,
    /// Another vehicle's first report was taken for this one's next.
    pub(crate) followed: bool,
    tokens: f64,
    overlap: f64,
    points: [f64; Check::COUNT],
}

impl Known {
    pub(crate) fn new(config: &PlausibilityConfig, now: Instant, report: &VehicleReport) -> Self {
        Self {
            first_heard: now,
            heard: now,
            last: *report,
            motion: Motion::new(config, report),
            debut: None,
            followed: false,
            tokens: config.rate_burst - 1.0,
            overlap: 0.0,
            points: [0.0; Check::COUNT],
        }
    }

    /// The moment of hearing it again: points leak, room for reports grows, one is used up.
    pub(crate) fn hear(&mut self, config: &PlausibilityConfig, now: Instant) -> Option<Failure> {
        let elapsed_s = now.since(self.heard).as_secs_f64();
        self.heard = self.heard.max(now);
        for points in &mut self.points {
            *points = (*points - config.leak_per_s * elapsed_s).max(0.0);
        }
        self.tokens = (self.tokens + config.rate_hz * elapsed_s).min(config.rate_burst) - 1.0;
        if self.tokens >= 0.0 {
            return None;
        }
        // What is owed is bounded, so that a vehicle that comes to its senses is forgiven within a second.
        self.tokens = self.tokens.max(-config.rate_hz);
        Some(Failure::new(Check::Rate, Grade::Doubt, -self.tokens, 0.0))
    }

    /// How much of it others cover, smoothed over time; fails above the allowed part.
    pub(crate) fn cover(&mut self, config: &PlausibilityConfig, part: f64, dt_s: f64) -> Option<Failure> {
        let weight = 1.0 - libm::exp(-dt_s.min(config.same_time_s) / OVERLAP_FOLLOWS_S);
        self.overlap += (part - self.overlap) * weight;
        (self.overlap > config.overlap && part > config.overlap)
            .then(|| Failure::new(Check::Overlap, Grade::Doubt, self.overlap, config.overlap))
    }

    pub(crate) fn points(&self) -> f64 {
        self.points.iter().sum()
    }

    /// Adds the points of one report's gravest failure: a report that is wrong in many ways is still one report.
    pub(crate) fn blame(&mut self, failures: &[(Failure, f64)]) {
        let room = |check: Check| check.most_points() - self.points[check.index()];
        let gravest = failures
            .iter()
            .filter(|(failure, _)| failure.grade > Grade::Notice)
            .map(|(failure, points)| (failure.check, points.min(room(failure.check))))
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        if let Some((check, points)) = gravest {
            self.points[check.index()] += points.max(0.0);
        }
    }
}
