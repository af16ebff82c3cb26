//! When actors act.

use super::{Mark, Stage};
use crate::outline::{Outline, gap_m, time_to_collision_s};
use crate::scenario::Order;
use crate::traffic::Scene;
use jxz_geo::Point;
use jxz_world::Light;

/// Times to collision are looked for within this, seconds.
const HORIZON_S: f64 = 20.0;
/// Who passes a place is within this of it, along and aside, metres.
const PASSING_M: (f64, f64) = (30.0, 8.0);
/// Who is slower than this stands, metres per second.
const STANDS_MPS: f64 = 0.1;

/// What an actor waits for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cue {
    /// Seconds from the start.
    At(f64),
    /// Seconds after the step before was done.
    After(f64),
    Within(usize, f64),
    Ttc(usize, f64),
    Reaches(usize, Mark),
    Stands(usize),
    Light(Light),
    Meet(Meeting),
}

/// A meeting, and from its rehearsal on when the cue is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meeting {
    pub(super) with: usize,
    pub(super) gap_s: f64,
    pub(super) first: Order,
    pub(super) at: Option<Point>,
    /// Seconds from the start; infinite: not rehearsed yet.
    pub(super) at_s: f64,
}

fn passes(outline: &Outline, mark: &Mark) -> bool {
    let way = outline.front() - mark.at;
    let along_m = way.dot(&mark.along);
    // Whichever way it goes: behind the mark, seen along its own direction.
    let beyond_m = along_m * outline.along.dot(&mark.along).signum();
    (0.0..PASSING_M.0).contains(&beyond_m) && (way - mark.along * along_m).norm() < PASSING_M.1
}

impl Stage {
    /// For how long the next cue of an actor is due, seconds; `None`: not yet, or nothing comes.
    pub(super) fn due_s(&self, scene: &Scene<'_>, number: usize) -> Option<f64> {
        let player = &self.players[number];
        let cue =
            if player.phase == super::Phase::Waiting { &player.appears } else { &player.steps.get(player.next)?.0 };
        let own = self.seen.get(number).copied().flatten();
        let other = |who: usize| self.seen.get(who).copied().flatten();
        let since = |at_s: f64| (scene.time_s > at_s - 1e-9).then_some((scene.time_s - at_s).max(0.0));
        let now = |is: bool| is.then_some(0.0);
        match cue {
            Cue::At(at_s) => since(*at_s),
            Cue::After(after_s) => since(player.done_s? + after_s),
            Cue::Meet(meeting) => since(meeting.at_s),
            Cue::Within(who, m) => {
                let own = own.unwrap_or_else(|| self.waiting_outline(scene, number));
                now(gap_m(&own, &other(*who)?) < *m)
            }
            Cue::Ttc(who, s) => now(time_to_collision_s(&own?, &other(*who)?, HORIZON_S).is_some_and(|ttc| ttc < *s)),
            Cue::Reaches(who, mark) => now(passes(&other(*who)?, mark)),
            Cue::Stands(who) => now(other(*who)?.velocity.norm() < STANDS_MPS),
            Cue::Light(light) => {
                let ahead = player.way.iter().skip(self.lanes_behind(number));
                let movement = ahead
                    .filter_map(|lane| scene.net.lane(*lane).movement.as_ref())
                    .find_map(|movement| Some((movement.junction, movement.phase?)));
                let shown = movement.map(|(junction, phase)| scene.lights.of(junction, phase))?;
                let same = match light {
                    Light::Green => shown.is_go(),
                    light => shown == *light,
                };
                now(same)
            }
        }
    }

    /// Lanes of an actor's way that lie behind it.
    fn lanes_behind(&self, number: usize) -> usize {
        self.players[number].drives.lanes_behind
    }

    /// Where an actor will appear.
    fn waiting_outline(&self, scene: &Scene<'_>, number: usize) -> Outline {
        let player = &self.players[number];
        let mark = player.spot.mark(scene.net);
        let (_, width_m, _) = player.body.size_m();
        let half_m = (player.length_m / 2.0, width_m / 2.0);
        let centre = mark.at - mark.along * half_m.0;
        Outline { centre, along: mark.along, half_m, velocity: mark.along * player.start_mps }
    }
}
