use super::*;
use crate::change::{Owner, Xattr};
use crate::tar::samples::{archive, entry, file, header, link, long, padded, pax, record, with};

fn xattr(name: &str, value: &[u8]) -> Xattr {
    Xattr { name: name.into(), value: value.to_vec() }
}

fn raw_pax(body: &[u8]) -> Vec<u8> {
    archive(&[entry(b'x', b"PaxHeaders", body), file("x", b"")])
}

//
#[test]
fn extended_headers_win_over_the_header() {
    let path = "d/".repeat(100) + "file";
    let bytes = archive(&[
        pax(&[("path", &path), ("uid", "7"), ("gid", "8"), ("hdrcharset", "BINARY"), ("comment", "=\n")]),
        file("x", b""),
        pax(&[("linkpath", &path), ("atime", "1"), ("ctime", "2"), ("uname", "root")]),
        link(b'2', "y", "z"),
        pax(&[("path", ""), ("size", "")]),
        file("z", b"1"),
    ]);
    let entries = entries(&bytes);
    assert_eq!((&entries[0].path[..], entries[0].owner), (path.as_bytes(), Owner { uid: 7, gid: 8 }));
    assert_eq!(entries[1].kind, Kind::Symlink { target: path.into() });
    assert_eq!((&entries[2].path[..], &entries[2].kind), (&b"z"[..], &Kind::File { size: 1 }));
}

// Hostile inputs 23 and 24 (CVE-2025-62518, CVE-2026-33055).
#[test]
fn the_pax_size_counts_for_the_data_and_for_the_next_header() {
    let smuggled = file("smuggled", b"");
    for ustar in [0, 512, 5000] {
        let carrier = [&header(b'0', b"carrier", ustar)[..], &padded(&smuggled)].concat();
        let bytes = archive(&[pax(&[("size", "512")]), carrier, file("after", b"")]);
        assert_eq!(listing(&bytes), [("carrier".to_owned(), Some(512)), ("after".to_owned(), Some(0))]);
    }
}

// Hostile input 25 (RUSTSEC-2026-0112).
#[test]
fn extension_entries_do_not_consume_what_pax_says() {
    let name = "n".repeat(200);
    let target = "t".repeat(200);
    let carrier = [&header(b'0', b"short", 0)[..], &padded(&[1; 600])].concat();
    for extensions in [
        [pax(&[("size", "600")]), long(b'L', name.as_bytes())].concat(),
        [long(b'L', name.as_bytes()), pax(&[("size", "600")])].concat(),
        [pax(&[("size", "600")]), entry(b'g', b"g", &record("comment", "x")), long(b'L', name.as_bytes())].concat(),
    ] {
        let bytes = archive(&[extensions, carrier.clone(), file("after", b"")]);
        assert_eq!(listing(&bytes), [(name.clone(), Some(600)), ("after".to_owned(), Some(0))]);
    }
    let bytes = archive(&[long(b'K', target.as_bytes()), long(b'L', name.as_bytes()), link(b'2', "x", "y")]);
    assert_eq!((first(&bytes).path, first(&bytes).kind), (name.into(), Kind::Symlink { target: target.into() }));
}

// Hostile inputs 25 and 26.
#[test]
fn contradictions_are_errors_and_agreement_is_none() {
    assert!(reason(&archive(&[pax(&[("path", "a")]), long(b'L', b"b"), file("x", b"")])).contains("name"));
    assert!(reason(&archive(&[pax(&[("linkpath", "a")]), long(b'K', b"b"), link(b'2', "x", "y")])).contains("link"));
    assert_eq!(first(&archive(&[pax(&[("path", "a")]), long(b'L', b"a"), file("x", b"")])).path, b"a");
    for extension in [pax(&[("mtime", "1")]), long(b'L', b"a"), long(b'K', b"a")] {
        let bytes = archive(&[extension.clone(), extension, file("x", b"")]);
        assert!(reason(&bytes).contains("two extended headers"));
    }
    for key in ["path", "linkpath", "size", "uid", "mtime", "SCHILY.xattr.user.a", "GNU.sparse.major"] {
        assert!(reason(&archive(&[pax(&[(key, "1"), (key, "2")]), file("x", b"")])).contains("twice"), "{key}");
    }
    assert!(
        read(&archive(&[pax(&[("uid", "1"), ("uid", "1"), ("comment", "1"), ("comment", "2")]), file("x", b"")]))
            .is_ok()
    );
}

