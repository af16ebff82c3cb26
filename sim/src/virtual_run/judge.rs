//! Whether a run came out as its scenario expects.

use super::encounter::{Encounter, EncounterBook};
use super::island::{ShownTo, VirtualIsland};
use crate::scenario::{Expect, Scenario, Within};
use jxz_world::{Application, Level};
use serde::{Deserialize, Serialize};

/// Looks at tracks: so often, from then on, seconds; one within this distance is an actor's, metres.
const TRACK_EVERY_S: f64 = 0.5;
const TRACK_FROM_S: f64 = 3.0;
const TRACK_M: f64 = 3.0;
/// Warnings kept; beyond that they are left out.
const MOST_WARNINGS: usize = 10_000;

/// A warning when it was first shown to a driver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warned {
    /// Seconds from the start.
    pub at_s: f64,
    /// The road user.
    pub road_user: u64,
    /// Its name, if it is an actor.
    pub actor: Option<String>,
    /// What raised it.
    pub application: Application,
    /// How pressing it was then.
    pub level: Level,
}

/// How near two actors came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Met {
    /// The actors.
    pub of: [String; 2],
    /// How near.
    #[serde(flatten)]
    pub encounter: Encounter,
}

/// What a run came out as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What is not as expected, each a sentence; empty: everything is.
    pub failures: Vec<String>,
    /// Every encounter of actors within 80 m.
    pub encounters: Vec<Met>,
    /// Warnings to actors, the first of each application to each.
    pub warned: Vec<Warned>,
    /// Share of looks at which actors in coverage have a track, 0 to 1; `None`: no actor was ever in coverage.
    pub tracked: Option<f64>,
    /// Pairs that touched, one of them at least an actor.
    pub collisions: u32,
}

/// Watches a run, step by step, and judges it at the end.
#[derive(Debug, Clone)]
pub struct Judge {
    expect: Expect,
    actors: Vec<(String, u64)>,
    book: EncounterBook,
    warned: Vec<Warned>,
    tracked: (u64, u64),
    next_look_s: f64,
}

impl Judge {
    /// A judge of a run of this scenario.
    #[must_use]
    pub fn new(scenario: &Scenario, island: &VirtualIsland) -> Self {
        let actors: Vec<_> = island.simulation().actors().map(|(name, number)| (name.to_owned(), number)).collect();
        // A book on nobody would be one on everybody.
        let watched =
            if actors.is_empty() { vec![u64::MAX] } else { actors.iter().map(|(_, number)| *number).collect() };
        let book = EncounterBook::on(watched);
        Self {
            expect: scenario.expect.clone(),
            actors,
            book,
            warned: Vec::new(),
            tracked: (0, 0),
            next_look_s: TRACK_FROM_S,
        }
    }

    /// Takes down what there is now, and what was shown in the step before; to be called after each step.
    pub fn look(&mut self, island: &mut VirtualIsland) {
        let time_s = island.seconds();
        self.book.look(time_s, island.simulation().truth());
        for ShownTo { at_s, road_user, shown } in island.take_shown() {
            let (application, level) = (shown.application, shown.level);
            let actor = self.actors.iter().find(|(_, number)| *number == road_user).map(|(name, _)| name.clone());
            let known =
                self.warned.iter().any(|warned| (warned.road_user, warned.application) == (road_user, application));
            if !known && self.warned.len() < MOST_WARNINGS {
                self.warned.push(Warned { at_s, road_user, actor, application, level });
            }
        }
        if time_s >= self.next_look_s && !self.actors.is_empty() {
            self.next_look_s = time_s + TRACK_EVERY_S;
            self.look_at_tracks(island);
        }
    }

    fn look_at_tracks(&mut self, island: &VirtualIsland) {
        let sites = island.tracks();
        for object in island.simulation().truth() {
            if !self.actors.iter().any(|(_, number)| *number == object.id) {
                continue;
            }
            let covering = sites.iter().filter(|(site, _)| (object.position - site.position).norm() < site.coverage_m);
            let mut found = covering
                .map(|(_, tracks)| tracks.iter().any(|track| (track.position - object.position).norm() < TRACK_M));
            if let Some(first) = found.next() {
                self.tracked.1 += 1;
                self.tracked.0 += u64::from(first || found.any(|found| found));
            }
        }
    }

    fn encounter(&self, a: &str, b: &str) -> Option<&Encounter> {
        let number = |name: &str| self.actors.iter().find(|(actor, _)| actor == name).map(|(_, number)| *number);
        self.book.between(number(a)?, number(b)?)
    }

