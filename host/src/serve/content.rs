//! What is sent: nothing, bytes, a part of a file, or what comes from elsewhere, never more of it in memory than one piece.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use rustix::io::ReadWriteFlags;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How much of a file is read at once: small enough to stay in the processor's cache until it is sent.
const PIECE: usize = 256 << 10;
/// The pieces that are kept for the next reading.
const SPARE: usize = 64;

/// The body of an answer.
pub(super) enum Content {
    /// Nothing.
    Empty,
    /// Bytes that are all there.
    Bytes(Bytes),
    /// A part of a file.
    File(Reading),
    /// What comes from elsewhere, and how much that is where it is known.
    Stream(mpsc::Receiver<io::Result<Bytes>>, Option<u64>),
}

/// A part of a file that is being sent.
pub(super) struct Reading {
    file: Arc<File>,
    offset: u64,
    left: u64,
    pending: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Content {
    /// A part of a file. What is small, and in memory anyway, is read at once.
    pub(super) fn part(file: File, offset: u64, size: u64) -> Self {
        if size == 0 {
            return Self::Empty;
        }
        let mut reading = Reading { file: Arc::new(file), offset, left: size, pending: None };
        if size <= PIECE as u64
            && let Some(Ok(bytes)) = reading.read_now()
        {
            reading.advance(&bytes);
            if reading.left == 0 {
                return Self::Bytes(bytes);
            }
            reading.offset = offset;
            reading.left = size;
        }
        Self::File(reading)
    }

    /// What comes from elsewhere.
    pub(super) fn stream(pieces: mpsc::Receiver<io::Result<Bytes>>, length: Option<u64>) -> Self {
        Self::Stream(pieces, length)
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Bytes(bytes.into()) }
    }
}

impl Reading {
    fn wanted(&self) -> usize {
        usize::try_from(self.left).map_or(PIECE, |left| left.min(PIECE))
    }

    fn advance(&mut self, bytes: &Bytes) {
        self.offset += bytes.len() as u64;
        self.left -= bytes.len() as u64;
    }

    /// Reads what lies in the page cache, without waiting for a disk; nothing when that cannot be.
    fn read_now(&self) -> Option<io::Result<Bytes>> {
        let mut piece = Piece::spare();
        let wanted = self.wanted();
        let mut buffers = [IoSliceMut::new(piece.buffer.get_mut(..wanted)?)];
        match rustix::io::preadv2(&*self.file, &mut buffers, self.offset, ReadWriteFlags::NOWAIT) {
            Ok(0) => Some(Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                piece.len = count;
                Some(Ok(Bytes::from_owner(piece)))
            }
            // A disk would have to be waited for, or the file system cannot tell.
            Err(_) => None,
        }
    }

    /// Reads in a thread that may wait.
    fn read_later(&self) -> JoinHandle<io::Result<Bytes>> {
        let (file, offset, wanted) = (Arc::clone(&self.file), self.offset, self.wanted());
        tokio::task::spawn_blocking(move || {
            let mut piece = Piece::spare();
            let buffer = piece.buffer.get_mut(..wanted).unwrap_or_default();
            match file.read_at(buffer, offset)? {
                // Somebody made the file shorter: an end before its time tells the client.
                0 => Err(io::ErrorKind::UnexpectedEof.into()),
                count => {
                    piece.len = count;
                    Ok(Bytes::from_owner(piece))
                }
            }
        })
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let reading = match this {
            Self::Empty => return Poll::Ready(None),
            Self::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                *this = Self::Empty;
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            Self::Stream(pieces, left) => {
                let piece = std::task::ready!(pieces.poll_recv(context));
                if let (Some(Ok(bytes)), Some(left)) = (&piece, left) {
                    *left = left.saturating_sub(bytes.len() as u64);
                }
                return Poll::Ready(piece.map(|piece| piece.map(Frame::data)));
            }
            Self::File(reading) => reading,
        };
        let read = match &mut reading.pending {
            Some(pending) => {
                let joined = std::task::ready!(Pin::new(pending).poll(context));
                reading.pending = None;
                joined.map_err(io::Error::other).and_then(|read| read)
            }
            None if reading.left == 0 => return Poll::Ready(None),
            None => match reading.read_now() {
                Some(read) => read,
                None => {
                    reading.pending = Some(reading.read_later());
                    return Pin::new(this).poll_frame(context);
                }
            },
        };
        Poll::Ready(Some(read.map(|bytes| {
            reading.advance(&bytes);
            Frame::data(bytes)
        })))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Bytes(_) => false,
            Self::Stream(_, left) => *left == Some(0),
            Self::File(reading) => reading.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        if let Self::Stream(_, None) = self {
            return SizeHint::default();
        }
        SizeHint::with_exact(match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(reading) => reading.left,
            Self::Stream(_, left) => left.unwrap_or_default(),
        })
    }
}

use std::future::Future as _;

/// A buffer that is used again when what was read has been sent: so it need not be cleared, and stays in the cache.
struct Piece {
    buffer: Vec<u8>,
    len: usize,
}

static SPARES: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

impl Piece {
    fn spare() -> Self {
        let spare = SPARES.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self { buffer: spare.unwrap_or_else(|| vec![0; PIECE]), len: 0 }
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mut spares = SPARES.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < SPARE {
            spares.push(std::mem::take(&mut self.buffer));
        }
    }
}