// Hostile input 26 (CVE-2026-32766).
#[test]
fn a_malformed_record_is_an_error() {
    for body in [
        &b"x"[..],
        b"9 path=y",
        b"10 path=yy",
        b"8 path=y\n",
        b"11 path=y\n",
        b"99999999999999999999999 path=y\n",
        b"18446744073709551615 path=y\n",
        b" 9 path=y\n",
        b"-9 path=y\n",
        b"+9 path=y\n",
        b"path=y\n",
        b"9 path y\n",
        b"6 =xy\n",
        b"0 path=y\n",
        b"2 path=y\n",
        b"9 path=y\n\0",
        b"9 path=y\n\0\0\0",
        b"9 path=\0\n",
        b"9 pa\0h=y\n",
    ] {
        assert_eq!(code(&raw_pax(body)), Code::InvalidArchive, "{}", body.escape_ascii());
    }
    assert_eq!(first(&raw_pax(b"9 path=y\n")).path, b"y");
    assert_eq!(first(&raw_pax(b"011 path=y\n")).path, b"y");
}

// Hostile input 27.
#[test]
fn a_malformed_long_name_ends_the_archive() {
    for body in [&b""[..], b"\0", b"a\0b\0"] {
        let bytes = archive(&[entry(b'L', b"././@LongLink", body), file("x", b""), file("y", b"")]);
        assert!(reason(&bytes).contains("long name"), "{body:?}");
    }
    assert_eq!(first(&archive(&[entry(b'L', b"L", b"no-nul"), file("x", b"")])).path, b"no-nul");
    assert_eq!(code(&archive(&[long(b'L', b"../x"), file("x", b"")])), Code::InvalidPath);
}

// Hostile input 30 (CVE-2022-2879).
#[test]
fn extended_headers_are_limited_before_they_are_held() {
    for kind in *b"xgLK" {
        // The body is not even there.
        assert_eq!(limit(&header(kind, b"x", (1 << 20) + 1), ""), "header-bytes");
    }
    assert_eq!(limit(&archive(&[pax(&[("comment", "123456")]), file("x", b"")]), "header-bytes=16"), "header-bytes");
}

//
#[test]
fn attributes_are_read_in_both_encodings() {
    let bytes = archive(&[
        [&header(b'x', b"pax", 512)[..], &{
            let mut body = [
                record("SCHILY.xattr.user.binary", b"\0\xff=\n"),
                record("LIBARCHIVE.xattr.user.a%20b%3D", "AP8"),
                record("LIBARCHIVE.xattr.user.padded", "AA=="),
                record("SCHILY.xattr.user.both", "value"),
                record("LIBARCHIVE.xattr.user.both", "dmFsdWU"),
                record("SCHILY.xattr.security.capability", "cap"),
                record("SCHILY.xattr.user.empty", ""),
            ]
            .concat();
            let rest = 512 - body.len();
            let comment = record("comment", "x".repeat(rest - "100 comment=\n".len()));
            body.extend(comment);
            body
        }]
        .concat(),
        file("x", b""),
    ]);
    let expected = [
        xattr("user.binary", b"\0\xff=\n"),
        xattr("user.a b=", b"\0\xff"),
        xattr("user.padded", b"\0"),
        xattr("user.both", b"value"),
        xattr("security.capability", b"cap"),
        xattr("user.empty", b""),
    ];
    assert_eq!(first(&bytes).xattrs, expected);
}

