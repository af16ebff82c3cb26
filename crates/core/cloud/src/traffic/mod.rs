//! The city's view: motor traffic on each link, minute by minute, from the twin's tracks.
//!
//! Only what the sites see is measured: a link that no site sees is not observed, which is not the same as empty. The
//! inside of junctions belongs to no link.

mod congestion;
mod coverage;
mod minute;
mod service;

pub use congestion::{Guidance, TrafficConfig};
pub use coverage::LinkCoverage;
pub(crate) use coverage::sees;
pub use minute::{LinkMinute, Minute};
pub use service::LevelOfService;

use crate::{TrackView, view};
use congestion::Congestion;
use core::time::Duration;
use coverage::{Coverage, InView};
use jxz_map::{LaneIx, LinkIx, Map, MapIndex};
use jxz_units::{Instant, Now, Utc};
use jxz_world::{RoadUserClass, SiteId};
use minute::Gathering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often the tracks are sampled.
pub(crate) const SAMPLE_EVERY: Duration = Duration::from_millis(500);
/// A longer gap between samples was not observed.
const LONGEST_GAP_S: f64 = 2.0;
/// A vehicle slower than this stands in a queue, metres per second (5 km/h).
const QUEUED_MPS: f64 = 1.4;
/// From the stop line to the first in a queue, and from one to the next, centre to centre, at most, metres.
const QUEUE_GAP_M: f64 = 15.0;
/// Length of a vehicle that is not measured, metres.
const VEHICLE_M: f64 = 4.8;

/// The city's view.
#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    coverage: Arc<Coverage>,
    up: Vec<bool>,
    in_view: Vec<InView>,
    sampled_at: Option<Instant>,
    minute: Option<i64>,
    gathering: BTreeMap<LinkIx, Gathering>,
    congestion: Congestion,
    pub(crate) last: Option<Arc<Minute>>,
}

/// What a minute brought.
pub(crate) struct Closed {
    pub(crate) minute: Arc<Minute>,
    pub(crate) guidance: Vec<Guidance>,
}

impl Traffic {
    pub(crate) fn new(map: &Map) -> Self {
        let coverage = Coverage::of(map);
        let up = vec![false; coverage.sites.len()];
        Self {
            in_view: coverage.in_view(&up),
            up,
            coverage: Arc::new(coverage),
            sampled_at: None,
            minute: None,
            gathering: BTreeMap::new(),
            congestion: Congestion::default(),
            last: None,
        }
    }

    /// Links with lanes for motor vehicles.
    pub(crate) fn links(&self) -> Vec<LinkCoverage> {
        self.coverage.links().map(coverage::CoveredLink::summary).collect()
    }

    /// Whether the next sample is due.
    pub(crate) fn is_due(&self, now: Now) -> bool {
        self.sampled_at.is_none_or(|at| now.mono.since(at) >= SAMPLE_EVERY)
    }

