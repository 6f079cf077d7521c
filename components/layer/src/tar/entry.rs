//! One header with everything that extended headers say of it, as a change.

use super::header::Header;
use super::pax;
use super::reader::{Extensions, Reader};
use super::sparse::{self, Segment, Version};
use crate::change::{Change, Device, Entry, Kind, Owner, Timestamp, Xattr};
use crate::error::{Error, Result, Shown};
use crate::path;
use crate::warning::Warning;
use crate::whiteout::{self, Whiteout};
use portolan_image::Limits;

/// What follows the header of an entry.
pub(super) struct Described {
    /// Bytes in the archive, without the padding.
    pub(super) data: u64,
    /// Bytes of the file, holes included.
    pub(super) size: u64,
    pub(super) sparse: Option<Sparse>,
    /// The number of the entry, unless its data is of no interest.
    pub(super) ordinal: Option<u32>,
}

/// The map of a sparse file, as far as it is known with the header.
pub(super) enum Sparse {
    /// The whole map.
    Segments(Vec<Segment>),
    /// The beginning of an old GNU map that goes on in the next block.
    Entries(Vec<Segment>),
    /// Lines before the data.
    Lines,
}

/// Attributes that mean something only on the host that made the layer.
fn is_host_bound(name: &[u8]) -> bool {
    // Overlay file systems keep their whiteouts and redirects there, and no process without privileges sees any of it.
    name.starts_with(b"trusted.")
        || name.starts_with(b"user.overlay.")
        || matches!(name, b"security.selinux" | b"security.nfs4_acl" | b"system.nfs4_acl")
}

impl Reader {
    /// Tells what an entry is, and adds the change that it makes.
    pub(super) fn describe(
        &mut self,
        header: &Header<'_>,
        extensions: Extensions,
        changes: &mut Vec<Change>,
    ) -> Result<Described> {
        self.entries += 1;
        Limits::check("layer-entries", self.limits.layer_entries, self.entries, || "the number of entries".to_owned())?;
        let Extensions { pax, name: long_name, link: long_link } = extensions;
        let mut pax = pax.unwrap_or_default();
        let sparse_records = std::mem::take(&mut pax.sparse);
        let name = self.agreed("name", pax.path.take().flatten(), long_name)?;
        let name = sparse_records.name.clone().flatten().or(name);
        if let Some(name) = name {
            self.name = name;
        }
        let link = self.agreed("link", pax.linkpath.take().flatten(), long_link)?;
        let link = link.unwrap_or_else(|| header.link().to_vec());

        let path = path::normalize(&self.name, &self.limits)?;
        let kind = self.kind(header, &pax, &path, link)?;
        let is_file = matches!(kind, Kind::File { .. });
        // Sizes are looked at even where they count for nothing, as a header with an impossible one is damaged.
        let data = match (self.size(header.size())?, pax.size.flatten()) {
            _ if !is_file => 0,
            (_, Some(size)) | (size, None) => size,
        };
        let (size, sparse) = self.sparse_map(header, sparse_records, is_file, data)?;
        for size in [size, data] {
            Limits::check("layer-uncompressed-bytes", self.limits.layer_uncompressed_bytes, size, || {
                format!("the size of {}", Shown(&self.name))
            })?;
        }

        let mut described = Described { data, size, sparse, ordinal: None };
        let change = match self.whiteout(&path)? {
            Whiteout::No => {
                described.ordinal = Some(self.ordinal);
                self.entry(header, pax, path, if is_file { Kind::File { size } } else { kind })?
            }
            Whiteout::Ignored => return Ok(described),
            Whiteout::Remove(removed) => {
                self.check_whiteout(is_file && size == 0)?;
                Change::Remove(removed)
            }
            Whiteout::Clear(cleared) => {
                self.check_whiteout(is_file && size == 0)?;
                Change::Clear(cleared)
            }
        };
        self.count_metadata(&change)?;
        changes.push(change);
        Ok(described)
    }

    fn whiteout(&self, path: &[u8]) -> Result<Whiteout> {
        if self.whiteouts { whiteout::classify(path) } else { Ok(Whiteout::No) }
    }

    fn check_whiteout(&mut self, usual: bool) -> Result<()> {
        if usual { Ok(()) } else { self.warn(Warning::UnusualWhiteout { path: self.name.clone() }) }
    }

