//! Road conditions that operators enter at a place. They are kept here, and laid into the configurations of the sites near
//! it: so a site that is away gets them when it is back, and one that restarts has them on its own disk.

mod serve;
mod store;

pub(super) use serve::routes;
pub(super) use store::lay;
pub(crate) use store::{Entered, STEPS};

use super::Fleet;
use super::reply::Refusal;
use crate::audit;
use crate::caller::{Caller, Right};
use axum::http::StatusCode;
use jxz_geo::Wgs84;
use jxz_link::utc_now;
use jxz_map::LaneKind;
use jxz_units::Utc;
use jxz_world::{RoadHazard, RoadReport, SiteId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The longest text, characters.
const MAX_TEXT: usize = 200;
/// The longest time for which one is entered at once, seconds: works last for weeks.
const LONGEST_S: f64 = 90.0 * 86_400.0;
/// A condition on no more than a point reaches the lanes within this, metres, as the sites have it.
const LEAST_RADIUS_M: f64 = 4.0;

/// A condition as an operator states it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCondition {
    /// object, water, ice, fog, crash, works.
    pub(crate) hazard: String,
    /// The middle of it.
    pub(crate) lat_deg: f64,
    /// The middle of it.
    pub(crate) lon_deg: f64,
    /// How far from there it reaches, 0 to 1000.
    pub(crate) radius_m: f64,
    /// The speed that is safe in it, 0 to 120.
    pub(crate) safe_kmh: f64,
    /// Until when, at most 90 days from now.
    pub(crate) until_ms: i64,
    /// For colleagues: vehicles are told what and where, in the words of the message set.
    #[serde(default)]
    pub(crate) text: String,
}

/// A condition as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ConditionRow {
    pub(crate) number: i64,
    pub(crate) hazard: &'static str,
    pub(crate) lat_deg: f64,
    pub(crate) lon_deg: f64,
    pub(crate) radius_m: f64,
    pub(crate) safe_kmh: f64,
    pub(crate) text: String,
    pub(crate) at_ms: i64,
    pub(crate) who: String,
    pub(crate) until_ms: i64,
    /// `null`: it holds.
    pub(crate) ended_ms: Option<i64>,
    /// Who took it back; `null`: nobody, its time was over or it holds.
    pub(crate) ended_by: Option<String>,
    /// The sites near it.
    pub(crate) sites: Vec<ConditionSite>,
}

/// Whether a site has a condition.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ConditionSite {
    pub(crate) site: String,
    /// has (the node said so), pending, away, refused; of one that has ended: over, or what the site still has to take back.
    pub(crate) state: &'static str,
}

impl NewCondition {
    /// Checks it, and makes of it what is kept.
    fn checked(self, fleet: &Fleet, now: Utc) -> Result<Entered, Refusal> {
        let hazard = RoadHazard::from_name(&self.hazard).ok_or_else(|| {
            let names: Vec<&str> = RoadHazard::ALL.iter().map(|hazard| hazard.name()).collect();
            Refusal::bad(format!("hazard is `{}`; there are {}", self.hazard.escape_debug(), names.join(", ")))
        })?;
        let within = |what, value: f64, most: f64| {
            let range = 0.0..=most;
            if range.contains(&value) { Ok(value) } else { Err(Refusal::bad(format!("{what} is outside 0 to {most}"))) }
        };
        let radius_m = within("radius_m", self.radius_m, 1000.0)?;
        let safe_mps = within("safe_kmh", self.safe_kmh, 120.0)? / 3.6;
        let until = Utc::from_unix_ms(self.until_ms);
        if !(0.0..=LONGEST_S).contains(&until.seconds_since(now)) {
            return Err(Refusal::bad("until_ms is over already, or more than 90 days away"));
        }
        let text = self.text.trim().to_owned();
        if text.chars().count() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(Refusal::bad(format!("text is one line of at most {MAX_TEXT} characters")));
        }
        let place = Wgs84 { lat_deg: self.lat_deg, lon_deg: self.lon_deg };
        if !(self.lat_deg.abs() <= 85.0 && self.lon_deg.abs() <= 180.0) {
            return Err(Refusal::bad("lat_deg and lon_deg are no place on the Earth that maps show"));
        }
        let at = fleet.map.frame.to_local(place);
        let report = RoadReport { id: 0, hazard, at, radius_m, safe_mps, valid_until: until };
        let sites: Vec<SiteId> =
            fleet.map.sites.iter().filter(|site| report.concerns(site)).map(|site| site.id.clone()).collect();
        if sites.is_empty() {
            let words = "no site is near enough to warn of what is there";
            return Err(Refusal::new(StatusCode::CONFLICT, "no_site_near", words));
        }
        let mut roads = fleet.map.lanes.iter().filter(|lane| lane.kind == LaneKind::Driving);
        let reach_m = radius_m.max(LEAST_RADIUS_M);
        if !report.is_plausible() || !roads.any(|lane| lane.centre.project(at).distance_m <= reach_m) {
            let words = format!("no lane for vehicles lies within {reach_m:.0} m of the place");
            return Err(Refusal::new(StatusCode::CONFLICT, "no_road_near", words));
        }
        Ok(Entered { report, text, sites })
    }
}