#[test]
fn a_malformed_attribute_is_an_error() {
    for (key, value) in [
        ("SCHILY.xattr.", "x"),
        ("LIBARCHIVE.xattr.", "AA"),
        ("LIBARCHIVE.xattr.user.a", "not base64!"),
        ("LIBARCHIVE.xattr.user.%4", "AA"),
        ("LIBARCHIVE.xattr.user.%zz", "AA"),
        ("LIBARCHIVE.xattr.user.%00", "AA"),
    ] {
        assert_eq!(code(&archive(&[pax(&[(key, value)]), file("x", b"")])), Code::InvalidArchive, "{key}");
    }
    let differing = [("SCHILY.xattr.user.a", "b"), ("LIBARCHIVE.xattr.user.a", "AA")];
    assert!(reason(&archive(&[pax(&differing), file("x", b"")])).contains("twice"));
}

// R-10, hostile input 46.
#[test]
fn attributes_of_the_host_are_left_out() {
    let host = [
        "trusted.overlay.opaque",
        "trusted.other",
        "user.overlay.redirect",
        "security.selinux",
        "security.nfs4_acl",
        "system.nfs4_acl",
    ];
    for name in host {
        let bytes =
            archive(&[pax(&[(&format!("SCHILY.xattr.{name}"), "y"), ("SCHILY.xattr.user.x", "z")]), file("x", b"")]);
        assert_eq!(first(&bytes).xattrs, [xattr("user.x", b"z")]);
        assert_eq!(warnings(&bytes), [Warning::DroppedXattr { path: b"x".to_vec(), name: name.into() }]);
    }
}

#[test]
fn attributes_are_limited() {
    let bytes = archive(&[pax(&[("SCHILY.xattr.user.x", "123")]), file("x", b"")]);
    assert_eq!(limit(&bytes, "xattr-bytes=8"), "xattr-bytes");
    assert!(read_in(&bytes, 512, Limits::default().with("xattr-bytes=9").unwrap()).is_ok());
}

//
#[test]
fn attributes_of_other_systems_are_ignored() {
    let keys = ["MSWINDOWS.fileattr", "MSWINDOWS.rawsd", "LIBARCHIVE.creationtime", "SCHILY.ino", "SCHILY.fflags"];
    let records = keys.map(|key| (key, "x"));
    assert_eq!(first(&archive(&[pax(&records), file("x", b"")])), first(&archive(&[file("x", b"")])));
}

fn global(key: &str, value: &str) -> Vec<u8> {
    entry(b'g', b"pax_global_header", &record(key, value))
}

// Hostile input 28.
#[test]
fn a_global_header_may_give_owner_and_time_to_all_that_follow() {
    let bytes = archive(&[
        global("comment", "a commit"),
        global("uid", "5"),
        global("mtime", "9"),
        file("a", b""),
        pax(&[("uid", "6")]),
        file("b", b""),
        pax(&[("uid", "")]),
        file("c", b""),
        global("uid", "7"),
        file("d", b""),
    ]);
    let owners: Vec<u32> = entries(&bytes).iter().map(|entry| entry.owner.uid).collect();
    assert_eq!(owners, [5, 6, 0o1750, 7]);
    assert!(entries(&bytes).iter().all(|entry| entry.mtime.seconds == 9));
}

// Hostile input 28.
#[test]
fn a_global_header_may_not_say_what_an_entry_is() {
    for key in ["path", "linkpath", "size", "SCHILY.devmajor", "SCHILY.xattr.user.x", "GNU.sparse.major"] {
        assert!(reason(&archive(&[global(key, "1"), file("x", b"")])).contains("global"), "{key}");
    }
}

#[test]
fn names_of_any_bytes_are_kept() {
    let bytes =
        archive(&[with(header(b'0', b"\xe9t\xe9", 0), 157, b"").to_vec(), long(b'L', b"\x80\xff"), file("x", b"")]);
    let paths: Vec<_> = entries(&bytes).into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, [&b"\xe9t\xe9"[..], b"\x80\xff"]);
}
