//! One site around road users whose movements are given: its sensors see them, its real brain decides, and the
//! vehicles' units hear what it sends.

use crate::gnss::Sky;
use crate::on_board::{OnBoardTotals, OnBoardUnit, Shown, Surroundings};
use crate::radio::Channel;
use crate::rng::Seed;
use crate::scenario::{OnBoardPlan, WeatherPlan};
use crate::sensor::{Around, Conditions, Place, Scratch, Sensor, Sent};
use crate::simulation::STEP;
use crate::truth::TruthObject;
use jxz_edge::{Edge, EdgeConfig, EdgeError, Input, NoStopwatch, Output};
use jxz_geo::Point;
use jxz_map::Map;
use jxz_units::{Instant, Now, Utc};
use jxz_world::{Drops, NodeState, RecordBody, SiteId, VehicleId, Warning};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What came about in one step.
#[derive(Debug, Clone, Default)]
pub struct PlayOutput {
    /// Each round's state, as it goes to the cloud.
    pub states: Vec<NodeState>,
    /// Every change of a warning.
    pub warnings: Vec<Warning>,
    /// What drivers were shown.
    pub shown: Vec<Shown>,
    /// Which sensor detected whom: what no fusion can know, for those who judge one.
    pub sightings: Vec<Sighting>,
}

/// One sensor's detection of one road user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// The scan's time.
    pub at: Utc,
    /// Index of the sensor among the site's.
    pub sensor: usize,
    /// The road user's number.
    pub object: u64,
}

/// A site with its sensors, its brain, and the on-board units around it. Scans take their usual time to the brain,
/// messages none on the channels. It is a clear day, and nothing is built: recordings come from other places.
pub struct SitePlay {
    map: Arc<Map>,
    edge: Edge,
    sensors: Vec<Sensor>,
    conditions: Conditions,
    scratch: Scratch,
    near: Vec<usize>,
    /// Scans on their way to the brain.
    sent: Vec<Sent>,
    units: BTreeMap<u64, OnBoardUnit>,
    plan: OnBoardPlan,
    sky: Sky,
    seed: Seed,
    utc_start: Utc,
    step: u64,
    totals: OnBoardTotals,
    frames_sent: BTreeMap<&'static str, u64>,
}

impl SitePlay {
    /// The site at rest at `utc_start`. Every vehicle that turns up has a unit.
    ///
    /// # Errors
    /// The map has no such site, or its sensors make no fusion.
    pub fn new(map: Arc<Map>, site: &SiteId, plan: OnBoardPlan, seed: u64, utc_start: Utc) -> Result<Self, EdgeError> {
        let now = Now::after_start(utc_start, core::time::Duration::ZERO);
        let edge = Edge::new(now, map.clone(), site, EdgeConfig::default(), Box::new(NoStopwatch))?;
        let seed = Seed(seed);
        let specs = &edge.site().sensors;
        let phase = |index: usize| index as f64 / specs.len().max(1) as f64;
        let place = Place { map: &map, streets: None, seed };
        let sensor = |(i, spec)| Sensor::new(spec, &place, Vec::new(), i as u64, phase(i));
        let sensors = specs.iter().enumerate().map(sensor).collect();
        let origin = map.frame.to_wgs84(Point::origin());
        Ok(Self {
            sky: Sky::new(&plan.gnss, &map.frame),
            map,
            edge,
            sensors,
            conditions: Conditions::of(&WeatherPlan::default(), origin, utc_start, 0.0),
            scratch: Scratch::default(),
            near: Vec::new(),
            sent: Vec::new(),
            units: BTreeMap::new(),
            plan,
            seed,
            utc_start,
            step: 0,
            totals: OnBoardTotals::default(),
            frames_sent: BTreeMap::new(),
        })
    }

    /// The present moment: the beginning of the next step.
    #[must_use]
    pub fn now(&self) -> Now {
        Now::after_start(self.utc_start, STEP * u32::try_from(self.step).unwrap_or(u32::MAX))
    }

    /// The id of a vehicle's unit; the unit is made at the first call.
    pub fn vehicle_id(&mut self, number: u64) -> VehicleId {
        self.units.entry(number).or_insert_with(|| OnBoardUnit::new(self.seed, number, &self.plan)).vehicle
    }

