//! Programs that answer HTTP: an instance for every request, and as many at once as are allowed.

use super::command::{linker, missing};
use super::program::{Code, World};
use super::state::{self, Guest};
use super::{Bounds, Cache, Prepared};
use crate::error::{Error, Result};
use crate::text;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::StoreContextMut;
use wasmtime::component::GuestTaskId;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyHandler, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::{WasiBody, WasiHttpView as _};

/// How long a request may take unless it is said.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often running guests let others run, and are looked at whether their time is over.
const TICK: Duration = Duration::from_millis(10);
/// How long a client may take to send the head of a request (row 55).
const HEAD: Duration = Duration::from_secs(30);

/// A program that is ready to answer.
pub struct Serving {
    requests: Arc<Requests>,
    engine: wasmtime::Engine,
    places: Arc<Semaphore>,
    listener: TcpListener,
    address: SocketAddr,
}

impl Serving {
    /// Compiles a program for `most` requests at once and listens on `HOST:PORT`; port 0 is any that is free.
    ///
    /// # Errors
    /// `invalid-workload` when it answers no HTTP, or when nobody can listen there.
    pub async fn bind(
        prepared: Prepared,
        bounds: &Bounds,
        cache: Option<&Cache>,
        (listen, most): (&str, u32),
    ) -> Result<Self> {
        let Prepared { program, bytes, digest, guest, .. } = prepared;
        let program = program.pooled(&bytes, &digest, cache, most)?;
        let Code::Component(component) = &program.code else {
            return Err(missing(wasmtime::Error::msg("it is a core module, and only components answer HTTP")));
        };
        let pre = linker(&program.engine, component, &guest)?.instantiate_pre(component).map_err(missing)?;
        let pre = match program.world {
            World::Http3 => wasmtime_wasi_http::p3::bindings::ServicePre::new(pre).map(ProxyPre::P3),
            _ => wasmtime_wasi_http::p2::bindings::ProxyPre::new(pre).map(ProxyPre::P2),
        };
        let state = Requests {
            pre: pre.map_err(missing)?,
            engine: program.engine.clone(),
            guest,
            bounds: *bounds,
            patience: bounds.timeout.unwrap_or(PATIENCE),
        };
        let listener = TcpListener::bind(listen).await.map_err(Error::io("listen on", listen))?;
        let address = listener.local_addr().map_err(Error::io("listen on", listen))?;
        let places = Arc::new(Semaphore::new(most as usize));
        Ok(Self { requests: Arc::new(state), engine: program.engine, places, listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is done; then answers what was asked before and returns.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let ticking = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            loop {
                ticks.tick().await;
                self.engine.increment_epoch();
            }
        });
        let graceful = hyper_util::server::graceful::GracefulShutdown::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut stop => break,
            };
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors, most likely: closing some needs a moment.
                tokio::time::sleep(TICK).await;
                continue;
            };
            let _ = stream.set_nodelay(true);
            let (requests, places) = (Arc::clone(&self.requests), Arc::clone(&self.places));
            let service = service_fn(move |request| {
                let (requests, places) = (Arc::clone(&requests), Arc::clone(&places));
                async move { Ok::<_, Infallible>(answer(&requests, &places, request).await) }
            });
            let mut builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                // Errors of a connection are the client's: it is gone, or speaks no HTTP.
                let _ = connection.await;
            });
        }
        drop(self.listener);
        graceful.shutdown().await;
        ticking.abort();
    }
}

async fn answer(
    requests: &Arc<Requests>,
    places: &Arc<Semaphore>,
    request: hyper::Request<hyper::body::Incoming>,
) -> hyper::Response<WasiBody> {
    let Ok(place) = Arc::clone(places).acquire_owned().await else { return refused(503) };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let request = request.map(|body| body.map_err(wasmtime_wasi_http::Error::Hyper).boxed_unsync());
    let patience = requests.patience;
    // A handler for each: what many share gives requests to whoever is there, be it a guest that never ends.
    let handler = ProxyHandler::new(Shared { requests: Arc::clone(requests), place: Mutex::new(Some(place)) });
    match tokio::time::timeout(patience, handler.handle((), request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            complain(&method, &path, &error.root_cause().to_string());
            refused(500)
        }
        Err(_) => {
            complain(&method, &path, &format!("it did not answer within {patience:?}"));
            refused(504)
        }
    }
}

/// What a guest fails at is its operator's to know, and not its client's.
fn complain(method: &hyper::Method, path: &str, what: &str) {
    let what = text::printable(what.lines().next().unwrap_or_default());
    eprintln!("warning: {method} {}: {what}", text::printable(path));
}

fn refused(status: u16) -> hyper::Response<WasiBody> {
    let mut response = hyper::Response::new(Full::default().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    response
}

/// What makes instances.
struct Requests {
    pre: ProxyPre<state::Component>,
    engine: wasmtime::Engine,
    guest: Guest,
    bounds: Bounds,
    patience: Duration,
}

/// The same for one request.
struct Shared {
    requests: Arc<Requests>,
    /// Among those that are answered at once. The instance takes it along and gives it back when it ends, which is when its
    /// answer is sent, or its time is over: a client that reads slowly keeps it no longer.
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

impl HandlerState for Shared {
    type StoreData = state::Component;
    type WorkerExpiration = Patience;
    type WorkerState = Once;

    async fn instantiate(&self) -> wasmtime::Result<Instance<state::Component, Patience, Once>> {
        let requests = &self.requests;
        let mut store = state::component(&requests.engine, &requests.guest, requests.bounds, true)?;
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let proxy = requests.pre.instantiate_async(&mut store).await?;
        let (patience, sleep) = (requests.patience, Box::pin(tokio::time::sleep(requests.patience)));
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Instance {
            store,
            proxy,
            view: state::Component::http,
            expiration: Patience { sleep },
            state: Once { patience, _place: place },
        })
    }
}

/// Ends an instance whose time is over, whatever it does.
struct Patience {
    sleep: Pin<Box<tokio::time::Sleep>>,
}

impl WorkerExpiration for Patience {
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>, status: WorkerStatus, _: Instant) -> Poll<()> {
        match status {
            WorkerStatus::Idle => Poll::Ready(()),
            _ => self.sleep.as_mut().poll(context),
        }
    }
}

/// One request and no more: nothing of one client is ever seen by another.
struct Once {
    patience: Duration,
    _place: Option<OwnedSemaphorePermit>,
}

impl WorkerState for Once {
    type StoreData = state::Component;
    type RequestData = ();

    fn should_accept_request(&self, _: usize, total: usize) -> ShouldAccept {
        if total == 0 { ShouldAccept::Yes } else { ShouldAccept::Never }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, state::Component>,
        (): (),
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + 'static + Send + Sync>> {
        Box::pin(tokio::time::sleep(self.patience))
    }

    fn drop(&self, _: wasmtime::Store<state::Component>, result: wasmtime::Result<()>) {
        if let Err(error) = result {
            let what = error.root_cause().to_string();
            eprintln!("warning: the program failed: {}", text::printable(&what));
        }
    }
}
