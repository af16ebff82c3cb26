//! The door of fusion: scans and reports in, tracks out.

use crate::arrivals::Arrivals;
use crate::bernoulli::{Bernoulli, BirthKey, Identity};
use crate::calibration::{Calibrator, SensorCalibration, Trust, Votes};
use crate::lanes::LaneField;
use crate::neighbour::NeighbourFate;
use crate::population::{FreshScan, Population, ScanCounts, Workspace};
use crate::ring::{Event, Ring};
use crate::sensor::{MAX_SENSORS, SensorModel};
use crate::witness::{TrackOrigin, Witness};
use crate::{FusionConfig, FusionError};
use jxz_geo::Point;
use jxz_units::Utc;
use jxz_world::{Detection, IslandId, Scan, SensorId, SensorSpec, SiteId, Track, TrackId, VehicleReport};
use std::collections::BTreeMap;

/// Sensors are voted on when they agree, or after so long if they never do, seconds.
const UNSETTLED_S: f64 = 3.0;
/// A track so near to where one was that has lost its beginning to a late scan is the same, metres.
const SAME_PLACE_M: f64 = 3.0;

/// How something came in relation to what was there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lateness {
    /// Newest of all, or as new.
    InOrder,
    /// Late, but put where it belongs; what came after was filtered again.
    Inserted,
    /// Too late to be used: nothing of it was.
    TooLate,
}

/// What became of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanOutcome {
    /// Its order.
    pub lateness: Lateness,
    /// Whether its sensor is believed; if not, the scan moved no track and started none: it is looked at to find out
    /// whether the sensor agrees again.
    pub believed: bool,
    /// Detections skipped: not finite, or of an impossible range, azimuth, Doppler or extent.
    pub unusable: usize,
    /// Detections dropped beyond [`FusionConfig::max_detections`].
    pub over_limit: usize,
    /// Detections that updated a track.
    pub associated: usize,
    /// Tentative tracks started.
    pub births: usize,
    /// Tentative tracks not started because of [`FusionConfig::max_tracks`].
    pub births_refused: usize,
}

impl ScanOutcome {
    fn new(lateness: Lateness, believed: bool, counts: ScanCounts) -> Self {
        let ScanCounts { unusable, over_limit, associated, births, births_refused } = counts;
        Self { lateness, believed, unusable, over_limit, associated, births, births_refused }
    }
}

/// What a vehicle report did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFate {
    /// It updated a track, which now carries the vehicle's id.
    Updated,
    /// It started a track.
    Started,
    /// The vehicle is outside the tracked area.
    OutsideBounds,
    /// It held a value that is not finite or not possible.
    Unusable,
    /// It was too late.
    TooLate,
    /// No track was started because of [`FusionConfig::max_tracks`].
    OverLimit,
}

/// What became of a vehicle report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportOutcome {
    /// Its order.
    pub lateness: Lateness,
    /// What it did.
    pub fate: ReportFate,
}

/// How many tracks are in which stage of life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageCounts {
    /// Not yet sure to be anything.
    pub tentative: usize,
    /// Sure, and reported.
    pub confirmed: usize,
    /// Once sure, now doubted: kept but not reported.
    pub coasting: usize,
}

/// Tracks the road users of one site.
///
/// Feed it with [`Self::handle_scan`] and [`Self::handle_vehicle_report`] as things arrive; they may arrive up to
/// [`FusionConfig::late_limit_s`] out of order. Times of validity must be plausible: the tracker has no clock, so a
/// stamp far in the future moves it there. Whoever feeds it checks stamps against a clock first.
#[derive(Debug)]
pub struct Tracker {
    pub(crate) site: SiteId,
    sensors: Vec<SensorModel>,
    by_id: BTreeMap<SensorId, usize>,
    config: FusionConfig,
    pub(crate) population: Population,
    pub(crate) ring: Ring,
    work: Workspace,
    arrivals: Arrivals,
    lanes: LaneField,
    calibrator: Calibrator,
    votes: Vec<Votes>,
    pub(crate) numbers: Vec<Number>,
    pub(crate) next_id: u64,
}

