//! Registries: the client of the toolkit, driven over HTTP.
//!
//! Which request comes next, what an answer means, and who may see a credential is decided in the component; here bytes are
//! moved.

pub(crate) mod body;
mod http;

use crate::bindings;
use crate::bindings::exports::portolan::image::registry as wit;
use crate::credentials;
use crate::error::{Error, ErrorCode, Result};
use crate::interrupt::Interrupt;
use crate::manifest::Descriptor;
use crate::reference::{Name, Selector};
use crate::source::Blob;
use crate::toolkit::{Instance, Toolkit};
use body::Content;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use wasmtime::component::ResourceAny;

pub use crate::bindings::exports::portolan::image::registry::{
    Credentials, How, Mirror, Password, Pulled, Pushed, Repository, Transport,
};

/// How registries are reached.
#[derive(Clone, Debug)]
pub struct Options {
    /// `http` or `https`.
    pub transport: Transport,
    /// Certificates of authorities in PEM, beside those of the system.
    pub authorities: Vec<PathBuf>,
    /// Where else to pull from, before the registry itself.
    pub mirrors: Vec<Mirror>,
    /// Hosts of token servers on other sites that may see credentials.
    pub trusted_realms: Vec<String>,
    /// Whether no credentials are looked for, and anybody's tokens do.
    pub anonymous: bool,
    /// How often a request is sent again.
    pub retries: u32,
    /// Bytes of a chunk of an upload; nothing sends blobs in one piece.
    pub chunk: Option<u64>,
    /// The longest silence on a connection.
    pub patience: Duration,
    /// When to stop.
    pub interrupt: Interrupt,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            transport: Transport::Automatic,
            authorities: Vec::new(),
            mirrors: Vec::new(),
            trusted_realms: Vec::new(),
            anonymous: false,
            retries: 5,
            chunk: None,
            patience: Duration::from_secs(60),
            interrupt: Interrupt::default(),
        }
    }
}

/// All registries that a program speaks to: what is learnt of one, such as its tokens, serves every request after.
///
/// It is cheap to clone and to share between threads. Nothing is connected, and no certificate read, before the first
/// request.
#[derive(Clone)]
pub struct Registries {
    shared: Arc<Shared>,
}

struct Shared {
    toolkit: Toolkit,
    options: Options,
    given: Mutex<HashMap<String, Credentials>>,
    /// What was found in files: a helper may ask the user, who is not to be asked twice.
    found: Mutex<HashMap<String, Option<Credentials>>>,
    client: OnceLock<Client>,
    begun: Instant,
}

/// The client of the component, and what speaks HTTP for it.
struct Client {
    instance: Mutex<Instance>,
    handle: ResourceAny,
    http: http::Http,
}

impl std::fmt::Debug for Registries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registries").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

