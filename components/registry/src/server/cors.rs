//! What a page in a browser may do with a registry (the Fetch standard's CORS protocol).

/// The headers that a page may see: all that the distribution protocol answers with.
pub const EXPOSED: &str = "Accept-Ranges, Content-Length, Content-Range, Docker-Content-Digest, \
    Docker-Distribution-Api-Version, ETag, Link, Location, OCI-Filters-Applied, OCI-Namespace, OCI-Subject, OCI-Tag, Range, \
    Retry-After, Warning, WWW-Authenticate";
/// The methods that a page may use: those that change nothing.
pub const METHODS: &str = "GET, HEAD, OPTIONS";
/// The headers that a page may send.
pub const HEADERS: &str = "Accept, Authorization, If-Match, If-None-Match, If-Range, Range";
/// How long, in seconds, a browser may remember the answer to its question.
pub const MAX_AGE: &str = "86400";

/// The value of `Access-Control-Allow-Origin` for a page of this origin, if it may see anything.
///
/// With `*` among the allowed origins every page may; credentials of the browser itself are never let through.
#[must_use]
pub fn allowed<'a>(allowed: &'a [String], origin: Option<&str>) -> Option<&'a str> {
    allowed.iter().find(|allowed| *allowed == "*" || Some(allowed.as_str()) == origin).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_origins_see_anything() {
        let some = ["https://a.example".to_owned()];
        assert_eq!(allowed(&some, Some("https://a.example")), Some("https://a.example"));
        assert_eq!(allowed(&some, Some("https://b.example")), None);
        assert_eq!(allowed(&["*".to_owned()], None), Some("*"));
        assert_eq!(allowed(&[], Some("null")), None);
    }
}
