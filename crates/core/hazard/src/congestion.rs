//! Which links are congested, how surely, and since when. `tjw` and `guidance` both look here.

use crate::config::TjwConfig;
use crate::normal;
use crate::queue::Halt;
use crate::scene::Scene;
use crate::succession::JamLegacy;
use jxz_map::{LaneIx, LinkIx};
use jxz_units::Utc;
use jxz_world::{RoadUserClass, TrackId};
use std::collections::BTreeMap;

/// Slow traffic that pauses for no longer than this is the same congestion, seconds.
const PAUSE_S: f64 = 3.0;
/// Most vehicles of one link that the mean is taken of.
const MAX_VEHICLES: usize = 64;

/// A link whose traffic is slow for long enough.
#[derive(Debug, Clone)]
pub(crate) struct Jam {
    pub(crate) link: LinkIx,
    pub(crate) mean_mps: f64,
    pub(crate) mean_sigma_mps: f64,
    pub(crate) vehicles: Vec<TrackId>,
    pub(crate) probability: f64,
    pub(crate) sensed_at: Utc,
    /// The last vehicle of it: its lane and where on it.
    pub(crate) tail: (LaneIx, f64),
}

/// Since when each link is slow.
#[derive(Debug, Default)]
pub(crate) struct CongestionBook(BTreeMap<LinkIx, (Utc, Utc)>);

impl CongestionBook {
    /// What a successor needs to know.
    pub(crate) fn legacy(&self) -> Vec<JamLegacy> {
        self.0.iter().map(|(link, times)| JamLegacy { link: link.0, times: *times }).collect()
    }

    /// Links have been slow for as long as `theirs` says.
    pub(crate) fn succeed(&mut self, theirs: &[JamLegacy]) {
        self.0.extend(theirs.iter().map(|jam| (LinkIx(jam.link), jam.times)));
    }

    /// Takes in a round; returns the links that have been slow for long enough, in order.
    pub(crate) fn update(&mut self, scene: &Scene<'_>, halts: &[Halt], config: &TjwConfig) -> Vec<Jam> {
        let mut on_link: BTreeMap<LinkIx, Vec<usize>> = BTreeMap::new();
        for (i, actor) in scene.actors.iter().enumerate() {
            let link = actor.placements.first().and_then(|p| scene.map.lane(p.lane).link);
            let Some(link) = link.filter(|_| actor.class == RoadUserClass::Motor && halts[i] != Halt::Excused) else {
                continue;
            };
            let members = on_link.entry(link).or_default();
            if members.len() < MAX_VEHICLES {
                members.push(i);
            }
        }
        let at = scene.at;
        let mut jams = Vec::new();
        for (link, members) in on_link {
            let Some(jam) = slow(scene, config, link, &members) else { continue };
            let (since, last) = self.0.entry(link).or_insert((at, at));
            *last = at;
            if at.seconds_since(*since) >= config.for_s {
                jams.push(jam);
            }
        }
        self.0.retain(|_, (_, last)| at.seconds_since(*last).abs() <= PAUSE_S);
        jams
    }
}

fn slow(scene: &Scene<'_>, config: &TjwConfig, link: LinkIx, members: &[usize]) -> Option<Jam> {
    let least = config.vehicles.clamp(2.0, 64.0) as usize;
    if members.len() < least {
        return None;
    }
    let n = members.len() as f64;
    let mean_mps = members.iter().map(|i| scene.actors[*i].speed_mps).sum::<f64>() / n;
    let variance = members.iter().map(|i| scene.actors[*i].sigma_mps.powi(2)).sum::<f64>() / (n * n);
    let bound_mps = config.fraction * scene.map.link(link).speed_limit_mps;
    if mean_mps >= bound_mps {
        return None;
    }
    let real = members.iter().map(|i| {
        let track = scene.actors[*i].track;
        track.existence.min(1.0) * track.class.of(RoadUserClass::Motor)
    });
    let slower = 1.0 - normal::above(mean_mps, variance.sqrt(), bound_mps);
    let place = |i: usize| scene.actors[i].placements.first().map(|p| (p.lane, p.s_m));
    let tail = members.iter().filter_map(|i| place(*i)).min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)))?;
    Some(Jam {
        link,
        mean_mps,
        mean_sigma_mps: variance.sqrt(),
        vehicles: members.iter().map(|i| scene.actors[*i].track.id).collect(),
        probability: slower * at_least(least, real),
        sensed_at: members.iter().map(|i| scene.actors[*i].track.measured_at).max()?,
        tail,
    })
}

/// The probability that at least `k` of independent events with the given probabilities happen.
fn at_least(k: usize, probabilities: impl Iterator<Item = f64>) -> f64 {
    // below[j]: probability that exactly j happened so far, for j < k.
    let mut below = vec![0.0; k];
    if let Some(none) = below.first_mut() {
        *none = 1.0;
    }
    for p in probabilities {
        for j in (0..k).rev() {
            below[j] = below[j] * (1.0 - p) + if j > 0 { below[j - 1] * p } else { 0.0 };
        }
    }
    (1.0 - below.iter().sum::<f64>()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_k_agrees_with_the_binomial_distribution() {
        // P(X >= 2) for n = 4, p = 0.5 is 11/16; for n = 3, p = 0.9, k = 3 it is 0.729.
        assert!((at_least(2, [0.5; 4].into_iter()) - 0.6875).abs() < 1e-12);
        assert!((at_least(3, [0.9; 3].into_iter()) - 0.729).abs() < 1e-12);
        assert_eq!(at_least(0, [0.5].into_iter()), 1.0);
        assert_eq!(at_least(2, [1.0].into_iter()), 0.0);
    }
}
