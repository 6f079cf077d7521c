//! `wasm`: WebAssembly as artifacts.

use super::{Context, ImageArgs, Outcome, artifact};
use crate::output::size;
use clap::Subcommand;
use portolan::manifest::{self, WantedPlatforms};
use portolan::wasm::{self, EPOCH, Execution, Forms, Inspection, Packed, Packing};
use portolan::workload::{self, Overrides, Workload};
use portolan::{Error, Result, manifest::Annotation, platform, text};
use serde_json::json;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The key of the limit of what is read of WebAssembly.
pub(super) const LIMIT: &str = "wasm-bytes";

/// Pack WebAssembly as an artifact, and see what is in one
///
/// Artifacts are those of the CNCF's Wasm OCI layout, which wkg, wasmCloud, Spin and runwasi read as well.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Pack(Pack),
    Inspect(Inspect),
    Convert(Convert),
}

/// Pack a module, component or WIT package as an artifact
///
/// Imports and exports in the config are read from the component. The date is --created, else that of SOURCE_DATE_EPOCH,
/// else 1970: so the same file makes the same artifact.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan wasm pack hello.wasm oci:images:hello\n  \
    portolan wasm pack --compat hello.wasm ghcr.io/org/hello:1.0.0\n  \
    portolan wasm pack --annotation org.opencontainers.image.version=1.0.0 hello.wasm ghcr.io/org/hello:1.0.0")]
struct Pack {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to: a name at a registry, or a layout
    #[arg(value_name = "DST")]
    destination: String,
    /// Write a container image as well, in one index, for Docker and other runtimes that know no artifacts
    #[arg(long)]
    compat: bool,
    #[command(flatten)]
    words: Words,
}

/// What is said of what is packed.
#[derive(Debug, clap::Args)]
struct Words {
    /// What is said of it; several times
    #[arg(long, short, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// When it was made, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "DATE")]
    created: Option<String>,
}

impl Words {
    fn annotations(&self) -> Result<Vec<Annotation>> {
        self.annotation.iter().map(|text| artifact::annotation(text)).collect()
    }

    fn created(&self) -> Result<String> {
        match (&self.created, std::env::var("SOURCE_DATE_EPOCH")) {
            (Some(created), _) if portolan_image::config::is_date_time(created) => Ok(created.clone()),
            (Some(created), _) => Err(Error::Usage(format!("{created} is no date such as {EPOCH}"))),
            (None, Ok(seconds)) => date(&seconds),
            (None, Err(_)) => Ok(EPOCH.to_owned()),
        }
    }
}

/// Pack the WebAssembly of an image in another form
///
/// Of a container image, its program alone becomes an artifact, which has no place for other files, variables and
/// arguments. Of an artifact, its program becomes the entry point of an image that holds nothing else.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan wasm convert --to container ghcr.io/org/hello:1.0.0 oci:images:hello\n  \
    portolan wasm convert --to artifact oci:images:hello ghcr.io/org/hello:1.0.0")]
struct Convert {
    #[command(flatten)]
    image: ImageArgs,
    /// Where to: a name at a registry, or a layout
    #[arg(value_name = "DST")]
    destination: String,
    /// The form
    #[arg(long, value_name = "FORM")]
    to: Form,
    #[command(flatten)]
    words: Words,
}

/// A form to pack in.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Form {
    /// The artifact of the CNCF's Wasm OCI layout
    Artifact,
    /// A container image with the program as its entry point
    Container,
    /// Both, in one index
    Both,
}

/// Show what WebAssembly needs, offers and is made of
///
/// The world of a component is shown as WIT, with the interfaces that it imports and exports. It may be a file, or packed in an image in any form that is in use.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan wasm inspect hello.wasm\n  \
    portolan wasm inspect --json ghcr.io/webassembly/wasi/cli:0.2.6")]
struct Inspect {
    #[command(flatten)]
    image: ImageArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    match &args.verb {
        Verb::Pack(args) => pack(args, context),
        Verb::Inspect(args) => inspect(args, context),
        Verb::Convert(args) => convert(args, context),
    }
}

fn pack(args: &Pack, context: &Context) -> Result<Outcome> {
    let title = args.file.file_name().and_then(|name| name.to_str());
    let title =
        title.ok_or_else(|| Error::Usage(format!("{} has no name that could be a title", args.file.display())))?;
    let (bytes, _) = read(&args.file, context)?;
    let packing = Packing {
        title: title.to_owned(),
        created: args.words.created()?,
        annotations: args.words.annotations()?,
        execution: Execution::default(),
    };
    let forms = if args.compat { Forms::Both } else { Forms::Artifact };
    let packed = Packed::new(&context.toolkit, bytes, forms, packing).map_err(|error| at(error, &args.file))?;
    artifact::put(&packed, packed.descriptor(), &args.destination, None, context)
}

fn convert(args: &Convert, context: &Context) -> Result<Outcome> {
    let (workload, _, bytes) = find(&args.image, context)?;
    let forms = match args.to {
        Form::Artifact => Forms::Artifact,
        Form::Container => Forms::Container,
        Form::Both => Forms::Both,
    };
    let name = workload.args.first().and_then(|name| name.rsplit('/').next()).unwrap_or_default();
    let name = if name.is_empty() { "main" } else { name.strip_suffix(".wasm").unwrap_or(name) };
    let is_more = workload.rootfs || workload.args.len() > 1 || !workload.env.is_empty() || !workload.files.is_empty();
    if is_more && forms == Forms::Artifact {
        context.output.warn("an artifact holds the program alone: its files, variables and arguments are left out");
    } else if workload.rootfs || !workload.files.is_empty() {
        context.output.warn("the program alone is packed: other files are left out");
    }
    let packing = Packing {
        title: format!("{name}.wasm"),
        created: args.words.created()?,
        annotations: args.words.annotations()?,
        execution: Execution {
            args: workload.args.into_iter().skip(1).collect(),
            env: workload.env,
            working_dir: workload.working_dir,
        },
    };
    let packed = Packed::new(&context.toolkit, bytes, forms, packing)?;
    artifact::put(&packed, packed.descriptor(), &args.destination, None, context)
}

