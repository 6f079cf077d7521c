//! `portolan inspect`.

use crate::{demo, portolan, portolan_with, small};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::{demo as demo_image, peers, tar};
use serde_json::json;
use std::ffi::OsStr;

#[test]
fn index_manifest_and_platform_are_three_different_things() {
    let layout = demo_image::layout();
    let index = layout.entries()[0].digest().to_owned();
    let document = layout.document(&index);
    let manifest = document["manifests"][1]["digest"].as_str().unwrap();
    let shown = portolan(["inspect", "--platform", "linux/arm64", &demo()]).done();
    for line in [
        &format!("Index        {index}"),
        &format!("Manifest     {manifest}"),
        "Platform     linux/arm64",
        "Created      2024-01-01T00:00:00Z",
        "  Entrypoint   [\"/usr/bin/hello\"]",
        "  Port         37/tcp",
        "               37/udp",
        "  label       org.example.harbour                   Genoa",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    assert!(shown.contains("  3  sha256:") && shown.contains("RUN rm -r /usr/share/doc"), "{shown}");
    assert!(!shown.contains('\x1b'), "no colours in a pipe");
}

#[test]
fn json_has_the_documents_as_they_are_and_what_follows_from_them() {
    let shown = portolan(["inspect", "--json", "-p", "linux/amd64", &demo()]).json();
    let layout = demo_image::layout();
    let manifest = layout.document(shown["descriptor"]["digest"].as_str().unwrap());
    let config = layout.document(manifest["config"]["digest"].as_str().unwrap());
    assert_eq!((&shown["manifest"], &shown["config"]), (&manifest, &config));
    assert_eq!(shown["indexes"][0]["digest"], layout.entries()[0].digest());
    assert_eq!(shown["platform"], json!({ "architecture": "amd64", "os": "linux" }));
    let layers = shown["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 4);
    for (number, layer) in layers.iter().enumerate() {
        assert_eq!(layer["size"], manifest["layers"][number]["size"]);
        assert_eq!(layer["diffId"], config["rootfs"]["diff_ids"][number]);
    }
    assert_eq!(layers[0]["chainId"], layers[0]["diffId"]);
    assert_ne!(layers[1]["chainId"], layers[1]["diffId"]);
    assert_eq!(layers[2]["createdBy"], "RUN chmod g+w Europe/[A-D]* && update-zones");
    let label = json!({ "origin": "label", "key": "org.example.harbour", "value": "Genoa" });
    assert!(shown["annotations"].as_array().unwrap().contains(&label));
}

/// The bytes have the digests that are shown, and skopeo gives the same.
#[test]
fn raw_bytes_are_those_of_what_the_reference_names() {
    let layout = demo_image::layout();
    let index = layout.entries()[0].digest();
    let raw = portolan(["inspect", "--raw", &demo()]).stdout;
    assert_eq!(raw, layout.bytes(index).unwrap());
    assert_eq!(raw, peers::skopeo_inspect_raw(OsStr::new(&demo())));

    let document = layout.document(index);
    let manifest = document["manifests"][1]["digest"].as_str().unwrap();
    let raw = portolan(["inspect", "--raw", "--platform", "linux/arm64", &demo()]).stdout;
    assert_eq!(raw, layout.bytes(manifest).unwrap());
    let by_digest = format!("oci:{}@{manifest}", demo_image::directory().display());
    assert_eq!(portolan(["inspect", "--raw", &by_digest]).stdout, raw);

    let config = layout.document(manifest)["config"]["digest"].as_str().unwrap().to_owned();
    let raw = portolan(["inspect", "--config", "--platform", "linux/arm64", &demo()]).stdout;
    assert_eq!(raw, layout.bytes(&config).unwrap());
}

/// Every shape that an image is stored in shows the same image.
#[test]
fn archives_and_standard_input_are_read_in_place() {
    let scratch = tempfile::tempdir().unwrap();
    let layout = small();
    let config = |run: crate::Run| run.json()["config"].clone();
    layout.write(&scratch.path().join("layout"));
    let expected = config(portolan(["inspect", "--json", scratch.path().join("layout").to_str().unwrap()]));
    assert_eq!(expected["architecture"], "amd64");
    for (name, bytes, scheme, kind) in [
        ("a.tar", layout.oci_archive(), "oci-archive:", "image layout archive"),
        ("a.tar.gz", layout.oci_archive_gzip(), "oci-archive:", "image layout archive"),
        ("docker.tar", layout.docker_archive("harbour"), "docker-archive:", "docker archive"),
        ("docker25.tar", layout.docker_combined("harbour"), "docker-archive:", "docker archive"),
    ] {
        let path = scratch.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let path = path.to_str().unwrap();
        let run = portolan(["inspect", "--json", &format!("{scheme}{path}")]);
        assert_eq!(run.json()["source"]["kind"], kind, "{name}");
        assert_eq!(config(run), expected, "{name}");
        assert_eq!(config(portolan(["inspect", "--json", path])), expected, "{name}");
        assert_eq!(config(portolan_with(&bytes, &["inspect", "--json", "-"])), expected, "{name}");
    }
    let path = scratch.path().join("docker.tar");
    let named = format!("docker-archive:{}:harbour:1.0", path.display());
    assert_eq!(config(portolan(["inspect", "--json", &named])), expected);
}

/// N-04, A-08.
#[test]
fn an_artifact_is_shown_as_that() {
    let shown = portolan(["inspect", "-p", "wasip1/wasm", &demo()]).done();
    assert!(shown.contains("Artifact     application/vnd.wasm.config.v0+json"), "{shown}");
    assert!(shown.contains("application/wasm"), "{shown}");
    assert!(!shown.contains("Execution"), "{shown}");
}

/// Hostile row 52.
#[test]
fn nothing_from_an_image_is_obeyed_by_a_terminal() {
    let scratch = tempfile::tempdir().unwrap();
    let layer = Layer::gzip(tar::Builder::new().file("a", b"").build()).created_by("RUN \x1b[2J\u{202e}evil");
    let image = Builder::new("linux/amd64")
        .layer(layer)
        .annotation("key\x1b]0;title\x07", "value\r\n\x1b[31m")
        .author("\x1b[1mnobody")
        .run(json!({ "Env": ["A=\x1b[5m"], "Cmd": ["\x1b[7m", "a\"b"], "User": "\x08root" }));
    Layout::single("1.0", image).write(scratch.path());
    let place = scratch.path().to_str().unwrap();
    for command in ["inspect", "platforms", "verify"] {
        let shown = String::from_utf8(portolan([command, place]).stdout).unwrap();
        let obeyed = |character: char| character.is_control() && character != '\n' || character == '\u{202e}';
        assert!(!shown.contains(obeyed), "{shown:?}");
    }
    let shown = portolan(["inspect", place]).done();
    assert!(shown.contains("RUN \\u{1b}[2J\\u{202e}evil"), "{shown}");
    assert!(shown.contains("[\"\\u{1b}[7m\", \"a\\\"b\"]"), "{shown}");
    let error = portolan(["inspect", "oci:\x1b[31mnowhere"]).failed(2);
    assert!(error.contains("\\u{1b}[31mnowhere"), "{error}");
}

#[test]
fn a_document_that_is_not_the_promised_one_means_that_the_image_is_wrong() {
    let scratch = tempfile::tempdir().unwrap();
    let mut layout = small();
    let digest = layout.entries()[0].digest().to_owned();
    layout.corrupt(&digest, |bytes| bytes[10] ^= 1);
    layout.write(scratch.path());
    let place = scratch.path().to_str().unwrap();
    for option in ["--quiet", "--raw", "--config"] {
        let error = portolan(["inspect", option, place]).failed(1);
        assert!(error.contains(&digest), "{error}");
    }
}

#[test]
fn a_damaged_archive_means_that_the_image_is_wrong() {
    let mut archive = small().oci_archive_gzip();
    archive.truncate(archive.len() / 2);
    let error = portolan_with(&archive, &["inspect", "-"]).failed(1);
    assert!(error.contains("standard input") && error.contains("gzip"), "{error}");
    assert!(portolan_with(b"", &["inspect", "-"]).failed(2).contains("neither an oci-layout nor a manifest.json"));
}
