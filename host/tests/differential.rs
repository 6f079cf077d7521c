//! What Portolan unpacks against what umoci and GNU tar unpack, and one image from every kind of place.
//!
//! Every member of [`tree::Node`] is compared: type, mode, owner, size, time to the nanosecond, link target, hard-link
//! group, content, device numbers, extended attributes. A difference that is wanted is listed with its reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod driver;

use driver::{Image, written};
use portolan_tests::tree::{self, Difference, Tree};
use portolan_tests::{awkward, demo, peers};
use std::path::Path;

/// What umoci makes of an image.
fn umoci(layout: &Path, tag: &str) -> Tree {
    let scratch = tempfile::tempdir().unwrap();
    let rootfs = scratch.path().join("rootfs");
    peers::umoci_raw_unpack(layout, tag, &rootfs);
    tree::snapshot(&rootfs)
}

fn unexplained(ours: &Tree, theirs: &Tree, explained: impl Fn(&Difference) -> bool) -> Vec<String> {
    let found = tree::compare(ours, theirs).into_iter();
    found.filter(|difference| !explained(difference)).map(|difference| difference.to_string()).collect()
}

/// every type, name, mode, owner, time and attribute, every way to replace and remove.
#[test]
fn the_awkward_image_is_what_umoci_makes_of_it() {
    let layout = written(&portolan_tests::awkward());
    let ours = Image::in_layout(layout.path(), "awkward").tree();
    let theirs = umoci(layout.path(), "awkward");
    let explained = |found: &Difference| awkward::umoci_deviation(&found.path, found.what).is_some();
    assert_eq!(unexplained(&ours, &theirs, explained), [""; 0]);
}

/// The demo image has an index and a zstd layer, which umoci 0.4.7 does not know: skopeo copies it to a single manifest
/// of gzip layers for umoci, and Portolan reads the committed one.
#[test]
fn the_demo_image_is_what_umoci_makes_of_it() {
    let scratch = tempfile::tempdir().unwrap();
    let gzip = scratch.path().join("gzip");
    let from = peers::oci(&demo::directory(), demo::TAG);
    peers::skopeo_copy(&["--dest-compress-format=gzip"], &from, &peers::oci(&gzip, "demo"));
    let ours = Image::in_layout(&demo::directory(), demo::TAG).tree();
    let theirs = umoci(&gzip, "demo");
    // N-10: no layer lists the root, so its attributes are anybody's.
    let explained = |found: &Difference| found.path == Path::new("") && found.what == "mtime";
    assert_eq!(unexplained(&ours, &theirs, explained), [""; 0]);
}

/// `umoci insert` ends a layer with its last content, without padding and end. GNU tar refuses that; Go reads it, and so
/// does everybody who runs such images.
#[test]
fn what_umoci_inserts_is_what_umoci_makes_of_it() {
    let scratch = tempfile::tempdir().unwrap();
    let (layout, file) = (scratch.path().join("layout"), scratch.path().join("file"));
    std::fs::write(&file, "content").unwrap();
    let image = format!("{}:inserted", layout.display());
    peers::succeed("umoci", ["init", "--layout", layout.to_str().unwrap()]);
    peers::succeed("umoci", ["new", "--image", &image]);
    peers::succeed("umoci", ["insert", "--rootless", "--image", &image, file.to_str().unwrap(), "/file"]);
    let ours = Image::in_layout(&layout, "inserted").tree();
    let theirs = umoci(&layout, "inserted");
    // N-10: no layer lists the root, so its attributes are anybody's.
    let explained = |found: &Difference| found.path == Path::new("");
    assert_eq!(unexplained(&ours, &theirs, explained), [""; 0]);
    assert!(ours.contains_key(Path::new("file")));
}

