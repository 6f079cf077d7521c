//! Paths of images as text.

/// A path of an image for a person: UTF-8 as it is, everything that a terminal could take for a command escaped.
#[must_use]
pub fn path(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "/".to_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(&printable(chunk.valid()));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Text for a terminal: control characters and those that reorder or hide text are escaped, as is the backslash that
/// escapes them.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            // Bidirectional controls, zero-width characters and line separators deceive as well as escapes do.
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' => {
                shown.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
            }
            character if character.is_control() => shown.push_str(&format!("\\u{{{:x}}}", u32::from(character))),
            character => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hostile row 52: nothing that a terminal obeys gets through.
    #[test]
    fn escapes_are_shown_and_not_obeyed() {
        assert_eq!(path(b"a\x1b[31mb\x07\n\xff"), "a\\u{1b}[31mb\\u{7}\\n\\xff");
        assert_eq!(path("\u{202e}gnp.exe".as_bytes()), "\\u{202e}gnp.exe");
        assert_eq!(path("größe/日本".as_bytes()), "größe/日本");
        assert_eq!(path(b""), "/");
    }
}
