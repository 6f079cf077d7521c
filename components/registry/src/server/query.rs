//! The query of a request, and percent escapes.

/// The pairs of a query, decoded, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Parses what stands behind the `?`.
    ///
    /// A `+` is itself, not a space: it is a part of media types and digests, some clients send it as it is, and no
    /// parameter of the specification holds spaces. Pairs with broken escapes stay as they are written.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let decoded = |text: &str| decode(text).unwrap_or_else(|| text.to_owned());
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
        )
    }

    /// The first value of a name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values(name).next()
    }

    /// Every value of a name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// The text without percent escapes; nothing when one is broken or the result is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let value = digit(rest.next())? * 16 + digit(rest.next())?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::encode;

    #[test]
    fn a_plus_is_a_plus() {
        let query = Query::parse("artifactType=application/vnd.x+json&tag=a&tag=b%2Bc&n&=&%zz=%");
        assert_eq!(query.value("artifactType"), Some("application/vnd.x+json"));
        assert_eq!(query.values("tag").collect::<Vec<_>>(), ["a", "b+c"]);
        assert_eq!((query.value("n"), query.value("%zz"), query.value("x")), (Some(""), Some("%"), None));
    }

    #[test]
    fn what_is_encoded_decodes() {
        for text in ["sha256:ab", "a+b c/d?&=%", "é"] {
            assert_eq!(decode(&encode(text)).as_deref(), Some(text));
        }
        assert_eq!(decode("%ff"), None);
        assert_eq!(decode("%2"), None);
        assert_eq!(decode("%+1"), None);
    }
}
