//! Conditions in the catalogue, and in the configurations that it has of the sites.

use crate::audit;
use crate::caller::Caller;
use crate::catalogue::Step;
use crate::fleet::drive;
use crate::fleet::reply::Refusal;
use crate::fleet::store::{self as configurations, Answer, Head};
use anyhow::Context;
use axum::http::StatusCode;
use jxz_fleet::{Condition, Document, MAX_CONDITIONS};
use jxz_geo::Point;
use jxz_units::Utc;
use jxz_world::{RoadHazard, RoadReport, SiteId};
use rusqlite::{OptionalExtension, Row, Transaction};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The tables.
pub(crate) const STEPS: &[Step] = &[Step {
    name: "condition-1",
    sql: "CREATE TABLE road_condition (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            hazard TEXT NOT NULL,
            east_m REAL NOT NULL,
            north_m REAL NOT NULL,
            radius_m REAL NOT NULL,
            safe_mps REAL NOT NULL,
            text TEXT NOT NULL,
            sites TEXT NOT NULL,
            at_ms INTEGER NOT NULL,
            who TEXT NOT NULL,
            until_ms INTEGER NOT NULL,
            ended_ms INTEGER,
            ended_by TEXT
          ) STRICT;
          CREATE INDEX road_condition_open ON road_condition (number) WHERE ended_ms IS NULL;",
}];

/// In a configuration the conditions entered here have numbers from this on; those below are whoever's who wrote them there.
const FIRST: u32 = 1_000_000;
/// The most that hold at once.
const MOST_OPEN: i64 = 256;
/// How many that have ended are listed.
const ENDED_LISTED: u32 = 50;
/// Those that have ended are forgotten after this.
const FORGET_AFTER_MS: i64 = 365 * 86_400_000;

/// What an operator has entered, checked.
#[derive(Debug)]
pub(crate) struct Entered {
    /// Without a number yet.
    pub(super) report: RoadReport,
    pub(super) text: String,
    pub(super) sites: Vec<SiteId>,
}

/// A condition as it is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) number: i64,
    pub(super) entered: Entered,
    pub(super) at_ms: i64,
    pub(super) who: String,
    pub(super) ended_ms: Option<i64>,
    pub(super) ended_by: Option<String>,
}

const SELECT: &str = "SELECT number, hazard, east_m, north_m, radius_m, safe_mps, text, sites, at_ms, who, until_ms, \
                      ended_ms, ended_by FROM road_condition";

fn of_row(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let unreadable = |column, what: String| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, what.into())
    };
    let (hazard, sites): (String, String) = (row.get(1)?, row.get(7)?);
    let hazard = RoadHazard::from_name(&hazard).ok_or_else(|| unreadable(1, format!("no hazard: {hazard}")))?;
    let sites = serde_json::from_str(&sites).map_err(|error| unreadable(7, error.to_string()))?;
    let report = RoadReport {
        id: 0,
        hazard,
        at: Point::new(row.get(2)?, row.get(3)?),
        radius_m: row.get(4)?,
        safe_mps: row.get(5)?,
        valid_until: Utc::from_unix_ms(row.get(10)?),
    };
    Ok(Kept {
        number: row.get(0)?,
        entered: Entered { report, text: row.get(6)?, sites },
        at_ms: row.get(8)?,
        who: row.get(9)?,
        ended_ms: row.get(11)?,
        ended_by: row.get(12)?,
    })
}

fn open(t: &Transaction<'_>) -> anyhow::Result<Vec<Kept>> {
    let mut query = t.prepare(&format!("{SELECT} WHERE ended_ms IS NULL ORDER BY number DESC"))?;
    Ok(query.query_map([], of_row)?.collect::<Result<_, _>>()?)
}

/// Those that hold, then the last that have ended, each the newest first; or one.
pub(super) fn list(t: &Transaction<'_>, only: Option<i64>) -> anyhow::Result<Vec<Kept>> {
    if let Some(number) = only {
        let found = t.query_row(&format!("{SELECT} WHERE number = ?1"), [number], of_row).optional()?;
        return found.map(|kept| vec![kept]).ok_or_else(|| missing(number).into());
    }
    let mut listed = open(t)?;
    let mut query =
        t.prepare(&format!("{SELECT} WHERE ended_ms IS NOT NULL ORDER BY ended_ms DESC, number DESC LIMIT ?1"))?;
    for row in query.query_map([ENDED_LISTED], of_row)? {
        listed.push(row?);
    }
    Ok(listed)
}

pub(super) fn missing(number: i64) -> Refusal {
    Refusal::not_found(format!("there is no road condition {number}"))
}

