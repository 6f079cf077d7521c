//! The 512 bytes before an entry's data.

use super::entry::{Checksum, Entry, Long, Magic, Numbers};
use super::{BLOCK, pax};

type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// The header without its checksum, and the `L` and `K` bodies to go before it; PAX records it needs are added.
pub(super) fn block(entry: &Entry, size: i128, records: &mut Records) -> ([u8; BLOCK], Vec<(u8, Vec<u8>)>) {
    let mut block = [0; BLOCK];
    let mut extensions = Vec::new();
    let mut prefix: &[u8] = b"";
    let mut name: &[u8] = &entry.name;
    if name.len() > 100 {
        match entry.long {
            Long::Pax => pax::set_default(records, b"path", name),
            Long::Gnu => extensions.push((b'L', [name, b"\0"].concat())),
            Long::Cut => {}
            Long::Prefix => {
                let slash = (0..name.len().min(156)).rev().find(|at| name[*at] == b'/' && name.len() - at <= 101);
                let slash = slash.expect("a name for the ustar prefix needs a slash at the right place");
                (prefix, name) = (&name[..slash], &name[slash + 1..]);
            }
        }
    }
    if entry.link.len() > 100 {
        match entry.long {
            Long::Gnu => extensions.push((b'K', [&entry.link[..], b"\0"].concat())),
            Long::Cut => {}
            Long::Pax | Long::Prefix => pax::set_default(records, b"linkpath", &entry.link),
        }
    }
    text(&mut block[0..100], name);
    text(&mut block[157..257], &entry.link);
    block[156] = entry.typeflag;
    block[257..265].copy_from_slice(&entry.magic.bytes());
    let mut put = |range: std::ops::Range<usize>, value: i128, key: &[u8]| {
        number(&mut block[range], value, entry.numbers, key, records);
    };
    put(100..108, entry.mode.into(), b"mode");
    put(108..116, entry.uid.into(), b"uid");
    put(116..124, entry.gid.into(), b"gid");
    put(124..136, size, b"size");
    put(136..148, entry.mtime.into(), b"mtime");
    if entry.magic != Magic::V7 {
        if let Some((major, minor)) = entry.device {
            put(329..337, major.into(), b"SCHILY.devmajor");
            put(337..345, minor.into(), b"SCHILY.devminor");
        }
        text(&mut block[265..297], &entry.uname);
        text(&mut block[297..329], &entry.gname);
        if !prefix.is_empty() {
            text(&mut block[345..500], prefix);
        }
    }
    (block, extensions)
}

fn text(field: &mut [u8], bytes: &[u8]) {
    let len = bytes.len().min(field.len());
    field[..len].copy_from_slice(&bytes[..len]);
}

fn number(field: &mut [u8], value: i128, numbers: Numbers, key: &[u8], records: &mut Records) {
    let digits = field.len() - 1;
    let octal = format!("{value:0digits$o}");
    let fits = value >= 0 && octal.len() <= digits;
    match numbers {
        Numbers::Pax | Numbers::Base256 if fits => field[..digits].copy_from_slice(octal.as_bytes()),
        Numbers::Pax => {
            field[..digits].fill(b'0');
            pax::set_default(records, key, value.to_string().as_bytes());
        }
        Numbers::Base256 | Numbers::AlwaysBase256 => {
            let bytes = value.to_be_bytes();
            let len = field.len();
            field.copy_from_slice(&bytes[bytes.len() - len..]);
            field[0] |= 0x80;
        }
    }
}

/// The checksum of a header: the sum of its bytes with the checksum field taken as spaces.
#[must_use]
pub fn checksum(block: &[u8; BLOCK]) -> u32 {
    let field: u32 = block[148..156].iter().map(|byte| u32::from(*byte)).sum();
    block.iter().map(|byte| u32::from(*byte)).sum::<u32>() - field + 8 * u32::from(b' ')
}

/// Writes the checksum.
pub(super) fn seal(block: &mut [u8; BLOCK], kind: Checksum) {
    let sum = match kind {
        Checksum::Right => checksum(block),
        Checksum::Wrong => checksum(block) + 1,
        Checksum::Signed => {
            let high = (0..BLOCK).filter(|at| !(148..156).contains(at) && block[*at] >= 0x80).count();
            // Sums of signed bytes may be negative; a header that made such a sum could not be written at all.
            checksum(block).wrapping_sub(256 * u32::try_from(high).unwrap_or(0))
        }
        Checksum::Raw(bytes) => {
            block[148..156].copy_from_slice(&bytes);
            return;
        }
    };
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}
