//! The interface `registry`.

use crate::Component;
use crate::bindings::exports::portolan::image::reference::Selector;
use crate::bindings::exports::portolan::image::registry as wit;
use crate::bindings::exports::portolan::image::registry::{Guest, GuestClient, GuestJob, Job as JobHandle};
use crate::bindings::exports::portolan::image::types::Descriptor;
use crate::types::{Imported, Limit, Result, limits};
use portolan_image::layout::Listing;
use portolan_registry::client::{How, Mirror, Pulled, Pushed, Reference, Transport};
use portolan_registry::{self as registry, Credentials, Repository, http};
use std::cell::RefCell;
use std::rc::Rc;

impl Guest for Component {
    type Job = Job;
    type Client = Client;

    fn referrers_tag(digest: String) -> Result<String> {
        Ok(registry::referrers::tag(&digest.parse()?))
    }

    fn index_of(descriptor: Descriptor) -> Result<Vec<u8>> {
        let mut listing = Listing::default();
        listing.add(&descriptor.try_into()?);
        Ok(listing.to_bytes())
    }
}

/// A job, or why there is none.
pub(crate) struct Job(RefCell<Option<Result<registry::Job>>>);

const FINISHED: registry::Error = registry::Error::InvalidState { reason: "the job is already finished" };

impl Job {
    fn with<T>(&self, work: impl FnOnce(&mut registry::Job) -> registry::Result<T>) -> Result<T> {
        match self.0.borrow_mut().as_mut().ok_or(FINISHED)? {
            Ok(job) => Ok(work(job)?),
            Err(error) => Err(error.clone()),
        }
    }
}

impl GuestJob for Job {
    fn next(&self, now: u64) -> Result<wit::Step> {
        self.with(|job| job.next(now)).map(Into::into)
    }

    fn respond(&self, response: wit::Response) -> Result<()> {
        let headers = response.headers.into_iter().map(|header| (header.name, header.value)).collect();
        self.with(|job| job.respond(http::Response { status: response.status, headers, url: response.url }))
    }

    fn fail(&self, reason: String, is_final: bool) -> Result<()> {
        self.with(|job| job.fail(reason, is_final))
    }

    fn supply(&self, bytes: Vec<u8>) -> Result<()> {
        self.with(|job| job.supply(bytes))
    }

    fn delivered(&self, bytes: u64, is_complete: bool) -> Result<()> {
        self.with(|job| job.delivered(bytes, is_complete))
    }

    fn waited(&self) -> Result<()> {
        self.with(registry::Job::waited)
    }

    fn authorize(&self, credentials: Option<wit::Credentials>) -> Result<()> {
        self.with(|job| job.authorize(credentials.map(Into::into)))
    }

    fn streamed(&self, digest: String) {
        if let Some(Ok(job)) = self.0.borrow_mut().as_mut() {
            job.streamed(digest);
        }
    }

    fn finish(&self) -> Result<wit::Outcome> {
        Ok(self.0.borrow_mut().take().ok_or(FINISHED)??.finish()?.into())
    }
}

/// A client.
pub(crate) struct Client(Result<registry::Client>);

impl Client {
    /// A job at a repository, or why there is none.
    pub(crate) fn job(
        &self,
        repository: &wit::Repository,
        start: impl FnOnce(&registry::Client, &Repository) -> Result<registry::Job>,
    ) -> JobHandle {
        let job = self.0.as_ref().map_err(Clone::clone).and_then(|client| {
            let repository = Repository::new(&repository.registry, &repository.name)?;
            start(client, &repository)
        });
        JobHandle::new(Job(RefCell::new(Some(job))))
    }
}

impl GuestClient for Client {
    fn new(options: wit::Options, replaced: Vec<Limit>) -> Self {
        Self(limits(&replaced).map(|limits| registry::Client::new(options.into(), limits, Rc::new(Imported))))
    }

    fn take_warnings(&self) -> Vec<String> {
        self.0.as_ref().map(registry::Client::take_warnings).unwrap_or_default()
    }

    fn ping(&self, registry: String) -> JobHandle {
        let job = self.0.as_ref().map(|client| client.ping(&registry)).map_err(Clone::clone);
        JobHandle::new(Job(RefCell::new(Some(job))))
    }

    fn resolve(&self, repository: wit::Repository, selector: Selector) -> JobHandle {
        self.job(&repository, |client, repository| Ok(client.resolve(repository, &reference(selector)?)))
    }

    fn stat(&self, repository: wit::Repository, selector: Selector) -> JobHandle {
        self.job(&repository, |client, repository| Ok(client.stat(repository, &reference(selector)?)))
    }

