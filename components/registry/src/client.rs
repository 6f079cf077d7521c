//! The end that pulls and pushes.

mod address;
pub mod challenge;
pub mod credentials;
mod delete;
mod exchange;
mod pull;
mod push;
mod referrers;
mod tags;
mod token;

use crate::error::{Error, Result};
use crate::job::Job;
use address::Address;
use portolan_image::digest::Hashes;
use portolan_image::reference::{is_name, is_tag};
use portolan_image::{Descriptor, Digest, Limits};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::rc::Rc;

pub use address::Transport;
pub use credentials::Credentials;
pub use pull::Pulled;
pub use push::{BlobPush, How, ManifestPush, Pushed};

/// How a client behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How registries are spoken to.
    pub transport: Transport,
    /// Where else to pull from, in the order of trying, before the registry itself.
    pub mirrors: Vec<Mirror>,
    /// Hosts of token servers that may see credentials although they belong to another site than the registry (row 54).
    pub trusted_realms: Vec<String>,
    /// How often a request is sent again, or a blob without progress.
    pub retries: u32,
    /// Any number; two clients with different ones do not come back at the same moment.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { transport: Transport::default(), mirrors: Vec::new(), trusted_realms: Vec::new(), retries: 5, seed: 1 }
    }
}

/// A place that has what a registry has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The registry that it stands for.
    pub registry: String,
    /// Its own name, as a registry.
    pub host: String,
    /// Whether it is a proxy that must be told for whom it is asked, by `ns` (W-30).
    pub is_proxy: bool,
}

/// A repository at a registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Repository {
    registry: String,
    name: String,
}

impl Repository {
    /// A repository by the name of its registry, such as `docker.io` or `localhost:5000`, and its own (E-10).
    ///
    /// # Errors
    /// [`portolan_image::Error::InvalidReference`].
    pub fn new(registry: &str, name: &str) -> Result<Self> {
        if !is_name(name) {
            let rule =
                "a repository is lower-case letters and digits, joined by . _ __ or -, in components joined by /";
            return Err(portolan_image::Error::InvalidReference { text: name.chars().take(320).collect(), rule }.into());
        }
        Ok(Self { registry: registry.to_owned(), name: name.to_owned() })
    }

    /// The registry.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The name in the registry.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.name)
    }
}

/// A tag or a digest: all that the protocol knows a manifest by (E-11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A tag.
    Tag(String),
    /// A digest.
    Digest(Digest),
}

impl Reference {
    /// A tag.
    ///
    /// # Errors
    /// [`portolan_image::Error::InvalidReference`].
    pub fn tag(text: &str) -> Result<Self> {
        if !is_tag(text) {
            let rule = "a tag is 1 to 128 letters, digits, _ . and -, and does not start with . or -";
            return Err(portolan_image::Error::InvalidReference { text: text.chars().take(320).collect(), rule }.into());
        }
        Ok(Self::Tag(text.to_owned()))
    }

