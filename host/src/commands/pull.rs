//! `pull`: an image from a registry to a layout.

use super::copy::{self, What};
use super::{Context, Outcome, remote};
use portolan::{Error, Result, reference};

/// Pull an image from a registry to a layout
///
/// This is `copy` to a layout in a directory, which is named as the repository unless it is said otherwise. A pull that was
/// stopped is gone on with, and what is there is not fetched again.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan pull alpine:3.20\n  \
    portolan pull --platform linux/arm64 ghcr.io/org/app:1.0 oci:images\n  \
    portolan pull --referrers ghcr.io/org/app:1.0 app.tar")]
pub(crate) struct Args {
    /// The image at a registry
    #[arg(value_name = "NAME")]
    name: String,
    /// Where to, as for `copy` [default: oci:./REPOSITORY]
    #[arg(value_name = "DST")]
    destination: Option<String>,
    #[command(flatten)]
    what: What,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let parsed = reference::parse(&context.toolkit, &args.name)?;
    let own = match remote(&parsed) {
        Some(name) => format!("oci:./{}", name.repository.rsplit('/').next().unwrap_or_default()),
        None => {
            return Err(Error::Usage(format!(
                "{} is a place on this machine; `portolan copy` copies from there, and docker://{0} is the name",
                args.name
            )));
        }
    };
    copy::transfer(&args.name, args.destination.as_deref().unwrap_or(&own), &args.what, context)
}
