//! All on-board units: made and unmade with their vehicles, and how their drivers react.

use crate::envelope::{FleetSecurity, Opener};
use crate::gnss::Sky;
use crate::on_board::{ByChannel, OnBoardTotals, OnBoardUnit, Shown, Surroundings, VehicleMessage};
use crate::radio::Channel;
use crate::rng::Seed;
use crate::scenario::OnBoardPlan;
use crate::traffic::{Traffic, Wary};
use crate::truth::TruthObject;
use jxz_geo::LocalFrame;
use jxz_units::Now;
use jxz_v2x::MessageKind;
use jxz_world::{Application, Cause, DropCause, Level, VehicleDetails, VehicleId, WarningKind};
use std::collections::BTreeMap;

/// Every unit on the island.
#[derive(Debug)]
pub(crate) struct Fleet {
    seed: Seed,
    plan: OnBoardPlan,
    frame: LocalFrame,
    sky: Sky,
    units: BTreeMap<u64, OnBoardUnit>,
    numbers: BTreeMap<VehicleId, u64>,
    opener: Opener,
    pub(crate) totals: OnBoardTotals,
}

impl Fleet {
    pub(crate) fn new(seed: Seed, plan: OnBoardPlan, frame: LocalFrame) -> Self {
        let opener = Opener::new(plan.profile);
        Self {
            seed,
            sky: Sky::new(&plan.gnss, &frame),
            plan,
            frame,
            units: BTreeMap::new(),
            numbers: BTreeMap::new(),
            opener,
            totals: OnBoardTotals::default(),
        }
    }

    /// From now on units sign what they send and believe only what is signed.
    pub(crate) fn secure(&mut self, security: FleetSecurity, now: Now) {
        self.opener.secure(security);
        for number in self.units.keys().copied().collect::<Vec<_>>() {
            self.enrol(number, now);
        }
    }

    /// Messages verified so far, each once however many vehicles heard it.
    pub(crate) fn verified(&self) -> u64 {
        self.opener.verified
    }

    /// The id of a connected vehicle's unit; the unit is made at the first call.
    pub(crate) fn id_of(&mut self, number: u64, now: Now) -> VehicleId {
        if let Some(unit) = self.units.get(&number) {
            return unit.vehicle;
        }
        let unit = OnBoardUnit::new(self.seed, number, &self.plan);
        let id = unit.vehicle;
        self.numbers.insert(id, number);
        self.units.insert(number, unit);
        self.enrol(number, now);
        self.units.get(&number).map_or(id, |unit| unit.vehicle)
    }

    /// Gives those in `truth` that have a unit the unit's id; `truth` is in order of the road users' numbers as far as
    /// they have units.
    pub(crate) fn name(&mut self, truth: &mut [TruthObject], now: Now) {
        let mut without = Vec::new();
        let mut units = self.units.iter().peekable();
        for (index, object) in truth.iter_mut().enumerate().filter(|(_, object)| object.vehicle.is_some()) {
            while units.next_if(|(number, _)| **number < object.id).is_some() {}
            match units.peek().filter(|(number, _)| **number == object.id) {
                Some((_, unit)) => object.vehicle = Some(unit.vehicle),
                None => without.push(index),
            }
        }
        for index in without {
            truth[index].vehicle = Some(self.id_of(truth[index].id, now));
        }
    }

    /// Gives a unit its pseudonyms, if messages are signed; its id is then the first one's.
    fn enrol(&mut self, number: u64, now: Now) {
        let (Some(security), Some(unit)) = (self.opener.security(), self.units.get_mut(&number)) else { return };
        let before = unit.vehicle;
        if unit.enrol(security, now).is_err() {
            self.totals.drops.count(DropCause::EncodeFailed);
        }
        self.numbers.remove(&before);
        self.numbers.insert(unit.vehicle, number);
    }

