//! Taking entries out of an index, and giving others a new digest, without touching any other byte.

use crate::error::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::ops::Range;

/// What becomes of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Keep,
    Drop,
    /// It describes other bytes now.
    Replace {
        digest: String,
        bytes: Vec<u8>,
    },
}

/// The index with its entries edited. `raw` was parsed as one before; there is an edit for each of its entries.
pub(super) fn rewrite(raw: &[u8], edits: &[Edit]) -> Result<Vec<u8>> {
    let text = std::str::from_utf8(raw).map_err(|_| LOST)?;
    let mut scanner = Scanner { text, at: 0 };
    let document = scanner.value()?;
    let members = Scanner { text, at: document.start }.members()?;
    let list = members.into_iter().find(|(name, _)| name == "manifests").map(|(_, range)| range).ok_or(LOST)?;
    let elements = Scanner { text, at: list.start }.elements()?;
    if elements.len() != edits.len() {
        return Err(LOST);
    }
    let mut out = String::with_capacity(text.len());
    out.push_str(piece(text, 0..list.start + 1)?);
    let mut before = list.start + 1;
    let mut is_first = true;
    for (element, edit) in elements.iter().zip(edits) {
        // What stands before the first entry stays before the first, whichever that is.
        let gap = if is_first {
            list.start + 1..elements.first().map_or(list.end, |first| first.start)
        } else {
            before..element.start
        };
        before = element.end;
        match edit {
            Edit::Drop => continue,
            Edit::Keep => {
                out.push_str(piece(text, gap)?);
                out.push_str(piece(text, element.clone())?);
            }
            Edit::Replace { digest, bytes } => {
                out.push_str(piece(text, gap)?);
                replace(&mut out, text, element, digest, bytes)?;
            }
        }
        is_first = false;
    }
    out.push_str(piece(text, before..text.len())?);
    Ok(out.into_bytes())
}

/// Copies a descriptor with another digest and size, and with other bytes where it embeds them.
fn replace(out: &mut String, text: &str, element: &Range<usize>, digest: &str, bytes: &[u8]) -> Result<()> {
    let mut at = element.start;
    for (name, range) in (Scanner { text, at }).members()? {
        let new = match name.as_str() {
            "digest" => format!("\"{digest}\""),
            "size" => bytes.len().to_string(),
            "data" if piece(text, range.clone())?.starts_with('"') => format!("\"{}\"", STANDARD.encode(bytes)),
            _ => continue,
        };
        out.push_str(piece(text, at..range.start)?);
        out.push_str(&new);
        at = range.end;
    }
    out.push_str(piece(text, at..element.end)?);
    Ok(())
}

const LOST: Error = Error::InvalidState { reason: "an index is edited only after it was parsed" };

fn piece(text: &str, range: Range<usize>) -> Result<&str> {
    text.get(range).ok_or(LOST)
}

/// Finds where values begin and end in text that is known to be JSON.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn byte(&self) -> Result<u8> {
        self.text.as_bytes().get(self.at).copied().ok_or(LOST)
    }

    fn space(&mut self) {
        while self.byte().is_ok_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Passes a byte, if it is the next one.
    fn eat(&mut self, byte: u8) -> bool {
        self.space();
        let is_next = self.byte().is_ok_and(|found| found == byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn string(&mut self) -> Result<Range<usize>> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.byte()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Ok(start..self.at)
    }

    fn value(&mut self) -> Result<Range<usize>> {
        self.space();
        let start = self.at;
        let mut depth = 0_u64;
        loop {
            match self.byte()? {
                b'"' => _ = self.string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1).ok_or(LOST)?;
                    self.at += 1;
                }
                _ if depth > 0 => self.at += 1,
                _ => {
                    while self.byte().is_ok_and(|byte| !b",]} \t\n\r".contains(&byte)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Ok(start..self.at);
            }
        }
    }

    fn members(mut self) -> Result<Vec<(String, Range<usize>)>> {
        let mut members = Vec::new();
        if !self.eat(b'{') || self.eat(b'}') {
            return Ok(members);
        }
        loop {
            self.space();
            let name = self.string()?;
            let name = serde_json::from_str(piece(self.text, name)?).map_err(|_| LOST)?;
            if !self.eat(b':') {
                return Err(LOST);
            }
            members.push((name, self.value()?));
            if !self.eat(b',') {
                return Ok(members);
            }
        }
    }

    fn elements(mut self) -> Result<Vec<Range<usize>>> {
        let mut elements = Vec::new();
        if !self.eat(b'[') || self.eat(b']') {
            return Ok(elements);
        }
        loop {
            elements.push(self.value()?);
            if !self.eat(b',') {
                return Ok(elements);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = r#"{
  "x" : [ {"a":"]}\""} , 1.50e1 ],
  "manif\u0065sts": [
    {"digest":"one", "size": 1,"u":"\u00e9"},
    { "annotations":{"size":"9"}, "digest" : "two" , "data":"QQ==", "size":2 },
    {"digest":"three","size":3}
  ],
  "y":null
}
"#;

    fn edited(edits: [Edit; 3]) -> String {
        String::from_utf8(rewrite(INDEX.as_bytes(), &edits).unwrap()).unwrap()
    }

    #[test]
    fn what_is_kept_keeps_every_byte() {
        assert_eq!(edited([Edit::Keep, Edit::Keep, Edit::Keep]), INDEX);
        let without_first = INDEX.replace("\n    {\"digest\":\"one\", \"size\": 1,\"u\":\"\\u00e9\"},", "");
        assert_eq!(edited([Edit::Drop, Edit::Keep, Edit::Keep]), without_first);
        let without_last = INDEX.replace(",\n    {\"digest\":\"three\",\"size\":3}", "");
        assert_eq!(edited([Edit::Keep, Edit::Keep, Edit::Drop]), without_last);
    }

    #[test]
    fn a_replaced_entry_has_another_digest_and_size_and_no_old_bytes() {
        let replace = Edit::Replace { digest: "new".to_owned(), bytes: b"BB".repeat(10) };
        let expected =
            r#"{ "annotations":{"size":"9"}, "digest" : "new" , "data":"QkJCQkJCQkJCQkJCQkJCQkJCQkI=", "size":20 }"#;
        let text = edited([Edit::Drop, replace, Edit::Drop]);
        assert!(text.contains(expected), "{text}");
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    }

    #[test]
    fn nothing_left_is_an_empty_list() {
        let text = edited([Edit::Drop, Edit::Drop, Edit::Drop]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["manifests"], serde_json::json!([]));
    }
}
