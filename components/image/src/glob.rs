//! Patterns of paths, matched in time linear in the path whatever the pattern.
//!
//! The matcher follows all readings of a pattern at once instead of trying one after the other, because trying takes
//! exponential time on patterns such as `*a*a*a*a*b` or `{*a,*a}{*a,*a}`.

mod compile;

use compile::{State, compile};

/// A pattern of paths.
///
/// - `*` is any number of characters except `/`, `?` one character except `/`.
/// - `**`, alone between slashes, is any number of components, none included; elsewhere it is `*`. `a/**` is what is in
///   `a`, without `a` itself.
/// - `[a-z]` is one of these characters and `[!a-z]` or `[^a-z]` one of all others, never `/`.
/// - `{a,b}` is either pattern, and may be nested.
/// - `\` before a character takes its meaning away. So does malformation: an unclosed `[` or `{` is itself, as in shells,
///   and every text is a pattern.
///
/// Paths are bytes. What is UTF-8 in them is matched by characters, and each byte that is not is a character of its own.
/// The slashes at the ends and a leading `./` do not count, neither in patterns nor in paths. Case does.
///
/// ```
/// use portolan_image::glob::Glob;
/// let glob = Glob::new("usr/**/*.{so,a}");
/// assert!(glob.matches("/usr/lib/x86_64-linux-gnu/libc.a"));
/// assert!(glob.matches(b"usr/lib\xff.so"));
/// assert!(!glob.matches("usr/lib/libc.so.6"));
/// ```
#[derive(Clone, Debug)]
pub struct Glob {
    states: Vec<State>,
}

impl Glob {
    /// The pattern of a text.
    #[must_use]
    pub fn new(pattern: impl AsRef<[u8]>) -> Self {
        Self { states: compile(&characters(trim(pattern.as_ref())).collect::<Vec<_>>()) }
    }

    /// Whether a whole path fits the pattern.
    #[must_use]
    pub fn matches(&self, path: impl AsRef<[u8]>) -> bool {
        let mut at = Positions::new(self.states.len());
        let mut next = Positions::new(self.states.len());
        at.enter(&self.states, 0);
        for character in characters(trim(path.as_ref())) {
            if at.list.is_empty() {
                return false;
            }
            next.clear();
            for &position in &at.list {
                match self.states.get(position) {
                    Some(State::Many { slashes }) if *slashes || character != SLASH => {
                        next.enter(&self.states, position);
                    }
                    Some(State::One(class)) if class.contains(character) => next.enter(&self.states, position + 1),
                    _ => {}
                }
            }
            std::mem::swap(&mut at, &mut next);
        }
        at.list.iter().any(|&position| position + 1 == self.states.len())
    }
}

const SLASH: u32 = '/' as u32;

/// The positions in the pattern that the characters so far may have led to, each once.
struct Positions {
    list: Vec<usize>,
    seen: Vec<bool>,
    pending: Vec<usize>,
}

impl Positions {
    fn new(states: usize) -> Self {
        Self { list: Vec::new(), seen: vec![false; states], pending: Vec::new() }
    }

    fn clear(&mut self) {
        self.list.clear();
        self.seen.fill(false);
    }

    /// Adds a position and all that follow it without a character.
    fn enter(&mut self, states: &[State], position: usize) {
        self.pending.push(position);
        while let Some(position) = self.pending.pop() {
            let (Some(state), Some(seen)) = (states.get(position), self.seen.get_mut(position)) else { continue };
            if std::mem::replace(seen, true) {
                continue;
            }
            match state {
                State::Either(targets) => self.pending.extend(targets),
                State::Many { .. } => {
                    self.list.push(position);
                    self.pending.push(position + 1);
                }
                State::One(_) | State::End => self.list.push(position),
            }
        }
    }
}

fn trim(mut path: &[u8]) -> &[u8] {
    loop {
        path = match path {
            [b'/', rest @ ..] | [b'.', b'/', rest @ ..] => rest,
            [rest @ .., b'/'] if !rest.ends_with(b"\\") => rest,
            _ => return path,
        };
    }
}

