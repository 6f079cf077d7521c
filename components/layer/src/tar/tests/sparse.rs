use super::*;
use crate::tar::samples::{archive, entry, file, header, padded, pax, with};

/// The content of the first file and the names of the entries, however the archive is cut.
fn content(bytes: &[u8]) -> (Vec<u8>, Vec<String>) {
    let mut results = Vec::new();
    for piece in [1, 100, 512, usize::MAX] {
        let mut reader = Reader::new(Limits::default(), false, Selection::All);
        let (mut content, mut names) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(piece) {
            let mut changes = Vec::new();
            reader.feed(piece, &mut changes).unwrap();
            for change in changes {
                match change {
                    Change::Entry(entry) => {
                        if let Kind::File { size } = entry.kind
                            && names.is_empty()
                        {
                            content = vec![b'.'; size as usize];
                        }
                        names.push(String::from_utf8(entry.path).unwrap());
                    }
                    Change::Content(data) => {
                        let start = data.offset as usize;
                        content[start..start + data.range.len()].copy_from_slice(&piece[data.range]);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        reader.finish().unwrap();
        results.push((content, names));
    }
    results.dedup();
    assert_eq!(results.len(), 1);
    results.remove(0)
}

fn expected(names: [&str; 2]) -> (Vec<u8>, Vec<String>) {
    (b"..abc...de..".to_vec(), names.map(str::to_owned).into())
}

fn old_entry(offset: u64, len: u64) -> Vec<u8> {
    format!("{offset:011o}\0{len:011o}\0").into_bytes()
}

fn old_header(entries: &[Vec<u8>], extended: u8, size: u64, data: u64) -> Vec<u8> {
    let block = with(header(b'S', b"sparse", data), 257, b"ustar  \0");
    let block = with(with(block, 345, &[0; 41]), 386, &entries.concat());
    with(with(block, 482, &[extended]), 483, format!("{size:011o}\0").as_bytes()).to_vec()
}

// R-07 is for producers.
#[test]
fn old_gnu_sparse_files_are_read() {
    let map = [old_entry(2, 3), old_entry(8, 2), old_entry(12, 0)];
    let bytes = archive(&[old_header(&map, 0, 12, 5), padded(b"abcde"), file("after", b"")]);
    assert_eq!(content(&bytes), expected(["sparse", "after"]));
    let fill = [old_entry(0, 0), old_entry(0, 0), old_entry(0, 0), old_entry(2, 3)];
    let mut block = [old_entry(8, 2)].concat();
    block.resize(512, 0);
    let bytes = archive(&[old_header(&fill, 1, 12, 5), block, padded(b"abcde"), file("after", b"")]);
    assert_eq!(content(&bytes), expected(["sparse", "after"]));
}

#[test]
fn pax_sparse_files_of_version_0_are_read() {
    let zero = [
        ("GNU.sparse.size", "12"),
        ("GNU.sparse.numblocks", "2"),
        ("GNU.sparse.offset", "2"),
        ("GNU.sparse.numbytes", "3"),
        ("GNU.sparse.offset", "8"),
        ("GNU.sparse.numbytes", "2"),
    ];
    let bytes = archive(&[pax(&zero), file("sparse", b"abcde"), file("after", b"")]);
    assert_eq!(content(&bytes), expected(["sparse", "after"]));
    let one = [
        ("GNU.sparse.size", "12"),
        ("GNU.sparse.numblocks", "2"),
        ("GNU.sparse.name", "real/name"),
        ("GNU.sparse.map", "2,3,8,2"),
    ];
    let bytes = archive(&[pax(&one), file("GNUSparseFile.0/name", b"abcde"), file("after", b"")]);
    assert_eq!(content(&bytes), expected(["real/name", "after"]));
}

fn version_1(map: &str, data: &[u8]) -> Vec<u8> {
    let records = [
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.name", "real/name"),
        ("GNU.sparse.realsize", "12"),
    ];
    let data = [padded(map.as_bytes()), data.to_vec()].concat();
    archive(&[pax(&records), entry(b'0', b"GNUSparseFile.0/name", &data), file("after", b"")])
}

#[test]
fn pax_sparse_files_of_version_1_are_read() {
    assert_eq!(content(&version_1("2\n2\n3\n8\n2\n", b"abcde")), expected(["real/name", "after"]));
    // A map of several blocks.
    let map = format!("302\n{}2\n3\n8\n2\n", "0\n0\n".repeat(300));
    assert_eq!(content(&version_1(&map, b"abcde")), expected(["real/name", "after"]));
}

#[test]
fn a_file_of_holes_alone_has_no_content() {
    let bytes = archive(&[old_header(&[old_entry(1 << 30, 0)], 0, 1 << 30, 0), file("after", b"")]);
    assert_eq!(listing(&bytes), [("sparse".to_owned(), Some(1 << 30)), ("after".to_owned(), Some(0))]);
}

#[test]
fn a_map_that_does_not_fit_is_refused() {
    for (map, size, data) in [
        (vec![(2, 3), (4, 2)], 12, 5),
        (vec![(8, 2), (2, 3)], 12, 5),
        (vec![(2, 3), (8, 5)], 12, 8),
        (vec![(2, 3)], 12, 5),
        (vec![(2, 3), (8, 3)], 12, 5),
        (vec![(u64::MAX >> 31, 5)], 12, 5),
        (vec![], 12, 5),
    ] {
        let entries: Vec<_> = map.iter().map(|&(offset, len)| old_entry(offset, len)).collect();
        let bytes = archive(&[old_header(&entries, 0, size, data), padded(b"abcdefgh")]);
        assert!(reason(&bytes).contains("sparse"), "{map:?}");
    }
    let huge = format!("2\n0\n{0}\n{0}\n{0}\n", i64::MAX);
    assert!(reason(&version_1(&huge, b"")).contains("sparse"));
    for map in ["2\n2\n3\n8\n2\n", "1\n0\n", "x\n", "1\n-1\n3\n", "", "1\n2\n3 \n"] {
        assert_eq!(code(&version_1(map, b"abc")), Code::InvalidArchive, "{map}");
    }
}

#[test]
fn contradicting_sparse_records_are_refused() {
    for records in [
        &[("GNU.sparse.major", "2"), ("GNU.sparse.minor", "0"), ("GNU.sparse.size", "1")][..],
        &[("GNU.sparse.major", "1"), ("GNU.sparse.size", "1")],
        &[("GNU.sparse.size", "1"), ("GNU.sparse.realsize", "2"), ("GNU.sparse.map", "0,1")],
        &[("GNU.sparse.map", "0,1")],
        &[("GNU.sparse.size", "1")],
        &[("GNU.sparse.size", "1"), ("GNU.sparse.map", "0,1,2")],
        &[("GNU.sparse.size", "1"), ("GNU.sparse.map", "0,1"), ("GNU.sparse.numblocks", "2")],
        &[("GNU.sparse.size", "1"), ("GNU.sparse.numbytes", "1")],
        &[("GNU.sparse.size", "1"), ("GNU.sparse.offset", "1")],
        &[("GNU.sparse.size", "1"), ("GNU.sparse.offset", "1"), ("GNU.sparse.offset", "1")],
        &[("GNU.sparse.unknown", "1")],
    ] {
        assert_eq!(code(&archive(&[pax(records), file("x", b"y")])), Code::InvalidArchive, "{records:?}");
    }
    let records = [("GNU.sparse.size", "1"), ("GNU.sparse.map", "0,1")];
    assert_eq!(code(&archive(&[pax(&records), entry(b'5', b"x", b"")])), Code::InvalidArchive);
    let both = [pax(&records), old_header(&[old_entry(0, 1)], 0, 1, 1), padded(b"x")];
    assert_eq!(code(&archive(&both)), Code::InvalidArchive);
}

// Hostile input 29 (CVE-2025-58183).
#[test]
fn a_huge_map_is_refused_before_it_is_held() {
    assert_eq!(limit(&version_1("999999999\n", b""), ""), "sparse-bytes");
    let lines = version_1(&format!("400\n{}", "0\n0\n".repeat(400)), b"");
    assert_eq!(limit(&lines, "sparse-bytes=1K"), "sparse-bytes");
    let fill = [old_entry(0, 0), old_entry(0, 0), old_entry(0, 0), old_entry(0, 0)];
    let mut block = old_entry(0, 0).repeat(21);
    block.resize(512, 1);
    let endless = [old_header(&fill, 1, 12, 5), block.repeat(100)].concat();
    assert_eq!(limit(&endless, "sparse-bytes=10K"), "sparse-bytes");
}
