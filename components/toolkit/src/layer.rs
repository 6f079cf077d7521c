//! The interface `layer`.

use crate::Component;
use crate::bindings::exports::portolan::image::layer::{
    Batch, Change, Compression, Content, Device, Entry, Excerpt as ExcerptHandle, Guest, GuestExcerpt, GuestIndex,
    GuestUnpacker, Index as IndexHandle, Kind, Selection, Span, Summary, Timestamp, UnpackOptions,
    Unpacker as UnpackerHandle, Xattr,
};
use crate::types::{Imported, Result, limits};
use portolan_image::{DiffId, Error, MediaType, media_type};
use portolan_layer as layer;
use std::cell::RefCell;

impl Guest for Component {
    type Unpacker = Unpacker;
    type Index = layer::Index;
    type Excerpt = Excerpt;
}

const FINISHED: Error = Error::InvalidState { reason: "the layer is already finished" };

/// Reads one layer.
pub(crate) struct Unpacker {
    reading: RefCell<Option<layer::Unpacker>>,
    index: RefCell<Option<layer::Index>>,
}

impl GuestUnpacker for Unpacker {
    fn start(options: UnpackOptions) -> Result<UnpackerHandle> {
        let expected = match (options.digest, options.size) {
            (Some(digest), Some(size)) => Some((digest.parse()?, size)),
            _ => None,
        };
        let options = layer::Options {
            limits: limits(&options.limits)?,
            strict: options.strict,
            label: options.media_type.as_deref().and_then(label),
            expected,
            diff_id: options.diff_id.map(|text| text.parse().map(DiffId)).transpose()?,
            content: match options.content {
                Selection::All => layer::Selection::All,
                Selection::None => layer::Selection::None,
                Selection::Only(mut ordinals) => {
                    // The interface asks for no order.
                    ordinals.sort_unstable();
                    layer::Selection::Only(ordinals)
                }
            },
            checkpoints: options.checkpoints as usize,
        };
        let reading = RefCell::new(Some(layer::Unpacker::new(&Imported, options)?));
        Ok(UnpackerHandle::new(Self { reading, index: RefCell::new(None) }))
    }

    fn feed(&self, bytes: Vec<u8>) -> Result<()> {
        Ok(self.reading.borrow_mut().as_mut().ok_or(FINISHED)?.feed(bytes)?)
    }

    fn take_changes(&self) -> Result<Option<Batch>> {
        Ok(self.reading.borrow_mut().as_mut().ok_or(FINISHED)?.take_changes()?.map(Batch::from))
    }

    fn finish(&self) -> Result<Summary> {
        let (summary, index) = self.reading.borrow_mut().take().ok_or(FINISHED)?.finish_with_index()?;
        self.index.replace(index);
        Ok(Summary {
            digest: summary.digest.to_string(),
            size: summary.size,
            diff_id: summary.diff_id.to_string(),
            uncompressed_size: summary.uncompressed_size,
            compression: match summary.compression {
                layer::Compression::None => Compression::None,
                layer::Compression::Gzip => Compression::Gzip,
                layer::Compression::Zstd => Compression::Zstd,
            },
            entries: u32::try_from(summary.entries).unwrap_or(u32::MAX),
            warnings: summary.warnings.iter().map(ToString::to_string).collect(),
        })
    }

    fn take_index(&self) -> Option<IndexHandle> {
        self.index.take().map(IndexHandle::new)
    }
}

impl GuestIndex for layer::Index {
    fn locate(&self, ordinal: u32) -> Result<Span> {
        let layer::Span { offset, length } = self.locate(ordinal)?;
        Ok(Span { offset, length })
    }

    fn open(&self, ordinal: u32) -> Result<ExcerptHandle> {
        Ok(ExcerptHandle::new(Excerpt(RefCell::new(Some(self.open(ordinal)?)))))
    }
}

/// Reads a part of a layer again.
pub(crate) struct Excerpt(RefCell<Option<layer::Excerpt>>);

impl GuestExcerpt for Excerpt {
    fn feed(&self, bytes: Vec<u8>) -> Result<()> {
        Ok(self.0.borrow_mut().as_mut().ok_or(FINISHED)?.feed(bytes)?)
    }

    fn take_changes(&self) -> Result<Option<Batch>> {
        Ok(self.0.borrow_mut().as_mut().ok_or(FINISHED)?.take_changes()?.map(Batch::from))
    }