    /// The actor's encounter that a warning should come before: a touch, else the least post-encroachment time, else
    /// the least distance.
    fn worst(&self, number: u64) -> Option<&Encounter> {
        let own = self.book.all().filter(|((a, b), _)| *a == number || *b == number).map(|(_, encounter)| encounter);
        let rank = |e: &Encounter| (e.contact_s.is_none(), e.pet_s.unwrap_or(f64::INFINITY), e.gap_m);
        own.min_by(|a, b| {
            let (a, b) = (rank(a), rank(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2))
        })
    }

    /// How long before an actor's worst encounter an application first warned it, seconds.
    #[must_use]
    pub fn lead_s(&self, actor: &str, application: Application) -> Option<f64> {
        let (_, number) = self.actors.iter().find(|(name, _)| name == actor)?;
        let shown = self.warned.iter().find(|w| w.road_user == *number && w.application == application)?;
        Some(self.worst(*number)?.moment_s() - shown.at_s)
    }

    /// The verdict as of now.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut encounters = Vec::new();
        for (place, (first, _)) in self.actors.iter().enumerate() {
            for (second, _) in &self.actors[place + 1..] {
                if let Some(encounter) = self.encounter(first, second) {
                    encounters.push(Met { of: [first.clone(), second.clone()], encounter: *encounter });
                }
            }
        }
        let touched = self.book.all().filter(|(_, encounter)| encounter.contact_s.is_some());
        let collisions = touched.count() as u32;
        let tracked = (self.tracked.1 > 0).then(|| self.tracked.0 as f64 / self.tracked.1 as f64);
        let mut failures = Vec::new();
        self.judge_warnings(&mut failures);
        self.judge_encounters(&mut failures);
        if let Some(expected) = self.expect.collisions.filter(|expected| *expected != collisions) {
            failures.push(format!("{expected} collisions are expected, {collisions} happened"));
        }
        if let Some(least) = self.expect.tracked.filter(|least| tracked.is_none_or(|share| share < *least)) {
            let seen = tracked.map_or("no actor was in a site's coverage".into(), |share| format!("{share:.3} are"));
            failures.push(format!("actors should be tracked at {least} of all looks, {seen}"));
        }
        let warned = self.warned.iter().filter(|warned| warned.actor.is_some()).cloned().collect();
        Verdict { failures, encounters, warned, tracked, collisions }
    }

    fn judge_warnings(&self, failures: &mut Vec<String>) {
        for expected in &self.expect.warnings {
            let (name, to) = (expected.application.name(), &expected.to);
            let shown =
                self.warned.iter().find(|w| w.actor.as_ref() == Some(to) && w.application == expected.application);
            let Some(shown) = shown else {
                let own = self.warned.iter().filter(|w| w.actor.as_ref() == Some(to)).map(|w| w.application.name());
                let own: Vec<&str> = own.collect();
                let instead = if own.is_empty() { "no warning".to_owned() } else { own.join(", ") };
                failures.push(format!("{to:?} is shown {instead}, not {name}"));
                continue;
            };
            let Some(before_s) = expected.before_s else { continue };
            match self.lead_s(to, expected.application) {
                Some(lead_s) if lead_s >= before_s => {}
                Some(lead_s) => failures.push(format!("{to:?} is shown {name} {lead_s:.2} s before, not {before_s} s")),
                None => failures.push(format!("{to:?} is shown {name} at {:.2} s but meets nobody", shown.at_s)),
            }
        }
        for warned in self.warned.iter().filter(|warned| self.expect.none.contains(&warned.application)) {
            let whom = warned.actor.clone().unwrap_or_else(|| format!("road user {}", warned.road_user));
            failures.push(format!(
                "{} is shown to {whom:?} at {:.2} s, to nobody is expected",
                warned.application.name(),
                warned.at_s
            ));
        }
    }

    fn judge_encounters(&self, failures: &mut Vec<String>) {
        for expected in &self.expect.encounters {
            let [a, b] = &expected.of;
            let met = self.encounter(a, b);
            let values = [
                ("gap_m", expected.gap_m, met.map(|met| met.gap_m)),
                ("ttc_s", expected.ttc_s, met.and_then(|met| met.ttc_s)),
                ("pet_s", expected.pet_s, met.and_then(|met| met.pet_s)),
            ];
            for (key, bounds, value) in values {
                let Some(bounds) = bounds.filter(|bounds| !bounds.holds(value.unwrap_or(f64::INFINITY))) else {
                    continue;
                };
                let seen = value.map_or("is none".to_owned(), |value| format!("is {value:.2}"));
                failures.push(format!("{key} of {a:?} and {b:?} {seen}, must be {}", told(bounds)));
            }
        }
    }
}

fn told(bounds: Within) -> String {
    let least = bounds.at_least.map(|least| format!("at least {least}"));
    let most = bounds.at_most.map(|most| format!("at most {most}"));
    least.into_iter().chain(most).collect::<Vec<_>>().join(" and ")
}
