//! The gRPC service for operators and tools: mutual TLS, operators' certificates only.

use crate::answers;
use crate::api::{self, Within};
use crate::brain::Moment;
use crate::caller::{Caller, Right};
use crate::management::Management;
use crate::stats::Stats;
use crate::stop::Stop;
use futures_util::Stream;
use jxz_geo::LocalFrame;
use jxz_link::Role;
use jxz_wire::api::v1 as wire;
use jxz_wire::api::v1::fleet_server::FleetServer;
use jxz_wire::api::v1::incidents_server::IncidentsServer;
use jxz_wire::api::v1::operations_server::{Operations, OperationsServer};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

/// Streams of the whole twin at once.
const MAX_WATCHERS: usize = 32;
/// Twins a second at most.
const MAX_RATE_HZ: f64 = 10.0;
/// Time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// What the service answers from.
pub(crate) struct Service {
    pub(crate) moments: watch::Receiver<Arc<Moment>>,
    pub(crate) geo: LocalFrame,
    pub(crate) stats: Arc<Stats>,
    pub(crate) stop: Stop,
    watchers: Arc<Semaphore>,
}

impl Service {
    pub(crate) fn new(moments: watch::Receiver<Arc<Moment>>, geo: LocalFrame, stats: Arc<Stats>, stop: Stop) -> Self {
        Self { moments, geo, stats, stop, watchers: Arc::new(Semaphore::new(MAX_WATCHERS)) }
    }

    fn now(&self) -> Arc<Moment> {
        Arc::clone(&self.moments.borrow())
    }

    fn within(&self, bounds: Option<&wire::Box>) -> Result<Option<Within>, Status> {
        bounds.map(|bounds| Within::parse(bounds, &self.geo)).transpose().map_err(Status::invalid_argument)
    }
}

/// Serves until told to stop: the operations and the management, and beside them health and reflection, for operators alone
/// as well.
pub(crate) async fn serve(
    service: Service,
    management: Management,
    listener: TcpListener,
    tls: Tls,
    rights: BTreeMap<String, Right>,
) -> anyhow::Result<()> {
    let mut stop = service.stop.clone();
    let only_operators = OnlyOperators(Arc::new(rights));
    let operations = OperationsServer::with_interceptor(service, only_operators.clone());
    let fleet = FleetServer::with_interceptor(management.clone(), only_operators.clone());
    let incidents = IncidentsServer::with_interceptor(management, only_operators.clone());
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<OperationsServer<Service>>().await;
    reporter.set_serving::<FleetServer<Management>>().await;
    reporter.set_serving::<IncidentsServer<Management>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(jxz_wire::descriptors())
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name("jxz.api.v1.Operations")
        .with_service_name("jxz.api.v1.Fleet")
        .with_service_name("jxz.api.v1.Incidents")
        .with_service_name("grpc.health.v1.Health")
        .build_v1()?;
    let config = ServerTlsConfig::new()
        .identity(Identity::from_pem(&tls.certificate, &tls.key))
        .client_ca_root(Certificate::from_pem(&tls.authority))
        .timeout(HANDSHAKE);
    let stopped = async move {
        stop.told().await;
        // Who watches the health hears of it before the connection ends.
        reporter.set_not_serving::<OperationsServer<Service>>().await;
        reporter.set_not_serving::<FleetServer<Management>>().await;
        reporter.set_not_serving::<IncidentsServer<Management>>().await;
    };
    Server::builder()
        .tls_config(config)?
        .max_concurrent_streams(64)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .add_service(operations)
        .add_service(fleet)
        .add_service(incidents)
        .add_service(InterceptedService::new(health, only_operators.clone()))
        .add_service(InterceptedService::new(reflection, only_operators))
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), stopped)
        .await?;
    Ok(())
}

