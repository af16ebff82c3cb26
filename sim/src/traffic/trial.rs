//! Trials on a straight road of one lane with a signal (`seeds/straight`): how a queue leaves at green, and how flow and
//! speed go with density. What they measure is published for real roads and can be run by others.

use crate::scenario::{DriverPlan, Scenario};
use crate::simulation::{Simulation, SimulationError};
use crate::truth::TruthObject;
use jxz_map::{Control, LaneIx, Map};
use jxz_units::Utc;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Midnight of some day in UTC, at which every plan without an offset begins.
const START: Utc = Utc::from_unix_ms(1_786_233_600_000);
const STEPS_PER_S: u32 = 20;
/// Those who come in an hour, more than any lane carries.
const PRESSING_PER_H: f64 = 2_600.0;

/// How queues leave at green.
#[derive(Debug, Clone, PartialEq)]
pub struct Discharge {
    /// Mean headway at the stop line by place in the queue, seconds; the first one's from the start of green.
    pub headways_s: Vec<f64>,
    /// Queues that were watched.
    pub queues: usize,
}

impl Discharge {
    /// Places whose headways the start lengthens (Highway Capacity Manual: the first four).
    const STARTING: usize = 4;

    /// Saturation headway: the mean of those behind the fourth, seconds.
    #[must_use]
    pub fn saturation_headway_s(&self) -> f64 {
        let steady = &self.headways_s[Self::STARTING..];
        steady.iter().sum::<f64>() / steady.len() as f64
    }

    /// Saturation flow, vehicles an hour and lane.
    #[must_use]
    pub fn saturation_flow_per_h(&self) -> f64 {
        3600.0 / self.saturation_headway_s()
    }

    /// What the first four lose against the saturation headway, seconds.
    #[must_use]
    pub fn start_up_loss_s(&self) -> f64 {
        let steady_s = self.saturation_headway_s();
        self.headways_s[..Self::STARTING].iter().map(|headway_s| headway_s - steady_s).sum()
    }

    /// From the start of green until the last of them has crossed the line, seconds.
    #[must_use]
    pub fn discharge_s(&self) -> f64 {
        self.headways_s.iter().sum()
    }
}

/// A queue at the signal of a straight road, at green after green.
#[derive(Debug, Clone, Copy)]
pub struct QueueTrial {
    /// How people drive.
    pub drivers: DriverPlan,
    /// Vehicles of each queue that are watched; at least five.
    pub places: usize,
    /// Greens that are watched.
    pub greens: usize,
    /// Everything that is left to chance follows from it.
    pub seed: u64,
}

impl QueueTrial {
    /// Runs on a map with one signal that holds one lane, whose stop line's front the queue's vehicles cross.
    ///
    /// # Errors
    /// What [`Simulation::new`] says.
    pub fn run(&self, map: &Arc<Map>) -> Result<Discharge, SimulationError> {
        const WARM_GREENS: usize = 3;
        let mut simulation = Simulation::new(Arc::clone(map), &self.scenario(), self.seed, START)?;
        let line = StopLine::first(map);
        let (mut green, mut greens, mut times) = (false, 0, Vec::new());
        let (mut sums_s, mut queues) = (vec![0.0; self.places], 0);
        let (mut before_m, mut now_m) = (BTreeMap::new(), BTreeMap::new());
        // A day is more than any plan needs.
        for step in 1..=24 * 3600 * STEPS_PER_S {
            let output = simulation.step();
            let time_s = f64::from(step) / f64::from(STEPS_PER_S);
            now_m.clear();
            for object in simulation.truth() {
                let to_m = line.passed_m(object);
                if let Some(&from_m) = before_m.get(&object.id)
                    && from_m < 0.0
                    && to_m >= 0.0
                {
                    let share: f64 = to_m / (to_m - from_m);
                    times.push(time_s - share / f64::from(STEPS_PER_S));
                }
                now_m.insert(object.id, to_m);
            }
            core::mem::swap(&mut before_m, &mut now_m);
            let Some(signal) = output.signals.first().and_then(|signals| signals.phases.first()) else { continue };
            if signal.light.is_go() && !green {
                if greens > WARM_GREENS && times.len() > self.places {
                    // The first entry is the start of green before.
                    let headways = times.windows(2).take(self.places).map(|pair| pair[1] - pair[0]);
                    queues += 1;
                    sums_s.iter_mut().zip(headways).for_each(|(sum, headway)| *sum += headway);
                }
                greens += 1;
                times.clear();
                // Reported at the step's beginning.
                times.push(time_s - 1.0 / f64::from(STEPS_PER_S));
                if queues == self.greens {
                    break;
                }
            }
            green = signal.light.is_go();
        }
        let headways_s = sums_s.into_iter().map(|sum| sum / queues as f64).collect();
        Ok(Discharge { headways_s, queues })
    }

