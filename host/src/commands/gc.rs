//! `gc`: removing what no manifest of a layout needs.

use super::Outcome;
use crate::output::{Output, count, size};
use portolan::store::{Place, Rules, Store};
use portolan::{Error, Result};
use serde_json::json;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Remove blobs that no manifest of a layout needs
///
/// It is safe while the layouts are served or pushed to: what was written, or asked for by a push, during the grace time
/// stays. Manifests stay as long as they are listed, with a tag or without.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan gc --dry-run\n  \
    portolan gc images/ --grace 1h\n  \
    portolan gc ./busybox-layout")]
pub(crate) struct Args {
    /// The layouts, as for `portolan serve` [default: portolan/registry in the user's data directory]
    #[arg(value_name = "LAYOUT")]
    layouts: Vec<String>,
    /// How old something must be to go
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    grace: Seconds,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

/// A duration as people write it: `90s`, `15m`, `24h`, `7d`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) Duration);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (digits, unit) = match text.char_indices().find(|(_, char)| !char.is_ascii_digit()) {
            Some((place, _)) => text.split_at(place),
            None => (text, "s"),
        };
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return Err("expected a number with s, m, h or d, such as 24h".to_owned()),
        };
        let seconds = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        let seconds = seconds.filter(|seconds| *seconds <= 100 * 365 * 24 * 60 * 60);
        seconds
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or_else(|| "expected a number with s, m, h or d".to_owned())
    }
}

/// The places that are named, or the one of the user.
pub(crate) fn places(layouts: &[String]) -> Result<Vec<Place>> {
    if !layouts.is_empty() {
        return layouts.iter().map(|layout| Place::parse(layout)).collect();
    }
    let directory = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = directory("XDG_DATA_HOME").or_else(|| directory("HOME").map(|home| home.join(".local/share")));
    let data = data.ok_or_else(|| Error::Usage("there is no HOME to keep images in: name a directory".to_owned()))?;
    Ok(vec![Place::Root(data.join("portolan/registry"))])
}

pub(crate) fn run(args: &Args, output: &Output) -> Result<Outcome> {
    let places = places(&args.layouts)?;
    for place in &places {
        let (Place::Root(directory) | Place::Layout { directory, .. }) = place;
        if !directory.is_dir() {
            return Err(Error::Source { path: directory.clone(), reason: "there is no such directory".to_owned() });
        }
    }
    let collected = Store::open(places, Rules::default())?.collect(args.grace.0, args.dry_run)?;
    if output.json {
        let value = json!({ "blobs": collected.blobs, "uploads": collected.uploads, "bytes": collected.bytes });
        output.line(format!("{value:#}"))?;
    } else if !output.quiet {
        let blobs = count(collected.blobs, "blob", "blobs");
        let uploads = count(collected.uploads, "upload", "uploads");
        let verb = if args.dry_run { "would remove" } else { "removed" };
        output.line(format!("{verb} {blobs} and {uploads}, {}", size(collected.bytes)))?;
    }
    output.flush()?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let seconds = |text: &str| text.parse::<Seconds>().map(|seconds| seconds.0.as_secs()).ok();
        assert_eq!((seconds("90"), seconds("90s"), seconds("2m")), (Some(90), Some(90), Some(120)));
        assert_eq!((seconds("24h"), seconds("7d"), seconds("0s")), (Some(86_400), Some(604_800), Some(0)));
        for text in ["", "h", "-1s", "1w", "1.5h", "99999999999999999999d", "9999999999d"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
