//! From when on a conflict was bound to come.

use super::{CONFLICT_S, course};
use crate::outline::Outline;

/// How far back is looked, seconds.
const LONGEST_S: f64 = 8.0;
/// So long before the moment the first of the two may have passed the place, seconds.
const PASSED_S: f64 = 3.0;
/// Who is nearer to the other's line by this has begun to move over, metres.
const MOVED_M: f64 = 0.3;

/// One road user's outlines, at equal times apart.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail {
    /// When the first was, seconds.
    pub(super) from_s: f64,
    pub(super) outlines: Vec<Outline>,
    /// Whether it would stand there for nobody's sake: before a red light, or on foot.
    pub(super) held: Vec<bool>,
}

impl Trail {
    /// The number of the sample at a time.
    pub(super) fn index(&self, at_s: f64, apart_s: f64) -> Option<usize> {
        let index = ((at_s - self.from_s) / apart_s).round();
        (index >= 0.0 && index < self.outlines.len() as f64).then_some(index as usize)
    }

    /// The sample nearest to a time.
    pub(super) fn nearest(&self, at_s: f64, apart_s: f64) -> Option<&Outline> {
        let last = self.outlines.len().checked_sub(1)?;
        let index = ((at_s - self.from_s) / apart_s).round().clamp(0.0, last as f64);
        self.outlines.get(index as usize)
    }
}

/// How long before `moment_s` the conflict of both was foreseeable, seconds: the stretch before it over which they would
/// have come into conflict had both gone on as they did. Samples are `apart_s` apart.
pub(super) fn foreseeable_s(a: &Trail, b: &Trail, moment_s: f64, apart_s: f64) -> f64 {
    let mut foreseeable = 0.0;
    for back in 1..=(LONGEST_S / apart_s) as usize {
        let back_s = back as f64 * apart_s;
        let bound = course::measure_s(a, b, moment_s - back_s, apart_s).is_some_and(|s| s < CONFLICT_S);
        if bound {
            foreseeable = back_s;
        } else if foreseeable > 0.0 || back_s > PASSED_S {
            break;
        }
    }
    foreseeable
}

/// How long before `moment_s` one of two who drove side by side began to move over, seconds: nobody can know before.
pub(super) fn moved_over_s(a: &Trail, b: &Trail, moment_s: f64, apart_s: f64) -> f64 {
    let aside_m = |back: usize| {
        let at_s = moment_s - back as f64 * apart_s;
        let (a, b) = (&a.outlines[a.index(at_s, apart_s)?], &b.outlines[b.index(at_s, apart_s)?]);
        Some(b.along.perp(&(a.centre - b.centre)).abs())
    };
    let asides: Vec<f64> = (0..=(LONGEST_S / apart_s) as usize).map_while(aside_m).collect();
    let most_m = asides.iter().copied().fold(0.0, f64::max);
    let began = asides.iter().position(|m| *m > most_m - MOVED_M).unwrap_or(0);
    began as f64 * apart_s
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_geo::{Point, Vector};

    const APART_S: f64 = 0.1;

    fn moving(speed_at: impl Fn(f64) -> f64, from: Point, along: Vector) -> Trail {
        let mut at = from;
        let outlines = (0..100)
            .map(|step| {
                let mps = speed_at(f64::from(step) * APART_S);
                at += along * (mps * APART_S);
                Outline { centre: at, along, half_m: (1.0, 0.5), velocity: along * mps }
            })
            .collect();
        Trail { from_s: 0.0, held: vec![false; 100], outlines }
    }

    #[test]
    fn two_who_keep_their_speed_are_foreseen_from_the_start() {
        let east = moving(|_| 10.0, Point::new(-80.0, 0.0), Vector::x());
        let north = moving(|_| 8.0, Point::new(0.0, -64.0), Vector::y());
        assert!(foreseeable_s(&east, &north, 8.0, APART_S) > 7.5);
    }

    #[test]
    fn who_steps_out_is_foreseen_from_the_step() {
        let east = moving(|_| 10.0, Point::new(-80.0, 0.0), Vector::x());
        let walker = moving(|t| if t < 6.5 { 0.0 } else { 1.5 }, Point::new(0.0, -2.25), Vector::y());
        let seen_s = foreseeable_s(&east, &walker, 8.0, APART_S);
        assert!((seen_s - 1.4).abs() < 0.25, "{seen_s}");
    }

    #[test]
    fn a_follower_is_in_no_conflict_until_the_one_ahead_brakes() {
        let ahead = moving(
            |t| if t < 5.0 { 10.0 } else { (10.0 - 7.0 * (t - 5.0)).max(0.0) },
            Point::new(0.0, 0.0),
            Vector::x(),
        );
        let behind = moving(|_| 10.0, Point::new(-14.0, 0.0), Vector::x());
        // It stands 7 m on after 1.43 s; the other touches it when it has gone 12 + 7 m and more.
        let seen_s = foreseeable_s(&ahead, &behind, 6.9, APART_S);
        assert!((1.2..2.0).contains(&seen_s), "{seen_s}");
    }

    #[test]
    fn who_changes_lanes_is_foreseen_from_the_change() {
        let other = moving(|_| 10.0, Point::new(0.0, 0.0), Vector::x());
        let mut changes = moving(|_| 10.0, Point::new(1.0, 3.5), Vector::x());
        for (k, outline) in changes.outlines.iter_mut().enumerate() {
            outline.centre.y -= (k as f64 * APART_S - 6.0).clamp(0.0, 3.0);
        }
        let began_s = moved_over_s(&changes, &other, 8.5, APART_S);
        assert!((began_s - 2.2).abs() < 0.25, "{began_s}");
    }

    #[test]
    fn who_stands_in_the_way_is_foreseen_however_long_it_stands() {
        let east = moving(|_| 10.0, Point::new(-80.0, 0.0), Vector::x());
        let stands = moving(|_| 0.0, Point::new(0.0, 0.0), Vector::x());
        assert!(foreseeable_s(&east, &stands, 7.9, APART_S) > 7.5);
    }
}
