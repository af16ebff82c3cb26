//! How near road users come to each other, from truth.
//!
//! - *Gap*: least distance of the two outlines, rectangles, metres.
//! - *Time to collision*: until the outlines touch if both keep velocity and direction (Hayward, "Near miss determination
//!   through use of a scale of danger", 1972), seconds; the least of all moments.
//! - *Post-encroachment time*: from one's leaving a spot to the other's reaching it (Allen, Shin, Cooper, "Analysis of
//!   traffic conflicts and collisions", 1978), seconds; the least over all spots that both cover. A spot is covered by an
//!   outline at some time of each, so this is the least |t - u| for which the one's outline at t overlaps the other's at
//!   u. It counts where the two cross or come head-on; behind one another in one direction it would be the headway.

use crate::outline::{Outline, gap_m, overlap, time_to_collision_s};
use crate::truth::TruthObject;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Post-encroachment times are measured up to this, seconds; that bounds what is remembered of each road user.
const TRAIL_S: f64 = 5.0;
/// Times to collision are looked for within this, seconds.
const HORIZON_S: f64 = 10.0;
/// Pairs farther apart than this are not looked at, metres.
const NEAR_M: f64 = 80.0;
/// Directions that differ by less are one direction: the cosine of twenty degrees.
pub(crate) const ONE_WAY: f64 = 0.94;
/// Moments between two steps at which a meeting is looked at.
const BETWEEN: u32 = 5;
/// Pairs kept; beyond that no new one is, and they are counted.
const MOST_PAIRS: usize = 100_000;

/// How near two road users came to each other; times in seconds from the start.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Encounter {
    /// Least distance of the outlines, metres, and when.
    pub gap_m: f64,
    /// When that was.
    pub gap_at_s: f64,
    /// Least time to collision, seconds.
    pub ttc_s: Option<f64>,
    /// When that was.
    pub ttc_at_s: Option<f64>,
    /// Least post-encroachment time, seconds; zero if they touched while crossing.
    pub pet_s: Option<f64>,
    /// When the second reached the spot.
    pub pet_at_s: Option<f64>,
    /// When they first touched.
    pub contact_s: Option<f64>,
}

impl Encounter {
    /// The moment that a warning should come before: the first touch, else the second's arrival where both were, else
    /// that of the least distance.
    #[must_use]
    pub fn moment_s(&self) -> f64 {
        self.contact_s.or(self.pet_at_s).unwrap_or(self.gap_at_s)
    }

    /// How near it was to a collision: the lesser of post-encroachment time and time to collision, seconds; zero for a
    /// touch, infinite if neither ever was.
    #[must_use]
    pub fn measure_s(&self) -> f64 {
        if self.contact_s.is_some() {
            return 0.0;
        }
        [self.pet_s, self.ttc_s].into_iter().flatten().fold(f64::INFINITY, f64::min)
    }

    /// When the conflict is: the first touch, else the second's arrival if the post-encroachment time is the lesser
    /// measure, else when both would have touched at the least time to collision, seconds from the start.
    #[must_use]
    pub fn conflict_s(&self) -> f64 {
        let pet_s = self.pet_s.unwrap_or(f64::INFINITY);
        let would_touch_s = self.ttc_at_s.zip(self.ttc_s).filter(|(_, ttc_s)| *ttc_s < pet_s).map(|(at_s, s)| at_s + s);
        self.contact_s.or(would_touch_s).or(self.pet_at_s).unwrap_or(self.gap_at_s)
    }
}

/// Encounters of some road users with each other and with everyone else.
#[derive(Debug, Clone, Default)]
pub struct EncounterBook {
    /// Those whose encounters are taken down; empty: everyone's.
    watched: Vec<u64>,
    pairs: BTreeMap<(u64, u64), Encounter>,
    trails: BTreeMap<u64, VecDeque<(f64, Outline)>>,
    /// Pairs that found no room.
    pub left_out: u64,
}

impl EncounterBook {
    /// A book on these road users; on everyone if there are none.
    #[must_use]
    pub fn on(mut watched: Vec<u64>) -> Self {
        watched.sort_unstable();
        Self { watched, ..Self::default() }
    }

