//! What lies or works on the road, and where it is slow: lanes that are shut over a stretch, and lower speeds.

use super::Scene;
use super::follow::{LOOK_AHEAD_M, stop_mps2};
use super::vehicle::{Aim, Vehicle};
use jxz_geo::Point;
use jxz_map::LaneIx;
use jxz_world::RoadHazard;

/// Drivers who cannot pass yet stop this far before it, so as to steer past from there, metres.
const STAND_OFF_M: f64 = 17.0;
/// On lanes beside it drivers pass at this speed at most, metres per second, on a stretch this long before it.
pub(super) const PASS_MPS: f64 = 5.5;
const PASS_M: f64 = 60.0;
/// From where drivers begin to look for another lane, metres.
const SEEN_M: f64 = 100.0;

/// A stretch of a lane on which nobody can drive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Block {
    pub(crate) lane: LaneIx,
    pub(crate) from_m: f64,
    pub(crate) to_m: f64,
    pub(crate) until_s: f64,
}

/// Lanes on which nobody drives faster than `mps`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slow {
    pub(crate) lanes: Vec<LaneIx>,
    pub(crate) mps: f64,
    pub(crate) until_s: f64,
    /// If it is for fog: its centre.
    pub(crate) fog: Option<Point>,
}

/// Something that is wrong with the road, as those who watch it would say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Condition {
    pub(crate) id: u64,
    pub(crate) hazard: RoadHazard,
    /// Its middle, and how far from there it reaches, metres.
    pub(crate) at: Point,
    pub(crate) radius_m: f64,
    /// The speed that is safe in it, metres per second.
    pub(crate) safe_mps: f64,
    pub(crate) since_s: f64,
    pub(crate) until_s: f64,
}

/// Every block and slow stretch, and what they come to lane by lane.
#[derive(Debug, Clone, Default)]
pub(crate) struct Obstacles {
    blocks: Vec<Block>,
    slow: Vec<Slow>,
    conditions: Vec<Condition>,
}

impl Obstacles {
    pub(crate) fn add_condition(&mut self, condition: Condition) {
        self.conditions.push(condition);
    }

    /// What is wrong with the road, as far as it began by `by_s`.
    pub(crate) fn conditions(&self, by_s: f64) -> impl Iterator<Item = &Condition> {
        self.conditions.iter().filter(move |condition| condition.since_s <= by_s)
    }

    pub(crate) fn add_block(&mut self, block: Block) {
        self.blocks.push(block);
    }

    pub(crate) fn add_slow(&mut self, mut slow: Slow) {
        slow.lanes.sort_unstable();
        self.slow.push(slow);
    }

    /// Forgets what is over.
    pub(crate) fn end(&mut self, time_s: f64) {
        self.blocks.retain(|block| block.until_s > time_s);
        self.slow.retain(|slow| slow.until_s > time_s);
        self.conditions.retain(|condition| condition.until_s > time_s);
    }

    /// Whether fog lies over a place, which reaches so many metres from its centre.
    pub(crate) fn is_foggy(&self, at: Point, reach_m: f64) -> bool {
        self.slow.iter().filter_map(|slow| slow.fog).any(|centre| (centre - at).norm() < reach_m)
    }

    /// The speed that no driver exceeds on a lane because of them, metres per second.
    pub(crate) fn limit_mps(&self, lane: LaneIx) -> f64 {
        let here = self.slow.iter().filter(|slow| slow.lanes.binary_search(&lane).is_ok());
        here.map(|slow| slow.mps).fold(f64::INFINITY, f64::min)
    }

    /// The first block on a lane that ends beyond `s_m`.
    fn ahead_on(&self, lane: LaneIx, s_m: f64) -> Option<&Block> {
        let ahead = self.blocks.iter().filter(|block| block.lane == lane && block.to_m > s_m);
        ahead.min_by(|a, b| a.from_m.total_cmp(&b.from_m))
    }

    /// Whether a lane is shut anywhere.
    pub(crate) fn is_shut(&self, lane: LaneIx) -> bool {
        self.blocks.iter().any(|block| block.lane == lane)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

/// What blocks ahead demand of a driver: the acceleration that it may use at most, m/s².
pub(crate) fn block_mps2(scene: &Scene<'_>, vehicle: &Vehicle) -> f64 {
    let mut limit_mps2 = f64::INFINITY;
    if scene.obstacles.is_empty() || vehicle.script.is_some() {
        return limit_mps2;
    }
    let mut offset_m = -vehicle.s_m;
    for (step, &lane) in vehicle.path[vehicle.at..].iter().enumerate() {
        let from_m = if step == 0 { vehicle.s_m } else { 0.0 };
        if let Some(block) = scene.obstacles.ahead_on(lane, from_m) {
            limit_mps2 = stop_mps2(vehicle.v_mps, offset_m + block.from_m - STAND_OFF_M, vehicle.driver.brake_mps2);
        }
        let beside = [scene.net.lane(lane).left, scene.net.lane(lane).right].into_iter().flatten();
        for block in beside.filter_map(|lane| scene.obstacles.ahead_on(lane, from_m)) {
            let to_m = offset_m + block.from_m;
            if to_m < PASS_M && vehicle.v_mps > PASS_MPS {
                limit_mps2 = limit_mps2.min(-0.8);
            } else if to_m < PASS_M {
                limit_mps2 = limit_mps2.min((PASS_MPS - vehicle.v_mps) / 0.5);
            }
        }
        offset_m += scene.net.length_m(lane);
        if offset_m > LOOK_AHEAD_M {
            break;
        }
    }
    limit_mps2
}

/// The lane beside a block that a driver changes to, if one is ahead on its lane.
pub(crate) fn way_past(scene: &Scene<'_>, vehicle: &Vehicle) -> Option<Aim> {
    let here = vehicle.lane();
    let block = scene.obstacles.ahead_on(here, vehicle.s_m)?;
    let lane = scene.net.lane(here);
    let open = |lane: &LaneIx| !scene.obstacles.is_shut(*lane);
    let beside = [lane.left, lane.right].into_iter().flatten().find(open)?;
    (block.from_m - vehicle.s_m < SEEN_M).then_some(Aim { lane: beside, connector: None })
}
