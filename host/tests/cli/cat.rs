//! `portolan cat`.

use crate::{Written, command, demo, portolan, portolan_with};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::{demo as demo_image, tar};
use serde_json::json;
use std::io::Read as _;
use std::process::Stdio;

fn layers() -> [tar::Builder; 2] {
    let bottom = tar::Builder::new()
        .dir("etc/")
        .file("etc/a", b"one\n")
        .file("etc/b", b"two\n")
        .hardlink("etc/c", "etc/b")
        .file("etc/empty", b"")
        .file("etc/z", b"last\n")
        .symlink("up", "../../etc/z")
        .symlink("loop", "loop")
        .fifo("pipe")
        .symlink("to-etc", "etc");
    let top = tar::Builder::new().file("etc/a", b"replaced\n").whiteout("etc/b").file("etc/ü", b"umlaut\n");
    [bottom, top]
}

#[test]
fn files_come_in_the_order_in_which_they_are_named() {
    let written = Written::of(layers());
    let read = |paths: &[&str]| portolan(["cat", written.reference()].iter().chain(paths)).done();
    assert_eq!(read(&["etc/a"]), "replaced\n");
    assert_eq!(
        read(&["/etc/z", "etc/a", "to-etc/../etc/c", "etc/a", "etc/a", "etc/ü"]),
        "last\nreplaced\ntwo\nreplaced\nreplaced\numlaut\n"
    );
    assert_eq!(read(&["up", "etc/empty", "etc/c", "etc/z"]), "last\ntwo\nlast\n");
    assert_eq!(
        portolan(["cat", "-p", "linux/amd64", &demo(), "/bin/../../etc/motd"]).done(),
        "Every harbour keeps its own time.\n"
    );
}

#[test]
fn a_whole_program_comes_as_it_is() {
    let archive = demo_image::layout().oci_archive_gzip();
    let run = portolan_with(&archive, &["cat", "-p", "linux/arm64", "-", "bin/hi"]);
    let input = demo_image::directory().with_file_name("demo-input").join("hello/hello.arm64");
    assert_eq!((run.code, run.stdout), (Some(0), std::fs::read(input).unwrap()));
}

/// readers take sparse files all the same.
#[test]
fn holes_are_zeros() {
    let segments: &[(u64, &[u8])] = &[(512, &[b's'; 512]), (1 << 20, b"end")];
    let size = (1 << 20) + 5000;
    let mut expected = vec![0; size];
    expected[512..1024].fill(b's');
    expected[1 << 20..][..3].copy_from_slice(b"end");
    for form in tar::Sparse::ALL {
        let tar = tar::Builder::new().entry(form.entry("f", size as u64, segments)).file("g", b"next");
        let written = Written::of([tar]);
        let run = portolan(["cat", written.reference(), "f", "g"]);
        assert_eq!((run.code, run.stdout == [&expected[..], b"next"].concat()), (Some(0), true), "{form:?}");
    }
}

#[test]
fn json_has_the_content_in_base64() {
    let written = Written::of(layers());
    let shown = portolan(["cat", "--json", written.reference(), "up", "etc/empty", "etc/a"]).json();
    assert_eq!(
        shown["files"],
        json!([
            { "path": "etc/z", "layer": 0, "size": 5, "data": "bGFzdAo=" },
            { "path": "etc/empty", "layer": 0, "size": 0, "data": "" },
            { "path": "etc/a", "layer": 1, "size": 9, "data": "cmVwbGFjZWQK" },
        ])
    );
    assert!(shown["digest"].as_str().unwrap().starts_with("sha256:"));
}

#[test]
fn what_is_no_file_fails_the_run_before_a_byte_is_written() {
    let written = Written::of(layers());
    for (path, reason) in [
        ("etc", "etc is a directory"),
        ("to-etc", "is a directory"),
        ("etc/b", "there is no such path"),
        ("etc/a/", "etc/a"),
        ("loop", "symbolic links"),
        ("pipe", "pipe is a named pipe"),
    ] {
        let error = portolan(["cat", written.reference(), "etc/a", path]).failed(2);
        assert!(error.contains(reason), "{path}: {error}");
    }
}

/// Nothing is believed of a layer because another one is right.
#[test]
fn a_wrong_layer_fails_before_a_byte_is_written() {
    for wrong in [0, 1] {
        let [bottom, top] = layers();
        let image = Builder::new("linux/amd64").layer(Layer::gzip(bottom.build())).layer(Layer::gzip(top.build()));
        let mut layout = Layout::single("1.0", image);
        let digest =
            layout.document(layout.entries()[0].digest())["layers"][wrong]["digest"].as_str().unwrap().to_owned();
        layout.corrupt(&digest, |blob| *blob.last_mut().unwrap() ^= 1);
        let written = Written::new(&layout);
        let error = portolan(["cat", written.reference(), "etc/a"]).failed(1);
        assert!(error.contains(&digest), "{error}");
    }
}

#[test]
fn only_the_layer_that_holds_the_file_is_read_again() {
    let written = Written::of(layers());
    let run = portolan(["cat", "--progress", "json", written.reference(), "etc/a"]);
    let begun = |layer: usize| {
        let inspected = portolan(["inspect", "--json", written.reference()]).json();
        let digest = inspected["manifest"]["layers"][layer]["digest"].as_str().unwrap().to_owned();
        run.stderr.lines().filter(|line| line.contains("\"begin\"") && line.contains(&digest)).count()
    };
    assert_eq!((begun(0), begun(1)), (1, 2), "{}", run.stderr);
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_run_quietly() {
    let tar = tar::Builder::new().entry(tar::Sparse::Pax10.entry("f", 64 << 20, &[(0, &[b's'; 512])]));
    let written = Written::of([tar]);
    let mut child =
        command(["cat", written.reference(), "f"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut start = [0; 1024];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    assert_eq!((start[511], start[512]), (b's', 0));
}