impl Tracker {
    /// A tracker with no tracks for a site's sensors.
    ///
    /// # Errors
    /// [`FusionError`] if the configuration or a sensor's description is out of range, two sensors share a name, or
    /// there are more than 16.
    pub fn new(sensors: Vec<SensorSpec>, config: FusionConfig) -> Result<Self, FusionError> {
        config.validate()?;
        if sensors.len() > MAX_SENSORS {
            return Err(FusionError::TooManySensors { given: sensors.len(), limit: MAX_SENSORS });
        }
        let calibrator = Calibrator::new(sensors.clone(), &config);
        let mut by_id = BTreeMap::new();
        let mut models = Vec::with_capacity(sensors.len());
        for (index, spec) in sensors.into_iter().enumerate() {
            if by_id.insert(spec.id.clone(), index).is_some() {
                return Err(FusionError::DuplicateSensor(spec.id));
            }
            models.push(SensorModel::new(spec, index, &config)?);
        }
        let mut tracker = Self {
            site: SiteId(String::new()),
            votes: vec![Votes::default(); models.len()],
            sensors: models,
            by_id,
            population: Population::default(),
            ring: Ring::default(),
            work: Workspace::default(),
            arrivals: Arrivals::new(config.bounds),
            lanes: LaneField::default(),
            calibrator,
            numbers: Vec::new(),
            next_id: 1,
            config,
        };
        tracker.correct();
        Ok(tracker)
    }

    /// Names the site, so that its tracks' identities differ from those of other sites. To be called before the
    /// first input; without it the site has the empty name.
    #[must_use]
    pub fn of_site(mut self, site: &SiteId) -> Self {
        self.site = site.clone();
        self
    }

    /// Takes the place of another: its tracks have numbers that the other has not given.
    #[must_use]
    pub fn succeeding(mut self, earlier: &Self) -> Self {
        self.next_id = earlier.next_id;
        self
    }

    /// Takes a lane map as a prior for vehicles' motion: it helps those who follow a lane and holds nobody on it.
    #[must_use]
    pub fn with_lanes(mut self, lanes: LaneField) -> Self {
        self.lanes = lanes;
        self
    }

    /// Fuses a scan.
    ///
    /// # Errors
    /// [`FusionError::UnknownSensor`] if the site has no such sensor.
    pub fn handle_scan(&mut self, scan: &Scan) -> Result<ScanOutcome, FusionError> {
        self.handle_scan_before(scan, &mut ())
    }

    /// [`Self::handle_scan`], telling a witness what the scan means for the tracks it asks about.
    ///
    /// # Errors
    /// [`FusionError::UnknownSensor`] if the site has no such sensor.
    pub fn handle_scan_before(&mut self, scan: &Scan, witness: &mut impl Witness) -> Result<ScanOutcome, FusionError> {
        let sensor = *self.by_id.get(&scan.sensor).ok_or_else(|| FusionError::UnknownSensor(scan.sensor.clone()))?;
        let at = self.sensors[sensor].taken_at(scan.valid_at);
        let mut believed = true;
        if self.config.calibrate {
            self.votes[sensor].look(&scan.detections);
            believed = self.votes[sensor].trust() == Trust::Believed;
        }
        let detections = self.ring.copy(&scan.detections);
        let lesson = Lesson { sensor, at, believed, detections: &scan.detections };
        let (lateness, done) = self.handle(Event::Scan { sensor, at, believed, detections }, Some(lesson), witness);
        let counts = if let Some(Done::Scan(counts)) = done { counts } else { ScanCounts::default() };
        Ok(ScanOutcome::new(lateness, believed, counts))
    }

