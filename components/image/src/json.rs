//! Strict reading of the JSON that the documents of the specs are made of (considerations.md#json, RFC 7493).

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::sort::positions;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::cell::Cell;
use std::fmt;

mod cursor;
pub use cursor::Cursor;

/// A JSON value whose integers are exact and whose objects keep the order of their members.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer of at least zero. Sizes above 2^53 keep every digit (J-08).
    Unsigned(u64),
    /// An integer below zero.
    Negative(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object; names are unique.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// Parses a document that takes at most `max_bytes`, which is the limit named `key`.
    ///
    /// The size is checked before anything is parsed. The bytes must be UTF-8 without a byte order mark, names must be
    /// unique in their object (J-03, J-08), strings hold no noncharacters (RFC 7493 section 2.1), nothing follows
    /// the value. Values nest at most as deep as `limits.json_depth`, and never deeper than 127.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] for too many bytes or too deep nesting, else [`Error::InvalidDocument`].
    pub fn parse(
        document: &'static str,
        bytes: &[u8],
        (key, max_bytes): (&'static str, u64),
        limits: &Limits,
    ) -> Result<Self> {
        Limits::check(key, max_bytes, bytes.len() as u64, || format!("{document} of {} bytes", bytes.len()))?;
        let invalid = |reason: String| Error::InvalidDocument { document, pointer: String::new(), reason };
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(invalid("a byte order mark stands before the JSON".to_owned()));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| invalid(format!("not UTF-8 after {} bytes", error.valid_up_to())))?;
        let too_deep = Cell::new(false);
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = Nested { left: limits.json_depth, too_deep: &too_deep }
            .deserialize(&mut deserializer)
            .and_then(|value| deserializer.end().map(|()| value));
        if too_deep.get() {
            let subject = format!("nesting of the JSON of this {document}");
            return Err(Error::LimitExceeded { key: "json-depth", limit: limits.json_depth, subject });
        }
        value.map_err(|error| invalid(format!("not JSON: {error}")))
    }

    /// The member of an object; nothing for every other value.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(found, _)| found == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a string; nothing for every other value.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes of this value without any white space (J-06: equal values have equal bytes).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Serializing fails only for maps whose keys are no strings, and this type has none.
        serde_json::to_vec(self).unwrap_or_default()
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Unsigned(_) => "an integer",
            Self::Negative(_) => "a negative integer",
            Self::Float(_) => "a number that is not an integer",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Negative(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::String(value) => serializer.serialize_str(value),
            Self::Array(values) => serializer.collect_seq(values),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// The longest name that an error repeats.
const QUOTED: usize = 80;

/// `text` for an error message: escaped, and short whatever its length.
pub(crate) fn quote(text: &str) -> String {
    let short: String = text.chars().take(QUOTED).collect();
    if short.len() < text.len() { format!("{short:?}...") } else { format!("{short:?}") }
}

#[derive(Clone, Copy)]
struct Nested<'a> {
    left: u64,
    too_deep: &'a Cell<bool>,
}

impl Nested<'_> {
    fn deeper<E: serde::de::Error>(self) -> std::result::Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Self { left, ..self }),
            None => {
                self.too_deep.set(true);
                Err(E::custom("nested too deep"))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Nested<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> std::result::Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// RFC 7493 section 2.1 forbids surrogates, which serde_json refuses, and noncharacters.
fn checked<E: serde::de::Error>(text: &str) -> std::result::Result<String, E> {
    let noncharacter = |char: char| {
        let code = u32::from(char);
        (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
    };
    match text.chars().find(|char| noncharacter(*char)) {
        Some(char) => Err(E::custom(format_args!("a string holds the noncharacter U+{:04X}", u32::from(char)))),
        None => Ok(text.to_owned()),
    }
}

impl<'de> Visitor<'de> for Nested<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(u64::try_from(value).map_or(Value::Negative(value), Value::Unsigned))
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> std::result::Result<Value, E> {
        checked(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> std::result::Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> std::result::Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members: Vec<(String, Value)> = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            members.push((checked(&name)?, access.next_value_seed(inner)?));
        }
        // Sorting finds duplicates in n log n steps, so that many names are no attack on time.
        let order = positions(members.len(), &mut |one, other| members[one].0.cmp(&members[other].0));
        let mut names = order.into_iter().map(|place| members[place].0.as_str());
        let mut before = names.next();
        let again = names.find(|name| before.replace(name) == Some(name));
        match again {
            Some(name) => {
                let name = quote(name);
                Err(A::Error::custom(format_args!("the name {name} stands twice in one object")))
            }
            None => Ok(Value::Object(members)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<Value> {
        Value::parse("image manifest", text, ("manifest-bytes", 1 << 20), &Limits::default())
    }

    fn reason(text: &[u8]) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn j_03_a_name_that_stands_twice_is_refused_at_any_depth() {
        for text in [&br#"{"a":1,"b":2,"a":1}"#[..], br#"[{"x":{"a":1,"\u0061":2}}]"#] {
            assert!(reason(text).contains(r#"the name "a" stands twice"#), "{}", reason(text));
        }
    }

    #[test]
    fn j_08_integers_above_2_53_keep_every_digit() {
        let value = parse(b"[9007199254740993, 18446744073709551615, -9223372036854775808]").unwrap();
        let expected = [Value::Unsigned(9_007_199_254_740_993), Value::Unsigned(u64::MAX), Value::Negative(i64::MIN)];
        assert_eq!(value, Value::Array(expected.to_vec()));
    }

    #[test]
    fn the_size_is_checked_before_the_bytes_are_parsed() {
        let error = Value::parse("image manifest", b"not JSON", ("manifest-bytes", 7), &Limits::default()).unwrap_err();
        assert!(matches!(error, Error::LimitExceeded { key: "manifest-bytes", limit: 7, .. }), "{error}");
    }

    #[test]
    fn nesting_ends_at_its_limit() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(parse(&nested(64)).is_ok());
        let error = parse(&nested(65)).unwrap_err();
        assert!(matches!(error, Error::LimitExceeded { key: "json-depth", limit: 64, .. }), "{error}");
        // A limit beyond what the parser itself can nest still ends in an error, not in a full stack.
        let limits = Limits { json_depth: u64::MAX, ..Limits::default() };
        assert!(Value::parse("index", &nested(100_000), ("manifest-bytes", 1 << 20), &limits).is_err());
    }

    #[test]
    fn what_is_not_i_json_is_refused() {
        let cases: [&[u8]; 13] = [
            b"",
            b"\xef\xbb\xbf{}",
            b"\xff\xfe{\0}\0",
            b"{\"a\":\"\xff\"}",
            b"{} {}",
            b"{}\0",
            b"{'a':1}",
            b"{\"a\":1,}",
            b"[NaN]",
            b"[01]",
            b"[1e999]",
            br#"["\ud800"]"#,
            br#"["\ufffe"]"#,
        ];
        for case in cases {
            assert!(matches!(parse(case), Err(Error::InvalidDocument { .. })), "{:?}", String::from_utf8_lossy(case));
        }
    }

    #[test]
    fn writing_keeps_order_and_digits() {
        let text = br#"{"z":[1,-2,0.5,null,true],"a":{"size":9007199254740993,"t":"\u0001\"x"}}"#;
        assert_eq!(parse(text).unwrap().to_bytes(), text);
    }
}
