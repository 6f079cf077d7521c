//! What an image is, for a person.

use super::{origin, steps, total};
use crate::commands::Context;
use crate::output::{Align, Output, Style, Table, count, short, short_media_type, size};
use portolan::manifest::{Config, Resolved};
use portolan::source::Opened;
use portolan::text::printable;
use portolan::{Result, platform};

/// How wide the names of a summary are.
const NAMES: usize = 11;
/// What names a file that a layer of an artifact holds.
const TITLE: &str = "org.opencontainers.image.title";

/// Prints the summary.
pub(super) fn print(reference: &str, context: &Context, opened: &Opened, image: &Resolved) -> Result<()> {
    let output = &context.output;
    let line = |name: &str, value: &str| field(output, 0, name, value);
    line("Image", &format!("{} ({})", printable(reference), opened.source.kind()))?;
    for index in &image.indexes {
        line("Index", &printable(&index.digest))?;
    }
    line("Manifest", &printable(&image.descriptor.digest))?;
    line("Config", &printable(&image.manifest.config.digest))?;
    if let Some(platform) = &image.platform {
        line("Platform", &printable(&platform::format(&context.toolkit, platform)?))?;
    }
    line("Media type", &printable(&image.manifest.media_type))?;
    if image.config.is_none() {
        line("Artifact", &printable(image.manifest.artifact_type.as_deref().unwrap_or("of no type")))?;
        line("Config type", &printable(&image.manifest.config.media_type))?;
    }
    if let Some(subject) = &image.manifest.subject {
        line("Subject", &printable(&subject.digest))?;
    }
    if let Some(config) = &image.config {
        for (name, value) in [("Created", &config.created), ("Author", &config.author)] {
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                line(name, &printable(value))?;
            }
        }
    }
    let layers = count(image.manifest.layers.len() as u64, "layer", "layers");
    line("Size", &format!("{} in {layers}", size(total(image))))?;

    print_layers(output, image)?;
    if let Some(config) = &image.config {
        print_execution(output, config)?;
    }
    let mut annotations = Table::new(&[("", Align::Left), ("", Align::Left), ("", Align::Left)]);
    for annotation in &image.annotations {
        annotations.row([
            origin(annotation.origin).to_owned(),
            printable(&annotation.key),
            printable(&annotation.value),
        ]);
    }
    if !annotations.is_empty() {
        heading(output, "Annotations and labels")?;
        annotations.print(output, 2)?;
    }
    Ok(())
}

fn print_layers(output: &Output, image: &Resolved) -> Result<()> {
    let layers = &image.manifest.layers;
    if layers.is_empty() {
        return Ok(());
    }
    let titles: Vec<Option<&str>> = layers
        .iter()
        .map(|layer| layer.annotations.iter().find(|it| it.key == TITLE).map(|it| it.value.as_str()))
        .collect();
    let steps = steps(image);
    let last = match &steps {
        Some(_) => "CREATED BY",
        None if titles.iter().any(Option::is_some) => "TITLE",
        None => "",
    };
    heading(output, "Layers")?;
    let mut table = Table::new(&[
        ("#", Align::Right),
        ("DIGEST", Align::Left),
        ("SIZE", Align::Right),
        ("TYPE", Align::Left),
        (last, Align::Left),
    ])
    .cut();
    for (number, (layer, title)) in layers.iter().zip(titles).enumerate() {
        let made = steps.as_ref().and_then(|steps| steps.get(number).copied()).or(title).unwrap_or_default();
        // Steps of a Dockerfile may have many lines and much room between the words.
        let made = made.split_whitespace().collect::<Vec<_>>().join(" ");
        table.row([
            number.to_string(),
            short(&layer.digest),
            size(layer.size),
            short_media_type(&layer.media_type),
            printable(&made),
        ]);
    }
    table.print(output, 2)
}

/// How a container of the image runs.
fn print_execution(output: &Output, config: &Config) -> Result<()> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for (name, words) in [("Entrypoint", &config.entrypoint), ("Cmd", &config.cmd)] {
        if !words.is_empty() {
            fields.push((name, command(words)));
        }
    }
    for (name, value) in
        [("User", &config.user), ("Directory", &config.working_dir), ("Stop signal", &config.stop_signal)]
    {
        if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
            fields.push((name, printable(value)));
        }
    }
    for (name, values) in [("Env", &config.env), ("Port", &config.exposed_ports), ("Volume", &config.volumes)] {
        for (number, value) in values.iter().enumerate() {
            fields.push((if number == 0 { name } else { "" }, printable(value)));
        }
    }
    if fields.is_empty() {
        return Ok(());
    }
    heading(output, "Execution")?;
    fields.iter().try_for_each(|(name, value)| field(output, 2, name, value))
}

/// The words of a command line, each in quotes, so that spaces and empty words are seen.
fn command(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{}\"", printable(word).replace('"', "\\\""))).collect();
    format!("[{}]", words.join(", "))
}

fn heading(output: &Output, text: &str) -> Result<()> {
    output.line("")?;
    output.line(output.paint(Style::Strong, text))
}

fn field(output: &Output, indent: usize, name: &str, value: &str) -> Result<()> {
    let name = output.paint(Style::Dim, &format!("{name:NAMES$}"));
    output.line(format!("{:indent$}{name}  {value}", "").trim_end())
}
