//! `verify`: everything that an image is made of.

use super::{Context, ImageArgs, Outcome};
use crate::output::{Style, count, size};
use portolan::manifest::{self, Descriptor, Finding, Severity, Verified, WantedPlatforms};
use portolan::source::Opened;
use portolan::verify::Verify;
use portolan::{Result, text, word};
use serde_json::json;

/// Verify everything that an image is made of
///
/// Every document, layer and blob that the reference leads to is read to its end and checked: sizes, digests, DiffIDs,
/// archives, and whether the documents agree with each other. All that is wrong is listed, not only the first. Without a
/// tag or digest, everything in the place is verified; with --platform, only the images of those platforms.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan verify oci:images/busybox:1.36\n  \
    portolan verify --platform linux/amd64,linux/arm64 oci:images/busybox:1.36\n  \
    portolan verify --strict --json saved.tar\n  \
    docker save busybox | portolan verify -\n\n\
    The exit code is 1 when there are errors, or with --strict any findings at all.")]
pub(crate) struct Args {
    #[command(flatten)]
    image: ImageArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let platforms = context.platforms(&args.image)?;
    let opened = context.place(&args.image)?;
    let source = opened.source.as_ref();
    let mut roots: Vec<Descriptor> = Vec::new();
    if platforms.is_empty() {
        if opened.selector.tag.is_some() || opened.selector.digest.is_some() {
            roots = manifest::roots(&context.toolkit, source, &opened.selector)?;
        }
    } else {
        for platform in platforms {
            let wanted = WantedPlatforms::These(vec![platform]);
            let image = manifest::resolve(&context.toolkit, source, &opened.selector, wanted)?;
            if roots.iter().all(|root| root.digest != image.descriptor.digest) {
                roots.push(image.descriptor);
            }
        }
    }
    let verified = if roots.is_empty() {
        verify(context, &opened, None)?
    } else {
        let mut all: Option<Verified> = None;
        for root in &roots {
            let verified = verify(context, &opened, Some(root))?;
            all = Some(match all {
                None => verified,
                Some(all) => add(all, verified),
            });
        }
        match all {
            Some(all) => all,
            None => return Ok(Outcome::Done),
        }
    };
    print(context, &args.image.image, &roots, &verified)?;
    let wrong = verified.errors > 0 || context.strict && verified.warnings > 0;
    Ok(if wrong { Outcome::Wrong } else { Outcome::Done })
}

fn verify(context: &Context, opened: &Opened, root: Option<&Descriptor>) -> Result<Verified> {
    let verify = Verify {
        toolkit: &context.toolkit,
        source: opened.source.as_ref(),
        root,
        strict: context.strict,
        jobs: context.jobs,
        progress: context.progress.as_ref(),
        interrupt: &context.interrupt,
    };
    verify.run()
}

/// What was verified of two images. What they share was verified, and counts, twice.
fn add(mut one: Verified, other: Verified) -> Verified {
    one.documents += other.documents;
    one.layers += other.layers;
    one.blobs += other.blobs;
    one.bytes += other.bytes;
    one.errors += other.errors;
    one.warnings += other.warnings;
    one.findings.extend(other.findings);
    one
}

fn print(context: &Context, reference: &str, roots: &[Descriptor], verified: &Verified) -> Result<()> {
    let output = &context.output;
    if output.json {
        return context.print_json(&json!({
            "reference": reference,
            "roots": roots.iter().map(super::inspect::descriptor).collect::<Vec<_>>(),
            "documents": verified.documents,
            "layers": verified.layers,
            "blobs": verified.blobs,
            "bytes": verified.bytes,
            "errors": verified.errors,
            "warnings": verified.warnings,
            "findings": verified.findings.iter().map(|finding| json!({
                "severity": severity(finding),
                "code": word(finding.code),
                "digest": finding.digest,
                "place": finding.place,
                "message": finding.message,
            })).collect::<Vec<_>>(),
        }));
    }
    for finding in &verified.findings {
        let style = match finding.severity {
            Severity::Failure => Style::Bad,
            Severity::Warning => Style::Warning,
        };
        let code = output.paint(style, &format!("{}[{}]", severity(finding), word(finding.code)));
        let place = output.paint(Style::Dim, &text::printable(&finding.place));
        output.line(format!("{code} {place}: {}", text::printable(&finding.message)))?;
    }
    let unlisted = (verified.errors + verified.warnings).saturating_sub(verified.findings.len() as u64);
    if unlisted > 0 {
        output.line(format!("and {} more", count(unlisted, "finding", "findings")))?;
    }
    if output.quiet {
        return Ok(());
    }
    let mut parts = vec![count(verified.documents, "document", "documents")];
    for (number, one, many) in [(verified.layers, "layer", "layers"), (verified.blobs, "other blob", "other blobs")] {
        if number > 0 {
            parts.push(count(number, one, many));
        }
    }
    let mut found = match verified.errors {
        0 => output.paint(Style::Good, "no errors"),
        errors => output.paint(Style::Bad, &count(errors, "error", "errors")),
    };
    if verified.warnings > 0 {
        found.push_str(", ");
        found.push_str(&output.paint(Style::Warning, &count(verified.warnings, "warning", "warnings")));
    }
    output.line(format!("verified {} ({}): {found}", parts.join(", "), size(verified.bytes)))
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Failure => "error",
        Severity::Warning => "warning",
    }
}