/// R-07, and the type `7` and the global header that umoci refuses: GNU tar wrote these forms, so it is asked.
#[test]
fn the_gnu_image_is_what_gnu_tar_extracts() {
    let layout = written(&awkward::gnu());
    let ours = Image::in_layout(layout.path(), "gnu").tree();
    let scratch = tempfile::tempdir().unwrap();
    let (archive, out) = (scratch.path().join("layer.tar"), scratch.path().join("out"));
    std::fs::write(&archive, awkward::gnu_layers().into_iter().flat_map(|(_, tar)| tar.build()).collect::<Vec<_>>())
        .unwrap();
    std::fs::create_dir(&out).unwrap();
    peers::tar_extract(&archive, &out);
    let theirs = tree::snapshot(&out);
    let explained = |found: &Difference| match (found.what, found.path.to_str()) {
        // N-10, as above.
        (_, Some("")) => true,
        // GNU tar sets a directory's time when it meets an entry outside it, and touches it again afterwards.
        ("mtime", Some("sparse")) => true,
        _ => false,
    };
    assert_eq!(unexplained(&ours, &theirs, explained), [""; 0]);
    for (path, node) in ours.iter().filter(|(path, _)| path.starts_with("sparse")) {
        let theirs = theirs[path].blocks;
        assert!(node.blocks <= theirs, "{path:?} takes {} blocks, and {theirs} as GNU tar extracts it", node.blocks);
    }
}

/// Y-11 and N-07: what skopeo writes anew, in another kind of place or another compression, is the same image.
fn from_every_place(layout: &Path, tag: &str) {
    let expected = Image::in_layout(layout, tag).tree();
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    let gzip = peers::oci(&path("gzip"), "image");
    peers::skopeo_copy(&["--dest-compress-format=gzip"], &peers::oci(layout, tag), &gzip);
    let zstd = peers::oci(&path("zstd"), "image");
    peers::skopeo_copy(&["--dest-compress-format=zstd"], &peers::oci(layout, tag), &zstd);
    let manifest = String::from_utf8(peers::skopeo_inspect_raw(&zstd)).unwrap();
    assert!(manifest.contains("tar+zstd") && !manifest.contains("tar+gzip"), "{manifest}");
    peers::skopeo_copy(&[], &gzip, &peers::oci_archive(&path("image.oci"), "image"));
    // No Docker archive takes zstd.
    peers::skopeo_copy(&[], &gzip, &peers::docker_archive(&path("image.docker"), "example/image:1"));
    let places = [
        format!("oci:{}:image", path("gzip").display()),
        format!("oci:{}:image", path("zstd").display()),
        format!("oci-archive:{}:image", path("image.oci").display()),
        format!("docker-archive:{}:example/image:1", path("image.docker").display()),
        path("image.oci").display().to_string(),
        path("image.docker").display().to_string(),
    ];
    for place in places {
        let ours = Image::at(place.as_str()).tree();
        assert_eq!(unexplained(&ours, &expected, |_| false), [""; 0], "{place}");
    }
}

#[test]
fn the_awkward_image_is_the_same_from_every_place() {
    from_every_place(written(&portolan_tests::awkward()).path(), "awkward");
}

#[test]
fn the_gnu_image_is_the_same_from_every_place() {
    from_every_place(written(&awkward::gnu()).path(), "gnu");
}

#[test]
fn the_demo_image_is_the_same_from_every_place() {
    from_every_place(&demo::directory(), demo::TAG);
}

/// A whole distribution, as debootstrap installs it and umoci packs it, with three layers on top.
#[test]
#[ignore = "downloads and packs a Debian: minutes; `make test` includes it"]
fn a_distribution_is_what_umoci_makes_of_it() {
    let layout = distribution::layout();
    let ours = Image::in_layout(&layout, distribution::TAG).tree();
    assert!(ours.len() > 5_000, "{} paths are no Debian", ours.len());
    let theirs = umoci(&layout, distribution::TAG);
    assert_eq!(unexplained(&ours, &theirs, |_| false), [""; 0]);
    distribution::check(&ours);
}

#[test]
#[ignore = "downloads and packs a Debian: minutes; `make test` includes it"]
fn a_distribution_is_the_same_from_every_place() {
    from_every_place(&distribution::layout(), distribution::TAG);
}

mod distribution {
    use super::{Tree, peers};
    use rustix::fs::XattrFlags;
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::{Path, PathBuf};
    use std::sync::Mutex;

    pub(super) const TAG: &str = "minbase";

    static MAKING: Mutex<()> = Mutex::new(());

    /// A layout with the distribution, made at the first call and kept with the build.
    pub(super) fn layout() -> PathBuf {
        let _made_once = MAKING.lock();
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("minbase-oci");
        if !kept.exists() {
            let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            make(&scratch.path().join("layout"), &scratch.path().join("bundle"));
            fs::rename(scratch.path().join("layout"), &kept).unwrap();
        }
        kept
    }

