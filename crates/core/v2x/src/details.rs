//! Gear, brakes, events and emergencies of a vehicle, to the wire and back.

use crate::asn::{
    AntiLockBrakeStatus, AuxiliaryBrakeStatus, BasicSafetyMessage, BasicVehicleClass, Bits, BrakeAppliedStatus,
    BrakeBoostApplied, BrakePedalStatus, BrakeSystemStatus, LightbarInUse, ResponseType, SirenInUse,
    StabilityControlStatus, TractionControlStatus, TransmissionState, VehicleClassification,
    VehicleEmergencyExtensions, VehicleEventFlags, VehicleSafetyExtensions,
};
use jxz_world::{Brakes, Emergency, Gear, LightBar, Response, SystemState, VehicleDetails, VehicleEvents, Wheels};

/// Flags of a list that is not extended.
const EVENT_BITS: u32 = 13;
const WHEEL_BITS: u32 = 5;

pub(crate) const fn gear_to_wire(gear: Option<Gear>) -> TransmissionState {
    match gear {
        None => TransmissionState::Unavailable,
        Some(Gear::Neutral) => TransmissionState::Neutral,
        Some(Gear::Park) => TransmissionState::Park,
        Some(Gear::Forward) => TransmissionState::ForwardGears,
        Some(Gear::Reverse) => TransmissionState::ReverseGears,
    }
}

pub(crate) const fn gear_from_wire(state: TransmissionState) -> Option<Gear> {
    match state {
        TransmissionState::Neutral => Some(Gear::Neutral),
        TransmissionState::Park => Some(Gear::Park),
        TransmissionState::ForwardGears => Some(Gear::Forward),
        TransmissionState::ReverseGears => Some(Gear::Reverse),
        _ => None,
    }
}

pub(crate) fn class_to_wire(class: Option<u8>) -> VehicleClassification {
    VehicleClassification { classification: BasicVehicleClass(class.unwrap_or(0)), fuel_type: None }
}

pub(crate) fn class_from_wire(class: &VehicleClassification) -> Option<u8> {
    Some(class.classification.0).filter(|code| *code != 0)
}

/// The enumeral of a state of a driver's aid; the three lists are alike.
macro_rules! system {
    ($to:ident, $from:ident, $type:ident) => {
        const fn $to(state: Option<SystemState>) -> Option<$type> {
            match state {
                None => None,
                Some(SystemState::Off) => Some($type::Off),
                Some(SystemState::On) => Some($type::On),
                Some(SystemState::Engaged) => Some($type::Engaged),
            }
        }

        const fn $from(status: Option<$type>) -> Option<SystemState> {
            match status {
                Some($type::Off) => Some(SystemState::Off),
                Some($type::On) => Some(SystemState::On),
                Some($type::Engaged) => Some(SystemState::Engaged),
                _ => None,
            }
        }
    };
}
system!(traction_to_wire, traction_from_wire, TractionControlStatus);
system!(abs_to_wire, abs_from_wire, AntiLockBrakeStatus);
system!(stability_to_wire, stability_from_wire, StabilityControlStatus);

/// The enumeral of a thing that is off or on; the three lists are alike.
macro_rules! switch {
    ($to:ident, $from:ident, $type:ident) => {
        const fn $to(on: Option<bool>) -> Option<$type> {
            match on {
                None => None,
                Some(false) => Some($type::Off),
                Some(true) => Some($type::On),
            }
        }

        const fn $from(status: Option<$type>) -> Option<bool> {
            match status {
                Some($type::Off) => Some(false),
                Some($type::On) => Some(true),
                _ => None,
            }
        }
    };
}
switch!(pedal_to_wire, pedal_from_wire, BrakePedalStatus);
switch!(boost_to_wire, boost_from_wire, BrakeBoostApplied);
switch!(auxiliary_to_wire, auxiliary_from_wire, AuxiliaryBrakeStatus);

