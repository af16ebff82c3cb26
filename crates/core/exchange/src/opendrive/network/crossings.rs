//! Pedestrian crossings: objects on the road.

use super::{Document, NetCrossing};
use jxz_geo::{Point, Polyline, Vector};

/// More crossings than this are not taken.
const MOST: usize = 20_000;

pub(super) fn crossings(document: &Document<'_>) -> Vec<NetCrossing> {
    let objects = document.net.objects().iter().filter(|object| object.kind == xodr::ObjectType::Crosswalk);
    objects.filter_map(|object| crossing(document, &object.shape)).take(MOST).collect()
}

fn crossing(document: &Document<'_>, shape: &xodr::Shape) -> Option<NetCrossing> {
    let corners: Vec<Point> = match shape {
        xodr::Shape::Solid { position, heading, extent: Some(xodr::Extent::Box { length, width, .. }), .. } => {
            let (sin, cos) = libm::sincosf(*heading);
            let corner = |u: f32, v: f32| {
                document.local(xodr::Point::new(position.x + u * cos - v * sin, position.y + u * sin + v * cos, 0.0))
            };
            let (u, v) = (length / 2.0, width / 2.0);
            vec![corner(-u, -v), corner(u, -v), corner(u, v), corner(-u, v)]
        }
        xodr::Shape::Outline { corners, .. } => corners.iter().map(|corner| document.local(corner.base)).collect(),
        _ => return None,
    };
    let [a, b, c, d] = corners[..] else { return None };
    // The line of walking lies along the longer sides.
    let middle = |p: Point, q: Point| Point::from((p.coords + q.coords) / 2.0);
    let (ends, across): ((Point, Point), Vector) = if (b - a).norm() >= (c - b).norm() {
        ((middle(a, d), middle(b, c)), d - a)
    } else {
        ((middle(a, b), middle(d, c)), b - a)
    };
    let width_m = across.norm().clamp(1.0, 20.0);
    let line = Polyline::new(vec![ends.0, ends.1]).ok().filter(|line| (1.0..200.0).contains(&line.length_m()))?;
    Some(NetCrossing { line, width_m })
}
