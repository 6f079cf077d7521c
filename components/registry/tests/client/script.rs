//! A script: requests in their order, and what comes back.

use portolan_image::digest::{SoftwareHashes, digest_bytes};
use portolan_image::{Algorithm, Descriptor, Digest, Limits, MediaType};
use portolan_registry::http::{Body, Request, Response};
use portolan_registry::{Client, Credentials, Error, Job, Options, Outcome, Repository, Step};
use std::rc::Rc;

/// Everything is at this registry, which is spoken to without TLS.
pub(crate) const REGISTRY: &str = "localhost:5000";

/// One request and its answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turn {
    request: String,
    headers: Vec<(String, Option<String>)>,
    body: Option<Vec<u8>>,
    fails: bool,
    status: u16,
    answer: Vec<(String, String)>,
    bytes: Vec<u8>,
    /// The body breaks off after so many bytes.
    cut: Option<usize>,
}

/// Expects a request, such as `GET /v2/`; what does not begin with a scheme is at the registry.
pub(crate) fn on(request: &str) -> Turn {
    let (method, url) = request.split_once(' ').unwrap();
    let url = if url.starts_with('/') { format!("http://{REGISTRY}{url}") } else { url.to_owned() };
    Turn { request: format!("{method} {url}"), status: 200, ..Turn::default() }
}

impl Turn {
    /// It must have this header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// It must not have this header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.push((name.to_owned(), None));
        self
    }

    /// Its body must be this, or for a part of a blob `OFFSET+LENGTH`.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn says(mut self, name: &str, value: &str) -> Self {
        self.answer.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.bytes = bytes.into();
        self
    }

    pub(crate) fn cut(mut self, after: usize) -> Self {
        self.cut = Some(after);
        self
    }

    /// Nothing comes back.
    pub(crate) fn fails(mut self) -> Self {
        self.fails = true;
        self
    }

    fn check(&self, request: &Request) {
        assert_eq!(format!("{} {}", request.method.as_str(), request.url), self.request);
        for (name, expected) in &self.headers {
            let found = request.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
            let value = found.map(|(_, value)| value);
            assert_eq!(value, expected.as_ref(), "{name} of {}", self.request);
        }
        if let Some(expected) = &self.body {
            let found = match &request.body {
                Body::None => Vec::new(),
                Body::Bytes(bytes) => bytes.clone(),
                Body::Blob { offset, length } => format!("{offset}+{length}").into_bytes(),
                Body::Stream => b"stream".to_vec(),
            };
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(text(&found), text(expected), "body of {}", self.request);
        }
    }
}

/// What a run came to.
pub(crate) struct Run {
    pub(crate) outcome: Result<Outcome, Error>,
    /// What was delivered.
    pub(crate) delivered: Vec<u8>,
    /// Milliseconds that were waited for, one by one.
    pub(crate) waits: Vec<u64>,
    /// Registries whose credentials were asked for.
    pub(crate) asked: Vec<String>,
}

impl Run {
    #[track_caller]
    pub(crate) fn error(self) -> Error {
        match self.outcome {
            Err(error) => error,
            Ok(outcome) => panic!("{outcome:?}"),
        }
    }
}

/// A client and what the driver knows.
pub(crate) struct Play {
    pub(crate) client: Client,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) now: u64,
}

pub(crate) fn play() -> Play {
    play_with(Options { retries: 2, ..Options::default() })
}

pub(crate) fn play_with(options: Options) -> Play {
    let client = Client::new(options, Limits::default(), Rc::new(SoftwareHashes));
    Play { client, credentials: None, now: 0 }
}

impl Play {
    /// Runs a job against a script, which must be played to its end.
    #[track_caller]
    pub(crate) fn run(&mut self, mut job: Job, turns: impl IntoIterator<Item = Turn>) -> Run {
        let mut turns = turns.into_iter();
        let mut run = Run { outcome: Ok(Outcome::Done), delivered: Vec::new(), waits: Vec::new(), asked: Vec::new() };
        let mut current = Turn::default();
        loop {
            let step = match job.next(self.now) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(job.next(self.now), Err(error.clone()), "an error stays");
                    run.outcome = Err(error);
                    break;
                }
            };
            assert_eq!(job.next(self.now).as_ref(), Ok(&step), "asking again gives the same answer");
            match step {
                Step::Send(request) => {
                    let url = request.url.clone();
                    current =
                        turns.next().unwrap_or_else(|| panic!("nobody expects {} {url}", request.method.as_str()));
                    current.check(&request);
                    if current.fails {
                        job.fail("connection reset".to_owned(), false).unwrap();
                        continue;
                    }
                    if request.body == Body::Stream {
                        job.streamed(digest(b"stream").to_string());
                    }
                    let (status, headers) = (current.status, current.answer.clone());
                    job.respond(Response { status, headers, url: None }).unwrap();
                }
                Step::Read(most) => match current.cut {
                    Some(_) => job.fail("connection reset".to_owned(), false).unwrap(),
                    None => {
                        let most = usize::try_from(most).unwrap().saturating_add(1).min(current.bytes.len());
                        job.supply(current.bytes[..most].to_vec()).unwrap();
                    }
                },
                Step::Deliver { skip } => {
                    let end = current.cut.unwrap_or(current.bytes.len());
                    let start = usize::try_from(skip).unwrap().min(end);
                    run.delivered.extend_from_slice(&current.bytes[start..end]);
                    job.delivered((end - start) as u64, current.cut.is_none()).unwrap();
                }
                Step::Wait(time) => {
                    run.waits.push(time);
                    self.now += time;
                    job.waited().unwrap();
                }
                Step::Credentials(registry) => {
                    run.asked.push(registry);
                    job.authorize(self.credentials.clone()).unwrap();
                }
                Step::Done => {
                    run.outcome = job.finish();
                    break;
                }
            }
        }
        let left: Vec<String> = turns.map(|turn| turn.request).collect();
        assert!(left.is_empty(), "never sent: {left:?}; {:?}", run.outcome);
        run
    }
}

pub(crate) fn repository(name: &str) -> Repository {
    Repository::new(REGISTRY, name).unwrap()
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    digest_bytes(&SoftwareHashes, &Algorithm::Sha256, bytes).unwrap()
}

/// A blob of these bytes.
pub(crate) fn blob(bytes: &[u8]) -> Descriptor {
    Descriptor::new(MediaType::Empty, digest(bytes), bytes.len() as u64)
}

/// A small manifest, of an artifact type and perhaps with a subject.
pub(crate) fn manifest(artifact_type: &str, subject: Option<&Descriptor>) -> Vec<u8> {
    let text = |descriptor: &Descriptor| String::from_utf8(descriptor.to_value().to_bytes()).unwrap();
    let empty = text(&Descriptor::empty());
    let subject = subject.map(|subject| format!(r#","subject":{}"#, text(subject))).unwrap_or_default();
    let media_type = MediaType::ImageManifest;
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{media_type}","artifactType":"{artifact_type}","config":{empty},"layers":[]{subject}}}"#
    )
    .into_bytes()
}

pub(crate) fn manifest_descriptor(bytes: &[u8]) -> Descriptor {
    Descriptor::new(MediaType::ImageManifest, digest(bytes), bytes.len() as u64)
}

/// An answer with a manifest.
pub(crate) fn document(turn: Turn, bytes: &[u8]) -> Turn {
    turn.says("Content-Type", MediaType::ImageManifest.as_str()).bytes(bytes)
}
