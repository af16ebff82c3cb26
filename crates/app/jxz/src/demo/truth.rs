//! Tells the demo's cloud what really is on the road, for its console alone.

use jxz_geo::LocalFrame;
use jxz_sim::{RoadUserKind, TruthObject};
use jxz_units::Utc;
use jxz_wire::console::v1 as wire;
use prost::Message as _;

/// More than this does not fit into a datagram: those with the highest numbers are left out of the console's picture.
pub(super) const MOST: usize = 2000;

/// A truth as a datagram.
pub(super) fn datagram(at: Utc, truth: &[TruthObject], frame: &LocalFrame) -> Vec<u8> {
    let mut columns = wire::Truth { valid_at_ms: u64::try_from(at.unix_ms()).unwrap_or(0), ..wire::Truth::default() };
    for object in truth.iter().take(MOST) {
        let place = frame.to_wgs84(object.position);
        let e7 = |deg: f64| (deg * 1e7).round() as i32;
        let cm = |m: f64| (m * 100.0).round() as u32;
        columns.id.push(object.id);
        columns.kind.push(number_of(object.kind));
        columns.lon_e7.push(e7(place.lon_deg));
        columns.lat_e7.push(e7(place.lat_deg));
        columns.heading_decideg.push((object.yaw.to_heading().deg() * 10.0).round() as u32 % 3600);
        columns.speed_cmps.push(cm(object.velocity.norm()));
        columns.length_cm.push(cm(object.extent_m.0));
        columns.width_cm.push(cm(object.extent_m.1));
    }
    columns.encode_to_vec()
}

/// As `proto/jxz/console/v1` numbers them.
const fn number_of(kind: RoadUserKind) -> u32 {
    match kind {
        RoadUserKind::Car => 0,
        RoadUserKind::Bus => 1,
        RoadUserKind::Truck => 2,
        RoadUserKind::Cyclist => 3,
        RoadUserKind::EBike => 4,
        RoadUserKind::Pedestrian => 5,
    }
}
