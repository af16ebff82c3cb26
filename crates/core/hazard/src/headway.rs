//! The one ahead: forward collision, its speed, and its sudden braking.

use crate::actor::Actor;
use crate::config::{EbwConfig, FcwConfig, LeadSpeedConfig};
use crate::encounter::one_body;
use crate::ledger::{EventKey, Proposal};
use crate::level;
use crate::memory::Memory;
use crate::normal;
use crate::place::{Spot, Way};
use crate::queue::Halt;
use crate::scene::{Leader, Scene};
use jxz_world::{Application, Cause, Level, RoadUserClass};

/// Distance that drivers keep when standing behind one another, metres.
const STANDING_GAP_M: f64 = 1.5;
/// 1-sigma doubt about the deceleration that is still comfortable, m/s².
const NEED_SIGMA_MPS2: f64 = 0.4;
/// Loss of speed within about a second that goes with sudden braking, m/s.
const SUDDEN_DROP_MPS: f64 = 2.5;
/// A follower that brakes within this of what is needed has seen it, m/s².
const SEEN_WITHIN_MPS2: f64 = 0.7;
/// What a vehicle that reports hard braking brakes with at least, m/s² (the set asks for 0.4 g).
const REPORTED_MPS2: f64 = 3.9;

/// A track so new may be another part of a vehicle that is tracked already, seconds.
const NEW_S: f64 = 3.0;

/// A follower and the one ahead.
struct Pair<'a> {
    scene: &'a Scene<'a>,
    follower_ix: usize,
    follower: &'a Actor<'a>,
    ahead: &'a Actor<'a>,
    leader: Leader,
    closing_mps: f64,
}

/// Every motor vehicle above a speed with the one ahead of it.
fn pairs<'a>(scene: &'a Scene<'_>, min_speed_mps: f64, look_ahead_m: f64) -> impl Iterator<Item = Pair<'a>> {
    scene.actors.iter().enumerate().zip(&scene.leaders).filter_map(move |((follower_ix, follower), leader)| {
        let leader = leader.filter(|l| l.gap_m <= look_ahead_m)?;
        if follower.class != RoadUserClass::Motor || follower.speed_mps < min_speed_mps {
            return None;
        }
        let ahead = &scene.actors[leader.actor];
        let closing_mps = follower.speed_mps - if ahead.moves() { ahead.speed_mps } else { 0.0 };
        // Overlapping and as fast, or new and close behind: one body with two tracks.
        let new = follower.tracked_s.min(ahead.tracked_s) < NEW_S;
        let one_body = (leader.gap_m < -1.0 && closing_mps.abs() < 1.5) || (new && one_body(follower, ahead));
        let doubtful = follower.is_doubtful(scene.predict) || ahead.is_doubtful(scene.predict);
        (!one_body && !doubtful).then_some(Pair { scene, follower_ix, follower, ahead, leader, closing_mps })
    })
}

impl Pair<'_> {
    fn certain(&self) -> f64 {
        let there = self.ahead.track.existence.min(1.0) * self.ahead.in_way_factor();
        self.follower.motor_probability() * there * self.leader.probability
    }

    /// The probability that, after reacting, more than `bound_mps2` is needed, and what is needed.
    fn needs(&self, bound_mps2: f64) -> (f64, f64) {
        let (needs, per_mps) = needed_mps2(self.follower, self.ahead, self.leader.gap_m, self.scene.life.reaction_s);
        if self.closing_mps < 1.0 || self.sees() {
            return (0.0, needs);
        }
        let sigma = libm::hypot(per_mps * libm::hypot(self.follower.sigma_mps, self.ahead.sigma_mps), NEED_SIGMA_MPS2);
        (normal::above(needs, sigma, bound_mps2), needs)
    }

    /// Whether the follower already brakes about as much as it has to.
    fn sees(&self) -> bool {
        let (needs_now, _) = needed_mps2(self.follower, self.ahead, self.leader.gap_m, 0.0);
        let own = self.follower.acceleration_mps2;
        own < -0.5 && -own >= needs_now - SEEN_WITHIN_MPS2
    }

    fn proposal(&self, application: Application, level: Level, probability: f64, cause: Cause) -> Option<Proposal> {
        let s_m = (self.leader.gap_m + 0.5 * self.follower.length_m).max(0.0);
        let way = self.follower.paths.first()?;
        Some(Proposal {
            application,
            key: EventKey::pair(self.follower.event, self.ahead.event),
            level,
            at_once: false,
            probability,
            cause,
            about: vec![self.ahead.track.id],
            concerned: vec![self.scene.concerned(self.follower_ix)],
            spot: Spot::OnWay { actor: self.follower_ix, way: 0, s_m, at: way.pose(s_m).at },
            ways: Way::of_two((self.follower_ix, 0), (self.leader.actor, 0), self.time_s()),
            sensed_at: self.follower.track.measured_at.max(self.ahead.track.measured_at),
        })
    }

    fn closing(&self) -> Cause {
        let (gap_m, ahead_mps) = (self.leader.gap_m.max(0.0), self.ahead.speed_mps);
        Cause::Closing { gap_m, ahead_mps, closing_mps: self.closing_mps }
    }

    fn time_s(&self) -> f64 {
        self.leader.gap_m.max(0.0) / self.closing_mps.max(0.1)
    }
}

