//! What an HTTP request and its answer are here: as little of RFC 9110 as the protocol needs.

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads all but the body.
    Head,
    /// Begins something.
    Post,
    /// Writes something whole.
    Put,
    /// Writes a part.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// As it stands in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Where the body of a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none; `Content-Length` is zero where the method would have one.
    None,
    /// These bytes.
    Bytes(Vec<u8>),
    /// A part of the blob that is pushed.
    Blob {
        /// Where it starts.
        offset: u64,
        /// How many bytes it has.
        length: u64,
    },
    /// Everything that is pushed, of a length that nobody knows yet.
    Stream,
}

/// One header; names compare without regard to case.
pub type Header = (String, String);

/// A request to send exactly as it is: redirects are not followed, nothing is retried, no credential is added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// An absolute `http` or `https` address without fragment.
    pub url: String,
    /// Headers beside those that HTTP itself needs.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Body,
}

/// What came back, without the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// All headers, repeated ones repeated.
    pub headers: Vec<Header>,
    /// The address that answered, where the driver cannot help following redirects.
    pub url: Option<String>,
}

impl Response {
    /// The first header of a name.
    #[must_use]
    pub fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).next()
    }

    /// All headers of a name.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim())
    }

    /// Whether the status says that it is done.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Percent-encodes what has a meaning in a query or is no URL character (RFC 3986).
#[must_use]
pub fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b',' | b'@' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    })
}

/// An address with one more parameter in its query.
#[must_use]
pub fn with_query(url: &str, name: &str, value: &str) -> String {
    let separator = match url.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{separator}{name}={}", encode(value))
}

/// The address that a `Link` header with `rel="next"` names (RFC 8288; W-04); nothing where there is none.
#[must_use]
pub fn next_link<'a>(values: impl Iterator<Item = &'a str>) -> Option<String> {
    values.flat_map(links).find_map(|(target, parameters)| {
        let is_next = parameters.iter().any(|(name, value)| {
            name == "rel" && value.split_ascii_whitespace().any(|relation| relation.eq_ignore_ascii_case("next"))
        });
        is_next.then_some(target)
    })
}

type Parameters = Vec<(String, String)>;

/// The links of one header. What cannot be read ends it: a link in doubt is none.
fn links(value: &str) -> Vec<(String, Parameters)> {
    let mut found = Vec::new();
    let mut rest = value.trim_start_matches([' ', '\t', ',']);
    while let Some((target, after)) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        let mut parameters = Parameters::new();
        rest = after.trim_start();
        while let Some(after) = rest.strip_prefix(';') {
            let after = after.trim_start();
            let end = after.find(['=', ';', ',']).unwrap_or(after.len());
            let name = after[..end].trim().to_ascii_lowercase();
            rest = &after[end..];
            let value = match rest.strip_prefix('=') {
                None => String::new(),
                Some(after) => {
                    let after = after.trim_start();
                    let Some((value, left)) = word(after) else { return found };
                    rest = left;
                    value
                }
            };
            rest = rest.trim_start();
            // The first of several counts (RFC 8288 section 3.3).
            if parameters.iter().all(|(found, _)| *found != name) {
                parameters.push((name, value));
            }
        }
        found.push((target.trim().to_owned(), parameters));
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n', ',']);
    }
    found
}

/// A token or a quoted string at the start of a text, and what follows.
pub(crate) fn word(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',', ';', '"']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[index + 1..])),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// W-04. A link that breaks the grammar is none: where the next page is must not be guessed.
    #[test]
    fn the_next_page_is_found_where_others_find_it() {
        let text = include_str!("../../../tests/fixtures/vectors/link-headers.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        let mut checked = 0;
        for case in vectors["cases"].as_array().unwrap() {
            let headers: Vec<&str> =
                case["headers"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
            // Links without angle brackets are a leniency of others.
            if case["param"] == "rel" && case["value"] == "next" && headers.iter().all(|header| header.starts_with('<'))
            {
                let found = next_link(headers.into_iter());
                assert_eq!(found.as_deref(), case["uri"].as_str(), "{}", case["name"]);
                checked += 1;
            } else if case.get("expect").is_some() {
                let _ = next_link(headers.into_iter());
            }
        }
        assert!(checked > 3, "{checked}");
        for none in ["</x>; rel=\"prev\"", "</x>", "/x; rel=next", "</x; rel=next", "</x>; rel=\"next", ""] {
            assert_eq!(next_link([none].into_iter()), None, "{none}");
        }
        assert_eq!(next_link(["</a>; rel=prev, </b>; rel=\"last next\""].into_iter()).as_deref(), Some("/b"));
    }

    /// U-02: what is in the query of a location stays.
    #[test]
    fn a_parameter_is_added_to_the_query_that_is_there() {
        assert_eq!(with_query("http://r/x", "digest", "sha256:ab"), "http://r/x?digest=sha256:ab");
        assert_eq!(
            with_query("http://r/x?_state=a%2Fb==", "n", "a b+c&d"),
            "http://r/x?_state=a%2Fb==&n=a%20b%2Bc%26d"
        );
        assert_eq!(with_query("http://r/x?", "n", "1"), "http://r/x?n=1");
    }
}
