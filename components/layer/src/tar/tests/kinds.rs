use super::*;
use crate::change::Device;
use crate::tar::samples::{archive, entry, file, header, link, with};

//
#[test]
fn every_type_of_entry_is_read() {
    let device = |kind, name: &[u8]| with(with(header(kind, name, 0), 329, b"0000010\0"), 337, b"0000377\0").to_vec();
    let bytes = archive(&[
        file("file", b"x"),
        entry(0, b"old", b"y"),
        entry(b'7', b"contiguous", b"z"),
        link(b'1', "hard", "./file"),
        link(b'2', "symlink", "/etc/../x"),
        device(b'3', b"char"),
        device(b'4', b"block"),
        entry(b'5', b"directory/", b""),
        entry(b'6', b"fifo", b""),
    ]);
    let kinds: Vec<Kind> = entries(&bytes).into_iter().map(|entry| entry.kind).collect();
    let device = Device { major: 8, minor: 255 };
    let expected = [
        Kind::File { size: 1 },
        Kind::File { size: 1 },
        Kind::File { size: 1 },
        Kind::HardLink { target: b"file".to_vec() },
        Kind::Symlink { target: b"/etc/../x".to_vec() },
        Kind::CharDevice(device),
        Kind::BlockDevice(device),
        Kind::Directory,
        Kind::Fifo,
    ];
    assert_eq!(kinds, expected);
}

// Hostile input 28.
#[test]
fn an_unknown_type_is_refused() {
    for kind in *b"89AVMDNX \xff" {
        assert!(reason(&archive(&[entry(kind, b"x", b"")])).contains("type"), "{kind}");
    }
}

// Hostile inputs 23 and 28: whoever skips a body there reads a smuggled header, and whoever does not reads none.
#[test]
fn what_is_no_file_has_no_data_whatever_its_size_says() {
    for kind in *b"123456" {
        let odd = with(with(header(kind, b"odd", 512), 157, b"after"), 329, b"0000000\x000000000\0").to_vec();
        let bytes = archive(&[odd, file("after", b"")]);
        assert_eq!(listing(&bytes), [("odd".to_owned(), None), ("after".to_owned(), Some(0))]);
    }
}

// Hostile input 3.
#[test]
fn only_v7_marks_a_directory_by_a_trailing_slash() {
    assert_eq!(first(&archive(&[entry(0, b"old/", b"")])).kind, Kind::Directory);
    for kind in *b"01234567" {
        if kind != b'5' {
            let bytes = archive(&[with(header(kind, b"x/", 0), 157, b"y").to_vec()]);
            assert_eq!(code(&bytes), Code::InvalidPath, "{kind}");
        }
    }
}

// Hostile input 4.
#[test]
fn the_root_stays_a_directory() {
    assert_eq!(first(&archive(&[entry(b'5', b"./", b"")])).path, b"");
    for name in [".", "/", "./"] {
        for kind in *b"01236" {
            let bytes = archive(&[with(header(kind, name.as_bytes(), 0), 157, b"/tmp").to_vec()]);
            assert_eq!(code(&bytes), Code::InvalidPath, "{kind} {name}");
        }
    }
}

// Hostile inputs 1 and 3.
#[test]
fn a_name_that_cannot_stand_in_an_image_is_refused() {
    for name in ["", "../x", "a/../../b"] {
        assert_eq!(code(&archive(&[file(name, b"")])), Code::InvalidPath, "{name}");
    }
    assert_eq!(first(&archive(&[entry(b'0', b"\xff\\C:", b"")])).path, b"\xff\\C:");
}

// Hostile inputs 12, 13 and 16.
#[test]
fn a_hard_link_names_another_file_of_the_image() {
    for target in ["../../etc/shadow", "", ".", "/", "hard", "/hard", "a/.wh.x", "a/.wh..wh..opq"] {
        assert_eq!(code(&archive(&[link(b'1', "hard", target)])), Code::InvalidLink, "{target}");
    }
    let absolute = first(&archive(&[link(b'1', "hard", "/etc//passwd")]));
    assert_eq!(absolute.kind, Kind::HardLink { target: b"etc/passwd".to_vec() });
}

#[test]
fn a_symlink_has_a_target() {
    assert!(reason(&archive(&[link(b'2', "x", "")])).contains("target"));
    assert_eq!(limit(&archive(&[link(b'2', "x", "12345")]), "path-bytes=4"), "path-bytes");
}

//
#[test]
fn whiteouts_are_changes_of_their_own_and_have_no_ordinal() {
    let bytes = archive(&[
        file("a/.wh.x", b""),
        file("a/.wh..wh..opq", b""),
        file(".wh..wh.aufs", b"bookkeeping"),
        link(b'1', ".wh..wh.plnk/1", ".wh..wh.aufs"),
        file("b", b""),
    ]);
    let changes = read(&bytes).unwrap();
    assert_eq!(changes[..2], [Change::Remove(b"a/x".to_vec()), Change::Clear(b"a".to_vec())]);
    assert!(matches!(&changes[2..], [Change::Entry(entry)] if entry.ordinal == 0 && entry.path == b"b"));
}

#[test]
fn a_whiteout_of_another_type_counts_and_is_warned_of() {
    let bytes = archive(&[
        link(b'1', ".wh.a", ".wh..wh.aufs"),
        file(".wh.b", b"content"),
        entry(b'5', b".wh.c/", b""),
        file(".wh.d", b""),
    ]);
    let removed: Vec<Change> = ["a", "b", "c", "d"].map(|name| Change::Remove(name.into())).into();
    assert_eq!(read(&bytes).unwrap(), removed);
    let warned = [".wh.a", ".wh.b", ".wh.c/"].map(|path| Warning::UnusualWhiteout { path: path.into() });
    assert_eq!(warnings(&bytes), warned);
}

// Hostile inputs 17 and 18.
#[test]
fn a_whiteout_of_nothing_is_refused() {
    for name in [".wh.", "a/.wh..", ".wh...", ".wh.a/b"] {
        assert_eq!(code(&archive(&[file(name, b"")])), Code::InvalidWhiteout, "{name}");
    }
    assert_eq!(code(&archive(&[file("../.wh.x", b"")])), Code::InvalidPath);
}

// Hostile input 50.
#[test]
fn entries_and_their_metadata_are_limited() {
    let bytes = archive(&[file("aa", b""), file("bb", b""), file(".wh.c", b"")]);
    assert_eq!(limit(&bytes, "layer-entries=2"), "layer-entries");
    assert_eq!(limit(&bytes, "layer-metadata-bytes=4"), "layer-metadata-bytes");
    assert_eq!(limit(&archive(&[file("aa", b"123")]), "layer-uncompressed-bytes=2"), "layer-uncompressed-bytes");
}
