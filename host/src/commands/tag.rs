//! `tag`: more names for an image where it is.

use super::{Context, ImageArgs, Outcome};
use portolan::layout::Edit;
use portolan::manifest;
use portolan::registry::Repository;
use portolan::sink;
use portolan::source::Opened;
use portolan::{Error, Result, text};
use serde_json::json;

/// Give an image more tags where it is
///
/// A tag that is there is moved. Nothing is copied.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan tag oci:images:1.36 latest stable\n  \
    portolan tag ghcr.io/org/app:1.0 latest\n  \
    portolan tag oci:images@sha256:9ae97d36d26566ff84e8893c64a6dc4fe8ca6d1144bf5b87b2b85a32def253c7 1.36")]
pub(crate) struct Args {
    /// The image
    #[arg(value_name = "IMAGE")]
    image: String,
    /// The tags that it gets
    #[arg(value_name = "TAG", required = true)]
    tags: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let opened = context.place(&ImageArgs { image: args.image.clone(), platform: Vec::new() })?;
    if let Some(repository) = opened.source.repository() {
        return remote(args, context, &opened, repository);
    }
    super::check_layout(&opened)?;
    let roots = manifest::roots(&context.toolkit, opened.source.as_ref(), &opened.selector)?;
    let [root] = roots.as_slice() else {
        return Err(Error::Usage(format!("{} stands for several manifests; choose one by its digest", args.image)));
    };
    let edits: Vec<Edit> = args.tags.iter().map(|tag| Edit::Tag((tag.clone(), root.clone()))).collect();
    sink::edit(&context.toolkit, &opened.path, &edits)?;
    if context.output.json {
        context.print_json(&json!({ "reference": args.image, "digest": root.digest, "tags": args.tags }))?;
    } else if !context.output.quiet {
        for tag in &args.tags {
            let line = format!("{} -> oci:{}:{tag}", root.digest, opened.path.display());
            context.output.line(text::printable(&line))?;
        }
    }
    Ok(Outcome::Done)
}

/// At a registry the manifest is written again, under its new names.
fn remote(args: &Args, context: &Context, opened: &Opened, repository: &Repository) -> Result<Outcome> {
    let source = opened.source.as_ref();
    let roots = manifest::roots(&context.toolkit, source, &opened.selector)?;
    for root in &roots {
        let bytes = manifest::fetch(&context.toolkit, source, root, "manifest-bytes")?;
        context.registries.push_manifest(repository, root, &bytes, &args.tags)?;
        if context.output.json {
            context.print_json(&json!({ "reference": args.image, "digest": root.digest, "tags": args.tags }))?;
        } else if !context.output.quiet {
            for tag in &args.tags {
                let line = format!("{} -> {}/{}:{tag}", root.digest, repository.registry, repository.name);
                context.output.line(text::printable(&line))?;
            }
        }
    }
    Ok(Outcome::Done)
}
