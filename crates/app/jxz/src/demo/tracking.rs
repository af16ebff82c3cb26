//! How good are the tracks that the vehicles are told? RSM participants against the simulator's truth.

use jxz_fusion::metrics::{Moving, Score, TrackingScore};
use jxz_geo::{Point, Vector};
use jxz_map::Map;
use jxz_sim::TruthObject;
use jxz_units::Utc;
use jxz_v2x::ReceivedRsm;
use std::collections::{BTreeMap, VecDeque};

/// Truth is kept for this long: an RSM that speaks of an older time is not scored.
const TRUTH_KEPT_S: f64 = 2.0;
/// All frames of one round have come this long after its time.
const ROUND_COMPLETE_S: f64 = 0.5;

struct SiteArea {
    centre: Point,
    coverage_m: f64,
}

/// Collects rounds of RSM and scores each once it is complete.
pub(super) struct Tracking {
    sites: BTreeMap<[u8; 8], SiteArea>,
    truth: VecDeque<(Utc, Vec<Moving>)>,
    /// By unit and the round's time: what the unit told.
    rounds: BTreeMap<(Utc, [u8; 8]), Vec<Moving>>,
    score: TrackingScore,
}

impl Tracking {
    pub(super) fn new(map: &Map) -> Self {
        let area = |s: &jxz_world::Site| {
            (s.id.hash64().to_be_bytes(), SiteArea { centre: s.position, coverage_m: s.coverage_m })
        };
        Self {
            sites: map.sites.iter().map(area).collect(),
            truth: VecDeque::new(),
            rounds: BTreeMap::new(),
            score: TrackingScore::default(),
        }
    }

    /// The truth at a time, later than any before.
    pub(super) fn truth_at(&mut self, at: Utc, objects: &[TruthObject]) {
        let moving = objects.iter().map(|o| Moving { position: o.position, velocity: o.velocity }).collect();
        self.truth.push_back((at, moving));
        while self.truth.front().is_some_and(|(t, _)| at.seconds_since(*t) > TRUTH_KEPT_S) {
            self.truth.pop_front();
        }
        self.score_rounds(at);
    }

    /// One RSM frame as it was received.
    pub(super) fn heard(&mut self, rsm: &ReceivedRsm) {
        if !self.sites.contains_key(&rsm.unit.0) {
            return;
        }
        for participant in &rsm.participants {
            let (Some(speed), Some(heading)) = (participant.speed_mps, participant.heading) else { continue };
            let yaw = heading.to_yaw().rad();
            let velocity = Vector::new(yaw.cos(), yaw.sin()) * speed;
            let moving = Moving { position: participant.position, velocity };
            self.rounds.entry((participant.valid_at, rsm.unit.0)).or_default().push(moving);
        }
    }

    pub(super) fn score(&self) -> Score {
        self.score.score()
    }

    fn score_rounds(&mut self, now: Utc) {
        while let Some(entry) = self.rounds.first_entry() {
            let (at, unit) = *entry.key();
            if now.seconds_since(at) < ROUND_COMPLETE_S {
                return;
            }
            let told = entry.remove();
            let (Some(site), Some(truth)) = (self.sites.get(&unit), self.truth_near(at)) else { continue };
            let inside = |m: &Moving| (m.position - site.centre).norm() <= site.coverage_m;
            let truth: Vec<Moving> = truth.into_iter().filter(inside).collect();
            self.score.add(&truth, &told);
        }
    }

    /// The truth carried from the nearest instant known to `at`, at most a step away.
    fn truth_near(&self, at: Utc) -> Option<Vec<Moving>> {
        let (t, objects) = self.truth.iter().min_by_key(|(t, _)| (t.unix_ns() - at.unix_ns()).abs())?;
        let ahead_s = at.seconds_since(*t);
        let carried = |m: &Moving| Moving { position: m.position + m.velocity * ahead_s, velocity: m.velocity };
        (ahead_s.abs() <= 0.1).then(|| objects.iter().map(carried).collect())
    }
}
