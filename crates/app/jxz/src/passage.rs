//! One recorded clip past a site: who meets whom, what was warned of, and how close it came.

use crate::recording::{Clip, RoadUser, State};
use crate::watch::{Kept, Present, Watch};
use jxz_fusion::metrics::{Moving, TrackingScore};
use jxz_geo::{Point, Vector};
use jxz_map::{Crossing, CrossingControl, Map};
use jxz_sim::{OnBoardPlan, RoadUserKind, Shown, SitePlay, Tracking, TruthObject};
use jxz_units::{Utc, Yaw};
use jxz_world::{
    Cause, NodeState, RoadUserClass, Site, SiteId, TrackId, Warning, WarningId, WarningKind, WarningStage,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A track is taken to be the road user within this distance of it, metres.
const SAME_M: f64 = 3.0;
/// How long after its last change a warning's closest approach is looked for, seconds.
const LOOK_AHEAD_S: f64 = 6.0;
/// The clips' time zero. Any will do; a fixed one makes runs repeatable.
const UTC_START: Utc = Utc::from_unix_ms(1_786_270_272_000);

/// What one clip gave.
#[derive(Debug, Serialize)]
pub(crate) struct ClipReport {
    clip: String,
    seconds: f64,
    pedestrians: usize,
    vehicles: usize,
    /// Tracks against the recording, each round.
    tracks: Tracking,
    /// Who was lost, and whose number changed.
    kept: Kept,
    rounds: u64,
    frames_sent: BTreeMap<&'static str, u64>,
    /// Warnings as shown to drivers, by kind and channel: each vehicle and warning once.
    warnings_shown: BTreeMap<&'static str, jxz_sim::ByChannel>,
    warnings: Vec<WarningReport>,
    dropped: BTreeMap<&'static str, u64>,
}

/// One warning and what really happened.
#[derive(Debug, Serialize)]
struct WarningReport {
    id: String,
    kind: &'static str,
    /// Seconds into the clip.
    since_s: f64,
    until_s: f64,
    /// The highest confidence it reached.
    confidence: f64,
    /// Why it was raised.
    cause: Cause,
    /// The recording's road users.
    concerned: Vec<u64>,
    about: Vec<u64>,
    /// Vehicles whose drivers were shown it.
    shown_to: usize,
    /// From the instant of sensing to the first showing.
    first_shown_after_ms: Option<f64>,
    /// The nearest that the two came in the recording while it was alive and shortly after.
    closest_approach: Option<Approach>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Approach {
    between: (u64, u64),
    /// Between the outlines, metres; 0 when they touch.
    distance_m: f64,
    at_s: f64,
}

struct Story {
    first: Warning,
    until: Utc,
    confidence: f64,
    concerned: Vec<u64>,
    about: Vec<u64>,
    shown_to: Vec<jxz_world::VehicleId>,
    first_shown_s: Option<f64>,
}

/// Lays the clip over the site and plays it.
pub(crate) fn pass(map: &Arc<Map>, site: &SiteId, clip: Clip, seed: u64) -> anyhow::Result<ClipReport> {
    let mut play = SitePlay::new(map.clone(), site, OnBoardPlan::default(), seed, UTC_START)?;
    let site = map.site_by_id(site).ok_or_else(|| anyhow::anyhow!("site `{site}` is not in the map"))?;
    let (centre, axis_rad) = clip.vehicle_axis()?;
    let (to, road_rad) = place_at(map, site);
    let clip = clip.moved(centre, road_rad - axis_rad, to);

    let mut judge = Judge {
        score: TrackingScore::default(),
        watch: Watch::new(UTC_START, site.sensors.len()),
        who: BTreeMap::new(),
    };
    let mut stories: BTreeMap<WarningId, Story> = BTreeMap::new();
    let duration_s = clip.span_s.1 - clip.span_s.0;
    while play.now().utc.seconds_since(UTC_START) <= duration_s {
        let truth = truth_at(&clip, play.now().utc, &mut play);
        let output = play.step(&truth);
        for sighting in output.sightings {
            judge.watch.sighted(sighting);
        }
        for state in &output.states {
            judge.meet(&clip, site, state);
        }
        for warning in output.warnings {
            tell(&mut stories, warning, &judge.who);
        }
        for shown in &output.shown {
            note(&mut stories, shown);
        }
    }
    let tracks = judge.score.score();
    let stories = stories.into_values().map(|story| story.report(&clip)).collect();
    let count = |class| clip.road_users.iter().filter(|u| u.class == class).count();
    let mut dropped = play.drops().clone();
    dropped.merge(&play.on_board().drops);
    Ok(ClipReport {
        seconds: duration_s,
        pedestrians: count(RoadUserClass::Pedestrian),
        vehicles: count(RoadUserClass::Motor),
        rounds: tracks.frames,
        tracks: Tracking::from(tracks),
        kept: judge.watch.report(),
        frames_sent: play.frames_sent().clone(),
        warnings_shown: play.on_board().warnings.iter().map(|(kind, n)| (kind.name(), *n)).collect(),
        warnings: stories,
        dropped: dropped.iter().map(|(cause, n)| (cause.name(), n)).collect(),
        clip: clip.name,
    })
}

impl ClipReport {
    /// One line for the terminal.
    pub(crate) fn line(&self) -> String {
        let metres = |m: Option<f64>| m.map_or_else(|| "–".to_owned(), |m| format!("{m:.2}"));
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for warning in &self.warnings {
            *kinds.entry(warning.kind).or_default() += 1;
        }
        let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        format!(
            "{}: {:.0} s, {} pedestrians, {} vehicles; GOSPA {} m, position {} m, velocity {} m/s; {}; warnings: {}",
            self.clip,
            self.seconds,
            self.pedestrians,
            self.vehicles,
            metres(self.tracks.gospa_m),
            metres(self.tracks.position_rmse_m),
            metres(self.tracks.velocity_rmse_mps),
            self.kept.line(),
            if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") },
        )
    }
}

/// Where on the map the clip's crosswalk comes to lie, and the direction of the road there: the site's nearest
/// crossing, one without signals if there is any, else the nearest lane.
fn place_at(map: &Map, site: &Site) -> (Point, f64) {
    let distance = |c: &Crossing| (c.line.point_at(c.line.length_m() / 2.0) - site.position).norm();
    let rank = |c: &Crossing| (matches!(c.control, Some(CrossingControl::Signal(..))), distance(c));
    let near = map.crossings.iter().filter(|c| distance(c) < 0.6 * site.coverage_m && !c.lanes.is_empty());
    let crossing = near.min_by(|a, b| {
        let (a, b) = (rank(a), rank(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    if let Some(crossing) = crossing {
        let (lane, _, along_m) = crossing.lanes[0];
        return (crossing.line.point_at(crossing.line.length_m() / 2.0), map.lane(lane).centre.yaw_at(along_m).rad());
    }
    let feet = map.lanes.iter().map(|lane| (lane, lane.centre.project(site.position)));
    let nearest = feet.min_by(|a, b| a.1.distance_m.total_cmp(&b.1.distance_m));
    nearest.map_or((site.position, 0.0), |(lane, foot)| {
        (lane.centre.point_at(foot.s_m), lane.centre.yaw_at(foot.s_m).rad())
    })
}

fn clip_time_s(clip: &Clip, utc: Utc) -> f64 {
    clip.span_s.0 + utc.seconds_since(UTC_START)
}

fn kind_of(class: RoadUserClass) -> RoadUserKind {
    match class {
        RoadUserClass::Motor => RoadUserKind::Car,
        RoadUserClass::NonMotor => RoadUserKind::Cyclist,
        RoadUserClass::Pedestrian => RoadUserKind::Pedestrian,
    }
}

fn truth_at(clip: &Clip, utc: Utc, play: &mut SitePlay) -> Vec<TruthObject> {
    let t_s = clip_time_s(clip, utc);
    let present = clip.road_users.iter().filter_map(|user| Some((user, user.at(t_s)?)));
    let mut truth: Vec<TruthObject> = present
        .map(|(user, state)| {
            let kind = kind_of(user.class);
            let (length_m, width_m, height_m) = kind.size_m();
            TruthObject {
                id: user.id,
                kind,
                class: user.class,
                position: state.position,
                velocity: state.velocity,
                yaw: Yaw::from_rad(state.yaw_rad),
                extent_m: (length_m, width_m),
                height_m,
                acceleration_mps2: 0.0,
                vehicle: (user.class == RoadUserClass::Motor).then(|| play.vehicle_id(user.id)),
                scripted: false,
            }
        })
        .collect();
    truth.sort_by_key(|object| object.id);
    truth
}

/// Holds a clip's tracks against the recording.
struct Judge {
    score: TrackingScore,
    watch: Watch,
    /// Which track was whose, at last.
    who: BTreeMap<TrackId, u64>,
}

impl Judge {
    /// Scores a round's tracks and learns which track is whom.
    fn meet(&mut self, clip: &Clip, site: &Site, state: &NodeState) {
        let t_s = clip_time_s(clip, state.valid_at);
        let all: Vec<Present> = clip.road_users.iter().filter_map(|u| Some(present(u, u.at(t_s)?))).collect();
        for track in &state.tracks {
            let distance = |p: &Present| (p.id, (p.position - track.position).norm());
            let nearest = all.iter().map(distance).min_by(|a, b| a.1.total_cmp(&b.1));
            if let Some((id, _)) = nearest.filter(|(_, d)| *d <= SAME_M) {
                self.who.insert(track.id, id);
            }
        }
        let inside = |p: &&Present| (p.position - site.position).norm() <= site.coverage_m;
        let truth: Vec<Present> = all.iter().filter(inside).copied().collect();
        let moving: Vec<Moving> = truth.iter().map(|p| Moving { position: p.position, velocity: p.velocity }).collect();
        let told: Vec<Moving> = state.tracks.iter().map(Moving::from).collect();
        self.score.add(&moving, &told);
        self.watch.round(state.valid_at, &truth, &state.tracks);
    }
}

fn present(user: &RoadUser, state: State) -> Present {
    Present { id: user.id, class: user.class, position: state.position, velocity: state.velocity }
}

fn tell(stories: &mut BTreeMap<WarningId, Story>, warning: Warning, who: &BTreeMap<TrackId, u64>) {
    let name = |track: &TrackId| who.get(track).copied();
    let concerned: Vec<u64> = warning.concerned.iter().filter_map(|c| name(&c.track)).collect();
    let about: Vec<u64> = warning.about.iter().filter_map(name).collect();
    let story = stories.entry(warning.id).or_insert_with(|| Story {
        until: warning.since,
        confidence: 0.0,
        concerned: Vec::new(),
        about: Vec::new(),
        shown_to: Vec::new(),
        first_shown_s: None,
        first: warning.clone(),
    });
    if warning.stage != WarningStage::Cancelled {
        story.confidence = story.confidence.max(warning.confidence);
        story.until = story.until.max(warning.sensed_at);
    }
    for (known, new) in [(&mut story.concerned, concerned), (&mut story.about, about)] {
        known.extend(new);
        known.sort_unstable();
        known.dedup();
    }
}

fn note(stories: &mut BTreeMap<WarningId, Story>, shown: &Shown) {
    if let Some(story) = stories.get_mut(&shown.id) {
        story.first_shown_s.get_or_insert(shown.delay_s);
        if !story.shown_to.contains(&shown.vehicle) {
            story.shown_to.push(shown.vehicle);
        }
    }
}

impl Story {
    fn report(self, clip: &Clip) -> WarningReport {
        let since_s = clip_time_s(clip, self.first.since);
        let until_s = clip_time_s(clip, self.until);
        let closest_approach = self.pairs().into_iter().filter_map(|pair| closest(clip, pair, since_s, until_s));
        let closest_approach = closest_approach.min_by(|a, b| a.distance_m.total_cmp(&b.distance_m));
        WarningReport {
            id: format!("{:016x}", self.first.id.0),
            kind: self.first.kind().name(),
            since_s: since_s - clip.span_s.0,
            until_s: until_s - clip.span_s.0,
            confidence: self.confidence,
            closest_approach: closest_approach.map(|a| Approach { at_s: a.at_s - clip.span_s.0, ..a }),
            cause: self.first.cause,
            concerned: self.concerned,
            about: self.about,
            shown_to: self.shown_to.len(),
            first_shown_after_ms: self.first_shown_s.map(|s| s * 1e3),
        }
    }

    /// Who might meet whom: those concerned with those it is about, or with one another. Warnings that are about one
    /// road user alone (a speed, a queue) have no such pair.
    fn pairs(&self) -> Vec<(u64, u64)> {
        let meets = [WarningKind::Collision, WarningKind::Pedestrian, WarningKind::VehicleAhead];
        if !meets.contains(&self.first.kind()) {
            return Vec::new();
        }
        let others = if self.about.is_empty() { &self.concerned } else { &self.about };
        let pairs = self.concerned.iter().flat_map(|a| others.iter().map(move |b| (*a, *b)));
        pairs.filter(|(a, b)| a != b).collect()
    }
}

/// The nearest that two came between a little before the warning and a while after it, every 20 ms.
fn closest(clip: &Clip, (a, b): (u64, u64), since_s: f64, until_s: f64) -> Option<Approach> {
    let find = |id| clip.road_users.iter().find(|u| u.id == id);
    let (first, second) = (find(a)?, find(b)?);
    let steps = ((until_s + LOOK_AHEAD_S - since_s) / 0.02).max(0.0) as u32;
    let approach = |k: u32| {
        let at_s = since_s + f64::from(k) * 0.02;
        let (p, q) = (first.at(at_s)?, second.at(at_s)?);
        let distance_m = gap_m(outline(&p, first.class), outline(&q, second.class));
        Some(Approach { between: (a, b), distance_m, at_s })
    };
    (0..=steps).filter_map(approach).min_by(|x, y| x.distance_m.total_cmp(&y.distance_m))
}

type Outline = [Point; 4];

fn outline(state: &State, class: RoadUserClass) -> Outline {
    let (length_m, width_m, _) = kind_of(class).size_m();
    let along = Vector::new(state.yaw_rad.cos(), state.yaw_rad.sin()) * (length_m / 2.0);
    let across = Vector::new(-state.yaw_rad.sin(), state.yaw_rad.cos()) * (width_m / 2.0);
    let corner = |a: f64, b: f64| state.position + along * a + across * b;
    [corner(1.0, 1.0), corner(-1.0, 1.0), corner(-1.0, -1.0), corner(1.0, -1.0)]
}

/// Distance between two outlines; 0 when they overlap.
fn gap_m(a: Outline, b: Outline) -> f64 {
    // Convex shapes are apart exactly if an edge of one has the whole other on its outer side.
    let separates = |shape: &Outline, other: &Outline| {
        (0..4).any(|i| {
            let (from, edge) = (shape[i], shape[(i + 1) % 4] - shape[i]);
            other.iter().all(|p| edge.perp(&(p - from)) < 0.0)
        })
    };
    if !separates(&a, &b) && !separates(&b, &a) {
        return 0.0;
    }
    let to_edges = |p: &Point, shape: &Outline| {
        (0..4).map(|i| to_segment_m(*p, shape[i], shape[(i + 1) % 4])).fold(f64::INFINITY, f64::min)
    };
    let corners = a.iter().map(|p| to_edges(p, &b)).chain(b.iter().map(|p| to_edges(p, &a)));
    corners.fold(f64::INFINITY, f64::min)
}

fn to_segment_m(p: Point, from: Point, to: Point) -> f64 {
    let edge = to - from;
    let share = ((p - from).dot(&edge) / edge.norm_squared()).clamp(0.0, 1.0);
    (p - (from + edge * share)).norm()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn car(x: f64, y: f64, yaw_rad: f64) -> Outline {
        let state = State { position: Point::new(x, y), velocity: Vector::zeros(), yaw_rad };
        outline(&state, RoadUserClass::Motor)
    }

    #[test]
    fn gaps_between_outlines_are_those_of_the_drawing() {
        // Cars of 4.6 m by 1.85 m, bumper to bumper, side by side, crosswise and overlapping like a plus sign.
        for (other, gap) in [
            (car(10.0, 0.0, 0.0), 10.0 - 4.6),
            (car(0.0, 3.0, 0.0), 3.0 - 1.85),
            (car(10.0, 0.0, std::f64::consts::FRAC_PI_2), 10.0 - 2.3 - 0.925),
            (car(0.0, 0.0, std::f64::consts::FRAC_PI_2), 0.0),
        ] {
            assert!((gap_m(car(0.0, 0.0, 0.0), other) - gap).abs() < 1e-9, "{other:?}");
        }
    }
}
