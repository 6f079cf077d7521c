//! `cat`: the bytes of files.

use super::{Context, ImageArgs, Outcome};
use crate::listing;
use crate::output::Output;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portolan::layer::{Batch, Change, Kind, Selection};
use portolan::layers::Sink;
use portolan::tree::{Node, Source, Tree};
use portolan::{Error, ErrorCode, Result, text};
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

/// Write files of an image to standard output
///
/// Symbolic links are followed inside the image. All layers are verified before the first byte is written; then only the
/// layer that holds a file is read again. With --json the content is base64, under `data`.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan cat oci:images/busybox:1.36 etc/passwd\n  \
    portolan cat --platform linux/arm64 busybox.tar bin/busybox > busybox\n  \
    docker save busybox | portolan cat - /etc/group /etc/passwd")]
pub(crate) struct Args {
    #[command(flatten)]
    image: ImageArgs,
    /// The files, one after the other
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<OsString>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (opened, image) = context.open(&args.image)?;
    let layers = context.layers(&opened, &image);
    let (mut tree, _) = layers.tree()?;
    // All of them before anything is written: a wrong name among them must not leave half an answer.
    let files = args.paths.iter().map(|path| file(&mut tree, path.as_bytes())).collect::<Result<Vec<_>>>()?;
    drop(tree);

    let output = &context.output;
    if output.json {
        let head = text::json(&Value::Object(listing::head(&args.image, &image)).to_string());
        output.bytes(format!("{},\"files\":[", head.trim_end_matches('}')).as_bytes())?;
    }
    let mut writer = Writer { output, is_first: true, rest: Vec::new() };
    for run in runs(&files) {
        let ordinals = run.iter().map(|file| file.source.ordinal).collect();
        let contents = Contents { writer: &mut writer, files: run, open: None, written: 0 };
        layers.read_layer(run[0].source.layer as usize, Selection::Only(ordinals), contents)?;
    }
    if output.json {
        output.line("\n]}")?;
    }
    Ok(Outcome::Done)
}

/// A regular file to be written.
struct File {
    node: Node,
    source: Source,
    size: u64,
}

/// The file that a path leads to.
fn file(tree: &mut Tree, path: &[u8]) -> Result<File> {
    let node = tree.resolve(path)?;
    let source = node.source.as_ref().map(|source| Source { layer: source.layer, ordinal: source.ordinal });
    match (&node.kind, source) {
        (&Kind::File(size), Some(source)) if !path.ends_with(b"/") => Ok(File { node, source, size }),
        (kind, _) => {
            let reason = match kind {
                Kind::File(_) => "is not a directory",
                Kind::Directory => "is a directory",
                Kind::CharDevice(_) | Kind::BlockDevice(_) => "is a device, which has no content in an image",
                Kind::Fifo => "is a named pipe, which has no content in an image",
                Kind::Symlink(_) | Kind::HardLink(_) => "is not a file",
            };
            let message = format!("{} {reason}", text::path(path));
            Err(Error::Image { code: ErrorCode::PathNotFound, message })
        }
    }
}

/// The files in groups that one pass over one layer can write in their order.
fn runs(files: &[File]) -> impl Iterator<Item = &[File]> {
    files.chunk_by(|one, next| one.source.layer == next.source.layer && one.source.ordinal < next.source.ordinal)
}

/// Writes the contents of some files of one layer as they come.
struct Contents<'a, 'b> {
    writer: &'a mut Writer<'b>,
    /// Those that are not begun, in the order of the layer.
    files: &'a [File],
    open: Option<&'a File>,
    written: u64,
}

impl Contents<'_, '_> {
    /// Ends the open file; what is missing at its end is a hole.
    fn close(&mut self) -> Result<()> {
        if let Some(file) = self.open.take() {
            self.writer.zeros(file.size.saturating_sub(self.written))?;
            self.writer.end()?;
        }
        Ok(())
    }
}

impl Sink for Contents<'_, '_> {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        for change in &batch.changes {
            match change {
                Change::Entry(entry) => {
                    self.close()?;
                    if let Some((file, rest)) = self.files.split_first()
                        && file.source.ordinal == entry.ordinal
                    {
                        (self.open, self.files, self.written) = (Some(file), rest, 0);
                        self.writer.begin(file)?;
                    }
                }
                Change::Content(content) if self.open.is_some() => {
                    self.writer.zeros(content.offset.saturating_sub(self.written))?;
                    let start = content.start as usize;
                    let bytes = batch.bytes.get(start..start + content.length as usize).unwrap_or_default();
                    self.writer.write(bytes)?;
                    self.written = content.offset + bytes.len() as u64;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.close()?;
        match self.files.first() {
            None => Ok(()),
            // The layer was verified twice and did not answer the same: it cannot be the same.
            Some(file) => Err(Error::Image {
                code: ErrorCode::InvalidState,
                message: format!("{}: the layer was replaced while it was read", text::path(&file.node.path)),
            }),
        }
    }
}

/// Writes contents as they are, or as base64 into JSON.
struct Writer<'a> {
    output: &'a Output,
    is_first: bool,
    /// Up to two bytes that are not encoded yet.
    rest: Vec<u8>,
}

impl Writer<'_> {
    fn begin(&mut self, file: &File) -> Result<()> {
        if !self.output.json {
            return Ok(());
        }
        let mut head = Map::new();
        text::insert(&mut head, "path", &file.node.path);
        head.insert("layer".to_owned(), json!(file.source.layer));
        head.insert("size".to_owned(), json!(file.size));
        let head = text::json(&Value::Object(head).to_string());
        let comma = if std::mem::take(&mut self.is_first) { "" } else { "," };
        self.output.bytes(format!("{comma}\n{},\"data\":\"", head.trim_end_matches('}')).as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if !self.output.json {
            return self.output.bytes(bytes);
        }
        // Three bytes make four characters: what does not divide waits for the next bytes.
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() / 3 * 3;
        self.output.bytes(STANDARD.encode(&self.rest[..whole]).as_bytes())?;
        self.rest.drain(..whole);
        Ok(())
    }

    fn zeros(&mut self, mut count: u64) -> Result<()> {
        const ZEROS: [u8; 8192] = [0; 8192];
        while count > 0 {
            let length = count.min(ZEROS.len() as u64);
            self.write(&ZEROS[..length as usize])?;
            count -= length;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        if !self.output.json {
            return Ok(());
        }
        let rest = STANDARD.encode(std::mem::take(&mut self.rest));
        self.output.bytes(format!("{rest}\"}}").as_bytes())
    }
}
