//! `/api/v1/incidents`.

use super::{Kept, Note, Taken, annotate, find, list};
use crate::caller::{Caller, Right};
use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::http::Shared;
use crate::openapi::{Api, Needs, Operation};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use jxz_cloud::{Event, Input};
use jxz_map::Map;
use jxz_world::{SiteId, WarningId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Longest note, bytes.
const MAX_NOTE: usize = 4_000;

/// The routes.
pub(crate) fn routes() -> Api {
    const VIEWER: Needs = Needs::Right(Right::Viewer);
    const OPERATOR: Needs = Needs::Right(Right::Operator);
    let post_note = |path, summary| {
        Operation::new(Method::POST, path, OPERATOR, summary).takes::<NoteBody>().answers::<IncidentDetail>()
    };
    Api::default()
        .on(
            Operation::get("/api/v1/incidents", VIEWER, "Incidents, the newest first")
                .query::<ListQuery>()
                .answers::<IncidentList>(),
            get(all),
        )
        .on(
            Operation::get("/api/v1/incidents/{number}", VIEWER, "An incident with its record")
                .answers::<IncidentDetail>(),
            get(one),
        )
        .on(post_note("/api/v1/incidents/{number}/notes", "Write a note"), post(note))
        .on(post_note("/api/v1/incidents/{number}/close", "Close an incident, with a note"), post(close))
}

/// An incident in a list.
#[derive(Debug, Serialize, JsonSchema)]
struct IncidentSummary {
    number: u64,
    kind: &'static str,
    level: &'static str,
    lon_deg: f64,
    lat_deg: f64,
    radius_m: f64,
    opened_ms: i64,
    last_evidence_ms: i64,
    confidence: f64,
    sites: Vec<String>,
    /// `null`: it is open.
    closed_ms: Option<i64>,
    /// `null` while it is open, and when evidence closed it.
    closed_by: Option<String>,
}

/// A line of its record.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct IncidentLine {
    pub(crate) at_ms: i64,
    pub(crate) event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) site: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
}

