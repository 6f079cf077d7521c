//! Bodies: those that are sent, and those that are handed on while they come.

use super::http::{Answer, Failure, Pace};
use super::{Job, Pause};
use crate::bindings::exports::portolan::image::registry as wit;
use crate::digest::{Digester, Verifier};
use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::sink::Fetch;
use crate::source::Blob;
use crate::toolkit::Toolkit;
use bytes::Bytes;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes are read at once, and how many such pieces may wait.
const PIECE: usize = 256 * 1024;
const WAITING: usize = 4;

/// A blob that is pushed.
pub(crate) struct Push<'a, 'f> {
    pub(crate) descriptor: &'a Descriptor,
    pub(crate) read: &'a Fetch<'f>,
}

/// Everything of a reader, whose end nobody knows yet.
pub(super) struct Stream {
    reader: Blob,
    length: Arc<AtomicU64>,
}

impl Stream {
    pub(super) fn new(reader: Blob) -> Self {
        Self { reader, length: Arc::default() }
    }

    /// How many bytes were sent.
    pub(super) fn length(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.length)
    }
}

/// Reads on a thread of its own what is sent on this one.
pub(super) struct Pump<'a> {
    reader: Box<dyn Read + Send + 'a>,
    length: Option<u64>,
    check: Check,
    sent: Arc<AtomicU64>,
    sender: Sender,
}

type Sender = tokio::sync::mpsc::Sender<io::Result<Bytes>>;

/// What a request is sent with.
#[derive(Default)]
pub(super) struct Opened<'a> {
    /// The body, and its length where it is known.
    pub(super) bytes: Option<(reqwest::Body, Option<u64>)>,
    /// What fills it while it is sent.
    pub(super) pump: Option<Pump<'a>>,
}

/// What looks at the bytes that are sent.
enum Check {
    /// The whole blob: it is verified before its last bytes go out.
    Verify(Verifier),
    /// A stream, whose digest is wanted.
    Digest(Digester),
    /// A part, whose digest nobody knows; the registry knows that of the whole.
    None,
}

/// Opens the body of a request.
pub(super) fn open<'f>(
    toolkit: &Toolkit,
    body: &wit::Body,
    push: Option<&Push<'_, 'f>>,
    stream: &mut Option<Stream>,
) -> Result<Opened<'f>> {
    Ok(match body {
        wit::Body::None => Opened::default(),
        wit::Body::Bytes(bytes) => {
            Opened { bytes: Some((reqwest::Body::from(bytes.clone()), Some(bytes.len() as u64))), pump: None }
        }
        wit::Body::Blob(wit::Part { offset, length }) => {
            let Some(push) = push else { return Err(Error::Usage("there is no blob to push".to_owned())) };
            let Descriptor { digest, size, .. } = push.descriptor;
            let check = match (offset, length == size) {
                (0, true) => Check::Verify(Verifier::start(toolkit, digest, *size)?),
                _ => Check::None,
            };
            let reader = Box::new((push.read)(*offset)?.take(*length));
            Pump::fill(reader, Some(*length), check, Arc::default())
        }
        wit::Body::Stream => {
            let Some(Stream { reader, length }) = stream.take() else {
                return Err(Error::Usage("a stream can be sent once".to_owned()));
            };
            Pump::fill(Box::new(reader), None, Check::Digest(Digester::start(toolkit, "sha256")?), length)
        }
    })
}

impl<'a> Pump<'a> {
    fn fill(reader: Box<dyn Read + Send + 'a>, length: Option<u64>, check: Check, sent: Arc<AtomicU64>) -> Opened<'a> {
        let (sender, receiver) = tokio::sync::mpsc::channel(WAITING);
        let pieces = futures_util::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|piece: io::Result<Bytes>| (piece, receiver))
        });
        let bytes = Some((reqwest::Body::wrap_stream(pieces), length));
        Opened { bytes, pump: Some(Pump { reader, length, check, sent, sender }) }
    }

    /// Reads to the end, and answers the digest of a stream. What is wrong ends the request before it is complete; that
    /// nobody wants the rest any more, since the registry has answered, is no error.
    pub(super) fn run(mut self) -> Result<Option<String>> {
        let sender = self.sender;
        let give = |piece| sender.blocking_send(Ok(piece)).is_ok();
        match (pump(&mut self.reader, self.length, &mut self.check, &self.sent, give), self.check) {
            (Ok(true), Check::Digest(digester)) => digester.finish().map(Some),
            (Ok(_), _) => Ok(None),
            (Err(error), _) => {
                let _ = sender.blocking_send(Err(io::Error::other("the bytes that are sent are wrong")));
                Err(error)
            }
        }
    }
}

