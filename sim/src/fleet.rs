//! All on-board units: made and unmade with their vehicles, and how their drivers react.

use crate::on_board::{OnBoardTotals, OnBoardUnit, Shown, VehicleMessage};
use crate::radio::Channel;
use crate::rng::Seed;
use crate::scenario::OnBoardPlan;
use crate::traffic::Traffic;
use crate::truth::TruthObject;
use jxz_geo::LocalFrame;
use jxz_units::Now;
use jxz_v2x::{Profile, Received};
use jxz_world::{Cause, DropCause, VehicleId, WarningKind};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Decoded frames that are kept for the next vehicle that receives the same bytes.
const DECODED: usize = 512;

/// Every unit on the island.
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    seed: Seed,
    plan: OnBoardPlan,
    frame: LocalFrame,
    units: BTreeMap<u64, OnBoardUnit>,
    numbers: BTreeMap<VehicleId, u64>,
    decoded: Decoded,
    pub(crate) totals: OnBoardTotals,
}

impl Fleet {
    pub(crate) fn new(seed: Seed, plan: OnBoardPlan, frame: LocalFrame) -> Self {
        Self {
            seed,
            plan,
            frame,
            units: BTreeMap::new(),
            numbers: BTreeMap::new(),
            decoded: Decoded::default(),
            totals: OnBoardTotals::default(),
        }
    }

    /// The id of a connected vehicle's unit; the unit is made at the first call.
    pub(crate) fn id_of(&mut self, number: u64) -> VehicleId {
        let unit = self.units.entry(number).or_insert_with(|| OnBoardUnit::new(self.seed, number, &self.plan));
        self.numbers.insert(unit.vehicle, number);
        unit.vehicle
    }

    /// Messages of the step's beginning, in order of the vehicles' numbers; units of vehicles that left go.
    pub(crate) fn observe(&mut self, truth: &[TruthObject], now: Now, step: u64) -> Vec<VehicleMessage> {
        let mut messages = Vec::new();
        let mut alive = truth.iter().filter(|object| object.vehicle.is_some()).peekable();
        let (frame, plan, drops) = (&self.frame, &self.plan, &mut self.totals.drops);
        let numbers = &mut self.numbers;
        self.units.retain(|number, unit| {
            while alive.next_if(|object| object.id < *number).is_some() {}
            let Some(object) = alive.next_if(|object| object.id == *number) else {
                numbers.remove(&unit.vehicle);
                return false;
            };
            messages.extend(unit.observe(object, now, step, (frame, plan), drops));
            true
        });
        messages
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
        match self.decoded.get(bytes, now, &self.frame) {
            Some(received) => unit.receive(channel, now.utc, &received, &mut self.totals, &mut shown),
            None => self.totals.drops.count(DropCause::RadioUndecodable),
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

/// What a driver does about a warning: a speed not to exceed, for some time.
fn react(traffic: &mut Traffic, number: u64, warning: &Shown, time_s: f64) {
    let Some(v_mps) = traffic.speed_mps(number) else { return };
    let (for_s, mps) = match (warning.kind, &warning.cause) {
        (WarningKind::Collision | WarningKind::Pedestrian, _) => (2.5, (0.4 * v_mps).max(2.0)),
        (WarningKind::SpeedLimit, Cause::Overspeed { limit_mps, .. }) => (6.0, 0.97 * limit_mps),
        (WarningKind::VehicleAhead, Cause::Closing { ahead_mps, .. }) => (3.0, ahead_mps.max(3.0)),
        (WarningKind::RoadCondition, _) => (5.0, (0.7 * v_mps).max(5.0)),
        // Advice changes a route, not a speed.
        _ => return,
    };
    traffic.warn(number, time_s + REACTION_S, time_s + REACTION_S + for_s, mps);
}

/// Frames decoded lately. A broadcast reaches many vehicles of one simulation: decoding it once for all of them
/// changes nothing but the time that takes.
#[derive(Debug, Clone, Default)]
struct Decoded {
    frames: BTreeMap<Arc<[u8]>, Option<Arc<Received>>>,
    order: VecDeque<Arc<[u8]>>,
}

impl Decoded {
    /// The decoded frame; `None` if it does not decode.
    fn get(&mut self, bytes: &[u8], now: Now, frame: &LocalFrame) -> Option<Arc<Received>> {
        if let Some(received) = self.frames.get(bytes) {
            return received.clone();
        }
        let received = jxz_v2x::decode(bytes, Profile::default(), now.utc, frame).ok().map(Arc::new);
        if self.order.len() >= DECODED
            && let Some(oldest) = self.order.pop_front()
        {
            self.frames.remove(&oldest);
        }
        let key: Arc<[u8]> = bytes.into();
        self.order.push_back(Arc::clone(&key));
        self.frames.insert(key, received.clone());
        received
    }
}