/// An incident with everything known of it.
#[derive(Debug, Serialize, JsonSchema)]
struct IncidentDetail {
    #[serde(flatten)]
    summary: IncidentSummary,
    timeline: Vec<IncidentLine>,
    /// Lines that found no room in it.
    left_out: u32,
    notes: Vec<Note>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct IncidentList {
    /// The newest first.
    incidents: Vec<IncidentSummary>,
}

fn summary(map: &Map, kept: &Kept) -> IncidentSummary {
    let incident = &kept.incident;
    let at = map.frame.to_wgs84(incident.place);
    IncidentSummary {
        number: incident.number,
        kind: incident.kind.name(),
        level: incident.level.name(),
        lon_deg: at.lon_deg,
        lat_deg: at.lat_deg,
        radius_m: incident.radius_m,
        opened_ms: incident.opened.unix_ms(),
        last_evidence_ms: incident.last_evidence.unix_ms(),
        confidence: incident.confidence,
        sites: incident.sites.iter().map(|site| site.0.clone()).collect(),
        closed_ms: kept.closed_ms,
        closed_by: kept.closed_by.clone(),
    }
}

pub(crate) fn line(entry: &jxz_cloud::Entry) -> IncidentLine {
    let at_ms = entry.at.unix_ms();
    let of = |event, warning: &WarningId, site: &SiteId| IncidentLine {
        at_ms,
        event,
        site: Some(site.0.clone()),
        warning: Some(format!("{:016x}", warning.0)),
        kind: None,
    };
    match &entry.event {
        Event::Opened { warning, site } => of("opened", warning, site),
        Event::Warned { warning, site } => of("warned", warning, site),
        Event::Confirmed { warning, site } => of("confirmed", warning, site),
        Event::Ended { warning, site } => of("ended", warning, site),
        Event::Became { kind } => {
            IncidentLine { at_ms, event: "became", site: None, warning: None, kind: Some(kind.name()) }
        }
        Event::Closed => IncidentLine { at_ms, event: "closed", site: None, warning: None, kind: None },
    }
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Which {
    Open,
    Closed,
    All,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    state: Option<Which>,
    /// Numbers below this.
    before: Option<u32>,
    limit: Option<u32>,
}

async fn all(State(shared): State<Shared>, Query(query): Query<ListQuery>) -> Result<Json<IncidentList>, Failure> {
    let open = match query.state.unwrap_or(Which::All) {
        Which::Open => Some(true),
        Which::Closed => Some(false),
        Which::All => None,
    };
    let (before, limit) = (query.before.map_or(i64::MAX, i64::from), query.limit.unwrap_or(100).min(1000));
    let kept = shared.catalogue.run(move |t| list(t, open, before, limit)).await?;
    let map = shared.city.map();
    Ok(Json(IncidentList { incidents: kept.iter().map(|kept| summary(map, kept)).collect() }))
}

/// The number in a path.
fn number(text: &str) -> Result<i64, Failure> {
    let number = text.parse().ok().filter(|number: &i64| *number > 0);
    number.ok_or_else(|| Failure::not_found(format!("`{text}` is no incident's number")))
}

async fn one(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Json<IncidentDetail>, Failure> {
    detail(&shared, number(&id)?).await
}

async fn detail(shared: &Shared, number: i64) -> Result<Json<IncidentDetail>, Failure> {
    let found = shared.catalogue.run(move |t| find(t, number)).await?;
    let (kept, notes) = found.ok_or_else(|| Failure::not_found(format!("there is no incident {number}")))?;
    Ok(Json(IncidentDetail {
        summary: summary(shared.city.map(), &kept),
        timeline: kept.incident.timeline.iter().map(line).collect(),
        left_out: kept.incident.left_out,
        notes,
    }))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoteBody {
    note: String,
}

async fn note(
    caller: Caller,
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Json(body): Json<NoteBody>,
) -> Result<Json<IncidentDetail>, Failure> {
    write(caller, shared, &id, &body.note, false).await
}

async fn close(
    caller: Caller,
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Json(body): Json<NoteBody>,
) -> Result<Json<IncidentDetail>, Failure> {
    write(caller, shared, &id, &body.note, true).await
}

async fn write(
    caller: Caller,
    shared: Shared,
    id: &str,
    note: &str,
    close: bool,
) -> Result<Json<IncidentDetail>, Failure> {
    let number = number(id)?;
    say(&shared.catalogue, &shared.to_brain, caller, (number, note, close)).await?;
    detail(&shared, number).await
}

/// Writes a note, and closes the incident if that is asked for.
pub(crate) async fn say(
    catalogue: &Catalogue,
    to_brain: &mpsc::Sender<Input>,
    by: Caller,
    (number, note, close): (i64, &str, bool),
) -> Result<(), Failure> {
    by.must_be(Right::Operator)?;
    let note = note.trim().to_owned();
    if note.is_empty() || note.len() > MAX_NOTE {
        return Err(Failure::bad_request(format!("a note has 1 to {MAX_NOTE} bytes; this one has {}", note.len())));
    }
    let at = jxz_link::utc_now();
    let taken = catalogue.run(move |t| annotate(t, at, &by, (number, &note, close))).await?;
    match taken {
        Taken::Done => {}
        Taken::Unknown => return Err(Failure::not_found(format!("there is no incident {number}"))),
        Taken::AlreadyClosed => {
            let message = format!("incident {number} is closed already");
            return Err(Failure::new(StatusCode::CONFLICT, "already_closed", message));
        }
        Taken::TooManyNotes => {
            let message = format!("incident {number} has as many notes as it may");
            return Err(Failure::new(StatusCode::CONFLICT, "too_many_notes", message));
        }
    }
    if close {
        // It is closed already where it counts; if the twin is gone, so is what it holds open.
        let _ = to_brain.send(Input::IncidentClosed(number.unsigned_abs())).await;
    }
    Ok(())
}
