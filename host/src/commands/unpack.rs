//! `unpack`: an image to a root filesystem or a bundle.

use super::{Context, ImageArgs, Outcome};
use crate::output::{Style, count, short, size};
use portolan::manifest::Resolved;
use portolan::rootfs::Privileges;
use portolan::unpack::{self, Options, Unpacked};
use portolan::{Result, platform, text};
use serde_json::json;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

/// How many losses are told one by one.
const TOLD: usize = 10;

/// Unpack an image to a directory
///
/// The destination must not exist yet, or be an empty directory. Nothing appears there before everything is verified and
/// in place, and nothing is left behind when the run fails.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan unpack oci:images/busybox:1.36 rootfs\n  \
    portolan unpack --bundle busybox.tar bundle && runc run --bundle bundle busybox\n  \
    portolan unpack --only 'etc/**' --platform linux/arm64 oci:images/busybox etc-of-arm\n  \
    docker save busybox | portolan unpack - rootfs")]
pub(crate) struct Args {
    #[command(flatten)]
    image: ImageArgs,
    /// The directory that appears
    #[arg(value_name = "DEST")]
    destination: PathBuf,
    /// Make a bundle for an OCI runtime: rootfs/ and config.json
    #[arg(long)]
    bundle: bool,
    /// Record owners instead of setting them, and leave devices out [default: unless run by root]
    #[arg(long)]
    rootless: bool,
    /// Leave out what there are no privileges for, instead of failing
    #[arg(long)]
    keep_going: bool,
    /// Leave out setuid and setgid bits, capabilities and devices
    #[arg(long)]
    no_privileges: bool,
    /// Only the paths that a glob pattern matches, such as 'etc/**', with the directories above
    #[arg(long, value_name = "GLOB")]
    only: Option<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (opened, image) = context.open(&args.image)?;
    let is_root = rustix::process::geteuid().is_root();
    let options = Options {
        bundle: args.bundle,
        privileges: Privileges {
            rootless: args.rootless || !is_root,
            keep_going: args.keep_going,
            strip: args.no_privileges,
        },
        only: args.only.clone(),
    };
    let unpacked = unpack::unpack(&context.layers(&opened, &image), &args.destination, &options)?;
    print(args, context, &image, &unpacked)?;
    Ok(Outcome::Done)
}

fn print(args: &Args, context: &Context, image: &Resolved, unpacked: &Unpacked) -> Result<()> {
    let made = &unpacked.made;
    let destination = text::path(args.destination.as_os_str().as_bytes());
    let platform = image.platform.as_ref().map(|it| platform::format(&context.toolkit, it)).transpose()?;
    if context.output.json {
        return context.print_json(&json!({
            "destination": args.destination.to_string_lossy(),
            "bundle": args.bundle,
            "descriptor": super::inspect::descriptor(&image.descriptor),
            "platform": platform,
            "files": made.files,
            "directories": made.directories,
            "symlinks": made.symlinks,
            "hardLinks": made.hard_links,
            "special": made.special,
            "bytes": made.bytes,
            "lost": made.lost,
            "withheldLabels": unpacked.withheld,
            "layers": unpacked.layers.iter().map(|layer| json!({
                "digest": layer.digest,
                "size": layer.size,
                "diffId": layer.diff_id,
                "uncompressedSize": layer.uncompressed_size,
                "entries": layer.entries,
                "warnings": layer.warnings,
            })).collect::<Vec<_>>(),
        }));
    }
    for (number, layer) in unpacked.layers.iter().enumerate() {
        for warning in &layer.warnings {
            context.output.warn(&format!("layer {number} ({}): {}", short(&layer.digest), text::printable(warning)));
        }
    }
    for lost in made.lost.iter().take(TOLD) {
        context.output.warn(&format!("not kept: {lost}"));
    }
    if made.lost.len() > TOLD {
        let more = count((made.lost.len() - TOLD) as u64, "more loss", "more losses");
        context.output.warn(&format!("{more}; --json lists them all"));
    }
    for label in &unpacked.withheld {
        context
            .output
            .warn(&format!("label withheld from the runtime, which it would steer: {}", text::printable(label)));
    }
    if context.output.quiet {
        return Ok(());
    }
    let mut parts = vec![count(made.files, "file", "files")];
    for (number, one, many) in [
        (made.directories, "directory", "directories"),
        (made.symlinks, "symlink", "symlinks"),
        (made.hard_links, "hard link", "hard links"),
        (made.special, "special file", "special files"),
    ] {
        if number > 0 {
            parts.push(count(number, one, many));
        }
    }
    let of = platform.map(|platform| format!(" ({})", text::printable(&platform))).unwrap_or_default();
    context.output.line(format!(
        "unpacked {}{of} to {}: {}, {}",
        short(&image.descriptor.digest),
        context.output.paint(Style::Strong, &destination),
        parts.join(", "),
        size(made.bytes)
    ))
}
