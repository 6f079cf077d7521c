//! `serve`: a registry over image layouts.

use super::gc::{Seconds, places};
use super::{Global, Outcome};
use crate::output::{Output, complain};
use portolan::interrupt::Interrupt;
use portolan::registry::Registries;
use portolan::serve::{Access, Explorer, LogFormat, Server, Upstreams};
use portolan::store::{Rules, Store};
use portolan::{Error, Result, Toolkit};
use portolan_image::Limits;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Serve image layouts as a registry
///
/// A LAYOUT is DIR or NAME=DIR. A directory with an `oci-layout` file is one repository, called NAME or as the directory
/// is. Any other directory is a root, made when it is missing: every repository is a layout in the directory of its name,
/// and pushes of new repositories go to the first root. Other tools may read and write the layouts meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan serve\n  \
    portolan serve images/ --listen 0.0.0.0:5000 --htpasswd users --tls-cert cert.pem --tls-key key.pem\n  \
    portolan serve busybox=./busybox-layout --read-only --cors '*'\n  \
    portolan serve cache/ --proxy docker.io=https://registry-1.docker.io --metrics --access-log\n  \
    portolan serve --explorer --explorer-registry docker.io --explorer-registry ghcr.io")]
pub(crate) struct Args {
    /// What to serve: DIR or NAME=DIR [default: portolan/registry in the user's data directory]
    #[arg(value_name = "LAYOUT")]
    layouts: Vec<String>,
    /// Where to listen; may be given several times; port 0 is any that is free
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:5000")]
    listen: Vec<String>,
    /// Take no pushes and no deletes, and write nothing
    #[arg(long)]
    read_only: bool,
    /// Let in only who is in this file of names and bcrypt hashes, as `htpasswd -B` writes it
    #[arg(long, value_name = "FILE")]
    htpasswd: Option<PathBuf>,
    /// The certificates for TLS, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key for TLS, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Pull what clients ask for with ns=NAME from the registry at URL, and keep it; may be given several times
    #[arg(long, value_name = "NAME=URL")]
    proxy: Vec<String>,
    /// Let pages of this origin read, or of any with *; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    cors: Vec<String>,
    /// Serve the image explorer, a page for browsers, at / beside the registry
    #[arg(long)]
    explorer: bool,
    /// Let the explorer read this registry through the server, as whom `portolan login` knows; may be given several times
    #[arg(long, value_name = "HOST", requires = "explorer")]
    explorer_registry: Vec<String>,
    /// A name under which the explorer is reached from other machines; then --listen may be any address
    #[arg(long, value_name = "HOST[:PORT]", requires = "explorer")]
    explorer_host: Vec<String>,
    /// Serve the explorer from this directory instead of the one in the program
    #[arg(long, value_name = "DIR", requires = "explorer")]
    explorer_dir: Option<PathBuf>,
    /// Say every request on standard error; in JSON with --json
    #[arg(long)]
    access_log: bool,
    /// Answer /metrics in the text format of Prometheus
    #[arg(long)]
    metrics: bool,
    /// Remove blobs that no manifest needs and that nobody asked for during so long; otherwise they stay
    #[arg(long, value_name = "DURATION")]
    gc_grace: Option<Seconds>,
    /// Forget uploads that nobody went on with for so long
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    upload_expiry: Seconds,
    /// Refuse manifests that need blobs or manifests which are not there
    #[arg(long)]
    complete: bool,
}

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Outcome> {
    let given = Limits::default().with(&global.limits.join(",")).map_err(|error| Error::Usage(error.to_string()))?;
    let rules = Rules { read_only: args.read_only, limits: given, complete: args.complete };
    let store = Store::open(places(&args.layouts)?, rules)?;
    let mut builder = Server::builder(store).cors(args.cors.clone()).expiry(args.upload_expiry.0);
    for address in &args.listen {
        builder = builder.listen(address);
    }
    if let (Some(certificates), Some(key)) = (&args.tls_cert, &args.tls_key) {
        builder = builder.tls(certificates, key);
    }
    if let Some(file) = &args.htpasswd {
        builder = builder.access(Access::read(file)?);
    }
    if !args.proxy.is_empty() {
        let toolkit = Toolkit::new(Vec::new())?;
        let options = global.registry.options(&toolkit, &Interrupt::default())?;
        let mut upstreams = Upstreams::new(&toolkit, options);
        for proxy in &args.proxy {
            let (name, url) = proxy.split_once('=').unwrap_or((proxy, ""));
            upstreams.add(name, url)?;
        }
        builder = builder.proxy(upstreams);
    }
    if args.explorer {
        builder = builder.explorer(explorer(args, global)?);
    }
    if args.access_log {
        builder = builder.access_log(if output.json { LogFormat::Json } else { LogFormat::Text });
    }
    if args.metrics {
        builder = builder.metrics();
    }
    if let Some(grace) = args.gc_grace {
        builder = builder.grace(grace.0);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Error::io("start threads for", "the server"))?;
    runtime.block_on(async {
        let stop = |kind| signal(kind).map_err(Error::io("listen to", "the signals of the system"));
        let mut signals = [stop(SignalKind::terminate())?, stop(SignalKind::interrupt())?];
        let server = builder.bind().await?;
        if !output.quiet {
            for address in server.addresses() {
                let url = format!("{}://{address}", server.scheme());
                complain(&match output.json {
                    true => serde_json::json!({ "event": "listening", "url": url }).to_string(),
                    false => format!("listening on {url}"),
                });
            }
            for url in server.explorer_urls() {
                complain(&match output.json {
                    true => serde_json::json!({ "event": "explorer", "url": url }).to_string(),
                    false => format!("explorer at {url}"),
                });
            }
        }
        let [terminate, interrupt] = &mut signals;
        let stopped = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        // Whoever asks a second time does not want to wait for the requests that are still running.
        let hurry = tokio::spawn(async {
            let (Ok(mut terminate), Ok(mut interrupt)) =
                (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
            else {
                return;
            };
            for _ in 0..2 {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            std::process::exit(i32::from(crate::failure::FAILED));
        });
        server.run(stopped).await;
        hurry.abort();
        Ok(Outcome::Done)
    })
}

/// The explorer that was asked for.
fn explorer(args: &Args, global: &Global) -> Result<Explorer> {
    let toolkit = Toolkit::new(Vec::new())?;
    let registries = Registries::new(&toolkit, global.registry.options(&toolkit, &Interrupt::default())?);
    let mut explorer = match &args.explorer_dir {
        Some(directory) => Explorer::from_directory(registries, directory)?,
        None => Explorer::embedded(registries)?,
    };
    for host in &args.explorer_registry {
        explorer = explorer.proxy(host)?;
    }
    for name in &args.explorer_host {
        explorer = explorer.reached_as(name)?;
    }
    Ok(explorer)
}