    /// What was between two road users; `None`: never within 80 m of each other.
    #[must_use]
    pub fn between(&self, a: u64, b: u64) -> Option<&Encounter> {
        self.pairs.get(&(a.min(b), a.max(b)))
    }

    /// Every pair with its encounter, by number.
    pub fn all(&self) -> impl Iterator<Item = ((u64, u64), &Encounter)> {
        self.pairs.iter().map(|(pair, encounter)| (*pair, encounter))
    }

    /// Takes down the truth of a moment, seconds from the start; to be called step by step.
    pub fn look(&mut self, time_s: f64, truth: &[TruthObject]) {
        let watches = |id: u64| self.watched.is_empty() || self.watched.binary_search(&id).is_ok();
        for object in truth {
            let trail = self.trails.entry(object.id).or_default();
            trail.push_back((time_s, Outline::of(object)));
            while trail.front().is_some_and(|(at_s, _)| *at_s < time_s - TRAIL_S) {
                trail.pop_front();
            }
        }
        self.trails.retain(|_, trail| trail.back().is_some_and(|(at_s, _)| *at_s > time_s - TRAIL_S));
        for (place, a) in truth.iter().enumerate() {
            for b in &truth[place + 1..] {
                if (watches(a.id) || watches(b.id)) && (a.position - b.position).norm() < NEAR_M {
                    let pair = (a.id.min(b.id), a.id.max(b.id));
                    if self.pairs.len() >= MOST_PAIRS && !self.pairs.contains_key(&pair) {
                        self.left_out += 1;
                        continue;
                    }
                    let (Some(first), Some(second)) = (self.trails.get(&pair.0), self.trails.get(&pair.1)) else {
                        continue;
                    };
                    let encounter = self.pairs.entry(pair).or_insert(Encounter {
                        gap_m: f64::INFINITY,
                        gap_at_s: time_s,
                        ttc_s: None,
                        ttc_at_s: None,
                        pet_s: None,
                        pet_at_s: None,
                        contact_s: None,
                    });
                    encounter.look(time_s, first, second);
                }
            }
        }
    }
}

type Trail = VecDeque<(f64, Outline)>;

impl Encounter {
    fn look(&mut self, time_s: f64, first: &Trail, second: &Trail) {
        let (Some((_, a)), Some((_, b))) = (first.back(), second.back()) else { return };
        let gap_m = gap_m(a, b);
        if gap_m < self.gap_m {
            (self.gap_m, self.gap_at_s) = (gap_m, time_s);
        }
        if gap_m <= 0.0 {
            self.contact_s.get_or_insert(time_s);
        }
        let ttc_s = time_to_collision_s(a, b, HORIZON_S);
        if ttc_s.is_some_and(|ttc_s| self.ttc_s.is_none_or(|least_s| ttc_s < least_s)) {
            (self.ttc_s, self.ttc_at_s) = (ttc_s, Some(time_s));
        }
        for (earlier, later) in [(first, second), (second, first)] {
            if let Some((pet_s, at_s)) = encroachment(earlier, later, self.pet_s.unwrap_or(TRAIL_S)) {
                (self.pet_s, self.pet_at_s) = (Some(pet_s), Some(at_s));
            }
        }
    }
}

/// The time since `earlier` left a spot that `later` has come to since the step before, if it is less than `least_s`, and
/// when that was.
fn encroachment(earlier: &Trail, later: &Trail, mut least_s: f64) -> Option<(f64, f64)> {
    let (now_s, now) = later.back()?;
    lag(earlier, *now_s, now, least_s)?;
    let (before_s, before) = later.iter().rev().nth(1).unwrap_or(later.back()?);
    let mut found = None;
    for part in 0..=BETWEEN {
        let share = f64::from(part) / f64::from(BETWEEN);
        let at_s = before_s + (now_s - before_s) * share;
        if let Some(lag_s) = lag(earlier, at_s, &before.towards(now, share), least_s) {
            least_s = lag_s;
            found = Some((lag_s, at_s));
        }
    }
    found
}

