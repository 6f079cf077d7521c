use super::*;
use crate::tar::samples::{archive, entry, file, header, link, long, padded, pax, with};
use portolan_image::Code;
use proptest::prelude::*;

/// Reads an archive as a driver does, and tells which bytes it had to read.
fn read_in(archive: &[u8], window: u32, limits: Limits) -> (Result<Members>, Vec<Range>) {
    let mut members = Members { window, ..Members::new(limits) };
    let mut ranges = Vec::new();
    while let Some(range) = members.next() {
        ranges.push(range);
        let start = archive.len().min(usize::try_from(range.offset).unwrap());
        let end = archive.len().min(start + range.length as usize);
        if let Err(error) = members.supply(&archive[start..end]) {
            assert_eq!(members.next(), None);
            assert_eq!(members.supply(&[]).unwrap_err(), error);
            assert_eq!(members.find(b"x").unwrap_err(), error);
            return (Err(error), ranges);
        }
    }
    (Ok(members), ranges)
}

fn read(archive: &[u8]) -> Result<Members> {
    read_in(archive, WINDOW, Limits::default()).0
}

fn members(parts: &[Vec<u8>]) -> Members {
    read(&archive(parts)).unwrap()
}

fn failure(parts: &[Vec<u8>]) -> Error {
    read(&archive(parts)).err().unwrap()
}

/// The content of what a path is, links followed.
fn content(parts: &[Vec<u8>], path: &str) -> Result<Option<Vec<u8>>> {
    let bytes = archive(parts);
    let member = read(&bytes)?.find(path.as_bytes())?;
    Ok(member.map(|member| bytes[member.offset as usize..][..member.size as usize].to_vec()))
}

fn code(parts: &[Vec<u8>], path: &str) -> Code {
    content(parts, path).unwrap_err().code()
}

#[test]
fn a_content_is_where_the_index_says() {
    let parts = [
        entry(b'5', b"blobs/", b""),
        file("./oci-layout", b"{}"),
        file("empty", b""),
        long(b'L', &[b'n'; 200]),
        file("short", &[b'x'; 513]),
        pax(&[("path", "named/by/pax"), ("size", "3"), ("SCHILY.xattr.user.a", "b")]),
        [&header(b'0', b"made up", 7)[..], &padded(b"abc")].concat(),
        file("last", b"end"),
    ];
    for (path, expected) in [
        ("oci-layout", &b"{}"[..]),
        ("empty", b""),
        ("n".repeat(200).as_str(), &[b'x'; 513]),
        ("named/by/pax", b"abc"),
        ("./last", b"end"),
    ] {
        assert_eq!(content(&parts, path).unwrap().unwrap(), expected, "{path}");
    }
    for path in ["short", "made up", "blobs/x", "nothing"] {
        assert_eq!(content(&parts, path).unwrap(), None, "{path}");
    }
    assert_eq!(code(&parts, "../oci-layout"), Code::InvalidPath);
    assert_eq!(code(&parts, "blobs"), Code::PathNotFound);
}

#[test]
fn a_long_content_is_jumped_over() {
    let long = vec![b'x'; 10 << 20];
    let bytes = archive(&[file("a", &long), file("b", &long[..1000]), file("c", &long), file("d", b"")]);
    let (members, ranges) = read_in(&bytes, WINDOW, Limits::default());
    assert_eq!(members.unwrap().find(b"d").unwrap().unwrap().offset, bytes.len() as u64 - 1024);
    let offsets: Vec<u64> = ranges.iter().map(|range| range.offset).collect();
    let second = 512 + (10 << 20);
    assert_eq!(offsets, [0, second - 512, second + 512 + 1024 + second - 512]);
}

#[test]
fn many_small_members_need_few_ranges() {
    let parts: Vec<_> = (0..1000).map(|number| file(&format!("blobs/{number}"), b"small")).collect();
    let bytes = archive(&parts);
    let (members, ranges) = read_in(&bytes, WINDOW, Limits::default());
    assert_eq!(members.unwrap().iter().count(), 1000);
    assert_eq!(ranges.len(), bytes.len() / WINDOW as usize + 1);
}

#[test]
fn an_archive_of_terabytes_is_indexed_by_its_headers() {
    let size = 1u64 << 39;
    let first = header(b'0', b"a", 0);
    let first = with(first, 124, &[&[0x80, 0, 0, 0][..], &size.to_be_bytes()].concat());
    let mut members = Members::new(Limits::default());
    let supplied = |bytes: &[u8]| [bytes, &vec![0; WINDOW as usize - bytes.len()]].concat();
    members.supply(&supplied(&first)).unwrap();
    assert_eq!(members.next().unwrap().offset, size);
    members.supply(&supplied(&[&[0; 512][..], &file("b", b"b")].concat())).unwrap();
    assert_eq!(members.next(), None);
    assert_eq!(members.find(b"a").unwrap().unwrap().size, size);
    assert_eq!(members.find(b"b").unwrap().unwrap().offset, size + 1024);
}

