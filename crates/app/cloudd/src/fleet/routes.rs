//! The management over HTTP.

use super::drive::Command;
use super::reply::Refusal;
use super::{Fleet, conditions, logs, store, view};
use crate::audit;
use crate::caller::{Caller, Right};
use crate::http::Shared;
use crate::openapi::{Api, Needs, Operation};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post, put};
use jxz_fleet::{Document, Plan};
use jxz_link::{JoinToken, Role, utc_now};
use jxz_world::{Application, SiteId};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::sync::oneshot;

/// Roll-outs shown at once.
const ROLLOUTS: u32 = 50;
const MAX_VERSION: usize = 64;

type Answer = Result<Response, Refusal>;
pub(super) type Body<T> = Result<Json<T>, JsonRejection>;

/// The routes.
pub(crate) fn routes() -> Api {
    const VIEWER: Needs = Needs::Right(Right::Viewer);
    const OPERATOR: Needs = Needs::Right(Right::Operator);
    const ADMIN: Needs = Needs::Right(Right::Admin);
    let operation = |method, path, needs, summary| Operation::new(method, path, needs, summary).answers::<Value>();
    conditions::routes()
        .and(logs::routes())
        .on(
            operation(
                Method::GET,
                "/api/v1/fleet",
                VIEWER,
                "Every node: what is desired beside what it says of itself",
            ),
            get(nodes),
        )
        .on(operation(Method::GET, "/api/v1/fleet/{site}", VIEWER, "The same of one node"), get(node))
        .on(
            operation(
                Method::POST,
                "/api/v1/nodes/{site}/join-tokens",
                ADMIN,
                "A token with which a unit may join, once",
            )
            .takes::<TokenRequest>(),
            post(make_token),
        )
        .on(
            operation(
                Method::POST,
                "/api/v1/nodes/{site}/revoke",
                ADMIN,
                "Revoke a node's certificates and cut it off",
            ),
            post(revoke),
        )
        .on(
            operation(
                Method::PUT,
                "/api/v1/nodes/{site}/applications/{application}",
                OPERATOR,
                "Switch an application on or off",
            )
            .takes::<SwitchRequest>(),
            put(switch),
        )
        .on(
            operation(Method::PUT, "/api/v1/nodes/{site}/configuration", OPERATOR, "Replace a node's configuration")
                .takes::<ConfigureRequest>(),
            put(configure),
        )
        .on(
            operation(
                Method::PATCH,
                "/api/v1/nodes/{site}/configuration",
                OPERATOR,
                "Change a node's configuration by a JSON merge patch (RFC 7396)",
            )
            .takes::<Value>(),
            patch(amend),
        )
        .on(
            Operation::new(
                Method::PUT,
                "/api/v1/nodes/{site}/software",
                OPERATOR,
                "Note which version a node ought to have",
            )
            .takes::<SoftwareRequest>(),
            put(software),
        )
        .on(operation(Method::GET, "/api/v1/rollouts", VIEWER, "Roll-outs, the newest first"), get(rollouts))
        .on(
            operation(Method::POST, "/api/v1/rollouts", OPERATOR, "Begin a roll-out: one site first, then batches")
                .takes::<RolloutRequest>(),
            post(start_rollout),
        )
        .on(operation(Method::GET, "/api/v1/rollouts/{number}", VIEWER, "One roll-out"), get(rollout))
        .on(
            operation(
                Method::POST,
                "/api/v1/rollouts/{number}/abort",
                OPERATOR,
                "Call a roll-out off: it is taken back",
            ),
            post(abort_rollout),
        )
}

pub(super) fn body<T>(body: Body<T>) -> Result<T, Refusal> {
    match body {
        Ok(Json(body)) => Ok(body),
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Refusal::new(rejection.status(), "too_large", rejection.body_text()))
        }
        Err(rejection) => Err(Refusal::bad(rejection.body_text())),
    }
}

/// A site that the cloud knows.
pub(super) fn known(fleet: &Fleet, site: String) -> Result<SiteId, Refusal> {
    let known = fleet.moments.borrow().view.nodes.iter().any(|node| node.site.0 == site);
    if known { Ok(SiteId(site)) } else { Err(Refusal::not_found(format!("there is no site {site}"))) }
}

async fn nodes(caller: Caller, State(shared): State<Shared>) -> Answer {
    caller.must_be(Right::Viewer)?;
    let nodes = view::nodes(&shared.fleet, None).await?;
    let enrolment = shared.fleet.authority.is_some();
    Ok(Json(json!({ "nodes": nodes, "enrolment": enrolment, "right": caller.right })).into_response())
}

