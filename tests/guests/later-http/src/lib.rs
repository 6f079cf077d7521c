//! A server of WASI 0.3: it answers with the path that it was asked for and how often this instance was asked.

use std::sync::atomic::{AtomicU32, Ordering};
use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};

wasip3::http::service::export!(Server);

struct Server;

static ASKED: AtomicU32 = AtomicU32::new(0);

impl wasip3::exports::http::handler::Guest for Server {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let asked = ASKED.fetch_add(1, Ordering::Relaxed) + 1;
        let text = format!("{} {asked}", request.get_path_with_query().unwrap_or_default());
        let (mut body, received) = wit_stream::new();
        let (trailers, none) = wit_future::new(|| Ok(None));
        let (response, _) = Response::new(Fields::new(), Some(received), none);
        drop(trailers);
        wit_bindgen::spawn_local(async move {
            body.write_all(text.into_bytes()).await;
        });
        Ok(response)
    }
}
