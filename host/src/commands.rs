//! The commands, one file each: `Args` says what can be asked, `run` does it.
//!
//! What every command keeps to:
//! - answers go to standard output, everything else to standard error;
//! - `--json` answers one JSON value with the member names of the specifications and exact sizes;
//! - whatever comes from an image is made printable before a terminal sees it;
//! - the exit code is 0 when it is done, 1 when the image is wrong, 2 when the run failed.

mod artifact;
mod attach;
mod cat;
mod completion;
mod copy;
mod delete;
mod digest;
mod gc;
mod help;
mod inspect;
mod login;
mod logout;
mod ls;
mod platforms;
mod pull;
mod push;
mod referrers;
mod registry;
mod run;
mod serve;
mod tag;
mod tags;
mod tree;
mod unpack;
mod verify;
mod wasm;
mod waste;

use crate::output::Output;
use crate::signals::{self, Waiting};
use crate::watching::{Bars, Lines};
use clap::{Parser, Subcommand, ValueEnum};
use portolan::interrupt::Interrupt;
use portolan::layers::Layers;
use portolan::limits;
use portolan::manifest::{self, Resolved};
use portolan::platform::{self, Platform};
use portolan::progress::{Progress, Quiet};
use portolan::reference::{ImageReference, Name};
use portolan::registry::{Credentials, Registries};
use portolan::source::{self, Opened};
use portolan::{Error, Result, Toolkit, reference, text};
use std::io::IsTerminal as _;
use std::process::ExitCode;

/// Inspect, verify, unpack, copy and serve OCI images.
///
/// Images are read where they lie: registries, layouts, archives of layouts and of `docker save`, and standard input.
/// Nothing is believed before its digest is verified.
#[derive(Debug, Parser)]
#[command(
    name = "portolan",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 the image is wrong, 2 the run failed.\n\
                  `portolan help references` shows how images are named, `portolan help limits` what they may ask for."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<Outcome> {
        if self.global.limits.iter().any(|limits| limits == "help") {
            return help::print_limits(&Output::new(&self.global)).map(|()| Outcome::Done);
        }
        // These need no toolkit, and answer at once.
        match &self.command {
            Command::Completion(args) => return completion::run(args, &Output::new(&self.global)),
            Command::Help(args) => return help::run(args, &Output::new(&self.global)),
            // These stop in their own way, and read no image.
            Command::Serve(args) => return serve::run(args, &self.global, &Output::new(&self.global)),
            Command::Gc(args) => return gc::run(args, &Output::new(&self.global)),
            _ => {}
        }
        let context = Context::new(&self.global)?;
        let outcome = self.command.run(&context)?;
        context.output.flush()?;
        if !self.global.quiet {
            for warning in context.registries.take_warnings()? {
                context.output.warn(&format!("a registry says: {}", text::printable(&warning)));
            }
        }
        Ok(outcome)
    }
}

/// What every command understands.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say nothing but what was asked for
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Treat warnings as errors
    #[arg(long, global = true)]
    pub(crate) strict: bool,
    /// What an image may ask for, such as layers=16,ratio=200; `help` lists all limits
    #[arg(long, global = true, value_name = "KEY=VALUE,...")]
    pub(crate) limits: Vec<String>,
    /// How to show how far a long run is
    #[arg(long, global = true, value_name = "HOW", default_value = "auto", hide_default_value = true)]
    pub(crate) progress: Watching,
    /// How many blobs to read at once [default: one a processor; at registries at least 4]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    #[command(flatten)]
    pub(crate) registry: registry::Args,
}

/// How to show how far a long run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Watching {
    /// Bars, where standard error is a terminal
    Auto,
    /// One JSON object a line on standard error
    Json,
    /// Nothing
    None,
}