    fn scenario(&self) -> Scenario {
        cars_alone(self.drivers, PRESSING_PER_H)
    }
}

/// Where the queue's lane ends.
struct StopLine {
    x_m: f64,
}

impl StopLine {
    fn first(map: &Map) -> Self {
        let lane = map.lanes.iter().find(|lane| lane.stop_line_m.is_some());
        let at = lane.and_then(|lane| Some(lane.centre.point_at(lane.stop_line_m?)));
        Self { x_m: at.map_or(0.0, |at| at.x) }
    }

    /// How far a front is beyond it, metres.
    fn passed_m(&self, object: &TruthObject) -> f64 {
        object.position.x + object.extent_m.0 / 2.0 - self.x_m
    }
}

/// Cars alone, so many an hour, each with a human at the wheel and no on-board unit.
fn cars_alone(drivers: DriverPlan, per_h: f64) -> Scenario {
    let mut scenario = Scenario::default();
    let plan = &mut scenario.traffic;
    (plan.vehicles, plan.cyclists, plan.pedestrians, plan.buses_per_line) = (0, 0, 0, 0);
    (plan.truck_share, plan.automated_share, plan.drivers) = (0.0, 0.0, drivers);
    plan.demand = vec![crate::scenario::Demand { from_h: 0.0, to_h: 24.0, per_h, from: None, to: None }];
    scenario.on_board.share = 0.0;
    scenario
}

/// Flow, density and mean speed on a stretch over some time, as Edie defines them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FlowPoint {
    /// Vehicles a kilometre.
    pub density_per_km: f64,
    /// Vehicles an hour.
    pub flow_per_h: f64,
    /// Kilometres an hour; of nobody: not a number.
    pub speed_kmh: f64,
}

/// Traffic of some density on a straight road, before a slower stretch that holds it up.
#[derive(Debug, Clone, Copy)]
pub struct FlowTrial {
    /// How people drive.
    pub drivers: DriverPlan,
    /// Those who come in an hour.
    pub per_h: f64,
    /// Limit on the road behind the place where the signal would be, metres per second.
    pub exit_mps: f64,
    /// For so long it is watched after it has settled, seconds.
    pub watched_s: u32,
    /// Everything that is left to chance follows from it.
    pub seed: u64,
}

impl FlowTrial {
    /// It settles for so long, seconds.
    pub const SETTLE_S: u32 = 900;
    /// The stretch that is watched, metres along the road.
    pub const STRETCH_M: (f64, f64) = (400.0, 900.0);

    /// The map of the trial: without the signal, and with the limit behind it.
    #[must_use]
    pub fn road(&self, straight: &Map) -> Map {
        let mut map = straight.clone();
        for junction in &mut map.junctions {
            junction.control = Control::Uncontrolled;
        }
        let exits: Vec<LaneIx> = super::guide::edge_lanes(&map, super::guide::Edge::Exit).collect();
        for (index, lane) in map.lanes.iter_mut().enumerate() {
            lane.stop_line_m = None;
            if let Some(movement) = &mut lane.movement {
                movement.phase = None;
            }
            if exits.contains(&LaneIx(index as u32)) {
                lane.speed_limit_mps = self.exit_mps;
            }
        }
        for link in &mut map.links {
            if link.to.is_none() {
                link.speed_limit_mps = self.exit_mps;
            }
        }
        map
    }

    /// Runs on [`Self::road`] of a straight road from west to east.
    ///
    /// # Errors
    /// What [`Simulation::new`] says.
    pub fn run(&self, straight: &Map) -> Result<FlowPoint, SimulationError> {
        let map = self.road(straight);
        let west_m = super::guide::edge_lanes(&map, super::guide::Edge::Entry)
            .next()
            .map_or(0.0, |lane| map.lane(lane).centre.start().x);
        let mut simulation = Simulation::new(Arc::new(map), &cars_alone(self.drivers, self.per_h), self.seed, START)?;
        for _ in 0..Self::SETTLE_S * STEPS_PER_S {
            simulation.step();
        }
        let (from_m, to_m) = (west_m + Self::STRETCH_M.0, west_m + Self::STRETCH_M.1);
        let (mut driven_m, mut spent_s) = (0.0, 0.0);
        for _ in 0..self.watched_s * STEPS_PER_S {
            simulation.step();
            for object in simulation.truth() {
                let front_m = object.position.x + object.extent_m.0 / 2.0;
                if front_m >= from_m && front_m < to_m {
                    driven_m += object.velocity.norm() / f64::from(STEPS_PER_S);
                    spent_s += 1.0 / f64::from(STEPS_PER_S);
                }
            }
        }
        let area = (to_m - from_m) * f64::from(self.watched_s);
        Ok(FlowPoint {
            density_per_km: spent_s / area * 1e3,
            flow_per_h: driven_m / area * 3600.0,
            speed_kmh: driven_m / spent_s * 3.6,
        })
    }
}
