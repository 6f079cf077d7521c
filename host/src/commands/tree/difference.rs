//! What layers added, modified and removed.

use super::{Args, Branches};
use crate::commands::{Context, inspect};
use crate::listing::{self, Stream};
use crate::output::{Output, Style, count, short, size};
use portolan::layers::Layers;
use portolan::tree::{Action, Difference, LayerSize, Tree, is_below};
use portolan::{Result, text};
use serde_json::{Map, Value, json};

/// Prints what the layers did that were asked for.
pub(super) fn print(args: &Args, context: &Context, layers: &Layers<'_>, tree: &mut Tree) -> Result<()> {
    let sizes = tree.layer_sizes()?;
    let first = args.layer.unwrap_or(0) as usize;
    // What is gone cannot be looked up: the path is taken as it is written where it leads nowhere.
    let found = tree.resolve(args.path());
    let base = found.as_ref().map_or_else(|_| plain(args.path()), |node| node.path.clone());
    let is_wanted = |difference: &Difference| {
        is_below(&difference.path, &base)
            && args.depth.is_none_or(|most| listing::depth(&difference.path) - listing::depth(&base) <= most as usize)
    };
    // A path that neither is there nor ever was is a mistake.
    if found.is_err() {
        let mut has_any = false;
        for number in first..sizes.len() {
            for difference in tree.diff(number as u32)? {
                has_any |= is_wanted(&difference?);
            }
        }
        if !has_any {
            return found.map(|_| ());
        }
    }
    let numbered = sizes.iter().enumerate().skip(first);
    let mut stream = None;
    if context.output.json {
        let mut head = listing::head(&args.image, layers.image);
        head.insert("layers".to_owned(), numbered.clone().map(|(number, size)| layer(layers, number, size)).collect());
        stream = Some(Stream::begin(&context.output, &head, "differences")?);
    }
    for (number, size) in numbered {
        context.interrupt.check()?;
        // An image may have millions of them: they are gone through as they come, twice where branches are drawn.
        let differences = || -> Result<_> {
            let is_wanted = |difference: &Result<Difference>| difference.as_ref().map_or(true, &is_wanted);
            Ok(listing::watched(context, tree.diff(number as u32)?).filter(is_wanted))
        };
        match &mut stream {
            Some(stream) => differences()?.try_for_each(|it| stream.element(element(number, &it?)))?,
            None => {
                if number > first {
                    context.output.line("")?;
                }
                heading(context, layers, number, size)?;
                let mut branches = Branches::default();
                lines(&base, differences()?, |depth, _, _| {
                    branches.add(depth);
                    Ok(())
                })?;
                lines(&base, differences()?, |depth, path, difference| {
                    let name = if path == base { text::path(path) } else { listing::name(path) };
                    draw(&context.output, &branches.next(depth), &name, difference)
                })?;
            }
        }
    }
    if let Some(stream) = stream {
        stream.finish(&Map::new())?;
    }
    Ok(())
}

/// A path as it is written, without what means nothing.
fn plain(path: &[u8]) -> Vec<u8> {
    let components: Vec<&[u8]> =
        path.split(|&byte| byte == b'/').filter(|component| !component.is_empty() && component != b".").collect();
    components.join(&b'/')
}

/// What made a layer, in one line.
fn made(layers: &Layers<'_>, number: usize) -> Option<String> {
    let step = inspect::steps(layers.image)?.get(number)?.split_whitespace().collect::<Vec<_>>().join(" ");
    (!step.is_empty()).then_some(step)
}

fn layer(layers: &Layers<'_>, number: usize, size: &LayerSize) -> Value {
    json!({
        "layer": number,
        "digest": layers.image.manifest.layers.get(number).map(|layer| &layer.digest),
        "createdBy": inspect::steps(layers.image).and_then(|steps| steps.get(number).copied().map(str::to_owned)),
        "bytes": size.bytes,
        "entries": size.entries,
        "whiteouts": size.whiteouts,
        "added": size.added,
        "modified": size.modified,
        "removed": size.removed,
    })
}

