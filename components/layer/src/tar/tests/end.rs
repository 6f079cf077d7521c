use super::*;
use crate::tar::samples::{archive, entry, file, header, pax, with};
use proptest::prelude::*;

#[test]
fn an_archive_of_zeros_is_an_empty_layer() {
    for len in [1024, 10240] {
        assert_eq!(read_in(&vec![0; len], 100, Limits::default()).unwrap(), (vec![], vec![]));
    }
}

// Hostile input 28.
#[test]
fn a_missing_end_is_warned_of() {
    for bytes in [vec![], vec![0; 512], file("x", b"y"), [file("x", b"y"), vec![0; 512]].concat()] {
        assert_eq!(warnings(&bytes), [Warning::MissingEnd]);
    }
}

#[test]
fn an_archive_without_the_last_padding_is_like_one_without_an_end() {
    let bytes = file("x", &[1; 700]);
    for selection in [Selection::All, Selection::None] {
        for len in 512 + 700..bytes.len() {
            let mut reader = Reader::new(Limits::default(), false, selection.clone());
            reader.feed(&bytes[..len], &mut Vec::new()).unwrap();
            reader.finish().unwrap();
            assert_eq!(reader.take_warnings().kept, [Warning::MissingEnd], "{len}");
        }
    }
    let mut strict = Reader::new(Limits::default(), true, Selection::All);
    strict.feed(&bytes[..512 + 700], &mut Vec::new()).unwrap();
    assert_eq!(strict.finish().unwrap_err().code(), Code::InvalidArchive);
}

#[test]
fn a_header_after_a_single_zero_block_is_refused() {
    let bytes = archive(&[file("x", b""), vec![0; 512], file("y", b"")]);
    assert!(reason(&bytes).contains("single zero block"));
}

// Hostile input 28: a concatenated archive, which some readers go on with.
#[test]
fn data_after_the_end_is_not_read() {
    let bytes = [archive(&[file("x", b"")]), archive(&[file("y", b"")])].concat();
    assert_eq!(listing(&bytes), [("x".to_owned(), Some(0))]);
    assert_eq!(warnings(&bytes), [Warning::DataAfterEnd { offset: 1536 }]);
    let mut strict = Reader::new(Limits::default(), true, Selection::All);
    assert_eq!(strict.feed(&bytes, &mut Vec::new()).unwrap_err().code(), Code::InvalidArchive);
}

#[test]
fn an_archive_that_is_cut_short_is_refused() {
    let bytes = [pax(&[("path", "y")]), file("x", &[1; 700])].concat();
    // To where the content ends: what pads it says nothing.
    for len in 1..1536 + 700 {
        assert_eq!(code(&bytes[..len]), Code::InvalidArchive, "{len}");
    }
}

// Hostile inputs 25 and 28.
#[test]
fn an_extended_header_without_its_entry_is_refused() {
    for end in [vec![], vec![0; 1024]] {
        assert!(reason(&[pax(&[("path", "y")]), end].concat()).contains("no entry"));
    }
}

// Hostile input 31.
#[test]
fn padding_is_not_looked_at_and_not_held() {
    let mut padded = file("x", b"y");
    padded[600..1024].fill(7);
    assert_eq!(listing(&archive(&[padded, file("z", b"")])).len(), 2);
}

#[test]
fn what_is_no_archive_is_refused_at_once() {
    assert!(reason(&[b'x'; 512]).contains("checksum"));
    assert!(reason(b"<html>").contains("within a block"));
}

#[test]
fn v7_and_star_and_old_go_headers_have_their_own_prefix() {
    let ustar = with(header(b'0', b"name", 0), 345, b"prefix");
    assert_eq!(first(&archive(&[ustar.to_vec()])).path, b"prefix/name");
    let v7 = with(ustar, 257, &[0; 8]);
    assert_eq!(first(&archive(&[v7.to_vec()])).path, b"name");
    let star = with(with(ustar, 508, b"tar\0"), 345, &[b'p'; 155]);
    assert_eq!(first(&archive(&[star.to_vec()])).path, [&[b'p'; 131][..], b"/name"].concat());
    let gnu = with(with(header(b'0', b"name", 0), 257, b"ustar  \0"), 345, b"14371573357\x0014371573357\0");
    assert_eq!(first(&archive(&[gnu.to_vec()])).path, b"name");
    let old_go = with(with(header(b'0', b"name", 0), 257, b"ustar  \0"), 345, b"var/lib/docker");
    assert_eq!(first(&archive(&[old_go.to_vec()])).path, b"var/lib/docker/name");
}

/// Blocks that are nearly an archive, so that more of the grammar is reached than by noise.
fn odd_block() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop::sample::select(b"01234567xgLKS\0V".to_vec());
    let field =
        prop_oneof![Just(100usize), Just(108), Just(124), Just(136), Just(157), Just(257), Just(345), Just(386)];
    let bytes = prop::collection::vec(any::<u8>(), 0..30);
    let name = prop::sample::select(vec!["a", "b/c", ".wh.x", "..", "", "/", "long/name/"]);
    let data = prop_oneof![
        Just(vec![]),
        prop::collection::vec(any::<u8>(), 0..600),
        Just(b"30 mtime=1350244992.023960108\n".to_vec()),
        Just(b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n27 GNU.sparse.realsize=100\n".to_vec()),
        Just(b"1\n0\n3\n".to_vec()),
    ];
    let entry = (kind, name, data.clone(), prop::option::of((field, bytes)));
    prop_oneof![
        8 => entry.prop_map(|(kind, name, data, odd)| {
            let mut entry = entry_of(kind, name, &data);
            if let (Some((at, bytes)), Some(block)) = (odd, entry.first_chunk()) {
                let block = with(*block, at, &bytes);
                entry[..512].copy_from_slice(&block);
            }
            entry
        }),
        1 => data,
        1 => Just(vec![0; 512]),
    ]
}

fn entry_of(kind: u8, name: &str, data: &[u8]) -> Vec<u8> {
    entry(kind, name.as_bytes(), data)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_archive_panics_and_every_split_reads_the_same(
        parts in prop::collection::vec(odd_block(), 0..8),
        piece in 1usize..1500,
    ) {
        let bytes = parts.concat();
        let whole = read(&bytes);
        let split = read_in(&bytes, piece, Limits::default()).map(|(changes, _)| changes);
        let uncut = |changes: Vec<Change>| -> Vec<Change> {
            changes.into_iter().filter(|change| !matches!(change, Change::Content(_))).collect()
        };
        prop_assert_eq!(split.map(uncut), whole.map(uncut));
    }
}