/// The deceleration that keeps the follower off the one ahead, given that both keep on from after `reaction_s`, and
/// how much it grows with the closing speed: (m/s², 1/s).
fn needed_mps2(follower: &Actor<'_>, ahead: &Actor<'_>, gap_m: f64, reaction_s: f64) -> (f64, f64) {
    let v = follower.speed_mps;
    let braking = (-ahead.acceleration_mps2).max(0.0);
    if braking > 1.0 && ahead.speed_mps > 1.0 {
        // The one ahead brakes to a stop: the follower has its stopping distance besides the gap.
        let room = gap_m - STANDING_GAP_M + ahead.speed_mps.powi(2) / (2.0 * braking) - v * reaction_s;
        let room = room.max(0.5);
        (v * v / (2.0 * room), v / room)
    } else {
        let closing = (v - ahead.speed_mps).max(0.0);
        let room = (gap_m - STANDING_GAP_M - closing * reaction_s).max(0.5);
        (closing * closing / (2.0 * room), closing / room)
    }
}

/// FCW: more deceleration is needed than drivers like to use.
pub(crate) fn forward_collision(scene: &Scene<'_>, config: &FcwConfig, least: f64, out: &mut Vec<Proposal>) {
    out.extend(pairs(scene, config.min_speed_mps, config.look_ahead_m).filter_map(|pair| {
        let (danger, needs_mps2) = pair.needs(config.needs_mps2);
        let probability = danger * pair.certain();
        let level = level::of(scene.life, pair.time_s(), needs_mps2).max(Level::Warning);
        (probability >= least).then(|| pair.proposal(Application::Fcw, level, probability, pair.closing()))?
    }));
}

/// LEAD_SPEED: the one ahead is much slower, and no queue that the driver expects explains it.
pub(crate) fn lead_speed(
    scene: &Scene<'_>,
    halts: &[Halt],
    config: &LeadSpeedConfig,
    least: f64,
    out: &mut Vec<Proposal>,
) {
    out.extend(pairs(scene, config.min_speed_mps, config.look_ahead_m).filter_map(|pair| {
        let expected = halts.get(pair.leader.actor) == Some(&Halt::Excused);
        if expected || pair.closing_mps < config.min_closing_mps {
            return None;
        }
        let probability = pair.needs(config.needs_mps2).0 * pair.certain();
        (probability >= least)
            .then(|| pair.proposal(Application::LeadSpeed, Level::Advice, probability, pair.closing()))?
    }));
}

/// EBW: the one ahead, or the one ahead of that, brakes suddenly.
pub(crate) fn emergency_brake(
    scene: &Scene<'_>,
    memory: &Memory,
    config: &EbwConfig,
    least: f64,
    out: &mut Vec<Proposal>,
) {
    for pair in pairs(scene, config.min_speed_mps, f64::INFINITY) {
        let direct = sudden(&pair, memory, config, config.gap_s);
        out.extend(direct.filter(|p| p.probability >= least));
        // The second behind cannot see it yet.
        let Some(second) = scene.leaders[pair.leader.actor] else { continue };
        let further = Leader {
            actor: second.actor,
            gap_m: pair.leader.gap_m + pair.ahead.length_m + second.gap_m,
            probability: pair.leader.probability * second.probability,
        };
        let ahead = &scene.actors[second.actor];
        let closing_mps = pair.follower.speed_mps - ahead.speed_mps;
        let behind = Pair { ahead, leader: further, closing_mps, ..pair };
        out.extend(sudden(&behind, memory, config, 2.0 * config.gap_s).filter(|p| p.probability >= least));
    }
}

fn sudden(pair: &Pair<'_>, memory: &Memory, config: &EbwConfig, gap_s: f64) -> Option<Proposal> {
    let ahead = pair.ahead;
    let reported = ahead.events().hard_braking;
    let drop_mps = memory.speed_drop_mps(ahead.track.id);
    let near = pair.leader.gap_m <= gap_s * pair.follower.speed_mps;
    if !near || (drop_mps < SUDDEN_DROP_MPS && !reported) || pair.sees() {
        return None;
    }
    let seen_mps2 = (-ahead.acceleration_mps2).max(0.0);
    let hard = normal::above(seen_mps2, 2.0 * NEED_SIGMA_MPS2, config.sudden_mps2);
    let (braking_mps2, hard) = if reported { (seen_mps2.max(REPORTED_MPS2), 1.0) } else { (seen_mps2, hard) };
    let (_, needs_mps2) = pair.needs(config.sudden_mps2);
    let level = level::of(pair.scene.life, pair.time_s(), needs_mps2).max(Level::Warning);
    let cause = Cause::Braking { gap_m: pair.leader.gap_m.max(0.0), braking_mps2 };
    pair.proposal(Application::Ebw, level, hard * pair.certain(), cause)
}
