//! `platforms`: all images of a place.

use super::{Context, ImageArgs, Outcome};
use crate::output::{Align, Table, short, size};
use portolan::manifest::{self, Document, Listed};
use portolan::source::Opened;
use portolan::{Error, Result, platform, text};
use serde_json::{Value, json};

/// List the images of a place by platform
///
/// The indexes inside indexes are walked too. An attestation is listed with the image that it is about.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan platforms oci:images/busybox:1.36\n  \
    portolan platforms --json saved.tar | jq -r '.[].digest'")]
pub(crate) struct Args {
    /// The image, or the whole place when there is no tag
    #[arg(value_name = "IMAGE")]
    image: String,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let opened = context.place(&ImageArgs { image: args.image.clone(), platform: Vec::new() })?;
    let images = manifest::list(&context.toolkit, opened.source.as_ref(), &opened.selector)?;
    if context.output.json {
        let images = images.iter().map(|image| shown(image, &opened, context)).collect::<Result<_>>()?;
        context.print_json(&Value::Array(images))?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(&[
        ("PLATFORM", Align::Left),
        ("SIZE", Align::Right),
        ("DIGEST", Align::Left),
        ("NOTE", Align::Left),
    ]);
    for image in &images {
        let platform = match &image.platform {
            Some(platform) => text::printable(&platform::format(&context.toolkit, platform)?),
            None => "-".to_owned(),
        };
        let note = match &image.attestation_of {
            Some(digest) => format!("attestation of {}", short(digest)),
            None if image.attestation => "attestation".to_owned(),
            None => image.descriptor.artifact_type.as_deref().map(text::printable).unwrap_or_default(),
        };
        let size = total(image, &opened, context)?.map_or_else(|| "-".to_owned(), size);
        table.row([platform, size, text::printable(&image.descriptor.digest), note]);
    }
    table.print(&context.output, 0)?;
    Ok(Outcome::Done)
}

/// The bytes of an image, as stored; nothing where its manifest is not there or cannot be read.
fn total(image: &Listed, opened: &Opened, context: &Context) -> Result<Option<u64>> {
    let descriptor = &image.descriptor;
    let read = manifest::fetch(&context.toolkit, opened.source.as_ref(), descriptor, "manifest-bytes")
        .and_then(|bytes| manifest::parse(&context.toolkit, &bytes, Some(&descriptor.media_type)));
    match read {
        Ok(Document::Image(image)) => {
            let parts = image.layers.iter().chain([&image.config]).map(|part| part.size);
            Ok(Some(parts.fold(descriptor.size, u64::saturating_add)))
        }
        Ok(Document::Index(_)) | Err(Error::Image { .. } | Error::Source { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn shown(image: &Listed, opened: &Opened, context: &Context) -> Result<Value> {
    let mut shown = super::inspect::descriptor(&image.descriptor);
    if let Some(platform) = &image.platform {
        shown["platform"] = super::inspect::platform(platform);
        shown["platformText"] = json!(platform::format(&context.toolkit, platform)?);
    }
    shown["imageSize"] = json!(total(image, opened, context)?);
    shown["indexes"] = json!(image.indexes);
    shown["attestation"] = json!(image.attestation);
    if let Some(digest) = &image.attestation_of {
        shown["attestationOf"] = json!(digest);
    }
    Ok(shown)
}
