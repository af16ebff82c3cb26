//! The lanes around one site, resampled evenly so that a point along a lane costs no search.

use jxz_geo::{Point, Vector};
use jxz_map::{LaneIx, LaneKind, Map};
use jxz_world::{RoadUserClass, Site};

/// Lanes this far beyond the site's coverage are still known, metres: approaches and paths run out of it.
const BEYOND_COVERAGE_M: f64 = 250.0;
/// Longest step between two resampled points, metres: 6 cm of arc are lost on a curve of 8 m.
const STEP_M: f64 = 2.0;
/// Lanes whose centre lines come this near can bring two vehicles together; side by side they are further apart.
const MEETING_M: f64 = 2.6;
/// Tightest turn believed, 1/m.
const MAX_CURVATURE: f64 = 0.25;

/// A place and a unit direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pose {
    pub(crate) at: Point,
    pub(crate) dir: Vector,
}

impl Pose {
    /// Unit vector to the left.
    pub(crate) fn left(&self) -> Vector {
        Vector::new(-self.dir.y, self.dir.x)
    }
}

/// One lane, resampled.
#[derive(Debug)]
pub(crate) struct LaneShape {
    step_m: f64,
    points: Vec<Pose>,
    pub(crate) length_m: f64,
    /// Greatest mean curvature over about six metres, 1/m.
    pub(crate) curvature: f64,
}

impl LaneShape {
    fn new(lane: &jxz_map::Lane) -> Self {
        let length_m = lane.centre.length_m();
        let n = (length_m / STEP_M).ceil().max(1.0) as usize;
        let step_m = length_m / n as f64;
        let points: Vec<Pose> = (0..=n)
            .map(|i| {
                let s = step_m * i as f64;
                // The mean direction around the point: vertices of the map's line turn by jumps.
                let (a, b) = ((s - 0.5 * step_m).max(0.0), (s + 0.5 * step_m).min(length_m));
                let chord = lane.centre.point_at(b) - lane.centre.point_at(a);
                let dir = chord.try_normalize(1e-9).unwrap_or_else(|| lane.centre.direction_at(s));
                Pose { at: lane.centre.point_at(s), dir }
            })
            .collect();
        let curvature = points
            .windows(4)
            .map(|w| libm::atan2(w[0].dir.perp(&w[3].dir), w[0].dir.dot(&w[3].dir)).abs() / (3.0 * step_m))
            .fold(0.0, f64::max)
            .min(MAX_CURVATURE);
        Self { step_m, points, length_m, curvature }
    }

    /// The pose `s_m` along; the ends are continued straight.
    pub(crate) fn pose(&self, s_m: f64) -> Pose {
        let i = ((s_m / self.step_m).max(0.0) as usize).min(self.points.len() - 2);
        let (a, b) = (self.points[i], self.points[i + 1]);
        let u = s_m / self.step_m - i as f64;
        let w = u.clamp(0.0, 1.0);
        let dir = (a.dir * (1.0 - w) + b.dir * w).try_normalize(1e-9).unwrap_or(a.dir);
        Pose { at: a.at + (b.at - a.at) * w + dir * ((u - w) * self.step_m), dir }
    }

    fn segment(&self, lane: LaneIx, i: u32) -> Segment {
        let (a, b) = (self.points[i as usize].at, self.points[i as usize + 1].at);
        let (step_m, from_m) = (self.step_m, self.step_m * f64::from(i));
        Segment { lane, from: a, along: (b - a) / step_m.max(1e-9), step_m, from_m }
    }
}

/// A piece of a lane between two of its points, with all that a search asks of it.
#[derive(Debug, Clone, Copy)]
struct Segment {
    lane: LaneIx,
    from: Point,
    /// Unit vector, nearly: the chord over the arc.
    along: Vector,
    step_m: f64,
    /// Where it begins along its lane.
    from_m: f64,
}

impl Segment {
    /// The foot of `point`, if the segment comes within `radius_m` of it.
    fn foot(&self, point: Point, radius_m: f64) -> Option<OnLane> {
        let to = point - self.from;
        let along_m = to.dot(&self.along).clamp(0.0, self.step_m);
        let away = to - self.along * along_m;
        let square = away.norm_squared();
        // Most are out of reach, clear of any rounding: no root is asked of them.
        if square > radius_m * radius_m * (1.0 + 1e-9) {
            return None;
        }
        let distance_m = square.sqrt();
        let (s_m, offset_m) = (self.from_m + along_m, self.along.perp(&to));
        (distance_m <= radius_m).then_some(OnLane { lane: self.lane, s_m, offset_m, distance_m })
    }
}

/// Speed at which a curve gives 2.5 m/s² sideways, the comfort limit of urban design practice.
pub(crate) fn turn_speed_mps(curvature: f64) -> f64 {
    (2.5 / curvature.max(1e-4)).sqrt()
}

/// Side of a cell of the grid, metres: lanes are looked for within about as much.
const CELL_M: f64 = 8.0;

