//! The images of this crate against the tools of the field, so that a difference later is ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portolan_tests::awkward::{self, umoci_deviation};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::{peers, tar, tree};
use std::ffi::OsString;
use std::path::Path;

/// Copies a tagged layout into both kinds of archive and back.
fn skopeo_takes(layout: &Path, tag: &str, scratch: &Path) {
    let archive = scratch.join("archive.tar");
    peers::skopeo_copy(&[], &peers::oci(layout, tag), &peers::oci_archive(&archive, tag));
    let docker = scratch.join("docker.tar");
    peers::skopeo_copy(&[], &peers::oci(layout, tag), &peers::docker_archive(&docker, &format!("example/image:{tag}")));
}

fn written(layout: &Layout) -> (tempfile::TempDir, std::path::PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("layout");
    layout.write(&path);
    (scratch, path)
}

#[test]
fn skopeo_copies_the_awkward_image() {
    let (scratch, path) = written(&awkward::awkward());
    skopeo_takes(&path, "awkward", scratch.path());
}

#[test]
fn umoci_unpacks_the_awkward_image() {
    let (scratch, path) = written(&awkward::awkward());
    let rootfs = scratch.path().join("rootfs");
    peers::umoci_raw_unpack(&path, "awkward", &rootfs);
    let tree = tree::snapshot(&rootfs);
    let node = |path: &str| tree.get(Path::new(path)).unwrap_or_else(|| panic!("{path} is missing"));
    let present = |path: &str| tree.contains_key(Path::new(path));
    for path in ["whiteout-at-root", "whiteouts/symlink", "whiteouts/dirlink", "whiteouts/tree/sub", "opaque/last/old"]
    {
        assert!(!present(path), "{path}");
    }
    for path in ["opaque/middle/same", "opaque/last/sub/new", "through/real/by-chain", "replaced/dir-by-dir/old"] {
        assert!(present(path), "{path}");
    }
    assert!(!present("through/real/doomed"), "a whiteout through a link");
    assert_eq!(node("links/kept-d").link_group.as_deref(), Some(Path::new("links/kept-a")));
    assert_eq!(node("links/relinked-c").link_group.as_deref(), Some(Path::new("links/own")));
    assert_eq!(node("links/replaced-b").link_group, None);
    assert_eq!(node("types/great-numbers").device, Some((4000, 1_000_000)));
    assert_eq!(node("times/half-a-second-before-1970").mtime, (-1, 500_000_000));
    assert_eq!(node("xattrs/capability-and-owner").xattrs["security.capability"].len(), 20);
    assert_eq!((node("modes/dir-7777").mode, node("modes/file-0000").mode), (0o7777, 0));
    assert_eq!(node("owners/pax-4294967294").uid, 0xffff_fffe);
    // What the list of deviations says is so: otherwise a comparison leaves out what it could compare.
    assert!(node("xattrs/empty").xattrs.is_empty() && umoci_deviation(Path::new("xattrs/empty"), "xattrs").is_some());
    assert!(node("times/year-2300").mtime.0 < 0 && umoci_deviation(Path::new("times/year-2300"), "mtime").is_some());
}

#[test]
fn two_runs_of_umoci_differ_only_where_the_list_says() {
    let (scratch, path) = written(&awkward::awkward());
    let [one, two] = ["one", "two"].map(|name| {
        peers::umoci_raw_unpack(&path, "awkward", &scratch.path().join(name));
        tree::snapshot(&scratch.path().join(name))
    });
    let mut differences = tree::compare(&one, &two);
    assert!(!differences.is_empty(), "umoci has become deterministic, and the list of deviations too long");
    differences.retain(|difference| umoci_deviation(&difference.path, difference.what).is_none());
    assert_eq!(differences, []);
}

