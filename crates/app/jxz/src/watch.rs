//! Whether the pedestrians of a clip are kept in sight, and their numbers with them.
//!
//! A pedestrian is *in sight of two* at a round when two different sensors detected it within the last half second: the
//! simulated sensors tell whom they detected. It is *lost* while it is in sight of two and no track within 3 m is its
//! own: tracks and road users are matched one to one, and a match of the round before is kept while it is within 1 m.
//! So of two people with one track between them, one is lost: of two side by side always the same, and of two farther
//! apart the one whom the track is not at.

use jxz_fusion::metrics::{Identity, MATCH_M};
use jxz_geo::{Point, Vector};
use jxz_sim::Sighting;
use jxz_units::Utc;
use jxz_world::{RoadUserClass, Track, TrackId};
use serde::Serialize;
use std::collections::BTreeMap;

/// A sensor's detection counts for so long, seconds; a pedestrian may be lost for as long.
const LOOK_BACK_S: f64 = 0.5;
/// A match is kept while it is this near, metres: a pedestrian's track is within a third of it.
const KEPT_M: f64 = 1.0;
/// Others nearer than this are a crowd, metres.
const CROWD_M: f64 = 1.0;
/// Most losses told one by one, the longest.
const TOLD: usize = 50;

/// A road user of one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Present {
    pub(crate) id: u64,
    pub(crate) class: RoadUserClass,
    pub(crate) position: Point,
    pub(crate) velocity: Vector,
}

/// What a clip's report says of it.
#[derive(Debug, Serialize)]
pub(crate) struct Kept {
    /// Pedestrians lost for longer than 0.5 s while in sight of two sensors.
    pedestrians_lost: usize,
    /// The longest that one was lost, seconds.
    longest_loss_s: f64,
    /// Seconds of pedestrians in sight of two sensors, all together, and of those the lost.
    in_sight_s: f64,
    lost_s: f64,
    /// Identity switches as CLEAR counts them (matches within 2 m), of all road users.
    id_switches: u64,
    mota: Option<f64>,
    /// Losses of more than 0.5 s, the longest first.
    losses: Vec<Loss>,
}

/// One pedestrian's time without a track while in sight of two sensors.
#[derive(Debug, Clone, Serialize)]
struct Loss {
    pedestrian: u64,
    /// Seconds into the clip.
    from_s: f64,
    lasts_s: f64,
    /// Whether it had a track before.
    tracked_before: bool,
    /// Detections a second by each sensor.
    seen_per_s: Vec<f64>,
    /// Others within 1 m, mean over the rounds.
    others_near: f64,
    /// To the nearest other road user, metres; mean over the rounds.
    nearest_other_m: Option<f64>,
    /// To the nearest track, whosever, metres; mean over the rounds.
    nearest_track_m: Option<f64>,
}

#[derive(Debug, Default)]
struct Pedestrian {
    /// When each sensor detected it: of the last half second, and of the loss that is open.
    seen: Vec<Vec<Utc>>,
    tracked: bool,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    since: Utc,
    tracked_before: bool,
    rounds: usize,
    others: usize,
    nearest_other_sum_m: f64,
    nearest_track_sum_m: f64,
}

/// Follows one clip, round by round.
pub(crate) struct Watch {
    start: Utc,
    before: Option<Utc>,
    sensors: usize,
    pedestrians: BTreeMap<u64, Pedestrian>,
    matches: Identity,
    identity: Identity,
    losses: Vec<Loss>,
    longest_s: f64,
    in_sight_s: f64,
    lost_s: f64,
}

impl Watch {
    pub(crate) fn new(start: Utc, sensors: usize) -> Self {
        Self {
            start,
            before: None,
            sensors,
            pedestrians: BTreeMap::new(),
            matches: Identity::within(MATCH_M).keeping_within(KEPT_M),
            identity: Identity::default(),
            losses: Vec::new(),
            longest_s: 0.0,
            in_sight_s: 0.0,
            lost_s: 0.0,
        }
    }

    /// A sensor detected somebody.
    pub(crate) fn sighted(&mut self, sighting: Sighting) {
        let pedestrian = self.pedestrians.entry(sighting.object).or_default();
        pedestrian.seen.resize(self.sensors, Vec::new());
        if let Some(times) = pedestrian.seen.get_mut(sighting.sensor) {
            times.push(sighting.at);
        }
    }