fn element(number: usize, difference: &Difference) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert("layer".to_owned(), json!(number));
    text::insert(&mut shown, "path", &difference.path);
    let action = match difference.action {
        Action::Added => "added",
        Action::Modified => "modified",
        Action::Removed => "removed",
    };
    shown.insert("action".to_owned(), json!(action));
    shown.insert("isDirectory".to_owned(), json!(difference.is_directory));
    let mut add = |name: &str, value: u64| _ = shown.insert(name.to_owned(), json!(value));
    if !matches!(difference.action, Action::Added) {
        add("sizeBefore", difference.size_before);
    }
    if matches!(difference.action, Action::Removed) {
        add("removedPaths", difference.removed_paths);
        add("removedBytes", difference.removed_bytes);
        shown.insert("withParent".to_owned(), json!(difference.with_parent));
    } else {
        add("sizeAfter", difference.size_after);
    }
    shown
}

fn heading(context: &Context, layers: &Layers<'_>, number: usize, layer: &LayerSize) -> Result<()> {
    let output = &context.output;
    let digest = layers.image.manifest.layers.get(number).map_or(String::new(), |layer| short(&layer.digest));
    let title = format!("layer {number}");
    let mut line = format!("{}  {}", output.paint(Style::Strong, &title), output.paint(Style::Dim, &digest));
    if let Some(made) = made(layers, number) {
        let made = text::printable(&made);
        let room = output.columns().map(|columns| columns.saturating_sub(title.len() + digest.len() + 4));
        line.push_str("  ");
        match room {
            Some(room) if made.chars().count() > room => {
                line.extend(made.chars().take(room.saturating_sub(1)));
                line.push('…');
            }
            _ => line.push_str(&made),
        }
    }
    output.line(line)?;
    let mut held = format!("{} in {}", size(layer.bytes), count(layer.entries.into(), "entry", "entries"));
    if layer.whiteouts > 0 {
        held.push_str(&format!(" and {}", count(layer.whiteouts.into(), "whiteout", "whiteouts")));
    }
    output.line(format!("{} added, {} modified, {} removed; {held}", layer.added, layer.modified, layer.removed))
}

/// Goes through the paths that a layer changed and the directories above them, each with its depth.
fn lines(
    base: &[u8],
    differences: impl Iterator<Item = Result<Difference>>,
    mut line: impl FnMut(usize, &[u8], Option<&Difference>) -> Result<()>,
) -> Result<()> {
    let depth = |path: &[u8]| listing::depth(path) - listing::depth(base);
    let mut last: Option<Vec<u8>> = None;
    for difference in differences {
        let difference = difference?;
        // What went with a directory is told by its line.
        if difference.with_parent && difference.path != base {
            continue;
        }
        let path = difference.path.as_slice();
        if last.is_none() && path != base {
            line(0, &path[..base.len()], None)?;
        }
        let slashes = path.iter().enumerate().filter(|&(at, &byte)| byte == b'/' && at > base.len()).map(|(at, _)| at);
        for above in slashes.map(|end| &path[..end]) {
            if last.as_ref().is_none_or(|last| !is_below(last, above)) {
                line(depth(above), above, None)?;
            }
        }
        line(depth(path), path, Some(&difference))?;
        last = Some(difference.path);
    }
    Ok(())
}

/// Draws one of them.
fn draw(output: &Output, branch: &str, name: &str, difference: Option<&Difference>) -> Result<()> {
    let Some(difference) = difference else {
        return output.line(format!("{:>10}  {branch}{}", "", output.paint(Style::Dim, name)));
    };
    let (sign, style) = match difference.action {
        Action::Added => ('+', Style::Good),
        Action::Modified => ('~', Style::Warning),
        Action::Removed => ('-', Style::Bad),
    };
    let (bytes, note) = match difference.action {
        Action::Removed if difference.removed_paths > 1 => {
            (Some(difference.removed_bytes), format!(" ({} paths)", difference.removed_paths))
        }
        Action::Removed => (Some(difference.removed_bytes), String::new()),
        _ if difference.is_directory => (None, String::new()),
        Action::Modified if difference.size_before != difference.size_after => {
            (Some(difference.size_after), format!(" (was {})", size(difference.size_before)))
        }
        _ => (Some(difference.size_after), String::new()),
    };
    let column = output.paint(style, &format!("{sign} {:>8}", bytes.map_or(String::new(), size)));
    let (name, note) = (output.paint(style, name), output.paint(Style::Dim, &note));
    output.line(format!("{column}  {branch}{name}{note}"))
}
