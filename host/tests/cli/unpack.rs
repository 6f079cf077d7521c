//! `portolan unpack`.

use crate::{demo, portolan, portolan_with, small};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::{demo as demo_image, peers, tar};
use std::fs;
use std::path::Path;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_image_becomes_a_directory_and_one_line_says_so() {
    let scratch = tempfile::tempdir().unwrap();
    small().write(&scratch.path().join("layout"));
    let place = scratch.path().join("layout");
    let destination = scratch.path().join("rootfs");
    let args = ["unpack", place.to_str().unwrap(), destination.to_str().unwrap()];
    let said = portolan(args).done();
    assert!(said.starts_with("unpacked sha256:"), "{said}");
    assert!(said.ends_with(": 2 files, 1 directory, 11 B\n"), "{said}");
    assert_eq!(names(&destination.join("etc")), ["hostname", "motd"]);
    assert_eq!(names(scratch.path()), ["layout", "rootfs"]);

    let error = portolan(args).failed(2);
    assert!(error.contains("is not empty") && error.contains("help: "), "{error}");
    assert_eq!(names(&destination.join("etc")), ["hostname", "motd"]);
}

#[test]
fn quiet_says_nothing_and_json_everything() {
    let scratch = tempfile::tempdir().unwrap();
    let destination = scratch.path().join("quiet");
    assert_eq!(portolan(["unpack", "-q", "-p", "linux/amd64", &demo(), destination.to_str().unwrap()]).done(), "");
    let destination = scratch.path().join("json");
    let run = portolan(["unpack", "--json", "-p", "linux/arm64", &demo(), destination.to_str().unwrap()]);
    let shown = run.json();
    assert_eq!(shown["platform"], "linux/arm64");
    assert_eq!((&shown["files"], &shown["hardLinks"]), (&72.into(), &41.into()));
    assert_eq!(shown["layers"].as_array().unwrap().len(), 4);
    assert_eq!(shown["destination"], destination.to_str().unwrap());
}

#[test]
fn only_what_a_pattern_matches_is_unpacked() {
    let scratch = tempfile::tempdir().unwrap();
    let destination = scratch.path().join("etc");
    portolan(["unpack", "-p", "linux/amd64", "--only", "etc/{passwd,motd}", &demo(), destination.to_str().unwrap()])
        .done();
    assert_eq!(names(&destination), ["etc"]);
    assert_eq!(names(&destination.join("etc")), ["motd", "passwd"]);

    let destination = scratch.path().join("nothing");
    let error = portolan(["unpack", "--only", "no/such/*", &demo(), destination.to_str().unwrap()]).failed(2);
    assert!(error.contains("nothing in the image matches no/such/*"), "{error}");
    assert_eq!(names(scratch.path()), ["etc"]);
}

#[test]
fn runc_runs_a_bundle() {
    let scratch = tempfile::tempdir().unwrap();
    let bundle = scratch.path().join("bundle");
    portolan(["unpack", "--bundle", "-p", "linux/amd64", &demo(), bundle.to_str().unwrap()]).done();
    let output = peers::runc_run(&bundle, &format!("portolan-cli-{}", std::process::id()));
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, demo_image::output("amd64"), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_wrong_image_leaves_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let mut layout = small();
    let manifest = layout.document(layout.entries()[0].digest());
    let digest = manifest["layers"][1]["digest"].as_str().unwrap().to_owned();
    layout.corrupt(&digest, |bytes| bytes[30] ^= 1);
    let destination = scratch.path().join("rootfs");
    let run = portolan_with(&layout.oci_archive(), &["unpack", "-", destination.to_str().unwrap()]);
    let error = run.failed(1);
    assert!(error.contains(&digest), "{error}");
    assert_eq!(names(scratch.path()), [""; 0]);
}

/// What is lost is told: the first ten, and how many more there are.
#[test]
fn losses_are_warnings() {
    let scratch = tempfile::tempdir().unwrap();
    let layer = (0..12).fold(tar::Builder::new(), |tar, number| tar.char_device(format!("null{number}"), 1, 3));
    let layout = Layout::single("1.0", Builder::new("linux/amd64").layer(Layer::gzip(layer.build())));
    let archive = layout.oci_archive();
    let destination = scratch.path().join("rootfs");
    let run = portolan_with(&archive, &["unpack", "--rootless", "-", destination.to_str().unwrap()]);
    assert_eq!(run.code, Some(0));
    let warnings: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(warnings.len(), 11);
    assert_eq!(warnings[0], "warning: not kept: null0: device");
    assert_eq!(warnings[10], "warning: 2 more losses; --json lists them all");
    let destination = scratch.path().join("json");
    let run = portolan_with(&archive, &["unpack", "--rootless", "--json", "-", destination.to_str().unwrap()]);
    assert_eq!((run.stderr.as_str(), run.json()["lost"].as_array().unwrap().len()), ("", 12));
}
