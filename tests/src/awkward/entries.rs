//! Layers about single entries: types, names, modes, owners, times, attributes.

use super::NamedLayer;
use crate::tar::{Builder, Entry, Long, Magic, Numbers};

pub(super) fn layers() -> Vec<NamedLayer> {
    vec![
        ("every entry type", types()),
        ("long and odd names", names()),
        ("mode bits", modes()),
        ("owners", owners()),
        ("times", times()),
        ("extended attributes", xattrs()),
        ("ways to write a name", spelling()),
    ]
}

fn types() -> Builder {
    Builder::new()
        .dir("types/")
        .file("types/file", b"content\n")
        .file("types/empty", b"")
        .file("types/block", [b'x'; 512])
        .file("types/block-and-one", [b'y'; 513])
        .file("types/large", vec![b'z'; 300_000])
        .symlink("types/symlink", "file")
        .symlink("types/dangling", "nowhere/at/all")
        .symlink("types/absolute", "/types/file")
        .symlink("types/up-and-out", "../../../../etc/passwd")
        .symlink("types/loop", "loop")
        .hardlink("types/hardlink", "types/file")
        .hardlink("types/hardlink-of-hardlink", "types/hardlink")
        .hardlink("types/hardlink-of-symlink", "types/symlink")
        .fifo("types/fifo")
        .char_device("types/null", 1, 3)
        .block_device("types/loop0", 7, 0)
        .char_device("types/great-numbers", 4000, 1_000_000)
        // NUL was the type flag of a regular file before ustar.
        .entry(Entry::new(0, "types/old-file").content(b"v7").magic(Magic::V7))
        .entry(Entry::file("types/gnu-magic", b"gnu").magic(Magic::Gnu))
        // A regular file with a slash at its end was a directory before ustar.
        .entry(Entry::new(0, "types/old-directory/").mode(0o755).magic(Magic::V7))
        .dir("types/no-slash")
        .dir("types/deep/")
        .dir("types/deep/er/")
        .dir("types/deep/er/est/")
        .dir("files/")
        .entry(Entry::file("files/hello", b"#!/bin/sh\necho hello\n").mode(0o755))
}

fn names() -> Builder {
    let long = |start: &str| format!("names/{start}-{}", "n".repeat(190));
    let deep = |start: &str| format!("names/{start}/{}leaf", "directory-of-24-letters/".repeat(20));
    let mut tar = Builder::new()
        .dir("names/")
        .entry(Entry::file(long("pax"), b"pax"))
        .entry(Entry::file(long("gnu"), b"gnu").long(Long::Gnu))
        .entry(Entry::file(deep("pax"), b"deep"))
        .entry(Entry::file(deep("gnu"), b"deep").long(Long::Gnu))
        .entry(Entry::file(format!("names/prefix/{}/{}", "p".repeat(100), "q".repeat(100)), b"").long(Long::Prefix))
        .file(format!("names/{}", "h".repeat(94)), b"a name of exactly 100 bytes fills its field")
        .symlink("names/long-target-pax", "t".repeat(300))
        .entry(Entry::symlink("names/long-target-gnu", "t".repeat(300)).long(Long::Gnu))
        .symlink(long("both"), "t".repeat(300))
        .entry(Entry::symlink(long("both-gnu"), "t".repeat(300)).long(Long::Gnu))
        .hardlink("names/link-to-long-pax", long("pax"))
        .entry(Entry::hardlink("names/link-to-long-gnu", long("gnu")).long(Long::Gnu))
        .entry(Entry::file("names/cut", b"").pax("path", "names/\u{1f5fa}-by-pax"));
    let odd: &[&[u8]] = &[
        "Zürich-東京-\u{1f30d}".as_bytes(),
        "e\u{301}-decomposed".as_bytes(),
        "\u{e9}-composed".as_bytes(),
        b"latin-1-\xe9\xff",
        b"new\nline",
        b"tab\tbell\x07escape\x1b[31mred\x1b[0m",
        b"delete\x7f",
        b"back\\slash",
        b" spaces  around ",
        b"-rf",
        b"*?[a-z]{1,2}$HOME`id`'\"",
        b"a:b",
        b"...",
        b"..data",
        b"trailing.",
        b"CON",
        b"case",
        b"CASE",
        b"wh.no-whiteout",
        b"x.wh.no-whiteout",
        "\u{202e}txt.exe".as_bytes(),
    ];
    for name in odd {
        tar = tar.file([b"names/", *name].concat(), *name);
    }
    tar.entry(Entry::file("names/pax-non-utf-8", b"").pax("path", b"names/pax-\xe9\xff"))
        .symlink(b"names/odd-target", b"\xff\n\x1b[0m")
}

