//! Conditional requests (RFC 9110 section 13): the entity tag of content is its digest.

use portolan_image::Digest;

/// The entity tag of what has this digest.
#[must_use]
pub fn entity_tag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

/// Whether a value of `If-Match` or `If-None-Match` names this content. Weak tags count: bytes of one digest are equal.
/// Tags without quotes count too, which some clients send.
#[must_use]
pub fn names(value: &str, digest: Option<&Digest>) -> bool {
    let Some(digest) = digest else { return false };
    let digest = digest.to_string();
    value.split(',').map(str::trim).any(|tag| {
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag.trim_matches('"') == digest
    })
}

/// Whether a write may go on: what is there must be named by `If-Match`, and must not be named by `If-None-Match`.
#[must_use]
pub fn allows_write(if_match: Option<&str>, if_none_match: Option<&str>, present: Option<&Digest>) -> bool {
    if_match.is_none_or(|value| names(value, present)) && !if_none_match.is_some_and(|value| names(value, present))
}

/// Whether a `Range` counts: with `If-Range`, only for the very same content. A date never is.
#[must_use]
pub fn allows_range(if_range: Option<&str>, digest: &Digest) -> bool {
    if_range.is_none_or(|value| !value.trim_start().starts_with("W/") && names(value, Some(digest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_image::Descriptor;

    #[test]
    fn conditions_name_digests() {
        let digest = Descriptor::empty().digest;
        let tag = entity_tag(&digest);
        for value in [tag.clone(), format!("\"x\", W/{tag}"), digest.to_string(), "*".to_owned()] {
            assert!(names(&value, Some(&digest)), "{value}");
            assert!(!names(&value, None));
        }
        assert!(!names("\"x\"", Some(&digest)));
        assert!(allows_write(None, Some("*"), None) && !allows_write(None, Some("*"), Some(&digest)));
        assert!(allows_write(Some(&tag), None, Some(&digest)) && !allows_write(Some(&tag), None, None));
        assert!(!allows_write(Some("\"x\""), None, Some(&digest)));
        assert!(allows_range(None, &digest) && allows_range(Some(&tag), &digest));
        assert!(!allows_range(Some(&format!("W/{tag}")), &digest));
        assert!(!allows_range(Some("Wed, 21 Oct 2015 07:28:00 GMT"), &digest));
    }
}
