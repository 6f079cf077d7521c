//! One piece of work at a registry: what to do next, and what came of it.
//!
//! The protocol is written as `async` functions whose only way to wait is to ask the driver for something. Nothing here
//! runs by itself: the compiler makes the state machine, and [`Job::next`] advances it.

use crate::client::Credentials;
use crate::error::{Error, Result};
use crate::http::{Request, Response};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What a [`Job`] needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this request; then [`Job::respond`], or [`Job::fail`] when nothing came back. What is left of the body of the
    /// answer before it is not wanted.
    Send(Request),
    /// Read the body of the answer, at most one byte more than this many, and [`Job::supply`] it, or [`Job::fail`].
    Read(u64),
    /// The body of the answer is what was asked for, after so many bytes that are already known. Hand it on and say how
    /// far it went with [`Job::delivered`].
    Deliver {
        /// How many bytes to leave out first.
        skip: u64,
    },
    /// Let so many milliseconds pass, then [`Job::waited`].
    Wait(u64),
    /// Find the credentials for this registry, and [`Job::authorize`].
    Credentials(String),
    /// Nothing: [`Job::finish`].
    Done,
}

/// What a driver answers to a step.
pub(crate) enum Answer {
    Response(Response),
    Failed { reason: String, is_final: bool },
    Bytes(Vec<u8>),
    Delivered { bytes: u64, is_complete: bool },
    Waited,
    Credentials(Option<Credentials>),
}

/// Where a driver and the protocol meet.
#[derive(Default)]
pub(crate) struct Desk {
    step: RefCell<Option<Step>>,
    answer: RefCell<Option<Answer>>,
    now: Cell<u64>,
    streamed: RefCell<Option<String>>,
}

impl Desk {
    /// Milliseconds on the clock of the driver, when it last asked.
    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    /// The digest of a stream that was sent.
    pub(crate) fn streamed(&self) -> Result<String> {
        self.streamed.take().ok_or(Error::InvalidState { reason: "the digest of a stream that was sent must be told" })
    }

    pub(crate) async fn ask(&self, step: Step) -> Answer {
        self.step.replace(Some(step));
        std::future::poll_fn(|_| match self.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        })
        .await
    }
}

/// What a job comes to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It is done, and there is nothing to say.
    Done,
    /// A manifest or index, verified.
    Manifest(crate::client::Pulled),
    /// What is there, without its bytes; nothing where it is not.
    Descriptor(Option<portolan_image::Descriptor>),
    /// A blob is now in the repository.
    Pushed(crate::client::Pushed),
    /// Tags.
    Tags(Vec<String>),
    /// Descriptors of referrers.
    Referrers(Vec<portolan_image::Descriptor>),
}

/// One piece of work at a registry.
///
/// Ask [`Job::next`] what to do, do it, say what came of it by the method that the step names, and so on until
/// [`Step::Done`]; then take the [`Outcome`] with [`Job::finish`]. Asking again gives the same answer. After an error every
/// further call answers it again. A job may be dropped at any time; what it holds at the registry then expires there.
///
/// ```
/// use portolan_image::{Limits, digest::SoftwareHashes};
/// use portolan_registry::http::Response;
/// use portolan_registry::{Client, Options, Outcome, Repository, Step};
/// let client = Client::new(Options::default(), Limits::default(), std::rc::Rc::new(SoftwareHashes));
/// let mut job = client.tags(&Repository::new("localhost:5000", "app")?);
/// let Step::Send(request) = job.next(0)? else { panic!() };
/// assert_eq!(request.url, "http://localhost:5000/v2/app/tags/list?n=1000");
/// job.respond(Response { status: 200, ..Response::default() })?;
/// assert!(matches!(job.next(0)?, Step::Read(_)));
/// job.supply(br#"{"name":"app","tags":["latest"]}"#.to_vec())?;
/// assert_eq!(job.next(0)?, Step::Done);
/// assert_eq!(job.finish()?, Outcome::Tags(vec!["latest".to_owned()]));
/// # Ok::<(), portolan_registry::Error>(())
/// ```
pub struct Job {
    desk: Rc<Desk>,
    future: Option<Pin<Box<dyn Future<Output = Result<Outcome>>>>>,
    result: Option<Result<Outcome>>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("step", &self.desk.step.borrow())
            .field("result", &self.result)
            .finish_non_exhaustive()
    }
}

