//! Bus lines: the order of their stops, and standing at them.

use super::roads::RoadNet;
use super::route::shortest;
use super::vehicle::{Duty, Vehicle};
use crate::rng::uniform;
use jxz_map::LaneIx;
use std::collections::BTreeSet;

/// The lines that run, each a loop over its stops.
#[derive(Debug, Clone, Default)]
pub(crate) struct Service {
    /// Lane and distance along it of each stop, in order.
    pub(crate) lines: Vec<Vec<(LaneIx, f64)>>,
}

impl Service {
    /// Orders each line's stops to a tour: always the nearest one not served yet. The map does not say the order.
    pub(crate) fn new(net: &RoadNet) -> Self {
        let names: BTreeSet<&String> = net.map.bus_stops.iter().flat_map(|stop| &stop.lines).collect();
        let tour = |name: &String| {
            let stops = net.map.bus_stops.iter().filter(|stop| stop.lines.contains(name));
            order(net, stops.map(|stop| (stop.lane, stop.s_m)).collect())
        };
        Self { lines: names.into_iter().map(tour).filter(|stops| stops.len() >= 2).collect() }
    }

    /// The next stop of a duty.
    pub(crate) fn stop(&self, duty: &Duty) -> Option<(LaneIx, f64)> {
        self.lines.get(duty.line)?.get(duty.next).copied()
    }

    /// The lane that a vehicle is bound for, if it is a bus or on a trip.
    pub(crate) fn bound(&self, vehicle: &Vehicle) -> Option<LaneIx> {
        vehicle.duty.as_ref().and_then(|duty| self.stop(duty)).map(|(lane, _)| lane).or(vehicle.goal)
    }

    /// Begins and ends standing at stops; true if the bus is bound for another stop now.
    pub(crate) fn serve(&self, vehicle: &mut Vehicle, time_s: f64) -> bool {
        let Some(duty) = vehicle.duty.as_mut() else { return false };
        let Some((lane, s_m)) = self.stop(duty) else { return false };
        let passed = vehicle.path[vehicle.at] == lane && vehicle.s_m > s_m + 3.0;
        match duty.dwell_until_s {
            Some(until_s) if time_s >= until_s => {}
            Some(_) => return false,
            None if passed => {}
            None => {
                if vehicle.path[vehicle.at] == lane && (vehicle.s_m - s_m).abs() < 3.0 && vehicle.v_mps < 0.3 {
                    duty.dwell_until_s = Some(time_s + uniform(&mut vehicle.stream, 8.0, 18.0));
                }
                return false;
            }
        }
        duty.dwell_until_s = None;
        duty.next = (duty.next + 1) % self.lines[duty.line].len();
        true
    }
}

/// A tour over those stops that can be reached one from the other.
fn order(net: &RoadNet, mut stops: Vec<(LaneIx, f64)>) -> Vec<(LaneIx, f64)> {
    if stops.is_empty() {
        return stops;
    }
    let mut tour = vec![stops.remove(0)];
    while let Some(&(from, from_m)) = tour.last() {
        let way_m = |to: &(LaneIx, f64)| {
            if to.0 == from && to.1 > from_m {
                return Some(to.1 - from_m);
            }
            let way = if to.0 == from {
                let onward = net.lane(from).successors.iter().filter_map(|&next| shortest(net, next, to.0));
                onward.min_by_key(Vec::len)
            } else {
                shortest(net, from, to.0)
            };
            way.map(|way| way.iter().map(|&lane| net.length_m(lane)).sum::<f64>() - from_m + to.1)
        };
        let ways = stops.iter().enumerate().filter_map(|(index, to)| way_m(to).map(|m| (index, m)));
        match ways.min_by(|a, b| a.1.total_cmp(&b.1)) {
            Some((index, _)) => tour.push(stops.remove(index)),
            None => break,
        }
    }
    // The loop must close.
    while tour.len() >= 2 && shortest(net, tour[tour.len() - 1].0, tour[0].0).is_none() {
        tour.pop();
    }
    tour
}
