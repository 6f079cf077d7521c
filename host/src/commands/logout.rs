//! `logout`: forgetting what lets us into a registry.

use super::{Context, Outcome, login};
use portolan::Result;
use portolan::credentials;
use serde_json::json;

/// Forget the credentials of a registry
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  portolan logout ghcr.io")]
pub(crate) struct Args {
    /// Such as ghcr.io or localhost:5000
    #[arg(value_name = "REGISTRY", default_value = "docker.io")]
    registry: String,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let registry = login::registry(&args.registry);
    let place = credentials::store(&context.toolkit, registry, None)?;
    if context.output.json {
        context.print_json(&json!({ "registry": registry, "removed": place }))?;
    }
    Ok(Outcome::Done)
}
