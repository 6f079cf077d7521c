//! `digest`: the digests of files.

use super::{Context, Outcome};
use crate::failure;
use portolan::{Error, Result, digest, text};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;

/// Compute the digest of files
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan digest layer.tar.gz\n  \
    gunzip < layer.tar.gz | portolan digest --algorithm sha512 -")]
pub(crate) struct Args {
    /// The algorithm
    #[arg(long, short, value_enum, default_value = "sha256")]
    algorithm: Algorithm,
    /// The files; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
    Blake3,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let algorithm = match args.algorithm {
        Algorithm::Sha256 => "sha256",
        Algorithm::Sha384 => "sha384",
        Algorithm::Sha512 => "sha512",
        Algorithm::Blake3 => "blake3",
    };
    let mut shown = Vec::with_capacity(args.files.len());
    let mut failure = None;
    for file in &args.files {
        let (digest, size) = match context.waiting.during(|| compute(context, algorithm, file)) {
            Ok(computed) => computed,
            // The others are still wanted; the last error is the one that ends the run.
            Err(error) => {
                if let Some(error) = failure.replace(error) {
                    failure::print(&error, context.output.json);
                }
                continue;
            }
        };
        if context.output.json {
            shown.push(json!({ "file": file.to_string_lossy(), "digest": digest, "size": size }));
        } else {
            context.output.line(format!("{digest}  {}", text::path(file.as_bytes())))?;
        }
    }
    if context.output.json {
        context.print_json(&Value::Array(shown))?;
    }
    context.output.flush()?;
    failure.map_or(Ok(Outcome::Done), Err)
}

fn compute(context: &Context, algorithm: &str, file: &OsString) -> Result<(String, u64)> {
    if file == "-" {
        return digest::compute(&context.toolkit, algorithm, std::io::stdin().lock());
    }
    let open = File::open(file).map_err(Error::io("open", file))?;
    digest::compute(&context.toolkit, algorithm, open)
}
