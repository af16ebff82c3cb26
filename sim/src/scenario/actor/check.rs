//! Mistakes in actors that show without a map, and the order in which their meetings can be set.

use super::{Actor, ActorKind, Meet, Place, Step, When};
use crate::scenario::{Amount, ScenarioError};

/// Most actors of a scenario, and most steps of one.
const MOST: usize = 64;

/// Checks what can be checked without a map.
pub(in crate::scenario) fn check(actors: &[Actor]) -> Result<(), ScenarioError> {
    if actors.len() > MOST {
        return Err(ScenarioError::at("actors", format!("{} actors, at most {MOST} are possible", actors.len())));
    }
    let mut names: Vec<&str> = Vec::new();
    for (number, actor) in actors.iter().enumerate() {
        let path = format!("actors[{number}]");
        if actor.name.is_empty() || names.contains(&actor.name.as_str()) {
            let what = format!("the name {:?} is empty or taken: each actor needs its own", actor.name);
            return Err(ScenarioError::at(&format!("{path}.name"), what));
        }
        names.push(&actor.name);
    }
    for (number, actor) in actors.iter().enumerate() {
        actor.check(&format!("actors[{number}]"), &names)?;
    }
    cycle(actors)
}

type Checked = Result<(), ScenarioError>;

impl Actor {
    fn check(&self, path: &str, names: &[&str]) -> Checked {
        self.start.check(&format!("{path}.start"))?;
        if let Some(speed) = self.speed_mps {
            speed.check(&format!("{path}.speed_mps"), 0.0, 60.0)?;
        }
        if self.connected == Some(true) && (!self.kind.is_motor() || self.against) {
            let what = "only motor vehicles on their side of the road can have a unit".into();
            return Err(ScenarioError::at(&format!("{path}.connected"), what));
        }
        if self.is_off_lanes() && !self.route.is_empty() {
            let what = "only vehicles that drive with the traffic take a route".into();
            return Err(ScenarioError::at(&format!("{path}.route"), what));
        }
        if self.against && self.kind == ActorKind::Pedestrian {
            let what = "people on foot walk either way: use walk with against".into();
            return Err(ScenarioError::at(&format!("{path}.against"), what));
        }
        if let Some(appears) = &self.appears {
            let path = format!("{path}.appears");
            let given = [appears.at_s.is_some(), appears.when.is_some(), appears.meet.is_some()];
            one_of(&path, given.iter().filter(|given| **given).count(), "at_s, when or meet", true)?;
            check_cue(&path, (appears.at_s, None), (appears.when.as_ref(), appears.meet.as_ref()), &self.name, names)?;
        }
        if self.steps.len() > MOST {
            let what = format!("{} steps, at most {MOST} are possible", self.steps.len());
            return Err(ScenarioError::at(&format!("{path}.steps"), what));
        }
        for (number, step) in self.steps.iter().enumerate() {
            step.check(&format!("{path}.steps[{number}]"), self, names)?;
        }
        Ok(())
    }
}

fn one_of(path: &str, count: usize, keys: &str, needed: bool) -> Checked {
    match count {
        1 => Ok(()),
        0 if !needed => Ok(()),
        0 => Err(ScenarioError::at(path, format!("nothing is said here: give one of {keys}"))),
        _ => Err(ScenarioError::at(path, format!("{count} are given, only one is possible of {keys}"))),
    }
}

fn check_cue(
    path: &str,
    (at_s, after_s): (Option<Amount>, Option<Amount>),
    (when, meet): (Option<&When>, Option<&Meet>),
    own: &str,
    names: &[&str],
) -> Checked {
    for (key, amount) in [("at_s", at_s), ("after_s", after_s)] {
        amount.map_or(Ok(()), |amount| amount.check(&format!("{path}.{key}"), 0.0, 86_400.0))?;
    }
    if let Some(when) = when {
        when.check(&format!("{path}.when"), own, names)?;
    }
    if let Some(meet) = meet {
        let path = format!("{path}.meet");
        other(&format!("{path}.actor"), &meet.actor, own, names)?;
        meet.gap_s.check(&format!("{path}.gap_s"), -10.0, 60.0)?;
        meet.at.as_ref().map_or(Ok(()), |place| place.check(&format!("{path}.at")))?;
    }
    Ok(())
}

/// Checks that a name is another actor's.
fn other(path: &str, name: &str, own: &str, names: &[&str]) -> Checked {
    if name == own {
        return Err(ScenarioError::at(path, format!("{name:?} is this actor itself: name another")));
    }
    if names.contains(&name) {
        return Ok(());
    }
    let known = names.iter().filter(|known| **known != own).map(ToString::to_string).collect();
    Err(ScenarioError::unknown(path, "actor", name, known))
}