    /// What all units together received and showed.
    #[must_use]
    pub fn on_board(&self) -> &OnBoardTotals {
        &self.totals
    }

    /// What the brain dropped, by cause.
    #[must_use]
    pub fn drops(&self) -> &Drops {
        self.edge.drops()
    }

    /// Frames sent, by kind of message.
    #[must_use]
    pub fn frames_sent(&self) -> &BTreeMap<&'static str, u64> {
        &self.frames_sent
    }

    /// One step of [`STEP`] with the truth at its beginning, in order of the road users' numbers.
    pub fn step(&mut self, truth: &[TruthObject]) -> PlayOutput {
        let now = self.now();
        let mut output = PlayOutput::default();
        self.units.retain(|number, _| truth.binary_search_by_key(number, |o| o.id).is_ok());
        for object in truth.iter().filter(|o| o.vehicle.is_some()) {
            let Some(unit) = self.units.get_mut(&object.id) else { continue };
            let surroundings = Surroundings { frame: &self.map.frame, sky: &self.sky, plan: &self.plan };
            if let Some(message) = unit.observe(object, now, self.step, &surroundings, &mut self.totals.drops) {
                self.feed(now, Input::Radio(message.bytes), &mut output);
            }
        }
        let end = now.mono + STEP;
        self.near.clear();
        self.near.extend(0..truth.len());
        let (near, conditions) = (&self.near[..], &self.conditions);
        let (utc, from_ns, to_ns) = (now.utc, now.mono.ns(), end.ns());
        let around = Around { truth, near, conditions, utc, from_ns, to_ns };
        for (index, sensor) in self.sensors.iter_mut().enumerate() {
            sensor.scans(&around, &mut self.scratch, &mut self.sent);
            let sighting = |&(at, object): &(Utc, u64)| Sighting { at, sensor: index, object };
            output.sightings.extend(sensor.seen().iter().map(sighting));
        }
        self.sent.sort_by_key(|sent| sent.arrives);
        let due = self.sent.partition_point(|sent| sent.arrives < end);
        for sent in self.sent.drain(..due).collect::<Vec<_>>() {
            let at = Now::after_start(self.utc_start, sent.arrives.since(Instant::ZERO));
            self.feed(at, Input::Scan(sent.scan), &mut output);
        }
        self.step += 1;
        self.run_until(self.now(), &mut output);
        output
    }

    fn feed(&mut self, at: Now, input: Input, output: &mut PlayOutput) {
        self.run_until(at, output);
        self.edge.handle(at, input);
        self.drain(at, output);
    }

    /// Lets the brain do what is due before a moment.
    fn run_until(&mut self, until: Now, output: &mut PlayOutput) {
        while let Some(due) = self.edge.next_deadline().filter(|due| *due < until.mono) {
            let at = Now::after_start(self.utc_start, due.since(Instant::ZERO));
            self.edge.handle(at, Input::Timer);
            self.drain(at, output);
        }
    }

    fn drain(&mut self, at: Now, output: &mut PlayOutput) {
        while let Some(out) = self.edge.poll() {
            match out {
                Output::State(state) => output.states.push(state),
                Output::Record(record) => {
                    if let RecordBody::Warning(warning) = record.body {
                        output.warnings.push(warning);
                    }
                }
                Output::Broadcast(frame) => {
                    *self.frames_sent.entry(frame.kind.name()).or_default() += 1;
                    self.hear(at, &frame.bytes, output);
                }
                _ => {}
            }
        }
    }

    fn hear(&mut self, at: Now, bytes: &[u8], output: &mut PlayOutput) {
        let Ok(received) = jxz_v2x::decode(bytes, self.plan.profile, at.utc, &self.map.frame) else {
            self.totals.drops.count(jxz_world::DropCause::RadioUndecodable);
            return;
        };
        for unit in self.units.values_mut() {
            for channel in [Channel::Pc5, Channel::Uu] {
                unit.receive(channel, at.utc, &received, &mut self.totals, &mut output.shown);
            }
        }
    }
}
