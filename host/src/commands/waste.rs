//! `waste`: bytes that layers hold and the image does not show.

mod threshold;

use super::{Context, ImageArgs, Outcome};
use crate::listing;
use crate::output::{Align, Style, Table, complain, count, size};
use portolan::tree::Waste;
use portolan::{Result, text};
use serde_json::{Map, Value, json};
use threshold::{Efficiency, Wasted};

/// Show what could be saved
///
/// Wasted are the bytes of files that a later layer replaced or removed: they are stored and fetched, and nobody sees
/// them. The efficiency is the one of dive: the smallest size that any layer gives each path, over all that is stored.
#[derive(Debug, clap::Args)]
#[command(after_help = "EXAMPLES:\n  \
    portolan waste oci:images/busybox:1.36\n  \
    portolan waste --fail-above 5% --fail-above 20MB busybox.tar\n  \
    portolan waste --json --top 0 busybox.tar | jq .efficiency\n\n\
    Sizes may be given in kB, MB, GB (powers of 1000) or K, M, G, KiB, MiB, GiB (powers of 1024).")]
pub(crate) struct Args {
    #[command(flatten)]
    image: ImageArgs,
    /// How many of the worst paths to show; 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: u32,
    /// Exit with 1 when more is wasted: a part of what is stored, such as 5%, or a size, such as 20MB
    #[arg(long, value_name = "PERCENT|SIZE", value_delimiter = ',')]
    fail_above: Vec<Wasted>,
    /// Exit with 1 when the efficiency is lower, such as 0.95 or 95%
    #[arg(long, value_name = "EFFICIENCY")]
    fail_below: Option<Efficiency>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<Outcome> {
    let (opened, image) = context.open(&args.image)?;
    let (tree, _) = context.layers(&opened, &image).tree()?;
    let most = if args.top == 0 { u32::MAX } else { args.top };
    // One more shows whether there are more.
    let mut waste = tree.waste(most.saturating_add(1))?;
    let has_more = waste.paths.len() > most as usize;
    waste.paths.truncate(most as usize);
    let percent = percent(&waste);
    let failures = failures(args, &waste, percent);
    if context.output.json {
        let mut shown = listing::head(&args.image, &image);
        shown.insert("efficiency".to_owned(), json!(waste.efficiency));
        shown.insert("totalBytes".to_owned(), json!(waste.total_bytes));
        shown.insert("wastedBytes".to_owned(), json!(waste.wasted_bytes));
        shown.insert("wastedPercent".to_owned(), json!(percent));
        shown.insert("failures".to_owned(), json!(failures));
        let paths = waste.paths.iter().map(|path| {
            let mut shown = Map::new();
            text::insert(&mut shown, "path", &path.path);
            shown.insert("bytes".to_owned(), json!(path.bytes));
            shown.insert("count".to_owned(), json!(path.count));
            Value::Object(shown)
        });
        shown.insert("paths".to_owned(), paths.collect());
        context.print_json(&Value::Object(shown))?;
    } else {
        print(context, &waste, percent, has_more, image.manifest.layers.len())?;
        context.output.flush()?;
        for failure in &failures {
            complain(&format!("{} {failure}", Style::Bad.paint(crate::output::stderr_colours(), "too much:")));
        }
    }
    Ok(if failures.is_empty() { Outcome::Done } else { Outcome::Wrong })
}

/// The wasted part of what is stored.
#[allow(clippy::cast_precision_loss, reason = "a ratio, and 53 bits are more than it shows")]
fn percent(waste: &Waste) -> f64 {
    if waste.total_bytes == 0 { 0.0 } else { waste.wasted_bytes as f64 * 100.0 / waste.total_bytes as f64 }
}

/// The thresholds that are passed, each in a line.
fn failures(args: &Args, waste: &Waste, percent: f64) -> Vec<String> {
    let above = args.fail_above.iter().filter_map(|threshold| match *threshold {
        Wasted::Percent(most) if percent > most => Some(format!("{percent:.2}% is wasted, above {most}%")),
        Wasted::Bytes(most) if waste.wasted_bytes > most => {
            Some(format!("{} bytes are wasted, above {most}", waste.wasted_bytes))
        }
        _ => None,
    });
    let below = args.fail_below.filter(|least| waste.efficiency < least.0);
    let below = below.map(|least| format!("the efficiency is {:.4}, below {}", waste.efficiency, least.0));
    above.chain(below).collect()
}

fn print(context: &Context, waste: &Waste, percent: f64, has_more: bool, layers: usize) -> Result<()> {
    let output = &context.output;
    let line =
        |name: &str, value: &str| output.line(format!("{}  {value}", output.paint(Style::Dim, &format!("{name:10}"))));
    let layers = count(layers as u64, "layer", "layers");
    line("Efficiency", &output.paint(Style::Strong, &format!("{:.1} %", floor(waste.efficiency * 100.0))))?;
    line("Stored", &format!("{} of files in {layers}", size(waste.total_bytes)))?;
    line("Wasted", &format!("{} ({percent:.1} %)", size(waste.wasted_bytes)))?;
    if waste.paths.is_empty() {
        return Ok(());
    }
    output.line("")?;
    let mut table = Table::new(&[("WASTED", Align::Right), ("TIMES", Align::Right), ("PATH", Align::Left)]);
    for path in &waste.paths {
        table.row([size(path.bytes), path.count.to_string(), text::path(&path.path)]);
    }
    table.print(output, 0)?;
    if has_more && !output.quiet {
        output.line(output.paint(Style::Dim, "and more; --top 0 shows all"))?;
    }
    Ok(())
}

/// To one decimal, downwards: 100 % is only what is 100 %.
fn floor(percent: f64) -> f64 {
    (percent * 10.0).floor() / 10.0
}
