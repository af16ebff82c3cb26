//! Who is ahead, and how hard to brake or accelerate for it.

use super::roads::RoadNet;
use super::vehicle::{Driver, Vehicle};
use jxz_map::LaneIx;

/// The hardest braking that tyres allow, m/s².
pub(crate) const HARDEST_MPS2: f64 = 8.0;
/// How far drivers look ahead, metres.
pub(crate) const LOOK_AHEAD_M: f64 = 110.0;

/// A body on a lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) vehicle: usize,
    pub(crate) front_m: f64,
    pub(crate) rear_m: f64,
    pub(crate) v_mps: f64,
}

/// Who is on which lane, one lane's bodies after the other's in one array; rebuilt when anybody moved.
#[derive(Debug, Clone, Default)]
pub(crate) struct Occupancy {
    /// Where each lane's bodies begin in `entries`; one more than there are lanes.
    starts: Vec<u32>,
    entries: Vec<Entry>,
    /// In order of the vehicles, while rebuilding.
    found: Vec<(LaneIx, Entry)>,
    /// What was found before, kept for its memory.
    other: Vec<(LaneIx, Entry)>,
}

impl Occupancy {
    pub(crate) fn rebuild(&mut self, net: &RoadNet, vehicles: &[Vehicle]) {
        self.found.clear();
        for (index, vehicle) in vehicles.iter().enumerate() {
            self.find(net, index, vehicle);
        }
        self.arrange(net);
    }

    /// Begins anew: then [`Self::find`] everyone in order and [`Self::arrange`].
    pub(crate) fn forget(&mut self) {
        self.found.clear();
    }

    pub(crate) fn find(&mut self, net: &RoadNet, index: usize, vehicle: &Vehicle) {
        vehicle.footprint(net, |lane, front_m, rear_m| {
            self.found.push((lane, Entry { vehicle: index, front_m, rear_m, v_mps: vehicle.v_mps }));
        });
    }

    /// Looks again at those who changed lanes, in ascending order, since [`Self::arrange`]; all others are where they were.
    pub(crate) fn find_again(&mut self, net: &RoadNet, vehicles: &[Vehicle], changed: &[usize]) {
        let mut before = core::mem::take(&mut self.other);
        core::mem::swap(&mut before, &mut self.found);
        self.found.clear();
        let mut changed = changed.iter().copied().peekable();
        let mut again = usize::MAX;
        for &(lane, entry) in &before {
            while let Some(index) = changed.next_if(|index| *index <= entry.vehicle) {
                self.find(net, index, &vehicles[index]);
                again = index;
            }
            if again != entry.vehicle {
                self.found.push((lane, entry));
            }
        }
        self.other = before;
        self.arrange(net);
    }

    pub(crate) fn arrange(&mut self, net: &RoadNet) {
        self.starts.clear();
        self.starts.resize(net.map.lanes.len() + 1, 0);
        for (lane, _) in &self.found {
            self.starts[lane.0 as usize] += 1;
        }
        let mut end = 0;
        for start in &mut self.starts {
            end += *start;
            *start = end;
        }
        let Some(&nobody) = self.found.first() else {
            self.entries.clear();
            return;
        };
        self.entries.resize(self.found.len(), nobody.1);
        // From the last to the first: then each lane's start ends where its bodies begin.
        for &(lane, entry) in self.found.iter().rev() {
            let start = &mut self.starts[lane.0 as usize];
            *start -= 1;
            self.entries[*start as usize] = entry;
        }
        for bounds in self.starts.windows(2) {
            if bounds[1] > bounds[0] + 1 {
                let lane = &mut self.entries[bounds[0] as usize..bounds[1] as usize];
                lane.sort_by(|a, b| a.rear_m.total_cmp(&b.rear_m));
            }
        }
    }

