//! What stands in an image, as lines and as JSON.

use crate::commands::{Context, ImageArgs};
use crate::output::{Output, Style};
use portolan::layer::{Kind, Timestamp};
use portolan::manifest::Resolved;
use portolan::tree::Node;
use portolan::{Result, text};
use serde_json::{Map, Value, json};

/// How many nodes are worked on between two looks at whether to stop.
const OFTEN: usize = 1024;

/// Passes nodes on and stops when the run is to be stopped.
pub(crate) fn watched<'a, T>(
    context: &'a Context,
    nodes: impl Iterator<Item = Result<T>> + 'a,
) -> impl Iterator<Item = Result<T>> + 'a {
    nodes.enumerate().map(|(number, node)| {
        if number % OFTEN == 0 {
            context.interrupt.check()?;
        }
        node
    })
}

/// The last component of a path, for a person.
pub(crate) fn name(path: &[u8]) -> String {
    text::path(path.rsplit(|&byte| byte == b'/').next().unwrap_or_default())
}

/// How many components a path has.
pub(crate) fn depth(path: &[u8]) -> usize {
    if path.is_empty() { 0 } else { 1 + path.iter().filter(|&&byte| byte == b'/').count() }
}

/// Type and permissions as `ls -l` shows them: `drwxr-xr-x`.
pub(crate) fn mode(node: &Node) -> String {
    let kind = match node.kind {
        Kind::File(_) | Kind::HardLink(_) => '-',
        Kind::Directory => 'd',
        Kind::Symlink(_) => 'l',
        Kind::CharDevice(_) => 'c',
        Kind::BlockDevice(_) => 'b',
        Kind::Fifo => 'p',
    };
    let mut shown = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = node.mode >> shift;
        shown.push(if bits & 4 != 0 { 'r' } else { '-' });
        shown.push(if bits & 2 != 0 { 'w' } else { '-' });
        shown.push(match (bits & 1 != 0, node.mode & special != 0) {
            (false, false) => '-',
            (true, false) => 'x',
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
        });
    }
    shown
}

/// The word for what something is, as `wit/layer.wit` has it.
pub(crate) fn word(kind: &Kind) -> &'static str {
    match kind {
        Kind::File(_) => "file",
        Kind::Directory => "directory",
        Kind::Symlink(_) => "symlink",
        Kind::HardLink(_) => "hard-link",
        Kind::CharDevice(_) => "char-device",
        Kind::BlockDevice(_) => "block-device",
        Kind::Fifo => "fifo",
    }
}

/// A name with what it points to, for a person; directories stand out.
pub(crate) fn painted(output: &Output, node: &Node, name: &str) -> String {
    match &node.kind {
        Kind::Directory => output.paint(Style::Strong, name),
        Kind::Symlink(target) => format!("{name} -> {}", output.paint(Style::Dim, &link_target(target))),
        _ => name.to_owned(),
    }
}

/// The target of a symlink, which may be empty.
fn link_target(target: &[u8]) -> String {
    if target.is_empty() { String::new() } else { text::path(target) }
}

/// A time to the minute in UTC, as `ls --time-style=long-iso` shows it.
pub(crate) fn minute(time: &Timestamp) -> String {
    let (date, seconds) = date(time);
    format!("{date} {:02}:{:02}", seconds / 3600, seconds / 60 % 60)
}