    /// What PAX and GNU headers say alike; Go believes GNU, others PAX, so two answers are none.
    fn agreed(&self, what: &str, pax: Option<Vec<u8>>, gnu: Option<Vec<u8>>) -> Result<Option<Vec<u8>>> {
        match (pax, gnu) {
            (Some(pax), Some(gnu)) if pax != gnu => {
                let (pax, gnu) = (Shown(&pax), Shown(&gnu));
                Err(self.invalid(format!("the extended headers say that the {what} is {pax} (PAX) and {gnu} (GNU)")))
            }
            (pax, gnu) => Ok(pax.or(gnu)),
        }
    }

    fn kind(&self, header: &Header<'_>, pax: &pax::Records, path: &[u8], link: Vec<u8>) -> Result<Kind> {
        let slash = path::has_trailing_slash(&self.name);
        let kind = match header.kind() {
            b'5' => Kind::Directory,
            0 if slash => Kind::Directory,
            0 | b'0' | b'7' | b'S' => Kind::File { size: 0 },
            b'1' => self.hard_link(path, link)?,
            b'2' => self.symlink(link)?,
            b'3' => Kind::CharDevice(self.device(header, pax)?),
            b'4' => Kind::BlockDevice(self.device(header, pax)?),
            b'6' => Kind::Fifo,
            kind => {
                let kind = kind.escape_ascii();
                return Err(self.invalid(format!("the type '{kind}' is unknown")));
            }
        };
        let invalid = |rule| Err(Error::InvalidPath { path: self.name.clone(), rule });
        if !matches!(kind, Kind::Directory) {
            if path.is_empty() {
                // A link there would lead everything below out of the image (CVE-2021-29136).
                return invalid("the root of an image is a directory and nothing else");
            }
            if slash {
                return invalid("only the name of a directory ends in a slash");
            }
        }
        Ok(kind)
    }

    fn hard_link(&self, path: &[u8], link: Vec<u8>) -> Result<Kind> {
        let invalid = |rule| Error::InvalidLink { path: self.name.clone(), target: link.clone(), rule };
        let target = path::normalize(&link, &self.limits).map_err(|error| match error {
            Error::InvalidPath { rule, .. } => invalid(rule),
            error => error,
        })?;
        if target.is_empty() {
            return Err(invalid("a directory cannot be hard linked, and the root is one"));
        }
        if target == path {
            return Err(invalid("an entry cannot be a link to itself"));
        }
        // AUFS made its own files so; as those are ignored, so are their targets.
        let of_aufs = matches!(self.whiteout(path), Ok(Whiteout::Ignored | Whiteout::Remove(_) | Whiteout::Clear(_)));
        if !of_aufs && !matches!(self.whiteout(&target), Ok(Whiteout::No)) {
            return Err(invalid("a whiteout is no file that could be linked"));
        }
        Ok(Kind::HardLink { target })
    }

    fn symlink(&self, target: Vec<u8>) -> Result<Kind> {
        if target.is_empty() {
            return Err(self.invalid("the target of the symlink is empty"));
        }
        if target.contains(&0) {
            return Err(self.invalid("the target of the symlink has a NUL"));
        }
        Limits::check("path-bytes", self.limits.path_bytes, target.len() as u64, || {
            format!("the target of the symlink {}", Shown(&self.name))
        })?;
        Ok(Kind::Symlink { target })
    }

    fn device(&self, header: &Header<'_>, pax: &pax::Records) -> Result<Device> {
        let (major, minor) = header.device();
        let number = |given: pax::Given<u64>, field: Option<i128>| {
            let number = given.flatten().map(i128::from).or(field);
            let number = number.and_then(|number| u32::try_from(number).ok());
            number.ok_or_else(|| self.invalid("a device number is no number from 0 to 2^32 - 1"))
        };
        Ok(Device { major: number(pax.devmajor, major)?, minor: number(pax.devminor, minor)? })
    }

