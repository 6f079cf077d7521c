//! Unpacking to a real directory: what may stand at the destination, what stays after an error, bundles, privileges.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod driver;

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

mod destination {
    use super::*;

    fn refused(destination: &Path) -> String {
        let error = Image::in_layout(small().path(), "t").unpack(destination).unwrap_err();
        assert!(matches!(error, Error::Destination { .. }), "{error:?}");
        chain(&error)
    }

    #[test]
    fn an_absent_one_is_made() {
        let (scratch, destination) = scratch();
        let unpacked = Image::in_layout(small().path(), "t").unpack(&destination).unwrap();
        assert_eq!(fs::read(destination.join("etc/motd")).unwrap(), b"hello\n");
        assert_eq!((unpacked.made.files, unpacked.made.directories, unpacked.made.bytes), (1, 1, 6));
        assert_eq!(names(scratch.path()), ["dest"]);
    }

    #[test]
    fn an_empty_directory_is_filled() {
        let (scratch, destination) = scratch();
        fs::create_dir(&destination).unwrap();
        Image::in_layout(small().path(), "t").unpack(&destination).unwrap();
        assert_eq!(names(&destination), ["etc"]);
        assert_eq!(names(scratch.path()), ["dest"]);
    }

    #[test]
    fn a_relative_one_is_meant_from_here() {
        let (scratch, destination) = scratch();
        let here = fs::canonicalize(".").unwrap();
        let up = "../".repeat(here.components().count() - 1);
        let relative = format!("{up}{}", destination.strip_prefix("/").unwrap().display());
        Image::in_layout(small().path(), "t").unpack(Path::new(&relative)).unwrap();
        assert_eq!(names(&destination), ["etc"]);
        assert_eq!(names(scratch.path()), ["dest"]);
    }

    #[test]
    fn a_directory_with_content_is_left_alone() {
        let (scratch, destination) = scratch();
        fs::create_dir(&destination).unwrap();
        fs::write(destination.join("mine"), "mine").unwrap();
        assert!(refused(&destination).contains("not empty"));
        assert_eq!(names(&destination), ["mine"]);
        assert_eq!(names(scratch.path()), ["dest"]);
    }

    #[test]
    fn a_file_is_left_alone() {
        let (scratch, destination) = scratch();
        fs::write(&destination, "mine").unwrap();
        assert!(refused(&destination).contains("not a directory"));
        assert_eq!(fs::read(&destination).unwrap(), b"mine");
        assert_eq!(names(scratch.path()), ["dest"]);
    }

    #[test]
    fn a_symbolic_link_is_not_followed() {
        let (scratch, destination) = scratch();
        fs::create_dir(scratch.path().join("empty")).unwrap();
        for (target, spelling) in [("empty", "dest"), ("nowhere", "dest"), ("empty", "dest/")] {
            symlink(target, &destination).unwrap();
            refused(&scratch.path().join(spelling));
            assert_eq!(fs::read_link(&destination).unwrap(), Path::new(target));
            assert_eq!(names(scratch.path()), ["dest", "empty"]);
            assert_eq!(names(&scratch.path().join("empty")), [""; 0]);
            fs::remove_file(&destination).unwrap();
        }
    }

    #[test]
    fn one_without_a_parent_is_an_error() {
        let (scratch, destination) = scratch();
        let error = Image::in_layout(small().path(), "t").unpack(&destination.join("below")).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if *path == destination), "{error:?}");
        assert_eq!(names(scratch.path()), [""; 0]);
    }

    /// Nothing can be renamed onto a mount point, so the work would be for nothing.
    #[test]
    fn a_mount_point_is_refused_at_once() {
        let mounted = Mounted::new("size=1m");
        assert!(refused(mounted.path()).contains("mount point"));
        assert_eq!(names(mounted.path()), [""; 0]);
    }

    #[test]
    fn staging_directories_of_dead_runs_are_removed() {
        let (scratch, destination) = scratch();
        let path = |name: &str| scratch.path().join(name);
        let (dead, running, other, foreign) = (
            path(".dest.123-0.portolan-partial"),
            path(".dest.124-0.portolan-partial"),
            path(".another.123-0.portolan-partial"),
            path(".dest.mine.portolan-partial"),
        );
        for directory in [&dead, &running, &other, &foreign] {
            fs::create_dir_all(directory.join("rootfs/locked/below")).unwrap();
            fs::set_permissions(directory.join("rootfs/locked"), fs::Permissions::from_mode(0)).unwrap();
        }
        let lock = fs::File::open(&running).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
        Image::in_layout(small().path(), "t").unpack(&destination).unwrap();
        assert!(!dead.exists());
        assert!(running.exists() && other.exists() && foreign.exists(), "{:?}", names(scratch.path()));
    }
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

