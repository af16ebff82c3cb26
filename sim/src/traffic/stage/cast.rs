//! From the scenario's words to actors on this map, with their numbers drawn.

use super::act::{Act, DOWN_MPS2, Drives, SIDEWAYS_MPS, UP_MPS2};
use super::cue::{Cue, Meeting};
use super::place::{self, Spot};
use super::{Mark, Phase, Player, Stage, WALKER_IDS};
use crate::rng::{Purpose, Seed, Stream};
use crate::scenario::{Actor, ActorKind, Amount, LightName, Meet, Place, Scenario, ScenarioError, Step, When};
use crate::traffic::roads::RoadNet;
use crate::traffic::vehicle::RoadUserKind;
use jxz_geo::Polyline;
use jxz_world::Light;

/// Length of an ambulance, metres.
const EMERGENCY_M: f64 = 5.9;
/// Distance at which someone who passes another comes back, metres.
const CLEAR_M: f64 = 8.0;

type Found<T> = Result<T, ScenarioError>;

impl Stage {
    /// Every actor of a scenario, where and when it begins.
    pub(crate) fn cast(net: &RoadNet, scenario: &Scenario, seed: Seed) -> Found<Self> {
        let players = scenario.actors.iter().enumerate().map(|(number, actor)| {
            let stream = seed.stream(Purpose::Actor, number as u64);
            Caster { net, actors: &scenario.actors, number, actor, stream }.player()
        });
        Ok(Self { players: players.collect::<Found<_>>()?, ..Self::default() })
    }
}

/// Casts one actor.
struct Caster<'a> {
    net: &'a RoadNet,
    actors: &'a [Actor],
    number: usize,
    actor: &'a Actor,
    stream: Stream,
}