    /// Fuses a vehicle's own report: position and velocity with their stated accuracy, and the vehicle's id.
    pub fn handle_vehicle_report(&mut self, report: &VehicleReport) -> ReportOutcome {
        let (lateness, done) = self.handle(Event::Report(*report), None, &mut ());
        let fate = if let Some(Done::Report(fate)) = done { fate } else { ReportFate::TooLate };
        ReportOutcome { lateness, fate }
    }

    /// What is known of each sensor's errors, in the order in which the sensors were given.
    #[must_use]
    pub fn calibration(&self) -> Vec<SensorCalibration> {
        (0..self.sensors.len()).map(|k| self.calibrator.report(k, self.votes[k].trust())).collect()
    }

    /// The confirmed tracks, carried to `at`, in order of id.
    #[must_use]
    pub fn tracks_at(&self, at: Utc) -> Vec<Track> {
        let Some(now) = self.population.now else { return Vec::new() };
        let shown = self.population.tracks.iter().filter_map(|t| t.track_at(now, at, &self.config));
        let mut tracks: Vec<Track> = shown.collect();
        tracks.sort_by_key(|t| t.id);
        tracks
    }

    /// What a present track grew out of, by which to ask about it in another run on the same inputs.
    #[must_use]
    pub fn origin(&self, id: TrackId) -> Option<TrackOrigin> {
        self.population.tracks.iter().find(|t| t.id == Some(id)).map(|t| TrackOrigin(t.birth))
    }

    /// How many tracks are in which stage, after the newest input.
    #[must_use]
    pub fn stages(&self) -> StageCounts {
        let mut counts = StageCounts::default();
        for track in &self.population.tracks {
            if !track.confirmed {
                counts.tentative += 1;
            } else if track.existence >= self.config.report_existence {
                counts.confirmed += 1;
            } else {
                counts.coasting += 1;
            }
        }
        counts
    }

    /// Learns from the scan just fused: scores, sensors' errors, and whether the sensor is to be believed.
    fn learn(&mut self, Lesson { sensor, at, believed, detections }: Lesson<'_>) {
        self.arrivals.watch(at);
        if believed {
            self.work.teach(detections, &mut self.sensors[sensor], &self.config);
        }
        if !self.config.calibrate {
            return;
        }
        if believed && self.calibrator.observe(sensor, at, detections, &self.work.sure) {
            self.correct();
        }
        let voted = self.calibrator.is_settled() || self.calibrator.age_s() > UNSETTLED_S;
        if voted && self.votes[sensor].count(at, self.work.due, self.work.seen) {
            // What was learned of it while it was wrong would keep it from coming back.
            self.calibrator.forget(sensor);
            self.correct();
        }
    }

    /// Takes the calibration into use.
    fn correct(&mut self) {
        if self.config.calibrate {
            for (k, sensor) in self.sensors.iter_mut().enumerate() {
                let (bias, doubt) = self.calibrator.correction(k);
                sensor.correct(bias, doubt);
            }
        }
    }

    /// Puts an event in its place among those of the recent past.
    pub(crate) fn handle(
        &mut self,
        event: Event,
        lesson: Option<Lesson<'_>>,
        witness: &mut impl Witness,
    ) -> (Lateness, Option<Done>) {
        let at = event.at();
        let newest = self.ring.newest();
        if newest.is_none_or(|newest| at >= newest) {
            let done = self.apply(event, false, witness);
            self.number_tracks();
            if let Some(lesson) = lesson {
                self.learn(lesson);
            }
            return (Lateness::InOrder, Some(done));
        }
        let late_s = newest.map_or(0.0, |newest| newest.seconds_since(at));
        self.note_places();
        if late_s > self.config.late_limit_s || !self.ring.rewind(event, &mut self.population) {
            return (Lateness::TooLate, None);
        }
        let mut own = None;
        while let Some((event, is_own)) = self.ring.next_again() {
            let done = self.apply(event, !is_own, witness);
            if is_own {
                own = Some(done);
                // Some sensors are always late: what they say has to count all the same.
                if let Some(lesson) = lesson {
                    self.learn(lesson);
                }
            }
        }
        self.number_tracks();
        (Lateness::Inserted, own)
    }

