//! Who is nearest to a conflict, and is told of first.

use jxz_geo::{Point, Polyline};
use jxz_map::{JunctionIx, LaneKind, Map};
use jxz_world::{Cause, RoadUserClass, Site, Track, TrackId, Warning};
use std::collections::BTreeMap;

/// A pedestrian or cyclist this far from the edge of a driving lane or of a crossing is at the road, metres.
const AT_THE_ROAD_M: f64 = 3.0;
/// A class is believed when it is more likely than all others together.
const CLASS_SURE: f64 = 0.5;

/// Knows the junction's middle, and where pedestrians and cyclists meet vehicles.
///
/// The order is: road users whom a live warning of a conflict is for or about, by the least time to it; then
/// pedestrians and cyclists within 3 m of a driving lane or a crossing; then all others. Among equals the one nearest
/// to the junction's middle comes first (without a junction: to the site's), and then the lower track number.
pub(crate) struct Nearness {
    middle: Point,
    roads: Vec<Strip>,
}

/// A line with a width.
struct Strip {
    line: Polyline,
    half_width_m: f64,
    /// A circle around the line.
    centre: Point,
    radius_m: f64,
}

/// What decides first comes first; lengths and times as the bits of numbers not below zero, which sort as they do.
type Rank = (u8, u64, u64, TrackId);

impl Nearness {
    pub(crate) fn new(map: &Map, site: &Site, junction: Option<JunctionIx>) -> Self {
        let driving = map.lanes.iter().filter(|lane| lane.kind == LaneKind::Driving);
        let lanes = driving.map(|lane| (&lane.centre, lane.width_m));
        let crossings = map.crossings.iter().map(|crossing| (&crossing.line, crossing.width_m));
        let strips = lanes.chain(crossings).map(|(line, width_m)| Strip::new(line, width_m));
        let near = |strip: &Strip| (strip.centre - site.position).norm() <= strip.radius_m + site.coverage_m;
        Self {
            middle: junction.map_or(site.position, |ix| map.junction(ix).centre),
            roads: strips.filter(near).collect(),
        }
    }

    /// Puts the nearest to a conflict first.
    pub(crate) fn order<'w>(&self, tracks: &mut [Track], alive: impl Iterator<Item = &'w Warning>) {
        let conflicts = times_to_conflict(alive);
        tracks.sort_by_cached_key(|track| self.rank(track, &conflicts));
    }

    fn rank(&self, track: &Track, conflicts: &BTreeMap<TrackId, f64>) -> Rank {
        let away = (track.position - self.middle).norm().to_bits();
        match conflicts.get(&track.id) {
            Some(time_s) => (0, time_s.max(0.0).to_bits(), away, track.id),
            None if self.is_vulnerable_at_the_road(track) => (1, 0, away, track.id),
            None => (2, 0, away, track.id),
        }
    }

    fn is_vulnerable_at_the_road(&self, track: &Track) -> bool {
        let (class, p) = track.class.best();
        class != RoadUserClass::Motor && p > CLASS_SURE && self.roads.iter().any(|strip| strip.is_near(track.position))
    }
}

impl Strip {
    fn new(line: &Polyline, width_m: f64) -> Self {
        let centre = line.point_at(line.length_m() / 2.0);
        let radius_m = line.points().iter().map(|point| (point - centre).norm()).fold(0.0, f64::max);
        Self { line: line.clone(), half_width_m: width_m / 2.0, centre, radius_m }
    }

    fn is_near(&self, point: Point) -> bool {
        let reach_m = self.half_width_m + AT_THE_ROAD_M;
        (point - self.centre).norm() <= self.radius_m + reach_m && self.line.project(point).distance_m <= reach_m
    }
}

