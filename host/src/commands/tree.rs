//! `tree`: the file system of an image, and what each layer did to it.

mod branches;
mod difference;

use super::{Context, ImageArgs, Outcome};
use crate::listing::{self, Stream};
use crate::output::{Style, count, size};
use branches::Branches;
use portolan::layer::Kind;
use portolan::layers::Layers;
use portolan::tree::{Node, Tree};
use portolan::{Result, text};
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

/// Show the file system of an image as a tree
///
/// Shown is what all layers make together, or those up to --layer. With --diff: what a layer, or each of them, added (+),
/// modified (~) and removed (-), with the sizes of files; for what is removed, with all that went with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan tree oci:images/busybox:1.36\n  \
    portolan tree --sizes --depth 2 busybox.tar usr\n  \
    portolan tree --diff --layer 3 busybox.tar\n  \
    portolan tree --diff --json busybox.tar | jq -r '.differences[] | select(.action == \"removed\") | .path'")]
pub(crate) struct Args {
    #[command(flatten)]
    image: ImageArgs,
    /// Only this directory or file
    #[arg(value_name = "PATH")]
    path: Option<OsString>,
    /// Only the layers up to this one, from 0 as `inspect` counts them; with --diff, only this one
    #[arg(long, short = 'L', value_name = "N")]
    layer: Option<u32>,
    /// Show what layers added, modified and removed
    #[arg(long, short)]
    diff: bool,
    /// Show only so many levels
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    /// Show the sizes of files, and of directories with all that is below them
    #[arg(long, short, conflicts_with = "diff")]
    sizes: bool,
}

