//! Whether two road users meet: one predictor for every application.
//!
//! The second road user's outline is carried along its way and seen from the first one's: distance along and offset.
//! While the offset is less than half of both outlines' width, the first must not be where the second is. Both
//! distances along are uncertain with a spread that grows with time; their difference in units of that spread is
//! one standard normal number, so the probability of meeting is the measure of the interval of that number for
//! which the outlines touch at some instant. Distances are between outlines throughout, never between centres.

use crate::actor::{Actor, MAX_STEPS, TIME_STEP_S};
use crate::config::PredictConfig;
use crate::normal;
use crate::path::{DISC_STEPS, Path};
use crate::roads::Pose;
use jxz_geo::{Point, Vector};

/// Who is farther aside of a swath than this does not touch, 1-sigma.
const ASIDE_SIGMAS: f64 = 2.1;

/// Instants, a tenth of a second apart, at which outlines are held against each other.
const LOOKS: usize = 21;
/// More than rounding makes of a distance on an island, metres.
pub(crate) const ROUNDING_M: f64 = 1e-6;

/// Two road users on one way each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pairing<'a> {
    pub(crate) a: &'a Actor<'a>,
    pub(crate) way_a: &'a Path,
    pub(crate) b: &'a Actor<'a>,
    pub(crate) way_b: &'a Path,
}

/// How two road users would meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Meeting {
    /// Probability that the outlines touch (or miss by less than the margin), given both ways.
    pub(crate) probability: f64,
    /// When the first of the two gets to where they would meet, seconds from now.
    pub(crate) first_s: f64,
    /// When the second does.
    pub(crate) second_s: f64,
    /// From the first leaving to the second arriving; below zero: overlap.
    pub(crate) post_encroachment_s: f64,
    /// Where, along the first road user's way, metres.
    pub(crate) s_m: f64,
    /// Where on the ground.
    pub(crate) at: Point,
    /// About when both are nearest, seconds from now, and how near their outlines are at that time step, metres.
    pub(crate) nearest_s: f64,
    pub(crate) nearest_m: f64,
    /// Both go the same way in the same swath already: one follows the other.
    pub(crate) following: bool,
    /// The outlines overlap already.
    pub(crate) touching: bool,
    /// Cosine of the angle between both directions where they are nearest: 1 the same, -1 head-on.
    pub(crate) cos: f64,
    /// Distance along the second road user's way there, metres.
    pub(crate) s_b_m: f64,
}

/// What is seen of the second road user from the first one's way at one instant.
#[derive(Debug, Clone, Copy)]
struct Seen {
    s_m: f64,
    offset_m: f64,
    /// Half of both widths across, and half of both lengths along, the first one's way.
    half_across_m: f64,
    half_along_m: f64,
    cos: f64,
    sin: f64,
}

