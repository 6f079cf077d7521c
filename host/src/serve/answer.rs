//! One request: who asks, what for, who answers, and what every answer has.

use super::access::Access;
use super::content::Content;
use super::explorer::Explorer;
use super::metrics::{self, Metrics};
use super::proxy::Upstreams;
use crate::error::Error;
use crate::store::{Failure, Store};
use crate::text;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use portolan_registry::server::{Code, Query, Refusal, Route, challenge, cors, refusal};
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// An answer that is ready to be sent.
pub(super) type Answer = Response<Content>;

/// How long a request's body may say nothing.
const IDLE: Duration = Duration::from_secs(60);

/// How a request is said on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for a person.
    Text,
    /// A line of JSON.
    Json,
}

/// What answers.
pub(super) struct Registry {
    pub(super) store: Store,
    pub(super) access: Option<Access>,
    pub(super) cors: Vec<String>,
    pub(super) upstreams: Option<Upstreams>,
    pub(super) explorer: Option<Explorer>,
    pub(super) log: Option<LogFormat>,
    pub(super) metrics: Option<Metrics>,
    pub(super) idle: Duration,
}

/// A request without its body.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) query: Query,
    pub(super) headers: HeaderMap,
}

impl Asked {
    /// The value of a header, where it is text.
    pub(super) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The `Content-Length`.
    pub(super) fn length(&self) -> Option<u64> {
        self.header(header::CONTENT_LENGTH).and_then(|value| value.parse().ok())
    }

    pub(super) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }
}

impl Registry {
    pub(super) fn new(store: Store) -> Self {
        let (access, cors, upstreams, explorer, log, metrics) = (None, Vec::new(), None, None, None, None);
        Self { store, access, cors, upstreams, explorer, log, metrics, idle: IDLE }
    }