pub(crate) fn brakes_to_wire(brakes: &Brakes) -> BrakeSystemStatus {
    BrakeSystemStatus {
        brake_padel: pedal_to_wire(brakes.pedal),
        wheel_brakes: brakes.wheels.map(wheels_to_wire),
        traction: traction_to_wire(brakes.traction),
        abs: abs_to_wire(brakes.abs),
        scs: stability_to_wire(brakes.stability),
        brake_boost: boost_to_wire(brakes.boost),
        aux_brakes: auxiliary_to_wire(brakes.auxiliary),
    }
}

fn brakes_from_wire(status: &BrakeSystemStatus) -> Brakes {
    Brakes {
        pedal: pedal_from_wire(status.brake_padel),
        wheels: status.wheel_brakes.as_ref().and_then(wheels_from_wire),
        traction: traction_from_wire(status.traction),
        abs: abs_from_wire(status.abs),
        stability: stability_from_wire(status.scs),
        boost: boost_from_wire(status.brake_boost),
        auxiliary: auxiliary_from_wire(status.aux_brakes),
    }
}

/// A bit string of so many bits with those set whose flag is.
fn flags(length: u32, flags: &[(u32, bool)]) -> Bits {
    flags.iter().filter(|(_, set)| *set).fold(Bits::zeros(length), |bits, (bit, _)| bits.with(*bit))
}

fn wheels_to_wire(wheels: Wheels) -> BrakeAppliedStatus {
    type Bit = BrakeAppliedStatus;
    BrakeAppliedStatus(flags(
        WHEEL_BITS,
        &[
            (Bit::LEFT_FRONT, wheels.left_front),
            (Bit::LEFT_REAR, wheels.left_rear),
            (Bit::RIGHT_FRONT, wheels.right_front),
            (Bit::RIGHT_REAR, wheels.right_rear),
        ],
    ))
}

fn wheels_from_wire(status: &BrakeAppliedStatus) -> Option<Wheels> {
    let has = |bit| status.0.get(bit);
    (!has(BrakeAppliedStatus::UNAVAILABLE)).then(|| Wheels {
        left_front: has(BrakeAppliedStatus::LEFT_FRONT),
        left_rear: has(BrakeAppliedStatus::LEFT_REAR),
        right_front: has(BrakeAppliedStatus::RIGHT_FRONT),
        right_rear: has(BrakeAppliedStatus::RIGHT_REAR),
    })
}

pub(crate) fn events_to_wire(events: &VehicleEvents) -> VehicleSafetyExtensions {
    type Bit = VehicleEventFlags;
    let set = flags(
        EVENT_BITS,
        &[
            (Bit::EVENT_HAZARD_LIGHTS, events.hazard_lights),
            (Bit::EVENT_STOP_LINE_VIOLATION, events.stop_line_violation),
            (Bit::EVENT_AB_SACTIVATED, events.abs_activated),
            (Bit::EVENT_TRACTION_CONTROL_LOSS, events.traction_control_loss),
            (Bit::EVENT_STABILITY_CONTROLACTIVATED, events.stability_control_activated),
            (Bit::EVENT_HAZARDOUS_MATERIALS, events.hazardous_materials),
            (Bit::EVENT_HARD_BRAKING, events.hard_braking),
            (Bit::EVENT_LIGHTS_CHANGED, events.lights_changed),
            (Bit::EVENT_WIPERS_CHANGED, events.wipers_changed),
            (Bit::EVENT_FLAT_TIRE, events.flat_tire),
            (Bit::EVENT_DISABLED_VEHICLE, events.disabled),
            (Bit::EVENT_AIR_BAG_DEPLOYMENT, events.airbag_deployed),
        ],
    );
    VehicleSafetyExtensions {
        events: Some(VehicleEventFlags(set)),
        path_history: None,
        path_prediction: None,
        lights: None,
    }
}

