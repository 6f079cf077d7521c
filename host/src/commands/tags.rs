//! `tags`: what a place has names for.

use super::{Context, Outcome};
use portolan::manifest;
use portolan::reference::{self, Selector};
use portolan::{Result, registry, source, text};
use serde_json::json;
use std::collections::BTreeSet;

/// List the tags of a repository, a layout or an archive
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan tags ghcr.io/org/app\n  \
    portolan tags docker://alpine --json | jq -r '.tags[]'\n  \
    portolan tags oci:images")]
pub(crate) struct Args {
    /// A repository at a registry, or a place on disk
    #[arg(value_name = "PLACE")]
    place: String,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let reference = reference::parse(&context.toolkit, &args.place)?;
    let tags = match super::remote(&reference) {
        Some(name) => {
            context.authorize(&reference);
            context.waiting.during(|| context.registries.tags(&registry::repository(name)))?
        }
        None => names(context, &source::open(&context.toolkit, &context.registries, &reference)?)?,
    };
    if context.output.json {
        context.print_json(&json!({ "name": args.place, "tags": tags }))?;
    } else {
        for tag in tags {
            context.output.line(text::printable(&tag))?;
        }
    }
    Ok(Outcome::Done)
}

/// The names in a place on disk.
fn names(context: &Context, opened: &source::Opened) -> Result<Vec<String>> {
    let everything = Selector { tag: None, digest: None };
    let roots = manifest::roots(&context.toolkit, opened.source.as_ref(), &everything)?;
    let names: BTreeSet<String> = roots
        .into_iter()
        .flat_map(|root| root.annotations)
        .filter(|annotation| annotation.key == "org.opencontainers.image.ref.name")
        .map(|annotation| annotation.value)
        .collect();
    Ok(names.into_iter().collect())
}
