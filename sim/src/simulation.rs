//! The island in steps of 50 ms: road users, sensors, signals and vehicles' own messages.

use crate::envelope::FleetSecurity;
use crate::fleet::Fleet;
use crate::on_board::{OnBoardTotals, Shown, VehicleMessage};
use crate::outside::{self, OutsideUser};
use crate::radio::{Channel, Radio, Reception, UuLoss};
use crate::rng::Seed;
use crate::scenario::{Scenario, ScenarioError};
use crate::sensor::Sensor;
use crate::traffic::{Lights, RoadNet, Traffic};
use crate::truth::TruthObject;
use crate::virtual_run::{Executor, Serial};
use core::time::Duration;
use jxz_geo::Point;
use jxz_map::Map;
use jxz_units::{Instant, Now, Utc};
use jxz_v2x::MessageKind;
use jxz_world::{JunctionSignals, Scan, SiteId, VehicleId};
use std::sync::{Arc, Mutex};

/// Length of a step.
pub const STEP: Duration = Duration::from_millis(50);
/// Steps from one report of the signals to the next.
const SIGNAL_STEPS: u64 = 4;

/// Why a simulation cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The scenario's numbers are out of range.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// An incident names a site that the map does not have.
    #[error("the scenario's incident names site {0:?}, which the map does not have")]
    UnknownSite(String),
    /// An outage names a base station that the map does not have.
    #[error("the scenario's outage names cell {0:?}, which the map does not have")]
    UnknownCell(String),
}

/// What came about in one step.
#[derive(Debug, Clone, Default)]
pub struct StepOutput {
    /// The step's beginning, that the truth and the signals are for.
    pub at: Option<Now>,
    /// Scans whose time of validity lies within the step, by site.
    pub scans: Vec<(SiteId, Scan)>,
    /// What signal controllers report, each 0.2 s.
    pub signals: Vec<JunctionSignals>,
    /// What vehicles say of themselves at the step's beginning, each of them ten times a second.
    pub messages: Vec<VehicleMessage>,
}

/// One site's sensors.
#[derive(Debug, Clone)]
struct SiteSensors {
    id: SiteId,
    centre: Point,
    /// Nothing farther than this is in any of its sensors' range, metres.
    reach_m: f64,
    sensors: Vec<Sensor>,
    /// Of one step.
    scans: Vec<Scan>,
}

impl SiteSensors {
    fn look(&mut self, truth: &[TruthObject], now: Now) {
        let (from_ns, to_ns) = (now.mono.ns(), (now.mono + STEP).ns());
        let near: Vec<&TruthObject> =
            truth.iter().filter(|object| (object.position - self.centre).norm() < self.reach_m).collect();
        for sensor in &mut self.sensors {
            sensor.scans(&near, now.utc, from_ns, to_ns, &mut self.scans);
        }
    }
}

/// The simulated island. Pure: no clock, no threads, no I/O.
#[derive(Debug)]
pub struct Simulation {
    net: Arc<RoadNet>,
    utc_start: Utc,
    step: u64,
    seed: Seed,
    connected_share: f64,
    lights: Lights,
    traffic: Traffic,
    /// Once road users are moved from outside: how many of them were left out.
    outside: Option<u64>,
    sites: Vec<SiteSensors>,
    fleet: Fleet,
    radio: Radio,
    truth: Vec<TruthObject>,
}

impl Simulation {
    /// An island at rest at `utc_start` with its road users in place.
    ///
    /// # Errors
    /// The scenario has a number out of range or names a site or cell that the map does not have.
    pub fn new(map: Arc<Map>, scenario: &Scenario, seed: u64, utc_start: Utc) -> Result<Self, SimulationError> {
        scenario.check()?;
        for name in scenario.incidents.iter().filter_map(|incident| incident.site.as_ref()) {
            if !map.sites.iter().any(|site| site.id.0 == *name) {
                return Err(SimulationError::UnknownSite(name.clone()));
            }
        }
        for cell in scenario.radio.outages.iter().filter_map(|outage| outage.cell.as_ref()) {
            if !map.base_stations.iter().any(|station| station.id == *cell) {
                return Err(SimulationError::UnknownCell(cell.clone()));
            }
        }
        let seed = Seed(seed);
        let radio = Radio::new(&map, &scenario.radio, seed);
        let lights = Lights::new(&map, utc_start);
        let sites = sites_of(&map, seed);
        let net = Arc::new(RoadNet::new(map));
        let traffic = Traffic::new(Arc::clone(&net), scenario, seed, &lights);
        let fleet = Fleet::new(seed, scenario.on_board.clone(), net.map.frame);
        let connected_share = scenario.on_board.share;
        let mut simulation = Self {
            net,
            utc_start,
            step: 0,
            seed,
            connected_share,
            lights,
            traffic,
            outside: None,
            sites,
            fleet,
            radio,
            truth: Vec::new(),
        };
        simulation.observe();
        Ok(simulation)
    }

