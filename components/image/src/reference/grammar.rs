//! The grammars, each in one pass over the bytes.

/// Whether a text is a repository name (E-10).
///
/// The specification sets no length; [`crate::reference::Named`] has Docker's limit.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.split('/').all(is_name_component)
}

/// Whether a text is a tag: at most 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-` (E-11).
#[must_use]
pub fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

/// Whether the value of an `org.opencontainers.image.ref.name` annotation has the form that the specification suggests.
///
/// This is advice to writers only (T-09): any value is legal (Y-10), so nothing is ever refused for it. A legal tag such
/// as `_x` or `a__b` does not have that form.
#[must_use]
pub fn is_ref_name(text: &str) -> bool {
    text.split('/').all(|component| {
        is_joined(component.as_bytes(), u8::is_ascii_alphanumeric, |separator| {
            matches!(separator, [b'-' | b'.' | b'_' | b':' | b'@' | b'+'] | b"--")
        })
    })
}

/// One component of a repository name: lower-case letters and digits, joined by `.`, `_`, `__` or any number of `-`.
fn is_name_component(text: &str) -> bool {
    is_joined(
        text.as_bytes(),
        |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit(),
        |separator| matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-'),
    )
}

/// Whether bytes are words with separators between them, neither first nor last.
fn is_joined(bytes: &[u8], word: impl Fn(&u8) -> bool, separator: impl Fn(&[u8]) -> bool) -> bool {
    let ends_are_words = bytes.first().is_some_and(&word) && bytes.last().is_some_and(&word);
    ends_are_words && bytes.split(word).all(|between| between.is_empty() || separator(between))
}

/// A registry: a domain name, an IPv4 address or an IPv6 address in brackets, then perhaps a port.
pub(super) fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, after)) => {
            if address.is_empty() || !address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':') {
                return false;
            }
            match after {
                "" => return true,
                after => ("", after.strip_prefix(':')),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("0")),
        },
    };
    let component = |part: &str| {
        let alphanumeric = |byte: u8| byte.is_ascii_alphanumeric();
        part.bytes().next().is_some_and(alphanumeric)
            && part.bytes().last().is_some_and(alphanumeric)
            && part.bytes().all(|byte| alphanumeric(byte) || byte == b'-')
    };
    let host_fits = text.starts_with('[') || host.split('.').all(component);
    host_fits && port.is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// 64 lower-case hexadecimal digits, which Docker takes for an image's identifier.
pub(super) fn is_identifier(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
