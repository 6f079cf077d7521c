//! From a layout, an archive or a descriptor to one image: which documents to fetch, and which of them is meant.

use crate::annotation::Annotations;
use crate::config::Config;
use crate::descriptor::Descriptor;
use crate::digest::{Digest, Hashes};
use crate::error::{Error, Result};
use crate::index::Index;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::media_type::Kind;
use crate::platform::{Platform, default_wanted, order};
use crate::reference::Selector;

mod listing;
mod loading;
mod name;
mod walk;

pub use listing::{Listed, Listing, ListingStep};
use loading::Loading;
use walk::Walk;

/// Which platform an image is wanted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Any: the first image there is.
    First,
    /// What suits this host, or Linux on its architecture when there is nothing for its operating system. Where there
    /// is only one image it is taken as it is: nothing was asked for that it could fail to be.
    Host(Platform),
    /// One of these, best first; anything else is an error.
    Platforms(Vec<Platform>),
}

/// What a [`Resolver`] needs next.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Fetch this document whole, at most one byte more than its size, and supply it.
    Fetch(&'a Descriptor),
    /// Nothing: this is the image.
    Done(&'a Resolved),
}

/// One image, with the way that led to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The indexes on the way, outermost first; a layout's `index.json` has no descriptor and is not among them.
    pub chain: Vec<Link>,
    /// The descriptor of the manifest. Its digest is not that of any index in the chain.
    pub descriptor: Descriptor,
    /// The manifest.
    pub manifest: Manifest,
    /// The config, when it is that of a container image (N-04).
    pub config: Option<Config>,
    /// The bytes of the config, when it is that of a container image or of a WebAssembly artifact.
    pub config_bytes: Option<Vec<u8>>,
    /// The platform, as the manifest's descriptor says or else the config.
    pub platform: Option<Platform>,
    /// What is said about the image anywhere, from the outermost place to the innermost (T-11).
    pub annotations: Vec<Annotated>,
}

/// An index on the way to an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The descriptor by which it was reached.
    pub descriptor: Descriptor,
    /// The index.
    pub index: Index,
}

/// An annotation or label and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotated {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Where it stands.
    pub origin: Origin,
}

/// Where an annotation stands (T-11).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// In the descriptor of the index with this digest.
    IndexDescriptor(Digest),
    /// In the index with this digest, or in a layout's `index.json`, which has none.
    Index(Option<Digest>),
    /// In the descriptor of the manifest.
    ManifestDescriptor,
    /// In the manifest.
    Manifest,
    /// Among the labels of the config.
    Label,
}

/// Finds one image: say what is wanted, fetch what [`Resolver::next`] asks for, supply it, until it is done.
///
/// Every document is verified before it is parsed. Nested indexes are walked in the order of the documents, each one
/// once and no deeper than `index-depth` (I-09, row 42). Entries of unknown types are skipped (I-05), attestations are
/// never selected (L-14), of equally good images the first one wins (I-07).
///
/// ```
/// use portolan_image::digest::SoftwareHashes;
/// use portolan_image::reference::Selector;
/// use portolan_image::resolve::{Resolver, Step, Wanted};
/// # use portolan_image::{Descriptor, Limits, MediaType, digest::digest_bytes, Algorithm};
/// # let empty = String::from_utf8(Descriptor::empty().to_value().to_bytes()).unwrap();
/// # let manifest = format!(r#"{{"schemaVersion":2,"artifactType":"a/b","config":{empty},"layers":[]}}"#).into_bytes();
/// # let digest = digest_bytes(&SoftwareHashes, &Algorithm::Sha256, &manifest)?;
/// # let descriptor = Descriptor::new(MediaType::ImageManifest, digest, manifest.len() as u64);
/// # let entry = String::from_utf8(descriptor.to_value().to_bytes()).unwrap();
/// # let index_json = format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#).into_bytes();
/// # let fetch = |_: &Descriptor| manifest.clone();
/// let mut resolver = Resolver::layout(&index_json, &Selector::None, Wanted::First, &Limits::default())?;
/// while let Step::Fetch(descriptor) = resolver.next() {
///     let bytes = fetch(descriptor);
///     resolver.supply(&bytes, &SoftwareHashes)?;
/// }
/// let image = resolver.finish()?;
/// assert_eq!(image.manifest.artifact_type().as_str(), "a/b");
/// # Ok::<(), portolan_image::Error>(())
/// ```
#[derive(Debug)]
pub struct Resolver {
    limits: Limits,
    wanted: Wanted,
    walk: Walk,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Walk(Box<Descriptor>),
    /// The platform of the last of `left`, positions of entries, is to be read from its config.
    Probe {
        loading: Box<Loading>,
        left: Vec<usize>,
        known: Vec<(usize, Option<Platform>)>,
    },
    Take(usize, Box<Loading>),
    Done(Box<Resolved>),
}