impl Pairing<'_> {
    /// How the two would meet within `steps`; `None` if their ways keep apart.
    pub(crate) fn meet(&self, steps: usize, margin_s: f64) -> Option<Meeting> {
        let steps = steps.min(MAX_STEPS - 1).min(self.way_a.timed.len() - 1).min(self.way_b.timed.len() - 1);
        if !self.ever_near(steps, margin_s) {
            return None;
        }
        let (a, b) = (self.a, self.b);
        let wander = |actor: &Actor<'_>, way: &Path| {
            if way.lanes.is_empty() && actor.moves() { actor.sigma_mps * actor.sigma_mps } else { 0.0 }
        };
        let wander_square = wander(a, self.way_a) + wander(b, self.way_b);
        // Radars are surer of how far away one is than of how far aside.
        let mut hint = self.way_a.start_hint(b.at);
        let left = self.way_a.points[hint].left();
        let still_square = a.variance_m2(left) + b.variance_m2(left);
        let still_m = still_square.sqrt();
        let across_sigma_m = |k: usize| {
            let t = k as f64 * TIME_STEP_S;
            if wander_square > 0.0 { (still_square + wander_square * t * t).sqrt() } else { still_m }
        };
        let mut interval = Interval::default();
        let mut zone = Zone::default();
        let mut start = None;
        // The most that the second one's outline is across the first one's way, whatever its direction.
        let most_across_m = 0.5 * (a.width_m + b.length_m + b.width_m) + ASIDE_SIGMAS * across_sigma_m(steps);
        let mut k = 0;
        while k <= steps {
            let seen = self.see(k, &mut hint);
            start = start.or(Some(seen));
            zone.take(k, &seen, a.travel_m[k]);
            let now = k;
            k += 1;
            // Φ is the dear part: most instants are so far aside that it need not be asked, and the next ones neither.
            let aside_m = seen.offset_m.abs();
            let across = if aside_m > seen.half_across_m + ASIDE_SIGMAS * across_sigma_m(now) {
                let away_m = aside_m - most_across_m;
                let enters = b.travel_m[now..=steps].partition_point(|m| m - b.travel_m[now] < 0.9 * away_m);
                k = k.max(now + enters.saturating_sub(1));
                0.0
            } else {
                normal::between(seen.offset_m, across_sigma_m(now), -seen.half_across_m, seen.half_across_m)
            };
            if across < 0.02 {
                interval.leave();
                continue;
            }
            let gap_m = seen.s_m - a.travel_m[now];
            // Behind one another the time between them is a headway, and head-on they meet or do not.
            let margin_m = seen.half_along_m + margin_s * a.speed_mps * seen.sin.abs();
            let shifted_m = b.spread_m[now] * self.shift_per_metre(&seen);
            let per_sigma = 1.0 / root_sum_square([a.spread_m[now], shifted_m]).max(0.05);
            interval.take((gap_m - margin_m) * per_sigma, (gap_m + margin_m) * per_sigma, across);
        }
        let probability = interval.total();
        (probability > 1e-3).then(|| zone.meeting(self, start, probability))
    }

    /// Whether, at some instant, the two are so near that what they may be ahead or behind of their nominal places lets
    /// them touch. Cheaper than looking along the ways: discs over a second each first, then instants.
    fn ever_near(&self, steps: usize, margin_s: f64) -> bool {
        let Self { a, way_a, b, way_b } = *self;
        let margin_m = margin_s * a.speed_mps;
        let (off_a, off_b) = (way_a.lanes.is_empty(), way_b.lanes.is_empty());
        let near = |k: usize| {
            let reach_m = a.touch_m(off_a, k) + b.touch_m(off_b, k) + margin_m;
            (way_a.timed[k].at - way_b.timed[k].at).norm_squared() <= reach_m * reach_m
        };
        (0..=steps).step_by(DISC_STEPS).any(|from| {
            let (disc_a, disc_b) = (&way_a.discs[from / DISC_STEPS], &way_b.discs[from / DISC_STEPS]);
            disc_a.is_near(disc_b, margin_m) && (from..(from + DISC_STEPS).min(steps + 1)).any(near)
        })
    }

    fn see(&self, k: usize, hint: &mut usize) -> Seen {
        let pose = self.way_b.timed[k];
        let (s_m, offset_m) = self.way_a.foot(pose.at, hint);
        let dir = self.way_a.points[*hint].dir;
        let (cos, sin) = (dir.dot(&pose.dir), dir.perp(&pose.dir));
        let (length, width) = (0.5 * self.b.length_m, 0.5 * self.b.width_m);
        Seen {
            s_m,
            offset_m,
            half_across_m: 0.5 * self.a.width_m + length * sin.abs() + width * cos.abs(),
            half_along_m: 0.5 * self.a.length_m + length * cos.abs() + width * sin.abs(),
            cos,
            sin,
        }
    }

    /// How far along the first one's way one metre of the second one's along its own moves their meeting.
    fn shift_per_metre(&self, seen: &Seen) -> f64 {
        if self.b.moves() { seen.cos.abs().max(seen.sin.abs() * self.a.speed_mps / self.b.speed_mps) } else { 1.0 }
    }

    /// Whether the two pass each other clearly at the speeds of now: long one after the other, or farther apart than the
    /// margin is where they cross. The probability of a meeting alone counts what either might yet do.
    pub(crate) fn passes_clear(&self, meeting: &Meeting, margin_s: f64, config: &PredictConfig) -> bool {
        if meeting.post_encroachment_s > config.clear_s {
            return true;
        }
        let sigma_m = |actor: &Actor<'_>| actor.sigma_m + 0.5 * actor.sigma_mps * meeting.nearest_s;
        let sin = (1.0 - meeting.cos * meeting.cos).max(0.0).sqrt();
        let crossing_m = margin_s * self.a.speed_mps.max(self.b.speed_mps) * sin;
        let clear_m = config.clear_m + crossing_m + sigma_m(self.a) + sigma_m(self.b);
        // Between time steps they only come nearer.
        meeting.nearest_m > clear_m && self.closest_m(meeting.nearest_s) > clear_m
    }

    /// The least distance between the outlines around an instant, metres, at the nominal speeds.
    pub(crate) fn closest_m(&self, around_s: f64) -> f64 {
        let from = (around_s - 1.0).max(0.0);
        let size = |actor: &Actor<'_>| (actor.length_m, actor.width_m);
        let poses: [(Pose, Pose); LOOKS] = core::array::from_fn(|i| {
            let t = from + i as f64 * 0.1;
            (self.way_a.pose(self.a.travel_at(t)), self.way_b.pose(self.b.travel_at(t)))
        });
        let apart_m = |(a, b): &(Pose, Pose)| boxes_apart_m(*a, size(self.a), *b, size(self.b));
        let square = |(a, b): &(Pose, Pose)| (a.at - b.at).norm_squared();
        // Where the centres are nearest the outlines nearly are: at most other instants the centres alone are too far.
        let nearest = poses.iter().min_by(|x, y| square(x).total_cmp(&square(y)));
        let least_m = nearest.map_or(f64::INFINITY, apart_m);
        let reach_m = half_diagonal_m(self.a) + half_diagonal_m(self.b) + least_m + ROUNDING_M;
        let others = poses.iter().filter(|pair| square(pair) <= reach_m * reach_m);
        others.map(apart_m).fold(least_m, f64::min)
    }
}

