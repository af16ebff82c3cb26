//! The state machine itself.

mod inside;

use crate::broadcast::{MAP_PERIOD, Periodic, RepeatTable, SIGNALS_VALID_S, SPAT_PERIOD};
use crate::clock::ClockWatch;
use crate::conditions::Conditions;
use crate::congestion::CityTraffic;
use crate::guard::{Doubt, Guard, Security};
use crate::health::{Health, Stopwatch};
use crate::nearness::Nearness;
use crate::neighbours::{COVERAGE_MARGIN_M, Neighbours};
use crate::pace::Pace;
use crate::{Configuration, EdgeConfig, EdgeError, Input, Output};
use jxz_fusion::{Bounds, LaneField, Lateness, ReportFate, Tracker, Witness};
use jxz_hazard::{HazardConfig, Hazards, Round};
use jxz_map::{JunctionIx, LaneKind, Map};
use jxz_security::{HashedId8, Psid, Spdu, Verdict};
use jxz_units::{Instant, Now};
use jxz_v2x::{Encoded, Encoder, MessageKind, Profile, Received, RoadUser, UnitId};
use jxz_world::{
    ConfigVersion, DropCause, JunctionSignals, LatencyStage, NodeState, Record, RecordBody, Scan, Service, Site,
    SiteId, Track, VehicleDetails, VehicleReport, Warning, WarningStage,
};
use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// Outputs waiting to be polled; a daemon that polls after every input never comes near.
const OUTBOX_LIMIT: usize = 4096;
/// Application ids of vehicles' own messages.
const BSM_APPLICATIONS: RangeInclusive<u32> = 111..=114;
/// A vehicle's report may be this much ahead of our clock, seconds.
const REPORT_AHEAD_S: f64 = 0.2;
/// A vehicle's report may be this old, seconds.
const REPORT_BEHIND_S: f64 = 2.0;
/// Reports from farther than this from the unit are not of its site, metres (the F2MD range check).
const REPORT_RANGE_M: f64 = 420.0;
/// Vehicles whose last report is remembered to know a repeated one.
const REPORT_MEMORY: usize = 4096;

/// The brain of one roadside node.
pub struct Edge {
    site: Site,
    map: Arc<Map>,
    junction: Option<JunctionIx>,
    config: EdgeConfig,
    pub(crate) tracker: Tracker,
    pub(crate) hazards: Hazards,
    nearness: Nearness,
    neighbours: Neighbours,
    pub(crate) encoder: Encoder,
    guard: Option<Guard>,
    doubt: Doubt,
    signals: Option<JunctionSignals>,
    reports: BTreeMap<jxz_world::VehicleId, VehicleReport>,
    conditions: Conditions,
    city: CityTraffic,
    configuration: Option<ConfigVersion>,
    pace: Pace,
    spat: Periodic,
    map_due: Periodic,
    health_due: Periodic,
    pub(crate) repeats: RepeatTable,
    health: Health,
    clock: ClockWatch,
    state_sequence: u64,
    pub(crate) record_sequence: u64,
    tracks_now: usize,
    outbox: VecDeque<Output>,
}