/// Answers whether everything went out. The last piece is held back until the whole is known to be true.
fn pump(
    reader: &mut impl Read,
    length: Option<u64>,
    check: &mut Check,
    sent: &AtomicU64,
    mut give: impl FnMut(Bytes) -> bool,
) -> Result<bool> {
    let mut held: Option<Bytes> = None;
    let mut total = 0;
    loop {
        let mut piece = vec![0; PIECE];
        let mut filled = 0;
        while filled < PIECE {
            match reader.read(&mut piece[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io("read", "what is to be pushed")(error)),
            }
        }
        piece.truncate(filled);
        total += filled as u64;
        match check {
            Check::Verify(verifier) => verifier.feed(&piece)?,
            Check::Digest(digester) => digester.feed(&piece)?,
            Check::None => {}
        }
        if filled < PIECE
            && let Check::Verify(verifier) = std::mem::replace(check, Check::None)
        {
            verifier.finish()?;
        } else if filled < PIECE && length.is_some_and(|length| total < length) {
            let missing = io::Error::new(io::ErrorKind::UnexpectedEof, "it ends too early");
            return Err(Error::io("read", "what is to be pushed")(missing));
        }
        if let Some(piece) = held.replace(Bytes::from(piece)) {
            sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
            if !give(piece) {
                return Ok(false);
            }
        }
        if filled < PIECE {
            let last = held.take().unwrap_or_default();
            sent.fetch_add(last.len() as u64, Ordering::SeqCst);
            return Ok(last.is_empty() || give(last));
        }
    }
}

/// A body that is handed on while it comes; where it breaks off, the job says how to go on.
pub(super) struct Content {
    job: Job,
    answer: Option<(Answer, Pace)>,
    skip: u64,
    /// Handed on of this answer.
    delivered: u64,
    /// How many bytes may still come; one more is handed on, so that whoever verifies sees it.
    left: u64,
    chunk: Bytes,
}

impl Content {
    pub(super) fn begin(job: Job, size: u64) -> Result<Self> {
        let mut content =
            Self { job, answer: None, skip: 0, delivered: 0, left: size.saturating_add(1), chunk: Bytes::new() };
        content.advance()?;
        Ok(content)
    }

    /// How many bytes are going to come, by what the registry says.
    pub(super) fn announced(&self) -> Option<u64> {
        self.answer.as_ref().and_then(|(answer, _)| answer.length()).map(|length| length.saturating_sub(self.skip))
    }

    fn advance(&mut self) -> Result<()> {
        if let Pause::Deliver(answer, skip) = self.job.advance(None, None)? {
            let pace = answer.pace();
            (self.answer, self.skip, self.delivered) = (Some((*answer, pace)), skip, 0);
        }
        Ok(())
    }

    /// The next bytes; none at the end.
    fn fill(&mut self) -> Result<()> {
        while self.chunk.is_empty() {
            let Some((answer, pace)) = self.answer.as_mut() else { return Ok(()) };
            let next = answer.chunk().and_then(|chunk| {
                pace.took(chunk.as_ref().map_or(0, Bytes::len))?;
                Ok::<_, Failure>(chunk)
            });
            match next {
                Ok(Some(mut chunk)) => {
                    let known = usize::try_from(self.skip).unwrap_or(usize::MAX).min(chunk.len());
                    let rest = chunk.split_off(known);
                    self.skip -= known as u64;
                    self.delivered += rest.len() as u64;
                    self.chunk = rest;
                }
                ended => {
                    let is_complete = matches!(ended, Ok(None));
                    self.answer = None;
                    let delivered = self.delivered;
                    self.job.registries.shared.options.interrupt.check()?;
                    self.job
                        .tell(|exports, store, job| exports.job().call_delivered(store, job, delivered, is_complete))?;
                    self.advance()?;
                }
            }
        }
        Ok(())
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill().map_err(io::Error::other)?;
        let length = self.chunk.len().min(buffer.len()).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        buffer[..length].copy_from_slice(&self.chunk.split_to(length));
        self.left -= length as u64;
        Ok(length)
    }
}
