//! Road conditions that the node was told of.

use jxz_units::Now;
use jxz_world::{RoadReport, Site};
use std::collections::BTreeMap;

/// Most held at once.
const MOST: usize = 64;
/// One holds for at most this unless said anew, seconds.
const VALID_S: f64 = 86_400.0;

/// Those held, by their number.
#[derive(Debug, Default)]
pub(crate) struct Conditions(BTreeMap<u64, RoadReport>);

impl Conditions {
    /// Takes in a word; `false` if it is nonsense, far from the site, or finds no room. One that is over already takes an
    /// older word of it back.
    pub(crate) fn take(&mut self, now: Now, site: &Site, report: RoadReport) -> bool {
        let ours = report.is_plausible() && report.concerns(site);
        let valid_s = report.valid_until.seconds_since(now.utc);
        if ours && valid_s <= 0.0 {
            self.0.remove(&report.id);
            return true;
        }
        let room = self.0.len() < MOST || self.0.contains_key(&report.id);
        let taken = ours && valid_s <= VALID_S && room;
        if taken {
            self.0.insert(report.id, report);
        }
        taken
    }

    /// Those that hold now.
    pub(crate) fn now(&mut self, now: Now) -> Vec<RoadReport> {
        self.0.retain(|_, report| now.utc < report.valid_until);
        self.0.values().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jxz_geo::Point;
    use jxz_units::{Instant, Utc};
    use jxz_world::{RoadHazard, SiteId};

    fn report(id: u64, x: f64, until_s: f64) -> RoadReport {
        let at = Point::new(x, 0.0);
        let valid_until = Utc::from_unix_ms(0).plus_seconds(until_s);
        RoadReport { id, hazard: RoadHazard::Water, at, radius_m: 10.0, safe_mps: 8.0, valid_until }
    }

    #[test]
    fn a_word_holds_until_it_is_over_and_only_near_the_site() {
        let site = Site {
            id: SiteId("a".to_owned()),
            name_zh: String::new(),
            name_en: String::new(),
            position: Point::origin(),
            coverage_m: 200.0,
            junction: None,
            sensors: Vec::new(),
        };
        let now = |s: f64| Now { mono: Instant::ZERO, utc: Utc::from_unix_ms(0).plus_seconds(s) };
        let mut held = Conditions::default();
        assert!(held.take(now(0.0), &site, report(1, 0.0, 60.0)) && held.take(now(0.0), &site, report(2, 50.0, 20.0)));
        assert!(!held.take(now(0.0), &site, report(3, 1e4, 60.0)), "too far");
        assert!(
            !held.take(now(0.0), &site, report(3, f64::NAN, 60.0)) && !held.take(now(0.0), &site, report(3, 0.0, 1e9))
        );
        assert_eq!(held.now(now(10.0)).len(), 2);
        assert_eq!(held.now(now(30.0)).len(), 1);
        assert!(held.take(now(31.0), &site, report(1, 0.0, 31.0)), "taken back");
        assert!(held.now(now(31.0)).is_empty());
        let taken = (0..100).filter(|id| held.take(now(0.0), &site, report(*id, 0.0, 60.0))).count();
        assert_eq!(taken, MOST);
    }
}
