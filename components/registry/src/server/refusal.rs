//! What is answered to a request that is not done (spec.md#error-codes).

use portolan_image::json::Value;

/// The codes of the specification (W-41).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The blob is not there.
    BlobUnknown,
    /// The upload cannot go on like this.
    BlobUploadInvalid,
    /// There is no such upload.
    BlobUploadUnknown,
    /// The digest does not fit the grammar, its algorithm or the content.
    DigestInvalid,
    /// The manifest refers to something that is not there.
    ManifestBlobUnknown,
    /// The manifest breaks a rule.
    ManifestInvalid,
    /// The manifest is not there.
    ManifestUnknown,
    /// This is no repository name.
    NameInvalid,
    /// There is no such repository.
    NameUnknown,
    /// The length is not the one that was promised, or too much.
    SizeInvalid,
    /// Nobody has said who is asking.
    Unauthorized,
    /// Whoever asks may not.
    Denied,
    /// It is not done here.
    Unsupported,
    /// It is asked too often.
    TooManyRequests,
}

impl Code {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
        }
    }

    /// The status that goes with the code where nothing else is said.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::BlobUnknown | Self::BlobUploadUnknown | Self::ManifestUnknown | Self::NameUnknown => 404,
            Self::BlobUploadInvalid
            | Self::DigestInvalid
            | Self::ManifestBlobUnknown
            | Self::ManifestInvalid
            | Self::NameInvalid
            | Self::SizeInvalid => 400,
            Self::Unauthorized => 401,
            Self::Denied => 403,
            Self::Unsupported => 405,
            Self::TooManyRequests => 429,
        }
    }
}

/// An answer that something is not done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// The code in its body.
    pub code: Code,
    /// One line for a person.
    pub message: String,
    /// More headers of the answer, such as the `Range` of an upload.
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal with the status of its code.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { status: code.status(), code, message: message.into(), headers: Vec::new() }
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The body, as the specification has it (W-40). Its content type is [`JSON`].
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let text = |text: &str| Value::String(text.to_owned());
        let error = vec![("code".to_owned(), text(self.code.as_str())), ("message".to_owned(), text(&self.message))];
        Value::Object(vec![("errors".to_owned(), Value::Array(vec![Value::Object(error)]))]).to_bytes()
    }
}

/// The content type of error bodies and lists of tags.
pub const JSON: &str = "application/json";

/// The most characters of a request that an answer repeats.
const QUOTED: usize = 160;

/// A part of a request for a message: escaped, and short whatever its length.
pub(super) fn quote(text: &str) -> String {
    let short: String = text.chars().take(QUOTED).collect();
    if short.len() < text.len() { format!("{short:?}...") } else { format!("{short:?}") }
}

/// The value of a `Warning` header (W-44): quotes and what no header can hold become spaces; at most 4096 bytes.
#[must_use]
pub fn warning(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|char| if matches!(char, ' '..='~') && !matches!(char, '"' | '\\') { char } else { ' ' })
        .take(4000)
        .collect();
    format!("299 - \"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w_40_a_body_is_a_list_of_errors() {
        let refusal = Refusal::new(Code::TooManyRequests, "a \"b\"");
        assert_eq!(refusal.status, 429);
        assert_eq!(refusal.body(), br#"{"errors":[{"code":"TOOMANYREQUESTS","message":"a \"b\""}]}"#);
    }

    #[test]
    fn w_44_a_warning_has_no_date_and_an_end() {
        assert_eq!(warning("old \"x\"\r\nSet-Cookie: a"), "299 - \"old  x   Set-Cookie: a\"");
        assert!(warning(&"x".repeat(5000)).len() <= 4096);
    }
}
