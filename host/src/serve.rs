//! A registry over image layouts: the driver of [`portolan_registry::server`], on hyper.
//!
//! ```no_run
//! use portolan::serve::Server;
//! use portolan::store::{Place, Rules, Store};
//! # async fn run() -> portolan::Result<()> {
//! let store = Store::open(vec![Place::Root("images".into())], Rules::default())?;
//! let server = Server::builder(store).listen("127.0.0.1:0").bind().await?;
//! println!("http://{}", server.addresses()[0]);
//! server.run(std::future::pending()).await;
//! # Ok(())
//! # }
//! ```

mod access;
mod answer;
mod connection;
mod content;
mod explorer;
mod metrics;
mod proxy;
mod pull;
mod push;
mod receive;
mod tls;

pub use access::Access;
pub use answer::LogFormat;
pub use explorer::Explorer;
pub use proxy::Upstreams;

use crate::error::{Error, Result};
use crate::store::Store;
use answer::Registry;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// How a server is to be.
pub struct Builder {
    listen: Vec<String>,
    tls: Option<(PathBuf, PathBuf)>,
    registry: Registry,
    grace: Option<Duration>,
    expiry: Duration,
}

/// A server that listens, and answers once it runs.
pub struct Server {
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    tls: Option<tokio_rustls::TlsAcceptor>,
    registry: Arc<Registry>,
    grace: Option<Duration>,
    expiry: Duration,
}

/// How long an upload is kept with which nobody goes on.
const EXPIRY: Duration = Duration::from_secs(24 * 60 * 60);

impl Server {
    /// A server of what is in a store.
    #[must_use]
    pub fn builder(store: Store) -> Builder {
        Builder { listen: Vec::new(), tls: None, registry: Registry::new(store), grace: None, expiry: EXPIRY }
    }

    /// Where it listens, in the order of what was asked for.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The scheme of its URLs.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The URLs of the explorer with its token, where there is one.
    #[must_use]
    pub fn explorer_urls(&self) -> Vec<String> {
        self.registry.explorer.as_ref().map_or_else(Vec::new, |explorer| explorer.urls(&self.addresses))
    }

    /// The store that is served.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.registry.store
    }

    /// Answers until `stop` is done; then answers what was asked before and returns.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (stopping, stopped) = watch::channel(false);
        let (alive, mut all_gone) = tokio::sync::mpsc::channel::<()>(1);
        for listener in self.listeners {
            let accepting = connection::accept(
                listener,
                self.tls.clone(),
                Arc::clone(&self.registry),
                stopped.clone(),
                alive.clone(),
            );
            tokio::spawn(accepting);
        }
        let tidying = tokio::spawn(tidy(Arc::clone(&self.registry), self.grace, self.expiry));
        drop(alive);
        stop.await;
        tidying.abort();
        let _ = stopping.send(true);
        // Every connection holds the other end until it is closed.
        let _ = all_gone.recv().await;
    }
}

impl Builder {
    /// Listens on an address, `HOST:PORT`; port 0 is any that is free. Several may be given.
    #[must_use]
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen.push(address.into());
        self
    }

    /// Speaks TLS with the certificates and the key of these PEM files.
    #[must_use]
    pub fn tls(mut self, certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls = Some((certificates.into(), key.into()));
        self
    }

    /// Answers only those whose name and password are known.
    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.registry.access = Some(access);
        self
    }

    /// Lets pages of these origins read; `*` is every page.
    #[must_use]
    pub fn cors(mut self, origins: Vec<String>) -> Self {
        self.registry.cors = origins;
        self
    }

    /// Pulls from these registries what is asked for with `ns=` and is not there (W-30).
    #[must_use]
    pub fn proxy(mut self, upstreams: Upstreams) -> Self {
        self.registry.upstreams = Some(upstreams);
        self
    }

    /// Serves the explorer beside the registry.
    #[must_use]
    pub fn explorer(mut self, explorer: Explorer) -> Self {
        self.registry.explorer = Some(explorer);
        self
    }

    /// Says every request on standard error.
    #[must_use]
    pub fn access_log(mut self, format: LogFormat) -> Self {
        self.registry.log = Some(format);
        self
    }

    /// Answers `/metrics` in the text format of Prometheus.
    #[must_use]
    pub fn metrics(mut self) -> Self {
        self.registry.metrics = Some(metrics::Metrics::new());
        self
    }

    /// Removes, from time to time, blobs that no manifest needs and that nobody asked for during the grace time.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// How long an upload is kept with which nobody goes on.
    #[must_use]
    pub fn expiry(mut self, expiry: Duration) -> Self {
        self.expiry = expiry;
        self
    }

    /// How long a request may say nothing before its connection is closed.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.registry.idle = idle;
        self
    }

    /// Starts to listen.
    ///
    /// # Errors
    /// [`Error::Io`] when an address cannot be listened on or a file cannot be read; [`Error::Usage`] when a file does
    /// not hold what it should, or the explorer is not for such an address.
    pub async fn bind(mut self) -> Result<Server> {
        let tls = self.tls.map(|(certificates, key)| tls::acceptor(&certificates, &key)).transpose()?;
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for address in &self.listen {
            let listener = TcpListener::bind(address).await.map_err(Error::io("listen on", address))?;
            addresses.push(listener.local_addr().map_err(Error::io("listen on", address))?);
            listeners.push(listener);
        }
        if let Some(explorer) = &mut self.registry.explorer {
            explorer.listen(if tls.is_some() { "https" } else { "http" }, &addresses)?;
        }
        let registry = Arc::new(self.registry);
        Ok(Server { listeners, addresses, tls, registry, grace: self.grace, expiry: self.expiry })
    }
}

/// Removes what is no longer wanted, from time to time.
async fn tidy(registry: Arc<Registry>, grace: Option<Duration>, expiry: Duration) {
    if registry.store.rules().read_only {
        return;
    }
    let shortest = grace.map_or(expiry, |grace| grace.min(expiry));
    let period = (shortest / 2).clamp(Duration::from_secs(1), Duration::from_secs(60 * 60));
    loop {
        tokio::time::sleep(period).await;
        let registry = Arc::clone(&registry);
        let work = move || {
            for repository in registry.store.known() {
                let done = match grace {
                    Some(grace) => repository.collect(grace, false).map(|_| ()),
                    None => Ok(()),
                };
                let done = done.and_then(|()| repository.collect_uploads(expiry, false).map(|_| ()));
                if let Err(error) = done {
                    registry.complain(&error);
                }
            }
        };
        let _ = tokio::task::spawn_blocking(work).await;
    }
}
