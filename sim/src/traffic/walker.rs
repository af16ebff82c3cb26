//! People on foot: along the road to a crossing, across when it is safe, and on.

use super::crossing::{CrossingBook, OnFoot, blocked_on_crossing, may_step_out, meets_nobody};
use super::lights::Lights;
use super::roads::RoadNet;
use super::vehicle::{RoadUserKind, Vehicle};
use crate::rng::{Stream, chance, uniform};
use crate::truth::TruthObject;
use jxz_geo::{Point, Polyline, Vector};
use jxz_map::{CrossingControl, CrossingIx, JunctionIx, LaneIx};
use jxz_units::{Utc, Yaw};

/// Where someone on foot is on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Towards the kerb.
    Coming,
    /// At the kerb.
    Waiting,
    /// On the carriageway.
    Crossing,
    /// Away from the kerb.
    Leaving,
}

/// Someone on foot.
#[derive(Debug, Clone)]
pub(crate) struct Walker {
    pub(crate) id: u64,
    pub(crate) route: Polyline,
    /// Distance along the route, metres.
    pub(crate) s_m: f64,
    /// Speed when walking, metres per second.
    pub(crate) pace_mps: f64,
    pub(crate) v_mps: f64,
    pub(crate) stage: Stage,
    /// Which crossing; `None`: away from any (a jaywalker).
    pub(crate) crossing: Option<CrossingIx>,
    /// Whether it walks from the crossing's end to its start.
    pub(crate) backwards: bool,
    /// Where on the route the carriageway begins and ends, metres.
    pub(crate) kerbs_m: (f64, f64),
    /// Whether it crosses on red when there is a gap.
    pub(crate) impatient: bool,
    /// What it looks like from outside: someone on foot, or a vehicle that is where it should not be.
    pub(crate) body: RoadUserKind,
    /// Whether a script steps it out before a vehicle; then nobody waits.
    pub(crate) scripted: bool,
}

impl Walker {
    /// As it really is.
    pub(crate) fn observed(&self) -> TruthObject {
        let (position, yaw) = self.pose();
        let (length_m, width_m, height_m) = self.body.size_m();
        TruthObject {
            id: self.id,
            kind: self.body,
            class: self.body.class(),
            position,
            velocity: self.velocity(),
            yaw,
            extent_m: (length_m, width_m),
            height_m,
            acceleration_mps2: 0.0,
            vehicle: None,
            scripted: self.scripted,
        }
    }

    /// Position and direction.
    pub(crate) fn pose(&self) -> (Point, Yaw) {
        (self.route.point_at(self.s_m), self.route.yaw_at(self.s_m))
    }

    pub(crate) fn velocity(&self) -> Vector {
        self.route.direction_at(self.s_m) * self.v_mps
    }

    /// Where it is along its crossing, and how fast it would walk there.
    pub(crate) fn on_crossing(&self) -> OnFoot {
        if self.backwards {
            OnFoot { at_m: self.kerbs_m.1 - self.s_m, speed_mps: -self.pace_mps }
        } else {
            OnFoot { at_m: self.s_m - self.kerbs_m.0, speed_mps: self.pace_mps }
        }
    }

    /// Whether it has walked its whole way.
    pub(crate) fn is_done(&self) -> bool {
        self.s_m >= self.route.length_m() - 0.1
    }

    /// One step of time.
    pub(crate) fn step(
        &mut self,
        net: &RoadNet,
        lights: (&Lights, Utc),
        book: &CrossingBook,
        vehicles: &[Vehicle],
        dt_s: f64,
    ) {
        if self.stage == Stage::Coming && self.s_m + self.pace_mps * dt_s >= self.kerbs_m.0 - 0.3 {
            self.stage = Stage::Waiting;
        }
        if self.stage == Stage::Waiting && (self.scripted || self.may_go(net, lights, book, vehicles)) {
            self.stage = Stage::Crossing;
        }
        if self.stage == Stage::Crossing && self.s_m > self.kerbs_m.1 {
            self.stage = Stage::Leaving;
        }
        let stands = match self.stage {
            Stage::Waiting => true,
            Stage::Crossing if self.body != RoadUserKind::Pedestrian => self.faces(net, vehicles),
            Stage::Crossing => !self.scripted && blocked_on_crossing(net, book, self),
            Stage::Coming | Stage::Leaving => false,
        };
        self.v_mps = if stands { 0.0 } else { self.pace_mps };
        self.s_m += self.v_mps * dt_s;
    }

    /// Whether it steps out now: on green when those who come can stop, on red when it meets nobody.
    fn may_go(&self, net: &RoadNet, lights: (&Lights, Utc), book: &CrossingBook, vehicles: &[Vehicle]) -> bool {
        if self.has_go(net, lights) {
            may_step_out(net, book, vehicles, self)
        } else {
            self.impatient && meets_nobody(net, book, vehicles, self)
        }
    }

    /// Walks in a group of so many from now on: each companion slows everyone down (Moussaïd and others 2010, figure 2:
    /// 0.04 m/s at low density).
    pub(crate) fn join_group(&mut self, size: usize) {
        const SLOWER_MPS: f64 = 0.04;
        self.pace_mps -= SLOWER_MPS * (size.saturating_sub(1)) as f64;
        self.v_mps = self.pace_mps;
    }

