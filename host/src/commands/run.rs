//! `run`: the WebAssembly in an image.

use super::gc::Seconds;
use super::{Context, ImageArgs, Outcome, wasm};
use crate::output::complain;
use portolan::manifest;
use portolan::platform;
use portolan::workload::{self, Bounds, Builder, Cache, Grants, Mount, Prepared, Rootfs, Serving, World};
use portolan::{Error, Result, text};
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::path::Path;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Where HTTP is answered unless it is said.
const LISTEN: &str = "127.0.0.1:8080";

/// Run the WebAssembly in an image
///
/// IMAGE is an image in any form in which WebAssembly is packaged, at a registry or anywhere else, or a file of WebAssembly.
/// It is verified before it runs. Its entry point, arguments, variables and working directory are honoured, and what follows
/// IMAGE stands instead of its arguments.
///
/// The program has its own files, to read, the clock, random numbers and the standard streams; all else is granted with
/// options. Its exit code is the command's; 134 is a program that failed.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan run ghcr.io/org/tool:1.0 --its --options\n  \
    portolan run --mount .:/src:ro --env LANG oci:images/lint:1.0 /src\n  \
    portolan run --http 127.0.0.1:8080 ghcr.io/org/site:1.0\n  \
    portolan run --invoke 'add(1, 2)' calculator.wasm\n  \
    portolan run --timeout 10s --memory 64M --allow-http api.example.com untrusted.wasm")]
pub(crate) struct Args {
    /// The image or file, and the arguments instead of the image's own
    #[arg(value_names = ["IMAGE", "ARGS"], required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    /// The platform, such as wasi/wasm; several in the order of preference [default: WebAssembly with the newest WASI]
    #[arg(long, short, value_name = "OS/ARCH", value_delimiter = ',')]
    platform: Vec<String>,
    /// The entry point, instead of the image's own
    #[arg(long, value_name = "PATH")]
    entrypoint: Option<String>,
    /// A variable; with a name alone, its value here; may be given several times
    #[arg(long, short, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// A directory of this machine; may be given several times
    #[arg(long, value_name = "HOST:GUEST[:ro]")]
    mount: Vec<Mount>,
    /// Let the program write to its own files; they are gone when it ends
    #[arg(long)]
    writable: bool,
    /// Let the program connect to these addresses, send to them and bind them
    #[arg(long, value_name = "HOST:PORT,...", value_delimiter = ',')]
    allow_net: Vec<String>,
    /// Let requests of the program go to these hosts
    #[arg(long, value_name = "HOST[:PORT],...", value_delimiter = ',')]
    allow_http: Vec<String>,
    /// How much memory the program may take
    #[arg(long, value_name = "BYTES", default_value = "1G", value_parser = bytes)]
    memory: u64,
    /// How many elements a table of it may have
    #[arg(long, value_name = "N", default_value_t = Bounds::default().table_elements)]
    table_elements: usize,
    /// How many core instances a component may be made of
    #[arg(long, value_name = "N", default_value_t = Bounds::default().instances)]
    instances: usize,
    /// How long it may run; of a server, one request [default: no limit, and 30s for requests]
    #[arg(long, value_name = "DURATION")]
    timeout: Option<Seconds>,
    /// How much it may compute, about one an instruction
    #[arg(long, value_name = "N")]
    fuel: Option<u64>,
    /// Answer HTTP here [default for programs that answer HTTP: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<String>,
    /// How many requests are answered at once
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    max_concurrent: u32,
    /// Call a function that the program exports, with values in WAVE, and print what it answers
    #[arg(long, value_name = "NAME(VALUES)", conflicts_with = "http")]
    invoke: Option<String>,
    /// Compile anew, and keep nothing
    #[arg(long)]
    no_cache: bool,
}

/// A number with an optional suffix K, M, G or T, powers of 1024.
fn bytes(text: &str) -> std::result::Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1_u64 << 40,
        _ => return Err("expected a number of bytes, such as 64M".to_owned()),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    number.ok_or_else(|| "expected a number of bytes, such as 64M".to_owned())
}

impl Args {
    fn bounds(&self) -> Bounds {
        Bounds {
            memory: self.memory,
            table_elements: self.table_elements,
            instances: self.instances,
            timeout: self.timeout.as_ref().map(|timeout| timeout.0),
            fuel: self.fuel,
        }
    }

