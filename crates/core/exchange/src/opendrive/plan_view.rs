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
    /// Where it begins: along the line with corners, and along what is written, metres.
    from_m: (f64, f64),
    /// How much of the line with corners it stands for, metres.
    of_m: f64,
    start: Point,
    along: Vector,
    length_m: f64,
    /// The parabola's end in its own coordinates (along and left of its beginning) and its reach; `None`: a line.
    bend: Option<(f64, f64, f64)>,
}

/// A reference line, ready to be written.
pub(super) struct PlanView {
    /// The line with corners.
    line: Polyline,
    pieces: Vec<Piece>,
    length_m: f64,
}

impl PlanView {
    /// The direction is continuous, so that lanes beside the line are too; OpenDRIVE lets a line have no corners.
    pub(super) fn of(line: &Polyline) -> Self {
        let line = Polyline::new(essential(line.points())).unwrap_or_else(|_| line.clone());
        let points = line.points();
        let steps: Vec<Vector> = points.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let lengths: Vec<f64> = steps.iter().map(|step| step.norm()).collect();
        let mut pieces = Vec::with_capacity(2 * steps.len());
        let (mut taken_m, mut at_m, mut length_m) = (0.0, 0.0, 0.0);
        let mut add = |start, along, (of_m, piece_m): (f64, f64), bend| {
            pieces.push(Piece { from_m: (at_m, length_m), of_m, start, along, length_m: piece_m, bend });
            at_m += of_m;
            length_m += piece_m;
        };
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
                add(start, along, (left_m, left_m), None);
            }
            if let Some((cos, sin, reach_m)) = bend {
                let end = (reach_m * (1.0 + cos), reach_m * sin);
                let start = points[k + 1] - along * reach_m;
                let bend_m = parabola_m(reach_m, end);
                add(start, along, (2.0 * reach_m, bend_m), Some((end.0, end.1, reach_m)));
            }
            taken_m = reach_m;
        }
        Self { line, pieces, length_m }
    }

    /// Distance along what is written of the foot of a point, metres, and how far to the left of it the point lies.
    pub(super) fn place_of(&self, point: Point) -> (f64, f64) {
        let foot = self.line.project(point);
        let index = self.pieces.partition_point(|piece| piece.from_m.0 <= foot.s_m).saturating_sub(1);
        let Some(piece) = self.pieces.get(index) else { return (0.0, foot.offset_m) };
        let part = ((foot.s_m - piece.from_m.0) / piece.of_m.max(1e-9)).clamp(0.0, 1.0);
        let mut s_m = piece.from_m.1 + part * piece.length_m;
        // Beside a bend the corners' foot is not the curve's: a few steps along the curve find that.
        let mut left_m = foot.offset_m;
        for _ in 0..12 {
            let (at, along) = self.pose(s_m);
            let away = point - at;
            left_m = along.x * away.y - along.y * away.x;
            s_m = (s_m + 0.7 * away.dot(&along)).clamp(0.0, self.length_m);
        }
        (s_m, left_m)
    }

    /// The written line's place and direction at a distance along it, metres.
    fn pose(&self, s_m: f64) -> (Point, Vector) {
        let index = self.pieces.partition_point(|piece| piece.from_m.1 <= s_m).saturating_sub(1);
        let Some(piece) = self.pieces.get(index) else { return (self.line.start(), self.line.direction_at(0.0)) };
        let (on_m, left) = (s_m - piece.from_m.1, Vector::new(-piece.along.y, piece.along.x));
        let Some((u, v, reach_m)) = piece.bend else { return (piece.start + piece.along * on_m, piece.along) };
        let p = on_m / piece.length_m;
        let bend = u - 2.0 * reach_m;
        let at = piece.start + piece.along * (2.0 * reach_m * p + bend * p * p) + left * (v * p * p);
        (at, (piece.along * (2.0 * reach_m + 2.0 * bend * p) + left * (2.0 * v * p)).normalize())
    }

    pub(super) fn length_m(&self) -> f64 {
        self.length_m
    }

    pub(super) fn write(&self, xml: &mut Xml) {
        xml.begin("planView", &[]);
        for piece in &self.pieces {
            let heading = libm::atan2(piece.along.y, piece.along.x);
            xml.begin(
                "geometry",
                &[
                    ("s", exact(piece.from_m.1)),
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
        libm::hypot(u, v)
    };
    let steps = 32;
    let h = 1.0 / f64::from(steps);
    let inner: f64 = (1..steps).map(|k| if k % 2 == 1 { 4.0 } else { 2.0 } * speed(f64::from(k) * h)).sum();
    (speed(0.0) + inner + speed(1.0)) * h / 3.0
}
