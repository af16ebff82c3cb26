//! `/api/v1/conditions`.

use super::{ConditionRow, NewCondition};
use crate::caller::{Caller, Right};
use crate::fleet::reply::Refusal;
use crate::fleet::routes::{Body, body};
use crate::http::Shared;
use crate::openapi::{Api, Needs, Operation};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::routing::{delete, get, post};
use schemars::JsonSchema;
use serde::Serialize;

const PATH: &str = "/api/v1/conditions";

/// The routes.
pub(in crate::fleet) fn routes() -> Api {
    const OPERATOR: Needs = Needs::Right(Right::Operator);
    let list = "Road conditions that hold, then the last that have ended";
    let enter = "Enter a road condition: the sites near it warn of it until its end";
    Api::default()
        .on(Operation::get(PATH, Needs::Right(Right::Viewer), list).answers::<ConditionList>(), get(conditions))
        .on(
            Operation::new(Method::POST, PATH, OPERATOR, enter).takes::<NewCondition>().answers::<ConditionRow>(),
            post(enter_one),
        )
        .on(
            Operation::new(
                Method::DELETE,
                "/api/v1/conditions/{number}",
                OPERATOR,
                "Take a road condition back before its end",
            )
            .answers::<ConditionRow>(),
            delete(take_back),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
struct ConditionList {
    conditions: Vec<ConditionRow>,
}

async fn conditions(State(shared): State<Shared>) -> Result<Json<ConditionList>, Refusal> {
    Ok(Json(ConditionList { conditions: shared.fleet.conditions(None).await? }))
}

async fn enter_one(
    caller: Caller,
    State(shared): State<Shared>,
    request: Body<NewCondition>,
) -> Result<(StatusCode, Json<ConditionRow>), Refusal> {
    let number = shared.fleet.enter_condition(caller, body(request)?).await?;
    Ok((StatusCode::CREATED, Json(shared.fleet.condition(number).await?)))
}

async fn take_back(
    caller: Caller,
    State(shared): State<Shared>,
    Path(number): Path<String>,
) -> Result<Json<ConditionRow>, Refusal> {
    let unknown = || Refusal::not_found(format!("`{}` is no road condition's number", number.escape_debug()));
    let number = number.parse().map_err(|_| unknown())?;
    shared.fleet.take_condition_back(caller, number).await?;
    Ok(Json(shared.fleet.condition(number).await?))
}