impl Resolver {
    /// Starts at the `index.json` of a layout, or at what [`Archive::index`](crate::docker::Archive::index) makes of a
    /// docker archive.
    ///
    /// # Errors
    /// Those of [`Index::parse`]; [`Error::ReferenceNotFound`] with what there is when the selector matches nothing, or
    /// is missing and there are several images; [`Error::PlatformNotFound`] when nothing runs.
    pub fn layout(index_json: &[u8], selector: &Selector, wanted: Wanted, limits: &Limits) -> Result<Self> {
        Self::start(Walk::layout(index_json, selector, limits)?, wanted, limits)
    }

    /// Starts at the descriptor of an index or a manifest, as a registry gives it.
    ///
    /// # Errors
    /// [`Error::UnsupportedMediaType`] when it is neither, [`Error::LimitExceeded`] when it is too large.
    pub fn descriptor(root: Descriptor, wanted: Wanted, limits: &Limits) -> Result<Self> {
        Self::start(Walk::descriptor(root, limits)?, wanted, limits)
    }

    fn start(mut walk: Walk, wanted: Wanted, limits: &Limits) -> Result<Self> {
        let stage = Self::walked(&mut walk, &wanted, limits)?;
        Ok(Self { limits: limits.clone(), wanted, walk, stage })
    }

    /// What is needed next. Asking again gives the same answer.
    #[must_use]
    pub fn next(&self) -> Step<'_> {
        match &self.stage {
            Stage::Walk(descriptor) => Step::Fetch(descriptor),
            Stage::Probe { loading, .. } | Stage::Take(_, loading) => Step::Fetch(loading.wants()),
            Stage::Done(resolved) => Step::Done(resolved),
        }
    }

    /// Supplies the document that [`Resolver::next`] asks for. After an error the same document is still asked for.
    ///
    /// # Errors
    /// [`Error::SizeMismatch`], [`Error::DigestMismatch`] or [`Error::UnsupportedAlgorithm`] before anything is parsed,
    /// then those of the documents, [`Error::ReferenceNotFound`] and [`Error::PlatformNotFound`].
    pub fn supply(&mut self, bytes: &[u8], hashes: &dyn Hashes) -> Result<()> {
        let Step::Fetch(descriptor) = self.next() else {
            return Err(Error::InvalidState { reason: "the image is resolved, nothing more can be supplied" });
        };
        descriptor.verify(bytes, hashes)?;
        let next = match &mut self.stage {
            Stage::Walk(_) => {
                self.walk.supply(bytes)?;
                Some(Self::walked(&mut self.walk, &self.wanted, &self.limits)?)
            }
            Stage::Probe { loading, left, known } => {
                if loading.supply(bytes, &self.limits)? {
                    // After an error nothing is left, and the same error follows again.
                    if let Some(position) = left.pop() {
                        let at = known.partition_point(|(other, _)| *other < position);
                        known.insert(at, (position, loading.platform()));
                    }
                    Some(Self::probe(&self.walk, left.clone(), known.clone(), &self.wanted, &self.limits)?)
                } else {
                    None
                }
            }
            Stage::Take(position, loading) => match loading.supply(bytes, &self.limits)? {
                true => Some(Stage::Done(Box::new(resolved(&mut self.walk, *position, loading)?))),
                false => None,
            },
            Stage::Done(_) => None,
        };
        if let Some(stage) = next {
            self.stage = stage;
        }
        Ok(())
    }

    /// The image.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when documents are still missing.
    pub fn finish(self) -> Result<Resolved> {
        match self.stage {
            Stage::Done(resolved) => Ok(*resolved),
            _ => Err(Error::InvalidState { reason: "the image is not resolved before every document is supplied" }),
        }
    }

    fn walked(walk: &mut Walk, wanted: &Wanted, limits: &Limits) -> Result<Stage> {
        if let Some(descriptor) = walk.advance()? {
            return Ok(Stage::Walk(Box::new(descriptor)));
        }
        let positions = walk.candidates()?;
        let stated: Vec<(usize, Option<Platform>)> =
            positions.iter().map(|position| (*position, walk.platform(*position))).collect();
        let mut digests = positions.iter().map(|position| walk.digest(*position));
        let first = digests.next();
        let is_lone = digests.all(|digest| Some(digest) == first);
        if matches!(wanted, Wanted::First) || is_lone && matches!(wanted, Wanted::Host(_)) {
            return Self::take(walk, positions.first().copied(), limits);
        }
        let (with, without): (Vec<_>, Vec<_>) = stated.into_iter().partition(|(_, platform)| platform.is_some());
        match choose(&with, wanted) {
            Some(position) => Self::take(walk, Some(position), limits),
            // Configs are only fetched when no index says which image runs.
            None => Self::probe(
                walk,
                without.into_iter().rev().map(|(position, _)| position).collect(),
                with,
                wanted,
                limits,
            ),
        }
    }

    fn probe(
        walk: &Walk,
        left: Vec<usize>,
        known: Vec<(usize, Option<Platform>)>,
        wanted: &Wanted,
        limits: &Limits,
    ) -> Result<Stage> {
        if let Some(position) = left.last() {
            let loading = Box::new(Loading::new(walk.entry(*position)?.descriptor.clone(), limits)?);
            return Ok(Stage::Probe { loading, left, known });
        }
        match choose(&known, wanted) {
            Some(position) => Self::take(walk, Some(position), limits),
            None => Err(Error::PlatformNotFound {
                wanted: platforms(wanted, &known).iter().map(ToString::to_string).collect(),
                available: known
                    .iter()
                    .filter_map(|(_, platform)| platform.as_ref().map(ToString::to_string))
                    .collect(),
            }),
        }
    }

    fn take(walk: &Walk, position: Option<usize>, limits: &Limits) -> Result<Stage> {
        let position = position.ok_or(Error::InvalidState { reason: "there is no image to take" })?;
        Ok(Stage::Take(position, Box::new(Loading::new(walk.entry(position)?.descriptor.clone(), limits)?)))
    }
}