impl Edge {
    /// A node for `site` of `map`, with nothing seen yet.
    ///
    /// # Errors
    /// The site is not in the map, its sensors make no fusion, or a setting is out of range.
    pub fn new(
        now: Now,
        map: Arc<Map>,
        site: &SiteId,
        config: EdgeConfig,
        stopwatch: Box<dyn Stopwatch>,
    ) -> Result<Self, EdgeError> {
        for (name, value, limit) in [
            ("round_s", config.round_s, 1.0),
            ("state_valid_s", config.state_valid_s, 60.0),
            ("health_s", config.health_s, 3600.0),
        ] {
            if !(value > 0.0 && value <= limit) {
                return Err(EdgeError::Setting { name, value, limit });
            }
        }
        let site =
            map.sites.iter().find(|s| s.id == *site).ok_or_else(|| EdgeError::UnknownSite(site.clone()))?.clone();
        let tracker = tracker_of(&map, &site, &config)?;
        let junction = site.junction.as_ref().and_then(|id| {
            let position = map.junctions.iter().position(|j| j.id == *id)?;
            u32::try_from(position).ok().map(JunctionIx)
        });
        let start = now.mono;
        Ok(Self {
            hazards: Hazards::new(map.clone(), &site, config.hazard.clone()),
            nearness: Nearness::new(&map, &site, junction),
            neighbours: Neighbours::new(&map, &site, config.boot, start),
            encoder: Encoder::for_site(
                &map,
                &site,
                config.profile,
                UnitId(site.id.hash64().to_be_bytes()),
                (config.boot % 128) as u8,
            ),
            guard: None,
            doubt: Doubt::new(&site)?,
            tracker,
            junction,
            signals: None,
            reports: BTreeMap::new(),
            conditions: Conditions::default(),
            city: CityTraffic::default(),
            configuration: None,
            pace: Pace::starting(start, Duration::from_secs_f64(config.round_s)),
            spat: Periodic::starting(start, SPAT_PERIOD),
            map_due: Periodic::starting(start, MAP_PERIOD),
            health_due: Periodic::starting(start, Duration::from_secs_f64(config.health_s)),
            repeats: RepeatTable::default(),
            health: Health::new(now, &site.sensors, stopwatch),
            clock: ClockWatch::starting(now),
            state_sequence: 0,
            record_sequence: 0,
            tracks_now: 0,
            outbox: VecDeque::new(),
            site,
            map,
            config,
        })
    }

    /// From now on the node signs what it sends, and believes only what is signed. Without this it speaks and hears
    /// plain messages, which suits a laboratory.
    #[must_use]
    pub fn secured(mut self, security: Security) -> Self {
        self.guard = Some(Guard::new(security));
        self
    }