/// Which image a command is about.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ImageArgs {
    /// The image, such as oci:DIR:TAG, an archive, or - for standard input; see `help references`
    #[arg(value_name = "IMAGE")]
    pub(crate) image: String,
    /// The platform, such as linux/arm64; several in the order of preference [default: this machine's]
    #[arg(long, short, value_name = "OS/ARCH", value_delimiter = ',')]
    pub(crate) platform: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Inspect(inspect::Args),
    Platforms(platforms::Args),
    Verify(verify::Args),
    Unpack(unpack::Args),
    Tree(tree::Args),
    Ls(ls::Args),
    Cat(cat::Args),
    Waste(waste::Args),
    Copy(copy::Args),
    Pull(pull::Args),
    Push(push::Args),
    Tag(tag::Args),
    Delete(delete::Args),
    Tags(tags::Args),
    Referrers(referrers::Args),
    Attach(attach::Args),
    Artifact(artifact::Args),
    Wasm(wasm::Args),
    Login(login::Args),
    Logout(logout::Args),
    Digest(digest::Args),
    Run(run::Args),
    Serve(serve::Args),
    Gc(gc::Args),
    Completion(completion::Args),
    Help(help::Args),
}

impl Command {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        match self {
            Self::Inspect(args) => inspect::run(args, context),
            Self::Platforms(args) => platforms::run(args, context),
            Self::Verify(args) => verify::run(args, context),
            Self::Unpack(args) => unpack::run(args, context),
            Self::Tree(args) => tree::run(args, context),
            Self::Ls(args) => ls::run(args, context),
            Self::Cat(args) => cat::run(args, context),
            Self::Waste(args) => waste::run(args, context),
            Self::Copy(args) => copy::run(args, context),
            Self::Pull(args) => pull::run(args, context),
            Self::Push(args) => push::run(args, context),
            Self::Tag(args) => tag::run(args, context),
            Self::Delete(args) => delete::run(args, context),
            Self::Tags(args) => tags::run(args, context),
            Self::Referrers(args) => referrers::run(args, context),
            Self::Attach(args) => attach::run(args, context),
            Self::Artifact(args) => artifact::run(args, context),
            Self::Wasm(args) => wasm::run(args, context),
            Self::Login(args) => login::run(args, context),
            Self::Logout(args) => logout::run(args, context),
            Self::Digest(args) => digest::run(args, context),
            Self::Run(args) => run::run(args, context),
            // These have run already: they need no context.
            Self::Serve(_) | Self::Gc(_) | Self::Completion(_) | Self::Help(_) => Ok(Outcome::Done),
        }
    }
}

/// Fails unless what a place lists can be changed there.
fn check_layout(opened: &Opened) -> Result<()> {
    if opened.path.is_dir() {
        return Ok(());
    }
    let reason = format!("what {} lists cannot be changed", opened.source.kind());
    Err(Error::Destination { path: opened.path.clone(), reason })
}

/// The name at a registry that a reference means, where nothing on disk is meant.
pub(crate) fn remote(reference: &ImageReference) -> Option<&Name> {
    let is_here = |path: &str| std::path::Path::new(path).symlink_metadata().is_ok();
    let is_here = reference.candidates.iter().any(|candidate| is_here(&candidate.path));
    reference.name.as_ref().filter(|_| !is_here)
}

/// How a run ended that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done.
    Done,
    /// It is done, and the image is wrong.
    Wrong,
    /// A program was run, and ended with this code.
    Exit(u8),
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Wrong => Self::from(crate::failure::WRONG),
            Outcome::Exit(code) => Self::from(code),
        }
    }
}

/// Blobs that are transferred at once unless it is said otherwise.
const TRANSFERS: usize = 4;

/// What every command works with.
pub(crate) struct Context {
    /// The toolkit, with the limits in force.
    pub(crate) toolkit: Toolkit,
    /// Where answers go.
    pub(crate) output: Output,
    /// Whether warnings are errors.
    pub(crate) strict: bool,
    /// How many blobs are read at once.
    pub(crate) jobs: usize,
    /// When to stop.
    pub(crate) interrupt: Interrupt,
    /// Where a signal ends the run at once.
    pub(crate) waiting: Waiting,
    /// Who watches.
    pub(crate) progress: Box<dyn Progress>,
    /// The registries that are spoken to.
    pub(crate) registries: Registries,
    /// What was given to get into a registry.
    given: Option<Credentials>,
    /// The name that was given without a password.
    username: Option<String>,
    is_jobs_given: bool,
}

