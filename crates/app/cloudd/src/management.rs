//! gRPC for what the console does over HTTP: nodes' configurations, roll-outs and logs, road conditions, and incidents. The rules, and the entries in
//! the audit log, are those of `fleet` and `incidents`.

use crate::caller::Caller;
use crate::catalogue::Catalogue;
use crate::failure::Failure;
use crate::fleet::conditions::{ConditionRow, ConditionSite, NewCondition};
use crate::fleet::{Fleet, LogQuery, NodeRow, Wanted};
use crate::incidents::{self, Kept, Note};
use axum::http::StatusCode;
use jxz_cloud::Input;
use jxz_geo::LocalFrame;
use jxz_wire::api::v1 as wire;
use jxz_wire::api::v1::fleet_server::Fleet as FleetService;
use jxz_wire::api::v1::incidents_server::Incidents as IncidentsService;
use serde_json::Value;
use std::collections::BTreeSet;
use tokio::sync::mpsc;
use tonic::{Code, Request, Response, Status};

/// Incidents listed at once, unless another number is asked for, and the most.
const LISTED: u32 = 100;
const MOST_LISTED: u32 = 1000;

/// What both services stand on.
#[derive(Clone)]
pub(crate) struct Management {
    pub(crate) fleet: Fleet,
    pub(crate) catalogue: Catalogue,
    pub(crate) to_brain: mpsc::Sender<Input>,
    pub(crate) geo: LocalFrame,
}

type Answer<T> = Result<Response<T>, Status>;

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let code = match failure.status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => Code::InvalidArgument,
            StatusCode::UNAUTHORIZED => Code::Unauthenticated,
            StatusCode::FORBIDDEN => Code::PermissionDenied,
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::CONFLICT => Code::FailedPrecondition,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY => Code::Unavailable,
            _ => Code::Internal,
        };
        Self::new(code, failure.to_string())
    }
}

/// Who asks; the interceptor has put him there.
fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    request.extensions().get::<Caller>().cloned().ok_or_else(|| Status::unauthenticated("no certificate"))
}

fn json(field: &str, text: &str) -> Result<Value, Status> {
    serde_json::from_str(text).map_err(|error| Status::invalid_argument(format!("{field} is not JSON: {error}")))
}

/// The catalogue counts with 63 bits.
fn number(number: u64) -> Result<i64, Status> {
    i64::try_from(number).map_err(|_| Status::not_found(format!("there is nothing of the number {number}")))
}

fn ms(unix_ms: i64) -> u64 {
    u64::try_from(unix_ms).unwrap_or(0)
}

impl Management {
    async fn configuration(&self, site: &str) -> Answer<wire::Configuration> {
        Ok(Response::new(configuration(self.fleet.managed(site).await?)))
    }

    async fn rollout(&self, number: i64) -> Answer<wire::Rollout> {
        let (state, over) = self.fleet.rollout(number).await?;
        Ok(Response::new(wire::Rollout { number: number.unsigned_abs(), state_json: state.to_string(), over }))
    }

    async fn incident(&self, number: i64) -> Answer<wire::Incident> {
        let found = self.catalogue.run(move |t| incidents::find(t, number)).await.map_err(Failure::from)?;
        let missing = || Status::not_found(format!("there is no incident {number}"));
        let (kept, notes) = found.ok_or_else(missing)?;
        let lines = kept.incident.timeline.iter().map(|entry| {
            let line = incidents::line(entry);
            wire::IncidentLine {
                at_ms: ms(line.at_ms),
                event: line.event.to_owned(),
                site: line.site.unwrap_or_default(),
                warning: line.warning.unwrap_or_default(),
                kind: line.kind.unwrap_or_default().to_owned(),
            }
        });
        let note = |note: Note| wire::IncidentNote { at_ms: ms(note.at_ms), who: note.who, text: note.text };
        Ok(Response::new(wire::Incident {
            lines: lines.collect(),
            lines_left_out: kept.incident.left_out,
            notes: notes.into_iter().map(note).collect(),
            ..self.summary(&kept)
        }))
    }