impl Registries {
    /// Registries under these options.
    #[must_use]
    pub fn new(toolkit: &Toolkit, options: Options) -> Self {
        let shared = Shared {
            toolkit: toolkit.clone(),
            options,
            given: Mutex::default(),
            found: Mutex::default(),
            client: OnceLock::new(),
            begun: Instant::now(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Uses these credentials for a registry instead of those in files.
    pub fn authorize(&self, registry: &str, credentials: Credentials) {
        let mut given = self.shared.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.insert(registry.to_owned(), credentials);
    }

    /// Asks whether a registry is there and lets us in.
    ///
    /// # Errors
    /// `unauthorized`, `registry-unreachable` and whatever else registries can do.
    pub fn ping(&self, registry: &str) -> Result<()> {
        self.run(|exports, store, client| exports.portolan_image_registry().client().call_ping(store, client, registry))
            .map(drop)
    }

    /// Pulls a manifest or index by digest, or else by tag, `latest` unless given.
    ///
    /// # Errors
    /// `reference-not-found`, or that it is not what it should be.
    pub fn resolve(&self, repository: &Repository, selector: &Selector) -> Result<Pulled> {
        match self.run(|exports, store, client| {
            exports.portolan_image_registry().client().call_resolve(store, client, repository, selector)
        })? {
            wit::Outcome::Manifest(pulled) => Ok(pulled),
            outcome => Err(unexpected(&outcome)),
        }
    }

    /// What a tag or digest names; nothing where it is not there.
    ///
    /// # Errors
    /// Whatever registries can do.
    pub fn stat(&self, repository: &Repository, selector: &Selector) -> Result<Option<Descriptor>> {
        match self.run(|exports, store, client| {
            exports.portolan_image_registry().client().call_stat(store, client, repository, selector)
        })? {
            wit::Outcome::Descriptor(descriptor) => Ok(descriptor),
            outcome => Err(unexpected(&outcome)),
        }
    }

    /// A blob or manifest from an offset in bytes on, as it comes: whoever reads it verifies it. A connection that breaks
    /// is no end of it. Nothing where it is not there.
    ///
    /// # Errors
    /// Whatever registries can do before the first byte; later ones are errors of reading.
    pub fn fetch(&self, repository: &Repository, descriptor: &Descriptor, offset: u64) -> Result<Option<Blob>> {
        let job = self.job(|exports, store, client| {
            exports.portolan_image_registry().client().call_fetch(store, client, repository, descriptor, offset)
        })?;
        match Content::begin(job, descriptor.size.saturating_sub(offset)) {
            // Of a blob whose size nobody knows, the registry may say it.
            Ok(content) if descriptor.size == u64::MAX => {
                let left = content.announced().unwrap_or(u64::MAX);
                Ok(Some(Blob::new(content, left)))
            }
            Ok(content) => Ok(Some(Blob::new(content, descriptor.size.saturating_sub(offset)))),
            Err(Error::Image { code: ErrorCode::BlobNotFound, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether something is in a repository.
    ///
    /// # Errors
    /// Whatever registries can do.
    pub fn has(&self, repository: &Repository, descriptor: &Descriptor) -> Result<bool> {
        let run = self.run(|exports, store, client| {
            exports.portolan_image_registry().client().call_has(store, client, repository, descriptor)
        });
        match run? {
            wit::Outcome::Descriptor(descriptor) => Ok(descriptor.is_some()),
            outcome => Err(unexpected(&outcome)),
        }
    }

    /// All tags of a repository.
    ///
    /// # Errors
    /// Whatever registries can do.
    pub fn tags(&self, repository: &Repository) -> Result<Vec<String>> {
        match self.run(|exports, store, client| {
            exports.portolan_image_registry().client().call_tags(store, client, repository)
        })? {
            wit::Outcome::Tags(tags) => Ok(tags),
            outcome => Err(unexpected(&outcome)),
        }
    }

    /// The manifests that have this one as their subject.
    ///
    /// # Errors
    /// Whatever registries can do.
    pub fn referrers(
        &self,
        repository: &Repository,
        digest: &str,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Descriptor>> {
        let run = self.run(|exports, store, client| {
            exports.portolan_image_registry().client().call_referrers(store, client, repository, digest, artifact_type)
        });
        match run? {
            wit::Outcome::Referrers(referrers) => Ok(referrers),
            outcome => Err(unexpected(&outcome)),
        }
    }

    /// The bytes of an `index.json` that lists one descriptor.
    pub(crate) fn index_of(&self, descriptor: &Descriptor) -> Result<Vec<u8>> {
        let mut instance = self.shared.toolkit.instantiate()?;
        instance.attempt(|exports, store| exports.portolan_image_registry().call_index_of(store, descriptor))
    }

    /// What registries have warned of since this was last asked.
    ///
    /// # Errors
    /// When the component fails.
    pub fn take_warnings(&self) -> Result<Vec<String>> {
        let Some(client) = self.shared.client.get() else { return Ok(Vec::new()) };
        client
            .instance()
            .call(|exports, store| exports.portolan_image_registry().client().call_take_warnings(store, client.handle))
    }

    fn client(&self) -> Result<&Client> {
        if let Some(client) = self.shared.client.get() {
            return Ok(client);
        }
        let Shared { toolkit, options, .. } = &*self.shared;
        let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let given = wit::Options {
            transport: options.transport,
            mirrors: options.mirrors.clone(),
            trusted_realms: options.trusted_realms.clone(),
            retries: options.retries,
            seed: seed as u64 ^ u64::from(std::process::id()),
        };
        let http = http::Http::new(options)?;
        let mut instance = toolkit.instantiate()?;
        let handle = instance.call(|exports, store| {
            exports.portolan_image_registry().client().call_constructor(store, &given, toolkit.limits())
        })?;
        Ok(self.shared.client.get_or_init(|| Client { instance: Mutex::new(instance), handle, http }))
    }

    /// Bytes of a chunk of what is pushed.
    pub(crate) fn chunk(&self) -> Option<u64> {
        self.shared.options.chunk
    }

    /// Begins a job of the client.
    pub(crate) fn job(
        &self,
        start: impl FnOnce(
            &bindings::Toolkit,
            &mut wasmtime::Store<crate::toolkit::State>,
            ResourceAny,
        ) -> wasmtime::Result<ResourceAny>,
    ) -> Result<Job> {
        let client = self.client()?;
        let handle = client.instance().call(|exports, store| start(exports, store, client.handle))?;
        Ok(Job { registries: self.clone(), handle })
    }

    /// Does all of a job of the client.
    pub(crate) fn run(
        &self,
        start: impl FnOnce(
            &bindings::Toolkit,
            &mut wasmtime::Store<crate::toolkit::State>,
            ResourceAny,
        ) -> wasmtime::Result<ResourceAny>,
    ) -> Result<wit::Outcome> {
        self.job(start)?.complete(None)
    }
}

impl Client {
    fn instance(&self) -> MutexGuard<'_, Instance> {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The repository that a name means.
#[must_use]
pub fn repository(name: &Name) -> Repository {
    Repository { registry: name.registry.clone(), name: name.repository.clone() }
}

/// A job came to what none of its kind comes to.
pub(crate) fn unexpected(outcome: &wit::Outcome) -> Error {
    Error::Image { code: ErrorCode::InvalidState, message: format!("a job came to {outcome:?}") }
}

/// A piece of work at a registry; see `job` in `wit/registry.wit`.
pub(crate) struct Job {
    registries: Registries,
    handle: ResourceAny,
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(client) = self.registries.shared.client.get() {
            let _ = self.handle.resource_drop(&mut client.instance().store);
        }
    }
}

/// What a job waits for when it can go no further by itself.
enum Pause {
    /// The body of this answer is wanted, after so many bytes.
    Deliver(Box<http::Answer>, u64),
    /// It is done.
    Done,
}

impl Job {
    /// Calls a method of the job.
    fn tell<T>(
        &self,
        tell: impl FnOnce(
            &wit::Guest,
            &mut wasmtime::Store<crate::toolkit::State>,
            ResourceAny,
        ) -> wasmtime::Result<
            std::result::Result<T, crate::bindings::exports::portolan::image::types::Error>,
        >,
    ) -> Result<T> {
        let client = self.registries.client()?;
        client.instance().attempt(|exports, store| tell(exports.portolan_image_registry(), store, self.handle))
    }

    /// Does what the job asks for until it is done, or wants a body delivered.
    fn advance(&self, push: Option<&body::Push<'_, '_>>, mut stream: Option<body::Stream>) -> Result<Pause> {
        let Shared { options, begun, .. } = &*self.registries.shared;
        let http = &self.registries.client()?.http;
        let mut answer: Option<http::Answer> = None;
        loop {
            options.interrupt.check()?;
            let now = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            match self.tell(|exports, store, job| exports.job().call_next(store, job, now))? {
                wit::Step::Send(request) => {
                    drop(answer.take());
                    let toolkit = &self.registries.shared.toolkit;
                    let body::Opened { bytes, pump } = body::open(toolkit, &request.body, push, &mut stream)?;
                    let (sent, pumped) = std::thread::scope(|scope| {
                        let pumping = pump.map(|pump| scope.spawn(|| pump.run()));
                        let sent = http.send(&request, bytes);
                        (sent, pumping.map_or(Ok(Ok(None)), std::thread::ScopedJoinHandle::join))
                    });
                    // What is wrong with our own bytes explains more than what the registry made of it.
                    let digest = pumped.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                    if let Some(digest) = digest {
                        self.tell(|exports, store, job| exports.job().call_streamed(store, job, &digest).map(Ok))?;
                    }
                    match sent {
                        Ok((response, received)) => {
                            answer = Some(received);
                            self.tell(|exports, store, job| exports.job().call_respond(store, job, &response))?;
                        }
                        Err(failure) => self.failed(&failure)?,
                    }
                }
                wit::Step::Read(most) => {
                    let read = match answer.as_mut() {
                        Some(answer) => answer.read(most),
                        None => Err(http::Failure { reason: "there is no answer".to_owned(), is_final: true }),
                    };
                    match read {
                        Ok(bytes) => self.tell(|exports, store, job| exports.job().call_supply(store, job, &bytes))?,
                        Err(failure) => self.failed(&failure)?,
                    }
                }
                wit::Step::Deliver(skip) => match answer.take() {
                    Some(answer) => return Ok(Pause::Deliver(Box::new(answer), skip)),
                    None => self.tell(|exports, store, job| exports.job().call_delivered(store, job, 0, false))?,
                },
                wit::Step::Wait(milliseconds) => {
                    drop(answer.take());
                    http.wait(Duration::from_millis(milliseconds))?;
                    self.tell(|exports, store, job| exports.job().call_waited(store, job))?;
                }
                wit::Step::Credentials(registry) => {
                    let credentials = self.registries.credentials(&registry)?;
                    self.tell(|exports, store, job| exports.job().call_authorize(store, job, credentials.as_ref()))?;
                }
                wit::Step::Done => return Ok(Pause::Done),
            }
        }
    }

    fn failed(&self, failure: &http::Failure) -> Result<()> {
        self.registries.shared.options.interrupt.check()?;
        self.tell(|exports, store, job| exports.job().call_fail(store, job, &failure.reason, failure.is_final))
    }

    /// Does all that the job asks for.
    pub(crate) fn complete(self, push: Option<&body::Push<'_, '_>>) -> Result<wit::Outcome> {
        while let Pause::Deliver(_, _) = self.advance(push, None)? {
            self.tell(|exports, store, job| exports.job().call_delivered(store, job, 0, false))?;
        }
        self.tell(|exports, store, job| exports.job().call_finish(store, job))
    }

    /// The same for a stream.
    pub(crate) fn stream(self, reader: Blob) -> Result<(Pushed, u64)> {
        let stream = body::Stream::new(reader);
        let length = stream.length();
        self.advance(None, Some(stream))?;
        match self.tell(|exports, store, job| exports.job().call_finish(store, job))? {
            wit::Outcome::Pushed(pushed) => Ok((pushed, length.load(std::sync::atomic::Ordering::SeqCst))),
            outcome => Err(unexpected(&outcome)),
        }
    }
}

impl Registries {
    /// What was given, or what files and helpers say.
    fn credentials(&self, registry: &str) -> Result<Option<Credentials>> {
        let given = self.shared.given.lock().unwrap_or_else(PoisonError::into_inner).get(registry).cloned();
        if given.is_some() || self.shared.options.anonymous {
            return Ok(given);
        }
        // Held while it is looked for, since several requests come at once.
        let mut found = self.shared.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(credentials) = found.get(registry) {
            return Ok(credentials.clone());
        }
        let credentials = credentials::find(&self.shared.toolkit, registry)?;
        found.insert(registry.to_owned(), credentials.clone());
        Ok(credentials)
    }
}
