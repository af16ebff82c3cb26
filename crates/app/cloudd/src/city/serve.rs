//! `/api/v1/links`, `/api/v1/guidance`.

use super::{City, KEPT_MS, Row, series};
use crate::caller::Right;
use crate::failure::Failure;
use crate::http::Shared;
use crate::openapi::{Api, Needs, Operation};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use jxz_cloud::{LinkCoverage, TrackView};
use jxz_map::{LanePosition, LinkIx, Map};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the classes of `level` are.
const STANDARD: &str = "HCM 6th edition (2016), Exhibit 18-1, by travel speed over free-flow speed (the speed limit): A > 80 %, B > 67 %, C > 50 %, D > 40 %, E > 30 %, F";

/// The routes.
pub(crate) fn routes() -> Api {
    const VIEWER: Needs = Needs::Right(Right::Viewer);
    Api::default()
        .on(
            Operation::get("/api/v1/links", VIEWER, "Traffic on each link over the last whole minute")
                .answers::<Links>(),
            get(links),
        )
        .on(
            Operation::get("/api/v1/links/{id}", VIEWER, "A link's minutes, a day at most")
                .query::<Span>()
                .answers::<Series>(),
            get(link),
        )
        .on(
            Operation::get("/api/v1/links/{id}/tracks", VIEWER, "Road users on a link now, each once, with their lane")
                .answers::<OnLink>(),
            get(tracks),
        )
        .on(
            Operation::get("/api/v1/guidance", VIEWER, "Links that are congested, and the sites to be told")
                .answers::<GuidanceList>(),
            get(guidance),
        )
}

/// A link with its last minute.
#[derive(Debug, Serialize, JsonSchema)]
struct LinkRow {
    id: String,
    name_zh: String,
    length_m: f64,
    free_flow_kmh: f64,
    /// The share of its length that sites can see.
    covered_share: f64,
    /// `null`: it was not observed, and nothing is known of it.
    minute: Option<Row>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Links {
    /// When the minute began; `null`: none is over yet.
    from_ms: Option<i64>,
    standard: &'static str,
    links: Vec<LinkRow>,
}

fn described(city: &City, link: &LinkCoverage, minute: Option<Row>) -> LinkRow {
    let known = city.0.map.link(link.link);
    LinkRow {
        id: known.id.clone(),
        name_zh: known.name_zh.clone(),
        length_m: link.length_m.round(),
        free_flow_kmh: (link.free_mps * 36.0).round() / 10.0,
        covered_share: (link.covered_share * 1e3).round() / 1e3,
        minute,
    }
}

async fn links(State(shared): State<Shared>) -> Json<Links> {
    let minute = shared.moments.borrow().view.minute.clone();
    let (city, from_ms) = (&shared.city, minute.as_ref().map(|minute| minute.from.unix_ms()));
    let rows: BTreeMap<_, _> = minute.iter().flat_map(|minute| &minute.links).map(|row| (row.link, row)).collect();
    let row = |link: &LinkCoverage| Some(city.row(from_ms?, rows.get(&link.link)?));
    let links = city.0.links.iter().map(|link| described(city, link, row(link))).collect();
    Json(Links { from_ms, standard: STANDARD, links })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Span {
    from_ms: Option<u64>,
    to_ms: Option<u64>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Series {
    #[serde(flatten)]
    link: LinkRow,
    standard: &'static str,
    /// Oldest first. Minutes that are missing were not observed.
    minutes: Vec<Row>,
}

async fn link(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(span): Query<Span>,
) -> Result<Json<Series>, Failure> {
    let now_ms = jxz_link::utc_now().unix_ms();
    let from_ms = span.from_ms.map_or(now_ms - KEPT_MS, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
    let to_ms = span.to_ms.map_or(i64::MAX, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
    if from_ms > to_ms {
        return Err(Failure::bad_request(format!("from_ms {from_ms} is after to_ms {to_ms}")));
    }
    let city = &shared.city;
    let found = city.0.links.iter().find(|link| city.0.map.link(link.link).id == id);
    let found = found.ok_or_else(|| Failure::not_found(format!("the map has no link `{id}` for motor vehicles")))?;
    let last = shared.moments.borrow().view.minute.clone();
    let last = last.and_then(|minute| {
        let row = minute.links.iter().find(|row| row.link == found.link)?;
        Some(city.row(minute.from.unix_ms(), row))
    });
    let minutes = shared.catalogue.run(move |t| series(t, &id, from_ms, to_ms)).await?;
    Ok(Json(Series { link: described(city, found, last), standard: STANDARD, minutes }))
}

/// What sites are to be told of congestion.
#[derive(Debug, Serialize, JsonSchema)]
struct GuidanceRow {
    link: String,
    name_zh: String,
    since_ms: i64,
    speed_kmh: f64,
    vehicles: u32,
    travel_time_s: f64,
    free_flow_s: f64,
    sites: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct GuidanceList {
    links: Vec<GuidanceRow>,
}

async fn guidance(State(shared): State<Shared>) -> Json<GuidanceList> {
    let moment = Arc::clone(&shared.moments.borrow());
    let rows = moment.view.guidance.iter().map(|guidance| {
        let link = shared.city.0.map.link(guidance.link);
        GuidanceRow {
            link: link.id.clone(),
            name_zh: link.name_zh.clone(),
            since_ms: guidance.since.unix_ms(),
            speed_kmh: guidance.speed_mps * 3.6,
            vehicles: guidance.vehicles,
            travel_time_s: guidance.travel_time_s,
            free_flow_s: guidance.free_flow_s,
            sites: guidance.sites.iter().map(|site| site.0.clone()).collect(),
        }
    });
    Json(GuidanceList { links: rows.collect() })
}

/// A road user and where it is on the map.
#[derive(Debug, Serialize, JsonSchema)]
struct TrackRow {
    id: u64,
    class: &'static str,
    lon_deg: f64,
    lat_deg: f64,
    speed_kmh: f64,
    /// The site whose estimate this is, then the others that see it.
    sites: Vec<String>,
    lane: String,
    /// Along the lane, metres.
    along_m: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OnLink {
    at_ms: i64,
    tracks: Vec<TrackRow>,
}

async fn tracks(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Json<OnLink>, Failure> {
    let map = shared.city.map();
    let link = map.links.iter().zip(0..).find(|(link, _)| link.id == id).map(|(_, ix)| LinkIx(ix));
    let link = link.ok_or_else(|| Failure::not_found(format!("the map has no link `{id}`")))?;
    let moment = Arc::clone(&shared.moments.borrow());
    let on_link = moment.view.tracks_on(|lane| map.lane(lane).link == Some(link));
    let tracks = on_link.map(|(track, place)| track_row(map, &track, place)).collect();
    Ok(Json(OnLink { at_ms: moment.view.at.unix_ms(), tracks }))
}

fn track_row(map: &Map, view: &TrackView<'_>, place: LanePosition) -> TrackRow {
    let at = map.frame.to_wgs84(view.track.position);
    TrackRow {
        id: view.id.0,
        class: view.track.class.best().0.name(),
        lon_deg: at.lon_deg,
        lat_deg: at.lat_deg,
        speed_kmh: view.track.speed_mps() * 3.6,
        sites: view.sites().map(|site| site.0.clone()).collect(),
        lane: map.lane(place.lane).id.clone(),
        along_m: place.s_m,
    }
}
