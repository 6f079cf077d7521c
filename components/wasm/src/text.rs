//! Lines of WIT.

use portolan_image::{Error, Result};
use std::borrow::Cow;

/// How long the text may be; all of WASI has 200 KB.
const BYTES: usize = 4 << 20;

/// Text that is indented, and has an end.
#[derive(Default)]
pub(crate) struct Text {
    text: String,
    indent: usize,
}

impl Text {
    /// More of the line. What would steer a terminal is written as an escape.
    pub(crate) fn push(&mut self, text: &str) -> Result<()> {
        if self.text.len() + text.len() > BYTES {
            return Err(Error::InvalidWorkload {
                tried: vec![format!("its world takes more than {BYTES} bytes to write")],
            });
        }
        self.text.push_str(text);
        Ok(())
    }

    /// The beginning of a line.
    pub(crate) fn indented(&mut self, text: &str) -> Result<()> {
        self.push(&"  ".repeat(self.indent))?;
        self.push(text)
    }

    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        self.indented(text)?;
        self.push("\n")
    }

    pub(crate) fn blank(&mut self) -> Result<()> {
        self.push("\n")
    }

    /// A line that ends in an opened brace.
    pub(crate) fn begin(&mut self, text: &str) -> Result<()> {
        self.indented(text)?;
        self.push(" {\n")?;
        self.indent += 1;
        Ok(())
    }

    /// Its closing brace.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.indent = self.indent.saturating_sub(1);
        self.line("}")
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// A name as WIT writes it. What is no name there is quoted, so that it cannot look like anything else.
pub(crate) fn name(name: &str) -> Cow<'_, str> {
    const KEYWORDS: &[&str] = &[
        "_",
        "as",
        "async",
        "bool",
        "borrow",
        "char",
        "constructor",
        "enum",
        "error-context",
        "export",
        "f32",
        "f64",
        "flags",
        "float32",
        "float64",
        "from",
        "func",
        "future",
        "import",
        "include",
        "interface",
        "list",
        "map",
        "option",
        "own",
        "package",
        "record",
        "resource",
        "result",
        "s16",
        "s32",
        "s64",
        "s8",
        "static",
        "stream",
        "string",
        "tuple",
        "type",
        "u16",
        "u32",
        "u64",
        "u8",
        "use",
        "variant",
        "with",
        "world",
    ];
    if KEYWORDS.contains(&name) {
        Cow::Owned(format!("%{name}"))
    } else if is_label(name) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("{name:?}"))
    }
}

/// Whether something is a name of WIT: words of letters and digits, joined by `-`.
pub(crate) fn is_label(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
