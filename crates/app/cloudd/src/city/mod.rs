//! The city's view: traffic on links, minute by minute, kept for a day.

mod serve;

pub(crate) use serve::routes;

use crate::catalogue::Step;
use jxz_cloud::{LinkCoverage, LinkMinute, Minute};
use jxz_map::Map;
use rusqlite::Transaction;
use serde::Serialize;
use std::sync::Arc;

/// The tables.
pub(crate) const STEPS: &[Step] = &[Step {
    name: "city-1",
    sql: "CREATE TABLE link_minute (
            from_ms INTEGER NOT NULL,
            link TEXT NOT NULL,
            observed_share REAL NOT NULL,
            vehicles INTEGER NOT NULL,
            flow_veh_h REAL NOT NULL,
            density_veh_km REAL NOT NULL,
            speed_kmh REAL,
            travel_time_s REAL,
            level TEXT,
            queue_m REAL,
            congested INTEGER NOT NULL,
            PRIMARY KEY (link, from_ms)
          ) STRICT, WITHOUT ROWID;
          CREATE INDEX link_minute_by_time ON link_minute (from_ms)",
}];

/// Minutes older than this are deleted, milliseconds.
const KEPT_MS: i64 = 24 * 3_600_000;

/// The links of the map that carry motor traffic.
#[derive(Debug, Clone)]
pub(crate) struct City(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    map: Arc<Map>,
    links: Vec<LinkCoverage>,
}

/// A link's minute as it is kept and told. What is `null` is not known: no vehicle was there, or no stop line in view.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "LinkMinute")]
pub(crate) struct Row {
    #[serde(skip)]
    link: String,
    from_ms: i64,
    observed_share: f64,
    vehicles: u32,
    flow_veh_h: f64,
    density_veh_km: f64,
    speed_kmh: Option<f64>,
    travel_time_s: Option<f64>,
    level: Option<String>,
    queue_m: Option<f64>,
    congested: bool,
}

impl City {
    pub(crate) fn new(map: Arc<Map>, links: Vec<LinkCoverage>) -> Self {
        Self(Arc::new(Inner { map, links }))
    }

    pub(crate) fn map(&self) -> &Map {
        &self.0.map
    }

    /// A minute's rows.
    pub(crate) fn rows(&self, minute: &Minute) -> Vec<Row> {
        minute.links.iter().map(|link| self.row(minute.from.unix_ms(), link)).collect()
    }

    fn row(&self, from_ms: i64, minute: &LinkMinute) -> Row {
        let tenth = |x: f64| (x * 10.0).round() / 10.0;
        Row {
            link: self.0.map.link(minute.link).id.clone(),
            from_ms,
            observed_share: (minute.observed_share * 1e3).round() / 1e3,
            vehicles: minute.vehicles,
            flow_veh_h: tenth(minute.flow_veh_h),
            density_veh_km: tenth(minute.density_veh_km),
            speed_kmh: minute.speed_mps.map(|mps| tenth(mps * 3.6)),
            travel_time_s: minute.travel_time_s.map(tenth),
            level: minute.level.map(|level| level.name().to_owned()),
            queue_m: minute.queue_m.map(tenth),
            congested: minute.congested,
        }
    }
}

/// Keeps a minute, and deletes what is a day older.
///
/// # Errors
/// The catalogue cannot be written.
pub(crate) fn keep(transaction: &Transaction<'_>, rows: &[Row]) -> anyhow::Result<()> {
    let mut insert = transaction.prepare(
        "INSERT OR REPLACE INTO link_minute (from_ms, link, observed_share, vehicles, flow_veh_h, density_veh_km,
         speed_kmh, travel_time_s, level, queue_m, congested) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for row in rows {
        insert.execute(rusqlite::params![
            row.from_ms,
            row.link,
            row.observed_share,
            row.vehicles,
            row.flow_veh_h,
            row.density_veh_km,
            row.speed_kmh,
            row.travel_time_s,
            row.level,
            row.queue_m,
            row.congested
        ])?;
    }
    if let Some(newest) = rows.first() {
        transaction.execute("DELETE FROM link_minute WHERE from_ms < ?1", [newest.from_ms - KEPT_MS])?;
    }
    Ok(())
}

/// The minutes kept of a link, oldest first.
///
/// # Errors
/// The catalogue cannot be read.
fn series(transaction: &Transaction<'_>, link: &str, from_ms: i64, to_ms: i64) -> anyhow::Result<Vec<Row>> {
    let mut query = transaction.prepare(
        "SELECT from_ms, observed_share, vehicles, flow_veh_h, density_veh_km, speed_kmh, travel_time_s, level, queue_m,
         congested FROM link_minute WHERE link = ?1 AND from_ms BETWEEN ?2 AND ?3 ORDER BY from_ms",
    )?;
    let rows = query.query_map((link, from_ms, to_ms), |row| {
        Ok(Row {
            link: link.to_owned(),
            from_ms: row.get(0)?,
            observed_share: row.get(1)?,
            vehicles: row.get(2)?,
            flow_veh_h: row.get(3)?,
            density_veh_km: row.get(4)?,
            speed_kmh: row.get(5)?,
            travel_time_s: row.get(6)?,
            level: row.get(7)?,
            queue_m: row.get(8)?,
            congested: row.get(9)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