fn half_diagonal_m(actor: &Actor<'_>) -> f64 {
    0.5 * root_sum_square([actor.length_m, actor.width_m])
}

/// The union, over the instants at which the second is in the first one's swath, of the standard normal numbers
/// that make them touch. It is one interval as long as the second stays in the swath.
#[derive(Debug, Default)]
struct Interval {
    open: Option<(f64, f64, f64)>,
    sum: f64,
}

impl Interval {
    fn take(&mut self, low: f64, high: f64, weight: f64) {
        self.open = Some(match self.open {
            Some((l, h, w)) => (l.min(low), h.max(high), w.max(weight)),
            None => (low, high, weight),
        });
    }

    fn leave(&mut self) {
        if let Some((low, high, weight)) = self.open.take() {
            self.sum += normal::between(0.0, 1.0, low, high) * weight;
        }
    }

    fn total(mut self) -> f64 {
        self.leave();
        self.sum.min(1.0)
    }
}

/// Where and when the second road user is in the first one's swath.
#[derive(Debug)]
struct Zone {
    entered_s: Option<f64>,
    left_s: f64,
    s_low_m: f64,
    s_high_m: f64,
    /// (square of the least outline distance so far, its time step, the distance along there)
    nearest: (f64, usize, f64),
    /// The cosine of the directions there.
    cos: f64,
    /// How far outside of the swath the second one was a step before, metres.
    last: Option<f64>,
}

impl Default for Zone {
    fn default() -> Self {
        let s_low_m = f64::INFINITY;
        Self {
            entered_s: None,
            left_s: 0.0,
            s_low_m,
            s_high_m: -s_low_m,
            nearest: (s_low_m, 0, 0.0),
            cos: 1.0,
            last: None,
        }
    }
}

impl Zone {
    fn take(&mut self, k: usize, seen: &Seen, travel_m: f64) {
        let t = k as f64 * TIME_STEP_S;
        let outside = seen.offset_m.abs() - seen.half_across_m;
        // The instant within the step at which the swath's edge is crossed.
        let crossing = self.last.map(|last| t - TIME_STEP_S * (outside / (outside - last)).clamp(0.0, 1.0));
        let was_inside = self.last.is_some_and(|last| last <= 0.0);
        if outside <= 0.0 {
            if self.entered_s.is_none() {
                self.entered_s = Some(crossing.unwrap_or(0.0));
            }
            self.left_s = t;
            self.s_low_m = self.s_low_m.min(seen.s_m - seen.half_along_m);
            self.s_high_m = self.s_high_m.max(seen.s_m + seen.half_along_m);
        } else if was_inside {
            self.left_s = crossing.unwrap_or(t);
        }
        self.last = Some(outside);
        let along = ((seen.s_m - travel_m).abs() - seen.half_along_m).max(0.0);
        let aside = outside.max(0.0);
        let apart_square = along * along + aside * aside;
        if apart_square < self.nearest.0 {
            self.nearest = (apart_square, k, seen.s_m);
            self.cos = seen.cos;
        }
    }

    fn meeting(&self, pairing: &Pairing<'_>, start: Option<Seen>, probability: f64) -> Meeting {
        let nearest_s = self.nearest.1 as f64 * TIME_STEP_S;
        let (b_in, b_out) = self.entered_s.map_or((nearest_s, nearest_s), |entered| (entered, self.left_s));
        let (low, high) =
            if self.entered_s.is_some() { (self.s_low_m, self.s_high_m) } else { (self.nearest.2, self.nearest.2) };
        let (a_in, a_out) = (time_at(pairing.a, low), time_at(pairing.a, high));
        let overlap = self.nearest.0 <= 0.0;
        let apart_s = (b_in - a_out).max(a_in - b_out);
        let same_way = |seen: Seen| seen.cos > 0.7 && seen.offset_m.abs() < seen.half_across_m;
        let touching = |seen: Seen| seen.offset_m.abs() < seen.half_across_m && seen.s_m.abs() < seen.half_along_m;
        // One who walks or drives along the other's way is met where they touch, not where the swath begins.
        let (first_s, second_s) = if overlap && start.is_some_and(|s| s.offset_m.abs() < s.half_across_m) {
            (nearest_s, nearest_s)
        } else {
            (a_in.min(b_in), a_in.max(b_in))
        };
        Meeting {
            probability,
            first_s: first_s.max(0.0),
            second_s: second_s.max(0.0),
            post_encroachment_s: if overlap { apart_s.min(0.0) } else { apart_s },
            s_m: self.nearest.2,
            at: pairing.way_a.pose(self.nearest.2).at,
            nearest_s,
            nearest_m: self.nearest.0.sqrt(),
            following: start.is_some_and(same_way),
            touching: start.is_some_and(touching),
            cos: self.cos,
            s_b_m: pairing.b.travel_m[self.nearest.1],
        }
    }
}

