//! `copy`: images from one place to another.

use super::{Context, ImageArgs, Outcome};
use portolan::copy::{self, Copy, Done, Options, Plan, Reason, Root};
use portolan::manifest::{self, Descriptor, Document};
use portolan::reference::{ImageReference, Location, Selector};
use portolan::registry::Repository;
use portolan::sink::{self, Destination, Opening};
use portolan::source::{self, Opened};
use portolan::{Error, Result, platform, reference, registry, text, word};
use serde_json::json;

/// Copy images from one place to another
///
/// An index is copied whole, with all its images. Digests stay what they are, unless --platform leaves out a part of an
/// index: it gets a new digest then, and both are printed. What is there is not copied again, and a copy to a layout that
/// was stopped is gone on with. Everything appears at the end, when all of it was verified.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan copy saved.tar oci:images:busybox\n  \
    portolan copy --platform linux/amd64,linux/arm64 oci:images:1.36 oci-archive:two.tar\n  \
    portolan copy --referrers ghcr.io/org/app:1.0 registry.example/app:1.0\n  \
    portolan copy docker://alpine:3.20 oci:images\n  \
    portolan copy oci:images:1.36 docker-archive:busybox.tar:busybox:1.36 && docker load -i busybox.tar\n  \
    portolan copy oci:images:1.36 - | ssh host portolan unpack - rootfs")]
pub(crate) struct Args {
    /// What to copy, such as ghcr.io/org/app:1.0, oci:DIR:TAG, an archive, or - for standard input; see `help references`
    #[arg(value_name = "SRC")]
    source: String,
    /// Where to: a name at a registry, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME], a path, or - for standard output
    #[arg(value_name = "DST")]
    destination: String,
    #[command(flatten)]
    what: What,
}

/// What is copied of an image, and with it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct What {
    /// Only images for these platforms, and the attestations about them
    #[arg(long, short, value_name = "OS/ARCH", value_delimiter = ',')]
    platform: Vec<String>,
    /// Keep indexes as they are, although not all that they list is copied or there
    #[arg(long)]
    sparse: bool,
    /// Copy what refers to the images too: signatures, SBOMs, attestations
    #[arg(long)]
    referrers: bool,
    /// Copy everything that the place lists, with its tags
    #[arg(long)]
    all_tags: bool,
    /// Replace an archive that exists
    #[arg(long)]
    replace: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    transfer(&args.source, &args.destination, &args.what, context)
}

/// Copies from one place to another.
pub(super) fn transfer(from: &str, to: &str, args: &What, context: &Context) -> Result<Outcome> {
    let toolkit = &context.toolkit;
    let (destination, tag) = sink::destination(&reference::parse_destination(toolkit, to)?)?;
    if context.output.json && is_standard_output(&destination) {
        return Err(Error::Usage("--json and the archive cannot both go to standard output".to_owned()));
    }
    let image = ImageArgs { image: from.to_owned(), platform: args.platform.clone() };
    let mut platforms = context.platforms(&image)?;
    let mut reference = reference::parse(toolkit, from)?;
    if reference.location == Location::DockerArchive {
        // One of Docker 25 or later is a layout too: its layers may be compressed, and only the layout says their digests.
        reference.location = Location::Path;
    }
    authorize(context, &reference, &destination)?;
    let every = every_tag(args, context, &mut reference)?;
    let opened = context.waiting.during(|| source::open(toolkit, &context.registries, &reference))?;
    let source = opened.source.as_ref();
    let roots = if let (Some(tags), Some(repository)) = (every, source.repository()) {
        at_registry(&tags, repository, context)?
    } else if args.all_tags {
        if tag.is_some() || opened.selector.tag.is_some() || opened.selector.digest.is_some() {
            return Err(Error::Usage("--all-tags copies every image under its own tag; name places alone".to_owned()));
        }
        all(context, &opened)?
    } else if matches!(destination, Destination::DockerArchive(_)) {
        let resolved = manifest::resolve(toolkit, source, &opened.selector, platform::wanted(&platforms))?;
        platforms.clear();
        // Docker knows images by their whole names.
        let whole = || {
            let path = opened.path.to_string_lossy();
            let name = path.split('@').next().unwrap_or_default();
            source.tag().map(|tag| format!("{}:{tag}", name.strip_suffix(&format!(":{tag}")).unwrap_or(name)))
        };
        let tag = tag.or_else(|| annotation(&resolved.descriptor, FULL_NAME)).or_else(whole);
        vec![Root { tag, descriptor: resolved.descriptor }]
    } else {
        let named = opened.selector.tag.clone().filter(|tag| !tag.starts_with('@'));
        let roots = manifest::roots(toolkit, source, &opened.selector)?.into_iter();
        let root = |descriptor: Descriptor| Root {
            tag: tag
                .clone()
                .or_else(|| own_tag(&descriptor))
                .or_else(|| named.clone())
                .or_else(|| source.tag().map(str::to_owned)),
            descriptor,
        };
        roots.map(root).collect()
    };
    let options = Options { platforms, sparse: args.sparse, referrers: args.referrers };
    let opening = Opening { registries: &context.registries, replace: args.replace, from: source.repository() };
    let sink = sink::open(toolkit, &destination, opening)?;
    let plan = copy::plan(toolkit, source, &roots, &options, &context.interrupt)?;
    for warning in &plan.warnings {
        context.output.warn(&text::printable(warning));
    }
    if context.strict && !plan.warnings.is_empty() {
        return Err(Error::Usage("nothing was copied, since warnings are errors".to_owned()));
    }
    let copy = Copy {
        source,
        sink: sink.as_ref(),
        plan: &plan,
        jobs: context.transfers(source.repository().is_some() || matches!(destination, Destination::Registry(_))),
        progress: context.progress.as_ref(),
        interrupt: &context.interrupt,
    };
    let done = copy.run()?;
    print(from, context, &destination, &plan, &done)?;
    Ok(Outcome::Done)
}

