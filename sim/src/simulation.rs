//! The island in steps of 50 ms: road users, sensors, signals and vehicles' own messages.

use crate::envelope::FleetSecurity;
use crate::fleet::Fleet;
use crate::on_board::{ByChannel, OnBoardTotals, Shown, VehicleMessage};
use crate::outside::{self, OutsideUser};
use crate::radio::{Channel, Radio, Streets, UuLoss};
use crate::rng::Seed;
use crate::scenario::{Buildings, Scenario, ScenarioError, WeatherPlan};
use crate::sensor::{self, Around, Conditions, Place, Scratch, Sensor};
use crate::traffic::{Lights, RoadNet, Traffic};
use crate::truth::TruthObject;
use crate::virtual_run::{Executor, Job, Serial, run_all};
use core::time::Duration;
use jxz_geo::{Point, Wgs84};
use jxz_map::Map;
use jxz_units::{Instant, Now, Utc};
use jxz_v2x::MessageKind;
use jxz_world::{JunctionSignals, RoadReport, Scan, SiteId, VehicleId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Length of a step.
pub const STEP: Duration = Duration::from_millis(50);
/// Steps from one report of the signals to the next.
const SIGNAL_STEPS: u64 = 4;
/// Steps from one report of the road's conditions to the next.
const CONDITION_STEPS: u64 = 20;
/// Who watches the road tells of an incident so long after it began, and each report holds so long, seconds.
const KNOWN_AFTER_S: f64 = 5.0;
const REPORT_HOLDS_S: f64 = 3.0;
/// Visibility in the fog of an incident, metres.
const FOG_VISIBILITY_M: f64 = 80.0;

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
    /// An entry of the scenario's sensors fits none of the map's.
    #[error("the scenario's [[sensors]] entry for {whom} fits no sensor of the map; it has {exist}")]
    UnknownSensor {
        /// Which site, name and kind the entry names.
        whom: String,
        /// What the map has.
        exist: String,
    },
    /// A line of the demand names a road at whose end nobody enters or leaves the map.
    #[error("the scenario's demand has {key} = {road:?}, which is no road at the map's edge; there are {}", there.join(", "))]
    UnknownRoad {
        /// `from` or `to`.
        key: &'static str,
        /// The name.
        road: String,
        /// Ids, with their names, of the roads that could be meant.
        there: Vec<String>,
    },
}

/// A scan on its way to its site's node.
#[derive(Debug, Clone, PartialEq)]
pub struct SentScan {
    /// Which site.
    pub site: SiteId,
    /// When it arrives there, since the start; scans of one sensor may overtake each other.
    pub arrives: Instant,
    /// What it says.
    pub scan: Scan,
}

/// What came about in one step.
#[derive(Debug, Clone, Default)]
pub struct StepOutput {
    /// The step's beginning, that the truth and the signals are for.
    pub at: Option<Now>,
    /// Scans that are taken within the step, by site.
    pub scans: Vec<SentScan>,
    /// What signal controllers report, each 0.2 s.
    pub signals: Vec<JunctionSignals>,
    /// What those who watch the road say of it, each second.
    pub conditions: Vec<RoadReport>,
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
    /// Whether fog of an incident lies there.
    fog: bool,
    /// Of one step.
    near: Vec<usize>,
    sent: Vec<sensor::Sent>,
    scratch: Scratch,
}

