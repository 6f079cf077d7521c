//! The committed demo image: made from its input again, taken by peers, run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portolan_tests::image::Algorithm;
use portolan_tests::{demo, peers, tree};
use std::fs;
use std::path::Path;

#[test]
fn a_fresh_run_gives_the_committed_bytes() {
    let fresh = tempfile::tempdir().unwrap();
    demo::write(fresh.path());
    let digest = |directory: &Path| {
        let index: serde_json::Value =
            serde_json::from_slice(&fs::read(directory.join("index.json")).unwrap()).unwrap();
        index["manifests"][0]["digest"].as_str().unwrap().to_owned()
    };
    assert_eq!(digest(fresh.path()), digest(&demo::directory()), "`cargo run -p portolan-tests --bin demo-image`");
    let content = |directory: &Path| -> Vec<_> {
        let files = tree::snapshot(directory).into_iter();
        files.map(|(path, node)| (path, node.sha256)).collect()
    };
    assert_eq!(content(fresh.path()), content(&demo::directory()));
}

#[test]
fn the_committed_layout_is_whole_and_small() {
    let tree = tree::snapshot(&demo::directory());
    assert!(tree.values().map(|node| node.size).sum::<u64>() < 1_000_000);
    let layout = demo::layout();
    for digest in layout.digests() {
        assert_eq!(Algorithm::Sha256.digest(layout.bytes(digest).unwrap()), digest);
        assert!(tree.contains_key(Path::new(&format!("blobs/{}", digest.replace(':', "/")))), "{digest}");
    }
    let index = layout.document(layout.entries()[0].digest());
    let platforms: Vec<String> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["platform"])
        .map(|platform| format!("{}/{}", platform["os"].as_str().unwrap(), platform["architecture"].as_str().unwrap()))
        .collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64", "wasip1/wasm", "unknown/unknown"]);
}

#[test]
fn skopeo_copies_the_whole_index_unchanged() {
    let scratch = tempfile::tempdir().unwrap();
    let from = peers::oci(&demo::directory(), demo::TAG);
    let to = peers::oci_archive(&scratch.path().join("demo.tar"), demo::TAG);
    peers::skopeo_copy(&["--all"], &from, &to);
    assert_eq!(peers::skopeo_inspect_raw(&from), peers::skopeo_inspect_raw(&to));
}

#[test]
fn umoci_unpacks_it_and_runc_runs_it() {
    let scratch = tempfile::tempdir().unwrap();
    // umoci 0.4.7 knows neither an index nor zstd, and no Docker archive takes zstd.
    let plain = scratch.path().join("plain");
    let from = peers::oci(&demo::directory(), demo::TAG);
    peers::skopeo_copy(&["--dest-compress-format=gzip"], &from, &peers::oci(&plain, "demo"));
    let docker = peers::docker_archive(&scratch.path().join("demo.tar"), "example/demo:1.0");
    peers::skopeo_copy(&[], &peers::oci(&plain, "demo"), &docker);
    let bundle = scratch.path().join("bundle");
    let rootfs = peers::umoci_unpack(&plain, "demo", &bundle);

    let tree = tree::snapshot(&rootfs);
    let node = |path: &str| &tree[Path::new(path)];
    assert_eq!(node("usr/bin/hello-as-root").mode, 0o4755);
    assert_eq!(node("usr/bin/greet").link_group, node("usr/bin/hello").link_group);
    assert_eq!(node("usr/share/zoneinfo/Europe/Berlin").mode, 0o664);
    assert_eq!(node("usr/share/zoneinfo/posix/Europe/Berlin").mode, 0o644, "the old file keeps its other name");
    assert_eq!((node("var/cache/demo").mode, node("var/cache/demo").gid), (0o2775, 1500));
    assert!(tree.contains_key(Path::new("var/cache/demo/fresh")));
    for gone in ["usr/share/doc", "var/cache/demo/index", "var/cache/demo/old"] {
        assert!(!tree.contains_key(Path::new(gone)), "{gone}");
    }

    let path = bundle.join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["process"]["terminal"] = false.into();
    assert_eq!(config["process"]["user"]["uid"], 1000);
    fs::write(&path, config.to_string()).unwrap();
    let output = peers::runc_run(&bundle, &format!("portolan-demo-{}", std::process::id()));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        demo::output("amd64"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success());
}