    fn fetch(&self, repository: wit::Repository, descriptor: Descriptor, offset: u64) -> JobHandle {
        self.job(&repository, |client, repository| Ok(client.fetch(repository, &descriptor.try_into()?, offset)))
    }

    fn has(&self, repository: wit::Repository, descriptor: Descriptor) -> JobHandle {
        self.job(&repository, |client, repository| Ok(client.has(repository, &descriptor.try_into()?)))
    }

    fn tags(&self, repository: wit::Repository) -> JobHandle {
        self.job(&repository, |client, repository| Ok(client.tags(repository)))
    }

    fn referrers(&self, repository: wit::Repository, digest: String, artifact_type: Option<String>) -> JobHandle {
        self.job(&repository, |client, repository| {
            Ok(client.referrers(repository, &digest.parse()?, artifact_type.as_deref()))
        })
    }
}

/// The digest says more than the tag, and a name alone means the tag that everybody takes then.
pub(crate) fn reference(selector: Selector) -> Result<Reference> {
    Ok(match (selector.digest, selector.tag) {
        (Some(digest), _) => Reference::Digest(digest.parse()?),
        (None, Some(tag)) => Reference::tag(&tag)?,
        (None, None) => Reference::tag("latest")?,
    })
}

impl From<wit::Options> for registry::Options {
    fn from(options: wit::Options) -> Self {
        let mirrors = options.mirrors.into_iter();
        Self {
            transport: match options.transport {
                wit::Transport::Automatic => Transport::Automatic,
                wit::Transport::Plain => Transport::Plain,
                wit::Transport::Secure => Transport::Secure,
            },
            mirrors: mirrors
                .map(|wit::Mirror { registry, host, is_proxy }| Mirror { registry, host, is_proxy })
                .collect(),
            trusted_realms: options.trusted_realms,
            retries: options.retries,
            seed: options.seed,
        }
    }
}

impl From<wit::Credentials> for Credentials {
    fn from(credentials: wit::Credentials) -> Self {
        match credentials {
            wit::Credentials::Password(wit::Password { username, password }) => Self::Password { username, password },
            wit::Credentials::Identity(token) => Self::Identity(token),
            wit::Credentials::Token(token) => Self::Token(token),
        }
    }
}

impl From<registry::Step> for wit::Step {
    fn from(step: registry::Step) -> Self {
        match step {
            registry::Step::Send(request) => Self::Send(request.into()),
            registry::Step::Read(most) => Self::Read(most),
            registry::Step::Deliver { skip } => Self::Deliver(skip),
            registry::Step::Wait(time) => Self::Wait(time),
            registry::Step::Credentials(registry) => Self::Credentials(registry),
            registry::Step::Done => Self::Done,
        }
    }
}

impl From<http::Request> for wit::Request {
    fn from(request: http::Request) -> Self {
        let headers = request.headers.into_iter();
        Self {
            method: match request.method {
                http::Method::Get => wit::Method::Get,
                http::Method::Head => wit::Method::Head,
                http::Method::Post => wit::Method::Post,
                http::Method::Put => wit::Method::Put,
                http::Method::Patch => wit::Method::Patch,
                http::Method::Delete => wit::Method::Delete,
            },
            url: request.url,
            headers: headers.map(|(name, value)| wit::Header { name, value }).collect(),
            body: match request.body {
                http::Body::None => wit::Body::None,
                http::Body::Bytes(bytes) => wit::Body::Bytes(bytes),
                http::Body::Blob { offset, length } => wit::Body::Blob(wit::Part { offset, length }),
                http::Body::Stream => wit::Body::Stream,
            },
        }
    }
}

impl From<registry::Outcome> for wit::Outcome {
    fn from(outcome: registry::Outcome) -> Self {
        match outcome {
            registry::Outcome::Manifest(Pulled { descriptor, bytes }) => {
                Self::Manifest(wit::Pulled { descriptor: descriptor.into(), bytes })
            }
            registry::Outcome::Descriptor(descriptor) => Self::Descriptor(descriptor.map(Into::into)),
            registry::Outcome::Pushed(Pushed { how, digest }) => Self::Pushed(wit::Pushed {
                how: match how {
                    How::Present => wit::How::Present,
                    How::Mounted => wit::How::Mounted,
                    How::Uploaded => wit::How::Uploaded,
                },
                digest: digest.to_string(),
            }),
            registry::Outcome::Tags(tags) => Self::Tags(tags),
            registry::Outcome::Referrers(referrers) => Self::Referrers(referrers.into_iter().map(Into::into).collect()),
            _ => Self::Done,
        }
    }
}
