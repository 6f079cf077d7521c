//! What may stand at the destination.

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
        fs::set_permissions(directory.join("rootfs/locked"), fs::Permissions::from_mode(0o0)).unwrap();
    }
    let lock = fs::File::open(&running).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    Image::in_layout(small().path(), "t").unpack(&destination).unwrap();
    assert!(!dead.exists());
    assert!(running.exists() && other.exists() && foreign.exists(), "{:?}", names(scratch.path()));
}