    /// The size of a file with its holes, and its map where it has some.
    fn sparse_map(
        &self,
        header: &Header<'_>,
        records: sparse::Records,
        is_file: bool,
        data: u64,
    ) -> Result<(u64, Option<Sparse>)> {
        let old = header.kind() == b'S';
        match (records.is_empty(), old) {
            (true, false) => Ok((data, None)),
            (true, true) => {
                let size = self.size(header.sparse_size())?;
                let mut segments = Vec::new();
                sparse::append_entries(&mut segments, header.sparse_entries())
                    .map_err(|reason| self.invalid(reason))?;
                let goes_on = header.sparse_is_extended();
                if goes_on && sparse::has_end(header.sparse_entries()) {
                    return Err(self.invalid("a sparse map goes on after its end"));
                }
                Ok((size, Some(if goes_on { Sparse::Entries(segments) } else { Sparse::Segments(segments) })))
            }
            (false, false) if is_file => {
                let (version, size, segments) = records.finish().map_err(|reason| self.invalid(reason))?;
                Ok((size, Some(if version == Version::Data { Sparse::Lines } else { Sparse::Segments(segments) })))
            }
            (false, true) => Err(self.invalid("two sparse maps, one of GNU and one of PAX")),
            (false, false) => Err(self.invalid("a sparse map of something that is no regular file")),
        }
    }

    fn entry(&mut self, header: &Header<'_>, pax: pax::Records, path: Vec<u8>, kind: Kind) -> Result<Change> {
        let global = self.global;
        let id = |given: pax::Given<u64>, field: Option<i128>| {
            let id = given.flatten().map(i128::from).or(field);
            // Docker took 2^32 for root once (CVE-2024-40635), and 2^32 - 1 says "leave as it is" to chown.
            let id = id.and_then(|id| u32::try_from(id).ok()).filter(|&id| id != u32::MAX);
            id.ok_or_else(|| self.invalid("an owner is no number from 0 to 2^32 - 2"))
        };
        let owner =
            Owner { uid: id(pax.uid.or(global.uid), header.uid())?, gid: id(pax.gid.or(global.gid), header.gid())? };
        let mode =
            header.mode().filter(|&mode| mode >= 0).ok_or_else(|| self.invalid("the mode is no number from 0"))?;
        let mtime = match pax.mtime.or(global.mtime).flatten() {
            Some(mtime) => mtime,
            None => self.header_time(header)?,
        };
        let xattrs = self.xattrs(pax.xattrs)?;
        let ordinal = self.ordinal;
        self.ordinal = ordinal.checked_add(1).ok_or_else(|| self.invalid("there are more than 2^32 - 1 entries"))?;
        Ok(Change::Entry(Entry { ordinal, path, kind, mode: (mode & 0o7777) as u32, owner, mtime, xattrs }))
    }

    fn header_time(&self, header: &Header<'_>) -> Result<Timestamp> {
        let seconds = header.mtime().ok_or_else(|| self.invalid("the time is no number"))?;
        Ok(pax::clamped(seconds.saturating_mul(1_000_000_000)))
    }

    fn xattrs(&mut self, mut xattrs: Vec<Xattr>) -> Result<Vec<Xattr>> {
        let mut dropped = Vec::new();
        xattrs.retain_mut(|xattr| {
            let drop = is_host_bound(&xattr.name);
            if drop {
                dropped.push(std::mem::take(&mut xattr.name));
            }
            !drop
        });
        for name in dropped {
            // No error for the strict either: layers made under SELinux are full of them.
            self.warnings.push(Warning::DroppedXattr { path: self.name.clone(), name });
        }
        let len: usize = xattrs.iter().map(|xattr| xattr.name.len() + xattr.value.len()).sum();
        Limits::check("xattr-bytes", self.limits.xattr_bytes, len as u64, || {
            format!("the extended attributes of {}", Shown(&self.name))
        })?;
        Ok(xattrs)
    }

    fn count_metadata(&mut self, change: &Change) -> Result<()> {
        let len = match change {
            Change::Remove(path) | Change::Clear(path) => path.len(),
            Change::Content(_) => 0,
            Change::Entry(entry) => {
                let link = match &entry.kind {
                    Kind::Symlink { target } | Kind::HardLink { target } => target.len(),
                    _ => 0,
                };
                let xattrs: usize = entry.xattrs.iter().map(|xattr| xattr.name.len() + xattr.value.len()).sum();
                entry.path.len() + link + xattrs
            }
        };
        self.metadata += len as u64;
        let subject = || "the names, links and attributes of the layer".to_owned();
        Ok(Limits::check("layer-metadata-bytes", self.limits.layer_metadata_bytes, self.metadata, subject)?)
    }
}
