//! SUMO's vehicles and people as our road users.

use jxz_exchange::NetLocation;
use jxz_geo::{LocalFrame, Vector};
use jxz_sim::{OutsideUser, RoadUserKind};
use jxz_traci::{Domain, Update, Values, Variable};
use jxz_units::{Heading, Yaw};
use std::collections::BTreeMap;

/// What is asked of vehicles near the sites.
pub(super) const OF_VEHICLE: &[Variable] = &[
    Variable::POSITION,
    Variable::SPEED,
    Variable::ANGLE,
    Variable::CLASS,
    Variable::LENGTH,
    Variable::WIDTH,
    Variable::HEIGHT,
    Variable::ACCELERATION,
];
/// What is asked of people near the sites.
pub(super) const OF_PERSON: &[Variable] =
    &[Variable::POSITION, Variable::SPEED, Variable::ANGLE, Variable::LENGTH, Variable::WIDTH, Variable::VEHICLE];
/// Whoever was out of sight for so many steps is a stranger when it comes back.
const FORGOTTEN_STEPS: u64 = 1200;

/// Numbers for SUMO's names, and where its metres lie.
pub(super) struct Users {
    location: NetLocation,
    frame: LocalFrame,
    /// By SUMO's name: our number, and the step in which it was last there.
    numbers: BTreeMap<String, (u64, u64)>,
    next: u64,
    step: u64,
}

impl Users {
    pub(super) fn new(location: NetLocation, frame: LocalFrame) -> Self {
        Self { location, frame, numbers: BTreeMap::new(), next: 1, step: 0 }
    }

    /// Different road users so far.
    pub(super) fn seen(&self) -> u64 {
        self.next - 1
    }

    /// Everyone whom a step's updates tell of, each once though several sites see it.
    pub(super) fn take(&mut self, updates: Vec<Update>) -> Vec<OutsideUser> {
        self.step += 1;
        let mut users = BTreeMap::new();
        for update in updates {
            let Update::Around { domain, objects, .. } = update else { continue };
            for (name, values) in objects {
                let kind = match domain {
                    Domain::Person => on_foot(&values),
                    _ => values.get(&Variable::CLASS).and_then(|class| kind_of(class.text()?)),
                };
                let Some(kind) = kind else { continue };
                // A vehicle and a person may have one name.
                let id = self.number(format!("{domain:?} {name}"));
                if let Some(user) = self.user(id, kind, &values) {
                    users.insert(id, user);
                }
            }
        }
        if self.step.is_multiple_of(FORGOTTEN_STEPS) {
            self.numbers.retain(|_, (_, last)| *last + FORGOTTEN_STEPS > self.step);
        }
        users.into_values().collect()
    }

    fn number(&mut self, name: String) -> u64 {
        let entry = self.numbers.entry(name).or_insert_with(|| {
            self.next += 1;
            (self.next - 1, 0)
        });
        entry.1 = self.step;
        entry.0
    }

    /// SUMO's place is the middle of the front, its angle is the grid's.
    fn user(&self, id: u64, kind: RoadUserKind, values: &Values) -> Option<OutsideUser> {
        let number = |variable| values.get(&variable).and_then(jxz_traci::Value::number);
        let [x, y] = values.get(&Variable::POSITION)?.position()?;
        let ahead = Heading::from_deg(number(Variable::ANGLE)?).to_yaw().rad();
        let front = self.location.to_local(x, y, &self.frame);
        let on = self.location.to_local(x + ahead.cos(), y + ahead.sin(), &self.frame);
        let along: Vector = on - front;
        let usual = kind.size_m();
        let size = |variable, usual: f64| number(variable).filter(|m| *m > 0.0).unwrap_or(usual);
        let length_m = size(Variable::LENGTH, usual.0);
        Some(OutsideUser {
            id,
            kind,
            position: front - along.try_normalize(1e-9)? * (length_m / 2.0),
            yaw: Yaw::of_vector(along.x, along.y),
            speed_mps: number(Variable::SPEED)?,
            acceleration_mps2: number(Variable::ACCELERATION).unwrap_or(0.0),
            size_m: (length_m, size(Variable::WIDTH, usual.1), size(Variable::HEIGHT, usual.2)),
        })
    }
}

/// A person who is not inside a vehicle.
fn on_foot(values: &Values) -> Option<RoadUserKind> {
    let rides = values.get(&Variable::VEHICLE).and_then(|vehicle| vehicle.text()).is_some_and(|name| !name.is_empty());
    (!rides).then_some(RoadUserKind::Pedestrian)
}

/// What a class of SUMO's is to us; `None`: trains, ships and aircraft.
fn kind_of(class: &str) -> Option<RoadUserKind> {
    Some(match class {
        "bus" | "coach" => RoadUserKind::Bus,
        "truck" | "trailer" | "delivery" => RoadUserKind::Truck,
        "moped" | "scooter" => RoadUserKind::EBike,
        "bicycle" | "motorcycle" => RoadUserKind::Cyclist,
        "pedestrian" | "wheelchair" => RoadUserKind::Pedestrian,
        "tram" | "rail_urban" | "rail" | "rail_electric" | "rail_fast" | "ship" | "container" | "cable_car"
        | "subway" | "aircraft" | "drone" => return None,
        _ => RoadUserKind::Car,
    })
}