/// A time as RFC 3339 has it, to the nanosecond where there are any.
pub(crate) fn rfc3339(time: &Timestamp) -> String {
    let (date, seconds) = date(time);
    let fraction = match time.nanoseconds {
        0 => String::new(),
        nanoseconds => format!(".{nanoseconds:09}").trim_end_matches('0').to_owned(),
    };
    format!("{date}T{:02}:{:02}:{:02}{fraction}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The day in the Gregorian calendar and the seconds of that day. Years may have more than four digits, or a sign.
fn date(time: &Timestamp) -> (String, i64) {
    let (days, seconds) = (time.seconds.div_euclid(86_400), time.seconds.rem_euclid(86_400));
    // Counted from 1 March of the year 0, in eras of 400 years: the leap day is the last day of a year.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let sign = if year < 0 { "-" } else { "" };
    (format!("{sign}{:04}-{month:02}-{day:02}", year.unsigned_abs()), seconds)
}

/// A node as JSON, with the words of `wit/tree.wit`.
pub(crate) fn json(node: &Node) -> Map<String, Value> {
    let mut shown = Map::new();
    text::insert(&mut shown, "path", &node.path);
    let mut add = |name: &str, value: Value| _ = shown.insert(name.to_owned(), value);
    add("type", json!(word(&node.kind)));
    match &node.kind {
        Kind::File(size) => add("size", json!(size)),
        Kind::CharDevice(device) | Kind::BlockDevice(device) => {
            add("major", json!(device.major));
            add("minor", json!(device.minor));
        }
        Kind::Symlink(target) => text::insert(&mut shown, "target", target),
        Kind::HardLink(_) | Kind::Directory | Kind::Fifo => {}
    }
    let mut add = |name: &str, value: Value| _ = shown.insert(name.to_owned(), value);
    add("mode", json!(format!("{:04o}", node.mode)));
    add("uid", json!(node.uid));
    add("gid", json!(node.gid));
    add("mtime", json!(rfc3339(&node.mtime)));
    if !node.xattrs.is_empty() {
        let xattrs = node.xattrs.iter().map(|xattr| {
            let mut shown = Map::new();
            text::insert(&mut shown, "name", &xattr.name);
            text::insert(&mut shown, "value", &xattr.value);
            Value::Object(shown)
        });
        add("xattrs", xattrs.collect());
    }
    add("layer", json!(node.layer));
    if let Some(source) = &node.source {
        add("source", json!({ "layer": source.layer, "ordinal": source.ordinal }));
    }
    if node.links > 1 {
        add("links", json!(node.links));
    }
    if let Some(first) = &node.same_as {
        text::insert(&mut shown, "sameAs", first);
    }
    shown
}

/// What every answer to `--json` about the files of an image begins with.
pub(crate) fn head(args: &ImageArgs, image: &Resolved) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("reference".to_owned(), json!(args.image));
    head.insert("digest".to_owned(), json!(image.descriptor.digest));
    head
}

/// A JSON object with a list that may be too long to be held: its elements are written as they come, one a line.
pub(crate) struct Stream<'a> {
    output: &'a Output,
    is_empty: bool,
}

impl<'a> Stream<'a> {
    /// Writes the members before the list, of which there is at least one, and begins the list.
    pub(crate) fn begin(output: &'a Output, head: &Map<String, Value>, list: &str) -> Result<Self> {
        let head = members(head);
        output.bytes(format!("{{{head},\n  {}: [", Value::from(list)).as_bytes())?;
        Ok(Self { output, is_empty: true })
    }

    /// Writes an element.
    pub(crate) fn element(&mut self, element: Map<String, Value>) -> Result<()> {
        let comma = if std::mem::take(&mut self.is_empty) { "" } else { "," };
        let element = text::json(&Value::Object(element).to_string());
        self.output.bytes(format!("{comma}\n    {element}").as_bytes())
    }

    /// Ends the list and writes the members after it.
    pub(crate) fn finish(self, tail: &Map<String, Value>) -> Result<()> {
        let end = if self.is_empty { "]" } else { "\n  ]" };
        let comma = if tail.is_empty() { "" } else { "," };
        self.output.line(format!("{end}{comma}{}\n}}", members(tail)))
    }
}

fn members(members: &Map<String, Value>) -> String {
    let lines: Vec<String> =
        members.iter().map(|(name, value)| format!("\n  {}: {value}", Value::from(name.as_str()))).collect();
    text::json(&lines.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_right_in_any_century() {
        for (seconds, nanoseconds, shown) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (1_704_067_199, 0, "2023-12-31T23:59:59Z"),
            (951_782_400, 500_000_000, "2000-02-29T00:00:00.5Z"),
            (-1, 1, "1969-12-31T23:59:59.000000001Z"),
            (-2_203_891_200, 0, "1900-03-01T00:00:00Z"),
            (253_402_300_800, 0, "10000-01-01T00:00:00Z"),
            (-62_167_219_201, 0, "-0001-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(&Timestamp { seconds, nanoseconds }), shown);
        }
        for seconds in [i64::MIN, i64::MAX] {
            assert!(!minute(&Timestamp { seconds, nanoseconds: 0 }).is_empty());
        }
    }

    #[test]
    fn modes_look_as_in_ls() {
        let node = |kind, mode| {
            let mtime = Timestamp { seconds: 0, nanoseconds: 0 };
            let (path, xattrs) = (Vec::new(), Vec::new());
            let (source, same_as) = (None, None);
            super::mode(&Node { path, kind, mode, uid: 0, gid: 0, mtime, xattrs, layer: 0, source, same_as, links: 1 })
        };
        assert_eq!(node(Kind::Directory, 0o1777), "drwxrwxrwt");
        assert_eq!(node(Kind::Directory, 0o2770), "drwxrws---");
        assert_eq!(node(Kind::File(0), 0o4755), "-rwsr-xr-x");
        assert_eq!(node(Kind::File(0), 0o7640), "-rwSr-S--T");
        assert_eq!(node(Kind::Fifo, 0o600), "prw-------");
    }
}