    /// The road users and the tracks of one round.
    pub(crate) fn round(&mut self, at: Utc, present: &[Present], tracks: &[Track]) {
        let truth: Vec<(u64, Point)> = present.iter().map(|p| (p.id, p.position)).collect();
        let told: Vec<(TrackId, Point)> = tracks.iter().map(|t| (t.id, t.position)).collect();
        self.identity.add(&truth, &told);
        let mut matched = vec![false; present.len()];
        for (i, _) in self.matches.add(&truth, &told) {
            matched[i] = true;
        }
        let since_last_s = self.before.map_or(0.0, |before| at.seconds_since(before));
        self.before = Some(at);
        let mut lost = Vec::new();
        for (who, matched) in present.iter().zip(matched).filter(|(p, _)| p.class == RoadUserClass::Pedestrian) {
            let pedestrian = self.pedestrians.entry(who.id).or_default();
            let in_sight = pedestrian.is_in_sight_of_two(at);
            pedestrian.tracked |= matched;
            self.in_sight_s += if in_sight { since_last_s } else { 0.0 };
            if in_sight && !matched {
                self.lost_s += since_last_s;
                lost.push(who.id);
                let away_m = |position: &Point| (position - who.position).norm();
                let others = present.iter().filter(|o| o.id != who.id).map(|o| away_m(&o.position)).collect();
                pedestrian.lose(at, others, told.iter().map(|(_, position)| away_m(position)).collect());
            }
        }
        self.close(at, &lost);
    }

    /// Ends the losses of all but those still lost.
    fn close(&mut self, at: Utc, still: &[u64]) {
        for (id, pedestrian) in self.pedestrians.iter_mut().filter(|(id, _)| !still.contains(id)) {
            if let Some(open) = pedestrian.open.take() {
                let loss = pedestrian.loss(*id, &open, at, self.start);
                self.longest_s = self.longest_s.max(loss.lasts_s);
                // Times are whole rounds; the slack is for their sum's last bit.
                if loss.lasts_s > LOOK_BACK_S + 1e-6 {
                    self.losses.push(loss);
                }
            }
            pedestrian.forget(at);
        }
    }

    pub(crate) fn report(mut self) -> Kept {
        if let Some(before) = self.before {
            self.close(before, &[]);
        }
        let mut who: Vec<u64> = self.losses.iter().map(|l| l.pedestrian).collect();
        who.sort_unstable();
        who.dedup();
        self.losses.sort_by(|a, b| b.lasts_s.total_cmp(&a.lasts_s).then(a.pedestrian.cmp(&b.pedestrian)));
        self.losses.truncate(TOLD);
        Kept {
            pedestrians_lost: who.len(),
            longest_loss_s: self.longest_s,
            in_sight_s: self.in_sight_s,
            lost_s: self.lost_s,
            id_switches: self.identity.score().switches,
            mota: self.identity.score().mota(),
            losses: self.losses,
        }
    }
}

impl Kept {
    /// A few words for the terminal.
    pub(crate) fn line(&self) -> String {
        let Self { pedestrians_lost, longest_loss_s, id_switches, .. } = self;
        format!("{pedestrians_lost} pedestrians lost, the longest for {longest_loss_s:.1} s; {id_switches} ID switches")
    }
}

impl Pedestrian {
    fn is_in_sight_of_two(&self, at: Utc) -> bool {
        let lately = |times: &&Vec<Utc>| times.iter().any(|t| (0.0..=LOOK_BACK_S).contains(&at.seconds_since(*t)));
        self.seen.iter().filter(lately).count() >= 2
    }

    /// Another round without a track: how far others and tracks are, metres.
    fn lose(&mut self, at: Utc, others_m: Vec<f64>, tracks_m: Vec<f64>) {
        let least = |all: &[f64]| all.iter().copied().fold(f64::INFINITY, f64::min);
        let open = self.open.get_or_insert(Open {
            since: at,
            tracked_before: self.tracked,
            rounds: 0,
            others: 0,
            nearest_other_sum_m: 0.0,
            nearest_track_sum_m: 0.0,
        });
        open.rounds += 1;
        open.others += others_m.iter().filter(|m| **m < CROWD_M).count();
        open.nearest_other_sum_m += least(&others_m);
        open.nearest_track_sum_m += least(&tracks_m);
    }

    fn loss(&self, id: u64, open: &Open, until: Utc, start: Utc) -> Loss {
        let lasts_s = until.seconds_since(open.since);
        let within = |times: &Vec<Utc>| times.iter().filter(|t| **t >= open.since && **t <= until).count();
        let rounds = open.rounds.max(1) as f64;
        let mean = |sum_m: f64| sum_m.is_finite().then_some(sum_m / rounds);
        Loss {
            pedestrian: id,
            from_s: open.since.seconds_since(start),
            lasts_s,
            tracked_before: open.tracked_before,
            seen_per_s: self.seen.iter().map(|times| within(times) as f64 / lasts_s.max(1e-3)).collect(),
            others_near: open.others as f64 / rounds,
            nearest_other_m: mean(open.nearest_other_sum_m),
            nearest_track_m: mean(open.nearest_track_sum_m),
        }
    }

