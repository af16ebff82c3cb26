//! Where lines meet.

use jxz_geo::{Point, Polyline};

/// Distances along `a` and along `b` at which they cross, in order along `a`.
pub(crate) fn intersections(a: &Polyline, b: &Polyline) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64)> = Vec::new();
    let mut at_a = 0.0;
    for p in a.points().windows(2) {
        let length_a = (p[1] - p[0]).norm();
        let mut at_b = 0.0;
        for q in b.points().windows(2) {
            let length_b = (q[1] - q[0]).norm();
            if let Some((t, u)) = crossing((p[0], p[1]), (q[0], q[1])) {
                let found = (at_a + t * length_a, at_b + u * length_b);
                if out.last().is_none_or(|last| (last.0 - found.0).abs() > 1e-3) {
                    out.push(found);
                }
            }
            at_b += length_b;
        }
        at_a += length_a;
    }
    out.sort_by(|x, y| x.0.total_cmp(&y.0));
    out
}

/// Fractions along two segments at which they cross.
fn crossing(p: (Point, Point), q: (Point, Point)) -> Option<(f64, f64)> {
    let (d, e, w) = (p.1 - p.0, q.1 - q.0, q.0 - p.0);
    let den = d.x * e.y - d.y * e.x;
    if den.abs() < 1e-12 {
        return None;
    }
    let (t, u) = ((w.x * e.y - w.y * e.x) / den, (w.x * d.y - w.y * d.x) / den);
    ((0.0..=1.0).contains(&t) && (0.0..=1.0).contains(&u)).then_some((t, u))
}
