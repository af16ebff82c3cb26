//! One run: what was warned of, and what happened.

use super::blame::{self, Blame, Named};
use super::course;
use super::foresee::{Trail, foreseeable_s, moved_over_s};
use super::label::{self, Side, family};
use super::{CONFLICT_S, NEAR_CONFLICT_S};
use crate::outline::Outline;
use crate::scenario::Scenario;
use crate::simulation::STEP;
use crate::truth::TruthObject;
use crate::virtual_run::{Encounter, EncounterBook, Observer, VirtualIsland};
use jxz_units::Now;
use jxz_world::{
    Application, Level, PredictedPath, Record, RecordBody, RoadUserClass, SiteId, Track, TrackId, Warning, WarningId,
    WarningKind, WarningStage,
};
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// A track belongs to the road user nearest to it, if it is within this, metres.
const MATCH_M: f64 = 4.0;
/// A conflict is kept in mind for an alarm from so long before its moment to so long after, seconds.
const AROUND_S: (f64, f64) = (12.0, 1.0);
/// How long before the moment a conflict's kind is told from, seconds.
const BEFORE_S: f64 = 3.0;
/// Outlines are kept every so many steps, of so many road users at most, and so many of each.
const SAMPLE_STEPS: u64 = 2;
const MOST_TRAILS: usize = 2_000;
const MOST_SAMPLES: usize = 6_000;
/// Alarms kept; beyond that they are left out and counted.
const MOST_ALARMS: usize = 50_000;
/// Two that come nearer than this to each other have an encounter, metres.
const ENCOUNTER_M: f64 = 10.0;
/// What would have been is looked at at these times after an alarm, seconds: it was sensed a little before, and foresees.
const ABOUT_S: [f64; 4] = [-0.5, 0.0, 0.5, 1.0];
/// An alarm again within this of the end of the one before, for the same, is flicker, seconds.
const FLICKER_S: f64 = 5.0;

/// A warning, from its raising to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Its number.
    pub id: WarningId,
    /// What raised it.
    pub application: Application,
    /// The highest level that it had.
    pub level: Level,
    /// When it was raised, seconds from the start.
    pub at_s: f64,
    /// When it was cancelled.
    pub until_s: Option<f64>,
    /// The road users that it is for, as far as their tracks are somebody's.
    pub concerned: BTreeSet<u64>,
    /// The road users that caused it.
    pub about: BTreeSet<u64>,
    /// When it was first shown to whom.
    pub shown: BTreeMap<u64, f64>,
    /// What it was for.
    pub truth: AlarmTruth,
    /// The tracks that it named when it was raised, beside the truth.
    pub named: Vec<Named>,
    /// What it came from, if it was for nothing.
    pub blame: Option<Blame>,
    /// The ways that it supposed when it was raised.
    #[serde(skip)]
    paths: Vec<PredictedPath>,
}

impl Alarm {
    /// Everyone it names.
    fn names(&self, who: u64) -> bool {
        self.concerned.contains(&who) || self.about.contains(&who)
    }

    fn names_both(&self, (a, b): (u64, u64)) -> bool {
        self.names(a) && self.names(b)
    }
}

/// What an alarm was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmTruth {
    /// What it says was so.
    Right,
    /// It would have been so had neither of the two reacted to the other.
    Averted,
    /// A near conflict: within 3 s.
    Near,
    /// Nothing.
    False,
    /// It advises; there is nothing to be wrong about.
    Advice,
}

/// Something that must be warned of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The application it belongs to.
    pub application: Application,
    /// The road users.
    pub of: BTreeSet<u64>,
    /// When it happens, seconds from the start; `None`: it has no moment.
    pub moment_s: Option<f64>,
    /// From how long before on it was foreseeable, seconds.
    pub foreseeable_s: Option<f64>,
    /// How long before the moment there was a warning, seconds; `None`: there was none before it.
    pub lead_s: Option<f64>,
    /// Whether it was found.
    pub found: bool,
    /// How many warnings of it were raised.
    pub raises: u32,
    /// Whether they touched.
    pub contact: bool,
}

