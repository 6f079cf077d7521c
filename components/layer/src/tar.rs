//! The tar grammar: one answer for every archive, whoever wrote it.
//!
//! The attacks of this field live where two readers of one archive disagree about where an entry ends or what it is
//! called. So everything odd has one answer here; where there is a choice it is that of Go's `archive/tar`, by which
//! Docker and containerd read, and what no two readers agree on is an error. An error ends the stream: nothing is
//! searched for a next header.
//!
//! | in the archive | answer |
//! |---|---|
//! | V7, ustar, star, GNU and pax headers, mixed | read, by the magic of each |
//! | a GNU header with a prefix, as old Go and Docker wrote | the prefix counts where it is no pair of times |
//! | checksum of unsigned or of signed bytes | both accepted, any other an error |
//! | numbers in octal or base 256 | read; other characters are an error |
//! | a size that is negative or above 2^63 - 1, an id above 2^32 - 2, a negative mode or device number | error |
//! | mode bits above the lowest twelve | left out: the type is told by the type flag alone |
//! | times before 1677 or after 2262 | the nearest time that 64 bits of nanoseconds can hold |
//! | PAX `size` and header size differ | PAX wins, for the data and for where the next header is (CVE-2025-62518) |
//! | type `0`, `\0`, `7` | regular file; `\0` with a trailing slash is a directory, as in V7 |
//! | type `1` to `6` | link, symlink, devices, directory, FIFO; they have no data whatever their size says, as in Go |
//! | a trailing slash on anything else than a directory | error |
//! | type `S`, PAX sparse files | read, see [`sparse`] |
//! | type `x`, `L`, `K` | said of the next entry that is none of these or `g`; two of one type before one entry, PAX and GNU names that differ, and one without an entry are errors |
//! | a long name with a NUL inside | error |
//! | type `g` | `uid`, `gid` and `mtime` hold from here; a path, link, size, attribute or sparse map is an error |
//! | any other type | error, as in Docker and containerd |
//! | a hard link with `..`, to the root, to itself, to a whiteout | error |
//! | a symlink without a target, or with a NUL in it | error; where it points is not looked at |
//! | the root as anything but a directory | error (CVE-2021-29136) |
//! | one zero block before another header | error, as in Go |
//! | the end without zero blocks, or with one | [warning](crate::Warning::MissingEnd); so is an archive of no bytes |
//! | the end within an entry or a block | error |
//! | anything but zeros after two zero blocks | [warning](crate::Warning::DataAfterEnd), not read, as in Go and GNU tar |
//! | the bytes that pad data to a block | not looked at |
//! | `uname`, `gname` | not looked at (R-06) |
//! | attributes `trusted.*`, `user.overlay.*`, `security.selinux`, `security.nfs4_acl`, `system.nfs4_acl` | left out with a [warning](crate::Warning::DroppedXattr) (R-10) |

mod entry;
pub(crate) mod header;
mod pax;
mod reader;
#[cfg(test)]
pub(crate) mod samples;
mod sparse;
#[cfg(test)]
mod tests;

pub(crate) use reader::Reader;
