//! Between all kinds of places.

use crate::{digest, files, portolan, refused, several, written};
use portolan_tests::{demo, peers};

fn demo() -> String {
    format!("oci:{}:{}", demo::directory().display(), demo::TAG)
}

/// G-04: digests are those of the bytes, wherever these are.
#[test]
fn an_image_goes_round_with_the_same_digest() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name).display().to_string();
    let wanted = digest(&demo());
    let (layout, archive, again) = (at("layout"), at("a.tar"), at("again"));
    let said = portolan(&["copy", &demo(), &format!("oci:{layout}:t")]);
    assert_eq!(said, format!("{wanted} -> oci:{layout}:t\n"));
    portolan(&["copy", &format!("oci:{layout}:t"), &archive]);
    portolan(&["copy", &archive, &format!("oci:{again}:u")]);
    assert_eq!(digest(&format!("{archive}:t")), wanted);
    assert_eq!(digest(&format!("oci:{again}:u")), wanted);
    portolan(&["verify", &again]);
    portolan(&["verify", "--strict", &archive]);
    let blobs = |directory: &str| files(&scratch.path().join(directory).join("blobs"));
    assert_eq!(blobs("layout"), blobs("again"));
    assert!(refused(&["copy", &layout, &archive]).contains("it exists already"));
    portolan(&["copy", "--replace", &layout, &archive]);
}

#[test]
fn the_same_image_gives_the_same_archive() {
    let scratch = tempfile::tempdir().unwrap();
    let bytes = |name: &str, jobs: &str| {
        let path = scratch.path().join(name);
        portolan(&["copy", "--jobs", jobs, &demo(), path.to_str().unwrap()]);
        std::fs::read(path).unwrap()
    };
    assert!(bytes("one.tar", "1") == bytes("other.tar", "8"));
}

#[test]
fn a_docker_archive_holds_one_image_for_everybody() {
    let scratch = tempfile::tempdir().unwrap();
    let (archive, back) = (scratch.path().join("d.tar"), scratch.path().join("back"));
    let (archive, back) = (archive.to_str().unwrap(), back.to_str().unwrap());
    let (layout, [amd64, ..]) = several();
    let layout = written(&layout);
    let source = format!("oci:{}:1.0", layout.path().display());
    let destination = format!("docker-archive:{archive}:example/app:2");
    portolan(&["copy", "--platform", "linux/amd64", &source, &destination]);
    for reference in [archive.to_owned(), format!("{archive}:example/app:2")] {
        assert_eq!(digest(&reference), amd64, "{reference}");
    }
    portolan(&["copy", &format!("docker-archive:{archive}"), &format!("oci:{back}:t")]);
    assert_eq!(digest(&format!("oci:{back}:t")), amd64);
    let copied = scratch.path().join("skopeo");
    let copied = format!("oci:{}:t", copied.display());
    peers::succeed("skopeo", ["copy", "-q", &format!("docker-archive:{archive}:example/app:2"), &copied]);
    portolan(&["verify", &copied]);
    let untagged = scratch.path().join("untagged.tar");
    let untagged = format!("docker-archive:{}", untagged.display());
    portolan(&["copy", "--platform", "linux/arm64", &source, &untagged]);
    peers::succeed("skopeo", ["inspect", "--raw", &untagged]);
}

/// Y-02: what others read.
#[test]
fn skopeo_and_umoci_read_layouts_and_archives() {
    let scratch = tempfile::tempdir().unwrap();
    let layout = format!("{}:t", scratch.path().join("layout").display());
    let archive = format!("{}", scratch.path().join("a.tar").display());
    let (several, [amd64, ..]) = several();
    let several = written(&several);
    let source = format!("oci:{}:1.0", several.path().display());
    portolan(&["copy", &source, &format!("oci:{layout}")]);
    portolan(&["copy", &source, &format!("oci-archive:{archive}:t")]);
    for reference in [format!("oci:{layout}"), format!("oci-archive:{archive}:t")] {
        peers::succeed("skopeo", ["inspect", "--override-os", "linux", "--override-arch", "arm64", &reference]);
        let copied = scratch.path().join(reference.split_once(':').unwrap().0);
        let copied = format!("oci:{}:t", copied.display());
        peers::succeed("skopeo", ["copy", "-q", "--all", "--preserve-digests", &reference, &copied]);
        assert_eq!(digest(&copied), digest(&reference));
    }
    // umoci knows no indexes.
    let single = format!("{}:t", scratch.path().join("single").display());
    portolan(&["copy", &format!("oci:{}@{amd64}", several.path().display()), &format!("oci:{single}")]);
    let bundle = scratch.path().join("bundle").display().to_string();
    peers::succeed("umoci", ["unpack", "--rootless", "--image", &single, &bundle]);
}

#[test]
fn an_archive_on_standard_output_is_what_the_file_would_be() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("a.tar");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_portolan")).args(["copy", &demo(), "-"]).output();
    portolan(&["copy", &demo(), file.to_str().unwrap()]);
    assert!(output.unwrap().stdout == std::fs::read(file).unwrap());
}

#[test]
fn tags_come_and_go_and_everything_else_in_a_layout_stays() {
    let (layout, [.., signature]) = several();
    let layout = written(&layout);
    let at = layout.path().display();
    let wanted = digest(&format!("oci:{at}:1.0"));
    portolan(&["copy", &demo(), &format!("oci:{at}:demo")]);
    portolan(&["tag", &format!("oci:{at}:1.0"), "2.0", "demo"]);
    for tag in ["1.0", "2.0", "demo"] {
        assert_eq!(digest(&format!("oci:{at}:{tag}")), wanted);
    }
    portolan(&["delete", &format!("oci:{at}:1.0")]);
    assert!(refused(&["untag", &format!("oci:{at}:1.0")]).contains("1.0"));
    let all = tempfile::tempdir().unwrap();
    let copied = all.path().join("all");
    portolan(&["copy", "--all-tags", &at.to_string(), &format!("oci:{}", copied.display())]);
    assert_eq!(digest(&format!("oci:{}:2.0", copied.display())), wanted);
    assert_eq!(digest(&format!("oci:{}@{signature}", copied.display())), signature);
    portolan(&["delete", &format!("oci:{at}@{wanted}")]);
    assert!(refused(&["inspect", &format!("oci:{at}:2.0")]).contains("2.0"));
}
