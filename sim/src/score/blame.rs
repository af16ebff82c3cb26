//! What a false alarm came from: tracks that were wrong, or right tracks of which too much was made.

use super::foresee::Trail;
use crate::outline::Outline;
use crate::truth::TruthObject;
use jxz_geo::{Point, Vector};
use jxz_world::{PredictedPath, Sources, Track, TrackId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A track farther outside of everybody's outline than this is nobody's, metres.
const NOBODYS_M: f64 = 3.0;
/// One farther outside of its road user's outline than this is misplaced, metres.
const MISPLACED_M: f64 = 1.0;
/// One whose velocity differs from its road user's by more than this has it wrong, metres per second.
const MISJUDGED_MPS: f64 = 2.0;
/// Who passes farther than this beside the way that they were supposed to take took another, metres.
const ANOTHER_WAY_M: f64 = 2.5;
/// Who is slower by this within so long slowed down, metres per second and seconds.
const SLOWED_MPS: f64 = 1.0;
const SLOWED_WITHIN_S: f64 = 4.0;

/// A track that an alarm names, beside the truth of the moment at which it was raised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// The track's number.
    pub track: TrackId,
    /// Whose it is: the road user whose outline is nearest; `None`: nobody's is within 3 m.
    pub road_user: Option<u64>,
    /// How far outside of that road user's outline it is, metres; zero inside.
    pub outside_m: f64,
    /// The difference of both velocities, metres per second.
    pub velocity_error_mps: f64,
    /// Whether its most probable class is that road user's.
    pub kind_is_right: bool,
    /// Whether another track of the site, an older one, is that road user's too.
    pub is_second: bool,
    /// For how long it had been tracked, seconds.
    pub age_s: f64,
    /// Where it was said to be, metres in the map's frame, and its velocity, metres per second.
    pub at: Point,
    /// See `at`.
    pub velocity: Vector,
    /// Length and width, metres, if measured.
    pub extent_m: Option<(f64, f64)>,
    /// What fed it lately.
    pub sources: Sources,
}

/// What a false alarm came from. Of several the first in this order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    /// A track of nobody: an image, clutter, one that was left behind.
    Nobody,
    /// A second track of one road user.
    Second,
    /// A track more than 1 m outside of its road user's outline.
    Place,
    /// A track whose velocity was more than 2 m/s wrong.
    Velocity,
    /// A road user taken for one of another kind.
    Kind,
    /// All tracks right, and somebody took another way than the supposed one.
    Way,
    /// All tracks and ways right, and somebody slowed down.
    Slowed,
    /// All tracks and ways right, and nobody slowed down: they pass each other.
    Passed,
}

impl Blame {
    /// Every one, in order.
    pub const ALL: [Self; 8] =
        [Self::Nobody, Self::Second, Self::Place, Self::Velocity, Self::Kind, Self::Way, Self::Slowed, Self::Passed];

    /// Its name in reports, `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Second => "second",
            Self::Place => "place",
            Self::Velocity => "velocity",
            Self::Kind => "kind",
            Self::Way => "way",
            Self::Slowed => "slowed",
            Self::Passed => "passed",
        }
    }

    /// What a false alarm that named these tracks, and supposed these ways of them, came from.
    pub(super) fn of(
        named: &[Named],
        paths: &[PredictedPath],
        trails: &BTreeMap<u64, Trail>,
        at_s: f64,
        apart_s: f64,
    ) -> Self {
        let any = |is: fn(&Named) -> bool| named.iter().any(is);
        let trail = |of: &Named| of.road_user.and_then(|id| trails.get(&id));
        let takes_another = |path: &PredictedPath| {
            let of = named.iter().find(|named| named.track == path.track);
            of.and_then(trail).is_some_and(|trail| leaves(trail, path, at_s, apart_s))
        };
        let slows = |of: &Named| trail(of).is_some_and(|trail| slows(trail, at_s, apart_s));
        if any(|of| of.road_user.is_none()) {
            Self::Nobody
        } else if any(|of| of.is_second) {
            Self::Second
        } else if any(|of| of.outside_m > MISPLACED_M) {
            Self::Place
        } else if any(|of| of.velocity_error_mps > MISJUDGED_MPS) {
            Self::Velocity
        } else if any(|of| !of.kind_is_right) {
            Self::Kind
        } else if paths.iter().any(takes_another) {
            Self::Way
        } else if named.iter().any(slows) {
            Self::Slowed
        } else {
            Self::Passed
        }
    }
}

/// The tracks of a site that are of these numbers, each beside the road user whose it is.
pub(super) fn named(numbers: &[TrackId], tracks: &[Track], truth: &[TruthObject]) -> Vec<Named> {
    let wanted = tracks.iter().filter(|track| numbers.contains(&track.id));
    let beside = |track: &Track| {
        let whose = whose(track, truth);
        let older = |other: &Track| (other.since, other.id) < (track.since, track.id);
        let of_same = |other: &Track| whose.is_some_and(|of| self::whose(other, truth).is_some_and(|o| o.id == of.id));
        let near = |other: &&Track| (other.position - track.position).norm() < 25.0;
        Named {
            track: track.id,
            road_user: whose.map(|of| of.id),
            outside_m: whose.map_or(NOBODYS_M, |of| Outline::of(of).distance_m(track.position)),
            velocity_error_mps: whose.map_or(0.0, |of| (of.velocity - track.velocity).norm()),
            kind_is_right: whose.is_none_or(|of| of.class == track.class.best().0),
            is_second: tracks.iter().filter(near).any(|other| older(other) && of_same(other)),
            age_s: track.valid_at.seconds_since(track.since),
            at: track.position,
            velocity: track.velocity,
            extent_m: track.extent_m,
            sources: track.sources,
        }
    };
    wanted.map(beside).collect()
}

