//! `portolan verify`.

use crate::{demo, portolan, portolan_with, small};
use portolan_tests::demo as demo_image;
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::tar;

#[test]
fn a_sound_image_is_one_line_or_with_quiet_none() {
    let said = portolan(["verify", &demo()]).done();
    assert!(
        said.starts_with("verified 8 documents, 5 layers, 3 other blobs (") && said.ends_with("): no errors\n"),
        "{said}"
    );
    assert_eq!(portolan(["verify", "--quiet", &demo()]).done(), "");
    let shown = portolan(["verify", "--json", &demo()]).json();
    assert_eq!((&shown["documents"], &shown["layers"], &shown["errors"]), (&8.into(), &5.into(), &0.into()));
    assert_eq!(shown["findings"], serde_json::json!([]));
    assert_eq!(shown["roots"][0]["digest"], demo_image::layout().entries()[0].digest());
}

#[test]
fn only_the_platforms_asked_for_are_verified() {
    let scratch = tempfile::tempdir().unwrap();
    let mut layout = demo_image::layout();
    let index = layout.document(layout.entries()[0].digest());
    let arm64 = layout.document(index["manifests"][1]["digest"].as_str().unwrap());
    let layer = arm64["layers"][1]["digest"].as_str().unwrap().to_owned();
    layout.corrupt(&layer, |bytes| bytes[20] ^= 1);
    layout.write(scratch.path());
    let place = scratch.path().to_str().unwrap();
    assert_eq!(portolan(["verify", place]).code, Some(1));
    assert_eq!(portolan(["verify", "-p", "linux/amd64", "-p", "wasip1/wasm", place]).code, Some(0));
    let run = portolan(["verify", "--json", "-p", "linux/amd64,linux/arm64", place]);
    assert_eq!(run.code, Some(1));
    let shown = run.json();
    assert_eq!(shown["roots"].as_array().unwrap().len(), 2);
    assert_eq!((&shown["findings"][0]["severity"], &shown["findings"][0]["digest"]), (&"error".into(), &layer.into()));
    assert!(portolan(["verify", "-p", "linux/s390x", place]).failed(2).contains("linux/amd64"));
}

/// All that is wrong is found, not only the first.
#[test]
fn every_finding_is_a_line_with_its_code() {
    let scratch = tempfile::tempdir().unwrap();
    let mut layout = small();
    let manifest = layout.document(layout.entries()[0].digest());
    let layers: Vec<String> =
        manifest["layers"].as_array().unwrap().iter().map(|layer| layer["digest"].as_str().unwrap().into()).collect();
    layout.corrupt(&layers[0], |bytes| bytes[30] ^= 1);
    layout.remove(&layers[1]);
    layout.write(scratch.path());
    let run = portolan(["verify", &format!("oci:{}:1.0", scratch.path().display())]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    let said = String::from_utf8(run.stdout).unwrap();
    for (code, digest) in [("digest-mismatch", &layers[0]), ("blob-not-found", &layers[1])] {
        let is_it = |line: &str| line.starts_with(&format!("error[{code}] ")) && line.contains(digest);
        assert!(said.lines().any(is_it), "{said}");
    }
    assert!(said.ends_with("): 2 errors\n"), "{said}");
    let quiet = portolan(["verify", "-q", scratch.path().to_str().unwrap()]);
    assert_eq!((quiet.code, quiet.stdout.iter().filter(|&&byte| byte == b'\n').count()), (Some(1), 2));
}

/// A broken index or config is a finding too, and not the end of the run.
#[test]
fn a_reference_to_something_broken_is_verified_all_the_same() {
    let scratch = tempfile::tempdir().unwrap();
    let mut layout = demo_image::layout();
    let index = layout.entries()[0].digest().to_owned();
    layout.corrupt(&index, |bytes| bytes[5] ^= 1);
    layout.write(scratch.path());
    let run = portolan(["verify", "--json", &format!("oci:{}:1.0", scratch.path().display())]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(run.json()["findings"][0]["code"], "digest-mismatch");
}

#[test]
fn warnings_fail_only_under_strict_reading() {
    let scratch = tempfile::tempdir().unwrap();
    let layer = Layer::plain(tar::Builder::new().file("a", b"").build())
        .media_type("application/vnd.oci.image.layer.v1.tar+gzip");
    Layout::single("1.0", Builder::new("linux/amd64").layer(layer)).write(scratch.path());
    let place = scratch.path().to_str().unwrap();
    let run = portolan(["verify", place]);
    let said = String::from_utf8(run.stdout).unwrap();
    assert_eq!(run.code, Some(0));
    assert!(said.starts_with("warning[") && said.ends_with("no errors, 1 warning\n"), "{said}");
    let run = portolan(["verify", "--strict", place]);
    assert_eq!(run.code, Some(1));
    assert!(String::from_utf8(run.stdout).unwrap().starts_with("error["));
}

#[test]
fn archives_of_every_kind_are_verified() {
    let layout = small();
    for archive in [
        layout.oci_archive(),
        layout.oci_archive_gzip(),
        layout.docker_archive("harbour"),
        layout.docker_combined("harbour"),
    ] {
        let said = portolan_with(&archive, &["verify", "-"]).done();
        assert!(said.contains("2 layers") && said.ends_with("no errors\n"), "{said}");
    }
}

#[test]
fn limits_are_in_force() {
    let run = portolan(["verify", "--limits", "layers=1", &demo()]);
    assert_eq!(run.code, Some(1));
    assert!(String::from_utf8(run.stdout).unwrap().contains("error[limit-exceeded]"));
}