impl Fleet {
    /// Enters a condition; its number.
    pub(crate) async fn enter_condition(&self, by: Caller, condition: NewCondition) -> Result<i64, Refusal> {
        by.must_be(Right::Operator)?;
        let now = utc_now();
        let entered = condition.checked(self, now)?;
        let number = self.catalogue.run(move |t| {
            let number = store::enter(t, now, &by, &entered)?;
            let RoadReport { hazard, at, radius_m, safe_mps, valid_until, .. } = entered.report;
            let detail = json!({ "condition": number, "hazard": hazard, "east_m": at.x, "north_m": at.y,
                "radius_m": radius_m, "safe_mps": safe_mps, "until_ms": valid_until.unix_ms(), "text": entered.text,
                "sites": entered.sites });
            audit::write(t, now, &by, "condition.enter", &detail)?;
            Ok(number)
        });
        let number = number.await?;
        self.wake.notify_one();
        Ok(number)
    }

    /// Takes a condition back.
    pub(crate) async fn take_condition_back(&self, by: Caller, number: i64) -> Result<(), Refusal> {
        by.must_be(Right::Operator)?;
        let taken = self.catalogue.run(move |t| {
            let now = utc_now();
            store::take_back(t, now, &by, number)?;
            audit::write(t, now, &by, "condition.take_back", &json!({ "condition": number }))
        });
        taken.await?;
        self.wake.notify_one();
        Ok(())
    }

    /// A condition.
    pub(crate) async fn condition(&self, number: i64) -> Result<ConditionRow, Refusal> {
        self.conditions(Some(number)).await?.pop().ok_or_else(|| store::missing(number))
    }

    /// The conditions that hold, then the last that have ended; or one.
    pub(crate) async fn conditions(&self, only: Option<i64>) -> Result<Vec<ConditionRow>, Refusal> {
        let standing = self.links.standing();
        let (kept, sites) = self.catalogue.run(move |t| Ok((store::list(t, only)?, store::Sites::read(t)?))).await?;
        let row = |kept: store::Kept| {
            let RoadReport { hazard, at, radius_m, safe_mps, valid_until, .. } = kept.entered.report;
            let place = self.map.frame.to_wgs84(at);
            let state = |site: &SiteId| ConditionSite {
                site: site.0.clone(),
                state: sites.state(site, &kept, standing.contains_key(site)),
            };
            ConditionRow {
                number: kept.number,
                hazard: hazard.name(),
                lat_deg: place.lat_deg,
                lon_deg: place.lon_deg,
                radius_m,
                safe_kmh: (safe_mps * 36.0).round() / 10.0,
                sites: kept.entered.sites.iter().map(state).collect(),
                at_ms: kept.at_ms,
                until_ms: valid_until.unix_ms(),
                ended_ms: kept.ended_ms,
                ended_by: kept.ended_by,
                text: kept.entered.text,
                who: kept.who,
            }
        };
        Ok(kept.into_iter().map(row).collect())
    }
}
