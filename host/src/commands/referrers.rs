//! `referrers`: what is said of an image: signatures, SBOMs, attestations.

use super::inspect::descriptor;
use super::{Context, ImageArgs, Outcome};
use crate::output::{Style, size};
use portolan::manifest::{self, Descriptor};
use portolan::source::{Opened, Source};
use portolan::{Error, ErrorCode, Result, text};
use serde_json::{Value, json};
use std::collections::HashSet;

/// How deep referrers of referrers are followed.
const DEEPEST: usize = 8;

/// Show what refers to an image: signatures, SBOMs, attestations
///
/// Referrers of referrers are shown too. Where a registry has no list of them, the referrers tag is read.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan referrers ghcr.io/org/app:1.0\n  \
    portolan referrers --artifact-type application/spdx+json oci:images:app\n  \
    portolan referrers --platform linux/arm64 ghcr.io/org/app --json")]
pub(crate) struct Args {
    #[command(flatten)]
    image: ImageArgs,
    /// Only those of this type
    #[arg(long, value_name = "TYPE")]
    artifact_type: Option<String>,
}

/// A referrer with what refers to it.
struct Referrer {
    descriptor: Descriptor,
    referrers: Vec<Referrer>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (opened, subject) = subject(context, &args.image)?;
    let mut seen = HashSet::from([subject.digest.clone()]);
    let mut referrers = walk(opened.source.as_ref(), &subject.digest, &mut seen, 0)?;
    if let Some(wanted) = &args.artifact_type {
        referrers.retain(|referrer| referrer.descriptor.artifact_type.as_ref() == Some(wanted));
    }
    if context.output.json {
        let shown =
            json!({ "subject": descriptor(&subject), "referrers": referrers.iter().map(shown).collect::<Vec<_>>() });
        context.print_json(&shown)?;
        return Ok(Outcome::Done);
    }
    context.output.line(text::printable(&subject.digest))?;
    print(context, &referrers, "")?;
    Ok(Outcome::Done)
}

/// What a reference names itself: its index, unless a platform is asked for.
pub(super) fn subject(context: &Context, image: &ImageArgs) -> Result<(Opened, Descriptor)> {
    if !image.platform.is_empty() {
        let (opened, resolved) = context.open(image)?;
        return Ok((opened, resolved.descriptor));
    }
    let opened = context.place(image)?;
    let mut roots = manifest::roots(&context.toolkit, opened.source.as_ref(), &opened.selector)?;
    match (roots.pop(), roots.is_empty()) {
        (Some(root), true) => Ok((opened, root)),
        (root, _) => {
            let count = roots.len() + usize::from(root.is_some());
            let message = format!("{} names {count} images; give a tag, a digest or --platform", image.image);
            Err(Error::Image { code: ErrorCode::ReferenceNotFound, message })
        }
    }
}

fn walk(source: &dyn Source, subject: &str, seen: &mut HashSet<String>, depth: usize) -> Result<Vec<Referrer>> {
    if depth == DEEPEST {
        return Ok(Vec::new());
    }
    let mut referrers = Vec::new();
    for descriptor in source.referrers(subject)? {
        let referrers_of = if seen.insert(descriptor.digest.clone()) {
            walk(source, &descriptor.digest, seen, depth + 1)?
        } else {
            Vec::new()
        };
        referrers.push(Referrer { descriptor, referrers: referrers_of });
    }
    Ok(referrers)
}

fn shown(referrer: &Referrer) -> Value {
    let mut value = descriptor(&referrer.descriptor);
    value["referrers"] = referrer.referrers.iter().map(shown).collect();
    value
}

fn print(context: &Context, referrers: &[Referrer], indent: &str) -> Result<()> {
    for (number, Referrer { descriptor, referrers: theirs }) in referrers.iter().enumerate() {
        let (branch, below) =
            if number + 1 == referrers.len() { ("└── ", "    ") } else { ("├── ", "│   ") };
        let artifact_type = text::printable(descriptor.artifact_type.as_deref().unwrap_or("unknown type"));
        let size = context.output.paint(Style::Dim, &size(descriptor.size));
        context
            .output
            .line(format!("{indent}{branch}{artifact_type}  {}  {size}", text::printable(&descriptor.digest)))?;
        print(context, theirs, &format!("{indent}{below}"))?;
    }
    Ok(())
}
