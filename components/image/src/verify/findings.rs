//! What verifying finds.

use crate::digest::Digest;
use crate::error::{Code, Error};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Legal or harmless, yet likely not what was meant.
    Warning,
    /// The image is wrong, incomplete or cannot be verified.
    Error,
}

/// One thing that is wrong with an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The word for it.
    pub code: Code,
    /// The blob that it is about.
    pub digest: Option<Digest>,
    /// Where it was come upon: a document and a JSON pointer, such as `index.json/manifests/0`.
    pub place: String,
    /// What is wrong, both sides stated.
    pub message: String,
}

/// The outcome of verifying a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What was found, in the order of finding; at most 10 000 errors and 1 000 warnings.
    pub findings: Vec<Finding>,
    /// How many errors were found, those that are not listed included.
    pub errors: u64,
    /// How many warnings were found, those that are not listed included.
    pub warnings: u64,
    /// How many documents were verified without an error of digest or size.
    pub documents: u64,
    /// How many layers were verified.
    pub layers: u64,
    /// How many blobs that are neither were verified.
    pub blobs: u64,
    /// The bytes of all that was verified, as stored.
    pub bytes: u64,
}

/// A hostile image must not turn each of its bytes into a message.
const ERRORS: u64 = 10_000;
const WARNINGS: u64 = 1_000;

impl Report {
    /// Whether nothing but warnings was found.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.errors == 0
    }

    /// Adds a finding, and says at which position when it is listed.
    pub(super) fn add(&mut self, finding: Finding) -> Option<usize> {
        let (count, most) = match finding.severity {
            Severity::Error => (&mut self.errors, ERRORS),
            Severity::Warning => (&mut self.warnings, WARNINGS),
        };
        *count += 1;
        if *count > most {
            return None;
        }
        self.findings.push(finding);
        self.findings.len().checked_sub(1)
    }

    pub(super) fn error(&mut self, error: &Error, digest: Option<&Digest>, place: &str) {
        self.add(Finding {
            severity: Severity::Error,
            code: error.code(),
            digest: digest.cloned(),
            place: place.to_owned(),
            message: error.to_string(),
        });
    }

    pub(super) fn invalid(&mut self, severity: Severity, digest: Option<&Digest>, place: &str, message: String) {
        let code = Code::InvalidDocument;
        self.add(Finding { severity, code, digest: digest.cloned(), place: place.to_owned(), message });
    }
}