    /// Messages of the step's beginning, in order of the vehicles' numbers; units of vehicles that left go.
    pub(crate) fn observe(
        &mut self,
        truth: &[TruthObject],
        now: Now,
        step: u64,
        details: &BTreeMap<u64, VehicleDetails>,
    ) -> Vec<VehicleMessage> {
        let mut messages = Vec::new();
        let mut alive = truth.iter().filter(|object| object.vehicle.is_some()).peekable();
        let surroundings = Surroundings { frame: &self.frame, sky: &self.sky, plan: &self.plan };
        let drops = &mut self.totals.drops;
        let numbers = &mut self.numbers;
        self.units.retain(|number, unit| {
            while alive.next_if(|object| object.id < *number).is_some() {}
            let Some(object) = alive.next_if(|object| object.id == *number) else {
                numbers.remove(&unit.vehicle);
                return false;
            };
            let before = unit.vehicle;
            unit.details = details.get(number).copied().unwrap_or_default();
            messages.extend(unit.observe(object, now, step, &surroundings, drops));
            if unit.vehicle != before {
                numbers.remove(&before);
                numbers.insert(unit.vehicle, *number);
            }
            true
        });
        messages
    }

    /// Whether messages are plain. A signed one may bring its signer's certificate, whatever it says.
    pub(crate) fn is_plain(&self) -> bool {
        self.opener.security().is_none()
    }

    /// Whether no unit would do anything about a plain message: it is not of the one kind that units show.
    pub(crate) const fn is_idle(kind: MessageKind) -> bool {
        !matches!(kind, MessageKind::Rsi(_))
    }

    /// Idle messages were delivered to vehicles that are there.
    pub(crate) fn overhear(&mut self, heard: ByChannel) {
        self.totals.received.add(heard);
    }

    /// What a channel delivered to a vehicle. Its driver reacts if drivers obey.
    pub(crate) fn deliver(
        &mut self,
        vehicle: VehicleId,
        channel: Channel,
        now: Now,
        bytes: &[u8],
        traffic: &mut Traffic,
    ) -> Vec<Shown> {
        let mut shown = Vec::new();
        let Some(number) = self.numbers.get(&vehicle) else { return shown };
        let Some(unit) = self.units.get_mut(number) else { return shown };
        match channel {
            Channel::Uu => self.totals.received.uu += 1,
            Channel::Pc5 => self.totals.received.pc5 += 1,
        }
        match self.opener.open(bytes, now, &self.frame) {
            Ok(received) => unit.receive(channel, now.utc, &received, &mut self.totals, &mut shown),
            Err(cause) => self.totals.drops.count(cause),
        }
        if self.plan.obey {
            for warning in shown.iter().filter(|warning| warning.first) {
                react(traffic, *number, warning, now.mono.ns() as f64 * 1e-9);
            }
        }
        shown
    }
}

/// How long a driver takes to act on a warning, seconds.
const REACTION_S: f64 = 0.7;

/// A driver who stops wants to go so fast, metres per second.
const STOP_MPS: f64 = 0.1;

/// What a driver does about a warning: a speed not to exceed, for some time.
fn react(traffic: &mut Traffic, number: u64, warning: &Shown, time_s: f64) {
    let Some(v_mps) = traffic.speed_mps(number) else { return };
    let (for_s, mps) = match (warning.application.kind(), &warning.cause) {
        (WarningKind::Collision | WarningKind::Pedestrian, _)
        | (WarningKind::VehicleAhead, Cause::Braking { .. })
        | (WarningKind::Signal, Cause::RedLight { .. }) => {
            let mps = match warning.level {
                Level::Advice => (0.7 * v_mps).max(4.0),
                Level::Warning => (0.4 * v_mps).max(2.0),
                Level::Urgent => STOP_MPS,
            };
            (2.5, mps)
        }
        (WarningKind::SpeedLimit, Cause::Overspeed { limit_mps, .. }) => (6.0, 0.97 * limit_mps),
        (WarningKind::VehicleAhead, Cause::Closing { ahead_mps, .. }) => (3.0, ahead_mps.max(3.0)),
        (WarningKind::RoadCondition | WarningKind::EmergencyVehicle, _) => (5.0, (0.7 * v_mps).max(5.0)),
        // Advice changes a route, not a speed.
        _ => return,
    };
    let from_s = time_s + REACTION_S;
    let stays = matches!(warning.application, Application::Bsw | Application::Dnpw);
    traffic.warn(number, Wary { from_s, until_s: from_s + for_s, mps, stays });
}
