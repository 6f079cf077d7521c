//! A server: it greets, counts what it was asked, echoes, loops, fails, and asks others.

use std::sync::atomic::{AtomicU32, Ordering};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam, Scheme,
};
use wasip2::io::streams::StreamError;

struct Server;

wasip2::http::proxy::export!(Server);

/// How often this instance was asked: every request has an instance of its own, so it stays at one.
static ASKED: AtomicU32 = AtomicU32::new(0);

impl Guest for Server {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let asked = ASKED.fetch_add(1, Ordering::Relaxed) + 1;
        let path = request.path_with_query().unwrap_or_default();
        let (status, body) = match path.split('?').next().unwrap_or_default() {
            "/" => (200, b"hello\n".to_vec()),
            "/count" => (200, asked.to_string().into_bytes()),
            "/echo" => (200, read(&request)),
            "/ask" => match ask(path.split_once('?').map(|(_, authority)| authority).unwrap_or_default()) {
                Ok(status) => (200, format!("it says {status}").into_bytes()),
                Err(error) => (502, error.into_bytes()),
            },
            "/loop" => loop {
                std::hint::black_box(());
            },
            "/fail" => panic!("on purpose"),
            _ => (404, b"nothing here\n".to_vec()),
        };
        let response = OutgoingResponse::new(Fields::new());
        let _ = response.set_status_code(status);
        let Ok(outgoing) = response.body() else { return };
        ResponseOutparam::set(out, Ok(response));
        if let Ok(stream) = outgoing.write() {
            for part in body.chunks(4096) {
                if stream.blocking_write_and_flush(part).is_err() {
                    return;
                }
            }
        }
        let _ = OutgoingBody::finish(outgoing, None);
    }
}

fn read(request: &IncomingRequest) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(body) = request.consume() else { return bytes };
    if let Ok(stream) = body.stream() {
        loop {
            match stream.blocking_read(65_536) {
                Ok(part) => bytes.extend(part),
                Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => break,
            }
        }
    }
    bytes
}

fn ask(authority: &str) -> Result<u16, String> {
    let request = OutgoingRequest::new(Fields::new());
    let _ = request.set_scheme(Some(&Scheme::Http));
    let _ = request.set_authority(Some(authority));
    let _ = request.set_path_with_query(Some("/"));
    let answer = outgoing_handler::handle(request, None).map_err(|error| format!("{error:?}"))?;
    answer.subscribe().block();
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response.status()),
        other => Err(format!("{:?}", other.map(|outer| outer.map(|inner| inner.map(|_| ()))))),
    }
}