    /// The bodies on a lane, rearmost first.
    pub(crate) fn on(&self, lane: LaneIx) -> &[Entry] {
        let at = lane.0 as usize;
        &self.entries[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// The nearest body whose front is beyond `s_m` on a lane, other than `own`.
    pub(crate) fn ahead_on(&self, lane: LaneIx, s_m: f64, own: usize) -> Option<Entry> {
        self.on(lane).iter().filter(|e| e.vehicle != own && (e.front_m, e.vehicle) > (s_m, own)).copied().next()
    }

    /// The nearest body whose front is not beyond `s_m` on a lane, other than `own`.
    pub(crate) fn behind_on(&self, lane: LaneIx, s_m: f64, own: usize) -> Option<Entry> {
        let behind = self.on(lane).iter().filter(|e| e.vehicle != own && (e.front_m, e.vehicle) <= (s_m, own));
        behind.max_by(|a, b| a.front_m.total_cmp(&b.front_m)).copied()
    }
}

/// The nearest vehicle ahead on one's path: its index and the free gap, metres.
pub(crate) fn leader(net: &RoadNet, occupancy: &Occupancy, vehicles: &[Vehicle], own: usize) -> Option<(usize, f64)> {
    ahead(net, occupancy, &vehicles[own], own).map(|(entry, gap_m)| (entry.vehicle, gap_m))
}

/// The nearest body ahead on one's path and the free gap, metres.
pub(crate) fn ahead(net: &RoadNet, occupancy: &Occupancy, vehicle: &Vehicle, own: usize) -> Option<(Entry, f64)> {
    let mut offset_m = -vehicle.s_m;
    for (step, &lane) in vehicle.path[vehicle.at..].iter().enumerate() {
        let entry = if step == 0 {
            occupancy.ahead_on(lane, vehicle.s_m, own)
        } else {
            occupancy.on(lane).iter().find(|e| e.vehicle != own).copied()
        };
        if let Some(entry) = entry {
            return Some((entry, offset_m + entry.rear_m));
        }
        offset_m += net.length_m(lane);
        if offset_m > LOOK_AHEAD_M {
            break;
        }
    }
    None
}

/// Acceleration of the intelligent driver model on a free road (Treiber, Hennecke, Helbing 2000), m/s².
pub(crate) fn free_mps2(driver: &Driver, v_mps: f64, desired_mps: f64) -> f64 {
    let ratio = v_mps / desired_mps.max(0.1);
    let square = ratio * ratio;
    (driver.accelerate_mps2 * (1.0 - square * square)).max(-driver.brake_mps2)
}

/// The model's interaction with a leader, to be subtracted from [`free_mps2`], m/s².
pub(crate) fn interaction_mps2(driver: &Driver, v_mps: f64, gap_m: f64, leader_mps: f64) -> f64 {
    let closing_mps = v_mps - leader_mps;
    let braking = 2.0 * (driver.accelerate_mps2 * driver.brake_mps2).sqrt();
    let wanted_m = driver.standstill_m + (v_mps * driver.headway_s + v_mps * closing_mps / braking).max(0.0);
    let share = wanted_m / gap_m.max(0.1);
    driver.accelerate_mps2 * share * share
}

/// Acceleration that ends at rest `distance_m` ahead with constant braking; infinite while there is time, m/s².
pub(crate) fn stop_mps2(v_mps: f64, distance_m: f64, brake_mps2: f64) -> f64 {
    if distance_m <= 0.3 {
        return if v_mps > 0.0 { -(v_mps / 0.1).clamp(1.0, HARDEST_MPS2) } else { 0.0 };
    }
    let needed_mps2 = v_mps * v_mps / (2.0 * distance_m);
    if needed_mps2 >= brake_mps2 {
        return -needed_mps2.min(HARDEST_MPS2);
    }
    // Do not pick up more speed than can be lost again in time.
    ((2.0 * brake_mps2 * distance_m).sqrt() - v_mps) / 0.4
}

/// Whether a stop in `distance_m` needs no more than `brake_mps2`.
pub(crate) fn can_stop(v_mps: f64, distance_m: f64, brake_mps2: f64) -> bool {
    v_mps < 0.05 || (distance_m > 0.0 && v_mps * v_mps <= 2.0 * brake_mps2 * distance_m)
}

/// Time to drive `distance_m` from `v_mps`, speeding up to `cruise_mps`, seconds.
pub(crate) fn time_to_s(v_mps: f64, distance_m: f64, cruise_mps: f64, accelerate_mps2: f64) -> f64 {
    if distance_m <= 0.0 {
        return 0.0;
    }
    let cruise_mps = cruise_mps.max(v_mps).max(0.5);
    let ramp_s = (cruise_mps - v_mps) / accelerate_mps2;
    let ramp_m = (cruise_mps + v_mps) / 2.0 * ramp_s;
    if ramp_m >= distance_m {
        ((v_mps * v_mps + 2.0 * accelerate_mps2 * distance_m).sqrt() - v_mps) / accelerate_mps2
    } else {
        ramp_s + (distance_m - ramp_m) / cruise_mps
    }
}