fn events_from_wire(flags: &VehicleEventFlags) -> VehicleEvents {
    type Bit = VehicleEventFlags;
    let has = |bit| flags.0.get(bit);
    VehicleEvents {
        hazard_lights: has(Bit::EVENT_HAZARD_LIGHTS),
        stop_line_violation: has(Bit::EVENT_STOP_LINE_VIOLATION),
        abs_activated: has(Bit::EVENT_AB_SACTIVATED),
        traction_control_loss: has(Bit::EVENT_TRACTION_CONTROL_LOSS),
        stability_control_activated: has(Bit::EVENT_STABILITY_CONTROLACTIVATED),
        hazardous_materials: has(Bit::EVENT_HAZARDOUS_MATERIALS),
        hard_braking: has(Bit::EVENT_HARD_BRAKING),
        lights_changed: has(Bit::EVENT_LIGHTS_CHANGED),
        wipers_changed: has(Bit::EVENT_WIPERS_CHANGED),
        flat_tire: has(Bit::EVENT_FLAT_TIRE),
        disabled: has(Bit::EVENT_DISABLED_VEHICLE),
        airbag_deployed: has(Bit::EVENT_AIR_BAG_DEPLOYMENT),
    }
}

pub(crate) fn emergency_to_wire(emergency: &Emergency) -> VehicleEmergencyExtensions {
    let response = |response| match response {
        Response::None => ResponseType::NotInUseOrNotEquipped,
        Response::Emergency => ResponseType::Emergency,
        Response::NonEmergency => ResponseType::NonEmergency,
        Response::Pursuit => ResponseType::Pursuit,
        Response::Stationary => ResponseType::Stationary,
        Response::SlowMoving => ResponseType::SlowMoving,
        Response::StopAndGo => ResponseType::StopAndGoMovement,
    };
    let light = |light| match light {
        LightBar::Off => LightbarInUse::NotInUse,
        LightBar::On => LightbarInUse::InUse,
        LightBar::YellowCaution => LightbarInUse::YellowCautionLights,
        LightBar::SchoolBus => LightbarInUse::SchooldBusLights,
        LightBar::Arrow => LightbarInUse::ArrowSignsActive,
        LightBar::SlowVehicle => LightbarInUse::SlowMovingVehicle,
        LightBar::FrequentStops => LightbarInUse::FreqStops,
    };
    VehicleEmergencyExtensions {
        response_type: emergency.response.map(response),
        siren_use: emergency.siren.map(|on| if on { SirenInUse::InUse } else { SirenInUse::NotInUse }),
        lights_use: emergency.light.map(light),
    }
}

fn emergency_from_wire(extensions: &VehicleEmergencyExtensions) -> Emergency {
    let response = |response| match response {
        ResponseType::NotInUseOrNotEquipped => Response::None,
        ResponseType::Emergency => Response::Emergency,
        ResponseType::NonEmergency => Response::NonEmergency,
        ResponseType::Pursuit => Response::Pursuit,
        ResponseType::Stationary => Response::Stationary,
        ResponseType::SlowMoving => Response::SlowMoving,
        ResponseType::StopAndGoMovement => Response::StopAndGo,
    };
    let siren = |siren| match siren {
        SirenInUse::NotInUse => Some(false),
        SirenInUse::InUse => Some(true),
        SirenInUse::Unavailable | SirenInUse::Reserved => None,
    };
    let light = |light| match light {
        LightbarInUse::Unavailable => None,
        LightbarInUse::NotInUse => Some(LightBar::Off),
        LightbarInUse::InUse => Some(LightBar::On),
        LightbarInUse::YellowCautionLights => Some(LightBar::YellowCaution),
        LightbarInUse::SchooldBusLights => Some(LightBar::SchoolBus),
        LightbarInUse::ArrowSignsActive => Some(LightBar::Arrow),
        LightbarInUse::SlowMovingVehicle => Some(LightBar::SlowVehicle),
        LightbarInUse::FreqStops => Some(LightBar::FrequentStops),
    };
    Emergency {
        response: extensions.response_type.map(response),
        siren: extensions.siren_use.and_then(siren),
        light: extensions.lights_use.and_then(light),
    }
}

/// Everything of the kind in a BSM.
pub(crate) fn read(message: &BasicSafetyMessage) -> VehicleDetails {
    let events = message.safety_ext.as_ref().and_then(|extensions| extensions.events.as_ref());
    VehicleDetails {
        gear: gear_from_wire(message.transmission),
        brakes: brakes_from_wire(&message.brakes),
        vehicle_class: class_from_wire(&message.vehicle_class),
        events: events.map(events_from_wire),
        emergency: message.emergency_ext.as_ref().map(emergency_from_wire),
    }
}