/// Keeps a condition if there is room for it everywhere; its number.
pub(super) fn enter(t: &Transaction<'_>, now: Utc, by: &Caller, entered: &Entered) -> anyhow::Result<i64> {
    let full = |words: String| Err(Refusal::new(StatusCode::CONFLICT, "too_many_conditions", words).into());
    let held = open(t)?;
    if held.len() as i64 >= MOST_OPEN {
        return full(format!("{MOST_OPEN} road conditions hold already: take some back"));
    }
    let heads = configurations::heads(t)?;
    for site in &entered.sites {
        let by_hand = heads.get(site).map_or(0, |head| head.document.conditions.range(..FIRST).count());
        let here = held.iter().filter(|kept| kept.entered.sites.contains(site)).count();
        if by_hand + here >= MAX_CONDITIONS {
            return full(format!("{site} has {MAX_CONDITIONS} road conditions already: take some back"));
        }
    }
    let report = &entered.report;
    t.execute(
        "INSERT INTO road_condition (hazard, east_m, north_m, radius_m, safe_mps, text, sites, at_ms, who, until_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        rusqlite::params![
            report.hazard.name(),
            report.at.x,
            report.at.y,
            report.radius_m,
            report.safe_mps,
            entered.text,
            serde_json::to_string(&entered.sites)?,
            now.unix_ms(),
            by.name,
            report.valid_until.unix_ms()
        ],
    )?;
    let number = t.last_insert_rowid();
    t.execute("DELETE FROM road_condition WHERE ended_ms < ?1", [now.unix_ms() - FORGET_AFTER_MS])?;
    Ok(number)
}

/// Ends a condition that holds.
pub(super) fn take_back(t: &Transaction<'_>, now: Utc, by: &Caller, number: i64) -> anyhow::Result<()> {
    let ended: Option<Option<i64>> =
        t.query_row("SELECT ended_ms FROM road_condition WHERE number = ?1", [number], |row| row.get(0)).optional()?;
    match ended {
        None => return Err(missing(number).into()),
        Some(Some(_)) => return Err(Refusal::conflict(format!("road condition {number} has ended already")).into()),
        Some(None) => {}
    }
    t.execute(
        "UPDATE road_condition SET ended_ms = ?2, ended_by = ?3 WHERE number = ?1",
        (number, now.unix_ms(), &by.name),
    )?;
    Ok(())
}

// ---- In the configurations ----

type Laid = BTreeMap<u32, Condition>;

/// A condition's number in configurations.
fn key(number: i64) -> Option<u32> {
    u32::try_from(number).ok().and_then(|number| FIRST.checked_add(number))
}

fn as_configured(report: &RoadReport) -> Condition {
    Condition {
        hazard: report.hazard,
        east_m: report.at.x,
        north_m: report.at.y,
        radius_m: report.radius_m,
        safe_mps: report.safe_mps,
        until_ms: Some(report.valid_until.unix_ms()),
    }
}

/// The document with these conditions in place of those that were laid into it; `None`: it has them already.
fn with(document: &Document, laid: &Laid) -> Result<Option<Document>, jxz_fleet::DocumentError> {
    let mut changed = document.clone();
    changed.conditions.retain(|number, _| *number < FIRST);
    changed.conditions.extend(laid.iter().map(|(number, condition)| (*number, condition.clone())));
    if changed == *document { Ok(None) } else { Document::parse(&changed.to_bytes()).map(Some) }
}

/// Makes the sites' configurations say what holds now, and ends what is over. In what a roll-out that is on its way would
/// restore, too. Returns the new revisions, and how many conditions hold.
pub(in crate::fleet) fn lay(
    t: &Transaction<'_>,
    now: Utc,
    rollout: Option<i64>,
) -> anyhow::Result<(Vec<(SiteId, u64)>, u64)> {
    t.execute(
        "UPDATE road_condition SET ended_ms = until_ms WHERE ended_ms IS NULL AND until_ms <= ?1",
        [now.unix_ms()],
    )?;
    let mut wanted: BTreeMap<SiteId, Laid> = BTreeMap::new();
    let held = open(t)?;
    for kept in &held {
        let number = key(kept.number).context("road conditions have run out of numbers")?;
        for site in &kept.entered.sites {
            wanted.entry(site.clone()).or_default().insert(number, as_configured(&kept.entered.report));
        }
    }
    let heads = configurations::heads(t)?;
    let (nothing, mut revisions) = (Laid::new(), Vec::new());
    for site in heads.keys().chain(wanted.keys()).collect::<BTreeSet<_>>() {
        let laid = wanted.get(site).unwrap_or(&nothing);
        let document = heads.get(site).map(|head| head.document.clone()).unwrap_or_default();
        let document = match with(&document, laid) {
            Ok(None) => continue,
            Ok(Some(document)) => document,
            // The others' do not wait for it.
            Err(error) => {
                tracing::warn!(%site, %error, "a site's configuration has no room for its road conditions");
                continue;
            }
        };
        let why = "road conditions";
        let revision = configurations::desire(t, site, &document, now, ("jxz-cloud", why))?;
        let detail = json!({ "site": site, "revision": revision, "why": why });
        audit::write(t, now, &drive::cloud(), "node.configure", &detail)?;
        revisions.push((site.clone(), revision));
    }
    if let Some(number) = rollout {
        for (site, before) in configurations::befores(t, number)? {
            if let Ok(Some(before)) = with(&before, wanted.get(&site).unwrap_or(&nothing)) {
                configurations::keep_before(t, number, &site, &before)?;
            }
        }
    }
    Ok((revisions, held.len() as u64))
}

