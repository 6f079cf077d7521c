//! Typed access to the members of a document, with errors that say where in it.

use super::{Value, quote};
use crate::error::{Error, Result};

/// A value and its place in a document, as a JSON pointer (RFC 6901).
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    value: &'a Value,
    document: &'static str,
    pointer: String,
}

impl<'a> Cursor<'a> {
    /// The document itself, called `document` in errors.
    #[must_use]
    pub fn new(document: &'static str, value: &'a Value) -> Self {
        Self { value, document, pointer: String::new() }
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// What the document is read as.
    #[must_use]
    pub fn document(&self) -> &'static str {
        self.document
    }

    /// The error that this value breaks a rule.
    #[must_use]
    pub fn invalid(&self, reason: impl Into<String>) -> Error {
        Error::InvalidDocument { document: self.document, pointer: self.pointer.clone(), reason: reason.into() }
    }

    fn expected(&self, what: &str) -> Error {
        self.invalid(format!("expected {what}, found {}", self.value.kind()))
    }

    fn inner(&self, name: &str, value: &'a Value) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self { value, document: self.document, pointer: format!("{}/{name}", self.pointer) }
    }

    /// The members of an object.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] when this is no object.
    pub fn members(&self) -> Result<Vec<(&'a str, Self)>> {
        match self.value {
            Value::Object(members) => {
                Ok(members.iter().map(|(name, value)| (name.as_str(), self.inner(name, value))).collect())
            }
            _ => Err(self.expected("an object")),
        }
    }

    /// The elements of an array.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] when this is no array.
    pub fn elements(&self) -> Result<Vec<Self>> {
        match self.value {
            Value::Array(values) => {
                Ok(values.iter().enumerate().map(|(index, value)| self.inner(&index.to_string(), value)).collect())
            }
            _ => Err(self.expected("an array")),
        }
    }

    /// Whether an object has the member, be it null.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.value.member(name).is_some()
    }

    /// A member that may be missing; null is the same as missing, as the field's own parsers have it (C-02).
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] when this is no object.
    pub fn optional(&self, name: &str) -> Result<Option<Self>> {
        if !matches!(self.value, Value::Object(_)) {
            return Err(self.expected("an object"));
        }
        let value = self.value.member(name).filter(|value| **value != Value::Null);
        Ok(value.map(|value| self.inner(name, value)))
    }

    /// A member that must be there; null is an error of its type.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] when it is missing or this is no object.
    pub fn required(&self, name: &str) -> Result<Self> {
        if !matches!(self.value, Value::Object(_)) {
            return Err(self.expected("an object"));
        }
        let value = self.value.member(name).ok_or_else(|| self.invalid(format!("{} is missing", quote(name))))?;
        Ok(self.inner(name, value))
    }

    /// The text of a string.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] when this is no string.
    pub fn string(&self) -> Result<&'a str> {
        self.value.as_str().ok_or_else(|| self.expected("a string"))
    }

    /// A length in bytes or another count that the specs keep in an int64 and forbid to be negative (D-04).
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] when this is no such number.
    pub fn size(&self) -> Result<u64> {
        match self.value {
            Value::Unsigned(value) if i64::try_from(*value).is_ok() => Ok(*value),
            Value::Unsigned(_) => Err(self.invalid("expected an int64, found a greater integer")),
            Value::Negative(value) => Err(self.invalid(format!("expected 0 or more, found {value}"))),
            _ => Err(self.expected("an integer")),
        }
    }

    /// A truth value.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] when this is no boolean.
    pub fn boolean(&self) -> Result<bool> {
        match self.value {
            Value::Bool(value) => Ok(*value),
            _ => Err(self.expected("a boolean")),
        }
    }

    /// The texts of an array of strings.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] when this is no such array.
    pub fn strings(&self) -> Result<Vec<String>> {
        self.elements()?.iter().map(|element| element.string().map(str::to_owned)).collect()
    }

    /// The text of a member that may be missing or null.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] when it is there and no string.
    pub fn optional_string(&self, name: &str) -> Result<Option<String>> {
        self.optional(name)?.map(|member| member.string().map(str::to_owned)).transpose()
    }

    /// The texts of a member that may be missing or null, which is the same as empty.
    ///
    /// # Errors
    /// [`Error::InvalidDocument`] when it is there and no array of strings.
    pub fn optional_strings(&self, name: &str) -> Result<Vec<String>> {
        Ok(self.optional(name)?.map(|member| member.strings()).transpose()?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn an_error_points_at_the_member() {
        let text = br#"{"a/b":[{"size":-1}]}"#;
        let value = Value::parse("index", text, ("manifest-bytes", 99), &Limits::default()).unwrap();
        let elements = Cursor::new("index", &value).required("a/b").unwrap().elements().unwrap();
        let error = elements[0].required("size").unwrap().size().unwrap_err();
        assert_eq!(error.to_string(), "invalid index: /a~1b/0/size: expected 0 or more, found -1");
    }

    #[test]
    fn d_04_a_size_is_an_int64_of_at_least_zero() {
        let size = |value: Value| Cursor::new("index", &value).size().ok();
        assert_eq!(size(Value::Unsigned(i64::MAX as u64)), Some(i64::MAX as u64));
        for value in [Value::Unsigned(1 << 63), Value::Negative(-1), Value::Float(1.0), Value::Null] {
            assert_eq!(size(value), None);
        }
    }
}
