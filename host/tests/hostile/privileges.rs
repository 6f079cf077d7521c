//! What happens to privileges (rows 45 to 47) as another user, and without them on request.

use crate::Source;
use crate::cases::{Is, file, owned};
use crate::run::{NOBODY, Run, is_root, program, skip};
use crate::sandbox::Sandbox;
use portolan_tests::image::{Builder, Layer, Layout};
use portolan_tests::tar::{self, Entry};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// `security.capability` with `CAP_NET_RAW`, version 2.
const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn layout(archive: tar::Builder) -> Layout {
    Layout::single("latest", Builder::new("linux/amd64").layer(Layer::plain(archive.build())))
}

fn privileged() -> Layout {
    layout(
        tar::Builder::new()
            .entry(Entry::file("su", "x").mode(0o4755))
            .entry(Entry::file("wall", "x").mode(0o2755))
            .entry(Entry::file("ping", "x").mode(0o755).xattr("security.capability", CAPABILITY))
            .entry(Entry::dir("tmp").mode(0o3777))
            .char_device("null", 1, 3)
            .block_device("disk", 8, 0)
            .hardlink("zero", "null")
            .fifo("pipe")
            .entry(Entry::file("owned", "x").owner(1000, 100)),
    )
}

/// A copy of the program where everybody can reach it.
fn reachable(sandbox: &Sandbox) -> PathBuf {
    let copy = sandbox.path().join("portolan");
    fs::copy(program(), &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    copy
}

fn says(text: &str, all: &[&str]) {
    for what in all {
        assert!(text.contains(what), "{what:?} is missing in {text}");
    }
}

#[test]
fn row_45_root_can_leave_privileges_out() {
    if !is_root() {
        return skip("keeping privileges takes root");
    }
    let sandbox = Sandbox::new();
    let reference = sandbox.image(&privileged(), Source::Layout);
    let before = sandbox.snapshot();
    let ended = Run::new(&sandbox)
        .arguments(&["unpack", "--no-privileges", "--platform", "linux/amd64", &reference, "dest"])
        .run();
    ended.is_sane().unwrap();
    assert_eq!(ended.code, Some(0), "{ended}");
    sandbox.unharmed(&before).unwrap();
    let tree = [
        ("su", Is::FileMode(0o755)),
        ("wall", Is::FileMode(0o755)),
        ("ping", Is::FileMode(0o755)),
        ("tmp", Is::DirectoryMode(0o1777)),
        ("pipe", Is::Fifo),
        ("owned", file("x")),
    ];
    sandbox.holds(&owned(tree)).unwrap();
    let found = portolan_tests::tree::snapshot(&sandbox.destination());
    assert!(found.values().all(|node| node.xattrs.is_empty()), "{found:?}");
    assert_eq!(found[std::path::Path::new("owned")].uid, 1000, "owners are no privileges");
    says(
        &ended.stderr,
        &[
            "su: setuid",
            "wall: setgid",
            "ping: security.capability",
            "tmp: setgid",
            "null: device",
            "disk: device",
            "zero: device",
        ],
    );
}

#[test]
fn rows_45_and_46_a_user_without_privileges_gets_no_devices_and_records_owners() {
    if !is_root() {
        return skip("becoming another user takes root");
    }
    let sandbox = Sandbox::new();
    let program = reachable(&sandbox);
    let reference = sandbox.image(&privileged(), Source::Layout);
    let before = sandbox.snapshot();
    let run = Run::new(&sandbox).arguments(&["unpack", "--platform", "linux/amd64", &reference, "dest"]);
    let ended = run.by_nobody(&program).run();
    ended.is_sane().unwrap();
    assert_eq!(ended.code, Some(0), "{ended}");
    sandbox.unharmed(&before).unwrap();
    says(&ended.stderr, &["null: device", "disk: device", "zero: device"]);
    let found = portolan_tests::tree::snapshot(&sandbox.destination());
    assert!(found.values().all(|node| node.uid == NOBODY && node.device.is_none()), "{found:?}");
    assert!(!found[std::path::Path::new("ping")].xattrs.contains_key("security.capability"));
}

#[test]
fn row_47_a_user_without_privileges_unpacks_what_nobody_may_enter() {
    if !is_root() {
        return skip("becoming another user takes root");
    }
    let sandbox = Sandbox::new();
    let program = reachable(&sandbox);
    let archive = tar::Builder::new()
        .entry(Entry::dir(".").mode(0o500))
        .entry(Entry::dir("d").mode(0))
        .file("d/f", "x")
        .entry(Entry::dir("r").mode(0o555))
        .entry(Entry::file("r/g", "y").mode(0));
    let reference = sandbox.image(&layout(archive), Source::Layout);
    let before = sandbox.snapshot();
    let run = Run::new(&sandbox).arguments(&["unpack", "--platform", "linux/amd64", &reference, "dest"]);
    let ended = run.by_nobody(&program).run();
    ended.is_sane().unwrap();
    assert_eq!(ended.code, Some(0), "{ended}");
    sandbox.unharmed(&before).unwrap();
    let tree = [
        ("", Is::DirectoryMode(0o500)),
        ("d", Is::DirectoryMode(0)),
        ("d/f", file("x")),
        ("r", Is::DirectoryMode(0o555)),
        ("r/g", Is::FileMode(0)),
    ];
    sandbox.holds(&owned(tree)).unwrap();
}

/// What a failed run made of directories that lock their owner out is removed all the same.
#[test]
fn row_47_a_failed_run_without_privileges_leaves_nothing_behind() {
    if !is_root() {
        return skip("becoming another user takes root");
    }
    let sandbox = Sandbox::new();
    let program = reachable(&sandbox);
    // The pattern of names: the directory is in place, then the second name of a file collides with nothing but fails
    // at the end, where the destination has appeared.
    let archive = tar::Builder::new().entry(Entry::dir("d").mode(0)).file("d/f", "x");
    let reference = sandbox.image(&layout(archive), Source::Layout);
    fs::create_dir(sandbox.destination()).unwrap();
    fs::write(sandbox.destination().join("mine"), "mine").unwrap();
    let before = sandbox.snapshot();
    let run = Run::new(&sandbox).arguments(&["unpack", "--platform", "linux/amd64", &reference, "dest"]);
    let ended = run.by_nobody(&program).run();
    assert_eq!(ended.code, Some(2), "{ended}");
    says(&ended.stderr, &["error: ", "dest", "not empty"]);
    sandbox.unharmed(&before).unwrap();
    sandbox.holds(&owned([("mine", file("mine"))])).unwrap();
}

#[test]
fn a_file_of_the_image_that_cannot_be_read_is_named() {
    if !is_root() {
        return skip("becoming another user takes root");
    }
    let sandbox = Sandbox::new();
    let program = reachable(&sandbox);
    let layout = privileged();
    let reference = sandbox.image(&layout, Source::Layout);
    let manifest = layout.document(layout.entries()[0].digest());
    for part in ["config", "layer"] {
        let descriptor = if part == "config" { &manifest["config"] } else { &manifest["layers"][0] };
        let digest = descriptor["digest"].as_str().unwrap();
        let path = sandbox.path().join("image-Layout/blobs").join(digest.replacen(':', "/", 1));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
        let before = sandbox.snapshot();
        for command in [&["unpack", "--platform", "linux/amd64", &reference, "dest"][..], &["verify", &reference]] {
            let ended = Run::new(&sandbox).arguments(command).by_nobody(&program).run();
            ended.is_sane().unwrap();
            assert_ne!(ended.code, Some(0), "{ended}");
            let said = ended.stdout.clone() + &ended.stderr;
            says(&said, &[digest.strip_prefix("sha256:").unwrap(), "ermission denied"]);
            sandbox.unharmed(&before).unwrap();
            assert!(sandbox.destination().symlink_metadata().is_err());
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
}

/// Runs a program on a path, or says why it cannot.
fn run(program: &str, arguments: &[&str], path: &std::path::Path) -> Result<(), String> {
    let output = std::process::Command::new(program).args(arguments).arg(path).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
    if output.status.success() { Ok(()) } else { Err(format!("{program} {}: {said}", arguments.join(" "))) }
}

/// Row 49. Few kernels have such a file system; where there is none, the unit test of the message must do.
#[test]
fn row_49_two_names_that_the_file_system_takes_for_one_are_an_error() {
    let sandbox = Sandbox::new();
    let mount = sandbox.parent();
    // What the answer is made of needs no such file system: `rootfs::tests`.
    let proved = "the answer to a name that is taken is proved by the unit tests of `rootfs`";
    if let Err(missing) = run("mount", &["-t", "tmpfs", "-o", "casefold", "tmpfs"], &mount) {
        return skip(&format!(
            "no file system that ignores case can be mounted here (tmpfs has `casefold` from Linux 6.13 on, built with \
             CONFIG_UNICODE): {missing}; {proved}"
        ));
    }
    let folded = run("chattr", &["+F"], &mount);
    let archive = tar::Builder::new().file("d/readme", "1").file("d/README", "2");
    let reference = sandbox.image(&layout(archive), Source::Layout);
    let ended = Run::new(&sandbox).arguments(&["unpack", "--platform", "linux/amd64", &reference, "dest"]).run();
    let left = fs::read_dir(&mount).unwrap().count();
    assert!(std::process::Command::new("umount").arg(&mount).status().unwrap().success());
    if let Err(missing) = folded {
        return skip(&format!("the directory cannot be made to ignore case: {missing}; {proved}"));
    }
    assert_eq!((ended.code, left), (Some(2), 0), "{ended}");
    says(&ended.stderr, &["d/readme", "d/README"]);
}