fn modes() -> Builder {
    let mut tar = Builder::new().dir("modes/");
    let of_interest = [0, 1, 2, 4, 0o111, 0o222, 0o444, 0o600, 0o640, 0o755, 0o777, 0o1777, 0o2755, 0o4755, 0o6755];
    for mode in of_interest.into_iter().chain([0o1000, 0o2000, 0o4000, 0o7000, 0o7777]) {
        tar = tar
            .entry(Entry::file(format!("modes/file-{mode:04o}"), b"m").mode(mode))
            .entry(Entry::dir(format!("modes/dir-{mode:04o}/")).mode(mode))
            .file(format!("modes/dir-{mode:04o}/child"), b"below")
            .entry(Entry::fifo(format!("modes/fifo-{mode:04o}")).mode(mode));
    }
    // The type bits some writers put into the field say nothing.
    tar.entry(Entry::file("modes/with-type-bits", b"").mode(0o100_640))
        .entry(Entry::symlink("modes/symlink-0000", "file-0755").mode(0))
        .entry(Entry::file("modes/setuid-and-owner", b"").mode(0o6755).owner(1234, 5678))
        .entry(Entry::dir("modes/setgid-and-owner/").mode(0o2775).owner(1234, 5678))
        .file("modes/setgid-and-owner/child", b"keeps gid 0")
}

fn owners() -> Builder {
    let mut tar = Builder::new().dir("owners/");
    for (uid, gid) in [(0, 1), (1, 0), (65534, 65534), (65536, 100_000), (2_097_151, 2_097_151)] {
        tar = tar.entry(Entry::file(format!("owners/{uid}-{gid}"), b"").owner(uid, gid));
    }
    // 2^32 - 1 is no owner but "leave as is" to chown.
    for id in [2_097_152, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe] {
        tar = tar
            .entry(Entry::file(format!("owners/pax-{id}"), b"").owner(id, id))
            .entry(Entry::file(format!("owners/base256-{id}"), b"").owner(id, id).numbers(Numbers::Base256));
    }
    tar.entry(Entry::file("owners/always-base256", b"b").owner(7, 8).numbers(Numbers::AlwaysBase256))
        .entry(Entry::file("owners/named", b"").owner(7, 8).names("root", "wheel"))
        .entry(Entry::file("owners/pax-wins", b"").owner(1, 1).pax("uid", "77").pax("gid", "88"))
        .entry(Entry::symlink("owners/symlink", "named").owner(9, 10))
        .entry(Entry::dir("owners/dir/").owner(11, 12))
        .file("owners/dir/child", b"")
        .entry(Entry::fifo("owners/fifo").owner(13, 14))
        .entry(Entry::char_device("owners/zero", 1, 5).owner(15, 16))
}