    /// From now on vehicles sign what they send, under pseudonyms, and believe only what is signed.
    #[must_use]
    pub fn secured(mut self, security: FleetSecurity) -> Self {
        let now = self.now();
        self.fleet.secure(security, now);
        self.observe();
        self
    }

    /// Signed messages that vehicles verified so far; one heard by many counts once.
    #[must_use]
    pub fn verified(&self) -> u64 {
        self.fleet.verified()
    }

    /// The present moment: the beginning of the next step.
    #[must_use]
    pub fn now(&self) -> Now {
        Now::after_start(self.utc_start, STEP * u32::try_from(self.step).unwrap_or(u32::MAX))
    }

    /// The map.
    #[must_use]
    pub fn map(&self) -> &Arc<Map> {
        &self.net.map
    }

    /// Every road user as it is at [`Self::now`], by number.
    #[must_use]
    pub fn truth(&self) -> &[TruthObject] {
        &self.truth
    }

    /// How often each of the scenario's incidents happened, in the scenario's order.
    #[must_use]
    pub fn incidents(&self) -> &[u64] {
        self.traffic.incidents()
    }

    /// Vehicles taken off the road because they stood for five minutes: zero unless traffic jammed for good.
    #[must_use]
    pub fn removed_stuck(&self) -> u64 {
        self.traffic.removed_stuck
    }

    /// Trips of the demand's table that could not begin: the queue before their entry was full, or no way led to where
    /// they wanted to go.
    #[must_use]
    pub fn turned_away(&self) -> u64 {
        self.traffic.turned_away()
    }

    /// From now on road users are moved from outside, and these are all that there are at [`Self::now`]; to be called
    /// before each [`Self::step`]. The simulation's own road users leave at the first call, and with them the
    /// scenario's incidents. Which of them have an on-board unit is drawn as the scenario says. Drivers are not there
    /// to obey warnings.
    pub fn place(&mut self, users: &[OutsideUser]) {
        let now = self.now();
        if self.outside.is_none() {
            self.traffic.vehicles.clear();
            self.traffic.walkers.clear();
        }
        let drawn = (self.seed, self.connected_share);
        let (truth, left_out) = outside::truth_of(users, drawn, |number| self.fleet.id_of(number, now));
        self.truth = truth;
        self.outside = Some(self.outside.unwrap_or(0) + left_out);
    }

