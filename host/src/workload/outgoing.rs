//! Requests that guests send: to granted hosts alone, and no redirect is followed for them.

use super::grants::Grants;
use http_body_util::BodyExt as _;
use std::future::Future;
use std::sync::OnceLock;
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
    let sending = client()?.request(parts.method, url).headers(parts.headers).body(body).send();
    let sent = match options.first_byte_timeout {
        Some(time) => tokio::time::timeout(time, sending).await.map_err(|_| Error::ConnectionReadTimeout)?,
        None => sending.await,
    };
    let response = http::Response::<reqwest::Body>::from(sent.map_err(|error| cause(&error))?);
    Ok(response.map(|body| body.map_err(|error| cause(&error)).boxed_unsync()))
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
    let made = CLIENT.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().ok()
    });
    made.as_ref().ok_or(Error::TlsCertificateError)
}