impl Job {
    pub(crate) fn new<F>(work: impl FnOnce(Rc<Desk>) -> F) -> Self
    where
        F: Future<Output = Result<Outcome>> + 'static,
    {
        let desk = Rc::new(Desk::default());
        let future = Box::pin(work(Rc::clone(&desk)));
        Self { desk, future: Some(future), result: None }
    }

    /// What is needed next; `now` is the time in milliseconds on a clock that never goes back.
    ///
    /// # Errors
    /// What went wrong, for good.
    pub fn next(&mut self, now: u64) -> Result<Step> {
        if let Some(step) = &*self.desk.step.borrow()
            && self.desk.answer.borrow().is_none()
        {
            return Ok(step.clone());
        }
        self.desk.now.set(now);
        if let Some(future) = &mut self.future {
            self.desk.step.replace(None);
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => {
                    return self
                        .desk
                        .step
                        .borrow()
                        .clone()
                        .ok_or(Error::InvalidState { reason: "nothing is asked for" });
                }
                Poll::Ready(result) => {
                    self.result = Some(result);
                    self.future = None;
                }
            }
        }
        match &self.result {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(Step::Done),
        }
    }

    fn answer(&mut self, fits: impl FnOnce(&Step) -> bool, answer: Answer) -> Result<()> {
        let is_asked = self.desk.step.borrow().as_ref().is_some_and(fits) && self.desk.answer.borrow().is_none();
        if !is_asked {
            return Err(Error::InvalidState { reason: "the answer does not fit what was asked for" });
        }
        self.desk.answer.replace(Some(answer));
        Ok(())
    }

    /// Tells what came back to a request, without its body.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when nothing was to be sent.
    pub fn respond(&mut self, response: Response) -> Result<()> {
        self.answer(|step| matches!(step, Step::Send(_)), Answer::Response(response))
    }

    /// Tells that nothing came back, or that a body broke off while it was read. `is_final` where trying again is no use.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when nothing was to be sent or read.
    pub fn fail(&mut self, reason: String, is_final: bool) -> Result<()> {
        self.answer(|step| matches!(step, Step::Send(_) | Step::Read(_)), Answer::Failed { reason, is_final })
    }

    /// Hands over a body.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when none was to be read.
    pub fn supply(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.answer(|step| matches!(step, Step::Read(_)), Answer::Bytes(bytes))
    }

    /// Tells how many bytes of a body were handed on, and whether it came to its end.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when none was to be delivered.
    pub fn delivered(&mut self, bytes: u64, is_complete: bool) -> Result<()> {
        self.answer(|step| matches!(step, Step::Deliver { .. }), Answer::Delivered { bytes, is_complete })
    }

    /// Tells that the time has passed.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when there was nothing to wait for.
    pub fn waited(&mut self) -> Result<()> {
        self.answer(|step| matches!(step, Step::Wait(_)), Answer::Waited)
    }

    /// Hands over the credentials for a registry, or says that there are none.
    ///
    /// # Errors
    /// [`Error::InvalidState`] when none were asked for.
    pub fn authorize(&mut self, credentials: Option<Credentials>) -> Result<()> {
        self.answer(|step| matches!(step, Step::Credentials(_)), Answer::Credentials(credentials))
    }

    /// Tells the digest of everything that was sent for [`Body::Stream`](crate::http::Body::Stream), before
    /// [`Job::respond`].
    pub fn streamed(&mut self, digest: String) {
        self.desk.streamed.replace(Some(digest));
    }

    /// What came of it.
    ///
    /// # Errors
    /// What went wrong, or [`Error::InvalidState`] when it is not done.
    pub fn finish(self) -> Result<Outcome> {
        self.result.unwrap_or(Err(Error::InvalidState { reason: "the job is not done" }))
    }
}