    /// Road users given to [`Self::place`] that were left out: a value that is not finite, a size that cannot be, a
    /// number given twice, or more than 20,000 at once.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.outside.unwrap_or(0)
    }

    /// One step of [`STEP`]: what happens from [`Self::now`] on.
    pub fn step(&mut self) -> StepOutput {
        self.step_by(&Serial)
    }

    /// The same with the sites' sensors looking by `executor`.
    pub(crate) fn step_by(&mut self, executor: &dyn Executor) -> StepOutput {
        let now = self.now();
        self.radio.step(now.mono, &self.truth);
        let mut output = StepOutput { at: Some(now), ..StepOutput::default() };
        self.lights.set(now.utc);
        if self.step.is_multiple_of(SIGNAL_STEPS) {
            output.signals.extend(self.lights.all().cloned());
        }
        output.messages = self.fleet.observe(&self.truth, now, self.step);
        self.scan(now, executor, &mut output);
        if self.outside.is_some() {
            self.step += 1;
            return output;
        }
        self.traffic.step(&self.lights, now.utc, now.mono.ns() as f64 * 1e-9, STEP.as_secs_f64());
        self.step += 1;
        self.observe();
        output
    }

    /// Hands a vehicle's on-board unit what a channel delivered; returns what it shows because of that. Bytes that do
    /// not decode and warnings that are not shown are counted in [`Self::on_board`]; a vehicle that has left takes
    /// nothing.
    pub fn deliver(&mut self, vehicle: VehicleId, channel: Channel, now: Now, bytes: &[u8]) -> Vec<Shown> {
        self.fleet.deliver(vehicle, channel, now, bytes, &mut self.traffic)
    }

    /// Whether no on-board unit would do anything about a message of a kind.
    pub(crate) fn is_idle(&self, kind: MessageKind) -> bool {
        self.fleet.is_idle(kind)
    }

    /// Counts an idle message that a channel delivered.
    pub(crate) fn overhear(&mut self, vehicle: VehicleId, channel: Channel) {
        self.fleet.overhear(vehicle, channel);
    }

    /// What all on-board units received and showed since the start.
    #[must_use]
    pub fn on_board(&self) -> &OnBoardTotals {
        &self.fleet.totals
    }

    /// Both channels: cells, who is on which, what they lost.
    #[must_use]
    pub fn radio(&self) -> &Radio {
        &self.radio
    }

    /// What becomes of a site's message at the vehicles; `flow` is its kind.
    pub(crate) fn broadcast(&mut self, now: Now, site: usize, flow: u32, bytes: usize) -> Vec<Reception<VehicleId>> {
        self.radio.broadcast(now.mono, site, (flow, bytes))
    }

    /// What becomes of a vehicle's message at the sites.
    pub(crate) fn tell(&mut self, now: Now, message: &VehicleMessage) -> Vec<Reception<usize>> {
        self.radio.tell(now.mono, message.road_user, message.position, message.bytes.len())
    }

    /// What becomes of a site's message to the cloud.
    pub(crate) fn uplink(&mut self, now: Instant, site: usize) -> Result<Duration, UuLoss> {
        self.radio.uplink(now, site)
    }

    fn scan(&mut self, now: Now, executor: &dyn Executor, output: &mut StepOutput) {
        let truth = &self.truth;
        let sites: Vec<Mutex<&mut SiteSensors>> = self.sites.iter_mut().map(Mutex::new).collect();
        executor.run(sites.len(), &|number| {
            // Nobody else holds it, so it cannot be poisoned.
            if let Ok(mut site) = sites[number].lock() {
                site.look(truth, now);
            }
        });
        for site in &mut self.sites {
            output.scans.extend(site.scans.drain(..).map(|scan| (site.id.clone(), scan)));
        }
    }

    /// Takes the truth down from the road users.
    fn observe(&mut self) {
        if self.outside.is_some() {
            return;
        }
        let now = self.now();
        self.truth.clear();
        for vehicle in &self.traffic.vehicles {
            let (_, width_m, height_m) = vehicle.kind.size_m();
            let (position, along, yaw) = vehicle.place(&self.net);
            self.truth.push(TruthObject {
                id: vehicle.id,
                kind: vehicle.kind,
                class: vehicle.kind.class(),
                position,
                velocity: vehicle.velocity(along),
                yaw,
                extent_m: (vehicle.length_m, width_m),
                height_m,
                acceleration_mps2: vehicle.a_mps2,
                vehicle: vehicle.connected.then(|| self.fleet.id_of(vehicle.id, now)),
                scripted: vehicle.script.is_some(),
            });
        }
        for walker in &self.traffic.walkers {
            let (position, yaw) = walker.pose();
            let kind = walker.body;
            let (length_m, width_m, height_m) = kind.size_m();
            self.truth.push(TruthObject {
                id: walker.id,
                kind,
                class: kind.class(),
                position,
                velocity: walker.velocity(),
                yaw,
                extent_m: (length_m, width_m),
                height_m,
                acceleration_mps2: 0.0,
                vehicle: None,
                scripted: walker.scripted,
            });
        }
    }
}

/// Every site's sensors, each at its own phase of the period.
fn sites_of(map: &Map, seed: Seed) -> Vec<SiteSensors> {
    let mut number = 0;
    let mut sites = Vec::new();
    for site in &map.sites {
        let count = site.sensors.len().max(1) as f64;
        let reach = |spec: &jxz_world::SensorSpec| (spec.position - site.position).norm() + spec.range_m.1 + 2.0;
        let mut sensors = Vec::new();
        for (index, spec) in site.sensors.iter().enumerate() {
            // Spread over the period on a site, and a little further from site to site.
            let phase = (index as f64 / count + number as f64 * 0.037).fract();
            sensors.push(Sensor::new(spec, seed, number, phase));
            number += 1;
        }
        sites.push(SiteSensors {
            id: site.id.clone(),
            centre: site.position,
            reach_m: site.sensors.iter().map(reach).fold(0.0, f64::max),
            sensors,
            scans: Vec::new(),
        });
    }
    sites
}
