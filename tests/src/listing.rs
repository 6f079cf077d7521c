//! What other programs say is in a tar archive.

use crate::peers;
use std::path::Path;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name as the program gives it, without slashes at its end.
    pub name: Vec<u8>,
    /// The type flag of ustar; `0` for every regular file.
    pub kind: u8,
    /// Bytes of a regular file, holes included; the greatest number for a size that is none, 0 for anything else.
    pub size: u64,
    /// The target of a link.
    pub link: Option<Vec<u8>>,
}

/// The entries that a program found, and whether it found nothing wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// In the order of the archive.
    pub entries: Vec<Listed>,
    /// Whether the archive is accepted.
    pub accepted: bool,
}

impl Listing {
    /// Entries as they were found.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = Listed>, accepted: bool) -> Self {
        let entries = entries.into_iter().map(|entry| Listed {
            name: without_slashes(&entry.name).to_vec(),
            size: if entry.kind == b'0' { entry.size } else { 0 },
            ..entry
        });
        Self { entries: entries.collect(), accepted }
    }
}

fn without_slashes(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    &name[..end]
}

/// What Python's `tarfile` iterates over: type, size, name and target of each in a line, the last two in hexadecimal digits.
const PYTHON: &str = "
import sys, tarfile
with tarfile.open(sys.argv[1], 'r:', encoding='utf-8', errors='surrogateescape') as archive:
    for entry in archive:
        kind = 48 if entry.isreg() else entry.type[0]
        names = [text.encode('utf-8', 'surrogateescape').hex() for text in (entry.name, entry.linkname)]
        print(kind, entry.size, 'n' + names[0], 'l' + names[1])
";

/// The entries by Python's `tarfile`, which ends without a word at a damaged header that is not the first.
///
/// # Panics
///
/// When it is missing.
#[must_use]
pub fn python(archive: &Path) -> Listing {
    let output = peers::run("python3", ["-c".as_ref(), PYTHON.as_ref(), archive.as_os_str()]);
    let text = String::from_utf8(output.stdout).expect("the script prints text");
    let entries = text.lines().map(|line| {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("four words a line");
        let (kind, size) = (word().parse().expect("a type"), word().parse().unwrap_or(u64::MAX));
        let (name, link) = (unhex(word()), unhex(word()));
        Listed { name, kind, size, link: matches!(kind, b'1' | b'2').then_some(link) }
    });
    Listing::new(entries, output.status.success())
}

fn unhex(word: &str) -> Vec<u8> {
    word.as_bytes()[1..]
        .chunks(2)
        .map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).expect("two digits"))
        .collect()
}

/// The entries by GNU tar.
///
/// # Panics
///
/// When it is missing.
#[must_use]
pub fn gnu_tar(archive: &Path) -> Listing {
    let flags =
        ["--list", "--verbose", "--numeric-owner", "--full-time", "--quoting-style=c", "--absolute-names", "--file"];
    let output = peers::run("tar", flags.iter().map(AsRef::as_ref).chain([archive.as_os_str()]));
    let text = String::from_utf8(output.stdout).expect("names are escaped");
    Listing::new(text.lines().map(parse), output.status.success())
}

/// A line such as `-rw-r--r-- 0/0    5 1970-01-01 00:00:00 "name" -> "target"`.
fn parse(line: &str) -> Listed {
    let (start, rest) = line.split_once(" \"").unwrap_or_else(|| panic!("{line}"));
    let mut words = start.split_whitespace();
    let (mode, size) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
    let (name, rest) = unquote(rest);
    let (kind, mark) = match mode.as_bytes().first() {
        // What GNU tar does not know it takes for a regular file, as POSIX asks.
        Some(b'-' | b'C' | b'?') => (b'0', ""),
        Some(b'h') => (b'1', " link to \""),
        Some(b'l') => (b'2', " -> \""),
        Some(b'c') => (b'3', ""),
        Some(b'b') => (b'4', ""),
        Some(b'd') => (b'5', ""),
        Some(b'p') => (b'6', ""),
        _ => panic!("{line}"),
    };
    let link = (!mark.is_empty()).then(|| unquote(rest.strip_prefix(mark).unwrap_or_else(|| panic!("{line}"))).0);
    Listed { name, kind, size: size.parse().unwrap_or_default(), link }
}

/// The text of a C string up to its closing quote, and what follows.
fn unquote(text: &str) -> (Vec<u8>, &str) {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        let (&byte, after) = rest.split_first().unwrap_or_else(|| panic!("no closing quote: {text}"));
        rest = after;
        match byte {
            b'"' => return (bytes, &text[text.len() - rest.len()..]),
            b'\\' => {
                let digits = rest.iter().take(3).take_while(|digit| (b'0'..=b'7').contains(*digit)).count();
                let (escape, after) = rest.split_at(digits.max(1));
                rest = after;
                bytes.push(match escape {
                    [b'n'] => b'\n',
                    [b't'] => b'\t',
                    [b'r'] => b'\r',
                    [b'a'] => 7,
                    [b'b'] => 8,
                    [b'f'] => 12,
                    [b'v'] => 11,
                    [other] if digits == 0 => *other,
                    octal => octal.iter().fold(0, |value, digit| value << 3 | (digit - b'0')),
                });
            }
            other => bytes.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_gnu_tar_are_parsed() {
        let line = r#"lrwxrwxrwx 0/0               0 2024-01-01 00:00:00 "a\nb\303\251\\" -> "c\"d""#;
        let (name, link) = ("a\nb\u{e9}\\".as_bytes().to_vec(), Some(b"c\"d".to_vec()));
        assert_eq!(parse(line), Listed { name, kind: b'2', size: 0, link });
    }
}