/// Segments of lanes by square cells: lanes are looked up for every road user ten times a second, and a tree took a
/// twelfth of the simulated island's time.
#[derive(Debug, Default)]
struct Grid {
    low: Point,
    columns: usize,
    rows: usize,
    /// Where each cell's segments begin; one more than there are cells.
    starts: Vec<u32>,
    /// One cell's after another's: a search reads them in a row.
    segments: Vec<Segment>,
}

impl Grid {
    fn new(shapes: &[Option<LaneShape>]) -> Self {
        let known = || (0_u32..).zip(shapes).filter_map(|(i, shape)| Some((LaneIx(i), shape.as_ref()?)));
        let points = || known().flat_map(|(_, shape)| &shape.points).map(|pose| pose.at);
        let Some(first) = points().next() else { return Self::default() };
        let low = points().fold(first, |low, p| Point::new(low.x.min(p.x), low.y.min(p.y)));
        let high = points().fold(first, |high, p| Point::new(high.x.max(p.x), high.y.max(p.y)));
        let (columns, rows) = (((high.x - low.x) / CELL_M) as usize + 1, ((high.y - low.y) / CELL_M) as usize + 1);
        let mut grid = Self { low, columns, rows, starts: vec![0; columns * rows + 1], segments: Vec::new() };
        let mut placed = Vec::new();
        for (lane, shape) in known() {
            for (k, pair) in (0_u32..).zip(shape.points.windows(2)) {
                let (a, b) = (pair[0].at, pair[1].at);
                let corners = (Point::new(a.x.min(b.x), a.y.min(b.y)), Point::new(a.x.max(b.x), a.y.max(b.y)));
                placed.extend(grid.cells(corners.0, corners.1).map(|cell| (cell, lane, k)));
            }
        }
        placed.sort_unstable();
        for (cell, ..) in &placed {
            grid.starts[cell + 1] += 1;
        }
        for cell in 0..columns * rows {
            grid.starts[cell + 1] += grid.starts[cell];
        }
        let segment = |(_, lane, k): (usize, LaneIx, u32)| Some(shapes[lane.0 as usize].as_ref()?.segment(lane, k));
        grid.segments = placed.into_iter().filter_map(segment).collect();
        grid
    }

    /// The cells that a box touches.
    fn cells(&self, low: Point, high: Point) -> impl Iterator<Item = usize> + use<> {
        let span = |low: f64, high: f64, origin: f64, count: usize| {
            let index = |x: f64| ((x - origin) / CELL_M).floor();
            // Beyond the grid there is nothing: an empty span.
            let (from, to) = (index(low).max(0.0), index(high).min(count as f64 - 1.0));
            from as usize..if to < from { from as usize } else { to as usize + 1 }
        };
        let (columns, rows) =
            (span(low.x, high.x, self.low.x, self.columns), span(low.y, high.y, self.low.y, self.rows));
        let stride = self.columns;
        rows.flat_map(move |row| columns.clone().map(move |column| row * stride + column))
    }

    /// Segments that may come within `radius_m` of a point; some of them twice.
    fn near(&self, point: Point, radius_m: f64) -> impl Iterator<Item = &Segment> {
        let reach = Vector::new(radius_m, radius_m);
        self.cells(point - reach, point + reach)
            .flat_map(|cell| &self.segments[self.starts[cell] as usize..self.starts[cell + 1] as usize])
    }
}

/// The lanes of one site.
#[derive(Debug)]
pub(crate) struct Roads {
    /// By lane index; `None` for lanes that are not around the site.
    shapes: Vec<Option<LaneShape>>,
    grid: Grid,
    /// By lane index, a bit for every lane whose centre line comes within [`MEETING_M`]; empty for lanes elsewhere.
    meeting: Vec<Vec<u64>>,
}

/// A point's relation to one lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OnLane {
    pub(crate) lane: LaneIx,
    pub(crate) s_m: f64,
    pub(crate) offset_m: f64,
    pub(crate) distance_m: f64,
}

impl Roads {
    pub(crate) fn new(map: &Map, site: &Site) -> Self {
        let reach_m = site.coverage_m.clamp(0.0, 2000.0) + BEYOND_COVERAGE_M;
        let level = site_level(map, site);
        let mut shapes = Vec::with_capacity(map.lanes.len());
        for (i, lane) in map.lanes.iter().enumerate() {
            // A connector is as high as the lane that it continues.
            let link = lane.link.or_else(|| lane.predecessors.first().and_then(|p| map.lane(*p).link));
            let same_level = link.is_none_or(|link| map.link(link).level == level);
            let wanted = same_level && lane.kind != LaneKind::Footway;
            shapes.push(None);
            if !wanted || lane.centre.project(site.position).distance_m > reach_m {
                continue;
            }
            shapes[i] = Some(LaneShape::new(lane));
        }
        let grid = Grid::new(&shapes);
        let mut roads = Self { shapes, grid, meeting: Vec::new() };
        roads.meeting = roads.meetings();
        roads
    }

