//! What is to be copied when an image is, and in which order: everything a root leads to, or the part for some
//! platforms, and what refers to it.

use crate::config::Config;
use crate::descriptor::Descriptor;
use crate::digest::{Digest, Hashes};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::json::Value;
use crate::limits::Limits;
use crate::media_type::Kind;
use crate::platform::Platform;
use std::collections::{HashMap, HashSet, VecDeque};

mod choice;
mod graph;
mod plan;
mod rewrite;

use graph::{Graph, Node};
pub use plan::{Copied, Plan, Planned, Reason, Skipped};

/// An index or manifest that is to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// The tag that it gets.
    pub tag: Option<String>,
}

/// What is to be copied of the roots, and with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Only images that run on one of these; everything when there are none.
    pub platforms: Vec<Platform>,
    /// Indexes stay as they are although not all that they list is copied; what is not there is left out.
    pub sparse: bool,
    /// What refers to anything that is copied is copied too: signatures, SBOMs, attestations.
    pub referrers: bool,
}

/// What a [`Copying`] needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need<'a> {
    /// Fetch this document whole, at most one byte more than its size, and [`Copying::supply`] it.
    Document(&'a Descriptor),
    /// List what refers to this manifest or index at the source, and [`Copying::supply_referrers`].
    Referrers(&'a Descriptor),
}

/// Finds out what to copy: answer what it needs until it needs nothing, then take the plan.
///
/// Without platforms nothing is ever changed. With platforms an index loses the entries that are not wanted, and those
/// alone: all other bytes stay as they are, and what it is called by is its new digest, under the same algorithm. Of
/// entries that are not asked for stay the attestations about those that are (L-14). A sparse copy takes indexes as they
/// are and leaves out the same entries' contents (Y-07).
///
/// Every document is verified before it is parsed, every one is asked for once (I-09), and indexes nest no deeper than
/// `index-depth`, as do referrers of referrers.
///
/// ```
/// use portolan_image::copy::{Copying, Need, Options, Root};
/// use portolan_image::digest::SoftwareHashes;
/// # use portolan_image::{Descriptor, Limits, MediaType, digest::digest_bytes, Algorithm};
/// # let empty = String::from_utf8(Descriptor::empty().to_value().to_bytes()).unwrap();
/// # let manifest = format!(r#"{{"schemaVersion":2,"artifactType":"a/b","config":{empty},"layers":[]}}"#).into_bytes();
/// # let digest = digest_bytes(&SoftwareHashes, &Algorithm::Sha256, &manifest)?;
/// # let descriptor = Descriptor::new(MediaType::ImageManifest, digest, manifest.len() as u64);
/// # let fetch = |_: &Descriptor| Some(manifest.clone());
/// # let refer = |_: &Descriptor| Vec::new();
/// let root = Root { descriptor, tag: Some("latest".to_owned()) };
/// let options = Options { referrers: true, ..Options::default() };
/// let mut copying = Copying::start(vec![root], options, &Limits::default(), &SoftwareHashes)?;
/// while let Some(need) = copying.next() {
///     match need {
///         Need::Document(descriptor) => copying.supply(fetch(descriptor).as_deref(), &SoftwareHashes)?,
///         Need::Referrers(descriptor) => copying.supply_referrers(&refer(descriptor), &SoftwareHashes)?,
///     }
/// }
/// let plan = copying.finish(&SoftwareHashes)?;
/// assert_eq!((plan.blobs.len(), plan.manifests.len()), (1, 1));
/// # Ok::<(), portolan_image::Error>(())
/// ```
#[derive(Debug)]
pub struct Copying {
    limits: Limits,
    options: Options,
    roots: Vec<Root>,
    graph: Graph,
    tasks: VecDeque<Task>,
    pending: Option<Task>,
    /// Documents that were asked for, or will be.
    queued: HashSet<Digest>,
    /// Whose referrers were asked for.
    searched: HashSet<Digest>,
    sizes: HashMap<Digest, u64>,
    stage: Stage,
    listed: u64,
    skipped: Vec<Skipped>,
    warnings: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Indexes are read to learn which images there are.
    Choosing,
    /// What is wanted is known.
    Chosen,
}

#[derive(Clone, Debug)]
struct Task {
    descriptor: Descriptor,
    role: Role,
}

#[derive(Clone, Debug)]
enum Role {
    /// An index or manifest.
    Node(Place),
    /// The config of this manifest, which knows the platform.
    Config(Digest),
    /// It is said to refer to this manifest.
    Referrer(Digest, Place),
    /// Whatever refers to it is to be listed.
    Referrers(Place),
}

/// Where a document stands.
#[derive(Clone, Debug)]
struct Place {
    /// What lists it; nothing for a root.
    parent: Option<Digest>,
    /// How many indexes are above.
    depth: u64,
    /// How many times a referrer was gone to.
    referrals: u64,
    /// Whether all of an index is wanted, whatever the platforms.
    is_whole: bool,
}

impl Copying {
    /// Starts from roots.
    ///
    /// # Errors
    /// [`Error::UnsupportedMediaType`] for a root that is neither index nor manifest, [`Error::ReferenceNotFound`] when
    /// one tag stands for several manifests and no platform tells which, [`Error::LimitExceeded`].
    pub fn start(roots: Vec<Root>, options: Options, limits: &Limits, hashes: &dyn Hashes) -> Result<Self> {
        let stage = if options.platforms.is_empty() { Stage::Chosen } else { Stage::Choosing };
        let mut copying = Self {
            limits: limits.clone(),
            options,
            roots,
            graph: Graph::default(),
            tasks: VecDeque::new(),
            pending: None,
            queued: HashSet::new(),
            searched: HashSet::new(),
            sizes: HashMap::new(),
            stage,
            listed: 0,
            skipped: Vec::new(),
            warnings: Vec::new(),
        };
        if stage == Stage::Chosen {
            copying.check_tags()?;
        }
        for root in copying.roots.clone() {
            if !root.descriptor.is_document() {
                // Parsing with this type gives the reason, also for Docker schema 1.
                Document::parse(b"", Some(root.descriptor.media_type.as_str()), limits)?;
            }
            let is_whole = stage == Stage::Chosen;
            copying.queue(&root.descriptor, Place { parent: None, depth: 0, referrals: 0, is_whole })?;
        }
        copying.advance(hashes)?;
        Ok(copying)
    }

    /// What is needed next; nothing when the plan is ready. Asking again gives the same answer.
    #[must_use]
    pub fn next(&self) -> Option<Need<'_>> {
        let Task { descriptor, role } = self.pending.as_ref()?;
        Some(match role {
            Role::Referrers(_) => Need::Referrers(descriptor),
            Role::Node(_) | Role::Config(_) | Role::Referrer(..) => Need::Document(descriptor),
        })
    }

    /// Supplies the document that is needed, or says that it is not there. After an error it is still needed.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`], [`Error::DigestMismatch`] or [`Error::UnsupportedAlgorithm`] before anything is parsed,
    /// then those of the documents; [`Error::BlobNotFound`], [`Error::PlatformNotFound`] and [`Error::LimitExceeded`].
    pub fn supply(&mut self, bytes: Option<&[u8]>, hashes: &dyn Hashes) -> Result<()> {
        let Some(task) = self.pending.clone().filter(|task| !matches!(task.role, Role::Referrers(_))) else {
            return Err(Error::InvalidState { reason: "no document is needed" });
        };
        match bytes {
            Some(bytes) => {
                task.descriptor.verify(bytes, hashes)?;
                self.take(&task, bytes)?;
            }
            None => self.miss(&task)?,
        }
        self.pending = None;
        self.advance(hashes)
    }

    /// Supplies what refers to the manifest that is asked about.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when nothing is asked about, [`Error::LimitExceeded`].
    pub fn supply_referrers(&mut self, referrers: &[Descriptor], hashes: &dyn Hashes) -> Result<()> {
        let Some(Task { descriptor, role: Role::Referrers(place) }) = self.pending.clone() else {
            return Err(Error::InvalidState { reason: "no referrers are asked for" });
        };
        let subject = descriptor.digest;
        if self.is_trimmed(&subject) {
            if !referrers.is_empty() {
                self.warnings.push(format!(
                    "{} manifests that refer to the whole index {subject} are not copied: the trimmed one has another digest",
                    referrers.len()
                ));
            }
        } else {
            for referrer in referrers {
                self.refer(referrer, &subject, &place)?;
            }
        }
        self.pending = None;
        self.advance(hashes)
    }

    /// The plan.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when something is still needed, [`Error::LimitExceeded`] for a blob of more bytes than
    /// `layer-bytes`.
    pub fn finish(self, hashes: &dyn Hashes) -> Result<Plan> {
        if self.pending.is_some() {
            return Err(Error::InvalidState {
                reason: "what is to be copied is not known before everything is supplied",
            });
        }
        plan::plan(self, hashes)
    }

    /// Goes on to what has to be asked for.
    fn advance(&mut self, hashes: &dyn Hashes) -> Result<()> {
        while self.pending.is_none() {
            let Some(task) = self.tasks.pop_front() else { if self.turn()? { continue } else { break } };
            // D-11: embedded bytes serve once they are verified; wrong ones are as good as none.
            let embedded = match &task.role {
                Role::Referrers(_) => None,
                _ => task.descriptor.verify_data(hashes).ok().flatten().map(<[u8]>::to_vec),
            };
            match embedded {
                Some(bytes) => self.take(&task, &bytes)?,
                None => self.pending = Some(task),
            }
        }
        Ok(())
    }

    /// Whether there is more to do now that everything was supplied that was asked for.
    fn turn(&mut self) -> Result<bool> {
        if self.stage == Stage::Choosing {
            self.choose()?;
            self.stage = Stage::Chosen;
            return Ok(true);
        }
        if !self.options.referrers {
            return Ok(false);
        }
        for position in self.graph.included(&self.roots) {
            let Some(node) = self.graph.nodes.get(position) else { continue };
            if self.searched.insert(node.descriptor.digest.clone()) {
                let place = Place { parent: None, depth: 0, referrals: node.referrals, is_whole: true };
                self.tasks.push_back(Task { descriptor: node.descriptor.clone(), role: Role::Referrers(place) });
            }
        }
        Ok(!self.tasks.is_empty())
    }

    /// Counts what documents list, and keeps two descriptors from telling different things of one blob.
    fn count(&mut self, descriptor: &Descriptor) -> Result<()> {
        self.listed = self.listed.saturating_add(1);
        Limits::check("index-entries", self.limits.index_entries, self.listed, || {
            format!("copy of {} entries of indexes and referrers", self.listed)
        })?;
        let size = *self.sizes.entry(descriptor.digest.clone()).or_insert(descriptor.size);
        if size != descriptor.size {
            let digest = descriptor.digest.clone();
            return Err(Error::SizeMismatch { digest, expected: size, actual: descriptor.size });
        }
        Ok(())
    }

    /// Queues an index or a manifest, unless it was asked for before.
    fn queue(&mut self, descriptor: &Descriptor, place: Place) -> Result<()> {
        self.check(descriptor, &place)?;
        if let Some(known) = self.graph.find(&descriptor.digest)
            && known.descriptor.media_type != descriptor.media_type
        {
            let (one, other) = (&known.descriptor.media_type, &descriptor.media_type);
            return Err(Error::AmbiguousDocument {
                reason: format!("{} is listed as {one} and as {other}", descriptor.digest),
            });
        }
        if self.queued.insert(descriptor.digest.clone()) {
            self.tasks.push_back(Task { descriptor: descriptor.clone(), role: Role::Node(place) });
        }
        Ok(())
    }

    /// Checks the limits on one document.
    fn check(&self, descriptor: &Descriptor, place: &Place) -> Result<()> {
        if descriptor.media_type.kind() == Kind::Index {
            Limits::check("index-depth", self.limits.index_depth, place.depth, || {
                format!("nesting of the index {}", descriptor.digest)
            })?;
        }
        Limits::check("manifest-bytes", self.limits.manifest_bytes, descriptor.size, || {
            format!("{} of {} bytes", descriptor.digest, descriptor.size)
        })
    }

    /// Takes the verified bytes of a document.
    fn take(&mut self, task: &Task, bytes: &[u8]) -> Result<()> {
        let Task { descriptor, role } = task;
        let place = match role {
            Role::Config(manifest) => {
                let platform = self.config_platform(descriptor, bytes)?;
                self.graph.platforms.extend(platform.map(|platform| (manifest.clone(), platform)));
                return Ok(());
            }
            Role::Node(place) | Role::Referrer(_, place) => place,
            Role::Referrers(_) => return Ok(()),
        };
        let document = Document::parse(bytes, Some(descriptor.media_type.as_str()), &self.limits)?;
        if let Role::Referrer(subject, _) = role {
            // The listing is not trusted: only the manifest itself says what it refers to.
            if graph::subject(&document).is_none_or(|found| &found.digest != subject) {
                self.warnings.push(format!(
                    "{} is listed as a referrer of {subject} and does not refer to it",
                    descriptor.digest
                ));
                self.queued.remove(&descriptor.digest);
                return Ok(());
            }
            self.graph.referrers.push(descriptor.digest.clone());
        }
        let (referrals, is_whole) = (place.referrals, place.is_whole);
        match &document {
            Document::Index(index) => {
                let below =
                    Place { parent: Some(descriptor.digest.clone()), depth: place.depth + 1, referrals, is_whole };
                for entry in &index.manifests {
                    self.list(entry, &below)?;
                }
            }
            Document::Manifest(manifest) => {
                let is_asked = !is_whole && self.stage == Stage::Choosing && descriptor.platform.is_none();
                if is_asked && (manifest.is_image() || manifest.config.media_type.kind() == Kind::WasmConfig) {
                    let size = manifest.config.size;
                    Limits::check("config-bytes", self.limits.config_bytes, size, || {
                        format!("{} of {size} bytes", manifest.config.digest)
                    })?;
                    let role = Role::Config(descriptor.digest.clone());
                    self.tasks.push_back(Task { descriptor: manifest.config.clone(), role });
                }
            }
        }
        self.graph.insert(Node { descriptor: descriptor.clone(), document, referrals, is_whole });
        Ok(())
    }

    /// Goes through one entry of an index.
    fn list(&mut self, entry: &Descriptor, place: &Place) -> Result<()> {
        self.count(entry)?;
        let is_needed = match entry.media_type.kind() {
            Kind::Index => true,
            // Which images are wanted is found out before they are fetched; some do not say what they run on.
            Kind::Manifest => place.is_whole || (entry.platform.is_none() && !entry.is_attestation()),
            _ => false,
        };
        if is_needed { self.queue(entry, place.clone()) } else { Ok(()) }
    }

    /// Goes on without a document that is not there.
    fn miss(&mut self, task: &Task) -> Result<()> {
        let digest = task.descriptor.digest.clone();
        match &task.role {
            Role::Referrer(subject, _) => {
                self.warnings.push(format!("{digest}, listed as a referrer of {subject}, is not there"));
                self.queued.remove(&digest);
                Ok(())
            }
            // Y-07: a sparse index may lack what it lists. What the roots are is not a matter of taste.
            Role::Node(Place { parent: Some(_), .. }) if self.options.sparse => {
                self.skipped.push(Skipped { descriptor: task.descriptor.clone(), reason: Reason::NotThere });
                Ok(())
            }
            Role::Config(_) if self.options.sparse => Ok(()),
            Role::Node(place) => Err(Error::BlobNotFound { digest, parent: place.parent.clone() }),
            Role::Config(manifest) => Err(Error::BlobNotFound { digest, parent: Some(manifest.clone()) }),
            Role::Referrers(_) => Ok(()),
        }
    }

    fn refer(&mut self, referrer: &Descriptor, subject: &Digest, place: &Place) -> Result<()> {
        self.count(referrer)?;
        let digest = &referrer.digest;
        if !referrer.is_document() {
            self.warnings.push(format!(
                "{digest}, listed as a referrer of {subject}, is of type {} and not copied",
                referrer.media_type
            ));
            return Ok(());
        }
        let referrals = place.referrals.saturating_add(1);
        Limits::check("index-depth", self.limits.index_depth, referrals, || {
            format!("nesting of the referrer {digest}")
        })?;
        let place = Place { parent: None, depth: 0, referrals, is_whole: true };
        self.check(referrer, &place)?;
        if let Some(known) = self.graph.find(digest) {
            if graph::subject(&known.document).is_some_and(|found| &found.digest == subject) {
                self.graph.referrers.push(digest.clone());
                let entries = self.graph.widen(digest);
                let below = Place { parent: Some(digest.clone()), depth: 1, ..place };
                for entry in &entries {
                    self.list(entry, &below)?;
                }
            }
        } else if self.queued.insert(digest.clone()) {
            let role = Role::Referrer(subject.clone(), place);
            self.tasks.push_back(Task { descriptor: referrer.clone(), role });
        }
        Ok(())
    }

    fn config_platform(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<Option<Platform>> {
        if descriptor.media_type.kind() != Kind::WasmConfig {
            return Ok(Some(Config::parse(bytes, &self.limits)?.platform));
        }
        let value = Value::parse("wasm config", bytes, ("config-bytes", self.limits.config_bytes), &self.limits)?;
        let text = |name| value.member(name).and_then(Value::as_str);
        Ok(text("os").zip(text("architecture")).map(|(os, architecture)| Platform::new(os, architecture)))
    }

    fn is_trimmed(&self, digest: &Digest) -> bool {
        !self.options.sparse && self.graph.is_trimmed(digest)
    }
}

#[cfg(test)]
mod tests;
