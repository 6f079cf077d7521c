//! Layers: their entries, while they come in.

use crate::fetch::Body;
use crate::{Answer, Failure};
use portolan_image::digest::SoftwareHashes;
use portolan_layer::{Batch, Change, Entry, Kind, Options, Selection, Unpacker};
use serde_json::{Value, json};

/// Sends a line for every entry, and one for all of them at the end; answers whether anybody still wants them.
pub(crate) fn inspect(body: &mut Body, answer: &Answer) -> bool {
    let last = match read(body, answer) {
        Ok(Some(summary)) => summary,
        // Nobody listens any more.
        Ok(None) => return false,
        Err(failure) => failure.json(),
    };
    answer.send(format!("{last}\n").as_bytes())
}

fn read(body: &mut Body, answer: &Answer) -> Result<Option<Value>, Failure> {
    let mut unpacker = Unpacker::new(&SoftwareHashes, Options { content: Selection::None, ..Options::default() })?;
    while let Some(bytes) = body.next()? {
        unpacker.feed(bytes)?;
        while let Some(batch) = unpacker.take_changes()? {
            if !answer.send(lines(&batch).as_bytes()) {
                return Ok(None);
            }
        }
    }
    let summary = unpacker.finish()?;
    Ok(Some(json!({
        "digest": summary.digest.to_string(),
        "size": summary.size,
        "diffId": summary.diff_id.to_string(),
        "uncompressedSize": summary.uncompressed_size,
        "entries": summary.entries,
        "warnings": summary.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })))
}

fn lines(batch: &Batch) -> String {
    let mut lines = String::new();
    for change in &batch.changes {
        let json = match change {
            Change::Entry(entry) => describe(entry),
            Change::Remove(path) => json!({ "path": text(path), "type": "whiteout" }),
            Change::Clear(path) => json!({ "path": text(path), "type": "opaque-whiteout" }),
            Change::Content(_) => continue,
        };
        lines.push_str(&json.to_string());
        lines.push('\n');
    }
    lines
}

fn describe(entry: &Entry) -> Value {
    let mut json = json!({ "path": text(&entry.path), "mode": format!("{:04o}", entry.mode), "uid": entry.owner.uid,
        "gid": entry.owner.gid, "mtime": entry.mtime.seconds });
    json["type"] = match &entry.kind {
        Kind::File { size } => {
            json["size"] = (*size).into();
            "file"
        }
        Kind::Directory => "directory",
        Kind::Symlink { target } => {
            json["target"] = text(target).into();
            "symlink"
        }
        Kind::HardLink { target } => {
            json["target"] = text(target).into();
            "hard-link"
        }
        Kind::CharDevice(_) => "char-device",
        Kind::BlockDevice(_) => "block-device",
        Kind::Fifo => "fifo",
    }
    .into();
    json
}

/// A path for JSON: what is no UTF-8 has its replacement character.
fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
