//! What is received: the bodies of requests, in pieces, with an end to waiting.

use crate::store::{Failure, Upload};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use portolan_registry::server::{Code, Refusal};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;

/// How many bytes are gathered before a thread hashes and writes them.
const BATCH: usize = 1 << 20;

/// Does what may wait for a disk in a thread for that.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Failure::Broken(crate::error::Error::Usage(format!("a thread ended early: {error}")))),
    }
}

/// The next piece of a body; nothing at its end.
///
/// # Errors
/// 408 when none comes for too long, 400 when the client breaks off.
async fn piece(body: &mut Incoming, idle: Duration) -> Result<Option<Bytes>, Refusal> {
    loop {
        let frame = tokio::time::timeout(idle, body.frame()).await.map_err(|_| {
            let message = format!("no byte of the body came for {} s", idle.as_secs());
            Refusal::new(Code::BlobUploadInvalid, message).with_status(408).with_header("connection", "close")
        })?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => {
                return Err(Refusal::new(Code::BlobUploadInvalid, format!("the body broke off: {error}")));
            }
            // Trailers say nothing here.
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                _ => {}
            },
        }
    }
}

/// A body that is read as a whole, of at most `limit` bytes.
///
/// # Errors
/// `too_large` when it is longer, and those of a body that ends early.
pub(super) async fn whole(
    mut body: Incoming,
    announced: Option<u64>,
    limit: u64,
    idle: Duration,
    too_large: impl Fn() -> Refusal,
) -> Result<Bytes, Refusal> {
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(piece) = piece(&mut body, idle).await? {
        if (bytes.len() + piece.len()) as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.into())
}

/// Adds a body to an upload; the last bytes are answered, for whoever writes them together with what comes then.
///
/// One batch is hashed and written while the next one comes. A body that breaks off leaves what came of it, so that the
/// client can go on from there (U-14).
///
/// # Errors
/// [`Code::SizeInvalid`] for more than `most` bytes, after which the upload is as it was before; those of a body that
/// ends early; and of writing.
pub(super) async fn append(
    mut body: Incoming,
    upload: OwnedMutexGuard<Upload>,
    most: Option<u64>,
    idle: Duration,
) -> Result<(OwnedMutexGuard<Upload>, Vec<Bytes>), Failure> {
    let before = upload.received();
    let mut writer = Writer::Idle(upload);
    let (mut batch, mut gathered, mut total) = (Vec::new(), 0, 0_u64);
    let ended = loop {
        match piece(&mut body, idle).await {
            Ok(None) => break Ok(()),
            Err(refusal) => break Err(refusal),
            Ok(Some(piece)) => {
                gathered += piece.len();
                total += piece.len() as u64;
                batch.push(piece);
            }
        }
        if most.is_some_and(|most| total > most) {
            let mut upload = writer.ended().await?;
            blocking(move || upload.truncate(before).map_err(Failure::from)).await?;
            let message = format!("more bytes came than the {} that were announced", most.unwrap_or_default());
            return Err(Refusal::new(Code::SizeInvalid, message).into());
        }
        if gathered >= BATCH {
            let upload = writer.ended().await?;
            writer = Writer::write(upload, std::mem::take(&mut batch));
            gathered = 0;
        }
    };
    let mut upload = writer.ended().await?;
    match ended {
        Ok(()) => Ok((upload, batch)),
        Err(refusal) => {
            blocking(move || upload.append(&batch).map_err(Failure::from)).await?;
            Err(refusal.into())
        }
    }
}

/// The upload, here or in a thread.
enum Writer {
    Idle(OwnedMutexGuard<Upload>),
    Busy(JoinHandle<Result<OwnedMutexGuard<Upload>, Failure>>),
}

impl Writer {
    fn write(mut upload: OwnedMutexGuard<Upload>, batch: Vec<Bytes>) -> Self {
        Self::Busy(tokio::task::spawn_blocking(move || {
            upload.append(&batch)?;
            Ok(upload)
        }))
    }

    async fn ended(self) -> Result<OwnedMutexGuard<Upload>, Failure> {
        match self {
            Self::Idle(upload) => Ok(upload),
            Self::Busy(thread) => thread.await.unwrap_or_else(|error| {
                Err(Failure::Broken(crate::error::Error::Usage(format!("a thread ended early: {error}"))))
            }),
        }
    }
}