    /// After a repository, as people write it.
    fn suffix(&self) -> String {
        match self {
            Self::Tag(tag) => format!(":{tag}"),
            Self::Digest(digest) => format!("@{digest}"),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A client: what it has learnt of registries (tokens, how they want to be asked) is shared by all its jobs.
#[derive(Clone)]
pub struct Client {
    shared: Rc<Shared>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

struct Shared {
    options: Options,
    limits: Limits,
    hashes: Rc<dyn Hashes>,
    state: RefCell<State>,
}

/// What is learnt on the way.
#[derive(Default)]
struct State {
    /// How the registry at an address wants to be asked.
    schemes: HashMap<String, token::Scheme>,
    /// Tokens by registry and scopes: one for all would be used where it has no rights (H-10).
    tokens: HashMap<(String, String), token::Token>,
    /// What the driver said, also that there are none.
    credentials: HashMap<String, Option<Credentials>>,
    /// Registries that have answered anything.
    answered: HashSet<String>,
    warnings: Vec<String>,
    random: u64,
}

impl Client {
    /// A client that knows nothing yet.
    #[must_use]
    pub fn new(options: Options, limits: Limits, hashes: Rc<dyn Hashes>) -> Self {
        // Zero is where the generator would stay.
        let state = RefCell::new(State { random: options.seed | 1, ..State::default() });
        Self { shared: Rc::new(Shared { options, limits, hashes, state }) }
    }

    /// What registries have warned of since this was last asked, each text once (W-45). Nothing is done about it.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<String> {
        self.shared.take_warnings()
    }

    /// Asks whether a registry is there and lets us in: end-1.
    #[must_use]
    pub fn ping(&self, registry: &str) -> Job {
        let (shared, registry) = (Rc::clone(&self.shared), registry.to_owned());
        Job::new(|desk| async move { shared.ping(&desk, &registry).await })
    }

    /// Pulls a manifest or index by tag or digest, whole and verified: end-3.
    #[must_use]
    pub fn resolve(&self, repository: &Repository, reference: &Reference) -> Job {
        let (shared, repository, reference) = (Rc::clone(&self.shared), repository.clone(), reference.clone());
        Job::new(|desk| async move { shared.resolve(&desk, &repository, &reference).await })
    }

    /// What a tag or digest names, without its bytes; nothing where it is not there.
    #[must_use]
    pub fn stat(&self, repository: &Repository, reference: &Reference) -> Job {
        let (shared, repository, reference) = (Rc::clone(&self.shared), repository.clone(), reference.clone());
        Job::new(|desk| async move { shared.stat(&desk, &repository, &reference).await })
    }

    /// Delivers what a descriptor names, from an offset on; manifests come from where manifests are: end-2, end-3. A body
    /// that breaks off is asked for again from there. Whoever takes the bytes verifies them.
    #[must_use]
    pub fn fetch(&self, repository: &Repository, descriptor: &Descriptor, offset: u64) -> Job {
        let (shared, repository, descriptor) = (Rc::clone(&self.shared), repository.clone(), descriptor.clone());
        Job::new(move |desk| async move { shared.fetch(&desk, &repository, &descriptor, offset).await })
    }

    /// Whether a blob is in a repository: end-2.
    #[must_use]
    pub fn has(&self, repository: &Repository, descriptor: &Descriptor) -> Job {
        let (shared, repository, descriptor) = (Rc::clone(&self.shared), repository.clone(), descriptor.clone());
        Job::new(|desk| async move { shared.has(&desk, &repository, &descriptor).await })
    }

    /// Pushes a blob, unless it is there or can be mounted: end-4 to end-6, end-11, end-13, end-14.
    #[must_use]
    pub fn push_blob(&self, repository: &Repository, push: BlobPush) -> Job {
        let (shared, repository) = (Rc::clone(&self.shared), repository.clone());
        Job::new(|desk| async move { shared.push_blob(&desk, &repository, &push).await })
    }

    /// Pushes a manifest or index and its tags, and keeps the referrers tag of its subject where the registry does not:
    /// end-7, W-16.
    #[must_use]
    pub fn push_manifest(&self, repository: &Repository, push: ManifestPush) -> Job {
        let (shared, repository) = (Rc::clone(&self.shared), repository.clone());
        Job::new(|desk| async move { shared.push_manifest(&desk, &repository, &push).await })
    }

    /// All tags of a repository: end-8.
    #[must_use]
    pub fn tags(&self, repository: &Repository) -> Job {
        let (shared, repository) = (Rc::clone(&self.shared), repository.clone());
        Job::new(|desk| async move { shared.tags(&desk, &repository).await })
    }

    /// The manifests that have this one as their subject: end-12, or the referrers tag (W-14).
    #[must_use]
    pub fn referrers(&self, repository: &Repository, subject: &Digest, artifact_type: Option<&str>) -> Job {
        let (shared, repository, subject) = (Rc::clone(&self.shared), repository.clone(), subject.clone());
        let artifact_type = artifact_type.map(str::to_owned);
        Job::new(|desk| async move { shared.referrers(&desk, &repository, &subject, artifact_type.as_deref()).await })
    }

    /// Deletes a tag, or a manifest with all its tags: end-9. The referrers tag of its subject is kept (W-17).
    #[must_use]
    pub fn delete(&self, repository: &Repository, reference: &Reference) -> Job {
        let (shared, repository, reference) = (Rc::clone(&self.shared), repository.clone(), reference.clone());
        Job::new(|desk| async move { shared.delete(&desk, &repository, &reference).await })
    }

    /// Deletes a blob: end-10.
    #[must_use]
    pub fn delete_blob(&self, repository: &Repository, digest: &Digest) -> Job {
        let (shared, repository, digest) = (Rc::clone(&self.shared), repository.clone(), digest.clone());
        Job::new(|desk| async move { shared.delete_blob(&desk, &repository, &digest).await })
    }
}

/// A registry that is asked: itself, or a mirror of it.
struct Endpoint {
    /// The name by which its credentials are known.
    registry: String,
    root: Address,
    /// What a proxy is told to be asked for.
    namespace: Option<String>,
}

impl Shared {
    fn endpoint(&self, registry: &str) -> Result<Endpoint> {
        let root = Address::api(registry, self.options.transport)?;
        Ok(Endpoint { registry: registry.to_owned(), root, namespace: None })
    }

    /// Where to pull from, in the order of trying.
    fn endpoints(&self, repository: &Repository) -> Result<Vec<Endpoint>> {
        let mirrors = self.options.mirrors.iter().filter(|mirror| mirror.registry == repository.registry);
        let mut endpoints: Vec<Endpoint> = mirrors
            .map(|mirror| {
                let namespace = mirror.is_proxy.then(|| mirror.registry.clone());
                Ok(Endpoint { namespace, ..self.endpoint(&mirror.host)? })
            })
            .collect::<Result<_>>()?;
        endpoints.push(self.endpoint(&repository.registry)?);
        Ok(endpoints)
    }
}

impl Endpoint {
    /// An address below a repository.
    fn at(&self, repository: &Repository, path: &str) -> Address {
        let address = self.root.join(&format!("{}/{path}", repository.name));
        match &self.namespace {
            Some(namespace) => address.with_query("ns", namespace),
            None => address,
        }
    }
}

/// The right to do something with a repository, as token servers are asked for it (H-08).
fn scope(repository: &Repository, actions: &str) -> String {
    format!("repository:{}:{actions}", repository.name)
}

fn not_found(repository: &Repository, reference: &Reference) -> Error {
    Error::ManifestNotFound { name: format!("{repository}{}", reference.suffix()) }
}
