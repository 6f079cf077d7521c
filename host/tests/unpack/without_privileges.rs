//! Unpacking rootless, and as another user than root.

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
