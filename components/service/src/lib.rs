//! Inspecting what images are made of, over HTTP, wherever `wasi:http` 0.2 is hosted: `wasmtime serve`, Spin, wasmCloud,
//! `portolan run --http`.
//!
//! - `POST /document` takes a manifest, an index or a config, and answers what it is, with its digest and its size.
//! - `POST /layer` takes a layer, and answers a line of JSON for every entry while it comes in; the last line is the
//!   summary, or an error.
//! - `GET /document?url=URL` and `GET /layer?url=URL` fetch it from there, as far as the host lets them.
//!
//! Whatever is wrong is `{"error":{"code":...,"message":...}}`. Every request has the limits that a command has.

mod document;
mod fetch;
mod layer;

use fetch::Body;
use serde_json::{Value, json};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::OutputStream;

struct Service;

wasip2::http::proxy::export!(Service);

/// What a request fails with.
pub(crate) struct Failure {
    status: u16,
    code: &'static str,
    message: String,
}

impl Failure {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn json(&self) -> Value {
        json!({ "error": { "code": self.code, "message": self.message } })
    }
}

impl From<portolan_image::Error> for Failure {
    fn from(error: portolan_image::Error) -> Self {
        Self::new(422, error.code().as_str(), error.to_string())
    }
}

impl From<portolan_layer::Error> for Failure {
    fn from(error: portolan_layer::Error) -> Self {
        Self::new(422, error.code().as_str(), error.to_string())
    }
}

/// Where an answer goes, piece by piece.
pub(crate) struct Answer {
    stream: OutputStream,
}

impl Answer {
    /// The most that one call of the stream takes.
    const PIECE: usize = 4096;

    /// Sends bytes; answers whether anybody still wants them.
    fn send(&self, bytes: &[u8]) -> bool {
        bytes.chunks(Self::PIECE).all(|piece| self.stream.blocking_write_and_flush(piece).is_ok())
    }
}

impl Guest for Service {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let what = match path {
            "/document" | "/layer" => body(&request, query),
            "/" => {
                let help = json!({ "service": "portolan", "version": env!("CARGO_PKG_VERSION"),
                    "paths": ["POST /document", "POST /layer", "GET /document?url=URL", "GET /layer?url=URL"] });
                return respond(out, 200, |answer| answer.send(help.to_string().as_bytes()));
            }
            _ => Err(Failure::new(404, "path-not-found", format!("there is no {path} here"))),
        };
        let answered = what.and_then(|mut body| match path {
            "/layer" => Ok(Answered::Layer(body)),
            _ => document::inspect(&mut body).map(Answered::Document),
        });
        match answered {
            // What is wrong with a layer shows when the answer has begun.
            Ok(Answered::Layer(mut body)) => respond(out, 200, |answer| layer::inspect(&mut body, answer)),
            Ok(Answered::Document(json)) => respond(out, 200, |answer| answer.send(&json)),
            Err(failure) => {
                let json = failure.json().to_string();
                respond(out, failure.status, |answer| answer.send(json.as_bytes()));
            }
        }
    }
}

enum Answered {
    Document(Vec<u8>),
    Layer(Body),
}

/// What a request is about: its own body, or what its URL leads to.
fn body(request: &IncomingRequest, query: &str) -> Result<Body, Failure> {
    match request.method() {
        Method::Post => Body::of_request(request),
        Method::Get => {
            let url = query.split('&').find_map(|pair| pair.strip_prefix("url="));
            let url = url.ok_or_else(|| Failure::new(400, "usage", "say where it is with ?url=URL, or POST it"))?;
            let url = percent_encoding::percent_decode_str(url).decode_utf8();
            fetch::get(&url.map_err(|_| Failure::new(400, "usage", "the URL is no UTF-8"))?)
        }
        _ => Err(Failure::new(405, "usage", "documents and layers are taken by POST, or by GET with ?url=URL")),
    }
}

fn respond(out: ResponseOutparam, status: u16, write: impl FnOnce(&Answer) -> bool) {
    let headers = Fields::new();
    let _ = headers.append("content-type", b"application/json");
    let response = OutgoingResponse::new(headers);
    let _ = response.set_status_code(status);
    let Ok(body) = response.body() else { return };
    ResponseOutparam::set(out, Ok(response));
    if let Ok(stream) = body.write() {
        // Whoever is gone does not miss the rest.
        let _ = write(&Answer { stream });
    }
    let _ = OutgoingBody::finish(body, None);
}