impl SiteSensors {
    fn look(&mut self, truth: &[TruthObject], now: Now, clear: &Conditions) {
        let conditions = if self.fog { clear.in_fog(FOG_VISIBILITY_M) } else { *clear };
        self.near.clear();
        let (centre, reach_m2) = (self.centre, self.reach_m * self.reach_m);
        let near = |object: &TruthObject| (object.position - centre).norm_squared() < reach_m2;
        self.near.extend(truth.iter().enumerate().filter(|(_, object)| near(object)).map(|(index, _)| index));
        let around = Around {
            truth,
            near: &self.near,
            conditions: &conditions,
            utc: now.utc,
            from_ns: now.mono.ns(),
            to_ns: (now.mono + STEP).ns(),
        };
        for sensor in &mut self.sensors {
            sensor.scans(&around, &mut self.scratch, &mut self.sent);
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
    weather: WeatherPlan,
    place: Wgs84,
    sites: Vec<SiteSensors>,
    fleet: Fleet,
    radio: Radio,
    truth: Vec<TruthObject>,
    /// The truth after the step, while that is played.
    coming: Vec<TruthObject>,
}

impl Simulation {
    /// An island at rest at `utc_start` with its road users in place.
    ///
    /// # Errors
    /// The scenario has a number out of range or names a site, cell or sensor that the map does not have.
    pub fn new(map: Arc<Map>, scenario: &Scenario, seed: u64, utc_start: Utc) -> Result<Self, SimulationError> {
        scenario.check()?;
        let map = scenario.area.narrow(map)?;
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
        if let Some((key, road, there)) = crate::traffic::unknown_road(&map, &scenario.traffic) {
            return Err(SimulationError::UnknownRoad { key, road, there });
        }
        let seed = Seed(seed);
        let radio = Radio::new(&map, &scenario.radio, seed);
        let lights = Lights::new(&map, utc_start);
        let sites = sites_of(&map, scenario, seed)?;
        let place = map.frame.to_wgs84(Point::origin());
        let net = Arc::new(RoadNet::new(map));
        let mut traffic = Traffic::new(Arc::clone(&net), scenario, seed, &lights);
        traffic.set_stage(scenario, seed, &lights, utc_start)?;
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
            weather: scenario.weather.clone(),
            place,
            sites,
            fleet,
            radio,
            truth: Vec::new(),
            coming: Vec::new(),
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

    /// The number of an actor among the road users, also before it appears and after it has left.
    #[must_use]
    pub fn actor(&self, name: &str) -> Option<u64> {
        self.actors().find(|(actor, _)| *actor == name).map(|(_, number)| number)
    }

    /// Every actor's name and number, in the scenario's order.
    pub fn actors(&self) -> impl Iterator<Item = (&str, u64)> {
        self.traffic.actors()
    }

    /// Whether a vehicle is more than a tenth over the limit where it is, a scripted incident's too.
    #[must_use]
    pub fn is_speeding(&self, vehicle: &TruthObject) -> bool {
        self.traffic.is_speeding(vehicle.id)
    }

    /// Whether a vehicle is the first before a light that does not let it go.
    #[must_use]
    pub fn faces_red(&self, vehicle: &TruthObject) -> bool {
        self.traffic.faces_red(vehicle.id, &self.lights)
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

    /// The incidents that lie on the road and are known by now, as reports.
    fn conditions(&self, now: Now) -> impl Iterator<Item = RoadReport> {
        let time_s = now.mono.ns() as f64 * 1e-9;
        self.traffic.conditions(time_s - KNOWN_AFTER_S).map(move |condition| RoadReport {
            id: condition.id,
            hazard: condition.hazard,
            at: condition.at,
            radius_m: condition.radius_m,
            safe_mps: condition.safe_mps,
            valid_until: now.utc.plus_seconds(REPORT_HOLDS_S.min(condition.until_s - time_s)),
        })
    }

    /// One step of [`STEP`]: what happens from [`Self::now`] on.
    pub fn step(&mut self) -> StepOutput {
        self.step_by(&Serial)
    }

    /// The same with what does not depend on each other done by `executor`.
    pub(crate) fn step_by(&mut self, executor: &dyn Executor) -> StepOutput {
        let now = self.now();
        let mut output = StepOutput { at: Some(now), ..StepOutput::default() };
        self.lights.set(now.utc);
        if self.step.is_multiple_of(SIGNAL_STEPS) {
            output.signals.extend(self.lights.all().cloned());
        }
        if self.step.is_multiple_of(CONDITION_STEPS) {
            output.conditions.extend(self.conditions(now));
        }
        let time_s = now.mono.since(Instant::ZERO).as_secs_f64();
        let conditions = Conditions::of(&self.weather, self.place, now.utc, time_s);
        for site in &mut self.sites {
            site.fog = self.traffic.is_foggy(site.centre);
        }
        self.play(now, &conditions, executor, &mut output);
        for site in &mut self.sites {
            let SiteSensors { id, sent, .. } = site;
            let of_site = |sent: sensor::Sent| SentScan { site: id.clone(), arrives: sent.arrives, scan: sent.scan };
            output.scans.extend(sent.drain(..).map(of_site));
        }
        self.step += 1;
        if self.outside.is_none() {
            core::mem::swap(&mut self.truth, &mut self.coming);
            let now = self.now();
            self.fleet.name(&mut self.truth, now);
        }
        output
    }

    /// From the truth at the step's beginning follow, each by itself: how road users move on, what sensors see, what
    /// vehicles say, and where the radio reaches.
    fn play(&mut self, now: Now, conditions: &Conditions, executor: &dyn Executor, output: &mut StepOutput) {
        let moves = self.outside.is_none();
        let details = self.traffic.details(&self.truth);
        let Self { lights, traffic, sites, fleet, radio, truth, coming, step, .. } = self;
        let (truth, lights, step) = (&truth[..], &*lights, *step);
        let measures = radio.measures(now.mono);
        let (air, ears, stations, network) = radio.begin(now.mono, truth);
        let (air, mut forgets, messages) = (&air, false, &mut output.messages);
        let mut jobs: Vec<Job<'_>> = Vec::with_capacity(ears.len() + sites.len() + 4);
        if moves {
            jobs.push(Box::new(move || {
                traffic.step(lights, now.utc, now.mono.ns() as f64 * 1e-9, STEP.as_secs_f64());
                traffic.observe(coming);
            }));
        }
        jobs.push(Box::new(move || *messages = fleet.observe(truth, now, step, &details)));
        let gone = &mut forgets;
        jobs.push(Box::new(move || *gone = air.serve(now.mono + STEP, network)));
        if measures {
            jobs.push(Box::new(move || air.measure(stations)));
        }
        jobs.extend(ears.iter_mut().map(|ear| Box::new(move || air.listen(ear)) as Job<'_>));
        jobs.extend(sites.iter_mut().map(|site| Box::new(move || site.look(truth, now, conditions)) as Job<'_>));
        run_all(executor, jobs);
        self.radio.settle(now.mono, measures, forgets);
    }

    /// Hands a vehicle's on-board unit what a channel delivered; returns what it shows because of that. Bytes that do
    /// not decode and warnings that are not shown are counted in [`Self::on_board`]; a vehicle that has left takes
    /// nothing.
    pub fn deliver(&mut self, vehicle: VehicleId, channel: Channel, now: Now, bytes: &[u8]) -> Vec<Shown> {
        self.fleet.deliver(vehicle, channel, now, bytes, &mut self.traffic)
    }

    /// Whether messages are plain.
    pub(crate) fn is_plain(&self) -> bool {
        self.fleet.is_plain()
    }

    /// Whether no on-board unit would do anything about a plain message of a kind.
    pub(crate) const fn is_idle(kind: MessageKind) -> bool {
        Fleet::is_idle(kind)
    }

    /// Counts idle messages that channels delivered to vehicles.
    pub(crate) fn overhear(&mut self, heard: ByChannel) {
        self.fleet.overhear(heard);
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

    /// Both channels, to be changed.
    pub(crate) fn radio_mut(&mut self) -> &mut Radio {
        &mut self.radio
    }

    /// What becomes of a site's message to the cloud.
    pub(crate) fn uplink(&mut self, now: Instant, site: usize) -> Result<Duration, UuLoss> {
        self.radio.uplink(now, site)
    }

    /// The delay of the cloud's word to a site, or why it is lost.
    pub(crate) fn downlink(&mut self, now: Instant, site: usize) -> Result<Duration, UuLoss> {
        self.radio.downlink(now, site)
    }

    /// Takes the truth down from the road users.
    fn observe(&mut self) {
        if self.outside.is_none() {
            let now = self.now();
            self.traffic.observe(&mut self.truth);
            self.fleet.name(&mut self.truth, now);
        }
    }
}

/// Every site's sensors, each at its own phase of the period.
fn sites_of(map: &Map, scenario: &Scenario, seed: Seed) -> Result<Vec<SiteSensors>, SimulationError> {
    let all = || map.sites.iter().flat_map(|site| site.sensors.iter().map(move |spec| (site, spec)));
    for fault in &scenario.sensors {
        if !all().any(|(site, spec)| fault.names(&site.id.0, spec.kind, &spec.id.0)) {
            let names: BTreeSet<&str> = all().map(|(_, spec)| spec.id.0.as_str()).collect();
            let sites: Vec<&str> = map.sites.iter().map(|site| site.id.0.as_str()).collect();
            let names: Vec<&str> = names.into_iter().collect();
            let exist = format!("sensors {} on sites {}", names.join(", "), sites.join(", "));
            return Err(SimulationError::UnknownSensor { whom: fault.whom(), exist });
        }
    }
    let streets =
        (all().next().is_some() && scenario.weather.buildings == Buildings::AlongStreets).then(|| Streets::new(map));
    let place = Place { map, streets: streets.as_ref(), seed };
    let mut number = 0;
    let mut sites = Vec::new();
    for site in &map.sites {
        let count = site.sensors.len().max(1) as f64;
        let mut reach_m = 0.0_f64;
        let mut sensors = Vec::new();
        for (index, spec) in site.sensors.iter().enumerate() {
            // Spread over the period on a site, and a little further from site to site.
            let phase = (index as f64 / count + number as f64 * 0.037).fract();
            let of_it = scenario.sensors.iter().filter(|fault| fault.names(&site.id.0, spec.kind, &spec.id.0));
            let faults: Vec<_> = of_it.cloned().collect();
            let shift_m: f64 = faults.iter().map(|f| f.position_m[0].abs() + f.position_m[1].abs()).sum();
            reach_m = reach_m.max((spec.position - site.position).norm() + spec.range_m.1 + shift_m + 2.0);
            sensors.push(Sensor::new(spec, &place, faults, number, phase));
            number += 1;
        }
        sites.push(SiteSensors {
            id: site.id.clone(),
            centre: site.position,
            reach_m,
            sensors,
            fog: false,
            near: Vec::new(),
            sent: Vec::new(),
            scratch: Scratch::default(),
        });
    }
    Ok(sites)
}