fn times() -> Builder {
    Builder::new()
        .dir("times/")
        .entry(Entry::file("times/epoch", b"").mtime(0))
        .entry(Entry::file("times/nanoseconds", b"").mtime_nanos(1_234_567_890, 123_456_789))
        .entry(Entry::file("times/last-nanosecond", b"").mtime_nanos(1_234_567_890, 999_999_999))
        .entry(Entry::file("times/tenths", b"").pax("mtime", "1234567890.5"))
        .entry(Entry::file("times/picoseconds", b"").pax("mtime", "1234567890.123456789987"))
        .entry(Entry::file("times/one-second-before-1970", b"").mtime(-1))
        .entry(Entry::file("times/one-second-before-1970-base256", b"").mtime(-1).numbers(Numbers::Base256))
        .entry(Entry::file("times/half-a-second-before-1970", b"").mtime_nanos(-1, 500_000_000))
        .entry(Entry::file("times/year-1910", b"").mtime_nanos(-1_893_456_000, 250_000_000))
        .entry(Entry::file("times/year-2038", b"").mtime(0x8000_0000))
        .entry(Entry::file("times/year-2242", b"").mtime(0o77_777_777_777))
        .entry(Entry::file("times/year-2300", b"").mtime(10_413_792_000))
        .entry(Entry::file("times/year-2400-base256", b"").mtime(13_569_465_600).numbers(Numbers::Base256))
        .entry(Entry::symlink("times/symlink", "epoch").mtime_nanos(1_000_000_000, 1))
        .entry(Entry::fifo("times/fifo").mtime_nanos(1_000_000_001, 2))
        .entry(Entry::dir("times/dir/").mtime_nanos(1_000_000_002, 3))
        .file("times/dir/child-written-later", b"")
        .entry(Entry::dir("times/removed-below/").mtime(1_000_000_003))
        .file("times/removed-below/child", b"")
        .entry(Entry::file("times/access-and-change", b"").pax("atime", "1000000004.5").pax("ctime", "1000000005"))
}

/// `cap_net_bind_service+ep`, revision 2: magic and flags, then permitted and inheritable in two halves.
const CAPABILITY: &[u8] = b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

fn xattrs() -> Builder {
    Builder::new()
        .dir("xattrs/")
        .entry(Entry::file("xattrs/user", b"").xattr("user.one", b"1").xattr("user.two", b"two words"))
        .entry(Entry::file("xattrs/binary", b"").xattr("user.binary", b"\x00\xff=\n\x00"))
        .entry(Entry::file("xattrs/empty", b"").xattr("user.empty", b""))
        .entry(Entry::file("xattrs/great", b"").xattr("user.great", [b'v'; 2000]))
        .entry(Entry::file("xattrs/odd-name", b"").xattr("user.a b.ü", b"x"))
        .entry(Entry::dir("xattrs/dir/").xattr("user.dir", b"of a directory"))
        .entry(Entry::file("xattrs/capability", b"\x7fELF").mode(0o755).xattr("security.capability", CAPABILITY))
        .entry(
            Entry::file("xattrs/capability-and-owner", b"\x7fELF")
                .mode(0o755)
                .owner(1000, 1000)
                .xattr("security.capability", CAPABILITY),
        )
        .entry(Entry::file("xattrs/read-only", b"").mode(0o444).xattr("user.ro", b"set before the mode"))
}

fn spelling() -> Builder {
    Builder::new()
        .dir("./")
        .dir("./spelling/")
        .file("./spelling/dot-slash", b"1")
        .file("/spelling/absolute", b"2")
        .file("//spelling//doubled//slashes", b"3")
        .file("spelling/./inner/./dots", b"4")
        .hardlink("./spelling/link-to-plain", "spelling/dot-slash")
        .hardlink("spelling/link-to-dot-slash", "./spelling/dot-slash")
        .hardlink("spelling/link-to-absolute", "/spelling/absolute")
        .symlink("./spelling/symlink-kept", ".//a/../b/")
        .file("spelling/no/parents/listed", b"5")
        .dir("spelling/no/")
        .entry(Entry::file("spelling/unknown-records", b"6").pax("VENDOR.key", "value").pax("comment", "text"))
}
