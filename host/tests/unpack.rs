//! Unpacking to a real directory: what may stand at the destination, what stays after an error, bundles, privileges.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "unpack/after_an_error.rs"]
mod after_an_error;
#[path = "unpack/destination.rs"]
mod destination;
mod driver;
#[path = "unpack/without_privileges.rs"]
mod without_privileges;

use driver::{Image, chain, names, written};
use portolan::interrupt::Interrupt;
use portolan::progress::Progress;
use portolan::{Error, ErrorCode};
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::tar::Entry;
use portolan_tests::tree::{self, Kind};
use portolan_tests::{awkward, demo, peers, tar};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A layout with one small image, tagged `t`.
fn small() -> tempfile::TempDir {
    one_layer(tar::Builder::new().dir("etc/").file("etc/motd", b"hello\n"))
}

fn one_layer(tar: tar::Builder) -> tempfile::TempDir {
    written(&Layout::single("t", Builder::new("linux/amd64").layer(Layer::gzip(tar.build()))))
}

/// A directory that is empty but for what a test puts there.
fn scratch() -> (tempfile::TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let destination = scratch.path().join("dest");
    (scratch, destination)
}

/// A small file system of its own, for as long as the test holds it.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn new(options: &str) -> Self {
        let point = tempfile::tempdir().unwrap();
        peers::succeed("mount", ["-t", "tmpfs", "-o", options, "tmpfs", point.path().to_str().unwrap()]);
        Self(point)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        peers::run("umount", [self.0.path()]);
    }
}

mod bundle {
    use super::*;

    fn unpacked(scratch: &Path) -> PathBuf {
        let bundle = scratch.join("bundle");
        Image::in_layout(&demo::directory(), demo::TAG).bundle().unpack(&bundle).unwrap();
        bundle
    }

    fn says(output: &std::process::Output) -> (String, String) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    }

    #[test]
    fn it_holds_a_rootfs_and_a_config() {
        let scratch = tempfile::tempdir().unwrap();
        let bundle = unpacked(scratch.path());
        assert_eq!(names(&bundle), ["config.json", "rootfs"]);
        assert_eq!(names(scratch.path()), ["bundle"]);
        let rootfs = Image::in_layout(&demo::directory(), demo::TAG).tree();
        tree::assert_same(&tree::snapshot(&bundle.join("rootfs")), &rootfs);
        let config: serde_json::Value = serde_json::from_slice(&fs::read(bundle.join("config.json")).unwrap()).unwrap();
        assert_eq!(config["root"]["path"], "rootfs");
        assert_eq!(
            config["process"]["user"],
            serde_json::json!({ "uid": 1000, "gid": 1000, "additionalGids": [1500] })
        );
        assert_eq!(config["process"]["cwd"], "/home/traveller");
    }

    #[test]
    fn runc_runs_it() {
        let scratch = tempfile::tempdir().unwrap();
        let output = peers::runc_run(&unpacked(scratch.path()), &format!("portolan-unpack-{}", std::process::id()));
        let (stdout, stderr) = says(&output);
        assert_eq!(stdout, demo::output("amd64"), "{stderr}");
        assert!(output.status.success(), "{stderr}");
    }

    /// crun wants cgroup v2 alone or v1 alone; where a machine mixes them it declines every bundle, umoci's too.
    #[test]
    fn crun_runs_it_or_declines_the_machine() {
        let scratch = tempfile::tempdir().unwrap();
        let output = peers::crun_run(&unpacked(scratch.path()), &format!("portolan-unpack-{}", std::process::id()));
        let (stdout, stderr) = says(&output);
        if !output.status.success() && stderr.contains("cgroup") {
            eprintln!("crun declines this machine: {stderr}");
            return;
        }
        assert_eq!(stdout, demo::output("amd64"), "{stderr}");
    }
}

mod only {
    use super::*;

    fn paths(image: Image<'_>, pattern: &str) -> Vec<String> {
        let tree = image.only(pattern).tree();
        tree.keys().map(|path| path.to_string_lossy().into_owned()).collect()
    }

