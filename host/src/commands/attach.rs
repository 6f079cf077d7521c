//! `attach`: an artifact about an image: a signature, an SBOM, whatever is to be found with it.

use super::artifact::{self, Content};
use super::referrers::subject;
use super::{Context, ImageArgs, Outcome};
use portolan::Result;

/// Attach files to an image
///
/// They become an artifact whose subject is the image: `portolan referrers` lists it, and `copy --referrers` takes it along.
/// Without --platform the subject is what the name means itself, which may be a whole index.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan attach --artifact-type application/spdx+json ghcr.io/org/app:1.0 sbom.json:application/spdx+json\n  \
    portolan attach --artifact-type application/vnd.example.note oci:images:app note.txt:text/plain")]
pub(crate) struct Args {
    #[command(flatten)]
    image: ImageArgs,
    #[command(flatten)]
    content: Content,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (opened, subject) = subject(context, &args.image)?;
    let place = match opened.source.repository() {
        Some(repository) => format!("docker://{}/{}", repository.registry, repository.name),
        None => {
            super::check_layout(&opened)?;
            format!("oci:{}", opened.path.display())
        }
    };
    let files = artifact::pack(&args.content, Some(subject), context)?;
    artifact::put(&files, files.descriptor(), &place, Some(&args.image.image), context)
}