/// The WebAssembly of an image: how it is called, its digest and its bytes.
fn find(image: &ImageArgs, context: &Context) -> Result<(Workload, String, Vec<u8>)> {
    let opened = context.place(image)?;
    let mut wanted = context.platforms(image)?;
    if wanted.is_empty() {
        wanted = workload::platforms(&context.toolkit, &platform::host())?;
    }
    let (source, wanted) = (opened.source.as_ref(), WantedPlatforms::These(wanted));
    let image = manifest::resolve(&context.toolkit, source, &opened.selector, wanted)?;
    let layers = context.layers(&opened, &image);
    let workload = workload::recognize(&layers, &Overrides { entrypoint: None, cmd: None })?;
    for warning in &workload.warnings {
        context.output.warn(&text::printable(warning));
    }
    let (digest, bytes) = workload::fetch_wasm(&layers, &workload)?;
    Ok((workload, digest, bytes))
}

fn inspect(args: &Inspect, context: &Context) -> Result<Outcome> {
    let path = Path::new(&args.image.image);
    let (form, digest, bytes) = if is_wasm(path).unwrap_or(false) {
        let (bytes, _) = read(path, context)?;
        (None, portolan::digest::compute(&context.toolkit, "sha256", bytes.as_slice())?.0, bytes)
    } else {
        let (workload, digest, bytes) = find(&args.image, context)?;
        (Some(workload::form_word(workload.form)), digest, bytes)
    };
    let found = wasm::inspect(&context.toolkit, &bytes)?;
    if context.output.json {
        let sections = found.sections.iter().map(|it| json!({ "name": it.name, "size": it.size }));
        let producers =
            found.producers.iter().map(|it| json!({ "field": it.field, "name": it.name, "version": it.version }));
        context.print_json(&json!({
            "form": form, "digest": digest, "size": found.size, "kind": found.kind.as_str(), "wasi": found.wasi,
            "imports": found.imports, "exports": found.exports,
            "producers": producers.collect::<Vec<_>>(), "sections": sections.collect::<Vec<_>>(),
            "world": found.world,
        }))?;
    } else {
        print(&found, form, &digest, context)?;
    }
    Ok(Outcome::Done)
}

fn print(found: &Inspection, form: Option<&str>, digest: &str, context: &Context) -> Result<()> {
    let line = |name: &str, value: &str| context.output.line(text::printable(&format!("{name:<10} {value}")));
    line("Kind", found.kind.as_str())?;
    if let Some(form) = form {
        line("Form", form)?;
    }
    line("Digest", digest)?;
    line("Size", &size(found.size))?;
    if !found.wasi.is_empty() {
        line("WASI", &found.wasi.join(", "))?;
    }
    for (name, values) in [("Imports", &found.imports), ("Exports", &found.exports)] {
        for (index, value) in values.iter().enumerate() {
            line(if index == 0 { name } else { "" }, value)?;
        }
    }
    for producer in &found.producers {
        line("Producer", &format!("{} {} {}", producer.field, producer.name, producer.version))?;
    }
    // A component has a hundred of them; one line a kind, the largest first, and all of them in the JSON.
    let mut kinds: Vec<(&str, u64, usize)> = Vec::new();
    for section in &found.sections {
        match kinds.iter_mut().find(|(name, ..)| *name == section.name) {
            Some((_, sum, count)) => (*sum, *count) = (*sum + section.size, *count + 1),
            None => kinds.push((section.name.as_str(), section.size, 1)),
        }
    }
    kinds.sort_by_key(|(_, sum, _)| std::cmp::Reverse(*sum));
    for (index, (name, sum, count)) in kinds.into_iter().enumerate() {
        let several = if count > 1 { format!(" in {count}") } else { String::new() };
        line(if index == 0 { "Sections" } else { "" }, &format!("{name:<16} {}{several}", size(sum)))?;
    }
    if let Some(world) = &found.world {
        context.output.line("")?;
        for line in world.lines() {
            context.output.line(text::printable(line))?;
        }
    }
    Ok(())
}

/// Whether a file begins like WebAssembly.
pub(super) fn is_wasm(path: &Path) -> Result<bool> {
    let mut magic = [0; 4];
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    Ok(file.read_exact(&mut magic).is_ok() && &magic == b"\0asm")
}

/// The bytes of a file, at most one more than may be, and how many may be.
pub(super) fn read(path: &Path, context: &Context) -> Result<(Vec<u8>, u64)> {
    let most = context.toolkit.limit(LIMIT)?;
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Error::io("open", path))?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok((bytes, most))
}

fn at(error: Error, path: &Path) -> Error {
    match error {
        Error::Image { code, message } => Error::Image { code, message: format!("{}: {message}", path.display()) },
        other => other,
    }
}

/// Seconds since 1970 as a date.
fn date(seconds: &str) -> Result<String> {
    let wrong = || Error::Usage(format!("SOURCE_DATE_EPOCH is {seconds}, not seconds since 1970"));
    let seconds: i64 = seconds.parse().map_err(|_| wrong())?;
    if !(0..=253_402_300_799).contains(&seconds) {
        return Err(wrong());
    }
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days from a first of March, in eras of 400 years, as the proleptic Gregorian calendar has them.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = era * 400 + year + i64::from(month <= 2);
    Ok(format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest / 60 % 60, rest % 60))
}