    fn demo_image() -> Image<'static> {
        Image::in_layout(&demo::directory(), demo::TAG)
    }

    #[test]
    fn what_a_pattern_matches_comes_with_the_directories_above() {
        assert_eq!(paths(demo_image(), "etc/passwd"), ["", "etc", "etc/passwd"]);
        assert_eq!(paths(demo_image(), "/etc/pass*"), ["", "etc", "etc/passwd"]);
        let berlin = paths(demo_image(), "**/Europe/Berlin");
        let zone = "usr/share/zoneinfo";
        let both = [format!("{zone}/Europe/Berlin"), format!("{zone}/posix/Europe/Berlin")];
        assert!(both.iter().all(|path| berlin.contains(path)), "{berlin:?}");
        assert_eq!(berlin.len(), 9, "{berlin:?}");
    }

    #[test]
    fn what_is_left_is_as_it_is_in_the_whole_image() {
        let whole = demo_image().tree();
        let part = demo_image().only("usr/share/zoneinfo/posix/**").tree();
        for (path, node) in &part {
            let same = tree::Node { link_group: None, blocks: 0, ..whole[path].clone() };
            assert_eq!(tree::Node { link_group: None, blocks: 0, ..node.clone() }, same, "{path:?}");
        }
    }

    /// Of a file with two names one is left, and its content with it.
    #[test]
    fn a_second_name_alone_is_a_file() {
        let tree = demo_image().only("usr/bin/hello").tree();
        assert_eq!(tree.len(), 4);
        let first = tree[Path::new("usr/bin/hello")].sha256.clone();
        assert!(first.is_some());
        let tree = demo_image().only("usr/bin/greet").tree();
        assert_eq!(tree[Path::new("usr/bin/greet")].sha256, first);
        let both = demo_image().only("usr/bin/{greet,hello}").tree();
        assert_eq!(both[Path::new("usr/bin/greet")].link_group, Some("usr/bin/greet".into()));
        assert_eq!(both[Path::new("usr/bin/hello")].link_group, Some("usr/bin/greet".into()));
    }

    /// Contents that are not wanted take no place, not even for a while.
    #[test]
    fn what_is_not_wanted_is_not_written() {
        let mounted = Mounted::new("size=1m,nr_inodes=64");
        let tar = (0..500).fold(tar::Builder::new(), |tar, at| tar.file(format!("file-{at:03}"), vec![b'x'; 5000]));
        let layout = one_layer(tar);
        let destination = mounted.path().join("dest");
        Image::in_layout(layout.path(), "t").only("file-333").unpack(&destination).unwrap();
        assert_eq!(names(&destination), ["file-333"]);
    }

    /// The user of a bundle is looked up in what is there.
    #[test]
    fn a_bundle_without_passwd_has_no_named_user() {
        let (scratch, destination) = scratch();
        let error = demo_image().only("usr/**").bundle().unpack(&destination).unwrap_err();
        assert!(matches!(error, Error::Image { code: ErrorCode::UserNotFound, .. }), "{error:?}");
        assert_eq!(names(scratch.path()), [""; 0]);
    }
}

/// holes are kept wherever the file system has them, in every form that GNU tar knows.
#[test]
fn sparse_files_keep_their_holes() {
    let layout = written(&awkward::gnu());
    let (_scratch, destination) = scratch();
    Image::in_layout(layout.path(), "gnu").unpack(&destination).unwrap();
    for form in ["old", "pax00", "pax01", "pax10"] {
        for (name, size, most) in
            [("ends", (3 << 20) + 3, 3 * 8), ("many", 40 * 65536, 40 * 8), ("only-hole", 1 << 21, 0)]
        {
            let metadata = fs::metadata(destination.join(format!("sparse/{form}-{name}"))).unwrap();
            assert_eq!(metadata.size(), size, "{form}-{name}");
            assert!(metadata.blocks() <= most, "{form}-{name} takes {} blocks", metadata.blocks());
        }
    }
}

/// 2^32 - 1 is no owner: the kernel takes it for "leave as it is", and the file would stay root's.
#[test]
fn the_owner_that_is_none_is_refused() {
    for (uid, gid) in [(0xffff_ffff, 0), (0, 0xffff_ffff)] {
        let (scratch, destination) = scratch();
        let layout = one_layer(tar::Builder::new().entry(Entry::file("a", b"").owner(uid, gid)));
        let error = Image::in_layout(layout.path(), "t").unpack(&destination).unwrap_err();
        assert!(matches!(error, Error::Image { code: ErrorCode::InvalidArchive, .. }), "{error:?}");
        assert_eq!(names(scratch.path()), [""; 0]);
    }
}