impl Args {
    fn path(&self) -> &[u8] {
        self.path.as_ref().map_or(&[], |path| path.as_bytes())
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (opened, image) = context.open(&args.image)?;
    let mut layers = context.layers(&opened, &image);
    if let Some(layer) = args.layer {
        layers = layers.up_to(layer as usize)?;
    }
    let (mut tree, _) = layers.tree()?;
    if args.diff {
        difference::print(args, context, &layers, &mut tree)?;
    } else {
        print(args, context, &layers, &mut tree)?;
    }
    Ok(Outcome::Done)
}

fn print(args: &Args, context: &Context, layers: &Layers<'_>, tree: &mut Tree) -> Result<()> {
    let base = tree.resolve(args.path())?.path;
    let depth = listing::depth(&base);
    // Only sizes that are shown are asked for: an image may have millions of directories.
    let deepest =
        if args.sizes { args.depth.map_or(u32::MAX, |most| most.saturating_add(depth as u32)) } else { depth as u32 };
    let mut sizes = tree.directory_sizes(deepest)?;
    let mut seen = Seen::default();
    let mut size_of = |node: &Node| -> Result<Option<(u64, u32)>> {
        match node.kind {
            Kind::File(bytes) => Ok(Some((bytes, 1))),
            Kind::Directory => {
                // Both come in the order of a walk.
                let size = sizes.find(|size| size.as_ref().map_or(true, |size| size.path == node.path));
                Ok(size.transpose()?.map(|size| (size.bytes, size.paths)))
            }
            _ => Ok(None),
        }
    };

    if context.output.json {
        let mut head = listing::head(&args.image, layers.image);
        head.insert("layers".to_owned(), json!(layers.count.unwrap_or(layers.image.manifest.layers.len())));
        let mut stream = Stream::begin(&context.output, &head, "entries")?;
        for node in listing::watched(context, tree.walk_below(&base, args.depth)?) {
            let node = node?;
            let mut shown = listing::json(&node);
            let is_base = node.path == base;
            if (args.sizes || is_base)
                && let Some((bytes, paths)) = size_of(&node)?
            {
                if matches!(node.kind, Kind::Directory) && args.sizes {
                    shown.insert("bytes".to_owned(), json!(bytes));
                    shown.insert("paths".to_owned(), json!(paths));
                }
                seen.bytes = if is_base { bytes } else { seen.bytes };
            }
            seen.count(&node, is_base);
            stream.element(shown)?;
        }
        return stream.finish(&seen.json());
    }

    // Whether another branch follows is known only when all below the one at hand was seen.
    let mut branches = Branches::default();
    for node in listing::watched(context, tree.walk_below(&base, args.depth)?) {
        branches.add(listing::depth(&node?.path) - depth);
    }
    for node in listing::watched(context, tree.walk_below(&base, args.depth)?) {
        let node = node?;
        let is_base = node.path == base;
        let shown_size = if args.sizes || is_base { size_of(&node)? } else { None };
        if let (true, Some((bytes, _))) = (is_base, shown_size) {
            seen.bytes = bytes;
        }
        seen.count(&node, is_base);
        let name = if is_base { text::path(&node.path) } else { listing::name(&node.path) };
        let column = if args.sizes {
            format!("{:>8}  ", shown_size.map_or(String::new(), |it| size(it.0)))
        } else {
            String::new()
        };
        let branch = branches.next(listing::depth(&node.path) - depth);
        let name = listing::painted(&context.output, &node, &name);
        let note = context.output.paint(Style::Dim, &note(&node));
        context.output.line(format!("{column}{branch}{name}{note}"))?;
    }
    if context.output.quiet {
        return Ok(());
    }
    context.output.line(format!("\n{}", seen.line(layers)))
}

/// What a name does not tell.
fn note(node: &Node) -> String {
    match (&node.same_as, &node.kind) {
        (Some(first), _) => format!(" = {}", text::path(first)),
        (_, Kind::CharDevice(device)) => format!(" (character device {}, {})", device.major, device.minor),
        (_, Kind::BlockDevice(device)) => format!(" (block device {}, {})", device.major, device.minor),
        (_, Kind::Fifo) => " (named pipe)".to_owned(),
        _ => String::new(),
    }
}

/// What was shown, the beginning itself left out unless it is all there is.
#[derive(Default)]
struct Seen {
    files: u64,
    directories: u64,
    symlinks: u64,
    hard_links: u64,
    special: u64,
    bytes: u64,
}

impl Seen {
    fn count(&mut self, node: &Node, is_base: bool) {
        let number = match (&node.same_as, &node.kind) {
            (Some(_), _) => &mut self.hard_links,
            (_, Kind::Directory) if is_base => return,
            (_, Kind::Directory) => &mut self.directories,
            (_, Kind::File(_) | Kind::HardLink(_)) => &mut self.files,
            (_, Kind::Symlink(_)) => &mut self.symlinks,
            (_, Kind::CharDevice(_) | Kind::BlockDevice(_) | Kind::Fifo) => &mut self.special,
        };
        *number += 1;
    }

    fn line(&self, layers: &Layers<'_>) -> String {
        let mut parts = vec![count(self.files, "file", "files"), count(self.directories, "directory", "directories")];
        for (number, one, many) in [
            (self.symlinks, "symlink", "symlinks"),
            (self.hard_links, "hard link", "hard links"),
            (self.special, "special file", "special files"),
        ] {
            if number > 0 {
                parts.push(count(number, one, many));
            }
        }
        let all = layers.image.manifest.layers.len();
        let of = match layers.count {
            Some(count) if count < all => format!(" after {count} of {all} layers"),
            _ => format!(" in {}", count(all as u64, "layer", "layers")),
        };
        format!("{}, {}{of}", parts.join(", "), size(self.bytes))
    }

    fn json(&self) -> Map<String, Value> {
        [
            ("files", self.files),
            ("directories", self.directories),
            ("symlinks", self.symlinks),
            ("hardLinks", self.hard_links),
            ("special", self.special),
            ("bytes", self.bytes),
        ]
        .map(|(name, number)| (name.to_owned(), json!(number)))
        .into_iter()
        .collect()
    }
}
