//! `help`: the commands, and topics that belong to none of them.

use super::{Cli, Outcome};
use crate::output::{Align, Output, Style, Table};
use clap::CommandFactory as _;
use portolan::{Error, Result, Toolkit, limits};
use serde_json::json;

/// Print the help for a command or a topic: references, limits
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  portolan help unpack\n  portolan help references\n  portolan help limits")]
pub(crate) struct Args {
    /// A command, `references` or `limits`
    topic: Option<String>,
}

const REFERENCES: &str = "\
HOW IMAGES ARE NAMED

  [REGISTRY/]NAME[:TAG][@DIGEST]      an image at a registry: ghcr.io/org/app:1.0;
                                      docker.io and latest unless it is said otherwise
  docker://NAME[:TAG][@DIGEST]        the same, whatever is on disk
  oci:DIR[:TAG][@DIGEST]              an image layout in a directory
  oci-archive:FILE[:TAG][@DIGEST]     an image layout in a tar archive, plain or gzip
  docker-archive:FILE[:NAME][@DIGEST] an archive of `docker save`
  PATH[:TAG][@DIGEST]                 any of these: the content says what it is
  -                                   any of the archives on standard input

TAG is a tag, a whole image name, or @N for the Nth image of the place, from 0.
It may be left out where there is only one image. DIGEST names any manifest or
index of the place, those inside indexes too.

Of the several ways to read a name with colons, the one with the longest path
that exists is taken.

A name is a path where that path exists, and else a name at a registry. Registries
are spoken to over HTTPS, those of this machine over HTTP (--plain-http=BOOL).

HOW PLACES ARE NAMED THAT ARE WRITTEN TO

  [REGISTRY/]NAME[:TAG]               a repository at a registry
  oci:DIR[:TAG]                       a layout, which is made or added to
  oci-archive:FILE[:TAG]              a new archive of a layout
  docker-archive:FILE[:NAME]          a new archive for `docker load`, of one image
  PATH[:TAG]                          an archive if it ends in .tar, else a layout;
                                      a path that could be a name begins with ./
  -[:TAG]                             an archive of a layout on standard output

EXAMPLES
  portolan inspect alpine:3.20
  portolan inspect oci:images/busybox:1.36
  portolan inspect busybox.tar
  portolan inspect docker-archive:saved.tar:busybox:latest
  portolan inspect oci:images@sha256:9ae97d36d26566ff84e8893c64a6dc4fe8ca6d1144bf5b87b2b85a32def253c7
  docker save busybox | portolan inspect -
";

/// What each limit bounds, in the words of a user.
fn meaning(key: &str) -> &'static str {
    match key {
        "manifest-bytes" => "bytes of an index or manifest",
        "config-bytes" => "bytes of an image config",
        "json-depth" => "nesting of JSON values",
        "index-depth" => "indexes inside indexes",
        "index-entries" => "entries of one index",
        "layers" => "layers of one image",
        "archive-bytes" => "bytes of an archive that has to be copied before it can be read",
        "layer-bytes" => "compressed bytes of one layer",
        "layer-uncompressed-bytes" => "uncompressed bytes of one layer",
        "ratio" => "uncompressed over compressed bytes of one layer",
        "layer-entries" => "entries of one layer",
        "tree-entries" => "paths in the merged tree of an image",
        "path-bytes" => "bytes of one path",
        "name-bytes" => "bytes of one component of a path",
        "path-depth" => "components of one path",
        "header-bytes" => "bytes of one extended header of an archive",
        "sparse-bytes" => "bytes of one map of a sparse file",
        "xattr-bytes" => "bytes of all extended attributes of one entry",
        "zstd-window-bytes" => "bytes of a zstd window",
        "layer-metadata-bytes" => "bytes of names, links and attributes of one layer in memory",
        "wasm-bytes" => "bytes of WebAssembly that is compiled or read whole",
        "memory-bytes" => "bytes of memory of one component instance",
        "seconds" => "seconds that a command may take; 0 is no limit",
        _ => "",
    }
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<Outcome> {
    match args.topic.as_deref() {
        Some("references" | "reference") => output.bytes(REFERENCES.as_bytes())?,
        Some("limits") => print_limits(output)?,
        topic => {
            let mut command = Cli::command();
            command.build();
            let command = match topic {
                None => &mut command,
                Some(topic) => command.find_subcommand_mut(topic).ok_or_else(|| {
                    Error::Usage(format!("there is no help on {topic}; `portolan help` lists the commands"))
                })?,
            };
            let help = command.render_long_help();
            if output.is_tty {
                output.bytes(help.ansi().to_string().as_bytes())?;
            } else {
                output.bytes(help.to_string().as_bytes())?;
            }
        }
    }
    output.flush()?;
    Ok(Outcome::Done)
}

/// Prints every limit with its default.
pub(crate) fn print_limits(output: &Output) -> Result<()> {
    let defaults = limits::defaults(&Toolkit::new(Vec::new())?)?;
    if output.json {
        let values = defaults.into_iter().map(|limit| (limit.key, json!(limit.value))).collect();
        return output.line(format!("{:#}", serde_json::Value::Object(values)));
    }
    output.line(output.paint(Style::Strong, "WHAT AN IMAGE MAY ASK FOR"))?;
    output.line("")?;
    let mut table = Table::new(&[("KEY", Align::Left), ("DEFAULT", Align::Right), ("MEANING", Align::Left)]);
    for limit in defaults {
        table.row([limit.key.clone(), amount(limit.value), meaning(&limit.key).to_owned()]);
    }
    table.print(output, 2)?;
    output.line("\nValues take a suffix K, M, G or T: powers of 1024.\n\nEXAMPLE")?;
    output.line("  portolan verify --limits layers=16,ratio=200 oci:images/busybox")?;
    output.flush()
}

/// A value as it can be given.
fn amount(value: u64) -> String {
    for (shift, suffix) in [(40, 'T'), (30, 'G'), (20, 'M'), (10, 'K')] {
        if value > 0 && value.trailing_zeros() >= shift {
            return format!("{}{suffix}", value >> shift);
        }
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_meaning() {
        for limit in limits::defaults(Toolkit::shared().unwrap()).unwrap() {
            assert!(!meaning(&limit.key).is_empty(), "{} is not explained", limit.key);
        }
    }

    #[test]
    fn amounts_are_written_as_they_can_be_given() {
        assert_eq!(amount(0), "0");
        assert_eq!(amount(1000), "1000");
        assert_eq!(amount(4 << 20), "4M");
        assert_eq!(amount(256 << 30), "256G");
    }
}