impl When {
    fn check(&self, path: &str, own: &str, names: &[&str]) -> Checked {
        let given =
            [self.within_m.is_some(), self.ttc_s.is_some(), self.reaches.is_some(), self.stands, self.light.is_some()];
        let keys = "within_m, ttc_s, reaches, stands or light";
        one_of(path, given.iter().filter(|given| **given).count(), keys, true)?;
        match &self.actor {
            Some(_) if self.light.is_some() => {
                let what = "a light is always the one for this actor's own movement: leave actor out".into();
                return Err(ScenarioError::at(&format!("{path}.actor"), what));
            }
            Some(name) => other(&format!("{path}.actor"), name, own, names)?,
            None if self.within_m.is_some() || self.ttc_s.is_some() => {
                return Err(ScenarioError::at(path, "within_m and ttc_s need the other: give actor".into()));
            }
            None => {}
        }
        for (key, amount) in [("within_m", self.within_m), ("ttc_s", self.ttc_s)] {
            amount.map_or(Ok(()), |amount| amount.check(&format!("{path}.{key}"), 0.0, 1000.0))?;
        }
        self.reaches.as_ref().map_or(Ok(()), |place| place.check(&format!("{path}.reaches")))
    }
}

impl Place {
    fn check(&self, path: &str) -> Checked {
        let ways = [
            self.junction.is_some(),
            self.lane.is_some(),
            self.link.is_some(),
            self.bus_stop.is_some(),
            self.at.is_some(),
        ];
        let keys = "junction, lane, link, bus_stop or at";
        one_of(path, ways.iter().filter(|given| **given).count(), keys, true)?;
        let needs = |key: &str, given: bool, with: &str, there: bool| {
            if given && !there {
                return Err(ScenarioError::at(&format!("{path}.{key}"), format!("{key} goes with {with}")));
            }
            Ok(())
        };
        let along = self.lane.is_some() || self.link.is_some();
        needs("from", self.from.is_some(), "junction", self.junction.is_some())?;
        needs("movement", self.movement.is_some(), "junction", self.junction.is_some())?;
        needs("before_m", self.before_m.is_some(), "junction", self.junction.is_some())?;
        needs("at_m", self.at_m.is_some(), "lane or link", along)?;
        needs("nth", self.nth.is_some(), "junction or link", self.junction.is_some() || self.link.is_some())?;
        needs("at_crossing", self.at_crossing, "junction, lane or link", self.junction.is_some() || along)?;
        needs("junction", self.junction.is_some(), "from", self.from.is_some())?;
        if self.junction.is_some() && self.before_m.is_some() == self.at_crossing {
            let what = "say how far before the stop line: one of before_m and at_crossing".into();
            return Err(ScenarioError::at(&format!("{path}.junction"), what));
        }
        if along && self.at_m.is_some() == self.at_crossing {
            let key = if self.lane.is_some() { "lane" } else { "link" };
            let what = "say how far along it: one of at_m and at_crossing".into();
            return Err(ScenarioError::at(&format!("{path}.{key}"), what));
        }
        for (key, amount, low, high) in [
            ("before_m", self.before_m, 0.0, 1000.0),
            ("at_m", self.at_m, 0.0, 1e4),
            ("aside_m", self.aside_m, -50.0, 50.0),
        ] {
            amount.map_or(Ok(()), |amount| amount.check(&format!("{path}.{key}"), low, high))?;
        }
        Ok(())
    }
}

/// An amount, the least and the most that it may be.
type Bounded = (Option<Amount>, f64, f64);

impl Step {
    fn check(&self, path: &str, actor: &Actor, names: &[&str]) -> Checked {
        let cues = [self.at_s.is_some(), self.after_s.is_some(), self.when.is_some(), self.meet.is_some()];
        one_of(path, cues.iter().filter(|given| **given).count(), "at_s, after_s, when and meet", false)?;
        let times = (self.at_s, self.after_s);
        check_cue(path, times, (self.when.as_ref(), self.meet.as_ref()), &actor.name, names)?;
        let driving = [
            ("follow", self.follow.is_some()),
            ("change_lane", self.change_lane.is_some()),
            ("shift", self.shift.is_some()),
            ("overtake", self.overtake.is_some()),
            ("lights", self.lights.is_some()),
        ];
        let rolling = [
            ("drive", self.drive.is_some()),
            ("brake", self.brake.is_some()),
            ("stop", self.stop.is_some()),
            ("leave", self.leave),
        ];
        let on_foot =
            [("cross", self.cross.is_some()), ("walk", self.walk.is_some()), ("step_back", self.step_back.is_some())];
        let all = || driving.iter().chain(&rolling).chain(&on_foot);
        let keys = all().map(|(key, _)| *key).collect::<Vec<_>>().join(", ");
        one_of(path, all().filter(|(_, given)| *given).count(), &keys, true)?;
        let walks = actor.kind == ActorKind::Pedestrian;
        let wrong = |list: &[(&str, bool)]| list.iter().find(|(_, given)| *given).map(|(key, _)| key.to_string());
        let (mut cannot, whom) =
            if walks { (wrong(&driving), "someone on foot") } else { (wrong(&on_foot), "a vehicle") };
        if actor.against {
            cannot = cannot.or(wrong(&driving));
        }
        if let Some(key) = cannot {
            let whom = if actor.against { "a vehicle against the traffic" } else { whom };
            return Err(ScenarioError::at(&format!("{path}.{key}"), format!("{whom} cannot {key}")));
        }
        for (key, name) in [
            ("follow", self.follow.as_ref().map(|follow| &follow.actor)),
            ("overtake", self.overtake.as_ref().map(|overtake| &overtake.actor)),
        ] {
            name.map_or(Ok(()), |name| other(&format!("{path}.{key}.actor"), name, &actor.name, names))?;
        }
        if let Some(place) = self.stop.as_ref().and_then(|stop| stop.at.as_ref()) {
            place.check(&format!("{path}.stop.at"))?;
        }
        self.check_numbers(path)
    }