async fn node(caller: Caller, State(shared): State<Shared>, Path(site): Path<String>) -> Answer {
    caller.must_be(Right::Viewer)?;
    Ok(Json(shared.fleet.managed(&site).await?).into_response())
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct TokenRequest {
    /// For how long it may be used.
    hours: f64,
}

impl Default for TokenRequest {
    fn default() -> Self {
        Self { hours: 24.0 }
    }
}

/// Makes a token; its secret is in this answer and nowhere else.
async fn make_token(
    caller: Caller,
    State(shared): State<Shared>,
    Path(site): Path<String>,
    request: Option<Json<TokenRequest>>,
) -> Answer {
    caller.must_be(Right::Admin)?;
    let fleet = &shared.fleet;
    let site = known(fleet, site)?;
    Role::Node(site.clone()).check().map_err(|error| Refusal::bad(error.to_string()))?;
    let authority = fleet.authority.as_ref().ok_or_else(|| {
        let message =
            "this cloud issues no certificates: give it an authority's folder in [authority] of its configuration";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no_authority", message)
    })?;
    let hours = request.map(|Json(request)| request).unwrap_or_default().hours;
    if !(0.01..=24.0 * 30.0).contains(&hours) {
        return Err(Refusal::bad("hours is outside 0.01 to 720"));
    }
    let token = JoinToken::new(authority.address.clone(), authority.issuer.fingerprint())
        .map_err(|error| Refusal::from(anyhow::Error::from(error)))?;
    let now = utc_now();
    let expires = now.plus_seconds(hours * 3600.0);
    let hash = store::hash_of(&token.secret);
    let of = site.clone();
    fleet
        .catalogue
        .run(move |t| {
            store::add_token(t, &of, &hash, (now, expires), &caller)?;
            let detail = json!({ "site": of, "expires_at_ms": expires.unix_ms() });
            audit::write(t, now, &caller, "node.make_token", &detail)
        })
        .await?;
    let command = format!("jxz-edge join --config /etc/jiangxin/edge.toml {token}");
    let answer =
        json!({ "site": site, "token": token.to_string(), "expires_at_ms": expires.unix_ms(), "command": command });
    Ok((StatusCode::CREATED, [(axum::http::header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

async fn revoke(caller: Caller, State(shared): State<Shared>, Path(site): Path<String>) -> Answer {
    caller.must_be(Right::Admin)?;
    let fleet = &shared.fleet;
    let site = known(fleet, site)?;
    let of = site.clone();
    let revoked = fleet
        .catalogue
        .run(move |t| {
            let now = utc_now();
            let revoked = store::revoke(t, &of, now)?;
            audit::write(t, now, &caller, "node.revoke", &json!({ "site": of, "certificates": revoked }))?;
            Ok(revoked)
        })
        .await?;
    fleet.links.admit_only(&site, BTreeSet::new());
    Ok(Json(json!({ "site": site, "certificates": revoked })).into_response())
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SwitchRequest {
    on: bool,
}

async fn switch(
    caller: Caller,
    State(shared): State<Shared>,
    Path((site, application)): Path<(String, String)>,
    request: Body<SwitchRequest>,
) -> Answer {
    caller.must_be(Right::Operator)?;
    let on = body(request)?.on;
    Ok(accepted(shared.fleet.switch(caller, site, &application, on).await?))
}

/// Changes the configuration by a JSON merge patch.
async fn amend(caller: Caller, State(shared): State<Shared>, Path(site): Path<String>, request: Body<Value>) -> Answer {
    caller.must_be(Right::Operator)?;
    let change = body(request)?;
    Ok(accepted(shared.fleet.amend(caller, site, change).await?))
}

impl Fleet {
    /// Switches an application of a site; the new revision.
    pub(crate) async fn switch(
        &self,
        by: Caller,
        site: String,
        application: &str,
        on: bool,
    ) -> Result<(SiteId, u64), Refusal> {
        by.must_be(Right::Operator)?;
        let site = known(self, site)?;
        let application = Application::from_name(application)
            .ok_or_else(|| Refusal::not_found(format!("there is no application {application}")))?;
        let change = Document::switch(application, on);
        let detail = json!({ "site": site, "application": application.name(), "on": on });
        let said = format!("{} switched {}", application.name(), if on { "on" } else { "off" });
        change_one(self, site, by, Change { change, detail, action: "node.switch", said }).await
    }

    /// Changes a site's configuration by a JSON merge patch; the new revision.
    pub(crate) async fn amend(&self, by: Caller, site: String, change: Value) -> Result<(SiteId, u64), Refusal> {
        by.must_be(Right::Operator)?;
        let site = known(self, site)?;
        let detail = json!({ "site": site, "change": change });
        let said = "amended".to_owned();
        change_one(self, site, by, Change { change, detail, action: "node.configure", said }).await
    }
}

struct Change {
    change: Value,
    detail: Value,
    action: &'static str,
    said: String,
}

/// A new revision is desired: the caller is told which one it is.
fn accepted((site, revision): (SiteId, u64)) -> Response {
    (StatusCode::ACCEPTED, Json(json!({ "site": site, "revision": revision }))).into_response()
}

async fn change_one(fleet: &Fleet, site: SiteId, by: Caller, change: Change) -> Result<(SiteId, u64), Refusal> {
    let kept = fleet.catalogue.run(move |t| {
        store::no_rollout_at(t, &site)?;
        let before = store::head(t, &site)?.map(|head| head.document).unwrap_or_default();
        let document = before.changed(&change.change).map_err(Refusal::from)?;
        let now = utc_now();
        let revision = store::desire(t, &site, &document, now, (&by.name, &change.said))?;
        audit::write(t, now, &by, change.action, &change.detail)?;
        Ok((site, revision))
    });
    let kept = kept.await?;
    fleet.wake.notify_one();
    Ok(kept)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConfigureRequest {
    document: Value,
    /// The revision that the document was made from; another one meanwhile is a conflict.
    based_on: Option<u64>,
}

/// Replaces the configuration.
async fn configure(
    caller: Caller,
    State(shared): State<Shared>,
    Path(site): Path<String>,
    request: Body<ConfigureRequest>,
) -> Answer {
    caller.must_be(Right::Operator)?;
    let fleet = &shared.fleet;
    let site = known(fleet, site)?;
    let request = body(request)?;
    let document = Document::parse(request.document.to_string().as_bytes())?;
    let kept = fleet.catalogue.run(move |t| {
        store::no_rollout_at(t, &site)?;
        let before = store::head(t, &site)?.map_or(0, |head| head.revision);
        if request.based_on.is_some_and(|revision| revision != before) {
            return Err(Refusal::conflict(format!("{site} is at revision {before} by now: look at it again")).into());
        }
        let now = utc_now();
        let revision = store::desire(t, &site, &document, now, (&caller.name, "replaced"))?;
        let detail = json!({ "site": site, "revision": revision, "document": document });
        audit::write(t, now, &caller, "node.configure", &detail)?;
        Ok((site, revision))
    });
    let kept = kept.await?;
    fleet.wake.notify_one();
    Ok(accepted(kept))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SoftwareRequest {
    version: String,
}

/// Notes which version a node ought to have. It is compared and shown; installing it is the package manager's.
async fn software(
    caller: Caller,
    State(shared): State<Shared>,
    Path(site): Path<String>,
    request: Body<SoftwareRequest>,
) -> Answer {
    caller.must_be(Right::Operator)?;
    let site = known(&shared.fleet, site)?;
    let version = body(request)?.version;
    if version.is_empty() || version.len() > MAX_VERSION {
        return Err(Refusal::bad(format!("version has {} bytes, not 1 to {MAX_VERSION}", version.len())));
    }
    shared
        .fleet
        .catalogue
        .run(move |t| {
            store::set_software(t, &site, &version)?;
            audit::write(t, utc_now(), &caller, "node.software", &json!({ "site": site, "version": version }))
        })
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn rollouts(caller: Caller, State(shared): State<Shared>) -> Answer {
    caller.must_be(Right::Viewer)?;
    let rows = shared.fleet.catalogue.run(|t| store::rollouts(t, ROLLOUTS)).await?;
    let rollouts: Vec<Value> = rows.iter().map(view::rollout).collect();
    Ok(Json(json!({ "rollouts": rollouts })).into_response())
}

async fn rollout(caller: Caller, State(shared): State<Shared>, Path(number): Path<i64>) -> Answer {
    caller.must_be(Right::Viewer)?;
    let (rollout, _) = shared.fleet.rollout(number).await?;
    Ok(Json(rollout).into_response())
}

/// Which sites.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Sites {
    /// `"all"`: every site that is connected.
    All(String),
    /// By name.
    Named(BTreeSet<String>),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RolloutRequest {
    sites: Sites,
    /// A JSON merge patch over each site's configuration.
    change: Value,
    /// Who gets it first; without it, the first of the sites by name that is connected.
    canary: Option<String>,
    #[serde(default = "soak")]
    soak_s: f64,
    #[serde(default = "batch")]
    batch: usize,
    #[serde(default = "patience")]
    patience_s: f64,
}

const fn soak() -> f64 {
    600.0
}

const fn batch() -> usize {
    4
}

const fn patience() -> f64 {
    60.0
}

async fn start_rollout(caller: Caller, State(shared): State<Shared>, request: Body<RolloutRequest>) -> Answer {
    caller.must_be(Right::Operator)?;
    let request = body(request)?;
    let sites = match request.sites {
        Sites::All(all) if all == "all" => None,
        Sites::All(other) => return Err(Refusal::bad(format!("sites is `{other}`; it is \"all\" or a list of names"))),
        Sites::Named(names) => Some(names),
    };
    let wanted = Wanted {
        sites,
        change: request.change,
        canary: request.canary,
        soak_s: request.soak_s,
        batch: request.batch,
        patience_s: request.patience_s,
    };
    let number = shared.fleet.start_rollout(caller, wanted).await?;
    Ok((StatusCode::CREATED, Json(json!({ "number": number }))).into_response())
}

async fn abort_rollout(caller: Caller, State(shared): State<Shared>, Path(number): Path<i64>) -> Answer {
    caller.must_be(Right::Operator)?;
    shared.fleet.abort_rollout(caller, number).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "number": number }))).into_response())
}

/// A roll-out as asked for.
pub(crate) struct Wanted {
    /// By name; `None`: every site that is connected.
    pub(crate) sites: Option<BTreeSet<String>>,
    /// A JSON merge patch over each site's configuration.
    pub(crate) change: Value,
    /// Who gets it first; `None`: the first of the sites by name that is connected.
    pub(crate) canary: Option<String>,
    pub(crate) soak_s: f64,
    pub(crate) batch: usize,
    pub(crate) patience_s: f64,
}

impl Wanted {
    /// With the usual times and sizes.
    pub(crate) fn usual(sites: Option<BTreeSet<String>>, change: Value, canary: Option<String>) -> Self {
        Self { sites, change, canary, soak_s: soak(), batch: batch(), patience_s: patience() }
    }
}

impl Fleet {
    /// Begins a roll-out; its number.
    pub(crate) async fn start_rollout(&self, by: Caller, wanted: Wanted) -> Result<i64, Refusal> {
        by.must_be(Right::Operator)?;
        let standing = self.links.standing();
        let sites: BTreeSet<SiteId> = match wanted.sites {
            None => standing.keys().cloned().collect(),
            Some(names) => names.into_iter().map(SiteId).collect(),
        };
        for site in &sites {
            known(self, site.0.clone())?;
        }
        let first = || sites.iter().find(|site| standing.contains_key(site)).or_else(|| sites.first()).cloned();
        let canary =
            wanted.canary.map(SiteId).or_else(first).ok_or_else(|| Refusal::conflict("no site is connected"))?;
        let (soak_s, batch, patience_s) = (wanted.soak_s, wanted.batch, wanted.patience_s);
        let plan = Plan { sites, canary, soak_s, batch, patience_s };
        order(self, |reply| Command::Start { plan, change: wanted.change, by, reply }).await
    }

    /// Calls a roll-out off.
    pub(crate) async fn abort_rollout(&self, by: Caller, number: i64) -> Result<(), Refusal> {
        by.must_be(Right::Operator)?;
        order(self, |reply| Command::Abort { number, by, reply }).await
    }

    /// A roll-out as it is shown, and whether it is over.
    pub(crate) async fn rollout(&self, number: i64) -> Result<(Value, bool), Refusal> {
        let rows = self.catalogue.run(|t| store::rollouts(t, u32::MAX)).await?;
        let row = rows.iter().find(|row| row.number == number);
        let row = row.ok_or_else(|| Refusal::not_found(format!("there is no roll-out {number}")))?;
        Ok((view::rollout(row), row.state.is_over()))
    }

    /// A site, managed: what is desired of it beside what it says of itself.
    pub(crate) async fn managed(&self, site: &str) -> Result<view::NodeRow, Refusal> {
        let mut nodes = view::nodes(self, Some(site)).await?;
        nodes.pop().ok_or_else(|| Refusal::not_found(format!("there is no site {site}")))
    }
}

async fn order<T>(
    fleet: &Fleet,
    make: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Command,
) -> Result<T, Refusal> {
    let (reply, done) = oneshot::channel();
    let stopping = || Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the cloud is going down");
    fleet.commands.send(make(reply)).await.map_err(|_| stopping())?;
    done.await.map_err(|_| stopping())?
}
