//! HTTP/1.1 on a listener, with limits that hold before a request is whole: connections at once, and the time that a
//! client may take over its head.

use crate::stop::Stop;
use anyhow::Context;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Pause after the system would not accept: it is out of file descriptors, say.
const PAUSE: Duration = Duration::from_millis(100);
/// The most bytes of a request's head.
const MAX_HEAD: usize = 32 * 1024;

/// What a client may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections at once; others wait in the system's queue. A WebSocket counts until it is upgraded.
    pub(crate) connections: usize,
    /// Time for a request's head, and for a connection to stay without a request.
    pub(crate) head: Duration,
}

/// Serves until told to stop, then lets each connection end its request, for `grace` at most.
///
/// # Errors
/// The listener has no address.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut stop: Stop,
    grace: Duration,
) -> anyhow::Result<()> {
    listener.local_addr().context("HTTP has no address")?;
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot.context("HTTP has no slots")?,
            () = stop.told() => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection over HTTP");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
            () = stop.told() => break,
        };
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            let _slot = slot;
            one(stream, peer, router, limits, stop).await;
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    // A browser may keep its connection open for long.
    let _ = tokio::time::timeout(grace, all).await;
    Ok(())
}

async fn one(stream: TcpStream, peer: SocketAddr, router: Router, limits: Limits, mut stop: Stop) {
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.told() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection over HTTP ended");
    }
}
