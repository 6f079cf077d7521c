//! Who is asking: `Basic` credentials and the challenge for them (RFC 7617).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The value of `WWW-Authenticate` where names and passwords are wanted.
pub const BASIC: &str = "Basic realm=\"portolan\", charset=\"UTF-8\"";

/// The name and the password in an `Authorization` header; nothing for another scheme or a broken value.
#[must_use]
pub fn credentials(authorization: &str) -> Option<(String, String)> {
    let (scheme, value) = authorization.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = STANDARD.decode(value.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_basic() {
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(credentials("Basic YWxpY2U6YTpi"), pair("alice", "a:b"));
        assert_eq!(credentials("basic  Og=="), pair("", ""));
        for value in ["Bearer YWxpY2U6YTpi", "Basic", "Basic !", "Basic YWxpY2U=", ""] {
            assert_eq!(credentials(value), None, "{value}");
        }
    }
}