/// Hands what was given to get in to the one registry of the two places.
fn authorize(context: &Context, from: &ImageReference, to: &Destination) -> Result<()> {
    let from = super::remote(from).map(|name| name.registry.as_str());
    let to = match to {
        Destination::Registry(name) => Some(name.registry.as_str()),
        _ => None,
    };
    if let (Some(from), Some(to)) = (from, to)
        && from != to
        && context.is_given()
    {
        return Err(Error::Usage(format!("whether {from} or {to} is meant is not clear; use `portolan login`")));
    }
    for registry in from.iter().chain(&to) {
        context.authorize_at(registry);
    }
    Ok(())
}

const TAG: &str = "org.opencontainers.image.ref.name";
const FULL_NAME: &str = "io.containerd.image.name";

fn annotation(descriptor: &Descriptor, key: &str) -> Option<String> {
    descriptor.annotations.iter().find(|annotation| annotation.key == key).map(|annotation| annotation.value.clone())
}

/// The name that an image has in its layout.
fn own_tag(descriptor: &Descriptor) -> Option<String> {
    annotation(descriptor, TAG).or_else(|| annotation(descriptor, FULL_NAME))
}

/// All tags of the repository that is meant, where they are to be copied; the reference is then that of the first.
fn every_tag(args: &What, context: &Context, reference: &mut ImageReference) -> Result<Option<Vec<String>>> {
    let Some(name) = super::remote(reference).filter(|_| args.all_tags) else { return Ok(None) };
    if name.selector.tag.is_some() || name.selector.digest.is_some() {
        return Err(Error::Usage(
            "--all-tags copies every image under its own tag; name the repository alone".to_owned(),
        ));
    }
    let tags = context.waiting.during(|| context.registries.tags(&registry::repository(name)))?;
    let Some(first) = tags.first() else {
        return Err(Error::Usage(format!("{} has no tags", name.familiar)));
    };
    if let Some(name) = &mut reference.name {
        name.selector.tag = Some(first.clone());
    }
    Ok(Some(tags))
}

/// What the tags of a repository name.
fn at_registry(tags: &[String], repository: &Repository, context: &Context) -> Result<Vec<Root>> {
    let mut roots = Vec::new();
    for tag in tags {
        let selector = Selector { tag: Some(tag.clone()), digest: None };
        // A tag that was deleted meanwhile is not missed.
        if let Some(descriptor) = context.registries.stat(repository, &selector)? {
            roots.push(Root { tag: Some(tag.clone()), descriptor });
        }
    }
    Ok(roots)
}

/// Everything that a place lists.
fn all(context: &Context, opened: &Opened) -> Result<Vec<Root>> {
    match manifest::parse(&context.toolkit, &opened.source.index()?, None)? {
        Document::Index(index) => {
            let entries = index.manifests.into_iter();
            Ok(entries.map(|descriptor| Root { tag: own_tag(&descriptor), descriptor }).collect())
        }
        Document::Image(_) => Ok(Vec::new()),
    }
}

fn is_standard_output(destination: &Destination) -> bool {
    match destination {
        Destination::LayoutArchive(path) | Destination::DockerArchive(path) => path.as_os_str() == "-",
        Destination::Layout(_) | Destination::Registry(_) => false,
    }
}

/// A destination as it can be given, without the tag.
fn shown(destination: &Destination) -> String {
    let (scheme, path) = match destination {
        Destination::Layout(path) => ("oci", path),
        Destination::LayoutArchive(path) => ("oci-archive", path),
        Destination::DockerArchive(path) => ("docker-archive", path),
        Destination::Registry(name) => return format!("{}/{}", name.registry, name.repository),
    };
    format!("{scheme}:{}", path.display())
}

fn print(from: &str, context: &Context, destination: &Destination, plan: &Plan, done: &Done) -> Result<()> {
    let output = &context.output;
    let place = shown(destination);
    if output.json {
        return context.print_json(&json!({
            "source": from,
            "destination": place,
            "roots": plan.roots.iter().map(|root| json!({
                "tag": root.tag, "sourceDigest": root.old, "digest": root.new, "trimmed": root.trimmed,
            })).collect::<Vec<_>>(),
            "manifests": plan.manifests.iter().map(|planned| json!({
                "descriptor": super::inspect::descriptor(&planned.descriptor),
                "subject": planned.subject.as_ref().map(|subject| &subject.digest),
            })).collect::<Vec<_>>(),
            "blobs": plan.blobs.len(),
            "copied": done.copied,
            "present": done.present,
            "bytes": done.bytes,
            "skipped": plan.skipped.iter().map(|skipped| json!({
                "descriptor": super::inspect::descriptor(&skipped.descriptor),
                "reason": match skipped.reason {
                    Reason::NonDistributable => "non-distributable",
                    Reason::NotThere => word(portolan::ErrorCode::BlobNotFound),
                },
            })).collect::<Vec<_>>(),
            "warnings": plan.warnings,
        }));
    }
    if output.quiet || is_standard_output(destination) {
        return Ok(());
    }
    for root in &plan.roots {
        let trimmed = if root.trimmed { format!(" (trimmed from {})", root.old) } else { String::new() };
        let tag = root.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
        output.line(text::printable(&format!("{}{trimmed} -> {place}{tag}", root.new)))?;
    }
    Ok(())
}
