//! `delete`: tags and manifests from where they are listed.

use super::{Context, ImageArgs, Outcome};
use portolan::layout::Edit;
use portolan::{Error, Result, reference, registry, sink, text};
use serde_json::json;

/// Delete a tag, or a manifest with all its tags
///
/// A name with a digest deletes the manifest, one with a tag alone the tag. Blobs stay until they are collected.
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "untag",
    after_help = "EXAMPLES:\n  \
    portolan delete oci:images:1.36\n  \
    portolan delete ghcr.io/org/app:old\n  \
    portolan delete oci:images@sha256:9ae97d36d26566ff84e8893c64a6dc4fe8ca6d1144bf5b87b2b85a32def253c7"
)]
pub(crate) struct Args {
    /// What to delete, with a tag or a digest
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    for image in &args.images {
        let reference = reference::parse(&context.toolkit, image)?;
        if let Some(name) = super::remote(&reference) {
            if name.selector.tag.is_none() && name.selector.digest.is_none() {
                return Err(Error::Usage(format!("{image} names neither a tag nor a digest")));
            }
            context.authorize(&reference);
            context.registries.delete(&registry::repository(name), &name.selector)?;
            print(context, image)?;
            continue;
        }
        let opened = context.place(&ImageArgs { image: image.clone(), platform: Vec::new() })?;
        super::check_layout(&opened)?;
        let edit = match (&opened.selector.digest, &opened.selector.tag) {
            (Some(digest), _) => Edit::Remove(digest.clone()),
            (None, Some(tag)) => Edit::Untag(tag.clone()),
            (None, None) => return Err(Error::Usage(format!("{image} names neither a tag nor a digest"))),
        };
        sink::edit(&context.toolkit, &opened.path, &[edit])?;
        print(context, image)?;
    }
    Ok(Outcome::Done)
}

fn print(context: &Context, image: &str) -> Result<()> {
    if context.output.json {
        context.print_json(&json!({ "deleted": image }))?;
    } else if !context.output.quiet {
        context.output.line(format!("deleted {}", text::printable(image)))?;
    }
    Ok(())
}