    fn summary(&self, kept: &Kept) -> wire::Incident {
        let incident = &kept.incident;
        let at = self.geo.to_wgs84(incident.place);
        wire::Incident {
            number: incident.number,
            kind: incident.kind.name().to_owned(),
            level: incident.level.name().to_owned(),
            position: Some(wire::Position { lat_deg: at.lat_deg, lon_deg: at.lon_deg }),
            radius_m: incident.radius_m,
            opened_ms: ms(incident.opened.unix_ms()),
            last_evidence_ms: ms(incident.last_evidence.unix_ms()),
            confidence: incident.confidence,
            sites: incident.sites.iter().map(|site| site.0.clone()).collect(),
            closed_ms: kept.closed_ms.map(ms),
            closed_by: kept.closed_by.clone(),
            ..wire::Incident::default()
        }
    }
}

fn configuration(node: NodeRow) -> wire::Configuration {
    let row = node.configuration;
    let revision = |of: &Value| of["revision"].as_u64();
    let on =
        |row: &crate::fleet::ApplicationRow| row.on.map(|on| wire::ApplicationSwitch { name: row.name.to_owned(), on });
    wire::Configuration {
        state: row.state.to_owned(),
        reason: row.reason,
        revision: row.desired.as_ref().and_then(revision),
        document_json: row.desired.map(|desired| desired["document"].to_string()),
        running_revision: row.actual.as_ref().and_then(revision),
        applications: node.applications.iter().filter_map(on).collect(),
        site: node.site,
    }
}

#[tonic::async_trait]
impl FleetService for Management {
    async fn get_configuration(&self, request: Request<wire::GetConfigurationRequest>) -> Answer<wire::Configuration> {
        self.configuration(&request.into_inner().site).await
    }

    async fn amend_configuration(
        &self,
        request: Request<wire::AmendConfigurationRequest>,
    ) -> Answer<wire::Configuration> {
        let (by, request) = (caller(&request)?, request.into_inner());
        let change = json("patch_json", &request.patch_json)?;
        self.fleet.amend(by, request.site.clone(), change).await?;
        self.configuration(&request.site).await
    }

    async fn switch_application(
        &self,
        request: Request<wire::SwitchApplicationRequest>,
    ) -> Answer<wire::Configuration> {
        let (by, request) = (caller(&request)?, request.into_inner());
        self.fleet.switch(by, request.site.clone(), &request.application, request.on).await?;
        self.configuration(&request.site).await
    }

    async fn start_rollout(&self, request: Request<wire::StartRolloutRequest>) -> Answer<wire::Rollout> {
        let (by, request) = (caller(&request)?, request.into_inner());
        let change = json("patch_json", &request.patch_json)?;
        let sites: BTreeSet<String> = request.sites.into_iter().collect();
        let canary = Some(request.canary).filter(|name| !name.is_empty());
        let usual = Wanted::usual(Some(sites).filter(|sites| !sites.is_empty()), change, canary);
        let wanted = Wanted {
            soak_s: request.soak_s.unwrap_or(usual.soak_s),
            batch: request.batch.map_or(usual.batch, |batch| batch as usize),
            patience_s: request.patience_s.unwrap_or(usual.patience_s),
            ..usual
        };
        let number = self.fleet.start_rollout(by, wanted).await?;
        self.rollout(number).await
    }

    async fn get_rollout(&self, request: Request<wire::GetRolloutRequest>) -> Answer<wire::Rollout> {
        self.rollout(number(request.into_inner().number)?).await
    }

    async fn abort_rollout(&self, request: Request<wire::AbortRolloutRequest>) -> Answer<wire::Rollout> {
        let (by, number) = (caller(&request)?, number(request.into_inner().number)?);
        self.fleet.abort_rollout(by, number).await?;
        self.rollout(number).await
    }

    async fn list_conditions(&self, _: Request<wire::ListConditionsRequest>) -> Answer<wire::ListConditionsResponse> {
        let conditions = self.fleet.conditions(None).await?.into_iter().map(condition).collect();
        Ok(Response::new(wire::ListConditionsResponse { conditions }))
    }