/// The characters of bytes; a byte that is not UTF-8 lies beyond the last character.
fn characters(bytes: &[u8]) -> impl Iterator<Item = u32> {
    const BEYOND: u32 = 0x11_0000;
    bytes.utf8_chunks().flat_map(|chunk| {
        chunk.valid().chars().map(u32::from).chain(chunk.invalid().iter().map(|byte| BEYOND + u32::from(*byte)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn check(pattern: &str, fitting: &[&str], other: &[&str]) {
        let glob = Glob::new(pattern);
        for path in fitting {
            assert!(glob.matches(path), "{pattern} fits {path}");
        }
        for path in other {
            assert!(!glob.matches(path), "{pattern} does not fit {path}");
        }
    }

    #[test]
    fn stars_stay_in_their_component() {
        check("a/*.txt", &["a/x.txt", "a/.txt"], &["a/b/x.txt", "a/x.txt.gz", "x.txt"]);
        check("*", &["a", ""], &["a/b"]);
        check("a*b*c", &["abc", "axxbxxc"], &["ab", "ab/c"]);
    }

    #[test]
    fn two_stars_take_any_number_of_components() {
        check("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["ab", "a/xb", "a/bx"]);
        check("**/b", &["b", "a/b", "a/b/b"], &["ab", "a/bc"]);
        check("a/**", &["a/b", "a/b/c"], &["a", "ab"]);
        check("**", &["", "a", "a/b"], &[]);
        check("a**b", &["ab", "axb"], &["a/b"]);
        check("**/**/a", &["a", "b/a", "b/c/a"], &["ba"]);
    }

    #[test]
    fn question_marks_and_classes_take_one_character() {
        check("a?c", &["abc", "aéc"], &["ac", "abbc", "a/c"]);
        check("[a-c]x[!0-9]", &["axb", "cxé"], &["dxb", "ax5", "ax/", "ax"]);
        check("[^a]", &["b"], &["a", ""]);
        check("[]x]", &["]", "x"], &["a"]);
        check("[a-]", &["a", "-"], &["b"]);
        check("a[/]b", &[], &["a/b"]);
        check("[é-ü]", &["ö"], &["o"]);
        check("[\\]]", &["]"], &["\\"]);
    }

    #[test]
    fn braces_take_one_of_their_patterns() {
        check("{a,b*}.{x,y}", &["a.x", "b.y", "bb.x"], &["ab.x", "a.z", "a."]);
        check("a{,b}c", &["ac", "abc"], &["abbc"]);
        check("{a,{b,c}d}e", &["ae", "bde", "cde"], &["be", "ade"]);
        check("{usr/**,etc}/x", &["usr/a/x", "usr/a/b/x", "etc/x"], &["etc/a/x"]);
        check("{[},],b}", &["}", ",", "b"], &["a"]);
    }

    #[test]
    fn malformed_patterns_are_themselves() {
        check("a[b", &["a[b"], &["ab"]);
        check("a{b,c", &["a{b,c"], &["ab"]);
        check("a}b,c", &["a}b,c"], &[]);
        check("a\\", &["a\\"], &["a"]);
        check("{a,{b}", &["{a,b"], &["a"]);
        check("\\*\\{a\\}", &["*{a}"], &["x{a}"]);
        check("[]", &["[]"], &[""]);
    }

    #[test]
    fn slashes_at_the_ends_do_not_count() {
        check("/etc/", &["etc", "/etc", "./etc/", "//etc"], &["etc/x"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_characters_of_their_own() {
        assert!(Glob::new("a?b").matches(b"a\xffb"));
        assert!(!Glob::new("a?b").matches(b"a\xff\xfeb"));
        assert!(Glob::new(b"a\xff*").matches(b"a\xff\xfe"));
        assert!(!Glob::new(b"a\xff").matches(b"a\xfe"));
    }

    #[test]
    fn no_pattern_takes_exponential_time() {
        let started = Instant::now();
        let path = "a".repeat(4000);
        for pattern in
            ["*a*a*a*a*b".to_owned(), "{*a,*a,*a}".repeat(40) + "b", "**/".repeat(100) + "b", "*a".repeat(1000) + "b"]
        {
            assert!(!Glob::new(&pattern).matches(&path));
        }
        let deep = "{".repeat(100_000) + "a" + &"}".repeat(100_000);
        assert!(Glob::new(&deep).matches("a"));
        assert!(!Glob::new("{".repeat(100_000)).matches("a"));
        assert!(!Glob::new("[".repeat(100_000)).matches("a"));
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }
}
