//! The entries of awkward and hostile archives as they are read here, by Python's `tarfile` and by GNU tar (row 28).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]
// Of the cases only the layers are of use here.
#![allow(dead_code)]

#[path = "../../tests/cases/hostile/mod.rs"]
mod cases;

use portolan_image::Limits;
use portolan_image::digest::SoftwareHashes;
use portolan_layer::{Change, Compression, Kind, Options, Selection, Unpacker, path};
use portolan_tests::awkward;
use portolan_tests::listing::{self, Listed, Listing};
use std::collections::BTreeSet;

/// Longer archives say nothing that shorter ones do not.
const MOST: usize = 8 << 20;

fn ours(archive: &[u8]) -> (Listing, String) {
    let options = Options { content: Selection::None, label: Some(Compression::None), ..Options::default() };
    let mut unpacker = Unpacker::new(&SoftwareHashes, options).unwrap();
    let mut entries = Vec::new();
    // In small pieces, so that the entries before an error are given.
    for chunk in archive.chunks(512) {
        unpacker.feed(chunk.to_vec()).unwrap();
        while let Ok(Some(batch)) = unpacker.take_changes() {
            entries.extend(batch.changes.into_iter().filter_map(listed));
        }
    }
    let result = unpacker.finish();
    (Listing::new(entries, result.is_ok()), result.err().map_or(String::new(), |error| error.to_string()))
}

fn listed(change: Change) -> Option<Listed> {
    let whiteout = |name| Some(Listed { name, kind: b'0', size: 0, link: None });
    let entry = match change {
        Change::Content(_) => return None,
        Change::Entry(entry) => entry,
        Change::Clear(path) => return whiteout(path::join(&path, b".wh..wh..opq")),
        Change::Remove(path) => {
            let (parent, name) = path::split(&path).unwrap();
            return whiteout(path::join(parent, &[b".wh.", name].concat()));
        }
    };
    let (kind, size, link) = match entry.kind {
        Kind::File { size } => (b'0', size, None),
        Kind::HardLink { target } => (b'1', 0, Some(target)),
        Kind::Symlink { target } => (b'2', 0, Some(target)),
        Kind::CharDevice(_) => (b'3', 0, None),
        Kind::BlockDevice(_) => (b'4', 0, None),
        Kind::Directory => (b'5', 0, None),
        Kind::Fifo => (b'6', 0, None),
    };
    Some(Listed { name: entry.path, kind, size, link })
}

/// A listing of others in the words of an image; names that none can have stay as they are.
fn normal(listing: Listing) -> Listing {
    let limits = Limits::default();
    let normal = |name: Vec<u8>| path::normalize(&name, &limits).unwrap_or(name);
    let entries = listing.entries.into_iter().map(|entry| {
        let is_whiteout = path::components(&entry.name).any(|name| name.starts_with(b".wh."));
        Listed {
            kind: if is_whiteout { b'0' } else { entry.kind },
            size: if is_whiteout { 0 } else { entry.size },
            link: entry.link.filter(|_| !is_whiteout).map(|link| if entry.kind == b'1' { normal(link) } else { link }),
            name: normal(entry.name),
        }
    });
    Listing { entries: entries.collect(), ..listing }
}

fn archives() -> Vec<(String, Vec<u8>)> {
    let mut archives: Vec<(String, Vec<u8>)> = awkward::layers()
        .into_iter()
        .chain(awkward::gnu_layers())
        .map(|(name, archive)| (name.to_owned(), archive.build()))
        .collect();
    let place = cases::Place { outside: "/outside".to_owned() };
    for (table, cases) in cases::tables() {
        if !matches!(table, "paths" | "symlinks" | "hard links" | "whiteouts" | "tar grammar" | "metadata") {
            continue;
        }
        for case in cases {
            // The attack is the time that it takes to make them.
            if case.row == 50 && case.name.contains("thousand") || case.name.contains("many layers") {
                continue;
            }
            for (number, layer) in (case.make)(&place).layers.into_iter().enumerate() {
                archives.push((format!("{}: {}, layer {number}", case.row, case.name), layer.tar));
            }
        }
    }
    archives.retain(|(_, archive)| archive.len() <= MOST);
    archives
}

