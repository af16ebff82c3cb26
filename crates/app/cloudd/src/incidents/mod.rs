//! Incidents in the catalogue: as the twin tells of them, with what operators add.
//!
//! The twin opens incidents and closes them by evidence. An operator's word is made durable here first, with its entry
//! in the audit log, and told to the twin afterwards; what the twin then still says of a closed one changes nothing.

mod serve;

pub(crate) use serve::{line, routes, say};

use crate::audit;
use crate::caller::Caller;
use crate::catalogue::Step;
use jxz_cloud::Incident;
use jxz_units::Utc;
use rusqlite::{OptionalExtension, Row, Transaction};
use serde_json::json;

/// The tables.
pub(crate) const STEPS: &[Step] = &[Step {
    name: "incidents-1",
    sql: "CREATE TABLE incident (
            number INTEGER PRIMARY KEY,
            closed_ms INTEGER,
            closed_by TEXT,
            body TEXT NOT NULL
          ) STRICT;
          CREATE INDEX incident_open ON incident (number) WHERE closed_ms IS NULL;
          CREATE TABLE incident_note (
            id INTEGER PRIMARY KEY,
            number INTEGER NOT NULL REFERENCES incident (number) ON DELETE CASCADE,
            at_ms INTEGER NOT NULL,
            who TEXT NOT NULL,
            text TEXT NOT NULL
          ) STRICT;
          CREATE INDEX incident_note_of ON incident_note (number)",
}];

/// Closed incidents kept; the oldest are deleted beyond it.
const KEPT: i64 = 20_000;
/// Notes of one incident.
const MAX_NOTES: i64 = 200;

/// An incident as kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) incident: Incident,
    pub(crate) closed_ms: Option<i64>,
    /// `None` while open, and when evidence closed it.
    pub(crate) closed_by: Option<String>,
}

/// What an operator wrote.
#[derive(Debug, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "IncidentNote")]
pub(crate) struct Note {
    pub(crate) at_ms: i64,
    pub(crate) who: String,
    pub(crate) text: String,
}

/// Keeps an incident as the twin tells of it.
///
/// # Errors
/// The catalogue cannot be written.
pub(crate) fn keep(transaction: &Transaction<'_>, incident: &Incident) -> anyhow::Result<()> {
    let number = i64::try_from(incident.number)?;
    let closed_ms = incident.closed.map(|closed| closed.at.unix_ms());
    transaction.execute(
        "INSERT INTO incident (number, closed_ms, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (number) DO UPDATE SET closed_ms = ?2, body = ?3 WHERE closed_ms IS NULL",
        (number, closed_ms, serde_json::to_string(incident)?),
    )?;
    if closed_ms.is_some() {
        transaction.execute(
            "DELETE FROM incident WHERE closed_ms IS NOT NULL AND number <=
             (SELECT number FROM incident WHERE closed_ms IS NOT NULL ORDER BY number DESC LIMIT 1 OFFSET ?1)",
            [KEPT],
        )?;
    }
    Ok(())
}

/// The incidents that are open, and the highest number given so far.
///
/// # Errors
/// The catalogue cannot be read.
pub(crate) fn open(transaction: &Transaction<'_>) -> anyhow::Result<(Vec<Incident>, u64)> {
    let last: Option<i64> = transaction.query_row("SELECT max(number) FROM incident", [], |row| row.get(0))?;
    let mut query = transaction.prepare(&format!("{SELECT} WHERE closed_ms IS NULL ORDER BY number"))?;
    let open: Vec<Kept> = query.query_map([], of_row)?.collect::<Result<_, _>>()?;
    let open = open.into_iter().map(|kept| kept.incident).collect();
    Ok((open, u64::try_from(last.unwrap_or(0)).unwrap_or(0)))
}

const SELECT: &str = "SELECT body, closed_ms, closed_by FROM incident";

fn of_row(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let body: String = row.get(0)?;
    let incident = serde_json::from_str(&body)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))?;
    Ok(Kept { incident, closed_ms: row.get(1)?, closed_by: row.get(2)? })
}

/// Incidents with numbers below `before`, the newest first.
///
/// # Errors
/// The catalogue cannot be read.
pub(crate) fn list(
    transaction: &Transaction<'_>,
    open: Option<bool>,
    before: i64,
    limit: u32,
) -> anyhow::Result<Vec<Kept>> {
    let filter = match open {
        Some(true) => "AND closed_ms IS NULL",
        Some(false) => "AND closed_ms IS NOT NULL",
        None => "",
    };
    let mut query =
        transaction.prepare(&format!("{SELECT} WHERE number < ?1 {filter} ORDER BY number DESC LIMIT ?2"))?;
    Ok(query.query_map((before, limit), of_row)?.collect::<Result<_, _>>()?)
}

/// An incident with its notes, if there is one of this number.
///
/// # Errors
/// The catalogue cannot be read.
pub(crate) fn find(transaction: &Transaction<'_>, number: i64) -> anyhow::Result<Option<(Kept, Vec<Note>)>> {
    let found = transaction.query_row(&format!("{SELECT} WHERE number = ?1"), [number], of_row).optional()?;
    let Some(kept) = found else { return Ok(None) };
    let mut query = transaction.prepare("SELECT at_ms, who, text FROM incident_note WHERE number = ?1 ORDER BY id")?;
    let note = |row: &Row<'_>| Ok(Note { at_ms: row.get(0)?, who: row.get(1)?, text: row.get(2)? });
    Ok(Some((kept, query.query_map([number], note)?.collect::<Result<_, _>>()?)))
}

/// How an operator's word was taken.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    Done,
    Unknown,
    AlreadyClosed,
    TooManyNotes,
}

/// Adds a note, and closes the incident if that is asked for.
fn annotate(
    transaction: &Transaction<'_>,
    at: Utc,
    by: &Caller,
    (number, text, close): (i64, &str, bool),
) -> anyhow::Result<Taken> {
    let state: Option<Option<i64>> = transaction
        .query_row("SELECT closed_ms FROM incident WHERE number = ?1", [number], |row| row.get(0))
        .optional()?;
    match state {
        None => return Ok(Taken::Unknown),
        Some(Some(_)) if close => return Ok(Taken::AlreadyClosed),
        Some(_) => {}
    }
    let count: i64 =
        transaction.query_row("SELECT count(*) FROM incident_note WHERE number = ?1", [number], |row| row.get(0))?;
    if count >= MAX_NOTES && !close {
        return Ok(Taken::TooManyNotes);
    }
    transaction.execute(
        "INSERT INTO incident_note (number, at_ms, who, text) VALUES (?1, ?2, ?3, ?4)",
        (number, at.unix_ms(), &by.name, text),
    )?;
    if close {
        transaction.execute(
            "UPDATE incident SET closed_ms = ?2, closed_by = ?3 WHERE number = ?1",
            (number, at.unix_ms(), &by.name),
        )?;
    }
    let action = if close { "incident.close" } else { "incident.note" };
    audit::write(transaction, at, by, action, &json!({ "incident": number, "note": text }))?;
    Ok(Taken::Done)
}