// R-23 speaks of layers only.
#[test]
fn a_whiteout_is_a_member_like_any_other() {
    let parts = [
        file("x", b"x"),
        file(".wh.x", b"whiteout"),
        file("a/.wh..wh..opq", b"opaque"),
        file(".wh.", b"bare"),
        file(".wh.d/f", b"below"),
        link(b'1', "linked", ".wh.x"),
    ];
    for (path, expected) in
        [("x", "x"), (".wh.x", "whiteout"), ("a/.wh..wh..opq", "opaque"), (".wh.", "bare"), (".wh.d/f", "below")]
    {
        assert_eq!(content(&parts, path).unwrap().unwrap(), expected.as_bytes());
    }
    assert_eq!(content(&parts, "linked").unwrap().unwrap(), b"whiteout");
}

#[test]
fn links_of_docker_save_are_followed() {
    let parts = [
        entry(b'5', b"one/", b""),
        link(b'2', "two/layer.tar", "../one/layer.tar"),
        file("one/layer.tar", b"layer"),
        link(b'1', "three/layer.tar", "one/layer.tar"),
        link(b'2', "four/layer.tar", ".././x/../three//layer.tar"),
        link(b'1', "five/layer.tar", "two/layer.tar"),
    ];
    for directory in ["one", "two", "three", "four", "five"] {
        assert_eq!(content(&parts, &format!("{directory}/layer.tar")).unwrap().unwrap(), b"layer", "{directory}");
    }
    let found = members(&parts).find(b"four/layer.tar").unwrap().unwrap();
    assert_eq!(found.path, b"one/layer.tar");
    let members = members(&parts);
    let paths: Vec<_> = members.iter().map(|(path, _)| path).collect();
    assert_eq!(paths, [b"one/layer.tar".as_slice(), b"three/layer.tar"]);
}

// Hostile input 44.
#[test]
fn a_link_leads_nowhere_but_to_a_regular_member() {
    let parts = |target: &str| [file("a/b/x", b""), file("x", b"root"), link(b'2', "a/l", target)];
    assert_eq!(content(&parts("../x"), "a/l").unwrap().unwrap(), b"root");
    for target in
        ["../../x", "/x", "/etc/passwd", "../../../../etc/passwd", "nothing", "b/nothing", "l", "x/", "../x/."]
    {
        assert_eq!(code(&parts(target), "a/l"), Code::InvalidLink, "{target}");
    }
    for target in ["../x/../x", "l/../b/x"] {
        assert_eq!(code(&parts(target), "a/l"), Code::InvalidLink, "{target}");
    }
    let kinds = [
        entry(b'5', b"directory", b""),
        entry(b'6', b"fifo", b""),
        entry(b'3', b"device", b""),
        link(b'2', "to-directory", "directory"),
        link(b'2', "to-device", "device"),
        link(b'1', "hard-fifo", "fifo"),
    ];
    for path in ["directory", "fifo", "device", "to-directory", "to-device", "hard-fifo"] {
        assert_eq!(code(&kinds, path), Code::PathNotFound, "{path}");
    }
    let hard = [link(b'1', "early", "x"), file("x", b""), link(b'1', "directory", "a"), file("a/x", b"")];
    for path in ["early", "directory"] {
        assert_eq!(code(&hard, path), Code::InvalidLink, "{path}");
    }
    assert_eq!(failure(&[link(b'1', "h", "../x")]).code(), Code::InvalidLink);
}

