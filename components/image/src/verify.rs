//! Verifying everything that an image or a whole layout reaches, to the end, whatever is found on the way.

use crate::config::Config;
use crate::descriptor::Descriptor;
use crate::digest::{DiffId, Digest, Hashes};
use crate::document::Document;
use crate::error::{Code, Error, Result};
use crate::index::Index;
use crate::limits::Limits;
use crate::media_type::{Compression, Kind, MediaType};
use std::collections::{HashMap, HashSet, VecDeque};

mod checks;
mod findings;
mod image;

use checks::Facts;
pub use findings::{Finding, Report, Severity};
use image::ConfigState;

/// Something to fetch and verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// A document: fetch it whole, at most one byte more than its size, and [`GraphVerifier::supply`] it unverified.
    Document {
        /// The document.
        descriptor: Descriptor,
    },
    /// A layer: verify its size and digest, and the DiffID of what is in it.
    Layer {
        /// The layer.
        descriptor: Descriptor,
        /// The DiffID that the config promises; unknown when the config is broken or too short.
        diff_id: Option<DiffId>,
        /// The compression that the media type promises.
        compression: Option<Compression>,
    },
    /// Any other blob: verify its size and digest, and look no further (Y-05).
    Blob {
        /// The blob.
        descriptor: Descriptor,
    },
}

impl Work {
    /// The descriptor of what is to be verified.
    #[must_use]
    pub fn descriptor(&self) -> &Descriptor {
        match self {
            Self::Document { descriptor } | Self::Layer { descriptor, .. } | Self::Blob { descriptor } => descriptor,
        }
    }
}

/// Work with the number by which its outcome is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The number.
    pub id: u64,
    /// The work.
    pub work: Work,
}

/// Walks everything that is reachable and gathers what is wrong with it.
///
/// Take jobs, as many at once as you like, and tell the outcome of each: [`supply`](Self::supply) the bytes of a
/// document, say that a layer or blob [`passed`](Self::passed), or that a job [`failed`](Self::failed). When
/// [`take`](Self::take) gives nothing, more may come once outstanding jobs are told, until [`is_done`](Self::is_done).
///
/// Attestations, artifacts and entries of unknown types are verified too. A blob is verified once however often it is
/// listed, unless another DiffID is promised for it. Subjects and non-distributable layers may be missing (N-13, R-34);
/// any other blob that is missing is an error, although a layout may lack it (Y-07): what is not there is not verified.
///
/// ```
/// use portolan_image::digest::SoftwareHashes;
/// use portolan_image::verify::{GraphVerifier, Work};
/// use portolan_image::{Code, Limits};
/// # let read = |_: &portolan_image::Descriptor| None::<Vec<u8>>;
/// # let index_json = br#"{"schemaVersion":2,"manifests":[]}"#;
/// let mut verifier = GraphVerifier::layout(index_json, &Limits::default(), &SoftwareHashes);
/// while let Some(job) = verifier.take() {
///     match (read(job.work.descriptor()), &job.work) {
///         (None, _) => verifier.failed(job.id, Code::BlobNotFound, "the blob is missing")?,
///         (Some(bytes), Work::Document { .. }) => verifier.supply(job.id, &bytes, &SoftwareHashes)?,
///         (Some(bytes), work) => match work.descriptor().verify(&bytes, &SoftwareHashes) {
///             Ok(()) => verifier.passed(job.id)?,
///             Err(error) => verifier.failed(job.id, error.code(), &error.to_string())?,
///         },
///     }
/// }
/// assert!(verifier.finish()?.is_sound());
/// # Ok::<(), portolan_image::Error>(())
/// ```
#[derive(Debug)]
pub struct GraphVerifier {
    limits: Limits,
    report: Report,
    /// Layers and blobs go first, so that few of them wait in memory.
    streams: VecDeque<Pending>,
    documents: VecDeque<Pending>,
    outstanding: HashMap<u64, Pending>,
    next_id: u64,
    /// Indexes and manifests by digest and by what they are said to be: read as two things they are two documents.
    seen: HashMap<(Digest, MediaType), Seen>,
    streamed: HashSet<(Digest, Option<DiffId>)>,
    sizes: HashMap<Digest, u64>,
    configs: HashMap<Digest, ConfigState>,
    listed: u64,
    is_full: bool,
}

