//! Requests over HTTP/1.1 and 2, with TLS in Rust, the system's certificates, and the proxies of the environment.

use super::Options;
use crate::bindings::exports::portolan::image::registry as wit;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use std::future::Future;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How often a wait looks whether to stop.
const TICK: Duration = Duration::from_millis(50);
/// The longest time until a connection stands.
const CONNECTING: Duration = Duration::from_secs(20);
/// A body that brings less than this in the time of patience is no body (row 55).
const LEAST_BYTES: u64 = 1024;

/// What speaks HTTP.
pub(super) struct Http {
    /// Registries on this machine are no business of a proxy.
    direct: reqwest::Client,
    outside: reqwest::Client,
    runtime: Option<Runtime>,
    patience: Duration,
    interrupt: Interrupt,
}

/// A server that pulls through is dropped among its own tasks, where a runtime must not wait for its threads.
impl Drop for Http {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Why nothing came back.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether trying again is no use.
    pub(super) is_final: bool,
}

impl Failure {
    fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        // The innermost cause tells what happened: the others only name the layers.
        let mut reason = String::new();
        let mut cause = Some(error);
        while let Some(current) = cause {
            let text = current.to_string();
            if current.source().is_none() || reason.is_empty() {
                reason = text;
            }
            cause = current.source();
        }
        // A certificate that is wrong now is wrong in a second, and a host that nobody knows too.
        let is_final =
            ["certificate", "invalid peer", "Name or service not known"].iter().any(|it| reason.contains(it));
        Self { reason, is_final }
    }
}

/// The head of an answer is told; this is its body.
pub(super) struct Answer {
    response: reqwest::Response,
    handle: tokio::runtime::Handle,
    patience: Duration,
    interrupt: Interrupt,
}

impl Http {
    pub(super) fn new(options: &Options) -> Result<Self> {
        // Whoever was first is as good: a program has one provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |error: reqwest::Error| Error::Usage(format!("cannot speak HTTP: {}", Failure::of(&error).reason));
        let mut authorities = Vec::new();
        for path in &options.authorities {
            authorities.extend(authorities_of(path)?);
        }
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("portolan/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .connect_timeout(CONNECTING)
                .read_timeout(options.patience)
                .http2_adaptive_window(true)
                .tls_certs_merge(authorities.clone())
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("http")
            .enable_all()
            .build()
            .map_err(Error::io("start threads for", "HTTP"))?;
        let (direct, outside) = {
            let _entered = runtime.enter();
            (builder().no_proxy().build().map_err(failed)?, builder().build().map_err(failed)?)
        };
        Ok(Self {
            direct,
            outside,
            runtime: Some(runtime),
            patience: options.patience,
            interrupt: options.interrupt.clone(),
        })
    }

    /// Sends a request and answers the head of what comes back, and its body.
    pub(super) fn send(
        &self,
        request: &wit::Request,
        body: Option<(reqwest::Body, Option<u64>)>,
    ) -> std::result::Result<(wit::Response, Answer), Failure> {
        let method = match request.method {
            wit::Method::Get => reqwest::Method::GET,
            wit::Method::Head => reqwest::Method::HEAD,
            wit::Method::Post => reqwest::Method::POST,
            wit::Method::Put => reqwest::Method::PUT,
            wit::Method::Patch => reqwest::Method::PATCH,
            wit::Method::Delete => reqwest::Method::DELETE,
        };
        let mut headers = HeaderMap::new();
        for wit::Header { name, value } in &request.headers {
            match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                (Ok(name), Ok(mut value)) => {
                    value.set_sensitive(name == reqwest::header::AUTHORIZATION);
                    headers.append(name, value);
                }
                _ => return Err(Failure { reason: format!("{name} cannot be a header"), is_final: true }),
            }
        }
        let writes = matches!(request.method, wit::Method::Post | wit::Method::Put | wit::Method::Patch);
        match &body {
            Some((_, Some(length))) => headers.insert(CONTENT_LENGTH, HeaderValue::from(*length)),
            // U-07.
            None if writes => headers.insert(CONTENT_LENGTH, HeaderValue::from(0)),
            _ => None,
        };
        let Some(handle) = self.runtime.as_ref().map(|runtime| runtime.handle().clone()) else { return Err(stopped()) };
        let client = if is_here(&request.url) { &self.direct } else { &self.outside };
        let mut builder = client.request(method, &request.url).headers(headers);
        if let Some((body, _)) = body {
            builder = builder.body(body);
        }
        // Its timers need the runtime when it is made.
        let response = match until(&handle, &self.interrupt, async { builder.send().await }) {
            Some(Ok(response)) => response,
            Some(Err(error)) => return Err(Failure::of(&error)),
            None => return Err(stopped()),
        };
        let headers = response.headers().iter().map(|(name, value)| wit::Header {
            name: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        });
        let head = wit::Response { status: response.status().as_u16(), headers: headers.collect(), url: None };
        let answer = Answer { response, handle, patience: self.patience, interrupt: self.interrupt.clone() };
        Ok((head, answer))
    }