    /// Takes one input. Outputs that follow are waiting in [`Self::poll`] afterwards.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.handle_before(now, input, &mut ());
    }

    /// [`Self::handle`], telling a witness what a scan means for the tracks it asks about.
    pub fn handle_before(&mut self, now: Now, input: Input, witness: &mut impl Witness) {
        if let Some(moved_s) = self.clock.look(now) {
            self.begin_anew(now, moved_s);
        }
        match input {
            Input::Scan(scan) => self.handle_scan(now, &scan, witness),
            Input::Signals(signals) => self.handle_signals(now, signals),
            Input::Radio(bytes) => self.handle_radio(now, &bytes),
            Input::Verified(ticket, verdict) => self.handle_verdict(now, ticket, verdict),
            Input::Revocations(list) => self.handle_revocations(now, &list),
            Input::Neighbour(word) => {
                self.neighbours.hear(now, word, &mut self.tracker, &mut self.health.drops);
            }
            Input::RoadCondition(report) => {
                if !self.conditions.take(now, &self.site, report) {
                    self.health.drops.count(DropCause::ConditionRejected);
                }
            }
            Input::Congestion(report) => {
                if !self.city.take(now, &self.map, report) {
                    self.health.drops.count(DropCause::CongestionRejected);
                }
            }
            Input::Hazard(config) => self.handle_settings(*config),
            Input::Configuration(configuration) => self.handle_configuration(now, *configuration),
            Input::Succession(theirs) => self.succeed(now, *theirs),
            Input::ClockError(error) => self.health.clock_error = Some(error),
            Input::Links(links) => self.health.links = links,
            Input::Timer => {}
        }
        self.run_due(now);
    }

    /// The next thing to be done outside, in order.
    pub fn poll(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    /// When [`Self::handle`] must be called again even if nothing comes in.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let own = [self.pace.due(), self.spat.due(), self.map_due.due(), self.health_due.due()];
        own.into_iter().chain(self.neighbours.due()).min()
    }

    /// When neighbours are told of road users again ([`Output::Neighbour`]); never, without neighbours.
    #[must_use]
    pub fn next_word(&self) -> Option<Instant> {
        self.neighbours.due()
    }

    /// A round, lights and map are due now.
    pub(crate) fn speak_at_once(&mut self, now: Instant) {
        self.pace.at_once();
        self.spat = Periodic::starting(now, SPAT_PERIOD);
        self.map_due = Periodic::starting(now, MAP_PERIOD);
    }

    fn handle_scan(&mut self, now: Now, scan: &Scan, witness: &mut impl Witness) {
        self.health.latencies.record_s(LatencyStage::Ingest, now.utc.seconds_since(scan.valid_at));
        self.health.scan_seen(scan);
        let started = self.health.start();
        let outcome = self.tracker.handle_scan_before(scan, witness);
        self.health.stop(LatencyStage::Fuse, started);
        match outcome {
            Ok(outcome) => {
                self.health.drops.add(DropCause::SensorNotFinite, outcome.unusable as u64);
                self.health.drops.add(DropCause::SensorQueueFull, outcome.over_limit as u64);
                self.health.drops.add(DropCause::TracksFull, outcome.births_refused as u64);
                if outcome.lateness == Lateness::TooLate {
                    self.health.drops.count(DropCause::SensorStale);
                } else {
                    self.neighbours.measured(scan.valid_at);
                    self.pace.heard(now.mono);
                }
            }
            Err(_) => self.health.drops.count(DropCause::SensorUnknown),
        }
    }

    fn handle_signals(&mut self, now: Now, signals: JunctionSignals) {
        let ours = self.site.junction.as_ref() == Some(&signals.junction);
        let newer = self.signals.as_ref().is_none_or(|held| held.valid_at < signals.valid_at);
        let ahead_s = signals.valid_at.seconds_since(now.utc);
        if ours && newer && (-SIGNALS_VALID_S..=REPORT_AHEAD_S).contains(&ahead_s) {
            self.signals = Some(signals);
        } else {
            self.health.drops.count(DropCause::SignalRejected);
        }
    }

    /// The wall clock was set: all that is known of road users is of another time. Warnings end, since nobody can tell
    /// how old what they stand on is; tracks and warnings that come now have new numbers.
    fn begin_anew(&mut self, now: Now, moved_s: f64) {
        if let Ok(tracker) = tracker_of(&self.map, &self.site, &self.config) {
            self.tracker = tracker.succeeding(&self.tracker);
        }
        let ended: Vec<Warning> = self.hazards.alive().cloned().collect();
        for warning in ended {
            let (revision, stage) = (warning.revision + 1, WarningStage::Cancelled);
            self.record(RecordBody::Warning(Warning { revision, stage, valid_until: now.utc, ..warning }));
        }
        self.hazards = Hazards::new(Arc::clone(&self.map), &self.site, self.hazards.config().clone());
        self.neighbours.begin_anew();
        self.repeats = RepeatTable::default();
        self.signals = None;
        self.reports.clear();
        self.health.clock_set(moved_s);
    }

    /// Warnings' settings from the next round on; nonsense changes nothing.
    fn handle_settings(&mut self, config: HazardConfig) {
        if config.check().is_ok() {
            self.hazards.set_config(config);
        } else {
            self.health.drops.count(DropCause::SettingsRejected);
        }
    }

    /// All of a configuration or, out of range, nothing.
    fn handle_configuration(&mut self, now: Now, configuration: Configuration) {
        if configuration.check().is_err() {
            self.health.drops.count(DropCause::SettingsRejected);
            return;
        }
        self.hazards.set_config(configuration.hazard);
        self.health_due = Periodic::starting(now.mono, Duration::from_secs_f64(configuration.health_s));
        self.configuration = Some(configuration.version);
    }

    /// In the order of cost: the envelope's cheap checks, whether the message matters here, then the signature (by
    /// way of [`Output::Verify`]), then whether what it says can be.
    fn handle_radio(&mut self, now: Now, bytes: &[u8]) {
        let outcome = match self.guard.take() {
            None => self.relevant_report(now, None, bytes).map(|report| self.use_report(now, report, None)),
            Some(mut guard) => {
                let held = match guard.open(now, bytes) {
                    Ok(opened) => self
                        .relevant_report(now, Some(opened.psid), opened.payload)
                        .and_then(|report| guard.hold(opened, report)),
                    // Who is far away is never verified, so that all but his full certificates come from a stranger:
                    // counted as what it is, another site's.
                    Err(DropCause::RadioUnknownSigner) if self.is_far(now, bytes) => Err(DropCause::RadioOutOfRange),
                    Err(cause) => Err(cause),
                };
                self.guard = Some(guard);
                held.map(|verification| self.push(Output::Verify(verification)))
            }
        };
        if let Err(cause) = outcome {
            self.health.drops.count(cause);
        }
    }

    /// Whether a message speaks, unverified, of a road user beyond the site's reach.
    fn is_far(&self, now: Now, bytes: &[u8]) -> bool {
        let Ok(spdu) = Spdu::parse(bytes) else { return false };
        let report = self.relevant_report(now, Some(spdu.psid()), spdu.payload());
        matches!(report, Err(DropCause::RadioOutOfRange))
    }

    /// What a vehicle or a person says of itself, if it is this site's to use and not known already.
    /// Signed under another application id than its kind's, it is none that its signer may send.
    fn relevant_report(&self, now: Now, psid: Option<Psid>, message: &[u8]) -> Result<VehicleReport, DropCause> {
        let signed_as = |ids: RangeInclusive<u32>| psid.is_none_or(|psid| ids.contains(&psid.0));
        let psm = MessageKind::Psm.application_id();
        let report = match jxz_v2x::decode(message, self.config.profile, now.utc, &self.map.frame) {
            Ok(Received::Bsm(report)) if signed_as(BSM_APPLICATIONS) => report,
            Ok(Received::Psm(personal)) if signed_as(psm..=psm) => personal.report(),
            Ok(Received::Bsm(_) | Received::Psm(_)) => return Err(DropCause::RadioNotPermitted),
            Ok(_) => return Err(DropCause::RadioIrrelevant),
            Err(error) if error.is_newer_edition() => return Err(DropCause::RadioUnknownEdition),
            Err(_) => return Err(DropCause::RadioUndecodable),
        };
        if (report.position - self.site.position).norm() > REPORT_RANGE_M {
            return Err(DropCause::RadioOutOfRange);
        }
        let ahead_s = report.valid_at.seconds_since(now.utc);
        if !(-REPORT_BEHIND_S..=REPORT_AHEAD_S).contains(&ahead_s) {
            return Err(DropCause::RadioImplausible);
        }
        if self.is_known(&report) {
            return Err(DropCause::RadioDuplicate);
        }
        Ok(report)
    }

    fn handle_verdict(&mut self, now: Now, ticket: u64, verdict: Option<Verdict>) {
        let concluded = self.guard.as_mut().and_then(|guard| guard.conclude(now, ticket, verdict));
        match concluded {
            // Its like may have come by the other channel while this one was being verified.
            Some(Ok((report, _))) if self.is_known(&report) => self.health.drops.count(DropCause::RadioDuplicate),
            Some(Ok((report, signer))) => self.use_report(now, report, Some(signer)),
            Some(Err(cause)) => self.health.drops.count(cause),
            None => {}
        }
    }

    fn handle_revocations(&mut self, now: Now, list: &[u8]) {
        let taken = self.guard.as_mut().is_some_and(|guard| guard.revoke(now, list).is_ok());
        if !taken {
            self.health.drops.count(DropCause::RadioBadCertificate);
        }
    }

    fn is_known(&self, report: &VehicleReport) -> bool {
        self.reports.get(&report.vehicle).is_some_and(|last| last.valid_at >= report.valid_at)
    }

    /// A report that is believed to come from the vehicle that it speaks of.
    fn use_report(&mut self, now: Now, report: VehicleReport, signer: Option<HashedId8>) {
        if self.reports.len() >= REPORT_MEMORY {
            self.reports.retain(|_, last| now.utc.seconds_since(last.valid_at) < REPORT_BEHIND_S);
        }
        if self.reports.len() < REPORT_MEMORY {
            self.reports.insert(report.vehicle, report);
        }
        let admitted = self.doubt.admits(now, &report, signer);
        while let Some(misbehaviour) = self.doubt.poll() {
            self.record(RecordBody::Misbehaviour(misbehaviour));
        }
        if !admitted {
            // Known, so that its copy is too; but nothing of it is passed on.
            if let Some(held) = self.reports.get_mut(&report.vehicle) {
                *held = VehicleReport { acceleration_mps2: None, details: VehicleDetails::default(), ..report };
            }
            self.health.drops.count(DropCause::RadioImplausible);
            return;
        }
        match self.tracker.handle_vehicle_report(&report).fate {
            ReportFate::Updated | ReportFate::Started => self.neighbours.measured(report.valid_at),
            ReportFate::OutsideBounds => self.health.drops.count(DropCause::RadioOutOfRange),
            ReportFate::Unusable | ReportFate::TooLate => self.health.drops.count(DropCause::RadioImplausible),
            ReportFate::OverLimit => self.health.drops.count(DropCause::RadioQueueFull),
        }
    }

    fn run_due(&mut self, now: Now) {
        for word in self.neighbours.run_due(now, &mut self.tracker, &mut self.health.drops) {
            self.push(word);
        }
        if self.pace.take(now.mono) {
            self.run_round(now);
        }
        if self.spat.take(now.mono) {
            self.send_spat(now);
        }
        if self.map_due.take(now.mono) {
            self.send_map(now);
        }
        if self.health_due.take(now.mono) {
            self.report_health(now);
        }
    }

    /// Prediction, RSI, RSM, SSM and fresh state.
    fn run_round(&mut self, now: Now) {
        self.signals.take_if(|held| now.utc.seconds_since(held.valid_at) > SIGNALS_VALID_S);
        let mut tracks = self.tracks_of_site(now);
        self.tracks_now = tracks.len();

        let started = self.health.start();
        let (conditions, signals, reports) = (self.conditions.now(now), self.signals.as_ref(), &self.reports);
        let congested = self.city.now(now);
        let round =
            Round { at: now.utc, tracks: &tracks, signals, reports, conditions: &conditions, congested: &congested };
        let changed = self.hazards.assess(&round);
        self.health.stop(LatencyStage::Predict, started);

        self.nearness.order(&mut tracks, self.hazards.alive());
        self.say(now, &changed, &tracks);

        for warning in changed {
            self.record(RecordBody::Warning(warning));
        }
        self.state_sequence += 1;
        self.push(Output::State(NodeState {
            site: self.site.id.clone(),
            boot: self.config.boot,
            sequence: self.state_sequence,
            valid_at: now.utc,
            valid_for_s: self.config.state_valid_s,
            tracks,
            signals: self.signals.clone(),
        }));
    }

    /// Tells vehicles of warnings, and of the road users in the order given.
    fn say(&mut self, now: Now, changed: &[Warning], tracks: &[Track]) {
        let round = Duration::from_secs_f64(self.config.round_s);
        let to_say = self.repeats.select(now.mono, round, changed, self.hazards.alive());
        let started = self.health.start();
        let mut told = Encoded::default();
        self.encoder.rsi(now.utc, &to_say, &mut told);
        self.broadcast(now, told);
        self.health.stop(LatencyStage::EncodeSign, started);

        let reports = &self.reports;
        let own = |track: &Track| track.vehicle.and_then(|vehicle| reports.get(&vehicle));
        let users = tracks.iter().map(|track| RoadUser { track, own: own(track) });
        let started = self.health.start();
        let mut told = Encoded::default();
        self.encoder.rsm(now.utc, users.clone(), &mut told);
        if self.config.share_sensors && self.config.profile == Profile::Day2 {
            self.encoder.ssm(now.utc, users, &mut told);
        }
        self.broadcast(now, told);
        self.health.stop(LatencyStage::EncodeSign, started);
    }

    /// The road users that this site answers for.
    fn tracks_of_site(&self, now: Now) -> Vec<Track> {
        let mut tracks = self.tracker.tracks_at(now.utc);
        tracks.retain(|t| (t.position - self.site.position).norm() <= self.site.coverage_m);
        tracks
    }

    fn send_spat(&mut self, now: Now) {
        let (Some(signals), Some(junction)) = (&self.signals, self.junction) else { return };
        let junction = self.map.junction(junction);
        let started = self.health.start();
        let mut told = Encoded::default();
        self.encoder.spat(now.utc, signals, junction.node_id, &junction.id.0, &mut told);
        self.broadcast(now, told);
        self.health.stop(LatencyStage::EncodeSign, started);
    }

    /// The map of the junction, with the signs that always stand there.
    fn send_map(&mut self, now: Now) {
        let Some(junction) = self.junction else { return };
        let started = self.health.start();
        let mut told = Encoded::default();
        self.encoder.map_message(now.utc, &self.map, junction, &mut told);
        self.encoder.signs(now.utc, &self.map, junction, &mut told);
        self.broadcast(now, told);
        self.health.stop(LatencyStage::EncodeSign, started);
    }

    fn report_health(&mut self, now: Now) {
        let alive = self.hazards.alive().count();
        let versions = (self.config.software_version.as_str(), self.map.version.as_str());
        let running = self.running();
        let health = self.health.report(now, versions, running, (self.tracks_now, alive));
        self.say_service(now, health.service.as_ref());
        self.record(RecordBody::Health(health));
    }

    /// Tells vehicles when the node serves less well than it should; nothing when it serves as it should.
    fn say_service(&mut self, now: Now, service: Option<&Service>) {
        let shortfalls = service.map_or(&[][..], Service::shortfalls);
        if shortfalls.is_empty() {
            return;
        }
        let mut told = Encoded::default();
        self.encoder.service(now.utc, shortfalls, &mut told);
        self.broadcast(now, told);
    }

    fn record(&mut self, body: RecordBody) {
        self.record_sequence += 1;
        let (site, boot, sequence) = (self.site.id.clone(), self.config.boot, self.record_sequence);
        self.push(Output::Record(Record { site, boot, sequence, body }));
    }

    /// Signs, if the node is secured, and queues.
    fn broadcast(&mut self, now: Now, encoded: Encoded) {
        self.health.drops.add(DropCause::EncodeFailed, encoded.refused.len() as u64);
        if !self.clock.is_believed(now.mono) {
            self.health.drops.add(DropCause::RadioClockSet, encoded.frames.len() as u64);
            return;
        }
        if self.health.clock_error.is_some_and(|error| error.hold && error.is_unsure()) {
            self.health.drops.add(DropCause::RadioClockUnsure, encoded.frames.len() as u64);
            return;
        }
        for frame in encoded.frames {
            let sealed = match &mut self.guard {
                Some(guard) => guard.seal(now, frame),
                None => Ok(frame),
            };
            match sealed {
                Ok(frame) => self.push(Output::Broadcast(frame)),
                Err(_) => self.health.drops.count(DropCause::EncodeFailed),
            }
        }
    }

    /// Queues an output. A full outbox drops the oldest message or state, never a record while there is another.
    fn push(&mut self, output: Output) {
        if self.outbox.len() >= OUTBOX_LIMIT {
            let oldest = self.outbox.iter().position(|o| !matches!(o, Output::Record(_))).unwrap_or(0);
            let cause = match self.outbox.remove(oldest) {
                Some(Output::Record(_)) => DropCause::MustArriveQueueFull,
                _ => DropCause::UplinkShed,
            };
            self.health.drops.count(cause);
        }
        self.outbox.push_back(output);
    }
}

/// The motor lanes that a site's vehicles may follow.
/// A tracker for a site, which knows nobody yet.
fn tracker_of(map: &Map, site: &Site, config: &EdgeConfig) -> Result<Tracker, EdgeError> {
    let mut fusion = config.fusion.clone();
    let bounds = Bounds::Disc { centre: site.position, radius_m: site.coverage_m + COVERAGE_MARGIN_M };
    fusion.bounds.get_or_insert(bounds);
    Tracker::new(site.sensors.clone(), fusion)
        .map(|tracker| tracker.of_site(&site.id).with_lanes(lanes_near(map, site)))
        .map_err(|source| EdgeError::Fusion { site: site.id.clone(), source })
}

fn lanes_near(map: &Map, site: &Site) -> LaneField {
    let reach_m = site.coverage_m + COVERAGE_MARGIN_M;
    let near = |points: &[jxz_geo::Point]| points.iter().any(|p| (p - site.position).norm() <= 2.0 * reach_m);
    let motor = map.lanes.iter().filter(|lane| lane.kind == LaneKind::Driving);
    let lines: Vec<_> = motor.map(|lane| lane.centre.points()).filter(|points| near(points)).collect();
    LaneField::new(lines)
}