#[test]
fn skopeo_reads_every_archive_the_builders_write() {
    let layer = |content: &str| Layer::gzip(tar::Builder::new().file("etc/motd", content).build());
    let image = Builder::new("linux/amd64").layer(layer("one")).layer(layer("two")).layer(layer("one"));
    let layout = Layout::single("1.0", image);
    let manifest = layout.document(layout.entries()[0].digest());
    let config = layout.document(manifest["config"]["digest"].as_str().unwrap());
    let scratch = tempfile::tempdir().unwrap();
    let oci: fn(&Path) -> OsString = |path| peers::oci_archive(path, "1.0");
    let docker: fn(&Path) -> OsString = |path| peers::docker_archive(path, "example/image:1.0");
    let archives = [
        ("oci", layout.oci_archive(), oci),
        ("oci.gz", layout.oci_archive_gzip(), oci),
        ("classic", layout.docker_archive("example/image"), docker),
        ("combined-as-docker", layout.docker_combined("example/image"), docker),
        ("combined-as-oci", layout.docker_combined("example/image"), oci),
    ];
    for (name, bytes, reference) in archives {
        let (path, copy) = (scratch.path().join(name), scratch.path().join(format!("{name}.copy")));
        std::fs::write(&path, bytes).unwrap();
        peers::skopeo_copy(&[], &reference(&path), &peers::oci(&copy, "1.0"));
        let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
        let manifest = json(&peers::skopeo_inspect_raw(&peers::oci(&copy, "1.0")));
        assert_eq!(manifest["layers"].as_array().unwrap().len(), 3, "{name}");
        // skopeo writes the config anew when it comes from Docker, but must keep what it says of the layers.
        let blob = manifest["config"]["digest"].as_str().unwrap().replace(':', "/");
        let copied = json(&std::fs::read(copy.join("blobs").join(blob)).unwrap());
        assert_eq!(copied["rootfs"], config["rootfs"], "{name}");
    }
}

#[test]
fn gnu_tar_extracts_the_image_umoci_refuses() {
    let layers = awkward::gnu_layers();
    let scratch = tempfile::tempdir().unwrap();
    let (archive, out) = (scratch.path().join("layer.tar"), scratch.path().join("out"));
    std::fs::write(&archive, layers.into_iter().flat_map(|(_, tar)| tar.build()).collect::<Vec<_>>()).unwrap();
    std::fs::create_dir(&out).unwrap();
    peers::tar_extract(&archive, &out);
    let tree = tree::snapshot(&out);
    let content = |path: &str| tree[Path::new(path)].sha256.clone();
    for name in ["ends", "many", "only-hole", "no-hole"] {
        let first = content(&format!("sparse/old-{name}"));
        for form in ["pax00", "pax01", "pax10"] {
            assert_eq!(content(&format!("sparse/{form}-{name}")), first, "{form} {name}");
        }
    }
    assert_eq!(tree[Path::new("sparse/pax10-ends")].size, (3 << 20) + 3);
    assert_eq!(tree[Path::new("contiguous")].size, 5);
}

#[test]
fn a_snapshot_sees_what_differs() {
    let scratch = tempfile::tempdir().unwrap();
    let (a, b) = (scratch.path().join("a"), scratch.path().join("b"));
    for directory in [&a, &b] {
        std::fs::create_dir(directory).unwrap();
        std::fs::write(directory.join("file"), "same").unwrap();
    }
    std::fs::write(b.join("file"), "else").unwrap();
    std::fs::hard_link(a.join("file"), a.join("link")).unwrap();
    let whats = |from: &tree::Tree, to: &tree::Tree| -> Vec<String> {
        let found = tree::compare(from, to).into_iter().filter(|difference| difference.what != "mtime");
        found.map(|difference| format!("{} {}", difference.path.display(), difference.what)).collect()
    };
    let (left, right) = (tree::snapshot(&a), tree::snapshot(&b));
    assert_eq!(whats(&left, &right), ["file link_group", "file sha256", "link presence"]);
    assert_eq!(whats(&left, &left), [""; 0]);
}
