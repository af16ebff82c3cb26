//! A polyline as OpenDRIVE's reference line: lines, with a short parabola over each corner.

use crate::xml::{Value, Xml};
use jxz_geo::{Point, Polyline, Vector};

/// From a corner to the ends of its parabola, metres, where the line has room: the corner itself is then missed by
/// half of that times the sine of half the change of direction, 1.7 cm at 4 degrees.
const REACH_M: f64 = 1.0;
/// Points that lie this near to the line between their neighbours say nothing, metres.
const STRAIGHT_M: f64 = 0.005;
/// What is left of a line between two parabolas is not written if it is shorter, metres.
const SHORTEST_M: f64 = 1e-5;
/// Changes of direction smaller than this stay as they are, radians.
const STRAIGHT_RAD: f64 = 1e-7;

/// One piece of a reference line.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    start: Point,
    along: Vector,
    length_m: f64,
    /// The parabola's end in its own coordinates (along and left of its beginning) and its reach; `None`: a line.
    bend: Option<(f64, f64, f64)>,
}

/// A reference line, ready to be written.
pub(super) struct PlanView {
    pieces: Vec<Piece>,
    length_m: f64,
}

impl PlanView {
    /// The direction is continuous, so that lanes beside the line are too; OpenDRIVE lets a line have no corners.
    pub(super) fn of(line: &Polyline) -> Self {
        let points = essential(line.points());
        let steps: Vec<Vector> = points.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let lengths: Vec<f64> = steps.iter().map(|step| step.norm()).collect();
        let mut pieces = Vec::with_capacity(2 * steps.len());
        let mut taken_m = 0.0;
        for (k, step) in steps.iter().enumerate() {
            let along = step / lengths[k];
            let next = steps.get(k + 1).map(|next| next / lengths[k + 1]);
            let bend = next.and_then(|next| {
                let (cos, sin) = (along.dot(&next), along.x * next.y - along.y * next.x);
                let reach_m = REACH_M.min(0.5 * lengths[k]).min(0.5 * lengths[k + 1]);
                (sin.abs() > STRAIGHT_RAD || cos < 0.0).then_some((cos, sin, reach_m))
            });
            let reach_m = bend.map_or(0.0, |(.., reach_m)| reach_m);
            let start = points[k] + along * taken_m;
            let left_m = lengths[k] - taken_m - reach_m;
            if left_m > SHORTEST_M {
                pieces.push(Piece { start, along, length_m: left_m, bend: None });
            }
            if let Some((cos, sin, reach_m)) = bend {
                let end = (reach_m * (1.0 + cos), reach_m * sin);
                let length_m = parabola_m(reach_m, end);
                let start = points[k + 1] - along * reach_m;
                pieces.push(Piece { start, along, length_m, bend: Some((end.0, end.1, reach_m)) });
            }
            taken_m = reach_m;
        }
        let length_m = pieces.iter().map(|piece| piece.length_m).sum();
        Self { pieces, length_m }
    }

    pub(super) fn length_m(&self) -> f64 {
        self.length_m
    }

    pub(super) fn write(&self, xml: &mut Xml) {
        xml.begin("planView", &[]);
        let mut s_m = 0.0;
        for piece in &self.pieces {
            let heading = piece.along.y.atan2(piece.along.x);
            xml.begin(
                "geometry",
                &[
                    ("s", exact(s_m)),
                    ("x", exact(piece.start.x)),
                    ("y", exact(piece.start.y)),
                    ("hdg", Value::Number(heading, 12)),
                    ("length", exact(piece.length_m)),
                ],
            );
            match piece.bend {
                None => xml.leaf("line", &[]),
                Some((u, v, reach_m)) => {
                    let zero = || Value::Count(0);
                    xml.leaf(
                        "paramPoly3",
                        &[
                            ("aU", zero()),
                            ("bU", exact(2.0 * reach_m)),
                            ("cU", exact(u - 2.0 * reach_m)),
                            ("dU", zero()),
                            ("aV", zero()),
                            ("bV", zero()),
                            ("cV", exact(v)),
                            ("dV", zero()),
                            ("pRange", Value::Text("normalized")),
                        ],
                    );
                }
            }
            xml.end();
            s_m += piece.length_m;
        }
        xml.end();
    }
}

/// A tenth of a micrometre: what is rounded here moves whole lanes, but never by what anybody measures.
fn exact(x: f64) -> Value<'static> {
    Value::Number(x, 7)
}

/// The points without which the line would be another (Douglas and Peucker).
fn essential(points: &[Point]) -> Vec<Point> {
    let mut kept = vec![false; points.len()];
    let mut open = vec![(0, points.len() - 1)];
    while let Some((from, to)) = open.pop() {
        (kept[from], kept[to]) = (true, true);
        let chord = points[to] - points[from];
        let away = |k: &usize| {
            let d = points[*k] - points[from];
            let along = (d.dot(&chord) / chord.norm_squared().max(1e-12)).clamp(0.0, 1.0);
            (d - chord * along).norm()
        };
        let farthest = (from + 1..to).max_by(|a, b| away(a).total_cmp(&away(b)));
        if let Some(k) = farthest.filter(|k| away(k) > STRAIGHT_M) {
            open.extend([(from, k), (k, to)]);
        }
    }
    points.iter().zip(kept).filter(|(_, kept)| *kept).map(|(point, _)| *point).collect()
}

/// Arc length of the parabola from the origin with control point (`reach_m`, 0), by Simpson's rule: metres.
fn parabola_m(reach_m: f64, end: (f64, f64)) -> f64 {
    let speed = |p: f64| {
        let (u, v) = (2.0 * reach_m + 2.0 * (end.0 - 2.0 * reach_m) * p, 2.0 * end.1 * p);
        u.hypot(v)
    };
    let steps = 32;
    let h = 1.0 / f64::from(steps);
    let inner: f64 = (1..steps).map(|k| if k % 2 == 1 { 4.0 } else { 2.0 } * speed(f64::from(k) * h)).sum();
    (speed(0.0) + inner + speed(1.0)) * h / 3.0
}
