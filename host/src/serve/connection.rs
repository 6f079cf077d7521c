//! Connections: accepting them, the protocol that they speak, and closing them.

use super::answer::Registry;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

/// How long a client may take to send the head of a request, or to greet with TLS: slower ones only hold connections
/// (row 55).
const HEAD: Duration = Duration::from_secs(30);
/// The bytes of a request's head, and of what is buffered of its body.
const BUFFER: usize = 512 << 10;
/// The bytes of the headers of one request over HTTP/2.
const HEADERS: u32 = 64 << 10;

/// Accepts connections until the server stops.
pub(super) async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    registry: Arc<Registry>,
    mut stopped: watch::Receiver<bool>,
    alive: mpsc::Sender<()>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of file descriptors, most likely: closing some needs a moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // An answer's head and its body are two writes: Nagle's algorithm would hold the second one back.
        let _ = stream.set_nodelay(true);
        let (tls, registry, stopped, alive) = (tls.clone(), Arc::clone(&registry), stopped.clone(), alive.clone());
        tokio::spawn(async move {
            match tls {
                None => speak(stream, false, peer, registry, stopped).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = tokio::time::timeout(HEAD, tls.accept(stream)).await {
                        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                        speak(stream, is_h2, peer, registry, stopped).await;
                    }
                }
            }
            drop(alive);
        });
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    is_h2: bool,
    peer: SocketAddr,
    registry: Arc<Registry>,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(move |request| {
        let registry = Arc::clone(&registry);
        async move { Ok::<_, Infallible>(registry.answer(request, peer).await) }
    });
    let stream = TokioIo::new(stream);
    // Errors of a connection are the client's: it is gone, or speaks no HTTP.
    if is_h2 {
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_header_list_size(HEADERS).adaptive_window(true);
        builder.keep_alive_interval(HEAD).max_concurrent_streams(200);
        let mut connection = pin!(builder.serve_connection(stream, service));
        if unless_stopped(connection.as_mut(), &mut stopped).await {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    } else {
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(BUFFER);
        let mut connection = pin!(builder.serve_connection(stream, service));
        if unless_stopped(connection.as_mut(), &mut stopped).await {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// Waits for a connection to end; answers whether the server is to stop before.
async fn unless_stopped(connection: impl Future, stopped: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        _ = connection => false,
        _ = stopped.wait_for(|stopped| *stopped) => true,
    }
}
