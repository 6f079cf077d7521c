//! The seeds of the target `tar`, listed by GNU tar as well. It is a program of its own, so this is no fuzzing.
#![allow(clippy::unwrap_used, clippy::panic)]

use portolan_fuzz::listing::{self, Listed};
use portolan_fuzz::seeds;

/// Archives of which GNU tar is meant to say something else, and why.
const DIFFERENT: [(&str, &str); 0] = [];

#[test]
fn gnu_tar_lists_the_seeds_as_they_are_read_here() {
    let directory = std::env::temp_dir().join(format!("portolan-gnu-tar-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let mut compared = 0;
    for (name, archive) in seeds::archives() {
        if DIFFERENT.iter().any(|(different, _)| *different == name) {
            continue;
        }
        let Some(ours) = listing::ours(&archive) else { continue };
        let path = directory.join(&name);
        std::fs::write(&path, &archive).unwrap();
        let listed = portolan_tests::listing::gnu_tar(&path);
        assert_eq!(ours.complete, listed.accepted, "{name}");
        let theirs: Vec<Listed> = listed.entries.into_iter().filter_map(normal).collect();
        assert_eq!(ours.entries, theirs, "{name}");
        compared += theirs.len();
    }
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(compared > 50, "only {compared} entries were compared");
}

/// An entry with its paths as they are read here; nothing for a whiteout.
fn normal(entry: portolan_tests::listing::Listed) -> Option<Listed> {
    let normal = |name: &[u8]| portolan_layer::path::normalize(name, &portolan_image::Limits::default()).unwrap();
    let path = normal(&entry.name);
    if portolan_layer::path::components(&path).any(|component| component.starts_with(b".wh.")) {
        return None;
    }
    let link = entry.link.map(|link| if entry.kind == b'1' { normal(&link) } else { link });
    Some(Listed { path, kind: entry.kind, size: entry.size, link })
}
