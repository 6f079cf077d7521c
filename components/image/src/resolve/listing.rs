//! Everything that a layout or an index offers, one entry a manifest.

use super::loading::Loading;
use super::walk::Walk;
use crate::descriptor::Descriptor;
use crate::digest::{Digest, Hashes};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media_type::Kind;
use crate::platform::Platform;
use crate::reference::Selector;
use std::collections::HashMap;

/// One entry of a [`Listing`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The indexes above it, outermost first.
    pub chain: Vec<Digest>,
    /// What the layout calls it, or the outermost index above it.
    pub name: Option<String>,
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// The platform, as the descriptor says or else the config.
    pub platform: Option<Platform>,
    /// Whether it is an attestation about another entry (L-14).
    pub is_attestation: bool,
    /// The entry that it is about, when it is an attestation that says so.
    pub attestation_of: Option<Digest>,
}

/// What a [`Listing`] needs next.
#[derive(Clone, Copy, Debug)]
pub enum ListingStep<'a> {
    /// Fetch this document whole, at most one byte more than its size, and supply it, or say that it is missing.
    Fetch(&'a Descriptor),
    /// Nothing: these are the entries, in the order of the documents.
    Done(&'a [Listed]),
}

/// Lists what there is, attestations and entries of unknown types included. Driven like a [`Resolver`](super::Resolver).
///
/// A manifest whose descriptor has no platform is fetched with its config, which knows (L-01). Layouts may lack blobs
/// (Y-07): [`Listing::missing`] goes on without.
#[derive(Debug)]
pub struct Listing {
    limits: Limits,
    walk: Walk,
    stage: Stage,
    /// How many entries of the walk are listed.
    position: usize,
    listed: Vec<Listed>,
    /// Where each digest was listed first, when nothing is to be listed twice.
    known: Option<HashMap<Digest, usize>>,
}

#[derive(Debug)]
enum Stage {
    Walk(Box<Descriptor>),
    Load(Box<Loading>),
    Done,
}

impl Listing {
    /// Starts at the `index.json` of a layout.
    ///
    /// # Errors
    /// Those of [`Resolver::layout`](super::Resolver::layout), except for platforms.
    pub fn layout(index_json: &[u8], selector: &Selector, limits: &Limits) -> Result<Self> {
        Self::start(Walk::layout(index_json, selector, limits)?, limits, None)
    }

    /// Starts at the `index.json` of a layout, for everything in it, where [`Listing::layout`] wants one image to be meant.
    /// What is reached in several ways is listed once, with the first name that it has.
    ///
    /// # Errors
    /// Those of [`Listing::layout`], except that nothing has to be found.
    pub fn everything(index_json: &[u8], limits: &Limits) -> Result<Self> {
        Self::start(Walk::everything(index_json, limits)?, limits, Some(HashMap::new()))
    }

    /// Starts at the descriptor of an index or a manifest.
    ///
    /// # Errors
    /// Those of [`Resolver::descriptor`](super::Resolver::descriptor).
    pub fn descriptor(root: Descriptor, limits: &Limits) -> Result<Self> {
        Self::start(Walk::descriptor(root, limits)?, limits, None)
    }

    fn start(walk: Walk, limits: &Limits, known: Option<HashMap<Digest, usize>>) -> Result<Self> {
        let (limits, stage) = (limits.clone(), Stage::Done);
        let mut listing = Self { limits, walk, stage, position: 0, listed: Vec::new(), known };
        listing.advance()?;
        Ok(listing)
    }

    /// What is needed next. Asking again gives the same answer.
    #[must_use]
    pub fn next(&self) -> ListingStep<'_> {
        match &self.stage {
            Stage::Walk(descriptor) => ListingStep::Fetch(descriptor),
            Stage::Load(loading) => ListingStep::Fetch(loading.wants()),
            Stage::Done => ListingStep::Done(&self.listed),
        }
    }

    /// Supplies the document that is asked for.
    ///
    /// # Errors
    /// Those of [`Resolver::supply`](super::Resolver::supply), except for platforms.
    pub fn supply(&mut self, bytes: &[u8], hashes: &dyn Hashes) -> Result<()> {
        let ListingStep::Fetch(descriptor) = self.next() else {
            return Err(Error::InvalidState { reason: "everything is listed, nothing more can be supplied" });
        };
        descriptor.verify(bytes, hashes)?;
        match &mut self.stage {
            Stage::Walk(_) => {
                self.walk.supply(bytes)?;
                self.advance()
            }
            Stage::Load(loading) => {
                if loading.supply(bytes, &self.limits)? {
                    let platform = loading.platform();
                    return self.loaded(platform);
                }
                Ok(())
            }
            Stage::Done => Ok(()),
        }
    }

    /// Says that the document that is asked for is not there; an index then lists nothing, a platform stays unknown.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when nothing is asked for, else those of going on.
    pub fn missing(&mut self) -> Result<()> {
        match &self.stage {
            Stage::Walk(_) => {
                self.walk.skip();
                self.advance()
            }
            Stage::Load(_) => self.loaded(None),
            Stage::Done => Err(Error::InvalidState { reason: "everything is listed, nothing can be missing" }),
        }
    }

    fn loaded(&mut self, platform: Option<Platform>) -> Result<()> {
        self.push(platform)?;
        self.advance()
    }

    /// Lists the entry whose turn it is.
    fn push(&mut self, platform: Option<Platform>) -> Result<()> {
        let position = self.position;
        self.position += 1;
        let descriptor = self.walk.entry(position)?.descriptor.clone();
        let chain = self.walk.chain(position);
        let name = self.walk.name(chain.first().unwrap_or(&descriptor.digest)).map(str::to_owned);
        if let Some(known) = &mut self.known {
            match known.get(&descriptor.digest).and_then(|at| self.listed.get_mut(*at)) {
                Some(listed) => {
                    listed.name = listed.name.take().or(name);
                    return Ok(());
                }
                None => known.insert(descriptor.digest.clone(), self.listed.len()),
            };
        }
        self.listed.push(Listed {
            chain,
            name,
            platform,
            is_attestation: descriptor.is_attestation(),
            attestation_of: descriptor.attestation_of(),
            descriptor,
        });
        Ok(())
    }

    fn advance(&mut self) -> Result<()> {
        if let Some(descriptor) = self.walk.advance()? {
            self.stage = Stage::Walk(Box::new(descriptor));
            return Ok(());
        }
        if self.listed.is_empty() && self.known.is_none() {
            self.walk.check_found()?;
        }
        while let Some(entry) = self.walk.entries().get(self.position) {
            let descriptor = &entry.descriptor;
            let is_silent = descriptor.platform.is_none() && !descriptor.is_attestation();
            if is_silent && descriptor.media_type.kind() == Kind::Manifest {
                self.stage = Stage::Load(Box::new(Loading::new(descriptor.clone(), &self.limits)?));
                return Ok(());
            }
            let platform = descriptor.platform.clone();
            self.push(platform)?;
        }
        self.stage = Stage::Done;
        Ok(())
    }
}