// Hostile input 44.
#[test]
fn a_file_of_a_layout_is_no_link() {
    let members = members(&[
        file("blobs/x", b"x"),
        link(b'2', "index.json", "blobs/x"),
        link(b'1', "oci-layout", "blobs/x"),
        link(b'1', "nowhere", "y"),
    ]);
    assert_eq!(members.find_regular(b"blobs/x").unwrap().unwrap().size, 1);
    assert_eq!(members.find_regular(b"blobs/y").unwrap(), None);
    for path in ["index.json", "oci-layout", "nowhere"] {
        assert_eq!(members.find_regular(path.as_bytes()).unwrap_err().code(), Code::PathNotFound, "{path}");
    }
    assert_eq!(members.find(b"index.json").unwrap().unwrap().path, b"blobs/x");
    let error = members.find_regular(b"index.json").unwrap_err().to_string();
    assert_eq!(error, r#""index.json": the member is a symlink and has to be a regular file"#);
}

#[test]
fn symlinks_in_circles_and_long_chains_are_refused() {
    assert_eq!(code(&[link(b'2', "a", "b"), link(b'2', "b", "a")], "a"), Code::InvalidLink);
    let mut parts: Vec<_> = (0..41).map(|number| link(b'2', &number.to_string(), &(number + 1).to_string())).collect();
    parts.push(file("41", b"end"));
    assert_eq!(content(&parts, "1").unwrap().unwrap(), b"end");
    assert_eq!(code(&parts, "0"), Code::InvalidLink);
}

// Hostile input 28.
#[test]
fn the_last_of_several_members_counts() {
    let parts = [
        file("x", b"first"),
        link(b'1', "hard", "x"),
        link(b'2', "soft", "x"),
        file("./x", b"second"),
        entry(b'5', b"d", b""),
        file("d", b"no directory"),
    ];
    assert_eq!(content(&parts, "x").unwrap().unwrap(), b"second");
    assert_eq!(content(&parts, "soft").unwrap().unwrap(), b"second");
    assert_eq!(content(&parts, "hard").unwrap().unwrap(), b"first");
    assert_eq!(content(&parts, "d").unwrap().unwrap(), b"no directory");
}

#[test]
fn a_member_below_a_file_or_a_link_is_refused() {
    for parts in [
        [link(b'2', "blobs", "elsewhere"), file("blobs/x", b"")],
        [file("blobs", b""), file("blobs/a/x", b"")],
        [file("blobs/a/x", b""), link(b'2', "blobs", "elsewhere")],
        [file("blobs/x", b""), file("blobs", b"")],
    ] {
        assert_eq!(failure(&parts).code(), Code::InvalidArchive);
    }
    let beside = [file("blobs-x", b""), file("blobs", b"file"), file("blobs.y", b"")];
    assert_eq!(content(&beside, "blobs").unwrap().unwrap(), b"file");
}

#[test]
fn a_sparse_member_is_no_blob() {
    let parts = [
        pax(&[("GNU.sparse.map", "0,1"), ("GNU.sparse.size", "9"), ("GNU.sparse.name", "sparse")]),
        file("x", b"x"),
        file("after", b"after"),
    ];
    let members = members(&parts);
    let error = members.find(b"sparse").unwrap_err();
    assert_eq!(error.to_string(), r#""sparse": the member is a sparse file"#);
    assert!(members.find_regular(b"sparse").is_err());
    assert_eq!(members.iter().map(|(path, _)| path).collect::<Vec<_>>(), [b"after"]);
    assert_eq!(content(&parts, "after").unwrap().unwrap(), b"after");
}

// Hostile input 28.
#[test]
fn a_content_beyond_the_end_of_the_archive_names_its_member() {
    let whole = [file("first", b"x"), file("blob", &[b'x'; 200_000])].concat();
    // With all of its last member, padding included, an archive without an end is still read.
    let members = read(&whole).unwrap();
    assert_eq!(members.warnings(), [Warning::MissingEnd]);
    assert_eq!(members.find(b"blob").unwrap().unwrap().size, 200_000);
    for missing in [1, 511, 512, 513, 60_000, 100_000, 199_999, 200_000] {
        let error = read(&whole[..whole.len() - missing]).err().unwrap();
        let expected = r#"invalid tar entry "blob" at byte 1024: the archive ends within the entry"#;
        assert_eq!(error.to_string(), expected, "{missing}");
    }
    assert!(read(&whole[..1300]).is_err());
    assert_eq!(read(&whole[..1024]).unwrap().warnings(), [Warning::MissingEnd]);
    assert_eq!(read(&archive(&[whole])).unwrap().warnings(), []);
}

// Hostile input 28.
#[test]
fn an_offset_never_overflows() {
    let limits = Limits { layer_uncompressed_bytes: u64::MAX, ..Limits::default() };
    let size = |size: u64| {
        let bytes = [&[0x80, 0, 0, 0][..], &size.to_be_bytes()].concat();
        with(header(b'0', b"huge", 0), 124, &bytes).to_vec()
    };
    for huge in [i64::MAX as u64, i64::MAX as u64 - 512] {
        let error = read_in(&archive(&[size(huge)]), WINDOW, limits.clone()).0.err().unwrap();
        let expected =
            r#"invalid tar entry "huge" at byte 0: the content ends above 2^63 - 1, where no file has bytes"#;
        assert_eq!(error.to_string(), expected);
    }
    let error = read_in(&archive(&[size(u64::MAX)]), WINDOW, limits.clone()).0.err().unwrap();
    assert_eq!(error.code(), Code::InvalidArchive);
    // The first one ends well below, the second one above, if ever a driver says that there are such bytes.
    let mut members = Members::new(limits);
    let supplied = |bytes: &[u8]| [bytes, &vec![0; WINDOW as usize - bytes.len()]].concat();
    members.supply(&supplied(&size(1 << 62))).unwrap();
    let error = members.supply(&supplied(&[vec![0; 512], size(1 << 62)].concat())).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArchive);
}

// Hostile input 50.
#[test]
fn limits_bound_what_is_kept() {
    let parts: Vec<_> = (0..20).map(|number| file(&number.to_string(), b"")).collect();
    for limits in ["layer-entries=19", "layer-metadata-bytes=29", "path-bytes=1", "header-bytes=10"] {
        let parts = [parts.clone(), vec![pax(&[("path", "a"), ("comment", "long enough")]), file("x", b"")]].concat();
        let limits = Limits::default().with(limits).unwrap();
        let error = read_in(&archive(&parts), WINDOW, limits).0.err().unwrap();
        assert_eq!(error.code(), Code::LimitExceeded);
    }
}

#[test]
fn calls_out_of_turn_are_errors() {
    let bytes = archive(&[file("x", b"x")]);
    let mut members = Members::new(Limits::default());
    assert_eq!(members.find(b"x").unwrap_err().code(), Code::InvalidState);
    members.supply(&bytes).unwrap();
    assert_eq!(members.next(), None);
    assert!(members.supply(&bytes).is_err());
    let mut members = Members::new(Limits::default());
    assert_eq!(members.supply(&vec![0; WINDOW as usize + 1]).unwrap_err().code(), Code::InvalidState);
}

#[test]
fn what_follows_the_end_is_no_member() {
    let bytes = [archive(&[file("x", b"x")]), archive(&[file("y", b"y")])].concat();
    let members = read(&bytes).unwrap();
    assert_eq!((members.find(b"y").unwrap(), members.warnings()), (None, &[][..]));
}

/// Paths that are often equal, sometimes long, and never below a file.
fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab]",
        "[a-c]/[a-c]".prop_map(|path| format!("d/{path}.file")),
        "[a-z]{1,3}".prop_map(|name| format!("long/{}/{name}.file", [name.as_str(); 60].join("/x"))),
        "\\PC{1,40}".prop_map(|name| format!("odd/{}.file", name.replace(['/', '\\'], "-"))),
    ]
}

