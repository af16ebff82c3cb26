//! The run as a 3D scene and a map, in Foxglove's own schemas: there to be looked at, not to be computed with.

use core::time::Duration;
use jxz_geo::{Point, Polyline};
use jxz_map::{LaneKind, Map};
use jxz_sim::TruthObject;
use jxz_units::Utc;
use jxz_wire::foxglove::line_primitive::Type as LineType;
use jxz_wire::foxglove::scene_entity_deletion::Type as DeletionType;
use jxz_wire::foxglove::{
    Color, CubePrimitive, KeyValuePair, LinePrimitive, Point3, Pose, Quaternion, SceneEntity, SceneEntityDeletion,
    SceneUpdate, TextPrimitive, Vector3,
};
use jxz_world::{NodeState, RoadUserClass, Track, Warning, WarningStage};
use prost_types::Timestamp;

/// The one frame of reference.
const FRAME: &str = "map";
/// A track's slab lies this high, above what it covers, metres.
const TRACK_Z_M: f64 = 2.0;
/// What a track of unknown extent is drawn with, metres.
const TRACK_SIZE_M: (f64, f64) = (1.5, 1.5);

fn timestamp(at: Utc) -> Timestamp {
    let (seconds, nanos) = (at.unix_ns().div_euclid(1_000_000_000), at.unix_ns().rem_euclid(1_000_000_000));
    Timestamp { seconds, nanos: i32::try_from(nanos).unwrap_or(0) }
}

fn entity(at: Utc, id: String, lifetime: Duration) -> SceneEntity {
    SceneEntity {
        timestamp: Some(timestamp(at)),
        frame_id: FRAME.to_owned(),
        id,
        lifetime: prost_types::Duration::try_from(lifetime).ok(),
        ..SceneEntity::default()
    }
}

fn update(entity: SceneEntity) -> SceneUpdate {
    SceneUpdate { deletions: Vec::new(), entities: vec![entity] }
}

const fn colour(rgb: (f64, f64, f64), a: f64) -> Color {
    Color { r: rgb.0, g: rgb.1, b: rgb.2, a }
}

/// Motor, non-motor, pedestrian: apart for the colour-blind too (Okabe and Ito).
const fn class_rgb(class: RoadUserClass) -> (f64, f64, f64) {
    match class {
        RoadUserClass::Motor => (0.34, 0.71, 0.91),
        RoadUserClass::NonMotor => (0.94, 0.89, 0.26),
        RoadUserClass::Pedestrian => (0.8, 0.47, 0.65),
    }
}

const fn at(x: f64, y: f64, z: f64) -> Vector3 {
    Vector3 { x, y, z }
}

fn pose(point: Point, z_m: f64, yaw_rad: f64) -> Pose {
    let (sin, cos) = (yaw_rad / 2.0).sin_cos();
    Pose { position: Some(at(point.x, point.y, z_m)), orientation: Some(Quaternion { x: 0.0, y: 0.0, z: sin, w: cos }) }
}

/// Every road user as it is, a box of its size.
pub(super) fn truth(now: Utc, truth: &[TruthObject], lifetime: Duration) -> SceneUpdate {
    let cube = |object: &TruthObject| CubePrimitive {
        pose: Some(pose(object.position, object.height_m / 2.0, object.yaw.rad())),
        size: Some(at(object.extent_m.0, object.extent_m.1, object.height_m)),
        color: Some(colour(class_rgb(object.class), 0.9)),
    };
    let cubes = truth.iter().map(cube).collect();
    update(SceneEntity { cubes, ..entity(now, "truth".to_owned(), lifetime) })
}

/// A site's tracks, slabs above what they cover; they go when they are no longer valid.
pub(super) fn tracks(state: &NodeState) -> SceneUpdate {
    let cube = |track: &Track| {
        let (length_m, width_m) = track.extent_m.unwrap_or(TRACK_SIZE_M);
        let yaw_rad = track.heading.map_or(0.0, |heading| heading.to_yaw().rad());
        CubePrimitive {
            pose: Some(pose(track.position, TRACK_Z_M, yaw_rad)),
            size: Some(at(length_m, width_m, 0.3)),
            color: Some(colour((1.0, 0.55, 0.1), 0.3 + 0.6 * track.existence)),
        }
    };
    let lifetime = Duration::try_from_secs_f64(state.valid_for_s).unwrap_or_default();
    let cubes = state.tracks.iter().map(cube).collect();
    update(SceneEntity { cubes, ..entity(state.valid_at, format!("tracks/{}", state.site), lifetime) })
}

/// A warning: the way towards it and its reason, until it ends.
pub(super) fn warning(now: Utc, warning: &Warning) -> SceneUpdate {
    let id = format!("warning/{:016x}", warning.id.0);
    if warning.stage == WarningStage::Cancelled {
        let deletion =
            SceneEntityDeletion { timestamp: Some(timestamp(now)), r#type: DeletionType::MatchingId as i32, id };
        return SceneUpdate { deletions: vec![deletion], entities: Vec::new() };
    }
    let red = || Some(colour((0.84, 0.15, 0.1), 0.9));
    let (zh, en) = jxz_hazard::describe(warning);
    let text = TextPrimitive {
        pose: Some(pose(warning.place.at, 6.0, 0.0)),
        billboard: true,
        font_size: 1.5,
        scale_invariant: false,
        color: red(),
        text: format!("{zh}\n{en}"),
    };
    let valid_s = warning.valid_until.seconds_since(now).max(0.1);
    let lifetime = Duration::try_from_secs_f64(valid_s).unwrap_or_default();
    let metadata = vec![
        KeyValuePair { key: "application".to_owned(), value: warning.application.name().to_owned() },
        KeyValuePair { key: "confidence".to_owned(), value: format!("{:.2}", warning.confidence) },
    ];
    let lines = vec![strip(&warning.place.path, 0.6, 0.5, red())];
    update(SceneEntity { lines, texts: vec![text], metadata, ..entity(now, id, lifetime) })
}

/// The lanes and crossings.
pub(super) fn map(now: Utc, map: &Map) -> SceneUpdate {
    let grey = |kind: LaneKind| match kind {
        LaneKind::Driving => (0.5, 0.52, 0.55),
        LaneKind::Cycle => (0.4, 0.6, 0.5),
        LaneKind::Footway => (0.6, 0.55, 0.5),
    };
    let mut lines: Vec<LinePrimitive> =
        map.lanes.iter().map(|lane| strip(&lane.centre, 0.0, 0.15, Some(colour(grey(lane.kind), 0.8)))).collect();
    lines.extend(map.crossings.iter().map(|c| strip(&c.line, 0.0, 0.3, Some(colour((0.85, 0.85, 0.85), 0.9)))));
    update(SceneEntity { lines, ..entity(now, "map".to_owned(), Duration::ZERO) })
}

fn strip(line: &Polyline, z_m: f64, thickness: f64, color: Option<Color>) -> LinePrimitive {
    LinePrimitive {
        r#type: LineType::LineStrip as i32,
        pose: Some(pose(Point::origin(), 0.0, 0.0)),
        thickness,
        scale_invariant: false,
        points: line.points().iter().map(|p| Point3 { x: p.x, y: p.y, z: z_m }).collect(),
        color,
    }
}
