//! Paths of images as text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

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
            character if is_deceptive(character) => shown.push_str(&format!("\\u{{{:x}}}", u32::from(character))),
            character => shown.push(character),
        }
    }
    shown
}

/// Adds bytes of an image, such as a path, to a JSON object: as text under `name`, and where they are not UTF-8 as base64
/// under `nameBytes` too, beside a text that only resembles them.
pub fn insert(object: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    object.insert(name.to_owned(), Value::from(String::from_utf8_lossy(bytes)));
    if std::str::from_utf8(bytes).is_err() {
        object.insert(format!("{name}Bytes"), Value::from(STANDARD.encode(bytes)));
    }
}

/// JSON for a terminal: what [`printable`] escapes in a text is escaped here as JSON does it, with the same meaning.
#[must_use]
pub fn json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && is_deceptive(character) {
            let mut units = [0; 2];
            shown.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether a terminal obeys a character or lets it deceive: bidirectional controls, zero-width characters and line
/// separators do as well as escapes.
fn is_deceptive(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        || character.is_control()
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

    /// Hostile row 52, for JSON: its own line ends stay, and what is read from it is the same.
    #[test]
    fn json_for_a_terminal_means_the_same() {
        let value = serde_json::json!({ "a\u{7f}": "\u{9b}31m\u{202e}x\u{1b}\n" });
        let text = json(&format!("{value:#}"));
        assert!(text.contains("\\u009b31m\\u202ex") && text.contains("a\\u007f"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn bytes_that_are_no_text_stand_beside_it_in_base64() {
        let mut object = Map::new();
        insert(&mut object, "path", b"a\xff");
        insert(&mut object, "target", "ü".as_bytes());
        assert_eq!(
            Value::Object(object),
            serde_json::json!({ "path": "a\u{fffd}", "pathBytes": "Yf8=", "target": "ü" })
        );
    }
}