mod after_an_error {
    use super::*;

    /// An image of three layers, and the digests of its layers.
    fn three(top: Layer) -> (Layout, Vec<String>) {
        let layer = |name: &str| Layer::gzip(tar::Builder::new().file(name, vec![b'x'; 100_000]).build());
        let mut layout = Layout::new();
        let manifest = layout.image(Builder::new("linux/amd64").layer(layer("one")).layer(layer("two")).layer(top));
        layout.tag(&manifest, "t");
        let document = layout.document(manifest.digest());
        let layers = document["layers"].as_array().unwrap().iter();
        let digests = layers.map(|layer| layer["digest"].as_str().unwrap().to_owned()).collect();
        (layout, digests)
    }

    fn good() -> Layer {
        Layer::gzip(tar::Builder::new().file("three", vec![b'y'; 100_000]).build())
    }

    #[track_caller]
    fn fails(image: &Image<'_>, code: ErrorCode, names_it: &str) {
        let (scratch, destination) = scratch();
        let error = image.unpack(&destination).unwrap_err();
        assert!(matches!(&error, Error::Image { code: found, .. } if *found == code), "{error:?}");
        assert!(error.to_string().contains(names_it), "{error} does not name {names_it}");
        assert_eq!(names(scratch.path()), [""; 0], "{error}");
    }

    #[track_caller]
    fn layout_fails(layout: &Layout, code: ErrorCode, names_it: &str) {
        let layout = written(layout);
        fails(&Image::in_layout(layout.path(), "t"), code, names_it);
        fails(&Image::in_layout(layout.path(), "t").jobs(1).bundle(), code, names_it);
    }

    /// Hostile row 38, in the last layer, so that all the others are already there.
    #[test]
    fn of_a_digest_nothing_stays() {
        let (mut layout, digests) = three(good());
        layout.corrupt(&digests[2], |blob| *blob.last_mut().unwrap() ^= 1);
        layout_fails(&layout, ErrorCode::DigestMismatch, &digests[2]);
    }

    #[test]
    fn of_a_size_nothing_stays() {
        let (mut layout, digests) = three(good());
        layout.corrupt(&digests[2], |blob| blob.truncate(blob.len() / 2));
        layout_fails(&layout, ErrorCode::SizeMismatch, &digests[2]);
        let (mut layout, digests) = three(good());
        layout.corrupt(&digests[2], |blob| blob.push(0));
        layout_fails(&layout, ErrorCode::SizeMismatch, &digests[2]);
    }

    #[test]
    fn of_a_diff_id_nothing_stays() {
        let wrong = format!("sha256:{}", "0".repeat(64));
        let (layout, _) = three(good().diff_id(&wrong));
        layout_fails(&layout, ErrorCode::DiffIdMismatch, &wrong);
    }

    /// Hostile row 43: with a DiffID too few, a layer would go unchecked.
    #[test]
    fn of_a_number_of_diff_ids_nothing_stays() {
        for change in [-1_i32, 1] {
            let builder = Builder::new("linux/amd64").layer(good()).layer(good()).edit_config(move |config| {
                let ids = config["rootfs"]["diff_ids"].as_array_mut().unwrap();
                if change < 0 { drop(ids.pop()) } else { ids.push(ids[0].clone()) }
            });
            layout_fails(&Layout::single("t", builder), ErrorCode::InvalidDocument, "2");
        }
    }

