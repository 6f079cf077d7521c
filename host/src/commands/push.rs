//! `push`: an image to a registry.

use super::copy::{self, What};
use super::{Context, Outcome};
use portolan::sink::{self, Destination};
use portolan::{Error, Result, reference};

/// Push an image to a registry
///
/// This is `copy` to a name at a registry. Blobs that are there are not sent, nor those that can be mounted from the
/// repository they come from.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan push oci:images:app ghcr.io/org/app:1.0\n  \
    portolan push saved.tar localhost:5000/app:1.0")]
pub(crate) struct Args {
    /// The image, such as oci:DIR:TAG, an archive, or - for standard input; see `help references`
    #[arg(value_name = "SRC")]
    source: String,
    /// The name at a registry
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    what: What,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (destination, _) = sink::destination(&reference::parse_destination(&context.toolkit, &args.name)?)?;
    if !matches!(destination, Destination::Registry(_)) {
        let name = &args.name;
        return Err(Error::Usage(format!(
            "{name} is a place on this machine; docker://{name} is the name at a registry"
        )));
    }
    copy::transfer(&args.source, &args.name, &args.what, context)
}
