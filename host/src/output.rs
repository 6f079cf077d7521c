//! What goes to standard output and standard error, and how it looks.

use crate::commands::Global;
use portolan::{Error, Result, text};
use std::fmt::Write as _;
use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};
use std::sync::{Mutex, PoisonError};

/// The path that errors of writing to standard output name.
pub(crate) const STDOUT: &str = "standard output";

/// Standard output, buffered, and what the user wants to see on it.
pub(crate) struct Output {
    /// Whether the answer is JSON.
    pub(crate) json: bool,
    /// Whether only what was asked for is said.
    pub(crate) quiet: bool,
    /// Whether standard output is a terminal.
    pub(crate) is_tty: bool,
    colour: bool,
    stdout: Mutex<BufWriter<Stdout>>,
}

/// How text looks on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A heading or the one thing that matters.
    Strong,
    /// What can be passed over.
    Dim,
    /// All is well.
    Good,
    /// Odd.
    Warning,
    /// Wrong.
    Bad,
}

impl Style {
    /// The text in this style, where colours are wanted.
    pub(crate) fn paint(self, colour: bool, text: &str) -> String {
        if !colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match self {
            Self::Strong => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Warning => "1;33",
            Self::Bad => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let stdout = io::stdout();
        let is_tty = stdout.is_terminal();
        Self {
            json: global.json,
            quiet: global.quiet,
            is_tty,
            colour: is_tty && colours(),
            stdout: Mutex::new(BufWriter::with_capacity(64 * 1024, stdout)),
        }
    }

    /// Writes bytes as they are. A caller makes sure that a terminal may see them.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        stdout.write_all(bytes).map_err(Error::io("write to", STDOUT))
    }

    /// Writes a line. What comes from an image went through [`text::printable`] or [`text::path`] before.
    pub(crate) fn line(&self, line: impl AsRef<str>) -> Result<()> {
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(stdout, "{}", line.as_ref()).map_err(Error::io("write to", STDOUT))
    }

    /// Writes what is buffered.
    pub(crate) fn flush(&self) -> Result<()> {
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        stdout.flush().map_err(Error::io("write to", STDOUT))
    }

    /// Says on standard error what is odd and no error. The message is printable.
    pub(crate) fn warn(&self, message: &str) {
        let word = Style::Warning.paint(stderr_colours(), "warning:");
        complain(&format!("{word} {message}"));
    }

    /// Text in a style, where standard output shows colours.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        style.paint(self.colour, text)
    }

    /// How many columns a line may have, where something would break it.
    pub(crate) fn columns(&self) -> Option<usize> {
        if !self.is_tty {
            return None;
        }
        rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col)).filter(|&width| width > 0)
    }
}

/// Writes a line to standard error. When that cannot be written there is nobody left to tell.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether standard error shows colours.
pub(crate) fn stderr_colours() -> bool {
    io::stderr().is_terminal() && colours()
}

/// Whether a terminal is to show colours: <https://no-color.org>.
fn colours() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// A size for a person: decimal units, as the sizes of images are given everywhere.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "";
    for next in UNITS {
        value /= 1000.0;
        unit = next;
        // What rounds to 1000 is one of the next unit.
        if value < 999.5 {
            break;
        }
    }
    if value < 99.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// How many of something: `1 layer`, `2 layers`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The beginning of a digest, for tables.
pub(crate) fn short(digest: &str) -> String {
    match digest.split_once(':') {
        Some((algorithm, encoded)) => {
            let encoded: String = encoded.chars().take(12).collect();
            text::printable(&format!("{algorithm}:{encoded}"))
        }
        None => text::printable(digest),
    }
}

/// The part of a layer's media type that tells it from others.
pub(crate) fn short_media_type(media_type: &str) -> String {
    const PREFIXES: [&str; 3] = [
        "application/vnd.oci.image.layer.v1.",
        "application/vnd.docker.image.rootfs.diff.",
        "application/vnd.oci.image.layer.",
    ];
    let short = PREFIXES.iter().find_map(|prefix| media_type.strip_prefix(prefix)).unwrap_or(media_type);
    text::printable(short)
}

/// Columns of text.
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
    is_cut: bool,
}

/// On which side of its column a cell stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

impl Table {
    /// A table with these columns; one without headings has no heading line.
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), is_cut: false }
    }

    /// Cuts lines where a terminal ends: for a last column that may be long and that nobody copies.
    pub(crate) fn cut(mut self) -> Self {
        self.is_cut = true;
        self
    }

    /// Adds a row. Cells are printable.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Prints the table.
    pub(crate) fn print(&self, output: &Output, indent: usize) -> Result<()> {
        let mut widths: Vec<usize> = self.columns.iter().map(|(heading, _)| heading.len()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let most = output.columns().filter(|_| self.is_cut);
        if self.columns.iter().any(|(heading, _)| !heading.is_empty()) {
            let headings: Vec<String> = self.columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
            output.line(output.paint(Style::Dim, &self.format(&headings, &widths, indent, most)))?;
        }
        self.rows.iter().try_for_each(|row| output.line(self.format(row, &widths, indent, most)))
    }

    fn format(&self, cells: &[String], widths: &[usize], indent: usize, most: Option<usize>) -> String {
        let mut line = " ".repeat(indent);
        for (number, ((cell, width), (_, align))) in cells.iter().zip(widths).zip(&self.columns).enumerate() {
            if number > 0 {
                line.push_str("  ");
            }
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            let _ = match align {
                Align::Left => write!(line, "{cell}{padding}"),
                Align::Right => write!(line, "{padding}{cell}"),
            };
        }
        let line = line.trim_end();
        match most {
            Some(most) if line.chars().count() > most => {
                let mut cut: String = line.chars().take(most.saturating_sub(1)).collect();
                cut.push('…');
                cut
            }
            _ => line.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_or_three_digits_and_a_unit() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (99_949, "99.9 kB"),
            (99_950, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (1_500_000_000, "1.5 GB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn short_digests_keep_the_algorithm() {
        assert_eq!(short("sha256:44136fa355b3678a1146ad16f7e8649e"), "sha256:44136fa355b3");
        assert_eq!(short("no digest\x1b"), "no digest\\u{1b}");
    }
}