    /// Lets time pass.
    pub(super) fn wait(&self, time: Duration) -> Result<()> {
        let begun = std::time::Instant::now();
        while let Some(left) = time.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
            self.interrupt.check()?;
            std::thread::sleep(left.min(TICK));
        }
        Ok(())
    }
}

/// Waits for something that happens on the network, and looks whether to stop.
fn until<T>(handle: &tokio::runtime::Handle, interrupt: &Interrupt, future: impl Future<Output = T>) -> Option<T> {
    handle.block_on(async {
        tokio::pin!(future);
        loop {
            match tokio::time::timeout(TICK, &mut future).await {
                Ok(done) => return Some(done),
                Err(_) if interrupt.check().is_err() => return None,
                Err(_) => {}
            }
        }
    })
}

fn stopped() -> Failure {
    Failure { reason: "the run was stopped".to_owned(), is_final: true }
}

impl Answer {
    /// How long the body is, where the head says so.
    pub(super) fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next bytes of the body; nothing at its end.
    pub(super) fn chunk(&mut self) -> std::result::Result<Option<Bytes>, Failure> {
        match until(&self.handle, &self.interrupt, self.response.chunk()) {
            Some(Ok(chunk)) => Ok(chunk),
            Some(Err(error)) => Err(Failure::of(&error)),
            None => Err(stopped()),
        }
    }

    /// The whole body, at most one byte more than `most`.
    pub(super) fn read(&mut self, most: u64) -> std::result::Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let mut pace = Pace::new(self.patience);
        let most = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1);
        while let Some(chunk) = self.chunk()? {
            pace.took(chunk.len())?;
            bytes.extend_from_slice(&chunk[..chunk.len().min(most - bytes.len())]);
            if bytes.len() == most {
                break;
            }
        }
        Ok(bytes)
    }

    /// Sees to it that the body does not drip.
    pub(super) fn pace(&self) -> Pace {
        Pace::new(self.patience)
    }
}

/// How fast a body comes.
pub(super) struct Pace {
    patience: Duration,
    since: std::time::Instant,
    bytes: u64,
}

impl Pace {
    fn new(patience: Duration) -> Self {
        Self { patience, since: std::time::Instant::now(), bytes: 0 }
    }

    /// Takes notice of bytes, and fails when they were too few for too long.
    pub(super) fn took(&mut self, bytes: usize) -> std::result::Result<(), Failure> {
        self.bytes += bytes as u64;
        if self.bytes >= LEAST_BYTES {
            *self = Self::new(self.patience);
        } else if self.since.elapsed() > self.patience {
            let reason = format!("{} bytes in {} s", self.bytes, self.since.elapsed().as_secs());
            return Err(Failure { reason, is_final: false });
        }
        Ok(())
    }
}

/// Whether an address is on this machine.
fn is_here(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn authorities_of(path: &Path) -> Result<Vec<reqwest::Certificate>> {
    let pem = std::fs::read(path).map_err(Error::io("read", path))?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(Error::Usage(format!("{} holds no certificate in PEM", path.display()))),
    }
}
