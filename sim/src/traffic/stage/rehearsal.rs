//! Rehearsals: the actors play alone, nobody reacting, and the cues of meetings are shifted until the gaps are right.

use super::cue::{Cue, Meeting};
use super::{Stage, act};
use crate::outline::{Outline, overlap};
use crate::scenario::Scenario;
use crate::scenario::{Order, ScenarioError, actor_order};
use crate::simulation::STEP;
use crate::traffic::{Lights, Traffic};
use core::time::Duration;
use jxz_geo::Point;
use jxz_units::Utc;

/// Rehearsals of one meeting at most.
const MOST: usize = 8;
/// A gap is right within this, seconds.
const RIGHT_S: f64 = 0.005;
/// And is refused if it remains farther off than this, seconds.
const REFUSED_S: f64 = 0.05;
/// A scenario without a length is rehearsed for this long, and none for longer than the second, seconds.
const LENGTH_S: (f64, f64) = (60.0, 300.0);
/// Who passes a named place is within this of it, metres.
const AT_PLACE_M: f64 = 1.0;

/// Where everyone was, step by step.
type Played = Vec<Vec<Option<Outline>>>;

impl Stage {
    /// Sets the cues of all meetings. `empty` is the traffic without anyone; `lights` show the start.
    pub(crate) fn rehearse(
        &mut self,
        empty: &Traffic,
        scenario: &Scenario,
        lights: &Lights,
        utc: Utc,
    ) -> Result<(), ScenarioError> {
        let seconds = scenario.expect.seconds.unwrap_or(LENGTH_S.0).min(LENGTH_S.1);
        for number in actor_order(&scenario.actors)? {
            for place in 0..=self.players[number].steps.len() {
                if self.meeting(number, place).is_some() {
                    self.arrange(number, place, |stage| stage.run(empty, (lights, utc), seconds))?;
                }
            }
        }
        let moves_over = |(_, act): &(Cue, act::Act)| matches!(act, act::Act::Change(_) | act::Act::Overtake { .. });
        if self.players.iter().any(|player| player.steps.iter().any(moves_over)) {
            let (_, played) = self.run(empty, (lights, utc), seconds);
            let complaint = |player: &super::Player| Some((player.path.clone(), player.drives.complaint.clone()?));
            if let Some((path, (step, what))) = played.players.iter().find_map(complaint) {
                return Err(ScenarioError::at(&format!("{path}.steps[{step}]"), what));
            }
        }
        Ok(())
    }

    /// The meeting at which an actor appears (place 0) or begins a step (from 1).
    fn meeting(&mut self, number: usize, place: usize) -> Option<&mut Meeting> {
        let player = &mut self.players[number];
        let cue = match place.checked_sub(1) {
            None => &mut player.appears,
            Some(step) => &mut player.steps.get_mut(step)?.0,
        };
        if let Cue::Meet(meeting) = cue { Some(meeting) } else { None }
    }

    /// Shifts one cue until the gap is right.
    fn arrange(
        &mut self,
        number: usize,
        place: usize,
        mut run: impl FnMut(&Self) -> (Played, Self),
    ) -> Result<(), ScenarioError> {
        let own = &self.players[number];
        let path = match place.checked_sub(1) {
            None => format!("{}.appears.meet", own.path),
            Some(step) => format!("{}.steps[{step}].meet", own.path),
        };
        let Some(meeting) = self.meeting(number, place).cloned() else { return Ok(()) };
        let with = self.players[meeting.with].name.clone();
        // A first cue that is late enough for what comes before: the run tells when the actor gets there.
        let (mut at_s, mut off_s) = (0.0, f64::INFINITY);
        for _ in 0..MOST {
            if let Some(meeting) = self.meeting(number, place) {
                meeting.at_s = at_s;
            }
            let (played, _) = run(self);
            let times = times_s(&played, number, meeting.with, meeting.at);
            let Some((own_s, other_s)) = times else {
                let what = format!(
                    "its way and that of {with:?} do not cross while both play: look at routes, starts and expect.seconds"
                );
                return Err(ScenarioError::at(&path, what));
            };
            let late_s = match meeting.first {
                Order::Other => own_s.0 - other_s.1 - meeting.gap_s,
                Order::Me => meeting.gap_s - (other_s.0 - own_s.1),
            };
            off_s = late_s.abs();
            if off_s < RIGHT_S {
                return Ok(());
            }
            if at_s == 0.0 && late_s > 0.0 {
                let what = format!(
                    "it comes {late_s:.1} s too late even if it begins at once: let it begin nearer, or {with:?} farther away"
                );
                return Err(ScenarioError::at(&path, what));
            }
            at_s = (at_s - late_s).max(0.0);
        }
        if off_s > REFUSED_S {
            let what = format!(
                "no cue gives the gap of {:.2} s with {with:?}: the nearest is {off_s:.2} s off",
                meeting.gap_s
            );
            return Err(ScenarioError::at(&path, what));
        }
        Ok(())
    }

    /// Plays once, nobody reacting.
    fn run(&self, empty: &Traffic, (lights, utc): (&Lights, Utc), seconds: f64) -> (Played, Self) {
        let mut traffic = empty.clone();
        let mut lights = lights.clone();
        traffic.stage = self.clone();
        for player in &mut traffic.stage.players {
            player.reacts = false;
        }
        let mut played = Vec::new();
        let mut now = Duration::ZERO;
        while now.as_secs_f64() < seconds {
            let at = utc + now;
            lights.set(at);
            traffic.step(&lights, at, now.as_secs_f64(), STEP.as_secs_f64());
            played.push(traffic.stage.outlines().to_vec());
            now += STEP;
        }
        (played, traffic.stage)
    }
}

/// From when to when two actors are in the place that both use, seconds: the one, the other.
fn times_s(played: &Played, one: usize, other: usize, at: Option<Point>) -> Option<((f64, f64), (f64, f64))> {
    let way = |number: usize| -> Vec<Outline> { played.iter().filter_map(|seen| seen[number]).collect() };
    let (ways_one, ways_other) = (way(one), way(other));
    let in_place = |outline: &Outline, ways: &[Outline]| match at {
        Some(point) => outline.distance_m(point) < AT_PLACE_M,
        None => ways.iter().any(|there| overlap(outline, there)),
    };
    Some((stretch_s(played, one, |o| in_place(o, &ways_other))?, stretch_s(played, other, |o| in_place(o, &ways_one))?))
}

/// From when to when an actor first is where `inside` says, seconds, between steps, too.
fn stretch_s(played: &Played, number: usize, inside: impl Fn(&Outline) -> bool) -> Option<(f64, f64)> {
    let seen = |step: usize| played.get(step).and_then(|seen| seen[number]);
    let first = (0..played.len()).find(|step| seen(*step).is_some_and(|outline| inside(&outline)))?;
    let last = (first..played.len()).take_while(|step| seen(*step).is_some_and(|outline| inside(&outline))).last()?;
    let step_s = STEP.as_secs_f64();
    // The share of a step at which one side of an edge becomes the other.
    let edge = |before: usize, inside_first: bool| {
        let (Some(from), Some(to)) = (seen(before), seen(before + 1)) else {
            return if inside_first { 0.0 } else { 1.0 };
        };
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..8 {
            let middle = (low + high) / 2.0;
            if inside(&from.towards(&to, middle)) == inside_first { low = middle } else { high = middle }
        }
        (low + high) / 2.0
    };
    let from_s = match first.checked_sub(1) {
        Some(before) => (before as f64 + edge(before, false)) * step_s,
        None => 0.0,
    };
    Some((from_s, (last as f64 + edge(last, true)) * step_s))
}