    async fn enter_condition(&self, request: Request<wire::EnterConditionRequest>) -> Answer<wire::Condition> {
        let (by, request) = (caller(&request)?, request.into_inner());
        let place = request.position.ok_or_else(|| Status::invalid_argument("position is missing"))?;
        let new = NewCondition {
            hazard: request.hazard,
            lat_deg: place.lat_deg,
            lon_deg: place.lon_deg,
            radius_m: request.radius_m,
            safe_kmh: request.safe_kmh,
            until_ms: i64::try_from(request.until_ms).unwrap_or(i64::MAX),
            text: request.text,
        };
        let number = self.fleet.enter_condition(by, new).await?;
        Ok(Response::new(condition(self.fleet.condition(number).await?)))
    }

    async fn take_condition_back(&self, request: Request<wire::TakeConditionBackRequest>) -> Answer<wire::Condition> {
        let (by, number) = (caller(&request)?, number(request.into_inner().number)?);
        self.fleet.take_condition_back(by, number).await?;
        Ok(Response::new(condition(self.fleet.condition(number).await?)))
    }

    async fn read_log(&self, request: Request<wire::ReadLogRequest>) -> Answer<wire::NodeLog> {
        let (by, request) = (caller(&request)?, request.into_inner());
        let limit = Some(request.limit as usize).filter(|limit| *limit > 0);
        let query = LogQuery { after: request.after, boot: request.boot, limit };
        let log = self.fleet.read_log(&by, request.site, query).await?;
        let lines = log.lines.into_iter().map(|line| wire::NodeLogLine {
            number: line.number,
            at_ms: line.at_ms,
            level: line.level.to_owned(),
            target: line.target,
            text: line.text,
        });
        Ok(Response::new(wire::NodeLog { lines: lines.collect(), site: log.site, boot: log.boot, lost: log.lost }))
    }
}

fn condition(row: ConditionRow) -> wire::Condition {
    let site = |at: ConditionSite| wire::ConditionSite { site: at.site, state: at.state.to_owned() };
    wire::Condition {
        number: row.number.unsigned_abs(),
        hazard: row.hazard.to_owned(),
        position: Some(wire::Position { lat_deg: row.lat_deg, lon_deg: row.lon_deg }),
        radius_m: row.radius_m,
        safe_kmh: row.safe_kmh,
        text: row.text,
        at_ms: ms(row.at_ms),
        who: row.who,
        until_ms: ms(row.until_ms),
        ended_ms: row.ended_ms.map(ms),
        ended_by: row.ended_by,
        sites: row.sites.into_iter().map(site).collect(),
    }
}

#[tonic::async_trait]
impl IncidentsService for Management {
    async fn list_incidents(
        &self,
        request: Request<wire::ListIncidentsRequest>,
    ) -> Answer<wire::ListIncidentsResponse> {
        let request = request.into_inner();
        let before = if request.before == 0 { i64::MAX } else { number(request.before)? };
        let limit = if request.limit == 0 { LISTED } else { request.limit.min(MOST_LISTED) };
        let kept = self.catalogue.run(move |t| incidents::list(t, request.open, before, limit)).await;
        let kept = kept.map_err(Failure::from)?;
        let incidents = kept.iter().map(|kept| self.summary(kept)).collect();
        Ok(Response::new(wire::ListIncidentsResponse { incidents }))
    }

    async fn get_incident(&self, request: Request<wire::GetIncidentRequest>) -> Answer<wire::Incident> {
        self.incident(number(request.into_inner().number)?).await
    }

    async fn annotate_incident(&self, request: Request<wire::AnnotateIncidentRequest>) -> Answer<wire::Incident> {
        let (by, request) = (caller(&request)?, request.into_inner());
        let number = number(request.number)?;
        incidents::say(&self.catalogue, &self.to_brain, by, (number, &request.note, request.close)).await?;
        self.incident(number).await
    }
}