impl Caster<'_> {
    fn player(mut self) -> Found<Player> {
        let (net, actor) = (self.net, self.actor);
        let path = format!("actors[{}]", self.number);
        let off_lanes = actor.is_off_lanes();
        let spot = self.spot(&actor.start, &format!("{path}.start"))?;
        let (body, length_m) = body_of(actor.kind);
        let wants = place::wants(net, &actor.route, &actor.start, &path)?;
        let way = if off_lanes { vec![spot.lane] } else { place::way(net, spot.lane, &wants, &path)? };
        let line = self.line(spot, &path)?;
        let limit_mps = if actor.kind == ActorKind::Pedestrian { 0.0 } else { net.facts(spot.lane).speed_limit_mps };
        let start_mps = self.draw(actor.speed_mps, limit_mps);
        let appears = match &actor.appears {
            None => Cue::At(0.0),
            Some(appears) => {
                let at_s = appears.at_s.map(|at_s| at_s.draw(&mut self.stream));
                self.cue((at_s, None), (appears.when.as_ref(), appears.meet.as_ref()), &format!("{path}.appears"))?
            }
        };
        let mut steps = Vec::new();
        for (number, step) in actor.steps.iter().enumerate() {
            let path = format!("{path}.steps[{number}]");
            let at_s = step.at_s.map(|at_s| at_s.draw(&mut self.stream));
            let after_s = step.after_s.map(|after_s| after_s.draw(&mut self.stream));
            let cue = self.cue((at_s, after_s), (step.when.as_ref(), step.meet.as_ref()), &path)?;
            steps.push((cue, self.act(step, &path)?));
        }
        let base = if off_lanes { WALKER_IDS } else { 1 };
        Ok(Player {
            name: actor.name.clone(),
            path,
            id: base + self.number as u64,
            body,
            length_m,
            connected: !off_lanes && actor.connected.unwrap_or(actor.kind.is_motor()),
            reacts: actor.reacts,
            heeds: actor.heeds,
            obeys: actor.obeys,
            hurries: actor.kind == ActorKind::EmergencyVehicle,
            off_lanes,
            spot,
            wants,
            way,
            line,
            start_mps,
            appears,
            steps,
            phase: Phase::Waiting,
            next: 0,
            done_s: None,
            drives: Drives::at(start_mps),
            lamps: crate::scenario::Lamps::default(),
        })
    }

    fn draw(&mut self, amount: Option<Amount>, default: f64) -> f64 {
        amount.map_or(default, |amount| amount.draw(&mut self.stream))
    }

    fn spot(&mut self, place: &Place, path: &str) -> Found<Spot> {
        place::find(self.net, place, self.actor.kind, path, &mut self.stream)
    }

    /// Of those off the lanes, the line that they begin on: across the road, or against the traffic.
    fn line(&self, spot: Spot, path: &str) -> Found<Polyline> {
        let none = |what: &str| ScenarioError::at(&format!("{path}.start"), what.to_owned());
        if self.actor.against {
            return place::way_against(self.net, spot)
                .ok_or_else(|| none("no road leads away from here against the traffic"));
        }
        let mark = spot.mark(self.net);
        let (right_m, left_m) = place::edges_m(self.net, spot.lane, spot.s_m);
        let leftwards = spot.aside_m < (right_m + left_m) / 2.0;
        let left = jxz_geo::Vector::new(-mark.along.y, mark.along.x);
        let across = if leftwards { left } else { -left };
        Polyline::new(vec![mark.at, mark.at + across * 0.01]).map_err(|_| none("is no place on the map"))
    }

    fn number_of(&self, name: &str, path: &str) -> Found<usize> {
        self.actors.iter().position(|actor| actor.name == name).ok_or_else(|| {
            let known = self.actors.iter().map(|actor| actor.name.clone()).collect();
            ScenarioError::unknown(path, "actor", name, known)
        })
    }

    fn cue(
        &mut self,
        (at_s, after_s): (Option<f64>, Option<f64>),
        (when, meet): (Option<&When>, Option<&Meet>),
        path: &str,
    ) -> Found<Cue> {
        if let Some(at_s) = at_s {
            return Ok(Cue::At(at_s));
        }
        if let Some(meet) = meet {
            let with = self.number_of(&meet.actor, &format!("{path}.meet.actor"))?;
            let gap_s = meet.gap_s.draw(&mut self.stream);
            let at = match &meet.at {
                Some(place) => Some(self.spot(place, &format!("{path}.meet.at"))?.mark(self.net).at),
                None => None,
            };
            return Ok(Cue::Meet(Meeting { with, gap_s, first: meet.first, at, at_s: f64::INFINITY }));
        }
        let Some(when) = when else { return Ok(Cue::After(after_s.unwrap_or(0.0))) };
        let path = format!("{path}.when");
        let who = match &when.actor {
            Some(name) => self.number_of(name, &format!("{path}.actor"))?,
            None => self.number,
        };
        Ok(if let Some(m) = when.within_m {
            Cue::Within(who, m.draw(&mut self.stream))
        } else if let Some(s) = when.ttc_s {
            Cue::Ttc(who, s.draw(&mut self.stream))
        } else if let Some(place) = &when.reaches {
            let kind = self.actors[who].kind;
            let spot = place::find(self.net, place, kind, &format!("{path}.reaches"), &mut self.stream)?;
            Cue::Reaches(who, Mark::of(self.net, &spot))
        } else if let Some(light) = when.light {
            Cue::Light(match light {
                LightName::Green => Light::Green,
                LightName::Yellow => Light::Yellow,
                LightName::Red => Light::Red,
            })
        } else {
            Cue::Stands(who)
        })
    }

    fn act(&mut self, step: &Step, path: &str) -> Found<Act> {
        if let Some(drive) = &step.drive {
            return Ok(Act::Drive { mps: self.draw(Some(drive.mps), 0.0), mps2: self.draw(drive.mps2, UP_MPS2) });
        }
        if let Some(brake) = &step.brake {
            return Ok(Act::Brake {
                mps2: self.draw(Some(brake.mps2), DOWN_MPS2),
                to_mps: self.draw(brake.to_mps, 0.0),
            });
        }
        if let Some(stop) = &step.stop {
            let at = stop.at.as_ref().map(|place| self.spot(place, &format!("{path}.stop.at"))).transpose()?;
            let for_s = stop.for_s.map(|for_s| for_s.draw(&mut self.stream));
            return Ok(Act::Stop { at, mps2: self.draw(stop.mps2, DOWN_MPS2), for_s });
        }
        if let Some(follow) = &step.follow {
            let who = self.number_of(&follow.actor, &format!("{path}.follow.actor"))?;
            return Ok(Act::Follow { who, gap_m: self.draw(Some(follow.gap_m), 0.0) });
        }
        if let Some(shift) = &step.shift {
            return Ok(Act::Shift { to_m: self.draw(Some(shift.to_m), 0.0), mps: self.draw(shift.mps, SIDEWAYS_MPS) });
        }
        if let Some(overtake) = &step.overtake {
            let who = self.number_of(&overtake.actor, &format!("{path}.overtake.actor"))?;
            let (mps, clear_m) = (self.draw(Some(overtake.mps), 0.0), self.draw(overtake.clear_m, CLEAR_M));
            return Ok(Act::Overtake { who, mps, clear_m });
        }
        if let Some(cross) = &step.cross {
            let m = cross.m.map(|m| m.draw(&mut self.stream));
            return Ok(Act::Cross { mps: self.draw(Some(cross.mps), 0.0), m });
        }
        if let Some(walk) = &step.walk {
            let m = walk.m.map(|m| m.draw(&mut self.stream));
            return Ok(Act::Walk { mps: self.draw(Some(walk.mps), 0.0), m, against: walk.against });
        }
        if let Some(back) = &step.step_back {
            return Ok(Act::StepBack { mps: self.draw(Some(back.mps), 0.0) });
        }
        let change = step.change_lane.map(Act::Change).or(step.lights.map(Act::Lights));
        Ok(change.unwrap_or(Act::Leave))
    }
}

/// What an actor of a kind looks like, and how long it is, metres.
const fn body_of(kind: ActorKind) -> (RoadUserKind, f64) {
    let body = match kind {
        ActorKind::Car | ActorKind::EmergencyVehicle => RoadUserKind::Car,
        ActorKind::Bus => RoadUserKind::Bus,
        ActorKind::Truck => RoadUserKind::Truck,
        ActorKind::Cyclist => RoadUserKind::Cyclist,
        ActorKind::EBike => RoadUserKind::EBike,
        ActorKind::Pedestrian => RoadUserKind::Pedestrian,
    };
    let length_m = if matches!(kind, ActorKind::EmergencyVehicle) { EMERGENCY_M } else { body.size_m().0 };
    (body, length_m)
}