    fn grants(&self) -> Result<Grants> {
        let mut grants = Grants { mounts: self.mount.clone(), http: self.allow_http.clone(), ..Grants::default() };
        for address in &self.allow_net {
            grants.allow_network(address)?;
        }
        for variable in &self.env {
            match variable.split_once('=') {
                Some((name, value)) => grants.env.push((name.to_owned(), value.to_owned())),
                // What is not set here is not set there.
                None => grants.env.extend(std::env::var(variable).ok().map(|value| (variable.clone(), value))),
            }
        }
        Ok(grants)
    }
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let cache = match args.no_cache {
        true => None,
        false => Cache::of_user().unwrap_or_else(|error| {
            context.output.warn(&format!("compiled code is not kept: {error}"));
            None
        }),
    };
    let (image, rest) = args.command.split_first().ok_or_else(|| Error::Usage("no image is named".to_owned()))?;
    let image = ImageArgs { image: image.clone(), platform: args.platform.clone() };
    let mut builder = Builder::new().args(rest).grants(args.grants()?).bounds(args.bounds());
    builder = builder.cache(cache.clone()).writable(args.writable);
    if let Some(entrypoint) = &args.entrypoint {
        builder = builder.entrypoint(vec![entrypoint.clone()]);
    }
    let prepared = match bare(&image.image, context)? {
        Some(bytes) => {
            let name = image.image.rsplit('/').next().unwrap_or_default();
            builder.prepare_bytes(name, bytes)?
        }
        None => {
            let opened = context.place(&image)?;
            let wanted = match image.platform.is_empty() {
                true => workload::platforms(&context.toolkit, &platform::host())?,
                false => context.platforms(&image)?,
            };
            let (source, wanted) = (opened.source.as_ref(), platform::wanted(&wanted));
            let resolved = manifest::resolve(&context.toolkit, source, &opened.selector, wanted)?;
            builder.prepare(&context.layers(&opened, &resolved))?
        }
    };
    for warning in &prepared.warnings {
        context.output.warn(&text::printable(warning));
    }
    let answers_http = matches!(prepared.program.world, World::Http2 | World::Http3);
    if args.invoke.is_none() && (args.http.is_some() || answers_http) {
        return serve(args, context, prepared, cache.as_ref());
    }
    execute(args, context, &prepared)
}

/// The bytes of a file that is WebAssembly itself and no image; nothing for all else.
fn bare(image: &str, context: &Context) -> Result<Option<Vec<u8>>> {
    let path = Path::new(image);
    if !path.is_file() || !wasm::is_wasm(path)? {
        return Ok(None);
    }
    let (bytes, most) = wasm::read(path, context)?;
    match bytes.len() as u64 > most {
        true => Err(Error::exceeded(text::printable(image), most, wasm::LIMIT)),
        false => Ok(Some(bytes)),
    }
}

fn execute(args: &Args, context: &Context, Prepared { program, guest, .. }: &Prepared) -> Result<Outcome> {
    end_at_signals(guest.root.clone())?;
    // What came while it was made ready is not lost.
    context.interrupt.check()?;
    if let Some(call) = &args.invoke {
        let results = program.invoke(guest, call)?;
        if context.output.json {
            context.print_json(&json!(results))?;
        } else {
            for result in results {
                context.output.line(text::printable(&result))?;
            }
        }
        return Ok(Outcome::Done);
    }
    // Exit codes are one byte; what is more than that keeps its lowest.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    program.run(guest).map(|exit| Outcome::Exit(exit.0 as u8))
}

fn serve(args: &Args, context: &Context, prepared: Prepared, cache: Option<&Cache>) -> Result<Outcome> {
    let asked = (args.http.as_deref().unwrap_or(LISTEN), args.max_concurrent);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Error::io("start threads for", "the server"))?;
    runtime.block_on(async {
        let stop = |kind| signal(kind).map_err(Error::io("listen to", "the signals of the system"));
        let mut signals = [stop(SignalKind::terminate())?, stop(SignalKind::interrupt())?];
        context.interrupt.check()?;
        let serving = Serving::bind(prepared, &args.bounds(), cache, asked).await?;
        if !context.output.quiet {
            let url = format!("http://{}", serving.address());
            complain(&match context.output.json {
                true => json!({ "event": "listening", "url": url }).to_string(),
                false => format!("listening on {url}"),
            });
        }
        let [terminate, interrupt] = &mut signals;
        let stopped = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        serving.run(stopped).await;
        Ok(Outcome::Done)
    })
}

/// Ends the process at the first signal, whatever the guest does, with nothing left of its files.
fn end_at_signals(root: Option<Arc<Rootfs>>) -> Result<()> {
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])
        .map_err(Error::io("listen to", "the signals of the system"))?;
    let root = root.as_ref().map(Arc::downgrade);
    let listener = move || {
        if let Some(signal) = signals.forever().next() {
            if let Some(root) = root.and_then(|root| root.upgrade()) {
                root.remove();
            }
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    };
    let thread = std::thread::Builder::new().name("tidying".to_owned()).stack_size(256 * 1024);
    thread.spawn(listener).map_err(Error::io("start a thread for", "signals"))?;
    Ok(())
}