    /// Detections older than any use.
    fn forget(&mut self, at: Utc) {
        for times in &mut self.seen {
            times.retain(|t| at.seconds_since(*t) <= LOOK_BACK_S);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_world::{ClassBelief, IslandId, Sources};
    use nalgebra::Matrix4;

    const START: Utc = Utc::from_unix_ms(1_786_270_272_000);

    fn walker(id: u64, x_m: f64) -> Present {
        let (position, velocity) = (Point::new(x_m, 0.0), Vector::zeros());
        Present { id, class: RoadUserClass::Pedestrian, position, velocity }
    }

    fn track(id: u64, x_m: f64) -> Track {
        Track {
            id: TrackId(id),
            island: IslandId(id),
            valid_at: START,
            measured_at: START,
            since: START,
            position: Point::new(x_m, 0.0),
            velocity: Vector::zeros(),
            covariance: Matrix4::identity(),
            existence: 1.0,
            class: ClassBelief::UNIFORM,
            extent_m: None,
            heading: None,
            vehicle: None,
            sources: Sources::default(),
        }
    }

    /// Rounds every 100 ms for three seconds: who is there, whom which sensor sees, and the tracks, by seconds.
    fn watched(
        there: &[Present],
        sees: impl Fn(f64, u64) -> Vec<usize>,
        tracks: impl Fn(f64) -> Vec<Track>,
    ) -> serde_json::Value {
        let mut watch = Watch::new(START, 2);
        for round in 0..=30 {
            let (t_s, at) = (f64::from(round) * 0.1, START.plus_seconds(f64::from(round) * 0.1));
            for who in there {
                for sensor in sees(t_s, who.id) {
                    watch.sighted(Sighting { at, sensor, object: who.id });
                }
            }
            watch.round(at, there, &tracks(t_s));
        }
        serde_json::to_value(watch.report()).unwrap()
    }

    fn about(value: &serde_json::Value, expected: f64) {
        assert!((value.as_f64().unwrap() - expected).abs() < 1e-6, "{value}, not {expected}");
    }

    #[test]
    fn one_that_two_sensors_see_and_no_track_follows_is_lost_from_the_first_round_to_the_last() {
        // A track from 1.0 s to 2.0 s, 2.9 m away: still its own.
        let tracks = |t: f64| if (0.95..1.95).contains(&t) { vec![track(7, 2.9)] } else { vec![track(8, 3.1)] };
        let kept = watched(&[walker(1, 0.0)], |_, _| vec![0, 1], tracks);
        assert_eq!(kept["pedestrians_lost"], 1);
        about(&kept["longest_loss_s"], 1.0);
        let losses = kept["losses"].as_array().unwrap();
        assert_eq!(losses.len(), 2);
        for (loss, (from_s, before)) in losses.iter().zip([(0.0, false), (2.0, true)]) {
            about(&loss["from_s"], from_s);
            assert_eq!(loss["tracked_before"], before);
            about(&loss["nearest_track_m"], 3.1);
        }
    }

    #[test]
    fn one_that_only_one_sensor_sees_is_not_lost_nor_one_found_within_half_a_second() {
        let kept = watched(&[walker(1, 0.0)], |_, _| vec![0], |_| Vec::new());
        assert_eq!((&kept["pedestrians_lost"], &kept["lost_s"]), (&0.into(), &0.0.into()));
        let late = |t: f64| if t < 0.45 { Vec::new() } else { vec![track(7, 0.0)] };
        let kept = watched(&[walker(1, 0.0)], |_, _| vec![0, 1], late);
        assert_eq!(kept["pedestrians_lost"], 0);
        about(&kept["longest_loss_s"], 0.5);
        // The second sensor looks away at 1 s: for half a second more it counts as seeing.
        let kept = watched(&[walker(1, 0.0)], |t, _| if t < 0.95 { vec![0, 1] } else { vec![0] }, |_| Vec::new());
        about(&kept["longest_loss_s"], 1.5);
    }

    #[test]
    fn of_two_with_one_track_between_them_one_is_lost() {
        let two = [walker(1, 0.0), walker(2, 0.6)];
        // It begins at the one and comes to lie on the other.
        let kept = watched(&two, |_, _| vec![0, 1], |t| vec![track(7, 0.2 * t)]);
        assert_eq!((&kept["pedestrians_lost"], &kept["id_switches"]), (&1.into(), &0.into()));
        about(&kept["longest_loss_s"], 3.0);
        assert_eq!(kept["losses"][0]["pedestrian"], 2);
        about(&kept["losses"][0]["others_near"], 1.0);
        about(&kept["losses"][0]["nearest_other_m"], 0.6);
    }

    #[test]
    fn a_track_that_goes_from_one_to_another_two_metres_off_is_the_others() {
        let two = [walker(1, 0.0), walker(2, 2.0)];
        let kept = watched(&two, |_, _| vec![0, 1], |t| vec![track(7, if t < 0.95 { 0.1 } else { 1.9 })]);
        let losses = kept["losses"].as_array().unwrap();
        let of = |id: u64| losses.iter().find(|l| l["pedestrian"] == id).unwrap();
        about(&of(1)["from_s"], 1.0);
        about(&of(2)["lasts_s"], 1.0);
    }
}
