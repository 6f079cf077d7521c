//! Copying, from every kind of place to every kind of place, and what happens when it goes wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "copy/faults.rs"]
mod faults;
#[path = "copy/kinds.rs"]
mod kinds;
#[path = "copy/parts.rs"]
mod parts;

use portolan::copy::{self, Copy, Done, Options, Plan, Root};
use portolan::interrupt::Interrupt;
use portolan::progress::Quiet;
use portolan::reference::{self, Selector};
use portolan::registry::Registries;
use portolan::sink::{self, Sink};
use portolan::source::{self, Opened, Source};
use portolan::{Result, Toolkit, manifest};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::tar;
use std::path::Path;
use std::process::Command;

fn toolkit() -> &'static Toolkit {
    Toolkit::shared().unwrap()
}

fn opened(reference: &str) -> Opened {
    source::open(
        toolkit(),
        &Registries::new(toolkit(), portolan::registry::Options::default()),
        &reference::parse(toolkit(), reference).unwrap(),
    )
    .unwrap()
}

fn whole() -> Options {
    Options { platforms: Vec::new(), sparse: false, referrers: false }
}

fn roots(source: &dyn Source, tag: &str) -> Vec<Root> {
    let selector = Selector { tag: Some(tag.to_owned()), digest: None };
    let roots = manifest::roots(toolkit(), source, &selector).unwrap().into_iter();
    roots.map(|descriptor| Root { descriptor, tag: Some(tag.to_owned()) }).collect()
}

fn planned(source: &dyn Source, tag: &str, options: &Options) -> Result<Plan> {
    copy::plan(toolkit(), source, &roots(source, tag), options, &Interrupt::default())
}

fn carried_out(source: &dyn Source, sink: &dyn Sink, plan: &Plan) -> Result<Done> {
    let interrupt = Interrupt::default();
    Copy { source, sink, plan, jobs: 3, progress: &Quiet, interrupt: &interrupt }.run()
}

fn into_layout(source: &dyn Source, tag: &str, directory: &Path) -> Result<Done> {
    let plan = planned(source, tag, &whole())?;
    carried_out(source, &sink::Layout::new(toolkit(), directory)?, &plan)
}

/// The digest that a tag has in a place.
fn digest(reference: &str) -> String {
    let opened = opened(reference);
    manifest::roots(toolkit(), opened.source.as_ref(), &opened.selector).unwrap()[0].digest.clone()
}

fn image(platform: &str, content: &str) -> Builder {
    let lower = tar::Builder::new().dir("etc/").file("etc/name", content.as_bytes());
    let upper = tar::Builder::new().file("large", vec![b'x'; 100_000]);
    Builder::new(platform).layer(Layer::gzip(lower.build())).layer(Layer::plain(upper.build()))
}

/// An index of two images with attestations, tagged `1.0`, and a signature of one of them.
fn several() -> (Layout, [String; 3]) {
    let mut layout = Layout::new();
    let images = ["linux/amd64", "linux/arm64"].map(|platform| layout.image(image(platform, platform)));
    let attestation = layout.attestation(&images[0], &serde_json::json!({ "predicateType": "a" }));
    let index = layout.index(&[images[0].clone(), images[1].clone(), attestation.clone()]);
    layout.tag(&index, "1.0");
    let signature = layout.artifact("a/signature", &[("text/plain", b"signed")], Some(&images[0]));
    layout.entry(signature.clone());
    let digests = [images[0].digest(), attestation.digest(), signature.digest()].map(str::to_owned);
    (layout, digests)
}

fn written(layout: &Layout) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    layout.write(directory.path());
    directory
}

/// Runs the program and answers its standard output.
#[track_caller]
fn portolan(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_portolan")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The same for a run that fails, with standard error.
#[track_caller]
fn refused(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_portolan")).args(args).output().unwrap();
    assert!(!output.status.success(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The names beneath a directory that are files.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut stack = vec![directory.to_owned()];
    while let Some(next) = stack.pop() {
        for entry in std::fs::read_dir(next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                stack.push(path);
            } else {
                found.push(path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
