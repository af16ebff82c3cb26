//! The real map, and whether two outlines overlap.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic")]
#![allow(dead_code, reason = "each test uses what it needs")]

use jxz_map::Map;
use jxz_sim::TruthObject;
use std::path::Path;
use std::sync::Arc;

pub(crate) fn island() -> Arc<Map> {
    Arc::new(Map::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/island")).unwrap())
}

fn corners(object: &TruthObject) -> [(f64, f64); 4] {
    let (c, s) = (libm::cos(object.yaw.rad()), libm::sin(object.yaw.rad()));
    let (l, w) = (object.extent_m.0 / 2.0, object.extent_m.1 / 2.0);
    [(l, w), (l, -w), (-l, -w), (-l, w)]
        .map(|(x, y)| (object.position.x + c * x - s * y, object.position.y + s * x + c * y))
}

/// Depth to which two outlines overlap, metres; zero or less: apart (separating axes).
pub(crate) fn overlap_m(a: &TruthObject, b: &TruthObject) -> f64 {
    let mut least = f64::INFINITY;
    for yaw in [a.yaw.rad(), b.yaw.rad()] {
        for axis in [(libm::cos(yaw), libm::sin(yaw)), (-libm::sin(yaw), libm::cos(yaw))] {
            let span = |object: &TruthObject| {
                let along = corners(object).map(|(x, y)| x * axis.0 + y * axis.1);
                (along.into_iter().fold(f64::INFINITY, f64::min), along.into_iter().fold(f64::NEG_INFINITY, f64::max))
            };
            let ((a0, a1), (b0, b1)) = (span(a), span(b));
            least = least.min(a1.min(b1) - a0.max(b0));
        }
    }
    least
}