#[derive(Debug)]
struct Pending {
    work: Work,
    role: Role,
    place: String,
}

#[derive(Clone, Copy, Debug)]
enum Role {
    /// An index or a manifest, so many indexes deep.
    Node(u64),
    Config,
    Stream,
}

#[derive(Debug)]
struct Seen {
    /// Whether only subjects name it so far, so that it may be missing.
    is_optional: bool,
    /// Where it was found to be missing.
    warning: Option<usize>,
}

impl GraphVerifier {
    fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            report: Report::default(),
            streams: VecDeque::new(),
            documents: VecDeque::new(),
            outstanding: HashMap::new(),
            next_id: 0,
            seen: HashMap::new(),
            streamed: HashSet::new(),
            sizes: HashMap::new(),
            configs: HashMap::new(),
            listed: 0,
            is_full: false,
        }
    }

    /// Starts at the `index.json` of a layout; what is wrong with it is a finding, too.
    #[must_use]
    pub fn layout(index_json: &[u8], limits: &Limits, hashes: &dyn Hashes) -> Self {
        let mut verifier = Self::new(limits);
        match Index::parse(index_json, limits) {
            Ok(index) => verifier.index(&index, None, "index.json", 1, hashes),
            Err(error) => verifier.report.error(&error, None, "index.json"),
        }
        verifier
    }

    /// Starts at one image: the descriptor of an index or a manifest.
    #[must_use]
    pub fn descriptor(root: &Descriptor, limits: &Limits, hashes: &dyn Hashes) -> Self {
        let mut verifier = Self::new(limits);
        verifier.visit(root, "image".to_owned(), 0, false, hashes);
        verifier
    }

    /// Takes the next job; nothing when there is none before outstanding ones are told, or at all.
    pub fn take(&mut self) -> Option<Job> {
        let pending = self.streams.pop_front().or_else(|| self.documents.pop_front())?;
        let job = Job { id: self.next_id, work: pending.work.clone() };
        self.outstanding.insert(self.next_id, pending);
        self.next_id += 1;
        Some(job)
    }

    /// Whether everything is verified.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.streams.is_empty() && self.documents.is_empty() && self.outstanding.is_empty()
    }

    /// What was found so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What was found.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when jobs are left: a report on half a graph must not look like one on the whole.
    pub fn finish(self) -> Result<Report> {
        if !self.is_done() {
            return Err(Error::InvalidState { reason: "verifying ends when every job is told" });
        }
        Ok(self.report)
    }

    /// Supplies the bytes of a document. What is wrong with them becomes findings.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when the job is not outstanding or is no document.
    pub fn supply(&mut self, id: u64, bytes: &[u8], hashes: &dyn Hashes) -> Result<()> {
        let pending = self.told(id, |role| !matches!(role, Role::Stream))?;
        let descriptor = pending.work.descriptor();
        if let Err(error) = descriptor.verify(bytes, hashes) {
            self.fail(&pending, error.code(), error.to_string());
            return Ok(());
        }
        self.report.documents += 1;
        self.report.bytes = self.report.bytes.saturating_add(descriptor.size);
        let digest = &descriptor.digest;
        match pending.role {
            Role::Config => match Config::parse(bytes, &self.limits) {
                Ok(config) => {
                    checks::history(&mut self.report, &config, digest);
                    self.config_known(digest, Some(Facts::of(&config)));
                }
                Err(error) => self.fail(&pending, error.code(), error.to_string()),
            },
            Role::Node(depth) => match Document::parse(bytes, Some(descriptor.media_type.as_str()), &self.limits) {
                Ok(Document::Index(index)) => {
                    self.index(&index, Some(digest), &digest.to_string(), depth.saturating_add(1), hashes);
                }
                Ok(Document::Manifest(manifest)) => self.manifest(&manifest, descriptor, &pending.place, hashes),
                Err(error) => self.fail(&pending, error.code(), error.to_string()),
            },
            Role::Stream => {}
        }
        Ok(())
    }

    /// Says that a layer or blob has the promised size, digest and DiffID.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when the job is not outstanding, or is a document, which only its bytes can vouch for.
    pub fn passed(&mut self, id: u64) -> Result<()> {
        self.passed_with(id, &[])
    }

    /// The same for a layer with oddities that are no errors, one line each.
    ///
    /// # Errors
    /// Those of [`passed`](Self::passed).
    pub fn passed_with(&mut self, id: u64, warnings: &[String]) -> Result<()> {
        let pending = self.told(id, |role| matches!(role, Role::Stream))?;
        let descriptor = pending.work.descriptor();
        match pending.work {
            Work::Layer { .. } => self.report.layers += 1,
            _ => self.report.blobs += 1,
        }
        self.report.bytes = self.report.bytes.saturating_add(descriptor.size);
        for message in warnings {
            self.report.add(Finding {
                severity: Severity::Warning,
                code: Code::InvalidArchive,
                digest: Some(descriptor.digest.clone()),
                place: pending.place.clone(),
                message: message.clone(),
            });
        }
        Ok(())
    }

    /// Says that a job failed, and why; [`Code::BlobNotFound`] when there is nothing to verify.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when the job is not outstanding.
    pub fn failed(&mut self, id: u64, code: Code, message: &str) -> Result<()> {
        let pending = self.told(id, |_| true)?;
        self.fail(&pending, code, message.to_owned());
        Ok(())
    }

    fn told(&mut self, id: u64, is_meant: impl Fn(Role) -> bool) -> Result<Pending> {
        match self.outstanding.get(&id) {
            Some(pending) if is_meant(pending.role) => {}
            _ => return Err(Error::InvalidState { reason: "no such job is outstanding" }),
        }
        self.outstanding.remove(&id).ok_or(Error::InvalidState { reason: "no such job is outstanding" })
    }

    fn fail(&mut self, pending: &Pending, code: Code, message: String) {
        let descriptor = pending.work.descriptor();
        let key = (descriptor.digest.clone(), descriptor.media_type.clone());
        let seen = if matches!(pending.role, Role::Node(_)) { self.seen.get_mut(&key) } else { None };
        let is_optional =
            seen.as_ref().is_some_and(|seen| seen.is_optional) || descriptor.media_type.is_non_distributable();
        let severity = if code == Code::BlobNotFound && is_optional { Severity::Warning } else { Severity::Error };
        let digest = Some(descriptor.digest.clone());
        let position = self.report.add(Finding { severity, code, digest, place: pending.place.clone(), message });
        if let Some(seen) = seen.filter(|_| severity == Severity::Warning) {
            seen.warning = position;
        }
        if matches!(pending.role, Role::Config) {
            self.config_known(&descriptor.digest, None);
        }
    }

    fn index(&mut self, index: &Index, digest: Option<&Digest>, place: &str, depth: u64, hashes: &dyn Hashes) {
        checks::annotations(&mut self.report, &index.annotations, digest, place);
        for (position, entry) in index.manifests.iter().enumerate() {
            self.visit(entry, format!("{place}/manifests/{position}"), depth, false, hashes);
        }
        if let Some(subject) = &index.subject {
            self.visit(subject, format!("{place}/subject"), depth, true, hashes);
        }
    }

    /// Queues what a descriptor refers to, unless that was done before.
    fn visit(&mut self, descriptor: &Descriptor, place: String, depth: u64, is_optional: bool, hashes: &dyn Hashes) {
        self.listed += 1;
        if self.listed > self.limits.index_entries {
            // One finding is enough, and it is an error: not everything was verified.
            if !std::mem::replace(&mut self.is_full, true) {
                let subject = "walk of nested indexes".to_owned();
                let limit = self.limits.index_entries;
                self.report.error(&Error::LimitExceeded { key: "index-entries", limit, subject }, None, &place);
            }
            return;
        }
        let is_checked = self.check(descriptor, &place, hashes);
        let kind = descriptor.media_type.kind();
        if kind == Kind::DockerSchema1 {
            let expected = Document::parse(b"", Some(descriptor.media_type.as_str()), &self.limits);
            expected.err().iter().for_each(|error| self.report.error(error, Some(&descriptor.digest), &place));
        }
        if !is_checked {
            return;
        }
        if !descriptor.is_document() {
            self.stream(Work::Blob { descriptor: descriptor.clone() }, place);
            return;
        }
        let key = (descriptor.digest.clone(), descriptor.media_type.clone());
        if let Some(seen) = self.seen.get_mut(&key) {
            if seen.is_optional && !is_optional {
                seen.is_optional = false;
                // It was missed as a subject, and now as a part.
                if let Some(finding) = seen.warning.take().and_then(|at| self.report.findings.get_mut(at)) {
                    finding.severity = Severity::Error;
                    self.report.warnings -= 1;
                    self.report.errors += 1;
                }
            }
            return;
        }
        self.seen.insert(key, Seen { is_optional, warning: None });
        let nesting = || format!("nesting of the index {}", descriptor.digest);
        let depth_of_indexes = if kind == Kind::Index { depth } else { 0 };
        let allowed = Limits::check("index-depth", self.limits.index_depth, depth_of_indexes, nesting);
        if self.is_within(allowed, "manifest-bytes", self.limits.manifest_bytes, descriptor, &place) {
            let work = Work::Document { descriptor: descriptor.clone() };
            self.documents.push_back(Pending { work, role: Role::Node(depth), place });
        }
    }

    fn is_within(
        &mut self,
        so_far: Result<()>,
        key: &'static str,
        limit: u64,
        descriptor: &Descriptor,
        place: &str,
    ) -> bool {
        let size = || format!("{} of {} bytes", descriptor.digest, descriptor.size);
        let result = so_far.and_then(|()| Limits::check(key, limit, descriptor.size, size));
        result.as_ref().err().iter().for_each(|error| self.report.error(error, Some(&descriptor.digest), place));
        result.is_ok()
    }

    /// Checks what a descriptor says by itself, and whether the blob can be verified at all.
    fn check(&mut self, descriptor: &Descriptor, place: &str, hashes: &dyn Hashes) -> bool {
        let digest = &descriptor.digest;
        checks::annotations(&mut self.report, &descriptor.annotations, Some(digest), place);
        if hashes.start(digest.algorithm()).is_none() {
            // G-02: the digest is legal. What cannot be verified is still not verified.
            self.report.error(&Error::UnsupportedAlgorithm { digest: digest.clone() }, Some(digest), place);
            return false;
        }
        checks::data(&mut self.report, descriptor, place, hashes);
        let size = *self.sizes.entry(digest.clone()).or_insert(descriptor.size);
        if size != descriptor.size {
            let message = format!("this descriptor says {} bytes, another one says {size}", descriptor.size);
            self.report.add(Finding {
                severity: Severity::Error,
                code: Code::SizeMismatch,
                digest: Some(digest.clone()),
                place: place.to_owned(),
                message,
            });
        }
        true
    }

    /// Queues a layer or blob, unless as much was verified of it before.
    fn stream(&mut self, work: Work, place: String) {
        let descriptor = work.descriptor();
        let diff_id = match &work {
            Work::Layer { diff_id, .. } => diff_id.clone(),
            _ => None,
        };
        let any = (descriptor.digest.clone(), None);
        let is_new = self.streamed.insert(any.clone());
        let is_new_diff_id = diff_id.is_some_and(|diff_id| self.streamed.insert((any.0, Some(diff_id))));
        if !is_new && !is_new_diff_id {
            return;
        }
        let descriptor = descriptor.clone();
        if self.is_within(Ok(()), "layer-bytes", self.limits.layer_bytes, &descriptor, &place) {
            self.streams.push_back(Pending { work, role: Role::Stream, place });
        }
    }
}

#[cfg(test)]
mod tests;