    fn finish(&self) -> Result<()> {
        Ok(self.0.borrow_mut().take().ok_or(FINISHED)?.finish()?)
    }
}

impl From<layer::Batch> for Batch {
    fn from(batch: layer::Batch) -> Self {
        Self { changes: batch.changes.into_iter().map(Change::from).collect(), bytes: batch.bytes }
    }
}

/// The compression that a media type names, where it is one of a layer.
fn label(media_type: &str) -> Option<layer::Compression> {
    match MediaType::parse(media_type).ok()?.compression()? {
        media_type::Compression::None => Some(layer::Compression::None),
        media_type::Compression::Gzip => Some(layer::Compression::Gzip),
        media_type::Compression::Zstd => Some(layer::Compression::Zstd),
        _ => None,
    }
}

impl From<layer::Change> for Change {
    fn from(change: layer::Change) -> Self {
        match change {
            layer::Change::Entry(entry) => Self::Entry(Entry {
                ordinal: entry.ordinal,
                path: entry.path,
                kind: entry.kind.into(),
                mode: entry.mode,
                uid: entry.owner.uid,
                gid: entry.owner.gid,
                mtime: entry.mtime.into(),
                xattrs: entry.xattrs.into_iter().map(Xattr::from).collect(),
            }),
            layer::Change::Content(content) => Self::Content(Content {
                offset: content.offset,
                // A batch is about a mebibyte.
                start: u32::try_from(content.range.start).unwrap_or(u32::MAX),
                length: u32::try_from(content.range.len()).unwrap_or(u32::MAX),
            }),
            layer::Change::Remove(path) => Self::Remove(path),
            layer::Change::Clear(path) => Self::Clear(path),
        }
    }
}

impl From<Change> for layer::Change {
    fn from(change: Change) -> Self {
        match change {
            Change::Entry(entry) => Self::Entry(layer::Entry {
                ordinal: entry.ordinal,
                path: entry.path,
                kind: entry.kind.into(),
                mode: entry.mode,
                owner: layer::Owner { uid: entry.uid, gid: entry.gid },
                mtime: layer::Timestamp { seconds: entry.mtime.seconds, nanoseconds: entry.mtime.nanoseconds },
                xattrs: entry
                    .xattrs
                    .into_iter()
                    .map(|xattr| layer::Xattr { name: xattr.name, value: xattr.value })
                    .collect(),
            }),
            Change::Content(content) => {
                let start = content.start as usize;
                Self::Content(layer::Content { offset: content.offset, range: start..start + content.length as usize })
            }
            Change::Remove(path) => Self::Remove(path),
            Change::Clear(path) => Self::Clear(path),
        }
    }
}

impl From<layer::Kind> for Kind {
    fn from(kind: layer::Kind) -> Self {
        match kind {
            layer::Kind::File { size } => Self::File(size),
            layer::Kind::Directory => Self::Directory,
            layer::Kind::Symlink { target } => Self::Symlink(target),
            layer::Kind::HardLink { target } => Self::HardLink(target),
            layer::Kind::CharDevice(device) => Self::CharDevice(device.into()),
            layer::Kind::BlockDevice(device) => Self::BlockDevice(device.into()),
            layer::Kind::Fifo => Self::Fifo,
        }
    }
}

impl From<Kind> for layer::Kind {
    fn from(kind: Kind) -> Self {
        let device = |device: Device| layer::Device { major: device.major, minor: device.minor };
        match kind {
            Kind::File(size) => Self::File { size },
            Kind::Directory => Self::Directory,
            Kind::Symlink(target) => Self::Symlink { target },
            Kind::HardLink(target) => Self::HardLink { target },
            Kind::CharDevice(numbers) => Self::CharDevice(device(numbers)),
            Kind::BlockDevice(numbers) => Self::BlockDevice(device(numbers)),
            Kind::Fifo => Self::Fifo,
        }
    }
}

impl From<layer::Device> for Device {
    fn from(device: layer::Device) -> Self {
        Self { major: device.major, minor: device.minor }
    }
}

impl From<layer::Timestamp> for Timestamp {
    fn from(time: layer::Timestamp) -> Self {
        Self { seconds: time.seconds, nanoseconds: time.nanoseconds }
    }
}

impl From<layer::Xattr> for Xattr {
    fn from(xattr: layer::Xattr) -> Self {
        Self { name: xattr.name, value: xattr.value }
    }
}