/// `hypot` guards against overflow that cannot be here, at several times the price.
fn root_sum_square<const N: usize>(values: [f64; N]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// When a road user has travelled `s_m`, seconds; the horizon's end if it does not get there.
fn time_at(actor: &Actor<'_>, s_m: f64) -> f64 {
    let k = actor.travel_m.partition_point(|travel| *travel < s_m);
    if k == 0 {
        0.0
    } else if k >= MAX_STEPS {
        MAX_STEPS as f64 * TIME_STEP_S
    } else {
        let (before, after) = (actor.travel_m[k - 1], actor.travel_m[k]);
        ((k - 1) as f64 + (s_m - before) / (after - before).max(1e-9)) * TIME_STEP_S
    }
}

/// The distance between two boxes (centre and direction; length and width), metres; zero if they overlap.
pub(crate) fn boxes_apart_m(a: Pose, size_a: (f64, f64), b: Pose, size_b: (f64, f64)) -> f64 {
    let corners = |pose: Pose, size: (f64, f64)| {
        let (along, aside) = (pose.dir * (0.5 * size.0), pose.left() * (0.5 * size.1));
        [pose.at + along + aside, pose.at - along + aside, pose.at - along - aside, pose.at + along - aside]
    };
    let (corners_a, corners_b) = (corners(a, size_a), corners(b, size_b));
    let axes = [a.dir, a.left(), b.dir, b.left()];
    let separated = axes.into_iter().any(|axis| {
        let span = |corners: &[Point; 4]| {
            let along = corners.map(|c| c.coords.dot(&axis));
            (along.into_iter().fold(f64::INFINITY, f64::min), along.into_iter().fold(f64::NEG_INFINITY, f64::max))
        };
        let ((low_a, high_a), (low_b, high_b)) = (span(&corners_a), span(&corners_b));
        low_a > high_b || low_b > high_a
    });
    if !separated {
        return 0.0;
    }
    let from_corners = |of: &[Point; 4], to: &[Point; 4]| {
        let mut least = f64::INFINITY;
        for corner in of {
            for i in 0..4 {
                least = least.min(to_segment_square(*corner, to[i], to[(i + 1) % 4]));
            }
        }
        least
    };
    from_corners(&corners_a, &corners_b).min(from_corners(&corners_b, &corners_a)).sqrt()
}

/// The square of a point's distance from a segment, m².
fn to_segment_square(point: Point, from: Point, to: Point) -> f64 {
    let d: Vector = to - from;
    let u = ((point - from).dot(&d) / d.norm_squared().max(1e-12)).clamp(0.0, 1.0);
    (point - (from + d * u)).norm_squared()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_between_boxes_are_those_of_plane_geometry() {
        let east = |x, y| Pose { at: Point::new(x, y), dir: Vector::x() };
        assert!((boxes_apart_m(east(0.0, 0.0), (4.0, 2.0), east(10.0, 0.0), (4.0, 2.0)) - 6.0).abs() < 1e-12);
        assert_eq!(boxes_apart_m(east(0.0, 0.0), (4.0, 2.0), east(3.0, 1.0), (4.0, 2.0)), 0.0);
        // Corner to corner: 3 along and 4 across.
        assert!((boxes_apart_m(east(0.0, 0.0), (4.0, 2.0), east(7.0, 6.0), (4.0, 2.0)) - 5.0).abs() < 1e-12);
        // A box on its corner points its diagonal half at the other: 5 - 1 - √2.
        let turned = Pose { at: Point::new(5.0, 0.0), dir: Vector::new(1.0, 1.0).normalize() };
        let apart = boxes_apart_m(east(0.0, 0.0), (2.0, 2.0), turned, (2.0, 2.0));
        assert!((apart - (4.0 - core::f64::consts::SQRT_2)).abs() < 1e-9, "{apart}");
    }
}