    fn meetings(&self) -> Vec<Vec<u64>> {
        let words = self.shapes.len().div_ceil(64);
        let mut meeting: Vec<Vec<u64>> =
            self.shapes.iter().map(|shape| vec![0; if shape.is_some() { words } else { 0 }]).collect();
        let mut near = Vec::new();
        for (i, shape) in self.shapes.iter().enumerate() {
            for pose in shape.iter().flat_map(|shape| &shape.points) {
                self.near(pose.at, MEETING_M, &mut near);
                for other in near.iter().map(|on| on.lane.0 as usize) {
                    meeting[i][other / 64] |= 1 << (other % 64);
                    meeting[other][i / 64] |= 1 << (i % 64);
                }
            }
        }
        meeting
    }

    /// Whether two lanes cross, merge, part, follow one another or are the same.
    pub(crate) fn meet(&self, a: LaneIx, b: LaneIx) -> bool {
        let word = self.meeting.get(a.0 as usize).and_then(|bits| bits.get(b.0 as usize / 64));
        word.is_some_and(|word| word >> (b.0 % 64) & 1 == 1)
    }

    /// Unit vector to the left of a lane `s_m` along it; any for a lane that is not around the site.
    pub(crate) fn left(&self, lane: LaneIx, s_m: f64) -> Vector {
        self.shape(lane).map_or_else(Vector::x, |shape| shape.pose(s_m).left())
    }

    /// A lane's shape, if it is around the site.
    pub(crate) fn shape(&self, lane: LaneIx) -> Option<&LaneShape> {
        self.shapes.get(lane.0 as usize)?.as_ref()
    }

    /// The nearest point of every lane within `radius_m`, in order of lane index.
    pub(crate) fn near(&self, point: Point, radius_m: f64, out: &mut Vec<OnLane>) {
        out.clear();
        for on in self.grid.near(point, radius_m).filter_map(|segment| segment.foot(point, radius_m)) {
            match out.iter_mut().find(|known| known.lane == on.lane) {
                Some(known) if known.distance_m <= on.distance_m => {}
                Some(known) => *known = on,
                None => out.push(on),
            }
        }
        out.sort_by_key(|o| o.lane);
    }
}

/// Whether a class drives on a kind of lane.
pub(crate) fn drives_on(class: RoadUserClass, kind: LaneKind) -> bool {
    match class {
        RoadUserClass::Motor => kind == LaneKind::Driving,
        RoadUserClass::NonMotor => kind != LaneKind::Footway,
        RoadUserClass::Pedestrian => false,
    }
}

/// The height class that the site looks at: that of its junction's links, else of the nearest link.
fn site_level(map: &Map, site: &Site) -> i8 {
    let junction = site.junction.as_ref().and_then(|id| map.junctions.iter().find(|j| j.id == *id));
    if let Some(link) = junction.and_then(|j| j.incoming.first().or(j.outgoing.first())) {
        return map.link(*link).level;
    }
    map.links
        .iter()
        .map(|link| (link.line.project(site.position).distance_m, link.level))
        .min_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
        .map_or(0, |(_, level)| level)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(points: &[(f64, f64)]) -> Option<LaneShape> {
        let points: Vec<Pose> = points.iter().map(|(x, y)| Pose { at: Point::new(*x, *y), dir: Vector::x() }).collect();
        let step_m = (points[1].at - points[0].at).norm();
        Some(LaneShape { step_m, length_m: step_m * (points.len() - 1) as f64, points, curvature: 0.0 })
    }

    #[test]
    fn the_grid_finds_every_segment_in_reach_also_at_its_edges_and_from_outside() {
        let line = |y: f64| shape(&(0..60).map(|i| (2.0 * f64::from(i), y)).collect::<Vec<_>>());
        let shapes = vec![line(0.0), None, line(31.9), shape(&[(117.0, -40.0), (118.5, -40.0)])];
        let grid = Grid::new(&shapes);
        let segments = |lane: usize| shapes[lane].as_ref().map_or(0, |shape| shape.points.len() - 1);
        for (x, y, radius) in [
            (0.0, 0.0, 5.0),
            (-4.0, -3.0, 5.0),
            (118.0, 31.9, 0.5),
            (60.0, 16.0, 16.5),
            (122.0, -44.0, 6.0),
            (-1e6, 0.0, 5.0),
            (1e6, 1e6, 5.0),
            (59.9, -20.0, 19.0),
            (118.2, -40.0, 0.1),
        ] {
            let point = Point::new(x, y);
            let key = |segment: &Segment| (segment.lane, segment.from_m.to_bits());
            let found: std::collections::BTreeSet<_> = grid.near(point, radius).map(key).collect();
            for lane in [0_u32, 2, 3] {
                let Some(shape) = &shapes[lane as usize] else { continue };
                for segment in (0..segments(lane as usize) as u32).map(|k| shape.segment(LaneIx(lane), k)) {
                    let within = segment.foot(point, radius).is_some();
                    assert!(!within || found.contains(&key(&segment)), "{segment:?} from {point}");
                }
            }
        }
        assert_eq!(Grid::new(&[None]).near(Point::origin(), 100.0).count(), 0);
    }
}