    /// Another one of its group, so many places from it: beside or behind, at the same pace.
    pub(crate) fn companion(&self, id: u64, place: usize) -> Self {
        let behind_m = 0.8 * (place / 2) as f64 + 0.3;
        let aside_m = if place % 2 == 1 { 0.75 } else { -0.75 };
        let route = self.route.offset(aside_m).unwrap_or_else(|_| self.route.clone());
        let stretch = route.length_m() / self.route.length_m();
        let kerbs_m = (self.kerbs_m.0 * stretch, self.kerbs_m.1 * stretch);
        let s_m = (self.s_m - behind_m).max(0.0);
        Self { id, route, kerbs_m, s_m, ..self.clone() }
    }

    /// Whether a vehicle stands or comes right before it.
    fn faces(&self, net: &RoadNet, vehicles: &[Vehicle]) -> bool {
        const NEAR_M: f64 = 16.0;
        let (at, ahead) = (self.route.point_at(self.s_m), self.route.direction_at(self.s_m));
        vehicles.iter().any(|vehicle| {
            let way = vehicle.place(net).0 - at;
            let along_m = way.dot(&ahead);
            along_m > 0.0 && along_m < NEAR_M && (way - ahead * along_m).norm() < 2.4
        })
    }

    /// Whether the light, if there is one, is green for long enough.
    fn has_go(&self, net: &RoadNet, (lights, utc): (&Lights, Utc)) -> bool {
        let control = self.crossing.and_then(|crossing| net.map.crossing(crossing).control);
        match control {
            Some(CrossingControl::Signal(junction, phase)) => {
                let needed_s = (self.kerbs_m.1 - self.kerbs_m.0) / self.pace_mps;
                // Long crossings may need more than one green gives: then whoever is there at its start goes.
                lights.green_left_s(junction, phase, utc) > needed_s.min(12.0) * 0.9
            }
            Some(CrossingControl::Yield) | None => true,
        }
    }
}

/// Someone who walks to a crossing, over it and on. `None` if the crossing has no lane to walk along.
pub(crate) fn draw(
    net: &RoadNet,
    id: u64,
    crossing: CrossingIx,
    begun: bool,
    impatient_share: f64,
    stream: &mut Stream,
) -> Option<Walker> {
    let shape = net.map.crossing(crossing);
    let first = shape.lanes.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let last = shape.lanes.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let aside_m = uniform(stream, -0.4, 0.4) * shape.width_m;
    let beyond_m = uniform(stream, 1.0, 2.2);
    let across = shape.line.offset(aside_m).ok()?;
    let kerb = |lane: &(LaneIx, f64, f64), end: Point, stream: &mut Stream| {
        let along_m = uniform(stream, 15.0, 45.0);
        footway(net, crossing, lane.0, end, beyond_m, along_m)
    };
    let (mut from, mut to) = (kerb(first, across.start(), stream), kerb(last, across.end(), stream));
    let backwards = chance(stream, 0.5);
    if backwards {
        core::mem::swap(&mut from, &mut to);
    }
    let over = if backwards { across.reversed() } else { across };
    from.reverse();
    let before = Polyline::new(from.iter().copied().chain([over.start()]).collect()).ok()?;
    let route = from.into_iter().chain(over.points().iter().copied()).chain(to).collect();
    let kerbs_m = (before.length_m(), before.length_m() + over.length_m());
    let s_m = if begun { uniform(stream, 0.0, (kerbs_m.0 - 1.0).max(0.0)) } else { 0.0 };
    let pace_mps = pace_mps(stream);
    let impatient = chance(stream, impatient_share);
    Some(Walker {
        id,
        route: Polyline::new(route).ok()?,
        s_m,
        pace_mps,
        v_mps: pace_mps,
        stage: Stage::Coming,
        crossing: Some(crossing),
        backwards,
        kerbs_m,
        impatient,
        body: RoadUserKind::Pedestrian,
        scripted: false,
    })
}

/// Free walking speed: normal, 1.34 m/s with a standard deviation of 0.26 m/s (Weidmann 1993, Transporttechnik der
/// Fussgänger), less what lies beyond 2.5 of those. The sum of twelve uniform draws stands for the normal one: it needs
/// no function whose last digit differs from machine to machine.
fn pace_mps(stream: &mut Stream) -> f64 {
    loop {
        let normal = (0..12).map(|_| uniform(stream, 0.0, 1.0)).sum::<f64>() - 6.0;
        if normal.abs() < 2.5 {
            return 1.34 + 0.26 * normal;
        }
    }
}

/// A way beside a lane from a kerb point on, away from the crossing's junction, from near to far. It ends where the
/// lane does.
fn footway(net: &RoadNet, crossing: CrossingIx, lane: LaneIx, kerb: Point, beyond_m: f64, along_m: f64) -> Vec<Point> {
    let line = &net.lane(lane).centre;
    let foot = line.project(kerb);
    let side_m = foot.offset_m + foot.offset_m.signum() * beyond_m;
    let point = |s_m: f64| {
        let direction = line.direction_at(s_m);
        line.point_at(s_m) + Vector::new(-direction.y, direction.x) * side_m
    };
    let junction = net.map.junctions.iter().position(|junction| junction.crossings.contains(&crossing));
    let to = net.lane(lane).link.and_then(|link| net.map.link(link).to);
    let from = net.lane(lane).link.and_then(|link| net.map.link(link).from);
    let here = junction.map(|index| JunctionIx(index as u32));
    let forward = if here.is_some() && here == to {
        false
    } else {
        (here.is_some() && here == from) || foot.s_m < line.length_m() / 2.0
    };
    let end_m = if forward { (foot.s_m + along_m).min(line.length_m()) } else { (foot.s_m - along_m).max(0.0) };
    (0..=4).map(|k| point(foot.s_m + (end_m - foot.s_m) * f64::from(k) / 4.0)).collect()
}