/// The road user whose outline is nearest to a track, and of several that it is within, whose middle is.
pub(super) fn whose<'a>(track: &Track, truth: &'a [TruthObject]) -> Option<&'a TruthObject> {
    let near = truth.iter().filter(|object| (object.position - track.position).norm() < NOBODYS_M + object.extent_m.0);
    let measured = near.map(|object| {
        let middle_m = (object.position - track.position).norm();
        (Outline::of(object).distance_m(track.position), middle_m, object)
    });
    let nearest = measured.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    nearest.filter(|(outside_m, ..)| *outside_m <= NOBODYS_M).map(|(.., object)| object)
}

/// Whether somebody passes beside the way that was supposed.
fn leaves(trail: &Trail, path: &PredictedPath, at_s: f64, apart_s: f64) -> bool {
    let Some(from) = trail.index(at_s, apart_s) else { return false };
    let line = &trail.outlines[from..];
    let Some(last) = line.last() else { return false };
    // Beyond the end of what is known nothing is said.
    let known = |point: &&Point| last.along.dot(&(*point - last.centre)) < 0.0;
    let aside_m =
        |point: &Point| line.iter().map(|outline| (outline.centre - point).norm()).fold(f64::INFINITY, f64::min);
    path.points.iter().filter(known).any(|point| aside_m(point) > ANOTHER_WAY_M)
}

fn slows(trail: &Trail, at_s: f64, apart_s: f64) -> bool {
    let Some(from) = trail.index(at_s, apart_s) else { return false };
    let mps = trail.outlines[from].velocity.norm();
    let within = trail.outlines[from..].iter().take((SLOWED_WITHIN_S / apart_s) as usize);
    within.into_iter().any(|later| later.velocity.norm() < mps - SLOWED_MPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const APART_S: f64 = 0.1;

    fn right(road_user: u64) -> Named {
        Named {
            track: TrackId(road_user),
            road_user: Some(road_user),
            outside_m: 0.0,
            velocity_error_mps: 0.3,
            kind_is_right: true,
            is_second: false,
            age_s: 4.0,
            at: Point::origin(),
            velocity: Vector::zeros(),
            extent_m: None,
            sources: Sources::default(),
        }
    }

    /// East at a speed that changes, turning to the north where it has gone so far.
    fn trail(mps: impl Fn(f64) -> f64, turns_m: f64) -> Trail {
        let mut gone_m = 0.0;
        let outlines: Vec<Outline> = (0..80)
            .map(|k| {
                let mps = mps(f64::from(k) * APART_S);
                gone_m += mps * APART_S;
                let along = if gone_m < turns_m { Vector::x() } else { Vector::y() };
                let centre = Point::new(gone_m.min(turns_m), (gone_m - turns_m).max(0.0));
                Outline { centre, along, half_m: (2.0, 1.0), velocity: along * mps }
            })
            .collect();
        Trail { from_s: 0.0, held: vec![false; outlines.len()], outlines }
    }

    fn east() -> PredictedPath {
        PredictedPath { track: TrackId(1), points: (0..8).map(|k| Point::new(f64::from(k) * 5.0, 0.0)).collect() }
    }

    #[test]
    fn the_first_fault_in_order_counts() {
        let trails = BTreeMap::from([(1, trail(|_| 10.0, 1e9)), (2, trail(|_| 10.0, 1e9))]);
        let of = |named: &[Named]| Blame::of(named, &[east()], &trails, 0.0, APART_S);
        assert_eq!(of(&[right(1), right(2)]), Blame::Passed);
        assert_eq!(of(&[right(1), Named { kind_is_right: false, ..right(2) }]), Blame::Kind);
        let misjudged = Named { velocity_error_mps: 2.5, kind_is_right: false, ..right(2) };
        assert_eq!(of(&[right(1), misjudged.clone()]), Blame::Velocity);
        assert_eq!(of(&[Named { outside_m: 1.5, ..right(1) }, misjudged.clone()]), Blame::Place);
        assert_eq!(of(&[misjudged.clone(), Named { is_second: true, ..right(1) }]), Blame::Second);
        assert_eq!(of(&[misjudged, Named { road_user: None, ..right(1) }]), Blame::Nobody);
    }

    #[test]
    fn right_tracks_are_told_apart_by_what_the_road_users_then_did() {
        for (mps, turns_m, expected) in [
            ((|_| 10.0) as fn(f64) -> f64, 1e9, Blame::Passed),
            (|t| (10.0 - 3.0 * t).max(2.0), 1e9, Blame::Slowed),
            (|t| (10.0 - 3.0 * t).max(5.0), 15.0, Blame::Way),
        ] {
            let trails = BTreeMap::from([(1, trail(mps, turns_m))]);
            assert_eq!(Blame::of(&[right(1)], &[east()], &trails, 0.0, APART_S), expected);
        }
    }
}
