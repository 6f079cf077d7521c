//! `artifact`: files with titles and types, kept where images are.

use super::referrers::subject;
use super::{Context, ImageArgs, Outcome};
use crate::output::size;
use clap::Subcommand;
use portolan::artifact::{self, Files, Input};
use portolan::copy::{self, Copy, Options, Root};
use portolan::manifest::{Annotation, Descriptor};
use portolan::reference;
use portolan::sink::{self, Opening};
use portolan::source::Source;
use portolan::{Error, Result, text};
use serde_json::json;
use std::path::{Path, PathBuf};

/// What a file is whose type nobody says.
const ANY: &str = "application/octet-stream";
/// What an artifact is whose type nobody says, as others say it.
const UNKNOWN: &str = "application/vnd.unknown.artifact.v1";

/// Push and pull files as artifacts
///
/// An artifact is a manifest whose layers are files, each with a title and a media type, as `oras` writes it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Push(Push),
    Pull(Pull),
}

/// The files of an artifact and what is said of it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Content {
    /// The files, each with its media type if it has one: FILE[:TYPE]
    #[arg(value_name = "FILE[:TYPE]")]
    files: Vec<String>,
    /// What kind of artifact it is
    #[arg(long, value_name = "TYPE")]
    artifact_type: Option<String>,
    /// The config, with its media type
    #[arg(long, value_name = "FILE:TYPE")]
    config: Option<String>,
    /// What is said of the artifact; several times
    #[arg(long, short, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
}

/// Push files as an artifact
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan artifact push ghcr.io/org/data:v1 model.bin notes.md:text/markdown\n  \
    portolan artifact push --artifact-type application/vnd.example oci:artifacts:data data.json:application/json")]
struct Push {
    /// Where to: a name at a registry, or a layout
    #[arg(value_name = "DST")]
    destination: String,
    #[command(flatten)]
    content: Content,
}

/// Pull the files of an artifact
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan artifact pull ghcr.io/org/data:v1 --output data\n  \
    portolan artifact pull oci:artifacts:data")]
struct Pull {
    #[command(flatten)]
    image: ImageArgs,
    /// The directory to write to
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    output: PathBuf,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    match &args.verb {
        Verb::Push(args) => {
            if args.content.files.is_empty() && args.content.config.is_none() {
                return Err(Error::Usage("name at least one file, or a config".to_owned()));
            }
            let (reference, files) = (&args.destination, pack(&args.content, None, context)?);
            put(&files, files.descriptor(), reference, None, context)
        }
        Verb::Pull(args) => pull(args, context),
    }
}

/// Packs the files, perhaps about something else.
pub(super) fn pack(content: &Content, subject: Option<Descriptor>, context: &Context) -> Result<Files> {
    let inputs: Vec<Input> = content.files.iter().map(|text| input(text)).collect::<Result<_>>()?;
    let mut described = artifact::describe(&context.toolkit, &inputs, &context.interrupt)?;
    let config = match &content.config {
        None => None,
        Some(config) => {
            let inputs = [input(config)?];
            artifact::describe(&context.toolkit, &inputs, &context.interrupt)?.pop()
        }
    };
    let mut titles: Vec<&String> = inputs.iter().map(|input| &input.title).collect();
    titles.sort_unstable();
    if let Some(twice) = titles.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::Usage(format!("two files would have the title {}", twice[0])));
    }
    let artifact_type = content.artifact_type.clone().or_else(|| config.is_none().then(|| UNKNOWN.to_owned()));
    let annotations = content.annotation.iter().map(|text| annotation(text)).collect::<Result<_>>()?;
    let files = std::mem::take(&mut described);
    Files::pack(&context.toolkit, artifact_type, config, files, subject, annotations).map_err(Error::into_usage)
}

/// Copies an artifact to where it shall be; `about` is the image that it is attached to, as it was given.
pub(super) fn put(
    source: &dyn Source,
    root: &Descriptor,
    destination: &str,
    about: Option<&str>,
    context: &Context,
) -> Result<Outcome> {
    let parsed = reference::parse_destination(&context.toolkit, destination)?;
    context.authorize(&parsed);
    let (place, own) = sink::destination(&parsed)?;
    let is_remote = matches!(place, sink::Destination::Registry(_));
    // What is about something else is found through that, and needs no tag.
    let tag = if about.is_some() { None } else { own };
    let opening = Opening { registries: &context.registries, replace: false, from: None };
    let sink = sink::open(&context.toolkit, &place, opening)?;
    let roots = [Root { descriptor: root.clone(), tag: tag.clone() }];
    let options = Options { platforms: Vec::new(), sparse: false, referrers: false };
    let plan = copy::plan(&context.toolkit, source, &roots, &options, &context.interrupt)?;
    let copy = Copy {
        source,
        sink: sink.as_ref(),
        plan: &plan,
        jobs: context.transfers(is_remote),
        progress: context.progress.as_ref(),
        interrupt: &context.interrupt,
    };
    copy.run()?;
    let digest = &root.digest;
    if context.output.json {
        context.print_json(&json!({
            "reference": about.unwrap_or(destination), "tag": tag, "descriptor": super::inspect::descriptor(root),
        }))?;
    } else if !context.output.quiet {
        context.output.line(text::printable(&format!("{digest} -> {}", about.unwrap_or(destination))))?;
    }
    Ok(Outcome::Done)
}

fn pull(args: &Pull, context: &Context) -> Result<Outcome> {
    let (opened, root) = subject(context, &args.image)?;
    let (source, toolkit) = (opened.source.as_ref(), &context.toolkit);
    let written = artifact::write(toolkit, source, &root, &args.output, context.progress.as_ref(), &context.interrupt)?;
    for untitled in &written.untitled {
        context.output.warn(&format!(
            "{} of type {} has no title and was not written",
            text::printable(&untitled.digest),
            text::printable(&untitled.media_type)
        ));
    }
    if context.output.json {
        let files = written.files.iter().map(|(title, descriptor)| {
            json!({ "path": args.output.join(title).to_string_lossy(), "descriptor": super::inspect::descriptor(descriptor) })
        });
        context.print_json(&json!({ "digest": root.digest, "files": files.collect::<Vec<_>>() }))?;
    } else if !context.output.quiet {
        for (title, descriptor) in &written.files {
            let path = args.output.join(title);
            context.output.line(format!("{}  {}", text::printable(&path.to_string_lossy()), size(descriptor.size)))?;
        }
    }
    Ok(Outcome::Done)
}

/// A file and its type. A file name may hold a colon: the longest path that exists is taken.
fn input(text: &str) -> Result<Input> {
    let (path, media_type) = match text.rsplit_once(':') {
        Some((path, media_type)) if !Path::new(text).exists() && media_type.contains('/') => (path, media_type),
        _ => (text, ANY),
    };
    let path = PathBuf::from(path);
    // A path that leads elsewhere is kept under its last name.
    let is_plain = path.is_relative() && path.components().all(|it| matches!(it, std::path::Component::Normal(_)));
    let title = if is_plain { Some(path.as_os_str()) } else { path.file_name() };
    let title = title
        .and_then(|title| title.to_str())
        .ok_or_else(|| Error::Usage(format!("{text} has no name that could be a title")))?
        .to_owned();
    Ok(Input { path, title, media_type: media_type.to_owned() })
}

pub(super) fn annotation(text: &str) -> Result<Annotation> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| Error::Usage(format!("an annotation is KEY=VALUE, not {text}")))?;
    Ok(Annotation { key: key.to_owned(), value: value.to_owned() })
}