    fn check_numbers(&self, path: &str) -> Checked {
        let (drive, brake, stop) = (self.drive.as_ref(), self.brake.as_ref(), self.stop.as_ref());
        let speed = |amount: Option<Amount>| (amount, 0.0, 60.0);
        let numbers: [(&str, Bounded); 16] = [
            ("drive.mps", speed(drive.map(|d| d.mps))),
            ("drive.mps2", (drive.and_then(|d| d.mps2), 0.1, 12.0)),
            ("brake.mps2", (brake.map(|b| b.mps2), 0.1, 12.0)),
            ("brake.to_mps", speed(brake.and_then(|b| b.to_mps))),
            ("stop.mps2", (stop.and_then(|s| s.mps2), 0.1, 12.0)),
            ("stop.for_s", (stop.and_then(|s| s.for_s), 0.0, 3600.0)),
            ("follow.gap_m", (self.follow.as_ref().map(|f| f.gap_m), 0.5, 500.0)),
            ("shift.to_m", (self.shift.as_ref().map(|s| s.to_m), -20.0, 20.0)),
            ("shift.mps", (self.shift.as_ref().and_then(|s| s.mps), 0.05, 10.0)),
            ("overtake.mps", speed(self.overtake.as_ref().map(|o| o.mps))),
            ("overtake.clear_m", (self.overtake.as_ref().and_then(|o| o.clear_m), 0.0, 200.0)),
            ("cross.mps", (self.cross.as_ref().map(|c| c.mps), 0.1, 10.0)),
            ("cross.m", (self.cross.as_ref().and_then(|c| c.m), 0.1, 200.0)),
            ("walk.mps", (self.walk.as_ref().map(|w| w.mps), 0.1, 10.0)),
            ("walk.m", (self.walk.as_ref().and_then(|w| w.m), 0.1, 2000.0)),
            ("step_back.mps", (self.step_back.as_ref().map(|b| b.mps), 0.1, 10.0)),
        ];
        for (key, (amount, low, high)) in numbers {
            amount.map_or(Ok(()), |amount| amount.check(&format!("{path}.{key}"), low, high))?;
        }
        Ok(())
    }
}

/// Whom an actor's meetings depend on, with where that is said.
fn meetings(number: usize, actor: &Actor) -> Vec<(String, &str)> {
    let first = actor.appears.iter().filter_map(|appears| appears.meet.as_ref());
    let first = first.map(|meet| (format!("actors[{number}].appears.meet.actor"), meet.actor.as_str()));
    let later = actor.steps.iter().enumerate().filter_map(|(step, s)| Some((step, s.meet.as_ref()?)));
    let later = later.map(|(step, meet)| (format!("actors[{number}].steps[{step}].meet.actor"), meet.actor.as_str()));
    first.chain(later).collect()
}

/// The order in which meetings can be set: every actor after those that it meets.
pub(crate) fn order(actors: &[Actor]) -> Result<Vec<usize>, ScenarioError> {
    let mut order: Vec<usize> = Vec::new();
    while order.len() < actors.len() {
        let placed = |name: &str| order.iter().any(|&number| actors[number].name == name);
        let free = |number: &usize| {
            !order.contains(number) && meetings(*number, &actors[*number]).iter().all(|(_, name)| placed(name))
        };
        let Some(next) = (0..actors.len()).find(free) else {
            let stuck = (0..actors.len()).filter(|number| !order.contains(number));
            let waits = stuck.flat_map(|number| meetings(number, &actors[number]));
            let (path, name) = waits.into_iter().find(|(_, name)| !placed(name)).unwrap_or_default();
            let what = format!("the meetings go round in a ring: {name:?} in turn waits for this actor");
            return Err(ScenarioError::at(&path, what));
        };
        order.push(next);
    }
    Ok(order)
}

/// Refuses actors that wait for each other's appearance, and meetings in a ring.
fn cycle(actors: &[Actor]) -> Checked {
    order(actors)?;
    let waits_for = |number: usize| {
        let name = actors[number].appears.as_ref()?.when.as_ref()?.actor.as_ref()?;
        actors.iter().position(|actor| actor.name == *name)
    };
    for first in 0..actors.len() {
        let mut at = first;
        for _ in 0..actors.len() {
            let Some(next) = waits_for(at) else { break };
            if next == first {
                let what = format!("{:?} appears only after this actor: both would wait for ever", actors[at].name);
                return Err(ScenarioError::at(&format!("actors[{first}].appears.when.actor"), what));
            }
            at = next;
        }
    }
    Ok(())
}
