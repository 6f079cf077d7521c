//! `platforms`: all images of a place.

use super::{Context, ImageArgs, Outcome};
use crate::output::{Align, Table, short, size};
use portolan::manifest::{self, Listed};
use portolan::{Result, platform, text};
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
        let images = images.iter().map(|image| shown(image, context)).collect::<Result<_>>()?;
        context.print_json(&Value::Array(images))?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(&[
        ("PLATFORM", Align::Left),
        ("DIGEST", Align::Left),
        ("SIZE", Align::Right),
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
        table.row([platform, text::printable(&image.descriptor.digest), size(image.descriptor.size), note]);
    }
    table.print(&context.output, 0)?;
    Ok(Outcome::Done)
}

fn shown(image: &Listed, context: &Context) -> Result<Value> {
    let mut shown = super::inspect::descriptor(&image.descriptor);
    if let Some(platform) = &image.platform {
        shown["platform"] = super::inspect::platform(platform);
        shown["platformText"] = json!(platform::format(&context.toolkit, platform)?);
    }
    shown["indexes"] = json!(image.indexes);
    shown["attestation"] = json!(image.attestation);
    if let Some(digest) = &image.attestation_of {
        shown["attestationOf"] = json!(digest);
    }
    Ok(shown)
}
