//! What the simulator knows, as messages of `jxz.sim.v1`.

use jxz_sim::{Channel, RoadUserKind, Sender, Shown, Transmission, TruthObject};
use jxz_units::Utc;
use jxz_wire::sim::v1 as wire;

pub(super) fn truth(at: Utc, truth: &[TruthObject]) -> wire::Truth {
    wire::Truth { valid_at_unix_ns: at.unix_ns(), road_users: truth.iter().map(road_user).collect() }
}

fn road_user(object: &TruthObject) -> wire::RoadUser {
    wire::RoadUser {
        id: object.id,
        kind: kind(object.kind) as i32,
        east_m: object.position.x,
        north_m: object.position.y,
        east_mps: object.velocity.x as f32,
        north_mps: object.velocity.y as f32,
        yaw_rad: object.yaw.rad() as f32,
        length_m: object.extent_m.0 as f32,
        width_m: object.extent_m.1 as f32,
        height_m: object.height_m as f32,
        acceleration_mps2: object.acceleration_mps2 as f32,
        vehicle: object.vehicle.map(|vehicle| vehicle.0.to_vec()).unwrap_or_default(),
        scripted: object.scripted,
    }
}

const fn kind(kind: RoadUserKind) -> wire::RoadUserKind {
    match kind {
        RoadUserKind::Car => wire::RoadUserKind::Car,
        RoadUserKind::Bus => wire::RoadUserKind::Bus,
        RoadUserKind::Truck => wire::RoadUserKind::Truck,
        RoadUserKind::Cyclist => wire::RoadUserKind::Cyclist,
        RoadUserKind::EBike => wire::RoadUserKind::EBike,
        RoadUserKind::Pedestrian => wire::RoadUserKind::Pedestrian,
    }
}

const fn channel(channel: Channel) -> wire::Channel {
    match channel {
        Channel::Pc5 => wire::Channel::Pc5,
        Channel::Uu => wire::Channel::Uu,
    }
}

pub(super) fn transmission(at: Utc, sent: &Transmission<'_>) -> wire::Transmission {
    let (direction, sender) = match sent.sender {
        Sender::Site(site) => (wire::Direction::ToVehicles, site.0.clone()),
        Sender::Vehicle(vehicle) => (wire::Direction::ToSites, vehicle.to_string()),
    };
    wire::Transmission {
        sent_at_unix_ns: at.unix_ns(),
        channel: channel(sent.channel) as i32,
        direction: direction as i32,
        sender,
        kind: sent.kind.name().to_owned(),
        received_by: u32::try_from(sent.received_by).unwrap_or(u32::MAX),
        message: sent.bytes.to_vec(),
    }
}

pub(super) fn shown(at: Utc, shown: &Shown) -> wire::Shown {
    wire::Shown {
        at_unix_ns: at.unix_ns(),
        vehicle: shown.vehicle.0.to_vec(),
        application: jxz_wire::application_number(shown.application),
        warning: shown.id.0,
        revision: shown.revision,
        channel: channel(shown.channel) as i32,
        first: shown.first,
        delay_s: shown.delay_s,
    }
}