/// How long before `at_s` a trail last covered part of an outline from another direction, if that is less than `least_s`.
fn lag(trail: &Trail, at_s: f64, outline: &Outline, least_s: f64) -> Option<f64> {
    let crosses = |there: &Outline| there.along.dot(&outline.along) < ONE_WAY;
    let mut newer: Option<&(f64, Outline)> = None;
    for sample in trail.iter().rev() {
        if at_s - sample.0 >= least_s {
            // The edge may lie between this moment and the newer one, but not below the least.
            return None;
        }
        if sample.0 <= at_s + 1e-9 && overlap(&sample.1, outline) {
            if !crosses(&sample.1) {
                return None;
            }
            let Some((newer_s, clear)) = newer else { return Some((at_s - sample.0).max(0.0)) };
            // Between the moment that covers it and the one that does not any more.
            let (mut low, mut high) = (0.0, 1.0);
            for _ in 0..6 {
                let middle = (low + high) / 2.0;
                if overlap(&sample.1.towards(clear, middle), outline) { low = middle } else { high = middle }
            }
            let left_s = sample.0 + (newer_s - sample.0) * low;
            return Some((at_s - left_s).max(0.0)).filter(|lag_s| *lag_s < least_s);
        }
        newer = Some(sample);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RoadUserKind;
    use jxz_geo::{Point, Vector};
    use jxz_units::Yaw;

    fn car(id: u64, at: (f64, f64), velocity: (f64, f64)) -> TruthObject {
        let kind = RoadUserKind::Car;
        TruthObject {
            id,
            kind,
            class: kind.class(),
            position: Point::new(at.0, at.1),
            velocity: Vector::new(velocity.0, velocity.1),
            yaw: Yaw::of_vector(velocity.0, velocity.1),
            extent_m: (4.0, 2.0),
            height_m: 1.5,
            acceleration_mps2: 0.0,
            vehicle: None,
            scripted: false,
        }
    }

    /// Two cars at 10 m/s over one crossing, the second's centre there `late_s` after the first's.
    fn crossing(late_s: f64) -> Encounter {
        let mut book = EncounterBook::on(vec![1]);
        for step in 0..200 {
            let time_s = f64::from(step) * 0.05;
            let (x, y) = (10.0 * (time_s - 4.0), 10.0 * (time_s - 4.0 - late_s));
            book.look(time_s, &[car(1, (x, 0.0), (10.0, 0.0)), car(2, (0.0, y), (0.0, 10.0))]);
        }
        *book.between(2, 1).unwrap()
    }

    #[test]
    fn who_crosses_behind_another_has_the_time_between_leaving_and_reaching() {
        // The first's rear leaves the other's path 0.3 s after its centre; the second's front comes 0.3 s before its own.
        for late_s in [1.0, 1.234, 2.0] {
            let met = crossing(late_s);
            assert!((met.pet_s.unwrap() - (late_s - 0.6)).abs() < 0.02, "{late_s}: {met:?}");
            assert!(met.contact_s.is_none() && met.gap_m > 0.5, "{met:?}");
        }
    }

    #[test]
    fn who_touches_has_none_left() {
        let met = crossing(0.3);
        assert_eq!((met.gap_m, met.pet_s), (0.0, Some(0.0)));
        assert!(met.ttc_s.unwrap() < 0.06 && (met.contact_s.unwrap() - 4.0).abs() < 0.1, "{met:?}");
    }

    #[test]
    fn behind_one_another_there_is_a_gap_and_no_encroachment() {
        let mut book = EncounterBook::default();
        for step in 0..100 {
            let time_s = f64::from(step) * 0.05;
            book.look(
                time_s,
                &[car(1, (10.0 * time_s, 0.0), (10.0, 0.0)), car(2, (10.0 * time_s - 14.0, 0.0), (10.0, 0.0))],
            );
        }
        let met = book.between(1, 2).unwrap();
        assert!((met.gap_m - 10.0).abs() < 1e-9 && met.ttc_s.is_none() && met.pet_s.is_none(), "{met:?}");
    }
}