/// What one run came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunScore {
    /// Simulated seconds times sites.
    pub site_seconds: f64,
    /// Whether there was nothing but normal traffic: neither actors nor incidents.
    pub normal: bool,
    /// Pairs that came within 10 m of each other, one of them a motor vehicle.
    pub encounters: u64,
    /// What must be warned of.
    pub events: Vec<Event>,
    /// What was warned of.
    pub alarms: Vec<Alarm>,
    /// Alarms that came again within five seconds of their end.
    pub flicker: u64,
    /// From sensing to the first showing, seconds.
    pub delays_s: Vec<f64>,
    /// Pairs with an actor that touched, and that conflicted.
    pub collisions: u32,
    /// See `collisions`.
    pub conflicts: u32,
    /// Alarms and road users that found no room.
    pub left_out: u64,
}

/// A warning as a node raised, renewed or cancelled it: when, seconds from the start, and where.
type Change = (f64, SiteId, Warning);

/// Takes down the changes of warnings until the watch looks.
struct Tap(Arc<Mutex<Vec<Change>>>);

impl Observer for Tap {
    fn record(&mut self, now: Now, record: &Record) {
        if let RecordBody::Warning(warning) = &record.body {
            let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            changes.push((now.mono.ns() as f64 * 1e-9, record.site.clone(), warning.clone()));
        }
    }
}

/// Watches one run, step by step.
pub struct ScoreWatch {
    changes: Arc<Mutex<Vec<Change>>>,
    expected: Vec<(Application, u64)>,
    conflict: Option<Application>,
    actors: BTreeSet<u64>,
    connected: BTreeSet<u64>,
    classes: BTreeMap<u64, RoadUserClass>,
    speeding: BTreeMap<u64, Vec<f64>>,
    book: EncounterBook,
    trails: BTreeMap<u64, Trail>,
    steps: u64,
    alarms: Vec<Alarm>,
    by_id: BTreeMap<WarningId, usize>,
    score: RunScore,
}

impl ScoreWatch {
    /// A watch of a run of this scenario, and the island that it watches.
    #[must_use]
    pub fn on(scenario: &Scenario, island: VirtualIsland) -> (VirtualIsland, Self) {
        let numbers: BTreeMap<&str, u64> = island.simulation().actors().collect();
        let expected = scenario.expect.warnings.iter();
        let expected = expected.filter_map(|w| Some((w.application, *numbers.get(w.to.as_str())?))).collect();
        let actors: BTreeSet<u64> = numbers.values().copied().collect();
        let score = RunScore { normal: actors.is_empty() && scenario.incidents.is_empty(), ..RunScore::default() };
        let changes = Arc::default();
        let tap = Tap(Arc::clone(&changes));
        let watch = Self {
            changes,
            expected,
            conflict: scenario.expect.conflict,
            book: EncounterBook::on(actors.iter().copied().collect()),
            actors,
            connected: BTreeSet::new(),
            classes: BTreeMap::new(),
            speeding: BTreeMap::new(),
            trails: BTreeMap::new(),
            steps: 0,
            alarms: Vec::new(),
            by_id: BTreeMap::new(),
            score,
        };
        (island.observed_by(Box::new(tap)), watch)
    }

