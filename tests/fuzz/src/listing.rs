//! What is in an archive, by us and by the `tar` crate.
//!
//! Where both read an entry they must say the same of it, and where both accept the archive they must see equally many.
//! An archive is compared up to its first entry of which the two are meant to differ:
//!
//! | in the archive | here | `tar` crate | why |
//! |---|---|---|---|
//! | a link, directory, device or FIFO with a size | no data | data | as in Go, by which Docker and containerd read |
//! | type `\0` with a trailing slash and a size | directory without data | file | V7 had no other directories |
//! | PAX sparse records | a sparse file | an ordinary file of its map and data | GNU tar writes them |
//! | type `g` | said of all that follows | an entry, which eats extended headers before it | POSIX |
//! | types `x`, `L`, `K` without a magic, or with one whose version is not known | extended headers | entries | Go and GNU tar tell by the type alone |
//! | a prefix in a GNU header | counts where it is no pair of times | never | old Go and Docker wrote such headers |
//! | a `star` header | prefix of 131 bytes | of 155 | what follows are times |
//! | a magic `ustar` with an unknown version | ustar | V7, no prefix | Go and GNU tar do not ask for the version |
//! | a PAX value with a newline, or a record the `tar` crate cannot read | read by its length, else an error | skipped | POSIX; RUSTSEC-2026-0066 |
//! | a PAX record with an empty value | takes back what was said | is the value | POSIX |
//! | a GNU long name with several NULs at its end | all cut off | one cut off | names have no NUL |
//! | a name that no image can have | error | given as it is | see `portolan_layer::path` |
//! | a whiteout | a removal | an entry | layers |
//! | one zero block, then a header | error | the end | Go |
//!
//! What only one of the two refuses is no difference of what is read: numbers of odd characters, signed checksums,
//! duplicate records, unaligned sparse segments.

use crate::unpacked::{Unpacked, unpack};
use portolan_image::Limits;
use portolan_layer::{Change, Compression, Kind, Options, Selection, path};

/// One entry: path, type, size and link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// As [`path::normalize`] has it.
    pub path: Vec<u8>,
    /// The type flag of ustar; `0` for every regular file.
    pub kind: u8,
    /// Bytes, holes included.
    pub size: u64,
    /// The target.
    pub link: Option<Vec<u8>>,
}

/// The entries up to where the reading ended, and whether that was the end of the archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Listing {
    /// Whiteouts left out.
    pub entries: Vec<Listed>,
    /// Whether all was read and accepted.
    pub complete: bool,
}

/// The entries of a plain archive by us; nothing where the bytes are those of a compressed one.
#[must_use]
pub fn ours(archive: &[u8]) -> Option<Listing> {
    let options = Options { content: Selection::None, ..Options::default() };
    // In small pieces, so that the entries before an error are given.
    let unpacked = unpack(archive.chunks(512), options);
    let is_plain = match &unpacked.result {
        Ok(summary) => summary.compression == Compression::None,
        Err(error) => !matches!(error.code().as_str(), "invalid-compression" | "unsupported-compression"),
    };
    is_plain.then(|| from_unpacked(&unpacked))
}

fn from_unpacked(unpacked: &Unpacked) -> Listing {
    let entries = unpacked.changes().filter_map(|change| {
        let Change::Entry(entry) = change else { return None };
        let (kind, size, link) = match &entry.kind {
            Kind::File { size } => (b'0', *size, None),
            Kind::HardLink { target } => (b'1', 0, Some(target.clone())),
            Kind::Symlink { target } => (b'2', 0, Some(target.clone())),
            Kind::CharDevice(_) => (b'3', 0, None),
            Kind::BlockDevice(_) => (b'4', 0, None),
            Kind::Directory => (b'5', 0, None),
            Kind::Fifo => (b'6', 0, None),
        };
        Some(Listed { path: entry.path.clone(), kind, size, link })
    });
    Listing { entries: entries.collect(), complete: unpacked.result.is_ok() }
}

/// The entries by the `tar` crate, up to the first one of which it is meant to differ.
#[must_use]
pub fn theirs(archive: &[u8]) -> Listing {
    let mut entries = Vec::new();
    let mut complete = true;
    // Where the data of the last entry ends, as far as the blocks go.
    let mut end = 0;
    for entry in tar::Archive::new(archive).entries().unwrap() {
        let read = entry.ok().and_then(|mut entry| {
            let listed = listed(&mut entry, end);
            end = entry.raw_file_position() + entry.size().div_ceil(512) * 512;
            listed
        });
        match read {
            Some(Some(listed)) => entries.push(listed),
            Some(None) => {}
            None => {
                complete = false;
                break;
            }
        }
    }
    Listing { entries, complete }
}

/// One entry, nothing inside for a whiteout or a global header, nothing at all where the comparison ends.
fn listed(entry: &mut tar::Entry<'_, &[u8]>, end: u64) -> Option<Option<Listed>> {
    let block = *entry.header().as_bytes();
    let kind = block[156];
    let (magic, version) = (&block[257..263], &block[263..265]);
    let is_gnu = entry.header().as_gnu().is_some();
    if kind == b'g' {
        return (entry.raw_header_position() == end).then_some(None);
    }
    if matches!(kind, b'x' | b'L' | b'K') || magic == b"ustar\0" && (version != b"00" || &block[508..] == b"tar\0") {
        return None;
    }
    if is_gnu && block[345] != 0 {
        return None;
    }
    if let Some(records) = entry.pax_extensions().ok()? {
        for record in records {
            let record = record.ok()?;
            if record.value_bytes().is_empty() || record.key_bytes().starts_with(b"GNU.sparse.") {
                return None;
            }
        }
    }
    let name = entry.path_bytes().into_owned();
    let kind = match kind {
        0 if path::has_trailing_slash(&name) => b'5',
        0 | b'7' | b'S' => b'0',
        kind => kind,
    };
    if kind != b'0' && entry.size() != 0 {
        return None;
    }
    let normal = |name: &[u8]| path::normalize(name, &Limits::default()).ok();
    let path = normal(&name)?;
    if path::components(&path).any(|component| component.starts_with(b".wh.")) {
        return Some(None);
    }
    let link = || entry.link_name_bytes().map(|link| link.into_owned());
    let link = match kind {
        b'1' => Some(normal(&link()?)?),
        b'2' => Some(link().filter(|link| !link.contains(&0))?),
        _ => None,
    };
    Some(Some(Listed { path, kind, size: entry.size(), link }))
}
