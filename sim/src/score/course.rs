//! Whether two would have come into conflict had neither reacted to the other.
//!
//! Both go on at the speed of an instant along the way that they then took. Lights and kerbs are not reactions to somebody: who
//! came to stand at a red light, and who waited on foot, is taken to stand there.

use super::foresee::Trail;
use crate::outline::{Outline, overlap};
use crate::virtual_run::ONE_WAY;

/// How far ahead is looked, seconds, and how finely.
const HORIZON_S: f64 = 8.0;
const STEP_S: f64 = 0.2;
/// Post-encroachment times above this are not looked for, seconds.
const MOST_S: f64 = 3.0;
/// Slower than this somebody stands, metres per second.
const STANDS_MPS: f64 = 0.3;

/// The least post-encroachment time of both if they go on as they do at `at_s`, seconds: zero if they touch; `None`: none
/// within 3 s. Samples are `apart_s` apart.
pub(super) fn measure_s(a: &Trail, b: &Trail, at_s: f64, apart_s: f64) -> Option<f64> {
    let (a, b) = (course(a, at_s, apart_s)?, course(b, at_s, apart_s)?);
    let window = (MOST_S / STEP_S) as usize;
    let mut least: Option<usize> = None;
    for (i, one) in a.iter().enumerate() {
        let within = least.map_or(window, |least| least.saturating_sub(1));
        let from = i.saturating_sub(within);
        for (j, other) in b.iter().enumerate().take(i + within + 1).skip(from) {
            let lag = i.abs_diff(j);
            // Behind one another in one direction, the time between them is the headway.
            let counts = lag == 0 || one.along.dot(&other.along) < ONE_WAY;
            if counts && least.is_none_or(|least| lag < least) && overlap(one, other) {
                least = Some(lag);
            }
        }
    }
    least.map(|lag| lag as f64 * STEP_S)
}

/// The outlines of one who keeps the speed of an instant, step by step.
fn course(trail: &Trail, at_s: f64, apart_s: f64) -> Option<Vec<Outline>> {
    let from = trail.index(at_s, apart_s)?;
    let mps = trail.outlines[from].velocity.norm();
    let steps = (HORIZON_S / STEP_S) as usize;
    let mut course = Vec::with_capacity(steps + 1);
    // The sample that was passed last, and how far behind the present place it is.
    let (mut index, mut beyond_m) = (from, 0.0);
    for _ in 0..=steps {
        let here = trail.outlines[index];
        let next = trail.outlines.get(index + 1);
        course.push(match next {
            Some(next) => {
                let way_m = (next.centre - here.centre).norm();
                here.towards(next, (beyond_m / way_m.max(1e-9)).min(1.0))
            }
            None => Outline { centre: here.centre + here.along * beyond_m, ..here },
        });
        if mps < STANDS_MPS {
            continue;
        }
        beyond_m += mps * STEP_S;
        while let Some(next) = trail.outlines.get(index + 1) {
            let way_m = (next.centre - trail.outlines[index].centre).norm();
            let held = trail.held.get(index + 1).copied().unwrap_or(false) && next.velocity.norm() < STANDS_MPS;
            if held {
                beyond_m = 0.0;
                break;
            }
            if way_m > beyond_m {
                break;
            }
            beyond_m -= way_m;
            index += 1;
        }
    }
    Some(course)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_geo::{Point, Vector};

    const APART_S: f64 = 0.1;

    /// Drives east at 10 m/s from so far before the origin, braking at 4 m/s² from 2 s on.
    fn brakes(from_m: f64, held: bool) -> Trail {
        let (mut x, mut mps, mut trail) = (-from_m, 10.0_f64, Trail::default());
        for k in 0..100 {
            let velocity = Vector::x() * mps;
            trail.outlines.push(Outline {
                centre: Point::new(x, 0.0),
                along: Vector::x(),
                half_m: (2.0, 1.0),
                velocity,
            });
            trail.held.push(held);
            if k > 20 {
                mps = (mps - 0.4).max(0.0);
            }
            x += mps * APART_S;
        }
        trail
    }

    fn crosses(at_origin_s: f64) -> Trail {
        let outlines = (0..100).map(|k| Outline {
            centre: Point::new(0.0, 8.0 * (f64::from(k) * APART_S - at_origin_s)),
            along: Vector::y(),
            half_m: (2.0, 1.0),
            velocity: Vector::y() * 8.0,
        });
        Trail { outlines: outlines.collect(), held: vec![false; 100], from_s: 0.0 }
    }

    #[test]
    fn who_braked_would_have_met_the_other() {
        // At 10 m/s it would be at the origin after 4.5 s; it stands 8 m short of it.
        assert_eq!(measure_s(&brakes(45.0, false), &crosses(4.5), 1.5, APART_S), Some(0.0));
        let later_s = measure_s(&brakes(45.0, false), &crosses(6.2), 1.5, APART_S).unwrap();
        assert!((1.0..1.5).contains(&later_s), "outlines of 4 m take part of the 1.7 s: {later_s}");
        assert_eq!(measure_s(&brakes(45.0, false), &crosses(9.4), 1.5, APART_S), None);
    }

    #[test]
    fn who_stops_at_a_red_light_stops_there() {
        assert_eq!(measure_s(&brakes(45.0, true), &crosses(4.5), 1.5, APART_S), None);
    }

    #[test]
    fn a_headway_is_no_encroachment() {
        let (ahead, behind) = (brakes(30.0, false), brakes(45.0, false));
        assert_eq!(measure_s(&ahead, &behind, 1.5, APART_S), None);
    }
}
