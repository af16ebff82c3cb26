//! Against a collector: a real gRPC server of the OTLP trace service.

#![allow(clippy::unwrap_used, reason = "a scenario stops at what it cannot set up")]

use jxz_trace::{Span, Step, TraceId, TraceSettings, Tracer};
use jxz_units::Utc;
use jxz_world::{VehicleId, WarningId};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

const PATIENCE: Duration = Duration::from_secs(60);

struct Collector(mpsc::Sender<ExportTraceServiceRequest>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.send(request.into_inner()).await.map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Listens at an address; what it is told comes out of the receiver.
async fn collector(at: SocketAddr) -> (SocketAddr, mpsc::Receiver<ExportTraceServiceRequest>) {
    let listener = TcpListener::bind(at).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, told) = mpsc::channel(64);
    let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(Collector(sender)));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    (address, told)
}

fn tracer(address: SocketAddr) -> Tracer {
    let settings = TraceSettings { endpoint: format!("http://{address}") };
    Tracer::start(Some(&settings), "jxz-edge", "north", "1.2.3").unwrap()
}

fn at(ms: i64) -> Utc {
    Utc::from_unix_ms(1_786_233_600_000 + ms)
}

#[tokio::test]
async fn a_collector_gets_a_warnings_steps_as_one_trace() {
    let (address, mut told) = collector("127.0.0.1:0".parse().unwrap()).await;
    let tracer = tracer(address);
    let id = WarningId(0xabc);
    tracer.tell(|| Span::new(id, Step::Warn, at(0), at(38)).with("jxz.application", "fcw"));
    tracer.tell(|| Span::new(id, Step::Keep, at(45), at(52)));
    tracer.tell(|| Span::new(id, Step::Show(VehicleId([7; 8])), at(60), at(60)));
    let mut spans = Vec::new();
    while spans.len() < 3 {
        let request = timeout(PATIENCE, told.recv()).await.unwrap().unwrap();
        for of in request.resource_spans {
            let names: Vec<String> = of.resource.unwrap().attributes.into_iter().map(|a| a.key).collect();
            assert_eq!(names, ["service.name", "service.instance.id", "service.version"]);
            spans.extend(of.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert!(spans.iter().all(|span| hex(&span.trace_id) == TraceId::of(id).to_string()));
    assert_eq!(spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["warn", "keep", "show"]);
    assert_eq!(spans[0].end_time_unix_nano - spans[0].start_time_unix_nano, 38_000_000);
    assert!(spans[0].attributes.iter().any(|a| a.key == "jxz.application"));
    assert!(spans[1..].iter().all(|span| span.parent_span_id == spans[0].span_id));
}

#[tokio::test]
async fn without_a_collector_spans_are_dropped_and_counted_until_it_comes() {
    // An address at which nobody listens.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let tracer = tracer(address);
    let tell = || tracer.tell(|| Span::new(WarningId(1), Step::Keep, at(0), at(1)));
    tell();
    let dropped = async {
        while tracer.counts().dropped == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, dropped).await.unwrap();
    assert_eq!(tracer.counts().told, 0);

    let (_, mut told) = collector(address).await;
    let comes = async {
        loop {
            tell();
            tokio::select! {
                request = told.recv() => return request.unwrap(),
                () = tokio::time::sleep(Duration::from_millis(200)) => {}
            }
        }
    };
    assert!(!timeout(PATIENCE, comes).await.unwrap().resource_spans.is_empty());
}

#[tokio::test]
async fn who_floods_it_does_not_wait_and_what_has_no_room_is_counted() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let tracer = tracer(address);
    // No turn of the runtime between them: nothing is taken from the queue meanwhile.
    for _ in 0..10_000 {
        tracer.tell(|| Span::new(WarningId(1), Step::Keep, at(0), at(1)));
    }
    assert_eq!(tracer.counts().dropped, 10_000 - 4096);
    assert!(!Tracer::off().is_on());
    Tracer::off().tell(|| unreachable!("nothing is made for one that is off"));
}
