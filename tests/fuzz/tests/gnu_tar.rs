//! The seeds of the target `tar`, listed by GNU tar as well. It is a program of its own, so this is no fuzzing.
#![allow(clippy::unwrap_used, clippy::panic)]

use portolan_fuzz::listing::{self, Listed};
use portolan_fuzz::seeds;
use std::process::Command;

/// Archives of which GNU tar is meant to say something else, and why.
const DIFFERENT: [(&str, &str); 0] = [];

#[test]
fn gnu_tar_lists_the_seeds_as_they_are_read_here() {
    let directory = std::env::temp_dir().join(format!("portolan-gnu-tar-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let mut compared = 0;
    for (name, archive) in seeds::archives() {
        if DIFFERENT.iter().any(|(different, _)| *different == name) {
            continue;
        }
        let Some(ours) = listing::ours(&archive) else { continue };
        let path = directory.join(&name);
        std::fs::write(&path, &archive).unwrap();
        let arguments = ["--list", "--verbose", "--numeric-owner", "--full-time", "--quoting-style=c", "--file"];
        let output =
            Command::new("tar").args(arguments).arg(&path).env("LC_ALL", "C").env("TZ", "UTC").output().unwrap();
        assert_eq!(ours.complete, output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let theirs: Vec<Listed> = String::from_utf8(output.stdout).unwrap().lines().filter_map(parse).collect();
        assert_eq!(ours.entries, theirs, "{name}");
        compared += theirs.len();
    }
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(compared > 50, "only {compared} entries were compared");
}

/// A line such as `-rw-r--r-- 0/0    5 1970-01-01 00:00:00 "name" -> "target"`; nothing for a whiteout.
fn parse(line: &str) -> Option<Listed> {
    let (start, rest) = line.split_once(" \"").unwrap_or_else(|| panic!("{line}"));
    let mut words = start.split_whitespace();
    let (mode, _owner, size) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let (name, rest) = unquote(rest);
    let (kind, mark) = match mode.as_bytes()[0] {
        b'-' | b'C' => (b'0', ""),
        b'h' => (b'1', " link to \""),
        b'l' => (b'2', " -> \""),
        b'c' => (b'3', ""),
        b'b' => (b'4', ""),
        b'd' => (b'5', ""),
        b'p' => (b'6', ""),
        other => panic!("{}: {line}", char::from(other)),
    };
    let link = (!mark.is_empty()).then(|| unquote(rest.strip_prefix(mark).unwrap_or_else(|| panic!("{line}"))).0);
    let normal = |name: &[u8]| portolan_layer::path::normalize(name, &portolan_image::Limits::default()).unwrap();
    let path = normal(&name);
    if portolan_layer::path::components(&path).any(|component| component.starts_with(b".wh.")) {
        return None;
    }
    let size = if kind == b'0' { size.parse().unwrap() } else { 0 };
    Some(Listed { path, kind, size, link: link.map(|link| if kind == b'1' { normal(&link) } else { link }) })
}

/// The text of a C string up to its closing quote, and what follows.
fn unquote(text: &str) -> (Vec<u8>, &str) {
    let mut bytes = Vec::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (bytes, &text[at + 1..]),
            '\\' => {
                let (at, escaped) = chars.next().unwrap();
                bytes.push(match escaped {
                    'n' => b'\n',
                    't' => b'\t',
                    'r' => b'\r',
                    'a' => 7,
                    'b' => 8,
                    'f' => 12,
                    'v' => 11,
                    '0'..='7' => {
                        let octal = &text[at..at + 3];
                        (chars.next(), chars.next());
                        u8::from_str_radix(octal, 8).unwrap()
                    }
                    other => u8::try_from(other).unwrap(),
                });
            }
            other => bytes.extend(other.to_string().as_bytes()),
        }
    }
    panic!("no closing quote: {text}")
}
