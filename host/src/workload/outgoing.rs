//! Requests that guests send: to granted hosts alone, and no redirect is followed for them.

use super::grants::Grants;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes};
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

type Sent = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

/// Sends what one guest asks to be sent.
pub(super) struct Outgoing {
    grants: Grants,
}

impl Outgoing {
    pub(super) fn new(grants: Grants) -> Self {
        Self { grants }
    }
}

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        if !self.grants.allows(request.uri()) {
            return Box::new(async { Err(Error::HttpRequestDenied) });
        }
        Box::new(async move {
            let response = send(request, options.unwrap_or_default()).await?;
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }
}

async fn send(request: http::Request<WasiBody>, options: RequestOptions) -> Result<http::Response<WasiBody>, Error> {
    let (parts, body) = request.into_parts();
    let url = reqwest::Url::parse(&parts.uri.to_string()).map_err(|_| Error::HttpRequestUriInvalid)?;
    let body = body.map_err(|error| std::io::Error::other(format!("{error:?}")));
    // The client wants to share bodies between threads; a guest's body stays on one.
    let body = reqwest::Body::wrap_stream(http_body_util::BodyDataStream::new(body));
    // Who says how long connecting may take gets connections of its own: it is a setting of all of a client's.
    let own = options.connect_timeout.map(|time| building().connect_timeout(time).build());
    let own = own.transpose().map_err(|_| Error::TlsCertificateError)?;
    let client = match own {
        Some(own) => own,
        None => client()?.clone(),
    };
    let sending = client.request(parts.method, url).headers(parts.headers).body(body).send();
    let sent = match options.first_byte_timeout {
        Some(time) => tokio::time::timeout(time, sending).await.map_err(|_| Error::ConnectionReadTimeout)?,
        None => sending.await,
    };
    let response = http::Response::<reqwest::Body>::from(sent.map_err(|error| cause(&error))?);
    Ok(match options.between_bytes_timeout {
        Some(time) => response.map(|body| Paced { body, time, wait: None }.boxed_unsync()),
        None => response.map(|body| body.map_err(|error| cause(&error)).boxed_unsync()),
    })
}

/// A body whose parts may be only so far apart.
struct Paced {
    body: reqwest::Body,
    time: Duration,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.wait = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| cause(&error))));
        }
        let time = self.time;
        let wait = self.wait.get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        wait.as_mut().poll(context).map(|()| Some(Err(Error::ConnectionReadTimeout)))
    }
}

fn cause(error: &reqwest::Error) -> Error {
    if error.is_timeout() {
        Error::ConnectionTimeout
    } else if error.is_connect() {
        Error::ConnectionRefused
    } else {
        Error::HttpResponseIncomplete
    }
}

/// One client for all guests of this process.
fn client() -> Result<&'static reqwest::Client, Error> {
    static CLIENT: OnceLock<Option<reqwest::Client>> = OnceLock::new();
    let made = CLIENT.get_or_init(|| building().build().ok());
    made.as_ref().ok_or(Error::TlsCertificateError)
}

/// Follows nothing that the guest was not granted.
fn building() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy()
}