/// What each site is to run, and what it said to that.
pub(super) struct Sites {
    heads: BTreeMap<SiteId, Head>,
    answers: BTreeMap<String, Answer>,
}

impl Sites {
    pub(super) fn read(t: &Transaction<'_>) -> anyhow::Result<Self> {
        Ok(Self { heads: configurations::heads(t)?, answers: configurations::answers(t)? })
    }

    /// How a site stands to a condition.
    pub(super) fn state(&self, site: &SiteId, kept: &Kept, connected: bool) -> &'static str {
        let head = self.heads.get(site);
        let has = |head: &Head| key(kept.number).is_some_and(|key| head.document.conditions.contains_key(&key));
        let holds = kept.ended_ms.is_none();
        let said = head.and_then(|head| self.answers.get(&site.0).filter(|(revision, _)| *revision == head.revision));
        let laid = head.is_some_and(has) == holds;
        match said {
            Some((_, None)) if laid && holds => "has",
            Some((_, None)) if laid => "over",
            Some((_, Some(_))) if laid => "refused",
            _ if !connected => "away",
            _ => "pending",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::Right;
    use crate::catalogue::Catalogue;

    const NOW: Utc = Utc::from_unix_ms(1_000_000);

    fn site(name: &str) -> SiteId {
        SiteId(name.to_owned())
    }

    fn ice(sites: &[&str], until_s: f64) -> Entered {
        let report = RoadReport {
            id: 0,
            hazard: RoadHazard::Ice,
            at: Point::new(10.0, 20.0),
            radius_m: 30.0,
            safe_mps: 8.0,
            valid_until: NOW.plus_seconds(until_s),
        };
        Entered { report, text: "black ice".to_owned(), sites: sites.iter().map(|name| site(name)).collect() }
    }

    fn duty() -> Caller {
        Caller { name: "duty".to_owned(), right: Right::Operator }
    }

    #[tokio::test]
    async fn what_holds_is_laid_once_beside_what_others_wrote_and_goes_at_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(dir.path()).unwrap();
        let by_hand = json!({ "conditions": { "7": { "hazard": "fog", "east_m": 0.0, "north_m": 0.0, "radius_m": 5.0,
            "safe_mps": 9.0 } }, "health_s": 1.0 });
        let numbers = |t: &Transaction<'_>, name: &str| {
            let head = configurations::head(t, &site(name)).unwrap();
            head.map(|head| head.document.conditions.into_keys().collect::<Vec<_>>())
        };
        let said = catalogue.run(move |t| {
            let document = Document::default().changed(&by_hand).unwrap();
            configurations::desire(t, &site("north"), &document, NOW, ("duty", "by hand"))?;
            assert_eq!(lay(t, NOW, None)?, (vec![], 0), "nothing holds");
            assert_eq!(enter(t, NOW, &duty(), &ice(&["north", "south"], 60.0))?, 1);
            assert_eq!(enter(t, NOW, &duty(), &ice(&["north"], 10.0))?, 2);
            assert_eq!(lay(t, NOW, None)?, (vec![(site("north"), 2), (site("south"), 1)], 2));
            assert_eq!(lay(t, NOW, None)?, (vec![], 2), "they have it");
            assert_eq!(numbers(t, "north"), Some(vec![7, FIRST + 1, FIRST + 2]));
            assert_eq!(lay(t, NOW.plus_seconds(10.0), None)?, (vec![(site("north"), 3)], 1));
            assert_eq!(list(t, Some(2))?[0].ended_ms, Some(NOW.plus_seconds(10.0).unix_ms()));
            take_back(t, NOW.plus_seconds(11.0), &duty(), 1)?;
            assert_eq!(lay(t, NOW.plus_seconds(11.0), None)?, (vec![(site("north"), 4), (site("south"), 2)], 0));
            assert_eq!((numbers(t, "north"), numbers(t, "south")), (Some(vec![7]), Some(vec![])));
            let again = take_back(t, NOW, &duty(), 1).unwrap_err().to_string();
            assert!(again.contains("ended already"), "{again}");
            Ok(list(t, None)?.into_iter().map(|kept| (kept.number, kept.ended_by)).collect::<Vec<_>>())
        });
        assert_eq!(said.await.unwrap(), [(1, Some("duty".to_owned())), (2, None)]);
    }

    #[tokio::test]
    async fn a_site_takes_as_many_as_a_configuration_holds_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(dir.path()).unwrap();
        let said = catalogue.run(|t| {
            for _ in 0..MAX_CONDITIONS {
                enter(t, NOW, &duty(), &ice(&["north"], 60.0))?;
            }
            enter(t, NOW, &duty(), &ice(&["south"], 60.0))?;
            assert_eq!(lay(t, NOW, None)?.0.len(), 2);
            Ok(enter(t, NOW, &duty(), &ice(&["south", "north"], 60.0)).unwrap_err().downcast::<Refusal>().unwrap().code)
        });
        assert_eq!(said.await.unwrap(), "too_many_conditions");
    }
}
