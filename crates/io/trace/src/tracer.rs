//! Takes spans from everywhere and brings them to a collector.

use crate::span::{Span, attribute};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tonic::transport::{Channel, Endpoint};

/// Spans that wait; a second of a whole island has fewer.
const WAITING: usize = 4096;
/// Spans told at once.
const AT_ONCE: usize = 512;
/// Spans wait for others at most so long.
const GATHER: Duration = Duration::from_secs(1);
/// How long a collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where warnings' traces go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceSettings {
    /// The collector's OTLP receiver for gRPC, `http://127.0.0.1:4317`; plain HTTP/2.
    pub endpoint: String,
}

/// Why traces cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The address is none that can be used.
    #[error("trace.endpoint `{endpoint}`: {reason}")]
    Endpoint {
        /// As given.
        endpoint: String,
        /// What is wrong.
        reason: String,
    },
}

impl TraceSettings {
    /// Checks the address.
    ///
    /// # Errors
    /// It is no address, or asks for TLS.
    pub fn check(&self) -> Result<(), TraceError> {
        self.endpoint().map(drop)
    }

    fn endpoint(&self) -> Result<Endpoint, TraceError> {
        let failed = |reason: String| TraceError::Endpoint { endpoint: self.endpoint.clone(), reason };
        if !self.endpoint.starts_with("http://") {
            return Err(failed("it must begin with http://; an agent on this machine takes it on with TLS".to_owned()));
        }
        let endpoint = Endpoint::from_shared(self.endpoint.clone()).map_err(|error| failed(error.to_string()))?;
        Ok(endpoint.connect_timeout(PATIENCE).timeout(PATIENCE))
    }
}

/// What became of the spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TraceCounts {
    /// The collector has them.
    pub told: u64,
    /// They found the queue full, or the collector did not take them.
    pub dropped: u64,
}

#[derive(Debug, Default)]
struct Counts {
    told: AtomicU64,
    dropped: AtomicU64,
}

/// Takes spans; clones share it. One that is off takes none.
#[derive(Debug, Clone, Default)]
pub struct Tracer(Option<Running>);

#[derive(Debug, Clone)]
struct Running {
    spans: mpsc::Sender<Span>,
    counts: Arc<Counts>,
}

impl Tracer {
    /// Tells nobody.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Starts to tell the collector, on the current tokio runtime; without settings, nobody. A collector that is not there is
    /// tried again with each batch.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn start(
        settings: Option<&TraceSettings>,
        service: &str,
        instance: &str,
        version: &str,
    ) -> Result<Self, TraceError> {
        let Some(settings) = settings else { return Ok(Self::off()) };
        let client = TraceServiceClient::new(settings.endpoint()?.connect_lazy());
        let names = [("service.name", service), ("service.instance.id", instance), ("service.version", version)];
        let attributes = names.iter().map(|(name, value)| attribute(name, value)).collect();
        let resource = Resource { attributes, ..Resource::default() };
        let (spans, given) = mpsc::channel(WAITING);
        let counts = Arc::<Counts>::default();
        tokio::spawn(run(given, client, resource, Arc::clone(&counts)));
        Ok(Self(Some(Running { spans, counts })))
    }

    /// Whether it tells anybody: what is told need not be made for one that does not.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Hands on a span, or drops and counts it. Never waits.
    pub fn tell(&self, span: impl FnOnce() -> Span) {
        if let Some(Running { spans, counts }) = &self.0
            && spans.try_send(span()).is_err()
        {
            counts.dropped.fetch_add(1, Relaxed);
        }
    }

    /// What became of the spans so far.
    #[must_use]
    pub fn counts(&self) -> TraceCounts {
        self.0.as_ref().map_or(TraceCounts::default(), |running| TraceCounts {
            told: running.counts.told.load(Relaxed),
            dropped: running.counts.dropped.load(Relaxed),
        })
    }
}

async fn run(
    mut given: mpsc::Receiver<Span>,
    mut client: TraceServiceClient<Channel>,
    resource: Resource,
    counts: Arc<Counts>,
) {
    let mut batch = Vec::with_capacity(AT_ONCE);
    let mut away = false;
    while given.recv_many(&mut batch, AT_ONCE).await > 0 {
        // Who is alone waits for company; a full batch goes at once.
        if batch.len() < AT_ONCE {
            sleep(GATHER).await;
            while batch.len() < AT_ONCE
                && let Ok(span) = given.try_recv()
            {
                batch.push(span);
            }
        }
        let count = batch.len() as u64;
        let request = request(&resource, batch.drain(..));
        let outcome = timeout(PATIENCE, client.export(request)).await;
        match outcome.map_err(|_| "no answer in time".to_owned()).and_then(|done| done.map_err(|e| e.to_string())) {
            Ok(_) => {
                counts.told.fetch_add(count, Relaxed);
                away = false;
            }
            Err(reason) => {
                counts.dropped.fetch_add(count, Relaxed);
                if !away {
                    tracing::warn!(reason, "the collector does not take traces; they are dropped until it does");
                }
                away = true;
            }
        }
    }
}

fn request(resource: &Resource, spans: impl Iterator<Item = Span>) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope { name: "jxz".to_owned(), ..InstrumentationScope::default() };
    let spans = spans.map(|span| span.to_otlp()).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let of = ResourceSpans { resource: Some(resource.clone()), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![of] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_used_is_refused_in_words() {
        for (text, why) in [
            (r#"endpoint = "https://collector:4317""#, "http://"),
            (r#"endpoint = "127.0.0.1:4317""#, "http://"),
            (r#"endpoint = "http://:4317 x""#, "endpoint"),
        ] {
            let settings: TraceSettings = toml::from_str(text).unwrap();
            let said = settings.check().unwrap_err().to_string();
            assert!(said.contains(why) && said.contains("trace.endpoint"), "{said}");
        }
        assert!(toml::from_str::<TraceSettings>("endpoint = \"http://a:1\"\nsampling = 0.1").is_err());
        let settings: TraceSettings = toml::from_str(r#"endpoint = "http://127.0.0.1:4317""#).unwrap();
        assert!(settings.check().is_ok());
    }
}