impl Context {
    pub(crate) fn new(global: &Global) -> Result<Self> {
        let mut toolkit = Toolkit::new(Vec::new())?;
        let mut interrupt = Interrupt::default();
        if !global.limits.is_empty() {
            let given = limits::parse(&toolkit, &global.limits.join(",")).map_err(Error::into_usage)?;
            if let Some(seconds) = given.iter().rev().find(|limit| limit.key == "seconds") {
                interrupt = interrupt.after(seconds.value);
            }
            toolkit = toolkit.with_limits(given);
        }
        let waiting = Waiting::default();
        signals::listen(&interrupt, &waiting, global.json)?;
        let jobs = match global.jobs {
            Some(jobs) => usize::from(jobs),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let progress: Box<dyn Progress> = match global.progress {
            Watching::Auto if !global.quiet && std::io::stderr().is_terminal() => Box::new(Bars::new()),
            Watching::Json => Box::new(Lines::default()),
            Watching::Auto | Watching::None => Box::new(Quiet),
        };
        let output = Output::new(global);
        let registries = Registries::new(&toolkit, global.registry.options(&toolkit, &interrupt)?);
        let given = global.registry.credentials()?;
        let (username, strict) = (global.registry.username.clone(), global.strict);
        let is_jobs_given = global.jobs.is_some();
        Ok(Self {
            toolkit,
            output,
            strict,
            jobs,
            interrupt,
            waiting,
            progress,
            registries,
            given,
            username,
            is_jobs_given,
        })
    }

    /// Hands what was given to get in to the registry that is meant.
    pub(crate) fn authorize(&self, reference: &ImageReference) {
        if let (Some(credentials), Some(name)) = (&self.given, &reference.name) {
            self.registries.authorize(&name.registry, credentials.clone());
        }
    }

    /// The same for a registry by its name.
    pub(crate) fn authorize_at(&self, registry: &str) {
        if let Some(credentials) = &self.given {
            self.registries.authorize(registry, credentials.clone());
        }
    }

    /// Whether something was given to get in.
    pub(crate) fn is_given(&self) -> bool {
        self.given.is_some()
    }

    /// How many blobs are transferred at once. A connection is rarely as fast as a processor, so there are some more of
    /// them to registries.
    pub(crate) fn transfers(&self, is_remote: bool) -> usize {
        if is_remote && !self.is_jobs_given { self.jobs.max(TRANSFERS) } else { self.jobs }
    }

    /// Opens the place that a reference points to.
    pub(crate) fn place(&self, image: &ImageArgs) -> Result<Opened> {
        let reference = reference::parse(&self.toolkit, &image.image)?;
        self.authorize(&reference);
        self.waiting.during(|| source::open(&self.toolkit, &self.registries, &reference))
    }

    /// The platforms that were asked for, in the order of preference.
    pub(crate) fn platforms(&self, image: &ImageArgs) -> Result<Vec<Platform>> {
        image.platform.iter().map(|platform| platform::parse(&self.toolkit, platform)).collect()
    }

    /// Opens the place that a reference points to and finds the image that is meant there.
    pub(crate) fn open(&self, image: &ImageArgs) -> Result<(Opened, Resolved)> {
        let platforms = self.platforms(image)?;
        let opened = self.place(image)?;
        let wanted = platform::wanted(&platforms);
        let resolved = manifest::resolve(&self.toolkit, opened.source.as_ref(), &opened.selector, wanted)?;
        Ok((opened, resolved))
    }

    /// The layers of an image.
    pub(crate) fn layers<'a>(&'a self, opened: &'a Opened, image: &'a Resolved) -> Layers<'a> {
        Layers {
            toolkit: &self.toolkit,
            source: opened.source.as_ref(),
            image,
            count: None,
            strict: self.strict,
            jobs: self.jobs,
            progress: self.progress.as_ref(),
            interrupt: &self.interrupt,
        }
    }

    /// Prints the answer to `--json`.
    pub(crate) fn print_json(&self, value: &serde_json::Value) -> Result<()> {
        self.output.line(text::json(&format!("{value:#}")))
    }
}