/// What is refused here and read by one of the others, by words of the error, and why.
///
/// The others only list: what they would do with a name shows when they extract, and then they differ from version to
/// version. Here it is decided once, before anything is made.
const REFUSED: [(&str, &str); 27] = [
    ("a name has no .. component", "others strip or refuse it when they extract"),
    ("a name has at least one byte", "no file system has such a name"),
    ("only the name of a directory ends in a slash", "others make a directory of a file, or a file"),
    ("the value has a NUL", "others cut the name there, each in its way"),
    ("the root of an image is a directory", "every other path would lead through it (CVE-2021-29136)"),
    ("raise name-bytes", "budget of row 50"),
    ("raise path-bytes", "budget of row 50"),
    ("an entry cannot be a link to itself", "nothing could be linked"),
    ("a directory cannot be hard linked", "nothing could be linked"),
    ("a whiteout names what it removes", "whiteouts are plain files to the others"),
    ("a whiteout cannot remove its own directory", "whiteouts are plain files to the others"),
    ("no directory can have a name that begins with .wh.", "whiteouts are plain files to the others"),
    ("the name is \"one\" (PAX) and \"two\" (GNU)", "one takes the PAX name, another the last (row 25)"),
    ("an extended header record", "tarfile skips what is malformed (row 26)"),
    ("extended header record \"size\": the value is no number", "tarfile takes the size of the header (row 26)"),
    ("a GNU long name is empty or has a NUL inside", "others cut the name there, or keep the short one (row 27)"),
    ("a size is no number from 0 to 2^63 - 1", "tarfile goes backwards in the archive, or ends without a word"),
    ("the checksum of the header is wrong", "tarfile takes a damaged header for the end without a word"),
    ("a header follows a single zero block", "others end there, and tar's `-i` does not: two readings"),
    ("a global extended header gives a path, link, size", "it would hold for all entries that follow"),
    ("given twice with different values", "others take the last, tar-rs the first"),
    ("the type 'Z' is unknown", "POSIX makes it a regular file, which is not what a writer of images meant"),
    ("raise layer-uncompressed-bytes", "budget of row 29"),
    ("the sparse segment at", "others let the later segment win"),
    ("raise header-bytes", "budget of row 30"),
    ("raise xattr-bytes", "budget of row 46"),
    ("an owner is no number from 0 to 2^32 - 2", "others wrap it, to root for one (CVE-2024-40635)"),
];

/// What is said otherwise of the same archive: by whom, of which, and why.
const DIFFERENT: [(&str, &str, &str); 2] = [
    ("gnu", "a symbolic link with a size has no data", "here as in tarfile and in Go, by which Docker reads"),
    ("gnu", "a time before 1970 and one after year 9999", "GNU tar lists the entry and complains of its time"),
];

#[test]
fn others_list_archives_as_they_are_read_here() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("archive.tar");
    let (mut refused, mut different) = (BTreeSet::new(), BTreeSet::new());
    let (mut unexplained, mut entries) = (Vec::new(), 0);
    for (name, archive) in archives() {
        std::fs::write(&file, &archive).unwrap();
        let (ours, error) = ours(&archive);
        for (peer, theirs) in [("python", listing::python(&file)), ("gnu", listing::gnu_tar(&file))] {
            let theirs = normal(theirs);
            let both = ours.entries.len().min(theirs.entries.len());
            let agree = ours.entries[..both] == theirs.entries[..both];
            if agree {
                entries += both;
            }
            let row = match (ours.accepted, theirs.accepted) {
                (true, true) if agree && ours.entries.len() == theirs.entries.len() => continue,
                (false, false) if agree => continue,
                (false, true) if agree && ours.entries.len() == both => {
                    REFUSED.iter().position(|(words, _)| error.contains(words)).map(|row| refused.insert(row))
                }
                _ => DIFFERENT
                    .iter()
                    .position(|(who, what, _)| *who == peer && name.contains(what))
                    .map(|row| different.insert(row)),
            };
            if row.is_none() {
                unexplained.push(format!("{peer} of {name}: {theirs:?}\n  here {ours:?} {error}"));
            }
        }
    }
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(entries > 500, "only {entries} entries were compared");
    // What is listed as different is so: otherwise the lists say more than is known.
    let is_used = (refused.len(), different.len());
    assert_eq!(is_used, (REFUSED.len(), DIFFERENT.len()), "rows that nothing needs: {refused:?} {different:?}");
}
