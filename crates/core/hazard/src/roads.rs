//! The lanes around one site, resampled evenly so that a point along a lane costs no search.

use jxz_geo::{Point, Vector};
use jxz_map::{LaneIx, LaneKind, Map};
use jxz_world::{RoadUserClass, Site};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

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

    /// Distance along and signed offset (left positive) of the foot of `point` on segment `i`, and its true distance.
    fn foot(&self, i: usize, point: Point) -> (f64, f64, f64) {
        let (a, b) = (self.points[i].at, self.points[i + 1].at);
        let d = (b - a) / self.step_m.max(1e-9);
        let to = point - a;
        let along = to.dot(&d).clamp(0.0, self.step_m);
        (self.step_m * i as f64 + along, d.perp(&to), (to - d * along).norm())
    }
}

/// Speed at which a curve gives 2.5 m/s² sideways, the comfort limit of urban design practice.
pub(crate) fn turn_speed_mps(curvature: f64) -> f64 {
    (2.5 / curvature.max(1e-4)).sqrt()
}

type Segment = GeomWithData<Rectangle<[f64; 2]>, (LaneIx, u32)>;

/// The lanes of one site.
#[derive(Debug)]
pub(crate) struct Roads {
    /// By lane index; `None` for lanes that are not around the site.
    shapes: Vec<Option<LaneShape>>,
    segments: RTree<Segment>,
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
        let mut segments = Vec::new();
        for (i, lane) in map.lanes.iter().enumerate() {
            // A connector is as high as the lane that it continues.
            let link = lane.link.or_else(|| lane.predecessors.first().and_then(|p| map.lane(*p).link));
            let same_level = link.is_none_or(|link| map.link(link).level == level);
            let wanted = same_level && lane.kind != LaneKind::Footway;
            shapes.push(None);
            if !wanted || lane.centre.project(site.position).distance_m > reach_m {
                continue;
            }
            let ix = LaneIx(i as u32);
            let shape = LaneShape::new(lane);
            for (k, pair) in shape.points.windows(2).enumerate() {
                let corners = Rectangle::from_corners([pair[0].at.x, pair[0].at.y], [pair[1].at.x, pair[1].at.y]);
                segments.push(GeomWithData::new(corners, (ix, k as u32)));
            }
            shapes[i] = Some(shape);
        }
        let mut roads = Self { shapes, segments: RTree::bulk_load(segments), meeting: Vec::new() };
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

    /// A lane's shape, if it is around the site.
    pub(crate) fn shape(&self, lane: LaneIx) -> Option<&LaneShape> {
        self.shapes.get(lane.0 as usize)?.as_ref()
    }

    /// The nearest point of every lane within `radius_m`, in order of lane index.
    pub(crate) fn near(&self, point: Point, radius_m: f64, out: &mut Vec<OnLane>) {
        out.clear();
        let envelope =
            AABB::from_corners([point.x - radius_m, point.y - radius_m], [point.x + radius_m, point.y + radius_m]);
        for segment in self.segments.locate_in_envelope_intersecting(envelope) {
            let (lane, k) = segment.data;
            let Some(shape) = self.shape(lane) else { continue };
            let (s_m, offset_m, distance_m) = shape.foot(k as usize, point);
            if distance_m > radius_m {
                continue;
            }
            match out.iter_mut().find(|o| o.lane == lane) {
                Some(known) if known.distance_m <= distance_m => {}
                Some(known) => *known = OnLane { lane, s_m, offset_m, distance_m },
                None => out.push(OnLane { lane, s_m, offset_m, distance_m }),
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
