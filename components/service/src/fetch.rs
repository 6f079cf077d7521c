//! Bodies, of requests and of what is fetched for them.

use crate::Failure;
use http::Uri;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, IncomingBody, IncomingRequest, IncomingResponse, OutgoingRequest, Scheme};
use wasip2::io::streams::{InputStream, StreamError};

/// How much is read at once.
const CHUNK: u64 = 256 << 10;

/// Bytes that come in. What they come from lives as long as they do.
pub(crate) struct Body {
    stream: InputStream,
    _body: IncomingBody,
    _response: Option<IncomingResponse>,
}

impl Body {
    pub(crate) fn of_request(request: &IncomingRequest) -> Result<Self, Failure> {
        let failed = || Failure::new(400, "usage", "the request has no body");
        let body = request.consume().map_err(|()| failed())?;
        let stream = body.stream().map_err(|()| failed())?;
        Ok(Self { stream, _body: body, _response: None })
    }

    /// The next bytes; nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match self.stream.blocking_read(CHUNK) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StreamError::Closed) => Ok(None),
            Err(StreamError::LastOperationFailed(error)) => {
                Err(Failure::new(502, "registry-unreachable", error.to_debug_string()))
            }
        }
    }

    /// All bytes, so many at most.
    pub(crate) fn all(&mut self, most: u64) -> Result<Vec<u8>, Failure> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next()? {
            if all.len() as u64 + bytes.len() as u64 > most {
                return Err(Failure::new(413, "limit-exceeded", format!("a document has {most} bytes at most")));
            }
            all.extend(bytes);
        }
        Ok(all)
    }
}

/// Asks for a URL.
pub(crate) fn get(url: &str) -> Result<Body, Failure> {
    let wrong = |what: &str| Failure::new(400, "usage", format!("{url} {what}"));
    let uri: Uri = url.parse().map_err(|_| wrong("is no URL"))?;
    let scheme = match uri.scheme_str() {
        Some("https") => Scheme::Https,
        Some("http") => Scheme::Http,
        _ => return Err(wrong("is neither http nor https")),
    };
    let headers = Fields::new();
    let _ = headers.append("accept", b"application/vnd.oci.image.manifest.v1+json");
    let _ = headers.append("accept", b"application/vnd.oci.image.index.v1+json");
    let _ = headers.append("accept", b"*/*");
    let request = OutgoingRequest::new(headers);
    let set = request.set_scheme(Some(&scheme));
    let set = set.and_then(|()| request.set_authority(uri.authority().map(http::uri::Authority::as_str)));
    let set = set.and_then(|()| request.set_path_with_query(uri.path_and_query().map(|path| path.as_str())));
    set.map_err(|()| wrong("cannot be asked for"))?;
    let failed = |error: &dyn std::fmt::Debug| {
        Failure::new(502, "registry-unreachable", format!("{url} cannot be fetched: {error:?}"))
    };
    let answer = outgoing_handler::handle(request, None).map_err(|error| failed(&error))?;
    answer.subscribe().block();
    let response = match answer.get() {
        Some(Ok(Ok(response))) => response,
        Some(Ok(Err(error))) => return Err(failed(&error)),
        _ => return Err(failed(&"it was not answered")),
    };
    if response.status() != 200 {
        return Err(Failure::new(502, "registry-refused", format!("{url} answers {}", response.status())));
    }
    let body = response.consume().map_err(|()| failed(&"it has no body"))?;
    let stream = body.stream().map_err(|()| failed(&"it has no body"))?;
    Ok(Body { stream, _body: body, _response: Some(response) })
}