    #[test]
    fn of_a_missing_blob_nothing_stays() {
        let (mut layout, digests) = three(good());
        layout.remove(&digests[2]);
        layout_fails(&layout, ErrorCode::BlobNotFound, &digests[2]);
    }

    /// What only the merged tree can know.
    #[test]
    fn of_a_hard_link_nothing_stays() {
        let (layout, _) = three(Layer::gzip(tar::Builder::new().hardlink("link", "no/such").build()));
        layout_fails(&layout, ErrorCode::InvalidLink, "no/such");
    }

    #[test]
    fn of_an_escape_nothing_stays() {
        let (layout, _) = three(Layer::gzip(tar::Builder::new().file("../../escape", b"out").build()));
        layout_fails(&layout, ErrorCode::InvalidPath, "escape");
    }

    #[test]
    fn of_strict_reading_nothing_stays() {
        let (layout, _) = three(good().media_type("application/vnd.oci.image.layer.v1.tar+zstd"));
        let layout = written(&layout);
        fails(&Image::in_layout(layout.path(), "t").strict(), ErrorCode::CompressionMismatch, "zstd");
    }

    #[test]
    fn of_a_user_who_is_not_there_nothing_stays() {
        let image = Builder::new("linux/amd64").layer(good()).run(serde_json::json!({ "User": "nobody-at-all" }));
        let layout = written(&Layout::single("t", image));
        fails(&Image::in_layout(layout.path(), "t").bundle(), ErrorCode::UserNotFound, "nobody-at-all");
    }

    #[test]
    fn of_a_truncated_archive_nothing_stays() {
        let (layout, _) = three(good());
        let kinds = [("oci-archive", "t", layout.oci_archive()), ("docker-archive", "t:t", layout.docker_archive("t"))];
        for (kind, name, archive) in kinds {
            let (scratch, destination) = scratch();
            let places = tempfile::tempdir().unwrap();
            let path = places.path().join("archive.tar");
            for length in [archive.len() / 3, archive.len() / 2, archive.len() - 3000] {
                fs::write(&path, &archive[..length]).unwrap();
                let image = Image::at(format!("{kind}:{}:{name}", path.display()));
                let error = image.unpack(&destination).expect_err("half an archive is none");
                assert!(!matches!(error, Error::Component(_)), "{error:?}");
                assert!(chain(&error).contains("archive.tar"), "{length} bytes: {}", chain(&error));
                assert_eq!(names(scratch.path()), [""; 0]);
            }
        }
    }