    /// Takes the road users as they are now, each once, and the sites that see at present. Returns the minute before,
    /// if this sample is the first of another.
    pub(crate) fn sample<'a>(
        &mut self,
        config: &TrafficConfig,
        (map, lanes): (&Map, &MapIndex),
        now: Now,
        tracks: impl Iterator<Item = TrackView<'a>>,
        is_up: impl Fn(&SiteId) -> bool,
    ) -> Option<Closed> {
        let this = now.utc.unix_ms().div_euclid(60_000);
        let before = self.minute.replace(this).filter(|minute| *minute != this);
        let closed = before.map(|minute| self.close(config, map, minute));
        let dt_s = self.sampled_at.replace(now.mono).map_or(0.0, |at| now.mono.since(at).as_secs_f64());
        let up: Vec<bool> = self.coverage.sites.iter().map(is_up).collect();
        if up != self.up {
            self.in_view = self.coverage.in_view(&up);
            self.up = up;
        }
        if dt_s > 0.0 && dt_s <= LONGEST_GAP_S {
            self.add(map, lanes, tracks, dt_s);
        }
        closed
    }

    /// Links congested now.
    pub(crate) fn guidance(&self) -> Vec<Guidance> {
        self.congestion.now()
    }

    fn close(&mut self, config: &TrafficConfig, map: &Map, minute: i64) -> Closed {
        let from = Utc::from_unix_ms(minute * 60_000);
        let gathered = std::mem::take(&mut self.gathering);
        let finished = gathered.into_iter().filter_map(|(ix, gathering)| gathering.finish(self.coverage.link(ix)?));
        let mut links: Vec<LinkMinute> = finished.collect();
        let guidance = self.congestion.take(config, (map, &self.coverage), from, &mut links);
        let minute = Arc::new(Minute { from, links });
        self.last = Some(Arc::clone(&minute));
        Closed { minute, guidance }
    }

    fn add<'a>(&mut self, map: &Map, lanes: &MapIndex, tracks: impl Iterator<Item = TrackView<'a>>, dt_s: f64) {
        let coverage = Arc::clone(&self.coverage);
        for link in coverage.links() {
            let covered_m = self.in_view[link.link.0 as usize].covered_m;
            if covered_m > 0.0 {
                self.gathering.entry(link.link).or_default().view(covered_m, dt_s);
            }
        }
        let mut waiting: BTreeMap<LaneIx, Vec<(f64, f64)>> = BTreeMap::new();
        let motor =
            |view: &TrackView<'_>| view.freshness.is_live() && view.track.class.best().0 == RoadUserClass::Motor;
        for view in tracks.filter(motor) {
            let Some(place) = view::on_lane(lanes, view.track) else { continue };
            let lane = map.lane(place.lane);
            let Some(link) = lane.link.and_then(|link| coverage.link(link)) else { continue };
            if !self.in_view[link.link.0 as usize].sees(link, place.s_m / lane.centre.length_m()) {
                continue;
            }
            let along_mps = view.track.velocity.dot(&lane.centre.direction_at(place.s_m));
            let gathering = self.gathering.entry(link.link).or_default();
            gathering.vehicle(view.id, view.track.existence, along_mps, dt_s);
            if let Some(stop_m) = lane.stop_line_m
                && view.track.speed_mps() < QUEUED_MPS
            {
                let half_m = view.track.extent_m.map_or(VEHICLE_M, |(length_m, _)| length_m) / 2.0;
                waiting.entry(place.lane).or_default().push((stop_m - place.s_m, half_m));
            }
        }
        self.add_queues(map, waiting);
    }

    /// Queues on every lane with a stop line in view; one without anybody waiting has a queue of none.
    fn add_queues(&mut self, map: &Map, mut waiting: BTreeMap<LaneIx, Vec<(f64, f64)>>) {
        let coverage = Arc::clone(&self.coverage);
        for link in coverage.links() {
            let view = &self.in_view[link.link.0 as usize];
            for lane_ix in &map.link(link.link).lanes {
                let lane = map.lane(*lane_ix);
                let Some(stop_m) = lane.stop_line_m else { continue };
                if view.covered_m > 0.0 && view.sees(link, stop_m / lane.centre.length_m()) {
                    let length_m = queue_m(waiting.remove(lane_ix).unwrap_or_default());
                    self.gathering.entry(link.link).or_default().queue(length_m);
                }
            }
        }
    }
}

/// From the stop line to the rear of the last of those that wait without a gap; `(distance of the centre to the stop
/// line, half length)` each.
fn queue_m(mut waiting: Vec<(f64, f64)>) -> f64 {
    waiting.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut last_m, mut rear_m) = (0.0, 0.0);
    for (distance_m, half_m) in waiting.into_iter().filter(|(distance_m, _)| *distance_m > -QUEUE_GAP_M) {
        if distance_m - last_m > QUEUE_GAP_M {
            break;
        }
        (last_m, rear_m) = (distance_m, f64::max(rear_m, distance_m + half_m));
    }
    rear_m
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_ends_where_a_gap_begins() {
        assert!(queue_m(vec![]).abs() < 1e-12);
        assert!(queue_m(vec![(30.0, 2.4)]).abs() < 1e-12, "nobody stands at the line");
        assert!((queue_m(vec![(17.0, 2.4), (3.0, 2.4), (10.0, 2.4), (50.0, 2.4)]) - 19.4).abs() < 1e-12);
    }
}
