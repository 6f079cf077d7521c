//! `ls`: what is in the directories of an image.

use super::{Context, ImageArgs, Outcome};
use crate::listing::{self, Stream};
use crate::output::Style;
use portolan::layer::Kind;
use portolan::tree::{Node, Tree};
use portolan::{Error, ErrorCode, Result, text};
use portolan_image::glob::Glob;
use serde_json::Map;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

/// How many lines are held to align their columns.
const PAGE: usize = 1024;

/// List files and directories of an image
///
/// Shown is the file system that all layers make together. With -l: type and permissions, owner and group, size in bytes
/// or device numbers, time in UTC, the layer that put the name there (`L0` is the lowest), and the name.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan ls oci:images/busybox:1.36\n  \
    portolan ls -l busybox.tar etc bin/sh\n  \
    portolan ls -l --glob '**/*.{so,so.*}' busybox.tar\n  \
    portolan ls --json -R busybox.tar | jq -r '.entries[] | select(.mode | test(\"^[4-7]\")) | .path'")]
pub(crate) struct Args {
    #[command(flatten)]
    image: ImageArgs,
    /// Files and directories; directories show what is in them [default: the root]
    #[arg(value_name = "PATH", conflicts_with = "glob")]
    paths: Vec<OsString>,
    /// Show everything that is known about each file
    #[arg(short, long)]
    long: bool,
    /// Show all that is below directories, one path a line
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Show the paths that a pattern matches, such as '**/*.so': ** is any directories, {a,b} either
    #[arg(long, value_name = "GLOB", conflicts_with = "recursive")]
    glob: Option<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (opened, image) = context.open(&args.image)?;
    let (mut tree, _) = context.layers(&opened, &image).tree()?;
    let mut lister = if context.output.json {
        Lister::Json(Stream::begin(&context.output, &listing::head(&args.image, &image), "entries")?)
    } else {
        Lister::Lines(Lines {
            context,
            long: args.long,
            full: args.recursive || args.glob.is_some(),
            ..Lines::new(context)
        })
    };
    match &args.glob {
        Some(pattern) => {
            let glob = Glob::new(pattern);
            for node in listing::watched(context, tree.walk(Some(pattern))?) {
                let node = node?;
                // A walk has the directories above what it matches too.
                if glob.matches(&node.path) {
                    lister.show(node)?;
                }
            }
        }
        None => list(args, context, &mut tree, &mut lister)?,
    }
    lister.finish()?;
    Ok(Outcome::Done)
}

fn list(args: &Args, context: &Context, tree: &mut Tree, lister: &mut Lister<'_>) -> Result<()> {
    let root = [OsString::new()];
    let paths = if args.paths.is_empty() { &root[..] } else { &args.paths };
    let nodes = paths.iter().map(|path| named(tree, path.as_bytes(), args.long)).collect::<Result<Vec<_>>>()?;
    let (directories, files): (Vec<_>, Vec<_>) =
        nodes.into_iter().partition(|(_, node)| matches!(node.kind, Kind::Directory));
    // First the files, under the names by which they were asked for, as `ls` does.
    let has_files = !files.is_empty();
    for (path, node) in files {
        lister.show_as(node, Some(path))?;
    }
    let depth = if args.recursive { None } else { Some(1) };
    for (number, (path, directory)) in directories.iter().enumerate() {
        if paths.len() > 1 && !args.recursive {
            lister.heading(path, has_files || number > 0)?;
        }
        for node in listing::watched(context, tree.walk_below(&directory.path, depth)?) {
            let node = node?;
            if node.path != directory.path {
                lister.show(node)?;
            }
        }
    }
    Ok(())
}