    fn apply(&mut self, event: Event, revised: bool, witness: &mut impl Witness) -> Done {
        let Self { site, population, config, ring, sensors, arrivals, lanes, work, .. } = self;
        // Remembered first: the ring keeps the population as it was before the event.
        match ring.push(event, population, config.late_limit_s) {
            Event::Scan { sensor, at, believed, detections } => {
                let scan = FreshScan { at: *at, detections, believed: *believed, revised };
                let sensor = &sensors[*sensor];
                Done::Scan(population.fuse_scan(scan, sensor, (arrivals, lanes), work, witness, config))
            }
            Event::Report(report) => Done::Report(population.fuse_report(report, lanes, config)),
            Event::Words { at, words } => Done::Words(population.fuse_words(*at, words, site, lanes, config)),
        }
    }

    /// Notes where the newly numbered are before history is filtered again.
    fn note_places(&mut self) {
        for number in &mut self.numbers {
            let track = self.population.tracks.iter().find(|t| t.birth == number.birth);
            number.place = track.map(|t| t.imm.combined().position());
        }
    }

    /// Numbers newly confirmed tracks, and those that a neighbour speaks of; one that was numbered before its history
    /// was filtered again keeps its number, though what came late may have been its beginning.
    fn number_tracks(&mut self) {
        let Some(now) = self.population.now else { return };
        for k in 0..self.population.tracks.len() {
            let track = &self.population.tracks[k];
            if track.id.is_some() || !(track.confirmed || track.word.is_some()) {
                continue;
            }
            let birth = track.birth;
            let id = self.known_number(track).unwrap_or_else(|| {
                let id = TrackId(self.next_id);
                self.next_id += 1;
                if birth.source < MAX_SENSORS {
                    let state = track.imm.combined();
                    let from = state.position() - state.velocity() * now.seconds_since(birth.at);
                    self.arrivals.learn(birth.at, from, state.velocity());
                }
                id
            });
            if !self.numbers.iter().any(|n| n.birth == birth) {
                self.numbers.push(Number { birth, id, given: now, place: None });
            }
            let track = &mut self.population.tracks[k];
            track.id = Some(id);
            let own = || Identity { since: track.since, island: IslandId::new(&self.site, id) };
            track.identity.get_or_insert_with(own);
        }
        // By then no population is remembered in which it has no number.
        let reach_s = self.config.late_limit_s + 1.0;
        self.numbers.retain(|n| now.seconds_since(n.given) <= reach_s);
    }

    /// The number that a track had before history was filtered again: under its own beginning, or under one that is no
    /// more, in whose place it is.
    fn known_number(&self, track: &Bernoulli) -> Option<TrackId> {
        if let Some(own) = self.numbers.iter().find(|n| n.birth == track.birth) {
            return Some(own.id);
        }
        let place = track.imm.combined().position();
        let tracks = &self.population.tracks;
        let gone = |n: &&Number| !tracks.iter().any(|t| t.birth == n.birth || t.id == Some(n.id));
        let apart_m = |n: &Number| n.place.map_or(f64::INFINITY, |p| (p - place).norm());
        let near = self.numbers.iter().filter(|n| apart_m(n) <= SAME_PLACE_M).filter(gone);
        near.min_by(|a, b| apart_m(a).total_cmp(&apart_m(b))).map(|n| n.id)
    }
}

/// A number given lately.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    birth: BirthKey,
    pub(crate) id: TrackId,
    given: Utc,
    /// Where its track was before history was last filtered again.
    place: Option<Point>,
}

/// A scan to be learned from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lesson<'a> {
    sensor: usize,
    at: Utc,
    believed: bool,
    detections: &'a [Detection],
}

pub(crate) enum Done {
    Scan(ScanCounts),
    Report(ReportFate),
    Words(Vec<NeighbourFate>),
}