    #[test]
    fn of_a_full_disk_nothing_stays() {
        let mounted = Mounted::new("size=1m");
        let layout = one_layer(tar::Builder::new().dir("var/").file("var/great", vec![b'x'; 4 << 20]));
        let error = Image::in_layout(layout.path(), "t").unpack(&mounted.path().join("dest")).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if path == Path::new("var/great")), "{error:?}");
        assert!(chain(&error).contains("No space left"), "{}", chain(&error));
        assert_eq!(names(mounted.path()), [""; 0]);
    }

    #[test]
    fn of_a_disk_without_inodes_nothing_stays() {
        let mounted = Mounted::new("size=1m,nr_inodes=40");
        let tar = (0..100).fold(tar::Builder::new(), |tar, at| tar.dir(format!("dir-{at:03}/")));
        let error = Image::in_layout(one_layer(tar).path(), "t").unpack(&mounted.path().join("dest")).unwrap_err();
        assert!(
            matches!(&error, Error::Io { path, .. } if path.starts_with("dir-03") || path.to_str().unwrap().starts_with("dir-0")),
            "{error:?}"
        );
        assert_eq!(names(mounted.path()), [""; 0]);
    }

    /// Sets the signal's flag once so many bytes were read, from the thread that reads them.
    struct Signal<'a>(&'a Interrupt, std::sync::atomic::AtomicU64);

    impl Progress for Signal<'_> {
        fn begin(&self, _: &str, _: u64) {}

        fn advance(&self, _: &str, bytes: u64) {
            use std::sync::atomic::Ordering::Relaxed;
            if self.1.fetch_sub(bytes.min(self.1.load(Relaxed)), Relaxed) <= bytes {
                self.0.signal().store(true, Relaxed);
            }
        }

        fn end(&self, _: &str) {}
    }

    #[test]
    fn of_a_signal_nothing_stays() {
        // Bytes that do not compress, so that the blob is read in many pieces.
        let noise: Vec<u8> =
            (0..4_000_000_u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
        let layer = |name: &str| Layer::plain(tar::Builder::new().file(name, &noise).build());
        let layout = written(&Layout::single("t", Builder::new("linux/amd64").layer(layer("a")).layer(layer("b"))));
        for after in [0, 1_000_000, 5_000_000, 7_900_000] {
            for jobs in [1, 2] {
                let (scratch, destination) = scratch();
                let interrupt = Interrupt::default();
                let signal = Signal(&interrupt, after.into());
                let image = Image::in_layout(layout.path(), "t").jobs(jobs).interrupt(&interrupt).progress(&signal);
                let error = image.unpack(&destination).unwrap_err();
                assert!(matches!(&error, Error::Interrupted { reason } if reason == "a signal"), "{error:?}");
                assert_eq!(names(scratch.path()), [""; 0]);
            }
        }
    }

    #[test]
    fn of_a_time_limit_nothing_stays() {
        let (scratch, destination) = scratch();
        let interrupt = Interrupt::default().after(1);
        std::thread::sleep(std::time::Duration::from_millis(1100));
        let error = Image::in_layout(small().path(), "t").interrupt(&interrupt).unpack(&destination).unwrap_err();
        assert!(error.to_string().contains("raise seconds"), "{error}");
        assert_eq!(names(scratch.path()), [""; 0]);
    }
}

mod without_privileges {
    use super::*;

    /// The message `Resource { uint32 uid = 1; uint32 gid = 2; }` of rootlesscontainers.proto, decoded.
    fn recorded(node: &tree::Node) -> (u32, u32) {
        let (mut uid, mut gid) = (0, 0);
        let Some(record) = node.xattrs.get("user.rootlesscontainers") else { return (0, 0) };
        let mut bytes = record.iter();
        while let Some(tag) = bytes.next() {
            let mut value = 0_u32;
            for (at, byte) in bytes.by_ref().enumerate() {
                value |= u32::from(byte & 0x7f) << (7 * at);
                if byte & 0x80 == 0 {
                    break;
                }
            }
            *(if *tag == 0x08 { &mut uid } else { &mut gid }) = value;
        }
        (uid, gid)
    }

    /// What rootless unpacking must make of what a privileged one made; `owner` owns everything.
    #[track_caller]
    fn check(privileged: &tree::Tree, rootless: &tree::Tree, owner: u32) {
        for (path, node) in privileged {
            if matches!(node.kind, Kind::CharDevice | Kind::BlockDevice) {
                assert!(!rootless.contains_key(path), "{path:?} is a device");
                continue;
            }
            let found = rootless.get(path).unwrap_or_else(|| panic!("{path:?} is missing"));
            assert_eq!((found.uid, found.gid), (owner, owner), "{path:?}");
            assert_eq!(
                (found.kind, found.mode, found.size, found.mtime, &found.target, &found.sha256, &found.link_group),
                (node.kind, node.mode, node.size, node.mtime, &node.target, &node.sha256, &node.link_group),
                "{path:?}"
            );
            if matches!(node.kind, Kind::File | Kind::Directory) {
                assert_eq!(recorded(found), (node.uid, node.gid), "{path:?}");
                for (name, value) in node.xattrs.iter().filter(|(name, _)| name.starts_with("user.")) {
                    assert_eq!(found.xattrs.get(name), Some(value), "{path:?} {name}");
                }
            }
        }
        assert!(rootless.keys().all(|path| privileged.contains_key(path)));
    }