fn platforms(wanted: &Wanted, known: &[(usize, Option<Platform>)]) -> Vec<Platform> {
    match wanted {
        Wanted::First => Vec::new(),
        Wanted::Host(host) => {
            let available: Vec<Platform> = known.iter().filter_map(|(_, platform)| platform.clone()).collect();
            vec![default_wanted(host, &available)]
        }
        Wanted::Platforms(platforms) => platforms.clone(),
    }
}

fn choose(known: &[(usize, Option<Platform>)], wanted: &Wanted) -> Option<usize> {
    let candidates: Vec<_> = known.iter().map(|(_, platform)| platform.as_ref()).collect();
    let best = order(&candidates, &platforms(wanted, known)).first().copied()?;
    known.get(best).map(|(position, _)| *position)
}

fn resolved(walk: &mut Walk, position: usize, loading: &mut Loading) -> Result<Resolved> {
    let platform = loading.platform();
    let descriptor = walk.entry(position)?.descriptor.clone();
    let mut annotations = Vec::new();
    let mut add = |from: &Annotations, origin: &Origin| {
        let pairs = from.iter();
        annotations.extend(pairs.map(|(key, value)| Annotated {
            key: key.to_owned(),
            value: value.to_owned(),
            origin: origin.clone(),
        }));
    };
    let mut chain = Vec::new();
    for (reached_by, index) in walk.take_chain(position) {
        if let Some(descriptor) = &reached_by {
            add(&descriptor.annotations, &Origin::IndexDescriptor(descriptor.digest.clone()));
        }
        add(&index.annotations, &Origin::Index(reached_by.as_ref().map(|descriptor| descriptor.digest.clone())));
        chain.extend(reached_by.map(|descriptor| Link { descriptor, index }));
    }
    let (manifest, config, config_bytes) = loading.take()?;
    if let Some(config) = &config {
        let (layers, diff_ids) = (manifest.layers.len(), config.diff_ids.len());
        if layers != diff_ids {
            // With a DiffID too few, a layer would be taken unchecked.
            let reason = format!("the manifest has {layers} layers, its config has {diff_ids} diff_ids");
            let pointer = "/rootfs/diff_ids".to_owned();
            return Err(Error::InvalidDocument { document: "image config", pointer, reason });
        }
    }
    add(&descriptor.annotations, &Origin::ManifestDescriptor);
    add(&manifest.annotations, &Origin::Manifest);
    if let Some(execution) = config.as_ref().and_then(|config| config.config.as_ref()) {
        add(&execution.labels, &Origin::Label);
    }
    Ok(Resolved { chain, descriptor, manifest, config, config_bytes, platform, annotations })
}

/// Fails when a document is larger than a limit, so that it is not even fetched.
fn check_size(descriptor: &Descriptor, limits: &Limits) -> Result<()> {
    let (key, limit) = match descriptor.media_type.kind() {
        Kind::Index | Kind::Manifest => ("manifest-bytes", limits.manifest_bytes),
        _ => ("config-bytes", limits.config_bytes),
    };
    Limits::check(key, limit, descriptor.size, || format!("{} of {} bytes", descriptor.digest, descriptor.size))
}

#[cfg(test)]
mod tests;