/// PEM texts for mutual TLS.
pub(crate) struct Tls {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// TLS has made sure of the authority; here, that it named an operator: a node or a vehicle has no business here. What
/// the operator may do goes into the request as a [`Caller`].
#[derive(Debug, Clone)]
struct OnlyOperators(Arc<BTreeMap<String, Right>>);

impl Interceptor for OnlyOperators {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let certificates = request.peer_certs();
        let certificate = certificates.as_ref().and_then(|chain| chain.first());
        match certificate.map(Role::of_certificate) {
            Some(Ok(Role::Operator(name))) => {
                let right = self.0.get(&name).copied().unwrap_or(Right::Viewer);
                request.extensions_mut().insert(Caller { name: format!("{name} (certificate)"), right });
                Ok(request)
            }
            Some(Ok(role)) => Err(Status::permission_denied(format!("{role} is not an operator"))),
            Some(Err(error)) => Err(Status::unauthenticated(error.to_string())),
            None => Err(Status::unauthenticated("no certificate")),
        }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Operations for Service {
    async fn list_nodes(&self, _: Request<wire::ListNodesRequest>) -> Answer<wire::ListNodesResponse> {
        Ok(Response::new(answers::nodes(&self.now(), &self.geo)))
    }

    async fn get_node(&self, request: Request<wire::GetNodeRequest>) -> Answer<wire::Node> {
        let node = answers::node(&self.now(), &self.geo, &request.into_inner().site);
        node.map(Response::new).ok_or_else(|| Status::not_found(answers::NO_SUCH_SITE))
    }

    async fn list_tracks(&self, request: Request<wire::ListTracksRequest>) -> Answer<wire::ListTracksResponse> {
        let request = request.into_inner();
        let within = self.within(request.within.as_ref())?;
        Ok(Response::new(answers::tracks(&self.now(), &self.geo, within.as_ref(), request.limit)))
    }

    async fn list_warnings(&self, request: Request<wire::ListWarningsRequest>) -> Answer<wire::ListWarningsResponse> {
        let request = request.into_inner();
        Ok(Response::new(answers::warnings(&self.now(), &self.geo, &request.site, request.alive_only)))
    }

    async fn list_signals(&self, request: Request<wire::ListSignalsRequest>) -> Answer<wire::ListSignalsResponse> {
        Ok(Response::new(answers::signals(&self.now(), &request.into_inner().junction)))
    }

    type WatchTwinStream = Pin<Box<dyn Stream<Item = Result<wire::Twin, Status>> + Send>>;

    async fn watch_twin(&self, request: Request<wire::WatchTwinRequest>) -> Answer<Self::WatchTwinStream> {
        let request = request.into_inner();
        if !(request.rate_hz.is_finite() && request.rate_hz > 0.0) {
            return Err(Status::invalid_argument("rate_hz must be above 0"));
        }
        // The slowest rate is one twin an hour.
        let period = Duration::from_secs_f64((1.0 / request.rate_hz.min(MAX_RATE_HZ)).min(3600.0));
        let permit = Arc::clone(&self.watchers).try_acquire_owned();
        let watcher = Watcher {
            moments: self.moments.clone(),
            stop: self.stop.clone(),
            geo: self.geo,
            within: self.within(request.within.as_ref())?,
            stats: Arc::clone(&self.stats),
            period,
            due: Instant::now(),
            skipped: 0,
            _permit: permit.map_err(|_| Status::resource_exhausted("too many are watching"))?,
        };
        Ok(Response::new(Box::pin(futures_util::stream::unfold(watcher, Watcher::next))))
    }
}

/// One stream of twins. It makes a twin only when the client has room for it, so nothing piles up here.
struct Watcher {
    moments: watch::Receiver<Arc<Moment>>,
    stop: Stop,
    geo: LocalFrame,
    within: Option<Within>,
    stats: Arc<Stats>,
    period: Duration,
    due: Instant,
    skipped: u64,
    _permit: OwnedSemaphorePermit,
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<wire::Twin, Status>, Self)> {
        tokio::select! {
            () = tokio::time::sleep_until(self.due) => {}
            () = self.stop.told() => return None,
        }
        // How many it should have been since the last one, had the client kept up.
        let missed = (self.due.elapsed().as_secs_f64() / self.period.as_secs_f64()) as u64;
        self.skipped = self.skipped.saturating_add(missed);
        self.stats.twins_skipped.fetch_add(missed, Relaxed);
        self.due += self.period.mul_f64(missed as f64 + 1.0);
        let moment = Arc::clone(&self.moments.borrow_and_update());
        Some((Ok(api::twin(&moment, &self.geo, self.within.as_ref(), self.skipped)), self))
    }
}