    fn make(layout: &Path, bundle: &Path) {
        let image = format!("{}:{TAG}", layout.display());
        let bundle_path = bundle.to_str().unwrap();
        peers::succeed("umoci", ["init", "--layout", layout.to_str().unwrap()]);
        peers::succeed("umoci", ["new", "--image", &image]);
        peers::succeed("umoci", ["unpack", "--image", &image, bundle_path]);
        let rootfs = bundle.join("rootfs");
        peers::succeed("debootstrap", ["--variant=minbase", "bookworm", rootfs.to_str().unwrap()]);
        let repack = || peers::succeed("umoci", ["repack", "--refresh-bundle", "--image", &image, bundle_path]);
        repack();
        remove(&rootfs);
        repack();
        replace(&rootfs);
        repack();
        restore(&rootfs);
        repack();
    }

    /// Whiteouts of files and whole directories.
    fn remove(rootfs: &Path) {
        fs::remove_dir_all(rootfs.join("usr/share/doc")).unwrap();
        fs::remove_dir_all(rootfs.join("usr/share/locale")).unwrap();
        for entry in fs::read_dir(rootfs.join("var/cache/apt/archives")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::remove_file(path).unwrap();
            }
        }
        fs::remove_file(rootfs.join("usr/bin/perl")).unwrap();
    }

    /// Every type replaced by another, attributes alone changed, names added to files of lower layers.
    fn replace(rootfs: &Path) {
        fs::write(rootfs.join("etc/motd"), "replaced\n").unwrap();
        fs::remove_file(rootfs.join("etc/issue")).unwrap();
        symlink("motd", rootfs.join("etc/issue")).unwrap();
        fs::remove_dir_all(rootfs.join("media")).unwrap();
        fs::write(rootfs.join("media"), "was a directory").unwrap();
        fs::remove_file(rootfs.join("etc/debian_version")).unwrap();
        fs::create_dir(rootfs.join("etc/debian_version")).unwrap();
        fs::write(rootfs.join("etc/debian_version/child"), "was a file").unwrap();
        fs::set_permissions(rootfs.join("usr/bin/env"), fs::Permissions::from_mode(0o4711)).unwrap();
        fs::set_permissions(rootfs.join("srv"), fs::Permissions::from_mode(0o2770)).unwrap();
        std::os::unix::fs::chown(rootfs.join("srv"), Some(1000), Some(33)).unwrap();
        fs::hard_link(rootfs.join("usr/bin/cat"), rootfs.join("usr/bin/another-cat")).unwrap();
        let xattr = rootfs.join("etc/hosts");
        fs::write(&xattr, "127.0.0.1 localhost\n").unwrap();
        rustix::fs::setxattr(&xattr, OsStr::new("user.origin"), b"tests", XattrFlags::empty()).unwrap();
    }

    /// What lower layers removed comes back otherwise.
    fn restore(rootfs: &Path) {
        fs::create_dir(rootfs.join("usr/share/doc")).unwrap();
        fs::write(rootfs.join("usr/share/doc/README"), "back again\n").unwrap();
        symlink("env", rootfs.join("usr/bin/perl")).unwrap();
        fs::remove_file(rootfs.join("usr/bin/another-cat")).unwrap();
    }

    /// That the layers had the wanted effects, whatever both tools think.
    pub(super) fn check(tree: &Tree) {
        let node = |path: &str| tree.get(Path::new(path));
        assert!(node("usr/share/locale").is_none() && node("usr/bin/another-cat").is_none());
        assert_eq!(node("usr/bin/env").unwrap().mode, 0o4711);
        assert_eq!((node("srv").unwrap().uid, node("srv").unwrap().gid), (1000, 33));
        assert_eq!(node("etc/issue").unwrap().target.as_deref(), Some(Path::new("motd")));
        assert_eq!(node("etc/hosts").unwrap().xattrs["user.origin"], b"tests");
        let documents = tree.keys().filter(|path| path.starts_with("usr/share/doc")).count();
        assert_eq!(documents, 2, "the directory and what came back");
    }
}