/// The least time to a conflict of each track that a warning is for or about, seconds.
fn times_to_conflict<'w>(alive: impl Iterator<Item = &'w Warning>) -> BTreeMap<TrackId, f64> {
    let mut least: BTreeMap<TrackId, f64> = BTreeMap::new();
    for warning in alive {
        let time_s = match warning.cause {
            Cause::Conflict { time_to_conflict_s, .. } => time_to_conflict_s,
            Cause::Closing { gap_m, closing_mps, .. } if closing_mps > 0.0 => gap_m / closing_mps,
            _ => continue,
        };
        for track in warning.about.iter().copied().chain(warning.concerned.iter().map(|concerned| concerned.track)) {
            let known = least.entry(track).or_insert(time_s);
            *known = known.min(time_s);
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_geo::Vector;
    use jxz_units::Utc;
    use jxz_world::{Application, ClassBelief, Concerned, IslandId, Level, Place, Sources, WarningId, WarningStage};

    const NOW: Utc = Utc::from_unix_ms(1_786_270_272_000);

    fn track(id: u64, x: f64, y: f64, class: RoadUserClass) -> Track {
        Track {
            id: TrackId(id),
            island: IslandId(id),
            valid_at: NOW,
            measured_at: NOW,
            since: NOW,
            position: Point::new(x, y),
            velocity: Vector::zeros(),
            covariance: nalgebra::Matrix4::identity(),
            existence: 0.99,
            class: ClassBelief::from_weights(RoadUserClass::ALL.map(|c| if c == class { 0.9 } else { 0.05 })),
            extent_m: None,
            heading: None,
            vehicle: None,
            sources: Sources::default(),
        }
    }

    fn warning(cause: Cause, about: &[u64], concerned: &[u64]) -> Warning {
        Warning {
            id: WarningId(1),
            revision: 1,
            application: Application::Icw,
            level: Level::Warning,
            stage: WarningStage::Held,
            cause,
            about: about.iter().map(|id| TrackId(*id)).collect(),
            concerned: concerned.iter().map(|id| Concerned { track: TrackId(*id), vehicle: None }).collect(),
            place: Place {
                at: Point::origin(),
                path: Polyline::try_from(vec![[0.0, 0.0], [10.0, 0.0]]).unwrap(),
                radius_m: 5.0,
            },
            paths: Vec::new(),
            since: NOW,
            sensed_at: NOW,
            valid_until: NOW,
            confidence: 0.9,
        }
    }

    /// A road from west to east through the junction's middle at the origin, 7 m wide.
    fn nearness() -> Nearness {
        let road = Polyline::try_from(vec![[-200.0, 0.0], [200.0, 0.0]]).unwrap();
        Nearness { middle: Point::origin(), roads: vec![Strip::new(&road, 7.0)] }
    }

    fn ordered(mut tracks: Vec<Track>, alive: &[Warning]) -> Vec<u64> {
        nearness().order(&mut tracks, alive.iter());
        tracks.iter().map(|track| track.id.0).collect()
    }

    #[test]
    fn conflicts_come_first_then_people_at_the_road_then_the_rest_by_distance() {
        use RoadUserClass::{Motor, NonMotor, Pedestrian};
        let tracks = vec![
            track(1, 10.0, 0.0, Motor),
            track(2, 90.0, 0.0, Motor),
            track(3, -80.0, 5.0, Pedestrian),
            track(4, 0.0, 30.0, Pedestrian),
            track(5, 120.0, 2.0, Motor),
            track(6, 140.0, -6.4, NonMotor),
            track(7, -150.0, 0.0, Motor),
        ];
        let conflict = |s| Cause::Conflict { time_to_conflict_s: s, post_encroachment_s: 0.0, closest_m: 1.0 };
        let closing = Cause::Closing { gap_m: 20.0, ahead_mps: 3.0, closing_mps: 10.0 };
        let congested = Cause::Congestion { mean_mps: 1.0, vehicles: 9 };
        let alive = [
            warning(conflict(3.5), &[5], &[2]),
            warning(conflict(1.5), &[], &[2]),
            warning(closing, &[], &[7]),
            warning(congested, &[1], &[1]),
        ];
        // 2 in 1.5 s at the earliest, 7 in 2 s, 5 in 3.5 s; 3 stands 1.5 m and 6 rides 2.9 m from the lane, 4 is far
        // from it; congestion is no conflict.
        assert_eq!(ordered(tracks.clone(), &alive), [2, 7, 5, 3, 6, 1, 4]);
        let reversed: Vec<Track> = tracks.into_iter().rev().collect();
        assert_eq!(ordered(reversed, &alive), [2, 7, 5, 3, 6, 1, 4], "whatever the order before");
    }

    #[test]
    fn equals_keep_the_order_of_their_numbers() {
        let around = |id, angle: f64| track(id, 50.0 * libm::cos(angle), 50.0 * libm::sin(angle), RoadUserClass::Motor);
        let same = vec![track(9, 3.0, 4.0, RoadUserClass::Motor), track(2, 4.0, 3.0, RoadUserClass::Motor)];
        assert_eq!(ordered(same, &[]), [2, 9]);
        assert_eq!(ordered(vec![around(5, 0.0), around(4, 0.0), around(6, 0.0)], &[]), [4, 5, 6]);
    }
}