/// The node that a path on the command line means. As with `ls`, a symlink to a directory means the directory, unless the
/// link itself is of interest.
fn named(tree: &mut Tree, path: &[u8], long: bool) -> Result<(Vec<u8>, Node)> {
    let must_be_directory = path.ends_with(b"/");
    let found = tree.find(path)?;
    if matches!(found.kind, Kind::Symlink(_)) && (!long || must_be_directory) {
        match tree.resolve(path) {
            Ok(node) if matches!(node.kind, Kind::Directory) => return Ok((path.to_vec(), node)),
            Err(error) if must_be_directory => return Err(error),
            _ => {}
        }
    }
    if must_be_directory && !matches!(found.kind, Kind::Directory) {
        let message = format!("{}: it is not a directory", text::path(path));
        return Err(Error::Image { code: ErrorCode::PathNotFound, message });
    }
    Ok((path.to_vec(), found))
}

/// Where nodes go.
enum Lister<'a> {
    Lines(Lines<'a>),
    Json(Stream<'a>),
}

impl Lister<'_> {
    fn show(&mut self, node: Node) -> Result<()> {
        self.show_as(node, None)
    }

    fn show_as(&mut self, node: Node, name: Option<Vec<u8>>) -> Result<()> {
        match self {
            Self::Lines(lines) => lines.push(node, name),
            Self::Json(stream) => stream.element(listing::json(&node)),
        }
    }

    fn heading(&mut self, path: &[u8], apart: bool) -> Result<()> {
        match self {
            Self::Lines(lines) => lines.heading(path, apart),
            Self::Json(_) => Ok(()),
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Lines(mut lines) => lines.flush(),
            Self::Json(stream) => stream.finish(&Map::new()),
        }
    }
}

/// Lines for a person. A page of them at a time is aligned, and columns never become narrower.
struct Lines<'a> {
    context: &'a Context,
    long: bool,
    full: bool,
    page: Vec<(Node, Option<Vec<u8>>)>,
    widths: [usize; 4],
}

impl<'a> Lines<'a> {
    fn new(context: &'a Context) -> Self {
        Self { context, long: false, full: false, page: Vec::new(), widths: [0; 4] }
    }

    fn push(&mut self, node: Node, name: Option<Vec<u8>>) -> Result<()> {
        self.page.push((node, name));
        if self.page.len() >= PAGE { self.flush() } else { Ok(()) }
    }

    fn heading(&mut self, path: &[u8], apart: bool) -> Result<()> {
        self.flush()?;
        self.widths = [0; 4];
        let output = &self.context.output;
        if apart {
            output.line("")?;
        }
        output.line(format!("{}:", output.paint(Style::Strong, &text::path(path))))
    }

    fn flush(&mut self) -> Result<()> {
        let output = &self.context.output;
        let page = std::mem::take(&mut self.page);
        let name = |node: &Node, given: &Option<Vec<u8>>| match given {
            Some(given) => text::path(given),
            None if self.full => text::path(&node.path),
            None => listing::name(&node.path),
        };
        if !self.long {
            for (node, given) in &page {
                let name = name(node, given);
                let is_directory = matches!(node.kind, Kind::Directory);
                output.line(if is_directory { output.paint(Style::Strong, &name) } else { name })?;
            }
            return Ok(());
        }
        let rows: Vec<[String; 4]> = page.iter().map(|(node, _)| columns(node)).collect();
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.len());
            }
        }
        let [owners, sizes, times, layers] = self.widths;
        for ((node, given), [owner, size, time, layer]) in page.iter().zip(rows) {
            let (mode, layer) = (listing::mode(node), format!("{layer:layers$}"));
            let layer = output.paint(Style::Dim, &layer);
            let name = listing::painted(output, node, &name(node, given));
            output.line(format!("{mode}  {owner:owners$}  {size:>sizes$}  {time:times$}  {layer}  {name}"))?;
        }
        Ok(())
    }
}

/// Owner, size, time and layer.
fn columns(node: &Node) -> [String; 4] {
    let size = match &node.kind {
        Kind::File(size) => size.to_string(),
        Kind::CharDevice(device) | Kind::BlockDevice(device) => format!("{}, {}", device.major, device.minor),
        _ => "-".to_owned(),
    };
    [format!("{}:{}", node.uid, node.gid), size, listing::minute(&node.mtime), format!("L{}", node.layer)]
}