    /// Takes down what there is now, and what was raised and shown in the step before; to be called after each step.
    pub fn look(&mut self, island: &mut VirtualIsland) {
        let time_s = island.seconds();
        self.see(time_s, island);
        let changes = core::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner));
        if !changes.is_empty() {
            let truth = island.simulation().truth();
            let tracks: BTreeMap<SiteId, Vec<Track>> =
                island.tracks().into_iter().map(|(site, tracks)| (site.id.clone(), tracks)).collect();
            for (at_s, site, warning) in changes {
                self.take(at_s, warning, tracks.get(&site).map_or(&[], Vec::as_slice), truth);
            }
        }
        for shown in island.take_shown() {
            let Some(alarm) = self.by_id.get(&shown.shown.id).map(|index| &mut self.alarms[*index]) else { continue };
            if let Entry::Vacant(entry) = alarm.shown.entry(shown.road_user) {
                entry.insert(shown.at_s);
                self.score.delays_s.push(shown.shown.delay_s);
            }
        }
        self.score.site_seconds += STEP.as_secs_f64() * island.simulation().map().sites.len() as f64;
    }

    fn see(&mut self, time_s: f64, island: &VirtualIsland) {
        let truth = island.simulation().truth();
        self.book.look(time_s, truth);
        for object in truth {
            self.classes.insert(object.id, object.class);
            if object.vehicle.is_some() {
                self.connected.insert(object.id);
            }
            if object.class == RoadUserClass::Motor && island.simulation().is_speeding(object) {
                self.speeding.entry(object.id).or_default().push(time_s);
            }
        }
        if self.steps.is_multiple_of(SAMPLE_STEPS) {
            for object in truth {
                let walks = object.class == RoadUserClass::Pedestrian;
                self.sample(time_s, object, walks || island.simulation().faces_red(object));
            }
        }
        self.steps += 1;
    }

    fn sample(&mut self, time_s: f64, object: &TruthObject, held: bool) {
        if self.trails.len() >= MOST_TRAILS && !self.trails.contains_key(&object.id) {
            self.score.left_out += 1;
            return;
        }
        let trail = self.trails.entry(object.id).or_default();
        if trail.outlines.is_empty() {
            trail.from_s = time_s;
        }
        if trail.outlines.len() < MOST_SAMPLES {
            trail.outlines.push(Outline::of(object));
            trail.held.push(held);
        }
    }

    fn take(&mut self, at_s: f64, warning: Warning, tracks: &[Track], truth: &[TruthObject]) {
        let owner = |number: TrackId| owner(tracks.iter().find(|track| track.id == number)?, truth);
        let concerned: BTreeSet<u64> = warning.concerned.iter().filter_map(|c| owner(c.track)).collect();
        let about: BTreeSet<u64> = warning.about.iter().filter_map(|track| owner(*track)).collect();
        if let Some(index) = self.by_id.get(&warning.id) {
            let alarm = &mut self.alarms[*index];
            alarm.level = alarm.level.max(warning.level);
            alarm.concerned.extend(concerned);
            alarm.about.extend(about);
            if warning.stage == WarningStage::Cancelled {
                alarm.until_s = Some(at_s);
            }
            return;
        }
        if warning.stage == WarningStage::Cancelled {
            return;
        }
        if self.alarms.len() >= MOST_ALARMS {
            self.score.left_out += 1;
            return;
        }
        self.by_id.insert(warning.id, self.alarms.len());
        let numbers: Vec<TrackId> =
            warning.concerned.iter().map(|c| c.track).chain(warning.about.iter().copied()).collect();
        self.alarms.push(Alarm {
            id: warning.id,
            application: warning.application,
            level: warning.level,
            at_s,
            until_s: None,
            concerned,
            about,
            shown: BTreeMap::new(),
            truth: AlarmTruth::False,
            named: blame::named(&numbers, tracks, truth),
            blame: None,
            paths: warning.paths,
        });
    }

    /// What the run came to.
    #[must_use]
    pub fn finish(mut self) -> RunScore {
        let conflicts: Vec<((u64, u64), Encounter)> =
            self.book.all().filter(|(pair, _)| self.motor(*pair)).map(|(pair, e)| (pair, *e)).collect();
        self.score.encounters = conflicts.iter().filter(|(_, e)| e.gap_m < ENCOUNTER_M).count() as u64;
        for (pair, encounter) in &conflicts {
            if encounter.measure_s() >= CONFLICT_S || !(self.actors.contains(&pair.0) || self.actors.contains(&pair.1))
            {
                continue;
            }
            self.score.conflicts += 1;
            self.score.collisions += u32::from(encounter.contact_s.is_some());
            let event = self.conflict_event(*pair, encounter);
            self.score.events.push(event);
        }
        let expected = core::mem::take(&mut self.expected);
        for (application, who) in expected {
            let event = self.expected_event(application, who, &conflicts);
            self.score.events.push(event);
        }
        self.score.flicker = flicker(&self.alarms);
        let named: Vec<(Application, u64)> =
            self.score.events.iter().flat_map(|e| e.of.iter().map(|who| (e.application, *who))).collect();
        for index in 0..self.alarms.len() {
            let truth = self.truth_of(&self.alarms[index], &conflicts, &named);
            let alarm = &mut self.alarms[index];
            alarm.truth = truth;
            if truth == AlarmTruth::False {
                alarm.blame = Some(Blame::of(&alarm.named, &alarm.paths, &self.trails, alarm.at_s, Self::apart_s()));
            }
        }
        self.score.alarms = self.alarms;
        self.score.left_out += self.book.left_out;
        self.score
    }

    fn motor(&self, (a, b): (u64, u64)) -> bool {
        [a, b].iter().any(|id| self.classes.get(id) == Some(&RoadUserClass::Motor))
    }

    fn apart_s() -> f64 {
        STEP.as_secs_f64() * SAMPLE_STEPS as f64
    }

    fn conflict_event(&self, pair: (u64, u64), encounter: &Encounter) -> Event {
        let moment_s = encounter.conflict_s();
        let application = self.conflict.unwrap_or_else(|| self.label(pair, moment_s));
        let foreseeable_s = match (self.trails.get(&pair.0), self.trails.get(&pair.1)) {
            (Some(a), Some(b)) => {
                let bound_s = foreseeable_s(a, b, moment_s, Self::apart_s());
                let sideways = matches!(application, Application::Bsw | Application::Clw);
                Some(if sideways { bound_s.min(moved_over_s(a, b, moment_s, Self::apart_s())) } else { bound_s })
            }
            _ => None,
        };
        let family = family(application);
        let of_pair = |alarm: &&Alarm| {
            // An alarm on behalf of everyone on a path names only who caused it.
            let alone = alarm.concerned.is_empty() && (alarm.names(pair.0) || alarm.names(pair.1));
            family.contains(&alarm.application) && (alarm.names_both(pair) || alone)
        };
        let alarms: Vec<&Alarm> = self.alarms.iter().filter(of_pair).collect();
        let lead_s = self.lead_s(&alarms, &[pair.0, pair.1], moment_s);
        let own = alarms.iter().filter(|alarm| alarm.application == application && alarm.names_both(pair)).count();
        Event {
            application,
            of: BTreeSet::from([pair.0, pair.1]),
            moment_s: Some(moment_s),
            foreseeable_s,
            found: lead_s.is_some(),
            lead_s,
            raises: own as u32,
            contact: encounter.contact_s.is_some(),
        }
    }

    /// The longest time before a moment at which one of those meant was warned.
    fn lead_s(&self, alarms: &[&Alarm], who: &[u64], moment_s: f64) -> Option<f64> {
        let has_unit = who.iter().any(|id| self.connected.contains(id));
        let warned = |alarm: &&Alarm| {
            if has_unit {
                who.iter().filter_map(|id| alarm.shown.get(id)).copied().reduce(f64::min)
            } else {
                Some(alarm.at_s)
            }
        };
        let leads = alarms.iter().filter_map(warned).map(|at_s| moment_s - at_s);
        leads.filter(|lead_s| *lead_s > 0.0 && *lead_s < AROUND_S.0).reduce(f64::max)
    }

    fn label(&self, pair: (u64, u64), moment_s: f64) -> Application {
        let side = |id: u64| {
            let trail = self.trails.get(&id)?;
            let is_motor = self.classes.get(&id) == Some(&RoadUserClass::Motor);
            let before = *trail.nearest(moment_s - BEFORE_S, Self::apart_s())?;
            Some(Side { is_motor, before, then: *trail.nearest(moment_s, Self::apart_s())? })
        };
        match (side(pair.0), side(pair.1)) {
            (Some(a), Some(b)) => label::application(&a, &b),
            _ => Application::Icw,
        }
    }

    fn expected_event(&self, application: Application, who: u64, conflicts: &[((u64, u64), Encounter)]) -> Event {
        let family = family(application);
        let own = |alarm: &&Alarm| family.contains(&alarm.application) && alarm.names(who);
        let alarms: Vec<&Alarm> = self.alarms.iter().filter(own).collect();
        let worst = conflicts.iter().filter(|((a, b), _)| *a == who || *b == who).map(|(_, e)| e);
        let worst = worst.filter(|e| e.measure_s() < CONFLICT_S);
        let moment_s = worst.min_by(|a, b| a.measure_s().total_cmp(&b.measure_s())).map(Encounter::conflict_s);
        let connected = self.connected.contains(&who);
        let warned = |alarm: &&Alarm| if connected { alarm.shown.get(&who).copied() } else { Some(alarm.at_s) };
        let first_s = alarms.iter().filter_map(warned).reduce(f64::min);
        let lead_s = moment_s.zip(first_s).map(|(moment_s, first_s)| moment_s - first_s).filter(|lead_s| *lead_s > 0.0);
        Event {
            application,
            of: BTreeSet::from([who]),
            moment_s,
            foreseeable_s: None,
            found: first_s.is_some(),
            lead_s,
            raises: alarms.iter().filter(|alarm| alarm.application == application).count() as u32,
            contact: false,
        }
    }

    /// The least post-encroachment time that a pair would have had without reacting, from about an instant on, seconds.
    fn had_nobody_reacted_s(&self, pair: (u64, u64), at_s: f64) -> Option<f64> {
        let (a, b) = (self.trails.get(&pair.0)?, self.trails.get(&pair.1)?);
        let measures = ABOUT_S.iter().filter_map(|later_s| course::measure_s(a, b, at_s + later_s, Self::apart_s()));
        measures.reduce(f64::min)
    }

    fn truth_of(
        &self,
        alarm: &Alarm,
        conflicts: &[((u64, u64), Encounter)],
        named: &[(Application, u64)],
    ) -> AlarmTruth {
        let is_named = named
            .iter()
            .any(|(application, who)| family(*application).contains(&alarm.application) && alarm.names(*who));
        if is_named {
            return AlarmTruth::Right;
        }
        match alarm.application {
            Application::Slw => {
                let over = |who: &u64| {
                    self.speeding.get(who).is_some_and(|at| at.iter().any(|t| (t - alarm.at_s).abs() < 5.0))
                };
                if alarm.concerned.iter().any(over) { AlarmTruth::Right } else { AlarmTruth::False }
            }
            Application::LeadSpeed
            | Application::Ivs
            | Application::Glosa
            | Application::Guidance
            | Application::Tjw
            | Application::Hlw
            | Application::Avw
            | Application::RoadWorks => AlarmTruth::Advice,
            _ => {
                let around = |e: &Encounter| {
                    let moment_s = e.conflict_s();
                    alarm.at_s > moment_s - AROUND_S.0 && alarm.at_s < moment_s + AROUND_S.1
                };
                let least = conflicts.iter().filter(|(pair, e)| alarm.names_both(*pair) && around(e));
                let least = match least.map(|(_, e)| e.measure_s()).reduce(f64::min) {
                    Some(least_s) if least_s < CONFLICT_S => return AlarmTruth::Right,
                    least => least,
                };
                let averted = conflicts.iter().filter(|(pair, _)| alarm.names_both(*pair));
                let averted = averted.filter_map(|(pair, _)| self.had_nobody_reacted_s(*pair, alarm.at_s));
                let averted = averted.reduce(f64::min);
                let is_below = |value: Option<f64>, bound_s: f64| value.is_some_and(|value_s| value_s < bound_s);
                if is_below(averted, CONFLICT_S) {
                    AlarmTruth::Averted
                } else if is_below(averted, NEAR_CONFLICT_S) || is_below(least, NEAR_CONFLICT_S) {
                    AlarmTruth::Near
                } else {
                    AlarmTruth::False
                }
            }
        }
    }
}

/// The road user whose a track is.
fn owner(track: &Track, truth: &[TruthObject]) -> Option<u64> {
    let away = |object: &&TruthObject| (object.position - track.position).norm();
    let nearest = truth.iter().min_by(|a, b| away(a).total_cmp(&away(b)));
    nearest.filter(|object| away(object) < MATCH_M).map(|object| object.id)
}

/// Alarms that came again for the same soon after they ended.
fn flicker(alarms: &[Alarm]) -> u64 {
    let again = |(index, alarm): (usize, &Alarm)| {
        alarms[..index].iter().any(|before| {
            let ended = before.until_s.is_some_and(|until_s| (0.0..FLICKER_S).contains(&(alarm.at_s - until_s)));
            ended
                && before.application == alarm.application
                && before.id.0 >> 32 == alarm.id.0 >> 32
                && !alarm.about.is_empty()
                && before.about == alarm.about
                && (before.concerned == alarm.concerned || alarm.application.kind() != WarningKind::Collision)
        })
    };
    alarms.iter().enumerate().filter(|pair| again(*pair)).count() as u64
}
