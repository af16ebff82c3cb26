//! The twin in JSON: what gRPC answers, by the same names.

use crate::answers;
use crate::api::Within;
use crate::brain::Moment;
use crate::caller::Right;
use crate::failure::Failure;
use crate::http::Shared;
use crate::openapi::{Api, Needs, Operation};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use jxz_wire::api::v1 as wire;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// The routes.
pub(crate) fn routes() -> Api {
    const VIEWER: Needs = Needs::Right(Right::Viewer);
    Api::default()
        .on(
            Operation::get("/api/v1/nodes", VIEWER, "Every roadside node, heard or not")
                .answers::<wire::ListNodesResponse>(),
            get(nodes),
        )
        .on(Operation::get("/api/v1/nodes/{site}", VIEWER, "One node").answers::<wire::Node>(), get(node))
        .on(
            Operation::get("/api/v1/tracks", VIEWER, "Road users that are not lost, in a box or all")
                .query::<TracksQuery>()
                .answers::<wire::ListTracksResponse>(),
            get(tracks),
        )
        .on(
            Operation::get("/api/v1/warnings", VIEWER, "Warnings that are not lost")
                .query::<WarningsQuery>()
                .answers::<wire::ListWarningsResponse>(),
            get(warnings),
        )
        .on(
            Operation::get("/api/v1/signals", VIEWER, "Signals that are not lost, by junction")
                .query::<SignalsQuery>()
                .answers::<wire::ListSignalsResponse>(),
            get(signals),
        )
}

/// A box, all four sides or none, and how many at most.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TracksQuery {
    /// The box's southern edge, degrees.
    south_lat_deg: Option<f64>,
    /// Its western edge, degrees.
    west_lon_deg: Option<f64>,
    /// Its northern edge, degrees.
    north_lat_deg: Option<f64>,
    /// Its eastern edge, degrees.
    east_lon_deg: Option<f64>,
    /// At most this many; 0 or absent: as many as there are.
    limit: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WarningsQuery {
    /// Only of this site.
    site: Option<String>,
    /// Leave out those that are cancelled or stale.
    alive_only: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SignalsQuery {
    /// Only of this junction.
    junction: Option<String>,
}

fn now(shared: &Shared) -> Arc<Moment> {
    Arc::clone(&shared.moments.borrow())
}

async fn nodes(State(shared): State<Shared>) -> Json<wire::ListNodesResponse> {
    Json(answers::nodes(&now(&shared), &shared.geo))
}

async fn node(State(shared): State<Shared>, Path(site): Path<String>) -> Result<Json<wire::Node>, Failure> {
    let node = answers::node(&now(&shared), &shared.geo, &site);
    node.map(Json).ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "not_found", answers::NO_SUCH_SITE))
}

async fn tracks(
    State(shared): State<Shared>,
    Query(query): Query<TracksQuery>,
) -> Result<Json<wire::ListTracksResponse>, Failure> {
    let bad = |words: String| Failure::new(StatusCode::BAD_REQUEST, "bad_request", words);
    let within = match (query.south_lat_deg, query.west_lon_deg, query.north_lat_deg, query.east_lon_deg) {
        (None, None, None, None) => None,
        (Some(south_lat_deg), Some(west_lon_deg), Some(north_lat_deg), Some(east_lon_deg)) => {
            let bounds = wire::Box { south_lat_deg, west_lon_deg, north_lat_deg, east_lon_deg };
            Some(Within::parse(&bounds, &shared.geo).map_err(bad)?)
        }
        _ => {
            let words = "a box has south_lat_deg, west_lon_deg, north_lat_deg and east_lon_deg: give all four or none";
            return Err(bad(words.to_owned()));
        }
    };
    Ok(Json(answers::tracks(&now(&shared), &shared.geo, within.as_ref(), query.limit.unwrap_or(0))))
}

async fn warnings(
    State(shared): State<Shared>,
    Query(query): Query<WarningsQuery>,
) -> Json<wire::ListWarningsResponse> {
    let site = query.site.unwrap_or_default();
    Json(answers::warnings(&now(&shared), &shared.geo, &site, query.alive_only.unwrap_or(false)))
}

async fn signals(State(shared): State<Shared>, Query(query): Query<SignalsQuery>) -> Json<wire::ListSignalsResponse> {
    Json(answers::signals(&now(&shared), &query.junction.unwrap_or_default()))
}
