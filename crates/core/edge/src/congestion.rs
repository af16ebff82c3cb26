//! Congestion that the cloud told of.

use jxz_hazard::Congested;
use jxz_map::{LinkIx, Map};
use jxz_units::Now;
use jxz_world::CongestionReport;
use std::collections::BTreeMap;

/// Most links held at once.
const MOST: usize = 64;
/// A word holds for at most this unless said anew, seconds.
const VALID_S: f64 = 600.0;
/// The cloud's clock may be this much ahead of ours, seconds.
const AHEAD_S: f64 = 2.0;

/// The words that hold, by link.
#[derive(Debug, Default)]
pub(crate) struct CityTraffic(BTreeMap<LinkIx, CongestionReport>);

impl CityTraffic {
    /// Takes in a word; `false` if it is nonsense, about a link that the map does not have, not newer than what is held, or
    /// finds no room.
    pub(crate) fn take(&mut self, now: Now, map: &Map, report: CongestionReport) -> bool {
        let known = map.links.iter().position(|link| link.id == report.link);
        let Some(link) = known.and_then(|i| u32::try_from(i).ok()).map(LinkIx) else { return false };
        let sound = (0.0..=CongestionReport::MOST_MPS).contains(&report.speed_mps)
            && report.said_at.seconds_since(now.utc) <= AHEAD_S
            && report.valid_until.seconds_since(now.utc) <= VALID_S;
        let newer = self.0.get(&link).is_none_or(|held| report.said_at > held.said_at);
        if !(sound && newer) {
            return false;
        }
        if report.is_over() {
            self.0.remove(&link);
            return true;
        }
        let room = self.0.len() < MOST || self.0.contains_key(&link);
        let holds = report.valid_until > now.utc;
        if room && holds {
            self.0.insert(link, report);
        }
        room && holds
    }

    /// The links that are congested now.
    pub(crate) fn now(&mut self, now: Now) -> Vec<Congested> {
        self.0.retain(|_, report| now.utc < report.valid_until);
        let of = |(link, report): (&LinkIx, &CongestionReport)| Congested { link: *link, mean_mps: report.speed_mps };
        self.0.iter().map(of).collect()
    }

    /// The words that hold, as they were said.
    pub(crate) fn words(&self, now: Now) -> impl Iterator<Item = &CongestionReport> {
        self.0.values().filter(move |report| now.utc < report.valid_until)
    }
}