/// What the `tar` crate finds.
fn peer(bytes: &[u8]) -> BTreeMap<Vec<u8>, (u64, u64)> {
    let mut archive = ::tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        (entry.path_bytes().into_owned(), (entry.raw_file_position(), entry.size()))
    });
    entries.collect()
}

fn index(members: &Members) -> BTreeMap<Vec<u8>, (u64, u64)> {
    members.iter().map(|(path, member)| (path.to_vec(), (member.offset, member.size))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_window_gives_the_index_of_a_peer(
        files in prop::collection::vec((path(), 0..3000usize, any::<bool>(), any::<bool>()), 0..12),
        window in 1..4000u32,
    ) {
        let mut builder = ::tar::Builder::new(Vec::new());
        for (path, size, has_records, is_ustar) in &files {
            if *has_records {
                builder.append_pax_extensions([("comment", path.as_bytes()), ("size", size.to_string().as_bytes())]).unwrap();
            }
            let mut header = if *is_ustar { ::tar::Header::new_ustar() } else { ::tar::Header::new_gnu() };
            header.set_size(*size as u64);
            builder.append_data(&mut header, path, &vec![b'x'; *size][..]).unwrap();
        }
        let bytes = builder.into_inner().unwrap();
        let expected = peer(&bytes);
        for window in [window, WINDOW] {
            let (members, ranges) = read_in(&bytes, window, Limits::default());
            prop_assert_eq!(&index(&members.unwrap()), &expected);
            let mut end = 0;
            for range in ranges {
                prop_assert!(range.offset >= end);
                end = range.offset + u64::from(range.length);
            }
        }
    }

    #[test]
    fn every_cut_and_every_change_of_a_byte_has_one_answer_in_every_window(
        cut in 0..20_000usize,
        position in 0..20_000usize,
        byte in any::<u8>(),
        window in 1..4000u32,
    ) {
        let mut bytes = archive(&[
            file("a", &[b'x'; 3000]),
            pax(&[("path", "b"), ("size", "700")]),
            file("c", &[b'y'; 700]),
            link(b'2', "d", "a"),
            link(b'1', "e", "b"),
            file("f", &[b'z'; 9000]),
        ]);
        let position = position % bytes.len();
        bytes[position] = byte;
        bytes.truncate(cut);
        let expected = read(&bytes).map(|members| index(&members));
        let actual = read_in(&bytes, window, Limits::default()).0.map(|members| index(&members));
        prop_assert_eq!(actual, expected);
    }
}