    /// Answers a request.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        let began = Instant::now();
        let (mut head, body) = request.into_parts();
        // HTTP/2 has the host in the URI, and HTTP/1.1 may (RFC 9112 section 3.2.2).
        if let Some(host) = head.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
            head.headers.insert(header::HOST, host);
        }
        let asked = Asked {
            query: Query::parse(head.uri.query().unwrap_or_default()),
            method: head.method,
            headers: head.headers,
        };
        let path = head.uri.path().to_owned();
        let route = Route::parse(&path);
        let endpoint = match &route {
            Ok(Some(route)) => route.word(),
            Ok(None) => "other",
            Err(_) => "invalid",
        };
        if let Some(metrics) = &self.metrics {
            metrics.open.inc();
        }
        let received = asked.length().unwrap_or_default();
        let mut answer = match self.dispatch(&asked, &path, route, body).await {
            Ok(answer) => answer,
            Err(failure) => self.refuse(failure, asked.is_head()),
        };
        self.add_headers(&asked, &mut answer);
        let took = began.elapsed();
        let sent = answer.body().size_hint().exact().unwrap_or_default();
        if let Some(metrics) = &self.metrics {
            metrics.open.dec();
            metrics.count((endpoint, method_word(&asked.method), answer.status().as_u16()), took, (received, sent));
        }
        if let Some(format) = self.log {
            let path = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
            let path = self.explorer.as_ref().map_or_else(|| path.to_owned(), |explorer| explorer.masked(path));
            log(format, peer, &asked.method, &path, answer.status(), sent, took);
        }
        answer
    }

    async fn dispatch(
        &self,
        asked: &Asked,
        path: &str,
        route: Result<Option<Route>, Refusal>,
        body: Incoming,
    ) -> Result<Answer, Failure> {
        if let Some(explorer) = &self.explorer {
            explorer.admit(asked, path, &self.cors)?;
        }
        if asked.method == Method::OPTIONS {
            // A browser asks without credentials (Fetch standard), and learns nothing but what may be asked.
            let mut answer = empty(StatusCode::NO_CONTENT);
            let allow = route.ok().flatten().map_or("GET, HEAD, OPTIONS", |route| route.methods());
            set(&mut answer, header::ALLOW, allow);
            return Ok(answer);
        }
        if let Some(access) = &self.access
            && !access.allows(asked.header(header::AUTHORIZATION)).await
        {
            let message = "name and password are wanted: `portolan login` or the like keeps them";
            return Err(Refusal::new(Code::Unauthorized, message)
                .with_header("www-authenticate", challenge::BASIC)
                .into());
        }
        if path == "/metrics"
            && let Some(metrics) = &self.metrics
        {
            return Ok(document(StatusCode::OK, metrics::CONTENT_TYPE, metrics.text().into_bytes(), asked.is_head()));
        }
        if let Some(answer) = self.explore(asked, path).await? {
            return Ok(answer);
        }
        let Some(route) = route? else {
            let text = b"there is nothing here: the registry is below /v2/\n".to_vec();
            return Ok(document(StatusCode::NOT_FOUND, "text/plain", text, asked.is_head()));
        };
        let writes = !matches!(asked.method, Method::GET | Method::HEAD);
        if writes && self.store.rules().read_only {
            let message = "this registry is read-only";
            return Err(Refusal::new(Code::Unsupported, message).with_header("allow", "GET, HEAD, OPTIONS").into());
        }
        if !writes && let Some(answer) = self.proxied(asked, &route).await? {
            return Ok(answer);
        }
        match (&asked.method, &route) {
            (&Method::GET | &Method::HEAD, Route::Upload { name, id }) => self.upload_status(name, id),
            (&Method::GET | &Method::HEAD, _) if !matches!(route, Route::Uploads { .. }) => self.pull(asked, &route),
            (&Method::POST, Route::Uploads { name }) => self.begin(asked, name, body).await,
            (&Method::PATCH, Route::Upload { name, id }) => self.chunk(asked, name, id, body).await,
            (&Method::PUT, Route::Upload { name, id }) => self.close(asked, name, id, body).await,
            (&Method::DELETE, Route::Upload { name, id }) => self.cancel(name, id).await,
            (&Method::PUT, Route::Manifest { name, reference }) => {
                self.put_manifest(asked, name, reference, body).await
            }
            (&Method::DELETE, Route::Manifest { name, reference }) => self.delete_manifest(name, reference).await,
            (&Method::DELETE, Route::Blob { name, digest }) => self.delete_blob(name, digest).await,
            _ => {
                let message = format!("{} is not answered here, but {}", method_word(&asked.method), route.methods());
                Err(Refusal::new(Code::Unsupported, message).with_header("allow", route.methods()).into())
            }
        }
    }

    /// What is answered when something is not done.
    fn refuse(&self, failure: Failure, is_head: bool) -> Answer {
        match failure {
            Failure::Refused(refused) => {
                let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::BAD_REQUEST);
                let mut answer = document(status, refusal::JSON, refused.body(), is_head);
                for (name, value) in &refused.headers {
                    set(&mut answer, HeaderName::from_static(name), value);
                }
                answer
            }
            Failure::Broken(error) => {
                self.complain(&error);
                // What is wrong here is nobody's business but the operator's.
                let text = b"the registry could not do this; its operator finds why on its standard error\n".to_vec();
                document(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", text, is_head)
            }
        }
    }

    /// Says what went wrong on standard error.
    pub(super) fn complain(&self, error: &Error) {
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            message.push_str(&format!(": {error}"));
            cause = error.source();
        }
        let line = match self.log {
            Some(LogFormat::Json) => {
                serde_json::json!({ "error": { "code": error.word(), "message": message } }).to_string()
            }
            _ => format!("error: {}", text::printable(&message)),
        };
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    fn add_headers(&self, asked: &Asked, answer: &mut Answer) {
        // Clients of Docker look for it before they believe that this is a registry.
        set(answer, HeaderName::from_static("docker-distribution-api-version"), "registry/2.0");
        set(answer, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        if let Some(explorer) = &self.explorer {
            explorer.add_headers(answer);
        }
        let Some(origin) = cors::allowed(&self.cors, asked.header(header::ORIGIN)) else { return };
        set(answer, header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(answer, header::ACCESS_CONTROL_EXPOSE_HEADERS, cors::EXPOSED);
        if origin != "*" {
            set(answer, header::VARY, "Origin");
        }
        if asked.method == Method::OPTIONS {
            set(answer, header::ACCESS_CONTROL_ALLOW_METHODS, cors::METHODS);
            set(answer, header::ACCESS_CONTROL_ALLOW_HEADERS, cors::HEADERS);
            set(answer, header::ACCESS_CONTROL_MAX_AGE, cors::MAX_AGE);
        }
    }
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Content::Empty);
    *answer.status_mut() = status;
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        set(&mut answer, header::CONTENT_LENGTH, "0");
    }
    answer
}

/// An answer that is a document; without the document itself for HEAD, but with its length.
pub(super) fn document(status: StatusCode, content_type: &str, body: Vec<u8>, is_head: bool) -> Answer {
    let length = body.len().to_string();
    let mut answer = Response::new(if is_head { Content::Empty } else { body.into() });
    *answer.status_mut() = status;
    set(&mut answer, header::CONTENT_TYPE, content_type);
    set(&mut answer, header::CONTENT_LENGTH, &length);
    answer
}

/// Sets a header. What no header can hold is left out.
pub(super) fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn method_word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn log(
    format: LogFormat,
    peer: SocketAddr,
    method: &Method,
    path: &str,
    status: StatusCode,
    sent: u64,
    took: Duration,
) {
    let millis = took.as_secs_f64() * 1000.0;
    let line = match format {
        LogFormat::Json => serde_json::json!({
            "event": "request",
            "peer": peer.to_string(),
            "method": method.as_str(),
            "path": path,
            "status": status.as_u16(),
            "bytes": sent,
            "milliseconds": millis,
        })
        .to_string(),
        LogFormat::Text => {
            let path = text::printable(path);
            format!("{peer} {method} {path} {} {sent} {millis:.1} ms", status.as_u16())
        }
    };
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