    #[test]
    fn owners_are_recorded_and_devices_left_out() {
        let layout = written(&portolan_tests::awkward());
        let privileged = Image::in_layout(layout.path(), "awkward").tree();
        let (_scratch, destination) = scratch();
        let unpacked = Image::in_layout(layout.path(), "awkward").rootless().unpack(&destination).unwrap();
        check(&privileged, &tree::snapshot(&destination), 0);
        for lost in ["types/null: device", "types/loop0: device", "owners/zero: device"] {
            assert!(unpacked.made.lost.iter().any(|line| line == lost), "{lost} is not in {:?}", unpacked.made.lost);
        }
    }

    /// The test runs itself again as another user, who has only the rights of that user.
    #[test]
    fn another_user_than_root_can_unpack() {
        const ROLE: &str = "PORTOLAN_TEST_LAYOUT";
        const NOBODY: u32 = 65534;
        if let Some(directory) = std::env::var_os(ROLE) {
            let directory = PathBuf::from(directory);
            assert_eq!(rustix::process::geteuid().as_raw(), NOBODY);
            let image = |tag| Image::in_layout(&directory.join(tag), tag).rootless();
            image("awkward").unpack(&directory.join("out/awkward")).unwrap();
            image("demo").bundle().unpack(&directory.join("out/bundle")).unwrap();
            image("closed").unpack(&directory.join("out/closed")).unwrap();
            // What fails half-way leaves nothing behind either, whatever the modes of its directories.
            image("broken").unpack(&directory.join("out/broken")).unwrap_err();
            let error = Image::in_layout(&directory.join("awkward"), "awkward").unpack(&directory.join("out/as-root"));
            let error = error.expect_err("only root gives files away");
            assert!(chain(&error).contains("not permitted"), "{}", chain(&error));
            let lost = Image::in_layout(&directory.join("awkward"), "awkward").keep_going();
            let lost = lost.unpack(&directory.join("out/keep-going")).unwrap().made.lost;
            assert!(lost.iter().any(|line| line == "owners/1-0: owner"), "{lost:?}");
            return;
        }
        let scratch = tempfile::tempdir().unwrap();
        let path = |name: &str| scratch.path().join(name);
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
        portolan_tests::awkward().write(&path("awkward"));
        let closed = |tar: tar::Builder| Layer::plain(tar.build());
        let bottom = || {
            tar::Builder::new()
                .entry(Entry::dir("./").mode(0o555))
                .entry(Entry::dir("locked/").mode(0))
                .file("locked/file", b"content")
        };
        Layout::single("closed", Builder::new("linux/amd64").layer(closed(bottom()))).write(&path("closed"));
        let broken = bottom().hardlink("link", "no/such");
        Layout::single("broken", Builder::new("linux/amd64").layer(closed(broken))).write(&path("broken"));
        let demo = path("demo");
        peers::skopeo_copy(&[], &peers::oci(&demo::directory(), demo::TAG), &peers::oci(&demo, "demo"));
        fs::create_dir(path("out")).unwrap();
        std::os::unix::fs::chown(path("out"), Some(NOBODY), Some(NOBODY)).unwrap();
        fs::copy(std::env::current_exe().unwrap(), path("again")).unwrap();

        let again = path("again");
        let name = "without_privileges::another_user_than_root_can_unpack";
        let role = format!("{ROLE}={}", scratch.path().display());
        let args = ["--reuid=65534", "--regid=65534", "--clear-groups", "env", &role, again.to_str().unwrap()];
        let output = peers::run("setpriv", args.into_iter().chain(["--exact", name, "--nocapture"]));
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.contains("1 passed"), "{said}");

        let privileged = Image::in_layout(&path("awkward"), "awkward").tree();
        check(&privileged, &tree::snapshot(&path("out/awkward")), NOBODY);
        let closed = Image::in_layout(&path("closed"), "closed").tree();
        check(&closed, &tree::snapshot(&path("out/closed")), NOBODY);
        assert_eq!(names(&path("out")), ["awkward", "bundle", "closed", "keep-going"]);
        let config = fs::read(path("out/bundle/config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        assert_eq!(config["linux"]["uidMappings"][0]["hostID"], NOBODY);
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
