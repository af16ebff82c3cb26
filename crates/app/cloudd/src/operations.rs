//! The gRPC service for operators and tools: mutual TLS, operators' certificates only.

use crate::api::{self, Within};
use crate::brain::Moment;
use crate::stats::Stats;
use crate::stop::Stop;
use futures_util::Stream;
use jxz_geo::LocalFrame;
use jxz_link::Role;
use jxz_wire::api::v1 as wire;
use jxz_wire::api::v1::operations_server::{Operations, OperationsServer};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
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

/// Serves until told to stop.
pub(crate) async fn serve(service: Service, listener: TcpListener, tls: Tls) -> Result<(), tonic::transport::Error> {
    let mut stop = service.stop.clone();
    let operations = OperationsServer::with_interceptor(service, only_operators);
    let config = ServerTlsConfig::new()
        .identity(Identity::from_pem(&tls.certificate, &tls.key))
        .client_ca_root(Certificate::from_pem(&tls.authority))
        .timeout(HANDSHAKE);
    let stopped = async move {
        stop.told().await;
    };
    Server::builder()
        .tls_config(config)?
        .max_concurrent_streams(64)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .add_service(operations)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), stopped)
        .await
}

/// PEM texts for mutual TLS.
pub(crate) struct Tls {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// TLS has made sure of the authority; here, that it named an operator: a node or a vehicle has no business here.
fn only_operators(request: Request<()>) -> Result<Request<()>, Status> {
    let certificates = request.peer_certs();
    let certificate = certificates.as_ref().and_then(|chain| chain.first());
    match certificate.map(Role::of_certificate) {
        Some(Ok(Role::Operator(_))) => Ok(request),
        Some(Ok(role)) => Err(Status::permission_denied(format!("{role} is not an operator"))),
        Some(Err(error)) => Err(Status::unauthenticated(error.to_string())),
        None => Err(Status::unauthenticated("no certificate")),
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Operations for Service {
    async fn list_nodes(&self, _: Request<wire::ListNodesRequest>) -> Answer<wire::ListNodesResponse> {
        let moment = self.now();
        let nodes = moment.view.nodes.iter().map(|node| api::node(node, &self.geo)).collect();
        Ok(Response::new(wire::ListNodesResponse { at_ms: crate::frame::unix_ms(moment.view.at), nodes }))
    }

    async fn get_node(&self, request: Request<wire::GetNodeRequest>) -> Answer<wire::Node> {
        let site = request.into_inner().site;
        let moment = self.now();
        let node = moment.view.nodes.iter().find(|node| node.site.0 == site);
        let node = node.ok_or_else(|| Status::not_found("no such site in the map, and none was heard"))?;
        Ok(Response::new(api::node(node, &self.geo)))
    }

    async fn list_tracks(&self, request: Request<wire::ListTracksRequest>) -> Answer<wire::ListTracksResponse> {
        let request = request.into_inner();
        let within = self.within(request.within.as_ref())?;
        let moment = self.now();
        let mut tracks = api::tracks(&moment, &self.geo, within.as_ref());
        let limit = if request.limit == 0 { tracks.len() } else { request.limit as usize };
        let left_out = tracks.len().saturating_sub(limit) as u32;
        tracks.truncate(limit);
        let at_ms = crate::frame::unix_ms(moment.view.at);
        Ok(Response::new(wire::ListTracksResponse { at_ms, tracks, left_out }))
    }

    async fn list_warnings(&self, request: Request<wire::ListWarningsRequest>) -> Answer<wire::ListWarningsResponse> {
        let request = request.into_inner();
        let moment = self.now();
        let wanted = moment.view.warnings.iter().filter(|warning| {
            (request.site.is_empty() || warning.site.0 == request.site) && (!request.alive_only || warning.is_alive())
        });
        let warnings = wanted.map(|warning| api::warning(warning, &self.geo)).collect();
        Ok(Response::new(wire::ListWarningsResponse { at_ms: crate::frame::unix_ms(moment.view.at), warnings }))
    }

    async fn list_signals(&self, request: Request<wire::ListSignalsRequest>) -> Answer<wire::ListSignalsResponse> {
        let id = request.into_inner().junction;
        let moment = self.now();
        let wanted = moment.view.signals.iter().filter(|view| id.is_empty() || view.signals.junction.0 == id);
        let junctions = wanted.map(api::junction).collect();
        Ok(Response::new(wire::ListSignalsResponse { at_ms: crate::frame::unix_ms(moment.view.at), junctions }))
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
